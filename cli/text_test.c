#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "out.h"
#include "text.h"

static const char *
text(struct cli_value v)
{
	static char buf[64];
	size_t n = text_value(buf, sizeof buf, v);
	assert_int_equal(n, strlen(buf));
	return buf;
}

static const char *
json(struct cli_value v)
{
	static char buf[512];
	struct out o = {.buf = buf, .limit = sizeof buf - 1};
	out_value(&o, v);
	assert_false(o.overflow);
	buf[o.len] = '\0';
	return buf;
}

static void
test_bytes(void **state)
{
	(void)state;
	assert_string_equal(text(cli_bytes(0)), "0 B");
	assert_string_equal(text(cli_bytes(210)), "210 B");
	assert_string_equal(text(cli_bytes(1023)), "1023 B");
	assert_string_equal(text(cli_bytes(1024)), "1.0 KiB");
	assert_string_equal(text(cli_bytes(16691)), "16.3 KiB");
	assert_string_equal(text(cli_bytes((1 << 20) - 1)), "1.0 MiB");
	assert_string_equal(text(cli_bytes((1 << 20) - 51)), "1.0 MiB");
	assert_string_equal(text(cli_bytes((1 << 20) - 52)), "1023.9 KiB");
	assert_string_equal(text(cli_bytes(UINT64_C(1) << 40)), "1.0 TiB");
	assert_string_equal(text(cli_bytes(UINT64_MAX)), "16.0 EiB");
	assert_string_equal(json(cli_bytes(16691)), "16691");
}

static void
test_duration(void **state)
{
	(void)state;
	assert_string_equal(text(cli_duration(0)), "00:00:00");
	assert_string_equal(text(cli_duration(946)), "00:15:46");
	assert_string_equal(text(cli_duration(86399)), "23:59:59");
	assert_string_equal(text(cli_duration(86400)), "1.00:00:00");
	assert_string_equal(text(cli_duration(-61)), "-00:01:01");
	assert_string_equal(text(cli_duration(INT64_MIN)), "-106751991167300.15:30:08");
	assert_string_equal(json(cli_duration(946)), "946");
}

static void
test_other_kinds(void **state)
{
	(void)state;
	assert_string_equal(text(cli_none()), "");
	assert_string_equal(json(cli_none()), "null");
	assert_string_equal(text(cli_string(NULL)), "");
	assert_string_equal(json(cli_string(NULL)), "null");
	assert_string_equal(text(cli_integer(INT64_MIN)), "-9223372036854775808");
	assert_string_equal(json(cli_integer(INT64_MAX)), "9223372036854775807");
	assert_string_equal(text(cli_real(176.25)), "176.2");
	assert_string_equal(json(cli_real(176.25)), "176.250");
	assert_string_equal(text(cli_real((double)NAN)), "-");
	assert_string_equal(json(cli_real((double)INFINITY)), "null");
	assert_int_equal(strlen(json(cli_real(-1.7e308))), 314);
	assert_string_equal(text(cli_bool(true)), "yes");
	assert_string_equal(json(cli_bool(false)), "false");
}

static void
test_clean_strings(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *text, *json;
	} rows[] = {
		{"alice", "alice", "\"alice\""},
		{"", "", "\"\""},
		{"a\\b\"c", "a\\b\"c", "\"a\\\\b\\\"c\""},
		{"tab\there\x7f", "tab\\x09here\\x7f", "\"tab\\\\x09here\\\\x7f\""},
		{"\x1b[31m", "\\x1b[31m", "\"\\\\x1b[31m\""},
		{"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80", "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80",
		 "\"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80\""},
		{"\xc2\x9b", "\\xc2\\x9b", "\"\\\\xc2\\\\x9b\""},                 /* CSI as a C1 control */
		{"\xc0\x80\xff", "\\xc0\\x80\\xff", "\"\\\\xc0\\\\x80\\\\xff\""}, /* overlong, impossible */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\\\xed\\\\xa0\\\\x80\""}, /* a surrogate */
		{"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf", "\"\\\\xe0\\\\x9f\\\\xbf\""}, /* overlong */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""}, /* above U+10FFFF */
		{"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf", "\"\\\\xf0\\\\x8f\\\\xbf\\\\xbf\""}, /* overlong */
		{"a\xe2\x82", "a\\xe2\\x82", "\"a\\\\xe2\\\\x82\""},                              /* cut short */
	};
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		/* In memory of exactly its size, so that a sanitizer sees a read behind it. */
		size_t n = strlen(rows[i].raw);
		char *raw = malloc(n ? n : 1);
		memcpy(raw, rows[i].raw, n);
		assert_string_equal(text(cli_stringn(raw, n)), rows[i].text);
		assert_string_equal(json(cli_stringn(raw, n)), rows[i].json);
		free(raw);
	}
	assert_string_equal(text(cli_stringn("a\0b", 3)), "a\\x00b");
}

static void
test_cut_between_characters(void **state)
{
	(void)state;
	char buf[8];
	assert_int_equal(text_value(buf, sizeof buf, cli_string("123456\xc3\xbc")), 6);
	assert_string_equal(buf, "123456");
	assert_int_equal(text_value(buf, sizeof buf, cli_string("1234\x01")), 4);
	assert_int_equal(text_value(buf, sizeof buf, cli_string("12345678")), 7);
	assert_int_equal(text_value(buf, sizeof buf, cli_integer(1234567890)), 7);
	assert_string_equal(buf, "1234567");
	assert_int_equal(text_value(buf, 1, cli_string("x")), 0);
}

static void
test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width("", 0), 0);
	assert_int_equal(text_width("J\xc3\xbcrgen", 7), 6);
}

static void
test_kind_names(void **state)
{
	(void)state;
	for (enum cli_kind k = CLI_NONE; k <= CLI_DURATION; k++)
		assert_int_equal(text_kind(text_kind_name(k)), k);
	assert_int_equal(text_kind("nonsense"), CLI_NONE);
}

/* Whatever the limit, nothing is written behind it and overflow is told. */
static void
test_overflow(void **state)
{
	(void)state;
	for (size_t limit = 0; limit <= 12; limit++) {
		char buf[16];
		memset(buf, '#', sizeof buf);
		struct out o = {.buf = buf, .limit = limit};
		out_string(&o,
			   "a\"b\x01"
			   "c",
			   5);
		assert_int_equal(o.overflow, limit < 12);
		assert_true(o.len <= limit);
		assert_int_equal(buf[limit], '#');
		size_t len = o.len;
		out_raw(&o, "");
		out_integer(&o, 1);
		assert_int_equal(o.len, len);
		assert_true(o.overflow);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_clean_strings),
		cmocka_unit_test(test_cut_between_characters),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_kind_names),
		cmocka_unit_test(test_overflow),
	};
	return cmocka_run_group_tests_name("cli/text", tests, NULL, NULL);
}
