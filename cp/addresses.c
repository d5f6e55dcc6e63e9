#include "addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "session.h"

/* A static address that is lent and in no pool. */
struct outside {
	uint32_t ip4, owner;
	UT_hash_handle hh;
};

static enum cause lend_static(struct cp *cp, struct session *s, uint32_t ip4) ON_MAIN;
static enum cause lend_from_pool(struct cp *cp, struct session *s) ON_MAIN;
static void log_in_use(struct cp *cp, const struct session *s, uint32_t ip4) ON_MAIN;
static int outside_take(struct cp *cp, uint32_t ip4, uint32_t owner) ON_MAIN;
static int outside_keep(struct cp *cp, uint32_t ip4, uint32_t owner) ON_MAIN;
static void outside_release(struct cp *cp, uint32_t ip4) ON_MAIN;
static uint32_t owner_of(const struct session *s) ON_MAIN;

static uint32_t
owner_of(const struct session *s)
{
	return nh_session(handle_lcore(s->handle), handle_index(s->handle));
}

/* --- lending ----------------------------------------------------------------------------------------------------- */

enum cause
addresses_lend(struct cp *cp, struct session *s)
{
	const struct profile *p = &s->profile;
	s->gateway_ip4 = p->gateway_ip4;
	return profile_says(p, PROFILE_IP4) ? lend_static(cp, s, p->ip4) : lend_from_pool(cp, s);
}

static enum cause
lend_static(struct cp *cp, struct session *s, uint32_t ip4)
{
	enum pool_reason r = pool4_take_static(cp->pools, ip4, owner_of(s));
	int rc = r == POOL_OK ? 0 : r == POOL_OUTSIDE ? outside_take(cp, ip4, owner_of(s)) : -EADDRINUSE;
	if (rc == -EADDRINUSE)
		log_in_use(cp, s, ip4);
	if (rc)
		return rc == -EADDRINUSE ? CAUSE_ADDRESS_IN_USE : CAUSE_NO_RESOURCES;
	s->ip4 = ip4;
	s->pool = (int16_t)pool4_of(cp->pools, ip4);
	return CAUSE_NONE;
}

static void
log_in_use(struct cp *cp, const struct session *s, uint32_t ip4)
{
	char mine[SESSION_NAME_LEN], theirs[SESSION_NAME_LEN] = "ourselves or a neighbour";
	const struct session *holder = addresses_holder(cp, ip4);
	struct in_addr ip = {htonl(ip4)};
	if (holder)
		session_name(holder, theirs, sizeof theirs);
	log_line(cp->log, LOG_LEVEL_ERROR, "%s: address %s is held by %s", session_name(s, mine, sizeof mine),
		 inet_ntoa(ip), theirs);
}

static enum cause
lend_from_pool(struct cp *cp, struct session *s)
{
	const struct profile *p = &s->profile;
	char name[SESSION_NAME_LEN];
	int pool = profile_says(p, PROFILE_POOL) ? pool4_find(cp->pools, p->pool) : -1;
	uint64_t key = s->username ? pool4_user_key(s->username, strlen(s->username)) : 0;
	uint32_t ip4;
	if (pool >= 0 && pool4_alloc(cp->pools, (unsigned)pool, key, owner_of(s), &ip4) == POOL_OK) {
		s->ip4 = ip4;
		s->pool = (int16_t)pool4_of(cp->pools, ip4);
		return CAUSE_NONE;
	}
	session_name(s, name, sizeof name);
	if (pool >= 0)
		log_line(cp->log, LOG_LEVEL_ERROR, "%s: no address left in pool %s%s", name, p->pool,
			 pool4_next(cp->pools, (unsigned)pool) >= 0 ? " and those after it" : "");
	else if (profile_says(p, PROFILE_POOL))
		log_line(cp->log, LOG_LEVEL_ERROR, "%s: no pool is called %s", name, p->pool);
	else
		log_line(cp->log, LOG_LEVEL_ERROR, "%s: neither static-ip nor a pool: set default-pool", name);
	return CAUSE_NO_ADDRESS;
}

void
addresses_return(struct cp *cp, struct session *s)
{
	if (s->ip4 && s->pool >= 0)
		(void)pool4_release(cp->pools, s->ip4, owner_of(s),
				    s->username ? pool4_user_key(s->username, strlen(s->username)) : 0);
	else if (s->ip4)
		outside_release(cp, s->ip4);
	s->ip4 = 0;
	s->pool = -1;
}

struct session *
addresses_holder(const struct cp *cp, uint32_t ip4)
{
	const struct outside *o;
	uint32_t owner;
	HASH_FIND(hh, cp->outside, &ip4, sizeof ip4, o);
	if (o)
		owner = o->owner;
	else if (!pool4_holder(cp->pools, ip4, &owner))
		return NULL;
	return slots_at(&cp->slots[nh_session_lcore(owner)], nh_session_slot(owner));
}

void
addresses_moved(struct cp *cp, struct session *s)
{
	struct dataplane *dp = cp->dp;
	struct outside *o;
	uint32_t owner = owner_of(s), holder;
	if (!s->ip4)
		return;
	HASH_FIND(hh, cp->outside, &s->ip4, sizeof s->ip4, o);
	bool held = pool4_holder(cp->pools, s->ip4, &holder) && holder == owner;
	bool in_pool = held || pool4_take_static(cp->pools, s->ip4, owner) == POOL_OK;
	s->pool = in_pool ? (int16_t)pool4_of(cp->pools, s->ip4) : -1;
	if (in_pool && o) {
		HASH_DEL(cp->outside, o);
		free(o);
	} else if (!in_pool && !o) {
		(void)outside_keep(cp, s->ip4, owner);
	}
	if (!s->route_set) /* as session.c leaves it when the route is withdrawn */
		(void)dp->ops->sub4_set(dp, s->ip4, in_pool ? NH_NONE : nh_make(NH_DISCARD, 0));
}

void
addresses_fini(struct cp *cp)
{
	struct outside *o, *next;
	HASH_ITER(hh, cp->outside, o, next)
	{
		HASH_DEL(cp->outside, o);
		free(o);
	}
}

/* --- addresses outside of all pools ------------------------------------------------------------------------------ */

/* Whatever else the inner table has there (our own, a neighbour on a core link) is in use as well. */
static int
outside_take(struct cp *cp, uint32_t ip4, uint32_t owner)
{
	struct dataplane *dp = cp->dp;
	if (dp->ops->sub4_get(dp, ip4) != NH_NONE)
		return -EADDRINUSE;
	int rc = outside_keep(cp, ip4, owner);
	if (!rc)
		rc = dp->ops->sub4_set(dp, ip4, nh_make(NH_DISCARD, 0));
	if (rc)
		outside_release(cp, ip4);
	return rc;
}

static int
outside_keep(struct cp *cp, uint32_t ip4, uint32_t owner)
{
	struct outside *o = malloc(sizeof *o);
	if (!o)
		return -ENOMEM;
	*o = (struct outside){.ip4 = ip4, .owner = owner};
	HASH_ADD(hh, cp->outside, ip4, sizeof o->ip4, o);
	if (o->hh.tbl)
		return 0;
	free(o);
	return -ENOMEM;
}

static void
outside_release(struct cp *cp, uint32_t ip4)
{
	struct outside *o;
	HASH_FIND(hh, cp->outside, &ip4, sizeof ip4, o);
	if (!o)
		return;
	(void)cp->dp->ops->sub4_set(cp->dp, ip4, NH_NONE);
	HASH_DEL(cp->outside, o);
	free(o);
}
