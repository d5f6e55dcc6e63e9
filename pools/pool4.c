#include <pools/pool4.h>

#include <stdlib.h>
#include <string.h>

#include "hint.h"
#include "rest.h"

_Static_assert(POOL4_MAX_ADDRESSES == REST_MAX, "a pool is one rest order");

/* A range, twice: by address for the set (`span`: first..last are the pool's indices base and up), and by index for its
 * pool (`run`). */
struct span {
	uint32_t first, last;
	uint32_t base;
	uint32_t pool;
};

struct run {
	uint32_t base, first;
};

/* Reserved addresses are few: their bits exist only for pages of indices that have one.  `lent`: of a reserved address,
 * lent to its static user; its slot then has the owner, else the enum pool4_reservation. */
#define PAGE 4096u

struct page {
	uint64_t reserved[PAGE / 64];
	uint64_t lent[PAGE / 64];
};

/* An index is free (it rests), reserved, or lent; of a lent one the slot has the owner.  n_reserved counts the reserved
 * ones that are not lent. */
struct pool4 {
	const char *name;
	int next;
	uint32_t total, n_reserved;
	uint32_t n_runs;
	struct run *runs; /* in the order of their base */
	struct rest rest;
	struct page **pages;
};

struct pool4_set {
	struct pool4 *pools;
	struct span *spans; /* in the order of their addresses */
	struct hint_table hints;
	unsigned n_pools, n_spans;
};

/* Where an address is; pool is NULL when it is in none. */
struct spot {
	struct pool4 *pool;
	uint32_t i;
};

static void set_fill(struct pool4_set *s, const struct pool4_conf *pools);
static struct pool4_set *set_lay_out(void *mem, const struct pool4_conf *pools, unsigned n, unsigned hints,
				     size_t *bytes);
static struct spot spot_of(const struct pool4_set *s, uint32_t addr);
static uint32_t addr_of(const struct pool4 *p, uint32_t i);

/* ---- the set: one piece of memory, laid out twice: once to measure it, once to point into it ---- */

struct pool4_set *
pool4_set_new(const struct pool4_conf *pools, unsigned n, unsigned hints, struct pool4_fault *fault)
{
	if (pool4_check(pools, n, fault) != POOL_OK)
		return NULL;
	size_t bytes = pool4_footprint(pools, n, hints);
	void *mem = malloc(bytes);
	if (!mem) {
		fault->reason = POOL_NO_MEMORY;
		return NULL;
	}
	struct pool4_set *s = set_lay_out(mem, pools, n, hints, &bytes);
	set_fill(s, pools);
	return s;
}

size_t
pool4_footprint(const struct pool4_conf *pools, unsigned n, unsigned hints)
{
	size_t bytes;
	set_lay_out(NULL, pools, n, hints, &bytes);
	return bytes;
}

static uint32_t
conf_total(const struct pool4_conf *c)
{
	uint32_t total = 0;
	for (unsigned i = 0; i < c->n_ranges; i++)
		total += c->ranges[i].last - c->ranges[i].first + 1;
	return total;
}

/* carve: place of the next `bytes` in mem, which is NULL when only the size is asked for. */
static void *
carve(void *mem, size_t *at, size_t bytes)
{
	void *p = mem ? (char *)mem + *at : NULL;
	*at += (bytes + 7) / 8 * 8;
	return p;
}

static void
pool_lay_out(struct pool4 *p, void *mem, size_t *at, const struct pool4_conf *c)
{
	uint32_t total = conf_total(c), n_pages = (total + PAGE - 1) / PAGE;
	size_t name_bytes = strlen(c->name) + 1;
	char *name = carve(mem, at, name_bytes);
	struct run *runs = carve(mem, at, c->n_ranges * sizeof *runs);
	struct page **pages = carve(mem, at, n_pages * sizeof(struct page *));
	void *rest = carve(mem, at, rest_bytes(total));
	if (!mem)
		return;
	memcpy(name, c->name, name_bytes);
	for (uint32_t i = 0; i < n_pages; i++)
		pages[i] = NULL;
	*p = (struct pool4){.name = name, .next = c->next, .total = total, .n_runs = c->n_ranges};
	p->runs = runs;
	p->pages = pages;
	rest_init(&p->rest, rest, total);
}

static struct pool4_set *
set_lay_out(void *mem, const struct pool4_conf *pools, unsigned n, unsigned hints, size_t *bytes)
{
	unsigned n_spans = 0;
	for (unsigned i = 0; i < n; i++)
		n_spans += pools[i].n_ranges;
	*bytes = 0;
	struct pool4_set *s = carve(mem, bytes, sizeof *s);
	struct pool4 *p = carve(mem, bytes, n * sizeof *p);
	struct span *spans = carve(mem, bytes, n_spans * sizeof *spans);
	void *hint_mem = carve(mem, bytes, hint_bytes(hint_round(hints)));
	if (mem) {
		*s = (struct pool4_set){.pools = p, .spans = spans, .n_pools = n, .n_spans = n_spans};
		hint_init(&s->hints, hint_mem, hint_round(hints));
	}
	for (unsigned i = 0; i < n; i++)
		pool_lay_out(mem ? &p[i] : NULL, mem, bytes, &pools[i]);
	return s;
}

static int
span_cmp(const void *va, const void *vb)
{
	const struct span *a = va, *b = vb;
	return (a->first > b->first) - (a->first < b->first);
}

static void
set_fill(struct pool4_set *s, const struct pool4_conf *pools)
{
	unsigned k = 0;
	for (unsigned i = 0; i < s->n_pools; i++) {
		uint32_t base = 0;
		for (unsigned j = 0; j < pools[i].n_ranges; j++) {
			const struct pool4_range *r = &pools[i].ranges[j];
			s->spans[k++] = (struct span){r->first, r->last, base, i};
			s->pools[i].runs[j] = (struct run){base, r->first};
			base += r->last - r->first + 1;
		}
	}
	if (k)
		qsort(s->spans, k, sizeof *s->spans, span_cmp);
}

void
pool4_set_free(struct pool4_set *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_pools; i++)
		for (uint32_t j = 0; j < (s->pools[i].total + PAGE - 1) / PAGE; j++)
			free(s->pools[i].pages[j]);
	free(s);
}

/* ---- addresses and indices ---- */

static struct spot
spot_of(const struct pool4_set *s, uint32_t addr)
{
	unsigned low = 0, high = s->n_spans;
	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		if (s->spans[mid].first <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || addr > s->spans[low - 1].last)
		return (struct spot){NULL, 0};
	const struct span *span = &s->spans[low - 1];
	return (struct spot){&s->pools[span->pool], span->base + (addr - span->first)};
}

static uint32_t
addr_of(const struct pool4 *p, uint32_t i)
{
	unsigned low = 0, high = p->n_runs;
	while (high - low > 1) {
		unsigned mid = low + (high - low) / 2;
		if (p->runs[mid].base <= i)
			low = mid;
		else
			high = mid;
	}
	return p->runs[low].first + (i - p->runs[low].base);
}

static bool
bit_get(const uint64_t *bits, uint32_t i)
{
	return bits[i % PAGE / 64] >> (i % 64) & 1;
}

static void
bit_set(uint64_t *bits, uint32_t i, bool on)
{
	uint64_t bit = UINT64_C(1) << (i % 64);
	bits[i % PAGE / 64] = on ? bits[i % PAGE / 64] | bit : bits[i % PAGE / 64] & ~bit;
}

static bool
is_reserved(const struct pool4 *p, uint32_t i)
{
	const struct page *page = p->pages[i / PAGE];
	return page && bit_get(page->reserved, i);
}

/* is_lent: not free, and if reserved, then with its static user. */
static bool
is_lent(const struct pool4 *p, uint32_t i)
{
	return !rest_is(&p->rest, i) && (!is_reserved(p, i) || bit_get(p->pages[i / PAGE]->lent, i));
}

/* ---- lending ---- */

/* May a session that was sent to `pool` be served by `target`? */
static bool
chain_has(const struct pool4_set *s, unsigned pool, const struct pool4 *target)
{
	for (int at = (int)pool; at >= 0; at = s->pools[at].next)
		if (&s->pools[at] == target)
			return true;
	return false;
}

static bool
alloc_former(struct pool4_set *s, unsigned pool, uint64_t user, uint32_t owner, uint32_t *addr)
{
	uint32_t former;
	if (!hint_get(&s->hints, user, &former))
		return false;
	struct spot at = spot_of(s, former);
	if (!at.pool || !rest_is(&at.pool->rest, at.i) || !chain_has(s, pool, at.pool))
		return false;
	/* The entry has done its work until he releases the address: others need the room. */
	hint_drop(&s->hints, user);
	rest_take(&at.pool->rest, at.i, owner);
	*addr = former;
	return true;
}

enum pool_reason
pool4_alloc(struct pool4_set *s, unsigned pool, uint64_t user, uint32_t owner, uint32_t *addr)
{
	if (alloc_former(s, pool, user, owner, addr))
		return POOL_OK;
	for (int at = (int)pool; at >= 0; at = s->pools[at].next) {
		struct pool4 *p = &s->pools[at];
		if (!p->rest.n_resting)
			continue;
		uint32_t i = rest_next(&p->rest);
		rest_take(&p->rest, i, owner);
		*addr = addr_of(p, i);
		return POOL_OK;
	}
	return POOL_EXHAUSTED;
}

enum pool_reason
pool4_take(struct pool4_set *s, uint32_t addr, uint32_t owner)
{
	struct spot at = spot_of(s, addr);
	if (!at.pool)
		return POOL_OUTSIDE;
	if (is_lent(at.pool, at.i))
		return POOL_TAKEN;
	if (is_reserved(at.pool, at.i))
		return POOL_RESERVED;
	rest_take(&at.pool->rest, at.i, owner);
	return POOL_OK;
}

enum pool_reason
pool4_take_static(struct pool4_set *s, uint32_t addr, uint32_t owner)
{
	enum pool_reason r = pool4_take(s, addr, owner);
	if (r != POOL_RESERVED)
		return r;
	struct spot at = spot_of(s, addr);
	if (rest_value(&at.pool->rest, at.i) != POOL4_STATIC)
		return r;
	bit_set(at.pool->pages[at.i / PAGE]->lent, at.i, true);
	at.pool->n_reserved--;
	rest_set_value(&at.pool->rest, at.i, owner);
	return POOL_OK;
}

enum pool_reason
pool4_release(struct pool4_set *s, uint32_t addr, uint32_t owner, uint64_t user)
{
	struct spot at = spot_of(s, addr);
	if (!at.pool)
		return POOL_OUTSIDE;
	if (!is_lent(at.pool, at.i))
		return POOL_NOT_LENT;
	if (rest_value(&at.pool->rest, at.i) != owner)
		return POOL_NOT_OWNER;
	if (is_reserved(at.pool, at.i)) {
		bit_set(at.pool->pages[at.i / PAGE]->lent, at.i, false);
		at.pool->n_reserved++;
		rest_set_value(&at.pool->rest, at.i, POOL4_STATIC);
		return POOL_OK;
	}
	rest_give(&at.pool->rest, at.i);
	hint_put(&s->hints, user, addr);
	return POOL_OK;
}

/* ---- reserving ---- */

enum pool_reason
pool4_reserve(struct pool4_set *s, uint32_t addr, enum pool4_reservation how)
{
	struct spot at = spot_of(s, addr);
	if (!at.pool)
		return POOL_OUTSIDE;
	if (is_lent(at.pool, at.i))
		return POOL_TAKEN;
	if (is_reserved(at.pool, at.i))
		return rest_value(&at.pool->rest, at.i) == how ? POOL_OK : POOL_RESERVED;
	struct page **page = &at.pool->pages[at.i / PAGE];
	if (!*page)
		*page = calloc(1, sizeof **page);
	if (!*page)
		return POOL_NO_MEMORY;
	rest_take(&at.pool->rest, at.i, how);
	bit_set((*page)->reserved, at.i, true);
	at.pool->n_reserved++;
	return POOL_OK;
}

enum pool_reason
pool4_unreserve(struct pool4_set *s, uint32_t addr)
{
	struct spot at = spot_of(s, addr);
	if (!at.pool)
		return POOL_OUTSIDE;
	if (!is_reserved(at.pool, at.i))
		return POOL_OK;
	struct page *page = at.pool->pages[at.i / PAGE];
	bool lent = bit_get(page->lent, at.i);
	bit_set(page->reserved, at.i, false);
	bit_set(page->lent, at.i, false);
	if (lent)
		return POOL_OK;
	at.pool->n_reserved--;
	rest_give(&at.pool->rest, at.i);
	return POOL_OK;
}

/* ---- what is asked of a set ---- */

uint32_t
pool4_set_inherit(struct pool4_set *s, const struct pool4_set *old)
{
	uint32_t lost = 0;
	for (unsigned k = 0; k < old->n_pools; k++) {
		const struct pool4 *p = &old->pools[k];
		for (uint32_t i = 0; i < p->total; i++)
			if (is_lent(p, i) && pool4_take_static(s, addr_of(p, i), rest_value(&p->rest, i)) != POOL_OK)
				lost++;
	}
	if (s->hints.n && s->hints.n == old->hints.n)
		memcpy(s->hints.entries, old->hints.entries, hint_bytes(s->hints.n));
	return lost;
}

bool
pool4_holder(const struct pool4_set *s, uint32_t addr, uint32_t *owner)
{
	struct spot at = spot_of(s, addr);
	if (!at.pool || !is_lent(at.pool, at.i))
		return false;
	*owner = rest_value(&at.pool->rest, at.i);
	return true;
}

int
pool4_of(const struct pool4_set *s, uint32_t addr)
{
	struct spot at = spot_of(s, addr);
	return at.pool ? (int)(at.pool - s->pools) : -1;
}

int
pool4_find(const struct pool4_set *s, const char *name)
{
	for (unsigned i = 0; i < s->n_pools; i++)
		if (!strcmp(s->pools[i].name, name))
			return (int)i;
	return -1;
}

unsigned
pool4_set_size(const struct pool4_set *s)
{
	return s->n_pools;
}

const char *
pool4_name(const struct pool4_set *s, unsigned pool)
{
	return s->pools[pool].name;
}

int
pool4_next(const struct pool4_set *s, unsigned pool)
{
	return s->pools[pool].next;
}

struct pool4_counts
pool4_counts(const struct pool4_set *s, unsigned pool)
{
	const struct pool4 *p = &s->pools[pool];
	struct pool4_counts c = {.total = p->total, .free = p->rest.n_resting, .reserved = p->n_reserved};
	c.lent = c.total - c.free - c.reserved;
	return c;
}

/* FNV-1a, 64 bits.  A user who picks his name so that it collides gets the former address of another: harmless. */
uint64_t
pool4_user_key(const void *name, size_t len)
{
	const uint8_t *b = name;
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h ? h : 1;
}

static bool
pool_check(const struct pool4_set *s, const struct pool4 *p)
{
	uint32_t reserved = 0, lent = 0;
	for (uint32_t i = 0; i < p->total; i++) {
		struct spot at = spot_of(s, addr_of(p, i));
		bool free = rest_is(&p->rest, i), out = is_lent(p, i);
		if (at.pool != p || at.i != i || (free && is_reserved(p, i)))
			return false;
		lent += out;
		reserved += !free && !out;
	}
	return reserved == p->n_reserved && lent + reserved + p->rest.n_resting == p->total && rest_check(&p->rest);
}

bool
pool4_set_check(const struct pool4_set *s)
{
	for (unsigned i = 0; i < s->n_pools; i++)
		if (!pool_check(s, &s->pools[i]))
			return false;
	return true;
}
