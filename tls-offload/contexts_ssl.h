/* contexts_ssl.h - what contexts are to the handshakes: OpenSSL's contexts.  Private to the room. */
#ifndef TLS_OFFLOAD_CONTEXTS_SSL_H
#define TLS_OFFLOAD_CONTEXTS_SSL_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include <tls-offload/contexts.h>

#include "ticket.h"

/* Of a context's leaf certificate (DER); the context's app data. */
struct leaf_hash {
	uint8_t sha1[20], sha256[32];
};

/* A server's certificate.  The key log writes every secret of a handshake in hexadecimal, which costs a resumed one of TLS 1.2 a
 * sixth: only TLS 1.3, where there is no other way to its secrets, pays for it. */
struct shown {
	char *host_name; /* "*.example.net" stands for one label more; of the default NULL */
	SSL_CTX *ctx;    /* up to TLS 1.2; of the default NULL: the listener's own */
	SSL_CTX *logged; /* TLS 1.3 */
	struct leaf_hash hash;
};

struct tls_contexts {
	_Atomic unsigned references;
	enum tls_role role;
	bool asynchronous;                  /* an engine is configured */
	SSL_CTX *listener[TLS_N_LISTENERS]; /* a client has the first alone */
	struct shown *shown;                /* a server's; the first is the default */
	unsigned n_shown;
	uint8_t sum[32];         /* of all that a session ticket stands for */
	struct tickets *tickets; /* a server's */
	char *host_name;
	bool verify; /* a client's: there is a CA file */
};

/* contexts_get: one reference more. */
struct tls_contexts *contexts_get(struct tls_contexts *c);

/* contexts_choose: by the SNI of a client, NULL without: the certificate to show; *refused when host_name forbids the name. */
const struct shown *contexts_choose(const struct tls_contexts *c, const char *server_name, bool *refused);

/* certificate_load: leaf, chain and key into ctx, everything checked.  TLS_OK, or the reason with err filled in. */
enum tls_reason certificate_load(SSL_CTX *ctx, const struct tls_certificate *c, time_t now, struct tls_error *err);

/* certificate_copy: leaf, chain and key of `from`, which has them. */
enum tls_reason certificate_copy(SSL_CTX *to, const SSL_CTX *from, struct tls_error *err);

/* certificate_hash: of the leaf that ctx has. */
void certificate_hash(SSL_CTX *ctx, struct leaf_hash *hash);

/* engine_load: the OpenSSL engine of that name becomes the default for private keys. */
enum tls_reason engine_load(const char *name, struct tls_error *err);

/* error_set: the sentence, and why OpenSSL says so, if it does; empties OpenSSL's queue of errors. */
enum tls_reason error_set(struct tls_error *err, enum tls_reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* handshake_callbacks: server name and alerts of connections made with ctx go to the handshake (callbacks.c). */
void handshake_callbacks(SSL_CTX *ctx);

/* handshake_tickets: tickets are sealed and opened with the contexts' keys. */
void handshake_tickets(SSL_CTX *ctx);

/* handshake_keylog: so do the traffic secrets of TLS 1.3. */
void handshake_keylog(SSL_CTX *ctx);

#endif
