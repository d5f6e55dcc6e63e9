#include "complete.h"

#include <string.h>

#define CANDIDATES_MAX 64

static void
candidate(struct out *o, const char *before, size_t n_before, const char *word, size_t n)
{
	char text[REQUEST_MAX];
	size_t whole = o->len;
	if (n_before + n > sizeof text)
		return;
	if (n_before)
		memcpy(text, before, n_before);
	memcpy(text + n_before, word, n);
	out_string(o, text, n_before + n);
	out_raw(o, "\n");
	if (o->len > CLI_STEP_MAX || o->overflow)
		o->len = whole;
	o->overflow = false;
}

/* columns: the handler's columns that continue `word`; in a list, its last name. */
static void
columns(struct out *o, const struct cli_handler *h, const char *word, bool list)
{
	const char *comma = list ? strrchr(word, ',') : NULL;
	const char *start = comma ? comma + 1 : word;
	for (unsigned i = 0; i < h->n_columns; i++) {
		const char *name = h->columns[i].name;
		if (!strncmp(name, start, strlen(start)))
			candidate(o, word, (size_t)(start - word), name, strlen(name));
	}
}

void
complete(const struct grammar *g, const struct cli_handler *handlers, const struct request *r, struct out *out)
{
	struct grammar_fit fits[CANDIDATES_MAX];
	if (!r->n_words)
		return;
	const char *word = r->words[r->n_words - 1];
	unsigned n = grammar_complete(g, r->words, r->n_words, fits, CANDIDATES_MAX);
	for (unsigned i = 0; i < n; i++) {
		const struct grammar_token *t = fits[i].token;
		const struct cli_handler *h = &handlers[fits[i].command->id];
		if (!t->argument)
			candidate(out, NULL, 0, t->text, t->len);
		else if (grammar_token_is(t, "COLUMNS") || grammar_token_is(t, "COLUMN"))
			columns(out, h, word, grammar_token_is(t, "COLUMNS"));
	}
}
