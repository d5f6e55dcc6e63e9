#include "place.h"

#include <dp/placement.h>

#include "handover.h"
#include "ip.h"
#include "ip4.h"
#include "ip6.h"
#include "quote.h"

static bool place_find(const struct lcore *lc, const struct pkt *p, struct placement *to) ON_LCORE;
static void place_ports(const struct lcore *lc, uint16_t peer, uint16_t local, struct placement *to) ON_LCORE;
static bool place_quoted(const struct lcore *lc, const struct pkt *p, uint32_t have, struct placement *to) ON_LCORE;

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
	if (unlikely(p->proto == (ip_is_6(ip) ? IP6_PROTO_ICMP : IP4_PROTO_ICMP)))
		return place_quoted(lc, p, have, to);
	ip_src(ip, &to->peer);
	ip_dst(ip, &to->local);
	to->peer_port = to->local_port = 0;
	if (likely(p->proto == IP4_PROTO_UDP || p->proto == IP4_PROTO_GRE))
		return true;
	if (p->proto != IP4_PROTO_TCP)
		return false;
	if (unlikely(!ip_is_6(ip) && (be16(ip + 6) & IP4_FRAG_MASK)))
		return true;
	if (unlikely(have < 4))
		return false;
	place_ports(lc, be16(ip + p->l4), be16(ip + p->l4 + 2), to);
	return true;
}

static void
place_ports(const struct lcore *lc, uint16_t peer, uint16_t local, struct placement *to)
{
	if (lc->placed_by_peer[local / 64] >> local % 64 & 1)
		return;
	to->peer_port = peer;
	to->local_port = local;
}

/* place_quoted: an error is for whoever sent what it quotes. */
static bool
place_quoted(const struct lcore *lc, const struct pkt *p, uint32_t have, struct placement *to)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	enum tcp_error error;
	struct tcp_quote q;

	if (!quote_parse(ip + p->l4, have, ip_is_6(ip), &error, &q))
		return false;
	*to = (struct placement){.peer = q.peer, .local = q.local};
	place_ports(lc, q.peer_port, q.local_port, to);
	return true;
}
