#include "echo.h"

#include <stddef.h>

#include <millrace/bytes.h>

#include "lifecycle.h"
#include "path.h"

#define PPP_LCP 0xc021
#define LCP_ECHO_REQUEST 9
#define ECHO_LEN 8 /* code, identifier, length, magic number */

static void fire(struct lcore *lc, struct dp_session *s) ON_LCORE;
static struct mono heard_at(const struct lcore *lc, const struct dp_session *s) ON_LCORE;
static bool gone(const struct lcore *lc, const struct dp_session *s, struct mono heard) ON_LCORE;
static struct mono next_probe(const struct lcore *lc, const struct dp_session *s, struct mono heard) ON_LCORE;
static void request(struct lcore *lc, struct dp_session *s) ON_LCORE;

void
echo_set(struct lcore *lc, struct dp_session *s, const struct dp_session_set *set)
{
	s->echo_interval_s = set->echo_interval_s;
	s->echo_failure = set->echo_failure;
	s->echo_probe_s = set->echo_probe_s ? set->echo_probe_s : set->echo_interval_s;
	s->echo_timeout_s = set->echo_timeout_s;
	s->echo_unanswered = 0;
	echo_heard(s, lc->now);
	if (s->echo_interval_s)
		wheel_add(&lc->wheel, &s->timer, mono_add_s(lc->now, s->echo_interval_s));
	else
		wheel_del(&s->timer);
}

unsigned
echo_timers(struct lcore *lc, unsigned quota)
{
	unsigned left = quota;
	struct wheel_node *n;
	while ((n = wheel_pop(&lc->wheel, lc->now, &left)))
		fire(lc, (struct dp_session *)(void *)((uint8_t *)n - offsetof(struct dp_session, timer)));
	return quota - left;
}

static void
fire(struct lcore *lc, struct dp_session *s)
{
	struct mono heard = heard_at(lc, s), due = mono_add_s(heard, s->echo_interval_s);
	if (!mono_reached(lc->now, due)) {
		s->echo_unanswered = 0;
		wheel_add(&lc->wheel, &s->timer, due);
		return;
	}
	if (gone(lc, s, heard)) {
		if (!s->dead_sent)
			lifecycle_send(lc, s, PENDING_DEAD);
		s->dead_sent = 1;
		return;
	}
	request(lc, s);
	wheel_add(&lc->wheel, &s->timer, next_probe(lc, s, heard));
}

/* heard_at: the later of data and control, never later than it was.  The 32 bits come round in 49 days; a control frame
 * so old then looks new for the length of one silence. */
static struct mono
heard_at(const struct lcore *lc, const struct dp_session *s)
{
	int64_t now_ms = lc->now.us / 1000;
	int64_t control_us = (now_ms - (uint32_t)((uint32_t)now_ms - s->echo_heard_ms)) * 1000;
	return (struct mono){control_us > s->last_up_us ? control_us : s->last_up_us};
}

static bool
gone(const struct lcore *lc, const struct dp_session *s, struct mono heard)
{
	if (s->echo_timeout_s)
		return mono_reached(lc->now, mono_add_s(heard, s->echo_timeout_s));
	return s->echo_failure && s->echo_unanswered >= s->echo_failure;
}

static struct mono
next_probe(const struct lcore *lc, const struct dp_session *s, struct mono heard)
{
	struct mono probe = mono_add_s(lc->now, s->echo_probe_s), end = mono_add_s(heard, s->echo_timeout_s);
	return s->echo_timeout_s && end.us < probe.us ? end : probe;
}

/* request: a request that we could not even send is not one that the peer has failed to answer. */
static void
request(struct lcore *lc, struct dp_session *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lc->pool);
	if (!m) {
		lc->stats.drops[DROP_NO_MBUF]++;
		return;
	}
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, 2 + ECHO_LEN);
	put_be16(p, PPP_LCP);
	p[2] = LCP_ECHO_REQUEST;
	p[3] = ++s->echo_id;
	put_be16(p + 4, ECHO_LEN);
	put_be32(p + 6, s->our_magic);
	s->echo_unanswered++;
	path_send_ppp(lc, s, m);
}
