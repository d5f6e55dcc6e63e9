/* conn.h - TCP connections of a worker core and what is spoken on them: SSTP over TLS, PPTP's control connection.
 *
 * A connection's life: PROXY header, if the listener has one; TLS handshake, made by OFFLOAD; then MAIN is told
 * (CONN_OPEN).  SSTP: an HTTP head, whole, for MAIN; then packets: control for MAIN, data for its session.  PPTP: bytes
 * for MAIN as they come.  In the end CONN_GONE, once.
 *
 *	PROXY -> HANDSHAKE -> HEAD -> PACKETS -> ENDING -> FREE
 *	         \_________________(PPTP) PLAIN _/
 *
 * Up:   tcp_rx -> tls_open -> `in`, the bytes of a connection that are not framed yet -> sstp_up -> PPP_UP
 *       (conn_up.c; until MAIN knows the connection, conn_setup.c).
 * Down: the session's packets wait in its queue (queue.h) until TCP can send (tcp_grant), and only then get their
 *       headers, a record, and a place in TCP's queue: so what is sealed leaves at once, and what waits can be dropped.  Sealed
 *       without a grant, and waiting like any byte of TCP's, is only what TLS answers by itself: alerts, one KeyUpdate,
 *       OFFLOAD's handshakes and relayed answers (CONN_RELAYED_UNSENT).
 *       Control (of SSTP, PPP's negotiation, echo) goes first and does not end with the session (conn_down.c).
 *
 * The peer's end (close_notify, FIN, an alert, RST) may come in one burst with its last words, of which TLS may still be at work: those
 * are taken first, for CONN_ENDING_S at most, then ENDING begins.
 *
 * A handshake begins with the client's first byte; who says nothing, or not all of a ClientHello, has CONN_HELLO_S.  One
 * source does not take all places, handshakes or queues of those that have no session yet (source.h), and all of these
 * together not more than a quarter of the queues.
 *
 * What finds the ring to MAIN full stays where it is, and TCP's window closes.  Bounds: an HTTP head of SSTP_HTTP_MAX, a
 * packet of 4095, TCP's window for the rest of one connection; for all of them together a tenth of the core's buffers: then
 * one that holds no less than the average is ended when it sends more.
 *
 * Owner: the worker core.  Memory: conns_bytes() at start, and what tcp.h, tls.h and queue.h say of theirs.
 */
#ifndef DP_CONN_H
#define DP_CONN_H

#include <tls-offload/tls.h>

#include "lcore.h"
#include "queue.h"
#include "source.h"
#include "stream.h"

#define CONN_NONE UINT32_MAX
#define CONN_WHEEL_SLOTS 4096
#define CONN_WHEEL_TICK_US 65536
#define CONN_WAITS_FEW 4 /* buffers: a record of one packet, wherever it is cut */
#define CONN_SET_UP_S 60 /* PROXY header and handshake */
#define CONN_HELLO_S 10  /* until the ClientHello is whole */
#define CONN_ENDING_S 10 /* for what is queued, and the peer's FIN */
#define CONN_CHUNKS 64
#define CONN_RELAYED_UNSENT 8192 /* bytes that TCP cannot send yet */
#define CONN_TALK_PER_S 200      /* messages of one connection to MAIN; what is more waits, and TCP's window closes */

enum conn_state { CONN_FREE, CONN_PROXY, CONN_HANDSHAKE, CONN_HEAD, CONN_PACKETS, CONN_PLAIN, CONN_ENDING };

struct conn {
	uint64_t tcp; /* 0: gone */
	struct tls_conn *tls;
	struct rte_mbuf *in;          /* in order, not framed yet */
	struct rte_mbuf *proxy;       /* the PROXY header, until CONN_OPEN */
	struct queue_ref queue;       /* what waits for the client */
	uint32_t generation;          /* of our handle */
	uint32_t slot;                /* its session, or SLOT_NONE */
	uint32_t head_seen;           /* bytes of `in` without the end of the head */
	uint32_t received, consumed;  /* bytes, of TCP */
	uint32_t waits;               /* buffers that the difference is in, here and in TLS */
	uint32_t next;                /* in the list of work, or of free ones */
	uint8_t state;                /* enum conn_state */
	uint8_t stream, listener_tls; /* enum dp_stream, enum dp_tls */
	bool listed;                  /* in the list of work */
	bool blocked;                 /* the ring to MAIN was full, or its share of it is used up */
	bool held_back;               /* the latter, of the message that is next: counted */
	bool opened;                  /* CONN_OPEN is said: CONN_GONE is due */
	bool gone_said;
	bool shut;       /* close_notify is sent, or was not needed: nothing can be sealed */
	bool closed;     /* tcp_close is called */
	bool hurry;      /* nothing of what is queued is worth sending */
	bool over;       /* the peer says no more: when what it has said is taken, the end begins, for `why` */
	bool asked;      /* an Echo Request is unanswered */
	bool heard;      /* since the timer was set */
	bool relayed;    /* its records are OFFLOAD's */
	uint8_t counted; /* 1 << enum source_share: in conns.sources, at `source` */
	bool hello;      /* PROXY, HANDSHAKE: CONN_HELLO_S has passed */
	uint16_t source;
	uint16_t echo_s;
	struct policer talk; /* STREAM_IN */
	struct dp_conn_gone why;
	uint16_t local_port, peer_port;
	struct wheel_node timer;
	struct addr local, peer;
};

struct conns {
	struct tcp *tcp;      /* the core's */
	struct tls_core *tls; /* NULL: PPTP alone */
	struct queues *queues;
	struct conn *conn;
	uint32_t n, free_first, in_use;
	uint32_t work_first, work_last; /* connections that have something to do besides receiving */
	struct wheel wheel;
	struct wheel_node *wheel_slots[CONN_WHEEL_SLOTS];
	struct tls_chunk held[CONN_CHUNKS]; /* plaintext that is to be sealed next */
	unsigned n_held;
	unsigned sent;                          /* packets, since conn_flush last */
	uint32_t waiting, waiters, waiting_max; /* buffers with what has come and waits; connections that have some */
	struct policer failures;                /* CONN_FAILED */
	uint32_t handshakes_max;
	struct sources sources;
	uint32_t strangers, strangers_max; /* connections with a queue (SOURCE_QUEUE) and without a session */
};

/* --- start ------------------------------------------------------------------------------------------------------- */

struct conns_start {
	uint32_t conns, mbufs;
	unsigned lcore, max_handshakes, handshake_rate;
	struct rte_mempool *pool;
	struct tls_offload *offload; /* NULL: no TLS */
	bool by_device;              /* records by this cryptodev, whose queue pair is the core's number */
	uint8_t cryptodev;
	uint64_t *drops;
	int socket;
};

/* conns_new: NULL without memory.  conns_bytes: what it takes.  conns_wire: the core's clock runs and its TCP is there. */
struct conns *conns_new(const struct conns_start *s) INIT_ONLY;
size_t conns_bytes(const struct conns_start *s) ANY_THREAD;
void conns_wire(struct lcore *lc) INIT_ONLY;
void conns_free(struct conns *cs) INIT_ONLY;

/* conns_fini: gives buffers back: at the end of the worker. */
void conns_fini(struct conns *cs) ON_LCORE;

/* conns_turn: a turn of the loop begins: what OFFLOAD has to say, and at most `quota` timers. */
void conns_turn(struct lcore *lc, unsigned quota) ON_LCORE;

/* conns_busy: there is something to do without a packet. */
bool conns_busy(const struct conns *cs) ON_LCORE;

/* --- up ---------------------------------------------------------------------------------------------------------- */

/* conn_opened: a connection of a listener for SSTP or PPTP; what its `user` number is from now on.  conn_data: its bytes.
 * conn_event: what else TCP says of it. */
uint64_t conn_opened(struct lcore *lc, const struct tcp_opened *o) ON_LCORE;
void conn_data(struct lcore *lc, const struct tcp_data *d) ON_LCORE;
void conn_event(struct lcore *lc, const struct tcp_event *e) ON_LCORE;

/* conn_tls_up: stage TLS_UP: records opened, handshakes done, ends. */
unsigned conn_tls_up(struct lcore *lc) ON_LCORE;

/* conn_work: what is left over: frames for sessions are put into v, until it is full; control goes to MAIN.  Whether
 * there may be more for v. */
bool conn_work(struct lcore *lc, struct vec *v) ON_LCORE;

/* --- down -------------------------------------------------------------------------------------------------------- */

/* conn_prefetch: what conn_put_data of the session will look at: depth 0, then, when that is here, 1. */
void conn_prefetch(const struct lcore *lc, const struct dp_session *s, unsigned depth) ON_LCORE;

/* conn_put_data: an inner packet of the session.  conn_put_control: an SSTP packet, whole, or plain bytes; false: it is
 * lost.  Take m. */
void conn_put_data(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m) ON_LCORE;
bool conn_put_control(struct lcore *lc, struct conn *c, struct rte_mbuf *m) ON_LCORE;

/* conn_granted_soon: fetches session and TLS state ahead for conn_granted. */
void conn_granted_soon(const struct lcore *lc, const struct tcp_grant *g) ON_LCORE;

/* conn_granted: what TCP can take now is taken out of the queue and framed. */
void conn_granted(struct lcore *lc, const struct tcp_grant *g) ON_LCORE;

/* conn_flush: what was granted is sealed, and what is sealed goes to TCP: how many packets. */
unsigned conn_flush(struct lcore *lc) ON_LCORE;

/* --- connections ------------------------------------------------------------------------------------------------- */

/* conn_find: of MAIN's handle; NULL: gone. */
struct conn *conn_find(struct lcore *lc, uint64_t handle) ON_LCORE;
uint64_t conn_handle_of(const struct lcore *lc, const struct conn *c) ON_LCORE;

/* conn_of: the connection of an SSTP session, or NULL. */
struct conn *conn_of(struct lcore *lc, const struct dp_session *s) ON_LCORE;

/* conn_bind, conn_unbind: the session of this slot begins or ends on it. */
bool conn_bind(struct lcore *lc, uint64_t handle, struct dp_session *s, uint16_t echo_s) ON_LCORE;
void conn_unbind(struct lcore *lc, struct dp_session *s) ON_LCORE;

/* conn_settled: its call is up: acknowledgements may wait for data from now on. */
void conn_settled(struct lcore *lc, const struct dp_session *s) ON_LCORE;

/* conn_finish: the end begins: with `hurry` at once, else after what is queued has gone. */
void conn_finish(struct lcore *lc, struct conn *c, enum dp_conn_gone_reason why, bool hurry) ON_LCORE;

/* conn_list: there is something to do for c in conn_work. */
void conn_list(struct conns *cs, struct conn *c) ON_LCORE;

#endif
