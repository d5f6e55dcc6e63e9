/* The parsers of the path, each on a buffer that ends where it says: a read beyond it is the sanitizer's to find, a result
 * that does not fit the buffer is found here. */
#include <stdlib.h>

#include "eth.h"
#include "gre.h"
#include "ip4.h"
#include "ip6.h"
#include "l2tp_data.h"
#include "ppp_data.h"
#include "quote.h"
#include "udp.h"

#define FUZZ_GRE 0xfe
#define FUZZ_QUOTE 0xfd

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static void
fuzz_eth(const uint8_t *p, uint32_t have)
{
	struct eth h;
	if (eth_parse(p, have, &h) == DROP_NONE)
		CHECK(h.len <= have && h.vlan < 4096 && (h.len == 14 || h.len == 18));
}

static void
fuzz_ip4(const uint8_t *p, uint32_t have, uint32_t len)
{
	struct ip4 h;
	if (ip4_parse(p, have, len, true, &h) != DROP_NONE)
		return;
	CHECK(h.hdr_len >= 20 && h.hdr_len <= have && h.hdr_len <= h.total_len && h.total_len <= len);
	CHECK(ip4_unicast(h.src) && ip4_unicast(h.dst));
	/* With its checksum made, the header is good; with one bit of that changed, it is not. */
	uint8_t copy[60];
	memcpy(copy, p, h.hdr_len);
	ip4_set_checksum(copy);
	CHECK(ip4_parse(copy, h.hdr_len, len, false, &h) == DROP_NONE);
	if (h.ttl) {
		ip4_ttl_dec(copy);
		CHECK(ip4_parse(copy, h.hdr_len, len, false, &h) == DROP_NONE);
	}
	copy[10] ^= 0x10;
	CHECK(ip4_parse(copy, h.hdr_len, len, false, &h) == DROP_IP4_CHECKSUM);
}

static void
fuzz_ip6(const uint8_t *p, uint32_t have, uint32_t len)
{
	struct ip6 h;
	if (ip6_parse(p, have, len, &h) != DROP_NONE)
		return;
	CHECK(h.hdr_len == 40 && h.total_len >= 40 && h.total_len <= len);
	CHECK(ip6_source_ok(p + 8) && ip6_destination_ok(p + 24));
	if (ip6_extensions(p, have, &h) != DROP_NONE)
		return;
	CHECK(h.hdr_len >= 40 && h.hdr_len <= have && h.hdr_len <= h.total_len && (h.hdr_len & 7) == 0);
	CHECK(h.proto != IP6_ROUTING && h.proto != IP6_FRAGMENT && h.proto != IP6_DST_OPTIONS);
}

static void
fuzz_udp(const uint8_t *p, uint32_t have, uint32_t len)
{
	struct udp h;
	if (udp_parse(p, have, len, &h) == DROP_NONE)
		CHECK(h.len >= UDP_HDR_LEN && h.len <= len);
}

static void
fuzz_l2tp(const uint8_t *p, uint32_t have, uint32_t len)
{
	struct l2tp h;
	if (l2tp_parse(p, have, len, &h) == DROP_NONE && !h.control)
		CHECK(h.hdr_len >= L2TP_MIN_LEN && h.hdr_len <= have && h.hdr_len <= h.len && h.len <= len);
}

static void
fuzz_gre(const uint8_t *p, uint32_t have, uint32_t len)
{
	struct gre h;
	if (gre_parse(p, have, len, &h) == DROP_NONE)
		CHECK(h.hdr_len >= GRE_MIN_LEN && h.hdr_len <= have && h.hdr_len + h.len <= len &&
		      (h.has_seq || !h.len));
}

static void
fuzz_ppp(const uint8_t *p, uint32_t have)
{
	struct ppp h;
	struct lcp_echo e;
	if (ppp_parse(p, have, &h) == DROP_NONE)
		CHECK(h.hdr_len >= 1 && h.hdr_len <= 4 && h.hdr_len <= have);
	if (lcp_echo_parse(p, have, &e) == DROP_NONE && e.code)
		CHECK(e.len >= LCP_ECHO_LEN && e.len <= have);
}

static void
fuzz_quote(const uint8_t *p, uint32_t have, bool six)
{
	struct tcp_quote q;
	enum tcp_error e;
	if (quote_parse(p, have, six, &e, &q))
		CHECK(have >= (six ? 56 : 36) && addr_is_v4(&q.local) != six && addr_is_v4(&q.peer) != six);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2 || n > 2048)
		return 0;
	uint32_t have = (uint32_t)n - 2, len = have + (data[1] & 1 ? data[1] : 0);
	uint8_t *p = malloc(have ? have : 1);
	if (!p)
		return 0;
	memcpy(p, data + 2, have);
	switch (data[0] >= FUZZ_QUOTE && data[0] <= FUZZ_GRE ? data[0] : data[0] % 6) {
	case FUZZ_GRE:
		fuzz_gre(p, have, len);
		break;
	case FUZZ_QUOTE:
		fuzz_quote(p, have, data[1] & 1);
		break;
	case 0:
		fuzz_eth(p, have);
		break;
	case 1:
		fuzz_ip4(p, have, len);
		break;
	case 2:
		fuzz_udp(p, have, len);
		break;
	case 3:
		fuzz_l2tp(p, have, len);
		break;
	case 4:
		fuzz_ip6(p, have, len);
		break;
	default:
		fuzz_ppp(p, have);
		break;
	}
	free(p);
	return 0;
}
