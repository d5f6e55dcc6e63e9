/* fib.h - MAIN's side of a route table: two copies of rte_fib, one that the workers read and one that MAIN changes.
 *
 * rte_fib (DPDK 22.11) frees what its readers may still hold, so a copy is changed only while nobody reads it.
 * fib_set records what a route should be; fib_step brings the shadow there, swaps the two, and after the grace period
 * brings the other one there as well.  Changes of one prefix that come faster than the swaps (at most 20 a second)
 * become one.  The master copy is an rte_rib, which also answers fib_get; a removed route stays in it as NH_NONE until
 * both copies have dropped it.
 *
 * The copies hold numbers of next hops (tables.h, FIB_NEXTHOPS), counted by the routes of both copies that use them; a
 * number is given to another next hop when no copy has it any more, and the last to drop it is one that nobody reads.
 *
 * Thread: MAIN.  Memory: DPDK's, sized at start by the number of routes.
 */
#ifndef DP_FIB_H
#define DP_FIB_H

#include <stddef.h>

#include <millrace/mono.h>

#include "tables.h"

/* Numbers of next hops, shared by all route tables. */
struct fib_numbers {
	uint32_t *nh; /* tables.fib_nh */
	uint32_t uses[FIB_NEXTHOPS];
	uint32_t top; /* 1 at first; no number at or above is in use */
};

/* What a route should be, and what each copy has.  Numbers are 0 for "no route". */
struct fib_route {
	uint32_t ip4, nh;
	uint16_t want, in[2];
	uint8_t depth;
	bool dirty; /* listed in fib_writer.dirty: want != in[0] or want != in[1] */
};

struct fib_writer {
	struct tables *t;
	enum dp_table table;
	struct fib_numbers *numbers;
	struct rte_rib *master;
	struct rte_fib *copy[2];
	unsigned active;
	struct fib_route *routes; /* by number; a node of master holds it */
	uint32_t *free_route;
	uint32_t n_free;
	uint32_t *dirty;                        /* routes that one of the copies has not got yet */
	uint32_t n_dirty, max_routes, max_long; /* longer than /24 */
	uint32_t n_routes, n_long;
	bool shadow_changed; /* it has what the active copy has not: worth a swap */
	bool shadow_behind;  /* it may lack something of the master */
	bool grace;          /* a swap's grace period runs: the shadow may still be read */
	uint64_t token;
	struct mono swapped;
};

/* fib_bytes: memory of one doubled table. */
size_t fib_bytes(uint32_t max_routes) ANY_THREAD;

/* fib_init: -ENOMEM. */
int fib_init(struct fib_writer *w, struct tables *t, enum dp_table table, struct fib_numbers *numbers,
	     uint32_t max_routes, int socket) INIT_ONLY;
void fib_fini(struct fib_writer *w) INIT_ONLY;

/* fib_set: nh 0 removes.  Host bits of the prefix are ignored.  -EINVAL: not IPv4; -ENOSPC: too many routes, or too many
 * longer than /24, or too many different next hops. */
int fib_set(struct fib_writer *w, const struct prefix *p, uint32_t nh) ON_MAIN;
uint32_t fib_get(const struct fib_writer *w, uint32_t ip4) ON_MAIN;

void fib_step(struct fib_writer *w, struct mono now) ON_MAIN;

#endif
