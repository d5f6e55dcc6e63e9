#include "connlimit.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct connlimit_source {
	struct addr addr;
	struct mono heard;
	int64_t tokens_us; /* a connection costs per_s / connections, in microseconds of waiting */
	UT_hash_handle hh;
};

static struct connlimit_source *source_get(struct connlimit *c, const struct conf_limits *l, const struct addr *a,
					   struct mono now) ON_MAIN;
static void forget(struct connlimit *c, struct connlimit_source *s) ON_MAIN;

static int64_t
cost_us(const struct conf_limits *l)
{
	return (int64_t)l->per_s * 1000000 / l->connections;
}

bool
connlimit_admits(struct connlimit *c, const struct conf_limits *l, const struct addr *source, struct mono now)
{
	if (!l->connections)
		return true;
	const struct addr whose = addr_source(source);
	struct connlimit_source *s = source_get(c, l, &whose, now);
	if (!s)
		return true;
	int64_t cost = cost_us(l), most = cost * l->burst;
	s->tokens_us += mono_since_us(now, s->heard);
	if (s->tokens_us > most)
		s->tokens_us = most;
	s->heard = now;
	if (s->tokens_us < cost) {
		c->refused++;
		return false;
	}
	s->tokens_us -= cost;
	return true;
}

/* source_get: the table is in the order of hearing: whoever is heard goes to its end. */
static struct connlimit_source *
source_get(struct connlimit *c, const struct conf_limits *l, const struct addr *a, struct mono now)
{
	struct connlimit_source *s, *oldest = c->by_addr;
	HASH_FIND(hh, c->by_addr, a, sizeof *a, s);
	if (oldest && oldest != s &&
	    (HASH_COUNT(c->by_addr) >= CONNLIMIT_SOURCES ||
	     mono_since_us(now, oldest->heard) > (int64_t)l->timeout * 1000000))
		forget(c, oldest);
	if (s) {
		HASH_DEL(c->by_addr, s);
	} else {
		s = calloc(1, sizeof *s);
		if (!s)
			return NULL;
		*s = (struct connlimit_source){.addr = *a, .heard = now, .tokens_us = cost_us(l) * l->burst};
	}
	HASH_ADD(hh, c->by_addr, addr, sizeof s->addr, s);
	if (s->hh.tbl)
		return s;
	free(s);
	return NULL;
}

static void
forget(struct connlimit *c, struct connlimit_source *s)
{
	HASH_DEL(c->by_addr, s);
	free(s);
}

void
connlimit_fini(struct connlimit *c)
{
	struct connlimit_source *s, *next;
	HASH_ITER(hh, c->by_addr, s, next)
	{
		forget(c, s);
	}
}
