/* wire.h - a bad line, one way: what netem does, where the kernel has none.  Each packet is late by `delay_us`; some are lost, and
 * some are not late, so that they overtake the others.  One thread; packets that wait are the wire's. */
#ifndef ECHO_WIRE_H
#define ECHO_WIRE_H

#include <rte_mbuf.h>

#include <millrace/mono.h>

#define WIRE_PACKETS 4096 /* what comes on top is lost */

struct wire_conf {
	unsigned delay_ms, loss_percent, reorder_percent;
};

struct wire {
	struct wire_conf conf;
	uint64_t seed;
	unsigned head, tail;
	struct {
		struct rte_mbuf *m;
		struct mono due;
	} late[WIRE_PACKETS];
};

/* wire_parse: "20,1,5": ms, percent lost, percent that overtake. */
bool wire_parse(const char *s, struct wire_conf *conf);

/* wire_put: takes m.  wire_get: what has arrived by now, or NULL. */
void wire_put(struct wire *w, struct rte_mbuf *m, struct mono now);
struct rte_mbuf *wire_get(struct wire *w, struct mono now);

#endif
