/* route6.h - IPv6 routes: exact by prefix, one hash table for all lengths, the longest asked first.
 *
 * Routes of IPv6 are few lengths (128 for our own addresses and for neighbours, 64 for links, 0), so a look-up is as many
 * look-ups in a hash table as there are lengths in use, eight at most in one route table; a ninth is refused.  Keys carry the
 * length and the table.  Neighbours with link-local addresses are keyed by their interface instead (RFC 4007): what has no
 * entry there is on the link, and to be resolved.
 *
 * Readers take no lock: an entry is one word behind a key that is whole before it is linked, and the place of a removed
 * one is used again after a grace period (rte_hash's RCU).  A length is listed after its first route is there, and
 * leaves the list after its last.
 *
 * Thread: MAIN writes; workers read at any time.  Memory: DPDK's, sized at start.
 */
#ifndef DP_ROUTE6_H
#define DP_ROUTE6_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_hash.h>
#include <rte_rcu_qsbr.h>

#include <dp/dp.h>

struct route6 {
	struct rte_hash *hash; /* struct route6_key -> next hop */
	_Atomic uint64_t
		lengths[DP_TABLE_COUNT]; /* the longest in the lowest octet, each one more than it is; 0: no more */
};

struct route6_key {
	struct addr addr; /* without host bits */
	uint8_t len;
	uint8_t space; /* ROUTE6_LINK_LOCAL, or one more than the table: rte_hash takes a key of zeros for an empty place */
	uint16_t iface;   /* of a link-local neighbour; else 0 */
	uint8_t zero[12]; /* rte_hash compares 32 octets at once */
};
_Static_assert(sizeof(struct route6_key) == 32, "a length that rte_hash compares by vectors");

#define ROUTE6_LINK_LOCAL 0xff
#define ROUTE6_SPACE(table) ((uint8_t)((table) + 1))

struct route6_writer {
	struct route6 *t;
	uint32_t uses[DP_TABLE_COUNT][129]; /* routes of each length */
	uint32_t n, max;
};

/* route6_lookup: longest match in a table; for a link-local destination the neighbour on iface, or NH_GLEAN. */
uint32_t route6_lookup(const struct route6 *t, enum dp_table table, const struct addr *dst, unsigned iface) ON_LCORE;

/* route6_ours: one of our own addresses, link-local ones apart. */
bool route6_ours(const struct route6 *t, const struct addr *a) ON_LCORE;

/* route6_init: room for `max` routes, all tables together; -ENOMEM. */
int route6_init(struct route6_writer *w, struct route6 *t, struct rte_rcu_qsbr *qsbr, uint32_t max, int socket)
	INIT_ONLY;
void route6_fini(struct route6_writer *w) INIT_ONLY;
size_t route6_bytes(uint32_t max) ANY_THREAD;

/* route6_set: nh 0 removes.  Host bits are ignored.  -ENOSPC: too many routes, or lengths. */
int route6_set(struct route6_writer *w, enum dp_table table, const struct prefix *p, uint32_t nh) ON_MAIN;
uint32_t route6_get(const struct route6_writer *w, enum dp_table table, const struct addr *a) ON_MAIN;
int route6_link_set(struct route6_writer *w, unsigned iface, const struct addr *a, uint32_t nh) ON_MAIN;

#endif
