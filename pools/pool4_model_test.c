/* Pools against a naive model: one row per address, order by the number of its return, everything by search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pools/pool4.h>

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define POOL(name, next, ...)                                                                                          \
	{                                                                                                              \
		name, (const struct pool4_range[]){__VA_ARGS__},                                                       \
			sizeof((const struct pool4_range[]){__VA_ARGS__}) / sizeof(struct pool4_range), next           \
	}
#define N(a) (sizeof(a) / sizeof *(a))

static uint64_t seed;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

static void
counts_are(const struct pool4_set *s, unsigned pool, uint32_t free, uint32_t lent, uint32_t reserved)
{
	struct pool4_counts c = pool4_counts(s, pool);
	assert_int_equal(c.free, free);
	assert_int_equal(c.lent, lent);
	assert_int_equal(c.reserved, reserved);
	assert_int_equal(c.total, free + lent + reserved);
}

enum status { FREE, LENT, NEVER, STATIC, STATIC_LENT };

struct row {
	uint32_t addr, owner;
	unsigned pool;
	enum status status;
	uint64_t since;
};

struct model {
	const struct pool4_conf *pools;
	unsigned n_pools;
	struct row *rows;
	uint32_t n;
	uint64_t clock;
	struct {
		bool known;
		uint32_t addr;
	} former[64];
};

static void
model_init(struct model *m, const struct pool4_conf *pools, unsigned n_pools)
{
	*m = (struct model){.pools = pools, .n_pools = n_pools};
	m->rows = calloc(20000, sizeof *m->rows);
	for (unsigned p = 0; p < n_pools; p++)
		for (unsigned r = 0; r < pools[p].n_ranges; r++)
			for (uint64_t a = pools[p].ranges[r].first; a <= pools[p].ranges[r].last; a++)
				m->rows[m->n++] = (struct row){(uint32_t)a, 0, p, FREE, m->clock++};
}

static struct row *
model_row(struct model *m, uint32_t addr)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->rows[i].addr == addr)
			return &m->rows[i];
	return NULL;
}

static struct row *
model_oldest(struct model *m, unsigned pool)
{
	struct row *oldest = NULL;
	for (uint32_t i = 0; i < m->n; i++) {
		struct row *r = &m->rows[i];
		if (r->pool == pool && r->status == FREE && (!oldest || r->since < oldest->since))
			oldest = r;
	}
	return oldest;
}

static bool
model_serves(const struct model *m, unsigned pool, unsigned target)
{
	for (int at = (int)pool; at >= 0; at = m->pools[at].next)
		if ((unsigned)at == target)
			return true;
	return false;
}

static struct row *
model_choose(struct model *m, unsigned pool, uint64_t user)
{
	if (user && m->former[user].known) {
		struct row *r = model_row(m, m->former[user].addr);
		if (r->status == FREE && model_serves(m, pool, r->pool))
			return r;
	}
	struct row *r = NULL;
	for (int at = (int)pool; at >= 0 && !r; at = m->pools[at].next)
		r = model_oldest(m, (unsigned)at);
	return r;
}

static void
model_free(struct model *m, struct row *r)
{
	r->status = FREE;
	r->since = m->clock++;
}

static void
step_alloc(struct model *m, struct pool4_set *s)
{
	unsigned pool = rnd(m->n_pools), user = rnd(64);
	uint32_t owner = rnd(8), addr = 0;
	struct row *want = model_choose(m, pool, user);
	enum pool_reason r = pool4_alloc(s, pool, user, owner, &addr);
	assert_int_equal(r, want ? POOL_OK : POOL_EXHAUSTED);
	if (!want)
		return;
	assert_int_equal(addr, want->addr);
	if (user && m->former[user].known && m->former[user].addr == addr)
		m->former[user].known = false;
	want->status = LENT;
	want->owner = owner;
}

static void
step_take(struct model *m, struct pool4_set *s, uint32_t addr, struct row *row)
{
	bool as_static = rnd(2);
	uint32_t owner = rnd(8);
	enum pool_reason got = as_static ? pool4_take_static(s, addr, owner) : pool4_take(s, addr, owner);
	enum pool_reason want = POOL_OK;
	(void)m;
	if (!row)
		want = POOL_OUTSIDE;
	else if (row->status == LENT || row->status == STATIC_LENT)
		want = POOL_TAKEN;
	else if (row->status == NEVER || (row->status == STATIC && !as_static))
		want = POOL_RESERVED;
	assert_int_equal(got, want);
	if (want != POOL_OK)
		return;
	row->status = row->status == STATIC ? STATIC_LENT : LENT;
	row->owner = owner;
}

static void
step_release(struct model *m, struct pool4_set *s, uint32_t addr, struct row *row)
{
	unsigned user = rnd(64);
	uint32_t owner = row && rnd(8) ? row->owner : rnd(8);
	bool lent = row && (row->status == LENT || row->status == STATIC_LENT);
	enum pool_reason want = !row ? POOL_OUTSIDE : !lent ? POOL_NOT_LENT : POOL_OK;
	if (want == POOL_OK && row->owner != owner)
		want = POOL_NOT_OWNER;
	assert_int_equal(pool4_release(s, addr, owner, user), want);
	if (want != POOL_OK)
		return;
	if (row->status == STATIC_LENT) {
		row->status = STATIC;
		return;
	}
	model_free(m, row);
	if (user) {
		m->former[user].known = true;
		m->former[user].addr = addr;
	}
}

static void
step_reserve(struct model *m, struct pool4_set *s, uint32_t addr, struct row *row)
{
	enum pool4_reservation how = rnd(2);
	enum pool_reason want = POOL_OK;
	(void)m;
	if (!row)
		want = POOL_OUTSIDE;
	else if (row->status == LENT || row->status == STATIC_LENT)
		want = POOL_TAKEN;
	else if (row->status != FREE && (row->status == NEVER) != (how == POOL4_NEVER))
		want = POOL_RESERVED;
	assert_int_equal(pool4_reserve(s, addr, how), want);
	if (want == POOL_OK)
		row->status = how == POOL4_NEVER ? NEVER : STATIC;
}

static void
step_unreserve(struct model *m, struct pool4_set *s, uint32_t addr, struct row *row)
{
	assert_int_equal(pool4_unreserve(s, addr), row ? POOL_OK : POOL_OUTSIDE);
	if (!row)
		return;
	if (row->status == NEVER || row->status == STATIC)
		model_free(m, row);
	else if (row->status == STATIC_LENT)
		row->status = LENT;
}

static void
compare(struct model *m, const struct pool4_set *s)
{
	assert_true(pool4_set_check(s));
	for (unsigned p = 0; p < m->n_pools; p++) {
		uint32_t n[5] = {0};
		for (uint32_t i = 0; i < m->n; i++)
			n[m->rows[i].status] += m->rows[i].pool == p;
		counts_are(s, p, n[FREE], n[LENT] + n[STATIC_LENT], n[NEVER] + n[STATIC]);
	}
	for (uint32_t i = 0; i < m->n; i++) {
		const struct row *r = &m->rows[i];
		uint32_t owner = 0;
		bool lent = r->status == LENT || r->status == STATIC_LENT;
		assert_int_equal(pool4_holder(s, r->addr, &owner), lent);
		assert_int_equal(owner, lent ? r->owner : 0);
		assert_int_equal(pool4_of(s, r->addr), r->pool);
	}
}

/* The mood changes, so that the pools run empty and fill again. */
static void
walk(const struct pool4_conf *pools, unsigned n_pools, unsigned steps)
{
	struct model m;
	struct pool4_fault fault;
	struct pool4_set *s = pool4_set_new(pools, n_pools, 4096, &fault);
	assert_non_null(s);
	model_init(&m, pools, n_pools);
	for (unsigned k = 0; k < steps; k++) {
		uint32_t addr = rnd(20) ? m.rows[rnd(m.n)].addr : rnd(2) ? rnd(UINT32_MAX) : m.rows[rnd(m.n)].addr + 1;
		struct row *row = model_row(&m, addr);
		unsigned what = rnd(100), mood = k / 400 % 2 ? 60 : 20;
		if (what < mood)
			step_alloc(&m, s);
		else if (what < 80)
			step_release(&m, s, addr, row);
		else if (what < 94)
			step_take(&m, s, addr, row);
		else if (what < 96)
			step_reserve(&m, s, addr, row);
		else
			step_unreserve(&m, s, addr, row);
		if (k % 500 == 0)
			compare(&m, s);
	}
	compare(&m, s);
	free(m.rows);
	pool4_set_free(s);
}

static void
random_walks_match_the_model(void **state)
{
	const struct pool4_conf small[] = {POOL("a", 1, {100, 130}, {0, 3}, {140, 140}), POOL("b", 2, {131, 139}),
					   POOL("c", -1, {UINT32_MAX - 9, UINT32_MAX}), POOL("d", 1, {50, 50})};
	const struct pool4_conf wide[] = {POOL("w", -1, {IP(10, 0, 15, 200), IP(10, 0, 33, 7)})};
	const struct pool4_conf one[] = {POOL("one", -1, {IP(10, 0, 0, 1), IP(10, 0, 0, 1)})};
	(void)state;
	for (seed = 1; seed < 20; seed++) {
		uint64_t start = seed;
		walk(small, N(small), 40000);
		seed = start;
	}
	seed = 1;
	walk(wide, 1, 20000);
	walk(one, 1, 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_walks_match_the_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
