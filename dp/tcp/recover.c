/* Loss recovery: entered by ACKs (RFC 6675, 8985) or by a timeout (RFC 6298, 5681 3.1), paced by proportional rate
 * reduction (RFC 9937), and taken back when it turns out that nothing was lost (RFC 4015, 3708, 5682). */
#include "conn.h"

static bool only_probe(const struct tcp *t, const struct tcp_conn *c) ON_LCORE;
static void begin(struct tcp *t, struct tcp_conn *c, enum tcp_ca why) ON_LCORE;
static void undo(struct tcp *t, struct tcp_conn *c, enum tcp_stat how) ON_LCORE;
static bool spurious(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
static void forward_rto(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
static void tail_probe(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
static bool new_reno(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
static void rate_reduction(struct tcp_conn *c, struct tcp_ext *x, const struct ack *a) ON_LCORE;
static void leave(struct tcp_conn *c, struct tcp_ext *x) ON_LCORE;

void
tcp_recover_ack(struct tcp *t, struct tcp_conn *c, struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (x->tlp_out)
		tail_probe(t, c, a);
	if (spurious(t, c, a))
		undo(t, c, TCP_STAT_UNDO_EIFEL);
	if (x->frto)
		forward_rto(t, c, a);
	a->lost = c->flags & CONN_SACK ? tcp_rack_detect(t, c) : new_reno(t, c, a);
	if (x->ca >= CA_CWR && seq_geq(a->seq, x->high_seq))
		leave(c, x);
	if (x->ca <= CA_CWR && x->lost && !x->frto && !only_probe(t, c))
		begin(t, c, CA_RECOVERY);
	/* RFC 3168 6.1.2: at most once in a window. */
	else if (a->ece && (c->flags & CONN_ECN) && x->ca == CA_OPEN && seq_geq(a->seq, x->ecn_end)) {
		begin(t, c, CA_CWR);
		x->ecn_end = c->snd_nxt;
		c->flags |= CONN_CWR;
		tcp_count(t, TCP_STAT_ECN_REDUCTIONS);
	}
	if (x->ca == CA_RECOVERY || x->ca == CA_CWR)
		rate_reduction(c, x, a);
	else
		tcp_cc_ack(t, c, a);
}

/* only_probe: what is lost is a probe for a larger path MTU and nothing beside it: no sign of congestion (RFC 4821 7.6.2). */
static bool
only_probe(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t i = c->head;
	while (i != NONE && t->segs[i].flags & SEG_SENT && !(t->segs[i].flags & SEG_LOST))
		i = t->segs[i].next;
	return i != NONE && t->segs[i].probe && seg_space(&t->segs[i]) == t->exts[c->ext].lost;
}

/* begin: an episode of reduction; what undoing it needs is kept. */
static void
begin(struct tcp *t, struct tcp_conn *c, enum tcp_ca why)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (x->ca == CA_OPEN) { /* else a reduction is under way, and the state before it is what counts */
		x->prior_cwnd = c->cwnd;
		x->prior_ssthresh = c->ssthresh;
		x->undo_una = c->snd_una;
		x->undo_left = 0;
		x->undo_on = true;
		x->repair_seen = false;
		tcp_cc_reduce(t, c);
	}
	if (why == CA_RECOVERY)
		tcp_count(t, TCP_STAT_RECOVERIES);
	x->ca = (uint8_t)why;
	x->high_seq = c->snd_nxt;
	/* RFC 9937 6: what is in flight, as it was before this ACK's reports. */
	x->recover_fs = c->snd_nxt - c->snd_una - x->sacked;
	if (x->recover_fs < c->mss)
		x->recover_fs = c->mss;
	x->prr_delivered = x->prr_out = 0;
	x->tlp_out = 0;
}

/* rate_reduction: RFC 9937 6.2: the window follows what is delivered, down to ssthresh by the end of the episode. */
static void
rate_reduction(struct tcp_conn *c, struct tcp_ext *x, const struct ack *a)
{
	uint32_t send, pipe = x->pipe;
	bool safe = a->advanced && !a->lost;
	x->prr_delivered += a->delivered;
	if (pipe > c->ssthresh) {
		uint64_t target = ((uint64_t)x->prr_delivered * c->ssthresh + x->recover_fs - 1) / x->recover_fs;
		send = target > x->prr_out ? (uint32_t)target - x->prr_out : 0;
	} else {
		send = x->prr_delivered > x->prr_out ? x->prr_delivered - x->prr_out : 0;
		if (send < a->delivered)
			send = a->delivered;
		if (safe)
			send += c->mss; /* slow start reduction bound */
		if (send > c->ssthresh - pipe)
			send = c->ssthresh - pipe;
	}
	if (!x->prr_out && send < c->mss)
		send = c->mss; /* the first repair goes at once */
	c->cwnd = pipe + send;
}

static void
leave(struct tcp_conn *c, struct tcp_ext *x)
{
	if (x->ca == CA_RECOVERY || x->ca == CA_CWR)
		c->cwnd = c->ssthresh;
	if (x->reo_persist && !--x->reo_persist)
		x->reo_mult = 1;
	x->ca = CA_OPEN;
	x->frto = 0;
	x->dupacks = 0;
	if (c->cwnd < c->mss)
		c->cwnd = c->mss;
}

/* spurious: RFC 4015 3.2 (RFC 3522): the ACK echoes a time stamp older than the first repair's: it is for the original. */
static bool
spurious(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	const struct tcp_ext *x = &t->exts[c->ext];
	return x->undo_on && x->repair_seen && x->ca >= CA_RECOVERY && a->advanced && a->has_ts && a->tsecr &&
	       seq_lt(a->tsecr, x->repair_ts);
}

/* tcp_recover_dsack: RFC 3708 2: when every repair of an episode was a duplicate, nothing was lost. */
void
tcp_recover_dsack(struct tcp *t, struct tcp_conn *c, const struct tcp_block *b)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (!x->undo_on || !x->repair_seen || seq_lt(b->start, x->undo_una) || seq_gt(b->end, x->high_seq))
		return;
	x->undo_left -= (int32_t)((b->end - b->start + c->mss - 1) / c->mss);
	if (x->undo_left <= 0)
		undo(t, c, TCP_STAT_UNDO_DSACK);
}

/* undo: RFC 4015 3.3, and what was called lost is under way again. */
static void
undo(struct tcp *t, struct tcp_conn *c, enum tcp_stat how)
{
	struct tcp_ext *x = &t->exts[c->ext];
	for (uint32_t i = c->head; i != NONE && t->segs[i].flags & SEG_SENT; i = t->segs[i].next) {
		struct tcp_seg *g = &t->segs[i];
		if (!(g->flags & SEG_LOST))
			continue;
		g->flags &= (uint8_t)~SEG_LOST;
		x->lost -= seg_space(g);
		x->pipe += seg_space(g);
	}
	tcp_count(t, how);
	if (c->cwnd < x->prior_cwnd)
		c->cwnd = x->prior_cwnd;
	if (c->ssthresh < x->prior_ssthresh)
		c->ssthresh = x->prior_ssthresh;
	x->undo_on = false;
	x->ca = CA_OPEN;
	x->frto = 0;
	x->epoch = false;
	c->backoff = 0;
}

/* tcp_recover_rto: RFC 5681 3.1, RFC 6675 5.1: all that is out counts as lost, one segment goes. */
void
tcp_recover_rto(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	bool first = x->ca != CA_LOSS;
	tcp_count(t, TCP_STAT_RTOS);
	if (first)
		begin(t, c, CA_LOSS);
	tcp_sack_forget(t, c);
	for (uint32_t i = c->head; i != NONE && t->segs[i].flags & SEG_SENT; i = t->segs[i].next)
		tcp_mark_lost(t, c, &t->segs[i]);
	c->cwnd = c->mss;
	x->dupacks = 0;
	x->high_seq = c->snd_nxt;
	x->epoch = false;
	x->reo_ms = 0;
	/* Time stamps tell a spurious timeout better than RFC 5682 can. */
	x->frto = first && !(c->flags & CONN_TS) && c->snd_una != c->snd_nxt;
}

/* forward_rto: RFC 5682 2.1 steps 2 and 3: after the first ACK new data is sent instead of repairs; if that is acknowledged
 * too, the originals had only been late. */
static void
forward_rto(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (x->frto == 1 && a->advanced && seq_lt(a->seq, x->high_seq) && c->unsent != NONE) {
		x->frto = 2;
		c->cwnd = x->pipe + 2u * c->mss;
	} else if (x->frto == 2 && a->advanced) {
		undo(t, c, TCP_STAT_UNDO_FRTO);
	} else if (a->advanced || a->dup) {
		x->frto = 0;
	}
}

/* tail_probe: RFC 8985 7.4.2: was a loss repaired by the probe, so that nobody else would answer it? */
static void
tail_probe(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (seq_lt(a->seq, x->tlp_end))
		return;
	if (x->tlp_out == 1 || a->dsack_tlp) {
		x->tlp_out = 0;
	} else if (seq_gt(a->seq, x->tlp_end)) {
		x->tlp_out = 0;
		if (x->ca == CA_OPEN)
			begin(t, c, CA_CWR);
	} else if (a->dup && !a->newly_sacked) {
		x->tlp_out = 0;
	}
}

/* new_reno: RFC 6582, for peers without SACK: three duplicates, then each partial acknowledgement shows the next hole. */
static bool
new_reno(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	struct tcp_seg *head = tcp_seg(t, c->head);
	if (a->advanced)
		x->dupacks = 0;
	else if (a->dup && x->dupacks < 255)
		x->dupacks++;
	if (!head || !(head->flags & SEG_SENT) || head->flags & SEG_LOST)
		return false;
	bool partial = x->ca == CA_RECOVERY && a->advanced && seq_lt(a->seq, x->high_seq);
	bool third = x->dupacks == 3 && x->ca == CA_OPEN && seq_geq(a->seq, x->high_seq);
	if (!partial && !third)
		return false;
	tcp_mark_lost(t, c, head);
	return true;
}

/* tcp_recover_losses: RACK's timer has found some. */
void
tcp_recover_losses(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	struct ack a = {.seq = c->snd_una, .prior_una = c->snd_una, .lost = true};
	if (x->ca <= CA_CWR && !only_probe(t, c))
		begin(t, c, CA_RECOVERY);
	if (x->ca == CA_RECOVERY)
		rate_reduction(c, x, &a);
}
