#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "backend.h"
#include "session.h"

struct users_entry {
	const struct conf_user *user;
	UT_hash_handle hh;
};

static enum backend_answer ask(struct cp *cp, struct login *login, struct verdict *v, struct mono now) ON_MAIN;
static const char *refusal(const struct cp *cp, const struct login *login, const struct conf_user *user,
			   struct ppp_auth_result *result) ON_MAIN;
static bool service_allowed(const struct conf_user *user, enum conf_protocol protocol) ON_MAIN;
static bool caller_allowed(const struct conf_user *user, const struct session *s) ON_MAIN;
static int say(struct profile *p, const struct conf_user *user) ON_MAIN;

int
users_init(struct users *u, const struct conf *conf)
{
	*u = (struct users){0};
	for (unsigned i = 0; i < conf_users(conf); i++) {
		struct users_entry *e = calloc(1, sizeof *e);
		if (!e) {
			users_fini(u);
			return -ENOMEM;
		}
		e->user = conf_user_at(conf, i);
		HASH_ADD_KEYPTR(hh, u->by_name, e->user->username, strlen(e->user->username), e);
	}
	return 0;
}

void
users_fini(struct users *u)
{
	struct users_entry *e, *next;
	HASH_ITER(hh, u->by_name, e, next)
	{
		HASH_DEL(u->by_name, e);
		free(e);
	}
}

const struct conf_user *
users_find(const struct users *u, const char *name)
{
	struct users_entry *e;
	HASH_FIND_STR(u->by_name, name, e);
	const char *bare = strrchr(name, '\\');
	if (!e && bare)
		HASH_FIND_STR(u->by_name, bare + 1, e);
	return e ? e->user : NULL;
}

/* --- the backend ------------------------------------------------------------------------------------------------- */

static enum backend_answer
ask(struct cp *cp, struct login *login, struct verdict *v, struct mono now)
{
	const struct conf_user *user = users_find(&cp->users, login->req.name);
	const char *why = refusal(cp, login, user, &v->result);
	(void)now;
	snprintf(v->by, sizeof v->by, "local");
	if (!why && user && say(&v->profile, user) < 0)
		why = "out of memory";
	if (why)
		snprintf(v->why, sizeof v->why, "%s", why);
	v->kind = why ? VERDICT_NO : VERDICT_YES;
	return BACKEND_ANSWERED;
}

/* refusal: why he may not come in; NULL: he may. */
static const char *
refusal(const struct cp *cp, const struct login *login, const struct conf_user *user, struct ppp_auth_result *result)
{
	bool any = cp->conf->authentication.any_login;
	if (!user)
		return any ? NULL : "no such user";
	if (!any && !ppp_auth_check(cp->crypto, &login->req, user->password ? user->password : "", result))
		return "wrong password";
	if (user->disable)
		return "user is disabled";
	if (!service_allowed(user, login->s->protocol))
		return "user may not use this protocol";
	return caller_allowed(user, login->s) ? NULL : "user may not call from there";
}

static bool
service_allowed(const struct conf_user *user, enum conf_protocol protocol)
{
	for (unsigned i = 0; i < user->service.n; i++)
		if (user->service.v[i] == (unsigned)protocol)
			return true;
	return user->service.n == 0;
}

/* caller_allowed: the number that the tunnel names, or the address of the tunnel's other end, is one of the list. */
static bool
caller_allowed(const struct conf_user *user, const struct session *s)
{
	char peer[ADDR_STRLEN];
	addr_str(&s->info.peer, peer);
	for (unsigned i = 0; i < user->caller_id.n; i++) {
		const char *id = user->caller_id.v[i];
		struct prefix net;
		if (!strcasecmp(id, s->calling) || !strcasecmp(id, peer))
			return true;
		if (strchr(id, '/') && prefix_parse(id, &net) && prefix_contains(&net, &s->info.peer))
			return true;
	}
	return user->caller_id.n == 0;
}

/* say: what the user's entry says; -ENOMEM. */
static int
say(struct profile *p, const struct conf_user *user)
{
	if (addr_is_v4(&user->static_ip) && !addr_is_any(&user->static_ip))
		profile_say_ip4(p, addr_ip4(&user->static_ip));
	if (addr_is_v4(&user->gateway_address) && !addr_is_any(&user->gateway_address))
		profile_say_gateway_ip4(p, addr_ip4(&user->gateway_address));
	if (user->pool)
		(void)profile_say_pool(p, user->pool);
	if (user->ipv6_pool)
		(void)profile_say_ipv6_pool(p, user->ipv6_pool);
	if (!addr_is_any(&user->ipv6_prefix.addr))
		profile_say_ipv6_prefix(p, user->ipv6_prefix);
	if (!addr_is_any(&user->delegated_prefix.addr))
		profile_say_delegated_prefix(p, user->delegated_prefix);
	if (user->ifname)
		(void)profile_say_ifname(p, user->ifname);
	if (user->mppe != CONF_AS_PROTOCOL)
		profile_say_mppe(p, (uint8_t)user->mppe);
	if (user->session_timeout)
		profile_say_session_timeout_s(p, user->session_timeout);
	if (user->idle_timeout)
		profile_say_idle_timeout_s(p, user->idle_timeout);
	if (user->rate_limit.download)
		profile_say_down_kbps(p, user->rate_limit.download);
	if (user->rate_limit.upload)
		profile_say_up_kbps(p, user->rate_limit.upload);
	int rc = profile_say_username(p, user->username, strlen(user->username));
	if (!rc && user->routes.n)
		rc = profile_say_routes(p, user->routes.v, user->routes.n * sizeof *user->routes.v);
	return rc;
}

const struct backend local_backend = {.name = "local", .ask = ask};
