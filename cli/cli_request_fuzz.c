/* Any bytes as a request line: the parser, the grammar of the real table, help, completion and expressions. */
#include <stdint.h>
#include <stdlib.h>

#include <cli/command.h>

#include "grammar.h"
#include "match.h"
#include "request.h"
#include "text.h"

static struct grammar grammar;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const patterns[] = {
#define CLI_COMMAND(id, pattern, help) pattern,
#include <cli/command.def>
#undef CLI_COMMAND
	};
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < CLI_N_COMMANDS; i++)
		if (grammar_add(&grammar, i, patterns[i], "") < 0)
			abort();
	return 0;
}

static void
walk(const struct request *r)
{
	struct grammar_parse parse;
	struct grammar_fit fits[16];
	char why[128];
	enum cli_err err = grammar_parse_words(&grammar, r->words, r->n_words, &parse, why, sizeof why);
	for (unsigned i = 0; !err && i < r->n_words; i++)
		if (!parse.tokens[i])
			abort();
	if (r->n_words)
		grammar_complete(&grammar, r->words, r->n_words, fits, 16);
	for (unsigned i = 0; i < grammar.n_commands; i++)
		grammar_begins(&grammar.commands[i], r->words, r->n_words);
}

static void
compare(const char *pattern)
{
	struct match m;
	char error[64], subject[64];
	size_t n = text_value(subject, sizeof subject, cli_string(pattern));
	if (match_init(&m, pattern, error, sizeof error) == 0)
		match_text(&m, subject, n);
	match_fini(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request r;
	if (size > REQUEST_MAX || request_parse(&r, (const char *)data, size))
		return 0;
	walk(&r);
	for (unsigned i = 0; i < r.n_words; i++)
		compare(r.words[i]);
	request_fini(&r);
	return 0;
}
