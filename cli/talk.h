/* talk.h - the program's end of the control socket: one request, then lines until the server closes.
 *
 * Blocking; a server that says nothing for TALK_SILENCE_S counts as gone.  The owner is the only caller. */
#ifndef CLI_TALK_H
#define CLI_TALK_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define TALK_SILENCE_S 60

struct talk {
	FILE *in;
	char *line;
	size_t line_size;
};

/* talk_open: connects; -errno. */
int talk_open(struct talk *t, const char *path);

/* talk_ask: sends the words to be run, or to be completed; -EILSEQ when one is not UTF-8, else -errno. */
int talk_ask(struct talk *t, const char *const *words, unsigned n, bool complete);

/* talk_line: the next line in t->line, newline included; its length, or 0 at the end, or -errno. */
ssize_t talk_line(struct talk *t);

void talk_close(struct talk *t);

/* talk_explain: to stderr, why there is no connection, and what to do about it. */
void talk_explain(const char *path, int err);

#endif
