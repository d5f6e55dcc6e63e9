/* policer.h - a token bucket of events: rate_per_s of them a second, and as many at once.
 *
 * Owner: whoever holds it; no clock, no lock.  Tokens are kept in millionths, so that refilling needs a multiplication
 * and no division.
 */
#ifndef DP_POLICER_H
#define DP_POLICER_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/mono.h>

#define POLICER_TOKEN 1000000

struct policer {
	uint32_t rate_per_s;
	int64_t tokens; /* millionths of an event */
	struct mono refilled;
};

/* policer_init: full; rate 0 lets nothing through. */
static inline void
policer_init(struct policer *p, uint32_t rate_per_s, struct mono now)
{
	*p = (struct policer){rate_per_s, (int64_t)rate_per_s * POLICER_TOKEN, now};
}

/* policer_ready: true when one more event would be within the rate. */
static inline bool
policer_ready(struct policer *p, struct mono now)
{
	int64_t full = (int64_t)p->rate_per_s * POLICER_TOKEN, passed = mono_since_us(now, p->refilled);
	if (passed >= POLICER_TOKEN)
		p->tokens = full;
	else if (passed > 0)
		p->tokens += passed * p->rate_per_s;
	if (passed > 0)
		p->refilled = now;
	if (p->tokens > full)
		p->tokens = full;
	return p->tokens >= POLICER_TOKEN;
}

/* policer_take: the same, and the event takes place. */
static inline bool
policer_take(struct policer *p, struct mono now)
{
	if (!policer_ready(p, now))
		return false;
	p->tokens -= POLICER_TOKEN;
	return true;
}

#endif
