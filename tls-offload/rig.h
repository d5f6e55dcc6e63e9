/* rig.h - a worker core's TLS and its OFFLOAD threads in one thread, with peers in memory: for tests, fuzzing, benchmarks.
 *
 * An end is one of our connections and what it has seen.  What it sends goes to its peer: an OpenSSL connection, or
 * another end.  What comes is delivered in pieces: whole, one byte at a time, or cut anywhere by a seed.  rig_turn is one
 * turn of everything; rig_settle turns until nothing moves.
 */
#ifndef TLS_OFFLOAD_RIG_H
#define TLS_OFFLOAD_RIG_H

#include <openssl/ssl.h>

#include <rte_mbuf.h>

#include <tls-offload/offload.h>
#include <tls-offload/tls.h>

#define RIG_ENDS 64
#define RIG_BYTES (1 << 20)

enum rig_cut { RIG_WHOLE, RIG_BYTEWISE, RIG_RANDOM };

struct rig_bytes {
	uint8_t *p;
	size_t n, at;
};

struct rig_end {
	struct tls_conn *conn;
	struct rig_end *other; /* ours on the other side, or NULL */
	SSL *ssl;              /* OpenSSL on the other side, or NULL */
	BIO *ssl_in, *ssl_out;
	struct rig_bytes wire; /* towards us */
	struct rig_bytes sent; /* all that we have sent, as it was on the wire */
	struct rig_bytes got;  /* plaintext that we have received */
	bool up, closed, failed, alerted, ssl_up, ssl_failed;
	struct tls_agreed agreed;
	uint8_t reason, alert;
	unsigned events;
	const void *early; /* OpenSSL sends it in the flight of its Finished */
	size_t early_n;
};

struct rig {
	struct tls_core *core;
	struct mono now; /* what the core and OFFLOAD are told */
	struct tls_offload *offload;
	struct rte_mempool *pool;
	struct rig_end end[RIG_ENDS];
	unsigned n_ends;
	enum rig_cut cut;
	uint64_t seed;
	unsigned held_steps; /* OFFLOAD takes a turn only each so many */
	unsigned n_threads;  /* of OFFLOAD, for rig_open; 0: one */
	bool threads;        /* OFFLOAD runs by itself */
	double lcore_us;     /* CPU time of the worker core's calls, summed up */
	char dir[64];        /* of certificate files */
};

extern struct rig rig;

/* rig_start: DPDK and the mbuf pool, once in a process, and the virtual cryptodev of that name: its number, or -1 with
 * NULL. */
int rig_start(const char *cryptodev);

/* rig_certificates: a CA, and keys and certificates of it: rsa.pem, ec.pem, other.pem (of the name other.example.net),
 * expired.pem, small.pem (RSA-1024), and their .key; ca.pem, stranger.pem (another CA); torn.pem (broken), locked.key (with
 * a passphrase). */
void rig_certificates(void);
const char *rig_file(const char *name);
void rig_certificates_remove(void);

/* rig_open: core and OFFLOAD with server contexts of conf (NULL: both certificates are rsa.pem's defaults) and a client's. */
void rig_open(const struct tls_core_conf *core, const struct tls_contexts_conf *conf);
void rig_contexts(const struct tls_contexts_conf *conf);
void rig_close(void);

/* rig_accept, rig_connect: our end against an OpenSSL connection made with ctx. */
struct rig_end *rig_accept(SSL_CTX *ctx, enum tls_listener listener, const char *server_name);
struct rig_end *rig_connect(SSL_CTX *ctx, const char *server_name);
/* rig_pair: our server; its `other` is our client. */
struct rig_end *rig_pair(const char *server_name);
/* rig_keyed: the same without a handshake: two ends of which each has the keys of the other's other direction. */
struct rig_end *rig_keyed(bool v13, enum tls_aead aead);
void rig_forget(struct rig_end *e);

bool rig_turn(void);
void rig_settle(void);

/* rig_all_up: each end, and its OpenSSL peer. */
bool rig_all_up(void);
/* rig_until: turns until *flag, at most a few million times; whether. */
bool rig_until(const bool *flag);

/* rig_send: n plaintext bytes from our end; rig_ssl_send: from OpenSSL's. */
void rig_send(struct rig_end *e, const void *p, size_t n);
void rig_ssl_send(struct rig_end *e, const void *p, size_t n);
/* rig_ssl_receive: what OpenSSL has for us to read, at most max. */
size_t rig_ssl_receive(struct rig_end *e, void *p, size_t max);

uint64_t rig_random(void);
void rig_add(struct rig_bytes *b, const void *p, size_t n);

#endif
