/* request.h - one request line of the control socket (protocol: cli/server.h).  Any thread; the caller's memory. */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define REQUEST_MAX 4096
#define REQUEST_WORDS_MAX 32

enum cli_err {
#define CLI_ERR(name, text) CLI_ERR_##name,
#include "err.def"
#undef CLI_ERR
};

struct request {
	json_t *root; /* owns the words */
	const char *words[REQUEST_WORDS_MAX];
	unsigned n_words;
	bool complete; /* asks what would fit as the last word */
};

const char *cli_err_text(enum cli_err err);

/* request_parse: fills r from n bytes (a line without its newline), or leaves it empty and says why not.  Words are
 * NUL-terminated, may be empty and may hold any other character. */
enum cli_err request_parse(struct request *r, const char *line, size_t n);

/* request_fini: releases the words; harmless on an empty request. */
void request_fini(struct request *r);

#endif
