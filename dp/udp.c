#include "udp.h"

#include <rte_ip.h>

#include "ip.h"
#include "ip4.h"
#include "ip6.h"

#define CONTROL_TTL 64

static bool udp_frame_build6(struct rte_mbuf *m, const struct dp_udp_path *path);
static void udp_header(uint8_t *udp, const struct dp_udp_path *path, uint32_t len);

bool
udp_frame_build(struct rte_mbuf *m, const struct dp_udp_path *path, uint16_t ip_id)
{
	if (addr_is_v4(&path->local) != addr_is_v4(&path->peer) || m->pkt_len > UINT16_MAX - IP4_HDR_LEN - UDP_HDR_LEN)
		return false;
	if (!addr_is_v4(&path->peer))
		return udp_frame_build6(m, path);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, IP4_HDR_LEN + UDP_HDR_LEN), *udp = ip + IP4_HDR_LEN;
	if (!ip)
		return false;
	memset(ip, 0, IP4_HDR_LEN);
	ip[0] = 0x45;
	put_be16(ip + 2, (uint16_t)m->pkt_len);
	put_be16(ip + 4, ip_id);
	ip[8] = CONTROL_TTL;
	ip[9] = IP4_PROTO_UDP;
	put_be32(ip + 12, addr_ip4(&path->local));
	put_be32(ip + 16, addr_ip4(&path->peer));
	ip4_set_checksum(ip);
	udp_header(udp, path, m->pkt_len - IP4_HDR_LEN);
	uint16_t sum = rte_ipv4_udptcp_cksum_mbuf(m, (const struct rte_ipv4_hdr *)ip, IP4_HDR_LEN);
	/* RFC 768: 0 would mean "no checksum"; the library answers 0xffff for UDP then. */
	memcpy(udp + 6, &sum, 2);
	return true;
}

static bool
udp_frame_build6(struct rte_mbuf *m, const struct dp_udp_path *path)
{
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, IP6_HDR_LEN + UDP_HDR_LEN);
	if (!ip)
		return false;
	uint16_t len = (uint16_t)(m->pkt_len - IP6_HDR_LEN);
	put_be32(ip, 6u << 28);
	put_be16(ip + 4, len);
	ip[6] = IP4_PROTO_UDP;
	ip[7] = CONTROL_TTL;
	memcpy(ip + 8, path->local.b, 16);
	memcpy(ip + 24, path->peer.b, 16);
	udp_header(ip + IP6_HDR_LEN, path, len);
	uint16_t sum = udp6_pseudo_sum(ip, len);
	memcpy(ip + IP6_HDR_LEN + 6, &sum, 2);
	udp6_checksum(m);
	return true;
}

static void
udp_header(uint8_t *udp, const struct dp_udp_path *path, uint32_t len)
{
	put_be16(udp, path->local_port);
	put_be16(udp + 2, path->peer_port);
	put_be16(udp + 4, (uint16_t)len);
	put_be16(udp + 6, 0);
}

/* RFC 8200 8.1: a checksum of 0 is sent as 0xffff. */
void
udp6_checksum(struct rte_mbuf *m)
{
	uint8_t *udp = rte_pktmbuf_mtod_offset(m, uint8_t *, IP6_HDR_LEN);
	uint16_t sum = 0;
	if (likely(m->nb_segs == 1))
		sum = rte_raw_cksum(udp, m->data_len - IP6_HDR_LEN);
	else
		rte_raw_cksum_mbuf(m, IP6_HDR_LEN, m->pkt_len - IP6_HDR_LEN, &sum);
	sum = sum == 0xffff ? sum : (uint16_t)~sum;
	memcpy(udp + 6, &sum, 2);
}

void
udp_leave_checksums(struct rte_mbuf *m, unsigned eth_len)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t sum;

	m->l2_len = eth_len;
	m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	if (ip_is_6(ip)) {
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
		m->l3_len = IP6_HDR_LEN;
		sum = udp6_pseudo_sum(ip, be16(ip + 4));
	} else {
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
		m->l3_len = IP4_HDR_LEN;
		put_be16(ip + 10, 0);
		sum = rte_ipv4_phdr_cksum((const struct rte_ipv4_hdr *)(const void *)ip, m->ol_flags);
	}
	memcpy(ip + m->l3_len + 6, &sum, 2);
}
