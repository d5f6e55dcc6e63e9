#include "routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct route_claim {
	struct session *s;
	struct route_entry *e;
	LIST_ENTRY(route_claim) of_route, of_session;
};

struct route_entry {
	struct prefix prefix; /* without host bits */
	unsigned fixed;       /* how often it was fixed */
	uint32_t fixed_nh;
	LIST_HEAD(, route_claim) claims; /* the newest first */
	UT_hash_handle hh;
};

static struct route_entry *entry_get(struct cp *cp, const struct prefix *p) ON_MAIN;
static void entry_put(struct cp *cp, struct route_entry *e) ON_MAIN;
static uint32_t entry_nh(const struct route_entry *e) ON_MAIN;
static int publish(struct cp *cp, const struct route_entry *e) ON_MAIN;
static void claim(struct session *s, const struct prefix *p) ON_MAIN;
static void claim_drop(struct route_claim *c) ON_MAIN;
static void log_refused(const struct session *s, const struct prefix *p, const char *why) ON_MAIN;

static struct route_entry *
entry_get(struct cp *cp, const struct prefix *p)
{
	struct prefix net = prefix_mask(*p);
	struct route_entry *e;
	HASH_FIND(hh, cp->routes, &net, sizeof net, e);
	if (e)
		return e;
	e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->prefix = net;
	HASH_ADD(hh, cp->routes, prefix, sizeof e->prefix, e);
	if (e->hh.tbl)
		return e;
	free(e);
	return NULL;
}

/* entry_put: it goes when nobody wants it. */
static void
entry_put(struct cp *cp, struct route_entry *e)
{
	if (e->fixed || !LIST_EMPTY(&e->claims))
		return;
	HASH_DEL(cp->routes, e);
	free(e);
}

static uint32_t
entry_nh(const struct route_entry *e)
{
	const struct route_claim *c = LIST_FIRST(&e->claims);
	if (e->fixed)
		return e->fixed_nh;
	return c ? nh_session(handle_lcore(c->s->handle), handle_index(c->s->handle)) : NH_NONE;
}

static int
publish(struct cp *cp, const struct route_entry *e)
{
	return cp->dp->ops->route_set(cp->dp, DP_TABLE_CORE, &e->prefix, entry_nh(e));
}

int
routes_fix(struct cp *cp, const struct prefix *p, uint32_t nh)
{
	struct route_entry *e = entry_get(cp, p);
	if (!e)
		return -ENOMEM;
	if (e->fixed++)
		return 0;
	e->fixed_nh = nh;
	int rc = publish(cp, e);
	if (rc) {
		e->fixed = 0;
		entry_put(cp, e);
	}
	return rc;
}

void
routes_unfix(struct cp *cp, const struct prefix *p)
{
	struct route_entry *e = entry_get(cp, p);
	if (!e)
		return;
	if (e->fixed && !--e->fixed)
		(void)publish(cp, e);
	entry_put(cp, e);
}

void
routes_claim(struct session *s)
{
	const struct profile *p = &s->profile;
	unsigned n;
	const struct prefix *nets = profile_routes(p, &n);
	if (!LIST_EMPTY(&s->claims))
		return;
	if (profile_says(p, PROFILE_NETMASK) && p->netmask_len < 32)
		claim(s, &(struct prefix){addr_from_ip4(s->ip4), p->netmask_len});
	for (unsigned i = 0; i < n; i++)
		if (addr_is_v4(&nets[i].addr))
			claim(s, &nets[i]);
}

static void
claim(struct session *s, const struct prefix *p)
{
	struct route_entry *e = entry_get(s->cp, p);
	struct route_claim *c = e && !e->fixed ? malloc(sizeof *c) : NULL;
	if (!c) {
		log_refused(s, p, e && e->fixed ? "it is ours" : strerror(ENOMEM));
		if (e)
			entry_put(s->cp, e);
		return;
	}
	*c = (struct route_claim){.s = s, .e = e};
	LIST_INSERT_HEAD(&e->claims, c, of_route);
	LIST_INSERT_HEAD(&s->claims, c, of_session);
	int rc = publish(s->cp, e);
	if (!rc)
		return;
	log_refused(s, p, strerror(-rc));
	claim_drop(c);
}

static void
claim_drop(struct route_claim *c)
{
	struct cp *cp = c->s->cp;
	struct route_entry *e = c->e;
	bool had_it = LIST_FIRST(&e->claims) == c;
	LIST_REMOVE(c, of_route);
	LIST_REMOVE(c, of_session);
	free(c);
	if (had_it)
		(void)publish(cp, e); /* one route less, or another next hop: there is room for it */
	entry_put(cp, e);
}

void
routes_release(struct session *s)
{
	struct route_claim *c;
	while ((c = LIST_FIRST(&s->claims)))
		claim_drop(c);
}

static void
log_refused(const struct session *s, const struct prefix *p, const char *why)
{
	char name[SESSION_NAME_LEN], text[PREFIX_STRLEN];
	log_line(s->cp->log, LOG_LEVEL_ERROR, "%s: no route to %s: %s", session_name(s, name, sizeof name),
		 prefix_str(p, text), why);
}

void
routes_fini(struct cp *cp)
{
	struct route_entry *e, *next;
	HASH_ITER(hh, cp->routes, e, next)
	{
		HASH_DEL(cp->routes, e);
		free(e);
	}
}
