/* answer.h - shows what the server answers, as text or as JSON (protocol: cli/server.h).
 *
 * The presentation is this side's work: alignment, order, units.  Prints to stdout; reasons go to stderr. */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include <stdbool.h>

#include "talk.h"

/* The exit status of the program. */
enum { STATUS_OK, STATUS_FAILED, STATUS_USAGE, STATUS_NO_SERVER };

/* answer_show: reads to the end of the answer; the status to exit with. */
int answer_show(struct talk *t, bool json);

#endif
