/* Receiving: RFC 9293 3.10.7.4 seventh and eighth; the window (3.8.6) and when to acknowledge (RFC 5681 4.2).  Urgent data is in
 * band, its pointer is not looked at, and we send none (RFC 6093 3, 4). */
#include "conn.h"

#include "mbuf.h"

static bool trim(struct tcp *t, struct tcp_conn *c, struct segment *s, bool *fin) ON_LCORE;
static bool fin_arrives(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
static void in_order(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t len) ON_LCORE;
static void deliver(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t len) ON_LCORE;
static void mark_seen(struct tcp_conn *c, const struct segment *s) ON_LCORE;
static void measure(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;

void
tcp_receive(struct tcp *t, struct tcp_conn *c, struct segment *s)
{
	bool fin = s->h.flags & TCP_F_FIN;
	if (c->flags & CONN_ECN)
		mark_seen(c, s);
	if (s->ip_ecn == 3)
		tcp_count(t, TCP_STAT_ECN_MARKS_IN);
	if (!s->len && !fin) {
		rte_pktmbuf_free(s->m);
		return;
	}
	if (c->flags & CONN_FIN_IN) { /* ignored: nothing comes after a FIN */
		tcp_drop(t, s->m, DROP_TCP_AFTER_FIN);
		return;
	}
	if (c->flags & CONN_USER_CLOSED && s->len && seq_gt(s->h.seq + s->len, c->rcv_nxt)) {
		tcp_drop(t, s->m, DROP_TCP_CLOSED);
		tcp_conn_reset(t, c, TCP_GONE_ABORTED);
		return;
	}
	if (!trim(t, c, s, &fin)) {
		tcp_ack_now(t, c);
		rte_pktmbuf_free(s->m);
		return;
	}
	if (fin)
		fin = fin_arrives(t, c, s);
	if (!s->len)
		rte_pktmbuf_free(s->m);
	else if (s->h.seq == c->rcv_nxt) {
		measure(t, c, s);
		in_order(t, c, s->m, s->len);
	} else {
		tcp_reass(t, c, s->m, s->h.seq, s->len);
		if (c->acks_owed < 255)
			c->acks_owed++;
		tcp_ack_now(t, c); /* RFC 5681 4.2: at once, for every one */
	}
	const struct tcp_ext *x = tcp_ext_see(t, c);
	if (fin || (x->fin_known && x->fin_seq == c->rcv_nxt))
		tcp_fin_in(t, c);
	else if (!s->len)
		tcp_ack_now(t, c);
}

/* trim: m is the payload that is new and within the window, or there is none. */
static bool
trim(struct tcp *t, struct tcp_conn *c, struct segment *s, bool *fin)
{
	struct rte_mbuf *m = s->m;
	rte_pktmbuf_adj(m, (uint16_t)(s->l4 + s->h.hdr_len));
	if (seq_lt(s->h.seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - s->h.seq;
		if (old > s->len) /* only a FIN can be beyond it */
			return false;
		if (s->len)
			tcp_dsack(t, c, s->h.seq, s->h.seq + old); /* RFC 2883 4.2 */
		if (old < s->len && !rte_pktmbuf_adj(m, (uint16_t)old))
			return false;
		s->h.seq += old;
		s->len -= old;
	}
	const struct tcp_ext *x = tcp_ext_see(t, c);
	if (x->fin_known && seq_gt(s->h.seq, x->fin_seq))
		return false;
	uint32_t room = c->rcv_edge - s->h.seq;
	if (x->fin_known && room > x->fin_seq - s->h.seq)
		room = x->fin_seq - s->h.seq;
	if (s->len > room) {
		if (!room)
			return false;
		mbuf_trim(m, room);
		s->len = room;
		*fin = false;
		t->start.drops[DROP_TCP_WINDOW]++; /* of its end */
	}
	return s->len || *fin;
}

/* fin_arrives: true: nothing is missing before it.  Else its place is kept, if there is one for that: or it comes again. */
static bool
fin_arrives(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	bool next = s->h.seq == c->rcv_nxt;
	struct tcp_ext *x = next ? tcp_ext(t, c) : tcp_ext_take(t, c);
	if (x && !x->fin_known) {
		x->fin_known = true;
		x->fin_seq = s->h.seq + s->len;
		tcp_reass_until(t, c, x->fin_seq, DROP_TCP_AFTER_FIN);
	}
	return next && !x;
}

static void
in_order(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t len)
{
	uint32_t from = c->rcv_nxt;
	bool hole = tcp_ext_see(t, c)->ooo != NONE;
	c->rcv_nxt += len;
	if (hole)
		tcp_reass_pull(t, c, m);
	deliver(t, c, m, c->rcv_nxt - from);
	if (hole) /* RFC 5681 4.2: what fills a gap, in whole or in part */
		tcp_ack_now(t, c);
	else
		tcp_ack_soon(t, c);
}

static void
deliver(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t len)
{
	struct tcp_burst *b = t->burst;
	uint64_t conn = tcp_handle(t, c);
	c->unconsumed += len;
	if (c->burst_at < b->n_data && b->data[c->burst_at].conn == conn) {
		struct tcp_data *d = &b->data[c->burst_at];
		d->len += len;
		if (!mbuf_join(d->m, m)) /* a burst has fewer pieces than a chain may have */
			rte_pktmbuf_free(m);
		return;
	}
	c->burst_at = (uint8_t)b->n_data;
	b->data[b->n_data++] = (struct tcp_data){.conn = conn, .user = c->user, .m = m, .len = len};
}

/* mark_seen: RFC 3168 6.1.3: congestion experienced is echoed until the peer says that it has reduced. */
static void
mark_seen(struct tcp_conn *c, const struct segment *s)
{
	if (s->h.flags & TCP_F_CWR)
		c->flags &= ~(uint32_t)CONN_ECE;
	if (s->ip_ecn == 3)
		c->flags |= CONN_ECE;
}

/* --- acknowledgements */

void
tcp_ack_now(struct tcp *t, struct tcp_conn *c)
{
	c->flags |= CONN_ACK_NOW;
	tcp_list_add(t, LIST_OUT, c);
}

/* tcp_ack_soon: RFC 9293 3.8.6.3: every second full segment, or what is more than one, and within 40 ms. */
void
tcp_ack_soon(struct tcp *t, struct tcp_conn *c)
{
	if (!(c->flags & CONN_DELAYED_ACK) || c->rcv_nxt - c->rcv_acked > c->mss || c->flags & CONN_ECE) {
		tcp_ack_now(t, c);
	} else if (!c->ack_ms) {
		c->ack_ms = tcp_in_ms(t, TCP_DELAYED_ACK_MS);
		tcp_timer_update(t, c);
	}
}

/* --- the window */

/* tcp_rcv_room: what the bound leaves. */
uint32_t
tcp_rcv_room(const struct tcp_conn *c)
{
	return c->rcv_bound > c->unconsumed ? c->rcv_bound - c->unconsumed : 0;
}

/* step: RFC 9293 3.8.6.2.2: the edge does not move by less. */
static uint32_t
step(const struct tcp_conn *c)
{
	uint32_t half = c->rcv_bound / 2;
	return half < c->mss ? half : c->mss;
}

/* scarce: what comes out of order, and all else, leaves no buffers for larger windows. */
static bool
scarce(const struct tcp *t)
{
	return t->mbufs_low || t->use.reorder_mbufs > t->start.limits.reorder_mbufs / 2;
}

/* most: a window that is larger than what may be kept out of order brings loss, not speed. */
static uint32_t
most(const struct tcp *t, const struct tcp_conn *c)
{
	const struct tcp_limits *l = &t->start.limits;
	uint64_t share = (uint64_t)l->reorder_mbufs * c->mss;
	return share < l->rcv_max ? (uint32_t)share : l->rcv_max;
}

/* grow: to twice what was taken in a round trip, of which it was `taken` in `elapsed`: the peer may double what it sends. */
static void
grow(struct tcp *t, struct tcp_conn *c, uint32_t taken, uint32_t rtt, uint32_t elapsed)
{
	uint64_t want = 2 * (uint64_t)taken * rtt / elapsed;
	if (scarce(t)) { /* the edge stays, and is used up (RFC 9293 3.8.6) */
		c->rcv_bound = t->start.limits.rcv_bytes;
		return;
	}
	if (want > most(t, c))
		want = most(t, c);
	if (want <= c->rcv_bound)
		return;
	c->rcv_bound = (uint32_t)want;
	tcp_count(t, TCP_STAT_WINDOWS_GROWN);
}

/* measure: a round trip is over when the peer echoes a time stamp that is younger than its beginning (RFC 7323 4.1), or by our
 * own estimate.  Who sends large segments has congestion state for it while there is plenty. */
static void
measure(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	bool ts = c->flags & CONN_TS;
	if (t->start.limits.rcv_max <= t->start.limits.rcv_bytes || (c->flags & (CONN_RCV_SET | CONN_WS)) != CONN_WS ||
	    !(ts || c->flags & CONN_RTT_SEEN))
		return;
	bool plenty = s->len > c->mss / 2 && t->use.active < t->start.limits.active / 2;
	struct tcp_ext *x = c->ext == NONE && plenty ? tcp_ext_take(t, c) : tcp_ext(t, c);
	if (!x)
		return;
	uint32_t now = ts ? tcp_tsval(t, c->ts_offset) : t->us, pos = c->rcv_nxt - c->unconsumed;
	uint32_t rtt = ts ? now - s->h.opt.tsecr : c->srtt_us, elapsed = now - x->taken_mark;
	if (x->taken_on && (rtt >= elapsed || !elapsed))
		return;
	if (x->taken_on)
		grow(t, c, pos - x->taken_pos, rtt ? rtt : 1, elapsed);
	x->taken_on = true;
	x->taken_mark = now;
	x->taken_pos = pos;
}

uint16_t
tcp_rcv_window(struct tcp *t, struct tcp_conn *c)
{
	uint32_t edge = c->rcv_nxt + tcp_rcv_room(c);
	(void)t;
	if (seq_lt(edge, c->rcv_edge) || edge - c->rcv_edge < step(c))
		edge = c->rcv_edge; /* RFC 9293 3.8.6: it does not go back */
	uint32_t field = (edge - c->rcv_nxt) >> c->rcv_ws;
	/* RFC 7323 2.4: nor by rounding. */
	if (seq_lt(c->rcv_nxt + (field << c->rcv_ws), c->rcv_edge))
		field++;
	if (field > UINT16_MAX)
		field = UINT16_MAX;
	c->rcv_edge = seq_max(c->rcv_edge, c->rcv_nxt + (field << c->rcv_ws));
	return (uint16_t)field;
}

void
tcp_consumed(struct tcp *t, uint64_t conn, uint32_t n)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c)
		return;
	c->unconsumed -= n < c->unconsumed ? n : c->unconsumed;
	/* An update of its own when the peer may be waiting for it: the window has been small and grows by two segments. */
	uint32_t window = c->rcv_edge - c->rcv_nxt, edge = c->rcv_nxt + tcp_rcv_room(c);
	uint32_t least = 2 * step(c) < c->rcv_bound / 2 ? 2 * step(c) : c->rcv_bound / 2;
	if (window < c->rcv_bound / 2 && seq_gt(edge, c->rcv_edge) && edge - c->rcv_edge >= least &&
	    !(c->flags & CONN_FIN_IN))
		tcp_ack_now(t, c);
}
