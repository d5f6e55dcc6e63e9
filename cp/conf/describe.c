/* describe.c - rows and values in words: for errors, for the printer, for the manual. */
#include <stdarg.h>

#include "conf/reader.h"

/* append: after what buf of CONF_TEXT holds; what does not fit is cut. */
static void PRINTF(2, 3) append(char *buf, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(buf + n, CONF_TEXT - n, fmt, ap);
	va_end(ap);
}

static void
expects_words(const struct conf_row *row, char *buf)
{
	for (const struct conf_word *w = row->words; w->word; w++) {
		const char *glue = w == row->words ? "" : w[1].word ? ", " : " or ";
		append(buf, "%s\"%s\"", glue, w->word);
	}
}

static void
expects_string(const struct conf_row *row, char *buf)
{
	if (row->syntax)
		append(buf, "%s", row->syntax->expects);
	else if (row->min)
		append(buf, "a string of %lld to %lld characters", (long long)row->min, (long long)row->max);
	else
		append(buf, "a string of up to %lld characters", (long long)row->max);
}

static const char *
family(const struct conf_row *row)
{
	return row->flags & ROW_V4 ? "IPv4 " : row->flags & ROW_V6 ? "IPv6 " : "IP ";
}

static void
expects_one(const struct conf_row *row, char *buf)
{
	switch (row->type) {
	case CONF_BOOL:
		append(buf, "true or false");
		break;
	case CONF_NUMBER:
		append(buf, "a number from %lld to %lld", (long long)row->min, (long long)row->max);
		break;
	case CONF_MILLI:
		append(buf, "a number from %g to %g", (double)row->min / 1000, (double)row->max / 1000);
		break;
	case CONF_WORD:
		expects_words(row, buf);
		break;
	case CONF_STRING:
		expects_string(row, buf);
		break;
	case CONF_ADDR:
		append(buf, "an %saddress", family(row));
		break;
	case CONF_PREFIX:
		append(buf, "an %saddress/length%s", family(row),
		       row->flags & ROW_HOST_BITS ? "" : " without host bits");
		break;
	case CONF_ENDPOINT:
		append(buf, "an %saddress, or address:port", family(row));
		break;
	case CONF_RANGE:
		append(buf, "IPv4 unicast addresses, first-last or address/length, at most 16777216");
		break;
	case CONF_GROUP:
	case CONF_EMBED:
		append(buf, row->list ? "groups, ( { ... }, ... )" : "a group, { ... }");
		break;
	}
}

char *
conf_row_expects(const struct conf_row *row, char *buf)
{
	*buf = 0;
	if (row->list && row->type != CONF_GROUP)
		append(buf, "a list, each ");
	expects_one(row, buf);
	return buf;
}

char *
conf_value_describe(const struct conf_row *row, const struct conf_value *v, char *buf)
{
	*buf = 0;
	if (v->kind == KIND_GROUP || v->kind == KIND_LIST)
		append(buf, v->kind == KIND_GROUP ? "a group" : "a list");
	else if (v->kind == KIND_BOOL)
		append(buf, v->number ? "true" : "false");
	else if (v->kind == KIND_NUMBER)
		append(buf, "%lld", v->number);
	else if (v->kind == KIND_REAL)
		append(buf, "%g", v->real);
	else if (row->flags & ROW_SECRET)
		append(buf, "a string of %zu characters", strlen(v->string));
	else
		append(buf, "\"%.100s\"", v->string);
	return buf;
}

static void
print_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

static void
print_endpoint(FILE *f, const struct conf_endpoint *e)
{
	char text[ADDR_STRLEN];
	addr_str(&e->addr, text);
	fprintf(f, addr_is_v4(&e->addr) ? "\"%s" : "\"[%s]", text);
	if (e->port)
		fprintf(f, ":%u", e->port);
	fputc('"', f);
}

static void
print_word(FILE *f, const struct conf_row *row, unsigned value)
{
	for (const struct conf_word *w = row->words; w->word; w++)
		if (w->value == value)
			fprintf(f, "\"%s\"", w->word);
}

static void
print_string_or_none(FILE *f, const struct conf_row *row, const char *s, bool secrets)
{
	print_string(f, !s ? "" : row->flags & ROW_SECRET && !secrets ? "***" : s);
}

/* prefix_unset: all zero is unset, but where there must be one it is ::/0. */
static bool
prefix_unset(const struct conf_row *row, const struct prefix *p)
{
	return !row->list && !(row->flags & ROW_REQUIRED) && addr_is_any(&p->addr) && !p->len;
}

/* conf_value_print: in libconfig's syntax; an unset address is "". */
void
conf_value_print(FILE *f, const struct conf_row *row, const void *src, bool secrets)
{
	char text[PREFIX_STRLEN] = "";
	const struct addr *a = src;
	const struct prefix *p = src;
	if (row->type == CONF_BOOL)
		fputs(*(const bool *)src ? "true" : "false", f);
	else if (row->type == CONF_NUMBER)
		fprintf(f, "%u", *(const unsigned *)src);
	else if (row->type == CONF_MILLI)
		fprintf(f, "%u.%03u", *(const unsigned *)src / 1000, *(const unsigned *)src % 1000);
	else if (row->type == CONF_WORD)
		print_word(f, row, *(const unsigned *)src);
	else if (row->type == CONF_STRING)
		print_string_or_none(f, row, *(const char *const *)src, secrets);
	else if (row->type == CONF_ADDR)
		fprintf(f, "\"%s\"", addr_is_any(a) ? "" : addr_str(a, text));
	else if (row->type == CONF_PREFIX)
		fprintf(f, "\"%s\"", prefix_unset(row, p) ? "" : prefix_str(p, text));
	else if (row->type == CONF_ENDPOINT)
		print_endpoint(f, src);
	else if (row->type == CONF_RANGE)
		print_string(f, ((const struct conf_range *)src)->text);
}

/* distance: insertions, deletions and exchanges between two short names (Levenshtein). */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);
	if (n >= 63)
		return 99;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; *a; a++, i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned best = diagonal + (*a != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

static const char *
nearest(const struct conf_table *t, const char *name, unsigned *best)
{
	const char *found = NULL;
	for (unsigned i = 0; i < t->n; i++) {
		const struct conf_row *row = &t->rows[i];
		const char *candidate = row->name;
		unsigned d = row->name ? distance(name, row->name) : *best;
		if (row->type == CONF_EMBED) {
			unsigned inner = *best;
			candidate = nearest(row->sub, name, &inner);
			d = inner;
		}
		if (candidate && d < *best) {
			*best = d;
			found = candidate;
		}
	}
	return found;
}

/* conf_unknown: the rest of the sentence about a key that no table has. */
const char *
conf_unknown(const struct conf_table *t, const char *name, char *buf)
{
	unsigned best = 4;
	const char *near = strlen(name) < 63 ? nearest(t, name, &best) : NULL;
	*buf = 0;
	append(buf, "unknown key");
	if (near)
		append(buf, ", expected \"%s\"?", near);
	return buf;
}
