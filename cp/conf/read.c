/* read.c - the tables walked over the libconfig tree: every key finds its field, every field its value. */
#include <errno.h>

#include "conf/reader.h"

/* What a protocol's section inherits: the same group of the top level, read already, and what the file says there. */
struct inherit {
	const void *obj;
	const config_setting_t *setting;
};

static int read_rows(struct conf_reader *r, const struct conf_table *t, void *obj, config_setting_t *s,
		     const struct inherit *in);
static int read_table(struct conf_reader *r, const struct conf_table *t, void *obj, config_setting_t *s,
		      const struct inherit *in);

/* member: NULL when the group, or the key in it, is not in the file. */
static config_setting_t *
member(const config_setting_t *s, const char *name)
{
	return s && config_setting_is_group(s) ? config_setting_get_member((config_setting_t *)s, name) : NULL;
}

const struct conf_row *
conf_row_find(const struct conf_table *t, const char *name)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct conf_row *row = &t->rows[i];
		if (row->type == CONF_EMBED)
			row = conf_row_find(row->sub, name);
		else if (strcmp(row->name, name) != 0)
			continue;
		if (row)
			return row;
	}
	return NULL;
}

/* path_push: returns the length to give back to path_pop.  A path too long to hold is cut: it is for people. */
static size_t
path_push(struct conf_reader *r, const char *name, int item)
{
	size_t old = strlen(r->path), room = sizeof r->path - old;
	if (item >= 0)
		snprintf(r->path + old, room, "[%d]", item);
	else
		snprintf(r->path + old, room, "%s%s", old ? "." : "", name);
	return old;
}

static void
path_pop(struct conf_reader *r, size_t old)
{
	r->path[old] = 0;
}

static void
value_of(const config_setting_t *s, struct conf_value *v)
{
	*v = (struct conf_value){.kind = KIND_LIST};
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_BOOL:
		v->kind = KIND_BOOL;
		v->number = config_setting_get_bool(s);
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		v->kind = KIND_NUMBER;
		v->number = config_setting_get_int64(s);
		break;
	case CONFIG_TYPE_FLOAT:
		v->kind = KIND_REAL;
		v->real = config_setting_get_float(s);
		break;
	case CONFIG_TYPE_STRING:
		v->kind = KIND_STRING;
		v->string = config_setting_get_string(s);
		v->string = v->string ? v->string : "";
		break;
	case CONFIG_TYPE_GROUP:
		v->kind = KIND_GROUP;
		break;
	}
}

static int
refuse(struct conf_reader *r, const struct conf_row *row, const struct conf_value *v, int item)
{
	char is[CONF_TEXT], expected[CONF_TEXT];
	conf_value_describe(row, v, is);
	conf_row_expects(row, expected);
	return conf_fail(r, row->name, item, "is %s, expected %s", is, expected);
}

/* read_one: `item` is its place in a list, -1 outside of one. */
static int
read_one(struct conf_reader *r, const struct conf_row *row, const config_setting_t *s, int item, void *dst)
{
	struct conf_value v;
	value_of(s, &v);
	int rc = conf_value_store(r->conf->arena, row, &v, dst);
	if (rc < 0)
		return conf_no_memory(r);
	return rc ? 0 : refuse(r, row, &v, item);
}

static int
check_repeated(struct conf_reader *r, const struct conf_row *row, const struct conf_numbers *list)
{
	size_t size = conf_type_size(row->type);
	const char *v = (const char *)list->v;
	for (unsigned i = 1; i < list->n; i++)
		for (unsigned j = 0; j < i; j++)
			if (conf_value_equal(row, v + i * size, v + j * size))
				return conf_fail(r, row->name, (int)i, "says the same twice");
	return 0;
}

#define LIST_MAX 1024 /* values of one key; check_repeated is quadratic */

/* read_list: `[ a, b ]`, `( a, b )`, or one value alone. */
static int
read_list(struct conf_reader *r, const struct conf_row *row, config_setting_t *s, struct conf_numbers *list)
{
	bool several = config_setting_is_array(s) || config_setting_is_list(s);
	int n = several ? config_setting_length(s) : 1;
	size_t size = conf_type_size(row->type);
	if (n > LIST_MAX)
		return conf_fail(r, row->name, -1, "has %d values, expected at most %d", n, LIST_MAX);
	char *v = n ? conf_arena_alloc(r->conf->arena, (size_t)n * size) : NULL;
	if (n && !v)
		return conf_no_memory(r);
	for (int i = 0; i < n; i++) {
		config_setting_t *one = several ? config_setting_get_elem(s, (unsigned)i) : s;
		int rc = read_one(r, row, one, several ? i : -1, v + (size_t)i * size);
		if (rc < 0)
			return rc;
	}
	list->n = (unsigned)n;
	list->v = (unsigned *)(void *)v;
	return check_repeated(r, row, list);
}

static int
read_items(struct conf_reader *r, const struct conf_row *row, config_setting_t *s, struct conf_numbers *list)
{
	struct conf_value v;
	value_of(s, &v);
	bool none = config_setting_is_array(s) && !config_setting_length(s);
	if (!config_setting_is_list(s) && !none)
		return refuse(r, row, &v, -1);
	int n = config_setting_length(s), rc = 0;
	if (n > row->max)
		return conf_fail(r, row->name, -1, "has %d groups, expected at most %lld", n, (long long)row->max);
	char *items = n ? conf_arena_alloc(r->conf->arena, (size_t)n * row->sub->size) : NULL;
	if (n && !items)
		return conf_no_memory(r);
	list->n = (unsigned)n;
	list->v = (unsigned *)(void *)items;
	size_t name = path_push(r, row->name, -1);
	for (int i = 0; !rc && i < n; i++) {
		size_t index = path_push(r, NULL, i);
		rc = read_table(r, row->sub, items + (size_t)i * row->sub->size,
				config_setting_get_elem(s, (unsigned)i), NULL);
		path_pop(r, index);
	}
	path_pop(r, name);
	return rc;
}

/* read_default: one value, or several with blanks between them. */
static int
read_default(struct conf_reader *r, const struct conf_row *row, const char *text, void *dst)
{
	struct conf_value v;
	if (!row->list) {
		conf_value_of_default(row, text, &v);
		return conf_value_store(r->conf->arena, row, &v, dst) == 1 ? 0 : conf_no_memory(r);
	}
	struct conf_numbers *list = dst;
	size_t size = conf_type_size(row->type), most = strlen(text) / 2 + 1;
	char *values = conf_arena_alloc(r->conf->arena, most * size), *words = conf_arena_string(r->conf->arena, text);
	if (!values || !words)
		return conf_no_memory(r);
	list->n = 0;
	list->v = (unsigned *)(void *)values;
	char *rest = words;
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		conf_value_of_default(row, word, &v);
		if (conf_value_store(r->conf->arena, row, &v, values + list->n++ * size) != 1)
			return conf_no_memory(r);
	}
	return 0;
}

/* read_absent: the file does not say: the top level's word, the protocol's default, the top level's default, ours. */
static int
read_absent(struct conf_reader *r, const struct conf_row *row, void *dst, const struct inherit *in)
{
	const char *own = r->protocol < CONF_PROTOCOLS ? row->def_for[r->protocol] : NULL;
	if (in && (member(in->setting, row->name) || !own)) {
		memcpy(dst, (const char *)in->obj + row->offset, conf_row_size(row));
		return 0;
	}
	const char *text = own ? own : row->def;
	return text ? read_default(r, row, text, dst) : 0;
}

/* differs: whether the file says something else than silence would have. */
static int
differs(struct conf_reader *r, const struct conf_row *row, const void *dst, const struct inherit *in)
{
	union {
		struct conf_numbers list;
		const char *string;
		char room[64];
	} silent;
	memset(&silent, 0, sizeof silent);
	int rc = read_absent(r, row, &silent, in);
	if (rc < 0)
		return rc;
	const struct conf_numbers *list = dst;
	size_t size = row->type == CONF_GROUP ? 0 : conf_type_size(row->type);
	if (!row->list && row->type == CONF_STRING && (!silent.string || !*(const char *const *)dst))
		return silent.string != *(const char *const *)dst;
	if (!row->list)
		return !conf_value_equal(row, dst, &silent);
	if (list->n != silent.list.n)
		return 1;
	for (unsigned i = 0; size && i < list->n; i++)
		if (!conf_value_equal(row, (const char *)list->v + i * size, (const char *)silent.list.v + i * size))
			return 1;
	return 0;
}

static bool
word_later(const struct conf_row *row, unsigned value, const char **word)
{
	for (const struct conf_word *w = row->words; w->word; w++) {
		*word = w->word;
		if (w->value == value)
			return w->later;
	}
	return false;
}

static int
note_words(struct conf_reader *r, const struct conf_row *row, const char *path, const void *dst)
{
	const struct conf_numbers *list = dst;
	unsigned n = row->list ? list->n : 1;
	const unsigned *v = row->list ? list->v : dst;
	const char *word;
	for (unsigned i = 0; i < n; i++) {
		int rc = word_later(row, v[i], &word)
				 ? conf_note(r, path, "\"%s\" is not in this release, ignored", word)
				 : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* note_later: said once for a key, or the section around it, that is set to something and has no effect yet. */
static int
note_later(struct conf_reader *r, const struct conf_row *row, const void *dst, const struct inherit *in)
{
	if (!(row->flags & (ROW_LATER | ROW_VOID)) && !row->words && !*r->later)
		return 0;
	int rc = differs(r, row, dst, in);
	if (rc <= 0)
		return rc;
	if (*r->later)
		return conf_note(r, r->later, "not in this release, ignored");
	char path[sizeof r->path + 64];
	snprintf(path, sizeof path, "%s%s%s", r->path, *r->path ? "." : "", row->name);
	if (row->flags & ROW_VOID)
		return conf_note(r, path, "ignored: %s", row->why);
	if (row->flags & ROW_LATER)
		return conf_note(r, path, "not in this release, ignored");
	return row->words ? note_words(r, row, path, dst) : 0;
}

static enum conf_protocol
protocol_of(const struct conf_table *t, enum conf_protocol now)
{
	return t == &conf_l2tp_table   ? CONF_L2TP
	       : t == &conf_sstp_table ? CONF_SSTP
	       : t == &conf_pptp_table ? CONF_PPTP
				       : now;
}

static int
note_presence(struct conf_reader *r, bool *enabled, const config_setting_t *s)
{
	*enabled = s != NULL;
	return s && *r->later ? conf_note(r, r->later, "not in this release, ignored") : 0;
}

static int
read_group(struct conf_reader *r, const struct conf_row *row, void *obj, config_setting_t *s, const struct inherit *in)
{
	struct inherit inner;
	if (in)
		inner = (struct inherit){(const char *)in->obj + row->offset, member(in->setting, row->name)};
	enum conf_protocol outer = r->protocol;
	r->protocol = protocol_of(row->sub, outer);
	size_t old = path_push(r, row->name, -1);
	bool later = row->flags & ROW_LATER && !*r->later;
	if (later)
		snprintf(r->later, sizeof r->later, "%s", r->path);
	int rc = 0;
	if (row->flags & ROW_PRESENCE)
		rc = note_presence(r, obj, s);
	if (!rc)
		rc = read_table(r, row->sub, obj, s, in ? &inner : NULL);
	if (later)
		*r->later = 0;
	path_pop(r, old);
	r->protocol = outer;
	return rc;
}

/* read_embedded: the keys of another table; those of a protocol that the top level has too are inherited from there. */
static int
read_embedded(struct conf_reader *r, const struct conf_row *row, void *obj, config_setting_t *s,
	      const struct inherit *in)
{
	struct inherit top = {&r->conf->access, config_root_setting(r->tree)};
	if (in)
		top = (struct inherit){(const char *)in->obj + row->offset, in->setting};
	bool inherits = in || row->sub == &conf_access_table;
	return read_rows(r, row->sub, obj, s, inherits ? &top : NULL);
}

static int
read_row(struct conf_reader *r, const struct conf_row *row, void *obj, config_setting_t *s, const struct inherit *in)
{
	void *dst = (char *)obj + row->offset;
	if (row->type == CONF_EMBED)
		return read_embedded(r, row, dst, s, in);
	config_setting_t *own = member(s, row->name);
	if (row->type == CONF_GROUP && !row->list)
		return read_group(r, row, dst, own, in);
	if (!own && s && (row->flags & ROW_REQUIRED))
		return conf_fail(r, row->name, -1, "is missing");
	if (!own)
		return read_absent(r, row, dst, in);
	int rc = row->type == CONF_GROUP ? read_items(r, row, own, dst)
		 : row->list             ? read_list(r, row, own, dst)
					 : read_one(r, row, own, -1, dst);
	return rc ? rc : note_later(r, row, dst, in);
}

static int
read_rows(struct conf_reader *r, const struct conf_table *t, void *obj, config_setting_t *s, const struct inherit *in)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < t->n; i++)
		rc = read_row(r, &t->rows[i], obj, s, in);
	return rc;
}

static int
check_known(struct conf_reader *r, const struct conf_table *t, config_setting_t *s)
{
	char text[CONF_TEXT];
	for (int i = 0; i < config_setting_length(s); i++) {
		const char *name = config_setting_name(config_setting_get_elem(s, (unsigned)i));
		if (!conf_row_find(t, name))
			return conf_fail(r, name, -1, "%s", conf_unknown(t, name, text));
	}
	return 0;
}

static int
read_table(struct conf_reader *r, const struct conf_table *t, void *obj, config_setting_t *s, const struct inherit *in)
{
	if (s && !config_setting_is_group(s))
		return conf_fail(r, "", -1, "expected a group, { ... }");
	int rc = s ? check_known(r, t, s) : 0;
	if (!rc)
		rc = read_rows(r, t, obj, s, in);
	return rc || !t->finish ? rc : t->finish(r, obj, s);
}

int
conf_read_tree(struct conf_reader *r)
{
	return read_table(r, &conf_top_table, r->conf, config_root_setting(r->tree), NULL);
}
