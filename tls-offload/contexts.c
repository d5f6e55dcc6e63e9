/* contexts.c - a configuration becomes OpenSSL's contexts. */
#include "contexts_ssl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

/* AEAD with forward secrecy first; AES-CBC is at the end, because RouterOS and old Windows need it.  Neither anonymous
 * suites nor 3DES, RC4 or MD5. */
#define CIPHERS                                                                                                        \
	"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:AESGCM:ECDHE+AES:AES:!aNULL:!eNULL:!PSK:!SRP:!AESCCM:!CAMELLIA:!ARIA:" \
	"!DSS"
/* Diffie-Hellman over a prime costs the server six times ECDHE's time, and a peer who asks for it nothing (D(HE)at, CVE-2002-20001);
 * clients that know no ECDHE are the legacy listener's. */
#define NORMAL CIPHERS ":!kDHE"
/* What TLS 1.0 and 1.1 need: their signatures are MD5 with SHA-1, which no other security level takes. */
#define LEGACY "@SECLEVEL=0"
/* Leaving P-384 in would be enough for a client that prefers it to get it, at six times the cost. */
#define GROUPS "X25519:P-256"

static enum tls_reason make(struct tls_contexts *c, const struct tls_contexts_conf *conf, time_t now,
			    struct tls_error *err);
static enum tls_reason make_server(struct tls_contexts *c, const struct tls_contexts_conf *conf, time_t now,
				   struct tls_error *err);
static enum tls_reason make_shown(struct tls_contexts *c, const struct tls_contexts_conf *conf, time_t now,
				  struct tls_error *err);
static enum tls_reason make_logged(struct shown *s, const SSL_CTX *from, const struct tls_contexts_conf *conf,
				   struct tls_error *err);
static enum tls_reason make_client(struct tls_contexts *c, const struct tls_contexts_conf *conf, struct tls_error *err);
static enum tls_reason set_versions(SSL_CTX *ctx, unsigned versions, struct tls_error *err);
static enum tls_reason set_suites(SSL_CTX *ctx, const struct tls_contexts_conf *conf, bool legacy,
				  struct tls_error *err);
static void set_options(SSL_CTX *ctx, const struct tls_contexts_conf *conf);
static void keep_tickets(struct tls_contexts *c, const struct tls_contexts *former);
static bool sum_up(struct tls_contexts *c, const struct tls_contexts_conf *conf);

struct tls_contexts *
tls_contexts_new(const struct tls_contexts_conf *conf, const struct tls_contexts *former, time_t now,
		 struct tls_error *err)
{
	struct tls_contexts *c = calloc(1, sizeof *c);
	*err = (struct tls_error){0};
	if (!c) {
		error_set(err, TLS_NO_MEMORY, "no memory");
		return NULL;
	}
	c->references = 1;
	c->role = conf->role;
	if (make(c, conf, now, err)) {
		tls_contexts_put(c);
		return NULL;
	}
	if (former)
		keep_tickets(c, former);
	return c;
}

static enum tls_reason
make(struct tls_contexts *c, const struct tls_contexts_conf *conf, time_t now, struct tls_error *err)
{
	ERR_clear_error();
	/* Before any key is loaded: a key is bound to the engine that was the default then. */
	if (conf->engine && *conf->engine) {
		enum tls_reason reason = engine_load(conf->engine, err);
		if (reason)
			return reason;
		c->asynchronous = true;
	}
	return conf->role == TLS_CLIENT ? make_client(c, conf, err) : make_server(c, conf, now, err);
}

static SSL_CTX *
context_new(const struct tls_contexts_conf *conf, const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	if (!ctx)
		return NULL;
	set_options(ctx, conf);
	handshake_callbacks(ctx);
	return ctx;
}

static enum tls_reason
make_server(struct tls_contexts *c, const struct tls_contexts_conf *conf, time_t now, struct tls_error *err)
{
	enum tls_reason reason = TLS_OK;
	for (unsigned i = 0; !reason && i < TLS_N_LISTENERS; i++) {
		bool legacy = i == TLS_LISTENER_LEGACY;
		SSL_CTX *ctx = c->listener[i] = context_new(conf, TLS_server_method());
		if (!ctx)
			return error_set(err, TLS_LIBRARY, "no TLS context");
		reason = set_versions(ctx, conf->versions | (legacy ? TLS_V1_0 | TLS_V1_1 : 0), err);
		reason = reason ? reason : set_suites(ctx, conf, legacy, err);
		reason = reason ? reason : certificate_load(ctx, &conf->certificates[0], now, err);
		handshake_tickets(ctx);
		SSL_CTX_set_dh_auto(ctx, 1);
		SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"millrace", 8);
		if (reason)
			return reason;
		/* RFC 8446 4.6.1: a ticket saves the signature: worth it with RSA. */
		SSL_CTX_set_num_tickets(ctx, EVP_PKEY_get_base_id(SSL_CTX_get0_privatekey(ctx)) == EVP_PKEY_RSA);
	}
	if (conf->host_name && *conf->host_name && !(c->host_name = strdup(conf->host_name)))
		return error_set(err, TLS_NO_MEMORY, "no memory");
	if (!(c->tickets = tickets_new()))
		return error_set(err, TLS_NO_MEMORY, "no ticket keys");
	reason = make_shown(c, conf, now, err);
	if (!reason && !sum_up(c, conf))
		reason = error_set(err, TLS_LIBRARY, "no SHA-256");
	return reason;
}

static enum tls_reason
make_shown(struct tls_contexts *c, const struct tls_contexts_conf *conf, time_t now, struct tls_error *err)
{
	c->shown = calloc(conf->n_certificates, sizeof *c->shown);
	if (!c->shown)
		return error_set(err, TLS_NO_MEMORY, "no memory");
	struct shown *s = &c->shown[c->n_shown++];
	enum tls_reason reason = make_logged(s, c->listener[0], conf, err);
	for (unsigned i = 0; !reason && i < TLS_N_LISTENERS; i++)
		certificate_hash(c->listener[i], &s->hash);
	for (unsigned i = 1; !reason && i < conf->n_certificates; i++) {
		s = &c->shown[c->n_shown++];
		s->host_name = strdup(conf->certificates[i].host_name);
		s->ctx = context_new(conf, TLS_server_method());
		if (!s->host_name || !s->ctx)
			return error_set(err, TLS_NO_MEMORY, "no memory");
		reason = certificate_load(s->ctx, &conf->certificates[i], now, err);
		reason = reason ? reason : make_logged(s, s->ctx, conf, err);
		if (!reason)
			certificate_hash(s->ctx, &s->hash);
	}
	return reason;
}

/* make_logged: as `from`, with the key log. */
static enum tls_reason
make_logged(struct shown *s, const SSL_CTX *from, const struct tls_contexts_conf *conf, struct tls_error *err)
{
	s->logged = context_new(conf, TLS_server_method());
	if (!s->logged)
		return error_set(err, TLS_NO_MEMORY, "no memory");
	handshake_keylog(s->logged);
	enum tls_reason reason = certificate_copy(s->logged, from, err);
	if (!reason)
		certificate_hash(s->logged, &s->hash);
	return reason;
}

static enum tls_reason
make_client(struct tls_contexts *c, const struct tls_contexts_conf *conf, struct tls_error *err)
{
	SSL_CTX *ctx = c->listener[0] = context_new(conf, TLS_client_method());
	if (!ctx)
		return error_set(err, TLS_LIBRARY, "no TLS context");
	handshake_keylog(ctx);
	enum tls_reason reason = set_versions(ctx, conf->versions, err);
	reason = reason ? reason : set_suites(ctx, conf, conf->versions & (TLS_V1_0 | TLS_V1_1), err);
	if (reason || !conf->ca_file || !*conf->ca_file)
		return reason;
	if (!SSL_CTX_load_verify_file(ctx, conf->ca_file))
		return error_set(err, TLS_FILE, "%s: no certificates to trust", conf->ca_file);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	c->verify = true;
	return TLS_OK;
}

static void
set_options(SSL_CTX *ctx, const struct tls_contexts_conf *conf)
{
	uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_SINGLE_DH_USE;
	if (conf->prefer_server_ciphers)
		options |= SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
	SSL_CTX_set_options(ctx, options);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets alone */
	if (conf->engine && *conf->engine)
		SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC);
}

static enum tls_reason
set_versions(SSL_CTX *ctx, unsigned versions, struct tls_error *err)
{
	static const struct {
		unsigned bit;
		int version;
		uint64_t no;
	} all[] = {
		{TLS_V1_0, TLS1_VERSION, SSL_OP_NO_TLSv1},
		{TLS_V1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
		{TLS_V1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
		{TLS_V1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
	};
	int lowest = 0;
	for (unsigned i = 0; i < 4; i++) {
		if (!(versions & all[i].bit))
			SSL_CTX_set_options(ctx, all[i].no);
		else if (!lowest)
			lowest = all[i].version;
	}
	if (!lowest)
		return error_set(err, TLS_VERSIONS, "no TLS version is allowed");
	SSL_CTX_set_min_proto_version(ctx, lowest);
	return TLS_OK;
}

static enum tls_reason
set_suites(SSL_CTX *ctx, const struct tls_contexts_conf *conf, bool legacy, struct tls_error *err)
{
	const char *ciphers = conf->ciphers && *conf->ciphers ? conf->ciphers : legacy ? CIPHERS : NORMAL;
	const char *groups = conf->groups && *conf->groups ? conf->groups : GROUPS;
	char list[2048];
	snprintf(list, sizeof list, "%s%s", ciphers, legacy ? ":" LEGACY : "");
	if (!SSL_CTX_set_cipher_list(ctx, list))
		return error_set(err, TLS_CIPHERS, "no cipher suites in \"%s\"", ciphers);
	if (conf->ciphersuites && *conf->ciphersuites && !SSL_CTX_set_ciphersuites(ctx, conf->ciphersuites))
		return error_set(err, TLS_CIPHERS, "no TLS 1.3 cipher suites in \"%s\"", conf->ciphersuites);
	if (!SSL_CTX_set1_groups_list(ctx, groups))
		return error_set(err, TLS_GROUPS, "not all groups of \"%s\" are known", groups);
	return TLS_OK;
}

/* keep_tickets: those that `former` gave are good here too. */
static void
keep_tickets(struct tls_contexts *c, const struct tls_contexts *former)
{
	if (!c->tickets || !former->tickets || memcmp(c->sum, former->sum, sizeof c->sum))
		return;
	tickets_put(c->tickets);
	c->tickets = tickets_get(former->tickets);
}

/* sum_up: what a ticket stands for: certificates, versions and suites, which OpenSSL does not look at again when a session is
 * resumed. */
static bool
sum_up(struct tls_contexts *c, const struct tls_contexts_conf *conf)
{
	const char *const texts[] = {conf->ciphers, conf->ciphersuites, conf->groups, conf->host_name};
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(md, &conf->versions, sizeof conf->versions);
	for (unsigned i = 0; ok && i < sizeof texts / sizeof *texts; i++)
		ok = EVP_DigestUpdate(md, texts[i] ? texts[i] : "", strlen(texts[i] ? texts[i] : "") + 1);
	for (unsigned i = 0; ok && i < c->n_shown; i++)
		ok = EVP_DigestUpdate(md, &c->shown[i].hash, sizeof c->shown[i].hash);
	ok = ok && EVP_DigestFinal_ex(md, c->sum, NULL);
	EVP_MD_CTX_free(md);
	return ok;
}

/* --- use --------------------------------------------------------------------------------------------------------- */

struct tls_contexts *
contexts_get(struct tls_contexts *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

void
tls_contexts_put(struct tls_contexts *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; i < TLS_N_LISTENERS; i++)
		SSL_CTX_free(c->listener[i]);
	for (unsigned i = 0; i < c->n_shown; i++) {
		SSL_CTX_free(c->shown[i].ctx);
		SSL_CTX_free(c->shown[i].logged);
		free(c->shown[i].host_name);
	}
	tickets_put(c->tickets);
	free(c->shown);
	free(c->host_name);
	free(c);
}

/* matches: RFC 6125 6.4: without regard to case; a first label "*" stands for one label. */
static bool
matches(const char *pattern, const char *name)
{
	if (pattern[0] == '*' && pattern[1] == '.') {
		const char *dot = strchr(name, '.');
		return dot && dot != name && !strcasecmp(dot, pattern + 1);
	}
	return !strcasecmp(pattern, name);
}

const struct shown *
contexts_choose(const struct tls_contexts *c, const char *server_name, bool *refused)
{
	*refused = server_name && c->host_name && !matches(c->host_name, server_name);
	for (unsigned i = 1; server_name && !*refused && i < c->n_shown; i++)
		if (matches(c->shown[i].host_name, server_name))
			return &c->shown[i];
	return &c->shown[0];
}

void
tls_contexts_default_hash(const struct tls_contexts *c, uint8_t sha1[20], uint8_t sha256[32])
{
	memcpy(sha1, c->shown[0].hash.sha1, sizeof c->shown[0].hash.sha1);
	memcpy(sha256, c->shown[0].hash.sha256, sizeof c->shown[0].hash.sha256);
}

enum tls_reason
error_set(struct tls_error *err, enum tls_reason reason, const char *format, ...)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	if (why && n >= 0 && (size_t)n < sizeof err->text)
		snprintf(err->text + n, sizeof err->text - (size_t)n, " (%s)", why);
	err->reason = reason;
	ERR_clear_error();
	return reason;
}
