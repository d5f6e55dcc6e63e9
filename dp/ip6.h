/* ip6.h - the IPv6 header and the extension headers behind it (RFC 8200): parse; and the stage for packets off the wire.
 *
 * Checks are in wire order; the parsers change nothing.  Extension headers are looked at in packets to us alone, all of
 * them within the first 255 octets and the first buffer; what a node must not ignore drops the packet.  We answer none of them with
 * Parameter Problem: who sends such a thing to a BRAS gets silence and a counter.
 */
#ifndef DP_IP6_H
#define DP_IP6_H

#include "ip4.h"
#include "lcore.h"

#define IP6_HDR_LEN 40
#define IP6_HOP_BY_HOP 0
#define IP6_ROUTING 43
#define IP6_FRAGMENT 44
#define IP6_PROTO_ICMP 58
#define IP6_NO_NEXT 59
#define IP6_DST_OPTIONS 60
#define IP6_HEADERS_MAX 255 /* l4 of struct pkt */

struct ip6 {
	uint16_t total_len; /* header and payload */
	uint8_t hop_limit;
	uint8_t proto;   /* next header; behind ip6_extensions the upper-layer protocol */
	uint8_t hdr_len; /* 40; behind ip6_extensions up to that protocol's header */
};

/* What no packet on a wire may come from: groups and our own loop (RFC 4291 2.5.3, 2.7), and what would read as IPv4
 * (addr.h; RFC 4291 2.5.5.2).  The unspecified address is for Neighbor Discovery to judge. */
static inline bool
ip6_source_ok(const uint8_t *a)
{
	if (a[0])
		return a[0] != 0xff;
	return be64(a) || (be32(a + 8) != 0xffff && !(be32(a + 8) == 0 && be32(a + 12) == 1));
}

static inline bool
ip6_destination_ok(const uint8_t *a)
{
	return a[0] || be64(a) || (be32(a + 8) != 0xffff && !(be32(a + 8) == 0 && be32(a + 12) <= 1));
}

/* ip6_parse: `have` bytes lie at p (first segment), `len` is the whole packet, padding included.  Any thread. */
static inline enum drop
ip6_parse(const uint8_t *p, uint32_t have, uint32_t len, struct ip6 *out)
{
	if (unlikely(have < IP6_HDR_LEN))
		return DROP_IP6_SHORT;
	if (unlikely(p[0] >> 4 != 6))
		return DROP_IP6_VERSION;
	uint32_t total =
		IP6_HDR_LEN + (uint32_t)be16(p + 4); /* 0 of a jumbogram (RFC 2675): nothing then is in there */
	if (unlikely(total > len || total > UINT16_MAX))
		return DROP_IP6_LENGTH;
	*out = (struct ip6){(uint16_t)total, p[7], p[6], IP6_HDR_LEN};
	if (unlikely(!ip6_source_ok(p + 8)))
		return DROP_IP6_SOURCE;
	return likely(ip6_destination_ok(p + 24)) ? DROP_NONE : DROP_IP6_DESTINATION;
}

/* ip6_extensions: RFC 8200 4, behind ip6_parse and with what that has found out: walks to the upper-layer header.  A
 * fragment that is the whole packet is one (RFC 6946), any other drops.  Any thread. */
enum drop ip6_extensions(const uint8_t *p, uint32_t have, struct ip6 *h);

/* ip6_rx: stage IP6.  In: packets off a wire, m at the IPv6 header, iface set, l4 the length of the Ethernet header in
 * front.  To one of our addresses: moved to `local` (l4, proto).  Neighbor Discovery is punted.  Nothing survives in v:
 * IPv6 is not forwarded. */
void ip6_rx(struct lcore *lc, struct lane *v, struct lane *local) ON_LCORE;

#endif
