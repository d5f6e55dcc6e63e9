/* byte_ring.h - records of variable length between exactly two threads.
 *
 * One producer, one consumer, no lock, no system call, nothing shared but the bytes: no pointer and no mbuf passes.
 * It stands in the vocabulary because three pairs of rooms speak over it (LCORE-MAIN, LCORE-OFFLOAD, MAIN-OFFLOAD).
 * Memory is the caller's: `size` bytes, a power of two, aligned to 64.
 *
 * A record is a 16-byte header and a payload of at most BYTE_RING_MAX bytes, contiguous in memory and 16-byte aligned;
 * a filler closes the gap at the end of the buffer.  So a record of n bytes is sure of room in an empty ring only when
 * size >= 2 * (n + 32) + keep_free: choose the size by the largest record.
 *
 * Who writes asks for a share: `keep_free` bytes must stay free after the record.  Classes with a larger keep_free are
 * refused first, so that floods never displace what must not be lost (the classes and shares of cp <-> dp stand in
 * dp/msg.h).
 *
 *	producer: p = byte_ring_reserve(...); fill p; byte_ring_commit(...)
 *	consumer: while ((rec = byte_ring_peek(...))) { ...; byte_ring_pop(...); }
 */
#ifndef MILLRACE_BYTE_RING_H
#define MILLRACE_BYTE_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTE_RING_MAX 16384
#define BYTE_RING_FILLER 0xffff

struct byte_ring_rec {
	uint16_t type;
	uint16_t len; /* payload bytes */
	uint32_t reserved;
	uint64_t handle;
	uint8_t payload[];
};
_Static_assert(sizeof(struct byte_ring_rec) == 16, "record header");

struct byte_ring {
	/* read-only after init */
	alignas(64) uint8_t *buf;
	uint32_t size;
	/* producer */
	alignas(64) _Atomic uint64_t tail;
	uint64_t reserved_tail; /* what commit publishes */
	uint64_t seen_head;
	/* consumer */
	alignas(64) _Atomic uint64_t head;
	uint64_t seen_tail;
};

static inline void
byte_ring_init(struct byte_ring *r, void *buf, uint32_t size)
{
	*r = (struct byte_ring){.buf = buf, .size = size};
}

static inline uint32_t
byte_ring_span(uint32_t len)
{
	return (uint32_t)((sizeof(struct byte_ring_rec) + len + 15) & ~(size_t)15);
}

/* byte_ring_free: producer only; bytes free now, filler not counted. */
static inline uint32_t
byte_ring_free(struct byte_ring *r)
{
	r->seen_head = atomic_load_explicit(&r->head, memory_order_acquire);
	return (uint32_t)(r->size - (atomic_load_explicit(&r->tail, memory_order_relaxed) - r->seen_head));
}

/* byte_ring_reserve: room for a payload of len bytes, or NULL when the ring has not that much more than keep_free, or
 * len exceeds BYTE_RING_MAX.  Nothing is seen by the consumer before byte_ring_commit; reserving again before it gives
 * the same room away again.  type: any but BYTE_RING_FILLER. */
static inline void *
byte_ring_reserve(struct byte_ring *r, uint16_t type, uint64_t handle, uint32_t len, uint32_t keep_free)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint32_t at = (uint32_t)(tail & (r->size - 1)), span = byte_ring_span(len);
	uint32_t to_end = r->size - at, gap = span > to_end ? to_end : 0;
	if (len > BYTE_RING_MAX)
		return NULL;
	if (r->size - (tail - r->seen_head) < (uint64_t)gap + span + keep_free &&
	    byte_ring_free(r) < (uint64_t)gap + span + keep_free)
		return NULL;
	if (gap) {
		struct byte_ring_rec *filler = (struct byte_ring_rec *)(void *)(r->buf + at);
		filler->type = BYTE_RING_FILLER;
		at = 0;
	}
	struct byte_ring_rec *rec = (struct byte_ring_rec *)(void *)(r->buf + at);
	rec->type = type;
	rec->len = (uint16_t)len;
	rec->reserved = 0;
	rec->handle = handle;
	r->reserved_tail = tail + gap + span;
	return rec->payload;
}

/* byte_ring_commit: shows the last reserved record to the consumer. */
static inline void
byte_ring_commit(struct byte_ring *r)
{
	atomic_store_explicit(&r->tail, r->reserved_tail, memory_order_release);
}

/* byte_ring_peek: the oldest record, valid until byte_ring_pop, or NULL. */
static inline const struct byte_ring_rec *
byte_ring_peek(struct byte_ring *r)
{
	for (;;) {
		uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
		if (head == r->seen_tail) {
			r->seen_tail = atomic_load_explicit(&r->tail, memory_order_acquire);
			if (head == r->seen_tail)
				return NULL;
		}
		uint32_t at = (uint32_t)(head & (r->size - 1));
		const struct byte_ring_rec *rec = (const struct byte_ring_rec *)(const void *)(r->buf + at);
		if (rec->type != BYTE_RING_FILLER)
			return rec;
		atomic_store_explicit(&r->head, head + (r->size - at), memory_order_release);
	}
}

/* byte_ring_pop: gives the room of the record that byte_ring_peek showed back to the producer. */
static inline void
byte_ring_pop(struct byte_ring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
	const struct byte_ring_rec *rec = (const struct byte_ring_rec *)(const void *)(r->buf + (head & (r->size - 1)));
	atomic_store_explicit(&r->head, head + byte_ring_span(rec->len), memory_order_release);
}

#endif
