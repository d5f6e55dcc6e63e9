/* queue.h - what waits for a subscriber: FQ-CoDel for each session (RFC 8289, RFC 8290), bounded over the whole core.
 *
 * What.  A session that has something waiting has a queue: a FIFO for control frames, which go first and are never
 * dropped by CoDel, and 32 flows for data, served by deficit round robin, each with its own CoDel (target 5 ms, interval
 * 100 ms) that marks packets with ECN where their sender can read it, and drops them where not.  A flow that has just
 * begun is served before those that have a backlog, so a ping does not wait behind a download.  A session with nothing
 * waiting has no queue and costs nothing here; nor does one with a single packet, which lies in its struct queue_ref: most
 * of what comes finds nothing before it and leaves in the same turn.
 *
 * Not what.  It knows no tunnel, no TCP and no rate: who calls queue_get, and when, decides (SSTP: when TCP can send;
 * shaping: when it is time).
 *
 * Bounds.  One queue holds at most QUEUE_PACKETS data packets, then its fattest flow loses its head.  All queues together
 * hold at most `packets` (the share of the core's buffers that session queues have); then the longest queue loses its
 * head, to within a factor of two, whoever needs the room.  Single packets, of which nobody can be made to give one, are at
 * most half of these; those beyond have queues.
 *
 * Thread: one struct queues for each worker core, its only caller.  Memory: queues_bytes() at start, nothing after.  No
 * clock: `now` is passed in.  Who has put packets takes them out again, or flushes them, before the end.
 *
 *	enum drop why = queue_put(q, &s->queue, &put);         DROP_NONE: m is the queue's; else the caller's still
 *	while (room && (m = queue_get(q, &s->queue, now, &drops))) ...
 *	queue_flush(q, &s->queue)                              at the session's end
 */
#ifndef DP_QUEUE_H
#define DP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <dp/drop.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#define QUEUE_NONE UINT32_MAX
#define QUEUE_FLOWS 32
#define QUEUE_PACKETS 1000 /* of data, in one queue */
#define QUEUE_CONTROL 64   /* control frames in one queue */
#define QUEUE_QUANTUM 1514 /* bytes of a turn, RFC 8290 5.2.2 */
#define QUEUE_TARGET_US 5000
#define QUEUE_INTERVAL_US 100000

struct queues;

/* queues_bytes: memory for so many sessions with a backlog and so many packets over all of them, aligned to 64. */
size_t queues_bytes(uint32_t sessions, uint32_t packets) ANY_THREAD;

/* queues_init: drops: the core's counters, DROP_COUNT of them.  key: random: who shares a flow is nobody's to choose. */
struct queues *queues_init(void *memory, uint32_t sessions, uint32_t packets, uint64_t *drops, uint64_t key) INIT_ONLY;

/* struct queue_ref: where a session's packets wait: nowhere (QUEUE_EMPTY), alone, or in a queue. */
struct queue_ref {
	struct rte_mbuf *alone; /* data; then there is no queue */
	uint32_t since_us;      /* of `alone` */
	uint32_t id;            /* of the queue, or QUEUE_NONE */
};
#define QUEUE_EMPTY ((struct queue_ref){NULL, 0, QUEUE_NONE})

static inline bool
queue_empty(const struct queue_ref *r)
{
	return !r->alone && r->id == QUEUE_NONE;
}

struct queue_put {
	struct rte_mbuf *m; /* data: at the inner IP header */
	bool control;       /* m is opaque, and goes before all data */
	struct mono now;
};

/* queue_put: QUEUE_FULL: the queue has QUEUE_CONTROL control frames already.  QUEUE_SHARE: the others have all the room, or all
 * queues. */
enum drop queue_put(struct queues *q, struct queue_ref *r, const struct queue_put *put) ON_LCORE;

/* queue_get: the next packet, or NULL.  *r is QUEUE_EMPTY again as soon as nothing waits.  *dropped grows by the packets of
 * this session that were given up meanwhile.  *control: what the packet was put as. */
struct rte_mbuf *queue_get(struct queues *q, struct queue_ref *r, struct mono now, uint32_t *dropped, bool *control)
	ON_LCORE;

/* queue_flush: frees all that waits. */
void queue_flush(struct queues *q, struct queue_ref *r) ON_LCORE;

/* queue_bytes: that wait. */
uint32_t queue_bytes(const struct queues *q, const struct queue_ref *r) ON_LCORE;

struct queues_use {
	uint32_t sessions, packets; /* with a queue; in queues and alone */
	uint64_t ecn_marks;
};
void queues_use(const struct queues *q, struct queues_use *out) ON_LCORE;

/* queues_check: the invariants of queue.c; for tests. */
bool queues_check(const struct queues *q) ON_LCORE;

#endif
