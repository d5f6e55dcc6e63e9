#include "l2tp/tunnel.h"

#include <stdio.h>
#include <stdlib.h>

#include "l2tp/call.h"

static void state_set(struct tunnel *t, enum l2tp_tunnel_state state, struct mono now);
static void send_sccrq(struct tunnel *t, struct mono now);
static void send_sccrp(struct tunnel *t, struct mono now);
static void send_scccn(struct tunnel *t, struct mono now);
static void send_stopccn(struct tunnel *t, enum cause cause, struct mono now);
static void opened(struct tunnel *t, struct mono now);
static void clean_up(struct tunnel *t, enum tunnel_event event, enum cause cause, struct mono now);
static void timer_fire(struct timer *timer, struct mono now);
static void hello_fire(struct timer *timer, struct mono now);
static void window_transmit(struct window *w, const uint8_t *bytes, size_t len, struct mono now);
static void window_dead(struct window *w, struct mono now);

static const struct window_ops window_ops = {
	.transmit = window_transmit,
	.deliver = l2tp_tunnel_deliver,
	.dead = window_dead,
};

static struct window_params
window_params(const struct l2tp_config *config)
{
	return (struct window_params){config->rtimeout_ms, config->rtimeout_cap_ms, config->retransmit,
				      (uint16_t)config->recv_window};
}

struct tunnel *
l2tp_tunnel_new(struct l2tp *l2tp, const struct l2tp_path *path, const char *secret, struct mono now)
{
	struct window_params params = window_params(&l2tp->config);
	struct tunnel *t = calloc(1, sizeof *t);
	uint16_t tid = t ? l2tp_tid_alloc(l2tp) : 0;
	if (!tid) {
		free(t);
		return NULL;
	}
	t->l2tp = l2tp;
	t->pub.path = *path;
	t->pub.our_tid = tid;
	t->pub.changed = t->heard = now;
	t->timer.fire = timer_fire;
	t->hello.fire = hello_fire;
	t->window.stats = l2tp->stats;
	t->window.held = &l2tp->held;
	snprintf(t->secret, sizeof t->secret, "%s", secret);
	l2tp_random(l2tp, t->challenge, sizeof t->challenge);
	l2tp_window_init(&t->window, &window_ops, l2tp->timers, &params);
	l2tp->tunnels[tid] = t;
	l2tp->n_tunnels++;
	LIST_INSERT_HEAD(l2tp_by_path(l2tp, path), t, by_path);
	return t;
}

void
l2tp_tunnel_free(struct tunnel *t)
{
	struct l2tp *l2tp = t->l2tp;
	struct call *c;
	while ((c = LIST_FIRST(&t->starting)) || (c = LIST_FIRST(&t->running)))
		l2tp_call_free(c);
	state_set(t, L2TP_IDLE, t->pub.changed);
	timer_stop(&t->timer);
	timer_stop(&t->hello);
	l2tp_window_fini(&t->window);
	LIST_REMOVE(t, by_path);
	l2tp->tunnels[t->pub.our_tid] = NULL;
	l2tp->n_tunnels--;
	l2tp_tid_release(l2tp, t->pub.our_tid);
	free(t);
}

void
l2tp_tunnel_step(struct tunnel *t, enum tunnel_event event, enum cause cause, struct mono now)
{
	struct tunnel_cell cell = l2tp_tunnel_cell(t->pub.state, event);
	if (cell.action == TUNNEL_DO_NOTHING)
		return;
	bool was_open = t->pub.state == L2TP_ESTABLISHED;
	state_set(t, cell.next, now);
	switch (cell.action) {
	case TUNNEL_DO_NOTHING:
		break;
	case TUNNEL_DO_SCCRQ:
		send_sccrq(t, now);
		break;
	case TUNNEL_DO_SCCRP:
		send_sccrp(t, now);
		break;
	case TUNNEL_DO_SCCCN_OPEN:
		send_scccn(t, now);
		opened(t, now);
		break;
	case TUNNEL_DO_OPEN:
		opened(t, now);
		break;
	case TUNNEL_DO_ORDER:
		t->l2tp->stats[L2TP_STAT_MSG_STATE]++;
		/* fallthrough */
	case TUNNEL_DO_STOPCCN:
		send_stopccn(t, cause, now);
		/* fallthrough */
	case TUNNEL_DO_CLEAN:
		t->l2tp->stats[was_open ? L2TP_STAT_TUNNELS_CLOSED : L2TP_STAT_TUNNELS_FAILED]++;
		clean_up(t, event, cause, now);
		break;
	}
}

/* The lists and the timer follow the state: set-up time while it waits for the peer, none when it is open (idle time is
 * l2tp_tunnel_idle's), a retransmission cycle when it closes (RFC 2661 5.7). */
static void
state_set(struct tunnel *t, enum l2tp_tunnel_state state, struct mono now)
{
	struct l2tp *l2tp = t->l2tp;
	if (t->pub.state == L2TP_WAIT_CTL_CONN) {
		TAILQ_REMOVE(&l2tp->half_open, t, by_age);
		LIST_REMOVE(t, dialling);
		l2tp->n_half_open--;
	} else if (t->pub.state == L2TP_CLOSING) {
		TAILQ_REMOVE(&l2tp->closing, t, by_age);
	} else if (t->pub.state == L2TP_WAIT_CTL_REPLY) {
		TAILQ_REMOVE(&l2tp->asking, t, by_age);
	}
	t->pub.state = state;
	t->pub.changed = now;
	timer_stop(&t->timer);
	if (t->shared)
		share_give(&l2tp->share, &t->pub.path.peer);
	t->shared = state == L2TP_ESTABLISHED && share_take(&l2tp->share, &t->pub.path.peer);
	switch (state) {
	case L2TP_WAIT_CTL_CONN:
		TAILQ_INSERT_TAIL(&l2tp->half_open, t, by_age);
		LIST_INSERT_HEAD(l2tp_dialling(l2tp, &t->pub.path, t->pub.peer_tid), t, dialling);
		l2tp->n_half_open++;
		timer_set(l2tp->timers, &t->timer, mono_add_s(now, l2tp->config.timeout_s));
		break;
	case L2TP_WAIT_CTL_REPLY:
		TAILQ_INSERT_TAIL(&l2tp->asking, t, by_age);
		timer_set(l2tp->timers, &t->timer, mono_add_s(now, l2tp->config.timeout_s));
		break;
	case L2TP_CLOSING:
		TAILQ_INSERT_TAIL(&l2tp->closing, t, by_age);
		timer_stop(&t->hello);
		timer_set(l2tp->timers, &t->timer, mono_add_ms(now, l2tp_window_cycle_ms(&t->window.params)));
		break;
	default:
		break;
	}
}

/* A tunnel that still has something to tell, such as the CDNs of its last calls, is not idle. */
static void
timer_fire(struct timer *timer, struct mono now)
{
	struct tunnel *t = (struct tunnel *)(void *)((char *)timer - offsetof(struct tunnel, timer));
	if (t->pub.state == L2TP_CLOSING)
		l2tp_tunnel_free(t);
	else if (t->pub.state != L2TP_ESTABLISHED)
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, CAUSE_SET_UP_TIMEOUT, now);
	else if (t->window.queued)
		l2tp_tunnel_idle(t, now);
	else
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, CAUSE_TUNNEL_IDLE, now);
}

void
l2tp_tunnel_idle(struct tunnel *t, struct mono now)
{
	if (t->pub.state == L2TP_ESTABLISHED && t->l2tp->config.idle_tunnel_s != L2TP_NEVER)
		timer_set(t->l2tp->timers, &t->timer, mono_add_s(now, t->l2tp->config.idle_tunnel_s));
}

/* RFC 2661 5.5: a Hello after silence.  The timer is lazy: it looks when the peer was heard last.  While a message
 * waits for its acknowledgement, that is probe enough. */
static void
hello_fire(struct timer *timer, struct mono now)
{
	struct tunnel *t = (struct tunnel *)(void *)((char *)timer - offsetof(struct tunnel, hello));
	if (t->l2tp->config.hello_s == L2TP_NEVER)
		return;
	struct mono due = mono_add_s(t->heard, t->l2tp->config.hello_s);
	if (mono_reached(now, due)) {
		due = mono_add_s(now, t->l2tp->config.hello_s);
		if (!t->window.queued) {
			struct build b;
			l2tp_tunnel_begin(t, &b, 0, L2TP_MSG_HELLO);
			l2tp_tunnel_send(t, &b, now);
		}
	}
	timer_set(t->l2tp->timers, &t->hello, due);
}

void
l2tp_tunnel_begin(struct tunnel *t, struct build *b, uint16_t peer_sid, enum l2tp_type type)
{
	uint8_t vector[BUILD_VECTOR_LEN];
	/* Before the peer has shown that it knows the secret, it may be unable to read what is hidden: it may choose the
	 * secret by our Host Name, and xl2tpd looks for it when it is challenged. */
	bool too_early = type == L2TP_MSG_SCCRQ || type == L2TP_MSG_SCCRP;
	l2tp_build_start(b, t->pub.peer_tid, peer_sid, type);
	if (!t->l2tp->config.hide_avps || !t->secret[0] || too_early || type == L2TP_MSG_HELLO)
		return;
	l2tp_random(t->l2tp, vector, sizeof vector);
	l2tp_build_hide(b, t->secret, vector);
}

void
l2tp_tunnel_send(struct tunnel *t, struct build *b, struct mono now)
{
	size_t len = l2tp_build_end(b);
	l2tp_window_send(&t->window, b->bytes, len, false, now);
}

void
l2tp_tunnel_answer(struct tunnel *t, struct build *b, struct mono now)
{
	size_t len = l2tp_build_end(b);
	l2tp_window_send(&t->window, b->bytes, len, true, now);
}

/* What SCCRQ and SCCRP have in common, RFC 2661 6.1 and 6.2. */
static void
start_avps(struct tunnel *t, struct build *b)
{
	l2tp_avp_u16(b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_u32(b, AVP_FRAMING_CAPS, L2TP_FRAMING_SYNC | L2TP_FRAMING_ASYNC);
	l2tp_avp_u32(b, AVP_BEARER_CAPS, 0);
	l2tp_avp_text(b, AVP_HOST_NAME, t->l2tp->host_name);
	l2tp_avp_text(b, AVP_VENDOR_NAME, "Millrace");
	l2tp_avp_u16(b, AVP_ASSIGNED_TUNNEL_ID, t->pub.our_tid);
	l2tp_avp_u16(b, AVP_RECEIVE_WINDOW, t->window.params.recv_window);
	if (t->secret[0])
		l2tp_avp_bytes(b, AVP_CHALLENGE, t->challenge, sizeof t->challenge);
}

static void
send_sccrq(struct tunnel *t, struct mono now)
{
	struct build b;
	l2tp_tunnel_begin(t, &b, 0, L2TP_MSG_SCCRQ);
	start_avps(t, &b);
	if (t->tie_breaker)
		l2tp_avp_u64(&b, AVP_TIE_BREAKER, t->tie_breaker);
	l2tp_tunnel_send(t, &b, now);
}

static void
send_sccrp(struct tunnel *t, struct mono now)
{
	struct build b;
	l2tp_tunnel_begin(t, &b, 0, L2TP_MSG_SCCRP);
	start_avps(t, &b);
	if (t->must_respond)
		l2tp_avp_bytes(&b, AVP_CHALLENGE_RESPONSE, t->response, sizeof t->response);
	l2tp_tunnel_send(t, &b, now);
}

static void
send_scccn(struct tunnel *t, struct mono now)
{
	struct build b;
	l2tp_tunnel_begin(t, &b, 0, L2TP_MSG_SCCCN);
	if (t->must_respond)
		l2tp_avp_bytes(&b, AVP_CHALLENGE_RESPONSE, t->response, sizeof t->response);
	l2tp_tunnel_send(t, &b, now);
}

/* CDNs still waiting behind the window need not go first: StopCCN ends all calls (RFC 2661 5.7). */
static void
send_stopccn(struct tunnel *t, enum cause cause, struct mono now)
{
	struct build b;
	l2tp_window_trim(&t->window);
	l2tp_tunnel_begin(t, &b, 0, L2TP_MSG_STOPCCN);
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, t->pub.our_tid);
	l2tp_avp_result_of(&b, L2TP_MSG_STOPCCN, cause, t->offence);
	l2tp_tunnel_send(t, &b, now);
}

static void
opened(struct tunnel *t, struct mono now)
{
	struct l2tp *l2tp = t->l2tp;
	struct call *c, *next;
	l2tp->stats[L2TP_STAT_TUNNELS_OPENED]++;
	if (l2tp->config.hello_s != L2TP_NEVER)
		timer_set(l2tp->timers, &t->hello, mono_add_s(now, l2tp->config.hello_s));
	if (!t->pub.calls)
		l2tp_tunnel_idle(t, now);
	for (c = LIST_FIRST(&t->starting); c; c = next) {
		next = LIST_NEXT(c, link);
		l2tp_call_step(c, CALL_EV_TUNNEL_OPEN, CAUSE_NONE, now);
	}
	l2tp->ops->tunnel_set(l2tp->owner, &t->pub, now);
}

/* A dead peer will not retransmit anything that we must still acknowledge; one that has sent StopCCN will, but takes
 * nothing more. */
static void
clean_up(struct tunnel *t, enum tunnel_event event, enum cause cause, struct mono now)
{
	struct l2tp *l2tp = t->l2tp;
	struct call *c;
	if (event == TUNNEL_EV_DEAD)
		timer_set(l2tp->timers, &t->timer, now);
	if (event == TUNNEL_EV_STOPCCN)
		l2tp_window_mute(&t->window);
	if (cause == CAUSE_TUNNEL_AUTH)
		l2tp->stats[L2TP_STAT_TUNNELS_AUTH]++;
	while ((c = LIST_FIRST(&t->starting)) || (c = LIST_FIRST(&t->running)))
		l2tp_call_step(c, CALL_EV_TUNNEL_DOWN, cause, now);
	if (t->known)
		l2tp->ops->tunnel_down(l2tp->owner, &t->pub, cause, now);
	t->known = false;
}

void
l2tp_tunnel_move(struct tunnel *t, uint16_t peer_port, struct mono now)
{
	struct l2tp *l2tp = t->l2tp;
	struct call *c, *next;
	LIST_REMOVE(t, by_path);
	t->pub.path.peer_port = peer_port;
	LIST_INSERT_HEAD(l2tp_by_path(l2tp, &t->pub.path), t, by_path);
	l2tp->stats[L2TP_STAT_RX_MOVED]++;
	l2tp->ops->tunnel_set(l2tp->owner, &t->pub, now);
	for (c = LIST_FIRST(&t->running); c && l2tp->ops->call_moved; c = next) {
		next = LIST_NEXT(c, link);
		l2tp->ops->call_moved(l2tp->owner, &c->pub, now);
	}
}

void
l2tp_tunnel_discard(struct tunnel *t, enum cause cause, struct mono now)
{
	l2tp_window_mute(&t->window);
	l2tp_tunnel_step(t, TUNNEL_EV_DEAD, cause, now);
}

void
l2tp_tunnel_peer(struct tunnel *t, const struct l2tp_msg *m)
{
	t->pub.peer_tid = m->tid;
	l2tp_span_copy(&m->host_name, t->pub.peer_name, sizeof t->pub.peer_name);
	l2tp_span_copy(&m->vendor_name, t->pub.peer_vendor, sizeof t->pub.peer_vendor);
	l2tp_window_set_peer_rws(&t->window, m->rws);
}

bool
l2tp_tunnel_challenged(struct tunnel *t, const struct l2tp_msg *m, enum l2tp_type carrier)
{
	if (!l2tp_msg_has(m, AVP_CHALLENGE))
		return true;
	t->must_respond = t->secret[0] && !l2tp_auth_response(carrier, t->secret, &m->challenge, t->response);
	return t->must_respond;
}

bool
l2tp_tunnel_response_ok(const struct tunnel *t, const struct l2tp_msg *m)
{
	return !t->secret[0] || (l2tp_msg_has(m, AVP_CHALLENGE_RESPONSE) &&
				 l2tp_auth_verify(m->type, t->secret, t->challenge, &m->response));
}

static void
window_transmit(struct window *w, const uint8_t *bytes, size_t len, struct mono now)
{
	struct tunnel *t = tunnel_of(w);
	uint8_t zlb[L2TP_CTL_HDR];
	(void)now;
	if (!bytes) {
		l2tp_build_zlb(zlb, t->pub.peer_tid, w->max, w->rcv_nxt);
		bytes = zlb;
		len = sizeof zlb;
	}
	l2tp_transmit(t->l2tp, t, &t->pub.path, bytes, len);
}

static void
window_dead(struct window *w, struct mono now)
{
	struct tunnel *t = tunnel_of(w);
	if (t->pub.state == L2TP_CLOSING) {
		timer_set(t->l2tp->timers, &t->timer, now);
		return;
	}
	t->l2tp->stats[L2TP_STAT_TUNNELS_TIMEOUT]++;
	l2tp_tunnel_step(t, TUNNEL_EV_DEAD, CAUSE_TUNNEL_TIMEOUT, now);
}
