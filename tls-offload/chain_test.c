/* Chains against a plain buffer that the same is done to: the bytes are the same, and every mbuf comes back. */
#include "chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

static void
check(const struct rte_mbuf *m, const uint8_t *model, size_t n)
{
	size_t at = 0;
	unsigned segs = 0;
	assert_int_equal(m ? m->pkt_len : 0, n);
	for (const struct rte_mbuf *s = m; s; s = s->next, segs++) {
		assert_memory_equal(rte_pktmbuf_mtod(s, uint8_t *), model + at, s->data_len);
		at += s->data_len;
	}
	assert_int_equal(at, n);
	assert_int_equal(segs, m ? m->nb_segs : 0);
}

static uint8_t model[1 << 20];
static size_t n_model;

static void
append(struct rte_mbuf **chain, size_t n)
{
	for (size_t i = 0; i < n; i++)
		model[n_model + i] = (uint8_t)rig_random();
	struct rte_mbuf *m = chain_of(model + n_model, (uint32_t)n, rig.pool);
	n_model += n;
	chain_append(chain, m);
}

static void
anything_in_any_order(void **state)
{
	(void)state;
	unsigned before = rte_mempool_avail_count(rig.pool);
	for (unsigned round = 0; round < 3000; round++) {
		struct rte_mbuf *chain = NULL, *front;
		n_model = 0;
		for (unsigned i = 0; i < 12; i++) {
			append(&chain, 1 + rig_random() % (rig_random() % 3 ? 300 : 5000));
			check(chain, model, n_model);
			if (rig_random() % 2)
				continue;
			uint32_t n = 1 + (uint32_t)(rig_random() % n_model);
			front = chain_take(&chain, n, rig.pool);
			check(front, model, n);
			n_model -= n;
			if (n > 2) {
				uint32_t off = (uint32_t)(rig_random() % n);
				front = chain_drop_front(front, off);
				check(front, model + off, n - off);
				chain_drop_back(front, (n - off) / 2);
				check(front, model + off, n - off - (n - off) / 2);
			}
			memmove(model, model + n, n_model);
			check(chain, model, n_model);
			rte_pktmbuf_free(front);
			if (!chain)
				break;
		}
		rte_pktmbuf_free(chain);
	}
	assert_int_equal(rte_mempool_avail_count(rig.pool), before);
}

static void
zeros_come_off(void **state)
{
	static uint8_t padded[20000];
	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		size_t n = rig_random() % 6000, zeros = rig_random() % 12000;
		memset(padded, 0, sizeof padded);
		memset(padded, 'x', n);
		padded[n] = 23;
		struct rte_mbuf *m = chain_of(padded, (uint32_t)(n + 1 + zeros), rig.pool);
		assert_int_equal(chain_strip(m), 23);
		check(m, padded, n);
		rte_pktmbuf_free(m);
	}
	memset(padded, 0, sizeof padded);
	struct rte_mbuf *m = chain_of(padded, 5000, rig.pool);
	assert_int_equal(chain_strip(m), 0);
	rte_pktmbuf_free(m);
}

/* Without mbufs, nothing has happened. */
static void
without_mbufs(void **state)
{
	(void)state;
	struct rte_mempool *empty = rte_pktmbuf_pool_create("empty", 3, 0, 0, 512, SOCKET_ID_ANY);
	struct rte_mbuf *taken[3];
	struct rte_mbuf *chain = NULL;
	assert_int_equal(rte_pktmbuf_alloc_bulk(empty, taken, 3), 0);
	n_model = 0;
	append(&chain, 7000);
	for (uint32_t n = 1; n < 7000; n += 13) {
		struct rte_mbuf *front = chain_take(&chain, n, empty), *rest = chain;
		if (front) { /* where two segments meet */
			chain = front;
			chain_append(&chain, rest);
		}
		check(chain, model, n_model);
	}
	check(chain, model, n_model);
	assert_null(chain_of(model, 10, empty));
	rte_pktmbuf_free_bulk(taken, 1);
	assert_null(chain_of(model, 1000, empty));
	assert_int_equal(rte_mempool_avail_count(empty), 1);
	rte_pktmbuf_free_bulk(taken + 1, 2);
	rte_pktmbuf_free(chain);
	rte_mempool_free(empty);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(anything_in_any_order), cmocka_unit_test(zeros_come_off),
					   cmocka_unit_test(without_mbufs)};
	rig_start(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
