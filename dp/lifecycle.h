/* lifecycle.h - the messages to MAIN that are never lost: SESSION_DEAD and SESSION_CLOSED.
 *
 * When the ring is full a message waits: at most one for each session, on a list through the slots, so that no memory is
 * needed for it.  What is said is made when it is sent, from the slot: that stays as it was at the end until MAIN, having
 * read SESSION_CLOSED, opens another session there.  Owner: the worker core.
 */
#ifndef DP_LIFECYCLE_H
#define DP_LIFECYCLE_H

#include "lcore.h"

/* lifecycle_send: kind is PENDING_DEAD, or PENDING_CLOSED after the generation was bumped. */
void lifecycle_send(struct lcore *lc, struct dp_session *s, enum session_pending kind) ON_LCORE;

/* lifecycle_flush: sends what waits, as far as there is room. */
void lifecycle_flush(struct lcore *lc) ON_LCORE;

#endif
