#include "ppp/fsm.h"

#include "ppp/link.h"

#define EARLY_TIMED 2 /* copies sent by the clock */
#define EARLY_MAX 3   /* with the one sent at the peer's request */

typedef void action_fn(struct fsm *f, const struct fsm_packet *pkt, struct mono now);
static ON_MAIN action_fn tlu, tld, tls, tlf, irc, zrc, scr, sca, scn, str, sta, scj, ser;
static void fresh_start(struct fsm *f) ON_MAIN;
static void send_request(struct fsm *f, struct mono now) ON_MAIN;
static void remember_acked(struct fsm *f, const struct fsm_packet *pkt, struct mono now);
static bool timer_runs(uint8_t state);
static bool early_pending(const struct fsm *f);
static uint32_t restart_ms(const struct fsm *f);
static void arm(struct fsm *f) ON_MAIN;
static void fire(struct timer *t, struct mono now) ON_MAIN;
static void expired(struct fsm *f, struct mono now) ON_MAIN;

static action_fn *const actions[FSM_ACTION_COUNT] = {
	[FSM_TLU] = tlu, [FSM_TLD] = tld, [FSM_TLS] = tls, [FSM_TLF] = tlf, [FSM_IRC] = irc,
	[FSM_ZRC] = zrc, [FSM_SCR] = scr, [FSM_SCA] = sca, [FSM_SCN] = scn, [FSM_STR] = str,
	[FSM_STA] = sta, [FSM_SCJ] = scj, [FSM_SER] = ser,
};

void
fsm_init(struct fsm *f, const struct fsm_ops *ops, struct ppp *p)
{
	*f = (struct fsm){.timer.fire = fire, .ops = ops, .p = p, .state = FSM_INITIAL, .next_id = 1};
}

void
fsm_fini(struct fsm *f)
{
	timer_stop(&f->timer);
}

void
fsm_event(struct fsm *f, enum fsm_event event, const struct fsm_packet *pkt, struct mono now)
{
	const struct fsm_cell *cell = &fsm_table[event][f->state];
	if (cell->next == FSM_NONE)
		return;
	f->from = f->state;
	f->state = cell->next;
	for (unsigned i = 0; i < 3 && cell->action[i]; i++)
		actions[cell->action[i]](f, pkt, now);
	if (!timer_runs(f->state))
		timer_stop(&f->timer);
}

static void
tlu(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt;
	f->ops->up(f, now);
}

static void
tld(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt;
	f->ops->down(f, now);
}

/* The lower layer of LCP is the tunnel, which is up before it; that of an NCP is LCP: nothing to start. */
static void
tls(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)f, (void)pkt, (void)now;
}

static void
tlf(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt;
	f->ops->finished(f, (enum fsm_state)f->from, now);
}

static void
irc(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt, (void)now;
	bool ending = f->state == FSM_CLOSING || f->state == FSM_STOPPING;
	uint8_t configure = f->ops->max_configure ? f->ops->max_configure(f) : f->p->conf->max_configure;
	f->restart = ending ? f->p->conf->max_terminate : configure;
}

/* RFC 1661 4.4: the timer still runs one period, so that the peer may see our Terminate-Ack before the link goes. */
static void
zrc(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt;
	f->restart = 0;
	f->sent_at = now;
	arm(f);
}

/* RFC 1661 5.1: a retransmission may keep its Identifier, so that a late answer to an earlier copy counts; a request
 * that has been answered must not be repeated under its Identifier. */
static void
scr(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt;
	bool again = f->timeout && !f->answered;
	if (!fsm_negotiating(f->from)) {
		fresh_start(f);
		again = false;
	} else if (f->timeout) {
		f->p->stats->retransmits++;
		f->early = EARLY_TIMED;
		if (f->ops->again)
			f->ops->again(f, now);
	} else {
		f->early = EARLY_MAX;
	}
	if (!again)
		f->req_id = f->next_id++;
	f->answered = false;
	if (f->restart)
		f->restart--;
	f->sent_at = now;
	send_request(f, now);
	arm(f);
}

static void
fresh_start(struct fsm *f)
{
	f->naks = f->failures = f->refusals = f->early = 0;
	f->has_acked = false;
	f->ops->reset(f);
}

static void
send_request(struct fsm *f, struct mono now)
{
	uint8_t buf[FSM_PACKET_MAX];
	size_t len = fsm_request_options(f, buf, sizeof buf);
	fsm_send(f, CONF_REQ, f->req_id, buf, len, now);
}

static void
sca(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	f->naks = f->failures = 0;
	f->ops->commit(f, pkt, now);
	remember_acked(f, pkt, now);
	fsm_send(f, CONF_ACK, pkt->id, pkt->data, pkt->len, now);
}

/* RFC 1661 4.6 bounds the Naks; the Rejects that follow them need a bound too. */
static void
scn(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	f->naks += pkt->reply_code == CONF_NAK;
	f->failures++;
	fsm_send(f, pkt->reply_code, pkt->id, pkt->reply, pkt->reply_len, now);
	if (f->failures > 3 * f->p->conf->max_failure)
		f->ops->stuck(f);
}

static void
str(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)pkt;
	const char *text = f->ops->term_text ? f->ops->term_text(f) : "";
	if (f->timeout)
		f->p->stats->term_resends++;
	else
		f->req_id = f->next_id++;
	if (f->restart)
		f->restart--;
	f->sent_at = now;
	fsm_send(f, TERM_REQ, f->req_id, text, strlen(text), now);
	arm(f);
}

static void
sta(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	fsm_send(f, TERM_ACK, pkt->id, NULL, 0, now);
}

static void
scj(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	f->p->stats->code_rejects++;
	size_t room = ppp_reject_room(f->p);
	fsm_send(f, CODE_REJ, f->next_id++, pkt->raw, pkt->raw_len < room ? pkt->raw_len : room, now);
}

static void
ser(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	if (f->ops->echo)
		f->ops->echo(f, pkt, now);
}

static void
remember_acked(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	uint32_t sum = ppp_checksum(pkt->data, pkt->len);
	if (f->has_acked && f->acked_id == pkt->id && f->acked_sum == sum)
		return;
	f->has_acked = true;
	f->acked_id = pkt->id;
	f->acked_sum = sum;
	f->acked_at = now;
}

bool
fsm_negotiating(uint8_t state)
{
	return state == FSM_REQ_SENT || state == FSM_ACK_RCVD || state == FSM_ACK_SENT;
}

size_t
fsm_request_options(struct fsm *f, uint8_t *buf, size_t size)
{
	struct wr w = wr_init(buf, size);
	f->ops->request(f, &w);
	return wr_len(&w);
}

void
fsm_send(struct fsm *f, uint8_t code, uint8_t id, const void *data, size_t len, struct mono now)
{
	uint8_t frame[PPP_FRAME_MAX];
	struct wr w = wr_init(frame, sizeof frame);
	if (len > FSM_PACKET_MAX - FSM_HDR)
		len = FSM_PACKET_MAX - FSM_HDR;
	wr_be16(&w, f->ops->proto);
	wr_u8(&w, code);
	wr_u8(&w, id);
	wr_be16(&w, (uint16_t)(FSM_HDR + len));
	wr_bytes(&w, data, len);
	ppp_output(f->p, frame, wr_len(&w), now);
}

void
fsm_early_copy(struct fsm *f, struct mono now)
{
	if (f->state != FSM_REQ_SENT || f->answered || f->early >= EARLY_MAX)
		return;
	f->early++;
	f->p->stats->early_resends++;
	send_request(f, now);
}

/* RFC 1661 4.1: the Restart timer runs in the states that wait for an answer. */
static bool
timer_runs(uint8_t state)
{
	return state == FSM_CLOSING || state == FSM_STOPPING || fsm_negotiating(state);
}

static bool
early_pending(const struct fsm *f)
{
	return f->state == FSM_REQ_SENT && !f->answered && f->early < EARLY_TIMED && f->p->conf->early_ms[f->early];
}

static uint32_t
restart_ms(const struct fsm *f)
{
	bool patient = f->state == FSM_ACK_SENT && f->ops->patience;
	return f->p->conf->restart_ms * (patient ? f->ops->patience : 1u);
}

static void
arm(struct fsm *f)
{
	const struct ppp_conf *conf = f->p->conf;
	uint32_t ms = restart_ms(f);
	if (early_pending(f) && conf->early_ms[f->early] < ms)
		ms = conf->early_ms[f->early];
	timer_set(f->p->timers, &f->timer, mono_add_ms(f->sent_at, ms));
}

static void
fire(struct timer *t, struct mono now)
{
	struct fsm *f = (struct fsm *)(void *)((char *)t - offsetof(struct fsm, timer));
	struct ppp *p = f->p;
	ppp_enter(p);
	expired(f, now);
	ppp_leave(p, now);
}

/* The timer may have been set for an early copy that is no longer wanted: then it waits for the rest of the period. */
static void
expired(struct fsm *f, struct mono now)
{
	if (!mono_reached(now, mono_add_ms(f->sent_at, restart_ms(f)))) {
		if (early_pending(f) && mono_reached(now, mono_add_ms(f->sent_at, f->p->conf->early_ms[f->early])))
			fsm_early_copy(f, now);
		arm(f);
		return;
	}
	f->timeout = true;
	fsm_event(f, f->restart ? FSM_EV_TO_GOOD : FSM_EV_TO_BAD, NULL, now);
	f->timeout = false;
}
