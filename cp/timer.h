/* timer.h - MAIN's timers: a wheel node with a function.
 *
 * Owned by MAIN.  The object embeds the timer; the wheel is the daemon's (or a test's, on a virtual clock).  A timer
 * that fires is out of the wheel before its function runs, so the function may set it again or free the object.
 */
#ifndef CP_TIMER_H
#define CP_TIMER_H

#include <millrace/role.h>
#include <millrace/wheel.h>

struct timer {
	struct wheel_node node;
	void (*fire)(struct timer *t, struct mono now);
};

#define TIMER_SLOTS 8192 /* of 8 ms: 65 s in one turn */
#define TIMER_TICK_US 8192

struct timers {
	struct wheel wheel;
	struct wheel_node *slots[TIMER_SLOTS];
};

static inline void
timers_init(struct timers *ts, struct mono now)
{
	wheel_init(&ts->wheel, ts->slots, TIMER_SLOTS, TIMER_TICK_US, now);
}

/* timer_set: (re)arms t.  fire must be set. */
static inline void
timer_set(struct timers *ts, struct timer *t, struct mono due)
{
	wheel_add(&ts->wheel, &t->node, due);
}

static inline void
timer_stop(struct timer *t)
{
	wheel_del(&t->node);
}

static inline bool
timer_pending(const struct timer *t)
{
	return wheel_pending(&t->node);
}

/* timers_run: fires what is due, at most about `budget` of them; returns how many fired. */
static inline unsigned
timers_run(struct timers *ts, struct mono now, unsigned budget)
{
	unsigned fired = 0;
	struct wheel_node *n;
	while ((n = wheel_pop(&ts->wheel, now, &budget))) {
		struct timer *t = (struct timer *)(void *)((char *)n - offsetof(struct timer, node));
		t->fire(t, now);
		fired++;
	}
	return fired;
}

#endif
