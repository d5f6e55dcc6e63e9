#include "hint.h"

#include <string.h>

/* Callers' keys may be small numbers or weak hashes: the finaliser of splitmix64 spreads them. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint32_t
tag_of(uint64_t mixed)
{
	uint32_t tag = (uint32_t)(mixed >> 32);
	return tag ? tag : 1;
}

static struct hint_entry *
bucket_of(const struct hint_table *t, uint64_t mixed)
{
	return t->entries + ((uint32_t)mixed & (t->n / HINT_BUCKET - 1)) * HINT_BUCKET;
}

/* find: place of the tag in its bucket, or HINT_BUCKET. */
static unsigned
find(const struct hint_entry *bucket, uint32_t tag)
{
	unsigned i = 0;
	while (i < HINT_BUCKET && bucket[i].tag != tag)
		i++;
	return i;
}

uint32_t
hint_round(unsigned wanted)
{
	uint32_t n = HINT_BUCKET;
	if (!wanted)
		return 0;
	while (n < wanted && n < HINT_MAX)
		n *= 2;
	return n;
}

size_t
hint_bytes(uint32_t n)
{
	return n * sizeof(struct hint_entry);
}

void
hint_init(struct hint_table *t, void *mem, uint32_t n)
{
	*t = (struct hint_table){mem, n};
	if (n)
		memset(mem, 0, hint_bytes(n));
}

void
hint_put(struct hint_table *t, uint64_t key, uint32_t value)
{
	if (!key || !t->n)
		return;
	uint64_t mixed = mix(key);
	struct hint_entry *bucket = bucket_of(t, mixed);
	unsigned at = find(bucket, tag_of(mixed));
	if (at == HINT_BUCKET)
		at--;
	memmove(bucket + 1, bucket, at * sizeof *bucket);
	bucket[0] = (struct hint_entry){tag_of(mixed), value};
}

bool
hint_get(const struct hint_table *t, uint64_t key, uint32_t *value)
{
	if (!key || !t->n)
		return false;
	uint64_t mixed = mix(key);
	const struct hint_entry *bucket = bucket_of(t, mixed);
	unsigned at = find(bucket, tag_of(mixed));
	if (at == HINT_BUCKET)
		return false;
	*value = bucket[at].value;
	return true;
}

void
hint_drop(struct hint_table *t, uint64_t key)
{
	if (!key || !t->n)
		return;
	uint64_t mixed = mix(key);
	struct hint_entry *bucket = bucket_of(t, mixed);
	unsigned at = find(bucket, tag_of(mixed));
	if (at == HINT_BUCKET)
		return;
	memmove(bucket + at, bucket + at + 1, (HINT_BUCKET - 1 - at) * sizeof *bucket);
	bucket[HINT_BUCKET - 1] = (struct hint_entry){0};
}
