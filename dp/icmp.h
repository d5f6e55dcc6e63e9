/* icmp.h - ICMP for IPv4 (RFC 792): answers echo, makes errors.
 *
 * What is made here goes to lc->made, from where path.c sends it through the inner lookup once.  Errors follow RFC 1812
 * 4.3.2: never about an ICMP error, a fragment other than the first, or a packet of ours; rate-limited by recipient and in
 * all, those to subscribers apart; as much of the packet as fits 576 bytes is quoted.
 */
#ifndef DP_ICMP_H
#define DP_ICMP_H

#include "lcore.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11

#define ICMP_NET_UNREACHABLE 0
#define ICMP_HOST_UNREACHABLE 1
#define ICMP_FRAGMENTATION_NEEDED 4

/* icmp_init: the limits of errors, full. */
void icmp_init(struct lcore *lc, struct mono now) INIT_ONLY;

/* icmp_rx: takes an ICMP packet to one of our addresses, m at the IPv4 header; answers an echo request.  Not errors about
 * segments of ours, which are TCP's (quote.h). */
void icmp_rx(struct lcore *lc, struct pkt *p) ON_LCORE;

/* icmp_error: about p, which stays the caller's; m at its IPv4 header.  mtu counts for FRAGMENTATION_NEEDED alone. */
void icmp_error(struct lcore *lc, const struct pkt *p, uint8_t type, uint8_t code, uint16_t mtu) ON_LCORE;

#endif
