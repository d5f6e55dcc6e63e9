/* The parsers of the path at their edges: the last octets that are too few, the first that are enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "eth.h"
#include "frame_build.h"
#include "ip4.h"
#include "l2tp_data.h"
#include "ppp_data.h"
#include "udp.h"

static void
eth(void **state)
{
	(void)state;
	struct frame f;
	struct eth h;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	frame_payload(&f, 0);
	frame_eth(&f, mac, mac, 0, 0x0800);
	assert_int_equal(eth_parse(f.p, 13, &h), DROP_ETH_SHORT);
	assert_int_equal(eth_parse(f.p, 14, &h), DROP_NONE);
	assert_int_equal(h.type, 0x0800);
	assert_int_equal(h.vlan, 0);
	assert_int_equal(h.len, 14);
	frame_payload(&f, 0);
	frame_eth(&f, mac, mac, 0xf000 | 4095, 0x0806);
	assert_int_equal(eth_parse(f.p, 14, &h), DROP_ETH_SHORT);
	assert_int_equal(eth_parse(f.p, 17, &h), DROP_ETH_SHORT);
	assert_int_equal(eth_parse(f.p, 18, &h), DROP_NONE);
	assert_int_equal(h.type, 0x0806);
	assert_int_equal(h.vlan, 4095);
	assert_int_equal(h.len, 18);
}

static void
ip4(void **state)
{
	(void)state;
	struct frame f;
	struct ip4 h;
	for (unsigned options = 0; options <= 40; options += 4) {
		unsigned hdr = 20 + options;
		frame_payload(&f, 10);
		frame_ip4(&f, (struct frame_ip4){.src = 0x01000001,
						 .dst = 0xdfffffff,
						 .proto = 6,
						 .ttl = 255,
						 .frag = 0x6001,
						 .options = (uint8_t)options});
		assert_int_equal(ip4_parse(f.p, 19, hdr + 10, false, &h), DROP_IP4_SHORT);
		if (options)
			assert_int_equal(ip4_parse(f.p, hdr - 1, hdr + 10, false, &h), DROP_IP4_SHORT);
		assert_int_equal(ip4_parse(f.p, hdr, hdr + 9, false, &h), DROP_IP4_LENGTH);
		assert_int_equal(ip4_parse(f.p, hdr, hdr + 10, false, &h), DROP_NONE);
		assert_int_equal(ip4_parse(f.p, hdr, 9000, false, &h), DROP_NONE);
		assert_int_equal(h.hdr_len, hdr);
		assert_int_equal(h.total_len, hdr + 10);
		assert_int_equal(h.src, 0x01000001);
		assert_int_equal(h.dst, 0xdfffffff);
		assert_int_equal(h.frag, 0x6001);
		assert_int_equal(h.proto, 6);
		assert_int_equal(h.ttl, 255);
		/* Each bit of the header counts, unless the device has looked. */
		for (unsigned bit = 64; bit < hdr * 8; bit++) {
			f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(ip4_parse(f.p, hdr, hdr + 10, false, &h), DROP_IP4_CHECKSUM);
			f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		f.p[10] ^= 1;
		assert_int_equal(ip4_parse(f.p, hdr, hdr + 10, true, &h), DROP_NONE);
	}
}

static void
ip4_sums_agree(void **state)
{
	(void)state;
	uint8_t p[20];
	uint32_t seed = 1;
	for (unsigned i = 0; i < 20000; i++) {
		for (unsigned j = 0; j < 20; j++) {
			seed = seed * 1664525 + 1013904223;
			p[j] = i % 3 == 0 ? 0xff : i % 7 == 0 ? 0 : (uint8_t)(seed >> 24);
		}
		p[i % 20] = (uint8_t)i;
		uint16_t sum = (uint16_t)~frame_checksum(p, 20, 0);
		assert_int_equal(ip4_sum(p, 5), __builtin_bswap16(sum));
		assert_int_equal(ip4_sum_20(p), __builtin_bswap16(sum));
		p[0] = 0x45;
		p[8] |= 2;
		ip4_set_checksum(p);
		assert_int_equal(frame_checksum(p, 20, 0), 0);
		ip4_ttl_dec(p);
		assert_int_equal(frame_checksum(p, 20, 0), 0);
	}
}

static void
unicast(void **state)
{
	(void)state;
	static const uint32_t yes[] = {0x01000000, 0x7effffff, 0x80000000, 0xdfffffff, 0x0a000001};
	static const uint32_t no[] = {0,          0x00ffffff, 0x7f000000, 0x7fffffff,
				      0xe0000000, 0xefffffff, 0xf0000000, 0xffffffff};
	for (unsigned i = 0; i < RTE_DIM(yes); i++)
		assert_true(ip4_unicast(yes[i]));
	for (unsigned i = 0; i < RTE_DIM(no); i++)
		assert_false(ip4_unicast(no[i]));
}

static void
udp(void **state)
{
	(void)state;
	static const uint8_t p[8] = {0x12, 0x34, 0x06, 0xa5, 0, 12, 0, 0};
	struct udp h;
	assert_int_equal(udp_parse(p, 7, 12, &h), DROP_UDP_SHORT);
	assert_int_equal(udp_parse(p, 8, 11, &h), DROP_UDP_SHORT);
	assert_int_equal(udp_parse(p, 8, 12, &h), DROP_NONE);
	assert_int_equal(h.src_port, 0x1234);
	assert_int_equal(h.dst_port, 1701);
	assert_int_equal(h.len, 12);
	assert_false(h.has_checksum);
	static const uint8_t seven[8] = {0, 0, 0, 0, 0, 7, 0, 1};
	assert_int_equal(udp_parse(seven, 8, 12, &h), DROP_UDP_SHORT);
	static const uint8_t eight[8] = {0, 0, 0, 0, 0, 8, 0, 1};
	assert_int_equal(udp_parse(eight, 8, 12, &h), DROP_NONE);
	assert_true(h.has_checksum);
}

/* With every option: one octet less than the header is short, the header alone is enough. */
static void
l2tp(void **state)
{
	(void)state;
	struct frame f;
	struct l2tp h = {0};
	for (unsigned form = 0; form < 8; form++) {
		struct frame_l2tp want = {.tid = 0x1234,
					  .sid = 0x5678,
					  .length = form & 1,
					  .sequence = form & 2,
					  .offset = form & 4,
					  .offset_pad = 3};
		frame_payload(&f, 0);
		frame_l2tp(&f, want);
		unsigned n = frame_len(&f), fixed = n - (want.offset ? 3 : 0);
		for (unsigned have = 0; have < n; have++) {
			enum drop why = have < fixed ? DROP_L2TP_SHORT : DROP_L2TP_OFFSET;
			assert_int_equal(l2tp_parse(f.p, have, n, &h), why);
		}
		assert_int_equal(l2tp_parse(f.p, n, n, &h), DROP_NONE);
		assert_false(h.control);
		assert_int_equal(h.tid, 0x1234);
		assert_int_equal(h.sid, 0x5678);
		assert_int_equal(h.hdr_len, n);
		assert_int_equal(h.len, n);
		assert_int_equal(l2tp_parse(f.p, n, n + 9, &h), DROP_NONE);
		assert_int_equal(h.len, want.length ? n : n + 9);
	}
	/* Reserved bits and the priority bit do not matter; T does, and so does the version. */
	static const uint8_t reserved[] = {0x35, 0xf2, 0, 1, 0, 2}, control[] = {0xc8, 2, 0, 12, 0, 0};
	assert_int_equal(l2tp_parse(reserved, 6, 6, &h), DROP_NONE);
	assert_int_equal(l2tp_parse(control, 6, 12, &h), DROP_NONE);
	assert_true(h.control);
	for (unsigned version = 0; version < 16; version++) {
		uint8_t p[6] = {0, (uint8_t)version, 0, 1, 0, 2};
		assert_int_equal(l2tp_parse(p, 6, 6, &h), version == 2 ? DROP_NONE : DROP_L2TP_VERSION);
	}
}

static void
ppp(void **state)
{
	(void)state;
	static const struct {
		uint8_t p[4];
		uint8_t have;
		enum drop why;
		uint16_t protocol;
		uint8_t hdr_len;
	} cases[] = {
		{{0}, 0, DROP_PPP_SHORT, 0, 0},
		{{0x21}, 1, DROP_NONE, 0x0021, 1},
		{{0x00}, 1, DROP_PPP_SHORT, 0, 0},
		{{0x00, 0x21}, 2, DROP_NONE, 0x0021, 2},
		{{0xff, 0x03}, 2, DROP_PPP_SHORT, 0, 0},
		{{0xff, 0x03, 0x21}, 3, DROP_NONE, 0x0021, 3},
		{{0xff, 0x03, 0xc0}, 3, DROP_PPP_SHORT, 0, 0},
		{{0xff, 0x03, 0xc0, 0x21}, 4, DROP_NONE, 0xc021, 4},
		{{0xc0, 0x23}, 2, DROP_NONE, 0xc023, 2},
		{{0xff, 0x04}, 2, DROP_NONE, 0x00ff, 1}, /* no address field: an odd octet is a whole protocol */
		{{0xc0, 0x22}, 2, DROP_NONE, 0xc022, 2}, /* not a protocol: MAIN rejects it (RFC 1661 2) */
	};
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		struct ppp h = {0};
		assert_int_equal(ppp_parse(cases[i].p, cases[i].have, &h), cases[i].why);
		if (cases[i].why != DROP_NONE)
			continue;
		assert_int_equal(h.protocol, cases[i].protocol);
		assert_int_equal(h.hdr_len, cases[i].hdr_len);
	}
}

static void
echo(void **state)
{
	(void)state;
	static const uint8_t request[12] = {9, 7, 0, 12, 1, 2, 3, 4}, conf[4] = {1, 1, 0, 4};
	struct lcp_echo e;
	assert_int_equal(lcp_echo_parse(request, 0, &e), DROP_NONE);
	assert_int_equal(e.code, 0);
	assert_int_equal(lcp_echo_parse(conf, 4, &e), DROP_NONE);
	assert_int_equal(e.code, 0);
	assert_int_equal(lcp_echo_parse(request, 7, &e), DROP_ECHO_MALFORMED);
	assert_int_equal(lcp_echo_parse(request, 11, &e), DROP_ECHO_MALFORMED);
	assert_int_equal(lcp_echo_parse(request, 12, &e), DROP_NONE);
	assert_int_equal(e.code, LCP_ECHO_REQUEST);
	assert_int_equal(e.len, 12);
	assert_int_equal(e.magic, 0x01020304);
}

static void
drops_have_rows(void **state)
{
	(void)state;
	for (unsigned i = 1; i < DROP_COUNT; i++) {
		assert_non_null(drop_row(i)->name);
		assert_non_null(drop_row(i)->text);
		assert_true(drop_row(i)->blame <= DROP_BLAME_US);
	}
	assert_string_equal(drop_row(DROP_SPOOFED)->name, "SPOOFED");
	assert_string_equal(drop_blame_name(drop_row(DROP_SPOOFED)->blame), "peer");
	assert_string_equal(drop_blame_name(DROP_BLAME_LOAD), "load");
	assert_string_equal(drop_blame_name(DROP_BLAME_POLICY), "policy");
	assert_string_equal(drop_blame_name(DROP_BLAME_US), "us");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eth),     cmocka_unit_test(ip4),  cmocka_unit_test(ip4_sums_agree),
		cmocka_unit_test(unicast), cmocka_unit_test(udp),  cmocka_unit_test(l2tp),
		cmocka_unit_test(ppp),     cmocka_unit_test(echo), cmocka_unit_test(drops_have_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
