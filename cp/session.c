#include "session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/acct.h"
#include "addresses.h"
#include "admission.h"
#include "era.h"
#include "naming.h"
#include "online.h"
#include "routes.h"

#define SLOT_REST_MS 250 /* several swaps of the route table: see routes.h */
#define LOG_END_LEN 512

static enum cause refusal(const struct cp *cp, const struct addr *peer) ON_MAIN;
static void count(const struct session *s, int by) ON_MAIN;
static void session_set_state(struct session *s, enum session_state to) ON_MAIN;
static void start_ppp(struct session *s, struct mono now) ON_MAIN;
static void on_set_up_timer(struct timer *t, struct mono now) ON_MAIN;
static void on_lifetime_timer(struct timer *t, struct mono now) ON_MAIN;
static void watch_lifetime(struct session *s, struct mono now) ON_MAIN;
static void set_link(const struct session *s, struct dp_session_set *set) ON_MAIN;
static void set_echo(const struct conf_ppp_options *o, struct dp_session_set *set) ON_MAIN;
static void route_set(struct session *s, bool on) ON_MAIN;
static void leave(struct session *s) ON_MAIN;
static void close_dp(struct session *s, struct mono now) ON_MAIN;
static void on_rested(struct timer *t, struct mono now) ON_MAIN;
static void session_free(struct session *s, struct mono now) ON_MAIN;
static void log_end(const struct session *s, struct mono now) ON_MAIN;
static void set_gates(struct session *s, uint32_t gates) ON_MAIN;

/* What PPP asks and tells; owner is the session. */
static bool ppp_trace_on(void *owner) ON_MAIN;
static void ppp_trace(void *owner, const char *line) ON_MAIN;
static void ppp_random(void *owner, void *buf, size_t n) ON_MAIN;
static void ppp_link_up(void *owner, const struct ppp_link *link, struct mono now) ON_MAIN;
static void ppp_link_down(void *owner, struct mono now) ON_MAIN;
static void ppp_auth_request(void *owner, const struct ppp_auth_request *req, struct mono now) ON_MAIN;
static void ppp_mppe(void *owner, bool recv, const struct ppp_mppe *m, struct mono now) ON_MAIN;
static void ppp_ncp_opening(void *owner, uint16_t proto, struct mono now) ON_MAIN;
static void ppp_ncp_up(void *owner, uint16_t proto, struct mono now) ON_MAIN;
static void ppp_ncp_down(void *owner, uint16_t proto, struct mono now) ON_MAIN;
static void ppp_down(void *owner, enum cause cause, struct mono now) ON_MAIN;

static const struct ppp_ops ppp_upcalls = {
	.trace_on = ppp_trace_on,
	.trace = ppp_trace,
	.random = ppp_random,
	.link_up = ppp_link_up,
	.link_down = ppp_link_down,
	.auth_request = ppp_auth_request,
	.mppe = ppp_mppe,
	.ncp_opening = ppp_ncp_opening,
	.ncp_up = ppp_ncp_up,
	.ncp_down = ppp_ncp_down,
	.down = ppp_down,
};

/* --- beginning --------------------------------------------------------------------------------------------------- */

/* No peer may keep the others out by beginning calls: see share.h. */
static enum cause
refusal(const struct cp *cp, const struct addr *peer)
{
	if (cp->shutting_down || cp->refusing)
		return CAUSE_SHUTDOWN;
	if (cp->maintenance)
		return CAUSE_MAINTENANCE;
	if (cp->conf->max_sessions && cp_sessions(cp) >= cp->conf->max_sessions)
		return CAUSE_NO_RESOURCES;
	if (!share_admits(&cp->starting_of, cp->conf->max_concurrent_sessions, peer))
		return CAUSE_NO_RESOURCES;
	return CAUSE_NONE;
}

struct session *
session_new(struct cp *cp, const struct session_offer *o, struct mono now, enum cause *cause)
{
	*cause = refusal(cp, &o->peer);
	struct session *s = *cause == CAUSE_NONE ? calloc(1, sizeof *s) : NULL;
	uint64_t handle = s ? slots_take(&cp->slots[o->lcore], o->region, s) : HANDLE_NONE;
	if (handle == HANDLE_NONE) {
		if (*cause == CAUSE_NONE)
			*cause = CAUSE_NO_RESOURCES;
		cp->stats.calls_refused++;
		free(s);
		return NULL;
	}
	*s = (struct session){.cp = cp, .handle = handle, .protocol = (uint8_t)o->protocol, .ifnumber = -1, .pool = -1};
	s->era = era_get(cp->era);
	s->state = SESSION_CALL;
	s->since = now;
	s->sid = cp->next_sid++;
	s->info.calling = s->calling;
	s->info.called = s->called;
	s->info.peer = o->peer;
	count(s, 1);
	s->shared = share_take(&cp->starting_of, &o->peer);
	s->set_up.fire = on_set_up_timer;
	s->lifetime.fire = on_lifetime_timer;
	timer_set(&cp->timers, &s->set_up, mono_add_s(now, conf_access_of(cp->conf, o->protocol)->limits.timeout));
	return s;
}

void
session_bearer_up(struct session *s, struct bearer *b, const struct dp_session_open *open, struct mono now)
{
	struct cp *cp = s->cp;
	s->bearer = b;
	b->ops->describe(b, &s->info);
	snprintf(s->calling, sizeof s->calling, "%s", s->info.calling);
	snprintf(s->called, sizeof s->called, "%s", s->info.called);
	s->info.calling = s->calling;
	s->info.called = s->called;
	naming_begin(s);
	dataplane_send(cp->dp, DP_MSG_SESSION_OPEN, s->handle, open);
	s->dp_known = true;
	session_set_state(s, SESSION_STARTING);
	char name[SESSION_NAME_LEN];
	log_line(cp->log, LOG_LEVEL_INFO, "%s: new connection from %s to %s sid=%016" PRIx64,
		 session_name(s, name, sizeof name), s->calling, s->called, s->sid);
	session_note(s, "new connection", now);
	start_ppp(s, now);
}

static void
start_ppp(struct session *s, struct mono now)
{
	struct cp *cp = s->cp;
	ppp_init(&s->ppp, &(struct ppp_args){.role = PPP_SERVER,
					     .conf = &s->era->ppp[s->protocol],
					     .ops = &ppp_upcalls,
					     .owner = s,
					     .bearer = s->bearer,
					     .timers = &cp->timers,
					     .stats = &cp->ppp_stats});
	ppp_bearer_up(&s->ppp, now);
}

/* --- what PPP tells ---------------------------------------------------------------------------------------------- */

static bool
ppp_trace_on(void *owner)
{
	struct session *s = owner;
	return s->debug || log_on(s->cp->log, LOG_LEVEL_DEBUG);
}

static void
ppp_trace(void *owner, const char *line)
{
	struct session *s = owner;
	char name[SESSION_NAME_LEN];
	log_always(s->cp->log, LOG_LEVEL_DEBUG, "%s: %s", session_name(s, name, sizeof name), line);
}

static void
ppp_random(void *owner, void *buf, size_t n)
{
	struct session *s = owner;
	s->cp->random(s->cp->random_arg, buf, n);
}

static void
ppp_link_up(void *owner, const struct ppp_link *link, struct mono now)
{
	struct session *s = owner;
	const struct conf_ppp_options *o = &conf_access_of(s->cp->conf, s->protocol)->ppp_options;
	struct dp_session_set set = {.what = DP_SET_LINK | DP_SET_ECHO | DP_SET_GATES};
	(void)now;
	s->link = *link;
	set_link(s, &set);
	set_echo(o, &set);
	dataplane_send(s->cp->dp, DP_MSG_SESSION_SET, s->handle, &set);
}

/* What LCP agreed on; a smaller MTU of the subscriber's profile comes with the gate that it needs. */
static void
set_link(const struct session *s, struct dp_session_set *set)
{
	const struct ppp_link *link = &s->link;
	uint16_t mtu = s->authenticated ? s->profile.mtu : 0;
	set->what |= DP_SET_LINK;
	set->mtu = mtu && mtu < link->mtu ? mtu : link->mtu;
	set->acfc = link->acfc;
	set->pfc = link->pfc;
	set->our_magic = link->our_magic;
	set->peer_magic = link->peer_magic;
}

/* How a dead peer is found out: by silence and five quick probes, by silence alone, or by requests without a reply. */
static void
set_echo(const struct conf_ppp_options *o, struct dp_session_set *set)
{
	if (o->keepalive_timeout) {
		set->echo_interval_s = (uint16_t)o->keepalive_timeout;
		set->echo_probe_s = 1;
		set->echo_failure = 5;
		return;
	}
	set->echo_interval_s = (uint16_t)o->lcp_echo_interval;
	set->echo_failure = (uint16_t)o->lcp_echo_failure;
	set->echo_timeout_s = (uint16_t)o->lcp_echo_timeout;
}

static void
ppp_link_down(void *owner, struct mono now)
{
	struct session *s = owner;
	struct dp_session_set set = {.what = DP_SET_LINK | DP_SET_ECHO | DP_SET_GATES};
	if (s->state < SESSION_FINISHING)
		session_note(s, "link is negotiated again", now);
	s->authenticated = false;
	s->gates = 0;
	dataplane_send(s->cp->dp, DP_MSG_SESSION_SET, s->handle, &set);
	if (s->bearer && s->bearer->ops->keys)
		s->bearer->ops->keys(s->bearer, NULL, now);
}

static void
set_gates(struct session *s, uint32_t gates)
{
	s->gates = gates;
	struct dp_session_set set = {
		.what = DP_SET_GATES | DP_SET_IP4,
		.gates = gates | s->bearer_gates | (s->ppp.mppe.must ? DP_GATE_MPPE_REQUIRED : 0),
		.ip4 = s->ip4,
		.gateway_ip4 = s->gateway_ip4,
		.isolate = s->cp->conf->isolate,
	};
	if (gates & DP_GATE_AUTHENTICATED && s->profile.mtu && s->profile.mtu < s->link.mtu)
		set_link(s, &set);
	dataplane_send(s->cp->dp, DP_MSG_SESSION_SET, s->handle, &set);
}

void
session_set_name(struct session *s, const char *name)
{
	free(s->username);
	s->username = strdup(name);
}

void
session_set_authenticated(struct session *s)
{
	s->authenticated = true;
	naming_profile(s);
	set_gates(s, DP_GATE_AUTHENTICATED);
}

void
session_set_bound(struct session *s)
{
	s->bearer_gates = DP_GATE_SSTP_BOUND;
	set_gates(s, s->gates);
}

static void
ppp_auth_request(void *owner, const struct ppp_auth_request *req, struct mono now)
{
	admission_request(owner, req, now);
}

/* Data that arrives in the same burst as the peer's answer finds the key in place; what goes down is closed or encrypted
 * from here on, whatever is under way. */
static void
ppp_mppe(void *owner, bool recv, const struct ppp_mppe *m, struct mono now)
{
	struct session *s = owner;
	struct dp_session_keys keys = {.up = recv, .bits = m->bits, .stateless = m->stateless};
	(void)now;
	memcpy(keys.start_key, m->start_key, sizeof keys.start_key);
	dataplane_send(s->cp->dp, DP_MSG_SESSION_KEYS, s->handle, &keys);
	explicit_bzero(&keys, sizeof keys);
	if (s->gates)
		set_gates(s, s->gates);
}

static void
ppp_ncp_opening(void *owner, uint16_t proto, struct mono now)
{
	struct session *s = owner;
	(void)now;
	if (proto != PPP_IPCP)
		return;
	set_gates(s, DP_GATE_AUTHENTICATED | DP_GATE_IP4);
	/* The route at once too: the answer to the peer's first packet may be here before IPCP is open on our side. */
	route_set(s, true);
}

static void
ppp_ncp_up(void *owner, uint16_t proto, struct mono now)
{
	struct session *s = owner;
	char name[SESSION_NAME_LEN];
	if (proto != PPP_IPCP || s->state != SESSION_STARTING)
		return;
	timer_stop(&s->set_up);
	session_set_state(s, SESSION_ACTIVE);
	if (!s->was_active) {
		s->active_since = s->timed_since = now;
		s->was_active = true;
		watch_lifetime(s, now);
		s->cp->stats.sessions_started++;
		acct_start(s, now);
	} else {
		/* Address, name, timeouts may be others than at first. */
		session_changed(s, now);
	}
	session_note(s, "started", now);
	struct in_addr ip = {htonl(s->ip4)};
	log_line(s->cp->log, LOG_LEVEL_INFO, "%s: started ip=%s set-up=%" PRId64 "ms",
		 session_name(s, name, sizeof name), inet_ntoa(ip), mono_since_us(now, s->since) / 1000);
}

static void
ppp_ncp_down(void *owner, uint16_t proto, struct mono now)
{
	struct session *s = owner;
	if (proto != PPP_IPCP)
		return;
	route_set(s, false);
	set_gates(s, s->authenticated ? DP_GATE_AUTHENTICATED : 0);
	if (s->state != SESSION_ACTIVE)
		return;
	/* The peer negotiates an open link again; it has as long as it had at first. */
	session_set_state(s, SESSION_STARTING);
	session_note(s, "network protocol is negotiated again", now);
	timer_set(&s->cp->timers, &s->set_up,
		  mono_add_s(now, conf_access_of(s->cp->conf, s->protocol)->limits.timeout));
}

static void
ppp_down(void *owner, enum cause cause, struct mono now)
{
	struct session *s = owner;
	if (s->cause == CAUSE_NONE)
		s->cause = (uint8_t)cause;
	session_note(s, cause_row(cause)->text, now);
	struct bearer *b = s->bearer;
	s->bearer = NULL;
	if (b)
		b->ops->close(b, s->cause, now);
	close_dp(s, now);
}

/* --- ending ------------------------------------------------------------------------------------------------------ */

void
session_end(struct session *s, enum cause cause, struct mono now)
{
	if (s->state >= SESSION_FINISHING)
		return;
	bool has_ppp = s->state != SESSION_CALL;
	session_note(s, cause_row(cause)->text, now);
	s->cause = (uint8_t)cause;
	leave(s);
	if (has_ppp)
		ppp_terminate(&s->ppp, cause, now);
	else
		ppp_down(s, cause, now);
}

void
session_end_hard(struct session *s, enum cause cause, struct mono now)
{
	if (s->state == SESSION_CLOSING)
		return;
	if (s->state == SESSION_CALL || s->state == SESSION_FINISHING) {
		bool has_ppp = s->state == SESSION_FINISHING;
		if (has_ppp)
			ppp_bearer_down(&s->ppp, s->cause, now);
		else
			session_end(s, cause, now);
		return;
	}
	s->cause = (uint8_t)cause;
	leave(s);
	ppp_bearer_down(&s->ppp, cause, now);
}

void
session_bearer_down(struct session *s, enum cause cause, struct mono now)
{
	bool has_ppp = s->state != SESSION_CALL;
	s->bearer = NULL;
	if (s->state == SESSION_CLOSING)
		return;
	leave(s);
	if (has_ppp)
		ppp_bearer_down(&s->ppp, cause, now); /* it may know better: the peer's Terminate-Request came first */
	else
		ppp_down(s, cause, now);
}

/* leave: from now on there is nothing to decide and nothing to forward. */
static void
leave(struct session *s)
{
	admission_stop(s);
	timer_stop(&s->set_up);
	timer_stop(&s->lifetime);
	route_set(s, false);
	session_set_state(s, SESSION_FINISHING);
}

static void
on_set_up_timer(struct timer *t, struct mono now)
{
	session_end((struct session *)(void *)((char *)t - offsetof(struct session, set_up)), CAUSE_SET_UP_TIMEOUT,
		    now);
}

static void
on_lifetime_timer(struct timer *t, struct mono now)
{
	watch_lifetime((struct session *)(void *)((char *)t - offsetof(struct session, lifetime)), now);
}

/* watch_lifetime: ends the session whose time is over, or looks again when it may be.  Between two looks data moves the
 * end of the idle time only away. */
static void
watch_lifetime(struct session *s, struct mono now)
{
	struct mono over = MONO_NEVER, idle = MONO_NEVER;
	const struct profile *p = &s->profile;
	if (p->session_timeout_s && !s->renewing)
		over = mono_add_s(s->timed_since, p->session_timeout_s);
	if (mono_reached(now, over) && p->termination && admission_renew(s, now))
		over = MONO_NEVER;
	/* Data either way counts (RFC 2865 5.28). */
	if (p->idle_timeout_s)
		idle = mono_add_us(now, (int64_t)p->idle_timeout_s * 1000000 - session_idle_us(s, now));
	if (mono_reached(now, over))
		session_end(s, CAUSE_SESSION_TIMEOUT, now);
	else if (mono_reached(now, idle))
		session_end(s, CAUSE_IDLE_TIMEOUT, now);
	else if (over.us != MONO_NEVER.us || idle.us != MONO_NEVER.us)
		timer_set(&s->cp->timers, &s->lifetime, over.us < idle.us ? over : idle);
}

int64_t
session_idle_us(const struct session *s, struct mono now)
{
	struct mono last = s->cp->dp->ops->last_packet(s->cp->dp, s->handle);
	return mono_since_us(now, last.us > s->active_since.us ? last : s->active_since);
}

void
session_note(struct session *s, const char *what, struct mono now)
{
	s->history[s->n_events++ % SESSION_HISTORY] = (struct session_event){now, what};
}

/* The call is gone and PPP is silent: the worker lets go, and answers. */
static void
close_dp(struct session *s, struct mono now)
{
	admission_stop(s);
	timer_stop(&s->set_up);
	timer_stop(&s->lifetime);
	route_set(s, false);
	ppp_fini(&s->ppp);
	session_set_state(s, SESSION_CLOSING);
	if (s->dp_known)
		dataplane_send(s->cp->dp, DP_MSG_SESSION_CLOSE, s->handle, NULL);
	else
		session_free(s, now);
}

void
session_closed(struct session *s, const struct dp_counters *final, struct mono now)
{
	s->final = *final;
	if (!s->had_networks) {
		session_free(s, now);
		return;
	}
	s->set_up.fire = on_rested;
	timer_set(&s->cp->timers, &s->set_up, mono_add_ms(now, SLOT_REST_MS));
}

static void
on_rested(struct timer *t, struct mono now)
{
	session_free((struct session *)(void *)((char *)t - offsetof(struct session, set_up)), now);
}

static void
session_free(struct session *s, struct mono now)
{
	struct cp *cp = s->cp;
	log_end(s, now);
	acct_stop(s, now);
	cp->stats.sessions_ended += s->was_active;
	cp->stats.ended[s->cause]++;
	addresses_return(cp, s);
	naming_end(s);
	slots_release(&cp->slots[handle_lcore(s->handle)], s->handle);
	count(s, -1);
	admission_left(s, now); /* may admit the user's next one: all of s is free by now */
	profile_fini(&s->profile);
	era_put(s->era);
	free(s->username);
	free(s);
}

void
session_abandon(struct session *s)
{
	acct_abandon(s);
	timer_stop(&s->set_up);
	timer_stop(&s->lifetime);
	admission_stop(s);
	online_leave(s);
	routes_release(s);
	naming_end(s);
	if (s->state != SESSION_CALL)
		ppp_fini(&s->ppp);
	profile_fini(&s->profile);
	era_put(s->era);
	free(s->username);
	free(s);
}

static void
log_end(const struct session *s, struct mono now)
{
	char name[SESSION_NAME_LEN], text[LOG_END_LEN];
	const struct cause_row *row = cause_row(s->cause);
	int64_t seconds = s->was_active ? mono_since_us(now, s->active_since) / 1000000 : 0;
	const char *peer_text = s->dp_known ? s->ppp.peer_text : "";
	snprintf(text, sizeof text,
		 "%s: ended: %s%s%s%s time=%" PRId64 "s up=%" PRIu64 "/%" PRIu64 " down=%" PRIu64 "/%" PRIu64
		 " (packets/octets)",
		 session_name(s, name, sizeof name), row->text, *peer_text ? " (peer: " : "", peer_text,
		 *peer_text ? ")" : "", seconds, s->final.up_packets, s->final.up_bytes, s->final.down_packets,
		 s->final.down_bytes);
	/* A call that never was up is anybody's to bring about who has a tunnel. */
	if (s->dp_known)
		log_line(s->cp->log, row->level, "%s", text);
	else
		log_limited(s->cp->log, &s->cp->refusals, now, row->level, "%s", text);
}

/* --- the rest ---------------------------------------------------------------------------------------------------- */

/* count: s in its state, among all and among those of its protocol. */
static void
count(const struct session *s, int by)
{
	struct cp *cp = s->cp;
	struct cp_counts *c = &cp->counts[s->protocol];
	bool starting = s->state <= SESSION_STARTING, active = s->state == SESSION_ACTIVE;
	*(starting ? &cp->starting : active ? &cp->active : &cp->finishing) += (uint32_t)by;
	*(starting ? &c->starting : active ? &c->active : &c->finishing) += (uint32_t)by;
}

/* The only writer of state.  CLI and limits see three: starting, active, finishing. */
static void
session_set_state(struct session *s, enum session_state to)
{
	count(s, -1);
	s->state = (uint8_t)to;
	count(s, 1);
	bool starting = to <= SESSION_STARTING;
	if (s->shared && !starting)
		share_give(&s->cp->starting_of, &s->info.peer);
	if (s->shared != starting)
		s->shared = starting && share_take(&s->cp->starting_of, &s->info.peer);
}

static void
route_set(struct session *s, bool on)
{
	struct dataplane *dp = s->cp->dp;
	if (on == s->route_set)
		return;
	uint32_t off = s->pool >= 0 ? NH_NONE : nh_make(NH_DISCARD, 0); /* lent still: see addresses.c */
	uint32_t nh = on ? nh_session(handle_lcore(s->handle), handle_index(s->handle)) : off;
	if (!dp->ops->sub4_set(dp, s->ip4, nh))
		s->route_set = on;
	else
		log_line(s->cp->log, LOG_LEVEL_ERROR, "%s: no room in the subscriber table", s->ifname);
	if (s->route_set)
		routes_claim(s);
	else
		routes_release(s);
	s->had_networks |= !LIST_EMPTY(&s->claims);
}

void
session_changed(struct session *s, struct mono now)
{
	watch_lifetime(s, now);
	acct_changed(s, now);
}

struct session *
session_next(const struct cp *cp, uint64_t *cursor, unsigned look)
{
	unsigned lcore = (unsigned)(*cursor >> 32);
	uint32_t slot = (uint32_t)*cursor;
	if (lcore >= cp->dp->n_workers)
		return NULL;
	struct session *s = slots_next(&cp->slots[lcore], &slot, look);
	*cursor = slot >= cp->slots[lcore].n ? (uint64_t)(lcore + 1) << 32 : (uint64_t)lcore << 32 | slot;
	return s;
}

bool
session_last(const struct cp *cp, uint64_t cursor)
{
	return cursor >> 32 >= cp->dp->n_workers;
}

void
session_counters(const struct session *s, struct dp_counters *out)
{
	*out = s->final;
	if (s->dp_known)
		s->cp->dp->ops->counters(s->cp->dp, s->handle, out);
}

const char *
session_state_name(const struct session *s)
{
	static const char *const names[] = {"starting", "starting", "active", "finishing", "finishing"};
	return names[s->state];
}

const char *
session_name(const struct session *s, char *buf, size_t n)
{
	char addr[ADDR_STRLEN];
	if (!*s->ifname)
		snprintf(buf, n, "call from %s", addr_str(&s->info.peer, addr));
	else if (s->username && *s->username)
		snprintf(buf, n, "%s:%s", s->ifname, s->username);
	else
		snprintf(buf, n, "%s:%s:%u", s->ifname, addr_str(&s->info.peer, addr), s->info.peer_port);
	return buf;
}
