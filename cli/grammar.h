/* grammar.h - the command patterns (cli/command.def) as one automaton, and words against it.
 *
 * Each pattern is compiled to its positions (keywords and arguments) and what may follow each of them (Glushkov's
 * construction, one bit a position).  A line of words walks all commands at once, and at each word a keyword that is
 * written out wins, then the one keyword that the word is a prefix of, then an argument.  A keyword is used at most
 * once in a command.
 *
 * Memory: the caller's; patterns and helps are borrowed.  Any thread once built. */
#ifndef CLI_GRAMMAR_H
#define CLI_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

#define GRAMMAR_COMMANDS_MAX 64
#define GRAMMAR_TOKENS_MAX 32

struct grammar_token {
	const char *text; /* into the pattern */
	uint8_t len;
	bool argument;
	uint32_t follow;
};

/* Invariant: bits of first, last and follow are below n_tokens. */
struct grammar_command {
	unsigned id;
	const char *pattern, *help;
	unsigned n_tokens;
	uint32_t first, last;
	struct grammar_token tokens[GRAMMAR_TOKENS_MAX];
};

struct grammar {
	unsigned n_commands;
	struct grammar_command commands[GRAMMAR_COMMANDS_MAX];
};

/* A line that fits: its command, and the token that each word stands for. */
struct grammar_parse {
	const struct grammar_command *command;
	const struct grammar_token *tokens[REQUEST_WORDS_MAX];
};

/* grammar_add: compiles one more command; -EINVAL when the pattern is malformed or too long, -ENOSPC. */
int grammar_add(struct grammar *g, unsigned id, const char *pattern, const char *help);

/* grammar_parse_words: fills parse, or returns UNKNOWN_WORD, AMBIGUOUS or INCOMPLETE and fills `why` with a sentence
 * that names the word and what would fit in its place. */
enum cli_err grammar_parse_words(const struct grammar *g, const char *const *words, unsigned n,
				 struct grammar_parse *parse, char *why, size_t why_size);

/* One thing that could be the next word. */
struct grammar_fit {
	const struct grammar_command *command;
	const struct grammar_token *token;
};

/* grammar_complete: what would fit as the last of n words (n > 0), given the start of it, which may be empty: distinct
 * keywords that begin so, and every argument, in the table's order.  Returns how many of max there are in fits; 0 also
 * when the words before do not fit. */
unsigned grammar_complete(const struct grammar *g, const char *const *words, unsigned n, struct grammar_fit *fits,
			  unsigned max);

/* grammar_begins: whether the command can begin with these words, each of which may be a prefix (for `help`). */
bool grammar_begins(const struct grammar_command *c, const char *const *words, unsigned n);

bool grammar_token_is(const struct grammar_token *t, const char *text);

#endif
