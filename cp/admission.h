/* admission.h - who may come in: from the proof that PPP has received to the answer that PPP is given.
 *
 * The order: the backends of authentication.mode (backend.h), whether the user has all sessions that he may have
 * (Port-Limit, else `single-session`), an address (addresses.c), the worker's first gate, the answer.  With single-session = "replace" the newer login waits
 * until the older session has ended completely: its slot is free, its address returned, its end logged and counted;
 * only then is the newer one admitted, in the same turn of MAIN, so that a returning user's address is his before
 * anybody else asks.  An old session whose peer does not answer is given a second for its leave.
 *
 * A challenge of an open session (authentication.interval) goes to the backend that let the peer in; nothing is decided
 * anew, but it must be the same user.  Silence then is no reason to end anything, except with MS-CHAPv2, whose peer must not
 * go on without our proof.
 *
 * MAIN only.  The index of sessions by user name counts a user over all protocols.
 */
#ifndef CP_ADMISSION_H
#define CP_ADMISSION_H

#include "backend.h"
#include "session.h"

/* admission_request: PPP's auth_request.  Answers by ppp_auth_result, in the call or later. */
void admission_request(struct session *s, const struct ppp_auth_request *req, struct mono now) ON_MAIN;

/* admission_verdict: the answer of a backend that had none in its ask.  The login is gone afterwards. */
void admission_verdict(struct login *login, struct verdict *verdict, struct mono now) ON_MAIN;

/* admission_left: s is being freed; a login that has waited for it is admitted. */
void admission_left(struct session *s, struct mono now) ON_MAIN;

/* admission_renew: the session's time is over, and its server wants to be asked for more (Termination-Action, RFC 2865 5.29):
 * the peer is challenged, and the answer's time-outs, interval, Class and State count from then on; a no, or none, is the
 * session's end.  false: its peer cannot be challenged. */
bool admission_renew(struct session *s, struct mono now) ON_MAIN;

/* admission_stop: s is ending: it asks nobody any more and waits for nobody. */
void admission_stop(struct session *s) ON_MAIN;

#endif
