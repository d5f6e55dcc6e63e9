#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policer.h"

static unsigned
taken(struct policer *p, unsigned n, int64_t us)
{
	unsigned k = 0;
	for (unsigned i = 0; i < n; i++)
		k += policer_take(p, (struct mono){us});
	return k;
}

static void
a_full_bucket_lets_a_burst_through_and_no_more(void **state)
{
	struct policer p;
	(void)state;
	policer_init(&p, 10, (struct mono){0});
	assert_int_equal(taken(&p, 100, 0), 10);
	assert_int_equal(taken(&p, 100, 99999), 0);
	assert_int_equal(taken(&p, 100, 100000), 1);
	assert_int_equal(taken(&p, 100, 100000), 0);
}

static void
it_never_holds_more_than_a_second(void **state)
{
	struct policer p;
	(void)state;
	policer_init(&p, 10, (struct mono){0});
	assert_int_equal(taken(&p, 100, 0), 10);
	assert_int_equal(taken(&p, 100, INT64_MAX / 2), 10);
}

/* Asked every microsecond, it must not lose the fractions. */
static void
the_rate_holds_however_often_it_is_asked(void **state)
{
	struct policer p;
	unsigned n = 0;
	(void)state;
	policer_init(&p, 1000, (struct mono){0});
	assert_int_equal(taken(&p, 2000, 0), 1000);
	for (int64_t us = 1; us <= 2000000; us++)
		n += policer_take(&p, (struct mono){us});
	assert_int_equal(n, 2000);
}

static void
the_ends_of_the_range(void **state)
{
	struct policer none, all;
	(void)state;
	policer_init(&none, 0, (struct mono){0});
	policer_init(&all, UINT32_MAX, (struct mono){0});
	assert_int_equal(taken(&none, 10, 5000000), 0);
	assert_int_equal(taken(&all, 1000, 1), 1000);
	assert_int_equal(taken(&all, 1000, 999999), 1000);
	/* Time that goes back gives nothing and breaks nothing. */
	assert_int_equal(taken(&none, 10, 0), 0);
	assert_int_equal(taken(&all, 10, 0), 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_lets_a_burst_through_and_no_more),
		cmocka_unit_test(it_never_holds_more_than_a_second),
		cmocka_unit_test(the_rate_holds_however_often_it_is_asked),
		cmocka_unit_test(the_ends_of_the_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
