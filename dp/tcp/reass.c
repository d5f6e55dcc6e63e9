/* Out of order (RFC 9293 3.10.7.4 seventh): a sorted list without overlaps, bounded by the memory that it pins.  What came
 * first is kept; what finds no room is dropped before it is reported.  What was reported is given up only when nobody
 * has filled the holes for long, or others need the congestion state (RFC 2018 8: ext.c). */
#include "conn.h"

#include "mbuf.h"

#define TRUESIZE_OVERHEAD 256 /* beside the buffers themselves */
#define SMALL 256             /* octets; a small segment is copied behind its neighbour */

static uint32_t truesize(const struct rte_mbuf *m);
static bool room_for(struct tcp *t, const struct tcp_conn *c, const struct rte_mbuf *m) ON_LCORE;
static void insert(struct tcp *t, struct tcp_ext *x, uint32_t *link, struct rte_mbuf *m, uint32_t seq) ON_LCORE;
static bool join(struct tcp *t, struct tcp_ext *x, uint32_t prev, struct rte_mbuf *m) ON_LCORE;
static void cut_front(struct rte_mbuf *m, uint32_t n);
static uint32_t take(struct tcp *t, struct tcp_ext *x, uint32_t i) ON_LCORE;
static struct tcp_block next_block(struct tcp *t, uint32_t *i) ON_LCORE;

static uint32_t
truesize(const struct rte_mbuf *m)
{
	uint32_t n = 0;
	for (; m; m = m->next)
		n += m->buf_len + TRUESIZE_OVERHEAD;
	return n;
}

/* cut_front: n < m->pkt_len octets, from as many buffers as it takes. */
static void
cut_front(struct rte_mbuf *m, uint32_t n)
{
	m->pkt_len -= n;
	for (struct rte_mbuf *b = m; n; b = b->next) {
		uint16_t here = b->data_len < n ? b->data_len : (uint16_t)n;
		b->data_off += here;
		b->data_len -= here;
		n -= here;
	}
}

void
tcp_reass(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t seq, uint32_t len)
{
	struct tcp_ext *x = tcp_ext_take(t, c);
	if (!x) {
		tcp_drop(t, m, DROP_TCP_REORDER);
		return;
	}
	uint32_t *link = &x->ooo, prev = NONE, end = seq + len;
	while (*link != NONE && seq_leq(t->segs[*link].seq, seq)) {
		const struct tcp_seg *g = &t->segs[*link];
		if (seq_lt(seq, seg_end(g))) { /* its front is here already */
			uint32_t n = seq_min(seg_end(g), end) - seq;
			x->dsack = (struct tcp_block){seq, seq + n};
			c->flags |= CONN_DSACK;
			x->recent_seq = g->seq;
			if (n == len) {
				tcp_drop(t, m, DROP_TCP_DUPLICATE);
				return;
			}
			cut_front(m, n);
			seq += n;
		}
		prev = *link;
		link = &t->segs[*link].next;
	}
	/* What it covers in whole or in part came first, and stays: the piece before that is new. */
	if (*link != NONE && seq_lt(t->segs[*link].seq, end)) {
		/* If it goes on behind that, the rest is left to be sent again. */
		x->dsack = (struct tcp_block){t->segs[*link].seq, seq_min(seg_end(&t->segs[*link]), end)};
		c->flags |= CONN_DSACK;
		end = t->segs[*link].seq;
		mbuf_trim(m, end - seq);
	}
	if (seq == end || !room_for(t, c, m)) {
		tcp_drop(t, m, seq == end ? DROP_TCP_DUPLICATE : DROP_TCP_REORDER);
		return;
	}
	x->recent_seq = seq;
	if (!join(t, x, prev, m))
		insert(t, x, link, m, seq);
}

static bool
room_for(struct tcp *t, const struct tcp_conn *c, const struct rte_mbuf *m)
{
	const struct tcp_limits *l = &t->start.limits;
	return t->exts[c->ext].ooo_bytes + truesize(m) <= 2 * (uint64_t)c->rcv_bound + 4096 &&
	       t->use.reorder_mbufs + m->nb_segs <= l->reorder_mbufs && t->seg_free != NONE && !t->mbufs_low;
}

static void
insert(struct tcp *t, struct tcp_ext *x, uint32_t *link, struct rte_mbuf *m, uint32_t seq)
{
	uint32_t next = *link, i = tcp_seg_new(t);
	t->segs[i] = (struct tcp_seg){.next = next, .seq = seq, .m = m, .len = (uint16_t)m->pkt_len};
	*link = i;
	x->ooo_bytes += truesize(m);
	t->use.reorder_mbufs += m->nb_segs;
}

/* join: a small segment right behind another goes into its buffer. */
static bool
join(struct tcp *t, struct tcp_ext *x, uint32_t prev, struct rte_mbuf *m)
{
	struct tcp_seg *g = tcp_seg(t, prev);
	if (!g || m->pkt_len >= SMALL || m->nb_segs != 1 || g->m->nb_segs != 1 || rte_mbuf_refcnt_read(g->m) != 1 ||
	    seg_end(g) != x->recent_seq || rte_pktmbuf_tailroom(g->m) < m->pkt_len)
		return false;
	memcpy(rte_pktmbuf_append(g->m, m->data_len), rte_pktmbuf_mtod(m, void *), m->data_len);
	g->len += m->data_len;
	x->recent_seq = g->seq;
	rte_pktmbuf_free(m);
	return true;
}

/* take: off the list, which begins with it; returns its buffers' truesize to the bounds. */
static uint32_t
take(struct tcp *t, struct tcp_ext *x, uint32_t i)
{
	struct rte_mbuf *m = t->segs[i].m;
	uint32_t next = t->segs[i].next;
	x->ooo_bytes -= truesize(m);
	t->use.reorder_mbufs -= m->nb_segs;
	tcp_seg_free(t, i);
	return next;
}

struct rte_mbuf *
tcp_reass_pull(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *chain)
{
	struct tcp_ext *x = tcp_ext(t, c);
	while (x && x->ooo != NONE && seq_leq(t->segs[x->ooo].seq, c->rcv_nxt)) {
		struct tcp_seg *g = &t->segs[x->ooo];
		struct rte_mbuf *m = g->m;
		uint32_t old = c->rcv_nxt - g->seq, len = g->len;
		x->ooo = take(t, x, x->ooo);
		if (old >= len) {
			rte_pktmbuf_free(m);
			continue;
		}
		if (old)
			cut_front(m, old);
		if (chain->nb_segs + m->nb_segs > RTE_MBUF_MAX_NB_SEGS) {
			rte_pktmbuf_free(m); /* not reached: the window is smaller */
			continue;
		}
		c->rcv_nxt += len - old;
		rte_pktmbuf_chain(chain, m);
	}
	return chain;
}

void
tcp_dsack(struct tcp *t, struct tcp_conn *c, uint32_t start, uint32_t end)
{
	struct tcp_ext *x = tcp_ext_take(t, c);
	if (!x) /* RFC 2883 4: it may be said */
		return;
	x->dsack = (struct tcp_block){start, end};
	c->flags |= CONN_DSACK;
}

void
tcp_reass_until(struct tcp *t, struct tcp_conn *c, uint32_t end, enum drop why)
{
	struct tcp_ext *x = tcp_ext(t, c);
	uint32_t *link = x ? &x->ooo : NULL;
	while (link && *link != NONE) {
		struct tcp_seg *g = &t->segs[*link];
		struct rte_mbuf *m = g->m;
		if (seq_leq(seg_end(g), end)) {
			link = &g->next;
			continue;
		}
		*link = take(t, x, *link);
		tcp_drop(t, m, why);
	}
}

void
tcp_reass_free(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	while (x && x->ooo != NONE) {
		struct rte_mbuf *m = t->segs[x->ooo].m;
		x->ooo = take(t, x, x->ooo);
		rte_pktmbuf_free(m);
	}
}

/* next_block: from segment *i on, which moves to the one behind it. */
static struct tcp_block
next_block(struct tcp *t, uint32_t *i)
{
	struct tcp_block b = {t->segs[*i].seq, seg_end(&t->segs[*i])};
	for (*i = t->segs[*i].next; *i != NONE && t->segs[*i].seq == b.end; *i = t->segs[*i].next)
		b.end = seg_end(&t->segs[*i]);
	return b;
}

/* tcp_reass_blocks: RFC 2018 4: the block with the newest segment first; if there are more than fit, the others in turns, so
 * that each is repeated. */
unsigned
tcp_reass_blocks(struct tcp *t, const struct tcp_conn *c, struct tcp_block *b, unsigned max)
{
	const struct tcp_ext *x = tcp_ext_see(t, c);
	unsigned n = 0, all = 0, skip;
	if (!max)
		return 0;
	for (uint32_t i = x->ooo; i != NONE; all++) {
		struct tcp_block y = next_block(t, &i);
		if (seq_leq(y.start, x->recent_seq) && seq_lt(x->recent_seq, y.end))
			b[n++] = y;
	}
	skip = all > max ? x->sack_turn % (all - max + 1) : 0;
	for (uint32_t i = x->ooo; i != NONE && n < max;) {
		struct tcp_block y = next_block(t, &i);
		if (n && y.start == b[0].start)
			continue;
		if (skip)
			skip--;
		else
			b[n++] = y;
	}
	return n;
}
