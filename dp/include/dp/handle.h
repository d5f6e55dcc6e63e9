/* handle.h - how the control thread and a worker core name an object that one of them owns.
 *
 * u64 {lcore:8, index:24, generation:32}.  cp allocates session slots per core and tunnel ids; dp allocates TCP
 * connection slots.  The owner core bumps the generation when it lets an object go, so a message that crosses the end of
 * its object finds another generation and is dropped without harm.  Generation 0 is never in use: handle 0 names
 * nothing.  Any thread; no state.
 *
 * A session slot's generations, exactly: SESSION_OPEN brings the generation that cp has chosen, and the free slot takes
 * it.  SESSION_CLOSE of that generation steps it with handle_next_generation; SESSION_CLOSED carries the handle as cp
 * knew it.  cp steps its own in the same way when it reads that, and chooses it, or a later one, the next time.  Handles
 * of tunnels have no generation: cp reuses a tunnel id when all of its sessions are closed.
 */
#ifndef DP_HANDLE_H
#define DP_HANDLE_H

#include <stdint.h>

#define HANDLE_NONE 0

static inline uint64_t
handle_make(unsigned lcore, uint32_t index, uint32_t generation)
{
	return (uint64_t)lcore << 56 | (uint64_t)(index & 0xffffff) << 32 | generation;
}

static inline unsigned
handle_lcore(uint64_t h)
{
	return (unsigned)(h >> 56);
}

static inline uint32_t
handle_index(uint64_t h)
{
	return (uint32_t)(h >> 32) & 0xffffff;
}

static inline uint32_t
handle_generation(uint64_t h)
{
	return (uint32_t)h;
}

/* handle_core: names a worker core and none of its objects: for messages to the core itself. */
static inline uint64_t
handle_core(unsigned lcore)
{
	return (uint64_t)lcore << 56;
}

/* handle_next_generation: of a slot that is let go; skips 0. */
static inline uint32_t
handle_next_generation(uint32_t generation)
{
	return generation + 1 ? generation + 1 : 1;
}

/* handle_former_generation: handle_next_generation backwards. */
static inline uint32_t
handle_former_generation(uint32_t generation)
{
	return generation > 1 ? generation - 1 : UINT32_MAX;
}

#endif
