/* The scanner finds the same in a handshake's output however that is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "scan.h"

/* ServerHello, ChangeCipherSpec, Finished under TLS 1.2's GCM. */
static const uint8_t output12[] = {22, 3, 3, 0, 4, 9, 9,  9,  9,  20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 10, 1, 2,
				   3,  4, 5, 6, 7, 8, 77, 78, 23, 3,  3, 0, 9, 9, 9, 9,  9, 9, 9, 9,  9, 9};
/* Two tickets, the first of them larger than a piece; an empty record. */
static const uint8_t output13[] = {23, 3,  3,  0,  12, 1, 2, 3, 4,  5, 6, 7, 8, 9,
				   10, 11, 12, 23, 3,  3, 0, 0, 23, 3, 3, 0, 1, 1};

static void
any_pieces(void **state)
{
	static const uint8_t explicit[] = {1, 2, 3, 4, 5, 6, 7, 8};
	(void)state;
	for (size_t piece = 1; piece <= sizeof output12; piece++) {
		struct scan a = {0}, b = {0};
		for (size_t at = 0; at < sizeof output12; at += piece)
			scan_output(&a, output12 + at, piece < sizeof output12 - at ? piece : sizeof output12 - at);
		assert_int_equal(a.explicit_have, 8);
		assert_memory_equal(a.explicit, explicit, 8);
		for (size_t at = 0; at < sizeof output13; at += piece)
			scan_output(&b, output13 + at, piece < sizeof output13 - at ? piece : sizeof output13 - at);
		assert_int_equal(b.data_records, 3);
		assert_int_equal(b.explicit_have, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_pieces)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
