/* What an acknowledgement says (RFC 9293 3.10.7.4 fifth), in order: the window, the scoreboard, the cumulative number, the
 * round trip, losses and the congestion window, and what can be sent now. */
#include "conn.h"

static void window_update(struct tcp_conn *c, const struct segment *s, struct ack *a) ON_LCORE;
static void cumulative(struct tcp *t, struct tcp_conn *c, struct ack *a) ON_LCORE;
static void head_trim(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g, struct ack *a) ON_LCORE;
static void count_out(struct tcp *t, const struct tcp_conn *c, const struct tcp_seg *g, uint32_t n) ON_LCORE;
static void round_trip(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;

void
tcp_ack(struct tcp *t, struct tcp_conn *c, const struct segment *s)
{
	const struct tcp_header *h = &s->h;
	struct ack a = {.seq = h->ack, .prior_una = c->snd_una, .prior_pipe = tcp_ext_see(t, c)->pipe};
	if (seq_lt(a.seq, c->snd_una)) /* overtaken by a later one */
		return;
	a.ece = h->flags & TCP_F_ECE && !(h->flags & TCP_F_SYN);
	a.has_ts = (c->flags & CONN_TS) && h->opt.has_ts;
	a.tsecr = h->opt.tsecr;
	window_update(c, s, &a);
	if ((c->flags & CONN_SACK) && h->opt.n_sacks)
		tcp_sack(t, c, &h->opt, &a);
	bool outstanding = c->snd_una != c->snd_nxt;
	if (a.seq != c->snd_una)
		cumulative(t, c, &a);
	/* RFC 5681 2: a duplicate acknowledgement. */
	a.dup = outstanding && !a.advanced && !s->len && !a.window_changed && !(h->flags & (TCP_F_SYN | TCP_F_FIN));
	round_trip(t, c, &a);
	if (c->ext != NONE && (outstanding || a.dsack))
		tcp_recover_ack(t, c, &a);
	bool opened = a.window_changed && c->rtx_kind == RTX_PERSIST;
	if (a.advanced || opened)
		c->backoff = 0;
	/* Any answer shows that the peer is there: what counts is silence, or no progress with a window to fill. */
	if (a.advanced || c->snd_wnd == 0 || !outstanding)
		c->stall_ms = c->snd_una != c->snd_nxt ? tcp_in_ms(t, 0) : 0;
	if (a.advanced && c->ext != NONE)
		t->exts[c->ext].progress_ms = t->ms;
	if (a.advanced || a.delivered || opened)
		tcp_rtx_restart(t, c);
	else
		tcp_rtx_arm(t, c);
	tcp_send_poke(t, c);
}

/* window_update: RFC 9293 3.10.7.4: by SND.WL1, so that an old segment does not bring an old window back.  SND.WL2 is not kept:
 * it is an acknowledgement that was taken, so no more than SND.UNA, and what acknowledges less than that has not come here. */
static void
window_update(struct tcp_conn *c, const struct segment *s, struct ack *a)
{
	const struct tcp_header *h = &s->h;
	if (seq_gt(c->snd_wl1, h->seq))
		return;
	uint32_t wnd = (uint32_t)h->wnd << (h->flags & TCP_F_SYN ? 0 : c->snd_ws);
	a->window_changed = wnd != c->snd_wnd;
	c->snd_wnd = wnd;
	c->snd_wl1 = h->seq;
	if (wnd > c->max_wnd)
		c->max_wnd = wnd;
}

static void
cumulative(struct tcp *t, struct tcp_conn *c, struct ack *a)
{
	a->advanced = true;
	a->acked = a->seq - c->snd_una;
	while (c->head != NONE) {
		struct tcp_seg *g = &t->segs[c->head];
		if (!(g->flags & SEG_SENT) || seq_geq(g->seq, a->seq))
			break;
		if (seq_gt(seg_end(g), a->seq)) {
			head_trim(t, c, g, a);
			break;
		}
		if (g->flags & SEG_SACKED) {
			t->exts[c->ext].n_sacked--;
		} else {
			a->delivered += seg_space(g);
			tcp_delivered(t, c, g, a);
		}
		count_out(t, c, g, seg_space(g));
		tcp_queue_drop_head(t, c);
	}
	c->snd_una = a->seq;
}

/* count_out: n octets of g are no longer in the network, lost or reported. */
static void
count_out(struct tcp *t, const struct tcp_conn *c, const struct tcp_seg *g, uint32_t n)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (g->flags & SEG_SACKED)
		x->sacked -= n;
	else if (g->flags & SEG_LOST)
		x->lost -= n;
	else
		x->pipe -= n;
}

/* head_trim: a part of it is acknowledged: the rest stays, as a part of its record. */
static void
head_trim(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g, struct ack *a)
{
	uint16_t n = (uint16_t)(a->seq - g->seq);
	count_out(t, c, g, n);
	if (!(g->flags & SEG_SACKED))
		a->delivered += n;
	g->seq += n;
	g->off += n;
	g->len -= n;
	g->flags |= SEG_PART;
	if (unlikely(g->probe)) { /* what is left of it proves nothing */
		g->probe = false;
		c->flags &= ~(uint32_t)CONN_MTU_PROBE;
	}
}

static void
round_trip(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	if (a->rtt_us && !a->repaired) {
		tcp_rtt_sample(t, c, a->rtt_us);
		return;
	}
	/* RFC 7323 4.1: what was sent again gives a sample by time stamps alone, and only when the number advances. */
	uint32_t ms = tcp_tsval(t, c->ts_offset) - a->tsecr;
	if (a->advanced && a->delivered && a->has_ts && a->tsecr && ms < TCP_RTO_MAX_MS)
		tcp_rtt_sample(t, c, ms ? ms * 1000 : 1000);
}
