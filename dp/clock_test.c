#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clock.h"

#define HZ 2596123456ull

/* The real machine: cycles of HZ, and a MAIN whose reading of the clock is `late` before the TSC's. */
static uint64_t
tsc_at(int64_t us)
{
	return 1000000 + (uint64_t)((unsigned __int128)us * HZ / 1000000);
}

struct worker {
	struct tsc_map map;
	uint32_t seen;
};

static int64_t
worker_error(struct worker *w, const struct tsc_clock *c, int64_t us)
{
	tsc_clock_read(c, &w->map, &w->seen);
	return tsc_to_mono(&w->map, tsc_at(us)).us - us;
}

static void
a_wrong_frequency_is_corrected_and_time_stays_near(void **state)
{
	struct tsc_clock c = {0};
	struct clock_steer s;
	struct worker w = {0};
	int64_t t = 5000000;
	(void)state;
	/* Calibrated over 100 ms with an error of 100 us: 1,000 ppm, 3.6 s an hour. */
	clock_steer_init(&s, &c, tsc_at(t - 100000), (struct mono){t - 100000}, tsc_at(t), (struct mono){t + 100});
	int64_t worst_late = 0;
	for (unsigned i = 0; i < 3600 * 20; i++) {
		t += 50000;
		int64_t late =
			i % 7 == 0 ? 20 : 3000 * (i % 5); /* most turns of MAIN's loop have worked before dp_step */
		clock_steer(&s, &c, tsc_at(t), (struct mono){t - late});
		int64_t error = worker_error(&w, &c, t);
		assert_in_range(error + 3000, 0, 6000);
		if (i > 20 * 60 && error > worst_late)
			worst_late = error;
	}
	assert_true(worst_late < 200);
}

static void
time_never_goes_back_over_a_correction(void **state)
{
	struct tsc_clock c = {0};
	struct clock_steer s;
	struct worker w = {0};
	int64_t t = 1000000, last = 0;
	(void)state;
	clock_steer_init(&s, &c, tsc_at(0), (struct mono){0}, tsc_at(t), (struct mono){t + 5000});
	for (unsigned i = 0; i < 10000; i++) {
		t += 1000;
		clock_steer(&s, &c, tsc_at(t), (struct mono){t});
		tsc_clock_read(&c, &w.map, &w.seen);
		int64_t now = tsc_to_mono(&w.map, tsc_at(t)).us;
		assert_true(now >= last);
		last = now;
	}
	assert_in_range(last - t + 50, 0, 100);
}

static void
after_a_suspend_it_steps(void **state)
{
	struct tsc_clock c = {0};
	struct clock_steer s;
	struct worker w = {0};
	int64_t t = 1000000, asleep = 3600ll * 1000000;
	(void)state;
	clock_steer_init(&s, &c, tsc_at(0), (struct mono){0}, tsc_at(t), (struct mono){t});
	for (unsigned i = 0; i < 300; i++) {
		t += 10000;
		clock_steer(&s, &c, tsc_at(t + (i > 100 ? asleep : 0)), (struct mono){t});
	}
	tsc_clock_read(&c, &w.map, &w.seen);
	int64_t error = tsc_to_mono(&w.map, tsc_at(t + asleep)).us - t;
	assert_in_range(error + 1000, 0, 2000);
}

static void
a_counter_a_little_behind_gives_a_time_a_little_earlier(void **state)
{
	struct tsc_map m = {.tsc = 1000000, .mult = (1ull << TSC_SHIFT) / 1000, .us = 500};
	(void)state;
	assert_int_equal(tsc_to_mono(&m, 1000000).us, 500);
	assert_int_equal(tsc_to_mono(&m, 990000).us, 490);
	assert_in_range(tsc_to_mono(&m, 2000000).us, 1499, 1500);
}

static void
a_version_being_written_is_not_read(void **state)
{
	struct tsc_clock c = {.version = 3, .tsc = 9, .mult = 9, .us = 9};
	struct tsc_map m = {1, 2, 3};
	uint32_t seen = 2;
	(void)state;
	tsc_clock_read(&c, &m, &seen);
	assert_int_equal(m.us, 3);
	c.version = 4;
	tsc_clock_read(&c, &m, &seen);
	assert_int_equal(m.us, 9);
	assert_int_equal(seen, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_frequency_is_corrected_and_time_stays_near),
		cmocka_unit_test(time_never_goes_back_over_a_correction),
		cmocka_unit_test(after_a_suspend_it_steps),
		cmocka_unit_test(a_counter_a_little_behind_gives_a_time_a_little_earlier),
		cmocka_unit_test(a_version_being_written_is_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
