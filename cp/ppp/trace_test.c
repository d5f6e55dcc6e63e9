/* The trace as operators read it: one line per kind of packet, cut lines, broken packets, no passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "ppp/ppp.h"

static size_t
from_hex(uint8_t *out, const char *hex)
{
	size_t n = 0;
	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2 + (hex[2] == ' '))
		out[n++] = (uint8_t)byte;
	return n;
}

static void
lines(void **state)
{
	(void)state;
	static const struct {
		const char *hex, *line;
	} rows[] = {
		{"c021 0102 000e 0104 05ac 0506 345f64ca", "[LCP ConfReq id=2 <mru 1452> <magic 345f64ca>]"},
		{"c021 0101 000a 0206 000a0000", "[LCP ConfReq id=1 <asyncmap 0xa0000>]"},
		{"c021 0101 0004", "[LCP ConfReq id=1]"},
		{"c021 0201 0008 0702 0802", "[LCP ConfAck id=1 <pcomp> <accomp>]"},
		{"c021 0301 0008 0304 c023", "[LCP ConfNak id=1 <auth pap>]"},
		{"c021 0101 0009 0305 c223 05", "[LCP ConfReq id=1 <auth chap MD5>]"},
		{"c021 0101 0009 0305 c223 80", "[LCP ConfReq id=1 <auth chap MS>]"},
		{"c021 0101 0009 0305 c223 81", "[LCP ConfReq id=1 <auth chap MS-v2>]"},
		{"c021 0101 0008 0304 c227", "[LCP ConfReq id=1 <auth eap>]"},
		{"c021 0101 0008 0304 c025", "[LCP ConfReq id=1 <auth c0 25>]"},
		{"c021 0401 0007 0d03 06", "[LCP ConfRej id=1 <callback 06>]"},
		{"c021 0401 0007 6303 06", "[LCP ConfRej id=1 <99 06>]"},
		{"c021 0101 0007 0103 05", "[LCP ConfReq id=1 <mru 05>]"},
		{"c021 0501 0010 55736572 20726571 75657374", "[LCP TermReq id=1 \"User request\"]"},
		{"c021 0501 0010 345f64ca 003ccd74 000002e6", "[LCP TermReq id=1 \"error 742\"]"},
		{"c021 0501 0010 345f64ca 003ccd74 e6020000", "[LCP TermReq id=1 \"error 742\"]"},
		{"c021 0501 000c 003ccd74 000002e6", "[LCP TermReq id=1 \"error 742\"]"},
		{"c021 0501 0010 345f64ca 003ccd74 00000000", "[LCP TermReq id=1 \"hung up\"]"},
		{"c021 0501 000f 345f64ca 003ccd74 000002", "[LCP TermReq id=1 \"4_d..<.t...\"]"},
		{"c021 0601 0004", "[LCP TermAck id=1]"},
		{"c021 0d01 000e 345f64ca 00000e10 6279", "[LCP TimeRem id=1 <magic 345f64ca> <seconds 3600> \"by\"]"},
		{"c021 0701 0008 6301 0004", "[LCP CodeRej id=1 <code 99>]"},
		{"c021 0801 000a 80fd 0101 0004", "[LCP ProtoRej id=1 <80fd CCP>]"},
		{"c021 0801 0008 1234 0101", "[LCP ProtoRej id=1 <1234>]"},
		{"c021 0901 0008 345f64ca", "[LCP EchoReq id=1 <magic 345f64ca>]"},
		{"c021 0a01 000b 345f64ca 686579", "[LCP EchoRep id=1 <magic 345f64ca> \"hey\"]"},
		{"c021 0b01 0008 00000000", "[LCP DiscReq id=1 <magic 00000000>]"},
		{"c021 0c01 000e 345f64ca 4d5352415335", "[LCP Ident id=1 <magic 345f64ca> \"MSRAS5\"]"},
		{"c021 0d01 000c 345f64ca 0000003c", "[LCP TimeRem id=1 <magic 345f64ca> <seconds 60>]"},
		{"c021 6301 0006 aabb", "[LCP code=99 id=1 aa bb]"},
		{"8021 0101 0016 0206 002d 0f01 0306 0a4e0105 8106 c0000235",
		 "[IPCP ConfReq id=1 <compress 00 2d 0f 01> <addr 10.78.1.5> <ms-dns1 192.0.2.53>]"},
		{"8021 0301 0016 8206 c0000235 8306 c0000235 8406 c0000235",
		 "[IPCP ConfNak id=1 <ms-wins1 192.0.2.53> <ms-dns2 192.0.2.53> <ms-wins2 192.0.2.53>]"},
		{"8057 0101 000e 010a 1122334455667788", "[IPV6CP ConfReq id=1 <addr fe80::1122:3344:5566:7788>]"},
		{"80fd 0101 000a 1206 01000060", "[CCP ConfReq id=1 <mppe +H -M +S +L -D -C>]"},
		{"80fd 0e01 0004", "[CCP ResetReq id=1]"},
		{"c223 0101 000c 04 deadbeef 627273", "[CHAP Challenge id=1 <deadbeef> name=\"brs\"]"},
		{"c223 0201 000b 04 deadbeef 6122", "[CHAP Response id=1 <deadbeef> name=\"a\\042\"]"},
		{"c223 0301 000b 533d41420d0a5c", "[CHAP Success id=1 \"S=AB\\015\\012\\134\"]"},
		{"c223 0401 0009 453d363931", "[CHAP Failure id=1 \"E=691\"]"},
		{"c023 0101 0012 05 616c696365 07 73 6563 72 6574 21",
		 "[PAP AuthReq id=1 user=\"alice\" password=<hidden>]"},
		{"c023 0201 0008 03 796573", "[PAP AuthAck id=1 \"yes\"]"},
		{"c227 0101 0005 01", "[EAP Request id=1 01]"},
		{"c029 0101 0004", "[CBCP 01 01 00 04]"},
		{"1234 0101 0004", "[proto=1234 01 01 00 04]"},
		/* broken: shown as it is */
		{"c021 0101 0008 0105 05dc", "[LCP ConfReq id=1 01 05 05 dc]"},
		{"c021 0101 000a 0104 05dc 0201", "[LCP ConfReq id=1 <mru 1500> 02 01]"},
		{"c021 0101 0003", "[LCP 01 01 00 03]"},
		{"c021 0101 0009 0104 05dc", "[LCP 01 01 00 09 01 04 05 dc]"},
		{"c021", "[LCP]"},
		{"c223 0101 0006 04 de", "[CHAP Challenge id=1 04 de]"},
		{"c0", "[ c0]"},
		{"", "[]"},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t frame[100];
		char line[300];
		size_t n = from_hex(frame, rows[i].hex);
		assert_string_equal(ppp_trace_format(line, sizeof line, frame, n), rows[i].line);
	}
}

/* Every size of the line: cut, terminated, never beyond. */
static void
narrow(void **state)
{
	(void)state;
	uint8_t frame[100];
	char whole[300];
	size_t n = from_hex(frame, "c021 0101 0018 0104 0578 0206 00000000 0506 345f64ca 0702 0802");
	size_t full = strlen(ppp_trace_format(whole, sizeof whole, frame, n));
	for (size_t size = 1; size <= full + 1; size++) {
		char *line = malloc(size);
		ppp_trace_format(line, size, frame, n);
		assert_int_equal(strlen(line), size - 1);
		assert_memory_equal(line, whole, size - 1);
		free(line);
	}
}

/* The line says what is on the wire, wherever the packet is cut. */
static void
truncated(void **state)
{
	(void)state;
	uint8_t frame[100];
	size_t n = from_hex(frame, "c223 0201 001a 10 00112233445566778899aabbccddeeff 616c696365");
	for (size_t i = 0; i <= n; i++) {
		uint8_t *exact = malloc(i ? i : 1);
		char line[300];
		memcpy(exact, frame, i);
		ppp_trace_format(line, sizeof line, exact, i);
		assert_true(line[0] == '[' && line[strlen(line) - 1] == ']');
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(narrow),
		cmocka_unit_test(truncated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
