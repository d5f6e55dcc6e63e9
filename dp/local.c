#include "local.h"

#include "gre.h"
#include "icmp.h"
#include "icmp6.h"
#include "ip.h"
#include "ip4.h"
#include "ip6.h"
#include "l2tp_data.h"
#include "mbuf.h"
#include "stream.h"
#include "udp.h"

static bool local_other(struct lcore *lc, struct pkt *p, struct lane *segments, struct lane *gre) ON_LCORE;
static bool local_gre(struct lcore *lc, const struct pkt *p) ON_LCORE;
static enum drop local_udp(struct lcore *lc, struct pkt *p, uint64_t *known) ON_LCORE;
static enum drop local_udp6(const struct lcore *lc, const struct pkt *p, const struct udp *udp) ON_LCORE;

void
local_rx(struct lcore *lc, struct lane *v, struct lane *segments, struct lane *gre)
{
	uint64_t known = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
		enum drop why;
		bool six = ip_is_6(ip);
		if (unlikely(!six && (be16(ip + 6) & IP4_FRAG_MASK))) {
			lcore_drop(lc, p->m, DROP_IP4_FRAGMENT);
			continue;
		}
		if (likely(p->proto == IP4_PROTO_UDP))
			why = local_udp(lc, p, &known);
		else if (local_other(lc, p, segments, gre))
			continue;
		else
			why = six ? DROP_IP6_PROTOCOL : DROP_IP4_PROTOCOL;
		if (unlikely(why != DROP_NONE)) {
			lcore_drop(lc, p->m, why);
			continue;
		}
		v->p[n++] = p;
	}
	v->n = n;
}

/* local_other: takes what has stages of its own, or is answered here. */
static bool
local_other(struct lcore *lc, struct pkt *p, struct lane *segments, struct lane *gre)
{
	bool six = ip_is_6(rte_pktmbuf_mtod(p->m, const uint8_t *));

	if (p->proto == IP4_PROTO_TCP && lc->tcp && lc->ifaces[p->iface].access) {
		lane_add(segments, p);
		return true;
	}
	if (p->proto == IP4_PROTO_GRE && !six && local_gre(lc, p)) {
		lane_add(gre, p);
		return true;
	}
	if (p->proto != (six ? IP6_PROTO_ICMP : IP4_PROTO_ICMP))
		return false;
	p->table = lc->ifaces[p->iface].core ? DP_TABLE_CORE : DP_TABLE_ACCESS;
	if (lc->ifaces[p->iface].access && unlikely(stream_icmp(lc, p)))
		return true;
	if (six)
		icmp6_rx(lc, p);
	else
		icmp_rx(lc, p);
	return true;
}

static bool
local_gre(struct lcore *lc, const struct pkt *p)
{
	const struct addr dst = addr_from_ip4(p->dst);

	return lc->ifaces[p->iface].access && local_listens(lc, IP4_PROTO_GRE, &dst, 0);
}

/* local_udp: `known` is the end of the last datagram of IPv4 that found its listener: the next one's, as a rule. */
static enum drop
local_udp(struct lcore *lc, struct pkt *p, uint64_t *known)
{
	struct rte_mbuf *m = p->m;
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	/* Set for a good checksum, and for one not computed yet by a sender on this machine. */
	bool device = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	struct udp udp;
	enum drop why = udp_parse(ip + p->l4, m->data_len - p->l4, m->pkt_len - p->l4, &udp);

	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(!lc->ifaces[p->iface].access)) /* listeners are for tunnel peers, who are there */
		return DROP_UDP_PORT;
	if (unlikely(ip_is_6(ip))) {
		why = local_udp6(lc, p, &udp);
		if (why != DROP_NONE)
			return why;
	} else {
		uint64_t end = (uint64_t)p->dst << 16 | udp.dst_port;
		if (unlikely(end != *known)) {
			const struct addr dst = addr_from_ip4(p->dst);
			if (!local_listens(lc, IP4_PROTO_UDP, &dst, udp.dst_port))
				return DROP_UDP_PORT;
			*known = end;
		}
	}
	if (udp.has_checksum && !device && !ip_checksum_ok(m, p->l4, IP4_PROTO_UDP, udp.len))
		return DROP_UDP_CHECKSUM;
	if (unlikely(m->pkt_len > (uint32_t)p->l4 + udp.len))
		mbuf_trim(m, p->l4 + udp.len);
	return DROP_NONE;
}

/* local_udp6: RFC 8200 8.1: a datagram has a checksum.  RFC 6935 5, RFC 6936 4: but for the data of a tunnel that is
 * configured to be without; its control messages keep theirs. */
static enum drop
local_udp6(const struct lcore *lc, const struct pkt *p, const struct udp *udp)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	struct addr dst;

	ip_dst(ip, &dst);
	const struct dp_listen *l = local_listens(lc, IP4_PROTO_UDP, &dst, udp->dst_port);
	if (unlikely(!l))
		return DROP_UDP_PORT;
	if (likely(udp->has_checksum))
		return DROP_NONE;
	bool data = p->m->data_len > p->l4 + UDP_HDR_LEN && !(ip[p->l4 + UDP_HDR_LEN] & L2TP_T >> 8);
	return l->udp6_zero_checksum && data ? DROP_NONE : DROP_UDP_CHECKSUM;
}

const struct dp_listen *
local_listens(const struct lcore *lc, uint8_t proto, const struct addr *a, uint16_t port)
{
	for (unsigned i = 0; i < lc->n_listeners; i++) {
		const struct dp_listen *l = &lc->listeners[i];
		uint16_t last = l->last_port ? l->last_port : l->port;
		if (port < l->port || port > last || l->ip_proto != proto)
			continue;
		if (addr_eq(&l->addr, a) || (addr_is_any(&l->addr) && addr_is_v4(&l->addr) == addr_is_v4(a)))
			return l;
	}
	return NULL;
}
