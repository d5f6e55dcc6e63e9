#include "ip6.h"

#include "icmp6.h"
#include "mbuf.h"
#include "punt.h"
#include "route6.h"

static enum drop ip6_rx_one(const struct lcore *lc, struct pkt *p) ON_LCORE;
static enum drop ip6_for_us(const struct lcore *lc, const struct pkt *p) ON_LCORE;
static bool ip6_asks_for_ours(const struct lcore *lc, const struct pkt *p) ON_LCORE;
static bool ip6_is_ours(const struct lcore *lc, const struct iface *ifc, const uint8_t *a) ON_LCORE;
static enum drop ip6_options(const uint8_t *p, unsigned len);
static enum drop ip6_extension(const uint8_t *p, uint8_t type, unsigned len);
static enum drop ip6_neighbour(const struct lcore *lc, struct pkt *p, uint8_t hop_limit) ON_LCORE;

void
ip6_rx(struct lcore *lc, struct lane *v, struct lane *local)
{
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		unsigned eth_len = p->l4;
		enum drop why = ip6_rx_one(lc, p);
		if (unlikely(why != DROP_NONE)) {
			lcore_drop(lc, p->m, why);
			continue;
		}
		if (likely(p->proto != IP6_PROTO_ICMP || !icmp6_is_nd(p)))
			lane_add(local, p);
		else
			punt_nd(lc, p, eth_len);
	}
	v->n = 0;
}

static enum drop
ip6_rx_one(const struct lcore *lc, struct pkt *p)
{
	struct rte_mbuf *m = p->m;
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	struct ip6 h;
	enum drop why = ip6_parse(ip, m->data_len, m->pkt_len, &h);

	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(m->pkt_len > h.total_len))
		mbuf_trim(m, h.total_len);
	bool group_frame = ip[-(int)p->l4] & 1; /* the frame's destination still lies in front */
	if (likely(ip[24] != 0xff)) {
		if (unlikely(group_frame))
			return DROP_ETH_NOT_OURS;
		why = ip6_for_us(lc, p);
		if (unlikely(why != DROP_NONE))
			return why;
	}
	why = likely(h.proto == IP4_PROTO_UDP || h.proto == IP4_PROTO_TCP) ? DROP_NONE
									   : ip6_extensions(ip, m->data_len, &h);
	if (unlikely(why != DROP_NONE))
		return why;
	p->l4 = h.hdr_len;
	p->proto = h.proto;
	if (unlikely(ip[24] == 0xff || (h.proto == IP6_PROTO_ICMP && icmp6_is_nd(p))))
		return ip6_neighbour(lc, p, h.hop_limit);
	/* RFC 4291 2.5.2: nobody can be answered there. */
	return unlikely(!be64(ip + 8) && !be64(ip + 16)) ? DROP_IP6_SOURCE : DROP_NONE;
}

static enum drop
ip6_for_us(const struct lcore *lc, const struct pkt *p)
{
	const uint8_t *dst = rte_pktmbuf_mtod(p->m, const uint8_t *) + 24;

	return likely(ip6_is_ours(lc, &lc->ifaces[p->iface], dst)) ? DROP_NONE : DROP_IP6_TRANSIT;
}

/* The interface's own address is what tunnels are sent to; a link-local one is ours on its link alone. */
static bool
ip6_is_ours(const struct lcore *lc, const struct iface *ifc, const uint8_t *a)
{
	struct addr addr;

	if (likely(!memcmp(a, ifc->ip6.b, 16)))
		return true;
	memcpy(addr.b, a, 16);
	if (addr_is_link_local(&addr))
		return addr_eq(&addr, &ifc->link_local);
	return route6_ours(&lc->tables->route6, &addr);
}

/* ip6_neighbour: what goes to groups, and all Neighbor Discovery.  RFC 4861 7.1: hop limit 255 proves that it comes from
 * this link.  Groups on a link carry many a question that is not for us: those end here, and MAIN is not bothered. */
static enum drop
ip6_neighbour(const struct lcore *lc, struct pkt *p, uint8_t hop_limit)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	const struct iface *ifc = &lc->ifaces[p->iface];

	if (addr_is_any(&ifc->link_local))
		return DROP_IP6_TRANSIT;
	if (p->proto != IP6_PROTO_ICMP || !icmp6_is_nd(p))
		return DROP_IP6_DESTINATION;
	uint8_t type = ip[p->l4];
	if (type != ICMP6_NEIGHBOUR_SOLICITATION && type != ICMP6_NEIGHBOUR_ADVERTISEMENT)
		return DROP_ICMP6_UNHANDLED; /* routers and redirects: our routes are configured */
	if (hop_limit != 255)
		return DROP_ND_HOP_LIMIT;
	if (p->m->data_len < p->l4 + ICMP6_ND_LEN)
		return DROP_IP6_SHORT;
	return type == ICMP6_NEIGHBOUR_ADVERTISEMENT || ip6_asks_for_ours(lc, p) ? DROP_NONE : DROP_IP6_TRANSIT;
}

static bool
ip6_asks_for_ours(const struct lcore *lc, const struct pkt *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);

	return ip6_is_ours(lc, &lc->ifaces[p->iface], ip + p->l4 + ICMP6_ND_TARGET);
}

enum drop
ip6_extensions(const uint8_t *p, uint32_t have, struct ip6 *h)
{
	uint32_t at = IP6_HDR_LEN, end = RTE_MIN(have, (uint32_t)h->total_len);

	for (;;) {
		switch (h->proto) {
		case IP6_HOP_BY_HOP:
			if (at != IP6_HDR_LEN)
				return DROP_IP6_EXTENSION; /* RFC 8200 4.3: directly behind the header */
			break;
		case IP6_DST_OPTIONS:
		case IP6_ROUTING:
		case IP6_FRAGMENT:
			break;
		default:
			h->hdr_len = (uint8_t)at;
			return at <= IP6_HEADERS_MAX ? DROP_NONE : DROP_IP6_EXTENSION;
		}
		if (at + 8 > end)
			return DROP_IP6_EXTENSION;
		unsigned len = h->proto == IP6_FRAGMENT ? 8 : (p[at + 1] + 1u) * 8;
		if (at + len > end || at + len > IP6_HEADERS_MAX)
			return DROP_IP6_EXTENSION;
		enum drop why = ip6_extension(p + at, h->proto, len);
		if (why != DROP_NONE)
			return why;
		h->proto = p[at];
		at += len;
	}
}

static enum drop
ip6_extension(const uint8_t *p, uint8_t type, unsigned len)
{
	if (type ==
	    IP6_ROUTING) /* RFC 8200 4.4: an unknown type is ignored when it is over; RFC 5095: type 0 is unknown */
		return p[3] ? DROP_IP6_EXTENSION : DROP_NONE;
	if (type == IP6_FRAGMENT) /* RFC 6946: offset 0 and nothing more */
		return be16(p + 2) & 0xfff9 ? DROP_IP6_FRAGMENT : DROP_NONE;
	return ip6_options(p + 2, len - 2);
}

/* ip6_options: RFC 8200 4.2: the two highest bits of an unknown type say whether to skip it; Pad1 is one octet. */
static enum drop
ip6_options(const uint8_t *p, unsigned len)
{
	for (unsigned at = 0; at < len;) {
		if (!p[at]) {
			at++;
			continue;
		}
		if (at + 2 > len || at + 2 + p[at + 1] > len)
			return DROP_IP6_EXTENSION;
		if (p[at] >> 6)
			return DROP_IP6_EXTENSION;
		at += 2u + p[at + 1];
	}
	return DROP_NONE;
}
