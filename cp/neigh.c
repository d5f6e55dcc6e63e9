#include "neigh.h"

#include <errno.h>
#include <stdlib.h>

#include "arp.h"
#include "nd.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define ASK_TIMES 3
#define ASK_EVERY_MS 1000
#define ASK_AGAIN_US 100000
#define FRESH_MS 60000
#define PINNED_RETRY_MS 5000

struct neigh_key {
	struct addr addr;
	uint32_t iface;
};

struct neigh_entry {
	struct neigh_key key;
	struct neigh *ng;
	uint32_t adj;
	uint32_t pins;
	uint8_t mac[6];
	bool resolved;
	unsigned asked; /* requests since the last answer */
	struct mono asked_at;
	struct timer timer;
	TAILQ_ENTRY(neigh_entry) link; /* in loose, unless pinned */
	UT_hash_handle hh;
};

static const uint8_t broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct neigh_entry *entry_find(const struct neigh *ng, unsigned iface, const struct addr *a) ON_MAIN;
static struct neigh_entry *entry_make(struct neigh *ng, unsigned iface, const struct addr *a) ON_MAIN;
static struct neigh_entry *entry_make_and_ask(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now)
	ON_MAIN;
static void entry_timer(struct timer *t, struct mono now) ON_MAIN;
static void entry_ask(struct neigh_entry *e, struct mono now) ON_MAIN;
static void entry_learn(struct neigh_entry *e, const uint8_t mac[6], struct mono now) ON_MAIN;
static void entry_forget(struct neigh_entry *e) ON_MAIN;
static void entry_free(struct neigh_entry *e) ON_MAIN;
static void loose_add(struct neigh_entry *e) ON_MAIN;
static void loose_remove(struct neigh_entry *e) ON_MAIN;
static bool make_room(struct neigh *ng) ON_MAIN;
static void publish(struct neigh_entry *e, bool on) ON_MAIN;
static void tell_workers(const struct neigh_entry *e) ON_MAIN;
static bool is_free(const struct neigh_entry *e, enum dp_table table) ON_MAIN;
static const struct prefix *our_prefix(const struct neigh *ng, unsigned iface, const struct addr *a, bool own) ON_MAIN;
static bool subscriber(const struct neigh *ng, unsigned iface, const struct addr *a) ON_MAIN;
static void ask_arp(const struct neigh_entry *e) ON_MAIN;
static void ask_nd(const struct neigh_entry *e) ON_MAIN;
static void arp_input(struct neigh *ng, unsigned iface, const struct arp *a, struct mono now) ON_MAIN;
static void arp_reply(struct neigh *ng, unsigned iface, const struct arp *request) ON_MAIN;
static void arp_send(struct neigh *ng, unsigned iface, struct arp *a, const uint8_t dst[6]) ON_MAIN;
static void nd_input(struct neigh *ng, const struct dp_eth_path *path, const struct nd *m, struct mono now) ON_MAIN;
static void nd_heard(struct neigh_entry *e, const struct nd *m, struct mono now) ON_MAIN;
static void nd_reply(struct neigh *ng, const struct dp_eth_path *path, const struct nd *request) ON_MAIN;
static void nd_send(struct neigh *ng, unsigned iface, struct nd *m, const uint8_t dst[6]) ON_MAIN;
static struct nd advertisement(const struct neigh *ng, unsigned iface, const struct addr *ours) ON_MAIN;
static void announce(struct neigh *ng, unsigned iface, const struct addr *ours) ON_MAIN;
static void frame_send(struct neigh *ng, unsigned iface, uint16_t ether_type, const uint8_t dst[6],
		       const uint8_t *bytes, size_t n) ON_MAIN;

void
neigh_init(struct neigh *ng, struct dataplane *dp, struct timers *timers, uint32_t max)
{
	*ng = (struct neigh){.dp = dp, .timers = timers, .max = max};
	for (unsigned i = 0; i < NEIGH_MAX_IFACES; i++)
		TAILQ_INIT(&ng->ifaces[i].loose);
}

void
neigh_fini(struct neigh *ng)
{
	struct neigh_entry *e, *next;
	HASH_ITER(hh, ng->by_key, e, next)
	{
		timer_stop(&e->timer);
		HASH_DEL(ng->by_key, e);
		free(e);
	}
}

static struct neigh_entry *
entry_find(const struct neigh *ng, unsigned iface, const struct addr *a)
{
	struct neigh_key key = {*a, iface};
	struct neigh_entry *e;
	HASH_FIND(hh, ng->by_key, &key, sizeof key, e);
	return e;
}

static struct neigh_entry *
entry_make(struct neigh *ng, unsigned iface, const struct addr *a)
{
	bool room = ng->n < ng->max || make_room(ng);
	struct neigh_entry *e = room ? calloc(1, sizeof *e) : NULL;
	int adj = e ? ng->dp->ops->adj_new(ng->dp, iface, a) : -ENOSPC;
	if (adj < 0) {
		free(e);
		ng->refused++;
		return NULL;
	}
	e->key = (struct neigh_key){*a, iface};
	e->ng = ng;
	e->adj = (uint32_t)adj;
	e->timer.fire = entry_timer;
	HASH_ADD(hh, ng->by_key, key, sizeof e->key, e);
	ng->n++;
	loose_add(e);
	return e;
}

static void
loose_add(struct neigh_entry *e)
{
	struct neigh_iface *i = &e->ng->ifaces[e->key.iface];
	TAILQ_INSERT_TAIL(&i->loose, e, link);
	i->n_loose++;
}

static void
loose_remove(struct neigh_entry *e)
{
	struct neigh_iface *i = &e->ng->ifaces[e->key.iface];
	TAILQ_REMOVE(&i->loose, e, link);
	i->n_loose--;
}

/* make_room: false when all that there are, are pinned. */
static bool
make_room(struct neigh *ng)
{
	struct neigh_iface *most = &ng->ifaces[0];
	for (unsigned i = 1; i < ng->n_ifaces; i++)
		if (ng->ifaces[i].n_loose > most->n_loose)
			most = &ng->ifaces[i];
	struct neigh_entry *e = TAILQ_FIRST(&most->loose);
	if (!e)
		return false;
	if (e->resolved)
		entry_forget(e);
	entry_free(e);
	ng->evicted++;
	return true;
}

static struct neigh_entry *
entry_make_and_ask(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now)
{
	struct neigh_entry *e = entry_make(ng, iface, a);
	if (e)
		entry_ask(e, now);
	return e;
}

int
neigh_pin(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now)
{
	struct neigh_entry *e = entry_find(ng, iface, a);
	if (!e)
		e = entry_make_and_ask(ng, iface, a, now);
	if (!e)
		return -ENOSPC;
	if (!e->pins++)
		loose_remove(e);
	return (int)e->adj;
}

void
neigh_unpin(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now)
{
	struct neigh_entry *e = entry_find(ng, iface, a);
	if (!e || !e->pins)
		return;
	if (--e->pins)
		return;
	loose_add(e);
	if (!e->resolved)
		timer_set(ng->timers, &e->timer, mono_add_ms(now, ASK_EVERY_MS));
}

int
neigh_adj(const struct neigh *ng, unsigned iface, const struct addr *a)
{
	struct neigh_entry *e = entry_find(ng, iface, a);
	return e ? (int)e->adj : -ENOENT;
}

void
neigh_resolve(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now)
{
	struct neigh_entry *e = iface < ng->n_ifaces ? entry_find(ng, iface, a) : NULL;
	if (iface >= ng->n_ifaces || !our_prefix(ng, iface, a, false))
		return;
	if (!e)
		entry_make_and_ask(ng, iface, a, now);
	else if (!e->resolved && mono_since_us(now, e->asked_at) >= ASK_AGAIN_US)
		entry_ask(e, now); /* packets wait: the next question of the round may be a second away */
	else if (e->resolved)
		tell_workers(e); /* a packet was kept before its route was seen */
}

/* Asks again, or has given up, or the answer is too old to be trusted any longer. */
static void
entry_timer(struct timer *t, struct mono now)
{
	struct neigh_entry *e = (struct neigh_entry *)(void *)((char *)t - offsetof(struct neigh_entry, timer));
	if (e->asked < ASK_TIMES) {
		entry_ask(e, now);
		return;
	}
	if (e->resolved)
		entry_forget(e);
	if (!e->pins) {
		entry_free(e);
		return;
	}
	e->asked = 0;
	timer_set(e->ng->timers, &e->timer, mono_add_ms(now, PINNED_RETRY_MS));
}

static void
entry_ask(struct neigh_entry *e, struct mono now)
{
	e->asked++;
	e->asked_at = now;
	e->ng->requests_sent++;
	if (addr_is_v4(&e->key.addr))
		ask_arp(e);
	else
		ask_nd(e);
	timer_set(e->ng->timers, &e->timer, mono_add_ms(now, ASK_EVERY_MS));
}

static void
ask_arp(const struct neigh_entry *e)
{
	const struct prefix *p = our_prefix(e->ng, e->key.iface, &e->key.addr, false);
	struct arp a = {
		.op = ARP_REQUEST, .target_ip4 = addr_ip4(&e->key.addr), .sender_ip4 = p ? addr_ip4(&p->addr) : 0};
	arp_send(e->ng, e->key.iface, &a, e->resolved ? e->mac : broadcast_mac);
}

/* RFC 4861 7.2.2, 7.3.3: to the group of the address, once it has answered to itself. */
static void
ask_nd(const struct neigh_entry *e)
{
	const struct prefix *p = our_prefix(e->ng, e->key.iface, &e->key.addr, false);
	struct nd m = {.type = ND_SOLICITATION, .target = e->key.addr, .has_mac = true};
	uint8_t mac[6];
	if (!p)
		return;
	m.src = p->addr;
	m.dst = e->resolved ? e->key.addr : addr_solicited_node(&e->key.addr);
	nd_group_mac(&m.dst, mac);
	nd_send(e->ng, e->key.iface, &m, e->resolved ? e->mac : mac);
}

static void
entry_learn(struct neigh_entry *e, const uint8_t mac[6], struct mono now)
{
	struct dataplane *dp = e->ng->dp;
	bool news = !e->resolved || memcmp(e->mac, mac, 6) != 0;
	e->asked = 0;
	if (!e->pins) {
		loose_remove(e);
		loose_add(e);
	}
	timer_set(e->ng->timers, &e->timer, mono_add_ms(now, FRESH_MS));
	if (!news)
		return;
	memcpy(e->mac, mac, 6);
	e->resolved = true;
	dp->ops->adj_resolve(dp, e->adj, mac);
	publish(e, true);
	tell_workers(e);
}

static void
entry_forget(struct neigh_entry *e)
{
	e->resolved = false;
	e->ng->dp->ops->adj_unresolve(e->ng->dp, e->adj);
	publish(e, false);
}

static void
entry_free(struct neigh_entry *e)
{
	timer_stop(&e->timer);
	if (!e->pins)
		loose_remove(e);
	HASH_DEL(e->ng->by_key, e);
	e->ng->n--;
	e->ng->dp->ops->adj_free(e->ng->dp, e->adj);
	free(e);
}

/* The workers find a neighbour by its own route: on a core link in the inner table, on an access link in the access
 * routes (answers to pings from outside of tunnels). */
static void
publish(struct neigh_entry *e, bool on)
{
	const struct addr *a = &e->key.addr;
	struct dataplane *dp = e->ng->dp;
	const struct neigh_iface *iface = &e->ng->ifaces[e->key.iface];
	uint32_t nh = on ? nh_make(NH_ADJ, e->adj) : NH_NONE;
	struct prefix host = {*a, addr_is_v4(a) ? 32 : 128};
	if (addr_is_link_local(a)) {
		(void)dp->ops->link_local_set(dp, e->key.iface, a, nh); /* full: its packets wait each time */
		return;
	}
	if (iface->core && is_free(e, DP_TABLE_CORE)) {
		if (addr_is_v4(a))
			dp->ops->sub4_set(dp, addr_ip4(a), nh);
		else
			(void)dp->ops->route_set(dp, DP_TABLE_CORE, &host, nh);
	}
	if (iface->access && (addr_is_v4(a) || is_free(e, DP_TABLE_ACCESS)))
		(void)dp->ops->route_set(dp, DP_TABLE_ACCESS, &host, nh); /* full: tunnels still work */
}

/* is_free: a neighbour that claims a subscriber's or one of our own addresses does not get its traffic. */
static bool
is_free(const struct neigh_entry *e, enum dp_table table)
{
	struct dataplane *dp = e->ng->dp;
	const struct addr *a = &e->key.addr;
	if (addr_is_v4(a)) {
		uint32_t there = dp->ops->sub4_get(dp, addr_ip4(a));
		return there == NH_NONE || there == nh_make(NH_ADJ, e->adj);
	}
	uint32_t there = dp->ops->route_get(dp, table, a);
	return !nh_is_session(there) && nh_kind(there) != NH_LOCAL;
}

static void
tell_workers(const struct neigh_entry *e)
{
	struct dataplane *dp = e->ng->dp;
	struct dp_adj_up up = {.adj = e->adj, .addr = e->key.addr, .iface = (uint16_t)e->key.iface};
	dataplane_send_all(dp, DP_MSG_ADJ_UP, &up);
}

/* With `own`, the prefix whose very address it is; else the one that it is a neighbour in. */
static const struct prefix *
our_prefix(const struct neigh *ng, unsigned iface, const struct addr *a, bool own)
{
	for (unsigned i = 0; i < ng->ifaces[iface].n_addrs; i++) {
		const struct prefix *p = &ng->ifaces[iface].addrs[i];
		bool is_own = addr_eq(&p->addr, a);
		if (own ? is_own : !is_own && prefix_contains(p, a))
			return p;
	}
	return NULL;
}

void
neigh_input(struct neigh *ng, const struct dp_eth_path *path, const uint8_t *p, size_t n, struct mono now)
{
	union {
		struct arp arp;
		struct nd nd;
	} m;
	if (path->iface < ng->n_ifaces && path->ether_type == ETHER_TYPE_ARP && arp_parse(p, n, &m.arp) &&
	    !(m.arp.sender_mac[0] & 1))
		arp_input(ng, path->iface, &m.arp, now);
	else if (path->iface < ng->n_ifaces && path->ether_type == ETHER_TYPE_IP6 && nd_parse(p, n, &m.nd) &&
		 !(path->src[0] & 1))
		nd_input(ng, path, &m.nd, now);
	else
		ng->malformed++;
}

/* RFC 826: refresh what we know; make a new entry only when the frame is meant for us. */
static void
arp_input(struct neigh *ng, unsigned iface, const struct arp *a, struct mono now)
{
	struct addr sender = addr_from_ip4(a->sender_ip4), target = addr_from_ip4(a->target_ip4);
	bool for_us = our_prefix(ng, iface, &target, true) || subscriber(ng, iface, &target);
	bool neighbour = our_prefix(ng, iface, &sender, false);
	struct neigh_entry *e = neighbour ? entry_find(ng, iface, &sender) : NULL;
	if (!e && neighbour && for_us && a->op == ARP_REQUEST)
		e = entry_make(ng, iface, &sender);
	if (e && (a->op == ARP_REQUEST || a->op == ARP_REPLY))
		entry_learn(e, a->sender_mac, now);
	if (for_us && a->op == ARP_REQUEST)
		arp_reply(ng, iface, a);
}

/* RFC 1027: whoever asks for a subscriber finds him through us, while his session is up.  A neighbour that has taken the
 * address all the same is answered too: that is how it learns (RFC 5227 2.1). */
static bool
subscriber(const struct neigh *ng, unsigned iface, const struct addr *a)
{
	return ng->ifaces[iface].proxy_arp && our_prefix(ng, iface, a, false) &&
	       nh_is_session(ng->dp->ops->sub4_get(ng->dp, addr_ip4(a)));
}

static void
arp_reply(struct neigh *ng, unsigned iface, const struct arp *request)
{
	struct arp a = {.op = ARP_REPLY, .sender_ip4 = request->target_ip4, .target_ip4 = request->sender_ip4};
	memcpy(a.target_mac, request->sender_mac, 6);
	ng->replies_sent++;
	arp_send(ng, iface, &a, request->sender_mac);
}

static void
nd_input(struct neigh *ng, const struct dp_eth_path *path, const struct nd *m, struct mono now)
{
	bool solicitation = m->type == ND_SOLICITATION;
	const struct addr *who = solicitation ? &m->src : &m->target;
	bool for_us = solicitation && our_prefix(ng, path->iface, &m->target, true);
	bool neighbour = our_prefix(ng, path->iface, who, false);
	struct neigh_entry *e = neighbour ? entry_find(ng, path->iface, who) : NULL;
	if (solicitation) {
		/* RFC 4861 7.2.3: what asks for us tells where it is. */
		if (!e && neighbour && for_us && m->has_mac)
			e = entry_make(ng, path->iface, who);
		if (e && for_us && m->has_mac)
			entry_learn(e, m->mac, now);
		if (for_us)
			nd_reply(ng, path, m);
	} else if (e) {
		nd_heard(e, m, now);
	}
}

/* RFC 4861 7.2.5: an advertisement that nobody has asked for, or that must not override, changes no address that is
 * known; and one that is about nobody whom we look for was let go before. */
static void
nd_heard(struct neigh_entry *e, const struct nd *m, struct mono now)
{
	bool same = e->resolved && (!m->has_mac || memcmp(e->mac, m->mac, 6) == 0);
	if (!e->resolved && !m->has_mac)
		return;
	if (e->resolved && !same && !m->override)
		return;
	if (same && !m->solicited)
		return; /* no proof that it hears us */
	uint8_t mac[6];
	memcpy(mac, m->has_mac ? m->mac : e->mac, 6);
	entry_learn(e, mac, now);
}

/* RFC 4861 7.2.4; to all nodes when the asker has no address yet, who thereby learns that ours is taken (RFC 4862 5.4.3). */
static void
nd_reply(struct neigh *ng, const struct dp_eth_path *path, const struct nd *request)
{
	bool known = !addr_is_any(&request->src);
	struct nd m = advertisement(ng, path->iface, &request->target);
	uint8_t mac[6];
	nd_group_mac(&m.dst, mac);
	m.solicited = known;
	if (known) {
		m.dst = request->src;
		memcpy(mac, request->has_mac ? request->mac : path->src, 6);
	}
	ng->replies_sent++;
	nd_send(ng, path->iface, &m, mac);
}

static struct nd
advertisement(const struct neigh *ng, unsigned iface, const struct addr *ours)
{
	static const struct addr all_nodes = {{0xff, 2, [15] = 1}};
	return (struct nd){.type = ND_ADVERTISEMENT,
			   .router = ng->ifaces[iface].core,
			   .override = true,
			   .src = *ours,
			   .dst = all_nodes,
			   .target = *ours,
			   .has_mac = true};
}

void
neigh_announce(struct neigh *ng)
{
	for (unsigned i = 0; i < ng->n_ifaces; i++)
		for (unsigned j = 0; j < ng->ifaces[i].n_addrs; j++)
			announce(ng, i, &ng->ifaces[i].addrs[j].addr);
}

static void
announce(struct neigh *ng, unsigned iface, const struct addr *ours)
{
	if (addr_is_v4(ours)) {
		struct arp a = {.op = ARP_REQUEST, .sender_ip4 = addr_ip4(ours), .target_ip4 = addr_ip4(ours)};
		arp_send(ng, iface, &a, broadcast_mac);
		return;
	}
	struct nd m = advertisement(ng, iface, ours);
	uint8_t mac[6];
	nd_group_mac(&m.dst, mac);
	nd_send(ng, iface, &m, mac);
}

/* The sender's MAC address is the interface's, in both. */
static void
arp_send(struct neigh *ng, unsigned iface, struct arp *a, const uint8_t dst[6])
{
	uint8_t bytes[ARP_BYTES];
	memcpy(a->sender_mac, ng->ifaces[iface].mac, 6);
	arp_build(bytes, a);
	frame_send(ng, iface, ETHER_TYPE_ARP, dst, bytes, sizeof bytes);
}

static void
nd_send(struct neigh *ng, unsigned iface, struct nd *m, const uint8_t dst[6])
{
	uint8_t bytes[ND_BYTES_MAX];
	memcpy(m->mac, ng->ifaces[iface].mac, 6);
	frame_send(ng, iface, ETHER_TYPE_IP6, dst, bytes, nd_build(bytes, m));
}

static void
frame_send(struct neigh *ng, unsigned iface, uint16_t ether_type, const uint8_t dst[6], const uint8_t *bytes, size_t n)
{
	struct dp_eth_path path = {.iface = (uint16_t)iface, .ether_type = ether_type};
	memcpy(path.dst, dst, 6);
	ng->dp->ops->send(ng->dp, DP_MSG_FRAME_ETH, handle_core(0), &path, bytes, n);
}
