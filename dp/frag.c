#include "frag.h"

#include <errno.h>

#include <rte_ip_frag.h>

#include "ip.h"
#include "ip4.h"
#include "nexthop.h"

/* RFC 791 3.2: every link can carry a header of 60 octets and 8 octets of data. */
#define FRAG_MTU_MIN 68

void
frag_split(struct lcore *lc, struct pkt *p, struct vec *out)
{
	struct rte_mbuf *m[VEC_MAX];
	uint32_t room = rte_pktmbuf_data_room_size(lc->pool) - RTE_PKTMBUF_HEADROOM;

	out->n = 0;
	if (ip_is_6(rte_pktmbuf_mtod(p->m, const uint8_t *))) {
		nexthop_refuse(lc, p, DROP_IP6_TOO_BIG);
		return;
	}
	if ((be16(rte_pktmbuf_mtod(p->m, const uint8_t *) + 6) & IP4_FRAG_DF) || p->mtu < FRAG_MTU_MIN) {
		nexthop_refuse(lc, p, DROP_IP4_TOO_BIG);
		return;
	}
	int n = rte_ipv4_fragment_copy_nonseg_packet(p->m, m, VEC_MAX, (uint16_t)RTE_MIN((uint32_t)p->mtu, room),
						     lc->pool);
	if (n < 0) {
		nexthop_refuse(lc, p, n == -ENOMEM ? DROP_NO_MBUF : DROP_IP4_TOO_BIG);
		return;
	}
	rte_pktmbuf_free(p->m);
	for (int i = 0; i < n; i++) {
		struct pkt part = *p;
		part.m = m[i];
		ip4_set_checksum(rte_pktmbuf_mtod(m[i], uint8_t *));
		vec_add(out, &part);
	}
}
