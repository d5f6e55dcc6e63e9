/* adj.h - MAIN's side of the adjacencies: neighbours on links, by index.
 *
 * All that a worker needs to send is in one word (tables.h), so it never sees half a change.  An index that is let go
 * rests for a grace period: a worker may have taken it out of a route table in this very loop.
 * Thread: MAIN.  Memory: the caller's, sized at start.
 */
#ifndef DP_ADJ_H
#define DP_ADJ_H

#include <stddef.h>

#include "tables.h"

struct adj_writer {
	struct tables *t;
	uint32_t *free;
	uint32_t n_free, n_in_use;
	uint32_t *resting;
	uint64_t *token;
	uint32_t rest_head, n_resting;
	bool *in_use;
};

size_t adj_bytes(uint32_t n) ANY_THREAD;

/* adj_init: memory is adj_bytes(n) zero bytes, aligned to 64; sets t->adj and t->n_adj. */
void adj_init(struct adj_writer *w, struct tables *t, void *memory, uint32_t n) INIT_ONLY;

/* adj_new: an unresolved one; its index, or -ENOSPC. */
int adj_new(struct adj_writer *w, unsigned iface, const struct addr *a) ON_MAIN;

/* The others ignore an index that is not in use. */
void adj_resolve(struct adj_writer *w, uint32_t adj, const uint8_t mac[6]) ON_MAIN;
void adj_unresolve(struct adj_writer *w, uint32_t adj) ON_MAIN;
void adj_free(struct adj_writer *w, uint32_t adj) ON_MAIN;

/* adj_step: indexes whose grace period is over can be used again. */
void adj_step(struct adj_writer *w) ON_MAIN;

#endif
