/* call.c - calls: RFC 2637 3.2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptp/room.h"

#define SPEED_BPS 100000000u /* what we say of a line that is none */
#define MIN_BPS 300
#define GRE_OVERHEAD (20 + 16 + 4) /* IPv4, enhanced GRE, PPP */

/* RFC 2637 2.8, 2.10 */
enum call_result { CALL_CONNECTED = 1, CALL_ERROR = 2, CALL_DO_NOT_ACCEPT = 7, INCOMING_DO_NOT_ACCEPT = 3 };
/* RFC 2637 2.16 */
enum general_error { ERROR_NONE, ERROR_NOT_CONNECTED, ERROR_FORMAT, ERROR_VALUE, ERROR_NO_RESOURCE, ERROR_CALL_ID };

#define CDN_REQUEST 4 /* RFC 2637 2.13: because of Call-Clear-Request */

typedef void call_fn(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now);
static ON_MAIN call_fn on_ocrp, on_icrp, on_iccn, on_clear, on_disconnect, on_wan_error, on_link_info;
static void on_request(struct pptp_conn *c, const struct pptp_msg *m, struct mono now) ON_MAIN;
static struct pptp_call *call_new(struct pptp_conn *c) ON_MAIN;
static void call_free(struct pptp_call *call) ON_MAIN;
static void call_set(struct pptp_call *call, enum pptp_call_state state) ON_MAIN;
static struct pptp_call *call_find(struct pptp_conn *c, const struct pptp_msg *m) ON_MAIN;
static void call_up(struct pptp_call *call, struct mono now) ON_MAIN;
static void call_down(struct pptp_call *call, enum cause cause, struct mono now) ON_MAIN;
static void reply(struct pptp_conn *c, const struct pptp_call *call, const struct pptp_msg *m, uint8_t result,
		  uint8_t error) ON_MAIN;
static void on_call_timer(struct timer *t, struct mono now) ON_MAIN;
static void bearer_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;
static void bearer_close(struct bearer *b, enum cause cause, struct mono now) ON_MAIN;
static void bearer_describe(const struct bearer *b, struct bearer_info *out) ON_MAIN;
static unsigned bearer_overhead(const struct bearer *b) ON_MAIN;

static const struct bearer_ops bearer_ops = {
	.send = bearer_send,
	.close = bearer_close,
	.describe = bearer_describe,
	.overhead = bearer_overhead,
};

static call_fn *const table[PPTP_TYPES] = {
	[PPTP_OCRP] = on_ocrp,      [PPTP_ICRP] = on_icrp,     [PPTP_ICCN] = on_iccn,     [PPTP_CCRQ] = on_clear,
	[PPTP_CDN] = on_disconnect, [PPTP_WEN] = on_wan_error, [PPTP_SLI] = on_link_info,
};

/* A message about a call that is not, or no longer, there is nobody's mistake: the two ends' words cross. */
void
pptp_call_input(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	if (m->type == PPTP_OCRQ || m->type == PPTP_ICRQ) {
		on_request(c, m, now);
		return;
	}
	struct pptp_call *call = call_find(c, m);
	if (call)
		table[m->type](c, call, m, now);
	else
		c->pptp->stats.unexpected++;
}

/* call_find: by the field that the message has.  A Call-Clear-Request and a Call-Disconnect-Notify name the sender's own
 * number, the others that of the receiver (RFC 2637 2.7 to 2.15); some peers take one for the other. */
static struct pptp_call *
call_find(struct pptp_conn *c, const struct pptp_msg *m)
{
	bool own = m->type == PPTP_CCRQ || m->type == PPTP_CDN;
	uint16_t id = own ? m->call_id : m->peer_call_id;
	struct pptp_call *call, *other = NULL;
	LIST_FOREACH(call, &c->calls, of_conn)
	{
		if (id == (own ? call->peer_id : call->our_id))
			return call;
		if (id == (own ? call->our_id : call->peer_id))
			other = call;
	}
	return other;
}

static struct pptp_call *
call_new(struct pptp_conn *c)
{
	struct pptp_call *call = calloc(1, sizeof *call);
	if (!call)
		return NULL;
	call->bearer.ops = &bearer_ops;
	call->conn = c;
	call->timer.fire = on_call_timer;
	LIST_INSERT_HEAD(&c->calls, call, of_conn);
	c->n_calls++;
	c->pptp->stats.calls++;
	return call;
}

static void
call_free(struct pptp_call *call)
{
	timer_stop(&call->timer);
	LIST_REMOVE(call, of_conn);
	call->conn->n_calls--;
	free(call);
}

static void
call_set(struct pptp_call *call, enum pptp_call_state state)
{
	call->state = (uint8_t)state;
}

static void
wait_for(struct pptp_call *call, struct mono now)
{
	timer_set(call->conn->pptp->timers, &call->timer, mono_add_s(now, call->conn->pptp->config.timeout_s));
}

/* --- asked by the peer ------------------------------------------------------------------------------------------- */

static void
on_request(struct pptp_conn *c, const struct pptp_msg *m, struct mono now)
{
	struct pptp *p = c->pptp;
	struct pptp_call *call;
	char peer[ADDR_STRLEN], local[ADDR_STRLEN];
	LIST_FOREACH(call, &c->calls, of_conn)
	if (call->peer_id == m->call_id && !call->ours) {
		reply(c, NULL, m, CALL_ERROR, ERROR_CALL_ID);
		return;
	}
	call = call_new(c);
	if (!call) {
		reply(c, NULL, m, CALL_ERROR, ERROR_NO_RESOURCE);
		return;
	}
	call->peer_id = m->call_id;
	call->window = m->window;
	call->incoming = m->type == PPTP_ICRQ;
	snprintf(call->calling, sizeof call->calling, "%s", *m->dialing ? m->dialing : addr_str(&c->info.peer, peer));
	snprintf(call->called, sizeof call->called, "%s", *m->dialed ? m->dialed : addr_str(&c->info.local, local));
	enum cause cause = p->ops->call_new(p->owner, call, now);
	if (cause != CAUSE_NONE) {
		bool full = cause_row(cause)->l2tp_error == ERROR_NO_RESOURCE; /* the same number in both protocols */
		uint8_t no = call->incoming ? INCOMING_DO_NOT_ACCEPT : CALL_DO_NOT_ACCEPT;
		call_free(call);
		reply(c, NULL, m, full ? CALL_ERROR : no, full ? ERROR_NO_RESOURCE : ERROR_NONE);
		return;
	}
	timer_stop(&c->timer);
	reply(c, call, m, CALL_CONNECTED, ERROR_NONE);
	if (!call->incoming) {
		call_up(call, now);
		return;
	}
	call_set(call, PPTP_CALL_WAIT_CONNECT);
	wait_for(call, now);
}

static void
reply(struct pptp_conn *c, const struct pptp_call *call, const struct pptp_msg *m, uint8_t result, uint8_t error)
{
	pptp_conn_send(c, &(struct pptp_msg){
				  .type = m->type == PPTP_OCRQ ? PPTP_OCRP : PPTP_ICRP,
				  .call_id = call ? call->our_id : 0,
				  .peer_call_id = m->call_id,
				  .result = result,
				  .error = error,
				  .speed = SPEED_BPS,
				  .window = c->pptp->config.recv_window,
			  });
}

/* RFC 2637 2.11: an incoming call is connected when its PAC says so. */
static void
on_iccn(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	if (call->state != PPTP_CALL_WAIT_CONNECT) {
		c->pptp->stats.unexpected++;
		return;
	}
	call->window = m->window;
	call_up(call, now);
}

static void
call_up(struct pptp_call *call, struct mono now)
{
	struct pptp *p = call->conn->pptp;
	timer_stop(&call->timer);
	call_set(call, PPTP_CALL_ESTABLISHED);
	p->stats.calls_up++;
	p->ops->call_up(p->owner, call, now);
}

/* --- asked by us ------------------------------------------------------------------------------------------------- */

void
pptp_call_ask(struct pptp_conn *c, struct mono now)
{
	struct pptp *p = c->pptp;
	struct pptp_call *call = call_new(c);
	char text[ADDR_STRLEN];
	if (!call)
		return;
	call->ours = true;
	call->incoming = c->incoming;
	snprintf(call->calling, sizeof call->calling, "%s", addr_str(&c->info.local, text));
	snprintf(call->called, sizeof call->called, "%s", addr_str(&c->info.peer, text));
	if (p->ops->call_new(p->owner, call, now) != CAUSE_NONE) {
		call_free(call);
		pptp_conn_idle(c, now);
		return;
	}
	timer_stop(&c->timer);
	call_set(call, PPTP_CALL_WAIT_REPLY);
	wait_for(call, now);
	pptp_conn_send(c, &(struct pptp_msg){
				  .type = call->incoming ? PPTP_ICRQ : PPTP_OCRQ,
				  .call_id = call->our_id,
				  .serial = ++c->next_serial,
				  .min_bps = MIN_BPS,
				  .max_bps = SPEED_BPS,
				  .bearer = call->incoming ? 1 : 3,
				  .framing = 3,
				  .window = p->config.recv_window,
			  });
}

static void
on_ocrp(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	if (call->state != PPTP_CALL_WAIT_REPLY || call->incoming) {
		c->pptp->stats.unexpected++;
		return;
	}
	call->peer_id = m->call_id;
	call->window = m->window;
	if (m->result == CALL_CONNECTED)
		call_up(call, now);
	else
		call_down(call, CAUSE_PEER_CALL_CLEARED, now);
}

static void
on_icrp(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	if (call->state != PPTP_CALL_WAIT_REPLY || !call->incoming) {
		c->pptp->stats.unexpected++;
		return;
	}
	call->peer_id = m->call_id;
	call->window = m->window;
	if (m->result != CALL_CONNECTED) {
		call_down(call, CAUSE_PEER_CALL_CLEARED, now);
		return;
	}
	pptp_conn_send(c, &(struct pptp_msg){.type = PPTP_ICCN,
					     .peer_call_id = call->peer_id,
					     .speed = SPEED_BPS,
					     .window = c->pptp->config.recv_window,
					     .framing = 1});
	call_up(call, now);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

static void
on_clear(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	(void)m;
	pptp_conn_send(c, &(struct pptp_msg){.type = PPTP_CDN, .call_id = call->our_id, .result = CDN_REQUEST});
	call_down(call, CAUSE_PEER_CALL_CLEARED, now);
}

static void
on_disconnect(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	(void)c, (void)m;
	call_down(call, CAUSE_PEER_CALL_CLEARED, now);
}

static void
on_wan_error(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	(void)now;
	c->pptp->stats.wan_errors++;
	memcpy(call->errors, m->errors, sizeof call->errors);
}

/* RFC 2637 2.15: there is no asynchronous line whose characters could be mapped. */
static void
on_link_info(struct pptp_conn *c, struct pptp_call *call, const struct pptp_msg *m, struct mono now)
{
	(void)c, (void)call, (void)m, (void)now;
}

/* call_down: the owner hears of it, unless it is the owner who wanted it. */
static void
call_down(struct pptp_call *call, enum cause cause, struct mono now)
{
	struct pptp_conn *c = call->conn;
	struct pptp *p = c->pptp;
	bool known = call->state != PPTP_CALL_WAIT_DISCONNECT;
	timer_stop(&call->timer);
	call_set(call, PPTP_CALL_WAIT_DISCONNECT);
	if (known)
		p->ops->call_down(p->owner, call, cause, now);
	call_free(call);
	pptp_conn_idle(c, now);
}

void
pptp_call_all_down(struct pptp_conn *c, enum cause cause, struct mono now)
{
	struct pptp_call *call;
	while ((call = LIST_FIRST(&c->calls)))
		call_down(call, cause, now);
}

static void
on_call_timer(struct timer *t, struct mono now)
{
	struct pptp_call *call = (struct pptp_call *)(void *)((char *)t - offsetof(struct pptp_call, timer));
	if (call->state != PPTP_CALL_WAIT_DISCONNECT)
		pptp_conn_send(call->conn, &(struct pptp_msg){.type = call->ours ? PPTP_CCRQ : PPTP_CDN,
							      .call_id = call->our_id,
							      .result = call->ours ? 0 : CALL_ERROR});
	call_down(call, CAUSE_TUNNEL_TIMEOUT, now);
}

/* --- the bearer -------------------------------------------------------------------------------------------------- */

static void
bearer_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now)
{
	struct pptp_call *call = (struct pptp_call *)(void *)b;
	if (call->state == PPTP_CALL_ESTABLISHED)
		call->conn->pptp->ops->frame(call->conn->pptp->owner, call, frame, len, now);
}

/* Who was asked for the call notifies its end; who has asked for it asks for that, too (RFC 2637 3.2). */
static void
bearer_close(struct bearer *b, enum cause cause, struct mono now)
{
	struct pptp_call *call = (struct pptp_call *)(void *)b;
	struct pptp_conn *c = call->conn;
	if (call->state == PPTP_CALL_WAIT_DISCONNECT)
		return;
	bool asks = call->ours && !call->incoming;
	call->user = NULL;
	call_set(call, PPTP_CALL_WAIT_DISCONNECT);
	if (c->state == PPTP_ESTABLISHED)
		pptp_conn_send(c, &(struct pptp_msg){.type = asks ? PPTP_CCRQ : PPTP_CDN,
						     .call_id = call->our_id,
						     .result = asks ? 0 : (uint8_t)cause_row(cause)->pptp_result,
						     .error = asks ? 0 : (uint8_t)cause_row(cause)->l2tp_error});
	/* From inside call_up or call_down the record is still in use: the timer frees it. */
	timer_set(c->pptp->timers, &call->timer, asks ? mono_add_s(now, c->pptp->config.timeout_s) : now);
}

static void
bearer_describe(const struct bearer *b, struct bearer_info *out)
{
	const struct pptp_call *call = (const struct pptp_call *)(const void *)b;
	const struct pptp_info *i = &call->conn->info;
	*out = (struct bearer_info){
		.type = "pptp",
		.peer = i->peer,
		.local = i->local,
		.peer_port = i->peer_port,
		.local_port = i->local_port,
		.calling = call->calling,
		.called = call->called,
	};
}

static unsigned
bearer_overhead(const struct bearer *b)
{
	(void)b;
	return GRE_OVERHEAD;
}
