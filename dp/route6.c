#include "route6.h"

#include <errno.h>

#include <rte_hash_crc.h>

#define RESTING 256     /* places of removed entries that wait for their grace period */
#define ENTRY_BYTES 128 /* key and value 48, buckets 16 to 32, free list and waiting list 40 */

static uint32_t longest_match(const struct route6 *t, enum dp_table table, const struct addr *dst);
static uint32_t exact(const struct route6 *t, const struct route6_key *key);
static int store(struct route6_writer *w, const struct route6_key *key, uint32_t nh, bool known) ON_MAIN;
static bool has_room(const struct route6_writer *w, enum dp_table table, unsigned len);
static void list_lengths(struct route6_writer *w, enum dp_table table) ON_MAIN;

uint32_t
route6_lookup(const struct route6 *t, enum dp_table table, const struct addr *dst, unsigned iface)
{
	if (!addr_is_link_local(dst))
		return longest_match(t, table, dst);
	struct route6_key key = {.addr = *dst, .len = 128, .space = ROUTE6_LINK_LOCAL, .iface = (uint16_t)iface};
	uint32_t nh = exact(t, &key);
	return nh ? nh : nh_make(NH_GLEAN, iface);
}

static uint32_t
longest_match(const struct route6 *t, enum dp_table table, const struct addr *dst)
{
	uint64_t lengths = atomic_load_explicit(&t->lengths[table], memory_order_acquire);
	uint32_t nh = NH_NONE;

	for (; lengths && !nh; lengths >>= 8) {
		uint8_t len = (uint8_t)((lengths & 0xff) - 1);
		struct prefix p = prefix_mask((struct prefix){*dst, len});
		struct route6_key key = {.addr = p.addr, .len = len, .space = ROUTE6_SPACE(table)};
		nh = exact(t, &key);
	}
	return nh;
}

static uint32_t
exact(const struct route6 *t, const struct route6_key *key)
{
	void *nh = NULL;

	return rte_hash_lookup_data(t->hash, key, &nh) < 0 ? NH_NONE : (uint32_t)(uintptr_t)nh;
}

bool
route6_ours(const struct route6 *t, const struct addr *a)
{
	struct route6_key key = {.addr = *a, .len = 128, .space = ROUTE6_SPACE(DP_TABLE_CORE)};
	uint32_t nh = exact(t, &key);

	return !nh_is_session(nh) && nh_kind(nh) == NH_LOCAL;
}

size_t
route6_bytes(uint32_t max)
{
	return ((size_t)max + RESTING) * ENTRY_BYTES;
}

int
route6_init(struct route6_writer *w, struct route6 *t, struct rte_rcu_qsbr *qsbr, uint32_t max, int socket)
{
	struct rte_hash_parameters hash = {
		.name = "route6",
		.entries = max + RESTING,
		.key_len = sizeof(struct route6_key),
		.hash_func = rte_hash_crc,
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	struct rte_hash_rcu_config rcu = {.v = qsbr, .dq_size = max + RESTING, .max_reclaim_size = RESTING};

	*w = (struct route6_writer){.t = t, .max = max};
	t->hash = rte_hash_create(&hash);
	if (t->hash && rte_hash_rcu_qsbr_add(t->hash, &rcu) == 0)
		return 0;
	route6_fini(w);
	return -ENOMEM;
}

void
route6_fini(struct route6_writer *w)
{
	if (w->t)
		rte_hash_free(w->t->hash);
	*w = (struct route6_writer){0};
}

int
route6_set(struct route6_writer *w, enum dp_table table, const struct prefix *p, uint32_t nh)
{
	if (addr_is_v4(&p->addr) || p->len > 128)
		return -EINVAL;
	struct prefix masked = prefix_mask(*p);
	struct route6_key key = {.addr = masked.addr, .len = masked.len, .space = ROUTE6_SPACE(table)};
	bool known = exact(w->t, &key) != NH_NONE;
	if (nh && !known && !has_room(w, table, p->len))
		return -ENOSPC;
	if (!nh && known && --w->uses[table][p->len] == 0)
		list_lengths(w, table);
	int e = store(w, &key, nh, known);
	if (e || known || !nh)
		return e;
	if (w->uses[table][p->len]++ == 0)
		list_lengths(w, table);
	return 0;
}

int
route6_link_set(struct route6_writer *w, unsigned iface, const struct addr *a, uint32_t nh)
{
	struct route6_key key = {.addr = *a, .len = 128, .space = ROUTE6_LINK_LOCAL, .iface = (uint16_t)iface};

	return store(w, &key, nh, exact(w->t, &key) != NH_NONE);
}

static int
store(struct route6_writer *w, const struct route6_key *key, uint32_t nh, bool known)
{
	if (!nh && !known)
		return 0;
	if (nh && !known && w->n == w->max)
		return -ENOSPC;
	int e = nh ? rte_hash_add_key_data(w->t->hash, key, (void *)(uintptr_t)nh) : rte_hash_del_key(w->t->hash, key);
	if (e < 0)
		return -ENOSPC;
	w->n += known ? (nh ? 0u : -1u) : 1u;
	return 0;
}

uint32_t
route6_get(const struct route6_writer *w, enum dp_table table, const struct addr *a)
{
	return longest_match(w->t, table, a);
}

static bool
has_room(const struct route6_writer *w, enum dp_table table, unsigned len)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= 128; i++)
		n += w->uses[table][i] != 0;
	return w->uses[table][len] || n < DP_ROUTE6_LENGTHS;
}

static void
list_lengths(struct route6_writer *w, enum dp_table table)
{
	uint64_t lengths = 0;
	unsigned at = 0;

	for (unsigned len = 129; len--;)
		if (w->uses[table][len])
			lengths |= (uint64_t)(len + 1) << 8 * at++;
	atomic_store_explicit(&w->t->lengths[table], lengths, memory_order_release);
}
