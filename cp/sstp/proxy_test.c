/* proxy_test.c - PROXY protocol, version 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dp/proxy.h>

#include "sstp/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const char tcp4[] = SIGNATURE "\x21\x11\0\x0c"
				     "\xcb\0\x71\x07"
				     "\xc6\x33\x64\x01"
				     "\xc3\x50\x01\xbb";
#define TCP4_LEN 28

static void
ipv4(void **state)
{
	struct proxy p;
	(void)state;
	for (size_t n = 0; n < 16; n++)
		assert_int_equal(proxy_length((const uint8_t *)tcp4, n), 0);
	for (size_t n = 16; n <= TCP4_LEN; n++)
		assert_int_equal(proxy_length((const uint8_t *)tcp4, n), TCP4_LEN);
	assert_true(proxy_parse((const uint8_t *)tcp4, TCP4_LEN, &p));
	assert_false(p.local);
	assert_int_equal(addr_ip4(&p.peer), 0xcb007107);
	assert_int_equal(addr_ip4(&p.to), 0xc6336401);
	assert_int_equal(p.peer_port, 50000);
	assert_int_equal(p.to_port, 443);
	assert_false(proxy_parse((const uint8_t *)tcp4, TCP4_LEN - 1, &p));
}

static void
ipv6_and_tlvs(void **state)
{
	uint8_t h[16 + 36 + 5];
	struct proxy p;
	(void)state;
	memcpy(h, SIGNATURE "\x21\x21\0\x29", 16);
	for (size_t i = 16; i < sizeof h; i++)
		h[i] = (uint8_t)i;
	assert_int_equal(proxy_length(h, sizeof h), sizeof h);
	assert_true(proxy_parse(h, sizeof h, &p));
	assert_memory_equal(&p.peer, h + 16, 16);
	assert_memory_equal(&p.to, h + 32, 16);
	assert_int_equal(p.peer_port, be16(h + 48));
}

static void
health_check(void **state)
{
	struct proxy p;
	(void)state;
	assert_true(proxy_parse((const uint8_t *)SIGNATURE "\x20\0\0\0", 16, &p));
	assert_true(p.local);
	assert_true(proxy_parse((const uint8_t *)SIGNATURE "\x21\0\0\0", 16, &p));
	assert_true(p.local);
}

static void
refused(void **state)
{
	struct proxy p;
	(void)state;
	assert_int_equal(proxy_length((const uint8_t *)"\x16\x03\x01", 3), -1); /* TLS at once */
	assert_int_equal(proxy_length((const uint8_t *)"PROXY TCP4 ", 11), -1);
	assert_int_equal(proxy_length((const uint8_t *)SIGNATURE "\x11", 13), -1);
	assert_int_equal(proxy_length((const uint8_t *)SIGNATURE "\x21\x11\x10\0", 16), -1);
	assert_false(proxy_parse((const uint8_t *)SIGNATURE "\x22\x11\0\0", 16, &p)); /* command */
	assert_false(proxy_parse((const uint8_t *)SIGNATURE "\x21\x12\0\0", 16, &p)); /* UDP */
	assert_false(proxy_parse((const uint8_t *)SIGNATURE "\x21\x11\0\x04"
							    "1234",
				 20, &p)); /* too short for TCP4 */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6_and_tlvs),
		cmocka_unit_test(health_check),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
