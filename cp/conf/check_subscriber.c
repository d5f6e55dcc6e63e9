/* check_subscriber.c - pools and users: names resolved, nothing lent twice. */
#include <stdlib.h>

#include "conf/reader.h"

static int
pool_index(const struct conf *c, const char *name)
{
	for (unsigned i = 0; name && i < c->client_ip_pool.n; i++)
		if (!strcmp(c->client_ip_pool.v[i].name, name))
			return (int)i;
	return -1;
}

static int
ipv6_pool_index(const struct conf *c, const char *name)
{
	for (unsigned i = 0; name && i < c->client_ipv6_pool.n; i++)
		if (!strcmp(c->client_ipv6_pool.v[i].name, name))
			return (int)i;
	return -1;
}

/* resolve: a name that is there must mean something. */
static int
resolve(struct conf_reader *r, const char *section, const char *key, const char *name, bool ipv6, int *index)
{
	*index = ipv6 ? ipv6_pool_index(r->conf, name) : pool_index(r->conf, name);
	if (!name || *index >= 0)
		return 0;
	char path[96];
	snprintf(path, sizeof path, "%s%s%s", section, *section ? "." : "", key);
	return conf_fail(r, path, -1, "is \"%s\", expected the name of a %s", name,
			 ipv6 ? "client-ipv6-pool" : "client-ip-pool");
}

static int
resolve_access(struct conf_reader *r, const char *section, struct conf_access *a)
{
	int rc = resolve(r, section, "default-pool", a->default_pool, false, &a->default_pool_index);
	if (!rc)
		rc = resolve(r, section, "default-ipv6-pool", a->default_ipv6_pool, true, &a->default_ipv6_pool_index);
	return rc;
}

struct span {
	uint32_t first, last;
	unsigned pool, range;
};

static int
span_order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return (x->first > y->first) - (x->first < y->first);
}

static int
overlap(struct conf_reader *r, const struct span *a, const struct span *b)
{
	const struct conf_pool *pools = r->conf->client_ip_pool.v;
	bool b_later = b->pool > a->pool || (b->pool == a->pool && b->range > a->range);
	const struct span *late = b_later ? b : a, *early = b_later ? a : b;
	char key[64];
	snprintf(key, sizeof key, "client-ip-pool[%u].range", late->pool);
	return conf_fail(r, key, (int)late->range, "%s overlaps pool \"%s\" (%s)",
			 pools[late->pool].range.v[late->range].text, pools[early->pool].name,
			 pools[early->pool].range.v[early->range].text);
}

static unsigned
collect(const struct conf *c, struct span *v)
{
	unsigned n = 0;
	for (unsigned i = 0; i < c->client_ip_pool.n; i++) {
		const struct conf_pool *p = &c->client_ip_pool.v[i];
		for (unsigned j = 0; j < p->range.n; j++, n++)
			if (v)
				v[n] = (struct span){p->range.v[j].first, p->range.v[j].last, i, j};
	}
	return n;
}

/* check_overlap: sorted by start, a range may only begin after all before it have ended. */
static int
check_overlap(struct conf_reader *r)
{
	unsigned n = collect(r->conf, NULL);
	struct span *v = malloc((n + 1) * sizeof *v);
	if (!v)
		return conf_no_memory(r);
	collect(r->conf, v);
	qsort(v, n, sizeof *v, span_order);
	int rc = 0;
	for (unsigned i = 1, furthest = 0; !rc && i < n; i++) {
		if (v[i].first <= v[furthest].last)
			rc = overlap(r, &v[furthest], &v[i]);
		if (v[i].last > v[furthest].last)
			furthest = i;
	}
	free(v);
	return rc;
}

/* check_loop: a chain of n pools that has not ended after n steps never does. */
static int
check_loop(struct conf_reader *r, const char *list, unsigned n, unsigned start, const int *first_next, size_t stride)
{
	int at = (int)start;
	for (unsigned steps = 0; at >= 0; steps++) {
		if (steps > n) {
			char key[64];
			snprintf(key, sizeof key, "%s[%u].next-pool", list, start);
			return conf_fail(r, key, -1, "leads into a loop");
		}
		at = *(const int *)((const char *)first_next + (size_t)at * stride);
	}
	return 0;
}

static int
check_pools(struct conf_reader *r)
{
	struct conf *c = r->conf;
	struct conf_pool *v = c->client_ip_pool.v;
	unsigned n = c->client_ip_pool.n;
	int rc = n ? conf_check_unique(r, "client-ip-pool", "name", &v->name, n, sizeof *v) : 0;
	for (unsigned i = 0; !rc && i < n; i++) {
		char section[32];
		snprintf(section, sizeof section, "client-ip-pool[%u]", i);
		rc = resolve(r, section, "next-pool", v[i].next_pool, false, &v[i].next_pool_index);
	}
	for (unsigned i = 0; !rc && i < n; i++)
		rc = check_loop(r, "client-ip-pool", n, i, &v->next_pool_index, sizeof *v);
	return rc ? rc : check_overlap(r);
}

static bool
cross(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a->len < b->len ? a : b, a->len < b->len ? &b->addr : &a->addr);
}

/* ipv6_prefix: the i-th aggregate of a pool, links' first, then delegated ones; NULL after the last. */
static const struct prefix *
ipv6_prefix(const struct conf_ipv6_pool *p, unsigned i, unsigned *cut)
{
	if (i < p->prefix.n) {
		*cut = p->prefix.v[i].mask;
		return &p->prefix.v[i].address;
	}
	i -= p->prefix.n;
	*cut = i < p->delegate.n ? p->delegate.v[i].delegation_prefix : 0;
	return i < p->delegate.n ? &p->delegate.v[i].address : NULL;
}

static int
check_ipv6_overlap(struct conf_reader *r, unsigned pool, const struct prefix *p, unsigned before)
{
	const struct conf_ipv6_pool *v = r->conf->client_ipv6_pool.v;
	for (unsigned i = 0; i <= pool; i++) {
		unsigned cut;
		const struct prefix *other;
		for (unsigned j = 0; (i < pool || j < before) && (other = ipv6_prefix(&v[i], j, &cut)); j++) {
			char key[48], text[PREFIX_STRLEN];
			snprintf(key, sizeof key, "client-ipv6-pool[%u]", pool);
			if (cross(p, other))
				return conf_fail(r, key, -1, "%s overlaps pool \"%s\"", prefix_str(p, text), v[i].name);
		}
	}
	return 0;
}

static int
check_ipv6_pool(struct conf_reader *r, unsigned i)
{
	const struct conf_ipv6_pool *v = &r->conf->client_ipv6_pool.v[i];
	const struct prefix *p;
	unsigned cut;
	int rc = 0;
	for (unsigned j = 0; !rc && (p = ipv6_prefix(v, j, &cut)); j++) {
		char key[48], text[PREFIX_STRLEN];
		snprintf(key, sizeof key, "client-ipv6-pool[%u]", i);
		if (cut < p->len || cut - p->len > 24)
			return conf_fail(r, key, -1, "%s cannot be cut into /%u, expected a length from %u to %u",
					 prefix_str(p, text), cut, p->len, p->len + 24u);
		rc = check_ipv6_overlap(r, i, p, j);
	}
	return rc;
}

static int
check_ipv6_pools(struct conf_reader *r)
{
	struct conf *c = r->conf;
	struct conf_ipv6_pool *v = c->client_ipv6_pool.v;
	unsigned n = c->client_ipv6_pool.n;
	int rc = n ? conf_check_unique(r, "client-ipv6-pool", "name", &v->name, n, sizeof *v) : 0;
	for (unsigned i = 0; !rc && i < n; i++) {
		char section[32];
		snprintf(section, sizeof section, "client-ipv6-pool[%u]", i);
		rc = resolve(r, section, "next-pool", v[i].next_pool, true, &v[i].next_pool_index);
	}
	for (unsigned i = 0; !rc && i < n; i++)
		rc = check_loop(r, "client-ipv6-pool", n, i, &v->next_pool_index, sizeof *v);
	for (unsigned i = 0; !rc && i < n; i++)
		rc = check_ipv6_pool(r, i);
	return rc;
}

static int
resolve_user(struct conf_reader *r, const char *list, unsigned i, struct conf_user *u)
{
	char section[64];
	snprintf(section, sizeof section, "authentication.%s[%u]", list, i);
	int rc = resolve(r, section, "pool", u->pool, false, &u->pool_index);
	if (!rc)
		rc = resolve(r, section, "ipv6-pool", u->ipv6_pool, true, &u->ipv6_pool_index);
	return rc ? rc : conf_check_user(r, section, u);
}

/* resolve_secret: of chap-secrets only the pool is a name. */
static int
resolve_secret(struct conf_reader *r, struct conf_user *u)
{
	u->profile_index = u->ipv6_pool_index = -1;
	u->pool_index = pool_index(r->conf, u->pool);
	return !u->pool || u->pool_index >= 0
		       ? 0
		       : conf_fail_user(r, u, NULL, "there is no client-ip-pool \"%s\"", u->pool);
}

static int
check_users(struct conf_reader *r)
{
	struct conf_authentication *a = &r->conf->authentication;
	struct conf_user *users = a->local_users.v, *profiles = a->profiles.v;
	unsigned n = a->local_users.n, m = a->profiles.n;
	int rc = n ? conf_check_unique(r, "authentication.local-users", "username", &users->username, n, sizeof *users)
		   : 0;
	if (!rc && m)
		rc = conf_check_unique(r, "authentication.profiles", "name", &profiles->name, m, sizeof *profiles);
	for (unsigned i = 0; !rc && i < m; i++)
		rc = resolve_user(r, "profiles", i, &profiles[i]);
	for (unsigned i = 0; !rc && i < n; i++)
		rc = resolve_user(r, "local-users", i, &users[i]);
	for (unsigned i = 0; !rc && i < a->secrets.n; i++)
		rc = resolve_secret(r, &a->secrets.v[i]);
	return rc ? rc : conf_check_static(r);
}

/* check_servers: RFC 1877 has two of each, RFC 8106 lets us name three of IPv6 and stay small. */
static int
check_servers(struct conf_reader *r, const char *section, const struct conf_access *a)
{
	unsigned v4 = 0;
	char key[48];
	for (unsigned i = 0; i < a->name_server.n; i++)
		v4 += addr_is_v4(&a->name_server.v[i]);
	snprintf(key, sizeof key, "%s%sname-server", section, *section ? "." : "");
	if (v4 > 2 || a->name_server.n - v4 > 3)
		return conf_fail(r, key, -1, "has %u of IPv4 and %u of IPv6, expected at most 2 and 3", v4,
				 a->name_server.n - v4);
	snprintf(key, sizeof key, "%s%swins-server", section, *section ? "." : "");
	if (a->wins_server.n > 2)
		return conf_fail(r, key, -1, "has %u, expected at most 2", a->wins_server.n);
	return 0;
}

int
conf_check_subscriber(struct conf_reader *r)
{
	struct conf *c = r->conf;
	struct {
		const char *section;
		struct conf_access *access;
	} views[] = {{"", &c->access}, {"l2tp", &c->l2tp.access}, {"sstp", &c->sstp.access}, {"pptp", &c->pptp.access}};
	int rc = check_pools(r);
	if (!rc)
		rc = check_ipv6_pools(r);
	if (!rc)
		rc = check_users(r);
	for (unsigned i = 0; !rc && i < sizeof views / sizeof *views; i++) {
		rc = resolve_access(r, views[i].section, views[i].access);
		if (!rc)
			rc = check_servers(r, views[i].section, views[i].access);
		if (!rc)
			rc = conf_check_any_login(r, views[i].section, views[i].access);
	}
	return rc;
}
