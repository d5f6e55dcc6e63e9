/* tls_bench.c - what TLS costs: records on a worker core beside ipsec-mb alone, handshakes on OFFLOAD beside bare OpenSSL,
 * bytes for each idle connection.
 *
 * Records: cycles (TSC) for one record of 1,400 bytes, AES-128-GCM of TLS 1.3, over 1, 1 Ki and 64 Ki connections taken at
 * random, in bursts of 64; minimum, 10th percentile and median of many bursts.  Each opened record is compared with what was
 * sealed.  Handshakes: CPU time of the server's side alone, the client's is left out.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "core.h"
#include "limit_tls.h"
#include "rig.h"

#define BURST 64
#define PAYLOAD 1400
#define MAX_ROUNDS 4000

static unsigned rounds = 3000, handshakes = 400;
static const uint32_t sizes[] = {1, 1024, 65536};
static const char *const size_names[] = {"1", "1 Ki", "64 Ki"};

/* --- records ----------------------------------------------------------------------------------------------------- */

enum what { SEAL_LIMIT, OPEN_LIMIT, SEAL, OPEN, WHATS };
static double samples[WHATS][MAX_ROUNDS];

static struct records {
	struct tls_core *core;
	struct tls_offload *offload;
	struct tls_conn **conn;
	struct limit_tls *limit;
	struct rte_mbuf *m[BURST];
	uint8_t *buffer[BURST];
	uint32_t which[BURST];
	uint8_t plain[PAYLOAD];
	uint64_t compared, differ;
} r;

static void
die(const char *what)
{
	fprintf(stderr, "millrace-bench-tls: %s\n", what);
	exit(1);
}

/* connect_all: connections with keys and without a handshake; what they send is what they can open. */
static void
connect_all(uint32_t n)
{
	struct tls_msg_up up = {.agreed.version = 0x0304, .aead = TLS_AES_128_GCM};
	enum tls_refused why;
	role_assume_lcore();
	for (uint32_t i = 0; i < n; i++) {
		r.conn[i] = tls_accept(r.core, i, TLS_LISTENER_NORMAL, (struct mono){0}, &why);
		if (!r.conn[i])
			die("tls_accept");
		while (byte_ring_peek(r.core->link->to_offload))
			byte_ring_pop(r.core->link->to_offload);
		memcpy(up.tx.key, &i, sizeof i);
		up.rx = up.tx;
		r.conn[i]->flags &= (uint16_t)~CONN_AT_OFFLOAD;
		conn_handshake_over(r.core, r.conn[i]);
		conn_keys(r.core, r.conn[i], &up);
	}
}

static void
open_records(uint32_t n, unsigned key_cache)
{
	char err[256];
	role_assume_init();
	struct tls_offload_conf o = {.threads = 1, .cores = 1, .connections = n};
	r.offload = tls_offload_new(&o);
	struct tls_core_conf c = {.connections = n,
				  .key_cache = key_cache,
				  .cryptodev = -1,
				  .socket = SOCKET_ID_ANY,
				  .mbufs = rig.pool,
				  .offload = r.offload};
	r.core = r.offload ? tls_core_new(&c, err, sizeof err) : NULL;
	r.conn = calloc(n, sizeof *r.conn);
	r.limit = limit_tls_new(n);
	if (!r.core || !r.conn || !r.limit)
		die("memory");
	connect_all(n);
}

static void
close_records(uint32_t n)
{
	role_assume_lcore();
	role_assume_init();
	for (uint32_t i = 0; i < n; i++)
		tls_close(r.core, r.conn[i]);
	tls_core_free(r.core);
	tls_offload_free(r.offload);
	limit_tls_free(r.limit);
	free(r.conn);
}

static double
seal_burst(void)
{
	struct tls_chunk chunks[BURST];
	role_assume_lcore();
	for (unsigned i = 0; i < BURST; i++) {
		memcpy(rte_pktmbuf_append(r.m[i], PAYLOAD), r.plain, PAYLOAD);
		chunks[i] = (struct tls_chunk){r.conn[r.which[i]], r.m[i]};
	}
	uint64_t began = rte_rdtsc();
	unsigned n = tls_seal_begin(r.core, chunks, BURST);
	n = n == BURST ? tls_seal_end(r.core, chunks, BURST) : 0;
	uint64_t cycles = rte_rdtsc() - began;
	if (n != BURST)
		die("not all were sealed");
	return (double)cycles / BURST;
}

static double
open_burst(void)
{
	struct tls_chunk chunks[BURST];
	struct tls_event events[BURST];
	role_assume_lcore();
	for (unsigned i = 0; i < BURST; i++)
		chunks[i] = (struct tls_chunk){r.conn[r.which[i]], r.m[i]};
	uint64_t began = rte_rdtsc();
	tls_open_begin(r.core, chunks, BURST);
	unsigned n = tls_open_end(r.core, events, BURST);
	uint64_t cycles = rte_rdtsc() - began;
	if (n != BURST)
		die("not all were opened");
	for (unsigned i = 0; i < BURST; i++) {
		struct rte_mbuf *m = r.m[i] = events[i].m;
		r.compared++;
		r.differ += m->pkt_len != PAYLOAD || memcmp(rte_pktmbuf_mtod(m, void *), r.plain, PAYLOAD);
		rte_pktmbuf_reset(m);
	}
	return (double)cycles / BURST;
}

static double
limit_burst(void (*f)(struct limit_tls *, const uint32_t *, uint8_t *const *, unsigned, uint32_t))
{
	uint64_t began = rte_rdtsc();
	f(r.limit, r.which, r.buffer, BURST, PAYLOAD + 1);
	return (double)(rte_rdtsc() - began) / BURST;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* draw: other connections for each burst, so that no key is warm by the one before. */
static void
draw(uint32_t n)
{
	for (unsigned k = 0; k < BURST; k++)
		r.which[k] = (uint32_t)(rig_random() % n);
}

static void
run_records(uint32_t n)
{
	for (unsigned i = 0; i < rounds; i++) {
		draw(n);
		samples[SEAL_LIMIT][i] = limit_burst(limit_tls_seal);
		draw(n);
		samples[OPEN_LIMIT][i] = limit_burst(limit_tls_open);
		draw(n);
		samples[SEAL][i] = seal_burst();
		samples[OPEN][i] = open_burst();
	}
	for (unsigned w = 0; w < WHATS; w++)
		qsort(samples[w], rounds, sizeof samples[w][0], compare);
}

static void
print_row(const char *what, const char *size, const char *cache, enum what limit, enum what ours)
{
	const double *l = samples[limit], *o = samples[ours];
	unsigned p10 = rounds / 10, p50 = rounds / 2;
	printf("| %-4s | %-5s | %-10s | %5.0f /%5.0f /%5.0f | %5.0f /%5.0f /%5.0f | %8.2f |\n", what, size, cache, l[0],
	       l[p10], l[p50], o[0], o[p10], o[p50], o[p10] / l[p10]);
}

static void
bench_records(void)
{
	printf("TSC cycles per record of %d bytes, AES-128-GCM, TLS 1.3, bursts of %d: minimum / 10th percentile / "
	       "median\n\n",
	       PAYLOAD, BURST);
	printf("|      | keys  | cache      | ipsec-mb alone      | ours                | ours/p10 |\n");
	printf("| ---- | ----- | ---------- | ------------------- | ------------------- | -------- |\n");
	if (rte_pktmbuf_alloc_bulk(rig.pool, r.m, BURST))
		die("mbufs");
	for (unsigned i = 0; i < BURST; i++)
		if (!(r.buffer[i] = aligned_alloc(64, 2048)))
			die("memory");
	for (unsigned s = 0; s < 3; s++)
		for (unsigned all = 0; all < (sizes[s] > 8192 ? 2 : 1); all++) {
			open_records(sizes[s], all ? 2 * sizes[s] : 0);
			run_records(sizes[s]);
			const char *cache = sizes[s] > 8192 && !all ? "16 Ki keys" : "all keys";
			print_row("seal", size_names[s], cache, SEAL_LIMIT, SEAL);
			print_row("open", size_names[s], cache, OPEN_LIMIT, OPEN);
			close_records(sizes[s]);
		}
	rte_pktmbuf_free_bulk(r.m, BURST);
	for (unsigned i = 0; i < BURST; i++)
		free(r.buffer[i]);
	printf("\n%lu records compared, %lu differ\n\n", r.compared, r.differ);
	if (r.differ)
		exit(1);
}

/* --- handshakes -------------------------------------------------------------------------------------------------- */

static double
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static const struct handshake_case {
	const char *name, *cert, *suite;
	int version;
	bool resume;
} handshake_cases[] = {
	{"TLS 1.3 RSA-2048", "rsa", NULL, TLS1_3_VERSION, false},
	{"TLS 1.3 ECDSA P-256", "ec", NULL, TLS1_3_VERSION, false},
	{"TLS 1.2 ECDHE-RSA", "rsa", "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, false},
	{"TLS 1.2 resumed", "rsa", "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, true},
};

static SSL_SESSION *kept;

static int
keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = session;
	return 1;
}

static SSL_CTX *
client_of(const struct handshake_case *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, c->version);
	SSL_CTX_set_max_proto_version(ctx, c->version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep);
	if (c->suite)
		SSL_CTX_set_cipher_list(ctx, c->suite);
	return ctx;
}

static SSL *
ssl_of(SSL_CTX *ctx, BIO **in, BIO **out)
{
	SSL *ssl = SSL_new(ctx);
	*in = BIO_new(BIO_s_mem());
	*out = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(*in, -1);
	SSL_set_bio(ssl, *in, *out);
	return ssl;
}

static void
move(BIO *from, BIO *to)
{
	char *p;
	long n = BIO_get_mem_data(from, &p);
	if (n > 0)
		BIO_write(to, p, (int)n);
	(void)BIO_reset(from);
}

/* bare_once: a server of OpenSSL alone; the CPU time of its side. */
static double
bare_once(SSL_CTX *server, SSL_CTX *client, bool resume)
{
	BIO *s_in, *s_out, *c_in, *c_out;
	SSL *c = ssl_of(client, &c_in, &c_out);
	SSL_set_connect_state(c);
	if (resume && kept)
		SSL_set_session(c, kept);
	double began = cpu_us(), spent = 0;
	SSL *s = ssl_of(server, &s_in, &s_out);
	SSL_set_accept_state(s);
	spent += cpu_us() - began;
	bool done = false;
	for (unsigned i = 0; i < 6; i++) {
		SSL_do_handshake(c);
		move(c_out, s_in);
		began = cpu_us();
		done = SSL_do_handshake(s) == 1;
		spent += cpu_us() - began;
		move(s_out, c_in);
		if (done && SSL_is_init_finished(c))
			break;
	}
	if (!done)
		die("bare handshake failed");
	SSL_do_handshake(c);
	began = cpu_us();
	SSL_set_shutdown(s, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s);
	spent += cpu_us() - began;
	SSL_set_shutdown(c, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c);
	return spent;
}

/* offload_turn: the CPU time of one turn that has something to do. */
static double
offload_turn(void)
{
	role_assume_offload();
	if (!byte_ring_peek(rig.core->link->to_offload))
		return 0;
	double began = cpu_us();
	tls_offload_step(rig.offload, 0, rig.now);
	return cpu_us() - began;
}

/* ours_once: OFFLOAD's CPU time; the worker core's into *lcore. */
static double
ours_once(SSL_CTX *client, bool resume, double *lcore)
{
	double spent = 0;
	struct rig_end *e = rig_accept(client, TLS_LISTENER_NORMAL, NULL);
	if (resume && kept)
		SSL_set_session(e->ssl, kept);
	*lcore = 0;
	for (unsigned i = 0; i < 60 && !(e->up && e->ssl_up); i++) {
		spent += offload_turn();
		rig.lcore_us = 0;
		rig_turn();
		*lcore += rig.lcore_us;
	}
	if (!e->up)
		die("handshake failed");
	rig_forget(e);
	rig_settle();
	return spent;
}

static double
median(double *v, unsigned n)
{
	qsort(v, n, sizeof *v, compare);
	return v[n / 2];
}

static void
bench_handshake(const struct handshake_case *c)
{
	static double bare[MAX_ROUNDS], ours[MAX_ROUNDS], lcore[MAX_ROUNDS];
	char pem[32], key[32];
	snprintf(pem, sizeof pem, "%s.pem", c->cert);
	snprintf(key, sizeof key, "%s.key", c->cert);
	struct tls_certificate cert = {.certificate = rig_file(pem), .private_key = rig_file(key)};
	rig_open(NULL, &(struct tls_contexts_conf){
			       .certificates = &cert, .n_certificates = 1, .versions = TLS_V1_2 | TLS_V1_3});
	rig.threads = true; /* it has its turns here */
	SSL_CTX *server = SSL_CTX_new(TLS_server_method()), *client = client_of(c);
	SSL_CTX_use_certificate_file(server, rig_file(pem), SSL_FILETYPE_PEM);
	SSL_CTX_use_PrivateKey_file(server, rig_file(key), SSL_FILETYPE_PEM);
	SSL_CTX_set1_groups_list(server, "X25519:P-256");
	SSL_CTX_set_num_tickets(server, !strcmp(c->cert, "rsa"));
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(server, SSL_MODE_RELEASE_BUFFERS);
	bare_once(server, client, false);
	SSL_SESSION *of_bare = kept;
	kept = NULL;
	ours_once(client, false, &lcore[0]);
	SSL_SESSION *of_ours = kept;
	SSL_CTX_sess_set_new_cb(client, NULL);
	for (unsigned i = 0; i < handshakes; i++) {
		kept = of_bare;
		bare[i] = bare_once(server, client, c->resume);
		kept = of_ours;
		ours[i] = ours_once(client, c->resume, &lcore[i]);
	}
	double b = median(bare, handshakes), o = median(ours, handshakes), l = median(lcore, handshakes);
	printf("| %-19s | %12.1f | %7.1f | %12.2f | %16.1f |\n", c->name, b, o, o / b, l);
	SSL_SESSION_free(of_bare);
	SSL_SESSION_free(of_ours);
	kept = NULL;
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	rig.threads = false;
	rig_close();
}

static void
bench_handshakes(void)
{
	printf("CPU microseconds per handshake, the server's side, median of %u\n\n", handshakes);
	printf("| handshake           | bare OpenSSL | OFFLOAD | OFFLOAD/bare | worker core      |\n");
	printf("| ------------------- | ------------ | ------- | ------------ | ---------------- |\n");
	for (unsigned i = 0; i < sizeof handshake_cases / sizeof *handshake_cases; i++)
		bench_handshake(&handshake_cases[i]);
	printf("\n");
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

/* heap_of: bytes of the heap that one connection keeps when it is up. */
static double
heap_of(const char *suite, unsigned n)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(client, suite);
	rig_open(NULL, NULL);
	double used = 0;
	for (unsigned i = 0; i <= n; i++) {
		struct rig_end *e = rig_accept(client, TLS_LISTENER_NORMAL, NULL);
		rig_settle();
		if (!e->up)
			die(suite);
		SSL_free(e->ssl); /* what the client has is not ours */
		e->ssl = NULL;
		double now = (double)mallinfo2().uordblks + (double)mallinfo2().hblkhd;
		if (!i)
			used = now;
		else if (i == n)
			used = (now - used) / n;
	}
	SSL_CTX_free(client);
	rig_close();
	return used - 3 * 4.0 * RIG_BYTES; /* the rig's buffers of an end */
}

static void
bench_memory(void)
{
	struct tls_core_conf many = {.connections = 100000, .cryptodev = -1}, more = many;
	struct tls_offload_conf table = {.threads = 1, .cores = 1, .connections = 100000}, tables = table;
	more.connections = tables.connections = 200000;
	double core = (double)(tls_core_bytes(&more) - tls_core_bytes(&many)) / 100000;
	double offload = (double)(tls_offload_bytes(&tables) - tls_offload_bytes(&table)) / 100000;
	printf("Bytes of an idle connection\n\n");
	printf("| where                                           | bytes |\n| "
	       "----------------------------------------------- | ----- |\n");
	printf("| worker core, both directions (256 allowed)      | %5.0f |\n", core);
	printf("| OFFLOAD's table                                 | %5.0f |\n", offload);
	printf("| heap, keys taken over                           | %5.0f |\n",
	       heap_of("ECDHE-RSA-AES128-GCM-SHA256", 30));
	printf("| heap, relayed (AES-CBC, the SSL object stays)   | %5.0f |\n", heap_of("AES128-SHA", 30));
	printf("| an expanded key in the core's cache             | %5d |\n", 1024);
}

int
main(int argc, char **argv)
{
	bool quick = argc == 2 && !strcmp(argv[1], "--quick");
	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: millrace-bench-tls [--quick]\n");
		return 2;
	}
	if (quick) {
		rounds = 20;
		handshakes = 10;
	}
	rig_start(NULL);
	rig_certificates();
	bench_records();
	bench_handshakes();
	bench_memory();
	rig_certificates_remove();
	return 0;
}
