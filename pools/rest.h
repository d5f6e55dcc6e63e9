/* rest.h - the order in which free indices rest: first in, first out, and any one can be picked from the middle.
 *
 * Indices 0..n-1 are resting or out.  One that is out carries a 32-bit value of the caller's; one that rests carries
 * its two neighbours in the same 32 bits, 16 each.  That is why indices are kept in blocks of 65536, each a list of its
 * own, and the blocks take turns: exact order within a block, and 4 bytes and a bit for an index in all.
 *
 * Everything but rest_init and rest_check is O(1).  Memory: the caller's, of rest_bytes.  The caller serialises.
 */
#ifndef POOLS_REST_H
#define POOLS_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REST_BLOCK 65536u
#define REST_MAX (1u << 24)
#define REST_MAX_BLOCKS (REST_MAX / REST_BLOCK)

/* head and tail mean nothing when n is 0. */
struct rest_block {
	uint32_t n;
	uint16_t head, tail;
};

/* Invariants: bit i of `resting` is set if and only if i is in the list of its block; n_resting is the sum of the
 * blocks' n; bit b of `ready` is set if and only if block b has any. */
struct rest {
	uint32_t *slot;
	uint64_t *resting;
	struct rest_block *blocks;
	uint32_t n, n_resting;
	uint32_t turn; /* the block to look at first */
	uint64_t ready[REST_MAX_BLOCKS / 64];
};

/* rest_bytes: for n indices, 1..REST_MAX; a multiple of 8. */
size_t rest_bytes(uint32_t n);

/* rest_init: all rest, in the order of their numbers.  mem is aligned to 8. */
void rest_init(struct rest *r, void *mem, uint32_t n);

static inline bool
rest_is(const struct rest *r, uint32_t i)
{
	return r->resting[i / 64] >> (i % 64) & 1;
}

/* rest_value: of an index that is out. */
static inline uint32_t
rest_value(const struct rest *r, uint32_t i)
{
	return r->slot[i];
}

static inline void
rest_set_value(struct rest *r, uint32_t i, uint32_t value)
{
	r->slot[i] = value;
}

/* rest_next: the index that goes out next.  Only when n_resting > 0.  Changes the turn, not the order. */
uint32_t rest_next(struct rest *r);

/* rest_take: i, which rests, goes out with this value. */
void rest_take(struct rest *r, uint32_t i, uint32_t value);

/* rest_give: i, which is out, rests, behind all others of its block. */
void rest_give(struct rest *r, uint32_t i);

/* rest_check: whether the invariants hold. */
bool rest_check(const struct rest *r);

#endif
