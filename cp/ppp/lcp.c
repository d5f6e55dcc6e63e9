/* lcp.c - the Link Control Protocol: RFC 1661 5 and 6, RFC 1570. */
#include "ppp/auth.h"
#include "ppp/link.h"

/* Both sides begin when the call is up: a request that crosses ours comes at once, one that follows the start of a
 * program later. */
#define LCP_EARLY_AGE_MS 10

/* RFC 1661 6 */
enum lcp_option {
	LCP_MRU = 1,
	LCP_AUTH = 3,
	LCP_MAGIC = 5,
	LCP_PFC = 7,
	LCP_ACFC = 8,
};

#define LCP_DEFAULT_MRU 1500 /* RFC 1661 6.1 */
#define LCP_OPEN_LOOPS 2     /* echoes with our own magic number, in a row, that no coincidence explains */
#define LCP_LEAST_MRU 128    /* a peer's Nak below this is not followed: no control packet of ours would fit */

static void lcp_request(struct fsm *f, struct wr *out) ON_MAIN;
static enum fsm_verdict lcp_judge(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last) ON_MAIN;
static enum fsm_verdict judge_mru(struct ppp *p, const struct fsm_opt *o, struct wr *nak, bool last) ON_MAIN;
static enum fsm_verdict judge_magic(struct ppp *p, const struct fsm_opt *o, struct wr *nak) ON_MAIN;
static enum fsm_verdict judge_auth(struct ppp *p, const struct fsm_opt *o, struct wr *nak) ON_MAIN;
static void lcp_commit(struct fsm *f, const struct fsm_packet *pkt, struct mono now) ON_MAIN;
static void commit_option(struct ppp *p, const struct fsm_opt *o);
static void lcp_refused(struct fsm *f, uint8_t code, const struct fsm_opt *o) ON_MAIN;
static void mru_refused(struct ppp *p, uint8_t code, const struct fsm_opt *o);
static void auth_refused(struct ppp *p, const struct fsm_opt *o) ON_MAIN;
static void compression_refused(struct ppp *p, bool *ask, uint8_t policy) ON_MAIN;
static uint8_t first_untried(const struct ppp *p);
static bool in_auth_list(const struct ppp *p, enum ppp_auth method);
static bool keys_suffice(const struct ppp *p, enum ppp_auth method);
static void lcp_reset(struct fsm *f) ON_MAIN;
static bool lcp_extra(struct fsm *f, struct fsm_packet *pkt, struct mono now) ON_MAIN;
static void lcp_proto_rejected(struct fsm *f, struct fsm_packet *pkt, struct mono now) ON_MAIN;
static void lcp_ident(struct ppp *p, const struct fsm_packet *pkt);
static const char *lcp_term_text(const struct fsm *f);
static void lcp_term(struct fsm *f, const struct fsm_packet *pkt) ON_MAIN;
static void lcp_rejected(struct fsm *f) ON_MAIN;
static void lcp_stuck(struct fsm *f) ON_MAIN;
static void lcp_up(struct fsm *f, struct mono now) ON_MAIN;
static void lcp_down(struct fsm *f, struct mono now) ON_MAIN;
static void lcp_finished(struct fsm *f, enum fsm_state from, struct mono now) ON_MAIN;
static void lcp_echo(struct fsm *f, const struct fsm_packet *pkt, struct mono now) ON_MAIN;

const struct fsm_ops lcp_ops = {
	.proto = PPP_LCP,
	.early_age_ms = LCP_EARLY_AGE_MS,
	.request = lcp_request,
	.judge = lcp_judge,
	.commit = lcp_commit,
	.refused = lcp_refused,
	.reset = lcp_reset,
	.extra = lcp_extra,
	.term_text = lcp_term_text,
	.term = lcp_term,
	.rejected = lcp_rejected,
	.stuck = lcp_stuck,
	.up = lcp_up,
	.down = lcp_down,
	.finished = lcp_finished,
	.echo = lcp_echo,
};

static void
lcp_reset(struct fsm *f)
{
	struct ppp *p = f->p;
	p->opt = (struct ppp_lcp){
		.our_magic = ppp_magic(p),
		.our_mru = p->conf->mru,
		.peer_mru = LCP_DEFAULT_MRU,
		.ask_mru = true,
		.ask_magic = true,
		.ask_acfc = p->conf->acfc >= PPP_PREFER,
		.ask_pfc = p->conf->pfc >= PPP_PREFER,
	};
	if (p->role == PPP_SERVER && !p->conf->noauth)
		p->opt.auth = first_untried(p);
}

static void
lcp_request(struct fsm *f, struct wr *out)
{
	const struct ppp *p = f->p;
	if (p->opt.ask_mru)
		fsm_opt_put(out, LCP_MRU, p->opt.our_mru, 2);
	if (p->role == PPP_SERVER && p->opt.auth != PPP_AUTH_NONE)
		auth_option_put(out, LCP_AUTH, p->opt.auth);
	if (p->opt.ask_magic)
		fsm_opt_put(out, LCP_MAGIC, p->opt.our_magic, 4);
	if (p->opt.ask_pfc)
		fsm_opt_put(out, LCP_PFC, 0, 0);
	if (p->opt.ask_acfc)
		fsm_opt_put(out, LCP_ACFC, 0, 0);
}

static enum fsm_verdict
lcp_judge(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last)
{
	struct ppp *p = f->p;
	switch (o->type) {
	case LCP_MRU:
		return judge_mru(p, o, nak, last);
	case LCP_AUTH:
		return judge_auth(p, o, nak);
	case LCP_MAGIC:
		return judge_magic(p, o, nak);
	case LCP_PFC:
		return p->conf->pfc != PPP_DENY && !o->len ? OPT_ACK : OPT_REJ;
	case LCP_ACFC:
		return p->conf->acfc != PPP_DENY && !o->len ? OPT_ACK : OPT_REJ;
	default:
		/* ACCM among them: there is no asynchronous line, and a peer that is told so leaves it out. */
		return OPT_REJ;
	}
}

/* Too small a peer is ended; one that insists on more than we ever send is told by a Reject to be silent about it. */
static enum fsm_verdict
judge_mru(struct ppp *p, const struct fsm_opt *o, struct wr *nak, bool last)
{
	if (o->len != 2)
		return OPT_REJ;
	uint16_t mru = be16(o->value);
	if (mru >= p->conf->min_mtu && mru <= p->conf->mtu)
		return OPT_ACK;
	if (last && mru < p->conf->min_mtu)
		ppp_fail(p, CAUSE_LCP_FAILED);
	fsm_opt_put(nak, LCP_MRU, mru < p->conf->min_mtu ? p->conf->min_mtu : p->conf->mtu, 2);
	return OPT_NAK;
}

/* RFC 1661 6.4: our own number coming back means, most likely, that our request did. */
static enum fsm_verdict
judge_magic(struct ppp *p, const struct fsm_opt *o, struct wr *nak)
{
	if (o->len != 4)
		return OPT_REJ;
	uint32_t magic = be32(o->value);
	bool own = magic && magic == p->opt.our_magic;
	if (magic && !own)
		return OPT_ACK;
	if (own) {
		p->stats->loops++;
		if (++p->opt.loops > p->conf->max_failure)
			ppp_fail(p, CAUSE_LCP_LOOPBACK);
		wr_reset(nak);
	}
	fsm_opt_put(nak, LCP_MAGIC, ppp_magic(p), 4);
	return own ? OPT_LOOP : OPT_NAK;
}

/* A server does not prove itself to its subscribers by this option (MS-CHAPv2 does so in passing). */
static enum fsm_verdict
judge_auth(struct ppp *p, const struct fsm_opt *o, struct wr *nak)
{
	if (p->role == PPP_SERVER || !p->conf->n_auth)
		return OPT_REJ;
	if (in_auth_list(p, auth_option_get(o->value, o->len)))
		return OPT_ACK;
	auth_option_put(nak, LCP_AUTH, p->conf->auth[0]);
	return OPT_NAK;
}

static void
lcp_commit(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	(void)now;
	struct ppp *p = f->p;
	struct rd r = rd_init(pkt->data, pkt->len);
	struct fsm_opt o;
	p->opt.peer_mru = LCP_DEFAULT_MRU;
	p->opt.peer_magic = 0;
	p->opt.acfc = p->opt.pfc = false;
	p->opt.loops = 0;
	if (p->role == PPP_CLIENT)
		p->opt.auth = PPP_AUTH_NONE;
	while (fsm_opt_next(&r, &o))
		commit_option(p, &o);
}

static void
commit_option(struct ppp *p, const struct fsm_opt *o)
{
	switch (o->type) {
	case LCP_MRU:
		p->opt.peer_mru = be16(o->value);
		break;
	case LCP_AUTH:
		p->opt.auth = (uint8_t)auth_option_get(o->value, o->len);
		break;
	case LCP_MAGIC:
		p->opt.peer_magic = be32(o->value);
		break;
	case LCP_PFC:
		p->opt.pfc = true;
		break;
	case LCP_ACFC:
		p->opt.acfc = true;
		break;
	}
}

/* Options of the peer's Nak that we did not send are its wishes for ours (RFC 1661 5.3); we have none to add. */
static void
lcp_refused(struct fsm *f, uint8_t code, const struct fsm_opt *o)
{
	struct ppp *p = f->p;
	if (o->type == LCP_MRU)
		mru_refused(p, code, o);
	else if (o->type == LCP_AUTH && p->role == PPP_SERVER && p->opt.auth != PPP_AUTH_NONE)
		auth_refused(p, code == CONF_NAK ? o : NULL);
	else if (o->type == LCP_MAGIC && code == CONF_NAK)
		p->opt.our_magic = ppp_magic(p);
	else if (o->type == LCP_MAGIC) {
		p->opt.ask_magic = false;
		p->opt.our_magic = 0;
	} else if (o->type == LCP_PFC && p->opt.ask_pfc)
		compression_refused(p, &p->opt.ask_pfc, p->conf->pfc);
	else if (o->type == LCP_ACFC && p->opt.ask_acfc)
		compression_refused(p, &p->opt.ask_acfc, p->conf->acfc);
}

static void
compression_refused(struct ppp *p, bool *ask, uint8_t policy)
{
	*ask = false;
	if (policy == PPP_REQUIRE)
		ppp_fail(p, CAUSE_LCP_FAILED);
}

/* A peer that rejects the option may send frames of the default size. */
static void
mru_refused(struct ppp *p, uint8_t code, const struct fsm_opt *o)
{
	if (code == CONF_REJ) {
		p->opt.ask_mru = false;
		p->opt.our_mru = LCP_DEFAULT_MRU;
	} else if (o->len == 2 && be16(o->value) >= LCP_LEAST_MRU && be16(o->value) < p->opt.our_mru) {
		p->opt.our_mru = be16(o->value);
	}
}

/* RFC 1661 6.2: the value of a Nak is what the peer would accept; a Reject (o is NULL) accepts none.  What the peer has
 * not refused yet is offered in the configured order. */
static void
auth_refused(struct ppp *p, const struct fsm_opt *o)
{
	enum ppp_auth wish = o ? auth_option_get(o->value, o->len) : PPP_AUTH_NONE;
	p->opt.auth_tried |= (uint8_t)(1u << p->opt.auth);
	if (in_auth_list(p, wish) && !(p->opt.auth_tried & 1u << wish))
		p->opt.auth = (uint8_t)wish;
	else
		p->opt.auth = first_untried(p);
	if (!o || p->opt.auth == PPP_AUTH_NONE)
		ppp_fail(p, CAUSE_AUTH_REFUSED);
}

static uint8_t
first_untried(const struct ppp *p)
{
	for (unsigned i = 0; i < p->conf->n_auth; i++)
		if (!(p->opt.auth_tried & 1u << p->conf->auth[i]) && keys_suffice(p, (enum ppp_auth)p->conf->auth[i]))
			return p->conf->auth[i];
	return PPP_AUTH_NONE;
}

static bool
in_auth_list(const struct ppp *p, enum ppp_auth method)
{
	for (unsigned i = 0; i < p->conf->n_auth; i++)
		if (p->conf->auth[i] == method)
			return method != PPP_AUTH_NONE && keys_suffice(p, method);
	return false;
}

/* RFC 3079: the keys of MPPE are MS-CHAP's. */
static bool
keys_suffice(const struct ppp *p, enum ppp_auth method)
{
	return p->conf->mppe != PPP_REQUIRE || method == PPP_AUTH_MSCHAP || method == PPP_AUTH_MSCHAPV2;
}

static bool
lcp_extra(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	switch (pkt->code) {
	case PROTO_REJ:
		lcp_proto_rejected(f, pkt, now);
		return true;
	case ECHO_REQ:
	case ECHO_REP:
	case DISCARD_REQ:
		fsm_event(f, FSM_EV_RXR, pkt, now);
		return true;
	case IDENT:
		lcp_ident(f->p, pkt);
		return true;
	case TIME_REMAINING:
		return true;
	default:
		return false;
	}
}

/* RFC 1661 5.7: counts only when LCP is Opened.  What the peer must have and rejects ends the link. */
static void
lcp_proto_rejected(struct fsm *f, struct fsm_packet *pkt, struct mono now)
{
	struct ppp *p = f->p;
	if (pkt->len < 2) {
		p->stats->malformed++;
		return;
	}
	if (f->state != FSM_OPENED)
		return;
	p->stats->proto_rejected++;
	uint16_t proto = be16(pkt->data);
	if (proto == PPP_LCP || (p->phase == PPP_AUTHENTICATE && auth_expects(p, proto)))
		ppp_fail(p, CAUSE_LCP_PROTOCOL_ERROR);
	else if (proto == PPP_CCP && p->phase == PPP_NETWORK)
		fsm_event(&p->ccp, FSM_EV_RXJ_BAD, pkt, now);
	else if (proto == PPP_IPCP && p->phase == PPP_NETWORK && p->ipcp.state >= FSM_CLOSED) {
		ppp_set_cause(p, p->conf->ipv4 == PPP_REQUIRE ? CAUSE_LCP_PROTOCOL_ERROR : CAUSE_NCP_FAILED);
		fsm_event(&p->ipcp, FSM_EV_RXJ_BAD, pkt, now);
	} else {
		fsm_event(f, FSM_EV_RXJ_GOOD, pkt, now);
	}
}

/* RFC 1570 2.1: magic number, then text.  Windows says its version, the name of the computer, and then sixteen octets
 * that mean something to its own servers: those do not replace the name. */
static void
lcp_ident(struct ppp *p, const struct fsm_packet *pkt)
{
	if (pkt->len > 4 && ppp_is_text(pkt->data + 4, pkt->len - 4))
		ppp_printable(p->ident, sizeof p->ident, pkt->data + 4, pkt->len - 4);
}

void
lcp_proto_reject(struct ppp *p, const uint8_t *frame, size_t len, struct mono now)
{
	size_t room = ppp_reject_room(p);
	p->stats->proto_rejects++;
	fsm_send(&p->lcp, PROTO_REJ, p->lcp.next_id++, frame, len < room ? len : room, now);
}

size_t
ppp_reject_room(const struct ppp *p)
{
	return (p->opt.peer_mru < FSM_PACKET_MAX ? p->opt.peer_mru : FSM_PACKET_MAX) - FSM_HDR;
}

uint16_t
ppp_mtu(const struct ppp *p)
{
	return p->opt.peer_mru < p->conf->mtu ? p->opt.peer_mru : p->conf->mtu;
}

static const char *
lcp_term_text(const struct fsm *f)
{
	return cause_row(f->p->cause)->ppp_text;
}

static void
lcp_term(struct fsm *f, const struct fsm_packet *pkt)
{
	struct ppp *p = f->p;
	if (pkt->len && !*p->peer_text) /* the words of a CHAP Failure before it say more */
		ppp_term_decode(p->peer_text, sizeof p->peer_text, pkt->data, pkt->len);
	if (f->state == FSM_OPENED)
		ppp_set_cause(p, CAUSE_USER_REQUEST);
}

static void
lcp_rejected(struct fsm *f)
{
	ppp_set_cause(f->p, CAUSE_LCP_PROTOCOL_ERROR);
}

static void
lcp_stuck(struct fsm *f)
{
	ppp_fail(f->p, CAUSE_LCP_FAILED);
}

static void
lcp_up(struct fsm *f, struct mono now)
{
	struct ppp *p = f->p;
	struct ppp_link link = {
		.mtu = ppp_mtu(p),
		.mru = p->opt.our_mru,
		.our_magic = p->opt.our_magic,
		.peer_magic = p->opt.peer_magic,
		.acfc = p->opt.acfc,
		.pfc = p->opt.pfc,
	};
	p->phase = PPP_AUTHENTICATE;
	if (p->ops->link_up)
		p->ops->link_up(p->owner, &link, now);
	auth_start(p, now);
}

static void
lcp_down(struct fsm *f, struct mono now)
{
	struct ppp *p = f->p;
	auth_stop(p);
	timer_stop(&p->network_timer);
	ccp_stop(p, now);
	fsm_event(&p->ipcp, FSM_EV_DOWN, NULL, now);
	ipcp_close_gate(p, now);
	p->phase = fsm_negotiating(f->state) ? PPP_ESTABLISH : PPP_TERMINATE;
	if (p->phase == PPP_ESTABLISH)
		p->stats->renegotiations++;
	if (p->ops->link_down)
		p->ops->link_down(p->owner, now);
}

static void
lcp_finished(struct fsm *f, enum fsm_state from, struct mono now)
{
	(void)from, (void)now;
	ppp_set_cause(f->p, CAUSE_LCP_TIMEOUT);
	f->p->finished = true;
}

/* RFC 1661 5.8: the data of the request, after our own magic number.  The worker answers those of an open link, but for
 * what looks like our own coming back (6.4). */
static void
lcp_echo(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	uint8_t data[FSM_PACKET_MAX];
	struct ppp_lcp *opt = &f->p->opt;
	if (pkt->len < 4) {
		f->p->stats->malformed++;
		return;
	}
	if (opt->our_magic && be32(pkt->data) == opt->our_magic) {
		f->p->stats->loops++;
		if (++opt->loops >= LCP_OPEN_LOOPS)
			ppp_fail(f->p, CAUSE_LCP_LOOPBACK);
		return;
	}
	opt->loops = 0;
	if (pkt->code != ECHO_REQ)
		return;
	put_be32(data, opt->our_magic);
	memcpy(data + 4, pkt->data + 4, pkt->len - 4);
	fsm_send(f, ECHO_REP, pkt->id, data, pkt->len, now);
}
