/* vec.h - what a stage works on: up to VEC_MAX packets side by side.
 *
 * Owner: one worker core, on its stack or in its struct lcore.  The packets of a burst lie in a struct vec and stay
 * there; stages pass them on in lanes, which hold pointers, so sorting a burst moves eight bytes a packet and never
 * copies what has just been written (a copy of fresh smaller stores waits for them to reach the cache).
 *
 * A stage walks its lane, drops or diverts what is not for the next one, and moves the survivors to the front: `n`
 * afterwards is how many survived.  While it works on one packet it prefetches what the next stage will touch: a DRAM
 * miss costs 370 cycles alone and 16 among 32 others.
 */
#ifndef DP_VEC_H
#define DP_VEC_H

#include <stdint.h>

#include <rte_mbuf.h>

#define VEC_MAX 64

struct dp_session;

/* One packet and what the stages so far have found out about it. */
struct pkt {
	struct rte_mbuf *m;
	struct dp_session *s; /* up: where it came from */
	uint32_t dst;         /* inner or outer IPv4 destination, host order; unused of IPv6 */
	uint32_t nh;          /* answer of the lookup */
	uint16_t iface;       /* received on; IFACE_NONE: made here or handed over */
	uint8_t from;         /* enum pkt_from */
	uint8_t table;        /* enum dp_table, in which FROM_US is looked up */
	uint8_t l4;           /* length of the IP headers in front; before stages IP4 and IP6 of the Ethernet header */
	uint8_t inside;       /* came out of a session, of this core or another */
	union {
		uint16_t mtu;  /* of a packet that is too big: what it must be cut to */
		uint8_t proto; /* in stage LOCAL: what is behind the IP headers */
	};
};
_Static_assert(sizeof(struct pkt) == 32, "two of them share a cache line");

/* FROM_US: made here, or has got its tunnel headers: no error message about it is sent. */
enum pkt_from { FROM_CORE, FROM_SESSION, FROM_US };

#define IFACE_NONE 0xffff

struct vec {
	unsigned n;
	struct pkt p[VEC_MAX];
};

static inline void
vec_add(struct vec *v, const struct pkt *p)
{
	v->p[v->n++] = *p;
}

struct lane {
	unsigned n;
	struct pkt *p[VEC_MAX];
};

static inline void
lane_add(struct lane *l, struct pkt *p)
{
	l->p[l->n++] = p;
}

static inline void
lane_append(struct lane *l, const struct lane *more)
{
	for (unsigned i = 0; i < more->n; i++)
		l->p[l->n++] = more->p[i];
}

/* lane_of: all packets of v. */
static inline void
lane_of(struct lane *l, struct vec *v)
{
	l->n = v->n;
	for (unsigned i = 0; i < v->n; i++)
		l->p[i] = &v->p[i];
}

#endif
