/* eth.h - Ethernet and one VLAN tag (IEEE 802.3, 802.1Q): parse, and the stage that finds the interface.
 *
 * The tag may lie in the frame or have been taken out by the device (m->vlan_tci).  Tag 0 is a priority tag: untagged.
 */
#ifndef DP_ETH_H
#define DP_ETH_H

#include "lcore.h"

#define ETH_HDR_LEN 14
#define ETH_VLAN_LEN 4
#define ETH_TYPE_IP4 0x0800
#define ETH_TYPE_ARP 0x0806
#define ETH_TYPE_IP6 0x86dd
#define ETH_TYPE_VLAN 0x8100

struct eth {
	uint16_t type;
	uint16_t vlan; /* 0: untagged */
	uint8_t len;   /* of the header */
};

/* eth_parse: the first `have` bytes of the frame lie at p.  Any thread. */
static inline enum drop
eth_parse(const uint8_t *p, uint32_t have, struct eth *out)
{
	if (have < ETH_HDR_LEN)
		return DROP_ETH_SHORT;
	*out = (struct eth){.type = be16(p + 12), .len = ETH_HDR_LEN};
	if (out->type != ETH_TYPE_VLAN)
		return DROP_NONE;
	if (have < ETH_HDR_LEN + ETH_VLAN_LEN)
		return DROP_ETH_SHORT;
	out->vlan = be16(p + 14) & 0xfff;
	out->type = be16(p + 16);
	out->len = ETH_HDR_LEN + ETH_VLAN_LEN;
	return DROP_NONE;
}

/* eth_rx: stage ETH.  In: frames (m; iface: the port's number).  Survivors: IPv4 packets in `four`, IPv6 packets in `six`,
 * m at the IP header, iface set, from = FROM_CORE, l4: the length of the Ethernet header that lies in front of m. */
void eth_rx(struct lcore *lc, struct vec *in, struct lane *four, struct lane *six) ON_LCORE;

/* eth_init: eth_tail and eth_len from the interface's address and VLAN. */
void eth_init(struct iface *ifc) INIT_ONLY;

/* eth_prepend: the header of a frame that leaves by ifc; false when m has no room in front. */
bool eth_prepend(struct rte_mbuf *m, const struct iface *ifc, const uint8_t dst[6], uint16_t type);

/* eth_prepend_ip: the same for an IP packet to the neighbour of `word` (struct adj): address and family are in there. */
static inline bool
eth_prepend_ip(struct rte_mbuf *m, const struct iface *ifc, uint64_t word)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, ifc->eth_len);

	if (unlikely(!p))
		return false;
	/* Ours: only here it is known how far the device has to skip.  The field has two bits: UDP's sum is both of them. */
	if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM)
		m->l2_len = ifc->eth_len;
	const uint8_t *tail = ifc->eth_tail[word >> 62 & 1];
	memcpy(p, &word, 8);
	memcpy(p + 6, tail, 8);
	if (ifc->vlan)
		memcpy(p + 14, tail + 8, 4);
	return true;
}

#endif
