/* conn.h - all that one core's TCP knows: connections, segments, half-open and TIME_WAIT entries, in fixed pools.
 *
 * Owner: the worker core (ON_LCORE).  Objects are named by index; NONE is no object.  Times are the low 32 bits of
 * milliseconds (deadlines; 0: none) or of microseconds (when a segment was sent).
 *
 * Invariants (tcp_check, after every event in the tests):
 *   snd_una <= snd_nxt <= snd_end       by sequence number; the segment list covers snd_una..snd_end without a gap
 *   pipe    == octets of segments that are SENT and neither SACKED nor LOST; lost, sacked likewise
 *   rcv_edge - rcv_nxt                  never less than it was by the last segment, minus what has arrived since
 *   snd_una != snd_nxt                  => a retransmission deadline is set, and the wheel will look by then
 *   ext != NONE                         whenever the segment list has a segment that was sent, or one is out of order
 *   out-of-order list                   sorted, no overlaps, all of it beyond rcv_nxt
 *   ext->idle                           => nothing is out, and it is on the list of idle ones
 */
#ifndef DP_TCP_CONN_H
#define DP_TCP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include <dp/drop.h>
#include <millrace/addr.h>
#include <millrace/mono.h>
#include <millrace/prefetch.h>
#include <millrace/role.h>
#include <millrace/wheel.h>

#include "opt.h"
#include "seq.h"
#include "tcp.h"

#define NONE UINT32_MAX

/* Times of the protocol. */
#define TCP_RTO_INIT_MS 1000     /* RFC 6298 2.1 */
#define TCP_RTO_SYN_LOST_MS 3000 /* RFC 6298 5.7: when our SYN was sent twice */
/* RFC 6298 2.4 says one second; 200 ms is what every stack of today does: delayed acknowledgements are shorter (5681 4.2). */
#define TCP_RTO_MIN_MS 200
#define TCP_RTO_MAX_MS 60000  /* RFC 6298 2.5 */
#define TCP_DELAYED_ACK_MS 40 /* RFC 9293 3.8.6.3 allows 500 */
#define TCP_CHALLENGE_MS 500
#define TCP_2MSL_MS 60000
#define TCP_FIN_WAIT_2_MS 60000                   /* only after tcp_close: nobody reads */
#define TCP_PAWS_IDLE_MS (24u * 24 * 3600 * 1000) /* RFC 7323 5.5 */
#define TCP_EXT_IDLE_MS 10000                     /* congestion state goes back to its pool */
#define TCP_EXT_HOG_MS 10000                      /* when it is scarce, who gets nothing acknowledged is reset */
#define TCP_EXT_TURN_MS 1000                      /* when others wait for it, who has had it for so long lets go */
#define TCP_KEEP_PROBES 9
#define TCP_KEEP_PROBE_MS 75000
#define TCP_SYN_TRIES 6
#define TCP_SYNACK_TRIES 5
#define TCP_MSS_IP4 536 /* RFC 9293 3.7.1, when the peer says nothing */
#define TCP_MSS_IP6 1220
#define TCP_MSS_MIN 48

enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED, /* of an active open only: simultaneous open.  Passive ones are struct tcp_syn until then */
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_STATES
};

/* Laid out as five words for hashing, of which the last half word is not part. */
struct tcp_tuple {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint32_t hash; /* tcp_hash, where it is kept: of a connection */
};
_Static_assert(sizeof(struct tcp_tuple) == 40, "five words");
#define TCP_TUPLE_BYTES offsetof(struct tcp_tuple, hash)

enum tcp_conn_flag {
	CONN_SACK = 1 << 0,
	CONN_TS = 1 << 1,
	CONN_ECN = 1 << 2,
	CONN_REPORTED = 1 << 3,    /* the user has heard of it: it ends with GONE */
	CONN_ACTIVE = 1 << 4,      /* active open */
	CONN_FIN_QUEUED = 1 << 5,  /* the last segment of the list has our FIN, or had it */
	CONN_FIN_IN = 1 << 6,      /* the peer's FIN is consumed */
	CONN_USER_CLOSED = 1 << 7, /* tcp_close */
	CONN_DELAYED_ACK = 1 << 8,
	CONN_ACK_NOW = 1 << 9,
	CONN_WANTS = 1 << 10,        /* tcp_want, and not granted yet */
	CONN_SHORT = 1 << 11,        /* tcp_push took less than all: WRITABLE is owed */
	CONN_ECE = 1 << 12,          /* a mark came in: echo it until CWR */
	CONN_CWR = 1 << 13,          /* tell the peer that the window was reduced, with the next new data */
	CONN_DSACK = 1 << 14,        /* dsack is to be reported */
	CONN_RCV_SET = 1 << 15,      /* the user has set the window */
	CONN_PROBE = 1 << 16,        /* a window or keepalive probe is due */
	CONN_SWS_OVERRIDE = 1 << 17, /* send what the window allows, however little */
	CONN_WS = 1 << 20,           /* both sides scale */
	CONN_RTT_SEEN = 1 << 21,
	CONN_TLP_NOW = 1 << 22,   /* a tail loss probe is due */
	CONN_PACED = 1 << 23,     /* waits in the pacing wheel */
	CONN_MTU_PROBE = 1 << 24, /* a segment larger than mss is queued or out, to see whether it passes */
	CONN_MTU_TRY = 1 << 25,   /* three bits: probes of this search that did not */
};
#define CONN_MTU_TRIES (7u * CONN_MTU_TRY)

struct tcp_link {
	uint32_t next, prev;
};

/* Lists of connections are linked one way: who is on one stays on it until its turn, even gone or with nothing left to do;
 * whoever takes it off looks.  LINK_OFF: on none. */
enum tcp_list { LIST_OUT, LIST_WANT, LIST_EVENT, LIST_EXT, LISTS };
#define LINK_OFF (UINT32_MAX - 1)

struct tcp_fifo {
	uint32_t first, last;
};

/* What the retransmission deadline stands for. */
enum tcp_rtx { RTX_RTO, RTX_TLP, RTX_RACK, RTX_PERSIST, RTX_RETRY };

/* What an idle connection needs, and not an octet more: what is in flight, lost or out of order is in struct tcp_ext. */
struct tcp_conn {
	/* look-up, and where both directions are */
	struct tcp_tuple id; /* id.hash is set */
	uint32_t flags;      /* enum tcp_conn_flag */
	uint32_t rcv_nxt, snd_una, snd_nxt;
	uint8_t state; /* enum tcp_state; written by tcp_conn_set_state alone */
	uint8_t snd_ws : 4, rcv_ws : 4;
	uint8_t backoff;
	uint8_t rtx_kind; /* enum tcp_rtx */

	/* windows and clocks */
	uint32_t snd_wnd;
	uint32_t snd_wl1, max_wnd;
	uint32_t rcv_edge;  /* right edge that was advertised; never goes back */
	uint32_t rcv_acked; /* rcv_nxt of the last segment that we sent (RFC 7323 4.3 Last.ACK.sent) */
	uint32_t rcv_bound, unconsumed;
	uint32_t ts_recent, ts_recent_ms, ts_offset;
	uint32_t cwnd, ssthresh;
	uint32_t srtt_us, rttvar_us;
	uint16_t rto_ms;

	/* queue */
	uint16_t mss;     /* payload of a full segment with its options */
	uint16_t mss_max; /* of the handshake */
	uint16_t
		mss_low; /* when the segment size was lowered, or larger ones were tried in vain, of mss_clock; 0: neither */
	uint32_t snd_bound;
	uint64_t user;
	uint32_t head, tail, unsent; /* segments; unsent: the first that was never sent */
	uint32_t snd_end;            /* sequence number after the last queued */
	uint32_t mbufs;              /* in the send queue */
	uint32_t ext;
	uint32_t nh; /* of a free slot: the next */

	/* timers and lists */
	uint32_t rtx_ms;
	struct wheel_node timer;
	uint32_t ack_ms;
	uint32_t link[LISTS];
	uint32_t oow_ms; /* when a challenge was sent last; 0: never */
	uint32_t heard_ms, sent_ms;
	uint32_t stall_ms; /* since when the peer owes us an answer; 0: it does not */
	uint32_t user_timeout_ms;
	uint32_t generation;
	uint8_t events; /* enum tcp_what, not fetched yet */
	union {
		uint8_t tries;       /* SYN_SENT */
		uint8_t keep_probes; /* open */
		uint8_t gone;        /* closed: enum tcp_gone */
	};
	uint8_t acks_owed, burst_at;
};
_Static_assert(sizeof(struct tcp_conn) == TCP_CONN_BYTES, "what docs and limits say of an idle connection");

enum tcp_ca { CA_OPEN, CA_CWR, CA_RECOVERY, CA_LOSS };

/* Of a connection that has data in flight or out of order, or had some in the last ten seconds and nobody else has needed
 * the place since. */
struct tcp_ext {
	/* in flight and out of order */
	uint32_t owner;
	uint32_t pipe, lost, sacked; /* octets, RFC 6675 3 */
	uint32_t ooo, ooo_bytes;     /* first out-of-order segment; memory that they pin */
	uint32_t taken_mark; /* the round that is measured began then, by the clock of rcv_round; valid with taken_on */
	uint32_t taken_pos;  /* and the user had taken all before this number */
	bool taken_on;
	uint32_t recent_seq; /* of the out-of-order segment that came last: its block goes first */
	struct tcp_block dsack;
	uint32_t fin_seq; /* where the peer's FIN is, when it came before missing data; valid with fin_known */
	bool fin_known, idle;
	uint8_t sack_turn, dupacks;
	uint32_t min_rtt_us;
	uint32_t since_ms;    /* when it was given out */
	uint32_t progress_ms; /* when something was acknowledged, or since_ms */
	uint32_t idle_ms;     /* since when nothing is out; valid with idle */
	struct tcp_link link; /* idle ones, longest first; next: of free ones */

	struct wheel_node pace; /* in the pacing wheel, when data waits for its time */
	int64_t pace_us;        /* the next segment may leave then */
	uint8_t ca;             /* enum tcp_ca */
	uint8_t frto;           /* RFC 5682: 0 off, 1 timeout happened, 2 first ACK seen */
	uint8_t tlp_out;        /* a probe is out; 2: it was a retransmission */
	uint8_t hystart;        /* 0 off, 1 slow start, 2 conservative slow start */

	/* recovery: RFC 6675, 9937, and what undoing it needs (RFC 4015, 3708) */
	uint32_t high_seq, undo_una, prior_cwnd, prior_ssthresh;
	int32_t undo_left;  /* repairs that no DSACK has called needless */
	uint32_t repair_ts; /* TSval of the first repair */
	bool undo_on, repair_seen;
	uint32_t recover_fs, prr_delivered, prr_out;

	/* RFC 8985 */
	uint32_t rack_tx_us, rack_end, rack_rtt_us, rack_fack;
	uint32_t reo_end, n_sacked; /* segments that are SACKED */
	uint8_t reo_mult, reo_persist;
	bool rack_seen, reo_seen;
	uint32_t reo_ms; /* when what is missing now will count as lost; 0: nothing waits */
	uint32_t tlp_end;

	/* RFC 9438, 9406, 7661 */
	float k, origin, w_est, grown, w_max;
	uint32_t epoch_us;
	bool epoch;
	uint8_t css_rounds;
	uint8_t rtt_samples;
	uint32_t round_end, round_min_us, last_min_us, css_base_us;
	uint32_t pipe_ack, round_acked, cwv_end, cwv_ms;
	uint32_t ecn_end;
};

enum tcp_seg_flag {
	SEG_SENT = 1 << 0,
	SEG_SACKED = 1 << 1,
	SEG_LOST = 1 << 2,
	SEG_AGAIN = 1 << 3, /* sent more than once */
	SEG_FIN = 1 << 4,
	SEG_SYN = 1 << 5,
	SEG_PART = 1 << 6,   /* shares its buffers, or begins within one */
	SEG_COPIED = 1 << 7, /* by tcp_push, which may add to it */
};

/* A piece of a send queue, or of an out-of-order queue. */
struct tcp_seg {
	uint32_t next, seq;
	struct rte_mbuf *m; /* NULL: SYN or FIN alone */
	uint32_t tx_us;
	uint16_t len, off; /* payload; from the beginning of the record */
	uint16_t data_off; /* of m, as it came; sending in place moves it */
	uint8_t flags;     /* enum tcp_seg_flag */
	uint8_t times;     /* sent so often; stops at 255 */
	bool counts;       /* the last piece of its record: m's buffers are in `mbufs` by it */
	bool probe;        /* larger than mss, RFC 4821 7 */
};
_Static_assert(sizeof(struct tcp_seg) <= 40, "budget");

static inline uint32_t
seg_space(const struct tcp_seg *s)
{
	return s->len + ((s->flags & (SEG_FIN | SEG_SYN)) != 0);
}

static inline uint32_t
seg_end(const struct tcp_seg *s)
{
	return s->seq + seg_space(s);
}

/* A half-open connection. */
struct tcp_syn {
	struct tcp_tuple id;
	uint32_t hash, irs, iss, ts_recent;
	uint32_t nh, due_ms;
	struct tcp_link link;
	uint16_t mss;
	uint8_t ws, flags; /* enum tcp_syn_flag */
	uint8_t tries;
	uint32_t cookie_ts; /* the first TSval, of a cookie */
};

enum tcp_syn_flag { SYN_USED = 1, SYN_WS = 2, SYN_SACK = 4, SYN_TS = 8, SYN_ECN = 16, SYN_COOKIE = 32 };

struct tcp_tw {
	struct tcp_tuple id;
	uint32_t hash, snd_nxt, rcv_nxt;
	uint32_t ts_recent, ts_recent_ms, ts_offset;
	uint32_t nh, due_ms;
	struct tcp_link link;
	uint32_t oow_ms;
	uint16_t wnd; /* as our last header said */
	uint8_t ts;
};

struct tcp_slot {
	uint32_t hash, ref; /* ref: index of a connection, then of syns, then of tws; NONE: empty */
};

struct tcp_listener {
	struct addr addr;
	uint16_t port;
	bool on;
	uint64_t user;
};

#define TCP_WHEEL_SLOTS 16384
#define TCP_WHEEL_TICK_US 1000
#define TCP_PACE_SLOTS 1024
#define TCP_PACE_TICK_US 64
#define TCP_ANSWERS 256 /* packets that belong to no connection, waiting for tcp_output */

struct tcp {
	/* now */
	struct mono now;
	uint32_t ms, us;
	bool mbufs_low; /* admission: looked up once a turn */

	struct tcp_start start;
	uint64_t key_table[2], key_seq[2];
	uint32_t max_mss_room; /* payload that fits one buffer behind TCP_HEADROOM */

	struct tcp_conn *conns;
	struct tcp_ext *exts;
	struct tcp_seg *segs;
	struct tcp_syn *syns;
	struct tcp_tw *tws;
	struct tcp_slot *slots;
	uint32_t slot_mask;

	uint32_t conn_free, ext_free, seg_free, syn_free, tw_free; /* first of each free list */
	struct tcp_use use;
	uint32_t listed; /* in the hash table */

	struct tcp_fifo list[LISTS];
	struct tcp_fifo ext_idle; /* congestion state that nobody needs now; who has not for longest is first */
	uint32_t n_idle;          /* of them */
	struct tcp_ext none;      /* what there is to say of a connection without: never written */
	struct tcp_fifo
		syn_due[TCP_SYNACK_TRIES]; /* by tries made: each waits equally long, so the first is due first */
	struct tcp_fifo tw_due;
	struct wheel wheel, pace;
	struct wheel_node **wheel_slots, **pace_slots;

	struct tcp_listener listeners[TCP_LISTENERS];
	struct tcp_burst *burst; /* of the tcp_rx that runs */

	struct tcp_out answers[TCP_ANSWERS];
	unsigned n_answers;
	uint32_t reset_tokens, reset_ms;
	uint32_t cookie_ms; /* when cookies were last sent: only then they are taken */
	bool cookies_sent;
	uint32_t port_counter;
	uint64_t stats[TCP_STAT_COUNT];
};

/* A received segment on its way through. */
struct segment {
	struct rte_mbuf *m;
	struct tcp_tuple id;
	uint32_t hash;
	uint32_t nh;
	uint32_t len; /* payload */
	uint16_t l4;
	uint8_t ip_ecn; /* RFC 3168 5: the two bits */
	struct tcp_header h;
};

/* tcp_tuple_words: what is hashed: all but the place of the hash itself. */
static inline void
tcp_tuple_words(const struct tcp_tuple *id, uint64_t word[5])
{
	word[4] = 0;
	memcpy(word, id, TCP_TUPLE_BYTES);
}

static inline void
tcp_count(struct tcp *t, enum tcp_stat what)
{
	t->stats[what]++;
}

/* tcp_drop: counts and frees. */
static inline void
tcp_drop(struct tcp *t, struct rte_mbuf *m, enum drop why)
{
	t->start.drops[why]++;
	rte_pktmbuf_free(m);
}

/* tcp_in_ms: a deadline; never 0. */
static inline uint32_t
tcp_in_ms(const struct tcp *t, uint32_t delay)
{
	uint32_t due = t->ms + delay;
	return due ? due : 1;
}

static inline uint32_t
tcp_index(const struct tcp *t, const struct tcp_conn *c)
{
	return (uint32_t)(c - t->conns);
}

static inline uint64_t
tcp_handle(const struct tcp *t, const struct tcp_conn *c)
{
	return handle_make(t->start.lcore, tcp_index(t, c), c->generation);
}

/* The clock of time stamps: milliseconds (RFC 7323 5.4), from an offset of the connection's own. */
static inline uint32_t
tcp_tsval(const struct tcp *t, uint32_t offset)
{
	return t->ms + offset;
}

/* --- conn.c: life of a connection */

/* tcp_conn_new: a slot, in the hash table, with defaults; NULL at 90 % use, or when the table refuses. */
struct tcp_conn *tcp_conn_new(struct tcp *t, const struct tcp_tuple *id, uint32_t hash) ON_LCORE;
static inline struct tcp_conn *
tcp_conn_find(struct tcp *t, uint64_t handle) ON_LCORE
{
	uint32_t i = handle_index(handle);
	if (i >= t->start.limits.conns)
		return NULL;
	struct tcp_conn *c = &t->conns[i];
	return c->state != TCP_CLOSED && c->generation == handle_generation(handle) ? c : NULL;
}
/* tcp_conn_told: the same, also of one that has ended while its GONE was not fetched. */
struct tcp_conn *tcp_conn_told(struct tcp *t, uint64_t handle) ON_LCORE;
void tcp_conn_set_state(struct tcp *t, struct tcp_conn *c, enum tcp_state state) ON_LCORE;
/* tcp_conn_opened: reports it in the burst. */
void tcp_conn_opened(struct tcp *t, struct tcp_conn *c, uint64_t user) ON_LCORE;
/* tcp_conn_gone: queues are freed, timers stopped; the slot waits for its event to be fetched. */
void tcp_conn_gone(struct tcp *t, struct tcp_conn *c, enum tcp_gone why) ON_LCORE;
/* tcp_conn_reset: sends RST, then gone. */
void tcp_conn_reset(struct tcp *t, struct tcp_conn *c, enum tcp_gone why) ON_LCORE;
void tcp_event(struct tcp *t, struct tcp_conn *c, enum tcp_what what) ON_LCORE;
/* tcp_conn_mss: of the path now, within what the peer takes. */
void tcp_conn_mss(struct tcp *t, struct tcp_conn *c, uint16_t mss) ON_LCORE;
bool tcp_check(struct tcp *t, struct tcp_conn *c) ON_LCORE;

/* A connection is on each list at most once. */
static inline void
tcp_list_add(struct tcp *t, enum tcp_list list, struct tcp_conn *c) ON_LCORE
{
	struct tcp_fifo *f = &t->list[list];
	uint32_t i = tcp_index(t, c);
	if (c->link[list] != LINK_OFF)
		return;
	c->link[list] = NONE;
	if (f->last == NONE)
		f->first = i;
	else
		t->conns[f->last].link[list] = i;
	f->last = i;
}

/* tcp_list_pop: the first, taken off; NULL when empty. */
static inline struct tcp_conn *
tcp_list_pop(struct tcp *t, enum tcp_list list) ON_LCORE
{
	uint32_t first = t->list[list].first;
	if (first == NONE)
		return NULL;
	struct tcp_conn *c = &t->conns[first];
	t->list[list].first = c->link[list];
	c->link[list] = LINK_OFF;
	if (t->list[list].first == NONE)
		t->list[list].last = NONE;
	else
		prefetch_object(&t->conns[t->list[list].first], sizeof *c);
	return c;
}

static inline struct tcp_seg *
tcp_seg(struct tcp *t, uint32_t i)
{
	return i == NONE ? NULL : &t->segs[i];
}
/* tcp_seg_new: to be filled in; NONE when there is none.  tcp_seg_free: the entry alone. */
static inline uint32_t
tcp_seg_new(struct tcp *t) ON_LCORE
{
	uint32_t i = t->seg_free;
	if (i == NONE)
		return NONE;
	t->seg_free = t->segs[i].next;
	t->use.segments++;
	return i;
}

static inline void
tcp_seg_free(struct tcp *t, uint32_t i) ON_LCORE
{
	t->segs[i].next = t->seg_free;
	t->seg_free = i;
	t->use.segments--;
}

/* --- ext.c: congestion state */

static inline struct tcp_ext *
tcp_ext(struct tcp *t, const struct tcp_conn *c)
{
	return c->ext == NONE ? NULL : &t->exts[c->ext];
}

/* tcp_ext_see: to read: what is true of a connection without is in it too. */
static inline const struct tcp_ext *
tcp_ext_see(const struct tcp *t, const struct tcp_conn *c)
{
	return c->ext == NONE ? &t->none : &t->exts[c->ext];
}

/* tcp_ext_take: the connection's, taken when it has none, from who has not needed it for longest if it must; NULL when all
 * are needed.  tcp_ext_wait: who has something to send and got none gets the first that comes free, in turn. */
struct tcp_ext *tcp_ext_first(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* of one that has none */
static inline struct tcp_ext *
tcp_ext_take(struct tcp *t, struct tcp_conn *c) ON_LCORE
{
	return likely(c->ext != NONE) ? &t->exts[c->ext] : tcp_ext_first(t, c);
}
void tcp_ext_wait(struct tcp *t, struct tcp_conn *c) ON_LCORE;
/* tcp_ext_settle: after all that may have changed whether it is needed. */
void tcp_ext_settle(struct tcp *t, struct tcp_conn *c) ON_LCORE;
/* tcp_ext_turn_over: others wait, and this one has had it for its time: no new data until what is out is acknowledged. */
bool tcp_ext_turn_over(const struct tcp *t, const struct tcp_conn *c) ON_LCORE;
/* tcp_ext_admits: whether another connection would find any.  tcp_ext_hogged: none would, and this one has had nothing
 * acknowledged for long: a shut window may last for ever otherwise (RFC 6429 4). */
bool tcp_ext_admits(const struct tcp *t) ON_LCORE;
bool tcp_ext_hogged(const struct tcp *t, const struct tcp_conn *c) ON_LCORE;
void tcp_ext_release(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_ext_timers(struct tcp *t, unsigned quota) ON_LCORE;

/* --- table.c: who is it? */

#define TCP_PROBES 64

uint32_t tcp_hash(const struct tcp *t, const struct tcp_tuple *id) ANY_THREAD;
uint32_t tcp_table_find(const struct tcp *t, const struct tcp_tuple *id, uint32_t hash) ON_LCORE; /* ref, or NONE */
bool tcp_table_add(struct tcp *t, uint32_t hash, uint32_t ref) ON_LCORE; /* false: too many probes */
void tcp_table_del(struct tcp *t, uint32_t hash, uint32_t ref) ON_LCORE;
void tcp_table_set(struct tcp *t, uint32_t hash, uint32_t old_ref, uint32_t ref) ON_LCORE;
const struct tcp_listener *tcp_listener(const struct tcp *t, const struct addr *local, uint16_t port) ON_LCORE;

/* --- segment.c: RFC 9293 3.10.7 */
void tcp_segment_arrives(struct tcp *t, struct segment *s) ON_LCORE;                  /* consumes s->m */
void tcp_conn_segment(struct tcp *t, struct tcp_conn *c, struct segment *s) ON_LCORE; /* the same */
void tcp_challenge(struct tcp *t, struct tcp_conn *c) ON_LCORE;
/* tcp_fin_acked, tcp_fin_in: what ours being acknowledged, and the peer's being consumed, does to the state. */
void tcp_fin_in(struct tcp *t, struct tcp_conn *c) ON_LCORE;

/* --- syn.c, cookie.c: before there is a connection */
void tcp_listen_segment(struct tcp *t, struct segment *s) ON_LCORE; /* consumes s->m, as the next two do */
void tcp_syn_segment(struct tcp *t, struct tcp_syn *y, struct segment *s) ON_LCORE;
void tcp_tw_segment(struct tcp *t, struct tcp_tw *w, struct segment *s) ON_LCORE;
uint8_t tcp_our_ws(const struct tcp *t) ON_LCORE;
/* tcp_syn_wish: what a SYN asks for and we agree to. */
void tcp_syn_wish(const struct tcp *t, const struct segment *s, struct tcp_syn *y) ON_LCORE;
void tcp_syn_answer(struct tcp *t, const struct tcp_syn *y) ON_LCORE;
void tcp_syn_accept(struct tcp *t, const struct segment *s, uint32_t least_iss) ON_LCORE; /* does not consume */
void tcp_syn_timers(struct tcp *t, unsigned quota) ON_LCORE;
struct tcp_conn *tcp_syn_establish(struct tcp *t, const struct tcp_syn *y, const struct segment *s) ON_LCORE;
bool tcp_admit(const struct tcp *t) ON_LCORE;
void tcp_secrets(const struct tcp *t, const struct tcp_tuple *id, uint32_t *iss, uint32_t *ts_offset) ON_LCORE;
void tcp_cookie_answer(struct tcp *t, struct tcp_syn *y) ON_LCORE;
bool tcp_cookie_check(struct tcp *t, const struct segment *s, struct tcp_syn *y) ON_LCORE;

void tcp_tw_enter(struct tcp *t, struct tcp_conn *c, bool acknowledge) ON_LCORE;
void tcp_tw_free(struct tcp *t, struct tcp_tw *w) ON_LCORE;
void tcp_tw_timers(struct tcp *t, unsigned quota) ON_LCORE;

/* --- ack.c, sack.c, rack.c, recover.c, cc.c, rtt.c: what an acknowledgement says */

/* What one ACK did, gathered in order. */
struct ack {
	uint32_t seq, prior_una, prior_pipe;
	uint32_t acked;     /* octets by the cumulative number */
	uint32_t delivered; /* octets newly acknowledged, either way */
	uint32_t newly_sacked;
	uint32_t rtt_us; /* of the newest segment that was sent once; 0: none */
	bool advanced, window_changed, dup, ece, has_ts;
	bool dsack, dsack_tlp; /* a duplicate was reported; that of the tail loss probe */
	bool lost;             /* more was found lost */
	bool repaired;         /* something that was sent again has arrived: what lay behind it may be here for long */
	uint32_t tsecr;
};

void tcp_ack(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
void tcp_sack(struct tcp *t, struct tcp_conn *c, const struct tcp_options *o, struct ack *a) ON_LCORE;
void tcp_sack_forget(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_mark_lost(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g) ON_LCORE;
void tcp_delivered(struct tcp *t, struct tcp_conn *c, const struct tcp_seg *g, struct ack *a) ON_LCORE;
void tcp_rack_dsack(struct tcp *t, struct tcp_conn *c) ON_LCORE;
bool tcp_rack_detect(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* true: marked some */
void tcp_recover_ack(struct tcp *t, struct tcp_conn *c, struct ack *a) ON_LCORE;
void tcp_recover_dsack(struct tcp *t, struct tcp_conn *c, const struct tcp_block *b) ON_LCORE;
void tcp_recover_losses(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* RACK's timer marked some */
void tcp_recover_rto(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_cc_init(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_cc_ack(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
void tcp_cc_reduce(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* ssthresh after a loss or mark */
uint32_t tcp_cc_initial(const struct tcp_conn *c) ANY_THREAD;
void tcp_cc_idle(struct tcp *t, struct tcp_conn *c) ON_LCORE;
uint64_t tcp_cc_window(const struct tcp_conn *c) ANY_THREAD; /* octets in srtt_us that may leave; 0: not known */
void tcp_rtt_sample(struct tcp *t, struct tcp_conn *c, uint32_t rtt_us) ON_LCORE;
void tcp_rtx_arm(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_rtx_sent(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* new data has left */
void tcp_rtx_restart(struct tcp *t, struct tcp_conn *c) ON_LCORE;

/* --- pmtu.c */
void tcp_black_hole(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* a timeout: are large segments lost on the way? */
/* tcp_pmtu_size: of the next segment, of `len` octets if it may be so large: mss, or more for a probe.  tcp_pmtu_passed: one of so
 * many octets was delivered; tcp_pmtu_failed: the probe g is lost, or cut. */
uint16_t tcp_pmtu_size(struct tcp *t, struct tcp_conn *c, uint32_t len) ON_LCORE;
void tcp_pmtu_passed(struct tcp *t, struct tcp_conn *c, uint16_t len) ON_LCORE;
void tcp_pmtu_failed(struct tcp_conn *c, const struct tcp_seg *g) ON_LCORE;

/* --- timer.c */
void tcp_timer_update(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* after a deadline was changed */

/* tcp_timer_at: ms is us / 1000 without the rest: the wheel may not be early. */
static inline struct mono
tcp_timer_at(const struct tcp *t, uint32_t due)
{
	int32_t left = (int32_t)(due - t->ms);
	return (struct mono){(t->now.us / 1000 + (left > 0 ? left : 0)) * 1000};
}

/* tcp_timer_covers: the connection's node in the wheel, which is at the first of its other deadlines, is not later than this. */
static inline bool
tcp_timer_covers(const struct tcp *t, const struct tcp_conn *c, uint32_t due)
{
	return wheel_pending(&c->timer) && c->timer.due.us <= tcp_timer_at(t, due).us;
}

/* --- reass.c, rcv.c */
void tcp_receive(struct tcp *t, struct tcp_conn *c, struct segment *s) ON_LCORE; /* payload and FIN; consumes s->m */
/* tcp_reass: out of order; consumes m.  tcp_reass_pull: what has become in order is added to the chain. */
void tcp_reass(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint32_t len) ON_LCORE;
struct rte_mbuf *tcp_reass_pull(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *chain) ON_LCORE;
/* tcp_reass_until: what came out of order and does not end before `end` is dropped: the stream ends there, or it was kept for
 * too long. */
void tcp_reass_until(struct tcp *t, struct tcp_conn *c, uint32_t end, enum drop why) ON_LCORE;
/* tcp_dsack: these octets came twice, which the next acknowledgement says. */
void tcp_dsack(struct tcp *t, struct tcp_conn *c, uint32_t start, uint32_t end) ON_LCORE;
void tcp_reass_free(struct tcp *t, struct tcp_conn *c) ON_LCORE;
unsigned tcp_reass_blocks(struct tcp *t, const struct tcp_conn *c, struct tcp_block *b, unsigned max) ON_LCORE;
uint16_t tcp_rcv_window(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* for the header; moves rcv_edge */
uint32_t tcp_rcv_room(const struct tcp_conn *c) ON_LCORE;
void tcp_ack_soon(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_ack_now(struct tcp *t, struct tcp_conn *c) ON_LCORE;

/* --- send.c, out.c */
bool tcp_seg_split(struct tcp *t, struct tcp_conn *c, uint32_t i, uint16_t len) ON_LCORE;
int tcp_queue_flag(struct tcp *t, struct tcp_conn *c, uint8_t flag) ON_LCORE; /* SEG_SYN or SEG_FIN */
void tcp_queue_free(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_queue_drop_head(struct tcp *t, struct tcp_conn *c) ON_LCORE;
void tcp_send_poke(struct tcp *t, struct tcp_conn *c) ON_LCORE; /* something may be sendable now */
uint32_t tcp_send_window(const struct tcp *t, const struct tcp_conn *c)
	ON_LCORE; /* octets beyond snd_nxt that both windows allow */

/* A packet that belongs to no queue: SYN-ACK, RST, challenge of a TIME_WAIT. */
struct tcp_answer {
	const struct tcp_tuple *id;
	uint32_t seq, ack, nh;
	uint16_t wnd;
	uint8_t flags;
	struct tcp_options_out opt;
};
void tcp_answer(struct tcp *t, const struct tcp_answer *a) ON_LCORE;
void tcp_reset_for(struct tcp *t, const struct segment *s) ON_LCORE; /* RFC 9293 3.5.2, rate limited */

struct tcp_emit {
	const struct tcp_tuple *id;
	uint32_t seq, ack, hash;
	uint16_t wnd;
	uint8_t flags, ecn;
	struct tcp_options_out opt;
};
/* tcp_emit: the headers in front of payload m (headroom is there). */
void tcp_emit(struct tcp *t, struct rte_mbuf *m, const struct tcp_emit *e) ON_LCORE;
struct rte_mbuf *tcp_mbuf(struct tcp *t) ON_LCORE; /* empty, with headroom; NULL is counted */

/* tcp_sum: one's complement sum of a segment that begins at l4 in m, with its pseudo header; 0xffff: right.  The same either
 * way.  tcp_sum_pseudo: of the pseudo header alone, len octets of TCP: what a device wants to find in the field. */
uint16_t tcp_sum(const struct rte_mbuf *m, unsigned l4, const struct tcp_tuple *id) ANY_THREAD;
uint16_t tcp_sum_pseudo(const struct tcp_tuple *id, uint32_t len) ANY_THREAD;

#endif
