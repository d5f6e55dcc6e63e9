#include "era.h"

#include <stdlib.h>

static void build_ppp(struct ppp_conf *c, const struct conf *conf, enum conf_protocol p,
		      const struct ppp_crypto *crypto) ON_MAIN;
static void build_auth(struct ppp_conf *c, const struct conf_access_authentication *a, bool any_login) ON_MAIN;

struct era *
era_new(const struct conf *conf, const struct ppp_crypto *crypto)
{
	struct era *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->refs = 1;
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		build_ppp(&e->ppp[p], conf, p, crypto);
	return e;
}

struct era *
era_get(struct era *e)
{
	e->refs++;
	return e;
}

void
era_put(struct era *e)
{
	if (!e || --e->refs)
		return;
	conf_free(e->owned);
	free(e);
}

static void
build_ppp(struct ppp_conf *c, const struct conf *conf, enum conf_protocol p, const struct ppp_crypto *crypto)
{
	static const uint8_t policies[] = {[CONF_DENY] = PPP_DENY,
					   [CONF_ALLOW] = PPP_ALLOW,
					   [CONF_PREFER] = PPP_PREFER,
					   [CONF_REQUIRE] = PPP_REQUIRE};
	const struct conf_access *a = conf_access_of(conf, p);
	ppp_conf_init(c, crypto);
	c->mru = (uint16_t)a->ppp_options.mru;
	c->mtu = (uint16_t)a->mtu;
	c->min_mtu = (uint16_t)a->ppp_options.min_mtu;
	c->acfc = policies[a->ppp_options.accomp];
	c->pfc = policies[a->ppp_options.pcomp];
	c->ipv4 = policies[a->ppp_options.ipv4];
	c->mppe = a->ppp_options.disable_ccp ? PPP_DENY : policies[a->ppp_options.mppe];
	c->mppe_strengths = 0;
	for (unsigned i = 0; i < a->ppp_options.mppe_bits.n; i++)
		c->mppe_strengths |= (uint8_t)(1u << a->ppp_options.mppe_bits.v[i]);
	c->mppe_stateful = a->ppp_options.mppe_stateful;
	c->ccp_max_configure = (uint8_t)a->ppp_options.ccp_max_configure;
	c->restart_ms = a->ppp_options.timeout * 1000;
	c->max_configure = (uint8_t)a->ppp_options.max_configure;
	c->max_terminate = (uint8_t)a->ppp_options.max_terminate;
	c->max_failure = (uint8_t)a->ppp_options.max_failure;
	build_auth(c, &a->authentication, conf->authentication.any_login);
}

static void
build_auth(struct ppp_conf *c, const struct conf_access_authentication *a, bool any_login)
{
	static const uint8_t methods[] = {
		[CONF_AUTH_PAP] = PPP_AUTH_PAP,
		[CONF_AUTH_CHAP] = PPP_AUTH_CHAP_MD5,
		[CONF_AUTH_MSCHAP] = PPP_AUTH_MSCHAP,
		[CONF_AUTH_MSCHAP_V2] = PPP_AUTH_MSCHAPV2,
	};
	unsigned seen = any_login ? 1u << CONF_AUTH_MSCHAP_V2 : 0; /* it proves a password, and there is none */
	c->auth_timeout_ms = a->timeout * 1000;
	c->auth_max_failure = (uint8_t)a->max_failure;
	c->auth_interval_s = a->interval;
	c->challenge_name = a->challenge_name ? a->challenge_name : "";
	c->success_text = a->success_text ? a->success_text : "";
	c->failure_text = a->failure_text ? a->failure_text : "";
	c->n_auth = 0;
	for (unsigned i = 0; i < a->protocols.n; i++) {
		if (!(seen & 1u << a->protocols.v[i]))
			c->auth[c->n_auth++] = methods[a->protocols.v[i]];
		seen |= 1u << a->protocols.v[i];
	}
}
