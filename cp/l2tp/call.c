#include "l2tp/call.h"

#include <stdio.h>
#include <stdlib.h>

static void state_set(struct call *c, enum l2tp_call_state state, struct mono now);
static void send_icrq(struct call *c, struct mono now);
static void send_icrp(struct call *c, struct mono now);
static void send_iccn(struct call *c, struct mono now);
static void send_cdn(struct call *c, enum cause cause, struct mono now);
static void build_cdn(struct build *b, struct tunnel *t, uint16_t peer_sid, uint16_t our_sid, enum cause cause);
static void up(struct call *c, struct mono now);
static void end(struct call *c, enum cause cause, struct mono now);
static void timer_fire(struct timer *timer, struct mono now);
static void bearer_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now);
static void bearer_close(struct bearer *b, enum cause cause, struct mono now);
static void bearer_describe(const struct bearer *b, struct bearer_info *out);
static unsigned bearer_overhead(const struct bearer *b);

static const struct bearer_ops bearer_ops = {
	.send = bearer_send,
	.close = bearer_close,
	.describe = bearer_describe,
	.overhead = bearer_overhead,
};

/* In IDLE, without a sid: not yet in any list. */
static struct call *
call_new(struct tunnel *t, bool lac)
{
	struct call *c = calloc(1, sizeof *c);
	if (!c) {
		t->l2tp->stats[L2TP_STAT_NO_MEMORY]++;
		return NULL;
	}
	c->pub.bearer.ops = &bearer_ops;
	c->pub.tunnel = &t->pub;
	c->pub.lac = lac;
	c->timer.fire = timer_fire;
	return c;
}

/* Number or, where the LAC gave none, address.  Returns whether it is a number. */
static bool
name_set(char *out, const char *number, const struct addr *addr)
{
	bool given = number && number[0];
	if (given)
		snprintf(out, L2TP_NAME_MAX + 1, "%s", number);
	else
		addr_str(addr, out);
	return given;
}

/* Into the table and the tunnel's list.  False: no memory, or the sid is taken or 0. */
static bool
call_add(struct tunnel *t, struct call *c, uint16_t sid)
{
	c->pub.our_sid = sid;
	if (!sid || l2tp_calls_find(t->l2tp, t->pub.our_tid, sid) || !l2tp_calls_add(t->l2tp, c))
		return false;
	LIST_INSERT_HEAD(&t->starting, c, link);
	t->l2tp->n_starting++;
	t->pub.calls++;
	if (t->pub.state == L2TP_ESTABLISHED)
		timer_stop(&t->timer);
	return true;
}

/* Leaves the tunnel and the table, whatever its state. */
static void
call_remove(struct call *c)
{
	struct tunnel *t = call_tunnel(c);
	LIST_REMOVE(c, link);
	if (c->pub.state != L2TP_CALL_ESTABLISHED)
		t->l2tp->n_starting--;
	t->pub.calls--;
	l2tp_calls_remove(t->l2tp, c);
	timer_stop(&c->timer);
}

void
l2tp_call_free(struct call *c)
{
	call_remove(c);
	free(c->pub.proxy);
	free(c);
}

void
l2tp_call_request(struct tunnel *t, const struct l2tp_msg *m, struct mono now)
{
	struct l2tp *l2tp = t->l2tp;
	struct call *c = l2tp->n_starting < l2tp->config.max_starting ? call_new(t, false) : NULL;
	if (!c) {
		l2tp_call_refuse(t, m->sid, CAUSE_NO_RESOURCES, now);
		return;
	}
	char number[L2TP_NAME_MAX + 1];
	l2tp_span_copy(&m->calling, number, sizeof number);
	name_set(c->pub.calling, number, &t->pub.path.peer);
	l2tp_span_copy(&m->called, number, sizeof number);
	name_set(c->pub.called, number, &t->pub.path.local);
	c->pub.peer_sid = m->sid;
	c->pub.serial = m->serial;
	uint16_t sid = 0;
	enum cause refusal = l2tp->ops->call_new(l2tp->owner, &c->pub, &sid);
	if (!refusal && !call_add(t, c, sid)) {
		/* The owner has its slot taken already, and must hear of the end. */
		refusal = CAUSE_NO_RESOURCES;
		l2tp->ops->call_down(l2tp->owner, &c->pub, refusal, now);
	}
	if (refusal) {
		free(c);
		l2tp_call_refuse(t, m->sid, refusal, now);
		return;
	}
	l2tp_call_step(c, CALL_EV_ICRQ, CAUSE_NONE, now);
}

struct l2tp_call *
l2tp_call_open(struct l2tp_tunnel *tunnel, const struct l2tp_call_open *open, struct mono now)
{
	struct tunnel *t = (struct tunnel *)tunnel;
	bool room = t->pub.state != L2TP_CLOSING && t->l2tp->n_starting < t->l2tp->config.max_starting;
	struct call *c = room ? call_new(t, true) : NULL;
	if (!c)
		return NULL;
	c->pub.user = open->user;
	c->pub.tx_bps = c->pub.rx_bps = open->tx_bps;
	c->pub.serial = ++t->next_serial;
	if (!call_add(t, c, open->sid)) {
		free(c);
		return NULL;
	}
	c->has_calling = name_set(c->pub.calling, open->calling, &t->pub.path.local);
	c->has_called = name_set(c->pub.called, open->called, &t->pub.path.peer);
	l2tp_call_sequencing(c, false);
	l2tp_call_step(c, CALL_EV_OPEN, CAUSE_NONE, now);
	if (t->pub.state == L2TP_ESTABLISHED)
		l2tp_call_step(c, CALL_EV_TUNNEL_OPEN, CAUSE_NONE, now);
	return &c->pub;
}

static void
lcp_options_set(struct l2tp_lcp_options *out, const struct span *s)
{
	out->len = (uint8_t)(s->len < sizeof out->bytes ? s->len : sizeof out->bytes);
	if (out->len)
		memcpy(out->bytes, s->p, out->len);
}

void
l2tp_call_proxy(struct call *c, const struct l2tp_msg *m)
{
	const uint64_t all = HAS(INITIAL_LCP_CONFREQ) | HAS(LAST_SENT_LCP_CONFREQ) | HAS(LAST_LCP_CONFREQ) |
			     HAS(PROXY_AUTHEN_TYPE) | HAS(PROXY_AUTHEN_NAME);
	struct l2tp_proxy *p = m->has & all && !c->pub.proxy ? calloc(1, sizeof *p) : NULL;
	if (!p)
		return; /* for want of memory there is less to show, no more */
	lcp_options_set(&p->lcp_initial, &m->lcp_initial);
	lcp_options_set(&p->lcp_sent, &m->lcp_sent);
	lcp_options_set(&p->lcp_received, &m->lcp_received);
	p->authen_type = m->authen_type;
	p->authen_id = (uint8_t)m->authen_id;
	l2tp_span_copy(&m->authen_name, p->authen_name, sizeof p->authen_name);
	c->pub.proxy = p;
}

bool
l2tp_call_sequencing(struct call *c, bool required)
{
	enum l2tp_dataseq dataseq = call_tunnel(c)->l2tp->config.dataseq;
	c->pub.seq_send = required || dataseq == L2TP_DATASEQ_PREFER || dataseq == L2TP_DATASEQ_REQUIRE;
	c->pub.seq_require = dataseq == L2TP_DATASEQ_REQUIRE;
	return !(required && dataseq == L2TP_DATASEQ_DENY);
}

void
l2tp_call_refuse(struct tunnel *t, uint16_t peer_sid, enum cause cause, struct mono now)
{
	struct build b;
	t->l2tp->stats[L2TP_STAT_CALLS_REFUSED]++;
	l2tp_refused(t->l2tp, t, &t->pub.path, cause, t->offence);
	build_cdn(&b, t, peer_sid, 0, cause);
	l2tp_tunnel_answer(t, &b, now);
}

void
l2tp_call_step(struct call *c, enum call_event event, enum cause cause, struct mono now)
{
	struct call_cell cell = l2tp_call_cell(c->pub.lac, c->pub.state, event);
	if (cell.next == c->pub.state)
		return;
	if (cell.next != L2TP_CALL_IDLE)
		state_set(c, cell.next, now);
	switch (cell.action) {
	case CALL_DO_NOTHING:
		break;
	case CALL_DO_ICRQ:
		send_icrq(c, now);
		break;
	case CALL_DO_ICRP:
		send_icrp(c, now);
		break;
	case CALL_DO_ICCN_UP:
		send_iccn(c, now);
		up(c, now);
		break;
	case CALL_DO_UP:
		up(c, now);
		break;
	case CALL_DO_ORDER:
		call_tunnel(c)->l2tp->stats[L2TP_STAT_MSG_STATE]++;
		/* fallthrough */
	case CALL_DO_CDN:
		send_cdn(c, cause, now);
		/* fallthrough */
	case CALL_DO_CLEAN:
		end(c, cause, now);
		break;
	}
}

/* A state of set-up has the set-up time (a call that waits for its tunnel ends with that); an established call moves to
 * the other list.  IDLE is end's. */
static void
state_set(struct call *c, enum l2tp_call_state state, struct mono now)
{
	struct tunnel *t = call_tunnel(c);
	c->pub.state = state;
	if (state == L2TP_CALL_ESTABLISHED) {
		timer_stop(&c->timer);
		LIST_REMOVE(c, link);
		LIST_INSERT_HEAD(&t->running, c, link);
		t->l2tp->n_starting--;
	} else if (state != L2TP_CALL_WAIT_TUNNEL) {
		timer_set(t->l2tp->timers, &c->timer, mono_add_s(now, t->l2tp->config.timeout_s));
	}
}

static void
timer_fire(struct timer *timer, struct mono now)
{
	struct call *c = (struct call *)(void *)((char *)timer - offsetof(struct call, timer));
	l2tp_call_step(c, CALL_EV_CLOSE, CAUSE_SET_UP_TIMEOUT, now);
}

static void
send_icrq(struct call *c, struct mono now)
{
	struct build b;
	l2tp_tunnel_begin(call_tunnel(c), &b, 0, L2TP_MSG_ICRQ);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, c->pub.our_sid);
	l2tp_avp_u32(&b, AVP_CALL_SERIAL_NUMBER, c->pub.serial);
	l2tp_avp_u32(&b, AVP_BEARER_TYPE, 0);
	if (c->has_called)
		l2tp_avp_text(&b, AVP_CALLED_NUMBER, c->pub.called);
	if (c->has_calling)
		l2tp_avp_text(&b, AVP_CALLING_NUMBER, c->pub.calling);
	l2tp_tunnel_send(call_tunnel(c), &b, now);
}

static void
send_icrp(struct call *c, struct mono now)
{
	struct build b;
	l2tp_tunnel_begin(call_tunnel(c), &b, c->pub.peer_sid, L2TP_MSG_ICRP);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, c->pub.our_sid);
	l2tp_tunnel_send(call_tunnel(c), &b, now);
}

static void
send_iccn(struct call *c, struct mono now)
{
	struct build b;
	l2tp_tunnel_begin(call_tunnel(c), &b, c->pub.peer_sid, L2TP_MSG_ICCN);
	l2tp_avp_u32(&b, AVP_TX_CONNECT_SPEED, c->pub.tx_bps);
	l2tp_avp_u32(&b, AVP_FRAMING_TYPE, L2TP_FRAMING_SYNC);
	if (c->pub.seq_require)
		l2tp_avp_bytes(&b, AVP_SEQUENCING_REQUIRED, NULL, 0);
	l2tp_tunnel_send(call_tunnel(c), &b, now);
}

/* Only an end that the owner asked for is not the peer's doing. */
static void
send_cdn(struct call *c, enum cause cause, struct mono now)
{
	struct build b;
	build_cdn(&b, call_tunnel(c), c->pub.peer_sid, c->pub.our_sid, cause);
	if (c->owner_closed)
		l2tp_tunnel_send(call_tunnel(c), &b, now);
	else
		l2tp_tunnel_answer(call_tunnel(c), &b, now);
}

/* RFC 2661 6.12.  Our sid tells a peer which has no ICRP yet, and so sees session id 0 in the header, which call. */
static void
build_cdn(struct build *b, struct tunnel *t, uint16_t peer_sid, uint16_t our_sid, enum cause cause)
{
	l2tp_tunnel_begin(t, b, peer_sid, L2TP_MSG_CDN);
	l2tp_avp_result_of(b, L2TP_MSG_CDN, cause, t->offence);
	l2tp_avp_u16(b, AVP_ASSIGNED_SESSION_ID, our_sid);
}

/* The owner may close the call from within the upcall: nothing comes after it. */
static void
up(struct call *c, struct mono now)
{
	struct l2tp *l2tp = call_tunnel(c)->l2tp;
	l2tp->stats[L2TP_STAT_CALLS_OPENED]++;
	l2tp->ops->call_up(l2tp->owner, &c->pub, now);
}

static void
end(struct call *c, enum cause cause, struct mono now)
{
	struct tunnel *t = call_tunnel(c);
	struct l2tp *l2tp = t->l2tp;
	bool was_up = c->pub.state == L2TP_CALL_ESTABLISHED;
	l2tp->stats[was_up ? L2TP_STAT_CALLS_CLOSED : L2TP_STAT_CALLS_FAILED]++;
	call_remove(c);
	c->pub.state = L2TP_CALL_IDLE;
	if (!t->pub.calls)
		l2tp_tunnel_idle(t, now);
	if (!c->owner_closed)
		l2tp->ops->call_down(l2tp->owner, &c->pub, cause, now);
	free(c->pub.proxy);
	free(c);
}

static void
bearer_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now)
{
	struct call *c = (struct call *)b;
	struct l2tp *l2tp = call_tunnel(c)->l2tp;
	l2tp->ops->frame(l2tp->owner, &c->pub, frame, len, now);
}

static void
bearer_close(struct bearer *b, enum cause cause, struct mono now)
{
	struct call *c = (struct call *)b;
	c->owner_closed = true;
	l2tp_call_step(c, CALL_EV_CLOSE, cause, now);
}

static void
bearer_describe(const struct bearer *b, struct bearer_info *out)
{
	const struct l2tp_call *c = (const struct l2tp_call *)b;
	const struct l2tp_path *path = &c->tunnel->path;
	*out = (struct bearer_info){
		.type = "l2tp",
		.peer = path->peer,
		.local = path->local,
		.peer_port = path->peer_port,
		.local_port = path->local_port,
		.calling = c->calling,
		.called = c->called,
	};
}

/* Outer IP and UDP headers, L2TP with the length field, address, control and protocol of PPP. */
static unsigned
bearer_overhead(const struct bearer *b)
{
	const struct l2tp_call *c = (const struct l2tp_call *)b;
	return (addr_is_v4(&c->tunnel->path.peer) ? 20 : 40) + 8 + L2TP_HEADER_MAX + 4;
}
