/* restart.c - what a reload cannot change: found by walking the tables over both configurations. */
#include "conf/reader.h"

static int same_rows(struct conf_reader *r, const struct conf_table *t, const void *now, const void *was,
		     unsigned fixed);
static int same_row(struct conf_reader *r, const struct conf_row *row, const void *now, const void *was,
		    unsigned fixed);
static int same_list(struct conf_reader *r, const struct conf_row *row, const void *now, const void *was,
		     unsigned fixed);
static int changed(struct conf_reader *r, const char *key);

int
conf_check_restart(struct conf_reader *r, const struct conf *running)
{
	return running ? same_rows(r, &conf_top_table, r->conf, running, 0) : 0;
}

/* same_rows: fixed is ROW_RESTART inside of what has that flag. */
static int
same_rows(struct conf_reader *r, const struct conf_table *t, const void *now, const void *was, unsigned fixed)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < t->n; i++) {
		const struct conf_row *row = &t->rows[i];
		rc = same_row(r, row, (const char *)now + row->offset, (const char *)was + row->offset,
			      fixed | (row->flags & ROW_RESTART));
	}
	return rc;
}

static int
same_row(struct conf_reader *r, const struct conf_row *row, const void *now, const void *was, unsigned fixed)
{
	size_t old = strlen(r->path);
	int rc;
	/* What a protocol inherits from the top level may change there, whatever else of the protocol is fixed. */
	if (row->type == CONF_EMBED)
		return same_rows(r, row->sub, now, was, row->sub == &conf_access_table ? 0 : fixed);
	if (row->list)
		return fixed ? same_list(r, row, now, was, fixed) : 0;
	if (row->type != CONF_GROUP)
		return !fixed || conf_row_same(row, now, was) ? 0 : changed(r, row->name);
	if (row->flags & ROW_PRESENCE && *(const bool *)now != *(const bool *)was)
		return changed(r, row->name);
	snprintf(r->path + old, sizeof r->path - old, "%s%s", old ? "." : "", row->name);
	rc = same_rows(r, row->sub, now, was, fixed);
	r->path[old] = 0;
	return rc;
}

static int
same_list(struct conf_reader *r, const struct conf_row *row, const void *now, const void *was, unsigned fixed)
{
	const struct conf_numbers *a = now, *b = was;
	size_t size = row->sub ? row->sub->size : conf_type_size(row->type), old = strlen(r->path);
	int rc = a->n == b->n ? 0 : changed(r, row->name);
	for (unsigned i = 0; !rc && i < a->n; i++) {
		const char *x = (const char *)a->v + i * size, *y = (const char *)b->v + i * size;
		if (!row->sub) {
			rc = conf_row_same(row, x, y) ? 0 : changed(r, row->name);
			continue;
		}
		snprintf(r->path + old, sizeof r->path - old, "%s%s[%u]", old ? "." : "", row->name, i);
		rc = same_rows(r, row->sub, x, y, fixed);
		r->path[old] = 0;
	}
	return rc;
}

static int
changed(struct conf_reader *r, const char *key)
{
	return conf_fail(r, key, -1, "is not what runs: that takes a restart");
}
