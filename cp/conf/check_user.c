/* check_user.c - what a user or a profile says, held against what else the file says. */
#include <stdarg.h>
#include <stdlib.h>

#include "conf/reader.h"

static int check_routes(struct conf_reader *r, const char *section, const struct conf_user *u);
static const char *whose_route(const struct conf *c, const struct prefix *p);
static bool same_network(const struct prefix *a, const struct prefix *b);

int
conf_check_user(struct conf_reader *r, const char *section, const struct conf_user *u)
{
	char key[96];
	snprintf(key, sizeof key, "%s.ifname", section);
	if (u->ifname && conf_ifname_numbered(r->conf, u->ifname))
		return conf_fail(r, key, -1, "is \"%s\", as the sessions of a protocol are called", u->ifname);
	return check_routes(r, section, u);
}

static int
check_routes(struct conf_reader *r, const char *section, const struct conf_user *u)
{
	char key[96], text[PREFIX_STRLEN];
	snprintf(key, sizeof key, "%s.routes", section);
	for (unsigned i = 0; i < u->routes.n; i++) {
		const char *whose = whose_route(r->conf, &u->routes.v[i]);
		if (whose)
			return conf_fail(r, key, (int)i, "%s is %s", prefix_str(&u->routes.v[i], text), whose);
	}
	return 0;
}

/* whose_route: what this very network is to us, or NULL. */
static const char *
whose_route(const struct conf *c, const struct prefix *p)
{
	for (unsigned i = 0; i < c->routes.n; i++)
		if (c->routes.v[i].table == CONF_TABLE_CORE && same_network(p, &c->routes.v[i].prefix))
			return "one of routes";
	for (unsigned i = 0; i < c->interfaces.n; i++)
		for (unsigned j = 0; c->interfaces.v[i].core && j < c->interfaces.v[i].addresses.n; j++)
			if (same_network(p, &c->interfaces.v[i].addresses.v[j]))
				return "the network of an interface";
	return NULL;
}

static bool
same_network(const struct prefix *a, const struct prefix *b)
{
	struct prefix x = prefix_mask(*a), y = prefix_mask(*b);
	return x.len == y.len && addr_eq(&x.addr, &y.addr);
}

int
conf_fail_user(struct conf_reader *r, const struct conf_user *u, const char *key, const char *fmt, ...)
{
	const struct conf_authentication *a = &r->conf->authentication;
	char what[CONF_TEXT], path[96];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (u->line)
		return conf_fail_file(r->err, a->chap_secrets, u->line, "user \"%s\": %s", u->username, what);
	snprintf(path, sizeof path, "authentication.local-users[%u].%s", (unsigned)(u - a->local_users.v), key);
	return conf_fail(r, path, -1, "%s", what);
}

/* --- static addresses -------------------------------------------------------------------------------------------- */

static int
order(const void *a, const void *b)
{
	const struct conf_user *x = *(const struct conf_user *const *)a, *y = *(const struct conf_user *const *)b;
	int by_ip = memcmp(&x->static_ip, &y->static_ip, sizeof x->static_ip);
	bool later = x->line != y->line ? x->line > y->line : x > y;
	return by_ip ? by_ip : later ? 1 : -1;
}

static int
twice(struct conf_reader *r, const struct conf_user *const *v, unsigned n)
{
	char text[ADDR_STRLEN];
	for (unsigned i = 1; i < n; i++)
		if (addr_eq(&v[i]->static_ip, &v[i - 1]->static_ip))
			return conf_fail_user(r, v[i], "static-ip", "is %s, the address of user \"%s\"",
					      addr_str(&v[i]->static_ip, text), v[i - 1]->username);
	return 0;
}

/* is_ours: an address that we answer at: whoever had it would take over from us. */
static bool
is_ours(const struct conf *c, const struct addr *a)
{
	bool ours = conf_interface_of(c, a, true) >= 0 || addr_eq(a, &c->access.gateway_address);
	for (unsigned i = 0; i < c->loopback_addresses.n; i++)
		ours |= addr_eq(a, &c->loopback_addresses.v[i]);
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		ours |= addr_eq(a, &conf_access_of(c, p)->gateway_address);
	for (unsigned i = 0; i < c->authentication.profiles.n; i++)
		ours |= addr_eq(a, &c->authentication.profiles.v[i].gateway_address);
	return ours;
}

int
conf_check_static(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct conf_user **v = malloc((conf_users(c) + 1) * sizeof *v);
	char text[ADDR_STRLEN];
	unsigned n = 0;
	if (!v)
		return conf_no_memory(r);
	for (unsigned i = 0; i < conf_users(c); i++)
		if (!addr_is_any(&conf_user_at(c, i)->static_ip))
			v[n++] = conf_user_at(c, i);
	qsort(v, n, sizeof *v, order);
	int rc = twice(r, v, n);
	for (unsigned i = 0; !rc && i < n; i++)
		if (is_ours(c, &v[i]->static_ip))
			rc = conf_fail_user(r, v[i], "static-ip", "is %s, our own address",
					    addr_str(&v[i]->static_ip, text));
	free(v);
	return rc;
}

/* conf_check_any_login: without MS-CHAPv2, which proves the password to the client, something must be left to ask for. */
int
conf_check_any_login(struct conf_reader *r, const char *section, const struct conf_access *a)
{
	const struct conf_numbers *p = &a->authentication.protocols;
	char key[48];
	snprintf(key, sizeof key, "%s%sauthentication.protocols", section, *section ? "." : "");
	if (!r->conf->authentication.any_login || p->n != 1 || p->v[0] != CONF_AUTH_MSCHAP_V2)
		return 0;
	return conf_fail(r, key, -1, "is \"mschap-v2\" alone, which any-login cannot answer");
}
