/* contexts.h - certificates, versions and suites: what handshakes are made with.
 *
 * What.  A configuration becomes a struct tls_contexts: OpenSSL's contexts of the normal and the legacy listener (or of
 * a client), with the default certificate, more certificates chosen by server name, and the rules about names.  Whatever
 * is wrong with it is found when it is made: a file that is not there, a key that is another certificate's, a
 * certificate that has expired, a chain that does not verify.  `millraced -t` makes one and frees it.
 *
 * Threads.  Making one reads files: main() and MAIN do that, as they read the configuration.  It never changes
 * afterwards (but for the keys of tickets), is counted by references, and OFFLOAD threads share it; tls_offload_contexts_set (offload.h) swaps it.
 * Handshakes that have begun end with the contexts that they began with; nothing that is up notices.
 *
 * Tickets.  TLS 1.2 session tickets are on.  TLS 1.3 sends one ticket where the certificate is RSA, because resuming
 * saves the signature, and none with ECDSA, where it saves nothing.  They are sealed with a key that is replaced every
 * twelve hours and opens what it sealed for twelve more; a client that shows one of the former key's is given a new one.
 * `former` hands the keys on, so that a reload does not cost every client a full handshake; but not where a certificate is
 * another, because who resumes is shown none, and would bind SSTP to the one that it saw then ([MS-SSTP] 3.2.5.2); nor where
 * versions, suites or names are others, which are not looked at when a session is resumed.
 *
 * Names (RFC 6066 3).  A client without SNI gets the default certificate (sstpc and RouterOS send none).  With
 * `host_name`, an SNI of another name ends the handshake with unrecognized_name.
 *
 * RFC 5246, RFC 8446, RFC 6066, RFC 8996 (why legacy is another listener).
 */
#ifndef TLS_OFFLOAD_CONTEXTS_H
#define TLS_OFFLOAD_CONTEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <millrace/role.h>
#include <tls-offload/msg.h>
#include <tls-offload/reason.h>

enum tls_version {
	TLS_V1_0 = 1 << 0,
	TLS_V1_1 = 1 << 1,
	TLS_V1_2 = 1 << 2,
	TLS_V1_3 = 1 << 3,
};

struct tls_certificate {
	const char *host_name;      /* the SNI that chooses it; of the default one NULL */
	const char *certificate;    /* PEM file; what follows the leaf is its chain */
	const char *private_key;    /* PEM file */
	const char *ca_certificate; /* PEM file of the chain that is sent with the leaf, or NULL */
};

/* Strings are read while the contexts are made, and not kept.  NULL or "": OpenSSL's default. */
struct tls_contexts_conf {
	enum tls_role role;
	const struct tls_certificate *certificates; /* [0] is the default; a client needs none */
	unsigned n_certificates;
	const char *host_name;    /* the only SNI that is taken, NULL or "": any */
	unsigned versions;        /* enum tls_version bits, of the normal listener; legacy adds 1.0 and 1.1 */
	const char *ciphers;      /* suites up to TLS 1.2, as OpenSSL writes them */
	const char *ciphersuites; /* of TLS 1.3 */
	const char *groups;       /* best first; NULL: X25519:P-256 */
	bool prefer_server_ciphers;
	const char *engine;  /* an OpenSSL engine for private keys; handshakes are asynchronous then */
	const char *ca_file; /* a client's: whom it trusts; NULL: anybody */
};

struct tls_error {
	enum tls_reason reason;
	char text[512]; /* a sentence: the file, and what is wrong with it */
};

struct tls_contexts;

/* tls_contexts_new: contexts with one reference, or NULL and err filled in.  now: seconds of the epoch, against which
 * certificates are checked.  former: whose tickets stay good if nothing that they stand for has changed, or NULL.  An engine is loaded once in a process and stays. */
struct tls_contexts *tls_contexts_new(const struct tls_contexts_conf *conf, const struct tls_contexts *former,
				      time_t now, struct tls_error *err) ANY_THREAD;

/* tls_contexts_put: gives a reference back; the last one frees. */
void tls_contexts_put(struct tls_contexts *c) ANY_THREAD;

/* tls_contexts_default_hash: of the default certificate (DER): SHA-1 into sha1[20], SHA-256 into sha256[32].  For `show`;
 * what a connection showed is in its struct tls_agreed. */
void tls_contexts_default_hash(const struct tls_contexts *c, uint8_t sha1[20], uint8_t sha256[32]) ANY_THREAD;

#endif
