/* rig.c - see rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "core.h"
#include "thread.h"

#define TURNS 3000000

struct rig rig;

/* Buffers are kept for the next end: fuzzing makes many. */
static uint8_t *spare[3 * RIG_ENDS];
static unsigned n_spare;

static void
die(const char *what)
{
	fprintf(stderr, "rig: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

uint64_t
rig_random(void)
{
	rig.seed += 0x9e3779b97f4a7c15;
	uint64_t z = rig.seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

int
rig_start(const char *cryptodev)
{
	char prefix[48], err[256];
	snprintf(prefix, sizeof prefix, "--file-prefix=tls%d", (int)getpid());
	char *argv[] = {"rig",           "--no-huge", "--no-shconf",  "--no-pci", "--no-telemetry",
			"--log-level=3", prefix,      "--lcores=0@0", "-m",       "512"};
	if (rte_eal_init(sizeof argv / sizeof *argv, argv) < 0)
		die("rte_eal_init");
	rmdir(rte_eal_get_runtime_dir());
	rig.pool = rte_pktmbuf_pool_create("rig", 16383, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!rig.pool)
		die("mbufs");
	rig.seed = 1;
	int id = cryptodev ? tls_cryptodev_start(cryptodev, 1, err, sizeof err) : -1;
	if (cryptodev && id < 0)
		die(err);
	return id;
}

/* --- certificates ------------------------------------------------------------------------------------------------ */

const char *
rig_file(const char *name)
{
	static char path[8][128];
	static unsigned at;
	char *p = path[at++ % 8];
	snprintf(p, sizeof path[0], "%s/%s", rig.dir, name);
	return p;
}

static void
write_pem(const char *name, const X509 *x, const EVP_PKEY *key)
{
	char file[64];
	snprintf(file, sizeof file, "%s.pem", name);
	FILE *f = fopen(rig_file(file), "w");
	if (!f || !PEM_write_X509(f, x) || fclose(f))
		die(file);
	snprintf(file, sizeof file, "%s.key", name);
	f = fopen(rig_file(file), "w");
	if (!f || !PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) || fclose(f))
		die(file);
}

/* append_pem: behind what is in the file. */
static void
append_pem(const char *file, const X509 *x)
{
	FILE *f = fopen(rig_file(file), "a");
	if (!f || !PEM_write_X509(f, x) || fclose(f))
		die(file);
}

struct issuer {
	X509 *x;
	EVP_PKEY *key;
};

/* certificate: for a server, unless the name is a CA's. */
static X509 *
certificate(const char *name, EVP_PKEY *key, const struct issuer *ca, int from_days, int to_days)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), from_days * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(x), to_days * 86400L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(x, X509_get_subject_name(ca ? ca->x : x));
	X509_set_pubkey(x, key);
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, ca ? ca->x : x, x, NULL, NULL, 0);
	char names[128];
	snprintf(names, sizeof names, "DNS:%s", name);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
						strstr(name, " CA") ? "critical,CA:TRUE" : "CA:FALSE");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	if (!X509_sign(x, ca ? ca->key : key, EVP_sha256()))
		die(name);
	return x;
}

static void
leaf(const char *file, const char *name, EVP_PKEY *key, const struct issuer *ca, int to_days)
{
	X509 *x = certificate(name, key, ca, -10, to_days);
	write_pem(file, x, key);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* expired_roots: old, the CA as it was; renewed, that and the CA; cross, the CA signed by a root that has expired, and that. */
static void
expired_roots(const struct issuer *ca)
{
	struct issuer past = {.key = EVP_EC_gen("P-256")};
	past.x = certificate("Past CA", past.key, NULL, -10, -1);
	X509 *old = certificate("Test CA", ca->key, NULL, -10, -1),
	     *cross = certificate("Test CA", ca->key, &past, -10, 5);
	write_pem("old", old, ca->key);
	write_pem("renewed", old, ca->key);
	append_pem("renewed.pem", ca->x);
	write_pem("cross", cross, ca->key);
	append_pem("cross.pem", past.x);
	X509_free(old);
	X509_free(cross);
	X509_free(past.x);
	EVP_PKEY_free(past.key);
}

/* torn_and_locked: a PEM file whose inside is broken, and a key that needs a passphrase. */
static void
torn_and_locked(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f = fopen(rig_file("torn.pem"), "w");
	if (!f || fputs("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", f) < 0 || fclose(f))
		die("torn.pem");
	f = fopen(rig_file("locked.key"), "w");
	if (!f ||
	    !PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), (unsigned char *)(uintptr_t) "secret", 6, NULL, NULL) ||
	    fclose(f))
		die("locked.key");
	EVP_PKEY_free(key);
}

void
rig_certificates(void)
{
	snprintf(rig.dir, sizeof rig.dir, "/tmp/millrace-tls-XXXXXX");
	if (!mkdtemp(rig.dir))
		die(rig.dir);
	struct issuer ca = {.key = EVP_EC_gen("P-256")}, stranger = {.key = EVP_EC_gen("P-256")};
	ca.x = certificate("Test CA", ca.key, NULL, -10, 10);
	stranger.x = certificate("Strange CA", stranger.key, NULL, -10, 10);
	write_pem("ca", ca.x, ca.key);
	write_pem("stranger", stranger.x, stranger.key);
	leaf("rsa", "vpn.example.net", EVP_RSA_gen(2048), &ca, 5);
	leaf("ec", "vpn.example.net", EVP_EC_gen("P-256"), &ca, 5);
	leaf("other", "other.example.net", EVP_EC_gen("P-256"), &ca, 5);
	leaf("expired", "vpn.example.net", EVP_EC_gen("P-256"), &ca, -1);
	leaf("small", "vpn.example.net", EVP_RSA_gen(1024), &ca, 5);
	expired_roots(&ca);
	torn_and_locked();
	X509_free(ca.x);
	X509_free(stranger.x);
	EVP_PKEY_free(ca.key);
	EVP_PKEY_free(stranger.key);
}

void
rig_certificates_remove(void)
{
	static const char *const names[] = {"ca",    "stranger", "rsa",    "ec",  "other",   "expired",
					    "small", "torn",     "locked", "old", "renewed", "cross"};
	char file[64];
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		for (unsigned k = 0; k < 2; k++) {
			snprintf(file, sizeof file, "%s.%s", names[i], k ? "key" : "pem");
			unlink(rig_file(file));
		}
	rmdir(rig.dir);
}

/* --- open -------------------------------------------------------------------------------------------------------- */

void
rig_contexts(const struct tls_contexts_conf *conf)
{
	struct tls_error err;
	struct tls_contexts *c = tls_contexts_new(conf, NULL, time(NULL), &err);
	if (!c)
		die(err.text);
	role_assume_main();
	tls_offload_contexts_set(rig.offload, c);
}

void
rig_open(const struct tls_core_conf *core, const struct tls_contexts_conf *conf)
{
	char err[256];
	struct tls_core_conf c = core ? *core : (struct tls_core_conf){.connections = RIG_ENDS, .cryptodev = -1};
	struct tls_offload_conf o = {.threads = rig.n_threads ? rig.n_threads : 1,
				     .cores = 1,
				     .connections = c.connections,
				     .max_relayed = RIG_ENDS};
	rig.offload = tls_offload_new(&o);
	if (!rig.offload)
		die("tls_offload_new");
	c.socket = SOCKET_ID_ANY;
	c.mbufs = rig.pool;
	c.offload = rig.offload;
	rig.core = tls_core_new(&c, err, sizeof err);
	if (!rig.core)
		die(err);
	struct tls_certificate rsa = {.certificate = rig_file("rsa.pem"), .private_key = rig_file("rsa.key")};
	struct tls_contexts_conf server = {.certificates = &rsa,
					   .n_certificates = 1,
					   .versions = TLS_V1_2 | TLS_V1_3,
					   .prefer_server_ciphers = true};
	rig_contexts(conf ? conf : &server);
	if (!conf)
		rig_contexts(&(struct tls_contexts_conf){.role = TLS_CLIENT, .versions = TLS_V1_2 | TLS_V1_3});
	rig.n_ends = 0;
	rig.cut = RIG_WHOLE;
	rig.held_steps = 1;
}

void
rig_close(void)
{
	while (rig.n_ends)
		rig_forget(&rig.end[0]);
	rig_settle();
	tls_offload_stop(rig.offload);
	tls_core_free(rig.core);
	tls_offload_free(rig.offload);
	while (n_spare)
		free(spare[--n_spare]);
	if (rte_mempool_avail_count(rig.pool) != 16383)
		die("an mbuf was not given back");
}

static struct rig_bytes
bytes_new(void)
{
	struct rig_bytes b = {.p = n_spare ? spare[--n_spare] : malloc(4 * RIG_BYTES)};
	if (!b.p)
		die("memory");
	return b;
}

void
rig_add(struct rig_bytes *b, const void *p, size_t n)
{
	if (b->at && b->n + n > 4 * RIG_BYTES) {
		memmove(b->p, b->p + b->at, b->n - b->at);
		b->n -= b->at;
		b->at = 0;
	}
	if (b->n + n > 4 * RIG_BYTES)
		die("more bytes than the rig has room for");
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static struct rig_end *
end_new(void)
{
	struct rig_end *e = &rig.end[rig.n_ends++];
	if (rig.n_ends > RIG_ENDS)
		die("too many ends");
	*e = (struct rig_end){.wire = bytes_new(), .sent = bytes_new(), .got = bytes_new()};
	return e;
}

static void
ssl_new(struct rig_end *e, SSL_CTX *ctx, bool server, const char *server_name)
{
	e->ssl = SSL_new(ctx);
	e->ssl_in = BIO_new(BIO_s_mem());
	e->ssl_out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(e->ssl_in, -1);
	SSL_set_bio(e->ssl, e->ssl_in, e->ssl_out);
	if (server_name)
		SSL_set_tlsext_host_name(e->ssl, server_name);
	if (server)
		SSL_set_accept_state(e->ssl);
	else
		SSL_set_connect_state(e->ssl);
}

struct rig_end *
rig_accept(SSL_CTX *ctx, enum tls_listener listener, const char *server_name)
{
	enum tls_refused why;
	struct rig_end *e = end_new();
	role_assume_lcore();
	e->conn = tls_accept(rig.core, (uint32_t)(e - rig.end), listener, (struct mono){1000000}, &why);
	if (!e->conn)
		die("tls_accept");
	if (ctx)
		ssl_new(e, ctx, false, server_name);
	return e;
}

struct rig_end *
rig_connect(SSL_CTX *ctx, const char *server_name)
{
	enum tls_refused why;
	struct rig_end *e = end_new();
	role_assume_lcore();
	e->conn = tls_connect(rig.core, (uint32_t)(e - rig.end), server_name, (struct mono){1000000}, &why);
	if (!e->conn)
		die("tls_connect");
	if (ctx)
		ssl_new(e, ctx, true, NULL);
	return e;
}

struct rig_end *
rig_pair(const char *server_name)
{
	struct rig_end *server = rig_accept(NULL, TLS_LISTENER_NORMAL, NULL);
	struct rig_end *client = rig_connect(NULL, server_name);
	server->other = client;
	client->other = server;
	return server;
}

static void
random_keys(struct tls_keys *k)
{
	*k = (struct tls_keys){.seq = 1};
	for (unsigned i = 0; i < sizeof k->key; i++)
		k->key[i] = (uint8_t)rig_random();
	for (unsigned i = 0; i < sizeof k->iv; i++)
		k->iv[i] = (uint8_t)rig_random();
	for (unsigned i = 0; i < sizeof k->secret; i++)
		k->secret[i] = (uint8_t)rig_random();
}

struct rig_end *
rig_keyed(bool v13, enum tls_aead aead)
{
	struct rig_end *server = rig_pair("");
	struct tls_msg_up up = {.agreed.version = v13 ? 0x0304 : 0x0303, .aead = (uint8_t)aead}, back;
	role_assume_lcore();
	random_keys(&up.tx);
	random_keys(&up.rx);
	back = up;
	back.tx = up.rx;
	back.rx = up.tx;
	/* OFFLOAD never hears of them. */
	while (byte_ring_peek(rig.core->link->to_offload))
		byte_ring_pop(rig.core->link->to_offload);
	for (unsigned i = 0; i < 2; i++) {
		struct tls_conn *conn = (i ? server->other : server)->conn;
		conn->flags &= (uint16_t)~CONN_AT_OFFLOAD;
		conn_handshake_over(rig.core, conn);
		conn_keys(rig.core, conn, i ? &back : &up);
	}
	return server;
}

/* rig_forget: the last end takes its place, so others' pointers must not be kept over it. */
void
rig_forget(struct rig_end *e)
{
	role_assume_lcore();
	if (e->conn)
		tls_close(rig.core, e->conn);
	if (e->ssl) {
		SSL_set_shutdown(e->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(e->ssl);
	}
	spare[n_spare++] = e->wire.p;
	spare[n_spare++] = e->sent.p;
	spare[n_spare++] = e->got.p;
	if (e->other)
		e->other->other = NULL;
	*e = rig.end[--rig.n_ends];
	if (e->other)
		e->other->other = e;
	rig.end[rig.n_ends] = (struct rig_end){0};
}

/* --- turns ------------------------------------------------------------------------------------------------------- */

static struct rig_end *
end_of(const struct tls_conn *conn)
{
	for (unsigned i = 0; i < rig.n_ends; i++)
		if (rig.end[i].conn == conn)
			return &rig.end[i];
	return NULL;
}

static struct rte_mbuf *
mbufs_of(const uint8_t *p, size_t n)
{
	struct rte_mbuf *head = NULL;
	while (n) {
		size_t k = n < 1400 ? n : 1400;
		struct rte_mbuf *m = rte_pktmbuf_alloc(rig.pool);
		if (!m)
			die("out of mbufs");
		memcpy(rte_pktmbuf_append(m, (uint16_t)k), p, k);
		if (!head)
			head = m;
		else if (rte_pktmbuf_chain(head, m))
			die("chain");
		p += k;
		n -= k;
	}
	return head;
}

static size_t
piece(size_t n)
{
	if (rig.cut == RIG_BYTEWISE)
		return 1;
	if (rig.cut == RIG_WHOLE)
		return n < 65536 ? n : 65536;
	size_t k = 1 + rig_random() % (rig_random() % 4 ? 40 : 5000);
	return k < n ? k : n;
}

static unsigned
deliver(struct tls_chunk *chunks)
{
	unsigned n = 0;
	for (unsigned i = 0; i < rig.n_ends && n < TLS_CHUNKS; i++) {
		struct rig_end *e = &rig.end[i];
		size_t left = e->wire.n - e->wire.at;
		if (!left || !e->conn)
			continue;
		size_t k = piece(left);
		chunks[n++] = (struct tls_chunk){e->conn, mbufs_of(e->wire.p + e->wire.at, k)};
		e->wire.at += k;
		if (e->wire.at == e->wire.n)
			e->wire.at = e->wire.n = 0;
	}
	return n;
}

static void
take_event(const struct tls_event *v)
{
	struct rig_end *e = end_of(v->conn);
	if (!e)
		die("an event of a connection that is closed");
	if (e->closed || e->failed || e->alerted)
		die("an event after the end");
	e->events++;
	e->up |= v->kind == TLS_EVENT_UP;
	e->closed |= v->kind == TLS_EVENT_CLOSED;
	e->failed |= v->kind == TLS_EVENT_FAILED;
	e->alerted |= v->kind == TLS_EVENT_ALERT;
	if (v->agreed)
		e->agreed = *v->agreed;
	if (v->kind == TLS_EVENT_FAILED || v->kind == TLS_EVENT_ALERT) {
		e->reason = v->reason;
		e->alert = v->alert;
	}
	for (struct rte_mbuf *m = v->m; m; m = m->next)
		rig_add(&e->got, rte_pktmbuf_mtod(m, void *), m->data_len);
	if (v->m && !v->m->pkt_len)
		die("an empty data event");
	rte_pktmbuf_free(v->m);
}

static void
take_sent(const struct tls_chunk *c)
{
	struct rig_end *e = end_of(c->conn);
	if (!e)
		die("bytes of a connection that is closed");
	uint32_t n = 0;
	for (struct rte_mbuf *m = c->m; m; m = m->next) {
		n += m->data_len;
		rig_add(&e->sent, rte_pktmbuf_mtod(m, void *), m->data_len);
		if (e->other)
			rig_add(&e->other->wire, rte_pktmbuf_mtod(m, void *), m->data_len);
		else if (e->ssl)
			BIO_write(e->ssl_in, rte_pktmbuf_mtod(m, void *), m->data_len);
	}
	if (n != c->m->pkt_len)
		die("pkt_len is wrong");
	rte_pktmbuf_free(c->m);
}

static bool
ssl_turn(struct rig_end *e)
{
	char *p;
	if (!e->ssl_up && !e->ssl_failed) {
		ERR_clear_error();
		int r = SSL_do_handshake(e->ssl);
		e->ssl_up = r == 1;
		e->ssl_failed = r != 1 && SSL_get_error(e->ssl, r) != SSL_ERROR_WANT_READ;
		if (e->ssl_up && e->early_n)
			rig_ssl_send(e, e->early, e->early_n);
	}
	long n = BIO_get_mem_data(e->ssl_out, &p);
	if (n <= 0)
		return false;
	rig_add(&e->wire, p, (size_t)n);
	(void)BIO_reset(e->ssl_out);
	return true;
}

static double
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

bool
rig_turn(void)
{
	static unsigned turns;
	struct tls_chunk chunks[TLS_CHUNKS];
	struct tls_event events[TLS_CHUNKS];
	bool moved = false;
	role_assume_lcore();
	role_assume_offload();
	if (!rig.threads && ++turns % rig.held_steps == 0)
		for (unsigned t = 0; t < rig.offload->conf.threads; t++)
			moved |= tls_offload_step(rig.offload, t, rig.now);
	for (unsigned i = 0; i < rig.n_ends; i++)
		moved |= rig.end[i].ssl && ssl_turn(&rig.end[i]);
	unsigned n = deliver(chunks);
	double began = cpu_us();
	tls_step(rig.core, rig.now);
	tls_open_begin(rig.core, chunks, n);
	moved |= n;
	n = tls_open_end(rig.core, events, TLS_CHUNKS);
	rig.lcore_us += cpu_us() - began;
	for (unsigned i = 0; i < n; i++)
		take_event(&events[i]);
	moved |= n;
	n = tls_seal_end(rig.core, chunks, TLS_CHUNKS);
	for (unsigned i = 0; i < n; i++)
		take_sent(&chunks[i]);
	moved |= n;
	return moved || tls_pending(rig.core);
}

void
rig_settle(void)
{
	unsigned quiet = 0;
	for (unsigned i = 0; quiet <= rig.held_steps + 1; i++) {
		quiet = rig_turn() ? 0 : quiet + 1;
		if (i > TURNS)
			die("it does not settle");
	}
}

bool
rig_until(const bool *flag)
{
	for (unsigned i = 0; i < TURNS && !*flag; i++)
		rig_turn();
	return *flag;
}

/* --- data -------------------------------------------------------------------------------------------------------- */

void
rig_send(struct rig_end *e, const void *p, size_t n)
{
	const uint8_t *b = p;
	role_assume_lcore();
	while (n) {
		uint32_t room = tls_room(e->conn);
		size_t k = n < room ? n : room;
		if (!k) {
			if (!rig_turn())
				die("no room, and nothing moves");
			continue;
		}
		struct tls_chunk c = {e->conn, mbufs_of(b, k)};
		while (!tls_seal_begin(rig.core, &c, 1))
			rig_turn();
		b += k;
		n -= k;
	}
}

void
rig_ssl_send(struct rig_end *e, const void *p, size_t n)
{
	if (SSL_write(e->ssl, p, (int)n) != (int)n)
		die("SSL_write");
}

size_t
rig_ssl_receive(struct rig_end *e, void *p, size_t max)
{
	size_t n = 0;
	for (int r; n < max && (r = SSL_read(e->ssl, (uint8_t *)p + n, (int)(max - n))) > 0;)
		n += (size_t)r;
	return n;
}

bool
rig_all_up(void)
{
	for (unsigned i = 0; i < rig.n_ends; i++)
		if (!rig.end[i].up || !rig.end[i].ssl_up)
			return false;
	return true;
}
