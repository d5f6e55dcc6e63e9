/* msg.h - the payloads of msg.def.
 *
 * Messages travel as records of byte rings (millrace/byte_ring.h), one pair for each worker core and OFFLOAD thread.  The
 * record's handle names the connection: {core:8, index:24, 0:16, generation:16}, allocated by the worker core.  OFFLOAD
 * keeps what it knows of a connection under its index; a handle of another generation is of one that has ended, and its
 * message is dropped.  Numbers are in host order; a struct is copied, never shared.
 *
 * A handshake, server side:
 *
 *	LCORE                              OFFLOAD
 *	OPEN, BYTES (ClientHello)   ->
 *	                            <-     OUT (our flight), TAKEN
 *	BYTES (the client's)        ->
 *	                            <-     OUT (Finished, tickets), UP {keys, left_over = 201}
 *
 * UP answers the last BYTES instead of TAKEN, and says how many of its bytes are not the handshake's: the first records
 * under the new keys, which the worker core still holds.  (Clients do send them: sstpc's HTTP request comes with its
 * Finished.)  So no byte has two owners, and the order is that of one ring.
 */
#ifndef TLS_OFFLOAD_MSG_H
#define TLS_OFFLOAD_MSG_H

#include <stdint.h>

#include <tls-offload/reason.h>

enum tls_msg {
#define MSG(name, ...) TLS_MSG_##name,
#include <tls-offload/msg.def>
#undef MSG
	TLS_MSG_COUNT
};

enum tls_role { TLS_SERVER, TLS_CLIENT };

/* Which listener, and so which contexts (contexts.h). */
enum tls_listener { TLS_LISTENER_NORMAL, TLS_LISTENER_LEGACY, TLS_N_LISTENERS };

enum tls_aead { TLS_NO_AEAD, TLS_AES_128_GCM, TLS_AES_256_GCM, TLS_CHACHA20_POLY1305 };

#define TLS_KEY 32
#define TLS_IV 12
#define TLS_SECRET 48
#define TLS_SERVER_NAME 256

/* How one direction goes on after the handshake. */
struct tls_keys {
	uint8_t key[TLS_KEY];       /* 16 or 32 bytes count */
	uint8_t iv[TLS_IV];         /* TLS 1.2 GCM: salt, then the explicit nonce of record 0 (only that we send) */
	uint8_t secret[TLS_SECRET]; /* TLS 1.3: the traffic secret, for key updates */
	uint64_t seq;               /* of the next record */
};

/* What was agreed. */
struct tls_agreed {
	uint16_t version; /* 0x0301 .. 0x0304 */
	uint16_t suite;   /* IANA's number */
	uint8_t resumed;  /* an abbreviated handshake */
	uint8_t role;     /* enum tls_role */
	uint8_t cert_sha1[20],
		cert_sha256[32];           /* of the server's leaf certificate (DER), as shown on this connection */
	char server_name[TLS_SERVER_NAME]; /* SNI; "" without */
};

struct tls_msg_none {
	char nothing[0];
};

struct tls_msg_open {
	uint8_t role;     /* enum tls_role */
	uint8_t listener; /* enum tls_listener, of a server */
};

enum tls_taken { TLS_TAKEN_BYTES = 1 << 0, TLS_TAKEN_WRITE = 1 << 1 };

struct tls_msg_taken {
	uint8_t what; /* enum tls_taken */
};

struct tls_msg_up {
	struct tls_agreed agreed;
	uint8_t aead;       /* enum tls_aead; TLS_NO_AEAD: the connection stays with OFFLOAD */
	uint8_t sha384;     /* the hash of the suite: SHA-384, else SHA-256 */
	uint16_t left_over; /* bytes at the end of the last BYTES that are records already */
	struct tls_keys tx, rx;
};

struct tls_msg_failed {
	uint8_t reason;     /* enum tls_reason */
	uint8_t alert;      /* with PEER_ALERT the peer's; otherwise ours, sent in an OUT before */
	uint8_t alert_sent; /* whether `alert` is one that we sent */
	char server_name[TLS_SERVER_NAME];
};

struct tls_msg_row {
	const char *name, *meaning;
	uint16_t size; /* of the payload struct; 0 for tls_msg_none */
};

/* tls_msg_row: never NULL for type < TLS_MSG_COUNT.  Constant data. */
const struct tls_msg_row *tls_msg_row(unsigned type) ANY_THREAD;

#endif
