/* Handshakes that wait for an engine, or for a job: they go on, and those that have been given up end. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/async.h>

#include <cmocka.h>

#include "handshake.h"
#include "late_engine.h"
#include "thread.h"

static SSL_CTX *
client(void)
{
	return SSL_CTX_new(TLS_client_method());
}

static void
open_late(void)
{
	const struct tls_certificate rsa = {.certificate = rig_file("rsa.pem"), .private_key = rig_file("rsa.key")};
	rig_open(NULL,
		 &(struct tls_contexts_conf){
			 .certificates = &rsa, .n_certificates = 1, .versions = TLS_V1_2 | TLS_V1_3, .engine = "late"});
}

static void
until(bool (*reached)(void))
{
	struct timespec ms = {.tv_nsec = 1000000};
	for (unsigned i = 0; i < 20000 && !reached(); i++) {
		rig_turn();
		nanosleep(&ms, NULL);
	}
	assert_true(reached());
}

static bool
eight_queued(void)
{
	return late_queued() == 8;
}

/* hold_eight: eight clients, for all of whom the engine has a job that it keeps. */
static void
hold_eight(SSL_CTX *ctx)
{
	late_hold();
	for (unsigned i = 0; i < 8; i++)
		rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	until(eight_queued);
}

static bool
none_begun(void)
{
	struct tls_offload_stats stats;
	tls_offload_stats(rig.offload, &stats);
	return !stats.in_flight && !stats.parked;
}

static void
a_late_engine(void **state)
{
	static const char *const suites[] = {"ECDHE-RSA-AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA"};
	(void)state;
	open_late();
	unsigned before = late_done();
	for (unsigned round = 0; round < 4; round++) {
		SSL_CTX *ctx = client();
		if (round) {
			SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
			SSL_CTX_set_cipher_list(ctx, suites[round - 1]);
		}
		hold_eight(ctx);
		/* All eight wait at once, and nobody else has to. */
		struct tls_offload_stats stats;
		tls_offload_stats(rig.offload, &stats);
		assert_int_equal(stats.parked, 8);
		late_release();
		until(rig_all_up);
		for (unsigned i = 0; i < rig.n_ends; i++) {
			rig_ssl_send(&rig.end[i], "up", 2);
			rig_send(&rig.end[i], "down", 4);
		}
		rig_settle();
		for (unsigned i = 0; i < rig.n_ends; i++)
			assert_int_equal(rig.end[i].got.n, 2);
		while (rig.n_ends)
			rig_forget(&rig.end[0]);
		SSL_CTX_free(ctx);
	}
	/* All of them through the engine. */
	assert_true(late_done() - before >= 32);
	rig_close();
}

/* A connection that ends while the engine has its job: the job ends, its slot is free, nobody is told. */
static void
zombies_end(void **state)
{
	(void)state;
	open_late();
	SSL_CTX *ctx = client();
	for (unsigned round = 0; round < 5; round++) {
		hold_eight(ctx);
		while (rig.n_ends)
			rig_forget(&rig.end[0]);
		rig_settle();
		/* The slots are used again at once. */
		struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		rig_settle();
		late_release();
		until(rig_all_up);
		assert_true(e->up);
		until(none_begun);
		rig_forget(e);
	}
	/* And when OFFLOAD stops. */
	hold_eight(ctx);
	late_release();
	SSL_CTX_free(ctx);
	rig_close();
}

/* What has been given up counts until the engine is done: who begins and leaves, again and again, fills nothing, with however
 * many threads. */
static void
bounded_with(unsigned threads)
{
	struct tls_offload_stats stats;
	rig.n_threads = threads;
	open_late();
	rig.n_threads = 0;
	rig.offload->conf.max_handshakes = 8;
	SSL_CTX *ctx = client();
	hold_eight(ctx);
	while (rig.n_ends)
		rig_forget(&rig.end[0]);
	rig_settle();
	struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	rig_settle();
	tls_offload_stats(rig.offload, &stats);
	late_release();
	assert_int_equal(stats.in_flight, 8);
	assert_int_equal(stats.reason[TLS_HANDSHAKES], 1);
	assert_true(e->failed);
	assert_int_equal(e->reason, TLS_HANDSHAKES);
	until(none_begun);
	rig_forget(e);
	e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	until(rig_all_up);
	rig_forget(e);
	SSL_CTX_free(ctx);
	rig_close();
}

static void
zombies_are_bounded(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 3; threads++)
		bounded_with(threads);
}

/* --- no job ------------------------------------------------------------------------------------------------------ */

static struct tls_offload_stats
stats_now(void)
{
	struct tls_offload_stats stats;
	tls_offload_stats(rig.offload, &stats);
	return stats;
}

/* given_up: all ends go at once, and nothing of them is left. */
static void
given_up(unsigned n, unsigned parked)
{
	struct tls_offload_stats before = stats_now();
	assert_int_equal(before.in_flight, n);
	assert_int_equal(before.parked, parked);
	while (rig.n_ends)
		rig_forget(&rig.end[0]);
	rig_settle();
	assert_int_equal(stats_now().abandoned - before.abandoned, n);
	assert_int_equal(stats_now().in_flight, 0);
	assert_int_equal(stats_now().parked, 0);
}

/* Who leaves before a byte, in the middle of its ClientHello, or while we wait for more of it, is freed at once: the engine
 * has nothing of it. */
static void
given_up_before_any_job(void **state)
{
	(void)state;
	open_late();
	late_hold();
	SSL_CTX *ctx = client();
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, "AES128-SHA"); /* the key is used behind the client's second flight */
	for (unsigned i = 0; i < 4; i++)
		rig_accept(NULL, TLS_LISTENER_NORMAL, NULL);
	rig_settle();
	given_up(4, 0);
	for (unsigned turns = 1; turns < 60; turns += 4) {
		rig.cut = RIG_BYTEWISE;
		for (unsigned i = 0; i < 4; i++)
			rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		for (unsigned i = 0; i < turns; i++)
			rig_turn();
		given_up(4, 0);
	}
	rig.cut = RIG_WHOLE;
	for (unsigned i = 0; i < 4; i++)
		rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	for (unsigned i = 0; i < 1000 && rig.end[3].sent.n < 500; i++)
		rig_turn();
	assert_true(rig.end[3].sent.n >= 500);
	given_up(4, 0);
	assert_int_equal(late_queued(), 0);
	late_release();
	SSL_CTX_free(ctx);
	rig_close();
}

static bool
two_queued(void)
{
	return late_queued() == 2;
}

/* jobs: so many at most in this thread; 0: no bound. */
static void
jobs(size_t max)
{
	ASYNC_cleanup_thread();
	assert_true(ASYNC_init_thread(max, 0));
}

/* Six clients and two jobs: four wait for a job, quietly; who of them leaves is gone at once, and no job with it. */
static void
without_a_job(void **state)
{
	(void)state;
	jobs(2);
	open_late();
	SSL_CTX *ctx = client();
	for (unsigned round = 0; round < 3; round++) {
		late_hold();
		for (unsigned i = 0; i < 6; i++)
			rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		until(two_queued);
		rig_settle();
		assert_int_equal(stats_now().parked, 6);
		if (round == 1) {
			/* The last two came when there was no job. */
			rig_forget(&rig.end[5]);
			rig_forget(&rig.end[4]);
			rig_settle();
			assert_int_equal(stats_now().parked, 4);
			assert_int_equal(stats_now().in_flight, 4);
		} else if (round == 2) {
			while (rig.n_ends)
				rig_forget(&rig.end[0]);
			rig_settle();
			assert_int_equal(stats_now().parked, 2);
			assert_int_equal(stats_now().in_flight, 2);
			rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		}
		late_release();
		until(rig_all_up);
		until(none_begun);
		while (rig.n_ends)
			rig_forget(&rig.end[0]);
	}
	SSL_CTX_free(ctx);
	rig_close();
	jobs(0);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

/* OFFLOAD's threads, the engine's, and clients that leave at any point of it; at last OFFLOAD stops in the middle. */
static void
with_threads(void **state)
{
	(void)state;
	rig.n_threads = 2;
	open_late();
	rig.n_threads = 0;
	rig.threads = true;
	assert_int_equal(tls_offload_start(rig.offload), 0);
	SSL_CTX *ctx = client();
	for (unsigned round = 0; round < 30; round++) {
		for (unsigned i = 0; i < 20; i++)
			rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
		for (uint64_t i = rig_random() % 2000; i; i--)
			rig_turn();
		while (rig.n_ends)
			rig_forget(&rig.end[rig_random() % rig.n_ends]);
	}
	until(none_begun);
	for (unsigned i = 0; i < 20; i++)
		rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	until(rig_all_up);
	while (rig.n_ends)
		rig_forget(&rig.end[0]);
	for (unsigned i = 0; i < 20; i++)
		rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	rig_turn();
	SSL_CTX_free(ctx);
	rig_close();
	rig.threads = false;
}

static struct tls_offload *ended;

static bool
eight_woken(void)
{
	unsigned n = 0;
	for (const struct handshake *h = atomic_load(&ended->thread[0].woken); h; h = h->woken_next)
		n++;
	return n == 8;
}

/* An engine that answers when OFFLOAD has waited for it in vain, and is gone: it finds what it writes to. */
static void
an_answer_behind_the_end(void **state)
{
	struct timespec ms = {.tv_nsec = 1000000};
	(void)state;
	open_late();
	SSL_CTX *ctx = client();
	hold_eight(ctx);
	ended = rig.offload;
	SSL_CTX_free(ctx);
	rig_close();
	late_release();
	for (unsigned i = 0; i < 20000 && !eight_woken(); i++)
		nanosleep(&ms, NULL);
	assert_true(eight_woken());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_engine),
		cmocka_unit_test(zombies_end),
		cmocka_unit_test(zombies_are_bounded),
		cmocka_unit_test(given_up_before_any_job),
		cmocka_unit_test(without_a_job),
		cmocka_unit_test(with_threads),
		/* Last: what the engine never answered stays. */
		cmocka_unit_test(an_answer_behind_the_end),
	};
	rig_start(NULL);
	if (!late_engine_add())
		return 1;
	rig_certificates();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rig_certificates_remove();
	late_engine_remove();
	return rc;
}
