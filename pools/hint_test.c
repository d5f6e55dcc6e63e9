/* The memory of who had which: what it must remember, what it may forget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hint.h"

static void
sizes_are_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(hint_round(0), 0);
	assert_int_equal(hint_round(1), HINT_BUCKET);
	assert_int_equal(hint_round(8), 8);
	assert_int_equal(hint_round(9), 16);
	assert_int_equal(hint_round(4096), 4096);
	assert_int_equal(hint_round(4097), 8192);
	assert_int_equal(hint_round(HINT_MAX), HINT_MAX);
	assert_int_equal(hint_round(HINT_MAX + 1), HINT_MAX);
	assert_int_equal(hint_round(UINT32_MAX), HINT_MAX);
}

static void
a_bucket_keeps_the_newest_eight(void **state)
{
	struct hint_entry mem[HINT_BUCKET];
	struct hint_table t;
	uint32_t v;
	(void)state;
	hint_init(&t, mem, HINT_BUCKET);
	for (uint64_t key = 1; key <= 8; key++)
		hint_put(&t, key, (uint32_t)key * 10);
	hint_put(&t, 1, 11); /* told again: the newest now, and no second entry */
	hint_put(&t, 9, 90); /* pushes out 2, the oldest */
	assert_false(hint_get(&t, 2, &v));
	assert_true(hint_get(&t, 1, &v));
	assert_int_equal(v, 11);
	for (uint64_t key = 3; key <= 9; key++) {
		assert_true(hint_get(&t, key, &v));
		assert_int_equal(v, key * 10);
	}
	hint_drop(&t, 5);
	hint_drop(&t, 5);
	hint_drop(&t, 1000);
	assert_false(hint_get(&t, 5, &v));
	hint_put(&t, 10, 100); /* has the room of 5: nobody else goes */
	for (uint64_t key = 3; key <= 10; key++)
		assert_int_equal(hint_get(&t, key, &v), key != 5);
}

static void
values_may_be_anything(void **state)
{
	struct hint_entry mem[HINT_BUCKET];
	struct hint_table t;
	uint32_t v = 1;
	(void)state;
	hint_init(&t, mem, HINT_BUCKET);
	hint_put(&t, 1, 0);
	hint_put(&t, UINT64_MAX, UINT32_MAX);
	assert_true(hint_get(&t, 1, &v));
	assert_int_equal(v, 0);
	assert_true(hint_get(&t, UINT64_MAX, &v));
	assert_int_equal(v, UINT32_MAX);
}

/* This key's tag would be 0, the mark of an empty entry. */
static void
a_key_that_looks_like_nobody(void **state)
{
	struct hint_entry mem[HINT_BUCKET];
	struct hint_table t;
	uint32_t v;
	(void)state;
	hint_init(&t, mem, HINT_BUCKET);
	assert_false(hint_get(&t, UINT64_C(0x923ef4c73e06efd5), &v));
	hint_put(&t, UINT64_C(0x923ef4c73e06efd5), 5);
	assert_int_not_equal(mem[0].tag, 0);
	assert_true(hint_get(&t, UINT64_C(0x923ef4c73e06efd5), &v));
	assert_int_equal(v, 5);
}

static void
nobody_and_no_table(void **state)
{
	struct hint_entry mem[HINT_BUCKET];
	struct hint_table t, none;
	uint32_t v;
	(void)state;
	hint_init(&t, mem, HINT_BUCKET);
	hint_put(&t, 0, 5);
	assert_false(hint_get(&t, 0, &v));
	hint_drop(&t, 0);
	for (unsigned i = 0; i < HINT_BUCKET; i++)
		assert_int_equal(mem[i].tag, 0);
	hint_init(&none, NULL, 0);
	hint_put(&none, 1, 5);
	hint_drop(&none, 1);
	assert_false(hint_get(&none, 1, &v));
}

static unsigned
remembered(uint32_t n, uint64_t step, unsigned users)
{
	struct hint_entry *mem = malloc(hint_bytes(n));
	struct hint_table t;
	unsigned kept = 0;
	uint32_t v;
	hint_init(&t, mem, n);
	for (unsigned u = 1; u <= users; u++)
		hint_put(&t, u * step, u);
	for (unsigned u = 1; u <= users; u++)
		kept += hint_get(&t, u * step, &v) && v == u;
	free(mem);
	return kept;
}

/* Keys that differ in their low or in their high bits only spread alike. */
static void
weak_keys_spread(void **state)
{
	static const uint64_t steps[] = {1, 2, UINT64_C(1) << 20, UINT64_C(1) << 40};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned half = remembered(4096, steps[i], 2048), twice = remembered(4096, steps[i], 8192);
		print_message("keys * 2^%d: of 2048 users %u remembered, of 8192 %u\n", (int)__builtin_ctzll(steps[i]),
			      half, twice);
		assert_true(half >= 2000);
		assert_true(twice >= 3600 && twice <= 4096);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_rounded_up),   cmocka_unit_test(a_bucket_keeps_the_newest_eight),
		cmocka_unit_test(values_may_be_anything), cmocka_unit_test(nobody_and_no_table),
		cmocka_unit_test(weak_keys_spread),       cmocka_unit_test(a_key_that_looks_like_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
