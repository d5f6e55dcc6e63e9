/* The hash table: open addressing, at most half full, a slot's entry never further than TCP_PROBES from home.  Deleting moves
 * entries back (no tombstones), so an entry stays reachable by probing until an empty slot. */
#include "conn.h"

#include "hash.h"

static const struct tcp_tuple *tuple_of(const struct tcp *t, uint32_t ref);

uint32_t
tcp_hash(const struct tcp *t, const struct tcp_tuple *id)
{
	uint64_t word[5];
	tcp_tuple_words(id, word);
	return (uint32_t)sip_hash(t->key_table, word, 5, 1, 3);
}

static const struct tcp_tuple *
tuple_of(const struct tcp *t, uint32_t ref)
{
	const struct tcp_limits *l = &t->start.limits;
	if (ref < l->conns)
		return &t->conns[ref].id;
	if (ref < l->conns + l->half_open)
		return &t->syns[ref - l->conns].id;
	return &t->tws[ref - l->conns - l->half_open].id;
}

uint32_t
tcp_table_find(const struct tcp *t, const struct tcp_tuple *id, uint32_t hash)
{
	for (unsigned i = 0; i < TCP_PROBES; i++) {
		const struct tcp_slot *s = &t->slots[(hash + i) & t->slot_mask];
		if (s->ref == NONE)
			return NONE;
		if (s->hash == hash && !memcmp(tuple_of(t, s->ref), id, TCP_TUPLE_BYTES))
			return s->ref;
	}
	return NONE;
}

bool
tcp_table_add(struct tcp *t, uint32_t hash, uint32_t ref)
{
	for (unsigned i = 0; i < TCP_PROBES; i++) {
		struct tcp_slot *s = &t->slots[(hash + i) & t->slot_mask];
		if (s->ref != NONE)
			continue;
		*s = (struct tcp_slot){hash, ref};
		t->listed++;
		return true;
	}
	return false;
}

/* slot_of: it is there, or the table is broken. */
static uint32_t
slot_of(const struct tcp *t, uint32_t hash, uint32_t ref)
{
	for (unsigned i = 0; i < TCP_PROBES; i++)
		if (t->slots[(hash + i) & t->slot_mask].ref == ref)
			return (hash + i) & t->slot_mask;
	return NONE;
}

void
tcp_table_set(struct tcp *t, uint32_t hash, uint32_t old_ref, uint32_t ref)
{
	uint32_t at = slot_of(t, hash, old_ref);
	if (at != NONE)
		t->slots[at].ref = ref;
}

void
tcp_table_del(struct tcp *t, uint32_t hash, uint32_t ref)
{
	uint32_t hole = slot_of(t, hash, ref);
	if (hole == NONE)
		return;
	t->listed--;
	for (uint32_t at = (hole + 1) & t->slot_mask; t->slots[at].ref != NONE; at = (at + 1) & t->slot_mask) {
		/* It may move back if its home is not between the hole and itself. */
		uint32_t from_home = (at - t->slots[at].hash) & t->slot_mask, from_hole = (at - hole) & t->slot_mask;
		if (from_home < from_hole)
			continue;
		t->slots[hole] = t->slots[at];
		hole = at;
	}
	t->slots[hole].ref = NONE;
}

const struct tcp_listener *
tcp_listener(const struct tcp *t, const struct addr *local, uint16_t port)
{
	for (unsigned i = 0; i < TCP_LISTENERS; i++) {
		const struct tcp_listener *l = &t->listeners[i];
		if (!l->on || l->port != port || addr_is_v4(&l->addr) != addr_is_v4(local))
			continue;
		if (addr_is_any(&l->addr) || addr_eq(&l->addr, local))
			return l;
	}
	return NULL;
}
