#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_malloc.h>

#include "start.h"
#include "start_fixture.h"
#include "state.h"

static struct dp *dp;
static struct mono now;

static int
build(void **state)
{
	struct dp_start s = fixture_start("net_null0");
	char err[512];
	(void)state;
	s.memory_mib = 320;
	s.limits.routes = 300;
	if (dp_build(&s, &dp, err, sizeof err) < 0) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	now = mono_add_s(dp->clock.window, 1000);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	dp_stop(dp);
	return 0;
}

static struct prefix
prefix(uint32_t ip4, unsigned len)
{
	return (struct prefix){addr_from_ip4(ip4), (uint8_t)len};
}

static int
set(uint32_t ip4, unsigned len, uint32_t nh)
{
	struct prefix p = prefix(ip4, len);
	return dp_route_set(dp, DP_TABLE_CORE, &p, nh);
}

static uint32_t
seen(enum dp_table table, uint32_t ip4)
{
	uint32_t nh;
	fib_lookup(&dp->tables, table, &ip4, &nh, 1);
	return nh;
}

static void
settle(void)
{
	for (unsigned i = 0; i < 10; i++) {
		now = mono_add_us(now, 60000);
		dp_step(dp, now);
	}
}

static int
clean(void **state)
{
	struct fib_writer *w = &dp->fib[DP_TABLE_CORE];
	(void)state;
	for (uint32_t i = 0; i < 2 * w->max_routes; i++)
		if (w->routes[i].nh)
			set(w->routes[i].ip4, w->routes[i].depth, 0);
	settle();
	assert_int_equal(w->n_routes, 0);
	assert_int_equal(w->n_long, 0);
	assert_int_equal(w->n_dirty, 0);
	assert_int_equal(w->n_free, 2 * w->max_routes);
	for (uint32_t i = 1; i < FIB_NEXTHOPS; i++)
		assert_int_equal(dp->fib_numbers->uses[i], 0);
	return 0;
}

/* at: of IPv4; good until seven others have been asked for. */
static const struct addr *
at(uint32_t ip4)
{
	static struct addr a[8];
	static unsigned n;
	a[n % 8] = addr_from_ip4(ip4);
	return &a[n++ % 8];
}

static void
seen_by_main_at_once_and_by_workers_after_the_swap(void **state)
{
	(void)state;
	assert_int_equal(set(0, 0, 11), 0);
	assert_int_equal(set(0x0a000000, 8, 22), 0);
	assert_int_equal(set(0x0a0a0a80, 25, 33), 0);
	assert_int_equal(dp_route_get(dp, DP_TABLE_CORE, at(0x0a0a0a81)), 33);
	assert_int_equal(dp_route_get(dp, DP_TABLE_CORE, at(0x0a0a0a7f)), 22);
	assert_int_equal(dp_route_get(dp, DP_TABLE_CORE, at(0x0b000000)), 11);
	assert_int_equal(seen(DP_TABLE_CORE, 0x0a0a0a81), NH_NONE);
	settle();
	assert_int_equal(seen(DP_TABLE_CORE, 0x0a0a0a81), 33);
	assert_int_equal(seen(DP_TABLE_CORE, 0x0a0a0a7f), 22);
	assert_int_equal(seen(DP_TABLE_CORE, 0x0b000000), 11);
	assert_int_equal(seen(DP_TABLE_ACCESS, 0x0b000000), NH_NONE);
	/* A removed one uncovers the one above. */
	assert_int_equal(set(0x0a000000, 8, 0), 0);
	assert_int_equal(dp_route_get(dp, DP_TABLE_CORE, at(0x0a0a0a7f)), 11);
	assert_int_equal(dp_route_get(dp, DP_TABLE_CORE, at(0x0a0a0a81)), 33);
	settle();
	assert_int_equal(seen(DP_TABLE_CORE, 0x0a0a0a7f), 11);
	assert_int_equal(seen(DP_TABLE_CORE, 0x0a0a0a81), 33);
}

static void
at_most_twenty_swaps_a_second_and_none_without_cause(void **state)
{
	struct fib_writer *w = &dp->fib[DP_TABLE_CORE];
	unsigned swaps = 0, active = w->active;
	(void)state;
	for (unsigned ms = 0; ms < 1000; ms++) {
		set(0x0b000000 + (ms << 8), 24, ms % 200 + 1);
		if (ms >= 250)
			set(0x0b000000 + ((ms - 250) << 8), 24, 0);
		now = mono_add_ms(now, 1);
		dp_step(dp, now);
		swaps += w->active != active;
		active = w->active;
	}
	assert_in_range(swaps, 15, 20);
	settle();
	swaps = 0, active = w->active;
	for (unsigned i = 0; i < 1000; i++) {
		now = mono_add_ms(now, 1);
		dp_step(dp, now);
		swaps += w->active != active;
		active = w->active;
	}
	assert_int_equal(swaps, 0);
}

static void
a_reader_in_the_old_copy_holds_up_its_change(void **state)
{
	struct tables *t = &dp->tables;
	struct fib_writer *w = &dp->fib[DP_TABLE_CORE];
	(void)state;
	rte_rcu_qsbr_thread_register(t->qsbr, 0);
	rte_rcu_qsbr_thread_online(t->qsbr, 0);
	unsigned old = w->active;
	set(0x0c000000, 24, 5);
	settle();
	assert_true(w->active != old && w->grace); /* swapped, and no further */
	assert_int_equal(seen(DP_TABLE_CORE, 0x0c000001), 5);
	uint32_t ip4 = 0x0c000001;
	uint64_t number;
	rte_fib_lookup_bulk(w->copy[old], &ip4, &number, 1);
	assert_int_equal(number, 0);
	set(0x0c000000, 24, 6);
	settle();
	assert_int_equal(seen(DP_TABLE_CORE, 0x0c000001), 5);
	rte_rcu_qsbr_quiescent(t->qsbr, 0);
	settle();
	assert_int_equal(seen(DP_TABLE_CORE, 0x0c000001), 6);
	rte_rcu_qsbr_thread_offline(t->qsbr, 0);
	rte_rcu_qsbr_thread_unregister(t->qsbr, 0);
	settle();
}

static void
the_limits_are_refused_and_leave_no_trace(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		assert_int_equal(set(0x0d000000 + (i << 8), 25, i + 1), 0);
	assert_int_equal(set(0x0e000000, 24, 7), -ENOSPC);
	assert_int_equal(set(0x0d000000, 25, 9), 0); /* a change is none more */
	assert_int_equal(set(0x0d000000, 25, 0), 0);
	assert_int_equal(set(0x0d000000, 25, 0), 0);
	assert_int_equal(set(0x0e000000, 24, 7), 0);
	settle();
	assert_int_equal(seen(DP_TABLE_CORE, 0x0d000101), 2);
	assert_int_equal(seen(DP_TABLE_CORE, 0x0d000001), NH_NONE);
	assert_int_equal(seen(DP_TABLE_CORE, 0x0e000001), 7);
	/* All of them for others between two swaps: the shadow holds both for a moment. */
	for (uint32_t i = 1; i < 300; i++)
		assert_int_equal(set(0x0d000000 + (i << 8), 25, 0), 0);
	for (uint32_t i = 0; i < 299; i++)
		assert_int_equal(set(0x0f000000 + (i << 8), 26, i + 1), 0);
	settle();
	assert_int_equal(seen(DP_TABLE_CORE, 0x0d000101), NH_NONE);
	for (uint32_t i = 0; i < 299; i++)
		assert_int_equal(seen(DP_TABLE_CORE, 0x0f00003f + (i << 8)), i + 1);
}

/* Routes of every length against a list that is searched from end to end. */
struct naive {
	struct prefix p;
	uint32_t nh;
};

static uint32_t
naive_get(const struct naive *list, unsigned n, uint32_t ip4)
{
	struct addr a = addr_from_ip4(ip4);
	const struct naive *best = NULL;
	for (unsigned i = 0; i < n; i++)
		if (list[i].nh && prefix_contains(&list[i].p, &a) && (!best || list[i].p.len >= best->p.len))
			best = &list[i];
	return best ? best->nh : NH_NONE;
}

static void
agrees_with_a_naive_model(void **state)
{
	enum { N = 200 };
	static struct naive list[N];
	unsigned seed = 11;
	(void)state;
	for (unsigned i = 0; i < N; i++) {
		/* Few high bits, so that prefixes cover each other. */
		struct prefix p =
			prefix((uint32_t)rand_r(&seed) & 0xc0c0c0c0u, i == 0 ? 0 : 1 + (unsigned)rand_r(&seed) % 32);
		list[i].p = prefix_mask(p);
		for (unsigned k = 0; k < i; k++)
			if (list[k].p.len == list[i].p.len && addr_eq(&list[k].p.addr, &list[i].p.addr))
				list[i].p = prefix(0xfe000000 + (i << 8), 24);
	}
	for (unsigned step = 0; step < 20000; step++) {
		struct naive *l = &list[(unsigned)rand_r(&seed) % N];
		l->nh = rand_r(&seed) % 4 ? 1 + (uint32_t)rand_r(&seed) % 50 : 0;
		assert_int_equal(dp_route_set(dp, DP_TABLE_CORE, &l->p, l->nh), 0);
		now = mono_add_ms(now, 7);
		if (step % 3 == 0)
			dp_step(dp, now);
		uint32_t ip4 = ((uint32_t)rand_r(&seed) & 0xc0c0c0c0u) | ((uint32_t)rand_r(&seed) & 1);
		assert_int_equal(dp_route_get(dp, DP_TABLE_CORE, at(ip4)), naive_get(list, N, ip4));
		if (step % 2000)
			continue;
		settle();
		for (unsigned i = 0; i < 3000; i++) {
			ip4 = ((uint32_t)rand_r(&seed) & 0xc0c0c0c0u) | ((uint32_t)rand_r(&seed) & 1);
			assert_int_equal(seen(DP_TABLE_CORE, ip4), naive_get(list, N, ip4));
		}
	}
}

static _Atomic bool done;
static _Atomic uint64_t wrong, lookups;

/* 0x10/8 always has a route with an odd next hop; its /24s come and go with even ones, so neither is ever none, and a
 * next hop whose number was given away while the reader had it would be neither. */
static void *
reader(void *arg)
{
	struct tables *t = arg;
	uint32_t ip4[VEC_MAX], nh[VEC_MAX];
	unsigned seed = 5;
	rte_rcu_qsbr_thread_register(t->qsbr, 0);
	rte_rcu_qsbr_thread_online(t->qsbr, 0);
	while (!atomic_load(&done)) {
		for (unsigned i = 0; i < VEC_MAX; i++)
			ip4[i] = 0x10000000 | ((uint32_t)rand_r(&seed) % 64) << 8;
		fib_lookup(t, DP_TABLE_CORE, ip4, nh, VEC_MAX);
		for (unsigned i = 0; i < VEC_MAX; i++)
			if (nh[i] != 1001 && nh[i] != 2000 + (ip4[i] >> 8 & 63) * 2)
				atomic_fetch_add(&wrong, 1);
		atomic_fetch_add(&lookups, VEC_MAX);
		rte_rcu_qsbr_quiescent(t->qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(t->qsbr, 0);
	rte_rcu_qsbr_thread_unregister(t->qsbr, 0);
	return NULL;
}

static void
a_reader_sees_no_half_of_a_change(void **state)
{
	pthread_t thread;
	unsigned seed = 9, swaps = 0, active = dp->fib[DP_TABLE_CORE].active;
	(void)state;
	set(0x10000000, 8, 1001);
	settle();
	assert_int_equal(pthread_create(&thread, NULL, reader, &dp->tables), 0);
	/* EAL has bound us to one cpu, and the thread with us. */
	cpu_set_t all;
	memset(&all, 0xff, sizeof all);
	pthread_setaffinity_np(thread, sizeof all, &all);
	while (!atomic_load(&lookups))
		sched_yield();
	for (unsigned step = 0; step < 3000000 && swaps < 200; step++) {
		uint32_t k = (uint32_t)rand_r(&seed) % 64;
		set(0x10000000 | k << 8, 24, rand_r(&seed) % 2 ? 2000 + k * 2 : 0);
		now = mono_add_ms(now, 20);
		dp_step(dp, now);
		swaps += dp->fib[DP_TABLE_CORE].active != active;
		active = dp->fib[DP_TABLE_CORE].active;
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_true(atomic_load(&lookups) > 0);
	assert_true(swaps > 10);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, clean, clean)
	const struct CMUnitTest tests[] = {
		T(seen_by_main_at_once_and_by_workers_after_the_swap),
		T(at_most_twenty_swaps_a_second_and_none_without_cause),
		T(a_reader_in_the_old_copy_holds_up_its_change),
		T(the_limits_are_refused_and_leave_no_trace),
		T(agrees_with_a_naive_model),
		T(a_reader_sees_no_half_of_a_change),
	};
	return cmocka_run_group_tests(tests, build, stop);
}
