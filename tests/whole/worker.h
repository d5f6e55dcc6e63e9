/* worker.h - for tests: a real worker core for cp/twin.h, without its thread.
 *
 * It is built as the daemon builds it, with null ports.  What its thread would do in a turn is done here, at the twin's
 * time: messages of MAIN, frames, echo timers, life-cycle messages.  Frames of the client are whole Ethernet frames, and
 * what the worker sends is taken apart again; its ARP requests are answered.
 *
 *	struct whole_worker w; whole_start(&w); w.wire_arg = &twin;
 *	twin_init(&twin, &(struct twin_args){.conf = WHOLE_CONF(...), .worker = &w.worker});
 *	... twin_fini(&twin); whole_stop(&w);
 *
 * Once in a process: DPDK cannot be started twice.
 */
#ifndef WHOLE_WORKER_H
#define WHOLE_WORKER_H

#include "lcore.h"

#include "dp_link.h"
#include "twin.h"

/* The interfaces that whole_start makes, and the rest of a configuration. */
#define WHOLE_CONF(rest)                                                                                               \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n" rest

struct whole_worker {
	struct twin_worker worker;
	struct dp_link link; /* what cp sees */
	struct dp *dp;
	struct lcore *lc;
	void *wire_arg; /* the twin */
	struct mono tick_due;
	uint64_t punted[DP_MSG_COUNT]; /* messages to cp, by type */
};

void whole_start(struct whole_worker *w);
void whole_stop(struct whole_worker *w);

/* whole_session: the worker's half of a session. */
const struct dp_session *whole_session(const struct whole_worker *w, const struct session *s);

#endif
