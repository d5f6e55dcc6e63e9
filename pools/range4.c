/* Ranges before they are pools: what is left out of a network, which prefixes a range consists of, whether the ranges
 * and chains of a configuration make sense. */
#include <pools/pool4.h>

#include <stdlib.h>

/* One range of the configuration, with its place in it. */
struct placed {
	uint32_t first, last;
	unsigned pool, range;
};

static enum pool_reason ranges_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault);
static enum pool_reason chains_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault);
static enum pool_reason overlap_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault);

enum pool_reason
pool4_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault)
{
	*fault = (struct pool4_fault){POOL_OK};
	enum pool_reason r = ranges_check(pools, n, fault);
	if (r == POOL_OK)
		r = chains_check(pools, n, fault);
	if (r == POOL_OK)
		r = overlap_check(pools, n, fault);
	fault->reason = r;
	return r;
}

static enum pool_reason
pool_check(const struct pool4_conf *pool, unsigned *range)
{
	uint64_t total = 0;
	if (!pool->n_ranges)
		return POOL_EMPTY;
	for (unsigned i = 0; i < pool->n_ranges; i++) {
		*range = i;
		if (pool->ranges[i].last < pool->ranges[i].first)
			return POOL_RANGE;
		total += (uint64_t)pool->ranges[i].last - pool->ranges[i].first + 1;
		if (total > POOL4_MAX_ADDRESSES)
			return POOL_TOO_LARGE;
	}
	return POOL_OK;
}

static enum pool_reason
ranges_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault)
{
	for (unsigned i = 0; i < n; i++) {
		enum pool_reason r = pool_check(&pools[i], &fault->range);
		fault->pool = i;
		if (r != POOL_OK)
			return r;
	}
	return POOL_OK;
}

/* A loop is said of a pool that is in it: one that only leads into a loop is passed over after n steps. */
static enum pool_reason
chains_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault)
{
	fault->range = 0;
	for (unsigned i = 0; i < n; i++) {
		fault->pool = i;
		if (pools[i].next < -1 || pools[i].next >= (int)n)
			return POOL_NEXT;
	}
	for (unsigned i = 0; i < n; i++) {
		int at = pools[i].next;
		fault->pool = i;
		for (unsigned steps = 0; at >= 0 && steps < n; steps++, at = pools[at].next) {
			if (at == (int)i)
				return POOL_LOOP;
		}
	}
	return POOL_OK;
}

static int
placed_cmp(const void *va, const void *vb)
{
	const struct placed *a = va, *b = vb;
	return (a->first > b->first) - (a->first < b->first);
}

static void
overlap_find(const struct placed *sorted, size_t n, struct pool4_fault *fault)
{
	/* The range that reaches farthest so far is the one that a later one can run into. */
	const struct placed *far = sorted;
	for (const struct placed *p = sorted + 1; p < sorted + n; p++) {
		if (p->first <= far->last) {
			*fault = (struct pool4_fault){POOL_OVERLAP, p->pool, p->range, far->pool, far->range};
			return;
		}
		far = p;
	}
}

static enum pool_reason
overlap_check(const struct pool4_conf *pools, unsigned n, struct pool4_fault *fault)
{
	size_t total = 0, k = 0;
	*fault = (struct pool4_fault){POOL_OK};
	for (unsigned i = 0; i < n; i++)
		total += pools[i].n_ranges;
	if (!total)
		return POOL_OK;
	struct placed *all = calloc(total, sizeof *all);
	if (!all)
		return POOL_NO_MEMORY;
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < pools[i].n_ranges; j++)
			all[k++] = (struct placed){pools[i].ranges[j].first, pools[i].ranges[j].last, i, j};
	qsort(all, total, sizeof *all, placed_cmp);
	overlap_find(all, total, fault);
	free(all);
	return fault->reason;
}

bool
pool4_range_trim(struct pool4_range *r, uint32_t net_first, uint32_t net_last)
{
	/* RFC 3021 2.1: a /31 has no network and no broadcast address; a /32 is its only host. */
	if (net_last - net_first < 2)
		return true;
	uint64_t first = r->first, last = r->last;
	if (first == net_first)
		first++;
	if (last == net_last)
		last--;
	if (first > last)
		return false;
	*r = (struct pool4_range){(uint32_t)first, (uint32_t)last};
	return true;
}

bool
pool4_range_cut(struct pool4_range *r, bool *used, uint32_t *addr, uint8_t *len)
{
	if (*used)
		return false;
	uint64_t left = (uint64_t)r->last - r->first + 1;
	unsigned host = r->first ? (unsigned)__builtin_ctz(r->first) : 32;
	while (UINT64_C(1) << host > left)
		host--;
	*addr = r->first;
	*len = (uint8_t)(32 - host);
	/* Past 255.255.255.255 there is no address to be the new start. */
	*used = left == UINT64_C(1) << host;
	if (!*used)
		r->first += (uint32_t)(UINT64_C(1) << host);
	return true;
}
