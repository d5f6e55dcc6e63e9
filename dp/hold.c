#include "hold.h"

#include "lcore_msg.h"

#define HOLD_WAYS 4
#define HOLD_US 3000000
#define HOLD_ASK_US 1000000

static struct hold *hold_first(struct lcore *lc, uint16_t iface, const struct addr *a) ON_LCORE;
static struct hold *hold_find(struct lcore *lc, uint16_t iface, const struct addr *a) ON_LCORE;
static struct hold *hold_claim(struct lcore *lc, uint16_t iface, const struct addr *a) ON_LCORE;
static void hold_drop(struct lcore *lc, struct hold *h) ON_LCORE;

void
hold_keep(struct lcore *lc, struct pkt *p, uint16_t iface, const struct addr *a)
{
	struct hold *h = hold_find(lc, iface, a);

	if (!h)
		h = hold_claim(lc, iface, a);
	if (!h || h->m) {
		lcore_drop(lc, p->m, DROP_ADJ_UNRESOLVED);
	} else {
		h->m = p->m;
		h->until = mono_add_us(lc->now, HOLD_US);
	}
	if (!h || !mono_reached(lc->now, mono_add_us(h->asked, HOLD_ASK_US)))
		return;
	struct dp_resolve ask = {.addr = *a, .iface = iface};
	if (lcore_send(lc, DP_MSG_RESOLVE, HANDLE_NONE, &ask, NULL, 0) == 0)
		h->asked = lc->now;
}

/* Half of the places are for the core side, where nobody on an access link can take them. */
static struct hold *
hold_first(struct lcore *lc, uint16_t iface, const struct addr *a)
{
	unsigned half = lc->ifaces[iface].core ? HOLD_SLOTS / 2 : 0;
	uint32_t hash = (uint32_t)((be64(a->b) ^ be64(a->b + 8)) * 0x9e3779b97f4a7c15u >> 40);

	return &lc->hold[half + hash % (HOLD_SLOTS / 2 / HOLD_WAYS) * HOLD_WAYS];
}

static struct hold *
hold_find(struct lcore *lc, uint16_t iface, const struct addr *a)
{
	struct hold *h = hold_first(lc, iface, a);

	for (unsigned i = 0; i < HOLD_WAYS; i++)
		if (h[i].iface == iface && addr_eq(&h[i].addr, a))
			return &h[i];
	return NULL;
}

/* hold_claim: a slot for a new neighbour: one that was asked for long enough ago, so that a scan of a link does not
 * push out the questions of the last second. */
static struct hold *
hold_claim(struct lcore *lc, uint16_t iface, const struct addr *a)
{
	struct hold *h = hold_first(lc, iface, a);

	for (unsigned i = 0; i < HOLD_WAYS; i++, h++) {
		if (!addr_is_any(&h->addr) && !mono_reached(lc->now, mono_add_us(h->asked, HOLD_ASK_US)))
			continue;
		hold_drop(lc, h);
		*h = (struct hold){.addr = *a, .iface = iface, .asked = mono_add_us(lc->now, -HOLD_ASK_US)};
		return h;
	}
	return NULL;
}

struct rte_mbuf *
hold_take(struct lcore *lc, uint16_t iface, const struct addr *a)
{
	struct hold *h = hold_find(lc, iface, a);
	struct rte_mbuf *m = h ? h->m : NULL;

	if (h)
		*h = (struct hold){0};
	return m;
}

void
hold_expire(struct lcore *lc, struct mono now)
{
	for (unsigned i = 0; i < HOLD_SLOTS; i++)
		if (lc->hold[i].m && mono_reached(now, lc->hold[i].until))
			hold_drop(lc, &lc->hold[i]);
}

static void
hold_drop(struct lcore *lc, struct hold *h)
{
	if (h->m)
		lcore_drop(lc, h->m, DROP_ADJ_UNRESOLVED);
	h->m = NULL;
}
