/* conn_setup.c - a connection is set up: its source, PROXY header and TLS handshake, until MAIN has heard of it. */
#include "conn.h"

#include <dp/proxy.h>

#include "conn_parts.h"
#include "lcore_msg.h"
#include "mbuf.h"

static bool may_begin(struct lcore *lc, const struct tcp_opened *o) ON_LCORE;
static void count(struct conns *cs, struct conn *c, enum source_share share) ON_LCORE;
static void count_place(struct conns *cs, struct conn *c, const struct addr *source) ON_LCORE;
static void begin_plain(struct lcore *lc, struct conn *c) ON_LCORE;

/* The listener's number says what is spoken; from now on it is the place in our pool. */
uint64_t
conn_opened(struct lcore *lc, const struct tcp_opened *o)
{
	struct conns *cs = lc->conns;
	struct conn *c = cs && may_begin(lc, o) ? conn_take(lc) : NULL;
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
	conn_arm(lc, c, CONN_HELLO_S);
	c->state = o->user >> 16 & 0xff ? CONN_PROXY : CONN_HANDSHAKE;
	if (c->state == CONN_HANDSHAKE && c->listener_tls == DP_TLS_NONE)
		begin_plain(lc, c);
	else if (c->state == CONN_HANDSHAKE)
		count_place(cs, c, &c->peer);
	return user;
}

static void
begin_plain(struct lcore *lc, struct conn *c)
{
	c->state = CONN_PLAIN;
	conn_arm(lc, c, 0); /* how long a peer may take from here is MAIN's to say */
	conn_say_open(lc, c, NULL);
}

struct rte_mbuf *
conn_proxy_header(struct lcore *lc, struct conn *c)
{
	uint8_t room[PROXY_MAX];
	uint32_t have = RTE_MIN(c->in->pkt_len, (uint32_t)PROXY_FIXED_LEN);
	int len = proxy_length(rte_pktmbuf_read(c->in, 0, have, room), have);
	if (len < 0) {
		lc->stats.drops[DROP_CONN_PROXY]++; /* MAIN has not heard of it, and will not */
		conn_finish(lc, c, DP_CONN_PROTOCOL, true);
		return NULL;
	}
	if (!len || c->in->pkt_len < (uint32_t)len)
		return NULL;
	c->proxy = rte_pktmbuf_alloc(lc->pool);
	if (!c->proxy) {
		conn_finish(lc, c, DP_CONN_RESET, true);
		return NULL;
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
		count_place(lc->conns, c, proxy_source(to, (size_t)len, &source) ? &source : &c->peer);
	return rest;
}

/* Only now: a handshake that nobody has begun takes no place from others. */
bool
conn_begin_tls(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	enum tls_refused why;
	enum tls_listener listener = c->listener_tls == DP_TLS_LEGACY ? TLS_LISTENER_LEGACY : TLS_LISTENER_NORMAL;
	if (cs->tls && source_too_many(&cs->sources, SOURCE_HANDSHAKE, c->source, tls_core_stats(cs->tls)->in_flight,
				       cs->handshakes_max))
		lc->stats.drops[DROP_CONN_SOURCE]++;
	else if (cs->tls)
		c->tls = tls_accept(cs->tls, (uint32_t)(c - cs->conn), listener, lc->now, &why);
	if (c->tls)
		count(cs, c, SOURCE_HANDSHAKE);
	else
		conn_refuse(lc, c, DP_CONN_RESET);
	return c->tls;
}

/* --- its source's share ------------------------------------------------------------------------------------------ */

static bool
may_begin(struct lcore *lc, const struct tcp_opened *o)
{
	struct conns *cs = lc->conns;
	bool proxied = o->user >> 16 & 0xff, tls = (uint8_t)(o->user >> 8) != DP_TLS_NONE;
	uint16_t place = source_place(&cs->sources, &o->peer);
	if (proxied || !tls || !source_too_many(&cs->sources, SOURCE_PLACE, place, cs->in_use, cs->n))
		return true;
	lc->stats.drops[DROP_CONN_SOURCE]++;
	return false;
}

static void
count(struct conns *cs, struct conn *c, enum source_share share)
{
	c->counted |= (uint8_t)(1 << share);
	cs->sources.n[share][c->source]++;
	cs->strangers += share == SOURCE_QUEUE;
}

static void
count_place(struct conns *cs, struct conn *c, const struct addr *source)
{
	c->source = source_place(&cs->sources, source);
	count(cs, c, SOURCE_PLACE);
}

void
conn_uncount(struct conns *cs, struct conn *c, enum source_share share)
{
	if (!(c->counted & 1 << share))
		return;
	c->counted &= (uint8_t) ~(1 << share);
	cs->sources.n[share][c->source]--;
	cs->strangers -= share == SOURCE_QUEUE;
}

/* Who has a session, and PPTP, whose connections never have one, are bounded by what sessions and tunnels are. */
bool
conn_may_queue(struct lcore *lc, struct conn *c)
{
	struct conns *cs = lc->conns;
	if (c->slot != SLOT_NONE || !c->tls || c->counted & 1 << SOURCE_QUEUE)
		return true;
	if (cs->strangers >= cs->strangers_max)
		return false;
	if (source_too_many(&cs->sources, SOURCE_QUEUE, c->source, cs->strangers, cs->strangers_max)) {
		lc->stats.drops[DROP_CONN_SOURCE]++;
		return false;
	}
	count(cs, c, SOURCE_QUEUE);
	return true;
}

/* --- what MAIN hears --------------------------------------------------------------------------------------------- */

/* A new connection that MAIN cannot even be told of is refused. */
void
conn_say_open(struct lcore *lc, struct conn *c, const struct tls_agreed *agreed)
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

void
conn_say_failed(struct lcore *lc, const struct conn *c, const struct tls_agreed *agreed)
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
