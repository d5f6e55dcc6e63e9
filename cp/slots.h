/* slots.h - which session slots of the worker cores are in use, and by whom.
 *
 * A slot names a session on its core: handle {core, slot, generation}.  For L2TP the lower 16 bits of the slot are the
 * session id that the peer puts into its data, and the upper bits are the region of its tunnel, so that the worker
 * finds the session by direct index.  Slots whose lower 16 bits are 0 are never given out.
 *
 * A freed slot rests longest before it is used again (first in, first out per region): data of the former session that
 * is still under way then meets a free slot, and not another subscriber.
 *
 * MAIN only.  Sized at start; nothing is allocated later.  Invariant: free count of all regions + slots in use == usable
 * slots.
 */
#ifndef CP_SLOTS_H
#define CP_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/role.h>

#define SLOTS_REGION 65536u

struct session;

struct slots_region {
	uint32_t *ring; /* free slots, oldest first; 65,536 places */
	uint32_t head, n_free;
	uint32_t tunnels;
};

struct slots {
	unsigned lcore;
	uint32_t n;                /* slots, a multiple of nothing in particular; the last region may be short */
	uint32_t n_usable, in_use; /* without those whose lower 16 bits are 0 */
	uint32_t *generation;      /* next to be used with the slot; never 0 */
	struct session **owner;
	unsigned n_regions;
	struct slots_region *regions;
};

/* slots_init: n slots on one worker core.  -ENOMEM. */
int slots_init(struct slots *s, unsigned lcore, uint32_t n) ON_MAIN;
void slots_fini(struct slots *s) ON_MAIN;

/* slots_pick_region: the region with most free slots, for a new tunnel. */
uint32_t slots_pick_region(const struct slots *s) ON_MAIN;

/* slots_take: a slot of the region for owner, as a handle; 0 when the region is full. */
uint64_t slots_take(struct slots *s, uint32_t region, struct session *owner) ON_MAIN;

/* slots_find: the owner of the slot, or NULL when the handle is of an earlier session. */
struct session *slots_find(const struct slots *s, uint64_t handle) ON_MAIN;

/* slots_at: the owner of the slot, or NULL. */
struct session *slots_at(const struct slots *s, uint32_t slot) ON_MAIN;

/* slots_release: the worker has let the session go (SESSION_CLOSED), or never heard of it. */
void slots_release(struct slots *s, uint64_t handle) ON_MAIN;

/* slots_next: the owner of the first used slot at or after *slot, moving *slot past it; looks at no more than `look` slots
 * and returns NULL when it found none among them (*slot >= s->n: there are no more). */
struct session *slots_next(const struct slots *s, uint32_t *slot, unsigned look) ON_MAIN;

#endif
