/* ask.h - for tests: a command to the control socket of a cp, and the answer. */
#ifndef CP_ASK_H
#define CP_ASK_H

#include "cp.h"

/* ask: the answer, lines of JSON, valid until the next.  The socket is at path, and gone afterwards. */
const char *ask(struct cp *cp, const char *path, const char *command, struct mono now);

#endif
