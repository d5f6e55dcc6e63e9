/* udp.h - RFC 768: parse, and build what MAIN sends.  Any thread but for the mbufs; no state. */
#ifndef DP_UDP_H
#define DP_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include <dp/drop.h>
#include <dp/msg.h>
#include <millrace/bytes.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#define UDP_HDR_LEN 8

struct udp {
	uint16_t src_port, dst_port;
	uint16_t len; /* header and data */
	bool has_checksum;
};

/* udp_parse: `have` bytes lie at p, `len` is the length of the IP payload.  Any thread. */
static inline enum drop
udp_parse(const uint8_t *p, uint32_t have, uint32_t len, struct udp *out)
{
	if (unlikely(have < UDP_HDR_LEN))
		return DROP_UDP_SHORT;
	out->src_port = be16(p);
	out->dst_port = be16(p + 2);
	out->len = be16(p + 4);
	if (unlikely(out->len < UDP_HDR_LEN || out->len > len))
		return DROP_UDP_SHORT;
	out->has_checksum = p[6] || p[7];
	return DROP_NONE;
}

/* udp6_pseudo_sum: of the IPv6 header at ip and `len` octets of UDP, folded, in memory order: what devices want in the field that
 * they are to fill in. */
static inline uint16_t
udp6_pseudo_sum(const uint8_t *ip, uint16_t len)
{
	uint32_t sum = rte_raw_cksum(ip + 8, 32) + rte_cpu_to_be_16(17) + (uint32_t)rte_cpu_to_be_16(len);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* udp6_checksum: the field of the UDP header behind the IPv6 header at which m starts holds the sum of the pseudo-header; it
 * gets the checksum over all of it. */
void udp6_checksum(struct rte_mbuf *m);

/* udp_frame_build: for FRAME_UDP: m holds the payload and has headroom for 48 bytes; UDP (with checksum) and IP headers
 * are put in front, from path->local to path->peer.  False when the ends are of two families or m has not the room; m is
 * then unchanged. */
bool udp_frame_build(struct rte_mbuf *m, const struct dp_udp_path *path, uint16_t ip_id);

/* udp_leave_checksums: of what udp_frame_build has made: the device will fill them in, behind a link header of eth_len
 * bytes that is still to come.  The UDP field gets the sum of the pseudo-header, as devices want it. */
void udp_leave_checksums(struct rte_mbuf *m, unsigned eth_len);

#endif
