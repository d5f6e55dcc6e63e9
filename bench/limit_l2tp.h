/* limit_l2tp.h - the bare mechanism of an L2TP data path: what the work costs when nothing but the work is done.
 *
 * Parse, session by direct index, peer and source check, token bucket, counters, time to live, lookup, headers; in
 * vectors with prefetch, as path.c works.  What path.c has and this has not: checks of header checksums and lengths,
 * VLANs, gates, options and forms of the headers, MTU, ICMP, more than one neighbour, hand-over, counting of reasons.
 * Its cycles are the floor beside which the benchmark prints ours.  One thread.
 */
#ifndef BENCH_LIMIT_L2TP_H
#define BENCH_LIMIT_L2TP_H

#include <stdalign.h>
#include <stdint.h>

#include <rte_fib.h>
#include <rte_mbuf.h>

#define LIMIT_BURST 64
#define LIMIT_HEADERS 52 /* Ethernet, IPv4, UDP, L2TP, PPP */

struct limit_bucket {
	uint64_t last, cap;
	int64_t tokens;
	uint32_t rate, refused;
};

struct limit_session {
	alignas(64) uint32_t ip4; /* line 0: up */
	uint32_t peer_ip4;
	uint16_t tid, sid, open, mtu;
	uint64_t up_packets, up_bytes;
	struct limit_bucket up;
	alignas(64) uint8_t template[64];  /* line 1: down, right-aligned */
	alignas(64) uint64_t down_packets; /* line 2: down */
	uint64_t down_bytes;
	struct limit_bucket down;
	alignas(64) uint8_t spare[64];
};
_Static_assert(sizeof(struct limit_session) == 256, "as large as ours");

struct limit {
	struct limit_session *sessions;
	uint32_t n_sessions;
	uint32_t *tunnels;     /* by tunnel id: first slot */
	uint32_t *subscribers; /* by address - first_ip4: slot + 1 */
	uint32_t first_ip4;
	struct rte_fib *routes;
	uint8_t eth_up[14];
	uint16_t ip_id;
};

/* limit_up, limit_down: n <= LIMIT_BURST frames; the survivors are in `out`, ready to send, their number is returned. */
unsigned limit_up(struct limit *l, struct rte_mbuf **m, unsigned n, struct rte_mbuf **out, uint64_t tsc);
unsigned limit_down(struct limit *l, struct rte_mbuf **m, unsigned n, struct rte_mbuf **out, uint64_t tsc);

/* limit_bucket_init: so full and fast that it never refuses. */
void limit_bucket_init(struct limit_bucket *b);

#endif
