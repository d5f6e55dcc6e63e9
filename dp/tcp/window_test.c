/* The receive window: it grows for who fills it, on links where it is what limits, and for nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

#define LINE_BYTES_PER_S 25000000u /* 200 Mbit/s */

static struct sim s;

/* begin: a link of 200 Mbit/s and 100 ms; end 0 sends without end. */
static void
begin(struct sim_conf *c, uint32_t rcv_max)
{
	struct tcp_limits l = sim_limits();
	l.conns = l.active = 4;
	l.segments = 16384;
	l.send_mbufs = l.reorder_mbufs = 8192;
	l.rcv_max = rcv_max;
	l.snd_bytes = 8 << 20;
	c->limits = l;
	c->device_checksum = true;
	c->link[0] =
		(struct sim_link){.delay_us = 50000, .bits_per_s = 8ull * LINE_BYTES_PER_S, .queue_bytes = 2 << 20};
	c->link[1] = (struct sim_link){.delay_us = 50000};
	sim_init(&s, c);
	sim_flow(&s, UINT64_C(1) << 40, 0);
	s.app[0][0].record = 1440;
}

/* window: what end 1 says, and where its bound is. */
static uint32_t
bound(void)
{
	for (uint32_t i = 0; i < s.conf.limits.conns; i++)
		if (s.t[1]->conns[i].state == TCP_ESTABLISHED)
			return s.t[1]->conns[i].rcv_bound;
	fail();
	return 0;
}

/* percent: of the line, in a second. */
static unsigned
percent(void)
{
	uint64_t before = s.app[1][0].received;
	sim_run_ms(&s, 1000);
	return (unsigned)((s.app[1][0].received - before) * 100 / LINE_BYTES_PER_S);
}

static void
fills_the_link(void **state)
{
	(void)state;
	for (unsigned strip = 0; strip < 2; strip++) {
		struct sim_conf fixed = {.seed = 1, .strip_ts = strip}, grows = fixed;
		begin(&fixed, 0);
		sim_run_ms(&s, 4000);
		unsigned before = percent();
		assert_in_range(before, 5, 11); /* 256 KB in 100 ms */
		sim_fini(&s);
		begin(&grows, 8 << 20);
		/* Without time stamps it is our own estimate of the round trip that counts, which wants something sent. */
		s.app[1][0].to_send = strip ? 100000 : 0;
		sim_run_ms(&s, 4000);
		unsigned after = percent();
		print_message(
			"200 Mbit/s, 100 ms, %s: %u %% of it with 256 KB, %u %% with a window that grew to %u KB\n",
			strip ? "no time stamps" : "time stamps", before, after, bound() / 1024);
		assert_in_range(after, 85, 100);
		sim_fini(&s);
	}
}

/* No more than the limit, nor than what may wait out of order. */
static void
bounded(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 2}, d = c;
	begin(&c, 1 << 20);
	sim_run_ms(&s, 4000);
	assert_int_equal(bound(), 1 << 20);
	sim_fini(&s);
	begin(&d, 8 << 20);
	s.t[1]->start.limits.reorder_mbufs = 500;
	sim_run_ms(&s, 4000);
	assert_int_equal(bound(), 500 * 1448);
	sim_fini(&s);
}

/* Who takes what comes slowly has a small window, though the peer fills it, and though it rests between. */
static void
slow_consumer(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 3};
	begin(&c, 8 << 20);
	s.app[1][0].read_bytes_per_ms = 200;
	sim_run_ms(&s, 5000);
	assert_int_equal(bound(), sim_limits().rcv_bytes);
	for (unsigned i = 0; i < 10; i++) {
		s.app[1][0].read_bytes_per_ms = 1;
		sim_run_ms(&s, 1000);
		s.app[1][0].read_bytes_per_ms = 1000;
		sim_run_ms(&s, 150);
	}
	assert_int_equal(bound(), sim_limits().rcv_bytes);
	sim_fini(&s);
}

/* When buffers are scarce it goes back; the right edge does not (sim.c looks).  Who has set a window keeps it. */
static void
scarce(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 4}, d = c;
	begin(&c, 4 << 20);
	sim_run_ms(&s, 3000);
	assert_true(bound() > 2u << 20);
	s.t[1]->start.limits.reorder_mbufs = 0;
	s.t[1]->use.reorder_mbufs = 1;
	sim_run_ms(&s, 1000);
	assert_int_equal(bound(), sim_limits().rcv_bytes);
	s.t[1]->use.reorder_mbufs = 0;
	sim_fini(&s);
	begin(&d, 4 << 20);
	sim_run_ms(&s, 200);
	tcp_set_rcv_bytes(s.t[1], s.app[1][0].conn, 300000);
	sim_run_ms(&s, 3000);
	assert_int_equal(bound(), 300000);
	sim_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_the_link),
		cmocka_unit_test(bounded),
		cmocka_unit_test(slow_consumer),
		cmocka_unit_test(scarce),
	};
	sim_start(40000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
