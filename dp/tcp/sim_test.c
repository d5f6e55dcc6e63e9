/* Two stacks against each other: thousands of seeds over links of every kind.  What counts is in sim.h: the streams are
 * equal, the invariants hold, the pools are full again.  TCP_SEEDS sets how many of each kind (./check --long: more). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

static struct sim s;

static unsigned
seeds(unsigned normally)
{
	const char *n = getenv("TCP_SEEDS");
	return n ? (unsigned)atoi(n) : normally;
}

/* random_conf: a link and options drawn from the seed; from harmless to hostile. */
static struct sim_conf
random_conf(uint64_t seed)
{
	struct sim r = {.rng = seed * 7919 + 1};
	struct sim_conf c = {.seed = seed};
	for (unsigned d = 0; d < 2; d++) {
		struct sim_link *l = &c.link[d];
		l->delay_us = (uint32_t)(sim_random(&r) % 60000);
		l->jitter_us = sim_chance(&r, 300000) ? (uint32_t)(sim_random(&r) % 5000) : 0;
		l->loss_ppm = sim_chance(&r, 600000) ? (uint32_t)(sim_random(&r) % 60000) : 0;
		l->double_ppm = sim_chance(&r, 300000) ? (uint32_t)(sim_random(&r) % 50000) : 0;
		l->reorder_ppm = sim_chance(&r, 400000) ? (uint32_t)(sim_random(&r) % 100000) : 0;
		l->reorder_us = (uint32_t)(sim_random(&r) % 40000);
		l->mangle_ppm = sim_chance(&r, 200000) ? (uint32_t)(sim_random(&r) % 10000) : 0;
		l->bits_per_s = sim_chance(&r, 500000) ? 1000000 + sim_random(&r) % 100000000 : 0;
		l->queue_bytes = 20000 + (uint32_t)(sim_random(&r) % 200000);
		l->mark_ppm = sim_chance(&r, 300000) ? (uint32_t)(sim_random(&r) % 100000) : 0;
	}
	c.v6 = sim_chance(&r, 500000);
	c.ecn = sim_chance(&r, 300000);
	c.strip_sack = sim_chance(&r, 200000);
	c.strip_ts = sim_chance(&r, 200000);
	c.strip_ws = sim_chance(&r, 200000);
	c.hold_us = sim_chance(&r, 300000) ? (uint32_t)(sim_random(&r) % 400000) : 0;
	c.user_timeout_ms = 120000;
	return c;
}

static void
random_flows(uint64_t seed)
{
	struct sim_conf c = random_conf(seed);
	sim_init(&s, &c);
	unsigned flows = 1 + (unsigned)(sim_random(&s) % 3);
	for (unsigned i = 0; i < flows; i++) {
		unsigned f = sim_flow(&s, sim_random(&s) % 300000, sim_random(&s) % 300000);
		for (unsigned e = 0; e < 2; e++) {
			struct sim_app *a = &s.app[e][f];
			a->record = sim_chance(&s, 600000)
					    ? 1 + (uint32_t)(sim_random(&s) % (sim_chance(&s, 300000) ? 8000 : 1448))
					    : 0;
			a->read_bytes_per_ms = sim_chance(&s, 200000) ? 100 + (uint32_t)(sim_random(&s) % 5000) : 0;
			a->half = sim_chance(&s, 300000);
		}
	}
	bool done = sim_run(&s, mono_add_s(s.now, 600));
	for (unsigned i = 0; i < flows; i++)
		for (unsigned e = 0; e < 2; e++)
			if (!done || s.app[e][i].why != TCP_GONE_CLOSED)
				sim_fail(&s, "did not end well", e << 8 | i, s.app[e][i].gone ? s.app[e][i].why : -1);
	sim_fini(&s);
}

static void
many_seeds(void **state)
{
	(void)state;
	const char *one = getenv("TCP_SEED");
	if (one) {
		random_flows(strtoull(one, NULL, 10));
		return;
	}
	for (uint64_t i = 1; i <= seeds(100); i++)
		random_flows(i);
}

static void
clean_link(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 1, .link = {{.delay_us = 10000}, {.delay_us = 10000}}};
	sim_init(&s, &c);
	unsigned f = sim_flow(&s, 1000000, 1000000);
	s.app[0][f].record = 1400;
	struct mono began = s.now;
	assert_true(sim_run(&s, mono_add_s(s.now, 60)));
	assert_int_equal(s.app[0][f].why, TCP_GONE_CLOSED);
	assert_int_equal(s.app[1][f].why, TCP_GONE_CLOSED);
	for (unsigned e = 0; e < 2; e++) {
		assert_int_equal(sim_stat(&s, e, TCP_STAT_RETRANSMITS), 0);
		assert_int_equal(sim_stat(&s, e, TCP_STAT_RTOS), 0);
	}
	print_message("1 MB each way at 20 ms: %.3f s virtual, %llu + %llu packets\n",
		      (double)mono_since_us(s.now, began) / 1e6, (unsigned long long)s.n_sent[0],
		      (unsigned long long)s.n_sent[1]);
	sim_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_link),
		cmocka_unit_test(many_seeds),
	};
	sim_start(20000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
