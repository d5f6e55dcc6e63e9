#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <cli/command.h>

#include "grammar.h"
#include "split.h"

enum { SHOW_ALL, SHOW_ONE, SHOW_SUMMARY, END, STOP, SAY };

static struct grammar grammar;
static struct grammar_parse parse;
static char why[512];
static const char *words[REQUEST_WORDS_MAX];

static int
build(void **state)
{
	(void)state;
	static const char *const patterns[] = {
		[SHOW_ALL] = "show sessions [COLUMNS] [match COLUMN REGEX|order COLUMN]...",
		[SHOW_ONE] = "show session ID",
		[SHOW_SUMMARY] = "show sessions summary",
		[END] = "terminate {if IFNAME|ip ADDRESS|ip6 ADDRESS|match COLUMN REGEX|all} [soft|hard]",
		[STOP] = "shutdown [soft|cancel]",
		[SAY] = "help [WORD]...",
	};
	grammar = (struct grammar){0};
	for (unsigned i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		assert_int_equal(grammar_add(&grammar, i, patterns[i], "help"), 0);
	return 0;
}

/* fit: parses a line; the error, parse and why are left behind. */
static enum cli_err
fit(const char *line)
{
	static char copy[512];
	snprintf(copy, sizeof copy, "%s", line);
	int n = split_line(copy, words, REQUEST_WORDS_MAX);
	assert_true(n >= 0);
	return grammar_parse_words(&grammar, words, (unsigned)n, &parse, why, sizeof why);
}

static void
fits(const char *line, unsigned id)
{
	enum cli_err err = fit(line);
	if (err || parse.command->id != id)
		fail_msg("'%s': %s", line, err ? why : "another command");
}

static void
refused(const char *line, enum cli_err err, const char *reason)
{
	assert_int_equal(fit(line), err);
	assert_string_equal(why, reason);
}

static void
test_words_and_prefixes(void **state)
{
	(void)state;
	fits("show sessions", SHOW_ALL);
	fits("sho sessions", SHOW_ALL);
	fits("show session l2tp0", SHOW_ONE);
	fits("show sessions summary", SHOW_SUMMARY);
	fits("show sessions su", SHOW_SUMMARY);
	fits("sho sessi\\ons s", SHOW_SUMMARY);
	fits("term al", END);
	fits("shut", STOP);
	fits("h", SAY);
}

static void
test_exact_word_beats_prefix(void **state)
{
	(void)state;
	fits("terminate ip 10.0.0.1", END);
	assert_true(grammar_token_is(parse.tokens[1], "ip"));
	fits("terminate ip6 2001:db8::1", END);
	assert_true(grammar_token_is(parse.tokens[1], "ip6"));
	fits("show session sessions", SHOW_ONE);
}

static void
test_ambiguous(void **state)
{
	(void)state;
	refused("show ses x", CLI_ERR_AMBIGUOUS, "'ses' is ambiguous: expected sessions or session");
	refused("sh", CLI_ERR_AMBIGUOUS, "'sh' is ambiguous: expected show or shutdown");
	refused("terminate i 1", CLI_ERR_AMBIGUOUS, "'i' is ambiguous: expected if, ip or ip6");
}

static void
test_unknown(void **state)
{
	(void)state;
	refused("go", CLI_ERR_UNKNOWN_WORD, "'go' does not fit: expected show, terminate, shutdown or help");
	refused("showx", CLI_ERR_UNKNOWN_WORD, "'showx' does not fit: expected show, terminate, shutdown or help");
	refused("show session a b", CLI_ERR_UNKNOWN_WORD, "'b' does not fit: expected nothing more");
	refused("shutdown hard", CLI_ERR_UNKNOWN_WORD, "'hard' does not fit: expected soft or cancel");
	refused("show ''", CLI_ERR_UNKNOWN_WORD, "'' does not fit: expected sessions or session");
}

static void
test_incomplete(void **state)
{
	(void)state;
	refused("", CLI_ERR_INCOMPLETE, "the command is not complete: expected show, terminate, shutdown or help");
	refused("show session", CLI_ERR_INCOMPLETE, "the command is not complete: expected ID");
	refused("show sessions match ip", CLI_ERR_INCOMPLETE, "the command is not complete: expected REGEX");
	refused("terminate", CLI_ERR_INCOMPLETE, "the command is not complete: expected if, ip, ip6, match or all");
}

static void
test_options_in_any_order_once(void **state)
{
	(void)state;
	fits("show sessions order ip match if x", SHOW_ALL);
	fits("show sessions ip,if match if x order ip", SHOW_ALL);
	assert_true(grammar_token_is(parse.tokens[2], "COLUMNS"));
	assert_true(grammar_token_is(parse.tokens[4], "COLUMN"));
	assert_true(grammar_token_is(parse.tokens[5], "REGEX"));
	assert_false(parse.tokens[6]->argument);
	fits("show sessions order summary", SHOW_ALL); /* an argument may be a keyword elsewhere */
	refused("show sessions order ip order if", CLI_ERR_UNKNOWN_WORD, "'order' does not fit: expected match");
	refused("show sessions ip ip", CLI_ERR_UNKNOWN_WORD, "'ip' does not fit: expected match or order");
	fits("help one two three show", SAY);
}

static void
test_most_words(void **state)
{
	(void)state;
	const char *many[REQUEST_WORDS_MAX];
	for (unsigned i = 0; i < REQUEST_WORDS_MAX; i++)
		many[i] = i ? "w" : "help";
	assert_int_equal(grammar_parse_words(&grammar, many, REQUEST_WORDS_MAX, &parse, why, sizeof why), 0);
	assert_non_null(parse.tokens[REQUEST_WORDS_MAX - 1]);
}

/* The sentence is cut, never the buffer overrun. */
static void
test_small_reason(void **state)
{
	(void)state;
	char small[24] = "";
	memset(small, '#', sizeof small);
	const char *word = "nonsense that is longer than any word";
	assert_int_equal(grammar_parse_words(&grammar, &word, 1, &parse, small, 20), CLI_ERR_UNKNOWN_WORD);
	assert_int_equal(strlen(small), 19);
	assert_int_equal(small[20], '#');
}

static unsigned
complete(const char *line, const char *last, struct grammar_fit *fits_found, unsigned max)
{
	char copy[256];
	snprintf(copy, sizeof copy, "%s", line);
	int n = split_line(copy, words, REQUEST_WORDS_MAX - 1);
	words[n] = last;
	return grammar_complete(&grammar, words, (unsigned)n + 1, fits_found, max);
}

static void
test_complete(void **state)
{
	(void)state;
	struct grammar_fit found[8];
	assert_int_equal(complete("", "", found, 8), 4);
	assert_int_equal(complete("", "sh", found, 8), 2);
	assert_int_equal(complete("", "sh", found, 1), 1);
	assert_int_equal(complete("", "x", found, 8), 0);
	assert_int_equal(complete("sho sessions", "", found, 8), 4); /* COLUMNS, match, order, summary */
	assert_true(grammar_token_is(found[0].token, "COLUMNS"));
	assert_int_equal(complete("show sessions order ip", "", found, 8), 1);
	assert_int_equal(complete("show sessions order", "x", found, 8), 1);
	assert_int_equal(complete("show ses", "", found, 8), 0);
	assert_int_equal(complete("shutdown soft", "", found, 8), 0);
}

static void
test_begins(void **state)
{
	(void)state;
	const char *line[] = {"sho", "ses", "x"};
	assert_true(grammar_begins(&grammar.commands[SHOW_ALL], line, 0));
	assert_true(grammar_begins(&grammar.commands[SHOW_ALL], line, 3));
	assert_true(grammar_begins(&grammar.commands[SHOW_ONE], line, 2));
	assert_false(grammar_begins(&grammar.commands[SHOW_SUMMARY], line, 3));
	assert_false(grammar_begins(&grammar.commands[STOP], line, 1));
}

static void
test_bad_patterns(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		" ",
		"a ]",
		"a [b",
		"a {b]",
		"a {b|}",
		"a []",
		"[a]",
		"a |",
		"a b.c",
		"a {[b]}",
		"{{{{{{a}}}}}}",
		"a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15 a16 a17 a18 a19 a20 a21 a22 a23 a24 a25 a26 a27 "
		"a28 "
		"a29 a30 a31 a32",
	};
	struct grammar g = {0};
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (grammar_add(&g, i, bad[i], "") != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(g.n_commands, 0);
	for (unsigned i = 0; i < GRAMMAR_COMMANDS_MAX; i++)
		assert_int_equal(grammar_add(&g, i, "a", ""), 0);
	assert_int_equal(grammar_add(&g, 0, "a", ""), -ENOSPC);
}

/* The real table: every row compiles, fits the rows' own shortest line, and no two rows fit the same line. */
static void
test_command_table(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *line;
	} rows[] = {
#define CLI_COMMAND(id, pattern, help) {pattern, NULL},
#include <cli/command.def>
#undef CLI_COMMAND
	};
	struct grammar g = {0};
	for (unsigned i = 0; i < CLI_N_COMMANDS; i++)
		assert_int_equal(grammar_add(&g, i, rows[i].pattern, ""), 0);
	for (unsigned i = 0; i < CLI_N_COMMANDS; i++) {
		const struct grammar_command *c = &g.commands[i];
		const char *line[REQUEST_WORDS_MAX];
		static char text[REQUEST_WORDS_MAX][32];
		uint32_t next = c->first;
		unsigned n = 0;
		/* The first way through the automaton that ends. */
		for (int t; next; next = c->tokens[t].follow) {
			t = __builtin_ctz(next);
			snprintf(text[n], sizeof text[n], "%.*s", c->tokens[t].len, c->tokens[t].text);
			line[n] = text[n];
			n++;
			if (c->last & UINT32_C(1) << t)
				break;
		}
		assert_int_equal(grammar_parse_words(&g, line, n, &parse, why, sizeof why), CLI_ERR_NONE);
		assert_int_equal(parse.command->id, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_prefixes), cmocka_unit_test(test_exact_word_beats_prefix),
		cmocka_unit_test(test_ambiguous),          cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_incomplete),         cmocka_unit_test(test_options_in_any_order_once),
		cmocka_unit_test(test_most_words),         cmocka_unit_test(test_small_reason),
		cmocka_unit_test(test_complete),           cmocka_unit_test(test_begins),
		cmocka_unit_test(test_bad_patterns),       cmocka_unit_test(test_command_table),
	};
	return cmocka_run_group_tests_name("cli/grammar", tests, build, NULL);
}
