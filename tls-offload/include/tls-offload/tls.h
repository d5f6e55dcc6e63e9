/* tls.h - TLS on a worker core: TCP's bytes in, plaintext out, and back.
 *
 * What.  A connection begins with a handshake that OFFLOAD makes (offload.h): its bytes are relayed over a ring.  Then
 * the worker core has the traffic keys, and opens and seals records itself, in place, in the packet buffers: TLS 1.2 and
 * 1.3 with AES-128-GCM, AES-256-GCM or ChaCha20-Poly1305.  Connections without such a suite stay relayed.  Whoever uses
 * this sees one kind of connection, four calls, and events.
 *
 *	each turn of the loop:
 *		tls_step(core, now)                          messages of OFFLOAD
 *		tls_open_begin(core, chunks, n)              bytes that TCP has received, in order
 *		n = tls_open_end(core, events, max)          up, data, closed, failed
 *		...
 *		tls_seal_begin(core, chunks, n)              plaintext to send: each chunk becomes one record
 *		n = tls_seal_end(core, chunks, max)          bytes for TCP to send, in order, of every connection: records,
 *		                                             handshakes, and the alerts and key updates that we send by
 *		                                             ourselves
 *
 * Begin and end are two, because a cryptodev works in between: what begins in one turn ends in a later one, in the order
 * of its connection.  Software (ipsec-mb) is done when begin returns; the same loop drives both.  A suite that the
 * device cannot do is software's.
 *
 * Chunks are mbuf chains.  To open: any split of the byte stream, one byte or several records; the chain is taken over
 * (segments must not be shared; small ones are copied together).  The events' chains are the caller's then.  To seal: at
 * most tls_room() bytes of plaintext in writable segments, with TLS_HEADROOM in front of the first; they become the record.
 * A record's tail goes into the last segment's tailroom when it fits (TLS_TAILROOM), else into a new mbuf.
 *
 * Flow control.  What is opened is never dropped.  tls_held() bytes of a connection wait here (the beginning of a record,
 * the next message to OFFLOAD): they are still TCP's to count against the window.  tls_room() says how many bytes of
 * plaintext the next record may have, 0 when none is taken now; tls_pending() whether an end call has more to give.
 *
 * Ends.  TLS_EVENT_CLOSED: the peer said close_notify; ours is sent already.  TLS_EVENT_ALERT: the peer gave up.
 * TLS_EVENT_FAILED: we did, and the alert that says why is on its way out of tls_seal_end.  One of them, once; afterwards
 * the connection takes no more bytes, and what is left is to send what seal_end gives and to tls_close.
 * tls_close may come at any time: records still in a device are waited for behind the scenes, then the slot is free.
 *
 * Threads: each worker core its own struct tls_core; its calls are that core's.  Memory: all of it in tls_core_new;
 * TLS_CONN_BYTES for each connection (two directions with raw key, IV, sequence number and traffic secret); expanded AES keys
 * (1 KiB each) in a cache of the core's, made again when missed.  Nothing here allocates, logs, reads a clock or makes a
 * system call.
 *
 * What a peer makes us send by itself is bounded, because TCP's grant does not hold it back: one KeyUpdate until the next data
 * answers all that ask for one (RFC 8446 4.6.3), one warning refuses renegotiation, and more KeyUpdates than 32 at once and
 * one a second, or a second renegotiation, end the connection.  A relayed one has tls_wait.
 *
 * RFC 5246 (6, 7.2), RFC 5288, RFC 7905, RFC 8446 (4.6.3, 5, 6).  Renegotiation is refused (5246 7.2.2).
 */
#ifndef TLS_OFFLOAD_TLS_H
#define TLS_OFFLOAD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/mono.h>
#include <millrace/role.h>
#include <tls-offload/msg.h>
#include <tls-offload/reason.h>

struct rte_mbuf;
struct rte_mempool;
struct tls_offload;
struct tls_core;
struct tls_conn;

#define TLS_PLAINTEXT_MAX 16384 /* RFC 8446 5.1 */
#define TLS_HEADROOM 13         /* record header and TLS 1.2's explicit nonce */
#define TLS_TAILROOM 17         /* type and tag */
#define TLS_CHUNKS 64           /* most in one call */
#define TLS_CONN_BYTES 256      /* a connection; expanded keys are in a cache of the core's */

struct tls_core_conf {
	unsigned connections;        /* at once; at most 2^24 */
	unsigned max_handshakes;     /* in flight on this core; 0: as many as connections */
	unsigned handshake_rate;     /* begun in a second; 0: no limit */
	unsigned key_cache;          /* expanded keys, 1 KiB each; 0: 16 Ki, or what two for each connection need */
	unsigned records;            /* in a device at once; 0: 1024 */
	int cryptodev;               /* its number, configured and started; -1: software alone */
	uint16_t queue_pair;         /* this core's, of the device */
	int socket;                  /* for memory; -1: any */
	struct rte_mempool *mbufs;   /* for alerts, key updates, what OFFLOAD says, and tails that do not fit */
	struct tls_offload *offload; /* NULL: no handshakes (benchmarks) */
	unsigned core;               /* our number there */
};

/* tls_cryptodev_start: configures and starts the cryptodev of that name with so many queue pairs, one for each core; a name
 * of a software device ("crypto_aesni_gcm") makes it.  Its number, or -1 with a sentence in err. */
int tls_cryptodev_start(const char *name, unsigned queue_pairs, char *err, size_t err_len) INIT_ONLY;

/* tls_core_new: NULL without memory, or when the device cannot work in place on chains; then err says so. */
struct tls_core *tls_core_new(const struct tls_core_conf *conf, char *err, size_t err_len) INIT_ONLY;
void tls_core_free(struct tls_core *core) INIT_ONLY;

/* tls_core_bytes: what tls_core_new will take. */
size_t tls_core_bytes(const struct tls_core_conf *conf) ANY_THREAD;

/* --- connections ------------------------------------------------------------------------------------------------- */

/* tls_accept, tls_connect: a connection in its handshake; `user` is the caller's, tls_user gives it back.  NULL and *why
 * (TLS_REFUSED_*) when there is no slot, or too many handshakes: a cap or a rate.  tls_connect: server_name is sent as
 * SNI, "" or NULL sends none. */
enum tls_refused { TLS_REFUSED_NOT, TLS_REFUSED_SLOTS, TLS_REFUSED_HANDSHAKES, TLS_REFUSED_RATE };
struct tls_conn *tls_accept(struct tls_core *core, uint32_t user, enum tls_listener listener, struct mono now,
			    enum tls_refused *why) ON_LCORE;
struct tls_conn *tls_connect(struct tls_core *core, uint32_t user, const char *server_name, struct mono now,
			     enum tls_refused *why) ON_LCORE;
uint32_t tls_user(const struct tls_conn *conn) ON_LCORE;

/* tls_shutdown: sends close_notify; no more chunks to seal are taken.  The peer's data still comes. */
void tls_shutdown(struct tls_core *core, struct tls_conn *conn) ON_LCORE;

/* tls_close: the connection is the caller's no longer: what it holds is freed, no event of it comes any more, and what
 * tls_seal_end has not given yet is dropped.  Who wants a last alert to get out waits until tls_unsent is false. */
void tls_close(struct tls_core *core, struct tls_conn *conn) ON_LCORE;

/* tls_unsent: whether tls_seal_end has yet to give something of this connection. */
bool tls_unsent(const struct tls_conn *conn) ON_LCORE;

/* tls_held: bytes of the peer's that wait here.  tls_held_mbufs: the buffers that they are in. */
uint32_t tls_held(const struct tls_conn *conn) ON_LCORE;
uint32_t tls_held_mbufs(const struct tls_conn *conn) ON_LCORE;

/* tls_opening: whether something of what has come may still bring an event without more of it: a record is in work, or OFFLOAD has
 * not answered yet. */
bool tls_opening(const struct tls_conn *conn) ON_LCORE;

/* tls_room: the most that the next chunk to seal may have; 0: none now, or none at all. */
uint32_t tls_room(const struct tls_conn *conn) ON_LCORE;

/* tls_wait: whether what the peer sends on a relayed connection waits here instead of going to OFFLOAD, which may answer it:
 * for as long as TCP's queue is long.  tls_relayed: whether it is one. */
void tls_wait(struct tls_core *core, struct tls_conn *conn, bool on) ON_LCORE;
bool tls_relayed(const struct tls_conn *conn) ON_LCORE;

/* tls_answered: false for a handshake whose ClientHello is not whole: nothing is said to it, and no answer is awaited. */
bool tls_answered(const struct tls_conn *conn) ON_LCORE;

/* tls_overhead: bytes that a record has beyond its plaintext, for TCP's grant; at most TLS_HEADROOM + TLS_TAILROOM - 1 for
 * records that we seal, an upper bound for a relayed connection. */
unsigned tls_overhead(const struct tls_conn *conn) ON_LCORE;

/* --- the loop's calls -------------------------------------------------------------------------------------------- */

struct tls_chunk {
	struct tls_conn *conn;
	struct rte_mbuf *m;
};

enum tls_event_kind {
	TLS_EVENT_UP,     /* the handshake is done; `agreed` */
	TLS_EVENT_DATA,   /* m: plaintext of one record, never empty */
	TLS_EVENT_CLOSED, /* close_notify */
	TLS_EVENT_ALERT,  /* the peer's fatal alert: `alert`; reason TLS_PEER_ALERT */
	TLS_EVENT_FAILED, /* `reason`, and `alert` that was sent */
};

/* agreed: of UP; of ALERT and FAILED in a handshake, where only server_name is filled in; else NULL.  Valid until the
 * next tls_open_end. */
struct tls_event {
	struct tls_conn *conn;
	struct rte_mbuf *m;
	const struct tls_agreed *agreed;
	uint8_t kind; /* enum tls_event_kind */
	uint8_t reason;
	uint8_t alert;
};

/* tls_step: takes at most 64 messages of OFFLOAD. */
void tls_step(struct tls_core *core, struct mono now) ON_LCORE;

/* tls_open_begin: takes all n chunks (TLS_CHUNKS at most); several of one connection in the order of its bytes. */
void tls_open_begin(struct tls_core *core, const struct tls_chunk *chunks, unsigned n) ON_LCORE;

/* tls_open_end: at most max events (max <= TLS_CHUNKS), of one connection in order. */
unsigned tls_open_end(struct tls_core *core, struct tls_event *events, unsigned max) ON_LCORE;

/* tls_seal_begin: takes the first n' <= n chunks and returns n'; the rest is the caller's still, for the next turn.  Less
 * than n only when tls_seal_end is behind, or a device or the mbufs are at their end. */
unsigned tls_seal_begin(struct tls_core *core, const struct tls_chunk *chunks, unsigned n) ON_LCORE;

/* tls_seal_end: at most max chunks of bytes to send, of one connection in order. */
unsigned tls_seal_end(struct tls_core *core, struct tls_chunk *chunks, unsigned max) ON_LCORE;

/* tls_pending: whether tls_open_end or tls_seal_end may have something without a new begin: the loop is not idle. */
bool tls_pending(const struct tls_core *core) ON_LCORE;

/* Counters of the core's own: written by it, read anywhere. */
struct tls_core_stats {
	uint64_t opened, opened_bytes, sealed, sealed_bytes; /* records, plaintext */
	uint64_t key_misses;                                 /* keys that had to be expanded again */
	uint64_t key_updates_sent, key_updates_received;
	uint64_t handshakes, up, resumed, relayed;
	uint64_t refused[TLS_REFUSED_RATE + 1];
	uint64_t in_flight; /* handshakes now */
	uint64_t waits;     /* messages that found a ring full, or no mbuf */
	uint64_t reason[TLS_N_REASONS];
};
const struct tls_core_stats *tls_core_stats(const struct tls_core *core) ANY_THREAD;

#endif
