/* hold.h - packets that wait for a neighbour to be resolved: one each; MAIN is asked once a second (RFC 1812 3.3.2,
 * RFC 1122 2.3.2.2).  What does not find a place is dropped and counted. */
#ifndef DP_HOLD_H
#define DP_HOLD_H

#include "lcore.h"

/* hold_keep: keeps or drops p->m (at its IP header), and asks MAIN to resolve. */
void hold_keep(struct lcore *lc, struct pkt *p, uint16_t iface, const struct addr *a) ON_LCORE;

/* hold_take: what was kept for the neighbour, or NULL. */
struct rte_mbuf *hold_take(struct lcore *lc, uint16_t iface, const struct addr *a) ON_LCORE;

/* hold_expire: drops what has waited for too long; all of it, when now is MONO_NEVER. */
void hold_expire(struct lcore *lc, struct mono now) ON_LCORE;

#endif
