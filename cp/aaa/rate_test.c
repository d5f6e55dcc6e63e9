/* rate_test.c - which direction gets which number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "aaa/rate.h"

static void
plain_pairs_are_down_up_in_kbit(void **state)
{
	static const struct {
		const char *text;
		unsigned multiplier;
		bool ok;
		uint32_t down, up;
	} rows[] = {
		{"20000/5000", 1000, true, 20000, 5000},
		{"20000", 1000, true, 20000, 20000},
		{"20M/5M", 1000, true, 20000, 5000},
		{"1G/512K", 1000, true, 1000000, 512},
		{"20000\\5000", 1000, true, 20000, 5000},
		{"20000:5000", 1000, true, 20000, 5000},
		{"20000/5000 burst", 1000, true, 20000, 5000},
		{"2.5M/1.5M", 1000, true, 2500, 1500},
		{"100000B/8000B", 1000, true, 100, 8},
		{"8000/800", 1, true, 8, 1},
		{"0/0", 1000, true, 0, 0},
		{"10/20", 125, true, 2, 3},
		{"", 1000, false, 0, 0},
		{"gold", 1000, false, 0, 0},
		{"20000/", 1000, false, 0, 0},
		{"20000/5000/1", 1000, false, 0, 0},
		{"-5/5", 1000, false, 0, 0},
		{"99999999999/1", 1000, false, 0, 0},
		{"1,20000/5000", 1000, false, 0, 0},
		{"20000x", 1000, false, 0, 0},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rate r = {0};
		assert_int_equal(rate_parse_pair(rows[i].text, rows[i].multiplier, &r), rows[i].ok);
		if (!rows[i].ok)
			continue;
		assert_int_equal(r.down.kbps, rows[i].down);
		assert_int_equal(r.up.kbps, rows[i].up);
	}
}

/* rx is what the router receives: up. */
static void
mikrotik_is_up_down_in_bit(void **state)
{
	struct rate r;
	(void)state;
	assert_true(rate_parse_mikrotik("5M/20M", &r));
	assert_int_equal(r.up.kbps, 5000);
	assert_int_equal(r.down.kbps, 20000);
	assert_int_equal(r.down.burst_bytes, 0);
	assert_true(rate_parse_mikrotik("64k/256k 128k/512k 64k/256k 8/16 8", &r));
	assert_int_equal(r.up.kbps, 64);
	assert_int_equal(r.down.kbps, 256);
	assert_int_equal(r.up.burst_bytes, (128000 - 64000) / 8 * 8);
	assert_int_equal(r.down.burst_bytes, (512000 - 256000) / 8 * 16);
	assert_true(rate_parse_mikrotik("1000000", &r));
	assert_int_equal(r.up.kbps, 1000);
	assert_int_equal(r.down.kbps, 1000);
	assert_false(rate_parse_mikrotik("fast", &r));
	assert_false(rate_parse_mikrotik("", &r));
	assert_false(rate_parse_mikrotik("5M/20M x", &r));
}

static void
cisco_says_input_and_output(void **state)
{
	struct rate r, other;
	bool broken;
	(void)state;
	assert_true(rate_parse_cisco("lcp:interface-config#1=rate-limit input 5000000 937500 1875000 conform-action "
				     "transmit exceed-action drop",
				     &r, &broken));
	assert_true(r.up.said);
	assert_false(r.down.said);
	assert_int_equal(r.up.kbps, 5000);
	assert_int_equal(r.up.burst_bytes, 937500);
	assert_true(rate_parse_cisco("lcp:interface-config=rate-limit output access-group 101 20000000 1 2", &other,
				     &broken));
	rate_merge(&r, &other);
	assert_int_equal(r.down.kbps, 20000);
	assert_int_equal(r.up.kbps, 5000);
	assert_false(rate_parse_cisco("ip:addr-pool=home", &r, &broken));
	assert_false(broken);
	assert_false(rate_parse_cisco("lcp:interface-config#1=ip unnumbered lo0", &r, &broken));
	assert_false(broken);
	assert_false(rate_parse_cisco("lcp:interface-config#1=rate-limit sideways 1 1 1", &r, &broken));
	assert_true(broken);
	assert_false(rate_parse_cisco("lcp:interface-config#1=rate-limit input fast", &r, &broken));
	assert_true(broken);
}

static void
wispr_is_bit_a_direction_each(void **state)
{
	(void)state;
	struct rate r = rate_of_bps(2048000, true), up = rate_of_bps(1, false);
	rate_merge(&r, &up);
	assert_int_equal(r.down.kbps, 2048);
	assert_int_equal(r.up.kbps, 1); /* not 0, which is no limit */
}

static void
the_first_word_stands(void **state)
{
	(void)state;
	struct rate r = rate_of_bps(1000, true), later = rate_of_bps(9000, true);
	rate_merge(&r, &later);
	assert_int_equal(r.down.kbps, 1);
	assert_false(r.up.said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_pairs_are_down_up_in_kbit), cmocka_unit_test(mikrotik_is_up_down_in_bit),
		cmocka_unit_test(cisco_says_input_and_output),     cmocka_unit_test(wispr_is_bit_a_direction_each),
		cmocka_unit_test(the_first_word_stands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
