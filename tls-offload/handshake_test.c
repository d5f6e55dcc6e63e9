/* Handshakes: names and certificates, who is refused and why, caps, reload, threads. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include <cmocka.h>

#include "contexts_ssl.h"
#include "core.h"
#include "thread.h"

static struct tls_certificate certificates[2];

/* The default is rsa.pem; other.example.net has its own. */
static struct tls_contexts_conf
server_conf(void)
{
	certificates[0] =
		(struct tls_certificate){.certificate = rig_file("rsa.pem"), .private_key = rig_file("rsa.key")};
	certificates[1] = (struct tls_certificate){.host_name = "*.example.net",
						   .certificate = rig_file("other.pem"),
						   .private_key = rig_file("other.key")};
	return (struct tls_contexts_conf){
		.certificates = certificates, .n_certificates = 2, .versions = TLS_V1_2 | TLS_V1_3};
}

static SSL_CTX *
client(void)
{
	return SSL_CTX_new(TLS_client_method());
}

static struct rig_end *
tried(SSL_CTX *ctx, enum tls_listener listener, const char *server_name)
{
	struct rig_end *e = rig_accept(ctx, listener, server_name);
	rig_settle();
	return e;
}

static void
shows(const struct rig_end *e, const char *file)
{
	uint8_t sha256[32];
	BIO *b = BIO_new_file(rig_file(file), "r");
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	X509_digest(x, EVP_sha256(), sha256, NULL);
	assert_true(e->up);
	assert_memory_equal(e->agreed.cert_sha256, sha256, sizeof sha256);
	assert_int_equal(X509_cmp(x, SSL_get0_peer_certificate(e->ssl)), 0);
	X509_free(x);
	BIO_free(b);
}

/* With each version on each listener: TLS 1.3 has contexts of its own, and a name must not undo what a listener allows. */
static void
server_names_choose(void **state)
{
	static const struct {
		const char *name, *shown;
	} tries[] = {
		{NULL, "rsa.pem"},
		{"other.example.net", "other.pem"},
		{"OTHER.example.NET", "other.pem"},
		{"one.two.example.net", "rsa.pem"},
		{"elsewhere.example", "rsa.pem"},
	};
	struct tls_contexts_conf conf = server_conf();
	(void)state;
	rig_open(NULL, &conf);
	for (int version = TLS1_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL_CTX *ctx = client();
		SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
		SSL_CTX_set_min_proto_version(ctx, version);
		SSL_CTX_set_max_proto_version(ctx, version);
		for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
			shows(tried(ctx, TLS_LISTENER_LEGACY, tries[i].name), tries[i].shown);
			if (version >= TLS1_2_VERSION)
				shows(tried(ctx, TLS_LISTENER_NORMAL, tries[i].name), tries[i].shown);
		}
		SSL_CTX_free(ctx);
	}
	rig_close();
}

static void
host_name_is_enforced(void **state)
{
	struct tls_contexts_conf conf = server_conf();
	SSL_CTX *ctx = client();
	conf.host_name = "vpn.example.net";
	(void)state;
	rig_open(NULL, &conf);
	assert_true(tried(ctx, TLS_LISTENER_NORMAL, "VPN.example.net")->up);
	assert_true(tried(ctx, TLS_LISTENER_NORMAL, NULL)->up);
	struct rig_end *e = tried(ctx, TLS_LISTENER_NORMAL, "other.example.net");
	assert_true(e->failed && e->ssl_failed);
	assert_int_equal(e->reason, TLS_HOST_NAME);
	assert_string_equal(tls_alert_name(e->alert), "unrecognized_name");
	assert_string_equal(e->agreed.server_name, "other.example.net");
	SSL_CTX_free(ctx);
	rig_close();
}

/* What the client thinks of our certificate comes back by name. */
static void
alerts_of_clients_have_names(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	(void)state;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 2; i++) {
		SSL_CTX *ctx = client();
		SSL_CTX_load_verify_file(ctx, rig_file("stranger.pem"));
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_max_proto_version(ctx, versions[i]);
		struct rig_end *e = tried(ctx, TLS_LISTENER_NORMAL, "vpn.example.net");
		assert_true(e->alerted && !e->up);
		assert_int_equal(e->reason, TLS_PEER_ALERT);
		assert_string_equal(tls_alert_name(e->alert), "unknown_ca");
		assert_string_equal(e->agreed.server_name, "vpn.example.net");
		SSL_CTX_free(ctx);
	}
	rig_close();
}

static void
what_is_not_tls(void **state)
{
	static const char *const said[] = {"GET / HTTP/1.0\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n",
					   "\x16\x03\x01\x40\x00", "CONNECT x:443 HTTP/1.1\r\n\r\n"};
	(void)state;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 4; i++) {
		struct rig_end *e = rig_accept(NULL, TLS_LISTENER_NORMAL, NULL);
		rig_add(&e->wire, said[i], i == 2 ? 5 : strlen(said[i]));
		rig_settle();
		if (i == 2) /* a ClientHello of the largest size may still come */
			assert_false(e->failed);
		else
			assert_int_equal(e->reason, TLS_NOT_TLS);
	}
	rig_close();
}

static void
versions_of_listeners(void **state)
{
	static const struct {
		int version;
		enum tls_listener listener;
		bool up;
	} tries[] = {
		{TLS1_VERSION, TLS_LISTENER_NORMAL, false},  {TLS1_1_VERSION, TLS_LISTENER_NORMAL, false},
		{TLS1_2_VERSION, TLS_LISTENER_NORMAL, true}, {TLS1_VERSION, TLS_LISTENER_LEGACY, true},
		{TLS1_1_VERSION, TLS_LISTENER_LEGACY, true}, {TLS1_2_VERSION, TLS_LISTENER_LEGACY, true},
		{TLS1_3_VERSION, TLS_LISTENER_LEGACY, true},
	};
	(void)state;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
		SSL_CTX *ctx = client();
		char got[8];
		SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
		SSL_CTX_set_min_proto_version(ctx, tries[i].version);
		SSL_CTX_set_max_proto_version(ctx, tries[i].version);
		struct rig_end *e = tried(ctx, tries[i].listener, NULL);
		assert_int_equal(e->up, tries[i].up);
		if (!e->up) {
			assert_int_equal(e->reason, TLS_VERSION);
			assert_string_equal(tls_alert_name(e->alert), "protocol_version");
		} else {
			assert_int_equal(e->agreed.version, tries[i].version);
			rig_send(e, "down", 4);
			rig_ssl_send(e, "up", 2);
			rig_settle();
			assert_int_equal(e->got.n, 2);
			assert_int_equal(rig_ssl_receive(e, got, 8), 4);
		}
		SSL_CTX_free(ctx);
	}
	rig_close();
}

static void
weak_suites_are_not_there(void **state)
{
	static const char *const weak[] = {"aNULL:@SECLEVEL=0",
					   "eNULL:@SECLEVEL=0",
					   "PSK:@SECLEVEL=0",
					   "SRP:@SECLEVEL=0",
					   "AES128-CCM8",
					   "ARIA128-GCM-SHA256",
					   "ECDHE-RSA-CAMELLIA128-SHA256",
					   "DHE-RSA-AES256-GCM-SHA384",
					   "DHE-RSA-AES128-SHA"};
	(void)state;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < sizeof weak / sizeof *weak; i++) {
		SSL_CTX *ctx = client();
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		if (SSL_CTX_set_cipher_list(ctx, weak[i]))
			assert_false(tried(ctx, TLS_LISTENER_NORMAL, NULL)->up);
		SSL_CTX_free(ctx);
	}
	SSL_CTX *ctx = client();
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "DHE-RSA-AES256-GCM-SHA384");
	assert_true(tried(ctx, TLS_LISTENER_LEGACY, NULL)->up);
	SSL_CTX_free(ctx);
	ctx = client();
	SSL_CTX_set1_groups_list(ctx, "P-384");
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	assert_int_equal(tried(ctx, TLS_LISTENER_NORMAL, NULL)->reason, TLS_NO_SHARED_GROUP);
	SSL_CTX_free(ctx);
	rig_close();
}

static void
a_client_checks_its_server(void **state)
{
	static const struct {
		const char *ca, *name;
		bool up;
	} tries[] = {{"ca.pem", "vpn.example.net", true},
		     {"stranger.pem", "vpn.example.net", false},
		     {"ca.pem", "other.example.net", false}};
	(void)state;
	rig_open(NULL, NULL);
	for (unsigned i = 0; i < 3; i++) {
		rig_contexts(&(struct tls_contexts_conf){
			.role = TLS_CLIENT, .versions = TLS_V1_3, .ca_file = rig_file(tries[i].ca)});
		struct rig_end *e = rig_pair(tries[i].name);
		rig_settle();
		assert_int_equal(e->other->up, tries[i].up);
		assert_int_equal(e->other->reason, tries[i].up ? TLS_OK : TLS_VERIFY);
		assert_int_equal(e->alerted, !tries[i].up);
	}
	rig_close();
}

/* --- caps -------------------------------------------------------------------------------------------------------- */

static enum tls_refused
accept_at(int64_t us)
{
	enum tls_refused why;
	role_assume_lcore();
	return tls_accept(rig.core, RIG_ENDS, TLS_LISTENER_NORMAL, (struct mono){us}, &why) ? TLS_REFUSED_NOT : why;
}

static void
handshakes_in_flight_are_capped(void **state)
{
	(void)state;
	rig_open(&(struct tls_core_conf){.connections = 8, .max_handshakes = 5, .cryptodev = -1}, NULL);
	struct rig_end *e[5];
	SSL_CTX *ctx = client();
	for (unsigned i = 0; i < 5; i++)
		e[i] = rig_accept(NULL, TLS_LISTENER_NORMAL, NULL);
	assert_int_equal(accept_at(1), TLS_REFUSED_HANDSHAKES);
	assert_int_equal(tls_core_stats(rig.core)->refused[TLS_REFUSED_HANDSHAKES], 1);
	rig_forget(e[4]);
	rig_settle();
	/* One that is up is in flight no longer. */
	for (unsigned i = 0; i < 4; i++)
		assert_true(tried(ctx, TLS_LISTENER_NORMAL, NULL)->up);
	assert_int_equal(tls_core_stats(rig.core)->in_flight, 4);
	assert_int_equal(accept_at(1), TLS_REFUSED_SLOTS);
	SSL_CTX_free(ctx);
	rig_close();
}

static void
handshakes_have_a_rate(void **state)
{
	(void)state;
	rig_open(&(struct tls_core_conf){.connections = 64, .handshake_rate = 10, .cryptodev = -1}, NULL);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(accept_at(5000000), TLS_REFUSED_NOT);
	assert_int_equal(accept_at(5000000), TLS_REFUSED_RATE);
	assert_int_equal(accept_at(5099999), TLS_REFUSED_RATE);
	assert_int_equal(accept_at(5100000), TLS_REFUSED_NOT);
	assert_int_equal(accept_at(5100000), TLS_REFUSED_RATE);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(accept_at(90000000), TLS_REFUSED_NOT);
	assert_int_equal(accept_at(90000000), TLS_REFUSED_RATE);
	rig.end[0].conn = NULL;
	tls_core_free(rig.core);
	tls_offload_stop(rig.offload);
	tls_offload_free(rig.offload);
}

static void
relays_are_capped(void **state)
{
	(void)state;
	rig_open(NULL, NULL);
	rig.offload->conf.max_relayed = 3;
	SSL_CTX *ctx = client();
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "AES128-SHA");
	for (unsigned i = 0; i < 3; i++)
		assert_true(tried(ctx, TLS_LISTENER_NORMAL, NULL)->up);
	struct rig_end *e = tried(ctx, TLS_LISTENER_NORMAL, NULL);
	assert_true(e->failed && !e->up);
	assert_int_equal(e->reason, TLS_RELAYS);
	rig_forget(e);
	rig_forget(&rig.end[0]);
	rig_settle();
	assert_true(tried(ctx, TLS_LISTENER_NORMAL, NULL)->up);
	SSL_CTX_set_cipher_list(ctx, "ECDHE-RSA-AES128-GCM-SHA256");
	assert_true(tried(ctx, TLS_LISTENER_NORMAL, NULL)->up);
	struct tls_offload_stats stats;
	tls_offload_stats(rig.offload, &stats);
	assert_int_equal(stats.relays, 3);
	assert_int_equal(stats.reason[TLS_RELAYS], 1);
	assert_int_equal(stats.in_flight, 0);
	SSL_CTX_free(ctx);
	rig_close();
}

/* --- reload ------------------------------------------------------------------------------------------------------ */

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
again(const struct tls_contexts_conf *conf)
{
	struct tls_error err;
	struct tls_contexts *new =
		tls_contexts_new(conf, tls_offload_contexts(rig.offload, TLS_SERVER), time(NULL), &err);
	assert_non_null(new);
	tls_offload_contexts_set(rig.offload, new);
}

static void
reload_drops_nobody(void **state)
{
	struct tls_contexts_conf conf = server_conf();
	struct tls_error err;
	(void)state;
	rig_open(NULL, NULL);
	tls_offload_contexts_set(rig.offload, tls_contexts_new(&conf, NULL, time(NULL), &err));
	SSL_CTX *ctx = client();
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep);
	struct rig_end *up = tried(ctx, TLS_LISTENER_NORMAL, NULL);
	shows(up, "rsa.pem");
	/* Begun before, ended behind the reload: with what it began with. */
	struct rig_end *between = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	rig_turn();
	rig_turn();
	certificates[0].certificate = rig_file("ec.pem");
	certificates[0].private_key = rig_file("ec.key");
	again(&conf);
	rig_settle();
	shows(between, "rsa.pem");
	shows(tried(ctx, TLS_LISTENER_NORMAL, NULL), "ec.pem");
	rig_ssl_send(up, "still", 5);
	rig_settle();
	assert_int_equal(up->got.n, 5);
	SSL_SESSION_free(kept);
	kept = NULL;
	SSL_CTX_free(ctx);
	rig_close();
}

static void
no_change(struct tls_contexts_conf *conf)
{
	(void)conf;
}

static void
other_default(struct tls_contexts_conf *conf)
{
	(void)conf;
	certificates[0].certificate = rig_file("ec.pem");
	certificates[0].private_key = rig_file("ec.key");
}

static void
other_named(struct tls_contexts_conf *conf)
{
	(void)conf;
	certificates[1].certificate = rig_file("ec.pem");
	certificates[1].private_key = rig_file("ec.key");
}

static void
other_suites(struct tls_contexts_conf *conf)
{
	conf->ciphers = "AES128-GCM-SHA256";
}

static void
other_versions(struct tls_contexts_conf *conf)
{
	conf->versions = TLS_V1_2;
}

/* Tickets from before a reload are good behind it, unless what they stand for is another: who resumes would bind to the former
 * certificate, and speak a suite that is not allowed any more. */
static void
tickets_outlive_a_reload(void **state)
{
	static const struct {
		void (*change)(struct tls_contexts_conf *conf);
		bool resumed;
	} tries[] = {{no_change, true},
		     {other_default, false},
		     {other_named, false},
		     {other_suites, false},
		     {other_versions, false}};
	(void)state;
	for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
		struct tls_contexts_conf conf = server_conf();
		SSL_CTX *ctx = client();
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, keep);
		rig_open(NULL, &conf);
		shows(tried(ctx, TLS_LISTENER_NORMAL, NULL), "rsa.pem");
		SSL_CTX_sess_set_new_cb(ctx, NULL);
		conf = server_conf();
		tries[i].change(&conf);
		again(&conf);
		struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		SSL_set_session(e->ssl, kept);
		rig_settle();
		assert_true(e->up);
		assert_int_equal(e->agreed.resumed, tries[i].resumed);
		SSL_SESSION_free(kept);
		kept = NULL;
		SSL_CTX_free(ctx);
		rig_close();
	}
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

static void
with_threads(void **state)
{
	static const struct timespec nap = {.tv_nsec = 200000};
	(void)state;
	rig_open(NULL, NULL);
	rig.threads = true;
	assert_int_equal(tls_offload_start(rig.offload), 0);
	for (unsigned round = 0; round < 10; round++) {
		SSL_CTX *ctx = client();
		if (round % 3 == 1) {
			SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
			SSL_CTX_set_cipher_list(ctx, "AES128-SHA");
		}
		for (unsigned i = 0; i < 20; i++)
			rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		for (unsigned i = 0; i < 50000 && !rig_all_up(); i++)
			if (!rig_turn())
				nanosleep(&nap, NULL);
		assert_true(rig_all_up());
		/* Half of the rounds leave in the middle of the next. */
		while (rig.n_ends > round % 2 * 10)
			rig_forget(&rig.end[0]);
		SSL_CTX_free(ctx);
	}
	while (rig.n_ends)
		rig_forget(&rig.end[0]);
	rig_close();
	rig.threads = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_names_choose),
		cmocka_unit_test(host_name_is_enforced),
		cmocka_unit_test(alerts_of_clients_have_names),
		cmocka_unit_test(what_is_not_tls),
		cmocka_unit_test(versions_of_listeners),
		cmocka_unit_test(weak_suites_are_not_there),
		cmocka_unit_test(a_client_checks_its_server),
		cmocka_unit_test(handshakes_in_flight_are_capped),
		cmocka_unit_test(handshakes_have_a_rate),
		cmocka_unit_test(relays_are_capped),
		cmocka_unit_test(reload_drops_nobody),
		cmocka_unit_test(tickets_outlive_a_reload),
		cmocka_unit_test(with_threads),
	};
	rig_start(NULL);
	rig_certificates();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rig_certificates_remove();
	return rc;
}
