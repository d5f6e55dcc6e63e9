#include "eth.h"

#include <millrace/bytes.h>

#include "punt.h"

static enum drop eth_rx_one(struct lcore *lc, struct pkt *p, struct eth *h) ON_LCORE;

void
eth_rx(struct lcore *lc, struct vec *in, struct lane *four, struct lane *six)
{
	struct eth h;

	for (unsigned i = 0; i < in->n; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(in->p[i].m, const uint8_t *);
		rte_prefetch0(data);
		rte_prefetch0(data + RTE_CACHE_LINE_SIZE);
	}
	four->n = six->n = 0;
	for (unsigned i = 0; i < in->n; i++) {
		struct pkt *p = &in->p[i];
		enum drop why = eth_rx_one(lc, p, &h);
		if (unlikely(why != DROP_NONE)) {
			lcore_drop(lc, p->m, why);
			continue;
		}
		if (unlikely(h.type == ETH_TYPE_ARP)) {
			punt_eth(lc, p, &h);
			continue;
		}
		rte_pktmbuf_adj(p->m, h.len);
		p->from = FROM_CORE;
		p->table = DP_TABLE_CORE;
		p->l4 = h.len;
		p->inside = 0;
		lane_add(likely(h.type == ETH_TYPE_IP4) ? four : six, p);
	}
}

/* eth_rx_one: finds the interface; changes nothing but p->iface. */
static enum drop
eth_rx_one(struct lcore *lc, struct pkt *p, struct eth *h)
{
	const struct rte_mbuf *m = p->m;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	enum drop why = eth_parse(frame, m->data_len, h);

	if (why != DROP_NONE)
		return why;
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		h->vlan = m->vlan_tci & 0xfff;
	p->iface = lc->iface_of[p->iface][h->vlan];
	if (p->iface == IFACE_NONE)
		return DROP_VLAN_UNKNOWN;
	lc->stats.iface_rx[p->iface]++;
	bool to_us = !memcmp(frame, &lc->ifaces[p->iface].mac, 6);
	if (h->type == ETH_TYPE_ARP)
		return to_us || rte_is_broadcast_ether_addr((const struct rte_ether_addr *)frame) ? DROP_NONE
												  : DROP_ETH_NOT_OURS;
	if (likely(to_us))
		return likely(h->type == ETH_TYPE_IP4) || h->type == ETH_TYPE_IP6 ? DROP_NONE : DROP_ETH_TYPE;
	/* RFC 2464 7: stage IP6 knows which groups are ours. */
	return h->type == ETH_TYPE_IP6 && frame[0] == 0x33 && frame[1] == 0x33 ? DROP_NONE : DROP_ETH_NOT_OURS;
}

void
eth_init(struct iface *ifc)
{
	static const uint16_t types[2] = {ETH_TYPE_IP4, ETH_TYPE_IP6};

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *p = ifc->eth_tail[i];
		memcpy(p, &ifc->mac, 6);
		p += 6;
		if (ifc->vlan) {
			put_be16(p, ETH_TYPE_VLAN);
			put_be16(p + 2, ifc->vlan);
			p += 4;
		}
		put_be16(p, types[i]);
		ifc->eth_len = (uint8_t)(p + 2 - ifc->eth_tail[i] + 6);
	}
}

bool
eth_prepend(struct rte_mbuf *m, const struct iface *ifc, const uint8_t dst[6], uint16_t type)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, ifc->eth_len);

	if (unlikely(!p))
		return false;
	memcpy(p, dst, 6);
	memcpy(p + 6, ifc->eth_tail[0], ifc->eth_len - 8u);
	put_be16(p + ifc->eth_len - 2, type);
	return true;
}
