/* dataplane.h - the worker cores, as MAIN's rooms use them.
 *
 * A table of functions, so that cp runs as a whole in a test, against a dataplane made of a few lines and on a virtual
 * clock (cp/twins_test.c).  The daemon's own table (dataplane.c) passes everything on to dp/dp.h, and keeps COMMAND
 * messages in order while a ring has no room for them.  MAIN only.
 */
#ifndef CP_DATAPLANE_H
#define CP_DATAPLANE_H

#include <dp/dp.h>

struct dataplane;

struct dataplane_ops {
	/* send: as dp_send, to the core of the handle; COMMANDs are never lost, DATAGRAMs may be. */
	void (*send)(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
		     size_t extra_len);
	int (*sub4_set)(struct dataplane *d, uint32_t ip4, uint32_t nh);
	uint32_t (*sub4_get)(struct dataplane *d, uint32_t ip4);
	int (*route_set)(struct dataplane *d, enum dp_table table, const struct prefix *p, uint32_t nh);
	uint32_t (*route_get)(struct dataplane *d, enum dp_table table, const struct addr *a);
	int (*link_local_set)(struct dataplane *d, unsigned iface, const struct addr *a, uint32_t nh);
	int (*adj_new)(struct dataplane *d, unsigned iface, const struct addr *a);
	void (*adj_resolve)(struct dataplane *d, uint32_t adj, const uint8_t mac[6]);
	void (*adj_unresolve)(struct dataplane *d, uint32_t adj);
	void (*adj_free)(struct dataplane *d, uint32_t adj);
	void (*iface_mac)(struct dataplane *d, unsigned iface, uint8_t mac[6]);
	void (*counters)(struct dataplane *d, uint64_t handle, struct dp_counters *out);
	struct mono (*last_packet)(struct dataplane *d, uint64_t handle);
};

struct dataplane {
	const struct dataplane_ops *ops;
	unsigned n_workers;
};

/* dataplane_send: to the owner of handle. */
static inline void
dataplane_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload)
{
	d->ops->send(d, type, handle, payload, NULL, 0);
}

/* dataplane_send_all: to every worker core. */
static inline void
dataplane_send_all(struct dataplane *d, enum dp_msg type, const void *payload)
{
	for (unsigned i = 0; i < d->n_workers; i++)
		dataplane_send(d, type, handle_core(i), payload);
}

#endif
