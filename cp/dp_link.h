/* dp_link.h - the dataplane of the daemon: dataplane.h over dp/dp.h.
 *
 * COMMAND messages that a full ring refuses wait here, in order, and everything after them waits behind them; FRAMEs that
 * meet a full ring are lost and counted.  The queue is bounded by what cp can have outstanding; its length is a figure
 * of `show statistics`.  MAIN only.
 */
#ifndef CP_DP_LINK_H
#define CP_DP_LINK_H

#include <sys/queue.h>

#include "dataplane.h"

struct dp_link_waiting;

struct dp_link {
	struct dataplane base; /* first */
	struct dp *dp;
	struct dp_link_queue {
		STAILQ_HEAD(, dp_link_waiting) head;
		uint32_t n;
	} waiting[DP_MAX_WORKERS];
	uint64_t frames_lost;
};

void dp_link_init(struct dp_link *l, struct dp *dp) INIT_ONLY;
void dp_link_fini(struct dp_link *l) INIT_ONLY;

/* dp_link_step: sends what waits.  Call in each turn of the loop. */
void dp_link_step(struct dp_link *l) ON_MAIN;

/* dp_link_waiting: messages that wait for room, over all cores. */
uint32_t dp_link_waiting(const struct dp_link *l) ON_MAIN;

#endif
