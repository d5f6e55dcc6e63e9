/* The IPv6 routes against a list that is searched from end to end; what MAIN removes, a reader may still see. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bed.h"

#define ROUTES 40

static struct route6 t;
static struct route6_writer w;

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	return route6_init(&w, &t, bed.tables.qsbr, ROUTES, SOCKET_ID_ANY);
}

static int
teardown(void **state)
{
	(void)state;
	route6_fini(&w);
	return 0;
}

static int
set(enum dp_table table, const char *text, uint32_t nh)
{
	struct prefix p;
	assert_true(prefix_parse(text, &p));
	return route6_set(&w, table, &p, nh);
}

static uint32_t
get(enum dp_table table, const char *text)
{
	struct addr a = bed_addr(text);
	return route6_lookup(&t, table, &a, 3);
}

static void
the_longest_wins(void **state)
{
	(void)state;
	assert_int_equal(get(DP_TABLE_ACCESS, "2001:db8::1"), NH_NONE);
	assert_int_equal(set(DP_TABLE_ACCESS, "::/0", 1), 0);
	assert_int_equal(set(DP_TABLE_ACCESS, "2001:db8::/32", 2), 0);
	assert_int_equal(set(DP_TABLE_ACCESS, "2001:db8:0:1::/64", 3), 0);
	assert_int_equal(set(DP_TABLE_ACCESS, "2001:db8:0:1::5", 4), 0);
	assert_int_equal(get(DP_TABLE_ACCESS, "2002::"), 1);
	assert_int_equal(get(DP_TABLE_ACCESS, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), 2);
	assert_int_equal(get(DP_TABLE_ACCESS, "2001:db8:0:1::6"), 3);
	assert_int_equal(get(DP_TABLE_ACCESS, "2001:db8:0:1::5"), 4);
	assert_int_equal(get(DP_TABLE_CORE, "2001:db8:0:1::5"), NH_NONE);
	/* A removed one uncovers what is above it; a changed one changes. */
	assert_int_equal(set(DP_TABLE_ACCESS, "2001:db8:0:1::/64", 0), 0);
	assert_int_equal(get(DP_TABLE_ACCESS, "2001:db8:0:1::6"), 2);
	assert_int_equal(set(DP_TABLE_ACCESS, "2001:db8::dead/32", 9), 0); /* host bits do not matter */
	assert_int_equal(get(DP_TABLE_ACCESS, "2001:db8:0:1::6"), 9);
	assert_int_equal(set(DP_TABLE_ACCESS, "::/0", 0), 0);
	assert_int_equal(set(DP_TABLE_ACCESS, "::/0", 0), 0);
	assert_int_equal(get(DP_TABLE_ACCESS, "2002::"), NH_NONE);
	assert_int_equal(w.n, 2);
}

static void
a_ninth_length_is_refused_and_leaves_no_trace(void **state)
{
	(void)state;
	char text[PREFIX_STRLEN];
	for (unsigned i = 0; i < DP_ROUTE6_LENGTHS; i++) {
		snprintf(text, sizeof text, "2001:db8::/%u", 16 + i);
		assert_int_equal(set(DP_TABLE_CORE, text, i + 1), 0);
	}
	assert_int_equal(set(DP_TABLE_CORE, "2001:db8::/64", 99), -ENOSPC);
	assert_int_equal(get(DP_TABLE_CORE, "2001:db8::"), DP_ROUTE6_LENGTHS);
	assert_int_equal(set(DP_TABLE_ACCESS, "2001:db8::/64", 99), 0); /* the other table has its own */
	assert_int_equal(set(DP_TABLE_CORE, "2001:db8::/16", 0), 0);
	assert_int_equal(set(DP_TABLE_CORE, "2001:db8::/64", 99), 0);
	assert_int_equal(get(DP_TABLE_CORE, "2001:db8::"), 99);
	assert_int_equal(set(DP_TABLE_CORE, "10.0.0.0/8", 1), -EINVAL);
}

static void
the_number_of_routes_is_bounded(void **state)
{
	(void)state;
	char text[PREFIX_STRLEN];
	for (unsigned i = 0; i < ROUTES; i++) {
		snprintf(text, sizeof text, "2001:db8::%x", i);
		assert_int_equal(set(DP_TABLE_CORE, text, i + 1), 0);
	}
	struct addr a = bed_addr("fe80::1");
	assert_int_equal(set(DP_TABLE_CORE, "2001:db8::ffff", 1), -ENOSPC);
	assert_int_equal(route6_link_set(&w, 1, &a, 1), -ENOSPC);
	assert_int_equal(set(DP_TABLE_CORE, "2001:db8::5", 77), 0);
	assert_int_equal(set(DP_TABLE_CORE, "2001:db8::6", 0), 0);
	assert_int_equal(route6_link_set(&w, 1, &a, 5), 0);
	for (unsigned i = 0; i < ROUTES; i++) {
		snprintf(text, sizeof text, "2001:db8::%x", i);
		assert_int_equal(get(DP_TABLE_CORE, text), i == 5 ? 77 : i == 6 ? 0 : i + 1);
	}
}

static void
link_local_neighbours_belong_to_their_link(void **state)
{
	(void)state;
	struct addr a = bed_addr("fe80::1");
	assert_int_equal(set(DP_TABLE_ACCESS, "::/0", 8), 0);
	assert_int_equal(route6_link_set(&w, 1, &a, 11), 0);
	assert_int_equal(route6_link_set(&w, 2, &a, 12), 0);
	assert_int_equal(route6_lookup(&t, DP_TABLE_ACCESS, &a, 1), 11);
	assert_int_equal(route6_lookup(&t, DP_TABLE_CORE, &a, 2), 12);
	assert_int_equal(route6_lookup(&t, DP_TABLE_CORE, &a, 3), nh_make(NH_GLEAN, 3));
	assert_int_equal(route6_link_set(&w, 1, &a, 0), 0);
	assert_int_equal(route6_lookup(&t, DP_TABLE_ACCESS, &a, 1), nh_make(NH_GLEAN, 1));
}

/* Thousands of changes of a few prefixes: places of removed entries come back while a reader reports now and then. */
static void
agrees_with_a_list(void **state)
{
	enum { N = 32 };
	static const uint8_t lengths[] = {128, 64, 56, 48, 0};
	static uint32_t nh[N][RTE_DIM(lengths)];
	unsigned seed = 5;
	(void)state;
	memset(nh, 0, sizeof nh);
	rte_rcu_qsbr_thread_register(bed.tables.qsbr, 0);
	rte_rcu_qsbr_thread_online(bed.tables.qsbr, 0);
	for (unsigned step = 0; step < 50000; step++) {
		unsigned i = (unsigned)rand_r(&seed) % N, l = (unsigned)rand_r(&seed) % RTE_DIM(lengths);
		struct prefix p = {.len = lengths[l],
				   .addr = {{0x20, 1, 0, 0, 0, (uint8_t)(i * 8), 0, 0, [15] = (uint8_t)i}}};
		struct addr at = p.addr;
		uint32_t want = rand_r(&seed) % 3 ? step + 1 : 0;
		p = prefix_mask(p);
		int e = route6_set(&w, DP_TABLE_CORE, &p, want);
		if (e == 0)
			for (unsigned j = 0; j < N; j++) {
				struct prefix q = {
					.len = lengths[l],
					.addr = {{0x20, 1, 0, 0, 0, (uint8_t)(j * 8), 0, 0, [15] = (uint8_t)j}}};
				q = prefix_mask(q);
				if (addr_eq(&q.addr, &p.addr))
					nh[j][l] = want;
			}
		else
			assert_int_equal(w.n, ROUTES);
		uint32_t expect = 0;
		for (unsigned k = 0; k < RTE_DIM(lengths) && !expect; k++)
			expect = nh[i][k];
		assert_int_equal(route6_lookup(&t, DP_TABLE_CORE, &at, 0), expect);
		if (step % 7 == 0)
			rte_rcu_qsbr_quiescent(bed.tables.qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(bed.tables.qsbr, 0);
	rte_rcu_qsbr_thread_unregister(bed.tables.qsbr, 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_longest_wins),
		T(a_ninth_length_is_refused_and_leaves_no_trace),
		T(the_number_of_routes_is_bounded),
		T(link_local_neighbours_belong_to_their_link),
		T(agrees_with_a_list),
	};
	bed_start_small();
	route6_fini(&bed.route6); /* its name is free then */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
