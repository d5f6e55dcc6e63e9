#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dp/handle.h>

#include "ifnames.h"
#include "slots.h"

static struct session *const owner = (struct session *)(void *)0x1000;

static void
slot_zero_of_a_region_is_never_given(void **state)
{
	struct slots s;
	(void)state;
	assert_int_equal(slots_init(&s, 3, 2 * SLOTS_REGION + 10), 0);
	assert_int_equal(s.n_regions, 3);
	assert_int_equal(s.n_usable, 2 * (SLOTS_REGION - 1) + 9);
	for (uint32_t region = 0; region < 3; region++) {
		uint64_t h;
		uint32_t n = 0;
		while ((h = slots_take(&s, region, owner))) {
			assert_int_equal(handle_lcore(h), 3);
			assert_int_equal(handle_index(h) / SLOTS_REGION, region);
			assert_int_not_equal(handle_index(h) % SLOTS_REGION, 0);
			n++;
		}
		assert_int_equal(n, region == 2 ? 9 : SLOTS_REGION - 1);
	}
	assert_int_equal(s.in_use, s.n_usable);
	assert_int_equal(slots_take(&s, 3, owner), HANDLE_NONE);
	slots_fini(&s);
}

static void
an_old_handle_finds_nothing(void **state)
{
	struct slots s;
	(void)state;
	assert_int_equal(slots_init(&s, 0, 3), 0);
	uint64_t a = slots_take(&s, 0, owner);
	assert_ptr_equal(slots_find(&s, a), owner);
	slots_release(&s, a);
	assert_null(slots_find(&s, a));
	slots_release(&s, a); /* twice: nothing */
	assert_int_equal(s.in_use, 0);
	uint64_t b = slots_take(&s, 0, owner), c = slots_take(&s, 0, owner);
	assert_int_equal(slots_take(&s, 0, owner), HANDLE_NONE);
	/* The one that was freed rests longest. */
	assert_int_not_equal(handle_index(b), handle_index(a));
	assert_int_equal(handle_index(c), handle_index(a));
	assert_int_equal(handle_generation(c), handle_generation(a) + 1);
	/* Its slot has another owner now, whom the old handle does not lead to, nor harm. */
	assert_null(slots_find(&s, a));
	slots_release(&s, a);
	assert_int_equal(s.in_use, 2);
	assert_ptr_equal(slots_find(&s, c), owner);
	assert_null(slots_find(&s, handle_make(0, 999, 1)));
	slots_fini(&s);
}

static void
generation_skips_zero(void **state)
{
	struct slots s;
	(void)state;
	assert_int_equal(slots_init(&s, 0, 2), 0);
	s.generation[1] = UINT32_MAX;
	slots_release(&s, slots_take(&s, 0, owner));
	assert_int_equal(handle_generation(slots_take(&s, 0, owner)), 1);
	slots_fini(&s);
}

static void
next_looks_at_no_more_than_it_may(void **state)
{
	struct slots s;
	uint32_t cursor = 0;
	(void)state;
	assert_int_equal(slots_init(&s, 0, 100), 0);
	for (unsigned i = 0; i < 50; i++)
		slots_take(&s, 0, i == 49 ? owner : NULL);
	assert_null(slots_next(&s, &cursor, 40));
	assert_int_equal(cursor, 40);
	assert_ptr_equal(slots_next(&s, &cursor, 40), owner);
	assert_int_equal(cursor, 51);
	assert_null(slots_next(&s, &cursor, 1000));
	assert_int_equal(cursor, 100);
	slots_fini(&s);
}

static void
tunnels_go_to_the_emptiest_region(void **state)
{
	struct slots s;
	(void)state;
	assert_int_equal(slots_init(&s, 0, 2 * SLOTS_REGION), 0);
	assert_int_equal(slots_pick_region(&s), 0);
	slots_take(&s, 0, owner);
	assert_int_equal(slots_pick_region(&s), 1);
	slots_fini(&s);
}

static void
names_are_lowest_free(void **state)
{
	struct ifnames f;
	char name[IFNAME_LEN];
	(void)state;
	assert_int_equal(ifnames_init(&f, 130), 0);
	for (int32_t i = 0; i < 130; i++)
		assert_int_equal(ifnames_take(&f), i);
	assert_int_equal(ifnames_take(&f), -1);
	ifnames_release(&f, 70);
	ifnames_release(&f, 3);
	ifnames_release(&f, -1);
	assert_int_equal(ifnames_take(&f), 3);
	assert_int_equal(ifnames_take(&f), 70);
	assert_int_equal(ifnames_take(&f), -1);
	ifnames_format(name, "l2tp%d", 12);
	assert_string_equal(name, "l2tp12");
	ifnames_format(name, "a%db", 7);
	assert_string_equal(name, "a7b");
	ifnames_format(name, "a-very-long-interface-name-%d", 123456);
	assert_int_equal(strlen(name), IFNAME_LEN - 1);
	ifnames_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_zero_of_a_region_is_never_given),
		cmocka_unit_test(an_old_handle_finds_nothing),
		cmocka_unit_test(generation_skips_zero),
		cmocka_unit_test(next_looks_at_no_more_than_it_may),
		cmocka_unit_test(tunnels_go_to_the_emptiest_region),
		cmocka_unit_test(names_are_lowest_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
