/* pool4.h - pools of IPv4 addresses: who may have which address, who has it, which comes next.
 *
 * A pool is a list of ranges; a set (struct pool4_set) is all pools of a configuration, in its order, and a pool is
 * named by its index there.  No address is in two pools.  An address is
 *
 *	free      lent next when it has rested longest: addresses never lent yet first, in the order of the ranges, then
 *	          those given back, in the order of their return (first in, first out)
 *	lent      to an owner, a number of the caller's that means nothing here
 *	reserved  not lent to whoever comes: POOL4_NEVER to nobody (the gateway), POOL4_STATIC only by pool4_take_static
 *
 * Two ways to get one.  pool4_alloc lends any: the address this user gave back last, if it is remembered and still free
 * in one of the pools that may serve him; else the next of the pool; else of the pool after it, along the chain, until
 * POOL_EXHAUSTED says that every pool of the chain was tried.  pool4_take lends a certain one (Framed-IP-Address, an
 * address the peer asks for), pool4_take_static one that a user's `static-ip` reserves.  Either way pool4_release ends
 * it.  A release that is not due (twice, by another owner) changes nothing and says so.
 *
 * Users are remembered by a 64-bit key (pool4_user_key) in a table of fixed size for the set: the newest `hints`
 * returns, about.  Two users with one key cost the sameness of their addresses, nothing else.
 *
 * Cost: every call but new, free, check, inherit and reading a pool's ranges is O(1) in the number of addresses; an
 * address is found by binary search among the configured ranges.  Memory: 4 bytes and a bit per address, 24 bytes per
 * range, 8 per hint, 1024 per 4096 addresses that have a reserved one among them.  One million addresses in one pool
 * take less than 4 MiB.  All of it is taken by pool4_set_new, except for what the reserved ones need.
 *
 * In a pool of more than 65536 addresses each block of 65536 keeps an order of its own and the blocks take turns: what
 * returns is lent again after all that was free in its block.
 *
 * Life cycle: pool4_set_new -> pool4_reserve -> alloc, take, release -> pool4_set_free.  For a new configuration build
 * a second set, reserve in it, let it inherit from the first, free the first.
 *
 * Thread: the caller serialises (MAIN).  No clock, no socket, no log.  IPv6 prefix pools will stand beside this in
 * pool6.h, with the same reasons and verbs.  RFC 3021 (both addresses of a /31 are hosts').
 */
#ifndef POOLS_POOL4_H
#define POOLS_POOL4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/role.h>
#include <pools/reason.h>

#define POOL4_MAX_ADDRESSES (1u << 24) /* in one pool */
#define POOL4_DEFAULT_HINTS 4096

/* Host order, both ends belong to it, first <= last. */
struct pool4_range {
	uint32_t first, last;
};

struct pool4_conf {
	const char *name; /* copied */
	const struct pool4_range *ranges;
	unsigned n_ranges;
	int next; /* index of the pool to try after this one, or -1 */
};

/* What pool4_check found, and where: ranges[range] of pools[pool]; for POOL_OVERLAP also the other of the two. */
struct pool4_fault {
	enum pool_reason reason;
	unsigned pool, range;
	unsigned other_pool, other_range;
};

/* total = free + lent + reserved; an address that is reserved and lent to its static user counts as lent. */
struct pool4_counts {
	uint32_t total, free, lent, reserved;
};

enum pool4_reservation {
	POOL4_NEVER, /* the gateway */
	POOL4_STATIC /* a user's static-ip: pool4_take_static */
};

struct pool4_set;

/* pool4_range_trim: takes the network and the broadcast address of net_first..net_last off r, where r has them; of a
 * /31 and a /32 both stay (RFC 3021).  False when nothing is left, and r is then unchanged.  For ranges written
 * a.b.c.d/m without `all-addresses`. */
bool pool4_range_trim(struct pool4_range *r, uint32_t net_first, uint32_t net_last) ANY_THREAD;

/* pool4_range_cut: takes the largest prefix that starts at r->first off r, false when r was used up: a loop over it
 * lists the prefixes that r consists of (for discard routes).  *used starts false. */
bool pool4_range_cut(struct pool4_range *r, bool *used, uint32_t *addr, uint8_t *len) ANY_THREAD;

/* pool4_check: whether the pools can be built; the first fault found, also in *fault.  pool4_set_new checks too. */
enum pool_reason pool4_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault) ANY_THREAD;

/* pool4_footprint: bytes that pool4_set_new would take for pools that pool4_check passes. */
size_t pool4_footprint(const struct pool4_conf *pools, unsigned n, unsigned hints) ANY_THREAD;

/* pool4_set_new: all free.  `hints` is how many users to remember, rounded up to a power of two, 0 for none.  NULL with
 * *fault filled. */
struct pool4_set *pool4_set_new(const struct pool4_conf *pools, unsigned n, unsigned hints, struct pool4_fault *fault)
	ON_MAIN;

void pool4_set_free(struct pool4_set *s) ON_MAIN;

/* pool4_set_inherit: what is lent in `old` becomes lent in `s` to the same owner where s has the address (a static
 * address also when it is reserved in s), and the users remembered there are remembered here if both tables have one
 * size.  Returns how many lent addresses s has no room for: their release says POOL_OUTSIDE or POOL_NOT_LENT.  The
 * order of rest starts anew.  s is new and has lent nothing yet. */
uint32_t pool4_set_inherit(struct pool4_set *s, const struct pool4_set *old) ON_MAIN;

/* pool4_find: index of the pool of this name (case counts), or -1.  Linear in the number of pools. */
int pool4_find(const struct pool4_set *s, const char *name) ON_MAIN;

unsigned pool4_set_size(const struct pool4_set *s) ON_MAIN;
const char *pool4_name(const struct pool4_set *s, unsigned pool) ON_MAIN;
int pool4_next(const struct pool4_set *s, unsigned pool) ON_MAIN;
struct pool4_counts pool4_counts(const struct pool4_set *s, unsigned pool) ON_MAIN;

/* pool4_reserve: takes addr out of what is lent.  POOL_OUTSIDE, POOL_TAKEN (it is lent now), POOL_RESERVED (already, if
 * not the same way), POOL_NO_MEMORY. */
enum pool_reason pool4_reserve(struct pool4_set *s, uint32_t addr, enum pool4_reservation how) ON_MAIN;

/* pool4_unreserve: makes addr free again; lent to its static user, it stays his until he releases it.  POOL_OUTSIDE,
 * POOL_OK also when it was not reserved. */
enum pool_reason pool4_unreserve(struct pool4_set *s, uint32_t addr) ON_MAIN;

/* pool4_user_key: the key of a user by name, never 0. */
uint64_t pool4_user_key(const void *name, size_t len) ANY_THREAD;

/* pool4_alloc: lends any address of `pool` or of those after it.  user: his key, 0 for one not remembered.
 * POOL_EXHAUSTED.  *addr is host order and written on POOL_OK only. */
enum pool_reason pool4_alloc(struct pool4_set *s, unsigned pool, uint64_t user, uint32_t owner, uint32_t *addr) ON_MAIN;

/* pool4_take: lends this address.  POOL_OUTSIDE (the caller may use it at his own risk), POOL_TAKEN, POOL_RESERVED. */
enum pool_reason pool4_take(struct pool4_set *s, uint32_t addr, uint32_t owner) ON_MAIN;

/* pool4_take_static: the same, and also an address reserved POOL4_STATIC: whose it is, is the caller's to know. */
enum pool_reason pool4_take_static(struct pool4_set *s, uint32_t addr, uint32_t owner) ON_MAIN;

/* pool4_release: ends it.  user: whom to remember, 0 for nobody.  POOL_OUTSIDE, POOL_NOT_LENT (released before),
 * POOL_NOT_OWNER; these change nothing. */
enum pool_reason pool4_release(struct pool4_set *s, uint32_t addr, uint32_t owner, uint64_t user) ON_MAIN;

/* pool4_holder: whether addr is lent, and to whom. */
bool pool4_holder(const struct pool4_set *s, uint32_t addr, uint32_t *owner) ON_MAIN;

/* pool4_of: index of the pool that addr belongs to, or -1. */
int pool4_of(const struct pool4_set *s, uint32_t addr) ON_MAIN;

/* pool4_set_check: for tests: whether every invariant holds.  Looks at every address. */
bool pool4_set_check(const struct pool4_set *s) ON_MAIN;

#endif
