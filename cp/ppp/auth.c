#include "ppp/auth.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "ppp/link.h"

#define MSCHAP_E_AUTHENTICATION_FAILURE 691 /* RFC 2759 6 */

static void fire(struct timer *t, struct mono now) ON_MAIN;
static bool name_sound(const struct part *name);
static void let_in(struct ppp *p, const struct ppp_auth_result *result, struct mono now) ON_MAIN;
static void refuse(struct ppp *p, const struct ppp_auth_result *result, struct mono now) ON_MAIN;
static void give_keys(struct ppp *p, const struct ppp_keys *keys, struct mono now);

/* clang-format off */
#define CHAP(name, algorithm, digest) \
	{name, PPP_CHAP, algorithm, chap_start, chap_input, chap_timeout, chap_verdict, digest##_check, &digest}
static const struct auth_method methods[PPP_AUTH_COUNT] = {
	[PPP_AUTH_NONE] = {.name = "none"},
	[PPP_AUTH_PAP] = {"pap", PPP_PAP, 0, pap_start, pap_input, pap_timeout, pap_verdict, pap_check, NULL},
	[PPP_AUTH_CHAP_MD5] = CHAP("chap-md5", 5, chap_md5),
	[PPP_AUTH_MSCHAP] = CHAP("mschap", 0x80, chap_mschap),
	[PPP_AUTH_MSCHAPV2] = CHAP("mschap-v2", 0x81, chap_mschapv2),
};
/* clang-format on */

const struct auth_method *
auth_method(enum ppp_auth method)
{
	return method == PPP_AUTH_NONE || method >= PPP_AUTH_COUNT ? NULL : &methods[method];
}

const char *
ppp_auth_name(enum ppp_auth method)
{
	return methods[method < PPP_AUTH_COUNT ? method : PPP_AUTH_NONE].name;
}

void
auth_init(struct ppp *p)
{
	p->auth.timer.fire = fire;
}

/* A result that is still to come belongs to a link that LCP has negotiated anew since: the serial tells. */
void
auth_stop(struct ppp *p)
{
	p->auth.phase = AUTH_IDLE;
	timer_stop(&p->auth.timer);
}

void
auth_start(struct ppp *p, struct mono now)
{
	static const struct part nobody = {"", 0};
	const struct auth_method *m = auth_method((enum ppp_auth)p->opt.auth);
	p->auth.since = now;
	p->auth.sends = 0;
	p->auth.seen = 0;
	p->auth.let_in = false;
	explicit_bzero(&p->keys, sizeof p->keys);
	if (m)
		m->start(p, now);
	else if (p->role == PPP_SERVER && !p->conf->noauth)
		ppp_fail(p, CAUSE_AUTH_REFUSED);
	else if (p->role == PPP_SERVER)
		auth_ask(p, &(struct ppp_auth_request){.method = PPP_AUTH_NONE}, &nobody, now);
	else
		auth_accepted(p, NULL, now);
}

bool
auth_expects(const struct ppp *p, uint16_t proto)
{
	const struct auth_method *m = auth_method((enum ppp_auth)p->opt.auth);
	return m && m->proto == proto && (p->phase == PPP_AUTHENTICATE || p->phase == PPP_NETWORK);
}

void
auth_input(struct ppp *p, const uint8_t *packet, size_t len, struct mono now)
{
	auth_method((enum ppp_auth)p->opt.auth)->input(p, packet, len, now);
}

void
auth_ask(struct ppp *p, struct ppp_auth_request *req, const struct part *name, struct mono now)
{
	char text[PPP_NAME_MAX];
	p->auth.phase = AUTH_DECIDING;
	timer_stop(&p->auth.timer);
	req->serial = ++p->auth.serial;
	if (!name_sound(name)) {
		refuse(p, &(struct ppp_auth_result){0}, now);
		return;
	}
	memcpy(text, name->p, name->n);
	text[name->n] = 0;
	req->name = text;
	req->again = p->auth.let_in;
	p->ops->auth_request(p->owner, req, now);
}

/* A name with control characters in it has no place in a log or a RADIUS attribute. */
static bool
name_sound(const struct part *name)
{
	const uint8_t *s = name->p;
	if (name->n >= PPP_NAME_MAX)
		return false;
	for (size_t i = 0; i < name->n; i++)
		if (iscntrl(s[i]))
			return false;
	return true;
}

void
ppp_auth_result(struct ppp *p, const struct ppp_auth_result *result, struct mono now)
{
	if (p->ended || p->failing || p->auth.phase != AUTH_DECIDING || result->serial != p->auth.serial)
		return;
	ppp_enter(p);
	if (result->ok)
		let_in(p, result, now);
	else
		refuse(p, result, now);
	ppp_leave(p, now);
}

/* The keys are in place before the peer learns that it is in: SSTP's crypto binding comes right after it.  Who proves
 * himself once more changes nothing: addresses, and keys in use, stay as they are. */
static void
let_in(struct ppp *p, const struct ppp_auth_result *result, struct mono now)
{
	const struct auth_method *m = auth_method((enum ppp_auth)p->opt.auth);
	bool first = !p->auth.let_in;
	p->auth.phase = AUTH_DONE;
	p->auth.let_in = true;
	memcpy(p->auth.auth_response, result->auth_response, sizeof p->auth.auth_response);
	snprintf(p->auth.text, sizeof p->auth.text, "%s", result->text ? result->text : p->conf->success_text);
	if (first) {
		p->stats->auth_ok++;
		p->ip4 = result->ip4;
		p->mppe.policy = result->mppe.set ? result->mppe.policy : p->conf->mppe;
		p->mppe.strengths = result->mppe.set ? result->mppe.strengths : p->conf->mppe_strengths;
		p->ip4_ok = result->ip4_ok && result->ip4.peer && p->conf->ipv4 != PPP_DENY;
		give_keys(p, &result->keys, now);
	}
	if (m)
		m->verdict(p, true, now);
	if (p->conf->auth_interval_s && m && m->digest)
		timer_set(p->timers, &p->auth.timer, mono_add_s(now, p->conf->auth_interval_s));
	if (first)
		ppp_network(p, now);
}

static void
refuse(struct ppp *p, const struct ppp_auth_result *result, struct mono now)
{
	const struct auth_method *m = auth_method((enum ppp_auth)p->opt.auth);
	p->stats->auth_failed++;
	p->auth.phase = AUTH_DONE;
	p->auth.error = result->error ? result->error : MSCHAP_E_AUTHENTICATION_FAILURE;
	snprintf(p->auth.text, sizeof p->auth.text, "%s", result->text ? result->text : p->conf->failure_text);
	if (m && !result->unproven)
		m->verdict(p, false, now);
	ppp_fail(p, result->cause == CAUSE_NONE ? CAUSE_AUTH_FAILED : result->cause);
}

bool
ppp_challenge(struct ppp *p, struct mono now)
{
	const struct auth_method *m = auth_method((enum ppp_auth)p->opt.auth);
	bool open = p->phase == PPP_NETWORK && p->auth.let_in && !p->ended && !p->failing;
	if (!m || !m->digest || p->role != PPP_SERVER || !open)
		return false;
	if (p->auth.phase == AUTH_DONE) /* else it is being done */
		fire(&p->auth.timer, now);
	return true;
}

void
auth_accepted(struct ppp *p, const struct ppp_keys *keys, struct mono now)
{
	bool first = p->phase == PPP_AUTHENTICATE;
	p->auth.phase = AUTH_DONE;
	timer_stop(&p->auth.timer);
	if (!first)
		return;
	p->stats->auth_ok++;
	give_keys(p, keys ? keys : &(struct ppp_keys){.len = 0}, now);
	p->mppe.policy = p->conf->mppe;
	p->mppe.strengths = p->conf->mppe_strengths;
	if (p->ops->authenticated)
		p->ops->authenticated(p->owner, now);
	p->ip4_ok = true;
	ppp_network(p, now);
}

void
auth_repeat(struct ppp *p, struct mono now)
{
	const struct auth_method *m = auth_method((enum ppp_auth)p->opt.auth);
	if (m && p->role == PPP_SERVER && p->auth.phase == AUTH_DONE)
		m->verdict(p, true, now);
}

static void
give_keys(struct ppp *p, const struct ppp_keys *keys, struct mono now)
{
	p->keys = *keys;
	if (p->bearer->ops->keys)
		p->bearer->ops->keys(p->bearer, keys, now);
}

void
auth_refused_us(struct ppp *p, const struct part *text)
{
	p->stats->auth_failed++;
	ppp_printable(p->peer_text, sizeof p->peer_text, text->p, text->n);
	ppp_fail(p, CAUSE_AUTH_FAILED);
}

void
auth_wait(struct ppp *p, uint32_t ms, struct mono now)
{
	timer_set(p->timers, &p->auth.timer, mono_add_ms(now, ms));
}

static void
fire(struct timer *t, struct mono now)
{
	struct ppp *p = (struct ppp *)(void *)((char *)t - offsetof(struct ppp, auth.timer));
	ppp_enter(p);
	auth_method((enum ppp_auth)p->opt.auth)->timeout(p, now);
	ppp_leave(p, now);
}

void
auth_option_put(struct wr *w, uint8_t type, enum ppp_auth method)
{
	const struct auth_method *m = &methods[method];
	wr_u8(w, type);
	wr_u8(w, m->algorithm ? 5 : 4);
	wr_be16(w, m->proto);
	if (m->algorithm)
		wr_u8(w, m->algorithm);
}

enum ppp_auth
auth_option_get(const uint8_t *value, size_t len)
{
	for (unsigned i = PPP_AUTH_NONE + 1; i < PPP_AUTH_COUNT; i++) {
		const struct auth_method *m = &methods[i];
		size_t want = m->algorithm ? 3 : 2;
		if (len == want && be16(value) == m->proto && (want == 2 || value[2] == m->algorithm))
			return (enum ppp_auth)i;
	}
	return PPP_AUTH_NONE;
}

bool
ppp_auth_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
	       struct ppp_auth_result *result)
{
	const struct auth_method *m = auth_method(req->method);
	result->serial = req->serial;
	result->keys = (struct ppp_keys){0};
	result->ok = !m || m->check(c, req, password, result);
	return result->ok;
}
