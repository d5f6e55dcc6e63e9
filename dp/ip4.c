#include "ip4.h"

#include "lookup.h"
#include "mbuf.h"

static enum drop ip4_rx_one(struct pkt *p);

void
ip4_rx(struct lcore *lc, struct lane *v, struct lane *local)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		enum drop why = ip4_rx_one(p);
		if (unlikely(why != DROP_NONE))
			lcore_drop(lc, p->m, why);
		else if (p->dst == lc->ifaces[p->iface].ip4) /* most of what tunnels bring; the table says the same */
			lane_add(local, p);
		else
			v->p[n++] = p;
	}
	v->n = n;
	lookup_sub4(lc, v->p, n);
	n = 0;
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		if (unlikely(!nh_is_session(p->nh) && nh_kind(p->nh) == NH_LOCAL))
			lane_add(local, p);
		else if (likely(lc->ifaces[p->iface].core))
			v->p[n++] = p;
		else
			lcore_drop(lc, p->m, DROP_IP4_TRANSIT);
	}
	v->n = n;
}

static enum drop
ip4_rx_one(struct pkt *p)
{
	struct rte_mbuf *m = p->m;
	uint64_t device = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	struct ip4 ip;

	if (unlikely(device == RTE_MBUF_F_RX_IP_CKSUM_BAD))
		return DROP_IP4_CHECKSUM;
	enum drop why = ip4_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len,
				  device == RTE_MBUF_F_RX_IP_CKSUM_GOOD, &ip);
	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(m->pkt_len > ip.total_len))
		mbuf_trim(m, ip.total_len);
	p->dst = ip.dst;
	p->l4 = ip.hdr_len;
	p->proto = ip.proto;
	return DROP_NONE;
}
