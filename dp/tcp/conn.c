#include "conn.h"

static void release(struct tcp *t, struct tcp_conn *c) ON_LCORE;

/* --- life */

bool
tcp_admit(const struct tcp *t)
{
	const struct tcp_limits *l = &t->start.limits;
	return (uint64_t)t->use.conns * 10 < (uint64_t)l->conns * 9 && tcp_ext_admits(t) &&
	       (uint64_t)t->use.segments * 10 < (uint64_t)l->segments * 9 &&
	       (uint64_t)t->use.send_mbufs * 10 < (uint64_t)l->send_mbufs * 9 && !t->mbufs_low;
}

struct tcp_conn *
tcp_conn_new(struct tcp *t, const struct tcp_tuple *id, uint32_t hash)
{
	uint32_t i = t->conn_free;
	if (i == NONE || !tcp_admit(t))
		return NULL;
	struct tcp_conn *c = &t->conns[i];
	struct tcp_conn old = *c;
	t->conn_free = c->nh;
	*c = (struct tcp_conn){.id = *id, .generation = old.generation, .head = NONE, .tail = NONE};
	c->id.hash = hash;
	c->unsent = c->ext = NONE;
	memcpy(c->link, old.link, sizeof c->link); /* it may be on some as who it was before */
	c->rcv_bound = t->start.limits.rcv_bytes;
	c->snd_bound = t->start.limits.snd_bytes;
	c->user_timeout_ms = t->start.user_timeout_ms;
	c->rto_ms = TCP_RTO_INIT_MS;
	c->ssthresh = UINT32_MAX;
	c->heard_ms = c->sent_ms = t->ms;
	t->use.conns++;
	return c;
}

struct tcp_conn *
tcp_conn_told(struct tcp *t, uint64_t handle)
{
	uint32_t i = handle_index(handle);
	struct tcp_conn *c = i < t->start.limits.conns ? &t->conns[i] : NULL;
	bool owed = c && c->generation == handle_generation(handle) && (c->state != TCP_CLOSED || c->events & TCP_GONE);
	return owed ? c : NULL;
}

void
tcp_conn_set_state(struct tcp *t, struct tcp_conn *c, enum tcp_state state)
{
	c->state = state;
	/* RFC 9293 3.6: nobody here reads any more, so the peer has a minute from now to say FIN (timer.c).  After tcp_shutdown it
	 * has for ever. */
	if (state == TCP_FIN_WAIT_2)
		c->sent_ms = t->ms;
	tcp_timer_update(t, c);
}

void
tcp_conn_opened(struct tcp *t, struct tcp_conn *c, uint64_t user)
{
	struct tcp_burst *b = t->burst;
	c->flags |= CONN_REPORTED;
	c->user = user;
	b->opened[b->n_opened++] = (struct tcp_opened){
		.conn = tcp_handle(t, c),
		.user = user,
		.local = c->id.local,
		.peer = c->id.peer,
		.local_port = c->id.local_port,
		.peer_port = c->id.peer_port,
		.active = c->flags & CONN_ACTIVE,
	};
}

void
tcp_event(struct tcp *t, struct tcp_conn *c, enum tcp_what what)
{
	c->events |= (uint8_t)what;
	tcp_list_add(t, LIST_EVENT, c);
}

void
tcp_conn_gone(struct tcp *t, struct tcp_conn *c, enum tcp_gone why)
{
	tcp_queue_free(t, c);
	tcp_reass_free(t, c);
	wheel_del(&c->timer);
	tcp_table_del(t, c->id.hash, tcp_index(t, c));
	c->state = TCP_CLOSED;
	tcp_ext_release(t, c);
	c->gone = (uint8_t)why;
	if (c->flags & CONN_REPORTED)
		tcp_event(t, c, TCP_GONE);
	else
		release(t, c);
}

static void
release(struct tcp *t, struct tcp_conn *c)
{
	c->generation = handle_next_generation(c->generation);
	c->nh = t->conn_free;
	t->conn_free = tcp_index(t, c);
	t->use.conns--;
}

/* tcp_conn_reset: RST with the sequence number that the peer waits for (RFC 9293 3.10.5, 3.10.4). */
void
tcp_conn_reset(struct tcp *t, struct tcp_conn *c, enum tcp_gone why)
{
	struct tcp_answer a = {
		.id = &c->id,
		.seq = c->snd_nxt,
		.ack = c->rcv_nxt,
		.nh = c->nh,
		.flags = TCP_F_RST | TCP_F_ACK,
	};
	if (c->state != TCP_SYN_SENT) {
		tcp_count(t, TCP_STAT_RESETS_OUT);
		tcp_answer(t, &a);
	}
	tcp_conn_gone(t, c, why);
}

unsigned
tcp_events(struct tcp *t, struct tcp_event *ev, unsigned max)
{
	unsigned n = 0;
	struct tcp_conn *c;
	while (n < max && (c = tcp_list_pop(t, LIST_EVENT))) {
		ev[n++] = (struct tcp_event){
			.conn = tcp_handle(t, c),
			.user = c->user,
			.what = c->events,
			.gone = c->gone,
		};
		c->events = 0;
		if (c->state == TCP_CLOSED)
			release(t, c);
	}
	return n;
}

void
tcp_conn_mss(struct tcp *t, struct tcp_conn *c, uint16_t mss)
{
	if (mss > t->max_mss_room)
		mss = (uint16_t)t->max_mss_room;
	c->mss = mss < TCP_MSS_MIN ? TCP_MSS_MIN : mss;
}

/* tcp_check: the invariants of conn.h. */
bool
tcp_check(struct tcp *t, struct tcp_conn *c)
{
	uint32_t pipe = 0, lost = 0, sacked = 0, seq = c->snd_una;
	const struct tcp_ext *x = tcp_ext_see(t, c);
	if (c->state == TCP_CLOSED)
		return c->head == NONE && c->ext == NONE && !wheel_pending(&c->timer);
	for (uint32_t i = c->head; i != NONE; i = t->segs[i].next) {
		const struct tcp_seg *g = &t->segs[i];
		if (i == c->head ? seq_gt(g->seq, seq) : g->seq != seq)
			return false;
		seq = seg_end(g);
		if (!(g->flags & SEG_SENT))
			continue;
		sacked += g->flags & SEG_SACKED ? seg_space(g) : 0;
		lost += g->flags & SEG_LOST ? seg_space(g) : 0;
		pipe += g->flags & (SEG_SACKED | SEG_LOST) ? 0 : seg_space(g);
	}
	if (seq != c->snd_end || pipe != x->pipe || lost != x->lost || sacked != x->sacked)
		return false;
	if (seq_gt(c->snd_una, c->snd_nxt) || seq_gt(c->snd_nxt, c->snd_end))
		return false;
	if (c->snd_una != c->snd_nxt && (!c->rtx_ms || !wheel_pending(&c->timer) || c->ext == NONE))
		return false;
	if (wheel_pending(&c->timer) && c->rtx_ms &&
	    c->timer.due.us > t->now.us + (int64_t)(int32_t)(c->rtx_ms - t->ms) * 1000 + 1000)
		return false;
	if (x->idle && (c->snd_una != c->snd_nxt || !t->n_idle))
		return false;
	uint32_t at = c->rcv_nxt;
	for (uint32_t i = x->ooo; i != NONE; i = t->segs[i].next) {
		const struct tcp_seg *g = &t->segs[i];
		if (seq_leq(g->seq, at) && (i == x->ooo || seq_lt(g->seq, at)))
			return false;
		at = seg_end(g);
	}
	return true;
}
