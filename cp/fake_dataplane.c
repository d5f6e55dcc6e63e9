#include "fake_dataplane.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "arp.h"
#include "nd.h"

struct fake_entry {
	uint32_t ip4, nh;
	UT_hash_handle hh;
};

struct fake_route {
	struct prefix prefix;
	uint32_t nh;
	UT_hash_handle hh;
};

struct fake_event {
	struct fake_event *next;
	struct byte_ring_rec rec; /* its payload follows */
};

static void queue(struct fake_dataplane *f, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
		  size_t extra_len);
static void answer_neighbour(struct fake_dataplane *f, const struct dp_eth_path *path, const uint8_t *bytes, size_t n);
static struct fake_session *session_at(struct fake_dataplane *f, uint64_t handle);

static void
on_frame_ppp(struct fake_dataplane *f, uint64_t handle, const uint8_t *frame, size_t len)
{
	struct fake_session *s = session_at(f, handle);
	if (!s) {
		f->stale++;
		return;
	}
	struct fake_packet p = {.tid = s->how.peer_tid, .sid = s->how.peer_sid, .conn = s->how.conn, .len = len};
	memcpy(p.bytes, frame, len);
	f->wire(f->arg, &p);
}

static void
on_frame_udp(struct fake_dataplane *f, const struct dp_udp_path *path, const uint8_t *bytes, size_t len)
{
	struct fake_packet p = {
		.control = true,
		.path = {path->local, path->peer, path->local_port, path->peer_port},
		.len = len,
	};
	memcpy(p.bytes, bytes, len);
	f->wire(f->arg, &p);
}

static void
on_session_open(struct fake_dataplane *f, uint64_t handle, const struct dp_session_open *how)
{
	struct fake_session *s = &f->sessions[handle_index(handle)];
	if (s->open)
		abort();
	*s = (struct fake_session){.open = true, .handle = handle, .how = *how};
	f->opened++;
}

static void
on_session_set(struct fake_dataplane *f, uint64_t handle, const struct dp_session_set *set)
{
	struct fake_session *s = session_at(f, handle);
	if (!s) {
		f->stale++;
		return;
	}
	if (set->what & DP_SET_GATES)
		s->set.gates = set->gates;
	if (set->what & DP_SET_IP4) {
		s->set.ip4 = set->ip4;
		s->set.isolate = set->isolate;
	}
	if (set->what & DP_SET_LINK)
		s->set.mtu = set->mtu;
	if (set->what & DP_SET_PORT)
		s->set.peer_port = set->peer_port;
	if (set->what & DP_SET_ECHO) {
		s->set.echo_interval_s = set->echo_interval_s;
		s->set.echo_failure = set->echo_failure;
		s->set.echo_probe_s = set->echo_probe_s;
		s->set.echo_timeout_s = set->echo_timeout_s;
	}
}

static void
on_session_close(struct fake_dataplane *f, uint64_t handle)
{
	struct fake_session *s = session_at(f, handle);
	struct dp_counters final = s ? s->counters : (struct dp_counters){0};
	if (!s) {
		f->stale++;
		return;
	}
	for (struct fake_entry *e = f->sub4; e; e = e->hh.next)
		if (e->nh == nh_session(handle_lcore(handle), handle_index(handle)))
			abort();
	for (struct fake_route *r = f->core; r; r = r->hh.next)
		if (r->nh == nh_session(0, handle_index(handle)))
			abort();
	s->open = false;
	f->closed++;
	queue(f, DP_MSG_SESSION_CLOSED, handle, &final, NULL, 0);
}

static void
on_session_keys(struct fake_dataplane *f, uint64_t handle, const struct dp_session_keys *keys)
{
	struct fake_session *s = session_at(f, handle);
	if (s)
		s->keys[keys->up] = *keys;
}

static void
on_conn_close(struct fake_dataplane *f, uint64_t conn)
{
	const struct dp_conn_gone gone = {.reason = DP_CONN_CLOSED};
	if (f->stream)
		f->stream(f->arg, conn, NULL, 0, true);
	queue(f, DP_MSG_CONN_GONE, conn, &gone, NULL, 0);
}

void
fake_dataplane_say(struct fake_dataplane *f, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
		   size_t extra_len)
{
	queue(f, type, handle, payload, extra, extra_len);
}

static void
fake_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
	  size_t extra_len)
{
	struct fake_dataplane *f = (struct fake_dataplane *)d;
	switch (type) {
	case DP_MSG_FRAME_PPP:
		on_frame_ppp(f, handle, extra, extra_len);
		break;
	case DP_MSG_FRAME_UDP:
		on_frame_udp(f, payload, extra, extra_len);
		break;
	case DP_MSG_FRAME_ETH:
		answer_neighbour(f, payload, extra, extra_len);
		break;
	case DP_MSG_SESSION_OPEN:
		on_session_open(f, handle, payload);
		break;
	case DP_MSG_SESSION_SET:
		on_session_set(f, handle, payload);
		break;
	case DP_MSG_SESSION_KEYS:
		on_session_keys(f, handle, payload);
		break;
	case DP_MSG_SESSION_CLOSE:
		on_session_close(f, handle);
		break;
	case DP_MSG_STREAM_OUT:
		if (f->stream)
			f->stream(f->arg, handle, extra, extra_len, false);
		break;
	case DP_MSG_CONN_CLOSE:
		on_conn_close(f, handle);
		break;
	default:
		break;
	}
}

static struct fake_session *
session_at(struct fake_dataplane *f, uint64_t handle)
{
	struct fake_session *s = &f->sessions[handle_index(handle)];
	return s->open && s->handle == handle ? s : NULL;
}

/* Every neighbour exists, and has the MAC address 02:00 and the end of its address. */
static void
answer_neighbour(struct fake_dataplane *f, const struct dp_eth_path *path, const uint8_t *bytes, size_t n)
{
	struct dp_eth_path back = {.iface = path->iface, .ether_type = path->ether_type, .src = {2}};
	uint8_t reply[ND_BYTES_MAX];
	struct arp a;
	struct nd m;
	size_t len = ARP_BYTES;
	if (path->ether_type == ETHER_TYPE_ARP && arp_parse(bytes, n, &a) && a.op == ARP_REQUEST &&
	    a.sender_ip4 != a.target_ip4) {
		struct arp answer = {.op = ARP_REPLY, .sender_ip4 = a.target_ip4, .target_ip4 = a.sender_ip4};
		answer.sender_mac[0] = 2;
		put_be32(answer.sender_mac + 2, a.target_ip4);
		arp_build(reply, &answer);
	} else if (path->ether_type == ETHER_TYPE_IP6 && nd_parse(bytes, n, &m) && m.type == ND_SOLICITATION) {
		struct nd answer = {.type = ND_ADVERTISEMENT,
				    .solicited = true,
				    .override = true,
				    .src = m.target,
				    .dst = m.src,
				    .target = m.target,
				    .has_mac = true,
				    .mac = {2}};
		memcpy(answer.mac + 2, m.target.b + 12, 4);
		len = nd_build(reply, &answer);
	} else {
		return;
	}
	queue(f, DP_MSG_PUNT_ETH, HANDLE_NONE, &back, reply, len);
}

static void
queue(struct fake_dataplane *f, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
      size_t extra_len)
{
	size_t n = dp_msg_row(type)->size;
	struct fake_event *e = malloc(sizeof *e + n + extra_len);
	if (!e)
		abort();
	e->next = NULL;
	e->rec = (struct byte_ring_rec){.type = (uint16_t)type, .len = (uint16_t)(n + extra_len), .handle = handle};
	if (payload)
		memcpy(e->rec.payload, payload, n);
	if (extra_len)
		memcpy(e->rec.payload + n, extra, extra_len);
	*f->last = e;
	f->last = &e->next;
}

unsigned
fake_dataplane_deliver(struct fake_dataplane *f, struct cp *cp, struct mono now)
{
	unsigned n = 0;
	for (struct fake_event *e; (e = f->first); n++) {
		f->first = e->next;
		if (!f->first)
			f->last = &f->first;
		cp_message(cp, &e->rec, now);
		free(e);
	}
	return n;
}

void
fake_dataplane_arrive(struct fake_dataplane *f, const struct fake_packet *p)
{
	if (p->control) {
		struct dp_udp_path path = {.local = p->path.peer,
					   .peer = p->path.local,
					   .local_port = p->path.peer_port,
					   .peer_port = p->path.local_port};
		queue(f, DP_MSG_PUNT_UDP, HANDLE_NONE, &path, p->bytes, p->len);
		return;
	}
	for (unsigned i = 0; p->conn && i < FAKE_SLOTS; i++)
		if (f->sessions[i].open && f->sessions[i].how.conn == p->conn)
			queue(f, DP_MSG_PUNT_PPP, f->sessions[i].handle, NULL, p->bytes, p->len);
	if (p->conn)
		return;
	struct fake_session *s = p->sid < FAKE_SLOTS ? &f->sessions[p->sid] : NULL;
	if (s && s->open && s->how.our_tid == p->tid)
		queue(f, DP_MSG_PUNT_PPP, s->handle, NULL, p->bytes, p->len);
}

void
fake_dataplane_dead(struct fake_dataplane *f, uint64_t handle)
{
	struct dp_session_dead dead = {DP_DEAD_ECHO};
	queue(f, DP_MSG_SESSION_DEAD, handle, &dead, NULL, 0);
}

static int
fake_sub4_set(struct dataplane *d, uint32_t ip4, uint32_t nh)
{
	struct fake_dataplane *f = (struct fake_dataplane *)d;
	struct fake_entry *e;
	HASH_FIND(hh, f->sub4, &ip4, sizeof ip4, e);
	if (nh == NH_NONE) {
		if (e)
			HASH_DEL(f->sub4, e);
		free(e);
		return 0;
	}
	if (!e) {
		e = calloc(1, sizeof *e);
		if (!e)
			abort();
		e->ip4 = ip4;
		HASH_ADD(hh, f->sub4, ip4, sizeof ip4, e);
	}
	e->nh = nh;
	return 0;
}

static uint32_t
fake_sub4_get(struct dataplane *d, uint32_t ip4)
{
	return fake_dataplane_nh((struct fake_dataplane *)d, ip4);
}

uint32_t
fake_dataplane_nh(struct fake_dataplane *f, uint32_t ip4)
{
	struct fake_entry *e;
	HASH_FIND(hh, f->sub4, &ip4, sizeof ip4, e);
	return e ? e->nh : NH_NONE;
}

unsigned
fake_dataplane_subscribers(const struct fake_dataplane *f)
{
	unsigned n = 0;
	for (struct fake_entry *e = f->sub4; e; e = e->hh.next)
		n += nh_is_session(e->nh);
	return n;
}

static struct fake_route *
core_route(struct fake_dataplane *f, const struct prefix *p)
{
	struct fake_route *r;
	HASH_FIND(hh, f->core, p, sizeof *p, r);
	if (r)
		return r;
	r = calloc(1, sizeof *r);
	if (!r)
		abort();
	r->prefix = *p;
	HASH_ADD(hh, f->core, prefix, sizeof r->prefix, r);
	return r;
}

uint32_t
fake_dataplane_route(struct fake_dataplane *f, const char *prefix)
{
	struct prefix p;
	if (!prefix_parse(prefix, &p))
		abort();
	return core_route(f, &p)->nh;
}

static int
fake_route_set(struct dataplane *d, enum dp_table table, const struct prefix *p, uint32_t nh)
{
	struct fake_dataplane *f = (struct fake_dataplane *)d;
	if (table == DP_TABLE_CORE)
		core_route(f, p)->nh = nh;
	if (table == DP_TABLE_CORE && !nh_is_session(nh) && nh_kind(nh) == NH_DISCARD) {
		f->discards++;
		f->discard = *p;
	}
	if (table == DP_TABLE_ACCESS && p->len == (addr_is_v4(&p->addr) ? 32 : 128)) {
		f->access_host = p->addr;
		f->access_host_nh = nh;
	}
	return 0;
}

/* Everybody is a neighbour on the first interface. */
static uint32_t
fake_route_get(struct dataplane *d, enum dp_table table, const struct addr *a)
{
	const struct fake_dataplane *f = (struct fake_dataplane *)d;
	if (table == DP_TABLE_ACCESS && addr_eq(a, &f->access_host) && f->access_host_nh)
		return f->access_host_nh;
	return nh_make(NH_GLEAN, 0);
}

static int
fake_link_local_set(struct dataplane *d, unsigned iface, const struct addr *a, uint32_t nh)
{
	(void)d, (void)iface, (void)a, (void)nh;
	return 0;
}

static int
fake_adj_new(struct dataplane *d, unsigned iface, const struct addr *a)
{
	(void)iface, (void)a;
	return (int)((struct fake_dataplane *)d)->adjs++;
}

static void
fake_adj_resolve(struct dataplane *d, uint32_t adj, const uint8_t mac[6])
{
	(void)d, (void)adj, (void)mac;
}

static void
fake_adj(struct dataplane *d, uint32_t adj)
{
	(void)d, (void)adj;
}

static void
fake_iface_mac(struct dataplane *d, unsigned iface, uint8_t mac[6])
{
	(void)d;
	memcpy(mac, (uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)iface}, 6);
}

void
fake_dataplane_count(struct fake_dataplane *f, uint64_t handle, const struct dp_counters *counters)
{
	struct fake_session *s = session_at(f, handle);
	if (s)
		s->counters = *counters;
}

static void
fake_counters(struct dataplane *d, uint64_t handle, struct dp_counters *out)
{
	const struct fake_session *s = session_at((struct fake_dataplane *)d, handle);
	*out = s ? s->counters : (struct dp_counters){0};
}

static struct mono
fake_last_packet(struct dataplane *d, uint64_t handle)
{
	(void)handle;
	return ((struct fake_dataplane *)d)->last_packet;
}

static const struct dataplane_ops fake_ops = {
	.send = fake_send,
	.sub4_set = fake_sub4_set,
	.sub4_get = fake_sub4_get,
	.route_set = fake_route_set,
	.route_get = fake_route_get,
	.link_local_set = fake_link_local_set,
	.adj_new = fake_adj_new,
	.adj_resolve = fake_adj_resolve,
	.adj_unresolve = fake_adj,
	.adj_free = fake_adj,
	.iface_mac = fake_iface_mac,
	.counters = fake_counters,
	.last_packet = fake_last_packet,
};

void
fake_dataplane_init(struct fake_dataplane *f)
{
	memset(f, 0, sizeof *f);
	f->base.ops = &fake_ops;
	f->base.n_workers = 1;
	f->last = &f->first;
}

void
fake_dataplane_fini(struct fake_dataplane *f)
{
	struct fake_entry *e, *next;
	HASH_ITER(hh, f->sub4, e, next)
	{
		HASH_DEL(f->sub4, e);
		free(e);
	}
	struct fake_route *r, *after;
	HASH_ITER(hh, f->core, r, after)
	{
		HASH_DEL(f->core, r);
		free(r);
	}
	for (struct fake_event *v; (v = f->first);) {
		f->first = v->next;
		free(v);
	}
}
