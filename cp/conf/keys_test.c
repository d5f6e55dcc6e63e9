/* keys_test.c - every key of every table: its default, its bounds, what lies beyond them, and what is of another type.
 *
 * The tables are walked; for each row the smallest file that sets it is written around it (the groups it is in, with
 * the keys that those cannot do without) and read without the cross checks, which load_test.c tries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/reader.h"

#define DEPTH 6

struct place {
	const struct conf_row *step[DEPTH]; /* the groups from the top, then the row */
	unsigned n;
};

struct sample {
	const char *key, *good, *bad;
};

#define HEX40(last) "\"00000000000000000000000000000000000000" #last "\""
#define HEX64(last) "\"00000000000000000000000000000000000000000000000000000000000000" #last "\""

/* Keys whose string has a form: one that is well formed and one that is not. */
static const struct sample samples[] = {
	{"name", "\"a-1\"", "\"a b\""},
	{"ifname", "\"vpn%d\"", "\"a/b\""},
	{"host", "\"mr-core\"", "\"a/b\""},
	{"connection-limit", "\"60/sec\"", "\"60/week\""},
	{"http-error", "\"https://example.net/\"", "\"ftp\""},
	{"cert-hash-sha1", HEX40(0f), HEX40(0g)},
	{"cert-hash-sha256", HEX64(0f), HEX64(0g)},
	{"host-name", "\"vpn.example.net\"", "\"*.example.net\""},
	{"ipv6-interface-id", "\"0:0:0:beef\"", "\"0:0:beef\""},
	{"ipv6-peer-interface-id", "\"ipv4-addr\"", "\"0:0:0:12345\""},
};

static char text[65536];
static struct conf_error err;
static unsigned tried;

static void
add(const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - n, fmt, ap);
	va_end(ap);
}

static const struct sample *
sample_of(const struct conf_row *row)
{
	static const struct sample in_user = {"ifname", "\"alice0\"", "\"l2tp%d\""};
	if (row->type != CONF_STRING || !row->syntax)
		return NULL;
	if (row->syntax == &conf_syntax_ifname && !strcmp(row->name, "ifname"))
		return &in_user;
	for (unsigned i = 0; i < sizeof samples / sizeof *samples; i++)
		if (!strcmp(samples[i].key, row->name))
			return &samples[i];
	fail_msg("%s has a form and no sample here", row->name);
	return NULL;
}

/* good_value: something that the row takes. */
static const char *
good_value(const struct conf_row *row)
{
	static char number[32];
	switch (row->type) {
	case CONF_STRING:
		return row->syntax ? sample_of(row)->good : "\"x\"";
	case CONF_ADDR:
		return row->flags & ROW_V6 ? "\"2001:db8::1\"" : "\"192.0.2.1\"";
	case CONF_PREFIX:
		return row->flags & ROW_V6 ? "\"2001:db8::/56\"" : "\"192.0.2.0/24\"";
	case CONF_RANGE:
		return "\"192.0.2.0/24\"";
	case CONF_NUMBER:
		snprintf(number, sizeof number, "%lld", (long long)row->min);
		return number;
	default:
		return NULL;
	}
}

static void
add_required(const struct conf_table *t, const struct conf_row *but)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct conf_row *row = &t->rows[i];
		if (row->type == CONF_EMBED)
			add_required(row->sub, but);
		else if (row != but && row->flags & ROW_REQUIRED)
			add("%s = %s; ", row->name, good_value(row));
	}
}

/* beside: what a row at its edge needs beside it, as its group computes something of the two. */
static const char *
beside(const struct conf_table *group, const struct conf_row *row)
{
	if (!strcmp(row->name, "port") && conf_row_find(group, "acct-port"))
		return "acct-port = 1; ";
	if (!strcmp(row->name, "min-interval"))
		return "max-interval = 1800; ";
	if (!strcmp(row->name, "record-engine"))
		return "cryptodev = \"crypto_aesni_gcm\"; ";
	if (!strcmp(row->name, "proxy-listen"))
		return "proxy-from = [ \"192.0.2.1/32\" ]; ";
	return "";
}

/* write_file: the file in which only this row is set, to this value. */
static void
write_file(const struct place *p, const char *value)
{
	const struct conf_row *row = p->step[p->n - 1];
	*text = 0;
	for (unsigned i = 0; i + 1 < p->n; i++) {
		const struct conf_row *g = p->step[i];
		add("%s = %s{ ", g->name, g->list ? "( " : "");
		add_required(g->sub, p->step[i + 1]);
	}
	add("%s%s = %s; ", p->n > 1 ? beside(p->step[p->n - 2]->sub, row) : "", row->name, value);
	for (unsigned i = p->n - 1; i-- > 0;)
		add("}%s; ", p->step[i]->list ? " )" : "");
}

/* read_file: text as a struct conf, without the cross checks. */
static int
read_file(struct conf **out)
{
	config_t tree;
	config_init(&tree);
	memset(&err, 0, sizeof err);
	struct conf_reader r = {.err = &err, .file = "t.conf", .tree = &tree, .protocol = CONF_PROTOCOLS};
	struct conf_arena *a = conf_arena_new();
	r.conf = conf_arena_alloc(a, sizeof *r.conf);
	r.conf->arena = a;
	int rc = conf_source_scan(text, "t.conf", NULL, &err);
	if (!rc && !config_read_string(&tree, text))
		fail_msg("%s: %s", text, config_error_text(&tree));
	rc = rc ? rc : conf_read_tree(&r);
	config_destroy(&tree);
	*out = r.conf;
	return rc;
}

/* inner_offset: of a row found in a table, through the tables embedded in it. */
static bool
inner_offset(const struct conf_table *t, const struct conf_row *row, size_t *offset)
{
	for (unsigned i = 0; i < t->n; i++) {
		size_t inner = 0;
		if (&t->rows[i] == row ||
		    (t->rows[i].type == CONF_EMBED && inner_offset(t->rows[i].sub, row, &inner))) {
			*offset = t->rows[i].offset + inner;
			return true;
		}
	}
	return false;
}

/* field_of: where the value that write_file set is now. */
static const void *
field_of(const struct conf *c, const struct place *p)
{
	const struct conf_table *t = &conf_top_table;
	const char *at = (const char *)c;
	for (unsigned i = 0; i < p->n; i++) {
		size_t offset = 0;
		assert_true(inner_offset(t, p->step[i], &offset));
		at += offset;
		if (p->step[i]->list)
			at = (const char *)((const struct conf_numbers *)(const void *)at)->v;
		t = p->step[i]->sub;
	}
	return at;
}

static void
taken(const struct place *p, const char *value, const void *expected)
{
	struct conf *c;
	const struct conf_row *row = p->step[p->n - 1];
	write_file(p, value);
	if (read_file(&c) != 0)
		fail_msg("refused: %s\n%s", err.text, text);
	if (expected && memcmp(field_of(c, p), expected, conf_type_size(row->type)) != 0)
		fail_msg("%s = %s was stored as something else", row->name, value);
	conf_free(c);
	tried++;
}

static void
refused(const struct place *p, const char *value)
{
	struct conf *c;
	write_file(p, value);
	if (read_file(&c) == 0)
		fail_msg("taken: %s", text);
	assert_int_equal(err.line, 1);
	assert_memory_equal(err.text, "t.conf:1: ", 10);
	if (!strstr(err.text, p->step[p->n - 1]->name) && !strstr(err.text, "too large"))
		fail_msg("does not name the key: %s", err.text);
	conf_free(c);
	tried++;
}

static void
try_number(const struct place *p, const struct conf_row *row)
{
	char value[32];
	const long long edges[] = {row->min, row->max};
	for (unsigned i = 0; i < 2; i++) {
		unsigned expected = (unsigned)edges[i];
		snprintf(value, sizeof value, "%lld", edges[i]);
		taken(p, value, &expected);
	}
	snprintf(value, sizeof value, "%lldL", (long long)row->min - 1);
	refused(p, value);
	snprintf(value, sizeof value, "%lldL", (long long)row->max + 1);
	refused(p, value);
	refused(p, "4294967297"); /* wraps to 1 in 32 bits */
	refused(p, "1.5");
	refused(p, "true");
	refused(p, "\"1\"");
}

static void
try_word(const struct place *p, const struct conf_row *row)
{
	for (const struct conf_word *w = row->words; w->word; w++) {
		char value[64];
		snprintf(value, sizeof value, "\"%s\"", w->word);
		bool overridden = !strcmp(row->name, "mppe"); /* not in a section that denies it */
		if (!(overridden && p->n > 2))
			taken(p, value, &w->value);
	}
	refused(p, "\"no-such-word\"");
	refused(p, "1");
	refused(p, "true");
}

static void
quoted(char *out, size_t length)
{
	out[0] = '"';
	memset(out + 1, 'a', length);
	memcpy(out + 1 + length, "\"", 2);
}

static void
try_string(const struct place *p, const struct conf_row *row)
{
	static char value[2048];
	const struct sample *s = sample_of(row);
	if (s) {
		taken(p, s->good, NULL);
		refused(p, s->bad);
	} else {
		quoted(value, (size_t)row->max);
		if (strcmp(row->name, "profile") != 0) /* names another group: load_test.c */
			taken(p, value, NULL);
		quoted(value, (size_t)row->min);
		taken(p, value, NULL);
	}
	quoted(value, (size_t)row->max + 1);
	refused(p, value);
	if (row->min > 0) {
		quoted(value, (size_t)row->min - 1);
		refused(p, value);
	}
	refused(p, "\"a\\x01\"");
	refused(p, "1");
	refused(p, "true");
}

static void
try_address(const struct place *p, const struct conf_row *row)
{
	struct addr a;
	addr_parse(row->flags & ROW_V6 ? "2001:db8::1" : "192.0.2.1", &a);
	taken(p, good_value(row), &a);
	refused(p, "\"0.0.0.0\"");
	refused(p, "\"::\"");
	refused(p, "\"192.0.2\"");
	refused(p, "\"192.0.2.1/24\"");
	refused(p, "\"192.0.2.256\"");
	refused(p, "3221225985L");
	if (row->flags & ROW_V4)
		refused(p, "\"2001:db8::1\"");
	if (row->flags & ROW_V6)
		refused(p, "\"192.0.2.1\"");
}

static void
try_prefix(const struct place *p, const struct conf_row *row)
{
	struct prefix x;
	prefix_parse(row->flags & ROW_V6 ? "2001:db8::/56" : "192.0.2.0/24", &x);
	taken(p, good_value(row), &x);
	if (row->flags & ROW_HOST_BITS) {
		taken(p, "\"192.0.2.1/24\"", NULL);
		refused(p, "\"192.0.2.1\"");
	} else {
		refused(p, "\"192.0.2.1/24\"");
		refused(p, "\"2001:db8::1/64\"");
	}
	refused(p, "\"192.0.2.0/33\"");
	refused(p, "\"2001:db8::/129\"");
	refused(p, "\"192.0.2.0/\"");
	refused(p, "24");
	if (row->flags & ROW_V6)
		refused(p, "\"192.0.2.0/24\"");
}

static void
try_endpoint(const struct place *p)
{
	static const char *good[] = {"0.0.0.0:443", "192.0.2.1:1",       "192.0.2.1:65535",
				     "[::]:443",    "[2001:db8::1]:443", "192.0.2.1"};
	static const char *bad[] = {"192.0.2.1:0",
				    "192.0.2.1:65536",
				    "192.0.2.1:",
				    "192.0.2.1:x",
				    "[::1",
				    "[192.0.2.1]:1",
				    "192.0.2.1:1 ",
				    "::1]",
				    "",
				    "example.net:443"};
	char value[64];
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(value, sizeof value, "\"%s\"", good[i]);
		taken(p, value, NULL);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(value, sizeof value, "\"%s\"", bad[i]);
		refused(p, value);
	}
	refused(p, "443");
}

static void
try_range(const struct place *p)
{
	static const char *good[] = {"10.0.0.0/8",   "10.0.0.1-10.0.0.1", "10.78.4.2-10.78.7.254",
				     "10.0.0.77/24", "10.0.0.1/32",       "223.255.255.255"};
	static const char *bad[] = {"10.0.0.2-10.0.0.1",
				    "10.0.0.0/7",
				    "10.0.0.1-",
				    "-10.0.0.1",
				    "2001:db8::/64",
				    "0.0.0.0/8",
				    "127.0.0.1",
				    "224.0.0.0/24",
				    "10.0.0.1-10",
				    "10.0.0.0-11.0.0.0",
				    "10.0.0.0/33",
				    "126.0.0.0-128.0.0.0",
				    "",
				    "10.0.0.1-2001:db8::1"};
	char value[64];
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(value, sizeof value, "[ \"%s\" ]", good[i]);
		taken(p, value, NULL);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(value, sizeof value, "[ \"%s\" ]", bad[i]);
		refused(p, value);
	}
	refused(p, "[ ]");
}

static void
try_bool(const struct place *p)
{
	taken(p, "true", &(bool){true});
	taken(p, "false", &(bool){false});
	refused(p, "1");
	refused(p, "\"true\"");
}

static void
try_milli(const struct place *p)
{
	taken(p, "0.001", &(unsigned){1});
	taken(p, "1.5", &(unsigned){1500});
	taken(p, "1000", &(unsigned){1000000});
	refused(p, "0");
	refused(p, "1000.1");
	refused(p, "\"1\"");
}

static void
try_list(const struct place *p, const struct conf_row *row)
{
	char value[256];
	const char *one = row->type == CONF_WORD ? NULL : good_value(row);
	taken(p, row->flags & ROW_REQUIRED ? good_value(row) : "[ ]", NULL);
	refused(p, "( { } )");
	refused(p, "[ 1.5 ]");
	if (!one || row->type == CONF_RANGE)
		return;
	snprintf(value, sizeof value, "[ %s ]", one);
	taken(p, value, NULL);
	snprintf(value, sizeof value, "[ %s, %s ]", one, one);
	refused(p, value);
}

static void
try_row(const struct place *p, const struct conf_row *row)
{
	if (row->type == CONF_BOOL)
		try_bool(p);
	else if (row->type == CONF_NUMBER)
		try_number(p, row);
	else if (row->type == CONF_MILLI)
		try_milli(p);
	else if (row->type == CONF_WORD)
		try_word(p, row);
	else if (row->type == CONF_STRING)
		try_string(p, row);
	else if (row->type == CONF_ADDR)
		try_address(p, row);
	else if (row->type == CONF_PREFIX)
		try_prefix(p, row);
	else if (row->type == CONF_ENDPOINT)
		try_endpoint(p);
	else if (row->type == CONF_RANGE)
		try_range(p);
	refused(p, "{ }");
	if (row->list)
		try_list(p, row);
	else
		refused(p, "( )");
}

static void
walk(const struct conf_table *t, struct place p, void (*visit)(const struct place *, const struct conf_row *))
{
	unsigned n = p.n;
	for (unsigned i = 0; i < t->n; i++) {
		const struct conf_row *row = &t->rows[i];
		p.n = n;
		if (row->type == CONF_EMBED) {
			walk(row->sub, p, visit);
			continue;
		}
		assert_true(n < DEPTH);
		p.step[p.n++] = row;
		visit(&p, row);
		if (row->type == CONF_GROUP)
			walk(row->sub, p, visit);
	}
}

static void
visit_value(const struct place *p, const struct conf_row *row)
{
	if (row->type != CONF_GROUP) {
		try_row(p, row);
		return;
	}
	refused(p, "1");
	refused(p, row->list ? "{ x = 1; }" : "( 1 )");
	refused(p, row->list ? "( { no-such-key = 1; } )" : "{ no-such-key = 1; }");
}

static void
test_values(void **state)
{
	(void)state;
	walk(&conf_top_table, (struct place){.n = 0}, visit_value);
	print_message("%u files read\n", tried);
	assert_true(tried > 2000);
}

static void
visit_default(const struct place *p, const struct conf_row *row)
{
	(void)p;
	const char *defaults[] = {row->def, row->def_for[CONF_L2TP], row->def_for[CONF_SSTP], row->def_for[CONF_PPTP]};
	struct conf_arena *a = conf_arena_new();
	for (unsigned i = 0; i < 4; i++) {
		char field[64], words[128];
		struct conf_value v;
		snprintf(words, sizeof words, "%s", defaults[i] ? defaults[i] : "");
		if (row->list)
			words[strcspn(words, " ")] = 0;
		conf_value_of_default(row, words, &v);
		if (defaults[i] && conf_value_store(a, row, &v, field) != 1)
			fail_msg("%s: its own default %s is refused", row->name, defaults[i]);
	}
	conf_arena_free(a);
}

static void
test_defaults_are_valid(void **state)
{
	(void)state;
	walk(&conf_top_table, (struct place){.n = 0}, visit_default);
}

static void
visit_description(const struct place *p, const struct conf_row *row)
{
	(void)p;
	if (!row->help || !*row->help || !row->why || !*row->why)
		fail_msg("%s: no help, or no why", row->name);
	size_t n = strlen(row->help);
	if (row->help[n - 1] != '.')
		fail_msg("%s: its help is no sentence", row->name);
	if ((row->type == CONF_WORD) != (row->words != NULL))
		fail_msg("%s: words", row->name);
	if (row->type == CONF_NUMBER && (row->min > row->max || row->min < 0 || row->max > UINT32_MAX))
		fail_msg("%s: range", row->name);
}

static void
test_rows_are_described(void **state)
{
	(void)state;
	walk(&conf_top_table, (struct place){.n = 0}, visit_description);
}

static void
visit_names(const struct place *p, const struct conf_row *row)
{
	const struct conf_table *t = p->n > 1 ? p->step[p->n - 2]->sub : &conf_top_table;
	if (conf_row_find(t, row->name) != row)
		fail_msg("%s is in %s twice", row->name, t->name);
}

static void
test_names_are_unique(void **state)
{
	(void)state;
	walk(&conf_top_table, (struct place){.n = 0}, visit_names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_described),
		cmocka_unit_test(test_names_are_unique),
		cmocka_unit_test(test_defaults_are_valid),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
