#include "network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <dp/placement.h>

#include "routes.h"

static int own_address(struct cp *cp, const struct addr *a, uint32_t index, char *err, size_t err_len) ON_MAIN;
static int interface_init(struct cp *cp, unsigned i, char *err, size_t err_len) ON_MAIN;
static int connected(struct cp *cp, unsigned iface, const struct prefix *p, char *err, size_t err_len) ON_MAIN;
static int route_init(struct cp *cp, const struct conf_route *r, struct mono now, char *err, size_t err_len) ON_MAIN;
static int link_of(const struct cp *cp, const struct addr *a) ON_MAIN;
static int failed(char *err, size_t err_len, const char *what, const struct prefix *p, int rc) ON_MAIN;

int
network_init(struct cp *cp, struct mono now, char *err, size_t err_len)
{
	const struct conf *conf = cp->conf;
	int rc = 0;
	cp->neigh.n_ifaces = conf->interfaces.n;
	for (unsigned i = 0; !rc && i < conf->interfaces.n; i++)
		rc = interface_init(cp, i, err, err_len);
	for (unsigned i = 0; !rc && i < conf->loopback_addresses.n; i++)
		rc = own_address(cp, &conf->loopback_addresses.v[i], NH_LOCAL_GATEWAY, err, err_len);
	for (unsigned i = 0; !rc && i < conf->routes.n; i++)
		rc = route_init(cp, &conf->routes.v[i], now, err, err_len);
	if (!rc)
		neigh_announce(&cp->neigh);
	return rc;
}

static int
interface_init(struct cp *cp, unsigned i, char *err, size_t err_len)
{
	const struct conf_interface *c = &cp->conf->interfaces.v[i];
	struct neigh_iface *n = &cp->neigh.ifaces[i];
	bool six = false;
	int rc = 0;
	n->core = c->core;
	n->access = c->access;
	n->proxy_arp = c->proxy_arp;
	cp->dp->ops->iface_mac(cp->dp, i, n->mac);
	for (unsigned j = 0; !rc && j < c->addresses.n; j++) {
		const struct prefix *p = &c->addresses.v[j];
		if (n->n_addrs == DP_MAX_IFACE_ADDRS) {
			snprintf(err, err_len, "interface %s: more than %u addresses", c->name, DP_MAX_IFACE_ADDRS);
			return -ENOSPC;
		}
		six |= !addr_is_v4(&p->addr);
		n->addrs[n->n_addrs++] = *p;
		rc = own_address(cp, &p->addr, i, err, err_len);
		if (!rc)
			rc = connected(cp, i, p, err, err_len);
	}
	if (six) /* the workers know it by the MAC address, as we do */
		n->addrs[n->n_addrs++] = (struct prefix){addr_link_local(n->mac), 64};
	return rc;
}

/* An IPv6 address of ours is one whichever way a packet came in, and whoever of us is to send to it. */
static int
own_address(struct cp *cp, const struct addr *a, uint32_t index, char *err, size_t err_len)
{
	struct prefix p = {*a, addr_is_v4(a) ? 32 : 128};
	uint32_t nh = nh_make(NH_LOCAL, index);
	int rc = 0;
	if (addr_is_v4(a))
		rc = cp->dp->ops->sub4_set(cp->dp, addr_ip4(a), nh);
	for (unsigned table = 0; !rc && !addr_is_v4(a) && table < DP_TABLE_COUNT; table++)
		rc = cp->dp->ops->route_set(cp->dp, (enum dp_table)table, &p, nh);
	return rc ? failed(err, err_len, "own address", &p, rc) : 0;
}

static int
connected(struct cp *cp, unsigned iface, const struct prefix *p, char *err, size_t err_len)
{
	const struct conf_interface *c = &cp->conf->interfaces.v[iface];
	struct prefix net = prefix_mask(*p);
	uint32_t nh = nh_make(NH_GLEAN, iface);
	int rc = 0;
	if (p->len == (addr_is_v4(&p->addr) ? 32 : 128))
		return 0;
	if (c->access)
		rc = cp->dp->ops->route_set(cp->dp, DP_TABLE_ACCESS, &net, nh);
	if (!rc && c->core)
		rc = routes_fix(cp, &net, nh);
	return rc ? failed(err, err_len, "connected route", &net, rc) : 0;
}

static int
route_init(struct cp *cp, const struct conf_route *r, struct mono now, char *err, size_t err_len)
{
	enum dp_table table = r->table == CONF_TABLE_ACCESS ? DP_TABLE_ACCESS : DP_TABLE_CORE;
	struct prefix net = prefix_mask(r->prefix);
	uint32_t nh = nh_make(NH_DISCARD, 0);
	if (!r->discard) {
		int adj = neigh_pin(&cp->neigh, (unsigned)r->interface_index, &r->via, now);
		if (adj < 0)
			return failed(err, err_len, "gateway of route", &net, adj);
		nh = nh_make(NH_ADJ, (uint32_t)adj);
	}
	int rc = table == DP_TABLE_CORE ? routes_fix(cp, &net, nh) : cp->dp->ops->route_set(cp->dp, table, &net, nh);
	return rc ? failed(err, err_len, "route", &net, rc) : 0;
}

static int
failed(char *err, size_t err_len, const char *what, const struct prefix *p, int rc)
{
	char s[PREFIX_STRLEN];
	snprintf(err, err_len, "%s %s: %s", what, prefix_str(p, s), strerror(-rc));
	return rc;
}

/* The access interface on whose network the peer is, or -1: then a gateway leads to it. */
static int
link_of(const struct cp *cp, const struct addr *a)
{
	int best = -1, best_len = -1;
	for (unsigned i = 0; i < cp->neigh.n_ifaces; i++) {
		const struct neigh_iface *n = &cp->neigh.ifaces[i];
		for (unsigned j = 0; n->access && j < n->n_addrs; j++)
			if (n->addrs[j].len > best_len && prefix_contains(&n->addrs[j], a)) {
				best = (int)i;
				best_len = n->addrs[j].len;
			}
	}
	return best;
}

uint32_t
network_outer_nh(struct cp *cp, const struct addr *peer, bool pin, struct mono now)
{
	int iface = link_of(cp, peer), adj;
	if (addr_is_link_local(peer)) /* of which link? who wants a tunnel has an address that says more */
		return NH_NONE;
	if (iface < 0)
		return cp->dp->ops->route_get(cp->dp, DP_TABLE_ACCESS, peer);
	if (pin)
		adj = neigh_pin(&cp->neigh, (unsigned)iface, peer, now);
	else if ((adj = neigh_adj(&cp->neigh, (unsigned)iface, peer)) < 0) {
		neigh_resolve(&cp->neigh, (unsigned)iface, peer, now);
		adj = neigh_adj(&cp->neigh, (unsigned)iface, peer);
	}
	return adj < 0 ? NH_NONE : nh_make(NH_ADJ, (uint32_t)adj);
}

void
network_outer_unpin(struct cp *cp, const struct addr *peer, struct mono now)
{
	int iface = addr_is_link_local(peer) ? -1 : link_of(cp, peer);
	if (iface >= 0)
		neigh_unpin(&cp->neigh, (unsigned)iface, peer, now);
}

unsigned
network_place(const struct cp *cp, const struct addr *peer, const struct addr *local)
{
	const struct placement p = {.peer = *peer, .local = *local};
	return placement_core(&p, cp->dp->n_workers);
}

void
network_send_udp(struct cp *cp, const struct l2tp_path *path, const uint8_t *bytes, size_t len, struct mono now)
{
	struct dp_udp_path out = {
		.local = path->local,
		.peer = path->peer,
		.local_port = path->local_port,
		.peer_port = path->peer_port,
		.nh = network_outer_nh(cp, &path->peer, false, now),
	};
	uint64_t core = handle_core(network_place(cp, &path->peer, &path->local));
	if (out.nh != NH_NONE)
		cp->dp->ops->send(cp->dp, DP_MSG_FRAME_UDP, core, &out, bytes, len);
}
