/* Reliable delivery: RFC 2661 5.8 and the windows of appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/build.h"
#include "l2tp/window.h"

#define LOG 512

/* One window whose peer is the test. */
static struct bench {
	struct window w;
	struct mono now;
	struct timers timers;
	uint64_t stats[L2TP_STAT_COUNT];
	size_t held;
	unsigned sent, zlbs, delivered, dead;
	uint16_t sent_ns[LOG], sent_nr, delivered_ns[LOG];
	struct mono sent_at[LOG];
} b;

static const struct window_params params = {1000, 16000, 5, 4};

static void
transmit(struct window *w, const uint8_t *bytes, size_t len, struct mono now)
{
	if (!bytes) {
		b.zlbs++;
		b.sent_nr = w->rcv_nxt;
		return;
	}
	assert_int_equal(be16(bytes + 2), len);
	assert_true(b.sent < LOG);
	b.sent_at[b.sent] = now;
	b.sent_ns[b.sent++] = be16(bytes + L2TP_CTL_NS);
	b.sent_nr = be16(bytes + L2TP_CTL_NR);
}

static void
deliver(struct window *w, const uint8_t *bytes, size_t len, struct mono now)
{
	(void)w;
	(void)now;
	assert_int_equal(be16(bytes + 2), len);
	assert_true(b.delivered < LOG);
	b.delivered_ns[b.delivered++] = be16(bytes + L2TP_CTL_NS);
}

static void
dead(struct window *w, struct mono now)
{
	(void)w;
	(void)now;
	b.dead++;
}

static const struct window_ops ops = {transmit, deliver, dead};

static int
start(void **state)
{
	(void)state;
	memset(&b, 0, sizeof b);
	timers_init(&b.timers, b.now);
	b.w.stats = b.stats;
	b.w.held = &b.held;
	l2tp_window_init(&b.w, &ops, &b.timers, &params);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	l2tp_window_fini(&b.w);
	assert_int_equal(b.held, 0);
	return 0;
}

static void
run_ms(int64_t ms)
{
	for (struct mono end = mono_add_ms(b.now, ms); !mono_reached(b.now, end); b.now = mono_add_ms(b.now, 1))
		while (timers_run(&b.timers, b.now, 1000))
			;
}

static void
queue(unsigned n)
{
	struct build m;
	while (n--) {
		l2tp_build_start(&m, 1, 0, L2TP_MSG_HELLO);
		l2tp_window_send(&b.w, m.bytes, l2tp_build_end(&m), false, b.now);
	}
}

static void
input(uint16_t ns, uint16_t nr, bool zlb)
{
	struct build m;
	struct l2tp_hdr h;
	l2tp_build_start(&m, 1, 0, L2TP_MSG_HELLO);
	size_t len = l2tp_build_end(&m);
	put_be16(m.bytes + L2TP_CTL_NS, ns);
	put_be16(m.bytes + L2TP_CTL_NR, nr);
	if (zlb)
		l2tp_build_zlb(m.bytes, 1, ns, nr);
	assert_int_equal(l2tp_hdr_parse(m.bytes, len, &h), L2TP_WHY_OK);
	l2tp_window_input(&b.w, &h, m.bytes, b.now);
}

static void
ack(uint16_t nr)
{
	input(0, nr, true);
}

/* Appendix A: one message first, then one more for each acknowledged, until the peer's window. */
static void
slow_start(void **state)
{
	(void)state;
	l2tp_window_set_peer_rws(&b.w, 6);
	queue(40);
	assert_int_equal(b.sent, 1);
	ack(1);
	assert_int_equal(b.sent, 3); /* cwnd 2 */
	ack(3);
	assert_int_equal(b.sent, 7); /* cwnd 4 */
	ack(7);
	assert_int_equal(b.sent, 13); /* cwnd 8, but the peer takes 6 */
	ack(13);
	assert_int_equal(b.sent, 19);
	assert_int_equal(b.w.cwnd, 6);
	for (unsigned i = 0; i < b.sent; i++)
		assert_int_equal(b.sent_ns[i], i);
	assert_int_equal(b.stats[L2TP_STAT_TX_RETRANSMIT], 0);
}

/* Appendix A: after a retransmission half the window becomes the threshold; beyond it, one more each round trip. */
static void
congestion_avoidance(void **state)
{
	(void)state;
	l2tp_window_set_peer_rws(&b.w, 16);
	queue(200);
	for (uint16_t nr = 1; b.w.cwnd < 16; nr = b.w.nxt)
		ack(nr);
	run_ms(1020); /* the retransmission timer */
	assert_int_equal(b.w.ssthresh, 8);
	assert_int_equal(b.w.cwnd, 1);
	assert_int_equal(b.stats[L2TP_STAT_TX_RETRANSMIT], 1);
	for (uint16_t want = 2; want <= 8; want++) {
		ack((uint16_t)(b.w.una + 1));
		assert_int_equal(b.w.cwnd, want);
	}
	for (uint16_t want = 9; want <= 12; want++) {
		for (uint16_t i = 0; i < want - 1; i++) {
			assert_int_equal(b.w.cwnd, want - 1);
			ack((uint16_t)(b.w.una + 1));
		}
		assert_int_equal(b.w.cwnd, want);
	}
}

/* RFC 2661 5.8: without the AVP the peer takes 4. */
static void
peer_window(void **state)
{
	(void)state;
	queue(20);
	for (unsigned i = 0; i < 10; i++) {
		ack(b.w.nxt);
		assert_true(b.w.nxt - b.w.una <= 4);
	}
	assert_int_equal(b.sent, 20);
	l2tp_window_set_peer_rws(&b.w, 1);
	ack(b.w.nxt);
	queue(3);
	assert_int_equal(b.w.nxt - b.w.una, 1);
	l2tp_window_set_peer_rws(&b.w, 65535);
	assert_int_equal(b.w.peer_rws, 32767);
}

static void
back_off(void **state)
{
	static const int64_t at_s[] = {0, 1, 3, 7, 15, 31};
	(void)state;
	queue(3);
	run_ms(46900);
	assert_int_equal(b.sent, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(b.sent_ns[i], 0);
		assert_in_range(b.sent_at[i].us, at_s[i] * 1000000, at_s[i] * 1000000 + 60000);
	}
	assert_int_equal(b.dead, 0);
	run_ms(300);
	assert_int_equal(b.dead, 1);
	run_ms(100000);
	assert_int_equal(b.dead, 1);
	assert_int_equal(b.sent, 6);
	input(0, 0, false); /* the dead are not listened to */
	assert_int_equal(b.delivered, 0);
	assert_int_equal(l2tp_window_cycle_ms(&params), 31000);
}

/* What the peer has kept of a window that lost its first message, its Nr skips. */
static void
skip_what_is_kept(void **state)
{
	(void)state;
	queue(8);
	ack(1);
	ack(3);
	assert_int_equal(b.sent, 7);
	run_ms(1020);
	assert_int_equal(b.sent, 8);
	assert_int_equal(b.sent_ns[7], 3);
	ack(7);
	assert_int_equal(b.sent, 9);
	assert_int_equal(b.sent_ns[8], 7);
	ack(8);
	assert_false(timer_pending(&b.w.rtx));
	assert_int_equal(b.w.queued, 0);
	assert_int_equal(b.w.retries, 0);
	assert_int_equal(b.w.rto_ms, 1000);
}

static void
ack_of_nothing(void **state)
{
	(void)state;
	queue(2);
	input(0, 2, false); /* only 0 has been sent */
	assert_int_equal(b.stats[L2TP_STAT_RX_ACK], 1);
	assert_int_equal(b.delivered, 0);
	assert_int_equal(b.w.queued, 2);
	ack(0);
	ack(65535); /* old */
	assert_int_equal(b.w.queued, 2);
	ack(1);
	assert_int_equal(b.w.queued, 1);
}

static void
delayed_ack(void **state)
{
	(void)state;
	input(0, 0, false);
	run_ms(10);
	input(1, 0, false);
	assert_int_equal(b.zlbs, 0);
	run_ms(30);
	assert_int_equal(b.zlbs, 1);
	assert_int_equal(b.sent_nr, 2);
	run_ms(5000);
	assert_int_equal(b.zlbs, 1);
	input(2, 0, false);
	queue(1); /* carries the acknowledgement */
	assert_int_equal(b.sent_nr, 3);
	run_ms(500);
	assert_int_equal(b.zlbs, 1);
	ack(1);
	run_ms(500);
	assert_int_equal(b.zlbs, 1); /* RFC 2661 5.8: a ZLB is never acknowledged */
}

static void
duplicates(void **state)
{
	(void)state;
	input(0, 0, false);
	run_ms(100);
	assert_int_equal(b.zlbs, 1);
	input(0, 0, false);
	input(0, 0, false);
	run_ms(100);
	assert_int_equal(b.zlbs, 2);
	assert_int_equal(b.delivered, 1);
	assert_int_equal(b.stats[L2TP_STAT_RX_DUPLICATE], 2);
}

static void
out_of_order(void **state)
{
	(void)state;
	input(3, 0, false);
	input(1, 0, false);
	input(2, 0, false);
	input(1, 0, false);
	assert_int_equal(b.delivered, 0);
	assert_int_equal(b.held, 3);
	input(4, 0, false); /* our window is 4: 0 .. 3 */
	assert_int_equal(b.stats[L2TP_STAT_RX_BEYOND_WINDOW], 1);
	assert_int_equal(b.held, 3);
	input(0, 0, false);
	assert_int_equal(b.delivered, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(b.delivered_ns[i], i);
	assert_int_equal(b.held, 0);
	run_ms(100);
	assert_int_equal(b.sent_nr, 4);
}

/* Both directions across 65535. */
static void
wrap(void **state)
{
	(void)state;
	b.w.una = b.w.nxt = b.w.max = 65530;
	b.w.rcv_nxt = 65533;
	l2tp_window_set_peer_rws(&b.w, 8);
	queue(30);
	for (unsigned i = 0; b.w.queued; i++) {
		assert_true(i < 40);
		ack(b.w.nxt);
	}
	assert_int_equal(b.w.una, (uint16_t)(65530 + 30));
	assert_int_equal(b.sent, 30);
	for (uint16_t ns = 65533; ns != 5; ns++) {
		input((uint16_t)(ns + 1), b.w.una, false);
		input(ns, b.w.una, false);
		input(ns, b.w.una, false);
	}
	assert_int_equal(b.w.rcv_nxt, 6);
	assert_int_equal(b.delivered, 9);
}

static void
trim_and_mute(void **state)
{
	(void)state;
	queue(4);
	l2tp_window_trim(&b.w); /* 1 sent, 3 waiting: not more than the peer's window */
	assert_int_equal(b.w.queued, 4);
	queue(10);
	l2tp_window_trim(&b.w);
	assert_int_equal(b.w.queued, 1);
	queue(1);
	ack(1);
	assert_int_equal(b.sent_ns[1], 1);
	l2tp_window_mute(&b.w);
	assert_int_equal(b.w.queued, 0);
	run_ms(60000);
	assert_int_equal(b.sent, 2);
	assert_int_equal(b.dead, 0);
	input(0, 2, false);
	run_ms(100);
	assert_int_equal(b.zlbs, 1);
}

/* A peer that asks and asks, and acknowledges nothing. */
static void
answers_bounded(void **state)
{
	struct build m;
	(void)state;
	l2tp_build_start(&m, 1, 0, L2TP_MSG_CDN);
	size_t len = l2tp_build_end(&m);
	for (unsigned i = 0; i < WINDOW_ANSWERS; i++)
		l2tp_window_send(&b.w, m.bytes, len, true, b.now);
	run_ms(100);
	assert_int_equal(b.dead, 0);
	ack(1);
	l2tp_window_send(&b.w, m.bytes, len, true, b.now);
	run_ms(100);
	assert_int_equal(b.dead, 0);
	l2tp_window_send(&b.w, m.bytes, len, true, b.now);
	run_ms(100);
	assert_int_equal(b.dead, 1);
	assert_int_equal(b.held, WINDOW_ANSWERS);
}

/* What could not be kept is missing for good: an acknowledgement that comes in between does not hide it. */
static void
failure_is_final(void **state)
{
	struct build m;
	(void)state;
	l2tp_build_start(&m, 1, 0, L2TP_MSG_CDN);
	size_t len = l2tp_build_end(&m);
	for (unsigned i = 0; i <= WINDOW_ANSWERS; i++)
		l2tp_window_send(&b.w, m.bytes, len, true, b.now);
	ack(1);
	l2tp_window_send(&b.w, m.bytes, len, true, b.now);
	run_ms(100);
	assert_int_equal(b.dead, 1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(slow_start),       TEST(congestion_avoidance),
		TEST(peer_window),      TEST(back_off),
		TEST(ack_of_nothing),   TEST(skip_what_is_kept),
		TEST(delayed_ack),      TEST(duplicates),
		TEST(out_of_order),     TEST(wrap),
		TEST(trim_and_mute),    TEST(answers_bounded),
		TEST(failure_is_final),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
