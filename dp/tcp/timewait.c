/* TIME-WAIT: what is kept of a connection for two maximum segment lifetimes.  All wait equally long, so the list is in order
 * of deadlines; when another needs the place, the oldest ends early. */
#include "conn.h"

static void tw_queue(struct tcp *t, struct tcp_tw *w) ON_LCORE;
static void tw_unqueue(struct tcp *t, struct tcp_tw *w) ON_LCORE;
static void tw_answer(struct tcp *t, struct tcp_tw *w) ON_LCORE;
static bool tw_newer(const struct tcp *t, const struct tcp_tw *w, const struct segment *s) ON_LCORE;

static uint32_t
tw_ref(const struct tcp *t, const struct tcp_tw *w)
{
	return t->start.limits.conns + t->start.limits.half_open + (uint32_t)(w - t->tws);
}

/* tcp_tw_enter: acknowledges the FIN if that has brought us here, and the connection is gone. */
void
tcp_tw_enter(struct tcp *t, struct tcp_conn *c, bool acknowledge)
{
	struct tcp_tw *w = NULL;
	if (t->tw_free == NONE && t->tw_due.first != NONE) {
		tcp_count(t, TCP_STAT_TIME_WAIT_EVICTED);
		tcp_tw_free(t, &t->tws[t->tw_due.first]);
	}
	if (t->tw_free != NONE) {
		w = &t->tws[t->tw_free];
		t->tw_free = w->link.next;
		t->use.time_waits++;
		*w = (struct tcp_tw){.id = c->id, .hash = c->id.hash, .snd_nxt = c->snd_nxt, .rcv_nxt = c->rcv_nxt};
		w->ts_recent = c->ts_recent;
		w->ts_recent_ms = c->ts_recent_ms;
		w->ts_offset = c->ts_offset;
		w->ts = (c->flags & CONN_TS) != 0;
		w->nh = c->nh;
		w->wnd = tcp_rcv_window(t, c);
		tw_queue(t, w);
		if (acknowledge)
			tw_answer(t, w);
	}
	tcp_conn_gone(t, c, TCP_GONE_CLOSED);
	if (w && !tcp_table_add(t, w->hash, tw_ref(t, w)))
		tcp_tw_free(t, w);
}

void
tcp_tw_free(struct tcp *t, struct tcp_tw *w)
{
	tcp_table_del(t, w->hash, tw_ref(t, w));
	tw_unqueue(t, w);
	w->link.next = t->tw_free;
	t->tw_free = (uint32_t)(w - t->tws);
	t->use.time_waits--;
}

static void
tw_queue(struct tcp *t, struct tcp_tw *w)
{
	struct tcp_fifo *f = &t->tw_due;
	uint32_t i = (uint32_t)(w - t->tws);
	w->due_ms = tcp_in_ms(t, TCP_2MSL_MS);
	w->link = (struct tcp_link){NONE, f->last};
	if (f->last == NONE)
		f->first = i;
	else
		t->tws[f->last].link.next = i;
	f->last = i;
}

static void
tw_unqueue(struct tcp *t, struct tcp_tw *w)
{
	struct tcp_fifo *f = &t->tw_due;
	if (w->link.prev == NONE)
		f->first = w->link.next;
	else
		t->tws[w->link.prev].link.next = w->link.next;
	if (w->link.next == NONE)
		f->last = w->link.prev;
	else
		t->tws[w->link.next].link.prev = w->link.prev;
}

static void
tw_answer(struct tcp *t, struct tcp_tw *w)
{
	struct tcp_answer a = {
		.id = &w->id, .seq = w->snd_nxt, .ack = w->rcv_nxt, .nh = w->nh, .wnd = w->wnd, .flags = TCP_F_ACK};
	a.opt.ts = w->ts;
	a.opt.tsval = tcp_tsval(t, w->ts_offset);
	a.opt.tsecr = w->ts_recent;
	tcp_answer(t, &a);
}

/* tcp_tw_segment: RFC 9293 3.10.7.4 in TIME-WAIT.  RFC 1337: a RST does not end it. */
void
tcp_tw_segment(struct tcp *t, struct tcp_tw *w, struct segment *s)
{
	const struct tcp_header *h = &s->h;
	if (h->flags & TCP_F_RST) {
		tcp_drop(t, s->m, DROP_TCP_TIME_WAIT);
		return;
	}
	if ((h->flags & (TCP_F_SYN | TCP_F_ACK)) == TCP_F_SYN && tw_newer(t, w, s) &&
	    tcp_listener(t, &s->id.local, s->id.local_port)) {
		/* RFC 6191 2, RFC 9293 3.10.7.4 MAY-2: a new incarnation, whose numbers of ours go on above the old one's. */
		uint32_t least = w->snd_nxt + UINT16_MAX;
		tcp_count(t, TCP_STAT_TIME_WAIT_REUSED);
		tcp_tw_free(t, w);
		tcp_syn_accept(t, s, least ? least : 1);
		rte_pktmbuf_free(s->m);
		return;
	}
	bool fin = h->flags & TCP_F_FIN && h->seq + s->len + 1 == w->rcv_nxt;
	bool quiet = h->seq == w->rcv_nxt && !s->len && !(h->flags & (TCP_F_SYN | TCP_F_FIN));
	if (fin) {
		tw_unqueue(t, w);
		tw_queue(t, w);
	}
	if (!quiet && (fin || !w->oow_ms || t->ms - w->oow_ms >= TCP_CHALLENGE_MS)) {
		w->oow_ms = tcp_in_ms(t, 0);
		tw_answer(t, w);
	}
	tcp_drop(t, s->m, DROP_TCP_TIME_WAIT);
}

static bool
tw_newer(const struct tcp *t, const struct tcp_tw *w, const struct segment *s)
{
	const struct tcp_options *o = &s->h.opt;
	(void)t;
	if (w->ts && o->has_ts && o->tsval != w->ts_recent)
		return seq_gt(o->tsval, w->ts_recent);
	return seq_gt(s->h.seq, w->rcv_nxt);
}

void
tcp_tw_timers(struct tcp *t, unsigned quota)
{
	for (; quota && t->tw_due.first != NONE; quota--) {
		struct tcp_tw *w = &t->tws[t->tw_due.first];
		if (seq_lt(t->ms, w->due_ms))
			return;
		tcp_tw_free(t, w);
	}
}
