/* Pools: what is lent to whom, at the edges of the address space, in memory and in time.  pool4_model_test.c walks. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <pools/pool4.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define POOL(name, next, ...)                                                                                          \
	{                                                                                                              \
		name, (const struct pool4_range[]){__VA_ARGS__},                                                       \
			sizeof((const struct pool4_range[]){__VA_ARGS__}) / sizeof(struct pool4_range), next           \
	}
#define N(a) (sizeof(a) / sizeof *(a))

static uint64_t seed;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

static struct pool4_set *
set_new(const struct pool4_conf *pools, unsigned n, unsigned hints)
{
	struct pool4_fault fault;
	struct pool4_set *s = pool4_set_new(pools, n, hints, &fault);
	assert_non_null(s);
	assert_int_equal(fault.reason, POOL_OK);
	assert_true(pool4_set_check(s));
	return s;
}

static void
counts_are(const struct pool4_set *s, unsigned pool, uint32_t free, uint32_t lent, uint32_t reserved)
{
	struct pool4_counts c = pool4_counts(s, pool);
	assert_int_equal(c.free, free);
	assert_int_equal(c.lent, lent);
	assert_int_equal(c.reserved, reserved);
	assert_int_equal(c.total, free + lent + reserved);
}

static void
lends(struct pool4_set *s, unsigned pool, uint64_t user, uint32_t owner, uint32_t want)
{
	uint32_t addr = ~want, holder = ~owner;
	assert_int_equal(pool4_alloc(s, pool, user, owner, &addr), POOL_OK);
	assert_int_equal(addr, want);
	assert_true(pool4_holder(s, addr, &holder));
	assert_int_equal(holder, owner);
}

static void
exhausted(struct pool4_set *s, unsigned pool)
{
	uint32_t addr = 4711;
	assert_int_equal(pool4_alloc(s, pool, 1, 1, &addr), POOL_EXHAUSTED);
	assert_int_equal(addr, 4711);
}

static void
a_configuration_that_is_wrong_builds_nothing(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {1, 5}), POOL("b", -1, {5, 9})};
	struct pool4_fault fault;
	(void)state;
	assert_null(pool4_set_new(pools, 2, 0, &fault));
	assert_int_equal(fault.reason, POOL_OVERLAP);
	pool4_set_free(NULL);
}

static void
no_pools(void **state)
{
	struct pool4_set *s = set_new(NULL, 0, 0);
	uint32_t owner;
	(void)state;
	assert_int_equal(pool4_set_size(s), 0);
	assert_int_equal(pool4_find(s, "home"), -1);
	assert_int_equal(pool4_of(s, 0), -1);
	assert_int_equal(pool4_take(s, UINT32_MAX, 1), POOL_OUTSIDE);
	assert_int_equal(pool4_take_static(s, 0, 1), POOL_OUTSIDE);
	assert_int_equal(pool4_release(s, 0, 1, 1), POOL_OUTSIDE);
	assert_int_equal(pool4_reserve(s, 0, POOL4_NEVER), POOL_OUTSIDE);
	assert_int_equal(pool4_unreserve(s, 0), POOL_OUTSIDE);
	assert_false(pool4_holder(s, 0, &owner));
	pool4_set_free(s);
}

static void
names_and_places(void **state)
{
	char name[] = "home";
	struct pool4_conf pools[] = {POOL("home", 1, {100, 109}, {50, 59}), POOL("spare", -1, {60, 99})};
	(void)state;
	pools[0].name = name;
	struct pool4_set *s = set_new(pools, 2, 0);
	name[0] = 'x';
	assert_int_equal(pool4_set_size(s), 2);
	assert_string_equal(pool4_name(s, 0), "home");
	assert_int_equal(pool4_find(s, "spare"), 1);
	assert_int_equal(pool4_find(s, "Spare"), -1);
	assert_int_equal(pool4_find(s, ""), -1);
	assert_int_equal(pool4_next(s, 0), 1);
	assert_int_equal(pool4_next(s, 1), -1);
	for (uint32_t a = 40; a < 120; a++)
		assert_int_equal(pool4_of(s, a), a < 50 ? -1 : a < 60 ? 0 : a < 100 ? 1 : a < 110 ? 0 : -1);
	pool4_set_free(s);
}

/* The first ones in the order of the configuration, whatever the order of the numbers; then what rested longest. */
static void
first_in_first_out(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {20, 22}, {10, 11}, {30, 30})};
	static const uint32_t order[] = {20, 21, 22, 10, 11, 30};
	struct pool4_set *s = set_new(pools, 1, 0);
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		lends(s, 0, 0, 100 + i, order[i]);
	exhausted(s, 0);
	counts_are(s, 0, 0, 6, 0);
	assert_int_equal(pool4_release(s, 11, 104, 0), POOL_OK);
	assert_int_equal(pool4_release(s, 20, 100, 0), POOL_OK);
	assert_int_equal(pool4_release(s, 30, 105, 0), POOL_OK);
	lends(s, 0, 0, 1, 11);
	assert_int_equal(pool4_release(s, 11, 1, 0), POOL_OK);
	lends(s, 0, 0, 1, 20);
	lends(s, 0, 0, 1, 30);
	lends(s, 0, 0, 1, 11);
	exhausted(s, 0);
	pool4_set_free(s);
}

static void
releases_that_are_not_due(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {10, 12})};
	struct pool4_set *s = set_new(pools, 1, 8);
	uint32_t owner;
	(void)state;
	lends(s, 0, 7, 0, 10);
	assert_int_equal(pool4_release(s, 10, 1, 7), POOL_NOT_OWNER);
	assert_int_equal(pool4_release(s, 11, 0, 7), POOL_NOT_LENT);
	assert_int_equal(pool4_release(s, 13, 0, 7), POOL_OUTSIDE);
	assert_int_equal(pool4_release(s, 9, 0, 7), POOL_OUTSIDE);
	assert_true(pool4_holder(s, 10, &owner));
	assert_int_equal(pool4_release(s, 10, 0, 0), POOL_OK);
	assert_int_equal(pool4_release(s, 10, 0, 7), POOL_NOT_LENT);
	assert_false(pool4_holder(s, 10, &owner));
	counts_are(s, 0, 3, 0, 0);
	/* none of these told the set that 7 had an address: he gets the one that rested longest */
	lends(s, 0, 7, 0, 11);
	pool4_set_free(s);
}

static void
a_certain_address(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {10, 14})};
	struct pool4_set *s = set_new(pools, 1, 0);
	(void)state;
	assert_int_equal(pool4_take(s, 12, 5), POOL_OK);
	assert_int_equal(pool4_take(s, 12, 5), POOL_TAKEN);
	assert_int_equal(pool4_take_static(s, 12, 6), POOL_TAKEN);
	assert_int_equal(pool4_take(s, 15, 5), POOL_OUTSIDE);
	assert_int_equal(pool4_take_static(s, 10, UINT32_MAX), POOL_OK);
	lends(s, 0, 0, 1, 11);
	lends(s, 0, 0, 1, 13);
	assert_int_equal(pool4_release(s, 12, 5, 0), POOL_OK);
	lends(s, 0, 0, 1, 14);
	lends(s, 0, 0, 1, 12);
	exhausted(s, 0);
	pool4_set_free(s);
}

static void
the_gateway_is_never_lent(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {10, 11})};
	struct pool4_set *s = set_new(pools, 1, 0);
	(void)state;
	assert_int_equal(pool4_reserve(s, 10, POOL4_NEVER), POOL_OK);
	assert_int_equal(pool4_reserve(s, 10, POOL4_NEVER), POOL_OK);
	assert_int_equal(pool4_reserve(s, 10, POOL4_STATIC), POOL_RESERVED);
	assert_int_equal(pool4_take(s, 10, 1), POOL_RESERVED);
	assert_int_equal(pool4_take_static(s, 10, 1), POOL_RESERVED);
	/* not even to the owner whose number is what the slot has while it is reserved */
	assert_int_equal(pool4_release(s, 10, POOL4_NEVER, 0), POOL_NOT_LENT);
	counts_are(s, 0, 1, 0, 1);
	lends(s, 0, 0, 1, 11);
	exhausted(s, 0);
	assert_int_equal(pool4_reserve(s, 11, POOL4_NEVER), POOL_TAKEN);
	assert_int_equal(pool4_unreserve(s, 10), POOL_OK);
	assert_int_equal(pool4_unreserve(s, 10), POOL_OK);
	lends(s, 0, 0, 1, 10);
	pool4_set_free(s);
}

static void
a_static_address_is_its_users(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {10, 12})};
	struct pool4_set *s = set_new(pools, 1, 8);
	uint32_t owner;
	(void)state;
	assert_int_equal(pool4_reserve(s, 11, POOL4_STATIC), POOL_OK);
	assert_int_equal(pool4_take(s, 11, 1), POOL_RESERVED);
	assert_false(pool4_holder(s, 11, &owner));
	for (unsigned round = 0; round < 3; round++) {
		counts_are(s, 0, 3 - 1, 0, 1);
		assert_int_equal(pool4_take_static(s, 11, 9), POOL_OK);
		counts_are(s, 0, 3 - 1, 1, 0);
		assert_true(pool4_holder(s, 11, &owner));
		assert_int_equal(owner, 9);
		assert_int_equal(pool4_take_static(s, 11, 8), POOL_TAKEN);
		assert_int_equal(pool4_take(s, 11, 8), POOL_TAKEN);
		assert_int_equal(pool4_reserve(s, 11, POOL4_STATIC), POOL_TAKEN);
		assert_int_equal(pool4_release(s, 11, 8, 5), POOL_NOT_OWNER);
		assert_int_equal(pool4_release(s, 11, 9, 5), POOL_OK);
		assert_int_equal(pool4_release(s, 11, 9, 5), POOL_NOT_LENT);
	}
	lends(s, 0, 5, 1, 10);
	lends(s, 0, 5, 1, 12);
	exhausted(s, 0);
	/* the user is deleted while he is on: the address is anybody's once he has gone, not before */
	assert_int_equal(pool4_take_static(s, 11, 9), POOL_OK);
	assert_int_equal(pool4_unreserve(s, 11), POOL_OK);
	exhausted(s, 0);
	assert_int_equal(pool4_take_static(s, 11, 9), POOL_TAKEN);
	counts_are(s, 0, 0, 3, 0);
	assert_int_equal(pool4_release(s, 11, 9, 0), POOL_OK);
	lends(s, 0, 0, 2, 11);
	pool4_set_free(s);
}

static void
the_chain_is_tried_to_its_end(void **state)
{
	const struct pool4_conf pools[] = {POOL("last", -1, {30, 30}), POOL("first", 2, {10, 11}),
					   POOL("second", 0, {20, 20}), POOL("other", -1, {40, 40})};
	struct pool4_set *s = set_new(pools, 4, 0);
	(void)state;
	lends(s, 1, 0, 1, 10);
	lends(s, 1, 0, 1, 11);
	lends(s, 1, 0, 1, 20);
	lends(s, 1, 0, 1, 30);
	exhausted(s, 1);
	exhausted(s, 0);
	counts_are(s, 3, 1, 0, 0);
	assert_int_equal(pool4_release(s, 10, 1, 0), POOL_OK);
	exhausted(s, 2); /* what comes before is not after */
	lends(s, 1, 0, 1, 10);
	pool4_set_free(s);
}

static void
a_returning_user(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", 1, {10, 13}), POOL("b", -1, {20, 21}), POOL("c", -1, {30, 31})};
	struct pool4_set *s = set_new(pools, 3, 64);
	uint64_t alice = pool4_user_key("alice", 5), bob = pool4_user_key("bob", 3);
	(void)state;
	lends(s, 0, alice, 1, 10);
	lends(s, 0, bob, 2, 11);
	assert_int_equal(pool4_release(s, 10, 1, alice), POOL_OK);
	assert_int_equal(pool4_release(s, 11, 2, bob), POOL_OK);
	lends(s, 0, bob, 2, 11);
	lends(s, 0, alice, 1, 10);
	/* a second session of hers gets another one, and that is what is remembered when it ends last */
	lends(s, 0, alice, 3, 12);
	assert_int_equal(pool4_release(s, 10, 1, alice), POOL_OK);
	assert_int_equal(pool4_release(s, 12, 3, alice), POOL_OK);
	lends(s, 0, alice, 1, 12);
	assert_int_equal(pool4_release(s, 12, 1, alice), POOL_OK);
	/* lent to somebody else meanwhile: she gets the one that rested longest */
	assert_int_equal(pool4_take(s, 12, 9), POOL_OK);
	lends(s, 0, alice, 1, 13);
	assert_int_equal(pool4_release(s, 13, 1, alice), POOL_OK);
	/* reserved meanwhile */
	assert_int_equal(pool4_reserve(s, 13, POOL4_STATIC), POOL_OK);
	lends(s, 0, alice, 1, 10);
	/* the pool after hers is hers too, one that is in no chain of hers is not */
	lends(s, 1, bob, 4, 20);
	assert_int_equal(pool4_release(s, 20, 4, bob), POOL_OK);
	lends(s, 0, bob, 4, 20);
	assert_int_equal(pool4_release(s, 20, 4, bob), POOL_OK);
	lends(s, 2, bob, 4, 30);
	pool4_set_free(s);
}

static void
all_users_return(void **state)
{
	const struct pool4_conf pools[] = {POOL("a", -1, {IP(10, 78, 0, 0), IP(10, 78, 3, 255)})};
	struct pool4_set *s = set_new(pools, 1, 4096);
	uint32_t addr[1024], again, same = 0;
	(void)state;
	for (uint32_t u = 0; u < 1024; u++)
		assert_int_equal(pool4_alloc(s, 0, u + 1, u, &addr[u]), POOL_OK);
	for (uint32_t u = 0; u < 1024; u++)
		assert_int_equal(pool4_release(s, addr[u], u, u + 1), POOL_OK);
	for (uint32_t k = 0; k < 1024; k++) {
		uint32_t u = (k * 389 + 17) % 1024;
		assert_int_equal(pool4_alloc(s, 0, u + 1, u, &again), POOL_OK);
		same += again == addr[u];
	}
	print_message("1024 users of 1024 addresses came back in another order: %u have theirs again\n", same);
	assert_true(same >= 1000);
	pool4_set_free(s);
}

/* Every address of the pool once, and no other. */
static void
lends_all(const struct pool4_range *r)
{
	const struct pool4_conf pools[] = {{"edge", r, 1, -1}};
	struct pool4_set *s = set_new(pools, 1, 0);
	for (uint64_t a = r->first; a <= r->last; a++)
		lends(s, 0, 0, (uint32_t)(a - r->first), (uint32_t)a);
	exhausted(s, 0);
	assert_int_equal(pool4_of(s, r->first), 0);
	assert_int_equal(pool4_of(s, r->last), 0);
	if (r->first > 0)
		assert_int_equal(pool4_of(s, r->first - 1), -1);
	if (r->last < UINT32_MAX)
		assert_int_equal(pool4_of(s, r->last + 1), -1);
	for (uint64_t a = r->first; a <= r->last; a++)
		assert_int_equal(pool4_release(s, (uint32_t)a, (uint32_t)(a - r->first), 0), POOL_OK);
	assert_true(pool4_set_check(s));
	pool4_set_free(s);
}

static void
edges_of_the_address_space(void **state)
{
	static const struct pool4_range edges[] = {
		{0, 0},
		{UINT32_MAX, UINT32_MAX},
		{0, 1},
		{UINT32_MAX - 1, UINT32_MAX},
		{IP(10, 0, 0, 7), IP(10, 0, 0, 7)},
		{IP(127, 255, 255, 255), IP(128, 0, 0, 0)},
		{IP(10, 0, 0, 1), IP(10, 0, 0, 63)},
		{IP(10, 0, 0, 0), IP(10, 0, 0, 64)},
		{UINT32_MAX - 4095, UINT32_MAX},
		{0, 4096},
		{IP(10, 0, 0, 0), IP(10, 0, 255, 255)},
	};
	(void)state;
	for (unsigned i = 0; i < N(edges); i++)
		lends_all(&edges[i]);
}

static void
the_first_and_the_last_address_of_all(void **state)
{
	const struct pool4_conf pools[] = {POOL("ends", -1, {UINT32_MAX, UINT32_MAX}, {0, 0})};
	struct pool4_set *s = set_new(pools, 1, 8);
	(void)state;
	lends(s, 0, 1, UINT32_MAX, UINT32_MAX);
	lends(s, 0, 2, 0, 0);
	assert_int_equal(pool4_release(s, UINT32_MAX, UINT32_MAX, 1), POOL_OK);
	assert_int_equal(pool4_release(s, 0, 0, 2), POOL_OK);
	lends(s, 0, 2, 5, 0);
	lends(s, 0, 1, 5, UINT32_MAX);
	pool4_set_free(s);
}

static void
a_new_configuration_inherits(void **state)
{
	const struct pool4_conf before[] = {POOL("a", -1, {10, 19}), POOL("b", -1, {30, 39})};
	const struct pool4_conf after[] = {POOL("b", 1, {35, 44}), POOL("c", -1, {15, 29})};
	struct pool4_set *old = set_new(before, 2, 64), *s = set_new(after, 2, 64);
	uint32_t owner;
	(void)state;
	assert_int_equal(pool4_reserve(old, 16, POOL4_STATIC), POOL_OK);
	assert_int_equal(pool4_take_static(old, 16, 160), POOL_OK);
	static const uint32_t taken[] = {10, 15, 17, 18, 30, 35, 36, 39};
	for (unsigned i = 0; i < N(taken); i++)
		assert_int_equal(pool4_take(old, taken[i], taken[i] * 10), POOL_OK);
	assert_int_equal(pool4_release(old, 39, 390, 77), POOL_OK);
	assert_int_equal(pool4_reserve(s, 16, POOL4_STATIC), POOL_OK);
	assert_int_equal(pool4_reserve(s, 17, POOL4_STATIC), POOL_OK);
	assert_int_equal(pool4_reserve(s, 18, POOL4_NEVER), POOL_OK);
	/* 10 and 30 are outside now, 18 has become the gateway */
	assert_int_equal(pool4_set_inherit(s, old), 3);
	assert_true(pool4_set_check(s));
	counts_are(s, 0, 8, 2, 0);
	counts_are(s, 1, 11, 3, 1);
	static const uint32_t kept[] = {15, 16, 17, 35, 36};
	for (unsigned i = 0; i < N(kept); i++) {
		assert_true(pool4_holder(s, kept[i], &owner));
		assert_int_equal(owner, kept[i] * 10);
	}
	assert_int_equal(pool4_release(s, 10, 100, 0), POOL_OUTSIDE);
	assert_int_equal(pool4_release(s, 18, 180, 0), POOL_NOT_LENT);
	lends(s, 0, 77, 1, 39);
	/* reserved in the new configuration: not lent to whoever comes once its user has gone */
	assert_int_equal(pool4_release(s, 17, 170, 0), POOL_OK);
	assert_int_equal(pool4_take(s, 17, 1), POOL_RESERVED);
	pool4_set_free(old);
	pool4_set_free(s);
}

/* ---- memory and cost ---- */

static void
a_million_addresses_in_4_mib(void **state)
{
	const struct pool4_conf pools[] = {POOL("big", -1, {IP(10, 0, 0, 0), IP(10, 0, 0, 0) + 999999})};
	size_t promised = pool4_footprint(pools, 1, POOL4_DEFAULT_HINTS);
	struct mallinfo2 before = mallinfo2();
	struct pool4_set *s = set_new(pools, 1, POOL4_DEFAULT_HINTS);
	(void)state;
	assert_int_equal(pool4_reserve(s, IP(10, 0, 0, 1), POOL4_NEVER), POOL_OK);
	struct mallinfo2 after = mallinfo2();
	size_t heap = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
	print_message("1000000 addresses, %u users remembered, one reserved: %zu bytes promised, %zu of the heap, "
		      "%.3f MiB\n",
		      POOL4_DEFAULT_HINTS, promised, heap, (double)(heap > promised ? heap : promised) / (1 << 20));
	assert_true(promised <= 4 << 20);
	assert_true(heap <= 4 << 20);
	pool4_set_free(s);
}

static double
now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A pool of n, all but `free` lent, then n_ops times: give back a random one, lend one, take a random one if free. */
static void
cost_of(uint32_t n, uint32_t free_ones, double *release, double *alloc, double *take)
{
	const struct pool4_range range = {IP(16, 0, 0, 0), IP(16, 0, 0, 0) + n - 1};
	const struct pool4_conf conf = {"bench", &range, 1, -1};
	const uint32_t n_ops = 100000;
	struct pool4_set *s = set_new(&conf, 1, POOL4_DEFAULT_HINTS);
	uint32_t addr, *back = calloc(n_ops, sizeof *back), k = 0;
	for (uint32_t i = free_ones; i < n; i++)
		assert_int_equal(pool4_alloc(s, 0, 0, 1, &addr), POOL_OK);
	double t0 = now_ns();
	for (uint32_t i = 0; i < n_ops; i++) {
		addr = range.first + rnd(n);
		if (pool4_release(s, addr, 1, addr) == POOL_OK)
			back[k++] = addr;
	}
	double t1 = now_ns();
	for (uint32_t i = 0; i < k / 2; i++)
		pool4_alloc(s, 0, 0, 1, &addr);
	double t2 = now_ns();
	for (uint32_t i = 0; i < k; i++)
		pool4_take(s, back[k - 1 - i], 1);
	double t3 = now_ns();
	*release = (t1 - t0) / n_ops;
	*alloc = k > 1 ? (t2 - t1) / (k / 2) : 0;
	*take = k ? (t3 - t2) / k : 0;
	assert_true(pool4_set_check(s));
	free(back);
	pool4_set_free(s);
}

/* Printed, not asserted: what grows here is what a cache miss costs, not the number of them. */
static void
cost_does_not_grow(void **state)
{
	static const uint32_t sizes[] = {256, 4096, 65536, 1u << 20, 1u << 24};
	(void)state;
	print_message("%10s %12s %12s %12s   ns each\n", "addresses", "release", "alloc any", "take one");
	for (unsigned i = 0; i < N(sizes); i++) {
		double release, alloc, take;
		cost_of(sizes[i], sizes[i] / 16, &release, &alloc, &take);
		print_message("%10u %12.0f %12.0f %12.0f\n", sizes[i], release, alloc, take);
	}
}

static void
user_keys(void **state)
{
	(void)state;
	assert_true(pool4_user_key("", 0) != 0);
	assert_true(pool4_user_key(NULL, 0) != 0);
	assert_true(pool4_user_key("alice", 5) != pool4_user_key("alicf", 5));
	assert_true(pool4_user_key("alice", 5) == pool4_user_key("alice@", 5));
	assert_true(pool4_user_key("a\0b", 3) != pool4_user_key("a\0c", 3));
	/* FNV-1a of "a", its published test vector */
	assert_true(pool4_user_key("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_that_is_wrong_builds_nothing),
		cmocka_unit_test(no_pools),
		cmocka_unit_test(names_and_places),
		cmocka_unit_test(first_in_first_out),
		cmocka_unit_test(releases_that_are_not_due),
		cmocka_unit_test(a_certain_address),
		cmocka_unit_test(the_gateway_is_never_lent),
		cmocka_unit_test(a_static_address_is_its_users),
		cmocka_unit_test(the_chain_is_tried_to_its_end),
		cmocka_unit_test(a_returning_user),
		cmocka_unit_test(all_users_return),
		cmocka_unit_test(edges_of_the_address_space),
		cmocka_unit_test(the_first_and_the_last_address_of_all),
		cmocka_unit_test(a_new_configuration_inherits),
		cmocka_unit_test(a_million_addresses_in_4_mib),
		cmocka_unit_test(cost_does_not_grow),
		cmocka_unit_test(user_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
