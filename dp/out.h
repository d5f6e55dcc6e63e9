/* out.h - stages ADJ and TX: from a next hop to a frame, and to the ports. */
#ifndef DP_OUT_H
#define DP_OUT_H

#include "lcore.h"

/* out_adj: stage ADJ.  In: packets with nh ADJ or GLEAN, m at an IPv4 header.  Empties v: into lc->tx, lc->hold, or
 * dropped.  Larger than the interface's MTU: moved to `big` (mtu set). */
void out_adj(struct lcore *lc, struct lane *v, struct lane *big) ON_LCORE;

/* out_frame: one frame, complete, on an interface. */
void out_frame(struct lcore *lc, unsigned iface, struct rte_mbuf *m) ON_LCORE;

/* out_ip: m at an IPv4 header, to a neighbour whose MAC address is known: the adjacency's word. */
void out_ip(struct lcore *lc, unsigned iface, uint64_t word, struct rte_mbuf *m) ON_LCORE;

/* out_flush: stage TX for one port: bounded retry, the rest is dropped as TX_FULL. */
void out_flush(struct lcore *lc, unsigned port) ON_LCORE;

/* out_summing: the interface by which a packet of len octets (from the IP header on) leaves whole for an adjacency, when its
 * device fills in UDP checksums; else NULL. */
const struct iface *out_summing(const struct lcore *lc, uint32_t nh, uint32_t len) ON_LCORE;

#endif
