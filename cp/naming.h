/* naming.h - what sessions are called: l2tp0, l2tp1 (ifname of the protocol), or a name of their own.
 *
 * A session begins under the lowest free number of its protocol.  When its user's profile names it, that name is taken,
 * unless another session has it: then it stays what it was, as is logged.  MAIN only.
 */
#ifndef CP_NAMING_H
#define CP_NAMING_H

#include "session.h"

/* naming_begin: a numbered name; nothing when it has a name already. */
void naming_begin(struct session *s) ON_MAIN;

/* naming_profile: the name that s->profile says, or a numbered one when it says none. */
void naming_profile(struct session *s) ON_MAIN;

void naming_end(struct session *s) ON_MAIN;

#endif
