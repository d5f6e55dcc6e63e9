/* conn_up.c - what a peer says: TCP's bytes and events, TLS's, and the units that they are cut into. */
#include "conn.h"

#include "conn_parts.h"
#include "lcore_msg.h"
#include "mbuf.h"
#include "sstp_data.h"

#define WORK_QUOTA 64 /* connections in one turn */

static void receive(struct lcore *lc, struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void append(struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void to_tls(struct lcore *lc, struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void peer_over(struct lcore *lc, struct conn *c, bool hurry) ON_LCORE;
static void tls_event(struct lcore *lc, struct tls_event *e) ON_LCORE;
static bool units(struct lcore *lc, struct conn *c, struct vec *v) ON_LCORE;
static bool heard_out(const struct conn *c) ON_LCORE;
static void consumed(struct lcore *lc, struct conn *c) ON_LCORE;
static bool waits_too_much(const struct conns *cs, const struct conn *c) ON_LCORE;

/* --- TCP --------------------------------------------------------------------------------------------------------- */

void
conn_data(struct lcore *lc, const struct tcp_data *d)
{
	struct conn *c = conn_named(lc, d->conn, d->user);
	if (c && c->state != CONN_ENDING) {
		c->received += d->len;
		receive(lc, c, d->m);
	} else {
		tcp_consumed(lc->tcp, d->conn, d->len);
		rte_pktmbuf_free(d->m);
	}
}

/* receive: TCP's bytes, to where the connection is. */
static void
receive(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	c->heard = true;
	if (c->state == CONN_PROXY) {
		append(c, m);
		m = conn_proxy_header(lc, c);
	}
	if (m && c->state == CONN_PLAIN)
		append(c, m);
	else if (m)
		to_tls(lc, c, m);
	conn_list(lc->conns, c);
}

static void
append(struct conn *c, struct rte_mbuf *m)
{
	if (!c->in) {
		c->in = m;
	} else if (!mbuf_join(c->in, m)) { /* RTE_MBUF_MAX_NB_SEGS: beyond any window */
		rte_pktmbuf_free(m);
	}
}

static void
to_tls(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	if (!c->tls && (c->state != CONN_HANDSHAKE || !conn_begin_tls(lc, c))) {
		rte_pktmbuf_free(m);
		return;
	}
	const struct tls_chunk chunk = {c->tls, m};
	tls_open_begin(lc->conns->tls, &chunk, 1);
}

void
conn_event(struct lcore *lc, const struct tcp_event *e)
{
	static const uint8_t reasons[TCP_GONE_COUNT] = {
		[TCP_GONE_CLOSED] = DP_CONN_CLOSED,     [TCP_GONE_RESET] = DP_CONN_RESET,
		[TCP_GONE_REFUSED] = DP_CONN_RESET,     [TCP_GONE_TIMEOUT] = DP_CONN_TIMEOUT,
		[TCP_GONE_KEEPALIVE] = DP_CONN_TIMEOUT, [TCP_GONE_UNREACHABLE] = DP_CONN_RESET,
		[TCP_GONE_ABORTED] = DP_CONN_RESET,
	};
	struct conn *c = conn_named(lc, e->conn, e->user);
	if (!c)
		return;
	bool gone = e->what & TCP_GONE;
	if (!gone && !(e->what & TCP_FIN))
		return;
	if (!c->over && c->state != CONN_ENDING)
		c->why.reason = gone && e->gone < TCP_GONE_COUNT ? reasons[e->gone] : DP_CONN_CLOSED;
	if (gone)
		c->tcp = 0;
	peer_over(lc, c, gone);
}

/* peer_over: the peer says no more, for c->why. */
static void
peer_over(struct lcore *lc, struct conn *c, bool hurry)
{
	conn_list(lc->conns, c);
	c->hurry |= hurry;
	if (c->over || c->state == CONN_ENDING)
		return;
	c->over = true;
	conn_arm(lc, c, CONN_ENDING_S);
}

/* --- TLS --------------------------------------------------------------------------------------------------------- */

unsigned
conn_tls_up(struct lcore *lc)
{
	struct conns *cs = lc->conns;
	struct tls_event events[TLS_CHUNKS];
	unsigned total = 0, n;
	if (!cs->tls)
		return 0;
	do {
		n = tls_open_end(cs->tls, events, TLS_CHUNKS);
		for (unsigned i = 0; i < n; i++)
			tls_event(lc, &events[i]);
		total += n;
	} while (n == TLS_CHUNKS && total < 16 * TLS_CHUNKS);
	return total;
}

static void
tls_event(struct lcore *lc, struct tls_event *e)
{
	struct conn *c = &lc->conns->conn[tls_user(e->conn)];
	conn_list(lc->conns, c);
	switch ((enum tls_event_kind)e->kind) {
	case TLS_EVENT_UP:
		if (c->state != CONN_HANDSHAKE || !c->tcp) /* its end has begun */
			return;
		c->state = CONN_HEAD;
		conn_uncount(lc->conns, c, SOURCE_HANDSHAKE);
		c->relayed = tls_relayed(e->conn);
		if (!c->over)
			wheel_del(&c->timer);
		conn_say_open(lc, c, e->agreed);
		return;
	case TLS_EVENT_DATA:
		if (c->state == CONN_ENDING)
			rte_pktmbuf_free(e->m);
		else
			append(c, e->m);
		return;
	case TLS_EVENT_CLOSED:
		c->shut = true; /* ours is sent already */
		peer_over(lc, c, true);
		return;
	case TLS_EVENT_ALERT:
	case TLS_EVENT_FAILED:
		c->shut = true;
		c->why = (struct dp_conn_gone){DP_CONN_TLS, e->reason, e->alert, {0}};
		if (!c->opened)
			conn_say_failed(lc, c, e->agreed);
		peer_over(lc, c, true);
		return;
	}
}

/* --- units ------------------------------------------------------------------------------------------------------- */

bool
conn_work(struct lcore *lc, struct vec *v)
{
	struct conns *cs = lc->conns;
	for (unsigned i = 0; i < WORK_QUOTA && cs->work_first != CONN_NONE; i++) {
		struct conn *c = &cs->conn[cs->work_first];
		bool lives = c->state != CONN_ENDING && c->state != CONN_FREE;
		if (lives && units(lc, c, v)) {
			consumed(lc, c);
			return true; /* v is full: the same one again */
		}
		if (lives && heard_out(c))
			conn_finish(lc, c, (enum dp_conn_gone_reason)c->why.reason, c->hurry);
		cs->work_first = c->next;
		c->listed = false;
		if (c->state == CONN_FREE)
			continue;
		if (c->state == CONN_ENDING)
			conn_advance(lc, c);
		else if (c->blocked || c->over)
			conn_list(cs, c);
		if (c->state != CONN_FREE)
			consumed(lc, c);
	}
	return false;
}

/* units: true when v is full and c has more. */
static bool
units(struct lcore *lc, struct conn *c, struct vec *v)
{
	c->blocked = false;
	for (;;) {
		struct rte_mbuf *m = NULL;
		if (v->n == VEC_MAX)
			return true;
		switch (sstp_next_unit(lc, c, &m)) {
		case SSTP_STEP_PACKET:
			v->p[v->n++] = (struct pkt){
				.m = m,
				.s = &lc->sessions[c->slot],
				.iface = IFACE_NONE,
				.from = FROM_SESSION,
				.inside = 1,
			};
			break;
		case SSTP_STEP_TAKEN:
			break;
		case SSTP_STEP_BLOCKED:
			c->blocked = true;
			return false;
		case SSTP_STEP_BAD:
			conn_finish(lc, c, DP_CONN_PROTOCOL, true);
			return false;
		case SSTP_STEP_IDLE:
			return false;
		}
	}
}

/* heard_out: the peer says no more, and what it has said is taken. */
static bool
heard_out(const struct conn *c)
{
	return c->over && !c->blocked && !(c->tls && tls_opening(c->tls));
}

/* --- what is done with ------------------------------------------------------------------------------------------- */

/* consumed: what neither waits here nor in TLS is done with.  When more waits than may, the connection that has just added to
 * it is ended, unless it holds less than the others do. */
static void
consumed(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	conn_account(cs, c, (c->tls ? tls_held_mbufs(c->tls) : 0) + (c->in ? c->in->nb_segs : 0));
	if (unlikely(cs->waiting > cs->waiting_max) && c->state != CONN_ENDING && waits_too_much(cs, c)) {
		lc->stats.drops[DROP_CONN_WAITS]++;
		conn_finish(lc, c, DP_CONN_LOAD, true);
		tcp_abort(cs->tcp, c->tcp);
		return;
	}
	uint32_t wait = (c->tls ? tls_held(c->tls) : 0) + (c->in ? c->in->pkt_len : 0);
	uint32_t done = c->received - c->consumed;
	if (done > wait && c->tcp) {
		tcp_consumed(cs->tcp, c->tcp, done - wait);
		c->consumed += done - wait;
	}
}

/* waits_too_much: the share of all is used up, and this connection has as much of it as the average.  A piece of a record
 * is in many an honest one, whose only fault is to come while others hold one each: it is ended at three times the share. */
static bool
waits_too_much(const struct conns *cs, const struct conn *c)
{
	bool few = c->waits <= CONN_WAITS_FEW && cs->waiting <= 3 * cs->waiting_max;
	return !few && (uint64_t)c->waits * cs->waiters >= cs->waiting;
}

void
conn_account(struct conns *cs, struct conn *c, uint32_t waits)
{
	cs->waiters += (waits != 0) - (c->waits != 0);
	cs->waiting += waits - c->waits;
	c->waits = waits;
}
