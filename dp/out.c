#include "out.h"

#include <rte_ethdev.h>

#include "eth.h"
#include "hold.h"
#include "ip.h"
#include "nexthop.h"

#define TX_RETRIES 4
#define HOP_NONE UINT32_MAX /* a session, by its form: none comes here */

/* Where a next hop leads.  Packets of a burst tend to go to few neighbours: the last answer is kept. */
struct hop {
	uint32_t nh;   /* HOP_NONE: not to be kept */
	uint64_t word; /* of the adjacency; for a link without one its like, unresolved */
	unsigned iface;
};

static enum drop out_where(const struct lcore *lc, const struct pkt *p, struct hop *hop) ON_LCORE;
static void out_hold(struct lcore *lc, struct pkt *p, unsigned iface) ON_LCORE;
static __rte_always_inline void out_neighbour(struct lcore *lc, unsigned iface, uint64_t word, struct rte_mbuf *m)
	ON_LCORE;
static __rte_always_inline void out_queue(struct lcore *lc, unsigned iface, struct rte_mbuf *m) ON_LCORE;
static void out_no_room(struct lcore *lc, struct rte_mbuf *m) ON_LCORE __attribute__((cold, noinline));

void
out_adj(struct lcore *lc, struct lane *v, struct lane *big)
{
	struct hop hop = {.nh = HOP_NONE};

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		enum drop why = likely(p->nh == hop.nh) ? DROP_NONE : out_where(lc, p, &hop);
		const struct iface *ifc = &lc->ifaces[hop.iface];
		/* A subscriber reaches the core side alone, whatever the tables say. */
		if (p->from == FROM_SESSION && unlikely(!ifc->core))
			why = DROP_NO_ROUTE;
		if (unlikely(why != DROP_NONE)) {
			nexthop_refuse(lc, p, why);
			continue;
		}
		if (unlikely(p->m->pkt_len > ifc->mtu)) {
			p->mtu = ifc->mtu;
			lane_add(big, p);
			continue;
		}
		if (likely(hop.word & ADJ_RESOLVED))
			out_neighbour(lc, hop.iface, hop.word, p->m);
		else
			out_hold(lc, p, hop.iface);
	}
	v->n = 0;
}

static enum drop
out_where(const struct lcore *lc, const struct pkt *p, struct hop *hop)
{
	uint32_t index = nh_index(p->nh);

	*hop = (struct hop){.nh = HOP_NONE};
	if (unlikely(nh_is_session(p->nh)))
		return DROP_NO_ROUTE;
	if (likely(nh_kind(p->nh) == NH_ADJ && index < lc->tables->n_adj)) {
		const struct adj *a = &lc->tables->adj[index];
		hop->nh = p->nh;
		hop->word = atomic_load_explicit(&a->word, memory_order_acquire);
		hop->iface = hop->word >> 48 & 0xfff;
		return DROP_NONE;
	}
	if (nh_kind(p->nh) != NH_GLEAN || index >= lc->n_ifaces)
		return DROP_NO_ROUTE;
	hop->iface = index;
	return DROP_NONE;
}

/* out_hold: the neighbour is the adjacency's, or on a link the destination itself. */
static void
out_hold(struct lcore *lc, struct pkt *p, unsigned iface)
{
	struct addr a;

	if (nh_kind(p->nh) == NH_ADJ)
		a = lc->tables->adj[nh_index(p->nh)].addr;
	else
		ip_dst(rte_pktmbuf_mtod(p->m, const uint8_t *), &a);
	hold_keep(lc, p, (uint16_t)iface, &a);
}

void
out_ip(struct lcore *lc, unsigned iface, uint64_t word, struct rte_mbuf *m)
{
	out_neighbour(lc, iface, word, m);
}

static __rte_always_inline void
out_neighbour(struct lcore *lc, unsigned iface, uint64_t word, struct rte_mbuf *m)
{
	if (likely(eth_prepend_ip(m, &lc->ifaces[iface], word)))
		out_queue(lc, iface, m);
	else
		out_no_room(lc, m);
}

static void
out_no_room(struct lcore *lc, struct rte_mbuf *m)
{
	lcore_drop(lc, m, DROP_NO_MBUF);
}

void
out_frame(struct lcore *lc, unsigned iface, struct rte_mbuf *m)
{
	out_queue(lc, iface, m);
}

static __rte_always_inline void
out_queue(struct lcore *lc, unsigned iface, struct rte_mbuf *m)
{
	unsigned port = lc->ifaces[iface].port;
	struct tx_queue *q = &lc->tx[port];

	if (unlikely(q->n == RTE_DIM(q->m)))
		out_flush(lc, port);
	lc->stats.iface_tx[iface]++;
	q->m[q->n++] = m;
}

void
out_flush(struct lcore *lc, unsigned port)
{
	struct tx_queue *q = &lc->tx[port];
	unsigned sent = 0;

	for (unsigned try = 0; sent < q->n && try <= TX_RETRIES; try++)
		sent += rte_eth_tx_burst(lc->port_id[port], lc->tx_queue, q->m + sent, (uint16_t)(q->n - sent));
	if (unlikely(sent < q->n)) {
		lc->stats.drops[DROP_TX_FULL] += q->n - sent;
		rte_pktmbuf_free_bulk(q->m + sent, q->n - sent);
	}
	q->n = 0;
}

const struct iface *
out_summing(const struct lcore *lc, uint32_t nh, uint32_t len)
{
	uint32_t adj = nh_index(nh);

	if (nh_is_session(nh) || nh_kind(nh) != NH_ADJ || adj >= lc->tables->n_adj)
		return NULL;
	const struct iface *ifc = &lc->ifaces[lc->tables->adj[adj].iface];
	bool sums = lc->port_tx_ip4_checksum[ifc->port] && lc->port_tx_udp_checksum[ifc->port];
	return sums && len <= ifc->mtu ? ifc : NULL;
}
