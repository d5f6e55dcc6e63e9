#include "admission.h"

#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "online.h"

#define LEAVE_MS 1000 /* for the leave of a session that is being replaced */

static struct login *login_new(struct session *s, const struct ppp_auth_request *req) ON_MAIN;
static void ask_next(struct login *login, struct mono now) ON_MAIN;
static const struct backend *next_backend(struct login *login) ON_MAIN;
static void nobody_answers(struct login *login, struct mono now) ON_MAIN;
static void decide(struct login *login, struct verdict *v, struct mono now) ON_MAIN;
static bool says_port_limit(const struct verdict *v) ON_MAIN;
static unsigned most_sessions(const struct session *s, const struct verdict *v) ON_MAIN;
static bool fits(const struct login *login) ON_MAIN;
static bool is_same_user(const struct session *s, const char *name) ON_MAIN;
static bool is_taken(const struct session *s) ON_MAIN;
static bool may_follow(const struct session *s, const struct ppp_auth_request *req) ON_MAIN;
static bool lacks_keys(const struct login *login, const struct verdict *v) ON_MAIN;
static void refuse_successor(struct session *s, const char *name, struct verdict *v) ON_MAIN;
static void become(struct session *s, const struct login *login, struct verdict *v) ON_MAIN;
static void answer_again(struct login *login, struct verdict *v, struct mono now) ON_MAIN;
static void renew(struct session *s, struct verdict *v, struct mono now) ON_MAIN;
static void wait_for_others(struct login *login, const struct verdict *v, struct mono now) ON_MAIN;
static void on_leave_timer(struct timer *t, struct mono now) ON_MAIN;
static void answer(struct session *s, struct verdict *v, struct mono now) ON_MAIN;
static void admit(struct session *s, struct verdict *v, struct mono now) ON_MAIN;
static void fill_mppe(const struct session *s, struct ppp_mppe_policy *out) ON_MAIN;
static void fill_ip4(const struct session *s, struct ppp_ip4 *ip4) ON_MAIN;
static void refuse(struct verdict *v, enum cause cause) ON_MAIN;

void
admission_request(struct session *s, const struct ppp_auth_request *req, struct mono now)
{
	struct verdict none;
	admission_stop(s);
	s->login = login_new(s, req);
	if (s->login) {
		ask_next(s->login, now);
		return;
	}
	none = (struct verdict){.kind = VERDICT_NO, .result = {.serial = req->serial}, .why = "out of memory"};
	refuse(&none, CAUSE_NO_RESOURCES);
	answer(s, &none, now);
}

static struct login *
login_new(struct session *s, const struct ppp_auth_request *req)
{
	struct login *login = calloc(1, sizeof *login);
	if (!login)
		return NULL;
	login->s = s;
	login->req = *req;
	snprintf(login->name, sizeof login->name, "%s", req->name);
	if (req->challenge_len)
		memcpy(login->challenge, req->challenge, req->challenge_len);
	if (req->response_len)
		memcpy(login->response, req->response, req->response_len);
	login->req.name = login->name;
	login->req.challenge = login->challenge;
	login->req.response = login->response;
	return login;
}

/* --- the backends, in their order -------------------------------------------------------------------------------- */

static void
ask_next(struct login *login, struct mono now)
{
	for (;;) {
		struct verdict v;
		login->at = next_backend(login);
		if (!login->at) {
			nobody_answers(login, now);
			return;
		}
		verdict_init(&v, login);
		login->pending = true;
		if (login->at->ask(login->s->cp, login, &v, now) == BACKEND_PENDING)
			return;
		login->pending = false;
		if (v.kind != VERDICT_SILENCE) {
			decide(login, &v, now);
			return;
		}
		profile_fini(&v.profile);
	}
}

/* Whoever has let a peer in is asked about it again, and nobody else. */
static const struct backend *
next_backend(struct login *login)
{
	const struct cp *cp = login->s->cp;
	const struct conf_numbers *mode = &cp->conf->authentication.mode;
	const struct backend *b = NULL;
	if (login->req.again)
		return login->next++ ? NULL : login->s->backend;
	if (cp->conf->authentication.any_login)
		return login->next++ ? NULL : cp->backends[CONF_MODE_LOCAL];
	while (!b && login->next < mode->n)
		b = cp->backends[mode->v[login->next++]];
	return b;
}

void
admission_verdict(struct login *login, struct verdict *v, struct mono now)
{
	login->pending = false;
	if (v->kind != VERDICT_SILENCE) {
		decide(login, v, now);
		return;
	}
	profile_fini(&v->profile);
	ask_next(login, now);
}

/* An open session goes on without an answer, unless its peer wants a proof of ours: MS-CHAPv2's Success has one (RFC 2759
 * 5), which nobody has given us, and a wrong one would be no better than none. */
static void
nobody_answers(struct login *login, struct mono now)
{
	bool must_prove = login->req.method == PPP_AUTH_MSCHAPV2;
	struct verdict v;
	verdict_init(&v, login);
	snprintf(v.why, sizeof v.why, "nobody answers");
	v.result.unproven = login->req.again;
	if (login->req.again && !must_prove && !login->s->renewing)
		v.kind = VERDICT_YES;
	else
		refuse(&v, CAUSE_AUTH_UNAVAILABLE);
	decide(login, &v, now);
}

/* --- the decision ------------------------------------------------------------------------------------------------ */

/* decide: *v is the last word of the backends; its profile passes on, or is let go. */
static void
decide(struct login *login, struct verdict *v, struct mono now)
{
	struct session *s = login->s;

	if (login->req.again) {
		answer_again(login, v, now);
		return;
	}
	if (v->kind == VERDICT_YES && !may_follow(s, &login->req))
		refuse_successor(s, login->req.name, v);
	if (v->kind == VERDICT_YES && lacks_keys(login, v))
		refuse(v, CAUSE_MPPE_NO_KEYS);
	become(s, login, v);
	login->most = v->kind == VERDICT_YES ? most_sessions(s, v) : 0;
	if (!fits(login) && s->cp->conf->single_session == CONF_SINGLE_REPLACE) {
		wait_for_others(login, v, now);
		return;
	}
	if (!fits(login)) {
		refuse(v, says_port_limit(v) ? CAUSE_PORT_LIMIT : CAUSE_ALREADY_ONLINE);
		online_leave(s); /* what was refused does not stand in the way of the next, while it ends */
	}
	admission_stop(s);
	answer(s, v, now);
}

static bool
says_port_limit(const struct verdict *v)
{
	return profile_says(&v->profile, PROFILE_PORT_LIMIT) && v->profile.port_limit;
}

/* most_sessions: that the user may have, 0: any number.  Port-Limit (RFC 2865 5.42) counts sessions here, since a link has
 * one port, and says more than single-session, which says what becomes of one too many. */
static unsigned
most_sessions(const struct session *s, const struct verdict *v)
{
	if (says_port_limit(v))
		return v->profile.port_limit;
	return s->cp->conf->single_session != CONF_SINGLE_OFF;
}

static bool
fits(const struct login *login)
{
	return !login->most || online_others(login->s, login->most) < login->most;
}

static bool
is_same_user(const struct session *s, const char *name)
{
	return s->username && !strcmp(s->username, name);
}

/* is_taken: what a session has carried is accounted for, found and timed as the user's who began it; and an SSTP
 * connection is bound once, by the keys of one user ([MS-SSTP] 3.3.5.2.3): nothing shows that another, who proves himself
 * on it later, is not a client whose proof is passed on from elsewhere. */
static bool
is_taken(const struct session *s)
{
	return s->was_active || s->bearer_gates;
}

/* may_follow: on a link negotiated again; no method that yields less follows the one that bound it (they are in the order
 * of their strength). */
static bool
may_follow(const struct session *s, const struct ppp_auth_request *req)
{
	bool weaker = s->bearer_gates && req->method < (enum ppp_auth)s->auth_method;

	return !is_taken(s) || (is_same_user(s, req->name) && !weaker);
}

/* lacks_keys: SSTP's crypto binding would be made with 32 zero octets, which anybody has who passes on a proof from
 * elsewhere.  With PAP and CHAP-MD5 they are what [MS-SSTP] 3.2.5.2 wants. */
static bool
lacks_keys(const struct login *login, const struct verdict *v)
{
	enum ppp_auth method = login->req.method;
	bool yields_keys = method == PPP_AUTH_MSCHAP || method == PPP_AUTH_MSCHAPV2;

	return login->s->protocol == CONF_SSTP && yields_keys && !v->result.keys.len;
}

/* refuse_successor: whoever proves another name on a link that is somebody's, negotiated again, dials himself. */
static void
refuse_successor(struct session *s, const char *name, struct verdict *v)
{
	char text[SESSION_NAME_LEN];

	log_line(s->cp->log, LOG_LEVEL_WARN, "%s: refused to %s, who has proved himself on its link",
		 session_name(s, text, sizeof text), name);
	refuse(v, CAUSE_AUTH_FAILED);
}

/* become: the session is this user's from now on, or nobody's. */
static void
become(struct session *s, const struct login *login, struct verdict *v)
{
	const char *name = login->req.name;
	bool in = v->kind == VERDICT_YES;
	bool moves = profile_says(&v->profile, PROFILE_IP4) && v->profile.ip4 != s->ip4;

	/* LCP negotiated again: the same user keeps his address, another one, before the session was up, gets his own.
	 * The end of one that was up names the address that it had. */
	if (s->ip4 && (in ? !is_same_user(s, name) || moves : !s->was_active))
		addresses_return(s->cp, s);
	/* Whoever fails to prove a name on a session that is somebody's does not give it to that. */
	if (in || !is_taken(s)) {
		session_set_name(s, name);
		s->auth_method = (uint8_t)login->req.method;
		s->backend = login->at;
		snprintf(s->backend_name, sizeof s->backend_name, "%s", v->by);
	}
	online_leave(s);
	if (in && online_join(s, v->profile.username ? profile_text(v->profile.username) : name) < 0)
		refuse(v, CAUSE_NO_RESOURCES);
}

/* answer_again: a challenge of an open session: nothing is decided anew, but it must be the same user. */
static void
answer_again(struct login *login, struct verdict *v, struct mono now)
{
	struct session *s = login->s;
	struct ppp_auth_result result = v->result;
	char name[SESSION_NAME_LEN];

	result.serial = login->req.serial;
	result.ok = v->kind == VERDICT_YES && is_same_user(s, login->req.name);
	if (!result.ok) {
		s->cp->stats.auth_failed++;
		log_line(s->cp->log, LOG_LEVEL_WARN, "%s: authentication failed again (%s)",
			 session_name(s, name, sizeof name), *v->by ? v->by : v->why);
	}
	if (s->renewing && result.ok)
		renew(s, v, now);
	else if (s->renewing)
		result.cause = CAUSE_SESSION_TIMEOUT;
	profile_fini(&v->profile);
	admission_stop(s);
	ppp_auth_result(&s->ppp, &result, now);
}

bool
admission_renew(struct session *s, struct mono now)
{
	char name[SESSION_NAME_LEN];

	if (!ppp_challenge(&s->ppp, now)) {
		log_line(s->cp->log, LOG_LEVEL_WARN, "%s: Termination-Action: the peer cannot be challenged again (%s)",
			 session_name(s, name, sizeof name), ppp_auth_name(s->auth_method));
		return false;
	}
	s->renewing = true;
	session_note(s, "session time is over, authenticated again", now);
	return true;
}

/* renew: what may change under an open link is as the server says now, or as if it never had said it; the rest stays. */
static void
renew(struct session *s, struct verdict *v, struct mono now)
{
	static const enum profile_field news[] = {PROFILE_SESSION_TIMEOUT, PROFILE_IDLE_TIMEOUT, PROFILE_TERMINATION,
						  PROFILE_INTERIM,         PROFILE_CLASS,        PROFILE_STATE,
						  PROFILE_DOWN_RATE,       PROFILE_UP_RATE,      PROFILE_DOWN_BURST,
						  PROFILE_UP_BURST,        PROFILE_PORT_LIMIT};
	struct profile now_is, part, keys;
	char name[SESSION_NAME_LEN];
	uint64_t mask = 0;

	for (unsigned i = 0; i < sizeof news / sizeof *news; i++)
		mask |= UINT64_C(1) << news[i];
	profile_init(&now_is);
	part = v->profile;
	part.said &= mask;
	profile_take(&now_is, &part);
	part = s->profile;
	part.said &= ~mask;
	profile_take(&now_is, &part);
	profile_of_access(&keys, conf_access_of(s->cp->conf, s->protocol));
	profile_take(&now_is, &keys);
	profile_fini(&keys);
	profile_fini(&s->profile);
	s->profile = now_is;
	s->renewing = false;
	s->timed_since = now;
	session_changed(s, now);
	log_line(s->cp->log, LOG_LEVEL_INFO, "%s: session time renewed (%s): %u s", session_name(s, name, sizeof name),
		 v->by, now_is.session_timeout_s);
}

/* wait_for_others: ends the user's oldest sessions, until there is room for this one; the answer waits for the last of
 * them to be gone. */
static void
wait_for_others(struct login *login, const struct verdict *v, struct mono now)
{
	struct session *s = login->s;

	login->verdict = *v;
	login->decided = true;
	online_wait(s, 1);
	login->leave.fire = on_leave_timer;
	timer_set(&s->cp->timers, &login->leave, mono_add_ms(now, LEAVE_MS));
	/* The last of them may go in the call, and s come in. */
	online_end_others(s, login->most - 1, session_end, CAUSE_REPLACED, now);
}

static void
on_leave_timer(struct timer *t, struct mono now)
{
	struct login *login = (struct login *)(void *)((char *)t - offsetof(struct login, leave));

	online_end_others(login->s, login->most - 1, session_end_hard, CAUSE_REPLACED, now);
}

void
admission_left(struct session *s, struct mono now)
{
	struct session *next = online_other(s);

	admission_stop(s);
	online_leave(s);
	while (next && (next = online_waiting(next)) && fits(next->login)) {
		struct verdict v = next->login->verdict;
		profile_init(&next->login->verdict.profile);
		admission_stop(next);
		answer(next, &v, now);
	}
}

void
admission_stop(struct session *s)
{
	struct login *login = s->login;

	if (!login)
		return;
	s->login = NULL;
	if (login->decided)
		online_wait(s, -1);
	if (login->pending && login->at->cancel)
		login->at->cancel(s->cp, login);
	timer_stop(&login->leave);
	profile_fini(&login->verdict.profile);
	free(login);
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

static void
answer(struct session *s, struct verdict *v, struct mono now)
{
	struct cp *cp = s->cp;
	char name[SESSION_NAME_LEN];

	if (v->kind == VERDICT_YES)
		admit(s, v, now);
	profile_fini(&v->profile);
	v->result.ok = v->kind == VERDICT_YES;
	if (*v->text && !v->result.text)
		v->result.text = v->text;
	session_name(s, name, sizeof name);
	if (v->result.ok) {
		cp->stats.auth_ok++;
		log_line(cp->log, LOG_LEVEL_INFO, "%s: authentication succeeded (%s) method=%s", name, v->by,
			 ppp_auth_name(s->auth_method));
	} else {
		cp->stats.auth_failed++;
		log_line(cp->log, LOG_LEVEL_WARN, "%s: authentication failed%s%s%s: %s", name, *v->by ? " (" : "",
			 v->by, *v->by ? ")" : "",
			 v->result.cause != CAUSE_NONE ? cause_row(v->result.cause)->text : v->why);
	}
	ppp_auth_result(&s->ppp, &v->result, now);
}

/* admit: what the backend says of the subscriber, and for the rest what the protocol's keys say, is his from now on. */
static void
admit(struct session *s, struct verdict *v, struct mono now)
{
	const struct conf_access *access = conf_access_of(s->cp->conf, s->protocol);
	bool ip4 = access->ppp_options.ipv4 != CONF_DENY;
	struct profile keys;

	profile_of_access(&keys, access);
	profile_fini(&s->profile);
	s->profile = v->profile;
	profile_init(&v->profile);
	profile_take(&s->profile, &keys);
	profile_fini(&keys);
	enum cause cause = s->ip4 || !ip4 ? CAUSE_NONE : addresses_lend(s->cp, s);
	if (cause != CAUSE_NONE) {
		refuse(v, cause);
		return;
	}
	if (s->renewing) /* meanwhile the peer has negotiated LCP again, and is asked about as a whole */
		s->timed_since = now;
	s->renewing = false;
	v->result.ip4_ok = ip4;
	fill_mppe(s, &v->result.mppe);
	fill_ip4(s, &v->result.ip4);
	session_set_authenticated(s);
}

_Static_assert(PPP_MPPE_40 == 1 << CONF_MPPE_40 && PPP_MPPE_56 == 1 << CONF_MPPE_56 &&
		       PPP_MPPE_128 == 1 << CONF_MPPE_128,
	       "key lengths are the same bits here and there");

static void
fill_mppe(const struct session *s, struct ppp_mppe_policy *out)
{
	static const uint8_t policies[] = {[CONF_DENY] = PPP_DENY,
					   [CONF_ALLOW] = PPP_ALLOW,
					   [CONF_PREFER] = PPP_PREFER,
					   [CONF_REQUIRE] = PPP_REQUIRE};
	bool off = conf_access_of(s->cp->conf, s->protocol)->ppp_options.disable_ccp;

	/* Inside TLS it protects nothing, whatever RADIUS or the user's entry say of it. */
	off = off || s->protocol == CONF_SSTP;

	out->set = true;
	out->policy = off ? PPP_DENY : policies[s->profile.mppe];
	out->strengths = s->profile.mppe_bits;
}

static void
fill_ip4(const struct session *s, struct ppp_ip4 *ip4)
{
	const struct profile *p = &s->profile;

	*ip4 = (struct ppp_ip4){.our = s->gateway_ip4, .peer = s->ip4};
	ip4->dns[0] = p->dns1;
	ip4->dns[1] = p->dns2;
	ip4->wins[0] = p->wins1;
	ip4->wins[1] = p->wins2;
}

static void
refuse(struct verdict *v, enum cause cause)
{
	v->kind = VERDICT_NO;
	v->result.cause = cause;
	v->result.text = cause_row(cause)->text;
}
