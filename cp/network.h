/* network.h - our addresses, routes and listeners on the network, told to the workers; and the way to tunnel peers.
 *
 * Connected networks become GLEAN routes of the table that the interface belongs to (access, core, or both); configured
 * routes become adjacencies of their gateway; our addresses are LOCAL in the inner table, those of IPv6 in both tables.
 * MAIN only.
 */
#ifndef CP_NETWORK_H
#define CP_NETWORK_H

#include "cp.h"

/* network_init: all of it from cp->conf.  -errno with a sentence in err. */
int network_init(struct cp *cp, struct mono now, char *err, size_t err_len) ON_MAIN;

/* network_outer_nh: the next hop towards a tunnel peer, NH_NONE when there is no route.  With pin, the neighbour stays
 * known until network_outer_unpin of the same address. */
uint32_t network_outer_nh(struct cp *cp, const struct addr *peer, bool pin, struct mono now) ON_MAIN;
void network_outer_unpin(struct cp *cp, const struct addr *peer, struct mono now) ON_MAIN;

/* network_place: the worker core on which all is that this peer sends to this address of ours. */
unsigned network_place(const struct cp *cp, const struct addr *peer, const struct addr *local) ON_MAIN;

/* network_send_udp: one datagram of tunnel control. */
void network_send_udp(struct cp *cp, const struct l2tp_path *path, const uint8_t *bytes, size_t len, struct mono now)
	ON_MAIN;

#endif
