#include "sub4.h"

#include <errno.h>

#define L1_WORDS 65536u

static uint32_t l2_blocks(uint32_t n_blocks);
static void pool_init(struct sub4_pool *p, uint8_t **memory, uint32_t n_blocks);
static size_t pool_bytes(uint32_t n_blocks);
static uint32_t pool_take(struct sub4_pool *p, struct rte_rcu_qsbr *qsbr) ON_MAIN;
static void pool_rest(struct sub4_pool *p, struct rte_rcu_qsbr *qsbr, uint32_t block) ON_MAIN;
static void pool_step(struct sub4_pool *p, struct rte_rcu_qsbr *qsbr) ON_MAIN;
static int insert(struct sub4_writer *w, uint32_t ip4, uint32_t nh) ON_MAIN;
static void remove_entry(struct sub4_writer *w, uint32_t ip4) ON_MAIN;
static bool pool_check(const struct sub4_pool *p, _Atomic uint32_t (*blocks)[256]);

static uint32_t
load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* store: what the word names was written before: its block, its session, its adjacency. */
static void
store(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

size_t
sub4_bytes(uint32_t n_blocks)
{
	return L1_WORDS * sizeof(uint32_t) + pool_bytes(n_blocks) + pool_bytes(l2_blocks(n_blocks));
}

/* In the worst case each /24 lies in a /16 of its own. */
static uint32_t
l2_blocks(uint32_t n_blocks)
{
	return n_blocks < L1_WORDS ? n_blocks : L1_WORDS;
}

static size_t
pool_bytes(uint32_t n_blocks)
{
	size_t n = n_blocks + 1; /* and block 0 */
	size_t bytes = n * (256 * sizeof(uint32_t) + sizeof(uint64_t) + 2 * sizeof(uint32_t) + sizeof(uint16_t));
	return (bytes + 63) & ~(size_t)63;
}

void
sub4_init(struct sub4_writer *w, struct sub4 *t, struct rte_rcu_qsbr *qsbr, void *memory, uint32_t n_blocks)
{
	uint8_t *p = memory;
	*w = (struct sub4_writer){.t = t, .qsbr = qsbr};
	t->l1 = (_Atomic uint32_t *)(void *)p;
	p += L1_WORDS * sizeof(uint32_t);
	t->l2 = (_Atomic uint32_t(*)[256])(void *)p;
	pool_init(&w->l2, &p, l2_blocks(n_blocks));
	t->l3 = (_Atomic uint32_t(*)[256])(void *)p;
	pool_init(&w->l3, &p, n_blocks);
}

/* pool_init: *memory starts with the blocks themselves; moves it past everything of this pool. */
static void
pool_init(struct sub4_pool *p, uint8_t **memory, uint32_t n_blocks)
{
	uint8_t *at = *memory + (size_t)(n_blocks + 1) * 256 * sizeof(uint32_t);
	*memory += pool_bytes(n_blocks);
	*p = (struct sub4_pool){.n_blocks = n_blocks};
	p->token = (uint64_t *)(void *)at;
	at += (n_blocks + 1) * sizeof(uint64_t);
	p->free = (uint32_t *)(void *)at;
	at += (n_blocks + 1) * sizeof(uint32_t);
	p->resting = (uint32_t *)(void *)at;
	at += (n_blocks + 1) * sizeof(uint32_t);
	p->used = (uint16_t *)(void *)at;
	for (uint32_t b = n_blocks; b; b--)
		p->free[p->n_free++] = b;
}

int
sub4_set(struct sub4_writer *w, uint32_t ip4, uint32_t nh)
{
	uint32_t old = sub4_get(w, ip4);
	if (nh && !old)
		return insert(w, ip4, nh);
	if (!nh && old)
		remove_entry(w, ip4);
	else if (nh != old)
		store(&w->t->l3[load(&w->t->l2[load(&w->t->l1[ip4 >> 16])][ip4 >> 8 & 0xff])][ip4 & 0xff], nh);
	return 0;
}

uint32_t
sub4_get(const struct sub4_writer *w, uint32_t ip4)
{
	uint32_t b2 = load(&w->t->l1[ip4 >> 16]), b3 = load(&w->t->l2[b2][ip4 >> 8 & 0xff]);
	return load(&w->t->l3[b3][ip4 & 0xff]);
}

/* insert: both blocks are taken before anything is linked, so that a refusal leaves no trace. */
static int
insert(struct sub4_writer *w, uint32_t ip4, uint32_t nh)
{
	struct sub4 *t = w->t;
	uint32_t b2 = load(&t->l1[ip4 >> 16]), b3 = load(&t->l2[b2][ip4 >> 8 & 0xff]);
	bool new2 = !b2, new3 = !b3;
	if (new3 && !(b3 = pool_take(&w->l3, w->qsbr)))
		return -ENOSPC;
	if (new2 && !(b2 = pool_take(&w->l2, w->qsbr))) {
		w->l3.free[w->l3.n_free++] = b3; /* never linked, so nobody has seen it */
		return -ENOSPC;
	}
	store(&t->l3[b3][ip4 & 0xff], nh);
	w->l3.used[b3]++;
	w->entries++;
	if (new3) {
		store(&t->l2[b2][ip4 >> 8 & 0xff], b3);
		w->l2.used[b2]++;
	}
	if (new2)
		store(&t->l1[ip4 >> 16], b2);
	return 0;
}

static void
remove_entry(struct sub4_writer *w, uint32_t ip4)
{
	struct sub4 *t = w->t;
	uint32_t b2 = load(&t->l1[ip4 >> 16]), b3 = load(&t->l2[b2][ip4 >> 8 & 0xff]);
	store(&t->l3[b3][ip4 & 0xff], NH_NONE);
	w->entries--;
	if (--w->l3.used[b3])
		return;
	store(&t->l2[b2][ip4 >> 8 & 0xff], 0);
	pool_rest(&w->l3, w->qsbr, b3);
	if (--w->l2.used[b2])
		return;
	store(&t->l1[ip4 >> 16], 0);
	pool_rest(&w->l2, w->qsbr, b2);
}

void
sub4_step(struct sub4_writer *w)
{
	pool_step(&w->l2, w->qsbr);
	pool_step(&w->l3, w->qsbr);
}

static uint32_t
pool_take(struct sub4_pool *p, struct rte_rcu_qsbr *qsbr)
{
	if (!p->n_free)
		pool_step(p, qsbr);
	return p->n_free ? p->free[--p->n_free] : 0;
}

static void
pool_rest(struct sub4_pool *p, struct rte_rcu_qsbr *qsbr, uint32_t block)
{
	uint32_t at = (p->rest_head + p->n_resting++) % (p->n_blocks + 1);
	p->resting[at] = block;
	p->token[at] = rte_rcu_qsbr_start(qsbr);
}

/* Tokens grow, so the first that has not been passed ends the walk. */
static void
pool_step(struct sub4_pool *p, struct rte_rcu_qsbr *qsbr)
{
	while (p->n_resting && rte_rcu_qsbr_check(qsbr, p->token[p->rest_head], false) == 1) {
		p->free[p->n_free++] = p->resting[p->rest_head];
		p->rest_head = (p->rest_head + 1) % (p->n_blocks + 1);
		p->n_resting--;
	}
}

bool
sub4_check(const struct sub4_writer *w)
{
	uint64_t entries = 0;
	for (uint32_t b = 1; b <= w->l3.n_blocks; b++)
		entries += w->l3.used[b];
	return entries == w->entries && pool_check(&w->l2, w->t->l2) && pool_check(&w->l3, w->t->l3);
}

static bool
pool_check(const struct sub4_pool *p, _Atomic uint32_t (*blocks)[256])
{
	uint32_t in_use = 0;
	for (uint32_t b = 0; b <= p->n_blocks; b++) {
		unsigned words = 0;
		for (unsigned i = 0; i < 256; i++)
			words += load(&blocks[b][i]) != 0;
		if (words != p->used[b])
			return false;
		in_use += words != 0;
	}
	return p->used[0] == 0 && in_use + p->n_free + p->n_resting == p->n_blocks;
}
