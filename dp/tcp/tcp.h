/* tcp.h - TCP on a worker core: connections of both roles over IPv4 and IPv6, as stages and without callbacks.
 *
 * What.  Segments go in, byte streams and news of connections come out; records go in, IP packets come out.  TCP knows
 * neither ports nor neighbours nor MAIN: a packet is an mbuf that starts at its IP header, its way out is the caller's to
 * look up.  What is received is passed on in order and in the caller's hands at once; what is to be sent is asked for
 * when it can leave (tcp_grant), so that what is sealed need not wait and queueing is done where packets can still be dropped.
 *
 * Thread.  One struct tcp for each worker core, its only caller.  No lock, no heap, no clock: `now` is passed in.
 *
 * Memory.  tcp_bytes() of it, given by the caller at start: connections (TCP_CONN_BYTES each and TCP_PLACE_BYTES in the hash
 * table), congestion state for those that have data in flight or out of order, half-open and TIME_WAIT entries of 80,
 * segments.  Packet buffers come from the core's mempool; how many the send queues and the out-of-order queues may hold is
 * bounded (struct tcp_limits), and new connections are refused when any of these is 90 % used.
 *
 * Congestion state.  Kept for ten seconds of rest, or until another needs it.  When all is in use, who wants to send waits in
 * line, and who has had it for a second sends no new data until what is out is acknowledged, then goes to the end of the
 * line: a connection waits, but none for ever.  What came out of order needs it too, and is dropped when it is given to another.
 *
 * Names.  A connection is a u64 handle (dp/handle.h: core, slot, generation).  Each call takes the handle and finds the
 * slot again: a handle whose connection has ended finds nothing, and the call says so.  No pointer into TCP survives.
 * The caller's own number for it (`user`) comes with every event.
 *
 * Life cycle.  Passive: tcp_listen, then a burst's `opened`.  Active: tcp_connect, then `opened`, or an event GONE.
 * Data up in `data`; news that needs no data in tcp_events.  Every connection that was in `opened` or came from
 * tcp_connect ends with exactly one GONE, the last that is heard of it, whoever ended it: there the caller frees its own.
 * It may have ended within the burst that opened it: calls then find nothing, but for tcp_set_user, so that GONE has the
 * caller's number whenever it comes.
 *
 *	tcp_rx(t, in, n, &burst);                                 one burst of a port
 *	for (i < burst.n_opened)  tcp_set_user(t, burst.opened[i].conn, mine);     before its data, which may be in here too
 *	for (i < burst.n_data)    take(burst.data[i].user, burst.data[i].m);       the caller's; later tcp_consumed
 *	n = tcp_events(t, ev, max);                               FIN, WRITABLE, GONE; after the data
 *	tcp_timers(t, quota);
 *	n = tcp_grant(t, g, max);                                 of those that tcp_want was called for
 *	for (i < n) { dequeue up to g[i].room, seal; tcp_append(t, g[i].conn, record); }
 *	n = tcp_output(t, out, max);                              ACKs, repairs, new data
 *
 * Receiving.  The bytes in `data` count against the window until tcp_consumed says that they are done with: a caller who
 * cannot go on keeps them, and the peer waits.  The window grows to twice what the caller takes in a round trip, as far as
 * rcv_max and the share of out-of-order data allow, and back when buffers are scarce.  Out-of-order segments are bounded by the memory that they pin.
 *
 * Sending.  tcp_append takes one record, which becomes one segment if it fits; tcp_push copies a few bytes (control,
 * handshakes).  A granted connection may append until `room` is reached or passed: the last record may be larger than
 * what is left, so that a small window stops nobody, and what is beyond the window waits.
 *
 * RFCs, each beside its code: 9293, 1122 4.2, 7323, 2018, 2883, 6675, 8985, 6298, 5681, 3042, 6582, 9438, 9406, 9937, 6928, 7661,
 * 5682, 4015, 3522, 3708, 5961, 6528, 4987, 6056, 1337, 6191, 1191, 8201, 5927, 4821, 3168, 6093, 6864, 6437.
 */
#ifndef DP_TCP_TCP_H
#define DP_TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <dp/drop.h>
#include <dp/handle.h>
#include <millrace/addr.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#define TCP_BURST 64
#define TCP_LISTENERS 64
#define TCP_CONN_BYTES 240 /* an idle connection; tcp_bytes tells the rest */
#define TCP_PLACE_BYTES 16 /* of it in the hash table, which is half empty */

/* Room in front of a record, for all headers down to Ethernet: with less, tcp_append copies. */
#define TCP_HEADROOM 120

struct tcp;

enum tcp_stat {
#define TCP_STAT(name, text) TCP_STAT_##name,
#include "stat.def"
#undef TCP_STAT
	TCP_STAT_COUNT
};

struct tcp_limits {
	uint32_t conns;         /* connections; at most 1 << 22 */
	uint32_t active;        /* of them with data in flight, out of order, or just had */
	uint32_t half_open;     /* SYNs answered without cookies; from half of them on, cookies */
	uint32_t time_waits;    /* the oldest goes when another needs its place */
	uint32_t segments;      /* queued to be sent, not acknowledged yet, or out of order */
	uint32_t send_mbufs;    /* held by send queues */
	uint32_t reorder_mbufs; /* held by out-of-order queues */
	uint32_t rcv_bytes;     /* receive window of a connection, up to 1 GiB */
	uint32_t rcv_max;   /* what it grows to for a peer who fills it and a user who takes it; less: it does not */
	uint32_t snd_bytes; /* send queue of a connection */
	uint16_t mtu;       /* of the links, IP header included */
};

struct tcp_start {
	struct tcp_limits limits;
	unsigned lcore;  /* goes into the handles */
	uint8_t key[32]; /* random: hash table, sequence numbers, cookies, time stamps */
	struct rte_mempool *pool;
	uint64_t *drops;          /* DROP_COUNT of them, the core's counters */
	bool checksum_by_device;  /* fill in the pseudo header's sum and ask for the rest (RTE_MBUF_F_TX_TCP_CKSUM) */
	bool ecn;                 /* RFC 3168: ask for it, and agree */
	uint32_t user_timeout_ms; /* data unacknowledged for so long ends the connection; 0: 30 s */
	uint32_t keepalive_ms;    /* of silence, then probes (RFC 9293 3.8.4); 0: none */
};

/* tcp_bytes: memory that tcp_init needs, aligned to 64. */
size_t tcp_bytes(const struct tcp_limits *l) ANY_THREAD;
struct tcp *tcp_init(void *memory, const struct tcp_start *s, struct mono now) INIT_ONLY;
/* tcp_fini: gives all buffers back to their pool. */
void tcp_fini(struct tcp *t) INIT_ONLY;

/* tcp_now: the time of all calls that follow, until it is called again: once a loop.  Never backwards. */
void tcp_now(struct tcp *t, struct mono now) ON_LCORE;

/* --- in ---------------------------------------------------------------------------------------------------------- */

/* A packet for us: m starts at the IP header, whose checks are done, in one buffer up to the end of the TCP header if it
 * can be had so (what is not, is dropped as TCP_SHORT); fragments are reassembled, extension headers skipped. */
struct tcp_in {
	struct rte_mbuf *m;
	uint16_t l4; /* offset of the TCP header */
	uint32_t
		nh; /* the way back, kept with the connection: any u32 of the caller's (tcp_out); tcp_set_nh changes it */
};

struct tcp_opened {
	uint64_t conn, user; /* user: of tcp_listen or tcp_connect */
	struct addr local, peer;
	uint16_t local_port, peer_port;
	bool active; /* ours: tcp_connect */
};

struct tcp_data {
	uint64_t conn, user; /* user: as it was before this burst; of a connection opened in it, the listener's */
	struct rte_mbuf *m;  /* payload alone, in order; a chain whose first buffer may be empty */
	uint32_t len;
};

struct tcp_burst {
	unsigned n_opened, n_data;
	struct tcp_opened opened[TCP_BURST];
	struct tcp_data data[TCP_BURST]; /* one for each connection that received something */
};

/* tcp_rx: takes n <= TCP_BURST packets; fills *burst.  All mbufs are consumed: handed back in burst->data, kept, or
 * counted in `drops` and freed. */
void tcp_rx(struct tcp *t, const struct tcp_in *in, unsigned n, struct tcp_burst *burst) ON_LCORE;

/* What an ICMP error says about a connection, from the packet that it quotes (RFC 5927: `seq` must be in flight). */
enum tcp_error { TCP_ERROR_TOO_BIG, TCP_ERROR_UNREACHABLE };

struct tcp_quote {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint32_t seq;
	uint16_t mtu; /* TOO_BIG: of the next hop; 0: it does not say (RFC 1191 5) */
};

/* tcp_icmp: DROP_NONE, or why it is not believed. */
enum drop tcp_icmp(struct tcp *t, enum tcp_error error, const struct tcp_quote *q) ON_LCORE;

enum tcp_gone {
	TCP_GONE_CLOSED,      /* both sides said FIN, and all is acknowledged */
	TCP_GONE_RESET,       /* by the peer */
	TCP_GONE_REFUSED,     /* our SYN was answered by RST */
	TCP_GONE_TIMEOUT,     /* user timeout, or no answer to our SYN */
	TCP_GONE_KEEPALIVE,   /* probes unanswered */
	TCP_GONE_UNREACHABLE, /* ICMP, before it was open */
	TCP_GONE_ABORTED,     /* by us: tcp_abort, or data for a connection closed by us */
	TCP_GONE_COUNT
};

enum tcp_what {
	TCP_FIN = 1 << 0,      /* the peer has sent all: no more data */
	TCP_WRITABLE = 1 << 1, /* after tcp_push took less than all */
	TCP_GONE = 1 << 2,
};

struct tcp_event {
	uint64_t conn, user;
	uint8_t what; /* enum tcp_what bits */
	uint8_t gone; /* enum tcp_gone, with TCP_GONE */
};

/* tcp_events: what has happened, one entry for each connection; none is lost when max is small. */
unsigned tcp_events(struct tcp *t, struct tcp_event *ev, unsigned max) ON_LCORE;

/* tcp_timers: runs what is due, `quota` looks at the wheels at most. */
void tcp_timers(struct tcp *t, unsigned quota) ON_LCORE;

/* --- out --------------------------------------------------------------------------------------------------------- */

/* tcp_want: the caller has something to append; tcp_grant says when and how much.  Cheap; once is enough until granted. */
void tcp_want(struct tcp *t, uint64_t conn) ON_LCORE;

/* tcp_prefetch: the connection will be asked for soon. */
void tcp_prefetch(const struct tcp *t, uint64_t conn) ON_LCORE;

struct tcp_grant {
	uint64_t conn, user;
	uint32_t room; /* bytes that can leave now: peer's window, congestion window, pacing, our bounds */
	uint16_t mss;  /* payload of one segment: the size at which a record is one packet */
};

/* tcp_grant: connections that want to send and can; each is asked once for each tcp_want: call that again if there is
 * more.  Who got less than it could use is remembered by TCP and granted when room appears. */
unsigned tcp_grant(struct tcp *t, struct tcp_grant *g, unsigned max) ON_LCORE;

/* tcp_append: takes a record (one mbuf or a chain, refcnt 1, TCP_HEADROOM in front).  0; else m stays the caller's:
 * -ENOTCONN (gone, or closed by us), -ENOBUFS (the queue is full: only beyond a grant). */
int tcp_append(struct tcp *t, uint64_t conn, struct rte_mbuf *m) ON_LCORE;

/* tcp_push: copies; returns how much it took, less than n when the send queue is full (WRITABLE follows), or -ENOTCONN. */
int tcp_push(struct tcp *t, uint64_t conn, const void *bytes, uint32_t n) ON_LCORE;

/* tcp_consumed: n bytes of `data` are done with; the window opens by as much. */
void tcp_consumed(struct tcp *t, uint64_t conn, uint32_t n) ON_LCORE;

struct tcp_out {
	struct rte_mbuf *m; /* starts at the IP header */
	uint32_t nh;        /* of tcp_in, tcp_connect or tcp_set_nh */
};

/* tcp_output: the packets that are due, up to max; the caller's from then on. */
unsigned tcp_output(struct tcp *t, struct tcp_out *out, unsigned max) ON_LCORE;

/* --- connections ------------------------------------------------------------------------------------------------- */

/* tcp_listen: connections to this address (any: 0.0.0.0 or ::) and port; `user` comes with them until tcp_set_user.
 * -ENOSPC beyond TCP_LISTENERS, -EEXIST.  tcp_unlisten: its connections live on. */
int tcp_listen(struct tcp *t, const struct addr *addr, uint16_t port, uint64_t user) ON_LCORE;
int tcp_unlisten(struct tcp *t, const struct addr *addr, uint16_t port) ON_LCORE;

struct tcp_connect {
	struct addr local, peer;
	uint16_t peer_port;
	uint16_t local_port;            /* 0: one is chosen (RFC 6056 3.3.4) */
	uint16_t port_first, port_last; /* of the choice; 0, 0: 49152 to 65535 */
	uint32_t nh;
	uint64_t user;
};

/* tcp_connect: sends a SYN.  0 and *conn; -EADDRINUSE, -ENOBUFS (a limit is reached). */
int tcp_connect(struct tcp *t, const struct tcp_connect *c, uint64_t *conn) ON_LCORE;

/* tcp_shutdown: FIN after what is queued; receiving goes on, for ever if the peer likes. */
void tcp_shutdown(struct tcp *t, uint64_t conn) ON_LCORE;
/* tcp_close: the same, and nobody here will read: data that comes now is answered by RST (RFC 9293 3.6.1). */
void tcp_close(struct tcp *t, uint64_t conn) ON_LCORE;
/* tcp_abort: RST, queues freed. */
void tcp_abort(struct tcp *t, uint64_t conn) ON_LCORE;

/* tcp_set_user: until its GONE was fetched. */
void tcp_set_user(struct tcp *t, uint64_t conn, uint64_t user) ON_LCORE;
void tcp_set_nh(struct tcp *t, uint64_t conn, uint32_t nh) ON_LCORE;
/* tcp_set_delayed_ack: until it is called with true every segment is acknowledged at once: negotiations do not wait. */
void tcp_set_delayed_ack(struct tcp *t, uint64_t conn, bool on) ON_LCORE;
/* tcp_set_rcv_bytes: the window's bound, which does not grow from then on; it only ever shrinks by being used up (RFC 9293 3.8.6). */
void tcp_set_rcv_bytes(struct tcp *t, uint64_t conn, uint32_t bytes) ON_LCORE;
void tcp_set_snd_bytes(struct tcp *t, uint64_t conn, uint32_t bytes) ON_LCORE;
void tcp_set_user_timeout(struct tcp *t, uint64_t conn, uint32_t ms) ON_LCORE;

struct tcp_info {
	const char *state; /* RFC 9293 3.3.2 */
	struct addr local, peer;
	uint16_t local_port, peer_port, mss;
	bool sack, timestamps, ecn;
	uint32_t cwnd, ssthresh, pipe; /* bytes */
	uint32_t srtt_us, rttvar_us, rto_ms, min_rtt_us;
	uint32_t snd_una, snd_nxt, rcv_nxt, snd_wnd, rcv_wnd;
	uint32_t queued, unsent, out_of_order, unconsumed; /* bytes */
};

/* tcp_info: false when there is no such connection. */
bool tcp_info(struct tcp *t, uint64_t conn, struct tcp_info *out) ON_LCORE;

struct tcp_use {
	uint32_t conns, active, half_open, time_waits, segments, send_mbufs, reorder_mbufs;
};
void tcp_use(const struct tcp *t, struct tcp_use *out) ON_LCORE;
/* tcp_stats: TCP_STAT_COUNT counters, written by the owner alone; MAIN may read them relaxed. */
const uint64_t *tcp_stats(const struct tcp *t) ANY_THREAD;

#endif
