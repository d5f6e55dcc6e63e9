/* print.c - a struct conf back in libconfig's syntax: every key in effect, in the order of the tables. */
#include "conf/reader.h"

struct printer {
	FILE *f;
	unsigned depth;
	bool secrets;
	bool inherits; /* inside a protocol: unset is a word too */
};

static void print_rows(struct printer *p, const struct conf_table *t, const void *obj);

static void
indent(const struct printer *p)
{
	for (unsigned i = 0; i < p->depth; i++)
		fputc('\t', p->f);
}

static void
print_list(struct printer *p, const struct conf_row *row, const struct conf_numbers *list)
{
	indent(p);
	fprintf(p->f, "%s = [", row->name);
	for (unsigned i = 0; i < list->n; i++) {
		fputs(i ? ", " : " ", p->f);
		conf_value_print(p->f, row, (const char *)list->v + i * conf_type_size(row->type), p->secrets);
	}
	fputs(" ];\n", p->f);
}

static void
print_items(struct printer *p, const struct conf_row *row, const struct conf_numbers *list)
{
	indent(p);
	fprintf(p->f, "%s = (", row->name);
	p->depth++;
	for (unsigned i = 0; i < list->n; i++) {
		fputs(i ? ",\n" : "\n", p->f);
		indent(p);
		fputs("{\n", p->f);
		p->depth++;
		print_rows(p, row->sub, (const char *)list->v + i * row->sub->size);
		p->depth--;
		indent(p);
		fputc('}', p->f);
	}
	p->depth--;
	if (list->n) {
		fputc('\n', p->f);
		indent(p);
	}
	fputs(");\n", p->f);
}

static void
print_group(struct printer *p, const struct conf_row *row, const void *obj)
{
	if (row->flags & ROW_PRESENCE && !*(const bool *)obj)
		return;
	indent(p);
	fprintf(p->f, "%s = {\n", row->name);
	p->depth++;
	print_rows(p, row->sub, obj);
	p->depth--;
	indent(p);
	fputs("};\n", p->f);
}

/* unset: all zero, where the key has no default that would come instead. */
static bool
unset(const struct conf_row *row, const void *src)
{
	static const char zero[64];
	return !row->def && row->type != CONF_BOOL && !(row->flags & ROW_REQUIRED) &&
	       !memcmp(src, zero, conf_type_size(row->type));
}

static void
print_one(struct printer *p, const struct conf_row *row, const void *src)
{
	bool number = row->type == CONF_NUMBER || row->type == CONF_ENDPOINT;
	if (unset(row, src) && (number || !p->inherits))
		return;
	indent(p);
	fprintf(p->f, "%s = ", row->name);
	conf_value_print(p->f, row, src, p->secrets);
	fputs(";\n", p->f);
}

static void
print_row(struct printer *p, const struct conf_row *row, const void *src)
{
	bool outer = p->inherits;
	p->inherits |= row->type == CONF_EMBED && row->sub == &conf_access_table;
	if (row->type == CONF_EMBED)
		print_rows(p, row->sub, src);
	else if (row->type == CONF_GROUP && row->list)
		print_items(p, row, src);
	else if (row->type == CONF_GROUP)
		print_group(p, row, src);
	else if (row->list)
		print_list(p, row, src);
	else
		print_one(p, row, src);
	p->inherits = outer;
}

static void
print_rows(struct printer *p, const struct conf_table *t, const void *obj)
{
	for (unsigned i = 0; i < t->n; i++)
		print_row(p, &t->rows[i], (const char *)obj + t->rows[i].offset);
}

void
conf_print(FILE *f, const struct conf *c, bool secrets)
{
	struct printer p = {f, 0, secrets, false};
	print_rows(&p, &conf_top_table, c);
}
