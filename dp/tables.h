/* tables.h - the tables that MAIN writes and every worker core reads without a lock.
 *
 * One struct for the machine.  Subscribers (sub4) are single words, stored atomically: a reader sees the old or the new
 * one.  Route tables are doubled and swapped as a whole.  An adjacency's MAC address, port and state are one word.  What
 * a reader may still hold is freed after a grace period of `qsbr`, to which each worker reports once a loop.
 */
#ifndef DP_TABLES_H
#define DP_TABLES_H

#include <stdatomic.h>
#include <stdint.h>

#include <rte_fib.h>
#include <rte_rcu_qsbr.h>

#include <dp/dp.h>

#include "clock.h"
#include "route6.h"
#include "vec.h"

/* The exact table of IPv4 addresses, 16-8-8.  Level values are block numbers, 0: nothing below. */
struct sub4 {
	_Atomic uint32_t *l1;        /* 65,536: block of l2 */
	_Atomic uint32_t (*l2)[256]; /* block of l3 */
	_Atomic uint32_t (*l3)[256]; /* next hop */
};

/* adj word: bit 63 resolved; bit 62 IPv6; bits 48-59 interface; bits 0-47 MAC address, first octet lowest. */
struct adj {
	_Atomic uint64_t word;
	struct addr addr; /* the neighbour; immutable while the adjacency is in use */
	uint16_t iface;   /* likewise */
	uint16_t reserved[3];
};

#define ADJ_RESOLVED (1ull << 63)
#define ADJ_IP6 (1ull << 62)

/* Distinct next hops of all routes.  A route table holds their numbers in two bytes, which halves its 64 MiB. */
#define FIB_NEXTHOPS (1u << 15)

struct tables {
	struct sub4 sub4;
	struct route6 route6;
	_Atomic(struct rte_fib *) fib[DP_TABLE_COUNT]; /* the copy that workers read */
	uint32_t *fib_nh;                              /* FIB_NEXTHOPS, [0] == NH_NONE */
	struct adj *adj;
	uint32_t n_adj;
	struct rte_rcu_qsbr *qsbr;
	struct tsc_clock clock;
	atomic_bool stage_cycles;
	atomic_bool stop;
};

/* sub4_lookup: NH_NONE (0) when nothing is there. */
static inline uint32_t sub4_lookup(const struct sub4 *t, uint32_t ip4) ON_LCORE;

static inline uint32_t
sub4_lookup(const struct sub4 *t, uint32_t ip4)
{
	uint32_t b2 = atomic_load_explicit(&t->l1[ip4 >> 16], memory_order_consume);
	uint32_t b3 = atomic_load_explicit(&t->l2[b2][ip4 >> 8 & 0xff], memory_order_consume);
	return atomic_load_explicit(&t->l3[b3][ip4 & 0xff], memory_order_acquire);
}

/* fib_lookup: longest prefix match of n <= VEC_MAX addresses; NH_NONE where there is no route. */
static inline void fib_lookup(const struct tables *t, enum dp_table table, uint32_t *ip4, uint32_t *nh, unsigned n)
	ON_LCORE;

static inline void
fib_lookup(const struct tables *t, enum dp_table table, uint32_t *ip4, uint32_t *nh, unsigned n)
{
	uint64_t number[VEC_MAX];
	struct rte_fib *fib = atomic_load_explicit(&t->fib[table], memory_order_acquire);
	rte_fib_lookup_bulk(fib, ip4, number, (int)n);
	for (unsigned i = 0; i < n; i++)
		nh[i] = t->fib_nh[number[i]];
}

#endif
