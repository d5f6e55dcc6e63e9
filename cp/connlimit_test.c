/* connlimit_test.c - so many at once, then so many in so much time; floods of strangers harm nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <millrace/bytes.h>

#include "connlimit.h"

static struct connlimit limit;
static struct conf_limits rule = {.connections = 6, .per_s = 60, .burst = 3, .timeout = 60};
static struct mono now;

static int
setup(void **state)
{
	(void)state;
	limit = (struct connlimit){0};
	now = (struct mono){1000000000};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	connlimit_fini(&limit);
	return 0;
}

static unsigned
begin(uint32_t source, unsigned n)
{
	struct addr a = addr_from_ip4(source);
	unsigned in = 0;
	while (n--)
		in += connlimit_admits(&limit, &rule, &a, now);
	return in;
}

static void
a_burst_then_a_rate(void **state)
{
	(void)state;
	assert_int_equal(begin(1, 5), 3);
	now = mono_add_s(now, 9);
	assert_int_equal(begin(1, 5), 0);
	now = mono_add_s(now, 1);
	assert_int_equal(begin(1, 5), 1);
	unsigned in = 0;
	for (unsigned i = 0; i < 600; i++) {
		now = mono_add_s(now, 1);
		in += begin(1, 3);
	}
	assert_int_equal(in, 60);
	assert_true(limit.refused > 1000);
}

static void
each_for_himself(void **state)
{
	(void)state;
	assert_int_equal(begin(1, 100), 3);
	assert_int_equal(begin(2, 1), 1);
	now = mono_add_s(now, 3600); /* what was saved up is a burst, no more */
	assert_int_equal(begin(1, 100), 3);
}

/* Of IPv6 a /64 is one source: whoever has one has all its addresses. */
static void
one_site(void **state)
{
	struct addr a = {{0x20, 0x01, 0x0d, 0xb8}};
	unsigned in = 0;
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		put_be16(a.b + 14, (uint16_t)i);
		in += connlimit_admits(&limit, &rule, &a, now);
	}
	assert_int_equal(in, 3);
	a.b[7] = 1;
	assert_true(connlimit_admits(&limit, &rule, &a, now));
}

static void
no_limit(void **state)
{
	struct conf_limits none = {.burst = 3, .timeout = 60};
	struct addr a = addr_from_ip4(1);
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_true(connlimit_admits(&limit, &none, &a, now));
	assert_null(limit.by_addr);
}

/* Forged sources: memory is bounded, and a source that is heard now and then is not forgotten for them. */
static void
strangers_are_forgotten(void **state)
{
	(void)state;
	assert_int_equal(begin(1, 3), 3);
	for (uint32_t i = 0; i < 3 * CONNLIMIT_SOURCES; i++) {
		assert_int_equal(begin(0x0b000000 + i, 1), 1);
		if (i % 1000 == 0)
			assert_int_equal(begin(1, 1), 0);
	}
	unsigned n = 0;
	now = mono_add_s(now, 61);
	for (uint32_t i = 0; i < 2 * CONNLIMIT_SOURCES; i++)
		n += begin(2, 1);
	assert_int_equal(n, 3);
	teardown(state);
	assert_null(limit.by_addr);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_burst_then_a_rate), T(each_for_himself), T(one_site), T(no_limit), T(strangers_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
