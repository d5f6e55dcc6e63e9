#include "share.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct share_holder {
	struct addr peer;
	uint32_t held;
	UT_hash_handle hh;
};

static struct share_holder *holder_find(const struct share *s, const struct addr *peer);

void
share_fini(struct share *s)
{
	struct share_holder *h, *next;

	HASH_ITER(hh, s->by_addr, h, next)
	{
		HASH_DEL(s->by_addr, h);
		free(h);
	}
	s->held = 0;
}

static struct share_holder *
holder_find(const struct share *s, const struct addr *peer)
{
	const struct addr source = addr_source(peer);
	struct share_holder *h;

	HASH_FIND(hh, s->by_addr, &source, sizeof source, h);
	return h;
}

bool
share_admits(const struct share *s, uint32_t limit, const struct addr *peer)
{
	if (!limit)
		return true;
	if (s->held >= limit)
		return false;
	return share_held(s, peer) < (uint64_t)SHARE_FACTOR * (limit - s->held);
}

bool
share_take(struct share *s, const struct addr *peer)
{
	struct share_holder *h = holder_find(s, peer);

	if (!h) {
		h = calloc(1, sizeof *h);
		if (!h)
			return false;
		h->peer = addr_source(peer);
		HASH_ADD(hh, s->by_addr, peer, sizeof h->peer, h);
		if (!h->hh.tbl) { /* uthash found no memory for its table */
			free(h);
			return false;
		}
	}
	h->held++;
	s->held++;
	return true;
}

void
share_give(struct share *s, const struct addr *peer)
{
	struct share_holder *h = holder_find(s, peer);

	if (!h)
		return;
	s->held--;
	if (--h->held)
		return;
	HASH_DEL(s->by_addr, h);
	free(h);
}

uint32_t
share_held(const struct share *s, const struct addr *peer)
{
	const struct share_holder *h = holder_find(s, peer);

	return h ? h->held : 0;
}
