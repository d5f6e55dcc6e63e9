/* Ranges and configurations of pools, right and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pools/pool4.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static void
trimmed(struct pool4_range r, uint32_t net_first, uint32_t net_last, struct pool4_range want)
{
	assert_true(pool4_range_trim(&r, net_first, net_last));
	assert_int_equal(r.first, want.first);
	assert_int_equal(r.last, want.last);
}

static void
network_and_broadcast_are_left_out(void **state)
{
	(void)state;
	uint32_t net = IP(10, 78, 1, 0), all = UINT32_MAX;
	trimmed((struct pool4_range){net, net + 255}, net, net + 255, (struct pool4_range){net + 1, net + 254});
	/* host bits: the range starts inside, only the broadcast address is there to be left out */
	trimmed((struct pool4_range){net + 9, net + 255}, net, net + 255, (struct pool4_range){net + 9, net + 254});
	trimmed((struct pool4_range){net + 9, net + 20}, net, net + 255, (struct pool4_range){net + 9, net + 20});
	trimmed((struct pool4_range){net, net + 3}, net, net + 3, (struct pool4_range){net + 1, net + 2});
	/* RFC 3021: a /31 has two hosts, a /32 one */
	trimmed((struct pool4_range){net, net + 1}, net, net + 1, (struct pool4_range){net, net + 1});
	trimmed((struct pool4_range){net + 1, net + 1}, net, net + 1, (struct pool4_range){net + 1, net + 1});
	trimmed((struct pool4_range){net, net}, net, net, (struct pool4_range){net, net});
	trimmed((struct pool4_range){0, all}, 0, all, (struct pool4_range){1, all - 1});
	trimmed((struct pool4_range){all - 3, all}, all - 3, all, (struct pool4_range){all - 2, all - 1});
	struct pool4_range only = {net + 255, net + 255};
	assert_false(pool4_range_trim(&only, net, net + 255));
	assert_int_equal(only.first, net + 255);
	only = (struct pool4_range){0, 0};
	assert_false(pool4_range_trim(&only, 0, 255));
	only = (struct pool4_range){all, all};
	assert_false(pool4_range_trim(&only, all - 255, all));
	assert_int_equal(only.last, all);
}

/* The prefixes of a range follow each other without a gap, each is aligned, and no two could have been one. */
static unsigned
cut(struct pool4_range r)
{
	struct pool4_range rest = r;
	uint64_t at = r.first;
	uint32_t addr;
	uint8_t len;
	bool used = false;
	unsigned n = 0;
	for (; pool4_range_cut(&rest, &used, &addr, &len); n++) {
		uint64_t size = UINT64_C(1) << (32 - len);
		assert_int_equal(addr, at);
		assert_int_equal(addr & (size - 1), 0);
		bool could_grow = len && !(addr & size) && addr + 2 * size - 1 <= r.last;
		assert_false(could_grow);
		at += size;
	}
	assert_int_equal(at, (uint64_t)r.last + 1);
	assert_false(pool4_range_cut(&rest, &used, &addr, &len));
	return n;
}

static void
ranges_are_cut_into_prefixes(void **state)
{
	(void)state;
	assert_int_equal(cut((struct pool4_range){0, UINT32_MAX}), 1);
	assert_int_equal(cut((struct pool4_range){0, 0}), 1);
	assert_int_equal(cut((struct pool4_range){UINT32_MAX, UINT32_MAX}), 1);
	assert_int_equal(cut((struct pool4_range){1, UINT32_MAX - 1}), 62);
	assert_int_equal(cut((struct pool4_range){IP(10, 0, 0, 0), IP(10, 255, 255, 255)}), 1);
	assert_int_equal(cut((struct pool4_range){IP(10, 78, 4, 2), IP(10, 78, 7, 254)}), 17);
	uint64_t seed = 4;
	for (unsigned k = 0; k < 20000; k++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint32_t a = (uint32_t)(seed >> 32), span = (uint32_t)seed >> (k % 32);
		uint32_t b = a > UINT32_MAX - span ? UINT32_MAX : a + span;
		assert_true(cut((struct pool4_range){a, b}) <= 62);
	}
}

#define POOL(name, next, ...)                                                                                          \
	{                                                                                                              \
		name, (const struct pool4_range[]){__VA_ARGS__},                                                       \
			sizeof((const struct pool4_range[]){__VA_ARGS__}) / sizeof(struct pool4_range), next           \
	}

static struct pool4_fault
check(const struct pool4_conf *pools, unsigned n)
{
	struct pool4_fault fault;
	memset(&fault, 0xaa, sizeof fault);
	enum pool_reason r = pool4_check(pools, n, &fault);
	assert_int_equal(r, fault.reason);
	return fault;
}

static void
good_configurations(void **state)
{
	const struct pool4_conf pools[] = {
		POOL("home", 1, {100, 199}, {300, 300}, {201, 299}),
		POOL("spare", 2, {0, 99}),
		POOL("last", -1, {UINT32_MAX, UINT32_MAX}, {200, 200}),
		POOL("branch", 1, {IP(10, 0, 0, 0), IP(10, 255, 255, 255)}),
	};
	(void)state;
	assert_int_equal(check(pools, 4).reason, POOL_OK);
	assert_int_equal(check(NULL, 0).reason, POOL_OK);
}

static void
bad_ranges(void **state)
{
	(void)state;
	const struct pool4_conf none[] = {POOL("a", -1, {1, 2}), {"b", NULL, 0, -1}};
	struct pool4_fault f = check(none, 2);
	assert_int_equal(f.reason, POOL_EMPTY);
	assert_int_equal(f.pool, 1);
	const struct pool4_conf backwards[] = {POOL("a", -1, {1, 2}, {7, 6})};
	f = check(backwards, 1);
	assert_int_equal(f.reason, POOL_RANGE);
	assert_int_equal(f.range, 1);
	const struct pool4_conf large[] = {POOL("a", -1, {0, POOL4_MAX_ADDRESSES - 2}, {1u << 30, (1u << 30) + 1})};
	f = check(large, 1);
	assert_int_equal(f.reason, POOL_TOO_LARGE);
	assert_int_equal(f.range, 1);
	const struct pool4_conf world[] = {POOL("a", -1, {0, UINT32_MAX})};
	assert_int_equal(check(world, 1).reason, POOL_TOO_LARGE);
	const struct pool4_conf many_worlds[] = {POOL("a", -1, {5, 5}, {0, UINT32_MAX}, {0, UINT32_MAX})};
	assert_int_equal(check(many_worlds, 1).reason, POOL_TOO_LARGE);
}

static void
overlap_names_both(void **state)
{
	(void)state;
	const struct pool4_conf touch[] = {POOL("a", -1, {50, 60}, {10, 20}), POOL("b", -1, {30, 40}, {60, 70})};
	struct pool4_fault f = check(touch, 2);
	assert_int_equal(f.reason, POOL_OVERLAP);
	assert_int_equal(f.pool, 1);
	assert_int_equal(f.range, 1);
	assert_int_equal(f.other_pool, 0);
	assert_int_equal(f.other_range, 0);
	const struct pool4_conf inside[] = {POOL("a", -1, {0, 100}, {101, 101}), POOL("b", -1, {40, 40})};
	f = check(inside, 2);
	assert_int_equal(f.reason, POOL_OVERLAP);
	assert_int_equal(f.pool, 1);
	assert_int_equal(f.other_pool, 0);
	const struct pool4_conf itself[] = {POOL("a", -1, {7, 7}, {7, 7})};
	assert_int_equal(check(itself, 1).reason, POOL_OVERLAP);
	const struct pool4_conf neighbours[] = {POOL("a", -1, {7, 7}, {9, 9}), POOL("b", -1, {8, 8}, {10, 10})};
	assert_int_equal(check(neighbours, 2).reason, POOL_OK);
}

static void
chains_must_end(void **state)
{
	(void)state;
	const struct pool4_conf unknown[] = {POOL("a", 1, {1, 1}), POOL("b", 2, {2, 2})};
	struct pool4_fault f = check(unknown, 2);
	assert_int_equal(f.reason, POOL_NEXT);
	assert_int_equal(f.pool, 1);
	const struct pool4_conf negative[] = {POOL("a", -2, {1, 1})};
	assert_int_equal(check(negative, 1).reason, POOL_NEXT);
	const struct pool4_conf self[] = {POOL("a", 0, {1, 1})};
	assert_int_equal(check(self, 1).reason, POOL_LOOP);
	/* a leads into a loop that it is no part of */
	const struct pool4_conf ring[] = {POOL("a", 1, {1, 1}), POOL("b", 2, {2, 2}), POOL("c", 1, {3, 3})};
	f = check(ring, 3);
	assert_int_equal(f.reason, POOL_LOOP);
	assert_int_equal(f.pool, 1);
	const struct pool4_conf whole[] = {POOL("a", 1, {1, 1}), POOL("b", 2, {2, 2}), POOL("c", 0, {3, 3})};
	assert_int_equal(check(whole, 3).reason, POOL_LOOP);
	const struct pool4_conf line[] = {POOL("a", -1, {1, 1}), POOL("b", 0, {2, 2}), POOL("c", 1, {3, 3})};
	assert_int_equal(check(line, 3).reason, POOL_OK);
}

static void
every_reason_has_a_text(void **state)
{
	(void)state;
	for (unsigned r = 0; r < POOL_N_REASONS; r++) {
		assert_true(strlen(pool_reason_text(r)) > 3);
		for (unsigned other = 0; other < r; other++)
			assert_string_not_equal(pool_reason_text(r), pool_reason_text(other));
	}
	assert_string_equal(pool_reason_text(POOL_N_REASONS), "unknown reason");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(network_and_broadcast_are_left_out),
		cmocka_unit_test(ranges_are_cut_into_prefixes),
		cmocka_unit_test(good_configurations),
		cmocka_unit_test(bad_ranges),
		cmocka_unit_test(overlap_names_both),
		cmocka_unit_test(chains_must_end),
		cmocka_unit_test(every_reason_has_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
