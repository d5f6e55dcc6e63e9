/* nexthop.h - where a packet goes, as the lookups answer it: one u32.
 *
 *	1 lcore:7 slot:24     the session of a subscriber
 *	0 kind:3  index:28    everything else
 *
 * The all-zero value is NH_NONE, "no entry", so fresh tables need no filling.  Any thread; no state.
 */
#ifndef DP_NEXTHOP_H
#define DP_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

enum nh_kind {
	NH_NONE,    /* no entry: the next table is asked, and last of all it is "no route" */
	NH_ADJ,     /* index: adjacency */
	NH_LOCAL,   /* one of our own addresses; index: interface, or NH_LOCAL_GATEWAY */
	NH_GLEAN,   /* on the link of interface `index`: the neighbour is not known yet, ask MAIN to resolve it */
	NH_DISCARD, /* an aggregate of ours (pool, delegated prefix): rate-limited ICMP unreachable */
};

#define NH_LOCAL_GATEWAY 0xfffffff
#define NH_SESSION_BIT 0x80000000u

static inline uint32_t
nh_make(enum nh_kind kind, uint32_t index)
{
	return (uint32_t)kind << 28 | (index & 0xfffffff);
}

static inline uint32_t
nh_session(unsigned lcore, uint32_t slot)
{
	return NH_SESSION_BIT | (lcore & 0x7f) << 24 | (slot & 0xffffff);
}

static inline bool
nh_is_session(uint32_t nh)
{
	return nh & NH_SESSION_BIT;
}

static inline unsigned
nh_session_lcore(uint32_t nh)
{
	return nh >> 24 & 0x7f;
}

static inline uint32_t
nh_session_slot(uint32_t nh)
{
	return nh & 0xffffff;
}

/* nh_kind, nh_index: only for what is no session. */
static inline enum nh_kind
nh_kind(uint32_t nh)
{
	return (enum nh_kind)(nh >> 28);
}

static inline uint32_t
nh_index(uint32_t nh)
{
	return nh & 0xfffffff;
}

#endif
