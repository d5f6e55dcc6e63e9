/* wire.h - packets of cp/twin.h as the frames that a device would have them in, and back. */
#ifndef WHOLE_WIRE_H
#define WHOLE_WIRE_H

#include "lcore.h"

#include "fake_dataplane.h"

/* wire_frame: a packet of the client in a buffer of lc's pool, for an interface. */
struct rte_mbuf *wire_frame(struct lcore *lc, unsigned iface, const struct fake_packet *p);

/* wire_packet: what a frame of ours brings the client: an L2TP message, of data the PPP frame from the protocol field on.
 * False: it is something else. */
bool wire_packet(const struct rte_mbuf *m, struct fake_packet *p);

/* wire_arp_answer: the answer to a frame of ours that asks for a neighbour: everybody is there.  NULL: it does not. */
struct rte_mbuf *wire_arp_answer(struct lcore *lc, const struct rte_mbuf *m);

#endif
