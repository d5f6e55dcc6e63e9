/* frag.h - packets larger than what they must fit (RFC 791 3.2, RFC 1191). */
#ifndef DP_FRAG_H
#define DP_FRAG_H

#include "lcore.h"

/* frag_split: p, m at an IPv4 header, is larger than p->mtu.  With DF it is refused, the sender told; else cut into
 * fragments that fit, in `out`, which are copies of p in all but m.  Consumes p->m.  At most VEC_MAX fragments. */
void frag_split(struct lcore *lc, struct pkt *p, struct vec *out) ON_LCORE;

#endif
