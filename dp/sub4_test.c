#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sub4.h"

struct bench {
	struct sub4 t;
	struct sub4_writer w;
	struct rte_rcu_qsbr *qsbr;
	void *memory;
};

static void
bench_init(struct bench *b, uint32_t n_blocks, unsigned readers)
{
	size_t n = rte_rcu_qsbr_get_memsize(readers);
	b->qsbr = aligned_alloc(64, n);
	assert_int_equal(rte_rcu_qsbr_init(b->qsbr, readers), 0);
	n = (sub4_bytes(n_blocks) + 63) & ~(size_t)63;
	b->memory = aligned_alloc(64, n);
	memset(b->memory, 0, n);
	sub4_init(&b->w, &b->t, b->qsbr, b->memory, n_blocks);
}

static void
bench_fini(struct bench *b)
{
	free(b->memory);
	free(b->qsbr);
}

static void
a_set_address_is_found_and_no_other(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 4, 1);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4e0102), NH_NONE);
	assert_int_equal(sub4_set(&b.w, 0x0a4e0102, 77), 0);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4e0102), 77);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4e0101), NH_NONE);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4e0202), NH_NONE);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4f0102), NH_NONE);
	assert_int_equal(sub4_set(&b.w, 0x0a4e0102, 78), 0);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4e0102), 78);
	assert_int_equal(sub4_set(&b.w, 0x0a4e0102, 0), 0);
	assert_int_equal(sub4_lookup(&b.t, 0x0a4e0102), NH_NONE);
	assert_int_equal(b.w.entries, 0);
	bench_fini(&b);
}

static void
the_ends_of_the_address_space(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 2, 1);
	assert_int_equal(sub4_set(&b.w, 0, 1), 0);
	assert_int_equal(sub4_set(&b.w, UINT32_MAX, 2), 0);
	assert_int_equal(sub4_lookup(&b.t, 0), 1);
	assert_int_equal(sub4_lookup(&b.t, UINT32_MAX), 2);
	assert_int_equal(sub4_lookup(&b.t, 1), 0);
	assert_true(sub4_check(&b.w));
	bench_fini(&b);
}

static void
one_block_too_many_is_refused_and_leaves_no_trace(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 3, 1);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(sub4_set(&b.w, i << 16, i + 1), 0);
	assert_int_equal(sub4_set(&b.w, 3 << 16, 9), -ENOSPC);
	assert_int_equal(sub4_set(&b.w, 1 << 8, 9), -ENOSPC); /* a second /24 of the first /16 */
	assert_int_equal(sub4_lookup(&b.t, 3 << 16), NH_NONE);
	assert_int_equal(sub4_set(&b.w, 255, 9), 0); /* in a block that is there */
	assert_true(sub4_check(&b.w));
	bench_fini(&b);
}

static void
an_emptied_block_rests_while_a_reader_may_hold_it(void **state)
{
	struct bench b;
	(void)state;
	bench_init(&b, 1, 1);
	rte_rcu_qsbr_thread_register(b.qsbr, 0);
	rte_rcu_qsbr_thread_online(b.qsbr, 0);
	assert_int_equal(sub4_set(&b.w, 0x01010101, 5), 0);
	assert_int_equal(sub4_set(&b.w, 0x01010101, 0), 0);
	assert_int_equal(sub4_set(&b.w, 0x02020202, 6), -ENOSPC);
	rte_rcu_qsbr_quiescent(b.qsbr, 0);
	assert_int_equal(sub4_set(&b.w, 0x02020202, 6), 0);
	assert_int_equal(sub4_lookup(&b.t, 0x01010101), NH_NONE);
	assert_true(sub4_check(&b.w));
	bench_fini(&b);
}

#define MODEL 4096
#define MODEL_BLOCKS 40

/* A random walk over addresses that share and do not share blocks, beside an array. */
static void
agrees_with_a_naive_model(void **state)
{
	struct bench b;
	static uint32_t model[MODEL];
	unsigned seed = 7, refused = 0;
	(void)state;
	bench_init(&b, MODEL_BLOCKS, 1);
	for (unsigned step = 0; step < 200000; step++) {
		uint32_t k = (uint32_t)rand_r(&seed) % MODEL,
			 nh = rand_r(&seed) % 3 ? (uint32_t)rand_r(&seed) % 1000 : 0;
		uint32_t ip4 = (k / 64) << (k & 64 ? 8 : 16) | (k % 64); /* 64 groups, in one /16 or each in its own */
		if (k & 64)
			ip4 |= 0x40000000;
		int e = sub4_set(&b.w, ip4, nh);
		if (e == -ENOSPC)
			refused++;
		else
			model[k] = nh;
		assert_int_equal(sub4_lookup(&b.t, ip4), model[k]);
		assert_int_equal(sub4_get(&b.w, ip4), model[k]);
		if (step % 10000 == 0)
			assert_true(sub4_check(&b.w));
	}
	assert_true(refused > 0); /* the limit was met, too */
	for (uint32_t k = 0; k < MODEL; k++) {
		uint32_t ip4 = (k / 64) << (k & 64 ? 8 : 16) | (k % 64) | (k & 64 ? 0x40000000u : 0);
		assert_int_equal(sub4_lookup(&b.t, ip4), model[k]);
		sub4_set(&b.w, ip4, 0);
	}
	sub4_step(&b.w);
	assert_int_equal(b.w.entries, 0);
	assert_int_equal(b.w.l3.n_free, MODEL_BLOCKS);
	bench_fini(&b);
}

struct race {
	struct bench b;
	_Atomic bool stop;
	_Atomic uint64_t wrong, hits;
};

/* Each address only ever gets next hops that name it: a reader that sees another's has been given a block in use. */
static uint32_t
nh_of(uint32_t ip4, unsigned round)
{
	return ip4 << 4 | (round % 15 + 1);
}

static uint32_t
address(unsigned i)
{
	return (i % 8) << 16 | (i / 8 % 8) << 8 | i % 251;
}

static void *
reader(void *arg)
{
	struct race *r = arg;
	rte_rcu_qsbr_thread_register(r->b.qsbr, 0);
	rte_rcu_qsbr_thread_online(r->b.qsbr, 0);
	for (unsigned i = 0; !atomic_load(&r->stop); i++) {
		uint32_t ip4 = address(i), nh = sub4_lookup(&r->b.t, ip4);
		if (nh && nh >> 4 != ip4)
			atomic_fetch_add(&r->wrong, 1);
		if (nh)
			atomic_fetch_add(&r->hits, 1);
		if (i % 32 == 0)
			rte_rcu_qsbr_quiescent(r->b.qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(r->b.qsbr, 0);
	rte_rcu_qsbr_thread_unregister(r->b.qsbr, 0);
	return NULL;
}

static void
a_reader_never_sees_another_address_next_hop(void **state)
{
	static struct race r;
	pthread_t thread;
	unsigned seed = 3;
	(void)state;
	bench_init(&r.b, 6, 1); /* scarce: blocks change hands all the time */
	assert_int_equal(pthread_create(&thread, NULL, reader, &r), 0);
	for (unsigned round = 0; round < 300000 || !atomic_load(&r.hits); round++) {
		uint32_t ip4 = address((unsigned)rand_r(&seed));
		sub4_set(&r.b.w, ip4, rand_r(&seed) % 2 ? nh_of(ip4, round) : 0);
		if (round % 64 == 0)
			sub4_step(&r.b.w);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&r.wrong), 0);
	assert_true(sub4_check(&r.b.w));
	bench_fini(&r.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_address_is_found_and_no_other),
		cmocka_unit_test(the_ends_of_the_address_space),
		cmocka_unit_test(one_block_too_many_is_refused_and_leaves_no_trace),
		cmocka_unit_test(an_emptied_block_rests_while_a_reader_may_hold_it),
		cmocka_unit_test(agrees_with_a_naive_model),
		cmocka_unit_test(a_reader_never_sees_another_address_next_hop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
