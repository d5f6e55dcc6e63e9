#include "dp_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct dp_link_waiting {
	STAILQ_ENTRY(dp_link_waiting) entry;
	enum dp_msg type;
	uint64_t handle;
	size_t extra_len;
	uint8_t payload[]; /* the struct, then the bytes that follow it */
};

static void link_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
		      size_t extra_len) ON_MAIN;
static struct dp_link_waiting *wait_for_room(struct dp_link *l, enum dp_msg type, uint64_t handle, const void *payload,
					     size_t extra_len) ON_MAIN;
static const void *extra_of(const struct dp_link_waiting *w) ON_MAIN;

static int
link_sub4_set(struct dataplane *d, uint32_t ip4, uint32_t nh) ON_MAIN
{
	return dp_sub4_set(((struct dp_link *)d)->dp, ip4, nh);
}

static uint32_t
link_sub4_get(struct dataplane *d, uint32_t ip4) ON_MAIN
{
	return dp_sub4_get(((struct dp_link *)d)->dp, ip4);
}

static int
link_route_set(struct dataplane *d, enum dp_table table, const struct prefix *p, uint32_t nh) ON_MAIN
{
	return dp_route_set(((struct dp_link *)d)->dp, table, p, nh);
}

static uint32_t
link_route_get(struct dataplane *d, enum dp_table table, const struct addr *a) ON_MAIN
{
	return dp_route_get(((struct dp_link *)d)->dp, table, a);
}

static int
link_link_local_set(struct dataplane *d, unsigned iface, const struct addr *a, uint32_t nh) ON_MAIN
{
	return dp_link_local_set(((struct dp_link *)d)->dp, iface, a, nh);
}

static int
link_adj_new(struct dataplane *d, unsigned iface, const struct addr *a) ON_MAIN
{
	return dp_adj_new(((struct dp_link *)d)->dp, iface, a);
}

static void
link_adj_resolve(struct dataplane *d, uint32_t adj, const uint8_t mac[6]) ON_MAIN
{
	dp_adj_resolve(((struct dp_link *)d)->dp, adj, mac);
}

static void
link_adj_unresolve(struct dataplane *d, uint32_t adj) ON_MAIN
{
	dp_adj_unresolve(((struct dp_link *)d)->dp, adj);
}

static void
link_adj_free(struct dataplane *d, uint32_t adj) ON_MAIN
{
	dp_adj_free(((struct dp_link *)d)->dp, adj);
}

static void
link_iface_mac(struct dataplane *d, unsigned iface, uint8_t mac[6]) ON_MAIN
{
	dp_iface_mac(((struct dp_link *)d)->dp, iface, mac);
}

static void
link_counters(struct dataplane *d, uint64_t handle, struct dp_counters *out) ON_MAIN
{
	dp_session_counters(((struct dp_link *)d)->dp, handle, out);
}

static struct mono
link_last_packet(struct dataplane *d, uint64_t handle) ON_MAIN
{
	return dp_session_last_packet(((struct dp_link *)d)->dp, handle);
}

static const struct dataplane_ops link_ops = {
	.send = link_send,
	.sub4_set = link_sub4_set,
	.sub4_get = link_sub4_get,
	.route_set = link_route_set,
	.route_get = link_route_get,
	.link_local_set = link_link_local_set,
	.adj_new = link_adj_new,
	.adj_resolve = link_adj_resolve,
	.adj_unresolve = link_adj_unresolve,
	.adj_free = link_adj_free,
	.iface_mac = link_iface_mac,
	.counters = link_counters,
	.last_packet = link_last_packet,
};

void
dp_link_init(struct dp_link *l, struct dp *dp)
{
	*l = (struct dp_link){.base = {.ops = &link_ops, .n_workers = dp_workers(dp)}, .dp = dp};
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++)
		STAILQ_INIT(&l->waiting[i].head);
}

void
dp_link_fini(struct dp_link *l)
{
	for (unsigned i = 0; i < l->base.n_workers; i++) {
		struct dp_link_waiting *w;
		while ((w = STAILQ_FIRST(&l->waiting[i].head))) {
			STAILQ_REMOVE_HEAD(&l->waiting[i].head, entry);
			free(w);
		}
	}
}

static void
link_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
	  size_t extra_len)
{
	struct dp_link *l = (struct dp_link *)d;
	unsigned lcore = handle_lcore(handle);
	bool command = dp_msg_row(type)->class == DP_CLASS_COMMAND;
	bool queue = STAILQ_FIRST(&l->waiting[lcore].head) != NULL;
	if (!queue && !dp_send(l->dp, type, handle, payload, extra, extra_len))
		return;
	/* A frame must not overtake the commands before it, and is not worth keeping. */
	if (!command) {
		l->frames_lost++;
		return;
	}
	struct dp_link_waiting *w = wait_for_room(l, type, handle, payload, extra_len);
	if (extra_len)
		memcpy((void *)extra_of(w), extra, extra_len);
}

static struct dp_link_waiting *
wait_for_room(struct dp_link *l, enum dp_msg type, uint64_t handle, const void *payload, size_t extra_len)
{
	size_t n = dp_msg_row(type)->size;
	unsigned lcore = handle_lcore(handle);
	struct dp_link_waiting *w = malloc(sizeof *w + n + extra_len);
	if (!w)
		abort(); /* a lost SESSION_CLOSE would leave a subscriber online for ever */
	w->type = type;
	w->handle = handle;
	w->extra_len = extra_len;
	if (n)
		memcpy(w->payload, payload, n);
	STAILQ_INSERT_TAIL(&l->waiting[lcore].head, w, entry);
	l->waiting[lcore].n++;
	return w;
}

static const void *
extra_of(const struct dp_link_waiting *w)
{
	return w->payload + dp_msg_row(w->type)->size;
}

void
dp_link_step(struct dp_link *l)
{
	for (unsigned i = 0; i < l->base.n_workers; i++) {
		struct dp_link_queue *q = &l->waiting[i];
		struct dp_link_waiting *w;
		while ((w = STAILQ_FIRST(&q->head)) &&
		       !dp_send(l->dp, w->type, w->handle, w->payload, extra_of(w), w->extra_len)) {
			STAILQ_REMOVE_HEAD(&q->head, entry);
			q->n--;
			free(w);
		}
	}
}

uint32_t
dp_link_waiting(const struct dp_link *l)
{
	uint32_t n = 0;
	for (unsigned i = 0; i < l->base.n_workers; i++)
		n += l->waiting[i].n;
	return n;
}
