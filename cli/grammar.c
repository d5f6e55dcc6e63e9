#include "grammar.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FITS_MAX 256

/* A part of a pattern: where it may begin and end, and whether it may be left out. */
struct part {
	uint32_t first, last;
	bool optional;
};

/* Building.  Invariant: p lies in the pattern; bad stays set. */
struct build {
	struct grammar_command *c;
	const char *p;
	bool bad;
};

/* Walking: at[k], the positions of command k that the last word may be; used[k], the keywords it has used. */
struct walk {
	const struct grammar *g;
	bool begun;
	uint32_t at[GRAMMAR_COMMANDS_MAX], used[GRAMMAR_COMMANDS_MAX];
};

static struct part build_alternatives(struct build *b, unsigned depth);

bool
grammar_token_is(const struct grammar_token *t, const char *text)
{
	return strlen(text) == t->len && !memcmp(t->text, text, t->len);
}

static bool
same_token(const struct grammar_token *a, const struct grammar_token *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static bool
is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '-';
}

static void
link_follow(struct grammar_command *c, uint32_t from, uint32_t to)
{
	for (unsigned i = 0; i < c->n_tokens; i++)
		if (from & UINT32_C(1) << i)
			c->tokens[i].follow |= to;
}

static struct part
build_word(struct build *b)
{
	const char *start = b->p;
	while (is_word_char(*b->p))
		b->p++;
	size_t len = (size_t)(b->p - start);
	if (len == 0 || len > UINT8_MAX || b->c->n_tokens == GRAMMAR_TOKENS_MAX) {
		b->bad = true;
		return (struct part){0};
	}
	uint32_t bit = UINT32_C(1) << b->c->n_tokens;
	b->c->tokens[b->c->n_tokens++] =
		(struct grammar_token){.text = start, .len = (uint8_t)len, .argument = isupper((unsigned char)*start)};
	return (struct part){bit, bit, false};
}

static struct part
build_item(struct build *b, unsigned depth)
{
	char open = *b->p;
	if (open != '[' && open != '{')
		return build_word(b);
	b->p++;
	struct part part = build_alternatives(b, depth + 1);
	if (*b->p != (open == '[' ? ']' : '}')) {
		b->bad = true;
		return part;
	}
	b->p++;
	part.optional |= open == '[';
	if (!strncmp(b->p, "...", 3)) {
		link_follow(b->c, part.last, part.first);
		b->p += 3;
	}
	return part;
}

static struct part
build_sequence(struct build *b, unsigned depth)
{
	struct part seq = {0, 0, true};
	while (!b->bad && *b->p && !strchr("|]}", *b->p)) {
		struct part item = build_item(b, depth);
		link_follow(b->c, seq.last, item.first);
		seq.first |= seq.optional ? item.first : 0;
		seq.last = item.last | (item.optional ? seq.last : 0);
		seq.optional &= item.optional;
		while (*b->p == ' ')
			b->p++;
	}
	return seq;
}

static struct part
build_alternatives(struct build *b, unsigned depth)
{
	b->bad |= depth > 4;
	struct part all = {0};
	for (;;) {
		struct part seq = build_sequence(b, depth);
		/* An alternative of nothing is a slip of the pen: [] is what leaves things out. */
		b->bad |= seq.optional;
		all.first |= seq.first;
		all.last |= seq.last;
		if (b->bad || *b->p != '|')
			return all;
		b->p++;
	}
}

int
grammar_add(struct grammar *g, unsigned id, const char *pattern, const char *help)
{
	if (g->n_commands == GRAMMAR_COMMANDS_MAX)
		return -ENOSPC;
	struct grammar_command *c = &g->commands[g->n_commands];
	*c = (struct grammar_command){.id = id, .pattern = pattern, .help = help};
	struct build b = {.c = c, .p = pattern};
	struct part all = build_alternatives(&b, 0);
	if (b.bad || *b.p)
		return -EINVAL;
	c->first = all.first;
	c->last = all.last;
	g->n_commands++;
	return 0;
}

static uint32_t
keywords_of(const struct grammar_command *c)
{
	uint32_t keywords = 0;
	for (unsigned i = 0; i < c->n_tokens; i++)
		keywords |= c->tokens[i].argument ? 0 : UINT32_C(1) << i;
	return keywords;
}

/* next_of: the positions of c that may come after those in `at`, keywords in `used` not again. */
static uint32_t
next_of(const struct grammar_command *c, bool begun, uint32_t at, uint32_t used)
{
	uint32_t next = begun ? 0 : c->first;
	for (unsigned i = 0; i < c->n_tokens; i++)
		if (at & UINT32_C(1) << i)
			next |= c->tokens[i].follow;
	return next & ~used;
}

/* fits_of: the distinct tokens that may come next. */
static unsigned
fits_of(const struct walk *w, struct grammar_fit fits[FITS_MAX])
{
	unsigned n = 0;
	for (unsigned k = 0; k < w->g->n_commands; k++) {
		const struct grammar_command *c = &w->g->commands[k];
		uint32_t next = next_of(c, w->begun, w->at[k], w->used[k]);
		for (unsigned i = 0; i < c->n_tokens && n < FITS_MAX; i++) {
			unsigned same = 0;
			while (same < n && !same_token(fits[same].token, &c->tokens[i]))
				same++;
			if (next & UINT32_C(1) << i && same == n)
				fits[n++] = (struct grammar_fit){c, &c->tokens[i]};
		}
	}
	return n;
}

static bool
begins_with(const struct grammar_token *t, const char *word)
{
	size_t n = strlen(word);
	return !t->argument && n <= t->len && !memcmp(t->text, word, n);
}

/* pick: which of the fits the word stands for: exact keyword, then unique prefix, then argument; NULL with a reason. */
static const struct grammar_token *
pick(const struct grammar_fit *fits, unsigned n, const char *word, enum cli_err *err)
{
	const struct grammar_token *prefixed = NULL, *argument = NULL;
	unsigned n_prefixed = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct grammar_token *t = fits[i].token;
		if (!t->argument && grammar_token_is(t, word))
			return t;
		if (*word && begins_with(t, word)) {
			prefixed = t;
			n_prefixed++;
		}
		if (t->argument && !argument)
			argument = t;
	}
	*err = n_prefixed > 1 ? CLI_ERR_AMBIGUOUS : CLI_ERR_UNKNOWN_WORD;
	if (n_prefixed)
		return n_prefixed == 1 ? prefixed : NULL;
	return argument;
}

/* advance: moves every command to the positions that `picked` stands for: the same keyword, or any argument. */
static void
advance(struct walk *w, const struct grammar_token *picked)
{
	for (unsigned k = 0; k < w->g->n_commands; k++) {
		const struct grammar_command *c = &w->g->commands[k];
		uint32_t next = next_of(c, w->begun, w->at[k], w->used[k]);
		w->at[k] = 0;
		for (unsigned i = 0; i < c->n_tokens; i++) {
			const struct grammar_token *t = &c->tokens[i];
			bool same = picked->argument ? t->argument : !t->argument && same_token(t, picked);
			if (next & UINT32_C(1) << i && same)
				w->at[k] |= UINT32_C(1) << i;
		}
		w->used[k] |= w->at[k] & keywords_of(c);
	}
	w->begun = true;
}

__attribute__((format(printf, 3, 4))) static void
append(char *buf, size_t size, const char *format, ...)
{
	size_t len = strlen(buf);
	va_list args;
	va_start(args, format);
	vsnprintf(buf + len, size - len, format, args);
	va_end(args);
}

/* list_fits: "a, b or C", of those that begin with the word (NULL: of all). */
static void
list_fits(const struct grammar_fit *fits, unsigned n, const char *word, char *buf, size_t size)
{
	const struct grammar_token *last = NULL;
	bool any = false;
	for (unsigned i = 0; i < n; i++) {
		if (word && !begins_with(fits[i].token, word))
			continue;
		if (last)
			append(buf, size, "%s%.*s", any ? ", " : "", last->len, last->text);
		any |= last != NULL;
		last = fits[i].token;
	}
	if (last)
		append(buf, size, "%s%.*s", any ? " or " : "", last->len, last->text);
}

static void
explain(enum cli_err err, const char *word, const struct grammar_fit *fits, unsigned n, char *why, size_t size)
{
	why[0] = '\0';
	if (err == CLI_ERR_INCOMPLETE)
		append(why, size, "%s: expected ", cli_err_text(err));
	else
		append(why, size, "'%.64s' %s: expected ", word, cli_err_text(err));
	if (n == 0)
		append(why, size, "nothing more");
	list_fits(fits, n, err == CLI_ERR_AMBIGUOUS ? word : NULL, why, size);
}

static const struct grammar_command *
finished(const struct walk *w)
{
	for (unsigned k = 0; k < w->g->n_commands; k++)
		if (w->at[k] & w->g->commands[k].last)
			return &w->g->commands[k];
	return NULL;
}

/* replay: the position of each word within the command that won, which takes the words as keyword or argument as the
 * walk did. */
static void
replay(const struct grammar_token *const *picked, unsigned n, struct grammar_parse *parse)
{
	const struct grammar_command *c = parse->command;
	uint32_t at = 0, used = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t next = next_of(c, i > 0, at, used);
		at = 0;
		for (unsigned t = 0; t < c->n_tokens && !at; t++) {
			const struct grammar_token *token = &c->tokens[t];
			bool same = picked[i]->argument ? token->argument : same_token(token, picked[i]);
			if (next & UINT32_C(1) << t && same) {
				at = UINT32_C(1) << t;
				parse->tokens[i] = token;
			}
		}
		used |= at & keywords_of(c);
	}
}

enum cli_err
grammar_parse_words(const struct grammar *g, const char *const *words, unsigned n, struct grammar_parse *parse,
		    char *why, size_t why_size)
{
	struct walk w = {.g = g};
	struct grammar_fit fits[FITS_MAX];
	const struct grammar_token *picked[REQUEST_WORDS_MAX];
	for (unsigned i = 0; i < n; i++) {
		unsigned n_fits = fits_of(&w, fits);
		enum cli_err err = CLI_ERR_NONE;
		picked[i] = pick(fits, n_fits, words[i], &err);
		if (!picked[i]) {
			explain(err, words[i], fits, n_fits, why, why_size);
			return err;
		}
		advance(&w, picked[i]);
	}
	*parse = (struct grammar_parse){.command = finished(&w)};
	if (!parse->command) {
		explain(CLI_ERR_INCOMPLETE, NULL, fits, fits_of(&w, fits), why, why_size);
		return CLI_ERR_INCOMPLETE;
	}
	replay(picked, n, parse);
	return CLI_ERR_NONE;
}

unsigned
grammar_complete(const struct grammar *g, const char *const *words, unsigned n, struct grammar_fit *fits, unsigned max)
{
	struct walk w = {.g = g};
	struct grammar_fit all[FITS_MAX];
	for (unsigned i = 0; i + 1 < n; i++) {
		enum cli_err err;
		const struct grammar_token *picked = pick(all, fits_of(&w, all), words[i], &err);
		if (!picked)
			return 0;
		advance(&w, picked);
	}
	unsigned n_all = fits_of(&w, all), found = 0;
	for (unsigned i = 0; i < n_all && found < max; i++)
		if (all[i].token->argument || begins_with(all[i].token, words[n - 1]))
			fits[found++] = all[i];
	return found;
}

bool
grammar_begins(const struct grammar_command *c, const char *const *words, unsigned n)
{
	uint32_t at = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t next = next_of(c, i > 0, at, 0);
		at = 0;
		for (unsigned t = 0; t < c->n_tokens; t++)
			if (next & UINT32_C(1) << t && (c->tokens[t].argument || begins_with(&c->tokens[t], words[i])))
				at |= UINT32_C(1) << t;
		if (!at)
			return false;
	}
	return true;
}
