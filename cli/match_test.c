#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include "match.h"

static char error[256];

static int
found(const char *pattern, const char *text)
{
	struct match m;
	assert_int_equal(match_init(&m, pattern, error, sizeof error), 0);
	int answer = match_text(&m, text, strlen(text));
	match_fini(&m);
	return answer;
}

static int
refused(const char *pattern)
{
	struct match m;
	int err = match_init(&m, pattern, error, sizeof error);
	assert_null(m.code);
	match_fini(&m);
	return err;
}

static void
test_found(void **state)
{
	(void)state;
	assert_int_equal(found("lic", "alice"), 1);
	assert_int_equal(found("^lic", "alice"), 0);
	assert_int_equal(found("^\\d+\\.0\\.0\\.[12]$", "10.0.0.2"), 1);
	assert_int_equal(found("(?i)ALICE", "alice"), 1);
	assert_int_equal(found("^J.rgen$", "J\xc3\xbcrgen"), 1);
	assert_int_equal(found("", ""), 1);
	assert_int_equal(found("x", ""), 0);
}

static void
test_bad_pattern(void **state)
{
	(void)state;
	assert_int_equal(refused("a("), -EINVAL);
	assert_string_equal(error, "missing closing parenthesis at character 2 of 'a('");
	assert_int_equal(refused("\xff"), -EINVAL);
	assert_int_equal(refused("\\C"), -EINVAL);
}

static void
test_pattern_length(void **state)
{
	(void)state;
	char pattern[MATCH_PATTERN_MAX + 2];
	memset(pattern, 'a', sizeof pattern);
	pattern[MATCH_PATTERN_MAX + 1] = '\0';
	assert_int_equal(refused(pattern), -EINVAL);
	pattern[MATCH_PATTERN_MAX] = '\0';
	assert_int_equal(found(pattern, "a"), 0);
}

/* Expressions that cost a naive engine minutes or gigabytes are refused or given up on. */
static void
test_bounded_cost(void **state)
{
	(void)state;
	assert_int_equal(refused("((((a{1,200}){1,200}){1,200}){1,200}){1,200}"), -EINVAL);
	assert_int_equal(found("^(([a-z]+)+)+[^a-z]$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), -E2BIG);
	assert_int_equal(found("(?R)?(a|aa)+[^a]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), -E2BIG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_bad_pattern),
		cmocka_unit_test(test_pattern_length),
		cmocka_unit_test(test_bounded_cost),
	};
	return cmocka_run_group_tests_name("cli/match", tests, NULL, NULL);
}
