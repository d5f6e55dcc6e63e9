/* icmp6.h - ICMP for IPv6 (RFC 4443): answers echo to our addresses; which types are Neighbor Discovery (RFC 4861).
 *
 * Echo requests are answered from the address that was asked, unless that is a group.  An answer goes to lc->made, from where path.c sends
 * it by the routes.  Errors about segments of ours are TCP's (quote.h), others are counted and dropped; we make none, because
 * nothing of IPv6 is forwarded.
 */
#ifndef DP_ICMP6_H
#define DP_ICMP6_H

#include "lcore.h"

#define ICMP6_HDR_LEN 8
#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG 2
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_ROUTER_SOLICITATION 133
#define ICMP6_NEIGHBOUR_SOLICITATION 135
#define ICMP6_NEIGHBOUR_ADVERTISEMENT 136
#define ICMP6_REDIRECT 137

#define ICMP6_ND_TARGET 8 /* where solicitation and advertisement name their target (RFC 4861 4.3, 4.4) */
#define ICMP6_ND_LEN 24

/* icmp6_is_nd: p is ICMPv6 (l4); router and redirect messages included. */
static inline bool
icmp6_is_nd(const struct pkt *p)
{
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4);
	return p->m->data_len > p->l4 && icmp[0] >= ICMP6_ROUTER_SOLICITATION && icmp[0] <= ICMP6_REDIRECT;
}

/* icmp6_rx: takes an ICMPv6 packet to one of our addresses, m at the IPv6 header (l4). */
void icmp6_rx(struct lcore *lc, struct pkt *p) ON_LCORE;

#endif
