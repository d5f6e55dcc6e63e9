/* core.h - what a worker core keeps for TLS: connections, records in work, queues.  Private to the room.
 *
 * A record in work is a struct tls_op.  It is built (seal.c, open.c), goes through an engine (engine.h: ipsec-mb, or a
 * cryptodev), and comes back: opened ones are looked at and become events, sealed ones wait in `done` for tls_seal_end.
 * Bytes that OFFLOAD wants sent take the same queue, as ops that no engine has seen: one queue, one order.
 *
 * Invariants.
 *	A connection has at most one record to open in work: what follows it may be under another key (RFC 8446 4.6.3).
 *	conn->held begins at a record header (or, before the keys are there, with bytes not yet answered by OFFLOAD).
 *	conn->unsent = its ops to seal in work + in done.  conn->holds = its op to open + its queued events.
 *	A slot is free again when its user has closed it, both are 0, and OFFLOAD knows.
 *	CONN_READY is set exactly while the connection is in core->ready.
 */
#ifndef TLS_OFFLOAD_CORE_H
#define TLS_OFFLOAD_CORE_H

#include <stdalign.h>

#include <rte_mbuf.h>

#include <millrace/byte_ring.h>
#include <tls-offload/tls.h>

#include "link.h"

#define TLS_TAG 16
#define TLS_HEADER 5
#define NO_CONN 0xffffffff
#define TLS_EVENTS 128 /* queued at once; a power of two */
#define TLS_BATCH (2 * TLS_CHUNKS)
#define NO_ALERT 255
#define EXPLICIT_NONCE 8     /* RFC 5288 3: in front of each record of TLS 1.2's GCM */
#define RELAYED_OVERHEAD 128 /* CBC: header, IV, MAC, padding; TLS 1.0 sends a first record of one byte beside it */

enum { RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

/* One direction's cipher: 64 bytes, all that a record needs. */
struct tls_dir {
	alignas(64) uint8_t key[TLS_KEY];
	uint8_t iv[16];     /* 12 count, the rest is 0; TLS 1.2 GCM, tx: salt, explicit nonce of record 0 */
	uint64_t seq;       /* of the next record */
	uint32_t slot;      /* the engine's: where the expanded key or session may be; 0: nowhere */
	uint8_t aead;       /* enum tls_aead */
	uint8_t device;     /* 1: the cryptodev does it */
	uint16_t updated_s; /* rx: the second of the last KeyUpdate */
};
_Static_assert(sizeof(struct tls_dir) == 64, "a cache line");

enum tls_way { TLS_TX, TLS_RX };

enum conn_state {
	CONN_FREE,
	CONN_HANDSHAKE,
	CONN_RECORDS,
	CONN_RELAYED,
	CONN_ENDED, /* closed, alert or failed: takes no more bytes; what is to send still goes */
};

enum conn_flag {
	CONN_V13 = 1 << 0,
	CONN_CLIENT = 1 << 1,
	CONN_SHA384 = 1 << 2,
	CONN_READY = 1 << 3,
	CONN_SHUT = 1 << 4,          /* our close_notify or alert is sent or due: nothing to seal any more */
	CONN_GONE = 1 << 5,          /* tls_close was called */
	CONN_AT_OFFLOAD = 1 << 6,    /* OFFLOAD knows it: CLOSE is owed */
	CONN_BYTES_OUT = 1 << 7,     /* a BYTES is unanswered */
	CONN_WRITE_OUT = 1 << 8,     /* a WRITE is unanswered */
	CONN_UPDATE_DUE = 1 << 9,    /* a KeyUpdate is to be sent */
	CONN_SHUTDOWN_DUE = 1 << 10, /* a SHUTDOWN message is */
	CONN_OPENING = 1 << 11,      /* its record is in work */
	CONN_UPDATED = 1 << 12,      /* no data has been sealed since our last KeyUpdate */
	CONN_REFUSED = 1 << 13,      /* no_renegotiation is said */
	CONN_ANSWERED = 1 << 15,     /* HANDSHAKE: OFFLOAD has said something to the peer */
	CONN_WAITS = 1 << 14,        /* RELAYED: OFFLOAD gets no bytes of the peer's now (tls_wait) */
};

struct tls_conn {
	union {
		struct tls_dir dir[2]; /* RECORDS */
		struct {
			struct rte_mbuf *tx_held; /* RELAYED: plaintext not yet written */
		} relay;
	};
	uint8_t secret[2][TLS_SECRET]; /* TLS 1.3 traffic secrets */
	struct rte_mbuf *held;         /* bytes received and not used up */
	uint32_t user;
	uint32_t next; /* in core->ready or core->free */
	union {
		uint16_t sent;    /* HANDSHAKE, RELAYED: bytes of held that the unanswered BYTES has */
		uint8_t msg[4];   /* RECORDS: header of the handshake message that is coming in */
		uint32_t to_skip; /* or bytes of it to leave out, when msg_have is MSG_SKIP */
	};
	uint16_t flags; /* enum conn_flag */
	uint16_t generation;
	uint16_t unsent;
	uint8_t holds;
	uint8_t state; /* enum conn_state */
	uint8_t idle;  /* records without data in a row */
	uint8_t alert; /* to be sent; NO_ALERT: none */
	uint8_t msg_have;
	uint8_t updates; /* KeyUpdates received lately */
};
_Static_assert(sizeof(struct tls_conn) == TLS_CONN_BYTES, "what docs and limits say of an idle connection");
#define MSG_SKIP 255

struct tls_op {
	struct tls_conn *conn;
	struct rte_mbuf *m; /* exactly the bytes that are encrypted */
	const void *key;    /* the engine's: expanded key or session */
	uint8_t way;        /* enum tls_way */
	uint8_t aad_len;
	uint8_t type; /* outer type of the record */
	uint8_t aead;
	uint8_t ok;             /* opened: it authenticates */
	uint8_t plain;          /* bytes to send as they are: no engine */
	uint8_t finished;       /* by a device; it waits for those before it */
	uint8_t explicit_nonce; /* sealed: nonce[4..11] goes into the record */
	uint32_t number;        /* index in core->op */
	uint32_t key_number;    /* the engine's */
	alignas(16) uint8_t nonce[16];
	uint8_t aad[16]; /* RFC 8446 5.2: the record header; RFC 5246 6.2.3.3: sequence number, type, version, length */
	uint8_t tag[16];
	uint8_t raw_key[TLS_KEY]; /* ChaCha20, and what a device leaves to software: the key when the op was built */
};

/* Numbers of ops in order; never full, because it has a place for each op. */
struct op_queue {
	uint32_t *number, mask, head, tail;
};

struct tls_queued_event {
	struct tls_event event;
	struct tls_agreed agreed;
};

struct tls_engine;
struct software;
struct device;

struct tls_core {
	struct tls_core_conf conf;
	struct mono now;       /* of tls_step */
	struct tls_link *link; /* one for each OFFLOAD thread */
	unsigned n_links;
	const struct tls_engine *engine[2]; /* software; device or NULL */
	struct software *software;
	struct device *device;
	uint64_t rekey_after; /* records under one key that we send; RFC 8446 5.5 */

	struct tls_conn *conn;
	uint32_t free_conn; /* list by next */
	uint32_t ready_head, ready_tail, n_ready;
	uint32_t in_flight;   /* handshakes */
	uint64_t rate_tokens; /* handshakes that may begin, in millionths */
	struct mono rate_at;

	struct tls_op *op;
	uint32_t *free_op, n_free_op;
	struct op_queue done;   /* sealed, or plain: for tls_seal_end */
	struct op_queue opened; /* for tls_open_end */

	struct tls_queued_event *queue;         /* TLS_EVENTS */
	uint32_t queue_head, given, queue_tail; /* released up to head, given out up to given */

	struct tls_core_stats stats;
};

/* --- records in work: of every packet, hence here */

static inline struct tls_op *
op_alloc(struct tls_core *core) ON_LCORE
{
	if (!core->n_free_op)
		return NULL;
	struct tls_op *op = &core->op[core->free_op[--core->n_free_op]];
	op->plain = 0;
	op->explicit_nonce = 0;
	return op;
}

static inline void
op_release(struct tls_core *core, struct tls_op *op) ON_LCORE
{
	op->m = NULL;
	op->conn = NULL;
	core->free_op[core->n_free_op++] = op->number;
}

static inline void
op_push(struct op_queue *q, const struct tls_op *op) ON_LCORE
{
	q->number[q->tail++ & q->mask] = op->number;
}

static inline struct tls_op *
op_pop(struct tls_core *core, struct op_queue *q) ON_LCORE
{
	return q->head == q->tail ? NULL : &core->op[q->number[q->head++ & q->mask]];
}

/* op_finished: by its engine. */
static inline void
op_finished(struct tls_core *core, const struct tls_op *op) ON_LCORE
{
	op_push(op->way == TLS_TX ? &core->done : &core->opened, op);
}

/* core.c */
/* core_submit: n ops to their engines, in order. */
void core_submit(struct tls_core *core, struct tls_op **ops, unsigned n) ON_LCORE;
/* core_collect: what a device has finished meanwhile is op_finished. */
void core_collect(struct tls_core *core) ON_LCORE;
void core_ready(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
struct tls_conn *core_next_ready(struct tls_core *core) ON_LCORE;
/* core_event: a queued event of conn, empty but for conn and kind; only while core_event_room > 0. */
struct tls_queued_event *core_event(struct tls_core *core, struct tls_conn *conn, enum tls_event_kind kind) ON_LCORE;
unsigned core_event_room(const struct tls_core *core) ON_LCORE;
/* core_free_events: places of events given before are free again. */
void core_free_events(struct tls_core *core) ON_LCORE;
unsigned core_give_events(struct tls_core *core, struct tls_event *events, unsigned max) ON_LCORE;

/* conn.c */
uint64_t conn_handle(const struct tls_core *core, const struct tls_conn *conn) ON_LCORE;
/* conn_of_handle: NULL when that one is no more. */
struct tls_conn *conn_of_handle(const struct tls_core *core, uint64_t handle) ON_LCORE;
struct tls_link *conn_link(const struct tls_core *core, const struct tls_conn *conn) ON_LCORE;
/* conn_release: lets the slot go when nothing holds it any more. */
void conn_release(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
/* conn_end: takes no more bytes; frees what is held. */
void conn_end(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
/* conn_handshake_over: one less in flight. */
void conn_handshake_over(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
/* conn_keys: from now on records. */
void conn_keys(struct tls_core *core, struct tls_conn *conn, const struct tls_msg_up *up) ON_LCORE;

/* seal.c */
/* seal_build: an op that seals m (plaintext) as a record of `type`; NULL and m untouched when there is no op, mbuf or
 * session for it now. */
struct tls_op *seal_build(struct tls_core *core, struct tls_conn *conn, uint8_t type, struct rte_mbuf *m) ON_LCORE;
/* seal_plain: m to be sent as it is; NULL when there is no op now. */
struct tls_op *seal_plain(struct tls_core *core, struct tls_conn *conn, struct rte_mbuf *m) ON_LCORE;
/* seal_owed: builds what the connection owes by itself (key update, alert) into batch, at most SEAL_OWED; false when
 * something is still owed. */
#define SEAL_OWED 2
bool seal_owed(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n) ON_LCORE;

/* conn_next_key: RFC 8446 7.2. */
void conn_next_key(struct tls_core *core, struct tls_conn *conn, enum tls_way way) ON_LCORE;

/* open.c */
/* open_work: lets connections that have something to do go on: records to open, what is owed, talk with OFFLOAD. */
void open_work(struct tls_core *core) ON_LCORE;

/* content.c: what an opened record says.  True when *event is data to be given; other events are queued, at most one
 * (there is room for it). */
bool content_take(struct tls_core *core, struct tls_conn *conn, struct tls_op *op, struct tls_event *event) ON_LCORE;
/* content_fail: the connection fails: the alert is due, the event queued. */
void content_fail(struct tls_core *core, struct tls_conn *conn, enum tls_reason reason, enum tls_alert alert) ON_LCORE;
/* content_end: by the peer, with TLS_EVENT_CLOSED or TLS_EVENT_ALERT. */
void content_end(struct tls_core *core, struct tls_conn *conn, enum tls_event_kind kind, uint8_t alert) ON_LCORE;

/* post.c: handshake messages after the handshake; fails the connection by itself. */
void post_handshake(struct tls_core *core, struct tls_conn *conn, const struct rte_mbuf *m) ON_LCORE;

/* talk.c: with OFFLOAD. */
/* talk_pump: sends what a connection in its handshake or relayed has to say; false when a ring has no room now. */
bool talk_pump(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
bool talk_open(struct tls_core *core, struct tls_conn *conn, uint8_t listener, const char *server_name) ON_LCORE;

#endif
