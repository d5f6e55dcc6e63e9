/* place.h - stage PLACE: what is for a tunnel peer's core goes there (dp/placement.h says which it is).
 *
 * Only where there are several cores.  Tunnels are placed by the peer's and our address, other TCP connections by their
 * ports too, and an ICMP error by the packet of ours that it quotes: it is the connection's to hear.  Everything else can
 * be answered by any core.
 */
#ifndef DP_PLACE_H
#define DP_PLACE_H

#include "lcore.h"

/* place: In: packets to our addresses, m at the IP header (iface, l4, proto).  Survivors: those of this core, and of none. */
void place(struct lcore *lc, struct lane *v) ON_LCORE;

/* place_by_peer: connections to this port of ours have GRE beside them: the addresses alone decide. */
void place_by_peer(struct lcore *lc, uint16_t port) ON_LCORE;

#endif
