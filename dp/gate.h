/* gate.h - stage GATE_UP: what a subscriber may send. */
#ifndef DP_GATE_H
#define DP_GATE_H

#include "lcore.h"

/* gate_up: In: IPv4 packets out of sessions (s), m at the inner header.  Survivors: valid, through open gates, from the
 * subscriber's own address or one that is routed to him; counted; dst and l4 set. */
void gate_up(struct lcore *lc, struct lane *v) ON_LCORE;

/* gate_closed: why a session takes no IPv4, or DROP_NONE. */
enum drop gate_closed(const struct dp_session *s) ON_LCORE;

#endif
