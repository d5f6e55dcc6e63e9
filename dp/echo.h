/* echo.h - LCP echo requests (RFC 1661 5.8), sent by the worker core: is the peer still there?
 *
 * Owner: the worker core.  One timer for each session, lazy: data from the peer moves only last_up_us, and control frames
 * only echo_heard_ms; when the timer fires and the peer was heard within the interval, it is set for the rest of it and
 * nothing is sent.  A silent peer is asked each echo_probe_s.  What ends the matter (SESSION_DEAD, once) is a request that
 * would find `echo_failure` of its kind unanswered, or, with echo_timeout_s, so long a silence, however many requests
 * there were.  ppp_data.c takes the replies: it sets echo_unanswered to 0.
 */
#ifndef DP_ECHO_H
#define DP_ECHO_H

#include "lcore.h"

/* echo_set: the echo fields of a SESSION_SET; interval 0 stops. */
void echo_set(struct lcore *lc, struct dp_session *s, const struct dp_session_set *set) ON_LCORE;

/* echo_heard: a control frame of the peer's has come. */
static inline void echo_heard(struct dp_session *s, struct mono now) ON_LCORE;

static inline void
echo_heard(struct dp_session *s, struct mono now)
{
	s->echo_heard_ms = (uint32_t)(now.us / 1000);
}

/* echo_timers: expires at most `quota` timers; how many it looked at. */
unsigned echo_timers(struct lcore *lc, unsigned quota) ON_LCORE;

#endif
