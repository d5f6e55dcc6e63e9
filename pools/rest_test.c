/* The rest order against a naive one: an array per block, in which everything is searched and moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rest.h"

struct model {
	uint32_t n, n_blocks, turn;
	uint32_t *queue[4];
	uint32_t head[4], len[4]; /* queue[b][head .. len) */
};

static uint64_t seed;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((seed >> 33) % below);
}

static void
model_init(struct model *m, uint32_t n)
{
	*m = (struct model){.n = n, .n_blocks = (n + REST_BLOCK - 1) / REST_BLOCK};
	for (uint32_t b = 0; b < m->n_blocks; b++)
		m->queue[b] = malloc(3 * REST_BLOCK * sizeof(uint32_t));
	for (uint32_t i = 0; i < n; i++)
		m->queue[i / REST_BLOCK][m->len[i / REST_BLOCK]++] = i;
}

static void
model_fini(struct model *m)
{
	for (uint32_t b = 0; b < m->n_blocks; b++)
		free(m->queue[b]);
}

static uint32_t
model_next(struct model *m)
{
	uint32_t b = m->turn;
	while (m->head[b % m->n_blocks] == m->len[b % m->n_blocks])
		b++;
	m->turn = (b + 1) % m->n_blocks;
	return m->queue[b % m->n_blocks][m->head[b % m->n_blocks]];
}

static bool
model_remove(struct model *m, uint32_t i)
{
	uint32_t b = i / REST_BLOCK;
	for (uint32_t k = m->head[b]; k < m->len[b]; k++) {
		if (m->queue[b][k] != i)
			continue;
		memmove(m->queue[b] + m->head[b] + 1, m->queue[b] + m->head[b], (k - m->head[b]) * sizeof(uint32_t));
		m->head[b]++;
		return true;
	}
	return false;
}

static void
walk(uint32_t n, unsigned steps, unsigned check_every)
{
	struct model m;
	struct rest r;
	void *mem = malloc(rest_bytes(n));
	model_init(&m, n);
	rest_init(&r, mem, n);
	uint32_t *value = calloc(n, sizeof *value);
	for (unsigned s = 0; s < steps; s++) {
		uint32_t i = rnd(n), what = rnd(3);
		if (what == 0 && r.n_resting) {
			i = rest_next(&r);
			assert_int_equal(i, model_next(&m));
		}
		if (what < 2 && rest_is(&r, i)) {
			assert_true(model_remove(&m, i));
			rest_take(&r, i, value[i] = rnd(UINT32_MAX));
		} else if (!rest_is(&r, i)) {
			assert_int_equal(rest_value(&r, i), value[i]);
			rest_give(&r, i);
			m.queue[i / REST_BLOCK][m.len[i / REST_BLOCK]++] = i;
		}
		if (s % check_every == 0)
			assert_true(rest_check(&r));
	}
	while (r.n_resting) {
		uint32_t i = rest_next(&r);
		assert_int_equal(i, model_next(&m));
		assert_true(model_remove(&m, i));
		rest_take(&r, i, 0);
	}
	assert_true(rest_check(&r));
	free(value);
	free(mem);
	model_fini(&m);
}

static void
small_orders_match_the_model(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 130; n++) {
		seed = n;
		walk(n, 2000, 1);
	}
}

static void
blocks_take_turns(void **state)
{
	static const uint32_t sizes[] = {REST_BLOCK - 1, REST_BLOCK, REST_BLOCK + 1, 3 * REST_BLOCK + 5};
	(void)state;
	for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		seed = k;
		walk(sizes[k], 6000, 3000);
	}
}

static void
what_returns_comes_last(void **state)
{
	struct rest r;
	uint64_t mem[8];
	(void)state;
	assert_true(rest_bytes(4) <= sizeof mem);
	rest_init(&r, mem, 4);
	rest_take(&r, 0, 7);
	rest_take(&r, 1, 7);
	rest_give(&r, 0);
	rest_give(&r, 1);
	for (uint32_t k = 0; k < 4; k++) {
		uint32_t i = rest_next(&r);
		assert_int_equal(i, (k + 2) % 4);
		rest_take(&r, i, 0);
	}
	assert_int_equal(r.n_resting, 0);
}

static void
largest_order(void **state)
{
	struct rest r;
	void *mem = malloc(rest_bytes(REST_MAX));
	(void)state;
	assert_non_null(mem);
	rest_init(&r, mem, REST_MAX);
	for (uint32_t k = 0; k < 2 * REST_MAX_BLOCKS; k++) {
		uint32_t i = rest_next(&r);
		assert_int_equal(i, k % REST_MAX_BLOCKS * REST_BLOCK + k / REST_MAX_BLOCKS);
		rest_take(&r, i, k);
	}
	/* Only the last block has any: found from whichever block has the turn. */
	for (uint32_t i = 0; i < REST_MAX - REST_BLOCK; i++)
		if (rest_is(&r, i))
			rest_take(&r, i, 0);
	for (uint32_t k = 2; k < 10; k++) {
		uint32_t i = rest_next(&r);
		assert_int_equal(i, REST_MAX - REST_BLOCK + k);
		rest_take(&r, i, 0);
	}
	rest_give(&r, 5);
	assert_int_equal(rest_next(&r), 5);
	assert_true(rest_check(&r));
	free(mem);
}

static void
check_finds_what_is_broken(void **state)
{
	struct rest r;
	uint64_t mem[8];
	(void)state;
	rest_init(&r, mem, 8);
	assert_true(rest_check(&r));
	r.slot[3] ^= 1;
	assert_false(rest_check(&r));
	rest_init(&r, mem, 8);
	r.resting[0] &= ~UINT64_C(4);
	assert_false(rest_check(&r));
	rest_init(&r, mem, 8);
	r.n_resting--;
	assert_false(rest_check(&r));
	rest_init(&r, mem, 8);
	r.blocks[0].tail = 2;
	assert_false(rest_check(&r));
	rest_init(&r, mem, 8);
	r.ready[0] = 0;
	assert_false(rest_check(&r));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_orders_match_the_model), cmocka_unit_test(blocks_take_turns),
		cmocka_unit_test(what_returns_comes_last),      cmocka_unit_test(largest_order),
		cmocka_unit_test(check_finds_what_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
