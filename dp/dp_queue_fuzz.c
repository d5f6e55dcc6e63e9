/* Any packets, any order of putting, getting and flushing: the queues' invariants hold, and every buffer comes back. */
#include <stdlib.h>
#include <string.h>

#include "bed.h"
#include "queue.h"

#define SESSIONS 4
#define PACKETS 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct rte_mbuf *
packet(struct rd *r, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
	n = rd_left(r) < n ? (unsigned)rd_left(r) : n;
	const uint8_t *p = rd_take(r, n);
	if (n)
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), p, n);
	return m;
}

static void
step(struct queues *q, struct queue_ref *ids, struct rd *r, struct mono *now)
{
	uint8_t op = rd_u8(r);
	struct queue_ref *at = &ids[op & 3];
	uint32_t dropped = 0;
	bool control;
	*now = mono_add_us(*now, (op >> 4) * 1000);
	if (op & 4) {
		struct rte_mbuf *m = packet(r, rd_u8(r));
		if (queue_put(q, at, &(struct queue_put){m, op & 8, *now}) != DROP_NONE)
			rte_pktmbuf_free(m);
	} else if (op & 8) {
		rte_pktmbuf_free(queue_get(q, at, *now, &dropped, &control));
	} else if (op == 0xf0) {
		queue_flush(q, at);
	}
	if (!queues_check(q))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void *memory;
	static uint64_t drops[DROP_COUNT];
	struct queue_ref ids[4] = {QUEUE_EMPTY, QUEUE_EMPTY, QUEUE_EMPTY, QUEUE_EMPTY};
	struct mono now = {0xfffffff0};
	if (!memory) {
		bed_start_small();
		memory = aligned_alloc(64, queues_bytes(SESSIONS - 1, PACKETS));
	}
	struct queues *q = queues_init(memory, SESSIONS - 1, PACKETS, drops, 7);
	struct rd r = rd_init(bytes, len);
	unsigned before = rte_mempool_avail_count(bed.lc->pool);
	while (rd_left(&r))
		step(q, ids, &r, &now);
	for (unsigned i = 0; i < RTE_DIM(ids); i++)
		queue_flush(q, &ids[i]);
	if (rte_mempool_avail_count(bed.lc->pool) != before)
		abort();
	return 0;
}
