#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "split.h"
#include "table.h"

/* show: a table of the head and the rows (one JSON line each, up to NULL), as it would be printed. */
static char *
show(bool json, const char *head, const char *const *rows)
{
	struct table t;
	char *text = NULL;
	size_t size;
	json_t *h = json_loads(head, 0, NULL);
	assert_int_equal(table_begin(&t, h, json), 0);
	json_decref(h);
	for (; *rows; rows++) {
		char line[512];
		json_t *row = json_loads(*rows, 0, NULL);
		snprintf(line, sizeof line, "%s\n", *rows);
		assert_int_equal(table_row(&t, row, line), 0);
		json_decref(row);
	}
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(table_print(&t, out), 0);
	fclose(out);
	table_fini(&t);
	return text;
}

#define ROWS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void
shows(bool json, const char *head, const char *const *rows, const char *expected)
{
	char *text = show(json, head, rows);
	assert_string_equal(text, expected);
	free(text);
}

#define HEAD "{\"columns\":[[\"name\",\"string\"],[\"n\",\"integer\"],[\"load\",\"real\"]],\"shown\":"

static void
test_alignment(void **state)
{
	(void)state;
	shows(false, HEAD "3}", ROWS("[\"J\xc3\xbcrgen\",-5,1.5]", "[null,null,null]", "[\"a longer name\",123456,10]"),
	      "     name      |   n    | load\n"
	      "---------------+--------+------\n"
	      " J\xc3\xbcrgen        |     -5 |  1.5\n"
	      "               |        |     \n"
	      " a longer name | 123456 | 10.0\n");
}

static void
test_empty(void **state)
{
	(void)state;
	const char *const none[] = {NULL};
	shows(false, HEAD "1}", none, " name\n------\n");
	shows(true, HEAD "3,\"order\":1}", none, "[]\n");
}

static void
test_json_keeps_types(void **state)
{
	(void)state;
	shows(true, HEAD "3}", ROWS("[\"a\\\"b\",1,1.25]", "[null,2,null]"),
	      "[\n{\"name\":\"a\\\"b\",\"n\":1,\"load\":1.25},\n{\"name\":null,\"n\":2,\"load\":null}\n]\n");
}

static void
test_order(void **state)
{
	(void)state;
	/* Numbers as numbers; equal keys in the order they came; what has no value last. */
	shows(true, HEAD "1,\"order\":1}",
	      ROWS("[\"e\",null,0]", "[\"c\",10,0]", "[\"a\",-1,0]", "[\"d\",10,0]", "[\"b\",9,0]"),
	      "[\n{\"name\":\"a\"},\n{\"name\":\"b\"},\n{\"name\":\"c\"},\n{\"name\":\"d\"},\n{\"name\":\"e\"}\n]\n");
	shows(true, HEAD "1,\"order\":0}",
	      ROWS("[\"l2tp10\",0,0]", "[\"l2tp9\",0,0]", "[\"10.0.0.10\",0,0]", "[\"10.0.0.9\",0,0]"),
	      "[\n{\"name\":\"10.0.0.9\"},\n{\"name\":\"10.0.0.10\"},\n{\"name\":\"l2tp9\"},\n{\"name\":\"l2tp10\"}\n]"
	      "\n");
	shows(true, HEAD "1,\"order\":2}", ROWS("[\"b\",0,0.5]", "[\"a\",0,0.25]"),
	      "[\n{\"name\":\"a\"},\n{\"name\":\"b\"}\n]\n");
}

static void
test_malformed(void **state)
{
	(void)state;
	static const char *const heads[] = {
		"{\"columns\":7,\"shown\":0}",
		"{\"columns\":[[\"a\",\"string\"]],\"shown\":2}",
		"{\"columns\":[[\"a\",\"string\"]],\"shown\":-1}",
		"{\"columns\":[[\"a\",\"string\"]],\"shown\":1,\"order\":1}",
		"{\"columns\":[[\"a\"]],\"shown\":1}",
		"{\"columns\":[\"a\"],\"shown\":1}",
	};
	for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct table t;
		json_t *head = json_loads(heads[i], 0, NULL);
		assert_non_null(head);
		assert_int_equal(table_begin(&t, head, false), -EPROTO);
		table_fini(&t);
		json_decref(head);
	}
}

static void
test_too_many_columns(void **state)
{
	(void)state;
	struct table t;
	json_t *columns = json_array();
	for (unsigned i = 0; i < CLI_COLUMNS_MAX + 2; i++)
		json_array_append_new(columns, json_pack("[ss]", "c", "string"));
	json_t *head = json_pack("{sosi}", "columns", columns, "shown", 1);
	assert_int_equal(table_begin(&t, head, false), -EPROTO);
	table_fini(&t);
	json_decref(head);
}

static void
test_order_is_bounded(void **state)
{
	(void)state;
	struct table t;
	json_t *head = json_loads(HEAD "1,\"order\":1}", 0, NULL), *row = json_loads("[\"a\",1,1]", 0, NULL);
	assert_int_equal(table_begin(&t, head, false), 0);
	t.n_rows = TABLE_ORDER_MAX;
	assert_int_equal(table_row(&t, row, "[\"a\",1,1]\n"), -E2BIG);
	t.n_rows = 0;
	table_fini(&t);
	json_decref(head);
	json_decref(row);
}

static void
test_split(void **state)
{
	(void)state;
	const char *words[3];
	char line[64];
#define SPLIT(text) (snprintf(line, sizeof line, "%s", text), split_line(line, words, 3))
	assert_int_equal(SPLIT(""), 0);
	assert_int_equal(SPLIT(" \t "), 0);
	assert_int_equal(SPLIT("  show\tsessions "), 2);
	assert_string_equal(words[0], "show");
	assert_string_equal(words[1], "sessions");
	assert_int_equal(SPLIT("a 'b \"c' \"d 'e\\\"\""), 3);
	assert_string_equal(words[1], "b \"c");
	assert_string_equal(words[2], "d 'e\"");
	assert_int_equal(SPLIT("'\\d' \\d '' "), 3);
	assert_string_equal(words[0], "\\d");
	assert_string_equal(words[1], "d");
	assert_string_equal(words[2], "");
	assert_int_equal(SPLIT("a'b c'd"), 1);
	assert_string_equal(words[0], "ab cd");
	assert_int_equal(SPLIT("trailing\\"), 1);
	assert_string_equal(words[0], "trailing\\");
	assert_int_equal(SPLIT("1 2 3 4"), -E2BIG);
	assert_int_equal(SPLIT("1 'open"), -EINVAL);
#undef SPLIT
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),        cmocka_unit_test(test_empty),
		cmocka_unit_test(test_json_keeps_types), cmocka_unit_test(test_order),
		cmocka_unit_test(test_malformed),        cmocka_unit_test(test_too_many_columns),
		cmocka_unit_test(test_order_is_bounded), cmocka_unit_test(test_split),
	};
	return cmocka_run_group_tests_name("cli/table", tests, NULL, NULL);
}
