/* ip4.h - the IPv4 header (RFC 791): parse, checksum, time to live; and the stage for packets off the wire.
 *
 * The parser serves outer and inner headers alike.  Checks are in wire order; it changes nothing.
 */
#ifndef DP_IP4_H
#define DP_IP4_H

#include "lcore.h"

#define IP4_HDR_LEN 20
#define IP4_PROTO_ICMP 1
#define IP4_PROTO_TCP 6
#define IP4_PROTO_UDP 17
#define IP4_PROTO_GRE 47
#define IP4_FRAG_DF 0x4000
#define IP4_FRAG_MASK 0x3fff /* more fragments, or an offset */
#define IP4_FRAG_OFFSET 0x1fff

struct ip4 {
	uint32_t src, dst;
	uint16_t total_len, frag;
	uint8_t hdr_len, proto, ttl;
};

/* ip4_sum: ones' complement sum of n 32-bit words, in memory order, folded to 16 bits. */
static inline uint16_t
ip4_sum(const uint8_t *p, unsigned words)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < words; i++) {
		uint32_t w;
		memcpy(&w, p + i * 4, 4);
		sum += w;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* ip4_sum_20: the same for a header without options, as most are. */
static inline uint16_t
ip4_sum_20(const uint8_t *p)
{
	uint64_t a, b;
	uint32_t c;
	memcpy(&a, p, 8);
	memcpy(&b, p + 8, 8);
	memcpy(&c, p + 16, 4);
	uint64_t sum = (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) + c;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* ip4_unicast: what a host may have: not 0/8, 127/8, multicast, reserved or broadcast (RFC 1812 5.3.7). */
static inline bool
ip4_unicast(uint32_t ip4)
{
	uint32_t net = ip4 >> 24;
	return net - 1 < 223 && net != 127;
}

/* ip4_parse: `have` bytes lie at p (first segment), `len` is the whole packet, padding included.  checksum_known: the
 * device has found the header checksum good.  Any thread. */
static inline enum drop
ip4_parse(const uint8_t *p, uint32_t have, uint32_t len, bool checksum_known, struct ip4 *out)
{
	if (unlikely(have < IP4_HDR_LEN))
		return DROP_IP4_SHORT;
	if (unlikely(p[0] >> 4 != 4))
		return DROP_IP4_VERSION;
	unsigned hdr_len = (p[0] & 15u) * 4;
	if (unlikely(hdr_len < IP4_HDR_LEN || hdr_len > have))
		return DROP_IP4_SHORT;
	out->hdr_len = (uint8_t)hdr_len;
	out->total_len = be16(p + 2);
	if (unlikely(out->total_len < hdr_len || out->total_len > len))
		return DROP_IP4_LENGTH;
	out->frag = be16(p + 6);
	out->ttl = p[8];
	out->proto = p[9];
	if (!checksum_known) {
		uint16_t sum = likely(hdr_len == IP4_HDR_LEN) ? ip4_sum_20(p) : ip4_sum(p, hdr_len / 4);
		if (unlikely(sum != 0xffff))
			return DROP_IP4_CHECKSUM;
	}
	out->src = be32(p + 12);
	if (unlikely(!ip4_unicast(out->src)))
		return DROP_IP4_SOURCE;
	out->dst = be32(p + 16);
	if (unlikely(!ip4_unicast(out->dst)))
		return DROP_IP4_DESTINATION;
	return DROP_NONE;
}

/* ip4_set_checksum: over the header at p, whose length stands in it. */
static inline void
ip4_set_checksum(uint8_t *p)
{
	uint16_t sum;
	p[10] = p[11] = 0;
	sum = (uint16_t)~ip4_sum(p, p[0] & 15u);
	memcpy(p + 10, &sum, 2);
}

/* ip4_ttl_dec: one hop less, checksum by RFC 1141.  The caller has seen that it is above 1. */
static inline void
ip4_ttl_dec(uint8_t *p)
{
	uint16_t be;
	p[8]--;
	memcpy(&be, p + 10, 2);
	uint32_t sum = be + 1u; /* 0x0100 in network order is 1 in ours (bytes.h: little endian) */
	be = (uint16_t)(sum + (sum >= 0xffff));
	memcpy(p + 10, &be, 2);
}

/* ip4_rx: stage IP4.  In: packets off a wire, m at the IPv4 header, iface set.  Survivors in v: inner packets from the
 * core side (dst, nh from the subscriber table).  To one of our addresses: moved to `local` (dst, l4, proto). */
void ip4_rx(struct lcore *lc, struct lane *v, struct lane *local) ON_LCORE;

#endif
