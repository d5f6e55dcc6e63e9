/* table.h - an answer that is a table: aligned text with a header, or a JSON array of objects.
 *
 * Rows go to a temporary file as they come, so a slow pager holds nobody up and the size of the answer is not the size
 * of the program; the widths are known when they are printed.  To order them, the key of each row is kept in memory:
 * at most TABLE_ORDER_MAX.  Equal keys keep the server's order; text is compared with its numbers as numbers (l2tp2
 * before l2tp10, 10.0.0.9 before 10.0.0.10); cells without a value come last. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include <cli/reply.h>
#include <jansson.h>

#define TABLE_ORDER_MAX 2000000

struct table_column {
	char *name;
	enum cli_kind kind;
	size_t width;
};

struct table_key {
	struct cli_value value; /* a string is ours */
	off_t at;               /* of the row in the spool */
};

struct table {
	bool json;
	unsigned n_columns, n_shown;
	int order; /* column, -1 for none */
	struct table_column columns[CLI_COLUMNS_MAX + 1];
	FILE *spool;
	off_t spooled;
	struct table_key *keys;
	size_t n_rows, max_rows; /* rows, and room in keys */
};

/* table_begin: from the head line; -EPROTO when it is malformed, -errno when there is no temporary file. */
int table_begin(struct table *t, const json_t *head, bool json);

/* table_row: the parsed row and its line; -E2BIG when there are too many to order. */
int table_row(struct table *t, const json_t *row, const char *line);

int table_print(struct table *t, FILE *out);
void table_fini(struct table *t);

/* table_compare: order of two values of one kind. */
int table_compare(const struct cli_value *a, const struct cli_value *b);

#endif
