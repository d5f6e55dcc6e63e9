/* The congestion window: slow start with HyStart++ (RFC 9406), CUBIC (RFC 9438), validation (RFC 7661), pacing.
 *
 * CUBIC's curve is computed in segments and floating point, as the RFC writes it. */
#include "conn.h"

#include <math.h>

#define CUBIC_C 0.4f
#define CUBIC_BETA 0.7f
#define CUBIC_ALPHA (3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA)) /* RFC 9438 4.3 */
#define EPOCH_MAX_S 2000                                      /* before the clock of 32 bits turns */

/* RFC 9406 4.3 */
#define HYSTART_MIN_THRESH_US 4000
#define HYSTART_MAX_THRESH_US 16000
#define HYSTART_SAMPLES 8
#define HYSTART_CSS_DIVISOR 4
#define HYSTART_CSS_ROUNDS 5
enum { HYSTART_OFF, HYSTART_SLOW, HYSTART_CSS };

#define NON_VALIDATED_MS 300000 /* RFC 7661 4.4.3 */

static void slow_start(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
static void hystart(struct tcp_conn *c, struct tcp_ext *x, const struct ack *a) ON_LCORE;
static void hystart_round(struct tcp_conn *c, struct tcp_ext *x, uint32_t ack) ON_LCORE;
static void cubic(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;
static bool validated(struct tcp *t, struct tcp_conn *c, const struct ack *a) ON_LCORE;

/* tcp_cc_initial: RFC 6928 2. */
uint32_t
tcp_cc_initial(const struct tcp_conn *c)
{
	uint32_t floor = 2u * c->mss > 14600 ? 2u * c->mss : 14600;
	return 10u * c->mss < floor ? 10u * c->mss : floor;
}

void
tcp_cc_init(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (!c->cwnd)
		c->cwnd = tcp_cc_initial(c);
	x->hystart = c->ssthresh == UINT32_MAX ? HYSTART_SLOW : HYSTART_OFF;
	x->last_min_us = x->round_min_us = UINT32_MAX;
	x->cwv_ms = t->ms;
}

void
tcp_cc_ack(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	if (x->hystart)
		hystart(c, x, a);
	bool grow = validated(t, c, a);
	if (!a->advanced || !grow)
		return;
	if (c->cwnd < c->ssthresh)
		slow_start(t, c, a);
	else
		cubic(t, c, a);
}

/* validated: RFC 7661 4.1 to 4.4: only a window that was used grows; one that was not for five minutes comes down. */
static bool
validated(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	x->round_acked += a->acked;
	if (seq_geq(a->seq, x->cwv_end)) {
		x->pipe_ack = x->round_acked > x->pipe_ack ? x->round_acked : (x->pipe_ack * 7 + x->round_acked) / 8;
		x->round_acked = 0;
		x->cwv_end = c->snd_nxt;
		if (x->pipe_ack >= c->cwnd / 2)
			x->cwv_ms = t->ms;
	}
	/* What was in flight before this ACK: a connection that fills its window does so from its first round on. */
	bool used = a->prior_pipe + c->mss > c->cwnd / 2;
	if (used)
		x->cwv_ms = t->ms;
	if (t->ms - x->cwv_ms >= NON_VALIDATED_MS) {
		uint32_t least = tcp_cc_initial(c), half = c->cwnd / 2;
		if (c->ssthresh < c->cwnd / 4 * 3)
			c->ssthresh = c->cwnd / 4 * 3;
		c->cwnd = half > least ? half : c->cwnd < least ? c->cwnd : least;
		x->cwv_ms = t->ms;
	}
	return used;
}

/* slow_start: RFC 5681 3.1, by octets (RFC 3465); paced, so without its limit (RFC 9406 4.3, L). */
static void
slow_start(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	uint32_t n = x->hystart == HYSTART_CSS ? a->acked / HYSTART_CSS_DIVISOR : a->acked;
	if (x->ca == CA_LOSS && n > c->mss)
		n = c->mss; /* RFC 5681 3.1: after a timeout one ACK may cover much that arrived long ago */
	uint32_t room = c->ssthresh - c->cwnd;
	c->cwnd += n < room ? n : room;
}

static void
hystart(struct tcp_conn *c, struct tcp_ext *x, const struct ack *a)
{
	if (a->rtt_us) {
		if (a->rtt_us < x->round_min_us)
			x->round_min_us = a->rtt_us;
		if (x->rtt_samples < 255)
			x->rtt_samples++;
	}
	bool enough = x->rtt_samples >= HYSTART_SAMPLES && x->last_min_us != UINT32_MAX;
	if (enough && x->hystart == HYSTART_SLOW) {
		uint32_t thresh = x->last_min_us / 8;
		thresh = thresh < HYSTART_MIN_THRESH_US   ? HYSTART_MIN_THRESH_US
			 : thresh > HYSTART_MAX_THRESH_US ? HYSTART_MAX_THRESH_US
							  : thresh;
		if (x->round_min_us >= x->last_min_us + thresh) {
			x->css_base_us = x->round_min_us;
			x->css_rounds = 0;
			x->hystart = HYSTART_CSS;
		}
	} else if (enough && x->round_min_us < x->css_base_us) {
		x->hystart = HYSTART_SLOW; /* the rise was noise */
	}
	if (seq_geq(a->seq, x->round_end))
		hystart_round(c, x, a->seq);
}

static void
hystart_round(struct tcp_conn *c, struct tcp_ext *x, uint32_t ack)
{
	(void)ack;
	if (x->hystart == HYSTART_CSS && ++x->css_rounds >= HYSTART_CSS_ROUNDS) {
		c->ssthresh = c->cwnd;
		x->hystart = HYSTART_OFF;
	}
	x->last_min_us = x->round_min_us;
	x->round_min_us = UINT32_MAX;
	x->rtt_samples = 0;
	x->round_end = c->snd_nxt;
}

/* cubic: RFC 9438 4.2 to 4.5. */
static void
cubic(struct tcp *t, struct tcp_conn *c, const struct ack *a)
{
	struct tcp_ext *x = &t->exts[c->ext];
	float cwnd = (float)c->cwnd / c->mss, acked = (float)a->acked / c->mss;
	if (!x->epoch || t->us - x->epoch_us > EPOCH_MAX_S * 1000000u) {
		x->epoch = true;
		x->epoch_us = t->us;
		x->origin = cwnd < x->w_max ? x->w_max : cwnd;
		x->k = cwnd < x->w_max ? cbrtf((x->w_max - cwnd) / CUBIC_C) : 0;
		x->w_est = cwnd;
		x->grown = 0;
	}
	float at = (float)(t->us - x->epoch_us) / 1e6f - x->k, ahead = at + (float)c->srtt_us / 1e6f;
	float now = x->origin + CUBIC_C * at * at * at, target = x->origin + CUBIC_C * ahead * ahead * ahead;
	/* RFC 9438 4.3: as Reno would, until it is where it was before the reduction. */
	x->w_est += (x->w_est < x->w_max ? CUBIC_ALPHA : 1) * acked / cwnd;
	if (target < cwnd)
		target = cwnd;
	if (target > 1.5f * cwnd)
		target = 1.5f * cwnd;
	x->grown += now < x->w_est ? (x->w_est > cwnd ? x->w_est - cwnd : 0) : (target - cwnd) / cwnd * acked;
	if (x->grown * c->mss >= 1) {
		uint32_t n = (uint32_t)(x->grown * c->mss);
		c->cwnd += n;
		x->grown = 0;
	}
}

/* tcp_cc_reduce: RFC 9438 4.6, 4.7; by what was in use, not by what was allowed (RFC 7661 4.4.1). */
void
tcp_cc_reduce(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	uint32_t used = c->snd_nxt - c->snd_una, base = c->cwnd;
	if (used < x->pipe_ack)
		used = x->pipe_ack;
	if (used < base)
		base = used;
	float w = (float)base / c->mss;
	x->w_max = w < x->w_max ? w * (1 + CUBIC_BETA) / 2 : w;
	uint32_t down = (uint32_t)((float)base * CUBIC_BETA), least = 2u * c->mss;
	c->ssthresh = down > least ? down : least;
	x->epoch = false;
	x->hystart = HYSTART_OFF;
}

/* tcp_cc_idle: RFC 5681 4.1, RFC 2861: nothing was sent for so long; what the window was is kept in ssthresh. */
void
tcp_cc_idle(struct tcp *t, struct tcp_conn *c)
{
	uint32_t idle = t->ms - c->sent_ms;
	if (likely(idle < c->rto_ms))
		return;
	uint32_t least = tcp_cc_initial(c);
	struct tcp_ext *x = tcp_ext(t, c);
	if (c->cwnd <= least)
		return;
	if (c->ssthresh != UINT32_MAX && c->ssthresh < c->cwnd / 4 * 3)
		c->ssthresh = c->cwnd / 4 * 3;
	for (; idle >= c->rto_ms && c->cwnd > least; idle -= c->rto_ms)
		c->cwnd /= 2;
	if (c->cwnd < least)
		c->cwnd = least;
	if (x)
		x->epoch = false;
}

/* tcp_cc_window: RFC 9406 4.3 asks for pacing: twice the window per round trip in slow start, 1.2 of it after. */
uint64_t
tcp_cc_window(const struct tcp_conn *c)
{
	if (!(c->flags & CONN_RTT_SEEN) || !c->srtt_us)
		return 0;
	return c->cwnd < c->ssthresh ? 2 * (uint64_t)c->cwnd : (uint64_t)c->cwnd * 6 / 5;
}
