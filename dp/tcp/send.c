/* The send queue: segments in order of their numbers, never sorted anew; `unsent` is where new data begins. */
#include "conn.h"

#include <errno.h>

#define BURST_US 2000
#define RECORD_MAX 32768 /* octets of a chain that one segment's offset reaches */
#define FEW_MBUFS 4 /* a connection that holds less has something to send though all others have used up the share */

static struct rte_mbuf *cut(struct rte_mbuf *m, uint32_t max);
static int queue(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint8_t flags) ON_LCORE;
static struct tcp_seg *put(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t off, uint32_t len) ON_LCORE;
static void link_tail(struct tcp *t, struct tcp_conn *c, uint32_t i) ON_LCORE;
static uint32_t push_tail(struct tcp *t, struct tcp_conn *c, const uint8_t *p, uint32_t n) ON_LCORE;
static void prefetch_wanting(const struct tcp *t, unsigned max) ON_LCORE;
static uint32_t room_of(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static uint32_t within_burst(const struct tcp_conn *c, uint32_t w);

static bool
may_send(const struct tcp_conn *c)
{
	return (c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT) && !(c->flags & CONN_FIN_QUEUED);
}

/* bounded: this connection has all that it may have. */
static bool
bounded(const struct tcp_conn *c)
{
	return c->snd_end - c->snd_una >= c->snd_bound;
}

/* full: peers who acknowledge nothing may use up the share of all; a quarter of it more is for those who have next to nothing
 * under way, so that their echo and their control go on. */
static bool
full(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t share = t->start.limits.send_mbufs;
	if (c->mbufs < FEW_MBUFS)
		share += share / 4;
	return bounded(c) || t->use.send_mbufs >= share;
}

/* pieces_of: segments that len octets need; most need one, and a division is dear. */
static uint32_t
pieces_of(const struct tcp_conn *c, uint32_t len)
{
	return likely(len <= c->mss) ? 1 : (len + c->mss - 1) / c->mss;
}

/* in_place: the flags of what lies so that headers go in front of it: none. */
static uint8_t
in_place(const struct rte_mbuf *m)
{
	return rte_pktmbuf_headroom(m) < TCP_HEADROOM ? SEG_PART : 0;
}

int
tcp_append(struct tcp *t, uint64_t conn, struct rte_mbuf *m)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c || !may_send(c))
		return -ENOTCONN;
	/* What has been granted is taken, though others have used up the share meanwhile: a record that is refused ends the
	 * connection.  Half as much again is the last bound. */
	if (bounded(c) || t->use.send_mbufs >= t->start.limits.send_mbufs / 2 * 3)
		return -ENOBUFS;
	if (!m->pkt_len) {
		rte_pktmbuf_free(m);
		return 0;
	}
	/* What a peer had sent in a burst may be more than one record can be: in pieces, all of them or none. */
	if (t->use.segments + pieces_of(c, m->pkt_len) + m->nb_segs > t->start.limits.segments)
		return -ENOBUFS;
	if (likely(m->pkt_len <= c->mss)) { /* nearly all, without a call */
		put(t, c, m, 0, m->pkt_len)->flags = in_place(m);
		tcp_list_add(t, LIST_OUT, c);
		return 0;
	}
	while (m) {
		struct rte_mbuf *rest = cut(m, RECORD_MAX);
		if (queue(t, c, m, in_place(m)) < 0) {
			m->next = rest; /* not reached: there was room */
			rte_pktmbuf_free(m);
			return 0;
		}
		m = rest;
	}
	return 0;
}

/* cut: m keeps its first buffers, up to max octets; returns the rest, or NULL. */
static struct rte_mbuf *
cut(struct rte_mbuf *m, uint32_t max)
{
	uint32_t all = m->pkt_len, n = 0;
	uint16_t segs = 0;
	struct rte_mbuf *last = m, *rest;
	if (all <= max)
		return NULL;
	for (rest = m; rest && n + rest->data_len <= max; rest = rest->next, segs++) {
		n += rest->data_len;
		last = rest;
	}
	last->next = NULL;
	rest->pkt_len = all - n;
	rest->nb_segs = m->nb_segs - segs;
	m->pkt_len = n;
	m->nb_segs = segs;
	return rest;
}

/* queue: m as one segment, or as many as it needs, each of which holds the whole chain. */
static int
queue(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint8_t flags)
{
	uint32_t len = m->pkt_len, size = tcp_pmtu_size(t, c, len);
	if (t->use.segments + pieces_of(c, len) > t->start.limits.segments || len > UINT16_MAX)
		return -ENOBUFS;
	if (len > size)
		flags |= SEG_PART;
	for (uint32_t off = 0; off < len; off += size, size = c->mss) {
		struct tcp_seg *g = put(t, c, m, off, len - off < size ? len - off : size);
		g->flags = flags;
		if (off)
			rte_pktmbuf_refcnt_update(m, 1);
		if (unlikely(g->len > c->mss)) {
			g->probe = true;
			c->flags |= CONN_MTU_PROBE;
			tcp_count(t, TCP_STAT_PMTU_PROBES);
		}
	}
	tcp_list_add(t, LIST_OUT, c);
	return 0;
}

/* put: len octets of m, from off on, as the last segment. */
static inline struct tcp_seg *
put(struct tcp *t, struct tcp_conn *c, struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint32_t i = tcp_seg_new(t);
	struct tcp_seg *g = &t->segs[i];
	*g = (struct tcp_seg){.next = NONE, .seq = c->snd_end, .m = m, .off = (uint16_t)off, .len = (uint16_t)len};
	g->data_off = m->data_off;
	g->counts = off + len == m->pkt_len;
	link_tail(t, c, i);
	return g;
}

static void
link_tail(struct tcp *t, struct tcp_conn *c, uint32_t i)
{
	struct tcp_seg *g = &t->segs[i];
	if (c->tail == NONE)
		c->head = i;
	else
		t->segs[c->tail].next = i;
	c->tail = i;
	if (c->unsent == NONE)
		c->unsent = i;
	c->snd_end = seg_end(g);
	if (g->counts) {
		c->mbufs += g->m->nb_segs;
		t->use.send_mbufs += g->m->nb_segs;
	}
}

int
tcp_push(struct tcp *t, uint64_t conn, const void *bytes, uint32_t n)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	const uint8_t *p = bytes;
	uint32_t done = 0;
	if (!c || !may_send(c))
		return -ENOTCONN;
	while (done < n && !full(t, c)) {
		uint32_t left = c->snd_bound - (c->snd_end - c->snd_una), want = n - done < left ? n - done : left;
		uint32_t took = push_tail(t, c, p + done, want);
		if (!took) {
			struct rte_mbuf *m = tcp_mbuf(t);
			if (!m)
				break;
			uint32_t size = tcp_pmtu_size(t, c, want);
			took = want < size ? want : size;
			memcpy(rte_pktmbuf_append(m, (uint16_t)took), p + done, took);
			if (queue(t, c, m, SEG_COPIED) < 0) {
				rte_pktmbuf_free(m);
				break;
			}
		}
		done += took;
	}
	if (done < n)
		c->flags |= CONN_SHORT;
	tcp_list_add(t, LIST_OUT, c);
	if (done < n && c->snd_una == c->snd_end) { /* no ACK will come to say that there is room */
		c->rtx_kind = RTX_RETRY;
		c->rtx_ms = tcp_in_ms(t, 50);
		tcp_timer_update(t, c);
	}
	return (int)done;
}

/* push_tail: behind the last bytes that were pushed, if they have not left yet. */
static uint32_t
push_tail(struct tcp *t, struct tcp_conn *c, const uint8_t *p, uint32_t n)
{
	struct tcp_seg *g = tcp_seg(t, c->tail);
	if (!g || (g->flags & (SEG_SENT | SEG_FIN | SEG_PART | SEG_SYN)) || !(g->flags & SEG_COPIED) ||
	    g->len >= c->mss)
		return 0;
	uint32_t room = rte_pktmbuf_tailroom(g->m);
	if (room > (uint32_t)c->mss - g->len)
		room = c->mss - g->len;
	if (n > room)
		n = room;
	if (!n)
		return 0;
	memcpy(rte_pktmbuf_append(g->m, (uint16_t)n), p, n);
	g->len += (uint16_t)n;
	c->snd_end += n;
	return n;
}

/* tcp_queue_flag: a FIN goes with the last data if that has not left; else it is a segment by itself, as a SYN is. */
int
tcp_queue_flag(struct tcp *t, struct tcp_conn *c, uint8_t flag)
{
	struct tcp_seg *g = tcp_seg(t, c->tail);
	if (flag == SEG_FIN)
		c->flags |= CONN_FIN_QUEUED;
	if (g && flag == SEG_FIN && !(g->flags & (SEG_SENT | SEG_SYN))) {
		g->flags |= SEG_FIN;
		c->snd_end++;
	} else {
		uint32_t i = tcp_seg_new(t);
		if (i == NONE)
			return -ENOBUFS;
		t->segs[i] = (struct tcp_seg){.next = NONE, .seq = c->snd_end, .flags = flag};
		link_tail(t, c, i);
	}
	tcp_list_add(t, LIST_OUT, c);
	return 0;
}

/* tcp_seg_split: after len octets; both share the buffers from then on. */
bool
tcp_seg_split(struct tcp *t, struct tcp_conn *c, uint32_t i, uint16_t len)
{
	uint32_t n = tcp_seg_new(t);
	if (n == NONE)
		return false;
	struct tcp_seg *g = &t->segs[i], *rest = &t->segs[n];
	if (unlikely(g->probe)) {
		tcp_pmtu_failed(c, g);
		g->probe = false;
	}
	*rest = *g;
	rest->seq += len;
	rest->off += len;
	rest->len -= len;
	rest->flags |= SEG_PART;
	g->flags = (uint8_t)((g->flags | SEG_PART) & ~SEG_FIN);
	g->len = len;
	g->next = n;
	g->counts = false;
	rte_pktmbuf_refcnt_update(g->m, 1);
	if (c->tail == i)
		c->tail = n;
	return true;
}

void
tcp_queue_drop_head(struct tcp *t, struct tcp_conn *c)
{
	uint32_t i = c->head;
	struct tcp_seg *g = &t->segs[i];
	if (g->counts) {
		c->mbufs -= g->m->nb_segs;
		t->use.send_mbufs -= g->m->nb_segs;
	}
	rte_pktmbuf_free(g->m);
	c->head = g->next;
	if (c->unsent == i)
		c->unsent = g->next;
	if (c->tail == i)
		c->tail = NONE;
	tcp_seg_free(t, i);
}

void
tcp_queue_free(struct tcp *t, struct tcp_conn *c)
{
	while (c->head != NONE)
		tcp_queue_drop_head(t, c);
	struct tcp_ext *x = tcp_ext(t, c);
	if (x)
		x->pipe = x->lost = x->sacked = 0;
}

/* --- grants */

/* tcp_send_window: what the peer's window and the congestion window allow beyond snd_nxt.  Without SACK each duplicate
 * acknowledgement stands for a segment that has left the network (RFC 5681 3.2, RFC 3042). */
uint32_t
tcp_send_window(const struct tcp *t, const struct tcp_conn *c)
{
	const struct tcp_ext *x = tcp_ext_see(t, c);
	uint32_t pipe = x->pipe, gone = (uint32_t)x->dupacks * c->mss, edge = c->snd_una + c->snd_wnd;
	if (!(c->flags & CONN_SACK))
		pipe -= gone < pipe ? gone : pipe;
	if (seq_leq(edge, c->snd_nxt) || pipe >= c->cwnd)
		return 0;
	uint32_t peer = edge - c->snd_nxt, net = c->cwnd - pipe;
	return peer < net ? peer : net;
}

void
tcp_want(struct tcp *t, uint64_t conn)
{
	struct tcp_conn *c = tcp_conn_find(t, conn);
	if (!c || !may_send(c) || (c->flags & CONN_WANTS))
		return;
	c->flags |= CONN_WANTS;
	tcp_list_add(t, LIST_WANT, c);
}

void
tcp_prefetch(const struct tcp *t, uint64_t conn)
{
	uint32_t i = handle_index(conn);
	if (i < t->start.limits.conns)
		prefetch_object(&t->conns[i], sizeof *t->conns);
}

/* prefetch_wanting: who wants was touched when it said so; its congestion state was not. */
static void
prefetch_wanting(const struct tcp *t, unsigned max)
{
	for (uint32_t i = t->list[LIST_WANT].first; max && i != NONE; i = t->conns[i].link[LIST_WANT], max--)
		prefetch_lines(tcp_ext_see(t, &t->conns[i]), sizeof(struct tcp_ext));
}

/* room_of: RFC 9293 3.8.6.2.1: no less than a segment or half of the largest window, unless all is quiet. */
static uint32_t
room_of(struct tcp *t, struct tcp_conn *c)
{
	const struct tcp_ext *x = tcp_ext_see(t, c);
	if (c->snd_una == c->snd_nxt)
		tcp_cc_idle(t, c);
	uint32_t w = tcp_send_window(t, c), waiting = c->snd_end - c->snd_nxt;
	uint32_t queued = c->snd_end - c->snd_una, bound = c->snd_bound > queued ? c->snd_bound - queued : 0;
	if (full(t, c) || w <= waiting || tcp_ext_turn_over(t, c) || (x->pace_us > t->now.us && c->flags & CONN_PACED))
		return 0;
	w -= waiting;
	if (w > bound)
		w = bound;
	if (t->use.send_mbufs >= t->start.limits.send_mbufs && w > (FEW_MBUFS - c->mbufs) * c->mss)
		w = (FEW_MBUFS - c->mbufs) * c->mss;
	w = within_burst(c, w);
	uint32_t least = c->max_wnd / 2 < c->mss ? c->max_wnd / 2 : c->mss;
	if (w < least && queued)
		return 0;
	/* Taken now: what is sealed for want of it would wait in line, behind the queue that could drop it. */
	if (w && !tcp_ext_take(t, c)) {
		tcp_ext_wait(t, c);
		return 0;
	}
	return w;
}

/* within_burst: no more than leaves in two milliseconds, so that nothing sealed waits longer; four segments always. */
static uint32_t
within_burst(const struct tcp_conn *c, uint32_t w)
{
	uint32_t least = 4u * c->mss;
	uint64_t window = tcp_cc_window(c);
	if (!window || w <= least)
		return w;
	if (window * BURST_US >= (uint64_t)w * c->srtt_us) /* as nearly always, without a division */
		return w;
	uint64_t burst = window * BURST_US / c->srtt_us;
	return burst < least ? least : (uint32_t)burst;
}

unsigned
tcp_grant(struct tcp *t, struct tcp_grant *g, unsigned max)
{
	unsigned n = 0;
	prefetch_wanting(t, max);
	for (unsigned looked = 0; n < max && looked < 2 * max; looked++) {
		struct tcp_conn *c = tcp_list_pop(t, LIST_WANT);
		if (!c)
			break;
		if (!(c->flags & CONN_WANTS) || !may_send(c)) /* gone, or closed, since */
			continue;
		uint32_t room = room_of(t, c);
		if (room) {
			c->flags &= ~(uint32_t)CONN_WANTS;
			g[n++] = (struct tcp_grant){tcp_handle(t, c), c->user, room, c->mss};
			if (c->snd_una == c->snd_nxt) /* what it does not use of its turn others get */
				tcp_list_add(t, LIST_OUT, c);
		} else {
			tcp_rtx_arm(t,
				    c); /* if nothing is out whose acknowledgement would bring it back, a timer does */
			tcp_ext_settle(t, c);
		}
	}
	return n;
}

void
tcp_send_poke(struct tcp *t, struct tcp_conn *c)
{
	if (tcp_ext_see(t, c)->lost || c->unsent != NONE)
		tcp_list_add(t, LIST_OUT, c);
	if (c->flags & CONN_WANTS && may_send(c))
		tcp_list_add(t, LIST_WANT, c);
	if (c->flags & CONN_SHORT && may_send(c) && c->snd_end - c->snd_una <= c->snd_bound / 2) {
		c->flags &= ~(uint32_t)CONN_SHORT;
		tcp_event(t, c, TCP_WRITABLE);
	}
}
