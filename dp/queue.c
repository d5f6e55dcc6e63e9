#include "queue.h"

#include <stddef.h>
#include <string.h>

#include "flow.h"

#define COUNT_MAX 1023
#define BACKLOG_LISTS 32 /* queues with a backlog of 2^i to 2^(i+1) - 1 bytes */

enum { LIST_NONE, LIST_NEW, LIST_OLD };

/* A packet that waits. */
struct entry {
	struct rte_mbuf *m;
	uint32_t next; /* in its FIFO, or of the free ones */
	uint32_t since_us;
};

struct fifo {
	uint32_t head, tail, n; /* head is valid when n is not 0 */
};

struct flow {
	struct fifo fifo;
	uint32_t bytes;
	int32_t deficit;
	/* RFC 8289 5.3 */
	uint32_t first_above_us, drop_next_us;
	uint16_t count, last_count;
	bool above, dropping;
	uint8_t list, next; /* LIST_*, and the flow behind it there */
	uint32_t tag;       /* hash of the packets in it */
};

struct list {
	uint8_t head, tail, n;
};

/* Invariants (queues_check):
 *   bytes, packets           ==  the sums over its flows; control.n apart
 *   entries_used + alone     <=  n_entries, and alone <= n_entries / 2
 *   a flow with packets      =>  it is in a list
 *   the queue is in backlog list log2(bytes + 1), and nowhere when it is free
 *   a flow that has not begun is all zero
 * Most sessions have one or two flows: those that are in use lie in front, and nobody looks at the others.
 */
struct queue {
	uint32_t bytes, packets, dropped;
	uint32_t next, prev;    /* in its backlog list; next: of the free ones */
	uint32_t listed, begun; /* bit i: flow i is in a list; has had a packet since the queue was taken */
	uint8_t backlog;        /* which list */
	bool used;
	struct list new, old;
	struct fifo control;
	struct flow flow[QUEUE_FLOWS];
};

struct queues {
	uint64_t *drops;
	uint64_t key, ecn_marks;
	uint32_t n_queues, n_entries, free_queue, free_entry, queues_used, entries_used;
	uint32_t alone;      /* packets in struct queue_ref */
	uint32_t lists_used; /* bit i: backlog[i] is not empty */
	uint32_t backlog[BACKLOG_LISTS];
	uint32_t control_law_us[COUNT_MAX + 1]; /* interval / sqrt(count) */
	struct queue *queue;
	struct entry *entry;
};

static uint32_t take_queue(struct queues *q) ON_LCORE;
static void release_queue(struct queues *q, uint32_t *id) ON_LCORE;
static struct queue *queue_of(struct queues *q, struct queue_ref *r) ON_LCORE;
static enum drop put_control(struct queues *q, struct queue *s, const struct queue_put *put) ON_LCORE;
static void put_data(struct queues *q, struct queue *s, struct rte_mbuf *m, uint32_t now) ON_LCORE;
static void backlog_changed(struct queues *q, struct queue *s) ON_LCORE;
static void fifo_push(struct queues *q, struct fifo *f, struct rte_mbuf *m, uint32_t now_us) ON_LCORE;
static struct rte_mbuf *fifo_pop(struct queues *q, struct fifo *f, uint32_t *since_us) ON_LCORE;
static struct rte_mbuf *flow_pop(struct queues *q, struct queue *s, struct flow *f, uint32_t *since_us) ON_LCORE;
static unsigned flow_of(const struct queue *s, uint32_t hash) ON_LCORE;
static void give_up(struct queues *q, struct queue *s, struct rte_mbuf *m, enum drop why) ON_LCORE;
static bool make_room(struct queues *q) ON_LCORE;
static void lose_head(struct queues *q, struct queue *s, enum drop why) ON_LCORE;
static struct rte_mbuf *codel_get(struct queues *q, struct queue *s, struct flow *f, uint32_t now) ON_LCORE;
static struct rte_mbuf *round_robin(struct queues *q, struct queue *s, uint32_t now) ON_LCORE;

/* --- memory ------------------------------------------------------------------------------------------------------ */

static size_t
aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

size_t
queues_bytes(uint32_t sessions, uint32_t packets)
{
	return aligned(sizeof(struct queues)) + aligned(sessions * sizeof(struct queue)) +
	       aligned(packets * sizeof(struct entry));
}

struct queues *
queues_init(void *memory, uint32_t sessions, uint32_t packets, uint64_t *drops, uint64_t key)
{
	struct queues *q = memory;
	memset(memory, 0, queues_bytes(sessions, packets));
	q->queue = (struct queue *)(void *)((uint8_t *)memory + aligned(sizeof *q));
	q->entry = (struct entry *)(void *)((uint8_t *)q->queue + aligned(sessions * sizeof(struct queue)));
	q->drops = drops;
	q->key = key | 1;
	q->n_queues = sessions;
	q->n_entries = packets;
	for (uint32_t i = 0; i < sessions; i++)
		q->queue[i].next = i + 1 < sessions ? i + 1 : QUEUE_NONE;
	for (uint32_t i = 0; i < packets; i++)
		q->entry[i].next = i + 1 < packets ? i + 1 : QUEUE_NONE;
	q->free_queue = sessions ? 0 : QUEUE_NONE;
	q->free_entry = packets ? 0 : QUEUE_NONE;
	for (unsigned i = 0; i < BACKLOG_LISTS; i++)
		q->backlog[i] = QUEUE_NONE;
	uint64_t law = QUEUE_INTERVAL_US;
	for (uint64_t count = 1; count <= COUNT_MAX; count++) {
		while (law * law * count > (uint64_t)QUEUE_INTERVAL_US * QUEUE_INTERVAL_US)
			law--;
		q->control_law_us[count] = (uint32_t)law;
	}
	return q;
}

static uint32_t
take_queue(struct queues *q)
{
	uint32_t id = q->free_queue;
	if (id == QUEUE_NONE)
		return id;
	struct queue *s = &q->queue[id];
	q->free_queue = s->next;
	memset(s, 0, offsetof(struct queue, flow));
	s->used = true;
	s->backlog = BACKLOG_LISTS;
	q->queues_used++;
	return id;
}

static void
unlink_backlog(struct queues *q, struct queue *s) ON_LCORE
{
	if (s->prev != QUEUE_NONE)
		q->queue[s->prev].next = s->next;
	else
		q->backlog[s->backlog] = s->next;
	if (s->next != QUEUE_NONE)
		q->queue[s->next].prev = s->prev;
	if (q->backlog[s->backlog] == QUEUE_NONE)
		q->lists_used &= ~(1u << s->backlog);
}

static void
release_queue(struct queues *q, uint32_t *id)
{
	struct queue *s = &q->queue[*id];
	unlink_backlog(q, s);
	for (uint32_t begun = s->begun; begun; begun &= begun - 1)
		s->flow[__builtin_ctz(begun)] = (struct flow){0};
	s->used = false;
	s->next = q->free_queue;
	q->free_queue = *id;
	q->queues_used--;
	*id = QUEUE_NONE;
}

/* backlog_changed: the queue goes to the list of its size, so that a longest one is found at once. */
static void
backlog_changed(struct queues *q, struct queue *s)
{
	unsigned list = 31u - (unsigned)__builtin_clz(s->bytes + 1);
	uint32_t id = (uint32_t)(s - q->queue);
	if (list == s->backlog)
		return;
	if (s->backlog < BACKLOG_LISTS)
		unlink_backlog(q, s);
	s->backlog = (uint8_t)list;
	s->prev = QUEUE_NONE;
	s->next = q->backlog[list];
	if (s->next != QUEUE_NONE)
		q->queue[s->next].prev = id;
	q->backlog[list] = id;
	q->lists_used |= 1u << list;
}

static void
fifo_push(struct queues *q, struct fifo *f, struct rte_mbuf *m, uint32_t now_us)
{
	uint32_t e = q->free_entry;
	q->free_entry = q->entry[e].next;
	q->entries_used++;
	q->entry[e] = (struct entry){.m = m, .next = QUEUE_NONE, .since_us = now_us};
	if (f->n++)
		q->entry[f->tail].next = e;
	else
		f->head = e;
	f->tail = e;
}

static struct rte_mbuf *
fifo_pop(struct queues *q, struct fifo *f, uint32_t *since_us)
{
	uint32_t e = f->head;
	struct rte_mbuf *m = q->entry[e].m;
	*since_us = q->entry[e].since_us;
	f->head = q->entry[e].next;
	f->n--;
	q->entry[e].next = q->free_entry;
	q->free_entry = e;
	q->entries_used--;
	return m;
}

static struct rte_mbuf *
flow_pop(struct queues *q, struct queue *s, struct flow *f, uint32_t *since_us)
{
	struct rte_mbuf *m = fifo_pop(q, &f->fifo, since_us);
	f->bytes -= m->pkt_len;
	s->bytes -= m->pkt_len;
	s->packets--;
	return m;
}

/* --- putting ----------------------------------------------------------------------------------------------------- */

static void
list_append(struct queue *s, struct list *l, unsigned flow)
{
	if (l->n++)
		s->flow[l->tail].next = (uint8_t)flow;
	else
		l->head = (uint8_t)flow;
	l->tail = (uint8_t)flow;
}

static unsigned
list_take(struct queue *s, struct list *l)
{
	unsigned flow = l->head;
	l->head = s->flow[flow].next;
	l->n--;
	return flow;
}

/* flow_of: the flow that has packets of this hash, else one that has none, so that flows share only when all are in use. */
static unsigned
flow_of(const struct queue *s, uint32_t hash)
{
	for (uint32_t listed = s->listed; listed; listed &= listed - 1) {
		unsigned i = (unsigned)__builtin_ctz(listed);
		if (s->flow[i].tag == hash)
			return i;
	}
	return ~s->listed ? (unsigned)__builtin_ctz(~s->listed) : hash % QUEUE_FLOWS;
}

enum drop
queue_put(struct queues *q, struct queue_ref *r, const struct queue_put *put)
{
	if (q->entries_used + q->alone >= q->n_entries && !make_room(q))
		return DROP_QUEUE_SHARE;
	if (!put->control && queue_empty(r) && q->alone < q->n_entries / 2) {
		r->alone = put->m;
		r->since_us = (uint32_t)put->now.us;
		q->alone++;
		return DROP_NONE;
	}
	struct queue *s = queue_of(q, r);
	if (!s)
		return DROP_QUEUE_SHARE;
	if (put->control)
		return put_control(q, s, put);
	if (s->packets >= QUEUE_PACKETS)
		lose_head(q, s, DROP_QUEUE_FULL);
	put_data(q, s, put->m, (uint32_t)put->now.us);
	return DROP_NONE;
}

/* queue_of: what is alone goes into the queue that begins here. */
static struct queue *
queue_of(struct queues *q, struct queue_ref *r)
{
	if (r->id == QUEUE_NONE)
		r->id = take_queue(q);
	if (r->id == QUEUE_NONE)
		return NULL;
	struct queue *s = &q->queue[r->id];
	if (r->alone) {
		q->alone--;
		put_data(q, s, r->alone, r->since_us);
		r->alone = NULL;
	}
	return s;
}

static enum drop
put_control(struct queues *q, struct queue *s, const struct queue_put *put)
{
	if (s->control.n >= QUEUE_CONTROL)
		return DROP_QUEUE_FULL;
	fifo_push(q, &s->control, put->m, (uint32_t)put->now.us);
	backlog_changed(q, s);
	return DROP_NONE;
}

static void
put_data(struct queues *q, struct queue *s, struct rte_mbuf *m, uint32_t now)
{
	uint32_t hash = flow_hash(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, q->key);
	unsigned i = flow_of(s, hash);
	struct flow *f = &s->flow[i];
	fifo_push(q, &f->fifo, m, now);
	f->bytes += m->pkt_len;
	s->bytes += m->pkt_len;
	s->packets++;
	if (f->list == LIST_NONE) {
		f->list = LIST_NEW;
		s->listed |= 1u << i;
		s->begun |= 1u << i;
		f->tag = hash;
		f->deficit = QUEUE_QUANTUM;
		list_append(s, &s->new, i);
	}
	backlog_changed(q, s);
}

static void
give_up(struct queues *q, struct queue *s, struct rte_mbuf *m, enum drop why)
{
	s->dropped++;
	q->drops[why]++;
	rte_pktmbuf_free(m);
}

/* make_room: the longest of all queues gives a packet; false: nothing but control frames waits. */
static bool
make_room(struct queues *q)
{
	unsigned list = q->lists_used ? 31u - (unsigned)__builtin_clz(q->lists_used) : 0;
	uint32_t id = q->backlog[list];
	if (id == QUEUE_NONE || !q->queue[id].packets)
		return false;
	lose_head(q, &q->queue[id], DROP_QUEUE_SHARE);
	return true;
}

/* lose_head: of the flow with the most bytes, RFC 8290 4.1.2. */
static void
lose_head(struct queues *q, struct queue *s, enum drop why)
{
	struct flow *fattest = &s->flow[0];
	uint32_t since;
	for (unsigned i = 1; i < QUEUE_FLOWS; i++)
		if (s->flow[i].bytes > fattest->bytes)
			fattest = &s->flow[i];
	if (!fattest->fifo.n)
		return;
	give_up(q, s, flow_pop(q, s, fattest, &since), why);
	backlog_changed(q, s);
}

/* --- getting ----------------------------------------------------------------------------------------------------- */

static struct rte_mbuf *
take_alone(struct queues *q, struct queue_ref *r) ON_LCORE
{
	struct rte_mbuf *m = r->alone;
	r->alone = NULL;
	q->alone -= m != NULL;
	return m;
}

struct rte_mbuf *
queue_get(struct queues *q, struct queue_ref *r, struct mono now, uint32_t *dropped, bool *control)
{
	uint32_t since;
	*control = false;
	if (r->id == QUEUE_NONE)
		return take_alone(q, r);
	struct queue *s = &q->queue[r->id];
	*control = s->control.n;
	struct rte_mbuf *m = *control ? fifo_pop(q, &s->control, &since) : round_robin(q, s, (uint32_t)now.us);
	*dropped += s->dropped;
	s->dropped = 0;
	if (!s->packets && !s->control.n)
		release_queue(q, &r->id);
	else
		backlog_changed(q, s);
	return m;
}

/* RFC 8290 4.2: new flows first; one whose quantum is used up goes to the end of the old. */
static struct rte_mbuf *
round_robin(struct queues *q, struct queue *s, uint32_t now)
{
	while (s->new.n || s->old.n) {
		bool is_new = s->new.n;
		struct list *l = is_new ? &s->new : &s->old;
		unsigned i = l->head;
		struct flow *f = &s->flow[i];
		if (f->deficit <= 0) {
			f->deficit += QUEUE_QUANTUM;
			f->list = LIST_OLD;
			list_take(s, l);
			list_append(s, &s->old, i);
			continue;
		}
		struct rte_mbuf *m = codel_get(q, s, f, now);
		if (m) {
			f->deficit -= (int32_t)m->pkt_len;
			return m;
		}
		/* An empty new flow waits a turn with the old ones, lest it starve them by coming again and again. */
		list_take(s, l);
		f->list = is_new && s->old.n ? LIST_OLD : LIST_NONE;
		if (f->list == LIST_OLD)
			list_append(s, &s->old, i);
		else
			s->listed &= ~(1u << i);
	}
	return NULL;
}

static bool
reached(uint32_t now, uint32_t due)
{
	return (int32_t)(now - due) >= 0;
}

/* next_packet: RFC 8289 5.5 dodequeue: the head, and whether packets have waited too long for an interval. */
static struct rte_mbuf *
next_packet(struct queues *q, struct queue *s, struct flow *f, uint32_t now, bool *drop_ok) ON_LCORE
{
	uint32_t since;
	*drop_ok = false;
	if (!f->fifo.n) {
		f->above = false;
		return NULL;
	}
	struct rte_mbuf *m = flow_pop(q, s, f, &since);
	if (now - since < QUEUE_TARGET_US || f->bytes <= QUEUE_QUANTUM) {
		f->above = false;
	} else if (!f->above) {
		f->above = true;
		f->first_above_us = now + QUEUE_INTERVAL_US;
	} else {
		*drop_ok = reached(now, f->first_above_us);
	}
	return m;
}

/* signal: tells the sender of m: by a mark, then m goes on, or by dropping it; what goes on, NULL after a drop. */
static struct rte_mbuf *
signal_sender(struct queues *q, struct queue *s, struct rte_mbuf *m) ON_LCORE
{
	if (flow_mark(rte_pktmbuf_mtod(m, uint8_t *), m->data_len)) {
		q->ecn_marks++;
		return m;
	}
	give_up(q, s, m, DROP_QUEUE_CODEL);
	return NULL;
}

/* codel_get: RFC 8289 5.6. */
static struct rte_mbuf *
codel_get(struct queues *q, struct queue *s, struct flow *f, uint32_t now)
{
	bool drop_ok;
	struct rte_mbuf *m = next_packet(q, s, f, now, &drop_ok);
	if (f->dropping) {
		if (!drop_ok)
			f->dropping = false;
		while (m && f->dropping && reached(now, f->drop_next_us)) {
			if (f->count < COUNT_MAX)
				f->count++;
			f->drop_next_us += q->control_law_us[f->count];
			struct rte_mbuf *marked = signal_sender(q, s, m);
			if (marked)
				return marked;
			m = next_packet(q, s, f, now, &drop_ok);
			f->dropping = drop_ok;
		}
	} else if (m && drop_ok) {
		uint16_t delta = (uint16_t)(f->count - f->last_count);
		bool recent = (int32_t)(now - f->drop_next_us) < 16 * QUEUE_INTERVAL_US;
		struct rte_mbuf *marked = signal_sender(q, s, m);
		f->dropping = true;
		f->count = delta > 1 && recent ? delta : 1;
		f->last_count = f->count;
		f->drop_next_us = now + q->control_law_us[f->count];
		m = marked ? marked : next_packet(q, s, f, now, &drop_ok);
	}
	return m;
}

void
queue_flush(struct queues *q, struct queue_ref *r)
{
	uint32_t since;
	rte_pktmbuf_free(take_alone(q, r));
	if (r->id == QUEUE_NONE)
		return;
	struct queue *s = &q->queue[r->id];
	while (s->control.n)
		rte_pktmbuf_free(fifo_pop(q, &s->control, &since));
	for (unsigned i = 0; i < QUEUE_FLOWS; i++)
		while (s->flow[i].fifo.n)
			rte_pktmbuf_free(flow_pop(q, s, &s->flow[i], &since));
	release_queue(q, &r->id);
}

uint32_t
queue_bytes(const struct queues *q, const struct queue_ref *r)
{
	if (r->id == QUEUE_NONE)
		return r->alone ? r->alone->pkt_len : 0;
	return q->queue[r->id].bytes;
}

void
queues_use(const struct queues *q, struct queues_use *out)
{
	*out = (struct queues_use){q->queues_used, q->entries_used + q->alone, q->ecn_marks};
}

/* --- invariants -------------------------------------------------------------------------------------------------- */

static bool
queue_check(const struct queues *q, const struct queue *s)
{
	uint32_t bytes = 0, packets = 0, listed = 0;
	for (unsigned i = 0; i < QUEUE_FLOWS; i++) {
		const struct flow *f = &s->flow[i];
		uint32_t in_flow = 0;
		for (uint32_t e = f->fifo.head, n = 0; n < f->fifo.n; n++, e = q->entry[e].next)
			in_flow += q->entry[e].m->pkt_len;
		if (in_flow != f->bytes || (f->fifo.n && f->list == LIST_NONE))
			return false;
		if ((s->listed >> i & 1) != (f->list != LIST_NONE) || (s->listed & ~s->begun))
			return false;
		bytes += in_flow;
		packets += f->fifo.n;
		listed += f->list != LIST_NONE;
	}
	return bytes == s->bytes && packets == s->packets && listed == (uint32_t)s->new.n + s->old.n &&
	       s->backlog == 31u - (unsigned)__builtin_clz(s->bytes + 1);
}

bool
queues_check(const struct queues *q)
{
	uint32_t queues = 0, entries = 0;
	for (uint32_t i = 0; i < q->n_queues; i++) {
		const struct queue *s = &q->queue[i];
		if (!s->used)
			continue;
		if (!queue_check(q, s))
			return false;
		queues++;
		entries += s->packets + s->control.n;
	}
	return queues == q->queues_used && entries == q->entries_used && q->alone <= q->n_entries / 2 &&
	       q->entries_used + q->alone <= q->n_entries;
}
