/* Handshakes with OpenSSL on the other side, in memory, and records taken over from them: every suite, both roles,
 * resumption, HelloRetryRequest, bytes cut anywhere.  "cryptodev" as argument: with that device, else ipsec-mb. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core.h"

static struct tls_core_conf core_conf = {.connections = RIG_ENDS, .cryptodev = -1};

static const struct suite {
	const char *name;
	int version;
	bool relayed;
} suites[] = {
	{"TLS_AES_128_GCM_SHA256", TLS1_3_VERSION, false},
	{"TLS_AES_256_GCM_SHA384", TLS1_3_VERSION, false},
	{"TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION, false},
	{"ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION, false},
	{"ECDHE-RSA-AES256-GCM-SHA384", TLS1_2_VERSION, false},
	{"ECDHE-RSA-CHACHA20-POLY1305", TLS1_2_VERSION, false},
	{"AES128-GCM-SHA256", TLS1_2_VERSION, false},
	{"AES256-GCM-SHA384", TLS1_2_VERSION, false},
	{"ECDHE-RSA-AES256-SHA384", TLS1_2_VERSION, true},
	{"ECDHE-RSA-AES128-SHA", TLS1_2_VERSION, true},
	{"AES256-SHA256", TLS1_2_VERSION, true},
	{"AES128-SHA", TLS1_2_VERSION, true},
};
#define N_SUITES (sizeof suites / sizeof *suites)

static void
set_suite(SSL_CTX *ctx, const struct suite *s)
{
	SSL_CTX_set_min_proto_version(ctx, s->version);
	SSL_CTX_set_max_proto_version(ctx, s->version);
	if (s->version == TLS1_3_VERSION)
		assert_int_equal(SSL_CTX_set_ciphersuites(ctx, s->name), 1);
	else
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, s->name), 1);
}

static SSL_CTX *
client_of(const struct suite *s)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_load_verify_file(ctx, rig_file("ca.pem"));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (s)
		set_suite(ctx, s);
	return ctx;
}

static SSL_CTX *
server_of(const struct suite *s)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate_file(ctx, rig_file("rsa.pem"), SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, rig_file("rsa.key"), SSL_FILETYPE_PEM), 1);
	SSL_CTX_set_dh_auto(ctx, 1);
	if (s)
		set_suite(ctx, s);
	return ctx;
}

static uint8_t *
noise(size_t n)
{
	uint8_t *p = malloc(n + 8);
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = rig_random();
		memcpy(p + i, &v, 8);
	}
	return p;
}

/* The other side gets n bytes of ours, and we get n of its. */
static void
both_ways(struct rig_end *e, size_t n)
{
	uint8_t *ours = noise(n), *theirs = noise(n), *got = malloc(n + 1);
	size_t have = 0, before = e->got.n, other_before = e->other ? e->other->got.n : 0;
	rig_send(e, ours, n);
	if (e->other) {
		rig_settle();
		assert_int_equal(e->other->got.n - other_before, n);
		assert_memory_equal(e->other->got.p + other_before, ours, n);
		rig_send(e->other, theirs, n);
		rig_settle();
	} else {
		rig_ssl_send(e, theirs, n);
		for (unsigned i = 0; i < 3; i++) {
			rig_settle();
			have += rig_ssl_receive(e, got + have, n + 1 - have);
		}
		assert_int_equal(have, n);
		assert_memory_equal(got, ours, n);
	}
	assert_int_equal(e->got.n - before, n);
	assert_memory_equal(e->got.p + before, theirs, n);
	free(ours);
	free(theirs);
	free(got);
}

static void
much_both_ways(struct rig_end *e)
{
	static const size_t sizes[] = {1, 2, 63, 1400, 16383, 16384, 16385, 40000};
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		if (rig.cut != RIG_BYTEWISE || sizes[i] <= 1400)
			both_ways(e, sizes[i]);
}

static void
check_hash(const struct tls_agreed *a, const char *file)
{
	uint8_t sha1[20], sha256[32];
	BIO *b = BIO_new_file(rig_file(file), "r");
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	X509_digest(x, EVP_sha1(), sha1, NULL);
	X509_digest(x, EVP_sha256(), sha256, NULL);
	assert_memory_equal(a->cert_sha1, sha1, sizeof sha1);
	assert_memory_equal(a->cert_sha256, sha256, sizeof sha256);
	X509_free(x);
	BIO_free(b);
}

static void
check_up(const struct rig_end *e, const struct suite *s)
{
	if (!e->up || !e->ssl_up)
		fail_msg("%s cut %d: up %d, OpenSSL %d, reason %s", s->name, (int)rig.cut, e->up, e->ssl_up,
			 tls_reason_text(e->reason));
	assert_int_equal(e->agreed.version, s->version);
	assert_int_equal(e->agreed.suite, SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(e->ssl)));
	assert_int_equal(e->conn->state, s->relayed ? CONN_RELAYED : CONN_RECORDS);
	check_hash(&e->agreed, "rsa.pem");
}

static void
serves_every_suite(void **state)
{
	(void)state;
	rig_open(&core_conf, NULL);
	for (unsigned i = 0; i < N_SUITES; i++)
		for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++) {
			SSL_CTX *ctx = client_of(&suites[i]);
			struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, "vpn.example.net");
			rig_settle();
			check_up(e, &suites[i]);
			assert_string_equal(e->agreed.server_name, "vpn.example.net");
			much_both_ways(e);
			rig_forget(e);
			SSL_CTX_free(ctx);
		}
	rig_close();
}

static void
asks_for_every_suite(void **state)
{
	(void)state;
	rig_open(&core_conf, NULL);
	for (unsigned i = 0; i < N_SUITES; i++)
		for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++) {
			SSL_CTX *ctx = server_of(&suites[i]);
			struct rig_end *e = rig_connect(ctx, "vpn.example.net");
			rig_settle();
			check_up(e, &suites[i]);
			much_both_ways(e);
			rig_forget(e);
			SSL_CTX_free(ctx);
		}
	rig_close();
}

static void
both_ends_are_ours(void **state)
{
	(void)state;
	rig_open(&core_conf, NULL);
	for (unsigned i = 0; i < N_SUITES; i++)
		for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++) {
			struct tls_contexts_conf client = {.role = TLS_CLIENT, .versions = TLS_V1_2 | TLS_V1_3};
			if (suites[i].version == TLS1_3_VERSION)
				client.versions = TLS_V1_3, client.ciphersuites = suites[i].name;
			else
				client.versions = TLS_V1_2, client.ciphers = suites[i].name;
			rig_contexts(&client);
			struct rig_end *e = rig_pair("vpn.example.net");
			rig_settle();
			assert_true(e->up && e->other->up);
			assert_int_equal(e->agreed.suite, e->other->agreed.suite);
			check_hash(&e->other->agreed, "rsa.pem");
			much_both_ways(e);
			rig_forget(e->other);
			rig_forget(&rig.end[0]);
		}
	rig_close();
}

/* sstpc sends its HTTP request in the flight of its Finished. */
static void
data_with_the_finished(void **state)
{
	uint8_t *early = noise(40000);
	static const size_t sizes[] = {1, 201, 5000, 40000};
	(void)state;
	rig_open(&core_conf, NULL);
	for (unsigned i = 0; i < N_SUITES; i++)
		for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++)
			for (unsigned k = 0; k < 4; k++) {
				SSL_CTX *ctx = client_of(&suites[i]);
				struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
				e->early = early;
				e->early_n = sizes[k];
				rig_settle();
				check_up(e, &suites[i]);
				assert_int_equal(e->got.n, sizes[k]);
				assert_memory_equal(e->got.p, early, sizes[k]);
				both_ways(e, 3000);
				rig_forget(e);
				SSL_CTX_free(ctx);
			}
	rig_close();
	free(early);
}

static SSL_SESSION *kept;

static int
keep(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = session;
	return 1;
}

static void
resumes(const struct suite *s, bool expected)
{
	SSL_CTX *ctx = client_of(s);
	kept = NULL;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep);
	for (unsigned again = 0; again < 3; again++) {
		struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, "vpn.example.net");
		if (kept)
			SSL_set_session(e->ssl, kept);
		rig_settle();
		assert_true(e->up && e->ssl_up);
		assert_int_equal(e->agreed.resumed, again && expected);
		assert_int_equal(SSL_session_reused(e->ssl), again && expected);
		much_both_ways(e);
		rig_forget(e);
	}
	SSL_SESSION_free(kept);
	SSL_CTX_free(ctx);
}

static void
tickets_resume(void **state)
{
	(void)state;
	rig_open(&core_conf, NULL);
	for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++)
		for (unsigned i = 0; i < N_SUITES; i++)
			resumes(&suites[i], true);
	struct tls_certificate ec = {.certificate = rig_file("ec.pem"), .private_key = rig_file("ec.key")};
	rig_contexts(
		&(struct tls_contexts_conf){.certificates = &ec, .n_certificates = 1, .versions = TLS_V1_2 | TLS_V1_3});
	rig_settle();
	/* With ECDSA a TLS 1.3 ticket saves nothing, so there is none. */
	resumes(&suites[0], false);
	resumes(&(struct suite){"ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION, false}, true);
	rig_close();
}

static void
hello_retry_request(void **state)
{
	(void)state;
	rig_open(&core_conf, NULL);
	for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++) {
		SSL_CTX *ctx = client_of(&suites[1]);
		SSL_CTX_set1_groups_list(ctx, "P-384:P-256");
		struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		rig_settle();
		check_up(e, &suites[1]);
		assert_int_equal(SSL_get_negotiated_group(e->ssl), NID_X9_62_prime256v1);
		much_both_ways(e);
		rig_forget(e);
		SSL_CTX_free(ctx);
	}
	rig_close();
}

/* Many at once, OFFLOAD slow, cuts at random: nothing of one gets into another. */
static void
many_at_once(void **state)
{
	(void)state;
	rig_open(&core_conf, NULL);
	rig.held_steps = 7;
	for (unsigned round = 0; round < 20; round++) {
		SSL_CTX *ctx[RIG_ENDS];
		rig.cut = round % 2 ? RIG_RANDOM : RIG_WHOLE;
		for (unsigned i = 0; i < RIG_ENDS; i++) {
			ctx[i] = client_of(&suites[rig_random() % N_SUITES]);
			rig_accept(ctx[i], TLS_LISTENER_NORMAL, NULL);
		}
		rig_settle();
		for (unsigned i = 0; i < RIG_ENDS; i++) {
			assert_true(rig.end[i].up && rig.end[i].ssl_up);
			rig_ssl_send(&rig.end[i], &i, sizeof i);
			rig_send(&rig.end[i], &i, sizeof i);
		}
		rig_settle();
		for (unsigned i = 0; i < RIG_ENDS; i++) {
			unsigned got = ~0u;
			assert_int_equal(rig.end[i].got.n, sizeof i);
			assert_memory_equal(rig.end[i].got.p, &i, sizeof i);
			rig_ssl_receive(&rig.end[i], &got, sizeof got);
			assert_int_equal(got, i);
		}
		while (rig.n_ends)
			rig_forget(&rig.end[rig.n_ends - 1]);
		for (unsigned i = 0; i < RIG_ENDS; i++)
			SSL_CTX_free(ctx[i]);
	}
	rig_close();
}

/* Each of five in a handshake or with data under way is closed at a random moment; nothing is lost (rig_close counts). */
static void
closed_at_any_time(void **state)
{
	uint8_t *bytes = noise(20000);
	(void)state;
	rig_open(&core_conf, NULL);
	for (unsigned round = 0; round < 300; round++) {
		SSL_CTX *ctx = client_of(&suites[rig_random() % N_SUITES]);
		rig.cut = round % 3 ? RIG_RANDOM : RIG_WHOLE;
		for (unsigned i = 0; i < 5; i++) {
			struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
			e->early = bytes;
			e->early_n = 20000;
		}
		for (uint64_t turns = rig_random() % 40; turns; turns--)
			rig_turn();
		while (rig.n_ends) {
			struct rig_end *e = &rig.end[rig_random() % rig.n_ends];
			if (e->up && tls_room(e->conn) >= 4000)
				rig_send(e, bytes, 4000);
			if (rig_random() % 2)
				tls_shutdown(rig.core, e->conn);
			rig_turn();
			rig_forget(e);
		}
		SSL_CTX_free(ctx);
	}
	rig_close();
	free(bytes);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_every_suite), cmocka_unit_test(asks_for_every_suite),
		cmocka_unit_test(both_ends_are_ours), cmocka_unit_test(data_with_the_finished),
		cmocka_unit_test(tickets_resume),     cmocka_unit_test(hello_retry_request),
		cmocka_unit_test(many_at_once),       cmocka_unit_test(closed_at_any_time),
	};
	core_conf.cryptodev = rig_start(argc > 1 ? argv[1] : NULL);
	rig_certificates();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rig_certificates_remove();
	return rc;
}
