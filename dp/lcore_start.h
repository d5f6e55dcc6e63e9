/* lcore_start.h - makes and frees what a worker core owns.  INIT_ONLY: no worker runs. */
#ifndef DP_LCORE_START_H
#define DP_LCORE_START_H

#include "lcore.h"

struct port;

/* lcore_pool_new: NULL when memory is short. */
struct rte_mempool *lcore_pool_new(unsigned index, uint32_t mbufs, uint16_t room, int socket) INIT_ONLY;

/* lcore_new: dp->pools[index] and dp->n_workers are set.  NULL when memory is short. */
struct lcore *lcore_new(struct dp *dp, unsigned index, const struct dp_limits *l, int socket) INIT_ONLY;

/* lcore_wire: what only the started ports know, the interfaces, the hand-over rings, the clock. */
void lcore_wire(struct lcore *lc, const struct port *ports, struct mono now) INIT_ONLY;

void lcore_free(struct lcore *lc) INIT_ONLY;

#endif
