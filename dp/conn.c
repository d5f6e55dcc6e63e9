#include "conn.h"

#include <errno.h>
#include <stddef.h>

#include <rte_prefetch.h>

#include <dp/proxy.h>
#include <dp/sstp.h>
#include <millrace/prefetch.h>

#include "lcore_msg.h"
#include "mbuf.h"
#include "sstp_data.h"

#define WORK_QUOTA 64 /* connections in one turn */

_Static_assert(TCP_CONN_BYTES + TCP_PLACE_BYTES + TLS_CONN_BYTES <= 512, "an idle connection: TCP and TLS");

static struct conn *take(struct lcore *lc) ON_LCORE;
static void release(struct lcore *lc, struct conn *c) ON_LCORE;
static void refuse(struct lcore *lc, struct conn *c, enum dp_conn_gone_reason why) ON_LCORE;
static void begin_plain(struct lcore *lc, struct conn *c) ON_LCORE;
static bool begin_tls(struct lcore *lc, struct conn *c) ON_LCORE;
static void to_tls(struct lcore *lc, struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void append(struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void receive(struct lcore *lc, struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void proxy_header(struct lcore *lc, struct conn *c) ON_LCORE;
static void say_open(struct lcore *lc, struct conn *c, const struct tls_agreed *agreed) ON_LCORE;
static void say_failed(struct lcore *lc, const struct conn *c, const struct tls_agreed *agreed) ON_LCORE;
static void fire(struct lcore *lc, struct conn *c) ON_LCORE;
static void peer_over(struct lcore *lc, struct conn *c, bool hurry) ON_LCORE;
static void tls_event(struct lcore *lc, struct tls_event *e) ON_LCORE;
static void advance(struct lcore *lc, struct conn *c) ON_LCORE;
static void consumed(struct lcore *lc, struct conn *c) ON_LCORE;
static void account(struct conns *cs, struct conn *c, uint32_t waits) ON_LCORE;
static bool heard_out(const struct conn *c) ON_LCORE;
static bool units(struct lcore *lc, struct conn *c, struct vec *v) ON_LCORE;
static bool put_control(struct lcore *lc, struct conn *c, struct rte_mbuf *m) ON_LCORE;
static void arm(struct lcore *lc, struct conn *c, unsigned seconds) ON_LCORE;
static bool may_hold(struct lcore *lc) ON_LCORE;
static void seal(struct lcore *lc) ON_LCORE;
static void flush_sealed(struct lcore *lc) ON_LCORE;
static void relayed_sent(struct lcore *lc, struct conn *c) ON_LCORE;

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

static struct conn *
take(struct lcore *lc)
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
	account(cs, c, 0);
	if (c->tls)
		tls_close(cs->tls, c->tls);
	c->tls = NULL;
	c->state = CONN_FREE;
	c->generation = handle_next_generation(c->generation);
	c->next = cs->free_first;
	cs->free_first = (uint32_t)(c - cs->conn);
	cs->in_use--;
}

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
	arm(lc, c, c->over ? CONN_ENDING_S : echo_s);
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

/* --- up: TCP ----------------------------------------------------------------------------------------------------- */

/* conn_named: by the number that TCP has of us. */
static struct conn *
conn_named(struct lcore *lc, uint64_t tcp, uint64_t user) ON_LCORE
{
	struct conns *cs = lc->conns;
	uint64_t i = user >> 8;
	struct conn *c = cs && i < cs->n ? &cs->conn[i] : NULL;
	return c && c->tcp == tcp && c->state != CONN_FREE ? c : NULL;
}

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

/* The listener's number says what is spoken; from now on it is the place in our pool. */
uint64_t
conn_opened(struct lcore *lc, const struct tcp_opened *o)
{
	struct conns *cs = lc->conns;
	struct conn *c = cs && conn_may_begin(lc, o) ? take(lc) : NULL;
	if (!c) {
		tcp_abort(lc->tcp, o->conn);
		return stream_user(stream_kind(o->user), CONN_NONE);
	}
	uint64_t user = stream_user(stream_kind(o->user), (uint64_t)(c - cs->conn));
	c->tcp = o->conn;
	policer_init(&c->talk, CONN_TALK_PER_S, lc->now);
	c->stream = (uint8_t)stream_kind(o->user);
	c->listener_tls = (uint8_t)(o->user >> 8);
	c->local = o->local;
	c->peer = o->peer;
	c->local_port = o->local_port;
	c->peer_port = o->peer_port;
	tcp_set_user(cs->tcp, c->tcp, user);
	arm(lc, c, CONN_HELLO_S);
	c->state = o->user >> 16 & 0xff ? CONN_PROXY : CONN_HANDSHAKE;
	if (c->state == CONN_HANDSHAKE && c->listener_tls == DP_TLS_NONE)
		begin_plain(lc, c);
	else if (c->state == CONN_HANDSHAKE)
		conn_count(cs, c, &c->peer);
	return user;
}

/* refuse: it is not waited for. */
static void
refuse(struct lcore *lc, struct conn *c, enum dp_conn_gone_reason why)
{
	conn_finish(lc, c, why, true);
	if (c->tcp)
		tcp_abort(lc->conns->tcp, c->tcp);
}

static void
begin_plain(struct lcore *lc, struct conn *c)
{
	c->state = CONN_PLAIN;
	arm(lc, c, 0); /* how long a peer may take from here is MAIN's to say */
	say_open(lc, c, NULL);
}

/* begin_tls: at the client's first byte: a handshake that nobody has begun takes no place from others. */
static bool
begin_tls(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	enum tls_refused why;
	enum tls_listener listener = c->listener_tls == DP_TLS_LEGACY ? TLS_LISTENER_LEGACY : TLS_LISTENER_NORMAL;
	if (cs->tls && source_too_many(&cs->sources, c->source, tls_core_stats(cs->tls)->in_flight, cs->handshakes_max))
		lc->stats.drops[DROP_CONN_SOURCE]++;
	else if (cs->tls)
		c->tls = tls_accept(cs->tls, (uint32_t)(c - cs->conn), listener, lc->now, &why);
	if (!c->tls)
		refuse(lc, c, DP_CONN_RESET);
	return c->tls;
}

static void
to_tls(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	if (!c->tls && (c->state != CONN_HANDSHAKE || !begin_tls(lc, c))) {
		rte_pktmbuf_free(m);
		return;
	}
	const struct tls_chunk chunk = {c->tls, m};
	tls_open_begin(lc->conns->tls, &chunk, 1);
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

/* receive: TCP's bytes, to where the connection is. */
static void
receive(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	c->heard = true;
	if (c->state == CONN_PROXY || c->state == CONN_PLAIN) {
		append(c, m);
		if (c->state == CONN_PROXY)
			proxy_header(lc, c);
		conn_list(lc->conns, c);
		return;
	}
	to_tls(lc, c, m);
	conn_list(lc->conns, c);
}

/* proxy_header: the whole of it is kept for MAIN; what follows is the client's. */
static void
proxy_header(struct lcore *lc, struct conn *c)
{
	uint8_t room[PROXY_MAX];
	uint32_t have = RTE_MIN(c->in->pkt_len, (uint32_t)PROXY_FIXED_LEN);
	int len = proxy_length(rte_pktmbuf_read(c->in, 0, have, room), have);
	if (len < 0) {
		lc->stats.drops[DROP_CONN_PROXY]++; /* MAIN has not heard of it, and will not */
		conn_finish(lc, c, DP_CONN_PROTOCOL, true);
		return;
	}
	if (!len || c->in->pkt_len < (uint32_t)len)
		return;
	c->proxy = rte_pktmbuf_alloc(lc->pool);
	if (!c->proxy) {
		conn_finish(lc, c, DP_CONN_RESET, true);
		return;
	}
	uint8_t *to = (uint8_t *)rte_pktmbuf_append(c->proxy, (uint16_t)len);
	const void *from = rte_pktmbuf_read(c->in, 0, (uint32_t)len, to);
	if (from != to)
		memcpy(to, from, (size_t)len);
	struct rte_mbuf *rest = mbuf_drop_front(c->in, (uint32_t)len);
	c->in = NULL;
	struct addr source;
	c->state = CONN_HANDSHAKE;
	if (c->listener_tls == DP_TLS_NONE)
		begin_plain(lc, c);
	else
		conn_count(lc->conns, c, proxy_source(to, (size_t)len, &source) ? &source : &c->peer);
	if (rest && c->state == CONN_HANDSHAKE) {
		to_tls(lc, c, rest);
	} else if (rest && c->state == CONN_PLAIN) {
		append(c, rest);
	} else {
		rte_pktmbuf_free(rest);
	}
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
	arm(lc, c, CONN_ENDING_S);
}

/* --- up: TLS ----------------------------------------------------------------------------------------------------- */

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
		conn_uncount(lc->conns, c);
		c->relayed = tls_relayed(e->conn);
		if (!c->over)
			wheel_del(&c->timer);
		say_open(lc, c, e->agreed);
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
			say_failed(lc, c, e->agreed);
		peer_over(lc, c, true);
		return;
	}
}

/* --- what MAIN hears --------------------------------------------------------------------------------------------- */

/* A new connection that MAIN cannot even be told of is refused. */
static void
say_open(struct lcore *lc, struct conn *c, const struct tls_agreed *agreed)
{
	uint8_t bytes[TLS_SERVER_NAME + PROXY_MAX];
	struct dp_conn_open open = {
		.local = c->local,
		.peer = c->peer,
		.local_port = c->local_port,
		.peer_port = c->peer_port,
		.stream = c->stream,
		.tls = c->listener_tls,
	};
	if (agreed) {
		open.tls_version = agreed->version;
		memcpy(open.cert_sha1, agreed->cert_sha1, sizeof open.cert_sha1);
		memcpy(open.cert_sha256, agreed->cert_sha256, sizeof open.cert_sha256);
		open.name_len = (uint16_t)strnlen(agreed->server_name, TLS_SERVER_NAME);
		memcpy(bytes, agreed->server_name, open.name_len);
	}
	if (c->proxy) {
		open.proxy_len = c->proxy->data_len;
		memcpy(bytes + open.name_len, rte_pktmbuf_mtod(c->proxy, void *), open.proxy_len);
		rte_pktmbuf_free(c->proxy);
		c->proxy = NULL;
	}
	if (lcore_send(lc, DP_MSG_CONN_OPEN, conn_handle_of(lc, c), &open, bytes,
		       (size_t)open.name_len + open.proxy_len))
		conn_finish(lc, c, DP_CONN_RESET, true);
	else
		c->opened = true;
}

static void
say_failed(struct lcore *lc, const struct conn *c, const struct tls_agreed *agreed)
{
	struct dp_conn_failed f = {
		.peer = c->peer,
		.peer_port = c->peer_port,
		.local_port = c->local_port,
		.why = c->why,
	};
	uint8_t bytes[TLS_SERVER_NAME + PROXY_MAX];
	if (agreed) {
		f.name_len = (uint16_t)strnlen(agreed->server_name, TLS_SERVER_NAME);
		memcpy(bytes, agreed->server_name, f.name_len);
	}
	if (c->proxy) {
		f.proxy_len = c->proxy->data_len;
		memcpy(bytes + f.name_len, rte_pktmbuf_mtod(c->proxy, void *), f.proxy_len);
	}
	if (policer_take(&lc->conns->failures, lc->now))
		lcore_send(lc, DP_MSG_CONN_FAILED, conn_handle_of(lc, c), &f, bytes, (size_t)f.name_len + f.proxy_len);
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
	conn_uncount(lc->conns, c);
	/* A handshake that TLS itself has not ended has nothing to send: others may begin. */
	if (c->state == CONN_HANDSHAKE && c->tls && why != DP_CONN_TLS) {
		tls_close(lc->conns->tls, c->tls);
		c->tls = NULL;
	}
	c->state = CONN_ENDING;
	arm(lc, c, CONN_ENDING_S);
	rte_pktmbuf_free(c->in);
	c->in = NULL;
}

/* advance: an end goes on: what is queued, close_notify, FIN, MAIN, and at last the place is free. */
static void
advance(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	if (c->hurry)
		queue_flush(cs->queues, &c->queue);
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

static void
account(struct conns *cs, struct conn *c, uint32_t waits)
{
	cs->waiters += (waits != 0) - (c->waits != 0);
	cs->waiting += waits - c->waits;
	c->waits = waits;
}

/* consumed: what neither waits here nor in TLS is done with.  When more waits than may, the connection that has just added to
 * it is ended, unless it holds less than the others do. */
/* waits_too_much: the share of all is used up, and this connection has as much of it as the average.  A piece of a record
 * is in many an honest one, whose only fault is to come while others hold one each: it is ended at three times the share. */
static bool
waits_too_much(const struct conns *cs, const struct conn *c)
{
	bool few = c->waits <= CONN_WAITS_FEW && cs->waiting <= 3 * cs->waiting_max;
	return !few && (uint64_t)c->waits * cs->waiters >= cs->waiting;
}

static void
consumed(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	account(cs, c, (c->tls ? tls_held_mbufs(c->tls) : 0) + (c->in ? c->in->nb_segs : 0));
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

/* --- up: units --------------------------------------------------------------------------------------------------- */

/* heard_out: the peer says no more, and what it has said is taken. */
static bool
heard_out(const struct conn *c)
{
	return c->over && !c->blocked && !(c->tls && tls_opening(c->tls));
}

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
			advance(lc, c);
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

/* --- down -------------------------------------------------------------------------------------------------------- */

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

/* put_control: false: it is lost.  A peer that does not even read its control has 64 packets of it; then the connection ends.
 * When others have used up all the room, a session goes on without this packet: PPP says it again, SSTP asks again.  What
 * has no session yet would hang in the middle of its head: it ends, and gives room. */
static bool
put_control(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	if (c->over && (!c->tcp || c->shut)) { /* it will hear nothing any more */
		lcore_drop(lc, m, DROP_SESSION_GONE);
		return false;
	}
	enum drop why = DROP_QUEUE_FULL;
	if (c->tcp)
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

void
conn_put_control(struct lcore *lc, struct conn *c, struct rte_mbuf *m)
{
	(void)put_control(lc, c, m);
}

/* next_down: the next packet of the queue with its headers; NULL: nothing more.  Data whose session has ended is dropped:
 * what was said by PPP and SSTP is not. */
static struct rte_mbuf *
next_down(struct lcore *lc, struct conn *c) ON_LCORE
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
	if (!queue_empty(&c->queue))
		tcp_want(cs->tcp, c->tcp);
	else if (c->state == CONN_ENDING)
		conn_list(cs, c);
}

/* may_hold: room for one more to be sealed. */
static bool
may_hold(struct lcore *lc)
{
	if (lc->conns->n_held == CONN_CHUNKS)
		seal(lc);
	return lc->conns->n_held < CONN_CHUNKS;
}

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

/* --- time -------------------------------------------------------------------------------------------------------- */

static void
arm(struct lcore *lc, struct conn *c, unsigned seconds)
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
	c->asked = !c->heard && (m = sstp_control(lc, 8)) && put_control(lc, c, m);
	c->heard = false;
	if (c->state != CONN_ENDING)
		arm(lc, c, c->echo_s);
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
		arm(lc, c, CONN_SET_UP_S - CONN_HELLO_S);
	} else {
		refuse(lc, c, DP_CONN_TIMEOUT);
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
