/* auth.c - the backend "radius": a login becomes an Access-Request, its answer a verdict. */
#include <stdlib.h>

#include "aaa/aaa.h"
#include "admission.h"

#define MSCHAP_RESPONSE 50
#define NONE AAA_LOGINS

static enum backend_answer ask(struct cp *cp, struct login *login, struct verdict *v, struct mono now) ON_MAIN;
static void cancel(struct cp *cp, struct login *login) ON_MAIN;
static bool put_proof(struct wr *w, const struct ppp_auth_request *req) ON_MAIN;
static void put_mschap(struct wr *w, const struct ppp_auth_request *req) ON_MAIN;
static uint16_t slot_take(struct aaa *a, struct login *login) ON_MAIN;
static struct login *slot_give(struct aaa *a, uint64_t cookie) ON_MAIN;
static uint64_t cookie_of(const struct aaa *a, uint16_t slot) ON_MAIN;
static void on_answer(struct aaa *a, struct login *login, const struct radius_reply *r, struct verdict *v) ON_MAIN;
static void take_accept(struct aaa *a, struct login *login, struct map *m, struct verdict *v) ON_MAIN;
static bool prove_server(const struct login *login, const struct map *m, struct verdict *v) ON_MAIN;
static void keys(struct cp *cp, const struct login *login, const struct map *m, struct ppp_auth_result *r) ON_MAIN;
static void mppe_policy(const struct map *m, struct profile *p) ON_MAIN;
static void reject(struct map *m, struct verdict *v) ON_MAIN;

const struct backend radius_backend = {.name = "radius", .ask = ask, .cancel = cancel};

static enum backend_answer
ask(struct cp *cp, struct login *login, struct verdict *v, struct mono now)
{
	struct aaa *a = cp->aaa;
	const struct session *s = login->s;
	bool pap = login->req.method == PPP_AUTH_PAP;
	uint8_t attributes[RADIUS_PACKET_MAX];
	struct wr w = wr_init(attributes, sizeof attributes);
	char user[PPP_NAME_MAX], sid[17];
	uint16_t slot = slot_take(a, login);

	snprintf(v->by, sizeof v->by, "radius");
	v->kind = VERDICT_SILENCE;
	snprintf(v->why, sizeof v->why, "%s", radius_err_text(RADIUS_FULL));
	if (slot == NONE)
		return BACKEND_ANSWERED;
	request_who(a, s, request_user(a, login->req.name, user), &w);
	if (cp->conf->radius.sid_in_auth)
		radius_put_text(&w, RADIUS_ACCT_SESSION_ID, request_sid(s, sid));
	if (s->profile.state)
		radius_put(&w, RADIUS_STATE, s->profile.state->bytes, s->profile.state->len);
	bool known = put_proof(&w, &login->req);
	struct radius_request r = {.role = RADIUS_AUTH,
				   .cookie = cookie_of(a, slot),
				   .attributes = attributes,
				   .len = wr_len(&w),
				   .password = pap ? login->req.response : NULL,
				   .password_len = pap ? login->req.response_len : 0,
				   .add_nas_address = request_adds_nas_address(a),
				   .give_up = mono_add_s(now, AAA_WAIT_S)};
	enum radius_err e = !known || w.bad ? RADIUS_TOO_LONG : radius_client_submit(a->client, &r, now);
	if (!e) {
		aaa_trace(a, s, "send Access-Request", radius_walk_bare(attributes, wr_len(&w)));
		return BACKEND_PENDING;
	}
	(void)slot_give(a, cookie_of(a, slot));
	v->kind = e == RADIUS_FULL || e == RADIUS_NO_SERVER ? VERDICT_SILENCE : VERDICT_NO;
	snprintf(v->why, sizeof v->why, "%s", radius_err_text(e));
	return BACKEND_ANSWERED;
}

static void
cancel(struct cp *cp, struct login *login)
{
	struct aaa *a = cp->aaa;

	(void)slot_give(a, cookie_of(a, (uint16_t)((struct aaa_login *)login->state - a->logins)));
}

/* put_proof: what the peer has said, as servers want it; PAP's password is hidden for each server by the client. */
static bool
put_proof(struct wr *w, const struct ppp_auth_request *req)
{
	uint8_t chap[17];

	switch (req->method) {
	case PPP_AUTH_PAP:
		return true;
	case PPP_AUTH_CHAP_MD5: /* RFC 2865 5.3, 5.40 */
		if (req->response_len != 16)
			return false;
		chap[0] = req->id;
		memcpy(chap + 1, req->response, 16);
		radius_put(w, RADIUS_CHAP_PASSWORD, chap, sizeof chap);
		radius_put(w, RADIUS_CHAP_CHALLENGE, req->challenge, req->challenge_len);
		return true;
	case PPP_AUTH_MSCHAP:
	case PPP_AUTH_MSCHAPV2:
		put_mschap(w, req);
		return req->response_len == MSCHAP_RESPONSE - 1;
	default:
		return false;
	}
}

/* RFC 2548 2.1.3 and 2.3.2: the same 48 bytes in another frame: identifier and flags in front. */
static void
put_mschap(struct wr *w, const struct ppp_auth_request *req)
{
	bool v2 = req->method == PPP_AUTH_MSCHAPV2;
	uint8_t out[MSCHAP_RESPONSE] = {req->id};

	if (req->response_len != MSCHAP_RESPONSE - 1)
		return;
	out[1] = v2 ? 0 : req->response[48];
	memcpy(out + 2, req->response, 48);
	radius_put(w, RADIUS_MS_CHAP_CHALLENGE, req->challenge, req->challenge_len);
	radius_put(w, v2 ? RADIUS_MS_CHAP2_RESPONSE : RADIUS_MS_CHAP_RESPONSE, out, sizeof out);
}

/* --- logins that wait -------------------------------------------------------------------------------------------- */

static uint16_t
slot_take(struct aaa *a, struct login *login)
{
	uint16_t slot = a->free_login;

	if (slot == NONE)
		return NONE;
	a->free_login = a->logins[slot].next;
	a->logins[slot].login = login;
	login->state = &a->logins[slot];
	return slot;
}

static uint64_t
cookie_of(const struct aaa *a, uint16_t slot)
{
	return (uint64_t)(a->logins[slot].turn & 0x7fffffff) << 32 | slot;
}

/* slot_give: the login of this cookie, whose slot is free again; NULL when it was cancelled. */
static struct login *
slot_give(struct aaa *a, uint64_t cookie)
{
	uint16_t slot = (uint16_t)cookie;
	struct aaa_login *l = &a->logins[slot];
	struct login *login = l->login;

	if (cookie != cookie_of(a, slot) || !login)
		return NULL;
	*l = (struct aaa_login){.turn = l->turn + 1, .next = a->free_login};
	a->free_login = slot;
	return login;
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

void
auth_done(struct aaa *a, uint64_t cookie, const struct radius_reply *r, struct mono now)
{
	struct login *login = slot_give(a, cookie);
	char name[SESSION_NAME_LEN], servers[512];
	struct verdict v;

	if (!login)
		return;
	verdict_init(&v, login);
	snprintf(v.by, sizeof v.by, "radius");
	if (r->silent) {
		v.kind = VERDICT_SILENCE;
		log_line(a->cp->log, LOG_LEVEL_ERROR, "%s: no answer from RADIUS: %s",
			 session_name(login->s, name, sizeof name),
			 aaa_servers(a, r->tried, RADIUS_AUTH, servers, sizeof servers));
	} else {
		on_answer(a, login, r, &v);
	}
	admission_verdict(login, &v, now);
}

static void
on_answer(struct aaa *a, struct login *login, const struct radius_reply *r, struct verdict *v)
{
	char server[ADDR_STRLEN], what[64], name[SESSION_NAME_LEN];
	struct radius_walk walk = radius_walk_init(r->packet, &r->view);
	struct map m;

	snprintf(v->by, sizeof v->by, "radius %s", aaa_server(a, r->server, server));
	snprintf(what, sizeof what, "recv %s", radius_code_name(r->code));
	aaa_trace(a, login->s, what, walk);
	map_init(&m, &a->map);
	m.secret = r->secret;
	m.authenticator = r->authenticator;
	if (r->code != RADIUS_ACCESS_ACCEPT) {
		map_take_reject(&m, walk);
		reject(&m, v);
		if (r->code == RADIUS_ACCESS_CHALLENGE)
			snprintf(v->why, sizeof v->why, "the server wants to ask more (Access-Challenge)");
	} else if (!map_take(&m, walk)) {
		a->malformed++;
		snprintf(v->why, sizeof v->why, "%.95s", m.why);
	} else {
		take_accept(a, login, &m, v);
	}
	a->ignored += m.ignored;
	if (*m.note)
		log_line(a->cp->log, LOG_LEVEL_WARN, "%s: %s", session_name(login->s, name, sizeof name), m.note);
	map_fini(&m);
}

static void
take_accept(struct aaa *a, struct login *login, struct map *m, struct verdict *v)
{
	struct cp *cp = a->cp;
	char name[SESSION_NAME_LEN];

	if (!prove_server(login, m, v))
		return;
	const char *pool = profile_says(&m->profile, PROFILE_POOL) ? m->profile.pool : NULL;
	if (pool && !profile_says(&m->profile, PROFILE_IP4) && pool4_find(cp->pools, pool) < 0) {
		v->result.cause = CAUSE_NO_ADDRESS;
		log_line(cp->log, LOG_LEVEL_ERROR, "%s: Framed-Pool: no pool is called %s",
			 session_name(login->s, name, sizeof name), pool);
		return;
	}
	keys(cp, login, m, &v->result);
	mppe_policy(m, &m->profile);
	snprintf(v->text, sizeof v->text, "%s", m->message);
	v->profile = m->profile;
	profile_init(&m->profile);
	v->kind = VERDICT_YES;
}

/* MS-CHAPv2 proves both ways: an acceptance without the server's proof is none (RFC 2759 5). */
static bool
prove_server(const struct login *login, const struct map *m, struct verdict *v)
{
	if (login->req.method != PPP_AUTH_MSCHAPV2)
		return true;
	if (!m->has_chap_success || m->chap_ident != login->req.id) {
		snprintf(v->why, sizeof v->why, "Access-Accept %s",
			 m->has_chap_success ? "has an MS-CHAP2-Success for another response"
					     : "without MS-CHAP2-Success");
		return false;
	}
	memcpy(v->result.auth_response, m->chap_success, sizeof v->result.auth_response);
	return true;
}

/* RFC 2548 2.4: version 1 gives the hash of the password's hash, and what short keys are made of (RFC 3079 2.1, 2.2); version 2
 * the keys themselves, as we send and receive. */
static void
keys(struct cp *cp, const struct login *login, const struct map *m, struct ppp_auth_result *r)
{
	if (m->has_send && m->has_recv) {
		memcpy(r->keys.send, m->send_key, sizeof r->keys.send);
		memcpy(r->keys.recv, m->recv_key, sizeof r->keys.recv);
		r->keys.len = sizeof r->keys.send;
	} else if (m->has_v1_keys && login->req.method == PPP_AUTH_MSCHAP) {
		static const uint8_t unknown[sizeof m->lm_key];
		(void)ppp_mschap_keys(cp->crypto, login->req.challenge, m->nt_key, &r->keys);
		r->keys.has_lm = r->keys.len && memcmp(m->lm_key, unknown, sizeof unknown) != 0;
		memcpy(r->keys.lm, m->lm_key, sizeof r->keys.lm);
	}
}

/* RFC 2548 2.4.4, 2.4.5: 1 allowed, 2 required; bit 1 is 40 bits, bit 2 128, bit 3 (pppd, MikroTik) 56. */
static void
mppe_policy(const struct map *m, struct profile *p)
{
	uint8_t bits = (uint8_t)((m->mppe_types & 2) >> 1 << CONF_MPPE_40 | (m->mppe_types & 8) >> 3 << CONF_MPPE_56 |
				 (m->mppe_types & 4) >> 2 << CONF_MPPE_128);

	if (m->has_mppe_policy)
		profile_say_mppe(p, m->mppe_policy == 2 ? CONF_REQUIRE : CONF_PREFER);
	if (m->has_mppe_types && bits)
		profile_say_mppe_bits(p, bits);
	else if (m->has_mppe_types)
		profile_say_mppe(p, CONF_DENY);
}

/* The server's words reach the peer: E= and M= of MS-CHAP-Error (RFC 2759 6), else Reply-Message. */
static void
reject(struct map *m, struct verdict *v)
{
	const char *e = strstr(m->chap_error, "E="), *text = strstr(m->chap_error, " M=");

	snprintf(v->why, sizeof v->why, "rejected%s%.70s", *m->message ? ": " : "", m->message);
	if (e)
		v->result.error = (uint16_t)atoi(e + 2);
	if (text && text[3])
		snprintf(v->text, sizeof v->text, "%s", text + 3);
	else
		snprintf(v->text, sizeof v->text, "%s", m->message);
}
