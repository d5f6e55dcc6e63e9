#include "rest.h"

#include <string.h>

static uint32_t link_pack(uint16_t prev, uint16_t next);
static uint16_t link_prev(uint32_t v);
static uint16_t link_next(uint32_t v);

static uint32_t
n_blocks(uint32_t n)
{
	return (n + REST_BLOCK - 1) / REST_BLOCK;
}

static uint32_t
n_words(uint32_t n)
{
	return (n + 63) / 64;
}

size_t
rest_bytes(uint32_t n)
{
	return n_words(n) * sizeof(uint64_t) + n_blocks(n) * sizeof(struct rest_block) +
	       (n + 1) / 2 * 2 * sizeof(uint32_t);
}

void
rest_init(struct rest *r, void *mem, uint32_t n)
{
	*r = (struct rest){.resting = mem, .n = n, .n_resting = n};
	r->blocks = (struct rest_block *)(void *)(r->resting + n_words(n));
	r->slot = (uint32_t *)(void *)(r->blocks + n_blocks(n));
	memset(r->resting, 0xff, n / 64 * sizeof(uint64_t));
	if (n % 64)
		r->resting[n / 64] = (UINT64_C(1) << (n % 64)) - 1;
	for (uint32_t i = 0; i < n; i++)
		r->slot[i] = link_pack((uint16_t)(i - 1), (uint16_t)(i + 1));
	for (uint32_t b = 0; b < n_blocks(n); b++) {
		uint32_t left = n - b * REST_BLOCK, in_block = left < REST_BLOCK ? left : REST_BLOCK;
		r->blocks[b] = (struct rest_block){in_block, 0, (uint16_t)(in_block - 1)};
		r->ready[b / 64] |= UINT64_C(1) << (b % 64);
	}
}

uint32_t
rest_next(struct rest *r)
{
	/* One word more than there are: the first is looked at from `turn` on, and again from its start. */
	uint32_t w = r->turn / 64 % (REST_MAX_BLOCKS / 64);
	uint64_t ready = r->ready[w] & ~UINT64_C(0) << (r->turn % 64);
	for (unsigned k = 0; !ready && k < REST_MAX_BLOCKS / 64; k++) {
		w = (w + 1) % (REST_MAX_BLOCKS / 64);
		ready = r->ready[w];
	}
	uint32_t b = w * 64 + (uint32_t)__builtin_ctzll(ready);
	r->turn = (b + 1) % REST_MAX_BLOCKS;
	return b * REST_BLOCK + r->blocks[b].head;
}

/* The neighbours of an end of the list are never read: its head and tail say where it ends. */
void
rest_take(struct rest *r, uint32_t i, uint32_t value)
{
	struct rest_block *b = &r->blocks[i / REST_BLOCK];
	uint32_t *slot = r->slot + i / REST_BLOCK * REST_BLOCK;
	uint16_t at = (uint16_t)(i % REST_BLOCK), prev = link_prev(slot[at]), next = link_next(slot[at]);
	if (at == b->head)
		b->head = next;
	else
		slot[prev] = link_pack(link_prev(slot[prev]), next);
	if (at == b->tail)
		b->tail = prev;
	else
		slot[next] = link_pack(prev, link_next(slot[next]));
	if (--b->n == 0)
		r->ready[i / REST_BLOCK / 64] &= ~(UINT64_C(1) << (i / REST_BLOCK % 64));
	r->n_resting--;
	r->resting[i / 64] &= ~(UINT64_C(1) << (i % 64));
	slot[at] = value;
}

void
rest_give(struct rest *r, uint32_t i)
{
	struct rest_block *b = &r->blocks[i / REST_BLOCK];
	uint32_t *slot = r->slot + i / REST_BLOCK * REST_BLOCK;
	uint16_t at = (uint16_t)(i % REST_BLOCK);
	slot[at] = link_pack(b->tail, 0);
	if (b->n++ == 0) {
		b->head = at;
		r->ready[i / REST_BLOCK / 64] |= UINT64_C(1) << (i / REST_BLOCK % 64);
	} else {
		slot[b->tail] = link_pack(link_prev(slot[b->tail]), at);
	}
	b->tail = at;
	r->n_resting++;
	r->resting[i / 64] |= UINT64_C(1) << (i % 64);
}

static uint32_t
link_pack(uint16_t prev, uint16_t next)
{
	return (uint32_t)prev << 16 | next;
}

static uint16_t
link_prev(uint32_t v)
{
	return (uint16_t)(v >> 16);
}

static uint16_t
link_next(uint32_t v)
{
	return (uint16_t)v;
}

static bool
block_check(const struct rest *r, uint32_t block)
{
	const struct rest_block *b = &r->blocks[block];
	uint32_t at = b->head, prev = 0, first = block * REST_BLOCK;
	for (uint32_t k = 0; k < b->n; k++) {
		uint32_t i = first + at;
		if (i >= r->n || !rest_is(r, i) || (k && link_prev(r->slot[i]) != prev))
			return false;
		prev = at;
		at = link_next(r->slot[i]);
	}
	bool ready = r->ready[block / 64] >> (block % 64) & 1;
	return ready == (b->n > 0) && (!b->n || prev == b->tail);
}

bool
rest_check(const struct rest *r)
{
	uint32_t listed = 0, set = 0;
	for (uint32_t b = 0; b < n_blocks(r->n); b++) {
		if (!block_check(r, b))
			return false;
		listed += r->blocks[b].n;
	}
	for (uint32_t w = 0; w < n_words(r->n); w++)
		set += (uint32_t)__builtin_popcountll(r->resting[w]);
	/* A list that visited an index twice would be longer than the bits that are set, and then n would differ. */
	return listed == r->n_resting && set == listed;
}
