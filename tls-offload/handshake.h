/* handshake.h - one connection on an OFFLOAD thread: its handshake, and its relay when the suite has no AEAD.
 *
 *	RUN ──► WAIT (for bytes) ──► RUN ...      PARKED: an engine has the job, and says when it is done
 *	 │         ▲
 *	 │         └──── PARKED
 *	 ├──► UP, keys: said and forgotten
 *	 ├──► RELAY: bytes through SSL_read and SSL_write until CLOSE
 *	 └──► FAILED: said and forgotten
 *
 * What is to be said is said when the ring has room; until then the connection is on its thread's list `behind`, and
 * nothing new reaches it, because the worker core waits for the answer.
 *
 * A connection that its worker core closes while an engine has its job is a zombie: the job cannot be taken back (freeing
 * the SSL would lose the job's slot for good), so it runs to its end and is then freed.
 */
#ifndef TLS_OFFLOAD_HANDSHAKE_H
#define TLS_OFFLOAD_HANDSHAKE_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include <tls-offload/msg.h>

#include "contexts_ssl.h"
#include "export.h"
#include "scan.h"
#include "thread.h"

enum handshake_state { HANDSHAKE_RUN, HANDSHAKE_WAIT, HANDSHAKE_PARKED, HANDSHAKE_OVER, HANDSHAKE_RELAY };

/* What is still to be said to the worker core, in this order. */
enum handshake_due {
	DUE_READ = 1 << 0, /* relay: there may be plaintext to give */
	DUE_PEER_CLOSE = 1 << 1,
	DUE_TAKEN_BYTES = 1 << 2,
	DUE_TAKEN_WRITE = 1 << 3,
	DUE_UP = 1 << 4,
	DUE_FAILED = 1 << 5,
};

struct handshake {
	SSL *ssl;
	BIO *in, *out; /* what the peer sent, what is to go to it; the SSL's */
	struct offload_thread *thread;
	struct tls_contexts *contexts;
	unsigned core;
	uint64_t handle;
	enum handshake_state state;
	unsigned due; /* enum handshake_due bits */
	bool zombie, asynchronous, relayed, in_flight;
	bool has_job;   /* PARKED: an engine works for it, else no job was free */
	uint8_t reason; /* enum tls_reason, once it is known */
	uint8_t alert;
	bool alert_sent, alert_received;
	struct scan output;
	struct traffic_secrets secrets;
	char server_name[TLS_SERVER_NAME];

	struct handshake *behind_next, **behind_prev; /* on thread->behind */
	struct handshake *parked_next, **parked_prev; /* on thread->parked */
	struct handshake *woken_next;                 /* on thread->woken, which the engine's thread pushes on */
	_Atomic bool woken;
};

/* handshake_new: NULL without memory.  A client's begins at once. */
struct handshake *handshake_new(struct offload_thread *t, unsigned core, uint64_t handle,
				const struct tls_msg_open *open, const char *server_name) ON_OFFLOAD;

/* What the worker core says.  The connection may be gone afterwards (UP, FAILED, CLOSE). */
void handshake_bytes(struct handshake *h, const uint8_t *p, uint32_t n) ON_OFFLOAD;
void handshake_write(struct handshake *h, const uint8_t *p, uint32_t n) ON_OFFLOAD;
void handshake_shutdown(struct handshake *h) ON_OFFLOAD;
void handshake_close(struct handshake *h) ON_OFFLOAD;

/* handshake_go_on: says what is due, when the ring has room. */
void handshake_go_on(struct handshake *h) ON_OFFLOAD;

/* handshake_unpark: the job that was parked is done, or one may be free now; false when there is still none. */
bool handshake_unpark(struct handshake *h) ON_OFFLOAD;

#endif
