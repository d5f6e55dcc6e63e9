/* ip.h - what IPv4 and IPv6 have in common, for those who take either: the header at p has been checked.
 *
 * Addresses come out as struct addr.  An IPv6 packet never names an IPv4-mapped address (ip6.h drops those), so the two
 * families cannot be taken for one another.  Any thread; no state.
 */
#ifndef DP_IP_H
#define DP_IP_H

#include <rte_ip.h>

#include <millrace/addr.h>

static inline bool
ip_is_6(const uint8_t *p)
{
	return p[0] >> 4 == 6;
}

/* ip_read: an address of the packet; of IPv4 as addr_from_ip4 has it, in two stores (bytes.h: little endian). */
static inline void
ip_read(const uint8_t *p, const uint8_t *at6, const uint8_t *at4, struct addr *out)
{
	uint64_t half[2] = {0};
	uint32_t ip4;

	if (unlikely(ip_is_6(p))) {
		memcpy(half, at6, 16);
	} else {
		memcpy(&ip4, at4, 4);
		half[1] = (uint64_t)ip4 << 32 | 0xffff0000u;
	}
	memcpy(out->b, half, 16);
}

static inline void
ip_src(const uint8_t *p, struct addr *out)
{
	ip_read(p, p + 8, p + 12, out);
}

static inline void
ip_dst(const uint8_t *p, struct addr *out)
{
	ip_read(p, p + 24, p + 16, out);
}

/* ip_pseudo_sum: the pseudo-header of `len` octets of `proto` (RFC 9293 3.1, RFC 8200 8.1), as it lies in memory, not folded. */
static inline uint32_t
ip_pseudo_sum(const uint8_t *p, uint8_t proto, uint32_t len)
{
	uint32_t sum = ip_is_6(p) ? rte_raw_cksum(p + 8, 32) : rte_raw_cksum(p + 12, 8);
	return sum + rte_cpu_to_be_16(proto) + rte_cpu_to_be_16((uint16_t)len);
}

/* ip_checksum_ok: of the `len` octets from `l4` on, the packet starts at m. */
static inline bool
ip_checksum_ok(const struct rte_mbuf *m, uint32_t l4, uint8_t proto, uint32_t len)
{
	uint16_t data;
	if (rte_raw_cksum_mbuf(m, l4, len, &data) < 0)
		return false;
	uint32_t sum = data + ip_pseudo_sum(rte_pktmbuf_mtod(m, const uint8_t *), proto, len);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

#endif
