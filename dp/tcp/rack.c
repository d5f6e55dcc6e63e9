/* RACK (RFC 8985 6): a segment is lost when one that was sent later has arrived, and a reordering window has passed. */
#include "conn.h"

#define REO_PERSIST 16 /* recoveries after which a widened window is given up, RFC 8985 6.2 step 4 */

static uint32_t reordering_window(const struct tcp_conn *c, const struct tcp_ext *x) ON_LCORE;

/* sent_after: RFC 8985 6.2: by time, then by number. */
static bool
sent_after(uint32_t us1, uint32_t end1, uint32_t us2, uint32_t end2)
{
	return us1 == us2 ? seq_gt(end1, end2) : seq_gt(us1, us2);
}

/* tcp_delivered: g has arrived, says the ACK: steps 1 to 3, and the round trip of a segment that was sent once. */
void
tcp_delivered(struct tcp *t, struct tcp_conn *c, const struct tcp_seg *g, struct ack *a)
{
	struct tcp_ext *x = tcp_ext(t, c);
	uint32_t rtt = t->us - g->tx_us, end = seg_end(g);
	if (!x)
		return;
	if (unlikely(g->probe))
		tcp_pmtu_passed(t, c, g->len);
	if (!(g->flags & SEG_AGAIN)) {
		a->rtt_us = rtt ? rtt : 1;
		if (seq_lt(end, x->rack_fack))
			x->reo_seen = true;
	} else {
		a->repaired = true;
		/* Step 2: the original may have been late, and this ACK be for it. */
		uint32_t sent_ts = tcp_tsval(t, c->ts_offset) - rtt / 1000;
		if (a->has_ts && seq_lt(a->tsecr, sent_ts - 1))
			return;
		if (rtt < x->min_rtt_us)
			return;
	}
	x->rack_fack = seq_max(x->rack_fack, end);
	if (x->rack_seen && !sent_after(g->tx_us, end, x->rack_tx_us, x->rack_end))
		return;
	x->rack_seen = true;
	x->rack_tx_us = g->tx_us;
	x->rack_end = end;
	x->rack_rtt_us = rtt;
}

/* tcp_rack_dsack: step 4: a needless repair: wait longer for what is late, once a round trip. */
void
tcp_rack_dsack(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (seq_lt(c->snd_una, x->reo_end))
		return;
	x->reo_end = c->snd_nxt;
	x->reo_seen = true;
	x->reo_persist = REO_PERSIST;
	if (x->reo_mult < 255)
		x->reo_mult++;
}

static uint32_t
reordering_window(const struct tcp_conn *c, const struct tcp_ext *x)
{
	if (!x->reo_seen && (x->ca == CA_RECOVERY || x->ca == CA_LOSS || x->n_sacked >= 3))
		return 0;
	uint32_t w = x->min_rtt_us / 4 * x->reo_mult;
	return w < c->srtt_us ? w : c->srtt_us;
}

/* tcp_rack_detect: step 5.  True if it has marked some; when something may be lost soon, reo_ms says when. */
bool
tcp_rack_detect(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	bool lost = false;
	uint32_t wait_us = 0, wnd = reordering_window(c, x);
	x->reo_ms = 0;
	if (!x->rack_seen || !x->pipe)
		return false;
	for (uint32_t i = c->head; i != NONE && t->segs[i].flags & SEG_SENT; i = t->segs[i].next) {
		struct tcp_seg *g = &t->segs[i];
		if (g->flags & (SEG_SACKED | SEG_LOST) || !sent_after(x->rack_tx_us, x->rack_end, g->tx_us, seg_end(g)))
			continue;
		int32_t left = (int32_t)(g->tx_us + x->rack_rtt_us + wnd - t->us);
		if (left <= 0) {
			tcp_mark_lost(t, c, g);
			lost = true;
		} else if ((uint32_t)left > wait_us) {
			wait_us = (uint32_t)left;
		}
	}
	if (wait_us)
		x->reo_ms = tcp_in_ms(t, wait_us / 1000 + 1);
	return lost;
}
