/* The retransmission timer (RFC 6298, of the kind that RFC 8961 4 asks for), the tail loss probe's (RFC 8985 7.2) and the window
 * probe's: one deadline. */
#include "conn.h"

#define GRANULARITY_US 1000

static uint32_t rto_now(const struct tcp_conn *c) ON_LCORE;
static uint32_t probe_wait(const struct tcp_conn *c, const struct tcp_ext *x) ON_LCORE;
static bool probe_fits(const struct tcp *t, const struct tcp_conn *c, const struct tcp_ext *x) ON_LCORE;
static void set(struct tcp *t, struct tcp_conn *c, enum tcp_rtx kind, uint32_t due) ON_LCORE;

/* tcp_rtt_sample: RFC 6298 2.2, 2.3. */
void
tcp_rtt_sample(struct tcp *t, struct tcp_conn *c, uint32_t rtt_us)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (x && (!x->min_rtt_us || rtt_us < x->min_rtt_us))
		x->min_rtt_us = rtt_us;
	if (!(c->flags & CONN_RTT_SEEN)) {
		c->flags |= CONN_RTT_SEEN;
		c->srtt_us = rtt_us;
		c->rttvar_us = rtt_us / 2;
	} else {
		uint32_t off = c->srtt_us > rtt_us ? c->srtt_us - rtt_us : rtt_us - c->srtt_us;
		c->rttvar_us += (uint32_t)(((int64_t)off - c->rttvar_us) / 4);
		c->srtt_us += (uint32_t)(((int64_t)rtt_us - c->srtt_us) / 8);
	}
	uint32_t var = 4 * c->rttvar_us > GRANULARITY_US ? 4 * c->rttvar_us : GRANULARITY_US;
	uint32_t ms = (c->srtt_us + var) / 1000;
	c->rto_ms = (uint16_t)(ms < TCP_RTO_MIN_MS ? TCP_RTO_MIN_MS : ms > TCP_RTO_MAX_MS ? TCP_RTO_MAX_MS : ms);
}

/* rto_now: RFC 6298 5.5: doubled with each timeout, up to the cap. */
static uint32_t
rto_now(const struct tcp_conn *c)
{
	uint64_t ms = (uint64_t)c->rto_ms << (c->backoff < 16 ? c->backoff : 16);
	return ms < TCP_RTO_MAX_MS ? (uint32_t)ms : TCP_RTO_MAX_MS;
}

/* tcp_rtx_restart: RFC 6298 5.2, 5.3: what was acknowledged restarts the timer, or stops it. */
void
tcp_rtx_restart(struct tcp *t, struct tcp_conn *c)
{
	c->rtx_ms = 0;
	tcp_rtx_arm(t, c);
}

/* tcp_rtx_arm: a deadline if one is needed; one that runs is not put off (RFC 6298 5.1). */
void
tcp_rtx_arm(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (c->snd_una != c->snd_nxt) {
		if (x && x->reo_ms && (!c->rtx_ms || seq_lt(x->reo_ms, c->rtx_ms) || c->rtx_kind == RTX_RACK)) {
			set(t, c, RTX_RACK, x->reo_ms);
			return;
		}
		if (c->rtx_ms && c->rtx_kind != RTX_PERSIST && c->rtx_kind != RTX_RETRY && c->rtx_kind != RTX_RACK)
			return;
		uint32_t rto = rto_now(c), wait = x && probe_fits(t, c, x) ? probe_wait(c, x) : rto;
		if (wait < rto)
			set(t, c, RTX_TLP, tcp_in_ms(t, wait));
		else
			set(t, c, RTX_RTO, tcp_in_ms(t, rto));
		return;
	}
	if (c->rtx_kind == RTX_RETRY && c->rtx_ms)
		return;
	if ((c->snd_end != c->snd_nxt || c->flags & CONN_WANTS) && c->state >= TCP_ESTABLISHED) {
		/* RFC 9293 3.8.6.1: data waits and nothing may say that the window has opened. */
		if (!c->rtx_ms || c->rtx_kind != RTX_PERSIST)
			set(t, c, RTX_PERSIST, tcp_in_ms(t, rto_now(c)));
		return;
	}
	set(t, c, RTX_RTO, 0);
}

/* probe_wait: RFC 8985 7.2: two round trips, in ms; for a single segment the peer's acknowledgement may be delayed. */
static uint32_t
probe_wait(const struct tcp_conn *c, const struct tcp_ext *x)
{
	return c->srtt_us / 500 + 2 + (x->pipe <= c->mss ? TCP_RTO_MIN_MS : 0);
}

/* tcp_rtx_sent: RFC 8985 7.2: new data puts the probe off; or has one come where there was a timeout, if that is later. */
void
tcp_rtx_sent(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (!c->rtx_ms || (c->rtx_kind != RTX_TLP && c->rtx_kind != RTX_RTO) || !x || !probe_fits(t, c, x))
		return;
	uint32_t due = tcp_in_ms(t, probe_wait(c, x));
	if (c->rtx_kind == RTX_TLP || seq_lt(due, c->rtx_ms))
		set(t, c, RTX_TLP, due);
}

/* probe_fits: RFC 8985 7.2: with SACK, no loss or report pending, and no probe out or about to go. */
static bool
probe_fits(const struct tcp *t, const struct tcp_conn *c, const struct tcp_ext *x)
{
	(void)t;
	return (c->flags & CONN_SACK) && (c->flags & CONN_RTT_SEEN) && x->ca == CA_OPEN && !x->sacked && !x->lost &&
	       !x->tlp_out && !(c->flags & CONN_TLP_NOW) && !c->backoff && c->state >= TCP_ESTABLISHED;
}

static void
set(struct tcp *t, struct tcp_conn *c, enum tcp_rtx kind, uint32_t due)
{
	c->rtx_kind = (uint8_t)kind;
	c->rtx_ms = due;
	if (!due || !tcp_timer_covers(t, c, due))
		tcp_timer_update(t, c);
}
