/* stream.h - TCP in the packet's way: segments to their connections, what is spoken on them, and packets out.
 *
 * dp/tcp knows streams; what is spoken on one is of the listener that took it (enum dp_stream), and lies in the low octet
 * of the connection's `user` number.  The rest of that number is of those who speak it.
 */
#ifndef DP_STREAM_H
#define DP_STREAM_H

#include "lcore.h"
#include "tcp/tcp.h"

static inline enum dp_stream
stream_kind(uint64_t user)
{
	return (enum dp_stream)(user & 0xff);
}

static inline uint64_t
stream_user(enum dp_stream kind, uint64_t rest)
{
	return (uint64_t)kind | rest << 8;
}

/* stream_limits: what so many connections need beside themselves; of a core's mbufs, a quarter may wait to be acknowledged,
 * and a twentieth lie out of order. */
struct tcp_limits stream_limits(uint32_t conns, uint32_t mbufs) ANY_THREAD;

/* stream_init: lc->tcp, in memory of tcp_bytes(stream_limits()); when n_conns, pool and now are set. */
void stream_init(struct lcore *lc, void *memory) INIT_ONLY;

/* stream_listen: a LISTEN_SET of protocol 6; false: there is no TCP here, or no place. */
bool stream_listen(struct lcore *lc, const struct dp_listen *l) ON_LCORE;

/* stream_up: In: segments to our addresses, m at the IP header (l4).  All are consumed. */
void stream_up(struct lcore *lc, struct lane *v) ON_LCORE;

/* stream_icmp: ICMP or ICMPv6 (m at the IP header, l4); true: it is an error that quotes a segment (quote.h), and TCP has heard
 * of it (RFC 1191, RFC 8201, RFC 5927), or does not believe it, which is counted.  Then m is consumed. */
bool stream_icmp(struct lcore *lc, const struct pkt *p) ON_LCORE;

/* stream_turn: timers, events, grants: once a turn of the loop. */
void stream_turn(struct lcore *lc) ON_LCORE;

/* stream_out: up to VEC_MAX packets that are due, as packets of ours that take the access table's lookup. */
void stream_out(struct lcore *lc, struct vec *v) ON_LCORE;

#endif
