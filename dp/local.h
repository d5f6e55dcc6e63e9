/* local.h - stage LOCAL: what is addressed to us outside of tunnels.
 *
 * UDP to a listener goes on to L2TP, GRE to PPTP's calls, ICMP echo is answered, the rest is dropped.
 */
#ifndef DP_LOCAL_H
#define DP_LOCAL_H

#include "lcore.h"

/* local_rx: In: packets to our addresses, m at the IP header (dst, l4, proto).  Survivors: datagrams to a listener, cut to
 * the UDP length, with a checksum that is right or absent.  TCP goes to `segments`, GRE to a listener to `gre`. */
void local_rx(struct lcore *lc, struct lane *v, struct lane *segments, struct lane *gre) ON_LCORE;

/* local_listens: somebody here takes this protocol and port on this address of ours. */
const struct dp_listen *local_listens(const struct lcore *lc, uint8_t proto, const struct addr *a, uint16_t port)
	ON_LCORE;

#endif
