/* ccp.c - the Compression Control Protocol (RFC 1962), of which one option is spoken: MPPE (RFC 3078).
 *
 * CCP runs first: pppd answers a network protocol that comes before it with a Terminate-Ack, so ours wait, and what the
 * peer sends of theirs is kept and taken in when CCP is through.  What a side's request says is what that side can
 * receive; one strength at most is left in it in the end (RFC 3078 2.1).  Encryption that has once begun stays: a link
 * that loses it ends.
 */
#include <openssl/crypto.h>

#include "ppp/auth.h"
#include "ppp/link.h"

#define CCP_EARLY_AGE_MS 200 /* as for IPCP */

/* pppd begins its network protocols when CCP is Opened, and ends the link when our request comes again after that.  Such a
 * packet, so long after our request, says that the Ack of that is lost. */
#define IMPLIED_ACK_MS 500

#define CCP_MPPE 18 /* RFC 3078 2 */
#define CCP_RESET_REQUEST 14
#define CCP_RESET_ACK 15

/* RFC 3078 2.1; its other bits, MPPC and the obsolete one among them, are never agreed to. */
#define MPPE_H 0x01000000u
#define MPPE_M 0x00000080u
#define MPPE_S 0x00000040u
#define MPPE_L 0x00000020u

/* Strongest first. */
static const struct strength {
	uint32_t option;
	uint8_t strength; /* enum ppp_mppe_strength */
	uint8_t bits;
} strengths[] = {{MPPE_S, PPP_MPPE_128, 128}, {MPPE_M, PPP_MPPE_56, 56}, {MPPE_L, PPP_MPPE_40, 40}};

#define N_STRENGTHS (sizeof strengths / sizeof strengths[0])

static void ccp_request(struct fsm *f, struct wr *out);
static enum fsm_verdict ccp_judge(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last) ON_MAIN;
static void ccp_append(struct fsm *f, const struct fsm_packet *pkt, struct wr *nak, bool last) ON_MAIN;
static uint32_t acceptable(const struct ppp *p, uint32_t asked);
static const struct strength *strongest(const struct ppp *p, uint32_t option);
static bool find_mppe(const struct fsm_packet *pkt, uint32_t *out);
static void ccp_commit(struct fsm *f, const struct fsm_packet *pkt, struct mono now) ON_MAIN;
static void ccp_refused(struct fsm *f, uint8_t code, const struct fsm_opt *o) ON_MAIN;
static void ccp_reset(struct fsm *f);
static bool ccp_extra(struct fsm *f, struct fsm_packet *pkt, struct mono now) ON_MAIN;
static uint8_t ccp_max_configure(const struct fsm *f);
static void ccp_again(struct fsm *f, struct mono now) ON_MAIN;
static void ccp_rejected(struct fsm *f) ON_MAIN;
static void ccp_stuck(struct fsm *f) ON_MAIN;
static void ccp_up(struct fsm *f, struct mono now) ON_MAIN;
static void ccp_down(struct fsm *f, struct mono now) ON_MAIN;
static void ccp_finished(struct fsm *f, enum fsm_state from, struct mono now) ON_MAIN;
static void unmet(struct ppp *p) ON_MAIN;
static void tell(struct ppp *p, bool recv, unsigned bits, bool stateless, struct mono now) ON_MAIN;
static void begin(struct ppp *p, struct mono now) ON_MAIN;
static void release(struct ppp *p, struct mono now) ON_MAIN;

const struct fsm_ops ccp_ops = {
	.proto = PPP_CCP,
	.early_age_ms = CCP_EARLY_AGE_MS,
	.patience = 3,
	.max_configure = ccp_max_configure,
	.request = ccp_request,
	.judge = ccp_judge,
	.append = ccp_append,
	.commit = ccp_commit,
	.refused = ccp_refused,
	.reset = ccp_reset,
	.extra = ccp_extra,
	.again = ccp_again,
	.rejected = ccp_rejected,
	.stuck = ccp_stuck,
	.up = ccp_up,
	.down = ccp_down,
	.finished = ccp_finished,
};

/* --- the link's side --------------------------------------------------------------------------------------------- */

/* Without keys nothing can be encrypted: who only prefers it goes without, who requires it lets the peer come that far
 * and ends (as Cisco does, so that the peer's user sees what is amiss). */
void
ccp_start(struct ppp *p, struct mono now)
{
	struct ppp_ccp *c = &p->mppe;
	c->must = c->policy == PPP_REQUIRE;
	c->no_keys = c->must && !p->keys.len;
	c->wanted = c->policy != PPP_DENY && (p->keys.len || c->must);
	c->heard = c->holds = false;
	c->held_len = 0;
	if (c->wanted && c->policy >= PPP_PREFER)
		begin(p, now);
	else
		ppp_network_go(p, now);
}

static void
begin(struct ppp *p, struct mono now)
{
	p->mppe.holds = true;
	timer_stop(&p->network_timer);
	if (p->ccp.state == FSM_INITIAL)
		fsm_event(&p->ccp, FSM_EV_OPEN, NULL, now);
	fsm_event(&p->ccp, FSM_EV_UP, NULL, now);
}

bool
ccp_input(struct ppp *p, const uint8_t *frame, size_t len, struct mono now)
{
	if (!p->mppe.wanted)
		return false;
	p->mppe.heard = true;
	if (p->ccp.state < FSM_CLOSED && len > 2 && frame[2] == CONF_REQ)
		begin(p, now);
	fsm_input(&p->ccp, frame + 2, len - 2, now);
	return true;
}

/* What does not fit is dropped, as by the network: the peer repeats it. */
bool
ccp_hold(struct ppp *p, const uint8_t *frame, size_t len, struct mono now)
{
	struct ppp_ccp *c = &p->mppe;
	if (c->holds && p->ccp.state == FSM_ACK_SENT && !p->ccp.answered &&
	    mono_reached(now, mono_add_ms(p->ccp.sent_at, IMPLIED_ACK_MS))) {
		p->ccp.answered = true;
		fsm_event(&p->ccp, FSM_EV_RCA, NULL, now);
	}
	if (!c->holds)
		return false;
	if (len > 2 && frame[2] == CONF_REQ && len < 256 && c->held_len + 1 + len <= sizeof c->held) {
		c->held[c->held_len++] = (uint8_t)len;
		memcpy(c->held + c->held_len, frame, len);
		c->held_len = (uint8_t)(c->held_len + len);
	}
	return true;
}

/* release: CCP is through, one way or the other. */
static void
release(struct ppp *p, struct mono now)
{
	struct ppp_ccp *c = &p->mppe;
	if (!c->holds)
		return;
	c->holds = false;
	if (p->failing)
		return;
	ppp_network_go(p, now);
	for (unsigned at = 0; at < c->held_len && !p->failing; at += 1u + c->held[at])
		ppp_network_input(p, c->held + at + 1, c->held[at], now);
	c->held_len = 0;
}

bool
ccp_ends_first(struct ppp *p, struct mono now)
{
	if (p->dead || (p->cause != CAUSE_MPPE_REQUIRED && p->cause != CAUSE_MPPE_NO_KEYS))
		return false;
	if (p->ccp.state >= FSM_REQ_SENT)
		fsm_event(&p->ccp, FSM_EV_CLOSE, NULL, now);
	return p->ccp.state == FSM_CLOSING;
}

void
ccp_stop(struct ppp *p, struct mono now)
{
	fsm_event(&p->ccp, FSM_EV_DOWN, NULL, now);
	tell(p, true, 0, false, now);
	tell(p, false, 0, false, now);
	p->mppe.must = p->mppe.wanted = p->mppe.holds = false;
}

/* --- options ----------------------------------------------------------------------------------------------------- */

static void
ccp_reset(struct fsm *f)
{
	struct ppp *p = f->p;
	p->mppe.ask = p->conf->mppe_stateful ? 0 : MPPE_H;
	for (unsigned i = 0; i < N_STRENGTHS; i++)
		if (p->mppe.strengths & strengths[i].strength)
			p->mppe.ask |= strengths[i].option;
}

static void
ccp_request(struct fsm *f, struct wr *out)
{
	if (f->p->mppe.ask)
		fsm_opt_put(out, CCP_MPPE, f->p->mppe.ask, 4);
}

static enum fsm_verdict
ccp_judge(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last)
{
	struct ppp *p = f->p;
	if (o->type != CCP_MPPE || o->len != 4)
		return OPT_REJ;
	uint32_t asked = be32(o->value), good = acceptable(p, asked);
	if (asked == good)
		return OPT_ACK;
	if (last && p->mppe.must)
		unmet(p);
	fsm_opt_put(nak, CCP_MPPE, good, 4);
	return OPT_NAK;
}

/* acceptable: the strongest of what the peer asks for; when there is none of them, the strongest that we have.  Stateful
 * mode is taken from who asks for it, and asked for only when the configuration says so. */
static uint32_t
acceptable(const struct ppp *p, uint32_t asked)
{
	const struct strength *s = strongest(p, asked);
	if (!s)
		s = strongest(p, UINT32_MAX);
	uint32_t stateless = p->conf->mppe_stateful ? 0 : asked & MPPE_H;
	if (!(asked & (MPPE_S | MPPE_M | MPPE_L)) && !p->conf->mppe_stateful)
		stateless = MPPE_H;
	return s ? s->option | stateless : 0;
}

static const struct strength *
strongest(const struct ppp *p, uint32_t option)
{
	for (unsigned i = 0; i < N_STRENGTHS; i++)
		if (option & strengths[i].option && p->mppe.strengths & strengths[i].strength)
			return &strengths[i];
	return NULL;
}

/* A request without the option does not want to receive encrypted data. */
static void
ccp_append(struct fsm *f, const struct fsm_packet *pkt, struct wr *nak, bool last)
{
	struct ppp *p = f->p;
	uint32_t asked;
	if (find_mppe(pkt, &asked))
		return;
	if (last && p->mppe.must)
		unmet(p);
	if (!last)
		fsm_opt_put(nak, CCP_MPPE, acceptable(p, 0), 4);
}

static bool
find_mppe(const struct fsm_packet *pkt, uint32_t *out)
{
	struct rd r = rd_init(pkt->data, pkt->len);
	struct fsm_opt o;
	while (fsm_opt_next(&r, &o))
		if (o.type == CCP_MPPE && o.len == 4) {
			*out = be32(o.value);
			return true;
		}
	return false;
}

/* The peer may encrypt as soon as it has this Ack, by our request as it stands. */
static void
ccp_commit(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	struct ppp *p = f->p;
	uint32_t asked = 0;
	const struct strength *s = find_mppe(pkt, &asked) ? strongest(p, asked) : NULL;
	p->mppe.peer_bits = s ? s->bits : 0;
	p->mppe.peer_stateless = asked & MPPE_H;
	s = strongest(p, p->mppe.ask);
	tell(p, true, s ? s->bits : 0, p->mppe.ask & MPPE_H, now);
}

/* What the peer offers instead is taken when it is good enough. */
static void
ccp_refused(struct fsm *f, uint8_t code, const struct fsm_opt *o)
{
	struct ppp *p = f->p;
	if (o->type != CCP_MPPE || !p->mppe.ask)
		return;
	uint32_t offered = code == CONF_NAK && o->len == 4 ? be32(o->value) : 0;
	const struct strength *s = strongest(p, offered);
	if (!s && p->mppe.must)
		unmet(p);
	p->mppe.ask = s ? s->option | (offered & MPPE_H) : 0;
}

/* Reset-Request and Reset-Ack are the dataplane's business; here come those of a link whose keys it does not have yet,
 * or no longer. */
static bool
ccp_extra(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	if (pkt->code == CCP_RESET_REQUEST && f->state == FSM_OPENED)
		fsm_send(f, CCP_RESET_ACK, pkt->id, NULL, 0, now);
	return pkt->code == CCP_RESET_REQUEST || pkt->code == CCP_RESET_ACK;
}

/* --- the automaton's side ---------------------------------------------------------------------------------------- */

static uint8_t
ccp_max_configure(const struct fsm *f)
{
	return f->p->conf->ccp_max_configure;
}

/* As for IPCP, the Success may be lost.  A peer that is silent about CCP alone does not keep a link waiting that can
 * live without. */
static void
ccp_again(struct fsm *f, struct mono now)
{
	struct ppp *p = f->p;
	if (!p->network_heard)
		auth_repeat(p, now);
	if (p->network_heard && !p->mppe.heard && !p->mppe.must)
		release(p, now);
}

static void
ccp_rejected(struct fsm *f)
{
	if (f->p->mppe.must)
		unmet(f->p);
}

static void
ccp_stuck(struct fsm *f)
{
	if (f->p->mppe.must)
		unmet(f->p);
}

static void
ccp_up(struct fsm *f, struct mono now)
{
	struct ppp *p = f->p;
	struct ppp_ccp *c = &p->mppe;
	const struct strength *s = strongest(p, c->ask);
	if (c->must && (c->no_keys || !s || !c->peer_bits)) {
		unmet(p);
		return;
	}
	c->must = c->must || (s && c->peer_bits);
	tell(p, true, s ? s->bits : 0, c->ask & MPPE_H, now);
	tell(p, false, c->peer_bits, c->peer_stateless, now);
	release(p, now);
}

static void
ccp_down(struct fsm *f, struct mono now)
{
	tell(f->p, true, 0, false, now);
	tell(f->p, false, 0, false, now);
	if (f->state == FSM_STOPPING && f->p->mppe.must)
		unmet(f->p);
}

static void
ccp_finished(struct fsm *f, enum fsm_state from, struct mono now)
{
	struct ppp *p = f->p;
	(void)from;
	tell(p, true, 0, false, now);
	if (p->mppe.must)
		unmet(p);
	else
		release(p, now);
}

static void
unmet(struct ppp *p)
{
	ppp_fail(p, p->mppe.no_keys ? CAUSE_MPPE_NO_KEYS : CAUSE_MPPE_REQUIRED);
}

/* tell: the owner, of what has changed. */
static void
tell(struct ppp *p, bool recv, unsigned bits, bool stateless, struct mono now)
{
	struct ppp_ccp *c = &p->mppe;
	struct ppp_mppe m = {.bits = (uint8_t)bits, .stateless = bits && stateless};
	bool same = c->told_bits[recv] == bits && (!bits || c->told_stateless[recv] == stateless);
	if (same || (bits && c->no_keys))
		return;
	c->told_bits[recv] = m.bits;
	c->told_stateless[recv] = m.stateless;
	if (bits && bits != 128 && p->keys.has_lm)
		memcpy(m.start_key, p->keys.lm, sizeof p->keys.lm);
	else if (bits)
		memcpy(m.start_key, recv ? p->keys.recv : p->keys.send, bits == 128 ? 16 : 8);
	if (p->ops->mppe)
		p->ops->mppe(p->owner, recv, &m, now);
	OPENSSL_cleanse(&m, sizeof m);
}
