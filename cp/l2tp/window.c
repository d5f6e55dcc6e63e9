#include "l2tp/window.h"

#include <millrace/bytes.h>
#include <stdlib.h>

static bool ack_input(struct window *w, uint16_t nr, struct mono now);
static void grow(struct window *w);
static void push(struct window *w, struct mono now);
static void transmit(struct window *w, struct window_msg *m, struct mono now);
static void message_input(struct window *w, const struct l2tp_hdr *h, const uint8_t *bytes, struct mono now);
static bool early_keep(struct window *w, const struct l2tp_hdr *h, const uint8_t *bytes);
static void early_deliver(struct window *w, struct mono now);
static void rtx_fire(struct timer *t, struct mono now);
static void ack_fire(struct timer *t, struct mono now);

/* RFC 2661 5.8: a number is old if it lies in the 32768 values up to the one before `next`. */
static bool
seq_before(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) < 0;
}

void
l2tp_window_init(struct window *w, const struct window_ops *ops, struct timers *timers,
		 const struct window_params *params)
{
	uint64_t *stats = w->stats;
	size_t *held = w->held;
	*w = (struct window){.ops = ops, .timers = timers, .stats = stats, .held = held, .params = *params};
	w->rtx.fire = rtx_fire;
	w->ack.fire = ack_fire;
	w->rto_ms = params->rtimeout_ms;
	STAILQ_INIT(&w->out);
	STAILQ_INIT(&w->early);
	w->cwnd = 1;
	l2tp_window_set_peer_rws(w, L2TP_RWS_DEFAULT);
}

static struct window_msg *
msg_keep(struct window *w, uint16_t ns, const uint8_t *bytes, size_t len)
{
	struct window_msg *m = malloc(sizeof *m + len);
	if (!m) {
		w->stats[L2TP_STAT_NO_MEMORY]++;
		return NULL;
	}
	m->ns = ns;
	m->len = (uint16_t)len;
	memcpy(m->bytes, bytes, len);
	++*w->held;
	return m;
}

static void
head_free(struct window *w, struct window_queue *q)
{
	struct window_msg *m = STAILQ_FIRST(q);
	STAILQ_REMOVE_HEAD(q, link);
	--*w->held;
	free(m);
}

static void
out_free(struct window *w)
{
	w->queued--;
	w->answers -= STAILQ_FIRST(&w->out)->answer;
	head_free(w, &w->out);
}

void
l2tp_window_fini(struct window *w)
{
	while (!STAILQ_EMPTY(&w->out))
		out_free(w);
	while (!STAILQ_EMPTY(&w->early))
		head_free(w, &w->early);
	timer_stop(&w->rtx);
	timer_stop(&w->ack);
}

/* Appendix A: ssthresh starts at the window that the peer advertises. */
void
l2tp_window_set_peer_rws(struct window *w, uint16_t rws)
{
	/* RFC 2661 5.8: no more than half the sequence space may be outstanding. */
	w->peer_rws = rws < 32768 ? rws : 32767;
	w->ssthresh = w->peer_rws;
	if (w->cwnd > w->peer_rws)
		w->cwnd = w->peer_rws;
}

static void
rtx_arm(struct window *w, struct mono now)
{
	timer_set(w->timers, &w->rtx, mono_add_ms(now, w->rto_ms));
}

void
l2tp_window_send(struct window *w, const uint8_t *bytes, size_t len, bool answer, struct mono now)
{
	bool room = w->queued < WINDOW_QUEUE && (!answer || w->answers < WINDOW_ANSWERS);
	if (w->is_dead || w->failed)
		return;
	struct window_msg *m = room ? msg_keep(w, 0, bytes, len) : NULL;
	if (!m) {
		w->failed = true;
		timer_set(w->timers, &w->rtx, now);
		return;
	}
	m->answer = answer;
	STAILQ_INSERT_TAIL(&w->out, m, link);
	w->queued++;
	w->answers += answer;
	push(w, now);
}

/* Sends what the window allows. */
static void
push(struct window *w, struct mono now)
{
	uint16_t window = w->cwnd < w->peer_rws ? w->cwnd : w->peer_rws;
	uint16_t skip = (uint16_t)(w->nxt - w->una);
	if (skip >= w->queued || skip >= window)
		return;
	struct window_msg *m = STAILQ_FIRST(&w->out);
	while (skip--)
		m = STAILQ_NEXT(m, link);
	for (; m && (uint16_t)(w->nxt - w->una) < window; m = STAILQ_NEXT(m, link))
		transmit(w, m, now);
	if (!timer_pending(&w->rtx))
		rtx_arm(w, now);
}

static void
transmit(struct window *w, struct window_msg *m, struct mono now)
{
	/* A retransmission carries the Nr of now. */
	put_be16(m->bytes + L2TP_CTL_NS, w->nxt);
	put_be16(m->bytes + L2TP_CTL_NR, w->rcv_nxt);
	if (seq_before(w->nxt++, w->max))
		w->stats[L2TP_STAT_TX_RETRANSMIT]++;
	else
		w->max = w->nxt;
	timer_stop(&w->ack);
	w->ops->transmit(w, m->bytes, m->len, now);
}

void
l2tp_window_input(struct window *w, const struct l2tp_hdr *h, const uint8_t *bytes, struct mono now)
{
	if (w->is_dead)
		return;
	if (!ack_input(w, h->nr, now)) {
		w->stats[L2TP_STAT_RX_ACK]++;
		return;
	}
	if (h->body_len)
		message_input(w, h, bytes, now);
	else
		w->stats[L2TP_STAT_RX_ZLB]++;
}

bool
l2tp_window_expects(const struct window *w, const struct l2tp_hdr *h)
{
	int ahead = (int16_t)(uint16_t)(h->ns - w->rcv_nxt), window = w->params.recv_window;
	bool acks = !seq_before(h->nr, w->una) && !seq_before(w->max, h->nr);
	return !w->is_dead && h->body_len && acks && ahead >= -window && ahead < window;
}

/* False: the peer acknowledges what it cannot have received. */
static bool
ack_input(struct window *w, uint16_t nr, struct mono now)
{
	if (seq_before(w->max, nr))
		return false;
	if (!seq_before(w->una, nr))
		return true;
	for (; w->una != nr; w->una++) {
		out_free(w);
		grow(w);
	}
	if (seq_before(w->nxt, w->una))
		w->nxt = w->una;
	if (w->failed)
		return true;
	w->retries = 0;
	w->rto_ms = w->params.rtimeout_ms;
	timer_stop(&w->rtx);
	if (w->una != w->nxt)
		rtx_arm(w, now);
	push(w, now);
	return true;
}

/* Appendix A: one message acknowledged.  Slow start adds one for each, congestion avoidance one for a window's worth;
 * never beyond what the peer takes. */
static void
grow(struct window *w)
{
	if (w->cwnd >= w->peer_rws)
		return;
	if (w->cwnd < w->ssthresh) {
		w->cwnd++;
	} else if (++w->ca_acks >= w->cwnd) {
		w->ca_acks = 0;
		w->cwnd++;
	}
}

static void
ack_owe(struct window *w, struct mono now)
{
	if (!timer_pending(&w->ack))
		timer_set(w->timers, &w->ack, mono_add_ms(now, WINDOW_ACK_MS));
}

static void
message_input(struct window *w, const struct l2tp_hdr *h, const uint8_t *bytes, struct mono now)
{
	if (seq_before(h->ns, w->rcv_nxt)) {
		/* RFC 2661 5.8: duplicates must be acknowledged, for our acknowledgement may have been lost. */
		w->stats[L2TP_STAT_RX_DUPLICATE]++;
	} else if ((uint16_t)(h->ns - w->rcv_nxt) >= w->params.recv_window) {
		w->stats[L2TP_STAT_RX_BEYOND_WINDOW]++;
		return;
	} else if (h->ns != w->rcv_nxt) {
		if (early_keep(w, h, bytes))
			w->stats[L2TP_STAT_RX_EARLY]++;
	}
	ack_owe(w, now);
	if (h->ns != w->rcv_nxt)
		return;
	w->rcv_nxt++;
	w->ops->deliver(w, bytes, L2TP_CTL_HDR + h->body_len, now);
	early_deliver(w, now);
}

/* False: it is here already, or there is no memory. */
static bool
early_keep(struct window *w, const struct l2tp_hdr *h, const uint8_t *bytes)
{
	struct window_msg *before = NULL, *m;
	STAILQ_FOREACH(m, &w->early, link)
	{
		if (m->ns == h->ns)
			return false;
		if (seq_before(h->ns, m->ns))
			break;
		before = m;
	}
	m = msg_keep(w, h->ns, bytes, L2TP_CTL_HDR + h->body_len);
	if (m && before)
		STAILQ_INSERT_AFTER(&w->early, before, m, link);
	else if (m)
		STAILQ_INSERT_HEAD(&w->early, m, link);
	return m;
}

static void
early_deliver(struct window *w, struct mono now)
{
	struct window_msg *m;
	while ((m = STAILQ_FIRST(&w->early)) && m->ns == w->rcv_nxt) {
		w->rcv_nxt++;
		ack_owe(w, now);
		w->ops->deliver(w, m->bytes, m->len, now);
		head_free(w, &w->early);
	}
}

/* RFC 2661 5.8 and appendix A: congestion; half the window becomes the threshold, slow start begins again. */
static void
rtx_fire(struct timer *t, struct mono now)
{
	struct window *w = (struct window *)(void *)((char *)t - offsetof(struct window, rtx));
	if (w->failed || w->retries >= w->params.retransmit) {
		w->is_dead = true;
		timer_stop(&w->ack);
		w->ops->dead(w, now);
		return;
	}
	w->retries++;
	w->ssthresh = w->cwnd / 2 ? w->cwnd / 2 : 1;
	w->cwnd = 1;
	w->ca_acks = 0;
	w->nxt = w->una;
	w->rto_ms = w->rto_ms * 2 < w->params.rtimeout_cap_ms ? w->rto_ms * 2 : w->params.rtimeout_cap_ms;
	push(w, now);
}

/* RFC 2661 5.8: a ZLB carries the number that the next message will have, and takes none. */
static void
ack_fire(struct timer *t, struct mono now)
{
	struct window *w = (struct window *)(void *)((char *)t - offsetof(struct window, ack));
	w->stats[L2TP_STAT_TX_ZLB]++;
	w->ops->transmit(w, NULL, 0, now);
}

void
l2tp_window_trim(struct window *w)
{
	uint16_t keep = (uint16_t)(w->max - w->una);
	if (w->queued - keep <= w->peer_rws)
		return;
	struct window_queue kept = STAILQ_HEAD_INITIALIZER(kept);
	while (keep--) {
		struct window_msg *m = STAILQ_FIRST(&w->out);
		STAILQ_REMOVE_HEAD(&w->out, link);
		STAILQ_INSERT_TAIL(&kept, m, link);
	}
	while (!STAILQ_EMPTY(&w->out))
		out_free(w);
	STAILQ_CONCAT(&w->out, &kept);
}

void
l2tp_window_mute(struct window *w)
{
	while (!STAILQ_EMPTY(&w->out))
		out_free(w);
	w->una = w->nxt = w->max;
	timer_stop(&w->rtx);
}

uint32_t
l2tp_window_cycle_ms(const struct window_params *params)
{
	uint32_t sum = 0, rto = params->rtimeout_ms;
	for (uint32_t i = 0; i < params->retransmit; i++) {
		sum += rto;
		rto = rto * 2 < params->rtimeout_cap_ms ? rto * 2 : params->rtimeout_cap_ms;
	}
	return sum;
}
