/* handover.h - packets whose session or peer lives on another core: one single-producer ring for each pair of cores.
 *
 * What the first core has found out of a packet goes along in its buffer's hash field, which the device has filled for
 * nobody else. */
#ifndef DP_HANDOVER_H
#define DP_HANDOVER_H

#include "lcore.h"

/* handover_send: stage HANDOVER.  In: inner packets with nh a session of another core.  Empties v. */
void handover_send(struct lcore *lc, struct lane *v) ON_LCORE;

/* handover_local: In: packets to our addresses (iface, l4, proto), each for another core, core[i].  Empties v, and uses up
 * core. */
void handover_local(struct lcore *lc, struct lane *v, uint8_t *core) ON_LCORE;

/* handover_unpack: on the owner: what was written beside the packets, into them: for sessions in `out`, to our addresses
 * in `local`.  Begins to fetch the sessions. */
void handover_unpack(struct lcore *lc, struct vec *in, struct lane *out, struct lane *local) ON_LCORE;

#endif
