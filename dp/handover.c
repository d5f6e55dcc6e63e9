#include "handover.h"

#include <millrace/bytes.h>

#include "ip.h"

static void handover(struct lcore *lc, struct lane *v, uint8_t *core) ON_LCORE;
static void unpack_local(struct lcore *lc, struct pkt *p, struct lane *local) ON_LCORE;

/* What the owner is told beside the packet, in words that are free for us to use: the device's hash has done its work. */
static inline void
tell(const struct pkt *p, uint32_t nh, uint32_t more)
{
	p->m->hash.fdir.lo = nh;
	p->m->hash.fdir.hi = more;
}

void
handover_send(struct lcore *lc, struct lane *v)
{
	uint8_t core[VEC_MAX];

	for (unsigned i = 0; i < v->n; i++) {
		core[i] = (uint8_t)nh_session_lcore(v->p[i]->nh);
		tell(v->p[i], v->p[i]->nh, v->p[i]->from);
	}
	handover(lc, v, core);
}

void
handover_local(struct lcore *lc, struct lane *v, uint8_t *core)
{
	for (unsigned i = 0; i < v->n; i++) {
		const struct pkt *p = v->p[i];
		tell(p, nh_make(NH_LOCAL, p->iface), (uint32_t)p->l4 << 8 | p->proto);
	}
	handover(lc, v, core);
}

/* handover: v->p[i] to core[i], all of one core at once. */
static void
handover(struct lcore *lc, struct lane *v, uint8_t *core)
{
	struct rte_mbuf *m[VEC_MAX];

	while (v->n) {
		unsigned to = core[0], n = 0, left = 0;
		for (unsigned i = 0; i < v->n; i++) {
			if (core[i] == to) {
				m[n++] = v->p[i]->m;
				continue;
			}
			core[left] = core[i];
			v->p[left++] = v->p[i];
		}
		v->n = left;
		unsigned sent = rte_ring_sp_enqueue_burst(lc->handover_out[to], (void **)m, n, NULL);
		if (unlikely(sent < n)) {
			lc->stats.drops[DROP_HANDOVER_FULL] += n - sent;
			rte_pktmbuf_free_bulk(m + sent, n - sent);
		}
	}
}

void
handover_unpack(struct lcore *lc, struct vec *in, struct lane *out, struct lane *local)
{
	for (unsigned i = 0; i < in->n; i++)
		rte_prefetch0(in->p[i].m);
	out->n = local->n = 0;
	for (unsigned i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->p[i].m;
		uint32_t nh = m->hash.fdir.lo, from = m->hash.fdir.hi;
		if (!nh_is_session(nh)) {
			unpack_local(lc, &in->p[i], local);
			continue;
		}
		if (unlikely(nh_session_slot(nh) >= lc->n_sessions)) {
			lcore_drop(lc, m, DROP_SESSION_GONE);
			continue;
		}
		const struct dp_session *s = &lc->sessions[nh_session_slot(nh)];
		rte_prefetch0(s->template);
		rte_prefetch0(&s->down_packets);
		/* A session of the other core is not ours to read: for errors about the packet it came from the core side. */
		in->p[i] = (struct pkt){
			.m = m,
			.nh = nh,
			.iface = IFACE_NONE,
			.from = from == FROM_US ? FROM_US : FROM_CORE,
			.inside = from == FROM_SESSION,
			.dst = be32(rte_pktmbuf_mtod(m, const uint8_t *) + 16),
		};
		lane_add(out, &in->p[i]);
	}
}

/* unpack_local: as stages IP4 and IP6 of the other core have left it; interfaces have the same numbers on every core. */
static void
unpack_local(struct lcore *lc, struct pkt *p, struct lane *local)
{
	struct rte_mbuf *m = p->m;
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t nh = m->hash.fdir.lo, more = m->hash.fdir.hi;

	if (unlikely(nh_kind(nh) != NH_LOCAL || nh_index(nh) >= lc->n_ifaces)) {
		lcore_drop(lc, m, DROP_SESSION_GONE);
		return;
	}
	*p = (struct pkt){.m = m, .iface = (uint16_t)nh_index(nh), .from = FROM_CORE};
	p->dst = ip_is_6(ip) ? 0 : be32(ip + 16);
	p->l4 = (uint8_t)(more >> 8);
	p->proto = (uint8_t)more;
	lane_add(local, p);
}
