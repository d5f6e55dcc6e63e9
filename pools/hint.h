/* hint.h - who had which: a memory of fixed size from a user's key to a 32-bit value, which may forget anyone.
 *
 * Buckets of 8 entries, a cache line each; the newest stands first and pushes the oldest out.  Keys are told apart by
 * 32 bits inside a bucket: two users may rarely be taken for one, so an answer is a hint and no more.
 * Key 0 is nobody.  O(1).  Memory: the caller's, of hint_bytes.  The caller serialises.
 */
#ifndef POOLS_HINT_H
#define POOLS_HINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HINT_BUCKET 8
#define HINT_MAX (1u << 24)

/* tag 0: no entry; the entries of a bucket stand before its empty ones. */
struct hint_entry {
	uint32_t tag, value;
};

struct hint_table {
	struct hint_entry *entries;
	uint32_t n; /* 0 or a power of two, at least HINT_BUCKET */
};

/* hint_round: the size of a table for `wanted` users: the next power of two, at most HINT_MAX. */
uint32_t hint_round(unsigned wanted);
size_t hint_bytes(uint32_t n);

/* hint_init: n from hint_round. */
void hint_init(struct hint_table *t, void *mem, uint32_t n);

void hint_put(struct hint_table *t, uint64_t key, uint32_t value);
bool hint_get(const struct hint_table *t, uint64_t key, uint32_t *value);
void hint_drop(struct hint_table *t, uint64_t key);

#endif
