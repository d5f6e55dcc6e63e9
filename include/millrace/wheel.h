/* wheel.h - the hashed timing wheel of every loop: one per worker core, one on MAIN.
 *
 * Not thread-safe: the loop that owns the wheel is its only caller.  Memory is the caller's: an array of slot heads (a
 * power of two) and a node inside each timed object.  A node due beyond the wheel's horizon waits in its slot for
 * another round.  Adding, moving and removing are O(1).
 *
 * Timers that are moved on every packet (idle, echo) should be lazy: keep the deadline in the object, leave the node
 * where it is, and add it again when it fires too early (measured: 1-2 cycles against 16-33 for a move).
 *
 *	wheel_init -> wheel_add / wheel_del ... -> for (budget; (n = wheel_pop(w, now, &budget));) handle(n)
 */
#ifndef MILLRACE_WHEEL_H
#define MILLRACE_WHEEL_H

#include <stddef.h>

#include <millrace/mono.h>

/* Invariant: prev is NULL if and only if the node is not in a wheel; else *prev == node. */
struct wheel_node {
	struct wheel_node *next, **prev;
	struct mono due;
};

struct wheel {
	struct wheel_node **slots;
	struct wheel_node *expiring; /* the nodes of the slot being worked off */
	uint32_t mask;
	uint32_t tick_us;
	int64_t tick; /* all slots before this tick have been moved to `expiring` */
};

/* wheel_init: n_slots is a power of two; a node fires at most one tick_us late. */
static inline void
wheel_init(struct wheel *w, struct wheel_node **slots, uint32_t n_slots, uint32_t tick_us, struct mono now)
{
	for (uint32_t i = 0; i < n_slots; i++)
		slots[i] = NULL;
	*w = (struct wheel){.slots = slots, .mask = n_slots - 1, .tick_us = tick_us, .tick = now.us / tick_us};
}

static inline bool
wheel_pending(const struct wheel_node *n)
{
	return n->prev != NULL;
}

static inline void
wheel_del(struct wheel_node *n)
{
	if (!n->prev)
		return;
	*n->prev = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->prev = NULL;
}

static inline void
wheel_push(struct wheel_node **head, struct wheel_node *n)
{
	n->next = *head;
	if (n->next)
		n->next->prev = &n->next;
	n->prev = head;
	*head = n;
}

/* wheel_tick_of: the first tick at or after `due`, also of MONO_NEVER. */
static inline int64_t
wheel_tick_of(const struct wheel *w, struct mono due)
{
	return due.us / w->tick_us + (due.us % w->tick_us > 0);
}

/* wheel_add: arms n, or moves it when it is armed already.  What is due already fires at the next tick. */
static inline void
wheel_add(struct wheel *w, struct wheel_node *n, struct mono due)
{
	wheel_del(n);
	n->due = due;
	int64_t tick = wheel_tick_of(w, due);
	if (tick < w->tick)
		tick = w->tick;
	wheel_push(&w->slots[tick & w->mask], n);
}

/* wheel_skip_rounds: one round finds all that is due.  What is skipped is whole rounds, so that the slots keep their
 * turns and none starves when the clock outruns the budget. */
static inline void
wheel_skip_rounds(struct wheel *w, int64_t last)
{
	int64_t round = (int64_t)w->mask + 1, behind = (last - w->tick) & ~(int64_t)w->mask;
	if (behind > round)
		w->tick += behind - round;
}

/* wheel_pop: a node whose time has come, taken out of the wheel, or NULL when there is none or *budget is used up.
 * Each node or slot that it looks at costs one of the budget, so a loop over it is bounded.  When the clock has jumped,
 * no slot is looked at more than twice to catch up. */
static inline struct wheel_node *
wheel_pop(struct wheel *w, struct mono now, unsigned *budget)
{
	int64_t last = now.us / w->tick_us;
	for (; *budget; --*budget) {
		struct wheel_node *n = w->expiring;
		if (!n) {
			if (w->tick > last)
				return NULL;
			wheel_skip_rounds(w, last);
			n = w->slots[w->tick & w->mask];
			w->slots[w->tick & w->mask] = NULL;
			w->expiring = n;
			if (n)
				n->prev = &w->expiring;
			w->tick++;
			continue;
		}
		wheel_del(n);
		if (mono_reached(now, n->due)) {
			--*budget;
			return n;
		}
		/* w->tick has passed this slot: a node of a later round goes back to it untouched. */
		wheel_push(&w->slots[wheel_tick_of(w, n->due) & w->mask], n);
	}
	return NULL;
}

#endif
