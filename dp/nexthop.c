#include "nexthop.h"

#include "icmp.h"
#include "ip4.h"
#include "local.h"

/* Where the checks of a packet lead it. */
enum way { WAY_ADJ, WAY_DOWN, WAY_AWAY, WAY_LOCAL };

static enum drop nexthop_session(const struct lcore *lc, const struct pkt *p, enum way *way) ON_LCORE;
static enum drop nexthop_other(const struct pkt *p, enum way *way) ON_LCORE;
static enum drop nexthop_ttl(struct pkt *p) ON_LCORE;
static void nexthop_local(struct lcore *lc, struct pkt *p) ON_LCORE;

void
nexthop(struct lcore *lc, struct lane *v, struct lane *down, struct lane *away)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		enum way way = WAY_ADJ;
		enum drop why = nh_is_session(p->nh) ? nexthop_session(lc, p, &way) : nexthop_other(p, &way);
		if (unlikely(way == WAY_LOCAL)) {
			nexthop_local(lc, p);
			continue;
		}
		if (likely(why == DROP_NONE))
			why = nexthop_ttl(p);
		if (unlikely(why != DROP_NONE)) {
			nexthop_refuse(lc, p, why);
			continue;
		}
		if (way == WAY_ADJ) {
			v->p[n++] = p;
			continue;
		}
		rte_prefetch0_write(rte_pktmbuf_mtod(p->m, uint8_t *) - RTE_CACHE_LINE_SIZE);
		lane_add(way == WAY_DOWN ? down : away, p);
	}
	v->n = n;
}

static enum drop
nexthop_session(const struct lcore *lc, const struct pkt *p, enum way *way)
{
	unsigned core = nh_session_lcore(p->nh);

	if (p->from == FROM_SESSION && unlikely(p->s->isolate))
		return DROP_ISOLATED;
	*way = core == lc->index ? WAY_DOWN : WAY_AWAY;
	if (unlikely(*way == WAY_DOWN ? nh_session_slot(p->nh) >= lc->n_sessions : core >= lc->n_workers))
		return DROP_SESSION_GONE;
	return DROP_NONE;
}

static enum drop
nexthop_other(const struct pkt *p, enum way *way)
{
	switch (nh_kind(p->nh)) {
	case NH_ADJ:
	case NH_GLEAN:
		return unlikely(p->from == FROM_CORE) ? DROP_IP4_TRANSIT : DROP_NONE;
	case NH_LOCAL:
		/* FROM_US: an error about a packet that claimed to come from one of our own addresses. */
		if (p->from == FROM_US)
			return DROP_ICMP_UNHANDLED;
		*way = WAY_LOCAL;
		return DROP_NONE;
	case NH_DISCARD:
		return DROP_DISCARD_ROUTE;
	default:
		return DROP_NO_ROUTE;
	}
}

/* RFC 1812 5.3.1. */
static enum drop
nexthop_ttl(struct pkt *p)
{
	uint8_t *ip = rte_pktmbuf_mtod(p->m, uint8_t *);

	if (p->from == FROM_US)
		return DROP_NONE;
	if (unlikely(ip[8] <= 1))
		return DROP_IP4_TTL;
	ip4_ttl_dec(ip);
	return DROP_NONE;
}

/* nexthop_local: to one of our addresses from inside a session: only ping is answered there. */
static void
nexthop_local(struct lcore *lc, struct pkt *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	const struct addr dst = addr_from_ip4(p->dst);
	enum drop why = DROP_IP4_PROTOCOL;

	if (be16(ip + 6) & IP4_FRAG_MASK)
		why = DROP_IP4_FRAGMENT;
	else if (ip[9] == IP4_PROTO_ICMP)
		why = DROP_NONE;
	else if (ip[9] == IP4_PROTO_UDP && p->m->data_len >= p->l4 + 4u)
		why = local_listens(lc, IP4_PROTO_UDP, &dst, be16(ip + p->l4 + 2)) ? DROP_TUNNEL_IN_TUNNEL
										   : DROP_UDP_PORT;
	if (why == DROP_NONE)
		icmp_rx(lc, p);
	else
		nexthop_refuse(lc, p, why);
}

void
nexthop_refuse(struct lcore *lc, struct pkt *p, enum drop why)
{
	switch (why) {
	case DROP_NO_ROUTE:
		icmp_error(lc, p, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, 0);
		break;
	case DROP_DISCARD_ROUTE:
		icmp_error(lc, p, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, 0);
		break;
	case DROP_IP4_TTL:
		icmp_error(lc, p, ICMP_TIME_EXCEEDED, 0, 0);
		break;
	case DROP_IP4_TOO_BIG:
		icmp_error(lc, p, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, p->mtu);
		break;
	default:
		break;
	}
	if (p->from == FROM_SESSION)
		p->s->up_drops++;
	lcore_drop(lc, p->m, why);
}
