#include "place.h"

#include <dp/placement.h>

#include "handover.h"
#include "icmp.h"
#include "ip.h"
#include "ip4.h"
#include "ip6.h"

static bool place_find(const struct lcore *lc, const struct pkt *p, struct placement *to) ON_LCORE;
static bool place_tcp(const struct lcore *lc, const uint8_t *l4, uint32_t have, struct placement *to) ON_LCORE;
static bool place_quoted(const struct lcore *lc, const uint8_t *icmp, uint32_t have, struct placement *to) ON_LCORE;

void
place(struct lcore *lc, struct lane *v)
{
	struct lane away;
	uint8_t core[VEC_MAX];
	unsigned n = 0;

	away.n = 0;
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct placement to;
		unsigned owner = place_find(lc, p, &to) ? placement_core(&to, lc->n_places) : lc->index;
		if (owner == lc->index) {
			v->p[n++] = p;
			continue;
		}
		core[away.n] = (uint8_t)owner;
		lane_add(&away, p);
	}
	v->n = n;
	handover_local(lc, &away, core);
}

void
place_by_peer(struct lcore *lc, uint16_t port)
{
	lc->placed_by_peer[port / 64] |= 1ull << port % 64;
}

/* place_find: false: it may stay where it is.  Of fragments only the first has ports, so none is asked for them. */
static bool
place_find(const struct lcore *lc, const struct pkt *p, struct placement *to)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	uint32_t have = p->m->data_len > p->l4 ? (uint32_t)p->m->data_len - p->l4 : 0;

	if (unlikely(!lc->ifaces[p->iface].access)) /* no tunnel peer is there */
		return false;
	if (p->proto == IP4_PROTO_ICMP && !ip_is_6(ip))
		return place_quoted(lc, ip + p->l4, have, to);
	ip_src(ip, &to->peer);
	ip_dst(ip, &to->local);
	to->peer_port = to->local_port = 0;
	if (likely(p->proto == IP4_PROTO_UDP || p->proto == IP4_PROTO_GRE))
		return true;
	if (p->proto != IP4_PROTO_TCP)
		return false;
	if (unlikely(!ip_is_6(ip) && (be16(ip + 6) & IP4_FRAG_MASK)))
		return true;
	return place_tcp(lc, ip + p->l4, have, to);
}

static bool
place_tcp(const struct lcore *lc, const uint8_t *l4, uint32_t have, struct placement *to)
{
	if (unlikely(have < 4))
		return false;
	uint16_t port = be16(l4 + 2);
	if (lc->placed_by_peer[port / 64] >> port % 64 & 1)
		return true;
	to->peer_port = be16(l4);
	to->local_port = port;
	return true;
}

/* place_quoted: RFC 792: an unreachable quotes the header of what we sent, and eight octets: source and destination change
 * places. */
static bool
place_quoted(const struct lcore *lc, const uint8_t *icmp, uint32_t have, struct placement *to)
{
	const uint8_t *ip = icmp + 8;

	if (have < 8 + 20 || icmp[0] != ICMP_UNREACHABLE || ip[0] >> 4 != 4 || ip[9] != IP4_PROTO_TCP)
		return false;
	uint32_t hdr = (ip[0] & 15u) * 4;
	if (hdr < 20 || have < 8 + hdr + 4)
		return false;
	const uint8_t swapped[4] = {ip[hdr + 2], ip[hdr + 3], ip[hdr], ip[hdr + 1]};
	*to = (struct placement){.peer = addr_from_ip4(be32(ip + 16)), .local = addr_from_ip4(be32(ip + 12))};
	return place_tcp(lc, swapped, sizeof swapped, to);
}
