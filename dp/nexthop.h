/* nexthop.h - stage NEXTHOP: sorts by the answer of the lookup.  (Next hops themselves: dp/nexthop.h.)
 *
 * Here the time to live goes down, and here packets that go nowhere are answered with an ICMP error.
 */
#ifndef DP_SORT_NEXTHOP_H
#define DP_SORT_NEXTHOP_H

#include "lcore.h"

/* nexthop: In: inner packets with nh, m at the inner header.  Survivors in v: towards neighbours.  To a session of this
 * core: `down`; of another core: `away`. */
void nexthop(struct lcore *lc, struct lane *v, struct lane *down, struct lane *away) ON_LCORE;

/* nexthop_refuse: drops p for `why`, counts it at the session it came from, and tells the sender if an ICMP error says
 * it: NO_ROUTE, DISCARD_ROUTE, IP4_TTL, IP4_TOO_BIG (p->mtu). */
void nexthop_refuse(struct lcore *lc, struct pkt *p, enum drop why) ON_LCORE;

#endif
