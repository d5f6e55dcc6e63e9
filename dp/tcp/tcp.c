/* The instance: its memory, its listeners, what users set and ask. */
#include "conn.h"

#include <errno.h>
#include <string.h>

/* Where each array lies in the one piece of memory. */
struct layout {
	size_t tcp, conns, exts, segs, syns, tws, slots, wheel, pace, bytes;
	uint32_t n_slots;
};

static struct layout layout_of(const struct tcp_limits *l);
static void pools_init(struct tcp *t) INIT_ONLY;

static size_t
place(struct layout *y, size_t n, size_t size)
{
	size_t at = y->bytes;
	y->bytes = (at + n * size + 63) & ~(size_t)63;
	return at;
}

static struct layout
layout_of(const struct tcp_limits *l)
{
	struct layout y = {.n_slots = 64};
	while (y.n_slots < 2 * ((uint64_t)l->conns + l->half_open + l->time_waits))
		y.n_slots *= 2;
	y.tcp = place(&y, 1, sizeof(struct tcp));
	y.conns = place(&y, l->conns, sizeof(struct tcp_conn));
	y.exts = place(&y, l->active, sizeof(struct tcp_ext));
	y.segs = place(&y, l->segments, sizeof(struct tcp_seg));
	y.syns = place(&y, l->half_open, sizeof(struct tcp_syn));
	y.tws = place(&y, l->time_waits, sizeof(struct tcp_tw));
	y.slots = place(&y, y.n_slots, sizeof(struct tcp_slot));
	y.wheel = place(&y, TCP_WHEEL_SLOTS, sizeof(struct wheel_node *));
	y.pace = place(&y, TCP_PACE_SLOTS, sizeof(struct wheel_node *));
	return y;
}

size_t
tcp_bytes(const struct tcp_limits *l)
{
	return layout_of(l).bytes;
}

struct tcp *
tcp_init(void *memory, const struct tcp_start *s, struct mono now)
{
	struct layout y = layout_of(&s->limits);
	uint8_t *base = memory;
	struct tcp *t = memory;
	memset(t, 0, sizeof *t);
	t->start = *s;
	if (!t->start.user_timeout_ms)
		t->start.user_timeout_ms = 30000;
	memcpy(t->key_table, s->key, 16);
	memcpy(t->key_seq, s->key + 16, 16);
	t->conns = (void *)(base + y.conns);
	t->exts = (void *)(base + y.exts);
	t->segs = (void *)(base + y.segs);
	t->syns = (void *)(base + y.syns);
	t->tws = (void *)(base + y.tws);
	t->slots = (void *)(base + y.slots);
	t->slot_mask = y.n_slots - 1;
	t->wheel_slots = (void *)(base + y.wheel);
	t->pace_slots = (void *)(base + y.pace);
	t->max_mss_room = rte_pktmbuf_data_room_size(s->pool) - TCP_HEADROOM;
	wheel_init(&t->wheel, t->wheel_slots, TCP_WHEEL_SLOTS, TCP_WHEEL_TICK_US, now);
	wheel_init(&t->pace, t->pace_slots, TCP_PACE_SLOTS, TCP_PACE_TICK_US, now);
	t->now = now;
	t->ms = (uint32_t)(now.us / 1000);
	t->us = (uint32_t)now.us;
	pools_init(t);
	return t;
}

static void
pools_init(struct tcp *t)
{
	const struct tcp_limits *l = &t->start.limits;
	memset(t->conns, 0, l->conns * sizeof *t->conns);
	memset(t->syns, 0, l->half_open * sizeof *t->syns);
	memset(t->tws, 0, l->time_waits * sizeof *t->tws);
	for (uint32_t i = 0; i < l->conns; i++) {
		t->conns[i].generation = 1;
		t->conns[i].head = t->conns[i].ext = NONE;
		t->conns[i].nh = i + 1 < l->conns ? i + 1 : NONE;
		for (unsigned k = 0; k < LISTS; k++)
			t->conns[i].link[k] = LINK_OFF;
	}
	for (uint32_t i = 0; i < l->active; i++)
		t->exts[i] = (struct tcp_ext){.link.next = i + 1 < l->active ? i + 1 : NONE};
	for (uint32_t i = 0; i < l->segments; i++)
		t->segs[i].next = i + 1 < l->segments ? i + 1 : NONE;
	for (uint32_t i = 0; i < l->half_open; i++)
		t->syns[i].link.next = i + 1 < l->half_open ? i + 1 : NONE;
	for (uint32_t i = 0; i < l->time_waits; i++)
		t->tws[i].link.next = i + 1 < l->time_waits ? i + 1 : NONE;
	t->conn_free = l->conns ? 0 : NONE;
	t->ext_free = l->active ? 0 : NONE;
	t->seg_free = l->segments ? 0 : NONE;
	t->syn_free = l->half_open ? 0 : NONE;
	t->tw_free = l->time_waits ? 0 : NONE;
	for (uint32_t i = 0; i <= t->slot_mask; i++)
		t->slots[i].ref = NONE;
	for (unsigned i = 0; i < LISTS; i++)
		t->list[i] = (struct tcp_fifo){NONE, NONE};
	for (unsigned i = 0; i < TCP_SYNACK_TRIES; i++)
		t->syn_due[i] = (struct tcp_fifo){NONE, NONE};
	t->tw_due = (struct tcp_fifo){NONE, NONE};
	t->ext_idle = (struct tcp_fifo){NONE, NONE};
	t->none = (struct tcp_ext){.ooo = NONE};
}

void
tcp_fini(struct tcp *t)
{
	role_assume_lcore();
	for (uint32_t i = 0; i < t->start.limits.conns; i++)
		if (t->conns[i].state != TCP_CLOSED)
			tcp_conn_gone(t, &t->conns[i], TCP_GONE_ABORTED);
	for (unsigned i = 0; i < t->n_answers; i++)
		rte_pktmbuf_free(t->answers[i].m);
	t->n_answers = 0;
}

void
tcp_now(struct tcp *t, struct mono now)
{
	if (now.us < t->now.us)
		return;
	uint32_t before = t->ms;
	t->now = now;
	t->ms = (uint32_t)(now.us / 1000);
	t->us = (uint32_t)now.us;
	/* Admission at 90 %: a tenth is kept for control and acknowledgements.  Asked for once a millisecond: the answer is a
	 * sum over the caches of all cores. */
	if (t->ms != before)
		t->mbufs_low = rte_mempool_avail_count(t->start.pool) < t->start.pool->size / 10;
}

int
tcp_listen(struct tcp *t, const struct addr *addr, uint16_t port, uint64_t user)
{
	struct tcp_listener *place_for = NULL;
	for (unsigned i = 0; i < TCP_LISTENERS; i++) {
		struct tcp_listener *l = &t->listeners[i];
		if (l->on && l->port == port && addr_eq(&l->addr, addr))
			return -EEXIST;
		if (!l->on && !place_for)
			place_for = l;
	}
	if (!place_for)
		return -ENOSPC;
	*place_for = (struct tcp_listener){*addr, port, true, user};
	return 0;
}

int
tcp_unlisten(struct tcp *t, const struct addr *addr, uint16_t port)
{
	for (unsigned i = 0; i < TCP_LISTENERS; i++) {
		struct tcp_listener *l = &t->listeners[i];
		if (!l->on || l->port != port || !addr_eq(&l->addr, addr))
			continue;
		l->on = false;
		return 0;
	}
	return -ENOENT;
}

void
tcp_shutdown(struct tcp *t, uint64_t conn)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c || (c->flags & CONN_FIN_QUEUED))
		return;
	if (c->state == TCP_SYN_SENT) {
		tcp_conn_gone(t, c, TCP_GONE_ABORTED);
		return;
	}
	if (tcp_queue_flag(t, c, SEG_FIN) < 0) {
		tcp_conn_reset(t, c, TCP_GONE_ABORTED);
		return;
	}
	c->flags &= ~(uint32_t)CONN_WANTS;
	if (c->state == TCP_ESTABLISHED || c->state == TCP_SYN_RECEIVED)
		tcp_conn_set_state(t, c, TCP_FIN_WAIT_1);
	else if (c->state == TCP_CLOSE_WAIT)
		tcp_conn_set_state(t, c, TCP_LAST_ACK);
}

void
tcp_close(struct tcp *t, uint64_t conn)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c)
		return;
	/* RFC 9293 3.6.1 (RFC 2525 2.17): what was received and not read is lost, and the peer is told so. */
	if (c->unconsumed && c->state != TCP_SYN_SENT) {
		tcp_conn_reset(t, c, TCP_GONE_ABORTED);
		return;
	}
	c->flags |= CONN_USER_CLOSED;
	tcp_shutdown(t, conn);
	c = tcp_conn_find(t, conn);
	if (c)
		tcp_conn_set_state(t, c, c->state);
}

void
tcp_abort(struct tcp *t, uint64_t conn)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (c)
		tcp_conn_reset(t, c, TCP_GONE_ABORTED);
}

void
tcp_set_user(struct tcp *t, uint64_t conn, uint64_t user)
{
	struct tcp_conn *c = tcp_conn_told(t, conn);
	if (c)
		c->user = user;
}

void
tcp_set_nh(struct tcp *t, uint64_t conn, uint32_t nh)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (c)
		c->nh = nh;
}

void
tcp_set_delayed_ack(struct tcp *t, uint64_t conn, bool on)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (c)
		c->flags = on ? c->flags | CONN_DELAYED_ACK : c->flags & ~(uint32_t)CONN_DELAYED_ACK;
}

void
tcp_set_rcv_bytes(struct tcp *t, uint64_t conn, uint32_t bytes)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c)
		return;
	c->rcv_bound = bytes;
	c->flags |= CONN_RCV_SET;
	tcp_consumed(t, conn, 0);
}

void
tcp_set_snd_bytes(struct tcp *t, uint64_t conn, uint32_t bytes)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (c)
		c->snd_bound = bytes;
}

void
tcp_set_user_timeout(struct tcp *t, uint64_t conn, uint32_t ms)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c)
		return;
	c->user_timeout_ms = ms;
	tcp_timer_update(t, c);
}

bool
tcp_info(struct tcp *t, uint64_t conn, struct tcp_info *o)
{
	static const char *const names[TCP_STATES] = {"CLOSED",      "SYN-SENT",   "SYN-RECEIVED",
						      "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
						      "CLOSE-WAIT",  "CLOSING",    "LAST-ACK"};
	const struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c)
		return false;
	const struct tcp_ext *x = tcp_ext_see(t, c);
	*o = (struct tcp_info){
		.state = names[c->state],
		.local = c->id.local,
		.peer = c->id.peer,
		.local_port = c->id.local_port,
		.peer_port = c->id.peer_port,
		.mss = c->mss,
		.sack = c->flags & CONN_SACK,
		.timestamps = c->flags & CONN_TS,
		.ecn = c->flags & CONN_ECN,
		.cwnd = c->cwnd,
		.ssthresh = c->ssthresh,
		.pipe = x->pipe,
		.srtt_us = c->srtt_us,
		.rttvar_us = c->rttvar_us,
		.rto_ms = c->rto_ms,
		.min_rtt_us = x->min_rtt_us,
		.snd_una = c->snd_una,
		.snd_nxt = c->snd_nxt,
		.rcv_nxt = c->rcv_nxt,
		.snd_wnd = c->snd_wnd,
		.rcv_wnd = c->rcv_edge - c->rcv_nxt,
		.queued = c->snd_end - c->snd_una,
		.unsent = c->snd_end - c->snd_nxt,
		.out_of_order = x->ooo_bytes,
		.unconsumed = c->unconsumed,
	};
	return true;
}

void
tcp_use(const struct tcp *t, struct tcp_use *out)
{
	*out = t->use;
}

const uint64_t *
tcp_stats(const struct tcp *t)
{
	return t->stats;
}
