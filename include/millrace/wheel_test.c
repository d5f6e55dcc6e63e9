/* The timing wheel against a naive model: a list of deadlines, searched whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/wheel.h>

#define US(t) ((struct mono){t})

static uint64_t seed;

static int64_t
rnd(int64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)(seed >> 33) % below;
}

static struct wheel_node *
pop(struct wheel *w, int64_t now)
{
	unsigned budget = 1000000;
	return wheel_pop(w, US(now), &budget);
}

static void
fires_when_due_and_not_before(void **state)
{
	struct wheel_node *slots[8], n = {0};
	struct wheel w;
	(void)state;
	/* every place of the deadline in its tick, and of the tick in the round, over three rounds */
	for (int64_t due = 0; due < 3 * 8 * 10; due++) {
		wheel_init(&w, slots, 8, 10, US(0));
		wheel_add(&w, &n, US(due));
		assert_true(wheel_pending(&n));
		int64_t now = 0;
		while (!pop(&w, now))
			now++;
		assert_true(now >= due);
		assert_true(now - due < 10);
		assert_int_equal(n.due.us, due);
		assert_false(wheel_pending(&n));
		assert_null(pop(&w, now + 1000));
	}
}

static void
what_is_late_already_fires_at_the_next_tick(void **state)
{
	struct wheel_node *slots[8], n = {0};
	struct wheel w;
	(void)state;
	wheel_init(&w, slots, 8, 10, US(1000));
	assert_null(pop(&w, 1000));
	wheel_add(&w, &n, US(3));
	assert_null(pop(&w, 1009));
	assert_ptr_equal(pop(&w, 1010), &n);
	wheel_add(&w, &n, US(-5));
	assert_ptr_equal(pop(&w, 1020), &n);
}

static void
never_is_never(void **state)
{
	struct wheel_node *slots[4], n = {0};
	struct wheel w;
	(void)state;
	wheel_init(&w, slots, 4, 1000, US(0));
	wheel_add(&w, &n, MONO_NEVER);
	for (int64_t now = 0; now < 100000; now += 700)
		assert_null(pop(&w, now));
	assert_null(pop(&w, INT64_MAX / 2));
	assert_true(wheel_pending(&n));
	wheel_add(&w, &n, mono_add_us(US(INT64_MAX / 2), 1));
	assert_ptr_equal(pop(&w, INT64_MAX / 2 + 2000), &n);
}

static void
moving_and_removing(void **state)
{
	struct wheel_node *slots[4], n[3];
	struct wheel w;
	(void)state;
	memset(n, 0, sizeof n);
	wheel_init(&w, slots, 4, 10, US(0));
	wheel_del(&n[0]); /* never armed: nothing happens */
	for (unsigned i = 0; i < 3; i++)
		wheel_add(&w, &n[i], US(20));
	wheel_del(&n[1]); /* from the middle of its slot */
	wheel_del(&n[1]);
	assert_false(wheel_pending(&n[1]));
	wheel_add(&w, &n[0], US(30)); /* later */
	wheel_add(&w, &n[2], US(10)); /* sooner */
	assert_null(pop(&w, 9));
	assert_ptr_equal(pop(&w, 10), &n[2]);
	assert_null(pop(&w, 29));
	assert_ptr_equal(pop(&w, 30), &n[0]);
	assert_null(pop(&w, 1000));
}

/* A handler may do anything to any timer: the slot that is being worked off is a list like the others. */
static void
handlers_change_the_slot_at_work(void **state)
{
	struct wheel_node *slots[4], n[4];
	struct wheel w;
	unsigned left = 4;
	(void)state;
	memset(n, 0, sizeof n);
	wheel_init(&w, slots, 4, 10, US(0));
	for (unsigned i = 0; i < 4; i++)
		wheel_add(&w, &n[i], US(10));
	struct wheel_node *first = pop(&w, 10), *removed = first == &n[0] ? &n[1] : &n[0];
	wheel_del(removed);
	wheel_add(&w, first, US(10)); /* again at once: the next tick, not an endless loop */
	left -= 2;
	while (pop(&w, 10))
		left--;
	assert_int_equal(left, 0);
	assert_ptr_equal(pop(&w, 20), first);
	assert_false(wheel_pending(removed));
}

static void
the_budget_bounds_what_is_done(void **state)
{
	enum { N = 1000 };
	struct wheel_node *slots[16], n[N];
	struct wheel w;
	(void)state;
	memset(n, 0, sizeof n);
	wheel_init(&w, slots, 16, 10, US(0));
	for (unsigned i = 0; i < N; i++)
		wheel_add(&w, &n[i], US(50));
	unsigned budget = 0, fired = 0, rounds = 0;
	assert_null(wheel_pop(&w, US(50), &budget));
	for (; fired < N; rounds++) {
		unsigned before = fired;
		budget = 64;
		while (wheel_pop(&w, US(50), &budget))
			fired++;
		assert_true(fired - before <= 64);
		assert_true(fired == N || budget == 0);
	}
	/* 1000 nodes and 6 slots, 64 at a time */
	assert_int_equal(rounds, (1006 + 63) / 64);
	budget = 5;
	assert_null(wheel_pop(&w, US(50), &budget));
	assert_int_equal(budget, 5);
}

/* Nodes of later rounds cost their share too, and slots without any. */
static void
what_is_not_due_costs_too(void **state)
{
	struct wheel_node *slots[4], n[10];
	struct wheel w;
	unsigned budget = 4;
	(void)state;
	memset(n, 0, sizeof n);
	wheel_init(&w, slots, 4, 10, US(0));
	for (unsigned i = 0; i < 10; i++)
		wheel_add(&w, &n[i], US(40)); /* the slot of tick 0, next round */
	assert_null(wheel_pop(&w, US(0), &budget));
	assert_int_equal(budget, 0);
	budget = 100;
	assert_null(wheel_pop(&w, US(0), &budget));
	assert_int_equal(budget, 100 - 7);
	budget = 100;
	assert_null(wheel_pop(&w, US(30), &budget));
	assert_int_equal(budget, 100 - 3);
	for (unsigned i = 0; i < 10; i++)
		assert_non_null(pop(&w, 40));
}

/* A process that was stopped for a day looks at each slot twice at most, not at each tick. */
static void
a_jump_of_the_clock(void **state)
{
	const int64_t day = INT64_C(86400) * 1000000;
	struct wheel_node *slots[256], n[300];
	struct wheel w;
	unsigned budget = 2 * 256 + 300, fired = 0;
	(void)state;
	memset(n, 0, sizeof n);
	wheel_init(&w, slots, 256, 1000, US(0));
	for (unsigned i = 0; i < 300; i++)
		wheel_add(&w, &n[i], US(i * day / 200));
	while (wheel_pop(&w, US(day), &budget))
		fired++;
	assert_int_equal(fired, 201);
	assert_null(pop(&w, day));
	for (unsigned i = 201; i < 300; i++)
		assert_true(wheel_pending(&n[i]));
	while (pop(&w, 2 * day))
		fired++;
	assert_int_equal(fired, 300);
}

/* The clock runs faster than the budget reaches: each slot still has its turn. */
static void
no_slot_starves(void **state)
{
	struct wheel_node *slots[64], n[64];
	struct wheel w;
	unsigned fired = 0;
	(void)state;
	memset(n, 0, sizeof n);
	wheel_init(&w, slots, 64, 10, US(0));
	for (unsigned i = 0; i < 64; i++)
		wheel_add(&w, &n[i], US(10 * (int64_t)(i + 1)));
	for (int64_t now = 0; now < 10000; now += 160) { /* 16 ticks, a budget of 4 */
		unsigned budget = 4;
		while (wheel_pop(&w, US(now), &budget))
			fired++;
	}
	assert_int_equal(fired, 64);
}

/* ---- random walks ---- */

enum { NODES = 300 };

struct model {
	struct wheel w;
	struct wheel_node *slots[256];
	struct wheel_node node[NODES];
	bool armed[NODES];
	int64_t due[NODES];
	int64_t tick[NODES]; /* the first at which it may be missing no longer */
	int64_t now, tick_us;
};

static void
model_fired(struct model *m, const struct wheel_node *n)
{
	long i = n - m->node;
	assert_in_range(i, 0, NODES - 1);
	assert_true(m->armed[i]);
	assert_true(m->due[i] <= m->now);
	assert_int_equal(n->due.us, m->due[i]);
	assert_false(wheel_pending(n));
	m->armed[i] = false;
}

static int64_t
model_reach(int64_t tick_us, unsigned n_slots)
{
	int64_t round = tick_us * n_slots;
	switch (rnd(4)) {
	case 0:
		return rnd(tick_us * 3);
	case 1:
		return rnd(round);
	case 2:
		return rnd(5 * round);
	default:
		return -rnd(2 * tick_us);
	}
}

static void
model_arm(struct model *m, unsigned i, unsigned n_slots)
{
	m->due[i] = m->now + model_reach(m->tick_us, n_slots);
	m->due[i] = m->due[i] < 0 ? 0 : m->due[i];
	m->armed[i] = true;
	m->tick[i] = (m->due[i] + m->tick_us - 1) / m->tick_us;
	m->tick[i] = m->tick[i] < m->w.tick ? m->w.tick : m->tick[i];
	wheel_add(&m->w, &m->node[i], US(m->due[i]));
}

/* All that is due fires, while the handlers arm and remove others. */
static void
model_drain(struct model *m, unsigned n_slots)
{
	struct wheel_node *n;
	unsigned budget = 100000;
	while ((n = wheel_pop(&m->w, US(m->now), &budget))) {
		model_fired(m, n);
		if (rnd(4) == 0)
			model_arm(m, (unsigned)(n - m->node), n_slots);
		if (rnd(8) == 0) {
			unsigned i = (unsigned)rnd(NODES);
			m->armed[i] = false;
			wheel_del(&m->node[i]);
		}
	}
	assert_true(budget > 0);
	for (unsigned i = 0; i < NODES; i++) {
		assert_int_equal(wheel_pending(&m->node[i]), m->armed[i]);
		if (m->armed[i])
			assert_true(m->tick[i] > m->now / m->tick_us);
	}
}

static void
model_pop_some(struct model *m)
{
	struct wheel_node *n;
	unsigned allowed = (unsigned)rnd(20), budget = allowed, fired = 0;
	while ((n = wheel_pop(&m->w, US(m->now), &budget))) {
		model_fired(m, n);
		fired++;
		assert_true(budget <= allowed - fired);
	}
}

static void
walk(unsigned n_slots, int64_t tick_us, int64_t start, unsigned steps)
{
	struct model *m = calloc(1, sizeof *m);
	m->now = start;
	m->tick_us = tick_us;
	wheel_init(&m->w, m->slots, n_slots, (uint32_t)tick_us, US(start));
	for (unsigned s = 0; s < steps; s++) {
		unsigned i = (unsigned)rnd(NODES);
		switch (rnd(8)) {
		case 0:
			m->now += rnd(100) ? rnd(2 * tick_us) : rnd(10 * tick_us * n_slots);
			break;
		case 1:
			m->now += rnd(tick_us);
			break;
		case 2:
			model_drain(m, n_slots);
			break;
		case 3:
			model_pop_some(m);
			break;
		case 4:
			wheel_del(&m->node[i]);
			m->armed[i] = false;
			break;
		default:
			model_arm(m, i, n_slots);
		}
	}
	model_drain(m, n_slots);
	free(m);
}

static void
random_walks_match_the_model(void **state)
{
	static const unsigned sizes[] = {1, 2, 4, 16, 256};
	static const int64_t ticks[] = {1, 7, 1000, 10000};
	static const int64_t starts[] = {0, 999, INT64_C(1) << 40};
	(void)state;
	for (unsigned a = 0; a < 5; a++)
		for (unsigned b = 0; b < 4; b++)
			for (unsigned c = 0; c < 3; c++) {
				seed = a * 100 + b * 10 + c;
				walk(sizes[a], ticks[b], starts[c], 8000);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_when_due_and_not_before),
		cmocka_unit_test(what_is_late_already_fires_at_the_next_tick),
		cmocka_unit_test(never_is_never),
		cmocka_unit_test(moving_and_removing),
		cmocka_unit_test(handlers_change_the_slot_at_work),
		cmocka_unit_test(the_budget_bounds_what_is_done),
		cmocka_unit_test(what_is_not_due_costs_too),
		cmocka_unit_test(a_jump_of_the_clock),
		cmocka_unit_test(no_slot_starves),
		cmocka_unit_test(random_walks_match_the_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
