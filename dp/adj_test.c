#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adj.h"

static struct tables t;
static struct adj_writer w;

static int
setup(void **state)
{
	size_t n = rte_rcu_qsbr_get_memsize(1);
	(void)state;
	t.qsbr = aligned_alloc(64, n);
	rte_rcu_qsbr_init(t.qsbr, 1);
	n = (adj_bytes(3) + 63) & ~(size_t)63;
	adj_init(&w, &t, memset(aligned_alloc(64, n), 0, n), 3);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(t.adj);
	free(t.qsbr);
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
a_word_says_all(void **state)
{
	static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0xf5};
	(void)state;
	int a = adj_new(&w, 63, at(0xc0000201));
	assert_int_equal(a, 0);
	assert_int_equal(t.adj[a].word, 63ull << 48);
	assert_true(addr_eq(&t.adj[a].addr, at(0xc0000201)));
	adj_resolve(&w, (uint32_t)a, mac);
	assert_int_equal(t.adj[a].word, ADJ_RESOLVED | 63ull << 48 | 0xf54433221102ull);
	adj_unresolve(&w, (uint32_t)a);
	assert_int_equal(t.adj[a].word, 63ull << 48);
	const struct addr six = {{0xfd, 0x77, [15] = 1}};
	a = adj_new(&w, 5, &six);
	assert_true(addr_eq(&t.adj[a].addr, &six));
	assert_int_equal(t.adj[a].word, ADJ_IP6 | 5ull << 48);
	adj_resolve(&w, (uint32_t)a, mac);
	assert_int_equal(t.adj[a].word, ADJ_RESOLVED | ADJ_IP6 | 5ull << 48 | 0xf54433221102ull);
}

static void
an_index_rests_for_a_grace_period(void **state)
{
	(void)state;
	rte_rcu_qsbr_thread_register(t.qsbr, 0);
	rte_rcu_qsbr_thread_online(t.qsbr, 0);
	assert_int_equal(adj_new(&w, 1, at(1)), 0);
	assert_int_equal(adj_new(&w, 1, at(2)), 1);
	assert_int_equal(adj_new(&w, 1, at(3)), 2);
	assert_int_equal(adj_new(&w, 1, at(4)), -ENOSPC);
	adj_free(&w, 1);
	adj_free(&w, 1); /* once is enough */
	assert_int_equal(adj_new(&w, 1, at(4)), -ENOSPC);
	rte_rcu_qsbr_quiescent(t.qsbr, 0);
	assert_int_equal(adj_new(&w, 2, at(5)), 1);
	assert_true(addr_eq(&t.adj[1].addr, at(5)));
	assert_int_equal(adj_new(&w, 2, at(6)), -ENOSPC);
}

static void
what_is_not_in_use_is_left_alone(void **state)
{
	static const uint8_t mac[6] = {2};
	(void)state;
	adj_resolve(&w, 0, mac);
	adj_resolve(&w, 3, mac);
	adj_resolve(&w, UINT32_MAX, mac);
	adj_free(&w, 2);
	assert_int_equal(t.adj[0].word, 0);
	assert_int_equal(w.n_free, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_word_says_all, setup, teardown),
		cmocka_unit_test_setup_teardown(an_index_rests_for_a_grace_period, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_in_use_is_left_alone, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
