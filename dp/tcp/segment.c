/* A segment arrives: RFC 9293 3.10.7, in its order. */
#include "conn.h"

static void arrives(struct tcp *t, struct tcp_conn *c, struct segment *s) ON_LCORE;
static void syn_sent_segment(struct tcp *t, struct tcp_conn *c, struct segment *s) ON_LCORE;
static void syn_sent_open(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
static enum drop check_sequence(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
static enum drop check_rst(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
static enum drop check_ack(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
static void take_timestamp(struct tcp *t, struct tcp_conn *c, const struct segment *s) ON_LCORE;
static void fin_acked(struct tcp *t, struct tcp_conn *c) ON_LCORE;

void
tcp_segment_arrives(struct tcp *t, struct segment *s)
{
	const struct tcp_limits *l = &t->start.limits;
	uint32_t ref = tcp_table_find(t, &s->id, s->hash);
	if (likely(ref < l->conns))
		tcp_conn_segment(t, &t->conns[ref], s);
	else if (ref == NONE)
		tcp_listen_segment(t, s);
	else if (ref < l->conns + l->half_open)
		tcp_syn_segment(t, &t->syns[ref - l->conns], s);
	else
		tcp_tw_segment(t, &t->tws[ref - l->conns - l->half_open], s);
}

void
tcp_conn_segment(struct tcp *t, struct tcp_conn *c, struct segment *s)
{
	arrives(t, c, s);
	tcp_ext_settle(t, c);
}

static void
arrives(struct tcp *t, struct tcp_conn *c, struct segment *s)
{
	if (unlikely(c->state == TCP_SYN_SENT)) {
		syn_sent_segment(t, c, s);
		return;
	}
	if (unlikely(c->state == TCP_SYN_RECEIVED) && s->h.flags & TCP_F_SYN && s->h.seq + 1 == c->rcv_nxt) {
		/* RFC 9293 3.5 figure 7: the other SYN of a simultaneous open again, with the ACK that we wait for. */
		s->h.flags &= (uint8_t)~TCP_F_SYN;
		s->h.seq++;
	}
	enum drop why = check_sequence(t, c, s);
	if (likely(why == DROP_NONE) && unlikely(s->h.flags & TCP_F_RST))
		why = check_rst(t, c, s);
	if (unlikely(c->state == TCP_CLOSED)) { /* reset */
		rte_pktmbuf_free(s->m);
		return;
	}
	if (likely(why == DROP_NONE) && unlikely(s->h.flags & TCP_F_SYN)) {
		/* RFC 5961 4.2: in any synchronised state, whatever its sequence number. */
		tcp_challenge(t, c);
		why = DROP_TCP_SYN;
	}
	if (likely(why == DROP_NONE))
		why = check_ack(t, c, s);
	if (unlikely(c->state == TCP_CLOSED)) {
		rte_pktmbuf_free(s->m);
		return;
	}
	if (unlikely(why != DROP_NONE)) {
		tcp_drop(t, s->m, why);
		return;
	}
	c->heard_ms = t->ms;
	c->keep_probes = 0;
	take_timestamp(t, c, s);
	tcp_ack(t, c, s);
	if ((c->flags & CONN_FIN_QUEUED) && c->snd_una == c->snd_end)
		fin_acked(t, c);
	if (c->state == TCP_CLOSED) { /* LAST-ACK is over, or TIME-WAIT has begun */
		rte_pktmbuf_free(s->m);
		return;
	}
	tcp_receive(t, c, s);
}

/* check_sequence: first PAWS (RFC 7323 5.3 R1), then 3.10.7.4 first.  What is not acceptable is answered by an ACK unless it
 * is a RST; without data no more often than challenges, so that two ends cannot keep each other busy. */
static enum drop
check_sequence(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	const struct tcp_header *h = &s->h;
	uint32_t len = s->len + ((h->flags & TCP_F_FIN) != 0) + ((h->flags & TCP_F_SYN) != 0);
	uint32_t wnd = c->rcv_edge - c->rcv_nxt, end = h->seq + len;
	enum drop why = DROP_NONE;

	if ((c->flags & CONN_TS) && h->opt.has_ts && !(h->flags & TCP_F_RST) && seq_lt(h->opt.tsval, c->ts_recent) &&
	    t->ms - c->ts_recent_ms < TCP_PAWS_IDLE_MS)
		why = DROP_TCP_PAWS;
	/* Without data also at the right edge: the peer has filled the window and acknowledges ours. */
	else if (!len ? seq_lt(h->seq, c->rcv_nxt) || seq_gt(h->seq, c->rcv_edge)
		      : seq_leq(end, c->rcv_nxt) || (wnd ? seq_geq(h->seq, c->rcv_edge) : h->seq != c->rcv_nxt))
		why = DROP_TCP_SEQUENCE;
	if (likely(why == DROP_NONE) || (h->flags & TCP_F_RST))
		return why;
	if (h->flags & TCP_F_SYN) {
		tcp_challenge(t, c);
		return DROP_TCP_SYN;
	}
	if (why == DROP_TCP_SEQUENCE && s->len && seq_leq(end, c->rcv_nxt)) {
		/* RFC 2883 4: a duplicate below the cumulative number. */
		tcp_dsack(t, c, h->seq, seq_min(h->seq + s->len, c->rcv_nxt));
	}
	if (len)
		tcp_ack_now(t, c);
	else
		tcp_challenge(t, c);
	return why;
}

/* check_rst: RFC 5961 3.2: only the exact number resets. */
static enum drop
check_rst(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	if (s->h.seq != c->rcv_nxt) {
		tcp_challenge(t, c);
		return DROP_TCP_RST;
	}
	tcp_count(t, TCP_STAT_RESETS_IN);
	/* In LAST-ACK, CLOSING and FIN-WAIT all of ours may have arrived; it is a reset all the same. */
	tcp_conn_gone(t, c, TCP_GONE_RESET);
	return DROP_NONE;
}

/* check_ack: RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT. */
static enum drop
check_ack(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	uint32_t ack = s->h.ack;
	if (!(s->h.flags & TCP_F_ACK))
		return DROP_TCP_FLAGS;
	if (unlikely(c->state == TCP_SYN_RECEIVED)) {
		if (seq_leq(ack, c->snd_una) || seq_gt(ack, c->snd_nxt)) {
			tcp_reset_for(t, s);
			return DROP_TCP_ACK;
		}
		c->snd_wnd = (uint32_t)s->h.wnd << c->snd_ws;
		c->snd_wl1 = s->h.seq;
		tcp_conn_set_state(t, c, TCP_ESTABLISHED);
		tcp_count(t, TCP_STAT_OPENED_ACTIVE);
		tcp_conn_opened(t, c, c->user);
		return DROP_NONE;
	}
	if (likely(seq_leq(ack, c->snd_nxt) && seq_geq(ack, c->snd_una - c->max_wnd)))
		return DROP_NONE;
	tcp_challenge(t, c);
	return DROP_TCP_ACK;
}

/* take_timestamp: RFC 7323 4.3: only from a segment that is acceptable, and not from one beyond a hole. */
static void
take_timestamp(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	const struct tcp_options *o = &s->h.opt;
	bool old = t->ms - c->ts_recent_ms >= TCP_PAWS_IDLE_MS;
	if (!(c->flags & CONN_TS) || !o->has_ts || !seq_leq(s->h.seq, c->rcv_acked))
		return;
	if (seq_geq(o->tsval, c->ts_recent) || old) {
		c->ts_recent = o->tsval;
		c->ts_recent_ms = t->ms;
	}
}

/* tcp_challenge: RFC 5961 7: at most one in 500 ms and connection; no counter that connections share. */
void
tcp_challenge(struct tcp *t, struct tcp_conn *c)
{
	if (c->oow_ms && t->ms - c->oow_ms < TCP_CHALLENGE_MS) {
		tcp_count(t, TCP_STAT_CHALLENGES_HELD);
		return;
	}
	c->oow_ms = tcp_in_ms(t, 0);
	tcp_count(t, TCP_STAT_CHALLENGES);
	tcp_ack_now(t, c);
}

static void
fin_acked(struct tcp *t, struct tcp_conn *c)
{
	if (c->state == TCP_FIN_WAIT_1)
		tcp_conn_set_state(t, c, TCP_FIN_WAIT_2);
	else if (c->state == TCP_CLOSING)
		tcp_tw_enter(t, c, false);
	else if (c->state == TCP_LAST_ACK)
		tcp_conn_gone(t, c, TCP_GONE_CLOSED);
}

void
tcp_fin_in(struct tcp *t, struct tcp_conn *c)
{
	c->rcv_nxt++;
	if (seq_lt(c->rcv_edge, c->rcv_nxt))
		c->rcv_edge = c->rcv_nxt;
	c->flags |= CONN_FIN_IN;
	if (c->ext != NONE)
		t->exts[c->ext].fin_known = false;
	tcp_event(t, c, TCP_FIN);
	tcp_ack_now(t, c);
	if (c->state == TCP_ESTABLISHED || c->state == TCP_SYN_RECEIVED)
		tcp_conn_set_state(t, c, TCP_CLOSE_WAIT);
	else if (c->state == TCP_FIN_WAIT_1)
		tcp_conn_set_state(t, c, TCP_CLOSING);
	else if (c->state == TCP_FIN_WAIT_2)
		tcp_tw_enter(t, c, true);
}

/* --- 3.10.7.3 SYN-SENT */

static void
syn_sent_segment(struct tcp *t, struct tcp_conn *c, struct segment *s)
{
	const struct tcp_header *h = &s->h;
	bool ack = h->flags & TCP_F_ACK;
	if (ack && h->ack != c->snd_nxt) {
		/* Also the challenge of a peer that still knows our last connection: RST, and the SYN again at once. */
		if (!(h->flags & TCP_F_RST)) {
			tcp_reset_for(t, s);
			if (!(h->flags & TCP_F_SYN) && c->tries < TCP_SYN_TRIES && c->head != NONE) {
				tcp_mark_lost(t, c, &t->segs[c->head]);
				tcp_list_add(t, LIST_OUT, c);
			}
		}
		tcp_drop(t, s->m, DROP_TCP_ACK);
		return;
	}
	if (h->flags & TCP_F_RST) {
		if (ack) {
			tcp_count(t, TCP_STAT_RESETS_IN);
			tcp_conn_gone(t, c, TCP_GONE_REFUSED);
			rte_pktmbuf_free(s->m);
		} else {
			tcp_drop(t, s->m, DROP_TCP_RST);
		}
		return;
	}
	if (!(h->flags & TCP_F_SYN)) {
		tcp_drop(t, s->m, DROP_TCP_FLAGS);
		return;
	}
	syn_sent_open(t, c, s);
	rte_pktmbuf_free(s->m); /* data with a SYN is not taken: the peer sends it again */
}

static void
syn_sent_open(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	struct tcp_syn y = {.id = c->id};
	const struct tcp_header *h = &s->h;
	tcp_syn_wish(t, s, &y);
	c->rcv_nxt = c->rcv_acked = h->seq + 1;
	c->rcv_edge = c->rcv_nxt;
	c->snd_ws = y.flags & SYN_WS ? y.ws : 0;
	c->rcv_ws = y.flags & SYN_WS ? c->rcv_ws : 0;
	c->flags &= ~(uint32_t)(CONN_SACK | CONN_TS | CONN_WS);
	c->flags |= (y.flags & SYN_SACK ? CONN_SACK : 0) | (y.flags & SYN_TS ? CONN_TS : 0) |
		    (y.flags & SYN_WS ? CONN_WS : 0);
	/* RFC 3168 6.1.1: a SYN-ACK agrees with ECE alone; one that echoes both flags is a broken peer's. */
	bool agreed =
		h->flags & TCP_F_ACK ? (h->flags & (TCP_F_ECE | TCP_F_CWR)) == TCP_F_ECE : (y.flags & SYN_ECN) != 0;
	if (!agreed)
		c->flags &= ~(uint32_t)CONN_ECN;
	c->ts_recent = h->opt.tsval;
	c->ts_recent_ms = t->ms;
	c->snd_wnd = c->max_wnd = h->wnd;
	c->snd_wl1 = h->seq;
	c->mss_max = y.mss;
	tcp_conn_mss(t, c, (uint16_t)(y.mss - (c->flags & CONN_TS ? 12 : 0)));
	/* RFC 5681 3.1: when the SYN was lost twice, the path is in trouble. */
	c->cwnd = c->tries > 1 ? c->mss : tcp_cc_initial(c);
	if (c->tries) /* RFC 6298 5.7 */
		c->rto_ms = TCP_RTO_SYN_LOST_MS;
	c->heard_ms = t->ms;
	if (!(h->flags & TCP_F_ACK)) { /* simultaneous open, RFC 9293 3.5 figure 7: our SYN again, with an ACK */
		tcp_conn_set_state(t, c, TCP_SYN_RECEIVED);
		if (c->head != NONE)
			tcp_mark_lost(t, c, &t->segs[c->head]);
		tcp_list_add(t, LIST_OUT, c);
		return;
	}
	tcp_conn_set_state(t, c, TCP_ESTABLISHED);
	tcp_count(t, TCP_STAT_OPENED_ACTIVE);
	tcp_conn_opened(t, c, c->user);
	tcp_ack(t, c, s);
	tcp_ack_now(t, c);
}
