#include "limit_tls.h"

#include <emmintrin.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "imb.h"
#include "keys.h"

#define PREFETCH 6

struct limit_tls {
	struct gcm_key_data *keys;
	uint64_t *seq;
	uint8_t tag[16];
};

struct limit_tls *
limit_tls_new(uint32_t n)
{
	struct limit_tls *l = rte_zmalloc("limit", sizeof *l, 64);
	if (!l || !keys_init())
		return NULL;
	l->keys = rte_zmalloc("limit", n * sizeof *l->keys, 64);
	l->seq = rte_zmalloc("limit", n * sizeof *l->seq, 64);
	for (uint32_t i = 0; l->keys && i < n; i++) {
		uint32_t key[4] = {i, 1, 2, 3};
		imb->gcm128_pre(key, &l->keys[i]);
	}
	return l->keys && l->seq ? l : NULL;
}

void
limit_tls_free(struct limit_tls *l)
{
	rte_free(l->keys);
	rte_free(l->seq);
	rte_free(l);
}

static void
prefetch(const struct gcm_key_data *k)
{
	for (unsigned i = 0; i < sizeof *k; i += 64)
		rte_prefetch0((const uint8_t *)k + i);
}

static inline __attribute__((always_inline)) void
each(struct limit_tls *l, const uint32_t *which, uint8_t *const *buffers, unsigned n, uint32_t len, aes_gcm_enc_dec_t f)
{
	static const uint8_t aad[5] = {23, 3, 3, 5, 137};
	for (unsigned i = 0; i < n && i < PREFETCH; i++)
		prefetch(&l->keys[which[i]]);
	for (unsigned i = 0; i < n; i++) {
		struct gcm_context_data ctx;
		uint8_t nonce[16] __attribute__((aligned(16)));
		if (i + PREFETCH < n)
			prefetch(&l->keys[which[i + PREFETCH]]);
		_mm_store_si128((__m128i *)(void *)nonce, _mm_set_epi64x(0, (long long)l->seq[which[i]]++));
		f(&l->keys[which[i]], &ctx, buffers[i], buffers[i], len, nonce, aad, sizeof aad, l->tag, 16);
	}
}

void
limit_tls_seal(struct limit_tls *l, const uint32_t *which, uint8_t *const *buffers, unsigned n, uint32_t len)
{
	each(l, which, buffers, n, len, imb->gcm128_enc);
}

void
limit_tls_open(struct limit_tls *l, const uint32_t *which, uint8_t *const *buffers, unsigned n, uint32_t len)
{
	each(l, which, buffers, n, len, imb->gcm128_dec);
}
