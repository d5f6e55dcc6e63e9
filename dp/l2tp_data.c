#include "l2tp_data.h"

#include <stddef.h>

#include "ip.h"
#include "mbuf.h"
#include "punt.h"
#include "udp.h"

/* What a packet says of itself, kept while its session is on the way from memory. */
struct claim {
	struct addr peer; /* these three as they lie in dp_session */
	uint16_t peer_port, our_tid;
	uint16_t ns;
	bool numbered;
};
_Static_assert(offsetof(struct dp_session, peer_port) == offsetof(struct dp_session, peer) + 16, "as in struct claim");
_Static_assert(offsetof(struct dp_session, our_tid) == offsetof(struct dp_session, peer) + 18, "as in struct claim");

static void l2tp_headers(struct lcore *lc, struct lane *v, struct claim *c) ON_LCORE;
static struct dp_session *l2tp_session(struct lcore *lc, uint16_t tid, uint16_t sid) ON_LCORE;
static enum drop l2tp_check(const struct lcore *lc, struct dp_session *s, const struct claim *c) ON_LCORE;
static inline bool l2tp_same_sender(const struct dp_session *s, const struct claim *c) ON_LCORE;
static enum drop l2tp_refuses(const struct lcore *lc, const struct dp_session *s, const struct claim *c) ON_LCORE;
static enum drop l2tp_order(struct dp_session *s, const struct claim *c) ON_LCORE;

void
l2tp_up(struct lcore *lc, struct lane *v)
{
	struct claim c[VEC_MAX];
	unsigned n = 0;

	l2tp_headers(lc, v, c);
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		enum drop why = l2tp_check(lc, p->s, &c[i]);
		if (unlikely(why != DROP_NONE)) {
			if (why == DROP_L2TP_ORDER) /* the others are not, or not surely, of this session's peer */
				p->s->up_drops++;
			lcore_drop(lc, p->m, why);
			continue;
		}
		p->from = FROM_SESSION;
		p->inside = 1;
		v->p[n++] = p;
	}
	v->n = n;
}

static void
l2tp_headers(struct lcore *lc, struct lane *v, struct claim *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
		uint32_t front = p->l4 + (uint32_t)UDP_HDR_LEN;
		struct l2tp h;
		enum drop why = l2tp_parse(ip + front, p->m->data_len - front, p->m->pkt_len - front, &h);
		if (unlikely(why != DROP_NONE)) {
			lcore_drop(lc, p->m, why);
			continue;
		}
		if (unlikely(h.control)) {
			punt_udp(lc, p);
			continue;
		}
		ip_src(ip, &c[n].peer);
		c[n].peer_port = be16(ip + p->l4);
		c[n].our_tid = h.tid;
		c[n].ns = h.ns;
		c[n].numbered = h.numbered;
		p->s = l2tp_session(lc, h.tid, h.sid);
		rte_prefetch0(p->s);
		if (unlikely(front + h.len < p->m->pkt_len))
			mbuf_trim(p->m, front + h.len);
		rte_pktmbuf_adj(p->m, (uint16_t)(front + h.hdr_len));
		v->p[n++] = p;
	}
	v->n = n;
}

/* l2tp_session: by direct index; NULL for a tunnel or session number that cannot be. */
static struct dp_session *
l2tp_session(struct lcore *lc, uint16_t tid, uint16_t sid)
{
	const struct tunnel *t = &lc->tunnels[tid];
	uint32_t slot = (uint32_t)t->region << 16 | sid;

	return likely(t->used && slot < lc->n_sessions) ? &lc->sessions[slot] : NULL;
}

static enum drop
l2tp_check(const struct lcore *lc, struct dp_session *s, const struct claim *c)
{
	if (unlikely(!s || s->state != SESSION_OPEN || !l2tp_same_sender(s, c)))
		return l2tp_refuses(lc, s, c);
	return likely(!s->l2tp_seq) ? DROP_NONE : l2tp_order(s, c);
}

/* l2tp_same_sender: three words, without a branch in between. */
static inline bool
l2tp_same_sender(const struct dp_session *s, const struct claim *c)
{
	uint64_t a[2], b[2];
	uint32_t x, y;

	memcpy(a, &s->peer, 16);
	memcpy(b, &c->peer, 16);
	memcpy(&x, &s->peer_port, 4);
	memcpy(&y, &c->peer_port, 4);
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (x ^ y));
}

/* l2tp_refuses: which part of what l2tp_check has seen is wrong. */
static enum drop
l2tp_refuses(const struct lcore *lc, const struct dp_session *s, const struct claim *c)
{
	if (!lc->tunnels[c->our_tid].used)
		return DROP_L2TP_TUNNEL;
	return !s || s->state != SESSION_OPEN || s->our_tid != c->our_tid ? DROP_L2TP_SESSION : DROP_L2TP_PEER;
}

/* l2tp_order: RFC 2661 5.4 and 3.1: a number in the half of the number space before the next one is late.  Where we do not
 * require numbers the peer may leave them out, and picks up where it left off. */
static enum drop
l2tp_order(struct dp_session *s, const struct claim *c)
{
	if (!c->numbered)
		return s->l2tp_seq & DP_L2TP_SEQ_REQUIRE ? DROP_L2TP_ORDER : DROP_NONE;
	if ((int16_t)(uint16_t)(c->ns - s->l2tp_nr) < 0)
		return DROP_L2TP_ORDER;
	s->l2tp_nr = (uint16_t)(c->ns + 1);
	return DROP_NONE;
}
