#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "share.h"

static struct addr
peer(uint32_t i)
{
	return addr_from_ip4(0x0a000001 + i);
}

/* greedy: a peer takes all that it gets. */
static uint32_t
greedy(struct share *s, uint32_t limit, uint32_t i)
{
	const struct addr p = peer(i);
	uint32_t n = 0;
	for (; share_admits(s, limit, &p); n++)
		assert_true(share_take(s, &p));
	assert_int_equal(share_held(s, &p), n);
	return n;
}

static void
one_alone_gets_most_and_not_all(void **state)
{
	struct share s = {0};
	(void)state;
	assert_int_equal(greedy(&s, 1000, 0), 800);
	assert_in_range(greedy(&s, 1000, 1), 150, 160);
	for (uint32_t i = 2; i < 40; i++)
		assert_true(greedy(&s, 1000, i) > 0 || s.held == 1000);
	assert_true(s.held <= 1000);
	share_fini(&s);
}

/* A hundred that take turns leave room for the next one. */
static void
many_leave_room_for_another(void **state)
{
	struct share s = {0};
	(void)state;
	for (unsigned round = 0; round < 100; round++)
		for (uint32_t i = 0; i < 100; i++) {
			const struct addr p = peer(i);
			if (share_admits(&s, 1000, &p))
				share_take(&s, &p);
		}
	const struct addr last = peer(100);
	assert_true(share_admits(&s, 1000, &last));
	assert_true(s.held < 1000);
	for (uint32_t i = 0; i < 100; i++) {
		const struct addr p = peer(i);
		assert_in_range(share_held(&s, &p), 9, 10);
	}
	share_fini(&s);
}

/* A limit of a few is what it says; none is none. */
static void
small_limits_are_reached(void **state)
{
	(void)state;
	for (uint32_t limit = 1; limit <= 4; limit++) {
		struct share s = {0};
		assert_int_equal(greedy(&s, limit, 0), limit);
		share_fini(&s);
	}
	struct share s = {0};
	const struct addr p = peer(0);
	for (unsigned i = 0; i < 10000; i++)
		share_take(&s, &p);
	assert_true(share_admits(&s, 0, &p));
	assert_true(share_admits(&s, UINT32_MAX, &p));
	share_fini(&s);
}

static void
what_is_given_back_is_forgotten(void **state)
{
	struct share s = {0};
	(void)state;
	const struct addr a = peer(0), b = peer(1);
	share_give(&s, &a);
	assert_int_equal(s.held, 0);
	share_take(&s, &a);
	share_take(&s, &a);
	share_take(&s, &b);
	share_give(&s, &a);
	assert_int_equal(share_held(&s, &a), 1);
	assert_int_equal(share_held(&s, &b), 1);
	assert_int_equal(s.held, 2);
	share_give(&s, &a);
	share_give(&s, &a);
	assert_int_equal(share_held(&s, &a), 0);
	share_give(&s, &b);
	assert_int_equal(s.held, 0);
	assert_null(s.by_addr);
}

/* What came unasked may be more than the limit. */
static void
more_than_the_limit_is_no_wrap(void **state)
{
	struct share s = {0};
	(void)state;
	const struct addr a = peer(0), b = peer(1);
	for (unsigned i = 0; i < 12; i++)
		share_take(&s, &a);
	assert_false(share_admits(&s, 10, &a));
	assert_false(share_admits(&s, 10, &b));
	share_fini(&s);
}

/* A site has more addresses of IPv6 than anybody can count: they are one peer. */
static void
a_64_is_one_peer(void **state)
{
	(void)state;
	struct share s = {0};
	struct addr a = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, [15] = 1}}, b = a, other = a;
	b.b[8] = 0xff;
	other.b[7] = 2;
	assert_true(share_take(&s, &a));
	assert_true(share_take(&s, &b));
	assert_int_equal(share_held(&s, &b), 2);
	assert_int_equal(share_held(&s, &other), 0);
	share_give(&s, &b);
	share_give(&s, &a);
	assert_int_equal(s.held, 0);
	share_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_64_is_one_peer),
		cmocka_unit_test(one_alone_gets_most_and_not_all),
		cmocka_unit_test(many_leave_room_for_another),
		cmocka_unit_test(small_limits_are_reached),
		cmocka_unit_test(what_is_given_back_is_forgotten),
		cmocka_unit_test(more_than_the_limit_is_no_wrap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
