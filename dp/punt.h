/* punt.h - frames for MAIN: policed per session or source and per class, before they cost anything, then copied into
 * the ring as DATAGRAMs.  What is over the rate or finds the ring full is dropped and counted: the peer sends it again.
 *
 * Nobody may use up what others need.  L2TP control has two classes: that of established tunnels, from their peers (who
 * forges it must know the address and guess the tunnel id), and all else, which anybody can send from any address: new
 * tunnels, and what is about none.  A flood of the latter leaves the former alone.  ARP has a budget for each interface,
 * and Neighbor Discovery another, so that the access side cannot make us forget the routers of the core side.  In each of these a sender has a share, in
 * one of 256 buckets by a hash with a key of the start, so that a sender shares his bucket with few, whom nobody chose.
 * Who has a tunnel or a session has a little of his own besides, that does not depend on what is left of the class.
 */
#ifndef DP_PUNT_H
#define DP_PUNT_H

#include "eth.h"
#include "lcore.h"

enum punt_class { PUNT_CLASS_PPP, PUNT_CLASS_TUNNEL, PUNT_CLASS_LISTEN, PUNT_CLASS_ARP, PUNT_CLASS_ND };

/* Frames a second and core. */
#define PUNT_PPP_PER_S 20000
#define PUNT_PPP_PER_SOURCE_PER_S 10000
#define PUNT_PPP_FLOOR_PER_S 50
#define PUNT_TUNNEL_PER_S 20000
#define PUNT_TUNNEL_PER_SOURCE_PER_S 4000
#define PUNT_TUNNEL_FLOOR_PER_S 20
#define PUNT_LISTEN_PER_S 4000
#define PUNT_LISTEN_PER_SOURCE_PER_S 200 /* a hundred tunnels */
#define PUNT_ARP_PER_IFACE_PER_S 1000
#define PUNT_ARP_PER_SOURCE_PER_S 200
#define PUNT_ND_PER_IFACE_PER_S 1000
#define PUNT_ND_PER_SOURCE_PER_S 200
/* Per session: a negotiation is about fifteen frames at once. */
#define PUNT_SESSION_BURST 40
#define PUNT_SESSION_PER_S 20

void punt_init(struct lcore *lc, struct mono now) INIT_ONLY;

/* punt_ppp: PPP frame of p->s, m at the protocol field, which has two octets.  All four of these consume p->m. */
void punt_ppp(struct lcore *lc, struct pkt *p) ON_LCORE;

/* punt_udp: UDP payload of a datagram to a listener, m at the IP header (l4). */
void punt_udp(struct lcore *lc, struct pkt *p) ON_LCORE;

/* punt_eth: payload of a frame, m at the Ethernet header. */
void punt_eth(struct lcore *lc, struct pkt *p, const struct eth *h) ON_LCORE;

/* punt_nd: a message of Neighbor Discovery, m at the IPv6 header, eth_len octets of Ethernet header in front of it. */
void punt_nd(struct lcore *lc, struct pkt *p, unsigned eth_len) ON_LCORE;

#endif
