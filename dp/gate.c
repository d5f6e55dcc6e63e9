#include "gate.h"

#include "ip4.h"
#include "lookup.h"
#include "mbuf.h"

static enum drop gate_up_one(struct lcore *lc, struct pkt *p) ON_LCORE;
static bool gate_routed_here(struct lcore *lc, const struct dp_session *s, uint32_t src) ON_LCORE;

void
gate_up(struct lcore *lc, struct lane *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		enum drop why = gate_up_one(lc, p);
		if (unlikely(why != DROP_NONE)) {
			p->s->up_drops++;
			lcore_drop(lc, p->m, why);
			continue;
		}
		p->s->up_packets++;
		p->s->up_bytes += p->m->pkt_len;
		p->s->last_up_us = lc->now.us;
		v->p[n++] = p;
	}
	v->n = n;
}

static enum drop
gate_up_one(struct lcore *lc, struct pkt *p)
{
	const uint8_t open = DP_GATE_AUTHENTICATED | DP_GATE_IP4 | p->s->gates_more;
	struct rte_mbuf *m = p->m;
	struct ip4 ip;

	if (unlikely((p->s->gates & open) != open))
		return gate_closed(p->s);
	enum drop why = ip4_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len, false, &ip);
	if (unlikely(why != DROP_NONE))
		return why;
	if (unlikely(ip.src != p->s->ip4 && !gate_routed_here(lc, p->s, ip.src)))
		return DROP_SPOOFED;
	if (unlikely(m->pkt_len > ip.total_len))
		mbuf_trim(m, ip.total_len);
	p->dst = ip.dst;
	p->l4 = ip.hdr_len;
	return DROP_NONE;
}

/* RFC 2827; a network behind the subscriber is his when the lookup of the source names his session. */
static bool
gate_routed_here(struct lcore *lc, const struct dp_session *s, uint32_t src)
{
	return lookup_one(lc, src) == nh_session(lc->index, (uint32_t)(s - lc->sessions));
}

enum drop
gate_closed(const struct dp_session *s)
{
	if (s->state != SESSION_OPEN)
		return DROP_SESSION_GONE;
	if (!(s->gates & DP_GATE_AUTHENTICATED))
		return DROP_GATE_AUTH;
	if (!(s->gates & DP_GATE_IP4))
		return DROP_GATE_IP4;
	if (s->gates_more & ~s->gates)
		return DROP_GATE_BOUND;
	return s->gates & DP_GATE_MPPE_REQUIRED && !s->mppe_down ? DROP_MPPE_CLEAR : DROP_NONE;
}
