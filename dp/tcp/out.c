/* Sending: which segment next, and its packet.  In place when nobody else holds the buffers, else as a copy: so a
 * repair does not wait for a device that still has the first, and no header in use is overwritten. */
#include "conn.h"

#define QUANTUM 16         /* segments of a connection before the next one's turn */
#define PACE_BURST_US 1000 /* what was not used of the rate is kept for so long */

static unsigned conn_output(struct tcp *t, struct tcp_conn *c, struct tcp_out *out, unsigned max) ON_LCORE;
static struct rte_mbuf *next_packet(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static struct rte_mbuf *tail_loss_probe(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static struct rte_mbuf *repair(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static struct rte_mbuf *new_data(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static bool fit_window(struct tcp *t, struct tcp_conn *c, uint32_t i) ON_LCORE;
static bool paced(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static struct rte_mbuf *send_segment(struct tcp *t, struct tcp_conn *c, uint32_t i) ON_LCORE;
static struct rte_mbuf *payload(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g) ON_LCORE;
static struct rte_mbuf *payload_copy(struct tcp *t, const struct tcp_seg *g) ON_LCORE;
static void sent(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g) ON_LCORE;
static struct rte_mbuf *pure_ack(struct tcp *t, struct tcp_conn *c, uint32_t seq) ON_LCORE;
static void options(struct tcp *t, struct tcp_conn *c, struct tcp_options_out *o, bool data) ON_LCORE;
static void headers(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, struct tcp_emit *e) ON_LCORE;

unsigned
tcp_output(struct tcp *t, struct tcp_out *out, unsigned max)
{
	unsigned n = t->n_answers < max ? t->n_answers : max;
	memcpy(out, t->answers, n * sizeof *out);
	memmove(t->answers, t->answers + n, (t->n_answers - n) * sizeof *out);
	t->n_answers -= n;
	/* Who has more to say than its turn goes to the end of the list, once round in a call. */
	uint32_t last = t->list[LIST_OUT].last;
	while (n < max && t->list[LIST_OUT].first != NONE) {
		uint32_t i = t->list[LIST_OUT].first;
		n += conn_output(t, tcp_list_pop(t, LIST_OUT), out + n, max - n);
		if (i == last)
			break;
	}
	t->stats[TCP_STAT_SEGMENTS_OUT] += n;
	return n;
}

static unsigned
conn_output(struct tcp *t, struct tcp_conn *c, struct tcp_out *out, unsigned max)
{
	unsigned n = 0;
	if (c->state == TCP_CLOSED) /* since it was put on the list */
		return 0;
	if (max > QUANTUM)
		max = QUANTUM;
	while (n < max) {
		struct rte_mbuf *m = next_packet(t, c);
		if (!m)
			break;
		out[n++] = (struct tcp_out){m, c->nh};
	}
	if (n == max)
		tcp_list_add(t, LIST_OUT, c);
	tcp_rtx_arm(t, c);
	tcp_ext_settle(t, c);
	return n;
}

/* next_packet: in order: a probe for the tail, what was lost, what is new; an ACK alone if none of these carries it. */
static struct rte_mbuf *
next_packet(struct tcp *t, struct tcp_conn *c)
{
	struct rte_mbuf *m = NULL;
	if (c->flags & CONN_TLP_NOW) {
		c->flags &= ~(uint32_t)CONN_TLP_NOW;
		m = tail_loss_probe(t, c);
	}
	if (!m && tcp_ext_see(t, c)->lost)
		m = repair(t, c);
	if (!m && c->unsent != NONE)
		m = new_data(t, c);
	if (m || c->state == TCP_SYN_SENT)
		return m;
	if (c->flags & CONN_PROBE) { /* RFC 9293 3.8.4: an old number makes the peer answer */
		c->flags &= ~(uint32_t)CONN_PROBE;
		return pure_ack(t, c, c->snd_una - 1);
	}
	if (!(c->flags & CONN_ACK_NOW))
		return NULL;
	if (c->acks_owed > 1 && c->acks_owed < 4) {
		c->acks_owed--;
		m = pure_ack(t, c, c->snd_nxt);
		c->flags |= CONN_ACK_NOW;
		return m;
	}
	c->acks_owed = 0;
	return pure_ack(t, c, c->snd_nxt);
}

/* tail_loss_probe: RFC 8985 7.3: new data if the peer's window has room for it, else the last segment again. */
static struct rte_mbuf *
tail_loss_probe(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	uint32_t i = c->unsent, last = NONE;
	if (!x || c->snd_una == c->snd_nxt)
		return NULL;
	bool fresh =
		i != NONE && seg_space(&t->segs[i]) <= c->mss && seq_leq(seg_end(&t->segs[i]), c->snd_una + c->snd_wnd);
	if (!fresh)
		for (i = c->head; i != NONE && t->segs[i].flags & SEG_SENT; i = t->segs[i].next)
			last = i;
	if (!fresh && t->segs[last].flags & SEG_SACKED) /* since it was meant to be sent: it is no loss any more */
		return NULL;
	/* What may be too large to pass goes in pieces, of which this is the last. */
	if (!fresh && t->segs[last].len > c->mss) {
		if (!tcp_seg_split(t, c, last, c->mss))
			return NULL;
		last = t->segs[last].next;
	}
	struct rte_mbuf *m = send_segment(t, c, fresh ? c->unsent : last);
	if (!m)
		return NULL;
	tcp_count(t, TCP_STAT_TLPS);
	x->tlp_out = fresh ? 1 : 2;
	x->tlp_end = c->snd_nxt;
	return m;
}

static struct rte_mbuf *
repair(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	uint32_t i = c->head;
	if (!x || (x->frto == 2 && c->unsent != NONE))
		return NULL;
	while (i != NONE && !(t->segs[i].flags & SEG_LOST))
		i = t->segs[i].next;
	if (i == NONE)
		return NULL;
	struct tcp_seg *g = &t->segs[i];
	if (x->pipe && x->pipe + (g->len < c->mss ? seg_space(g) : c->mss) > c->cwnd)
		return NULL;
	/* A window that has shrunk: what lies beyond it is not sent again, but the first always, which probes. */
	if (i != c->head && seq_gt(seg_end(g), c->snd_una + c->snd_wnd))
		return NULL;
	if (g->len > c->mss && !tcp_seg_split(t, c, i, c->mss))
		return NULL;
	return send_segment(t, c, i);
}

static struct rte_mbuf *
new_data(struct tcp *t, struct tcp_conn *c)
{
	const struct tcp_ext *x = tcp_ext_see(t, c);
	uint32_t i = c->unsent;
	bool syn = t->segs[i].flags & SEG_SYN;
	if (c->snd_una == c->snd_nxt)
		tcp_cc_idle(t, c);
	if ((x->lost && x->frto != 2) || tcp_ext_turn_over(t, c))
		return NULL;
	if (!syn && (!fit_window(t, c, i) || paced(t, c)))
		return NULL;
	struct rte_mbuf *m = send_segment(t, c, i);
	if (m)
		tcp_rtx_sent(t, c);
	return m;
}

/* fit_window: unsent segment i may leave, after it was cut to the segment size, and to the window when that is worth it
 * (RFC 9293 3.8.6.2.1: a full segment, half of the largest window seen, or it has waited long enough). */
static bool
fit_window(struct tcp *t, struct tcp_conn *c, uint32_t i)
{
	struct tcp_seg *g = &t->segs[i];
	uint32_t peer = c->snd_una + c->snd_wnd - c->snd_nxt, w = tcp_send_window(t, c);
	if (g->len > c->mss && !(g->probe && c->flags & CONN_MTU_PROBE) && !tcp_seg_split(t, c, i, c->mss))
		return false;
	g = &t->segs[i];
	if (!g->len && seg_space(g)) /* a FIN alone costs the network nothing */
		return seq_lt(c->snd_nxt, c->snd_una + c->snd_wnd);
	if (w >= seg_space(g))
		return true;
	if (!w)
		return false;
	if (peer >= seg_space(g)) /* the network's window: whole segments, or one at least */
		return tcp_ext_see(t, c)->pipe == 0;
	uint32_t least = c->max_wnd / 2 < c->mss ? c->max_wnd / 2 : c->mss;
	if (w < least && !(c->flags & CONN_SWS_OVERRIDE))
		return false;
	if (w < g->len && !tcp_seg_split(t, c, i, (uint16_t)w))
		return false;
	if (seg_space(&t->segs[i]) > w) /* its FIN does not fit: the next packet */
		return false;
	c->flags &= ~(uint32_t)CONN_SWS_OVERRIDE;
	return true;
}

/* paced: not before its time; then it waits in the wheel for it. */
static bool
paced(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (!x || x->pace_us <= t->now.us || !tcp_cc_window(c))
		return false;
	wheel_add(&t->pace, &x->pace, (struct mono){x->pace_us});
	c->flags |= CONN_PACED;
	return true;
}

static struct rte_mbuf *
send_segment(struct tcp *t, struct tcp_conn *c, uint32_t i)
{
	struct tcp_seg *g = &t->segs[i];
	bool again = g->flags & SEG_SENT, syn = g->flags & SEG_SYN;
	struct tcp_ext *x = tcp_ext_take(t, c);
	struct rte_mbuf *m = x ? payload(t, c, g) : NULL;
	if (!x) {
		tcp_ext_wait(t, c);
		return NULL;
	}
	if (!m) {
		c->rtx_kind = RTX_RETRY; /* for want of buffers: soon again */
		c->rtx_ms = tcp_in_ms(t, 10);
		tcp_timer_update(t, c);
		return NULL;
	}
	struct tcp_emit e = {.id = &c->id, .seq = g->seq, .hash = c->id.hash};
	bool last = g->next == NONE || t->segs[g->next].m != g->m;
	e.flags = (uint8_t)((g->flags & SEG_FIN ? TCP_F_FIN : 0) | (g->len && last ? TCP_F_PSH : 0));
	if (syn) {
		e.flags |= TCP_F_SYN;
		if (c->state == TCP_SYN_SENT && t->start.ecn)
			e.flags |= TCP_F_ECE | TCP_F_CWR; /* RFC 3168 6.1.1 */
		else if (c->state != TCP_SYN_SENT && c->flags & CONN_ECN)
			e.flags |= TCP_F_ECE;
	} else if (c->flags & CONN_ECN && !again && g->len) {
		e.ecn = 2; /* ECT(0), RFC 3168 6.1.5: not on what is sent again */
		e.flags |= c->flags & CONN_CWR ? TCP_F_CWR : 0;
		c->flags &= ~(uint32_t)CONN_CWR;
	}
	options(t, c, &e.opt, g->len);
	if (syn) {
		e.opt.mss = e.opt.ws = e.opt.sack_ok = e.opt.ts = true;
		if (c->state != TCP_SYN_SENT) {
			e.opt.ws = c->flags & CONN_WS;
			e.opt.sack_ok = c->flags & CONN_SACK;
			e.opt.ts = c->flags & CONN_TS;
		}
		e.opt.n_sacks = 0;
		e.opt.mss_value = (uint16_t)(t->start.limits.mtu - (addr_is_v4(&c->id.local) ? 40 : 60));
		e.opt.ws_value = tcp_our_ws(t);
	}
	headers(t, c, m, &e);
	sent(t, c, g);
	return m;
}

/* payload: the record itself, when the segment is all of it and nobody else holds it; else a copy. */
static struct rte_mbuf *
payload(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g)
{
	struct rte_mbuf *m = g->m;
	if (!m)
		return tcp_mbuf(t);
	if (g->flags & SEG_PART || rte_mbuf_refcnt_read(m) != 1)
		return payload_copy(t, g);
	/* What was put in front when it was sent before is taken off again. */
	uint32_t head = g->len;
	for (const struct rte_mbuf *b = m->nb_segs > 1 ? m->next : NULL; b; b = b->next)
		head -= b->data_len;
	m->data_off = g->data_off;
	m->data_len = (uint16_t)head;
	m->pkt_len = g->len;
	m->ol_flags = 0;
	rte_pktmbuf_refcnt_update(m, 1);
	(void)c;
	return m;
}

static struct rte_mbuf *
payload_copy(struct tcp *t, const struct tcp_seg *g)
{
	struct rte_mbuf *m = tcp_mbuf(t);
	const struct rte_mbuf *from = g->m;
	/* Headers of an earlier sending may stand in front of the first buffer's data. */
	uint32_t skip = g->off + (uint32_t)(g->data_off - g->m->data_off), left = g->len;
	if (!m)
		return NULL;
	tcp_count(t, TCP_STAT_COPIES);
	for (; from && left; from = from->next) {
		if (skip >= from->data_len) {
			skip -= from->data_len;
			continue;
		}
		uint32_t here = from->data_len - skip < left ? from->data_len - skip : left;
		memcpy(rte_pktmbuf_append(m, (uint16_t)here), rte_pktmbuf_mtod_offset(from, uint8_t *, skip), here);
		left -= here;
		skip = 0;
	}
	return m;
}

/* sent: the accounts, and what later tells whether it was needed. */
static void
sent(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g)
{
	struct tcp_ext *x = tcp_ext(t, c);
	uint32_t n = seg_space(g);
	if (!(g->flags & SEG_SENT)) {
		g->flags |= SEG_SENT;
		c->unsent = g->next;
		c->snd_nxt = seg_end(g);
		x->pipe += n;
	} else {
		tcp_count(t, TCP_STAT_RETRANSMITS);
		if (g->flags & SEG_LOST) {
			g->flags &= (uint8_t)~SEG_LOST;
			x->lost -= n;
			x->pipe += n;
		}
		g->flags |= SEG_AGAIN;
		x->undo_left++;
		if (!x->repair_seen && x->undo_on) {
			x->repair_seen = true;
			x->repair_ts = tcp_tsval(t, c->ts_offset);
		}
	}
	if (g->times < 255)
		g->times++;
	g->tx_us = t->us;
	if (x->ca == CA_RECOVERY || x->ca == CA_CWR)
		x->prr_out += n;
	uint64_t window = tcp_cc_window(c);
	if (window) {
		int64_t from = t->now.us - PACE_BURST_US;
		x->pace_us = (x->pace_us > from ? x->pace_us : from) + (int64_t)((uint64_t)n * c->srtt_us / window);
	}
	if (!c->stall_ms)
		c->stall_ms = tcp_in_ms(t, 0);
	c->sent_ms = t->ms;
}

static struct rte_mbuf *
pure_ack(struct tcp *t, struct tcp_conn *c, uint32_t seq)
{
	struct tcp_emit e = {.id = &c->id, .seq = seq, .hash = c->id.hash};
	struct rte_mbuf *m = tcp_mbuf(t);
	if (!m) { /* the peer sends again, and this is tried again soon */
		c->ack_ms = tcp_in_ms(t, 10);
		tcp_timer_update(t, c);
		c->flags &= ~(uint32_t)CONN_ACK_NOW;
		return NULL;
	}
	options(t, c, &e.opt, false);
	headers(t, c, m, &e);
	return m;
}

/* options: RFC 7323 3.2: a time stamp on every segment once agreed; RFC 2018 4, 2883 4: what has come out of order. */
static void
options(struct tcp *t, struct tcp_conn *c, struct tcp_options_out *o, bool data)
{
	o->ts = c->flags & CONN_TS;
	o->tsval = tcp_tsval(t, c->ts_offset);
	o->tsecr = c->ts_recent;
	/* A full segment leaves no room for reports: the size was agreed without them. */
	if (!(c->flags & CONN_SACK) || data)
		return;
	unsigned max = o->ts ? 3 : 4;
	if (c->flags & CONN_DSACK) {
		o->sack[o->n_sacks++] = t->exts[c->ext].dsack;
		c->flags &= ~(uint32_t)CONN_DSACK;
		tcp_count(t, TCP_STAT_DSACKS_OUT);
	}
	o->n_sacks += (uint8_t)tcp_reass_blocks(t, c, o->sack + o->n_sacks, max - o->n_sacks);
	struct tcp_ext *x = tcp_ext(t, c);
	if (x)
		x->sack_turn = x->ooo == NONE || x->sack_turn > 60 ? 0 : (uint8_t)(x->sack_turn + 2);
}

/* headers: ACK, window and ECN echo are on all segments but the first SYN; what was owed is paid by it.  Fills in e, because a
 * copy of what was stored just now, in other sizes, would wait for it to reach the cache. */
static void
headers(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, struct tcp_emit *e)
{
	if (c->state != TCP_SYN_SENT) {
		e->flags |= TCP_F_ACK | (c->flags & CONN_ECE ? TCP_F_ECE : 0);
		e->ack = c->rcv_nxt;
	}
	if (e->flags & TCP_F_SYN) { /* RFC 7323 2.2: not scaled */
		uint32_t w = tcp_rcv_room(c);
		e->wnd = w < UINT16_MAX ? (uint16_t)w : UINT16_MAX;
		c->rcv_edge = c->state == TCP_SYN_SENT ? c->rcv_nxt : seq_max(c->rcv_edge, c->rcv_nxt + e->wnd);
	} else {
		e->wnd = tcp_rcv_window(t, c);
	}
	tcp_emit(t, m, e);
	c->rcv_acked = c->rcv_nxt;
	c->flags &= ~(uint32_t)CONN_ACK_NOW;
	c->ack_ms = 0;
}
