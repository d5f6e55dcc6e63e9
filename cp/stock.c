#include "stock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "routes.h"
#include "session.h"

/* What is done with each gateway address of a configuration; not 0 ends it. */
typedef int gateway_fn(struct cp *cp, uint32_t ip4, void *arg);

static struct pool4_set *build(const struct conf *conf, char *err, size_t err_len) ON_MAIN;
static void fill_pool(struct pool4_conf *p, struct pool4_range *ranges, const struct conf_pool *c) ON_MAIN;
static int reserve_all(struct pool4_set *pools, const struct conf *conf) ON_MAIN;
static const struct conf_range *range_at(const struct conf *conf, unsigned k, const char **pool) ON_MAIN;
static int discards_set(struct cp *cp, const struct conf *conf, char *err, size_t err_len) ON_MAIN;
static void discards_unset(struct cp *cp, const struct conf *conf) ON_MAIN;
static int discard_range(struct cp *cp, const struct conf_range *r, unsigned most, bool on) ON_MAIN;
static int discard(struct cp *cp, const struct prefix *net, bool on) ON_MAIN;
static int each_gateway(struct cp *cp, const struct conf *conf, gateway_fn *fn, void *arg) ON_MAIN;
static int gateway_is_free(struct cp *cp, uint32_t ip4, void *arg) ON_MAIN;
static int gateway_set(struct cp *cp, uint32_t ip4, void *arg) ON_MAIN;
static int gateway_unset(struct cp *cp, uint32_t ip4, void *arg) ON_MAIN;

int
stock_init(struct cp *cp, char *err, size_t err_len)
{
	cp->pool_blocks = conf_pool_blocks(cp->conf);
	int rc = stock_ready(cp, cp->conf, &cp->pools, err, err_len);
	if (!rc)
		rc = each_gateway(cp, cp->conf, gateway_set, NULL);
	if (rc && !*err)
		snprintf(err, err_len, "gateway-address: %s", strerror(-rc));
	return rc;
}

void
stock_fini(struct cp *cp)
{
	if (cp->pools)
		pool4_set_free(cp->pools);
	cp->pools = NULL;
}

int
stock_ready(struct cp *cp, const struct conf *conf, struct pool4_set **next, char *err, size_t err_len)
{
	*err = 0;
	*next = NULL;
	uint32_t blocks = conf_pool_blocks(conf), room = cp->pool_blocks + CONF_SPARE_BLOCKS / 2;
	if (blocks > room) {
		snprintf(err, err_len,
			 "client-ip-pool: %u networks of /24, and room for %u since the start: that takes a restart",
			 blocks, room);
		return -ENOSPC;
	}
	if (cp->pools && each_gateway(cp, conf, gateway_is_free, err))
		return -EADDRINUSE;
	struct pool4_set *pools = build(conf, err, err_len);
	if (!pools)
		return -EINVAL;
	int rc = reserve_all(pools, conf);
	if (rc)
		snprintf(err, err_len, "client-ip-pool: %s", strerror(-rc));
	if (!rc)
		rc = discards_set(cp, conf, err, err_len);
	if (rc)
		pool4_set_free(pools);
	else
		*next = pools;
	return rc;
}

void
stock_drop(struct cp *cp, struct pool4_set *next, const struct conf *conf)
{
	discards_unset(cp, conf);
	pool4_set_free(next);
}

void
stock_exchange(struct cp *cp, struct pool4_set *next, const struct conf *old, const struct conf *now)
{
	uint64_t cursor = 0;
	(void)pool4_set_inherit(next, cp->pools);
	pool4_set_free(cp->pools);
	cp->pools = next;
	while (!session_last(cp, cursor)) {
		struct session *s = session_next(cp, &cursor, 4096);
		if (s)
			addresses_moved(cp, s);
	}
	discards_unset(cp, old);
	(void)each_gateway(cp, old, gateway_unset, NULL);
	if (each_gateway(cp, now, gateway_set, NULL))
		log_line(cp->log, LOG_LEVEL_ERROR, "gateway-address: no room in the subscriber table");
}

/* --- pools ------------------------------------------------------------------------------------------------------- */

static struct pool4_set *
build(const struct conf *conf, char *err, size_t err_len)
{
	unsigned n = conf->client_ip_pool.n, n_ranges = 0;
	for (unsigned i = 0; i < n; i++)
		n_ranges += conf->client_ip_pool.v[i].range.n;
	struct pool4_conf *pools = calloc(n + 1, sizeof *pools);
	struct pool4_range *ranges = calloc(n_ranges + 1, sizeof *ranges), *next = ranges;
	struct pool4_fault fault = {.reason = POOL_NO_MEMORY};
	struct pool4_set *set = NULL;
	for (unsigned i = 0; pools && ranges && i < n; i++) {
		fill_pool(&pools[i], next, &conf->client_ip_pool.v[i]);
		next += pools[i].n_ranges;
	}
	if (pools && ranges)
		set = pool4_set_new(pools, n, POOL4_DEFAULT_HINTS, &fault);
	free(pools);
	free(ranges);
	if (!set)
		snprintf(err, err_len, "client-ip-pool[%u].range[%u]: %s", fault.pool, fault.range,
			 pool_reason_text(fault.reason));
	return set;
}

static void
fill_pool(struct pool4_conf *p, struct pool4_range *ranges, const struct conf_pool *c)
{
	*p = (struct pool4_conf){.name = c->name, .ranges = ranges, .n_ranges = c->range.n, .next = c->next_pool_index};
	for (unsigned i = 0; i < c->range.n; i++)
		ranges[i] = (struct pool4_range){c->range.v[i].first, c->range.v[i].last};
}

/* Static addresses are kept for their user; all else of ours is never lent. */
static int
reserve_all(struct pool4_set *pools, const struct conf *conf)
{
	for (unsigned i = 0; i < conf_users(conf); i++) {
		const struct addr *a = &conf_user_at(conf, i)->static_ip;
		if (addr_is_v4(a) && !addr_is_any(a) && pool4_of(pools, addr_ip4(a)) >= 0)
			(void)pool4_reserve(pools, addr_ip4(a), POOL4_STATIC);
	}
	unsigned n = conf_reserved(conf, NULL, 0);
	uint32_t *ours = calloc(n + 1, sizeof *ours);
	if (!ours)
		return -ENOMEM;
	conf_reserved(conf, ours, n);
	for (unsigned i = 0; i < n; i++)
		(void)pool4_reserve(pools, ours[i], POOL4_NEVER); /* what lies in no pool, or is static already */
	free(ours);
	return 0;
}

/* --- discard routes ---------------------------------------------------------------------------------------------- */

/* The k-th range of all pools, NULL after the last. */
static const struct conf_range *
range_at(const struct conf *conf, unsigned k, const char **pool)
{
	for (unsigned i = 0; i < conf->client_ip_pool.n; k -= conf->client_ip_pool.v[i++].range.n) {
		*pool = conf->client_ip_pool.v[i].name;
		if (k < conf->client_ip_pool.v[i].range.n)
			return &conf->client_ip_pool.v[i].range.v[k];
	}
	return NULL;
}

/* discards_set: of all pools, or of none. */
static int
discards_set(struct cp *cp, const struct conf *conf, char *err, size_t err_len)
{
	const struct conf_range *r;
	const char *pool;
	int rc = 0;
	for (unsigned k = 0; !rc && (r = range_at(conf, k, &pool)); k++) {
		rc = discard_range(cp, r, UINT_MAX, true);
		if (!rc)
			continue;
		snprintf(err, err_len, "client-ip-pool \"%s\": discard route for %s: %s", pool, r->text, strerror(-rc));
		while (k--)
			(void)discard_range(cp, range_at(conf, k, &pool), UINT_MAX, false);
		return rc;
	}
	return rc;
}

static void
discards_unset(struct cp *cp, const struct conf *conf)
{
	const struct conf_range *r;
	const char *pool;
	for (unsigned k = 0; (r = range_at(conf, k, &pool)); k++)
		(void)discard_range(cp, r, UINT_MAX, false);
}

/* discard_range: the first `most` prefixes of a range; all or none.  One written as a network is discarded whole, its
 * ends too: they are routed to us like the rest of it. */
static int
discard_range(struct cp *cp, const struct conf_range *r, unsigned most, bool on)
{
	struct prefix net;
	if (strchr(r->text, '/') && prefix_parse(r->text, &net))
		return discard(cp, &net, on);
	struct pool4_range left = {r->first, r->last};
	bool used = false;
	uint32_t addr;
	for (unsigned n = 0; n < most && pool4_range_cut(&left, &used, &addr, &net.len); n++) {
		net.addr = addr_from_ip4(addr);
		int rc = discard(cp, &net, on);
		if (!rc)
			continue;
		(void)discard_range(cp, r, n, false);
		return rc;
	}
	return 0;
}

static int
discard(struct cp *cp, const struct prefix *net, bool on)
{
	if (on)
		return routes_fix(cp, net, nh_make(NH_DISCARD, 0));
	routes_unfix(cp, net);
	return 0;
}

/* --- gateway addresses ------------------------------------------------------------------------------------------- */

static int
each_gateway(struct cp *cp, const struct conf *conf, gateway_fn *fn, void *arg)
{
	const struct conf_authentication *a = &conf->authentication;
	unsigned of_users = 1 + CONF_PROTOCOLS + a->profiles.n, n = of_users + conf_users(conf);
	int rc = 0;
	for (unsigned i = 0; !rc && i < n; i++) {
		const struct addr *g = i == 0                ? &conf->access.gateway_address
				       : i <= CONF_PROTOCOLS ? &conf_access_of(conf, i - 1)->gateway_address
				       : i < of_users        ? &a->profiles.v[i - 1 - CONF_PROTOCOLS].gateway_address
							     : &conf_user_at(conf, i - of_users)->gateway_address;
		if (addr_is_v4(g) && !addr_is_any(g))
			rc = fn(cp, addr_ip4(g), arg);
	}
	return rc;
}

/* Whoever has it now would lose his packets to us. */
static int
gateway_is_free(struct cp *cp, uint32_t ip4, void *arg)
{
	const struct session *s = addresses_holder(cp, ip4);
	char name[SESSION_NAME_LEN], *err = arg;
	struct addr a = addr_from_ip4(ip4);
	char text[ADDR_STRLEN];
	if (!s)
		return 0;
	snprintf(err, 256, "gateway-address: %s is lent to %s", addr_str(&a, text), session_name(s, name, sizeof name));
	return -EADDRINUSE;
}

static int
gateway_set(struct cp *cp, uint32_t ip4, void *arg)
{
	struct dataplane *dp = cp->dp;
	(void)arg;
	if (dp->ops->sub4_get(dp, ip4) != NH_NONE)
		return 0;
	return dp->ops->sub4_set(dp, ip4, nh_make(NH_LOCAL, NH_LOCAL_GATEWAY));
}

/* Only what gateway_set has entered: the address may be a loopback-address, or an interface's. */
static int
gateway_unset(struct cp *cp, uint32_t ip4, void *arg)
{
	struct dataplane *dp = cp->dp;
	struct addr a = addr_from_ip4(ip4);
	bool ours = conf_interface_of(cp->conf, &a, true) >= 0;
	(void)arg;
	for (unsigned i = 0; i < cp->conf->loopback_addresses.n; i++)
		ours |= addr_eq(&cp->conf->loopback_addresses.v[i], &a);
	if (!ours && dp->ops->sub4_get(dp, ip4) == nh_make(NH_LOCAL, NH_LOCAL_GATEWAY))
		(void)dp->ops->sub4_set(dp, ip4, NH_NONE);
	return 0;
}
