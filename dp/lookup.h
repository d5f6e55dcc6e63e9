/* lookup.h - stage LOOKUP: the one inner lookup of both directions.
 *
 * First the exact table (our own addresses, subscribers, neighbours on links), then the routes of the table that the
 * packet names.  Both in bulk: the last words, of which there are many, are on their way while the others are looked for.
 */
#ifndef DP_LOOKUP_H
#define DP_LOOKUP_H

#include "lcore.h"

/* lookup_sub4: sets nh of n packets by dst; NH_NONE when the exact table has nothing. */
void lookup_sub4(struct lcore *lc, struct pkt **p, unsigned n) ON_LCORE;

/* lookup: stage LOOKUP.  Sets nh of every packet; FROM_CORE has had its exact lookup in stage IP4.  All survive.  Begins
 * to fetch the sessions that were found. */
void lookup(struct lcore *lc, struct lane *v) ON_LCORE;

/* lookup6: stage LOOKUP6.  Sets nh of packets of ours by the IPv6 routes of the table that they name (iface: of a
 * link-local destination).  All survive. */
void lookup6(struct lcore *lc, struct lane *v) ON_LCORE;

/* lookup_one: the same for one address in the core table, for questions asked rarely. */
uint32_t lookup_one(struct lcore *lc, uint32_t ip4) ON_LCORE;

#endif
