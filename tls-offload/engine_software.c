/* engine_software.c - sealing and opening with ipsec-mb, called directly: what is submitted is finished.
 *
 * AES needs an expanded key of 1 KiB for each direction; ChaCha20 none.  The cache has room for some of them.  A
 * direction remembers its place (dir->slot), and the place its direction, so a hit is one comparison; who lost its place
 * expands again (about 240 cycles).  Places are taken round the clock, sparing those used since the hand passed, and never
 * one that an op of this batch has.
 *
 * A batch walks through the ops with the expanded keys PREFETCH ops ahead: at 64 Ki connections every key is a miss
 * otherwise (948 cycles for 1,400 bytes instead of 191).
 */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include <millrace/prefetch.h>

#include "imb.h"
#include "keys.h"

#define PREFETCH 6
#define TRIES 8

struct place {
	struct tls_dir *dir;
	uint32_t batch; /* that used it last */
	uint32_t recent;
};

struct software {
	struct gcm_key_data *keys;
	struct place *places;
	uint32_t n, hand, batch;
};

static bool prepare(struct tls_core *core, struct tls_op *op);
static void expand(struct tls_core *core, struct tls_dir *dir);
static uint32_t take_place(struct software *s);
static void submit(struct tls_core *core, struct tls_op *const *ops, unsigned n) ON_LCORE;
static void prefetch_key(const struct tls_op *op);
static inline void crypt_op(struct tls_op *op);
static void forget(struct tls_core *core, struct tls_dir *dir);

const struct tls_engine software_engine = {prepare, submit, NULL, forget};

size_t
software_bytes(unsigned keys)
{
	return sizeof(struct software) + keys * (sizeof(struct gcm_key_data) + sizeof(struct place));
}

struct software *
software_new(unsigned keys, int socket)
{
	struct software *s = rte_zmalloc_socket("tls-keys", sizeof *s, 64, socket);
	if (!s || !keys_init())
		goto fail;
	s->n = keys;
	s->batch = 1; /* 0 is what a new place has */
	s->keys = rte_zmalloc_socket("tls-keys", keys * sizeof *s->keys, 64, socket);
	s->places = rte_zmalloc_socket("tls-keys", keys * sizeof *s->places, 64, socket);
	if (s->keys && s->places)
		return s;
fail:
	software_free(s);
	return NULL;
}

void
software_free(struct software *s)
{
	if (!s)
		return;
	if (s->keys)
		memset(s->keys, 0, s->n * sizeof *s->keys);
	rte_free(s->keys);
	rte_free(s->places);
	rte_free(s);
}

static bool
prepare(struct tls_core *core, struct tls_op *op)
{
	struct software *s = core->software;
	struct tls_dir *dir = &op->conn->dir[op->way];
	op->aead = dir->aead;
	if (dir->aead == TLS_CHACHA20_POLY1305) {
		/* The direction may have another key before the op is done: a key update in the same batch. */
		op->key = NULL;
		memcpy(op->raw_key, dir->key, TLS_KEY);
		return true;
	}
	if (unlikely(!dir->slot || s->places[dir->slot - 1].dir != dir))
		expand(core, dir);
	struct place *p = &s->places[dir->slot - 1];
	p->batch = s->batch;
	p->recent = 1;
	op->key = &s->keys[dir->slot - 1];
	return true;
}

static __attribute__((noinline)) void
expand(struct tls_core *core, struct tls_dir *dir)
{
	struct software *s = core->software;
	uint32_t i = take_place(s);
	s->places[i].dir = dir;
	dir->slot = i + 1;
	core->stats.key_misses++;
	if (dir->aead == TLS_AES_128_GCM)
		imb->gcm128_pre(dir->key, &s->keys[i]);
	else
		imb->gcm256_pre(dir->key, &s->keys[i]);
}

/* take_place: the first one behind the hand that this batch does not use and that was not used since the hand's last
 * round; of TRIES that were, the last.  There are more than two batches of places, so the walk ends. */
static uint32_t
take_place(struct software *s)
{
	for (unsigned tries = 0;; tries++) {
		uint32_t i = s->hand;
		struct place *p = &s->places[i];
		s->hand = i + 1 == s->n ? 0 : i + 1;
		if (p->batch == s->batch)
			continue;
		if (!p->recent || tries >= TRIES)
			return i;
		p->recent = 0;
	}
}

static void
submit(struct tls_core *core, struct tls_op *const *ops, unsigned n)
{
	struct software *s = core->software;
	for (unsigned i = 0; i < n && i < PREFETCH; i++)
		prefetch_key(ops[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + PREFETCH < n)
			prefetch_key(ops[i + PREFETCH]);
		crypt_op(ops[i]);
		op_finished(core, ops[i]);
	}
	s->batch++;
}

static void
prefetch_key(const struct tls_op *op)
{
	if (op->key)
		prefetch_lines(op->key, sizeof(struct gcm_key_data));
}

/* gcm_once: the function for a record in one piece, as nearly all are. */
static inline aes_gcm_enc_dec_t
gcm_once(const struct tls_op *op)
{
	if (op->aead == TLS_AES_128_GCM)
		return op->way == TLS_TX ? imb->gcm128_enc : imb->gcm128_dec;
	return op->way == TLS_TX ? imb->gcm256_enc : imb->gcm256_dec;
}

/* The functions for one in pieces, of one key length. */
struct gcm {
	aes_gcm_init_t init;
	aes_gcm_enc_dec_update_t update[2]; /* by enum tls_way: seal, open */
	aes_gcm_enc_dec_finalize_t finalize[2];
};

static inline struct gcm
gcm_of(enum tls_aead aead)
{
	if (aead == TLS_AES_128_GCM)
		return (struct gcm){imb->gcm128_init,
				    {imb->gcm128_enc_update, imb->gcm128_dec_update},
				    {imb->gcm128_enc_finalize, imb->gcm128_dec_finalize}};
	return (struct gcm){imb->gcm256_init,
			    {imb->gcm256_enc_update, imb->gcm256_dec_update},
			    {imb->gcm256_enc_finalize, imb->gcm256_dec_finalize}};
}

static void
crypt_gcm(struct tls_op *op, uint8_t *tag)
{
	struct gcm_context_data ctx;
	struct rte_mbuf *m = op->m;
	if (m->nb_segs == 1) {
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
		gcm_once(op)(op->key, &ctx, p, p, m->data_len, op->nonce, op->aad, op->aad_len, tag, TLS_TAG);
		return;
	}
	struct gcm gcm = gcm_of(op->aead);
	gcm.init(op->key, &ctx, op->nonce, op->aad, op->aad_len);
	for (; m; m = m->next) {
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
		gcm.update[op->way](op->key, &ctx, p, p, m->data_len);
	}
	gcm.finalize[op->way](op->key, &ctx, tag, TLS_TAG);
}

static void
crypt_chacha(struct tls_op *op, uint8_t *tag)
{
	struct chacha20_poly1305_context_data ctx;
	chacha_poly_enc_dec_update_t update =
		op->way == TLS_TX ? imb->chacha20_poly1305_enc_update : imb->chacha20_poly1305_dec_update;
	imb->chacha20_poly1305_init(op->raw_key, &ctx, op->nonce, op->aad, op->aad_len);
	for (struct rte_mbuf *m = op->m; m; m = m->next) {
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
		update(op->raw_key, &ctx, p, p, m->data_len);
	}
	imb->chacha20_poly1305_finalize(&ctx, tag, TLS_TAG);
}

/* equal: in constant time. */
static bool
equal(const uint8_t a[TLS_TAG], const uint8_t b[TLS_TAG])
{
	uint64_t x[2], y[2];
	memcpy(x, a, TLS_TAG);
	memcpy(y, b, TLS_TAG);
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

static inline void
crypt_op(struct tls_op *op)
{
	uint8_t computed[TLS_TAG], *tag = op->way == TLS_TX ? op->tag : computed;
	if (op->aead == TLS_CHACHA20_POLY1305)
		crypt_chacha(op, tag);
	else
		crypt_gcm(op, tag);
	op->ok = op->way == TLS_TX || equal(computed, op->tag);
}

void
software_once(struct tls_op *op)
{
	struct gcm_key_data key;
	if (op->aead == TLS_AES_128_GCM)
		imb->gcm128_pre(op->raw_key, &key);
	else if (op->aead == TLS_AES_256_GCM)
		imb->gcm256_pre(op->raw_key, &key);
	op->key = &key;
	crypt_op(op);
	op->key = NULL;
}

static void
forget(struct tls_core *core, struct tls_dir *dir)
{
	struct software *s = core->software;
	if (dir->slot && s->places[dir->slot - 1].dir == dir)
		s->places[dir->slot - 1].dir = NULL;
	dir->slot = 0;
}
