/* call.h - one command in the making: its words, its table's selection, and the answer so far.
 *
 * Behind cli/reply.h.  Owned by one client slot of the server; MAIN only. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include <cli/reply.h>

#include "grammar.h"
#include "match.h"
#include "out.h"
#include "request.h"

/* What a step needs of the buffer before it may run: its own piece, the head of a table and the last line. */
#define CALL_ROOM (CLI_STEP_MAX + 8192)
#define CALL_ERROR_MAX 512

enum call_status { CALL_OK, CALL_FAILED, CALL_MISUSED };

/* What cli_row sends: all columns that are shown, then those that only `order` needs. */
struct selection {
	uint8_t columns[CLI_COLUMNS_MAX + 1];
	unsigned n_shown, n_sent;
	int order;        /* index into columns, -1 for none */
	int match_column; /* of the handler, -1 for none */
};

struct call {
	struct cli_call pub;
	const struct cli_handler *handler;
	void *context;
	struct out *out;
	struct request request;
	struct grammar_parse parse;
	struct selection selection;
	struct match match;
	enum { ANSWER_NOTHING, ANSWER_TABLE, ANSWER_OBJECT, ANSWER_TEXT } form;
	unsigned depth;
	enum call_status status;
	char error[CALL_ERROR_MAX];
};

/* call_open: binds the parsed words to a handler and checks COLUMNS, COLUMN and REGEX; `out` stays the caller's, the
 * request becomes the call's.  Leaves status CALL_MISUSED and the reason in error when an argument is wrong; such a
 * call is only to be finished and closed. */
void call_open(struct call *call, const struct cli_handler *handler, void *context, struct out *out) ON_MAIN;

/* call_step: one step of the handler.  The buffer has CALL_ROOM.  CLI_DONE and CLI_FAIL mean that the last line has
 * been written. */
enum cli_step call_step(struct call *call, struct mono now) ON_MAIN;

/* call_refuse: records why the command is not run. */
void call_refuse(struct call *call, enum call_status status, const char *why) ON_MAIN;

/* call_finish: writes the last line of the answer. */
void call_finish(struct call *call) ON_MAIN;

/* call_close: releases what the call holds; harmless twice. */
void call_close(struct call *call) ON_MAIN;

#endif
