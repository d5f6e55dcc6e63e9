/* sub4.h - MAIN's side of the exact IPv4 table, 16-8-8 (tables.h has the reader's side).
 *
 * Three levels: 65,536 words by the upper 16 bits, then blocks of 256 words by the next 8 and by the last 8.  A block is
 * filled before it is linked and unlinked when it is empty; readers may still hold it then, so it rests until a grace
 * period has passed.  Block 0 of each level is the empty one that everything unlinked points to, and is never written.
 *
 * Thread: MAIN writes; workers read at any time.  Memory: one piece from the caller, sized at start.
 */
#ifndef DP_SUB4_H
#define DP_SUB4_H

#include <stddef.h>

#include "tables.h"

/* One level's blocks: free ones on a stack, unlinked ones in a queue with the token of their grace period. */
struct sub4_pool {
	uint32_t *free;
	uint32_t n_free, n_blocks;
	uint16_t *used; /* words in use, by block */
	uint32_t *resting;
	uint64_t *token;
	uint32_t rest_head, n_resting;
};

struct sub4_writer {
	struct sub4 *t;
	struct rte_rcu_qsbr *qsbr;
	struct sub4_pool l2, l3;
	uint32_t entries;
};

/* sub4_bytes: memory for n_blocks /24 blocks, wherever they lie. */
size_t sub4_bytes(uint32_t n_blocks) ANY_THREAD;

/* sub4_init: memory is sub4_bytes(n_blocks) zero bytes, aligned to 64. */
void sub4_init(struct sub4_writer *w, struct sub4 *t, struct rte_rcu_qsbr *qsbr, void *memory, uint32_t n_blocks)
	INIT_ONLY;

/* sub4_set: nh 0 removes.  -ENOSPC when a block is needed and none is free or has rested long enough. */
int sub4_set(struct sub4_writer *w, uint32_t ip4, uint32_t nh) ON_MAIN;
uint32_t sub4_get(const struct sub4_writer *w, uint32_t ip4) ON_MAIN;

/* sub4_step: gives back the blocks whose grace period is over. */
void sub4_step(struct sub4_writer *w) ON_MAIN;

/* sub4_check: for tests and debug builds: every count agrees with the words. */
bool sub4_check(const struct sub4_writer *w) ON_MAIN;

#endif
