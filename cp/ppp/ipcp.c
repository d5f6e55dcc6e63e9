/* ipcp.c - the IP Control Protocol: RFC 1332, with the name servers of RFC 1877. */
#include "ppp/auth.h"
#include "ppp/link.h"

/* A client begins when our Success reaches it, and so does our request: its own arrives one round trip after we sent
 * ours, together with the answer. */
#define IPCP_EARLY_AGE_MS 200

enum ipcp_option {
	IPCP_ADDR = 3,
	IPCP_DNS1 = 129,
	IPCP_WINS1 = 130,
	IPCP_DNS2 = 131,
	IPCP_WINS2 = 132,
};

/* Bits of ppp->ip4_ask */
enum { ASK_ADDR = 1, ASK_DNS1 = 2, ASK_DNS2 = 4 };

static void ipcp_request(struct fsm *f, struct wr *out);
static enum fsm_verdict ipcp_judge(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last) ON_MAIN;
static enum fsm_verdict judge_as_server(struct ppp *p, const struct fsm_opt *o, struct wr *nak, bool last) ON_MAIN;
static void ipcp_append(struct fsm *f, const struct fsm_packet *pkt, struct wr *nak, bool last) ON_MAIN;
static void ipcp_commit(struct fsm *f, const struct fsm_packet *pkt, struct mono now) ON_MAIN;
static bool find_addr(const struct fsm_packet *pkt, uint32_t *out);
static void ipcp_refused(struct fsm *f, uint8_t code, const struct fsm_opt *o) ON_MAIN;
static void ipcp_reset(struct fsm *f);
static uint32_t *offered(struct ppp *p, uint8_t type);
static uint32_t *wanted(struct ppp *p, uint8_t type, uint8_t *bit);
static void ipcp_again(struct fsm *f, struct mono now) ON_MAIN;
static void ipcp_rejected(struct fsm *f) ON_MAIN;
static void ipcp_stuck(struct fsm *f) ON_MAIN;
static void ipcp_up(struct fsm *f, struct mono now) ON_MAIN;
static void ipcp_down(struct fsm *f, struct mono now) ON_MAIN;
static void ipcp_finished(struct fsm *f, enum fsm_state from, struct mono now) ON_MAIN;

const struct fsm_ops ipcp_ops = {
	.proto = PPP_IPCP,
	.early_age_ms = IPCP_EARLY_AGE_MS,
	.request = ipcp_request,
	.judge = ipcp_judge,
	.append = ipcp_append,
	.commit = ipcp_commit,
	.refused = ipcp_refused,
	.reset = ipcp_reset,
	.again = ipcp_again,
	.rejected = ipcp_rejected,
	.stuck = ipcp_stuck,
	.up = ipcp_up,
	.down = ipcp_down,
	.finished = ipcp_finished,
};

static void
ipcp_reset(struct fsm *f)
{
	struct ppp *p = f->p;
	p->ip4_ask = ASK_ADDR;
	if (p->role == PPP_SERVER)
		return;
	p->ip4 = (struct ppp_ip4){0};
	if (p->conf->ask_dns)
		p->ip4_ask |= ASK_DNS1 | ASK_DNS2;
}

/* A client's 0.0.0.0 asks for an address (RFC 1332 3.3). */
static void
ipcp_request(struct fsm *f, struct wr *out)
{
	const struct ppp *p = f->p;
	if (p->ip4_ask & ASK_ADDR && (p->role == PPP_CLIENT || p->ip4.our))
		fsm_opt_put(out, IPCP_ADDR, p->ip4.our, 4);
	if (p->ip4_ask & ASK_DNS1)
		fsm_opt_put(out, IPCP_DNS1, p->ip4.dns[0], 4);
	if (p->ip4_ask & ASK_DNS2)
		fsm_opt_put(out, IPCP_DNS2, p->ip4.dns[1], 4);
}

/* What is not an address of four bytes is rejected: Van Jacobson compression (RFC 1332 4) and the deprecated
 * IP-Addresses option among it. */
static enum fsm_verdict
ipcp_judge(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last)
{
	struct ppp *p = f->p;
	if (o->len != 4)
		return OPT_REJ;
	if (p->role == PPP_SERVER)
		return judge_as_server(p, o, nak, last);
	return o->type == IPCP_ADDR && be32(o->value) ? OPT_ACK : OPT_REJ;
}

/* There is one value for each option, and a subscriber that insists on another address cannot be served. */
static enum fsm_verdict
judge_as_server(struct ppp *p, const struct fsm_opt *o, struct wr *nak, bool last)
{
	const uint32_t *value = offered(p, o->type);
	if (!value || !*value)
		return OPT_REJ;
	if (be32(o->value) == *value)
		return OPT_ACK;
	if (last && o->type == IPCP_ADDR)
		ppp_fail(p, CAUSE_NCP_FAILED);
	fsm_opt_put(nak, o->type, *value, 4);
	return OPT_NAK;
}

/* RFC 1332 3.3: a request without an address gets one by a Nak. */
static void
ipcp_append(struct fsm *f, const struct fsm_packet *pkt, struct wr *nak, bool last)
{
	struct ppp *p = f->p;
	uint32_t addr;
	if (p->role == PPP_CLIENT || find_addr(pkt, &addr))
		return;
	if (last)
		ppp_fail(p, CAUSE_NCP_FAILED);
	fsm_opt_put(nak, IPCP_ADDR, p->ip4.peer, 4);
}

/* The peer may send data as soon as it has this Ack, so the gate opens first. */
static void
ipcp_commit(struct fsm *f, const struct fsm_packet *pkt, struct mono now)
{
	struct ppp *p = f->p;
	if (p->role == PPP_CLIENT && !find_addr(pkt, &p->ip4.peer))
		p->ip4.peer = 0;
	if (p->gates & GATE_IPCP)
		return;
	p->gates |= GATE_IPCP;
	p->ops->ncp_opening(p->owner, PPP_IPCP, now);
}

static bool
find_addr(const struct fsm_packet *pkt, uint32_t *out)
{
	struct rd r = rd_init(pkt->data, pkt->len);
	struct fsm_opt o;
	while (fsm_opt_next(&r, &o))
		if (o.type == IPCP_ADDR && o.len == 4) {
			*out = be32(o.value);
			return true;
		}
	return false;
}

/* A client takes what it is given; a server keeps its own address whatever the peer would prefer. */
static void
ipcp_refused(struct fsm *f, uint8_t code, const struct fsm_opt *o)
{
	struct ppp *p = f->p;
	uint8_t bit = 0;
	uint32_t *value = wanted(p, o->type, &bit);
	if (!value || !(p->ip4_ask & bit))
		return;
	if (code == CONF_NAK) {
		if (p->role == PPP_CLIENT && o->len == 4)
			*value = be32(o->value);
		return;
	}
	p->ip4_ask &= (uint8_t)~bit;
	if (p->role == PPP_CLIENT && bit == ASK_ADDR)
		ppp_fail(p, CAUSE_NCP_FAILED);
}

/* What a server gives for an option of its client. */
static uint32_t *
offered(struct ppp *p, uint8_t type)
{
	switch (type) {
	case IPCP_ADDR:
		return &p->ip4.peer;
	case IPCP_DNS1:
		return &p->ip4.dns[0];
	case IPCP_DNS2:
		return &p->ip4.dns[1];
	case IPCP_WINS1:
		return &p->ip4.wins[0];
	case IPCP_WINS2:
		return &p->ip4.wins[1];
	default:
		return NULL;
	}
}

/* What we ask for in our own request. */
static uint32_t *
wanted(struct ppp *p, uint8_t type, uint8_t *bit)
{
	switch (type) {
	case IPCP_ADDR:
		*bit = ASK_ADDR;
		return &p->ip4.our;
	case IPCP_DNS1:
		*bit = ASK_DNS1;
		return &p->ip4.dns[0];
	case IPCP_DNS2:
		*bit = ASK_DNS2;
		return &p->ip4.dns[1];
	default:
		return NULL;
	}
}

/* A client that has not said a word of a network protocol may still wait for the Success that we sent: pppd never
 * repeats its Response (RFC 1994 4.2 would let it). */
static void
ipcp_again(struct fsm *f, struct mono now)
{
	if (!f->p->network_heard)
		auth_repeat(f->p, now);
}

static void
ipcp_rejected(struct fsm *f)
{
	ppp_set_cause(f->p, CAUSE_NCP_FAILED);
}

static void
ipcp_stuck(struct fsm *f)
{
	ppp_fail(f->p, CAUSE_NCP_FAILED);
}

/* A server that acknowledges 0.0.0.0 has given us nothing. */
static void
ipcp_up(struct fsm *f, struct mono now)
{
	struct ppp *p = f->p;
	if (!p->ip4.our && p->role == PPP_CLIENT) {
		ppp_fail(p, CAUSE_NCP_FAILED);
		return;
	}
	p->stats->opened++;
	p->ops->ncp_up(p->owner, PPP_IPCP, now);
}

static void
ipcp_down(struct fsm *f, struct mono now)
{
	ipcp_close_gate(f->p, now);
}

void
ipcp_close_gate(struct ppp *p, struct mono now)
{
	if (!(p->gates & GATE_IPCP))
		return;
	p->gates &= (uint8_t)~GATE_IPCP;
	p->ops->ncp_down(p->owner, PPP_IPCP, now);
}

/* IPCP is the only network protocol: a link without it has no use. */
static void
ipcp_finished(struct fsm *f, enum fsm_state from, struct mono now)
{
	(void)now;
	bool silent = f->timeout && fsm_negotiating((uint8_t)from);
	ppp_fail(f->p, silent ? CAUSE_NCP_TIMEOUT : CAUSE_NCP_FAILED);
}
