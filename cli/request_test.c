#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <string.h>

#include <cmocka.h>

#include "request.h"

static enum cli_err
parse(struct request *r, const char *line)
{
	/* A copy without a terminator: the parser may not look behind the line. */
	size_t n = strlen(line);
	char *copy = malloc(n + 1);
	memcpy(copy, line, n);
	enum cli_err err = request_parse(r, copy, n);
	free(copy);
	return err;
}

static void
test_words(void **state)
{
	(void)state;
	struct request r;
	assert_int_equal(parse(&r, "{\"words\":[\"show\",\"\",\"a b\\u0001\"]}"), CLI_ERR_NONE);
	assert_int_equal(r.n_words, 3);
	assert_string_equal(r.words[1], "");
	assert_string_equal(r.words[2], "a b\x01");
	assert_false(r.complete);
	request_fini(&r);
	assert_int_equal(parse(&r, " {\"complete\" : []} "), CLI_ERR_NONE);
	assert_true(r.complete);
	assert_int_equal(r.n_words, 0);
	request_fini(&r);
	request_fini(&r);
}

static void
test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum cli_err err;
	} rows[] = {
		{"", CLI_ERR_NOT_JSON},
		{"show sessions", CLI_ERR_NOT_JSON},
		{"{\"words\":[\"a\"]", CLI_ERR_NOT_JSON},
		{"{\"words\":[\"a\"]} x", CLI_ERR_NOT_JSON},
		{"{\"words\":[\"a\\u0000b\"]}", CLI_ERR_NOT_JSON},
		{"{\"words\":[\"\xff\"]}", CLI_ERR_NOT_JSON},
		{"{\"words\":[],\"words\":[]}", CLI_ERR_NOT_JSON},
		{"[\"show\"]", CLI_ERR_NOT_AN_OBJECT},
		{"{}", CLI_ERR_NO_WORDS},
		{"{\"words\":\"show\"}", CLI_ERR_NO_WORDS},
		{"{\"words\":[],\"complete\":[]}", CLI_ERR_NO_WORDS},
		{"{\"words\":[],\"user\":1}", CLI_ERR_UNKNOWN_KEY},
		{"{\"wordz\":[]}", CLI_ERR_UNKNOWN_KEY},
		{"{\"words\":[\"a\",1]}", CLI_ERR_NOT_A_WORD},
		{"{\"words\":[[\"a\"]]}", CLI_ERR_NOT_A_WORD},
		{"{\"words\":[null]}", CLI_ERR_NOT_A_WORD},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct request r;
		enum cli_err err = parse(&r, rows[i].line);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].line, cli_err_text(err));
		assert_null(r.root);
		assert_int_equal(r.n_words, 0);
	}
}

static void
test_word_count(void **state)
{
	(void)state;
	for (unsigned n = REQUEST_WORDS_MAX; n <= REQUEST_WORDS_MAX + 1; n++) {
		char line[1024] = "{\"words\":[\"w\"";
		for (unsigned i = 1; i < n; i++)
			strncat(line, ",\"w\"", sizeof line - strlen(line) - 1);
		strncat(line, "]}", sizeof line - strlen(line) - 1);
		struct request r;
		enum cli_err err = parse(&r, line);
		assert_int_equal(err, n == REQUEST_WORDS_MAX ? CLI_ERR_NONE : CLI_ERR_TOO_MANY_WORDS);
		request_fini(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_word_count),
	};
	return cmocka_run_group_tests_name("cli/request", tests, NULL, NULL);
}
