/* The scoreboard (RFC 2018, 2883, 6675): what the peer has reported is marked in the segments themselves. */
#include "conn.h"

static bool dsack(struct tcp *t, struct tcp_conn *c, const struct tcp_options *o, struct ack *a) ON_LCORE;
static void block(struct tcp *t, struct tcp_conn *c, const struct tcp_block *b, struct ack *a) ON_LCORE;

/* tcp_sack: at most four blocks, each one walk over what is in flight, which the send queue bounds. */
void
tcp_sack(struct tcp *t, struct tcp_conn *c, const struct tcp_options *o, struct ack *a)
{
	unsigned i = dsack(t, c, o, a) ? 1 : 0;
	for (; i < o->n_sacks; i++) {
		const struct tcp_block *b = &o->sack[i];
		if (!seq_lt(b->start, b->end) || seq_gt(b->end, c->snd_nxt) || seq_lt(b->start, a->seq)) {
			/* What is below the cumulative number may be an old report that was overtaken. */
			if (!seq_lt(b->start, b->end) || seq_gt(b->end, c->snd_nxt))
				tcp_count(t, TCP_STAT_SACKS_BOGUS);
			continue;
		}
		block(t, c, b, a);
	}
}

/* dsack: RFC 2883 4: the first block is a duplicate if it lies below the cumulative number, or inside the second. */
static bool
dsack(struct tcp *t, struct tcp_conn *c, const struct tcp_options *o, struct ack *a)
{
	const struct tcp_block *b = &o->sack[0], *b2 = &o->sack[1];
	bool below = seq_leq(b->end, a->seq);
	bool inside = o->n_sacks > 1 && seq_geq(b->start, b2->start) && seq_leq(b->end, b2->end);
	if (!seq_lt(b->start, b->end) || (!below && !inside))
		return false;
	/* A duplicate of something that we cannot have sent lately says nothing. */
	if (seq_gt(b->end, c->snd_nxt) || seq_lt(b->start, c->snd_una - c->max_wnd)) {
		tcp_count(t, TCP_STAT_SACKS_BOGUS);
		return true;
	}
	tcp_count(t, TCP_STAT_DSACKS_IN);
	a->dsack = true;
	if (c->ext != NONE) {
		a->dsack_tlp = b->end == t->exts[c->ext].tlp_end;
		tcp_rack_dsack(t, c);
		tcp_recover_dsack(t, c, b);
	}
	return true;
}

static void
block(struct tcp *t, struct tcp_conn *c, const struct tcp_block *b, struct ack *a)
{
	struct tcp_ext *x = tcp_ext(t, c);
	for (uint32_t i = c->head; x && i != NONE; i = t->segs[i].next) {
		struct tcp_seg *g = &t->segs[i];
		if (!(g->flags & SEG_SENT) || seq_geq(g->seq, b->end))
			return;
		if (seq_lt(g->seq, b->start) || seq_gt(seg_end(g), b->end) || g->flags & SEG_SACKED ||
		    seq_leq(seg_end(g), a->seq))
			continue;
		uint32_t n = seg_space(g);
		if (g->flags & SEG_LOST)
			x->lost -= n;
		else
			x->pipe -= n;
		g->flags = (uint8_t)((g->flags & ~SEG_LOST) | SEG_SACKED);
		x->sacked += n;
		x->n_sacked++;
		a->delivered += n;
		a->newly_sacked += n;
		tcp_delivered(t, c, g, a);
	}
}

/* tcp_sack_forget: RFC 2018 8: the peer may have thrown away what it had reported. */
void
tcp_sack_forget(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (!x || !x->sacked)
		return;
	tcp_count(t, TCP_STAT_RENEGED);
	x->n_sacked = 0;
	for (uint32_t i = c->head; i != NONE && t->segs[i].flags & SEG_SENT; i = t->segs[i].next) {
		struct tcp_seg *g = &t->segs[i];
		if (!(g->flags & SEG_SACKED))
			continue;
		g->flags = (uint8_t)((g->flags & ~SEG_SACKED) | SEG_AGAIN); /* no round trip is measured by it */
		x->sacked -= seg_space(g);
		x->pipe += seg_space(g);
	}
}

void
tcp_mark_lost(struct tcp *t, struct tcp_conn *c, struct tcp_seg *g)
{
	uint32_t n = seg_space(g);
	if (!(g->flags & SEG_SENT) || g->flags & (SEG_LOST | SEG_SACKED))
		return;
	struct tcp_ext *x = &t->exts[c->ext];
	if (unlikely(g->probe))
		tcp_pmtu_failed(c, g);
	g->flags |= SEG_LOST;
	x->pipe -= n;
	x->lost += n;
}
