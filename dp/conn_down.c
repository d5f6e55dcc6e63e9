/* conn_down.c - what goes down to a peer: into the queue; out of it, when TCP can send, framed and sealed. */
#include "conn.h"

#include <rte_prefetch.h>

#include <millrace/prefetch.h>

#include "conn_parts.h"
#include "sstp_data.h"

static struct rte_mbuf *next_down(struct lcore *lc, struct conn *c) ON_LCORE;
static bool may_hold(struct lcore *lc) ON_LCORE;
static void seal(struct lcore *lc) ON_LCORE;
static void flush_sealed(struct lcore *lc) ON_LCORE;
static void relayed_sent(struct lcore *lc, struct conn *c) ON_LCORE;

/* --- into the queue ---------------------------------------------------------------------------------------------- */

void
conn_prefetch(const struct lcore *lc, const struct dp_session *s, unsigned depth)
{
	const struct conns *cs = lc->conns;
	if (!cs || s->conn >= cs->n)
		return;
	if (depth)
		tcp_prefetch(cs->tcp, cs->conn[s->conn].tcp);
	else
		prefetch_lines(&cs->conn[s->conn], sizeof(struct conn));
}

void
conn_put_data(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m)
{
	struct conn *c = conn_of(lc, s);
	enum drop why = DROP_SESSION_GONE;
	if (c)
		why = queue_put(lc->conns->queues, &c->queue, &(struct queue_put){m, false, lc->now});
	if (why != DROP_NONE) {
		s->down_drops++;
		lcore_drop(lc, m, why);
		return;
	}
	tcp_want(lc->conns->tcp, c->tcp);
}

/* False: it is lost.  A peer that does not even read its control has 64 packets of it; then the connection ends.
 * When others have used up all the room, a session goes on without this packet: PPP says it again, SSTP asks again.  What
 * has no session yet would hang in the middle of its head: it ends, and gives room. */
bool
conn_put_control(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	if (c->over && (!c->tcp || c->shut)) { /* it will hear nothing any more */
		lcore_drop(lc, m, DROP_SESSION_GONE);
		return false;
	}
	enum drop why = DROP_QUEUE_FULL;
	if (c->tcp && !conn_may_queue(lc, c))
		why = DROP_QUEUE_SHARE;
	else if (c->tcp)
		why = queue_put(lc->conns->queues, &c->queue, &(struct queue_put){m, true, lc->now});
	if (why == DROP_NONE) {
		tcp_want(lc->conns->tcp, c->tcp);
		return true;
	}
	lcore_drop(lc, m, why);
	if (why == DROP_QUEUE_FULL)
		conn_finish(lc, c, DP_CONN_TIMEOUT, true);
	else if (c->slot == SLOT_NONE)
		conn_finish(lc, c, DP_CONN_LOAD, true);
	return false;
}

/* --- what TCP can send ------------------------------------------------------------------------------------------- */

void
conn_granted_soon(const struct lcore *lc, const struct tcp_grant *g)
{
	const struct conns *cs = lc->conns;
	uint64_t i = g->user >> 8;
	if (!cs || i >= cs->n)
		return;
	const struct conn *c = &cs->conn[i];
	if (c->slot < lc->n_sessions)
		prefetch_lines(&lc->sessions[c->slot], sizeof(struct dp_session));
	if (c->tls)
		prefetch_lines(c->tls, TLS_CONN_BYTES);
}

/* One packet, one record, one segment: what is lost of the path costs one packet, and the first transmission no copy.  Packets
 * of all that were granted something are sealed together. */
void
conn_granted(struct lcore *lc, const struct tcp_grant *g)
{
	struct conns *cs = lc->conns;
	struct conn *c = conn_named(lc, g->conn, g->user);
	uint32_t used = 0;
	if (!c)
		return;
	if (unlikely(c->relayed))
		tls_wait(cs->tls, c->tls, false);
	while (used < g->room && !queue_empty(&c->queue)) {
		if (c->tls && !(tls_room(c->tls) && may_hold(lc)))
			break;
		struct rte_mbuf *m = next_down(lc, c);
		if (!m)
			break;
		rte_prefetch0(rte_pktmbuf_mtod(m, const uint8_t *) - 64); /* where TCP, IP and Ethernet will be */
		rte_mbuf_prefetch_part2(m);                               /* what the port is told */
		used += m->pkt_len + (c->tls ? tls_overhead(c->tls) : 0);
		cs->sent++;
		if (c->tls)
			cs->held[cs->n_held++] = (struct tls_chunk){c->tls, m};
		else if (tcp_append(cs->tcp, c->tcp, m))
			lcore_drop(lc, m, DROP_QUEUE_FULL);
	}
	if (!queue_empty(&c->queue)) {
		tcp_want(cs->tcp, c->tcp);
		return;
	}
	if (unlikely(c->counted))
		conn_uncount(cs, c, SOURCE_QUEUE);
	if (c->state == CONN_ENDING)
		conn_list(cs, c);
}

/* next_down: the next packet of the queue with its headers; NULL: nothing more.  Data whose session has ended is dropped:
 * what was said by PPP and SSTP is not. */
static struct rte_mbuf *
next_down(struct lcore *lc, struct conn *c)
{
	struct dp_session *s = c->slot < lc->n_sessions ? &lc->sessions[c->slot] : NULL;
	struct rte_mbuf *m;
	uint32_t dropped = 0;
	bool control;
	while ((m = queue_get(lc->conns->queues, &c->queue, lc->now, &dropped, &control))) {
		if (control)
			break;
		uint32_t len = m->pkt_len;
		if (s && s->down_open && sstp_frame(s, m)) {
			s->down_packets++;
			s->down_bytes += len;
			s->last_down_us = lc->now.us;
			break;
		}
		lcore_drop(lc, m, s ? DROP_NO_MBUF : DROP_SESSION_GONE);
	}
	if (s)
		s->down_drops += dropped;
	return m;
}

/* may_hold: room for one more to be sealed. */
static bool
may_hold(struct lcore *lc)
{
	if (lc->conns->n_held == CONN_CHUNKS)
		seal(lc);
	return lc->conns->n_held < CONN_CHUNKS;
}

/* --- sealed ------------------------------------------------------------------------------------------------------ */

unsigned
conn_flush(struct lcore *lc)
{
	struct conns *cs = lc->conns;
	unsigned sent = cs->sent;
	cs->sent = 0;
	if (cs->n_held)
		seal(lc);
	else if (cs->tls)
		flush_sealed(lc);
	return sent;
}

/* seal: what finds no room, or no buffer, stays for the next turn. */
static void
seal(struct lcore *lc)
{
	struct conns *cs = lc->conns;
	unsigned taken = tls_seal_begin(cs->tls, cs->held, cs->n_held);
	cs->n_held -= taken;
	memmove(cs->held, cs->held + taken, cs->n_held * sizeof *cs->held);
	flush_sealed(lc);
}

static void
flush_sealed(struct lcore *lc)
{
	struct conns *cs = lc->conns;
	struct tls_chunk out[CONN_CHUNKS];
	unsigned n;
	while ((n = tls_seal_end(cs->tls, out, CONN_CHUNKS))) {
		for (unsigned i = 0; i < n; i++) {
			struct conn *c = &cs->conn[tls_user(out[i].conn)];
			if (c->tcp && !tcp_append(cs->tcp, c->tcp, out[i].m)) {
				if (unlikely(c->relayed))
					relayed_sent(lc, c);
				continue;
			}
			/* A record that is not sent ends the connection: the peer would miss its number. */
			rte_pktmbuf_free(out[i].m);
			if (c->tcp)
				conn_finish(lc, c, DP_CONN_LOAD, true);
		}
	}
}

/* relayed_sent: what OFFLOAD answers by itself was not granted.  A peer that lets it lie is not listened to until it may go. */
static void
relayed_sent(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	struct tcp_info info;
	if (!tcp_info(cs->tcp, c->tcp, &info) || info.unsent <= CONN_RELAYED_UNSENT)
		return;
	tls_wait(cs->tls, c->tls, true);
	tcp_want(cs->tcp, c->tcp);
}
