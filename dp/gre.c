#include "gre.h"

#include "ip4.h"
#include "mbuf.h"
#include "ppp_data.h"
#include "template.h"

/* Where packets in order go: a lane, at most `room` in it, and the places of those that had waited. */
struct places {
	struct lane *out;
	struct vec *more;
	unsigned room;
};

static enum drop gre_take(struct lcore *lc, struct pkt *p, struct gre *h) ON_LCORE;
static struct gre_call *gre_call_of(struct lcore *lc, const struct dp_session *s) ON_LCORE;
static enum drop gre_order(struct lcore *lc, struct gre_call *c, struct pkt *p, uint32_t seq, struct places *to)
	ON_LCORE;
static enum drop gre_late(struct pkt *p, struct lane *out) ON_LCORE;
static enum drop gre_hold(struct lcore *lc, struct gre_call *c, struct rte_mbuf *m, uint32_t seq) ON_LCORE;
static void gre_release(struct lcore *lc, struct gre_call *c, struct places *to, bool skip) ON_LCORE;
static struct rte_mbuf *node_take(struct gre_core *g, struct gre_call *c) ON_LCORE;
static void gre_heard(struct lcore *lc, struct gre_call *c) ON_LCORE;
static void ack_build(struct lcore *lc, const struct dp_session *s, struct rte_mbuf *m) ON_LCORE;
static void wait_set(struct lcore *lc, struct gre_call *c) ON_LCORE;
static void ack_set(struct lcore *lc, struct gre_call *c) ON_LCORE;
static bool is_control(const struct rte_mbuf *m) ON_LCORE;

unsigned
gre_build(uint8_t *p, uint16_t peer_call_id, bool with_ack)
{
	unsigned len = with_ack ? GRE_HDR_LEN : GRE_HDR_LEN - 4;

	memset(p, 0, len);
	p[0] = 0x30; /* K, S */
	p[1] = with_ack ? 0x81 : 0x01;
	put_be16(p + 2, GRE_PROTOCOL);
	put_be16(p + 6, peer_call_id);
	return len;
}

uint32_t
gre_calls(uint32_t sessions)
{
	return sessions < 65536 ? sessions : 65536;
}

void
gre_init(struct gre_core *g, struct gre_call *calls, uint32_t n_calls, uint32_t mbufs)
{
	uint32_t held = mbufs / 20 < GRE_HELD ? mbufs / 20 : GRE_HELD;
	if (held < GRE_HELD_MIN)
		held = GRE_HELD_MIN;

	g->calls = calls;
	g->n_calls = n_calls;
	TAILQ_INIT(&g->waiting);
	TAILQ_INIT(&g->acking);
	for (uint32_t i = 0; i < n_calls; i++)
		calls[i] = (struct gre_call){.slot = GRE_NONE, .held = GRE_NONE};
	for (uint32_t i = 0; i < held; i++)
		g->node[i].next = i + 1 < held ? i + 1 : GRE_NONE;
	g->free = 0;
}

void
gre_open(struct lcore *lc, struct dp_session *s, const struct dp_session_open *o)
{
	struct gre_call *c = gre_call_of(lc, s);

	*c = (struct gre_call){
		.slot = (uint32_t)(s - lc->sessions),
		.held = GRE_NONE,
		.window = o->gre_window,
		.patience_ms = o->gre_patience_ms,
	};
}

void
gre_close(struct lcore *lc, struct dp_session *s)
{
	struct gre_core *g = lc->gre;
	struct gre_call *c = gre_call_of(lc, s);

	while (c->n_held)
		rte_pktmbuf_free(node_take(g, c));
	if (c->waits)
		TAILQ_REMOVE(&g->waiting, c, wait);
	if (c->acks)
		TAILQ_REMOVE(&g->acking, c, ack);
	*c = (struct gre_call){.slot = GRE_NONE, .held = GRE_NONE};
}

static struct gre_call *
gre_call_of(struct lcore *lc, const struct dp_session *s)
{
	return &lc->gre->calls[s->our_sid];
}

/* --- up ---------------------------------------------------------------------------------------------------------- */

void
gre_up(struct lcore *lc, struct lane *v, struct lane *out, struct vec *more, unsigned room)
{
	struct places to = {out, more, room};

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct gre h;
		enum drop why = gre_take(lc, p, &h);
		if (likely(why == DROP_NONE) && !h.has_seq) { /* an Ack alone */
			rte_pktmbuf_free(p->m);
			continue;
		}
		if (likely(why == DROP_NONE)) {
			struct gre_call *c = gre_call_of(lc, p->s);
			to.room = room - (v->n - 1 - i);
			why = gre_order(lc, c, p, h.seq, &to);
			gre_heard(lc, c);
		}
		if (unlikely(why != DROP_NONE))
			lcore_drop(lc, p->m, why);
	}
	v->n = 0;
}

/* gre_take: header off, session found; m at the PPP header. */
static enum drop
gre_take(struct lcore *lc, struct pkt *p, struct gre *h)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	enum drop why = gre_parse(ip + p->l4, p->m->data_len - p->l4, p->m->pkt_len - p->l4, h);

	if (unlikely(why != DROP_NONE))
		return why;
	uint32_t slot = lc->gre && h->call_id < lc->gre->n_calls ? lc->gre->calls[h->call_id].slot : GRE_NONE;
	if (unlikely(slot == GRE_NONE))
		return DROP_GRE_CALL;
	struct dp_session *s = &lc->sessions[slot];
	if (unlikely(addr_ip4(&s->peer) != be32(ip + 12)))
		return DROP_GRE_PEER;
	p->s = s;
	p->from = FROM_SESSION;
	p->inside = 1;
	uint32_t front = (uint32_t)p->l4 + h->hdr_len;
	if (unlikely(front + h->len < p->m->pkt_len))
		mbuf_trim(p->m, front + h->len);
	rte_pktmbuf_adj(p->m, (uint16_t)front);
	return DROP_NONE;
}

/* gre_order: RFC 2637 4.3.  Beyond the window all that waits is let go: so much has been lost that waiting is of no use. */
static enum drop
gre_order(struct lcore *lc, struct gre_call *c, struct pkt *p, uint32_t seq, struct places *to)
{
	int32_t ahead = (int32_t)(seq - c->next);

	if (unlikely(!c->heard))
		ahead = 0;
	if (unlikely(ahead < 0))
		return gre_late(p, to->out);
	if (likely(ahead == 0)) {
		c->heard = true;
		c->next = seq + 1;
		lane_add(to->out, p);
		if (unlikely(c->n_held))
			gre_release(lc, c, to, false);
		return DROP_NONE;
	}
	if (ahead <= c->window) /* so no more than that wait: each number once */
		return gre_hold(lc, c, p->m, seq);
	to->room--; /* p's own */
	while (c->n_held && to->out->n < to->room && to->more->n < VEC_MAX)
		gre_release(lc, c, to, true);
	c->next = seq + 1;
	while (c->n_held &&
	       (int32_t)(lc->gre->node[c->held].seq - c->next) < 0) /* there was no room: they are late now */
		lcore_drop(lc, node_take(lc->gre, c), DROP_GRE_LATE);
	lane_add(to->out, p);
	return DROP_NONE;
}

static enum drop
gre_late(struct pkt *p, struct lane *out)
{
	if (!is_control(p->m))
		return DROP_GRE_LATE;
	lane_add(out, p);
	return DROP_NONE;
}

/* Control protocols have numbers of 0x8000 and more, which are not compressed (RFC 1661 2, 6.5). */
static bool
is_control(const struct rte_mbuf *m)
{
	struct ppp h;
	return ppp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &h) == DROP_NONE && h.protocol >= 0x8000;
}

/* gre_hold: into its place; a number that is there already is a copy. */
static enum drop
gre_hold(struct lcore *lc, struct gre_call *c, struct rte_mbuf *m, uint32_t seq)
{
	struct gre_core *g = lc->gre;
	uint32_t *at = &c->held, id = g->free;

	while (*at != GRE_NONE && (int32_t)(g->node[*at].seq - seq) < 0)
		at = &g->node[*at].next;
	if (*at != GRE_NONE && g->node[*at].seq == seq)
		return DROP_GRE_LATE;
	if (id == GRE_NONE)
		return DROP_GRE_FULL;
	g->free = g->node[id].next;
	g->node[id] = (struct gre_node){m, seq, *at};
	*at = id;
	c->n_held++;
	wait_set(lc, c);
	return DROP_NONE;
}

static struct rte_mbuf *
node_take(struct gre_core *g, struct gre_call *c)
{
	uint32_t id = c->held;
	struct rte_mbuf *m = g->node[id].m;

	c->held = g->node[id].next;
	c->n_held--;
	g->node[id].next = g->free;
	g->free = id;
	return m;
}

/* gre_release: what follows on `next` without a gap; skip: over the first gap. */
static void
gre_release(struct lcore *lc, struct gre_call *c, struct places *to, bool skip)
{
	struct gre_core *g = lc->gre;

	if (skip && c->n_held)
		c->next = g->node[c->held].seq;
	while (c->n_held && g->node[c->held].seq == c->next && to->out->n < to->room && to->more->n < VEC_MAX) {
		struct pkt *p = &to->more->p[to->more->n++];
		c->next++;
		*p = (struct pkt){.m = node_take(g, c),
				  .s = &lc->sessions[c->slot],
				  .iface = IFACE_NONE,
				  .from = FROM_SESSION,
				  .inside = 1};
		lane_add(to->out, p);
	}
}

void
gre_overdue(struct lcore *lc, struct vec *more)
{
	struct gre_core *g = lc->gre;
	struct gre_call *c;
	struct lane out = {.n = 0};
	struct places to = {&out, more, VEC_MAX};

	more->n = 0;
	while ((c = TAILQ_FIRST(&g->waiting)) && c->wait_due_us <= lc->now.us && more->n < VEC_MAX) {
		TAILQ_REMOVE(&g->waiting, c, wait);
		c->waits = false;
		if (!c->n_held)
			continue;
		gre_release(lc, c, &to, true);
		if (c->n_held)
			wait_set(lc, c);
	}
}

/* --- acknowledgments --------------------------------------------------------------------------------------------- */

/* gre_heard: what goes down from here on acknowledges it. */
static void
gre_heard(struct lcore *lc, struct gre_call *c)
{
	struct dp_session *s = &lc->sessions[c->slot];

	if (unlikely(!c->heard))
		return;
	template_gre_ack(s, c->next - 1);
	c->unacked++;
	ack_set(lc, c);
}

struct rte_mbuf *
gre_ack(struct lcore *lc, uint32_t *nh)
{
	struct gre_core *g = lc->gre;
	struct gre_call *c;

	while ((c = TAILQ_FIRST(&g->acking)) && c->ack_due_us <= lc->now.us) {
		struct dp_session *s = &lc->sessions[c->slot];
		bool owes = s->gre_owes; /* else it has gone with something else */
		TAILQ_REMOVE(&g->acking, c, ack);
		c->acks = false;
		c->unacked = 0;
		s->gre_owes = 0;
		struct rte_mbuf *m = owes ? rte_pktmbuf_alloc(lc->pool) : NULL;
		if (!m)
			continue;
		ack_build(lc, s, m);
		*nh = s->nh;
		return m;
	}
	return NULL;
}

static void
ack_build(struct lcore *lc, const struct dp_session *s, struct rte_mbuf *m)
{
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, IP4_HDR_LEN + GRE_HDR_LEN - 4);
	const uint8_t *front = s->template + SESSION_TEMPLATE_MAX - s->template_len;
	memcpy(ip, front, IP4_HDR_LEN + GRE_MIN_LEN);
	ip[IP4_HDR_LEN] = 0x20; /* K alone */
	memcpy(ip + IP4_HDR_LEN + GRE_MIN_LEN, front + IP4_HDR_LEN + 12, 4);
	put_be16(ip + 2, IP4_HDR_LEN + GRE_HDR_LEN - 4);
	put_be16(ip + 4, lc->ip_id++);
	ip4_set_checksum(ip);
}

static void
wait_set(struct lcore *lc, struct gre_call *c)
{
	if (c->waits)
		return;
	c->wait_due_us = lc->now.us + c->patience_ms * 1000;
	c->waits = true;
	TAILQ_INSERT_TAIL(&lc->gre->waiting, c, wait);
}

/* ack_set: a peer with a small window does not wait for the timer. */
static void
ack_set(struct lcore *lc, struct gre_call *c)
{
	struct gre_core *g = lc->gre;

	lc->sessions[c->slot].gre_owes = 1;
	if (c->acks && c->unacked == GRE_ACK_EVERY) {
		TAILQ_REMOVE(&g->acking, c, ack);
		TAILQ_INSERT_HEAD(&g->acking, c, ack);
		c->ack_due_us = lc->now.us;
	}
	if (c->acks)
		return;
	c->acks = true;
	c->ack_due_us = lc->now.us + GRE_ACK_MS * 1000;
	TAILQ_INSERT_TAIL(&g->acking, c, ack);
}
