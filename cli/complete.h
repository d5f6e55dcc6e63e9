/* complete.h - what would fit as the last word of a line: keywords of the grammar, columns of a table.  MAIN only. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include <cli/reply.h>

#include "grammar.h"
#include "out.h"

/* complete: writes one candidate a line, each the whole word, into the empty buffer `out`, at most CLI_STEP_MAX bytes.
 * handlers are by command. */
void complete(const struct grammar *g, const struct cli_handler *handlers, const struct request *r, struct out *out);

#endif
