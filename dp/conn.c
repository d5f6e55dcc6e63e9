/* conn.c - a connection by itself: its place in the pool, its session, its end, its timer. */
#include "conn.h"

#include <stddef.h>

#include "conn_parts.h"
#include "lcore_msg.h"
#include "sstp_data.h"

_Static_assert(TCP_CONN_BYTES + TCP_PLACE_BYTES + TLS_CONN_BYTES <= 512, "an idle connection: TCP and TLS");

static void release(struct lcore *lc, struct conn *c) ON_LCORE;
static void fire(struct lcore *lc, struct conn *c) ON_LCORE;

void
conns_turn(struct lcore *lc, unsigned quota)
{
	struct conns *cs = lc->conns;
	struct wheel_node *n;
	if (cs->tls)
		tls_step(cs->tls, lc->now);
	while ((n = wheel_pop(&cs->wheel, lc->now, &quota)))
		fire(lc, (struct conn *)(void *)((uint8_t *)n - offsetof(struct conn, timer)));
}

bool
conns_busy(const struct conns *cs)
{
	return cs->n_held || cs->work_first != CONN_NONE || (cs->tls && tls_pending(cs->tls));
}

/* --- the pool ---------------------------------------------------------------------------------------------------- */

struct conn *
conn_take(struct lcore *lc)
{
	struct conns *cs = lc->conns;
	if (cs->free_first == CONN_NONE)
		return NULL;
	struct conn *c = &cs->conn[cs->free_first];
	uint32_t generation = c->generation;
	cs->free_first = c->next;
	cs->in_use++;
	*c = (struct conn){.generation = generation, .queue = QUEUE_EMPTY, .slot = SLOT_NONE, .next = CONN_NONE};
	return c;
}

/* forget_held: what has found no room to be sealed is not sealed for whoever has this tls_conn next. */
static void
forget_held(struct conns *cs, const struct tls_conn *tls)
{
	unsigned kept = 0;
	for (unsigned i = 0; tls && i < cs->n_held; i++)
		if (cs->held[i].conn == tls)
			rte_pktmbuf_free(cs->held[i].m);
		else
			cs->held[kept++] = cs->held[i];
	if (tls)
		cs->n_held = kept;
}

static void
release(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	wheel_del(&c->timer);
	forget_held(cs, c->tls);
	queue_flush(cs->queues, &c->queue);
	rte_pktmbuf_free(c->in);
	rte_pktmbuf_free(c->proxy);
	c->in = c->proxy = NULL;
	conn_account(cs, c, 0);
	for (unsigned share = 0; share < SOURCE_SHARES; share++)
		conn_uncount(cs, c, share);
	if (c->tls)
		tls_close(cs->tls, c->tls);
	c->tls = NULL;
	c->state = CONN_FREE;
	c->generation = handle_next_generation(c->generation);
	c->next = cs->free_first;
	cs->free_first = (uint32_t)(c - cs->conn);
	cs->in_use--;
}

void
conn_list(struct conns *cs, struct conn *c)
{
	uint32_t i = (uint32_t)(c - cs->conn);
	if (c->listed)
		return;
	c->listed = true;
	c->next = CONN_NONE;
	if (cs->work_first == CONN_NONE)
		cs->work_first = i;
	else
		cs->conn[cs->work_last].next = i;
	cs->work_last = i;
}

/* --- found ------------------------------------------------------------------------------------------------------- */

uint64_t
conn_handle_of(const struct lcore *lc, const struct conn *c)
{
	return handle_make(lc->index, (uint32_t)(c - lc->conns->conn), c->generation);
}

struct conn *
conn_find(struct lcore *lc, uint64_t handle)
{
	struct conns *cs = lc->conns;
	uint32_t i = handle_index(handle);
	struct conn *c = cs && i < cs->n ? &cs->conn[i] : NULL;
	return c && c->state != CONN_FREE && c->generation == handle_generation(handle) ? c : NULL;
}

struct conn *
conn_of(struct lcore *lc, const struct dp_session *s)
{
	struct conn *c = lc->conns && s->conn < lc->conns->n ? &lc->conns->conn[s->conn] : NULL;
	return c && c->slot == (uint32_t)(s - lc->sessions) && c->state == CONN_PACKETS ? c : NULL;
}

struct conn *
conn_named(struct lcore *lc, uint64_t tcp, uint64_t user)
{
	struct conns *cs = lc->conns;
	uint64_t i = user >> 8;
	struct conn *c = cs && i < cs->n ? &cs->conn[i] : NULL;
	return c && c->tcp == tcp && c->state != CONN_FREE ? c : NULL;
}

/* --- its session ------------------------------------------------------------------------------------------------- */

bool
conn_bind(struct lcore *lc, uint64_t handle, struct dp_session *s, uint16_t echo_s)
{
	struct conn *c = conn_find(lc, handle);
	s->conn = CONN_NONE;
	if (!c || c->state != CONN_PACKETS || c->slot != SLOT_NONE)
		return false;
	s->conn = (uint32_t)(c - lc->conns->conn);
	c->slot = (uint32_t)(s - lc->sessions);
	c->echo_s = echo_s;
	conn_uncount(lc->conns, c, SOURCE_PLACE);
	conn_uncount(lc->conns, c, SOURCE_QUEUE);
	conn_arm(lc, c, c->over ? CONN_ENDING_S : echo_s);
	return true;
}

void
conn_unbind(struct lcore *lc, struct dp_session *s)
{
	struct conns *cs = lc->conns;
	struct conn *c = cs && s->conn < cs->n ? &cs->conn[s->conn] : NULL;
	if (c && c->state != CONN_FREE && c->slot == (uint32_t)(s - lc->sessions))
		c->slot = SLOT_NONE; /* ENDING too: what it still sends is not the next session's */
	s->conn = CONN_NONE;
}

void
conn_settled(struct lcore *lc, const struct dp_session *s)
{
	const struct conn *c = conn_of(lc, s);
	if (c)
		tcp_set_delayed_ack(lc->conns->tcp, c->tcp, true);
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

void
conn_finish(struct lcore *lc, struct conn *c, enum dp_conn_gone_reason why, bool hurry)
{
	conn_list(lc->conns, c);
	c->hurry |= hurry;
	if (c->state == CONN_ENDING)
		return;
	if (why != DP_CONN_TLS)
		c->why = (struct dp_conn_gone){.reason = (uint8_t)why};
	conn_uncount(lc->conns, c, SOURCE_HANDSHAKE);
	/* A handshake that TLS itself has not ended has nothing to send: others may begin. */
	if (c->state == CONN_HANDSHAKE && c->tls && why != DP_CONN_TLS) {
		tls_close(lc->conns->tls, c->tls);
		c->tls = NULL;
	}
	c->state = CONN_ENDING;
	conn_arm(lc, c, CONN_ENDING_S);
	rte_pktmbuf_free(c->in);
	c->in = NULL;
}

void
conn_refuse(struct lcore *lc, struct conn *c, enum dp_conn_gone_reason why)
{
	conn_finish(lc, c, why, true);
	if (c->tcp)
		tcp_abort(lc->conns->tcp, c->tcp);
}

/* In this order: what is queued, close_notify, FIN, MAIN, and at last the place is free. */
void
conn_advance(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	if (c->hurry) {
		queue_flush(cs->queues, &c->queue);
		conn_uncount(cs, c, SOURCE_QUEUE);
	}
	if (c->opened && !c->gone_said)
		c->gone_said = !lcore_send(lc, DP_MSG_CONN_GONE, conn_handle_of(lc, c), &c->why, NULL, 0);
	bool drained = queue_empty(&c->queue) && (c->hurry || !cs->n_held);
	if (c->tcp && drained && c->tls && !c->shut) {
		tls_shutdown(cs->tls, c->tls);
		c->shut = true;
	}
	if (c->tcp && drained && !c->closed && !(c->tls && tls_unsent(c->tls))) {
		tcp_close(cs->tcp, c->tcp);
		c->closed = true;
	}
	if (!c->tcp && (!c->opened || c->gone_said))
		release(lc, c);
	else if (!c->closed || (c->opened && !c->gone_said))
		conn_list(cs, c);
}

/* --- time -------------------------------------------------------------------------------------------------------- */

void
conn_arm(struct lcore *lc, struct conn *c, unsigned seconds)
{
	if (seconds)
		wheel_add(&lc->conns->wheel, &c->timer, mono_add_s(lc->now, seconds));
	else
		wheel_del(&c->timer);
}

/* [MS-SSTP] 3.1.6: silence, then an Echo Request; silence again, and the peer is gone. */
static void
echo_timer(struct lcore *lc, struct conn *c) ON_LCORE
{
	struct rte_mbuf *m;
	if (c->asked && !c->heard) {
		conn_finish(lc, c, DP_CONN_SILENT, true);
		return;
	}
	/* Who could not be asked has not failed to answer. */
	c->asked = !c->heard && (m = sstp_control(lc, 8)) && conn_put_control(lc, c, m);
	c->heard = false;
	if (c->state != CONN_ENDING)
		conn_arm(lc, c, c->echo_s);
}

static void
fire(struct lcore *lc, struct conn *c)
{
	if (c->over && c->state != CONN_ENDING) {
		conn_finish(lc, c, (enum dp_conn_gone_reason)c->why.reason, true);
	} else if (c->state == CONN_PACKETS) {
		echo_timer(lc, c);
	} else if (c->state == CONN_ENDING) {
		if (c->tcp)
			tcp_abort(lc->tcp, c->tcp);
		conn_list(lc->conns, c);
	} else if (!c->hello && c->tls && tls_answered(c->tls)) {
		c->hello = true;
		conn_arm(lc, c, CONN_SET_UP_S - CONN_HELLO_S);
	} else {
		conn_refuse(lc, c, DP_CONN_TIMEOUT);
	}
}

/* --- the end of the worker --------------------------------------------------------------------------------------- */

void
conns_fini(struct conns *cs)
{
	for (uint32_t i = 0; i < cs->n; i++) {
		struct conn *c = &cs->conn[i];
		if (c->state == CONN_FREE)
			continue;
		rte_pktmbuf_free(c->in);
		rte_pktmbuf_free(c->proxy);
		c->in = c->proxy = NULL;
		queue_flush(cs->queues, &c->queue);
	}
	for (unsigned i = 0; i < cs->n_held; i++)
		rte_pktmbuf_free(cs->held[i].m);
	cs->n_held = 0;
}
