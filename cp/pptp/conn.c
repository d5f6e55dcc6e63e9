/* conn.c - the control connection: RFC 2637 3.1. */
#define HASH_NONFATAL_OOM 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include <millrace/bytes.h>

#include "pptp/room.h"

#define VERSION 0x0100
#define FRAMING 3 /* asynchronous and synchronous */
#define BEARER 3  /* analog and digital */
#define FIRMWARE 1
#define VENDOR "millrace"

/* RFC 2637 2.2, 2.3, 2.4 */
enum start_result { START_OK = 1, START_ERROR, START_EXISTS, START_NOT_AUTHORIZED, START_VERSION };
enum stop_reason { STOP_NONE = 1, STOP_PROTOCOL, STOP_LOCAL_SHUTDOWN };

#define RESULT_OK 1

/* A connection, found by its id; the table keeps the order in which they came, which is that of the ids. */
struct conn {
	struct pptp_conn pub; /* first */
	UT_hash_handle hh;
};

typedef void conn_fn(struct pptp_conn *c, const struct pptp_msg *m, struct mono now);
static ON_MAIN conn_fn on_start_request, on_start_reply, on_stop_request, on_stop_reply, on_echo_request, on_echo_reply,
	on_call, on_unexpected;
static struct pptp_conn *conn_alloc(struct pptp *p) ON_MAIN;
static struct pptp_conn *conn_new(struct pptp *p, const struct pptp_info *info, struct mono now) ON_MAIN;
static void conn_free(struct pptp_conn *c) ON_MAIN;
static void conn_set(struct pptp_conn *c, enum pptp_conn_state state, struct mono now) ON_MAIN;
static void conn_established(struct pptp_conn *c, const struct pptp_msg *m, struct mono now) ON_MAIN;
static void conn_close(struct pptp_conn *c, enum cause cause, bool abort, struct mono now) ON_MAIN;
static void conn_message(struct pptp_conn *c, const struct pptp_msg *m, struct mono now) ON_MAIN;
static size_t conn_take(struct pptp_conn *c, struct mono now) ON_MAIN;
static void send_start(struct pptp_conn *c, enum pptp_type type, enum start_result result) ON_MAIN;
static void on_timer(struct timer *t, struct mono now) ON_MAIN;
static void on_echo_timer(struct timer *t, struct mono now) ON_MAIN;
static void wait_for(struct pptp_conn *c, struct mono now) ON_MAIN;

/* Who may hear what, RFC 2637 3.1.3: the rest is unexpected. */
static conn_fn *const table[PPTP_CLOSING][PPTP_TYPES] = {
	[PPTP_WAIT_CTL_REQUEST] = {[PPTP_SCCRQ] = on_start_request, [PPTP_STOPCCRQ] = on_stop_request},
	[PPTP_WAIT_CTL_REPLY] = {[PPTP_SCCRP] = on_start_reply, [PPTP_STOPCCRQ] = on_stop_request},
	[PPTP_ESTABLISHED] = {[PPTP_STOPCCRQ] = on_stop_request,
			      [PPTP_ECHORQ] = on_echo_request,
			      [PPTP_ECHORP] = on_echo_reply,
			      [PPTP_OCRQ] = on_call,
			      [PPTP_OCRP] = on_call,
			      [PPTP_ICRQ] = on_call,
			      [PPTP_ICRP] = on_call,
			      [PPTP_ICCN] = on_call,
			      [PPTP_CCRQ] = on_call,
			      [PPTP_CDN] = on_call,
			      [PPTP_WEN] = on_call,
			      [PPTP_SLI] = on_call},
	[PPTP_WAIT_STOP_REPLY] = {[PPTP_STOPCCRP] = on_stop_reply, [PPTP_STOPCCRQ] = on_stop_request},
};

/* --- instance ---------------------------------------------------------------------------------------------------- */

struct pptp *
pptp_new(const struct pptp_config *config, const struct pptp_ops *ops, void *owner, struct timers *timers)
{
	struct pptp *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->ops = ops;
	p->owner = owner;
	p->timers = timers;
	pptp_configure(p, config);
	return p;
}

bool
pptp_configure(struct pptp *p, const struct pptp_config *config)
{
	p->config = *config;
	strncpy(p->host_name, config->host_name, PPTP_TEXT);
	p->config.host_name = p->host_name;
	return true;
}

void
pptp_free(struct pptp *p)
{
	struct pptp_conn *c;
	struct pptp_call *call;
	while ((c = pptp_next_conn(p, 0))) {
		while ((call = LIST_FIRST(&c->calls))) {
			LIST_REMOVE(call, of_conn);
			timer_stop(&call->timer);
			free(call);
		}
		conn_free(c);
	}
	free(p);
}

const struct pptp_stats *
pptp_stats(const struct pptp *p)
{
	return &p->stats;
}

struct pptp_conn *
pptp_find(const struct pptp *p, uint64_t id)
{
	struct conn *c = NULL;
	HASH_FIND(hh, p->conns, &id, sizeof id, c);
	return c ? &c->pub : NULL;
}

struct pptp_conn *
pptp_next_conn(const struct pptp *p, uint64_t id)
{
	struct conn *c = (struct conn *)pptp_find(p, id);
	c = c ? c->hh.next : p->conns;
	while (c && c->pub.id <= id)
		c = c->hh.next;
	return c ? &c->pub : NULL;
}

const char *
pptp_conn_state_name(enum pptp_conn_state state)
{
	static const char *const names[] = {
#define X(name, text) text,
		PPTP_CONN_STATES(X)
#undef X
	};
	return state < PPTP_CONN_STATE_COUNT ? names[state] : "?";
}

/* --- beginning and end ------------------------------------------------------------------------------------------- */

static struct pptp_conn *
conn_alloc(struct pptp *p)
{
	struct conn *c = p->stats.conns < p->config.max_conns ? calloc(1, sizeof *c) : NULL;
	if (!c)
		return NULL;
	c->pub.id = PPTP_FIRST_ID + p->n_ids++;
	HASH_ADD(hh, p->conns, pub.id, sizeof c->pub.id, c);
	if (c->hh.tbl)
		return &c->pub;
	free(c); /* uthash found no memory for its table */
	return NULL;
}

static struct pptp_conn *
conn_new(struct pptp *p, const struct pptp_info *info, struct mono now)
{
	struct pptp_conn *c = conn_alloc(p);
	if (!c) {
		p->stats.refused++;
		return NULL;
	}
	p->stats.conns++;
	p->stats.accepted++;
	c->pptp = p;
	c->info = *info;
	c->heard = c->changed = now;
	c->timer.fire = on_timer;
	c->echo.fire = on_echo_timer;
	wait_for(c, now);
	return c;
}

struct pptp_conn *
pptp_accept(struct pptp *p, const struct pptp_info *info, struct mono now)
{
	return conn_new(p, info, now);
}

struct pptp_conn *
pptp_dial(struct pptp *p, const struct pptp_info *info, unsigned calls, bool incoming, struct mono now)
{
	struct pptp_conn *c = conn_new(p, info, now);
	if (!c)
		return NULL;
	c->dialled = true;
	c->to_call = calls;
	c->incoming = incoming;
	conn_set(c, PPTP_WAIT_CTL_REPLY, now);
	send_start(c, PPTP_SCCRQ, 0);
	return c;
}

/* Whoever ends the connection first says why; later reasons are consequences. */
void
pptp_gone(struct pptp_conn *c, enum cause cause, struct mono now)
{
	struct pptp *p = c->pptp;
	conn_set(c, PPTP_CLOSING, now);
	pptp_call_all_down(c, c->cause != CAUSE_NONE ? c->cause : cause, now);
	p->stats.conns--;
	conn_free(c);
}

static void
conn_free(struct pptp_conn *c)
{
	timer_stop(&c->timer);
	timer_stop(&c->echo);
	HASH_DEL(c->pptp->conns, (struct conn *)c);
	free(c);
}

bool
pptp_stop(struct pptp_conn *c, enum cause cause, struct mono now)
{
	if (c->state >= PPTP_WAIT_STOP_REPLY)
		return false;
	c->cause = cause;
	pptp_call_all_down(c, cause, now);
	timer_stop(&c->echo);
	conn_set(c, PPTP_WAIT_STOP_REPLY, now);
	pptp_conn_send(c, &(struct pptp_msg){.type = PPTP_STOPCCRQ,
					     .reason = cause == CAUSE_SHUTDOWN ? STOP_LOCAL_SHUTDOWN : STOP_NONE});
	wait_for(c, now);
	return true;
}

static void
conn_close(struct pptp_conn *c, enum cause cause, bool abort, struct mono now)
{
	if (c->state == PPTP_CLOSING)
		return;
	if (c->cause == CAUSE_NONE)
		c->cause = cause;
	conn_set(c, PPTP_CLOSING, now);
	timer_stop(&c->timer);
	timer_stop(&c->echo);
	pptp_call_all_down(c, c->cause, now);
	c->pptp->ops->close(c->pptp->owner, c, abort, now);
}

static void
conn_set(struct pptp_conn *c, enum pptp_conn_state state, struct mono now)
{
	c->state = (uint8_t)state;
	c->changed = now;
}

static void
wait_for(struct pptp_conn *c, struct mono now)
{
	timer_set(c->pptp->timers, &c->timer, mono_add_s(now, c->pptp->config.timeout_s));
}

void
pptp_conn_idle(struct pptp_conn *c, struct mono now)
{
	if (c->state != PPTP_ESTABLISHED)
		return;
	if (c->n_calls || !c->pptp->config.idle_s)
		timer_stop(&c->timer);
	else
		timer_set(c->pptp->timers, &c->timer, mono_add_s(now, c->pptp->config.idle_s));
}

static void
on_timer(struct timer *t, struct mono now)
{
	struct pptp_conn *c = (struct pptp_conn *)(void *)((char *)t - offsetof(struct pptp_conn, timer));
	if (c->state == PPTP_ESTABLISHED)
		pptp_stop(c, CAUSE_TUNNEL_IDLE, now);
	else
		conn_close(c, CAUSE_TUNNEL_TIMEOUT, true, now);
}

/* --- input ------------------------------------------------------------------------------------------------------- */

void
pptp_input(struct pptp_conn *c, const uint8_t *bytes, size_t len, struct mono now)
{
	while (len && c->state != PPTP_CLOSING) {
		size_t n = sizeof c->in - c->have < len ? sizeof c->in - c->have : len;
		memcpy(c->in + c->have, bytes, n);
		c->have += n;
		bytes += n;
		len -= n;
		size_t used;
		while (c->state != PPTP_CLOSING && (used = conn_take(c, now))) {
			memmove(c->in, c->in + used, c->have - used);
			c->have -= used;
		}
	}
}

/* conn_take: one message; how many octets it took, 0: there is no whole one. */
static size_t
conn_take(struct pptp_conn *c, struct mono now)
{
	struct pptp_msg m;
	size_t len = 0;
	switch (pptp_next(c->in, c->have, &len, &m)) {
	case PPTP_MORE:
		return 0;
	case PPTP_WHOLE:
		c->heard = now;
		conn_message(c, &m, now);
		return len;
	case PPTP_UNKNOWN: /* RFC 2637 2: extensions are not our business */
		c->heard = now;
		c->pptp->stats.unknown++;
		return len;
	default:
		/* RFC 2637 1.4: "loss of synchronization ... the TCP connection should be immediately closed". */
		c->pptp->stats.broken++;
		c->pptp->ops->note(c->pptp->owner, c, CAUSE_MALFORMED, "malformed control message");
		conn_close(c, CAUSE_MALFORMED, true, now);
		return 0;
	}
}

static void
conn_message(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	char line[512];
	struct pptp *p = c->pptp;
	if (p->ops->trace && p->ops->trace_on(p->owner, c)) {
		memcpy(line, "recv ", 5);
		pptp_trace(line + 5, sizeof line - 5, m);
		p->ops->trace(p->owner, c, line);
	}
	conn_fn *fn = table[c->state][m->type];
	(fn ? fn : on_unexpected)(c, m, now);
}

void
pptp_conn_send(struct pptp_conn *c, const struct pptp_msg *m)
{
	char line[512];
	uint8_t bytes[PPTP_MSG_MAX];
	struct pptp *p = c->pptp;
	if (p->ops->trace && p->ops->trace_on(p->owner, c)) {
		memcpy(line, "send ", 5);
		pptp_trace(line + 5, sizeof line - 5, m);
		p->ops->trace(p->owner, c, line);
	}
	p->ops->send(p->owner, c, bytes, pptp_build(bytes, m));
}

static void
send_start(struct pptp_conn *c, enum pptp_type type, enum start_result result)
{
	struct pptp_msg m = {
		.type = (uint16_t)type,
		.version = VERSION,
		.result = (uint8_t)result,
		.framing = FRAMING,
		.bearer = BEARER,
		.firmware = FIRMWARE,
		.vendor = VENDOR,
	};
	memcpy(m.host, c->pptp->host_name, sizeof m.host);
	pptp_conn_send(c, &m);
}

/* RFC 2637 2.1: a version that we do not speak is told ours. */
static void
on_start_request(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	if (m->version >> 8 != VERSION >> 8) {
		send_start(c, PPTP_SCCRP, START_VERSION);
		conn_close(c, CAUSE_TUNNEL_VERSION, false, now);
		return;
	}
	send_start(c, PPTP_SCCRP, START_OK);
	conn_established(c, m, now);
}

static void
on_start_reply(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	if (m->result != START_OK) {
		c->pptp->ops->note(c->pptp->owner, c, CAUSE_TUNNEL_AUTH, "peer refused the connection");
		conn_close(c, m->result == START_VERSION ? CAUSE_TUNNEL_VERSION : CAUSE_TUNNEL_AUTH, false, now);
		return;
	}
	conn_established(c, m, now);
	while (c->to_call && c->state == PPTP_ESTABLISHED) {
		c->to_call--;
		pptp_call_ask(c, now);
	}
}

static void
conn_established(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	memcpy(c->peer_name, m->host, sizeof c->peer_name);
	memcpy(c->peer_vendor, m->vendor, sizeof c->peer_vendor);
	conn_set(c, PPTP_ESTABLISHED, now);
	if (c->pptp->ops->up)
		c->pptp->ops->up(c->pptp->owner, c);
	pptp_conn_idle(c, now);
	if (c->pptp->config.echo_interval_s)
		timer_set(c->pptp->timers, &c->echo, mono_add_s(now, c->pptp->config.echo_interval_s));
}

static void
on_stop_request(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	(void)m;
	pptp_conn_send(c, &(struct pptp_msg){.type = PPTP_STOPCCRP, .result = RESULT_OK});
	conn_close(c, CAUSE_PEER_TUNNEL_CLOSED, false, now);
}

static void
on_stop_reply(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	(void)m;
	conn_close(c, CAUSE_PEER_TUNNEL_CLOSED, false, now);
}

static void
on_echo_request(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	(void)now;
	pptp_conn_send(c, &(struct pptp_msg){.type = PPTP_ECHORP, .id = m->id, .result = RESULT_OK});
}

/* RFC 2637 3.1.4: the identifier must be that of our request. */
static void
on_echo_reply(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	if (!c->echo_asked || m->id != c->echo_id)
		return;
	c->echo_asked = false;
	timer_set(c->pptp->timers, &c->echo, mono_add_s(now, c->pptp->config.echo_interval_s));
}

/* RFC 2637 3.1.4: keep-alive.  Any message shows that the peer lives; only a reply answers a request. */
static void
on_echo_timer(struct timer *t, struct mono now)
{
	struct pptp_conn *c = (struct pptp_conn *)(void *)((char *)t - offsetof(struct pptp_conn, echo));
	struct pptp *p = c->pptp;
	struct mono due = mono_add_s(c->heard, p->config.echo_interval_s);
	if (c->echo_asked) {
		p->stats.echo_lost++;
		p->ops->note(p->owner, c, CAUSE_TUNNEL_TIMEOUT, "no answer to Echo-Request");
		conn_close(c, CAUSE_TUNNEL_TIMEOUT, true, now);
		return;
	}
	if (!mono_reached(now, due)) {
		timer_set(p->timers, &c->echo, due);
		return;
	}
	c->echo_asked = true;
	p->stats.echo_sent++;
	pptp_conn_send(c, &(struct pptp_msg){.type = PPTP_ECHORQ, .id = ++c->echo_id});
	timer_set(p->timers, &c->echo, mono_add_s(now, p->config.echo_timeout_s));
}

static void
on_call(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	pptp_call_input(c, m, now);
}

/* RFC 2637 3.1.3: what cannot come before the connection is established ends it; later, it is passed over. */
static void
on_unexpected(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	char text[96];
	c->pptp->stats.unexpected++;
	if (c->state >= PPTP_ESTABLISHED && m->type != PPTP_SCCRQ)
		return;
	snprintf(text, sizeof text, "unexpected %s", pptp_type_name(m->type));
	c->pptp->ops->note(c->pptp->owner, c, CAUSE_MESSAGE_ORDER, text);
	if (c->state == PPTP_ESTABLISHED)
		send_start(c, PPTP_SCCRP, START_EXISTS);
	conn_close(c, CAUSE_MESSAGE_ORDER, false, now);
}
