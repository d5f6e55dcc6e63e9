/* The path's MTU: by ICMP (RFC 1191, 8201), believed only for what is in flight (RFC 5927 7), and by watching for a
 * black hole when that is eaten on the way (RFC 4821 7.6). */
#include "conn.h"

#define FLOOR_IP4 576 /* RFC 1191 3 allows 68; nobody has such links, and forgers like them */
#define FLOOR_IP6 1280
#define PROBE_AGAIN 586 /* of mss_clock: ten minutes (RFC 4821 7.3, RFC 1191 6.3) */

static uint16_t hdr_len(const struct tcp_conn *c) ON_LCORE;
static uint16_t plateau(uint32_t below);
static void lower(struct tcp *t, struct tcp_conn *c, uint16_t mss) ON_LCORE;

/* mss_clock: units of 1.024 s, never 0; turns in 18 hours, in which a probe may come ten minutes late. */
static uint16_t
mss_clock(const struct tcp *t)
{
	return (uint16_t)(t->ms >> 10 | 1);
}

void
tcp_icmp(struct tcp *t, enum tcp_error error, const struct tcp_quote *q)
{
	struct tcp_tuple id = {q->local, q->peer, q->local_port, q->peer_port, 0};
	uint32_t ref = tcp_table_find(t, &id, tcp_hash(t, &id));
	if (ref >= t->start.limits.conns)
		return;
	struct tcp_conn *c = &t->conns[ref];
	if (seq_lt(q->seq, c->snd_una) || seq_geq(q->seq, c->snd_nxt))
		return;
	if (error == TCP_ERROR_UNREACHABLE) { /* RFC 9293 3.9.2.2: soft, once a connection is established */
		if (c->state == TCP_SYN_SENT)
			tcp_conn_gone(t, c, TCP_GONE_UNREACHABLE);
		return;
	}
	uint16_t mtu = q->mtu;
	if (!addr_is_v4(&id.local) && mtu < FLOOR_IP6) /* RFC 8201 4: discarded */
		return;
	if (!mtu)
		mtu = plateau((uint32_t)c->mss + hdr_len(c));
	if (mtu < FLOOR_IP4)
		mtu = FLOOR_IP4;
	uint32_t before = c->mss;
	lower(t, c, (uint16_t)(mtu - hdr_len(c)));
	if (c->mss != before)
		tcp_count(t, TCP_STAT_PMTU_LOWERED);
}

static uint16_t
hdr_len(const struct tcp_conn *c)
{
	return (uint16_t)((addr_is_v4(&c->id.local) ? 40 : 60) + (c->flags & CONN_TS ? 12 : 0));
}

/* plateau: RFC 1191 7.1, for routers that do not say. */
static uint16_t
plateau(uint32_t below)
{
	static const uint16_t table[] = {8166, 4352, 2002, 1492, 1006, 576};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i] < below)
			return table[i];
	return 576;
}

/* lower: what is too large and out is known to be lost, which says nothing of congestion: it goes again, cut. */
static void
lower(struct tcp *t, struct tcp_conn *c, uint16_t mss)
{
	if (mss >= c->mss)
		return;
	tcp_conn_mss(t, c, mss);
	c->mss_low = mss_clock(t);
	for (uint32_t i = c->head; i != NONE && t->segs[i].flags & SEG_SENT; i = t->segs[i].next)
		if (t->segs[i].len > c->mss)
			tcp_mark_lost(t, c, &t->segs[i]);
	tcp_list_add(t, LIST_OUT, c);
}

/* tcp_black_hole: the second timeout in a row of a large segment: a smaller one gets through, perhaps. */
void
tcp_black_hole(struct tcp *t, struct tcp_conn *c)
{
	static const uint16_t steps[] = {1200, 1024, 536};
	const struct tcp_seg *g = tcp_seg(t, c->head);
	if (!g || c->backoff < 1 || g->len <= steps[2] || c->state < TCP_ESTABLISHED)
		return;
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (steps[i] >= g->len || steps[i] >= c->mss || c->backoff < i + 1)
			continue;
		tcp_count(t, TCP_STAT_BLACK_HOLES);
		lower(t, c, steps[i]);
		return;
	}
}

void
tcp_pmtu_probe(struct tcp *t, struct tcp_conn *c)
{
	if (!c->mss_low || (uint16_t)(mss_clock(t) - c->mss_low) < PROBE_AGAIN || c->state < TCP_ESTABLISHED)
		return;
	c->mss_low = 0;
	tcp_conn_mss(t, c, (uint16_t)(c->mss_max - (c->flags & CONN_TS ? 12 : 0)));
}
