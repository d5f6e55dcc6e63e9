/* packet.c - packets of RFC 1661 5 to events of the automaton: parse, judge, then one fsm_event. */
#include "ppp/link.h"

/* How long after an Ack a copy of the request that it answered is taken for a copy: one retransmission and some. */
#define DUPLICATE_SLACK_MS 1000

typedef void receive_fn(struct fsm *f, struct fsm_packet *pkt, struct mono now);
static ON_MAIN receive_fn rcv_conf_req, rcv_conf_ack, rcv_refusal, rcv_term_req, rcv_term_ack, rcv_code_rej;
static bool packet_parse(struct fsm_packet *pkt, const uint8_t *p, size_t len);
static bool settled(const struct fsm *f);
static bool is_duplicate(const struct fsm *f, const struct fsm_packet *pkt, struct mono now);
static bool is_answer(struct fsm *f, const struct fsm_packet *pkt);
static bool options_sound(const struct fsm_packet *pkt);
static bool judge(struct fsm *f, struct fsm_packet *pkt, struct wr *nak, struct wr *rej) ON_MAIN;

static receive_fn *const receive[] = {
	[CONF_REQ] = rcv_conf_req, [CONF_ACK] = rcv_conf_ack, [CONF_NAK] = rcv_refusal,  [CONF_REJ] = rcv_refusal,
	[TERM_REQ] = rcv_term_req, [TERM_ACK] = rcv_term_ack, [CODE_REJ] = rcv_code_rej,
};

void
fsm_input(struct fsm *f, const uint8_t *packet, size_t len, struct mono now)
{
	struct fsm_packet pkt;
	if (f->state == FSM_INITIAL || f->state == FSM_STARTING) {
		f->p->stats->out_of_phase++;
		return;
	}
	if (!packet_parse(&pkt, packet, len)) {
		f->p->stats->malformed++;
		return;
	}
	if (pkt.code >= CONF_REQ && pkt.code <= CODE_REJ)
		receive[pkt.code](f, &pkt, now);
	else if (!f->ops->extra || !f->ops->extra(f, &pkt, now))
		fsm_event(f, FSM_EV_RUC, &pkt, now);
}

/* RFC 1661 5: octets outside the range of Length are padding. */
static bool
packet_parse(struct fsm_packet *pkt, const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	*pkt = (struct fsm_packet){.raw = p};
	pkt->code = rd_u8(&r);
	pkt->id = rd_u8(&r);
	pkt->raw_len = rd_be16(&r);
	if (r.bad || pkt->raw_len < FSM_HDR || pkt->raw_len > len || pkt->raw_len > FSM_PACKET_MAX)
		return false;
	pkt->data = p + FSM_HDR;
	pkt->len = pkt->raw_len - FSM_HDR;
	return true;
}

/* States in which every Configure packet has the same cell, whatever is in it. */
static bool
settled(const struct fsm *f)
{
	return f->state == FSM_CLOSED || f->state == FSM_CLOSING || f->state == FSM_STOPPING;
}

static void
rcv_conf_req(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	uint8_t nak_buf[FSM_PACKET_MAX - FSM_HDR], rej_buf[FSM_PACKET_MAX - FSM_HDR];
	struct wr nak = wr_init(nak_buf, sizeof nak_buf), rej = wr_init(rej_buf, sizeof rej_buf);
	if (settled(f)) {
		fsm_event(f, FSM_EV_RCR_GOOD, pkt, now);
		return;
	}
	if (is_duplicate(f, pkt, now)) {
		f->p->stats->duplicates++;
		fsm_send(f, CONF_ACK, pkt->id, pkt->data, pkt->len, now);
		return;
	}
	if (!judge(f, pkt, &nak, &rej)) {
		f->p->stats->malformed++;
		return;
	}
	if (f->p->failing)
		return;
	if (mono_reached(now, mono_add_ms(f->sent_at, f->ops->early_age_ms)))
		fsm_early_copy(f, now);
	fsm_event(f, pkt->reply_code == CONF_ACK ? FSM_EV_RCR_GOOD : FSM_EV_RCR_BAD, pkt, now);
}

/* The network has doubled a request, or the peer repeats it because our Ack was lost while its own Ack got through.
 * RFC 1661 would throw the open link back into negotiation; another Ack is what the peer needs.  A peer that has
 * really begun anew and happens to send the same bytes is believed when it repeats them after this time. */
static bool
is_duplicate(const struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	struct mono until = mono_add_ms(f->acked_at, (int64_t)f->p->conf->restart_ms + DUPLICATE_SLACK_MS);
	return f->state == FSM_OPENED && f->has_acked && !mono_reached(now, until) && f->acked_id == pkt->id &&
	       f->acked_sum == ppp_checksum(pkt->data, pkt->len);
}

/* RFC 1661 5.4: Reject when anything must be rejected, else Nak, else Ack. */
static bool
judge(struct fsm *f, struct fsm_packet *pkt, struct wr *nak, struct wr *rej)
{
	bool last = f->naks >= f->p->conf->max_failure, loop = false;
	struct rd r = rd_init(pkt->data, pkt->len);
	struct fsm_opt o;
	if (!options_sound(pkt))
		return false;
	while (!loop && fsm_opt_next(&r, &o)) {
		enum fsm_verdict v = f->ops->judge(f, &o, nak, last);
		if (v == OPT_LOOP)
			loop = true;
		if (v == OPT_REJ || (v == OPT_NAK && last))
			wr_bytes(rej, o.raw, o.len + 2u);
	}
	if (f->ops->append && !loop)
		f->ops->append(f, pkt, nak, last);
	const struct wr *reply = wr_len(rej) && !loop ? rej : nak;
	pkt->reply_code = reply == rej ? CONF_REJ : wr_len(nak) ? CONF_NAK : CONF_ACK;
	pkt->reply = reply->start;
	pkt->reply_len = wr_len(reply);
	return !reply->bad;
}

static bool
options_sound(const struct fsm_packet *pkt)
{
	struct rd r = rd_init(pkt->data, pkt->len);
	struct fsm_opt o;
	while (fsm_opt_next(&r, &o))
		;
	return !r.bad;
}

bool
fsm_opt_next(struct rd *r, struct fsm_opt *o)
{
	if (r->bad || !rd_left(r))
		return false;
	o->raw = r->p;
	o->type = rd_u8(r);
	uint8_t len = rd_u8(r);
	if (r->bad || len < 2) {
		r->bad = true;
		return false;
	}
	o->len = (uint8_t)(len - 2);
	o->value = rd_take(r, o->len);
	return !r->bad;
}

void
fsm_opt_put(struct wr *w, uint8_t type, uint32_t value, unsigned width)
{
	wr_u8(w, type);
	wr_u8(w, (uint8_t)(2 + width));
	if (width == 1)
		wr_u8(w, (uint8_t)value);
	else if (width == 2)
		wr_be16(w, (uint16_t)value);
	else if (width == 4)
		wr_be32(w, value);
}

/* RFC 1661 5.2 to 5.4: an answer whose Identifier is not that of our last request is discarded; so is a second copy of
 * an answer, which would look like a crossed connection. */
static bool
is_answer(struct fsm *f, const struct fsm_packet *pkt)
{
	if (pkt->id == f->req_id && !f->answered)
		return true;
	f->p->stats->stale++;
	return false;
}

static void
rcv_conf_ack(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	uint8_t ours[FSM_PACKET_MAX];
	if (settled(f) || f->state == FSM_STOPPED) {
		fsm_event(f, FSM_EV_RCA, pkt, now);
		return;
	}
	if (!is_answer(f, pkt))
		return;
	/* RFC 1661 5.2: the options must be those of our request, unchanged. */
	if (fsm_request_options(f, ours, sizeof ours) != pkt->len || memcmp(ours, pkt->data, pkt->len)) {
		f->p->stats->malformed++;
		return;
	}
	f->answered = true;
	fsm_event(f, FSM_EV_RCA, pkt, now);
}

static void
rcv_refusal(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	struct rd r = rd_init(pkt->data, pkt->len);
	struct fsm_opt o;
	if (settled(f) || f->state == FSM_STOPPED) {
		fsm_event(f, FSM_EV_RCN, pkt, now);
		return;
	}
	if (!is_answer(f, pkt))
		return;
	if (!options_sound(pkt)) {
		f->p->stats->malformed++;
		return;
	}
	f->answered = true;
	while (fsm_opt_next(&r, &o))
		f->ops->refused(f, pkt->code, &o);
	if (++f->refusals > 3 * f->p->conf->max_failure)
		f->ops->stuck(f);
	if (!f->p->failing)
		fsm_event(f, FSM_EV_RCN, pkt, now);
}

static void
rcv_term_req(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	if (f->ops->term)
		f->ops->term(f, pkt);
	fsm_event(f, FSM_EV_RTR, pkt, now);
}

static void
rcv_term_ack(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	fsm_event(f, FSM_EV_RTA, pkt, now);
}

/* RFC 1661 5.6: a peer without one of the codes 1 to 7 cannot negotiate. */
static void
rcv_code_rej(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	if (!pkt->len) {
		f->p->stats->malformed++;
		return;
	}
	bool needed = pkt->data[0] >= CONF_REQ && pkt->data[0] <= CODE_REJ;
	if (needed)
		f->ops->rejected(f);
	fsm_event(f, needed ? FSM_EV_RXJ_BAD : FSM_EV_RXJ_GOOD, pkt, now);
}
