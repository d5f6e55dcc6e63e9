#include "slots.h"

#include <errno.h>
#include <stdlib.h>

#include <dp/handle.h>

static void region_fill(struct slots *s, unsigned region) ON_MAIN;

int
slots_init(struct slots *s, unsigned lcore, uint32_t n)
{
	*s = (struct slots){.lcore = lcore, .n = n, .n_regions = (n + SLOTS_REGION - 1) / SLOTS_REGION};
	s->generation = malloc(n * sizeof *s->generation);
	s->owner = calloc(n, sizeof(struct session *));
	s->regions = calloc(s->n_regions, sizeof *s->regions);
	bool whole = s->generation && s->owner && s->regions;
	for (unsigned i = 0; whole && i < s->n_regions; i++) {
		s->regions[i].ring = malloc(SLOTS_REGION * sizeof(uint32_t));
		whole = s->regions[i].ring != NULL;
	}
	if (!whole) {
		slots_fini(s);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++)
		s->generation[i] = 1;
	for (unsigned i = 0; i < s->n_regions; i++)
		region_fill(s, i);
	return 0;
}

static void
region_fill(struct slots *s, unsigned region)
{
	struct slots_region *r = &s->regions[region];
	for (uint32_t low = 1; low < SLOTS_REGION; low++) {
		uint32_t slot = region * SLOTS_REGION + low;
		if (slot < s->n)
			r->ring[r->n_free++] = slot;
	}
	s->n_usable += r->n_free;
}

void
slots_fini(struct slots *s)
{
	for (unsigned i = 0; s->regions && i < s->n_regions; i++)
		free(s->regions[i].ring);
	free(s->regions);
	free(s->owner);
	free(s->generation);
	*s = (struct slots){0};
}

uint32_t
slots_pick_region(const struct slots *s)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < s->n_regions; i++)
		if (s->regions[i].n_free > s->regions[best].n_free)
			best = i;
	return best;
}

uint64_t
slots_take(struct slots *s, uint32_t region, struct session *owner)
{
	struct slots_region *r = region < s->n_regions ? &s->regions[region] : NULL;
	if (!r || !r->n_free)
		return HANDLE_NONE;
	uint32_t slot = r->ring[r->head];
	r->head = (r->head + 1) % SLOTS_REGION;
	r->n_free--;
	s->in_use++;
	s->owner[slot] = owner;
	return handle_make(s->lcore, slot, s->generation[slot]);
}

struct session *
slots_find(const struct slots *s, uint64_t handle)
{
	uint32_t slot = handle_index(handle);
	if (slot >= s->n || s->generation[slot] != handle_generation(handle))
		return NULL;
	return s->owner[slot];
}

struct session *
slots_at(const struct slots *s, uint32_t slot)
{
	return slot < s->n ? s->owner[slot] : NULL;
}

void
slots_release(struct slots *s, uint64_t handle)
{
	uint32_t slot = handle_index(handle);
	if (!slots_find(s, handle))
		return;
	struct slots_region *r = &s->regions[slot / SLOTS_REGION];
	s->owner[slot] = NULL;
	s->generation[slot] = handle_next_generation(s->generation[slot]);
	r->ring[(r->head + r->n_free) % SLOTS_REGION] = slot;
	r->n_free++;
	s->in_use--;
}

struct session *
slots_next(const struct slots *s, uint32_t *slot, unsigned look)
{
	for (; look && *slot < s->n; look--)
		if (s->owner[(*slot)++])
			return s->owner[*slot - 1];
	return NULL;
}
