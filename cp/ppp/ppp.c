#include "ppp/ppp.h"

#include <string.h>
#include <sys/random.h>

#include "ppp/auth.h"
#include "ppp/link.h"
#include "ppp/trace.h"

static void carry_out_end(struct ppp *p, struct mono now) ON_MAIN;
static void dispatch(struct ppp *p, uint16_t proto, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;
static void ipcp_begin(struct ppp *p, struct mono now) ON_MAIN;
static void network_fire(struct timer *t, struct mono now) ON_MAIN;

void
ppp_conf_init(struct ppp_conf *conf, const struct ppp_crypto *crypto)
{
	*conf = (struct ppp_conf){
		.mru = 1400,
		.mtu = 1400,
		.min_mtu = 100,
		.auth = {PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP_MD5},
		.n_auth = 2,
		.ipv4 = PPP_PREFER,
		.ask_dns = true,
		.mppe = PPP_DENY,
		.mppe_strengths = PPP_MPPE_128,
		.ccp_max_configure = 3,
		.max_configure = 10,
		.max_terminate = 2,
		.max_failure = 5,
		.restart_ms = 3000,
		.early_ms = {250, 750},
		.auth_timeout_ms = 5000,
		.auth_max_failure = 3,
		.auth_wait_ms = 30000,
		.challenge_name = "",
		.success_text = "Authentication succeeded",
		.failure_text = "Authentication failed",
		.crypto = crypto,
	};
}

void
ppp_init(struct ppp *p, const struct ppp_args *args)
{
	*p = (struct ppp){
		.conf = args->conf,
		.ops = args->ops,
		.owner = args->owner,
		.bearer = args->bearer,
		.timers = args->timers,
		.stats = args->stats,
		.role = (uint8_t)args->role,
		.phase = PPP_DEAD,
	};
	fsm_init(&p->lcp, &lcp_ops, p);
	fsm_init(&p->ccp, &ccp_ops, p);
	fsm_init(&p->ipcp, &ipcp_ops, p);
	p->network_timer.fire = network_fire;
	auth_init(p);
}

void
ppp_bearer_up(struct ppp *p, struct mono now)
{
	if (p->phase != PPP_DEAD || p->ended)
		return;
	ppp_enter(p);
	p->phase = PPP_ESTABLISH;
	fsm_event(&p->lcp, FSM_EV_OPEN, NULL, now);
	fsm_event(&p->lcp, FSM_EV_UP, NULL, now);
	ppp_leave(p, now);
}

void
ppp_input(struct ppp *p, const uint8_t *frame, size_t len, struct mono now)
{
	if (p->ended || p->phase == PPP_DEAD)
		return;
	ppp_enter(p);
	trace_frame(p, "recv", frame, len);
	if (len < 2)
		p->stats->malformed++;
	else
		dispatch(p, be16(frame), frame, len, now);
	ppp_leave(p, now);
}

/* RFC 1661 3.4 to 3.7: LCP packets count in every phase, authentication's from that phase on, others' in the
 * Network-Layer Protocol phase; what comes too early is discarded silently, what is unknown is rejected. */
static void
dispatch(struct ppp *p, uint16_t proto, const uint8_t *frame, size_t len, struct mono now)
{
	bool data = proto == PPP_IP || proto == PPP_IPV6 || proto == PPP_COMP;
	if (proto == PPP_LCP)
		fsm_input(&p->lcp, frame + 2, len - 2, now);
	else if (auth_expects(p, proto))
		auth_input(p, frame + 2, len - 2, now);
	else if (p->phase != PPP_NETWORK || data)
		p->stats->out_of_phase++;
	else
		ppp_network_input(p, frame, len, now);
}

void
ppp_network_input(struct ppp *p, const uint8_t *frame, size_t len, struct mono now)
{
	uint16_t proto = be16(frame);
	p->network_heard = true;
	if (proto == PPP_CCP && ccp_input(p, frame, len, now))
		return;
	if (proto == PPP_IPCP && p->ip4_ok && ccp_hold(p, frame, len, now))
		return;
	if (proto == PPP_IPCP && p->ip4_ok && p->ipcp.state < FSM_CLOSED && len > 2 && frame[2] == CONF_REQ)
		ipcp_begin(p, now);
	if (proto == PPP_IPCP && p->ip4_ok)
		fsm_input(&p->ipcp, frame + 2, len - 2, now);
	else
		lcp_proto_reject(p, frame, len, now);
}

void
ppp_network(struct ppp *p, struct mono now)
{
	p->phase = PPP_NETWORK;
	p->network_heard = false;
	if (!p->ip4_ok) {
		ppp_fail(p, CAUSE_NCP_FAILED);
		return;
	}
	ccp_start(p, now);
}

void
ppp_network_go(struct ppp *p, struct mono now)
{
	if (p->role == PPP_CLIENT || p->conf->ipv4 >= PPP_PREFER) {
		ipcp_begin(p, now);
		return;
	}
	p->network_waits = 0;
	timer_set(p->timers, &p->network_timer, mono_add_ms(now, p->conf->restart_ms));
}

static void
ipcp_begin(struct ppp *p, struct mono now)
{
	timer_stop(&p->network_timer);
	if (p->ipcp.state == FSM_INITIAL)
		fsm_event(&p->ipcp, FSM_EV_OPEN, NULL, now);
	fsm_event(&p->ipcp, FSM_EV_UP, NULL, now);
}

/* The peer is to begin, and has not: the Success of its authentication may be lost.  It has as long as it takes us to
 * give up when we ask. */
static void
network_fire(struct timer *t, struct mono now)
{
	struct ppp *p = (struct ppp *)(void *)((char *)t - offsetof(struct ppp, network_timer));
	ppp_enter(p);
	if (++p->network_waits >= p->conf->max_configure) {
		ppp_fail(p, CAUSE_NCP_TIMEOUT);
	} else {
		if (!p->network_heard)
			auth_repeat(p, now);
		timer_set(p->timers, &p->network_timer, mono_add_ms(now, p->conf->restart_ms));
	}
	ppp_leave(p, now);
}

void
ppp_terminate(struct ppp *p, enum cause cause, struct mono now)
{
	if (p->ended)
		return;
	ppp_enter(p);
	ppp_fail(p, cause);
	ppp_leave(p, now);
}

void
ppp_bearer_down(struct ppp *p, enum cause cause, struct mono now)
{
	if (p->ended)
		return;
	ppp_enter(p);
	p->dead = true;
	ppp_fail(p, cause);
	ppp_leave(p, now);
}

void
ppp_fini(struct ppp *p)
{
	p->ended = true;
	fsm_fini(&p->lcp);
	fsm_fini(&p->ccp);
	fsm_fini(&p->ipcp);
	explicit_bzero(&p->keys, sizeof p->keys);
	explicit_bzero(&p->mppe, sizeof p->mppe);
	timer_stop(&p->auth.timer);
	timer_stop(&p->network_timer);
}

void
ppp_enter(struct ppp *p)
{
	p->depth++;
}

void
ppp_leave(struct ppp *p, struct mono now)
{
	if (p->depth == 1)
		carry_out_end(p, now);
	p->depth--;
	if (p->depth || !p->finished || p->ended)
		return;
	p->phase = PPP_DEAD;
	p->stats->ended++;
	ppp_fini(p);
	p->ops->down(p->owner, p->cause, now);
}

/* Twice at most: a bearer that goes away while our Terminate-Request is under way cuts the wait short. */
static void
carry_out_end(struct ppp *p, struct mono now)
{
	if (!p->failing || p->finished || (p->closing && !p->dead))
		return;
	if (!p->closing && ccp_ends_first(p, now))
		return;
	p->closing = true;
	p->phase = PPP_TERMINATE;
	auth_stop(p);
	timer_stop(&p->network_timer);
	if (!p->dead && p->lcp.state >= FSM_CLOSED && *cause_row(p->cause)->ppp_text) {
		fsm_event(&p->lcp, FSM_EV_CLOSE, NULL, now);
		return;
	}
	p->dead = true;
	fsm_event(&p->lcp, FSM_EV_DOWN, NULL, now);
	ccp_stop(p, now);
	ipcp_close_gate(p, now);
	p->finished = true;
}

void
ppp_set_cause(struct ppp *p, enum cause cause)
{
	if (p->cause == CAUSE_NONE)
		p->cause = cause;
}

void
ppp_fail(struct ppp *p, enum cause cause)
{
	ppp_set_cause(p, cause);
	p->failing = true;
}

void
ppp_output(struct ppp *p, const uint8_t *frame, size_t len, struct mono now)
{
	if (p->dead)
		return;
	trace_frame(p, "send", frame, len);
	p->bearer->ops->send(p->bearer, frame, len, now);
}

/* getrandom never fails for so few bytes once the kernel's pool is initialised, which the start of the daemon waits
 * for; an interrupted call of up to 256 bytes does not occur (getrandom(2)). */
void
ppp_random(struct ppp *p, void *buf, size_t len)
{
	if (p->ops->random) {
		p->ops->random(p->owner, buf, len);
		return;
	}
	if (getrandom(buf, len, 0) != (ssize_t)len)
		abort();
}

uint32_t
ppp_magic(struct ppp *p)
{
	uint32_t magic = 0;
	while (!magic)
		ppp_random(p, &magic, sizeof magic);
	return magic;
}

const char *
ppp_phase_name(const struct ppp *p)
{
	static const char *const names[] = {
		[PPP_DEAD] = "dead",       [PPP_ESTABLISH] = "establish", [PPP_AUTHENTICATE] = "authenticate",
		[PPP_NETWORK] = "network", [PPP_TERMINATE] = "terminate",
	};
	return names[p->phase];
}

uint32_t
ppp_checksum(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}
