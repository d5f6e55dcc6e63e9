#include "lookup.h"

#include <rte_prefetch.h>

static void lookup_routes(struct lcore *lc, struct lane *v, unsigned table) ON_LCORE;

void
lookup(struct lcore *lc, struct lane *v)
{
	struct lane missed[DP_TABLE_COUNT];

	/* Packets of one kind lie together: those off the wire first, then those out of sessions. */
	unsigned exact = 0;
	while (exact < v->n && v->p[exact]->from == FROM_CORE)
		exact++;
	lookup_sub4(lc, v->p + exact, v->n - exact);
	for (unsigned t = 0; t < DP_TABLE_COUNT; t++)
		missed[t].n = 0;
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		/* Subscribers and the core side's neighbours are nothing that an answer to the access side may reach. */
		if (unlikely(p->table == DP_TABLE_ACCESS && (nh_is_session(p->nh) || nh_kind(p->nh) != NH_LOCAL)))
			p->nh = NH_NONE;
		if (nh_is_session(p->nh)) {
			const struct dp_session *s = &lc->sessions[nh_session_slot(p->nh)];
			rte_prefetch0(s->template);
			rte_prefetch0(&s->down_packets);
		} else if (p->nh == NH_NONE) {
			lane_add(&missed[p->table], p);
		}
	}
	for (unsigned t = 0; t < DP_TABLE_COUNT; t++)
		if (missed[t].n)
			lookup_routes(lc, &missed[t], t);
}

void
lookup_sub4(struct lcore *lc, struct pkt **p, unsigned n)
{
	const struct sub4 *t = &lc->tables->sub4;
	_Atomic uint32_t *word[VEC_MAX];

	/* The upper levels are small and mostly in the cache: the processor overlaps their loads without our help. */
	for (unsigned i = 0; i < n; i++) {
		uint32_t dst = p[i]->dst;
		uint32_t b2 = atomic_load_explicit(&t->l1[dst >> 16], memory_order_acquire);
		uint32_t b3 = atomic_load_explicit(&t->l2[b2][dst >> 8 & 0xff], memory_order_acquire);
		word[i] = &t->l3[b3][dst & 0xff];
		rte_prefetch0((const void *)word[i]);
	}
	for (unsigned i = 0; i < n; i++)
		p[i]->nh = atomic_load_explicit(word[i], memory_order_acquire);
}

static void
lookup_routes(struct lcore *lc, struct lane *v, unsigned table)
{
	uint32_t dst[VEC_MAX], nh[VEC_MAX];

	for (unsigned i = 0; i < v->n; i++)
		dst[i] = v->p[i]->dst;
	fib_lookup(lc->tables, table, dst, nh, v->n);
	for (unsigned i = 0; i < v->n; i++)
		v->p[i]->nh = nh[i];
}

uint32_t
lookup_one(struct lcore *lc, uint32_t ip4)
{
	uint32_t nh = sub4_lookup(&lc->tables->sub4, ip4);

	if (nh == NH_NONE)
		fib_lookup(lc->tables, DP_TABLE_CORE, &ip4, &nh, 1);
	return nh;
}

void
lookup6(struct lcore *lc, struct lane *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct addr dst;
		memcpy(dst.b, rte_pktmbuf_mtod_offset(p->m, const uint8_t *, 24), 16);
		p->nh = route6_lookup(&lc->tables->route6, (enum dp_table)p->table, &dst, p->iface);
	}
}
