/* dial.h - SSTP connections on a worker core of dp/bed.h, and clients that have made them: TCP, TLS keys, the HTTP head, a
 * session bound to each, data both ways.  For tests, fuzzing and benchmarks, in one thread, on the bed's clock.
 *
 * The clients have a TCP, a TLS core and buffers of their own; their packets are frames of port 0, what the worker sends them
 * is taken out of lc->tx[0].
 *
 *	bed_start(...); dial_open(&conf);  c = dial(slot, echo_s);  dial_send(c, ...); dial_turn(us) ...;  dial_close();
 */
#ifndef TESTS_DIAL_H
#define TESTS_DIAL_H

#include <tls-offload/offload.h>
#include <tls-offload/tls.h>

#include "bed.h"
#include "conn.h"

#define DIAL_CONTROL_TYPES 16
#define DIAL_PORT 443

struct dial_client {
	uint64_t tcp;         /* the client's; 0: gone */
	struct tls_conn *tls; /* likewise */
	uint64_t conn;        /* the worker's handle */
	uint32_t slot;
	bool opened, tcp_gone, tls_ended;
	bool deaf; /* hears nothing: its packets are lost (dial_deafen) */
	bool mute; /* sends nothing: likewise */
	uint8_t gone_why;
	struct rte_mbuf *in;                  /* plaintext that is not a packet yet */
	uint64_t control[DIAL_CONTROL_TYPES]; /* heard, by message type */
	uint64_t data, data_bytes, bad;       /* data packets and their PPP frames; what cannot be */
};

struct dial_conf {
	unsigned conns; /* at most */
	bool tls12;
	enum tls_aead aead; /* 0: AES-128-GCM */
	bool six;
};

struct dial {
	struct rte_mempool *pool; /* once in a process */
	struct tcp *tcp;
	struct tls_offload *offload;
	struct tls_core *tls;
	struct dial_client *client;
	unsigned n;
	uint64_t drops[DROP_COUNT];
	bool any_deaf;
	bool hold;      /* what the clients send stays on the wire; false again: it comes in one burst */
	uint32_t piece; /* octets of a segment of the clients'; 0: a record is one */
};

extern struct dial dial_side;

void dial_open(const struct dial_conf *conf);
/* dial_close: everything on both sides is ended and given back to the pool. */
void dial_close(void);

/* dial: a connection that is up, with the session of this slot on it (gates open, address BED_POOL + slot); NULL: it did not
 * come up. */
struct dial_client *dial(uint32_t slot, uint16_t echo_s);
/* dial_up: the same without a session and without the head: the state HEAD of conn.h. */
struct dial_client *dial_up(void);
/* dial_opening: TCP alone, open for the client, whose ACK has not left; dial_tcp: and for the worker; dial_keys: OFFLOAD's answer, and what the worker says of it. */
struct dial_client *dial_opening(void);
struct dial_client *dial_tcp(void);
struct dial_client *dial_keys(struct dial_client *c);
/* dial_gone: what MAIN has heard of its end; NULL: nothing. */
const struct dp_conn_gone *dial_gone(const struct dial_client *c);
/* dial_bind: what MAIN does when the head has come. */
void dial_bind(struct dial_client *c, uint32_t slot, uint16_t echo_s);
/* dial_forget: the client that was dialled last, as if it had never been; its packets to come are nobody's. */
void dial_forget(struct dial_client *c);
void dial_deafen(struct dial_client *c, bool deaf);
/* dial_conn: the worker's side; NULL: it is gone. */
struct conn *dial_conn(const struct dial_client *c);

/* dial_send: a record with application data; dial_record: of any type; dial_raw: bytes as they are.  False: no room. */
bool dial_send(struct dial_client *c, const void *p, size_t n);
bool dial_record(struct dial_client *c, uint8_t type, const void *p, size_t n);
bool dial_raw(struct dial_client *c, const void *p, size_t n);
/* dial_next_key: what it sends next is under its next key (RFC 8446 7.2).  dial_hang_up: its FIN, or RST. */
void dial_next_key(struct dial_client *c);
void dial_hang_up(struct dial_client *c, bool reset);
bool dial_echo(struct dial_client *c); /* an Echo Request */

/* dial_down: an inner packet of len octets for the session, as it comes off the core side. */
void dial_down(uint32_t slot, unsigned len);

/* dial_turn: both sides once, after `us` more of time. */
void dial_turn(int64_t us);
void dial_turns(unsigned n, int64_t us);

#endif
