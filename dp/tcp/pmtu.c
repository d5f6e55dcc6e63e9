/* The path's MTU: by ICMP (RFC 1191, 8201), believed only for what is in flight (RFC 5927 7), and by watching for a
 * black hole when that is eaten on the way (RFC 4821 7.6); upwards by probes of one segment (RFC 4821 7). */
#include "conn.h"

#define FLOOR_IP4 576 /* RFC 1191 3 allows 68; nobody has such links, and forgers like them */
#define FLOOR_IP6 1280
#define PROBE_LEAST 8   /* octets that are worth a probe */
#define PROBE_AGAIN 586 /* of mss_clock: ten minutes (RFC 4821 7.3, RFC 1191 6.3) */

static uint16_t hdr_len(const struct tcp_conn *c) ON_LCORE;
static uint16_t plateau(uint32_t below);
static void lower(struct tcp *t, struct tcp_conn *c, uint16_t mss) ON_LCORE;
static uint16_t search(struct tcp *t, struct tcp_conn *c, uint32_t len) ON_LCORE;

/* mss_clock: units of 1.024 s, never 0; turns in 18 hours, in which a probe may come ten minutes late. */
static uint16_t
mss_clock(const struct tcp *t)
{
	return (uint16_t)(t->ms >> 10 | 1);
}

enum drop
tcp_icmp(struct tcp *t, enum tcp_error error, const struct tcp_quote *q)
{
	struct tcp_tuple id = {q->local, q->peer, q->local_port, q->peer_port, 0};
	uint32_t ref = tcp_table_find(t, &id, tcp_hash(t, &id));
	if (ref >= t->start.limits.conns)
		return DROP_TCP_QUOTE_CONN;
	struct tcp_conn *c = &t->conns[ref];
	if (seq_lt(q->seq, c->snd_una) || seq_geq(q->seq, c->snd_nxt)) /* RFC 5927 4.1 */
		return DROP_TCP_QUOTE_SEQ;
	if (error == TCP_ERROR_UNREACHABLE) { /* RFC 9293 3.9.2.2: soft, once a connection is established */
		if (c->state == TCP_SYN_SENT)
			tcp_conn_gone(t, c, TCP_GONE_UNREACHABLE);
		return DROP_NONE;
	}
	uint16_t mtu = q->mtu;
	if (!addr_is_v4(&id.local) && mtu < FLOOR_IP6) /* RFC 8201 4: discarded */
		return DROP_TCP_QUOTE_MTU;
	if (!mtu)
		mtu = plateau((uint32_t)c->mss + hdr_len(c));
	if (mtu < FLOOR_IP4)
		mtu = FLOOR_IP4;
	uint32_t before = c->mss;
	lower(t, c, (uint16_t)(mtu - hdr_len(c)));
	if (c->mss != before)
		tcp_count(t, TCP_STAT_PMTU_LOWERED);
	return DROP_NONE;
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
	c->flags &= ~(CONN_MTU_PROBE | CONN_MTU_TRIES); /* what was to be learned is moot */
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

uint16_t
tcp_pmtu_size(struct tcp *t, struct tcp_conn *c, uint32_t len)
{
	return likely(!c->mss_low) || len <= c->mss ? c->mss : search(t, c, len);
}

/* search: RFC 4821 7.2, 7.3: ten minutes later larger segments are tried: one at a time, and only in peace, so that a loss is the
 * probe's own.  First the largest; with each that does not pass, half as much more than what does. */
static uint16_t
search(struct tcp *t, struct tcp_conn *c, uint32_t len)
{
	const struct tcp_ext *x = tcp_ext(t, c);
	uint32_t most = c->mss_max - (c->flags & CONN_TS ? 12u : 0), tries = (c->flags & CONN_MTU_TRIES) / CONN_MTU_TRY;
	if ((uint16_t)(mss_clock(t) - c->mss_low) < PROBE_AGAIN || c->state < TCP_ESTABLISHED ||
	    c->flags & CONN_MTU_PROBE || (x && (x->ca != CA_OPEN || x->lost)))
		return c->mss;
	if (most > t->max_mss_room)
		most = t->max_mss_room;
	uint32_t more = most > c->mss ? (most - c->mss) >> tries : 0;
	if (more < PROBE_LEAST) {
		c->mss_low = most > c->mss ? mss_clock(t) : 0;
		c->flags &= ~CONN_MTU_TRIES;
		return c->mss;
	}
	if (len < (uint32_t)c->mss + PROBE_LEAST)
		return c->mss;
	return (uint16_t)(len < c->mss + more ? len : c->mss + more);
}

void
tcp_pmtu_passed(struct tcp *t, struct tcp_conn *c, uint16_t len)
{
	if (!(c->flags & CONN_MTU_PROBE)) /* lowered meanwhile */
		return;
	c->flags &= ~(uint32_t)CONN_MTU_PROBE;
	if (len <= c->mss)
		return;
	tcp_conn_mss(t, c, len);
	tcp_count(t, TCP_STAT_PMTU_RAISED);
}

void
tcp_pmtu_failed(struct tcp_conn *c, const struct tcp_seg *g)
{
	if (!(c->flags & CONN_MTU_PROBE))
		return;
	c->flags &= ~(uint32_t)CONN_MTU_PROBE;
	if (g->flags & SEG_SENT && (c->flags & CONN_MTU_TRIES) != CONN_MTU_TRIES)
		c->flags += CONN_MTU_TRY;
}
