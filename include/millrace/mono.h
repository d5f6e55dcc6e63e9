/* mono.h - a point on the monotonic clock.
 *
 * A struct, so that seconds, milliseconds and ticks cannot be mixed in by accident.  The clock itself is read in the
 * loops alone (cp/loop.c, dp/lcore.c); everything below them gets `now` as a parameter, which is what lets the tests
 * run on a virtual clock.  Any thread; no state.
 */
#ifndef MILLRACE_MONO_H
#define MILLRACE_MONO_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
	int64_t us;
};

#define MONO_NEVER ((struct mono){INT64_MAX})

static inline struct mono
mono_add_us(struct mono t, int64_t us)
{
	return (struct mono){t.us + us};
}

static inline struct mono
mono_add_ms(struct mono t, int64_t ms)
{
	return (struct mono){t.us + ms * 1000};
}

static inline struct mono
mono_add_s(struct mono t, int64_t s)
{
	return (struct mono){t.us + s * 1000000};
}

/* mono_since_us: how long ago `then` was, in microseconds; negative when it lies ahead. */
static inline int64_t
mono_since_us(struct mono now, struct mono then)
{
	return now.us - then.us;
}

static inline bool
mono_reached(struct mono now, struct mono due)
{
	return now.us >= due.us;
}

#endif
