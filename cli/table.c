#include "table.h"

#include <errno.h>
#include <stdlib.h>

#include "convert.h"
#include "text.h"

/* A longer text is cut in the text form, never in JSON. */
#define CELL_MAX 4096

static int
begin_column(struct table *t, const json_t *column)
{
	const char *name = json_string_value(json_array_get(column, 0));
	const char *kind = json_string_value(json_array_get(column, 1));
	if (!name || !kind || t->n_columns > CLI_COLUMNS_MAX)
		return -EPROTO;
	struct table_column *c = &t->columns[t->n_columns++];
	*c = (struct table_column){strdup(name), text_kind(kind), text_width(name, strlen(name))};
	return c->name ? 0 : -ENOMEM;
}

int
table_begin(struct table *t, const json_t *head, bool json)
{
	const json_t *columns = json_object_get(head, "columns"), *order = json_object_get(head, "order");
	*t = (struct table){.json = json, .order = order ? (int)json_integer_value(order) : -1};
	size_t i;
	json_t *column;
	json_array_foreach(columns, i, column)
	{
		int err = begin_column(t, column);
		if (err)
			return err;
	}
	t->n_shown = (unsigned)json_integer_value(json_object_get(head, "shown"));
	if (!json_is_array(columns) || t->n_shown > t->n_columns || t->order >= (int)t->n_columns)
		return -EPROTO;
	t->spool = tmpfile();
	return t->spool ? 0 : -errno;
}

static int
keep_key(struct table *t, const json_t *row)
{
	if (t->n_rows == TABLE_ORDER_MAX)
		return -E2BIG;
	if (t->n_rows == t->max_rows) {
		size_t room = t->max_rows ? t->max_rows * 2 : 1024;
		void *grown = reallocarray(t->keys, room, sizeof *t->keys);
		if (!grown)
			return -ENOMEM;
		t->keys = grown;
		t->max_rows = room;
	}
	struct cli_value v = value_of(t->columns[t->order].kind, json_array_get(row, (size_t)t->order));
	if (v.kind == CLI_STRING) {
		v.string.p = strdup(v.string.p);
		if (!v.string.p)
			return -ENOMEM;
	}
	t->keys[t->n_rows] = (struct table_key){v, t->spooled};
	return 0;
}

static void
widen(struct table *t, const json_t *row)
{
	char text[CELL_MAX];
	for (unsigned i = 0; i < t->n_shown; i++) {
		size_t n = text_value(text, sizeof text, value_of(t->columns[i].kind, json_array_get(row, i)));
		size_t width = text_width(text, n);
		if (width > t->columns[i].width)
			t->columns[i].width = width;
	}
}

int
table_row(struct table *t, const json_t *row, const char *line)
{
	if (json_array_size(row) != t->n_columns)
		return -EPROTO;
	int err = t->order >= 0 ? keep_key(t, row) : 0;
	if (err)
		return err;
	t->n_rows++;
	if (!t->json)
		widen(t, row);
	if (fputs(line, t->spool) < 0)
		return -errno;
	t->spooled += (off_t)strlen(line);
	return 0;
}

static int
compare_numbers(const struct cli_value *a, const struct cli_value *b)
{
	if (a->kind == CLI_REAL)
		return (a->real > b->real) - (a->real < b->real);
	return (a->integer > b->integer) - (a->integer < b->integer);
}

int
table_compare(const struct cli_value *a, const struct cli_value *b)
{
	if (a->kind == CLI_NONE || b->kind == CLI_NONE)
		return (a->kind == CLI_NONE) - (b->kind == CLI_NONE);
	return a->kind == CLI_STRING ? strverscmp(a->string.p, b->string.p) : compare_numbers(a, b);
}

static int
compare_keys(const void *va, const void *vb)
{
	const struct table_key *a = va, *b = vb;
	int order = table_compare(&a->value, &b->value);
	return order ? order : (a->at > b->at) - (a->at < b->at);
}

static bool
aligned_right(enum cli_kind kind)
{
	return kind == CLI_INTEGER || kind == CLI_REAL || kind == CLI_BYTES;
}

/* print_cell: the last column gets no blanks behind it. */
static void
print_cell(const struct table *t, unsigned i, const char *text, size_t n, size_t left, FILE *out)
{
	size_t pad = t->columns[i].width - text_width(text, n);
	bool last = i + 1 == t->n_shown;
	fprintf(out, "%s %*s%.*s", i ? "|" : "", (int)left, "", (int)n, text);
	if (!last)
		fprintf(out, "%*s ", (int)(pad - left), "");
}

static void
print_head(const struct table *t, FILE *out)
{
	for (unsigned i = 0; i < t->n_shown; i++) {
		const struct table_column *c = &t->columns[i];
		size_t n = strlen(c->name);
		print_cell(t, i, c->name, n, (c->width - text_width(c->name, n)) / 2, out);
	}
	fputc('\n', out);
	for (unsigned i = 0; i < t->n_shown; i++) {
		fputs(i ? "+-" : "-", out);
		for (size_t k = 0; k <= t->columns[i].width; k++)
			fputc('-', out);
	}
	fputc('\n', out);
}

static void
print_text(const struct table *t, const json_t *row, FILE *out)
{
	char text[CELL_MAX];
	for (unsigned i = 0; i < t->n_shown; i++) {
		const struct table_column *c = &t->columns[i];
		size_t n = text_value(text, sizeof text, value_of(c->kind, json_array_get(row, i)));
		print_cell(t, i, text, n, aligned_right(c->kind) ? c->width - text_width(text, n) : 0, out);
	}
	fputc('\n', out);
}

static void
print_json(const struct table *t, const json_t *row, FILE *out)
{
	json_t *object = json_object();
	for (unsigned i = 0; i < t->n_shown; i++)
		json_object_set(object, t->columns[i].name, json_array_get(row, i));
	json_dumpf(object, out, JSON_COMPACT);
	json_decref(object);
}

/* print_row: the row at which the spool stands. */
static int
print_row(struct table *t, size_t n, char **line, size_t *size, FILE *out)
{
	ssize_t len = getline(line, size, t->spool);
	json_t *row = len > 0 ? json_loadb(*line, (size_t)len, 0, NULL) : NULL;
	if (!row)
		return -EIO;
	if (t->json) {
		fputs(n ? ",\n" : "\n", out);
		print_json(t, row, out);
	} else {
		print_text(t, row, out);
	}
	json_decref(row);
	return ferror(out) ? -EIO : 0;
}

static int
print_rows(struct table *t, FILE *out)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0;
	for (size_t n = 0; n < t->n_rows && !err; n++) {
		if (t->order >= 0 && fseeko(t->spool, t->keys[n].at, SEEK_SET) < 0)
			err = -errno;
		else
			err = print_row(t, n, &line, &size, out);
	}
	free(line);
	return err;
}

int
table_print(struct table *t, FILE *out)
{
	if (fflush(t->spool) != 0 || fseeko(t->spool, 0, SEEK_SET) < 0)
		return -errno;
	if (t->order >= 0 && t->n_rows)
		qsort(t->keys, t->n_rows, sizeof *t->keys, compare_keys);
	if (t->json)
		fputc('[', out);
	else
		print_head(t, out);
	int err = print_rows(t, out);
	if (t->json)
		fputs(t->n_rows ? "\n]\n" : "]\n", out);
	return err ? err : ferror(out) ? -EIO : 0;
}

void
table_fini(struct table *t)
{
	for (unsigned i = 0; i < t->n_columns; i++)
		free(t->columns[i].name);
	for (size_t i = 0; t->keys && i < t->n_rows; i++)
		if (t->keys[i].value.kind == CLI_STRING)
			free((char *)(uintptr_t)t->keys[i].value.string.p);
	free(t->keys);
	if (t->spool)
		fclose(t->spool);
	*t = (struct table){0};
}
