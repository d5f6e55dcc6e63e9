/* Deadlines.  One node in the wheel for each connection, at the first of them; a deadline that moves on leaves the node
 * where it is, and one that comes nearer moves it. */
#include "conn.h"

static void expire(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static void retransmission(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static void persist(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static void keepalive(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static bool stalled(const struct tcp *t, const struct tcp_conn *c) ON_LCORE;

static uint32_t
sooner(uint32_t a, uint32_t b)
{
	return !a ? b : !b ? a : seq_min(a, b);
}

static uint32_t
never_0(uint32_t due)
{
	return due ? due : 1;
}

static uint32_t
stall_due(const struct tcp_conn *c)
{
	return c->stall_ms ? never_0(c->stall_ms + c->user_timeout_ms) : 0;
}

/* life_due: of FIN-WAIT-2 without a reader, which began at sent_ms: nothing is sent in it. */
static uint32_t
life_due(const struct tcp_conn *c)
{
	return c->state == TCP_FIN_WAIT_2 && c->flags & CONN_USER_CLOSED ? never_0(c->sent_ms + TCP_FIN_WAIT_2_MS) : 0;
}

/* keep_due: RFC 9293 3.8.4: so long after the peer was heard, and after each probe that it has not answered. */
static uint32_t
keep_due(const struct tcp *t, const struct tcp_conn *c)
{
	if (!t->start.keepalive_ms || c->state < TCP_ESTABLISHED)
		return 0;
	return never_0(c->heard_ms + t->start.keepalive_ms + c->keep_probes * TCP_KEEP_PROBE_MS);
}

/* due_of: the first of all deadlines; 0: none. */
static uint32_t
due_of(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t due = sooner(sooner(c->rtx_ms, c->ack_ms), sooner(keep_due(t, c), life_due(c)));
	return sooner(due, stall_due(c));
}

void
tcp_timer_update(struct tcp *t, struct tcp_conn *c)
{
	uint32_t due = due_of(t, c);
	if (!due || c->state == TCP_CLOSED)
		return;
	struct mono at = tcp_timer_at(t, due);
	if (!wheel_pending(&c->timer) || at.us < c->timer.due.us)
		wheel_add(&t->wheel, &c->timer, at);
}

void
tcp_timers(struct tcp *t, unsigned quota)
{
	struct wheel_node *n;
	unsigned left = quota;
	while ((n = wheel_pop(&t->wheel, t->now, &left))) {
		struct tcp_conn *c = (struct tcp_conn *)((uint8_t *)n - offsetof(struct tcp_conn, timer));
		expire(t, c);
		tcp_timer_update(t, c);
	}
	left = quota;
	while ((n = wheel_pop(&t->pace, t->now, &left))) {
		struct tcp_ext *x = (struct tcp_ext *)((uint8_t *)n - offsetof(struct tcp_ext, pace));
		struct tcp_conn *c = &t->conns[x->owner];
		c->flags &= ~(uint32_t)CONN_PACED;
		tcp_send_poke(t, c);
	}
	tcp_ext_timers(t, quota);
	tcp_syn_timers(t, quota);
	tcp_tw_timers(t, quota);
}

static bool
passed(const struct tcp *t, uint32_t due)
{
	return due && seq_geq(t->ms, due);
}

/* expire: each deadline that has passed; the order is that of importance, and any may end the connection. */
static void
expire(struct tcp *t, struct tcp_conn *c)
{
	if (stalled(t, c)) {
		tcp_conn_reset(t, c, TCP_GONE_TIMEOUT);
		return;
	}
	if (passed(t, life_due(c))) {
		tcp_conn_gone(t, c, TCP_GONE_CLOSED);
		return;
	}
	if (passed(t, c->ack_ms))
		tcp_ack_now(t, c);
	if (passed(t, c->rtx_ms))
		retransmission(t, c);
	if (c->state != TCP_CLOSED && passed(t, keep_due(t, c)))
		keepalive(t, c);
}

/* stalled: RFC 9293 3.8.3: R2 is a time, not a count. */
static bool
stalled(const struct tcp *t, const struct tcp_conn *c)
{
	return passed(t, stall_due(c)) || tcp_ext_hogged(t, c);
}

static void
retransmission(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	enum tcp_rtx kind = c->rtx_kind;
	c->rtx_ms = 0;
	if (kind == RTX_PERSIST) {
		persist(t, c);
		return;
	}
	if (kind == RTX_RETRY || !x || c->snd_una == c->snd_nxt) {
		c->rtx_kind = RTX_RTO;
		tcp_send_poke(t, c);
		tcp_rtx_arm(t, c);
		return;
	}
	if (kind == RTX_RACK) {
		x->reo_ms = 0;
		if (tcp_rack_detect(t, c))
			tcp_recover_losses(t, c);
	} else if (kind == RTX_TLP) {
		c->flags |= CONN_TLP_NOW;
	} else {
		if (c->state == TCP_SYN_SENT && ++c->tries >= TCP_SYN_TRIES) {
			tcp_conn_gone(t, c, TCP_GONE_TIMEOUT);
			return;
		}
		tcp_black_hole(t, c);
		tcp_recover_rto(t, c);
		if (c->backoff < 255)
			c->backoff++;
	}
	tcp_rtx_arm(t, c);
	tcp_list_add(t, LIST_OUT, c);
}

/* persist: RFC 9293 3.8.6.1: for ever, as long as probes are acknowledged. */
static void
persist(struct tcp *t, struct tcp_conn *c)
{
	if (c->snd_end == c->snd_nxt && !(c->flags & CONN_WANTS))
		return;
	if (c->link[LIST_EXT] != LINK_OFF) { /* what it waits for is ours */
		tcp_rtx_arm(t, c);
		return;
	}
	if (tcp_send_window(t, c)) { /* less than a segment, for too long: RFC 1122 4.2.3.4 */
		c->flags |= CONN_SWS_OVERRIDE;
		tcp_send_poke(t, c);
	} else {
		tcp_count(t, TCP_STAT_PERSISTS);
		c->flags |= CONN_PROBE;
		if (!c->stall_ms)
			c->stall_ms = tcp_in_ms(t, 0);
	}
	if (c->backoff < 255)
		c->backoff++;
	tcp_list_add(t, LIST_OUT, c);
	tcp_rtx_arm(t, c);
}

static void
keepalive(struct tcp *t, struct tcp_conn *c)
{
	if (c->keep_probes >= TCP_KEEP_PROBES) {
		tcp_conn_reset(t, c, TCP_GONE_KEEPALIVE);
		return;
	}
	c->keep_probes++;
	if (c->snd_una == c->snd_nxt) {
		tcp_count(t, TCP_STAT_KEEPALIVES);
		c->flags |= CONN_PROBE;
		tcp_list_add(t, LIST_OUT, c);
	}
}
