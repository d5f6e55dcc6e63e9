#include "lns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "network.h"
#include "session.h"

#define LNS_FIRST_PORT 49152 /* use-ephemeral-ports: the dynamic ports of RFC 6335 6 */
#define LNS_LAST_PORT 65535

/* What we keep of a tunnel besides what the L2TP room keeps. */
struct lns_tunnel {
	uint32_t nh;   /* towards the peer */
	unsigned core; /* where all of it lives: its peer's (dp/placement.h) */
	bool pinned;
	struct addr pinned_peer;
};

static void on_send(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len) ON_MAIN;
static void on_frame(void *owner, struct l2tp_call *call, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;
static enum cause on_tunnel_new(void *owner, struct l2tp_tunnel *t, uint32_t *region) ON_MAIN;
static void on_tunnel_set(void *owner, struct l2tp_tunnel *t, struct mono now) ON_MAIN;
static void on_tunnel_down(void *owner, struct l2tp_tunnel *t, enum cause cause, struct mono now) ON_MAIN;
static enum cause on_call_new(void *owner, struct l2tp_call *call, uint16_t *sid) ON_MAIN;
static void on_call_up(void *owner, struct l2tp_call *call, struct mono now) ON_MAIN;
static void on_call_down(void *owner, struct l2tp_call *call, enum cause cause, struct mono now) ON_MAIN;
static void on_refused(void *owner, const struct l2tp_refusal *r) ON_MAIN;
static bool on_trace_on(void *owner, const struct l2tp_tunnel *t) ON_MAIN;
static void on_trace(void *owner, const struct l2tp_tunnel *t, const struct l2tp_path *path, const char *line) ON_MAIN;
static void on_random(void *owner, void *bytes, size_t n) ON_MAIN;
static void on_call_moved(void *owner, struct l2tp_call *call, struct mono now) ON_MAIN;
static void listen_on(struct cp *cp, const struct addr *a, uint16_t port, uint16_t last_port) ON_MAIN;
static int config_fill(const struct cp *cp, struct l2tp_config *out) ON_MAIN;
static enum cause refusal(const struct cp *cp) ON_MAIN;

static const struct l2tp_ops upcalls = {
	.send = on_send,
	.frame = on_frame,
	.tunnel_new = on_tunnel_new,
	.tunnel_set = on_tunnel_set,
	.tunnel_down = on_tunnel_down,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_moved = on_call_moved,
	.call_down = on_call_down,
	.refused = on_refused,
	.trace_on = on_trace_on,
	.trace = on_trace,
	.random = on_random,
};

/* Borrows strings of the configuration, and a list of peers that the caller frees. */
static int
config_fill(const struct cp *cp, struct l2tp_config *out)
{
	static const enum l2tp_dataseq dataseq[] = {
		[CONF_DENY] = L2TP_DATASEQ_DENY,
		[CONF_ALLOW] = L2TP_DATASEQ_ALLOW,
		[CONF_PREFER] = L2TP_DATASEQ_PREFER,
		[CONF_REQUIRE] = L2TP_DATASEQ_REQUIRE,
	};
	const struct conf_l2tp *c = &cp->conf->l2tp;
	struct l2tp_peer *peers = calloc(c->peer.n + 1, sizeof *peers);
	if (!peers)
		return -ENOMEM;
	for (unsigned i = 0; i < c->peer.n; i++)
		peers[i] = (struct l2tp_peer){c->peer.v[i].address, c->peer.v[i].secret};
	*out = (struct l2tp_config){
		.host_name = c->host_name,
		.secret = c->secret,
		.hello_s = c->hello_interval ? c->hello_interval : L2TP_NEVER,
		.timeout_s = c->timeout,
		.rtimeout_ms = c->rtimeout * 1000,
		.rtimeout_cap_ms = c->rtimeout_cap * 1000,
		.retransmit = c->retransmit,
		.recv_window = c->recv_window,
		.idle_tunnel_s = c->idle_tunnel_timeout ? c->idle_tunnel_timeout : L2TP_NEVER,
		.max_tunnels = c->max_tunnels,
		.max_starting = cp->conf->max_concurrent_sessions,
		.peers = peers,
		.n_peers = c->peer.n,
		.only_known_peers = c->only_known_peers,
		.hide_avps = c->hide_avps,
		.avp_permissive = c->avp_permissive,
		.dir300_quirk = c->dir300_quirk,
		.dataseq = dataseq[c->dataseq],
		.first_port = c->use_ephemeral_ports ? LNS_FIRST_PORT : 0,
		.last_port = LNS_LAST_PORT,
	};
	return 0;
}

int
lns_init(struct cp *cp, char *err, size_t err_len)
{
	const struct conf_l2tp *c = &cp->conf->l2tp;
	struct l2tp_config config;
	if (!config_fill(cp, &config)) {
		cp->l2tp = l2tp_new(&config, &upcalls, cp, &cp->timers);
		free((void *)config.peers);
	}
	if (!cp->l2tp) {
		snprintf(err, err_len, "l2tp: out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; c->enabled && i < c->listen.n; i++) {
		listen_on(cp, &c->listen.v[i].addr, c->listen.v[i].port, 0);
		if (c->use_ephemeral_ports)
			listen_on(cp, &c->listen.v[i].addr, LNS_FIRST_PORT, LNS_LAST_PORT);
	}
	return 0;
}

int
lns_configure(struct cp *cp)
{
	struct l2tp_config config;
	int rc = config_fill(cp, &config);
	if (rc)
		return rc;
	if (!l2tp_configure(cp->l2tp, &config))
		rc = -ENOMEM;
	free((void *)config.peers);
	return rc;
}

const struct l2tp_proxy *
lns_proxy(const struct session *s)
{
	return s->protocol == CONF_L2TP && s->bearer ? ((const struct l2tp_call *)s->bearer)->proxy : NULL;
}

void
lns_fini(struct cp *cp)
{
	const struct l2tp_tunnel *t = NULL;
	while (cp->l2tp && (t = l2tp_tunnel_next(cp->l2tp, t ? t->our_tid : 0)))
		free(t->user);
	if (cp->l2tp)
		l2tp_free(cp->l2tp);
	cp->l2tp = NULL;
}

/* 0.0.0.0 and :: mean the addresses of the access interfaces, of that family. */
static void
listen_on(struct cp *cp, const struct addr *a, uint16_t port, uint16_t last_port)
{
	struct dp_listen listen = {.addr = *a, .port = port, .ip_proto = 17, .on = 1, .last_port = last_port};
	unsigned n = addr_is_any(a) ? cp->conf->interfaces.n : 0;
	listen.udp6_zero_checksum = !cp->conf->l2tp.udp6_csum_rx;
	if (!addr_is_any(a))
		dataplane_send_all(cp->dp, DP_MSG_LISTEN_SET, &listen);
	for (unsigned i = 0; i < n; i++) {
		const struct conf_interface *c = &cp->conf->interfaces.v[i];
		for (unsigned j = 0; c->access && j < c->addresses.n; j++) {
			listen.addr = c->addresses.v[j].addr;
			if (addr_is_v4(&listen.addr) == addr_is_v4(a))
				dataplane_send_all(cp->dp, DP_MSG_LISTEN_SET, &listen);
		}
	}
}

void
lns_input(struct cp *cp, const struct dp_udp_path *path, const uint8_t *bytes, size_t len, struct mono now)
{
	struct l2tp_path p = {path->local, path->peer, path->local_port, path->peer_port};
	l2tp_input(cp->l2tp, &p, bytes, len, now);
}

static void
on_send(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	struct cp *cp = owner;
	network_send_udp(cp, path, bytes, len, cp->now);
}

static void
on_frame(void *owner, struct l2tp_call *call, const uint8_t *frame, size_t len, struct mono now)
{
	struct cp *cp = owner;
	struct session *s = call->user;
	(void)now;
	cp->dp->ops->send(cp->dp, DP_MSG_FRAME_PPP, s->handle, NULL, frame, len);
}

static enum cause
refusal(const struct cp *cp)
{
	if (cp->shutting_down || cp->refusing)
		return CAUSE_SHUTDOWN;
	return cp->maintenance ? CAUSE_MAINTENANCE : CAUSE_NONE;
}

static enum cause
on_tunnel_new(void *owner, struct l2tp_tunnel *t, uint32_t *region)
{
	struct cp *cp = owner;
	if (refusal(cp))
		return refusal(cp);
	if (!connlimit_admits(&cp->connlimit[CONF_L2TP], &cp->conf->l2tp.access.limits, &t->path.peer, cp->now))
		return CAUSE_NO_RESOURCES;
	struct lns_tunnel *mine = calloc(1, sizeof *mine);
	if (!mine)
		return CAUSE_NO_RESOURCES;
	t->user = mine;
	mine->core = network_place(cp, &t->path.peer, &t->path.local);
	*region = slots_pick_region(&cp->slots[mine->core]);
	cp->slots[mine->core].regions[*region].tunnels++;
	return CAUSE_NONE;
}

static void
on_tunnel_set(void *owner, struct l2tp_tunnel *t, struct mono now)
{
	struct cp *cp = owner;
	struct lns_tunnel *mine = t->user;
	char peer[ADDR_STRLEN];
	bool moved = mine->pinned;
	if (moved)
		network_outer_unpin(cp, &mine->pinned_peer, now);
	mine->nh = network_outer_nh(cp, &t->path.peer, true, now);
	mine->pinned = true;
	mine->pinned_peer = t->path.peer;
	struct dp_tunnel set = {
		.local = t->path.local,
		.peer = t->path.peer,
		.local_port = t->path.local_port,
		.peer_port = t->path.peer_port,
		.peer_tid = t->peer_tid,
		.region = (uint16_t)t->region,
	};
	dataplane_send(cp->dp, DP_MSG_TUNNEL_SET, handle_make(mine->core, t->our_tid, 1), &set);
	log_line(cp->log, LOG_LEVEL_INFO, "l2tp tunnel %u: %s peer=%s:%u name=%s", t->our_tid,
		 moved ? "moved" : "established", addr_str(&t->path.peer, peer), t->path.peer_port, t->peer_name);
}

static void
on_tunnel_down(void *owner, struct l2tp_tunnel *t, enum cause cause, struct mono now)
{
	struct cp *cp = owner;
	struct lns_tunnel *mine = t->user;
	char peer[ADDR_STRLEN];
	if (mine->pinned) {
		network_outer_unpin(cp, &mine->pinned_peer, now);
		dataplane_send(cp->dp, DP_MSG_TUNNEL_CLOSE, handle_make(mine->core, t->our_tid, 1), NULL);
	}
	cp->slots[mine->core].regions[t->region].tunnels--;
	cp->stats.tunnels_ended[cause]++;
	t->user = NULL;
	free(mine);
	log_line(cp->log, cause_row(cause)->level, "l2tp tunnel %u: ended: %s peer=%s:%u%s%s%s", t->our_tid,
		 cause_row(cause)->text, addr_str(&t->path.peer, peer), t->path.peer_port,
		 *t->peer_text ? " (peer: " : "", t->peer_text, *t->peer_text ? ")" : "");
}

static enum cause
on_call_new(void *owner, struct l2tp_call *call, uint16_t *sid)
{
	struct cp *cp = owner;
	enum cause cause;
	const struct lns_tunnel *mine = call->tunnel->user;
	struct session_offer offer = {CONF_L2TP, mine->core, call->tunnel->region, call->tunnel->path.peer};
	struct session *s = session_new(cp, &offer, cp->now, &cause);
	if (!s)
		return cause;
	s->bearer = &call->bearer;
	call->user = s;
	*sid = (uint16_t)handle_index(s->handle);
	return CAUSE_NONE;
}

static void
on_call_up(void *owner, struct l2tp_call *call, struct mono now)
{
	const struct l2tp_tunnel *t = call->tunnel;
	const struct lns_tunnel *mine = t->user;
	struct dp_session_open open = {
		.bearer = DP_BEARER_L2TP,
		.local = t->path.local,
		.peer = t->path.peer,
		.local_port = t->path.local_port,
		.peer_port = t->path.peer_port,
		.our_tid = t->our_tid,
		.peer_tid = t->peer_tid,
		.our_sid = call->our_sid,
		.peer_sid = call->peer_sid,
		.nh = mine->nh,
		.l2tp_seq = (uint8_t)((call->seq_send ? DP_L2TP_SEQ_ON : 0) |
				      (call->seq_require ? DP_L2TP_SEQ_REQUIRE : 0)),
		.udp6_zero_checksum = !((struct cp *)owner)->conf->l2tp.udp6_csum_tx,
	};
	session_bearer_up(call->user, &call->bearer, &open, now);
}

static void
on_call_moved(void *owner, struct l2tp_call *call, struct mono now)
{
	struct cp *cp = owner;
	struct session *s = call->user;
	const struct dp_session_set set = {.what = DP_SET_PORT, .peer_port = call->tunnel->path.peer_port};
	(void)now;
	s->info.peer_port = set.peer_port;
	dataplane_send(cp->dp, DP_MSG_SESSION_SET, s->handle, &set);
}

static void
on_call_down(void *owner, struct l2tp_call *call, enum cause cause, struct mono now)
{
	struct session *s = call->user;
	(void)owner;
	call->user = NULL;
	session_bearer_down(s, cause, now);
}

static void
on_refused(void *owner, const struct l2tp_refusal *r)
{
	char what[32] = "l2tp tunnel";
	if (r->tunnel)
		snprintf(what, sizeof what, "l2tp tunnel %u: call", r->tunnel->our_tid);
	cp_refused(owner, &(struct cp_refusal){r->cause, what, r->more, r->path->peer, r->path->peer_port});
}

static bool
on_trace_on(void *owner, const struct l2tp_tunnel *t)
{
	(void)t;
	return log_on(((struct cp *)owner)->log, LOG_LEVEL_DEBUG);
}

static void
on_trace(void *owner, const struct l2tp_tunnel *t, const struct l2tp_path *path, const char *line)
{
	char peer[ADDR_STRLEN];
	(void)t;
	log_line(((struct cp *)owner)->log, LOG_LEVEL_DEBUG, "l2tp %s:%u: %s", addr_str(&path->peer, peer),
		 path->peer_port, line);
}

static void
on_random(void *owner, void *bytes, size_t n)
{
	struct cp *cp = owner;
	cp->random(cp->random_arg, bytes, n);
}
