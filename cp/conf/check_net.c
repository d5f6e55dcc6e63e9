/* check_net.c - ports, interfaces, addresses, routes, and who listens where. */
#include <net/if.h>
#include <stdlib.h>

#include "conf/reader.h"

#define ADDRESSES_MAX 8  /* of one interface: what the dataplane has room for */
#define LENGTHS6_MAX 8u  /* of IPv6 prefixes in one table, likewise */
#define LISTENERS_MAX 64 /* of TCP, and as many others, likewise */

/* A listener that every worker gets: of the item of this key; port 0 is GRE's. */
struct claim {
	const char *key;
	int item;
	struct addr addr;
	uint16_t port;
};

/* claims: what shares a table of the workers. */
struct claims {
	const char *of;
	unsigned n;
	struct claim v[LISTENERS_MAX];
};

static bool
has_role(const struct conf_interface *i, enum conf_table_id table)
{
	return table == CONF_TABLE_ACCESS ? i->access : i->core;
}

int
conf_interface_of(const struct conf *c, const struct addr *a, bool own)
{
	for (unsigned i = 0; i < c->interfaces.n; i++) {
		const struct conf_prefixes *p = &c->interfaces.v[i].addresses;
		for (unsigned j = 0; j < p->n; j++)
			if (own ? addr_eq(&p->v[j].addr, a) : prefix_contains(&p->v[j], a))
				return (int)i;
	}
	return -1;
}

static bool
is_loopback(const struct conf *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->loopback_addresses.n; i++)
		if (addr_eq(&c->loopback_addresses.v[i], a))
			return true;
	return false;
}

/* check_device: DPDK makes a device of a kernel interface with these; that there is none is found here, with its line. */
static int
check_device(struct conf_reader *r, unsigned i)
{
	const char *device = r->conf->ports.v[i].device, *arg = strstr(device, ",iface=");
	char key[32], name[IF_NAMESIZE];
	if (!arg || (strncmp(device, "net_af_packet", 13) != 0 && strncmp(device, "net_af_xdp", 10) != 0))
		return 0;
	arg += strlen(",iface=");
	snprintf(key, sizeof key, "ports[%u].device", i);
	snprintf(name, sizeof name, "%.*s", (int)strcspn(arg, ","), arg);
	if (!if_nametoindex(name))
		return conf_fail(r, key, -1, "is \"%s\", and this machine has no interface %s", device, name);
	return 0;
}

static int
check_ports(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct conf_port *v = c->ports.v;
	unsigned n = c->ports.n;
	int rc = n ? conf_check_unique(r, "ports", "name", &v->name, n, sizeof *v) : 0;
	if (!rc && n)
		rc = conf_check_unique(r, "ports", "device", &v->device, n, sizeof *v);
	for (unsigned i = 0; !rc && i < n; i++)
		rc = check_device(r, i);
	return rc;
}

static int
resolve_port(struct conf_reader *r, unsigned i)
{
	struct conf *c = r->conf;
	struct conf_interface *v = &c->interfaces.v[i];
	v->port_index = -1;
	for (unsigned j = 0; j < c->ports.n; j++)
		if (!strcmp(c->ports.v[j].name, v->port))
			v->port_index = (int)j;
	char key[48];
	snprintf(key, sizeof key, "interfaces[%u].port", i);
	if (v->port_index < 0)
		return conf_fail(r, key, -1, "is \"%s\", expected the name of a port", v->port);
	for (unsigned j = 0; j < i; j++) {
		const struct conf_interface *o = &c->interfaces.v[j];
		snprintf(key, sizeof key, "interfaces[%u].vlan", i);
		if (o->port_index == v->port_index && o->vlan == v->vlan)
			return conf_fail(r, key, -1, "is %u, which interface \"%s\" has on port \"%s\" already",
					 v->vlan, o->name, v->port);
	}
	return 0;
}

static const struct addr loopback6 = {{[15] = 1}};

/* host_ok: RFC 1122 3.2.1.3, RFC 4291 2.7: something that a host can have on such a network. */
static bool
host_ok(const struct prefix *p)
{
	if (!addr_is_v4(&p->addr)) {
		struct prefix net = prefix_mask(*p);
		bool anycast = p->len < 127 && addr_eq(&net.addr, &p->addr); /* RFC 4291 2.6.1, RFC 6164 */
		return !addr_is_multicast6(&p->addr) && !addr_eq(&p->addr, &loopback6) && !anycast;
	}
	uint32_t ip4 = addr_ip4(&p->addr), hosts = p->len ? (uint32_t)((1ull << (32 - p->len)) - 1) : UINT32_MAX;
	if (!(ip4 >> 24) || ip4 >> 24 == 127 || ip4 >= 0xe0000000u)
		return false;
	return p->len >= 31 || ((ip4 & hosts) && (ip4 & hosts) != hosts);
}

static bool
networks_cross(const struct prefix *a, const struct prefix *b)
{
	const struct prefix *wide = a->len < b->len ? a : b;
	return prefix_contains(wide, wide == a ? &b->addr : &a->addr);
}

/* check_apart: two interfaces of one route table cannot be on one network: which one would be its way? */
static int
check_apart(struct conf_reader *r, unsigned i, unsigned item)
{
	const struct conf *c = r->conf;
	const struct conf_interface *v = &c->interfaces.v[i];
	const struct prefix *p = &v->addresses.v[item];
	char key[48], text[PREFIX_STRLEN];
	snprintf(key, sizeof key, "interfaces[%u].addresses", i);
	for (unsigned j = 0; j <= i; j++) {
		const struct conf_interface *o = &c->interfaces.v[j];
		bool together = (v->access && o->access) || (v->core && o->core);
		for (unsigned k = 0; k < (j < i ? o->addresses.n : item); k++) {
			const struct prefix *q = &o->addresses.v[k];
			prefix_str(p, text);
			if (addr_eq(&p->addr, &q->addr))
				return conf_fail(r, key, (int)item, "%s is an address of interface \"%s\" already",
						 text, o->name);
			if (j < i && together && networks_cross(p, q))
				return conf_fail(r, key, (int)item, "%s overlaps a network of interface \"%s\"", text,
						 o->name);
		}
	}
	return 0;
}

static int
check_interface(struct conf_reader *r, unsigned i)
{
	const struct conf_interface *v = &r->conf->interfaces.v[i];
	char key[48], text[PREFIX_STRLEN];
	int rc = resolve_port(r, i);
	snprintf(key, sizeof key, "interfaces[%u].addresses", i);
	if (!rc && v->addresses.n > ADDRESSES_MAX)
		return conf_fail(r, key, -1, "has %u, expected at most %d", v->addresses.n, ADDRESSES_MAX);
	for (unsigned j = 0; !rc && j < v->addresses.n; j++) {
		const struct prefix *p = &v->addresses.v[j];
		snprintf(key, sizeof key, "interfaces[%u].addresses", i);
		if (!host_ok(p))
			return conf_fail(r, key, (int)j, "%s is not an address that a host can have",
					 prefix_str(p, text));
		if (addr_is_link_local(&p->addr))
			return conf_fail(r, key, (int)j,
					 "%s is a link-local address: the interface makes its own from its MAC address",
					 prefix_str(p, text));
		snprintf(key, sizeof key, "interfaces[%u].mtu", i);
		if (!addr_is_v4(&p->addr) && v->mtu < 1280)
			return conf_fail(r, key, -1, "is %u, expected at least 1280 with IPv6 addresses", v->mtu);
		rc = check_apart(r, i, j);
	}
	return rc;
}

static int
check_interfaces(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	unsigned n = c->interfaces.n;
	int rc = n ? conf_check_unique(r, "interfaces", "name", &c->interfaces.v->name, n, sizeof *c->interfaces.v) : 0;
	for (unsigned i = 0; !rc && i < n; i++)
		rc = check_interface(r, i);
	return rc;
}

static int
check_loopbacks(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	for (unsigned i = 0; i < c->loopback_addresses.n; i++) {
		const struct addr *a = &c->loopback_addresses.v[i];
		char text[ADDR_STRLEN];
		int at = conf_interface_of(c, a, true);
		if (at >= 0)
			return conf_fail(r, "loopback-addresses", (int)i,
					 "%s is an address of interface \"%s\" already", addr_str(a, text),
					 c->interfaces.v[at].name);
		if (!host_ok(&(struct prefix){*a, addr_is_v4(a) ? 32 : 128}))
			return conf_fail(r, "loopback-addresses", (int)i, "%s is not an address that a host can have",
					 addr_str(a, text));
	}
	return 0;
}

/* interface_towards: on whose network `via` is, among those of the table. */
static int
interface_towards(const struct conf *c, const struct addr *via, enum conf_table_id table)
{
	for (unsigned i = 0; i < c->interfaces.n; i++) {
		const struct conf_prefixes *p = &c->interfaces.v[i].addresses;
		for (unsigned j = 0; has_role(&c->interfaces.v[i], table) && j < p->n; j++)
			if (prefix_contains(&p->v[j], via))
				return (int)i;
	}
	return -1;
}

static int
check_via(struct conf_reader *r, unsigned i, struct conf_route *v)
{
	const struct conf *c = r->conf;
	char key[32], text[ADDR_STRLEN];
	snprintf(key, sizeof key, "routes[%u].via", i);
	if (addr_is_any(&v->via))
		return conf_fail(r, key, -1, "is missing, expected the next router, or discard = true");
	if (addr_is_v4(&v->via) != addr_is_v4(&v->prefix.addr))
		return conf_fail(r, key, -1, "is %s, which is not of the family of prefix", addr_str(&v->via, text));
	if (conf_interface_of(c, &v->via, true) >= 0 || is_loopback(c, &v->via))
		return conf_fail(r, key, -1, "is %s, our own address", addr_str(&v->via, text));
	v->interface_index = interface_towards(c, &v->via, v->table);
	if (v->interface_index < 0)
		return conf_fail(r, key, -1, "is %s, which is on no network of an interface with %s = true",
				 addr_str(&v->via, text), v->table == CONF_TABLE_ACCESS ? "access" : "core");
	return 0;
}

static int
check_route(struct conf_reader *r, unsigned i)
{
	struct conf_route *v = &r->conf->routes.v[i];
	char key[32];
	v->interface_index = -1;
	snprintf(key, sizeof key, "routes[%u].discard", i);
	if (v->discard && !addr_is_any(&v->via))
		return conf_fail(r, key, -1, "is true, and there is a via: expected one of the two");
	return v->discard ? 0 : check_via(r, i, v);
}

/* note_length: true the first time. */
static bool
note_length(bool used[129], unsigned len)
{
	bool first = !used[len];
	used[len] = true;
	return first;
}

/* check_lengths6: the workers ask for one length after the other, the longest first: of our own addresses and of
 * neighbours, of links, of routes. */
static int
check_lengths6(struct conf_reader *r, enum conf_table_id table)
{
	const struct conf *c = r->conf;
	bool used[129] = {[128] = true};
	unsigned n = 1;
	for (unsigned i = 0; i < c->interfaces.n; i++) {
		const struct conf_prefixes *p = &c->interfaces.v[i].addresses;
		for (unsigned j = 0; has_role(&c->interfaces.v[i], table) && j < p->n; j++)
			n += !addr_is_v4(&p->v[j].addr) && note_length(used, p->v[j].len);
	}
	for (unsigned i = 0; i < c->routes.n; i++) {
		const struct conf_route *v = &c->routes.v[i];
		char key[32], text[PREFIX_STRLEN];
		if (v->table != table || addr_is_v4(&v->prefix.addr) || !note_length(used, v->prefix.len))
			continue;
		snprintf(key, sizeof key, "routes[%u].prefix", i);
		if (++n > LENGTHS6_MAX)
			return conf_fail(r, key, -1,
					 "is %s, the %uth length of IPv6 prefixes in this table, expected at most %u",
					 prefix_str(&v->prefix, text), n, LENGTHS6_MAX);
	}
	return 0;
}

struct keyed {
	const struct conf_route *route;
	unsigned i;
};

static int
same_destination(const struct conf_route *a, const struct conf_route *b)
{
	int order = addr_cmp(&a->prefix.addr, &b->prefix.addr);
	if (!order)
		order = a->prefix.len - b->prefix.len;
	return order ? order : (int)a->table - (int)b->table;
}

static int
keyed_order(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;
	int order = same_destination(x->route, y->route);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

static int
check_destinations(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	struct keyed *v = malloc((c->routes.n + 1) * sizeof *v);
	if (!v)
		return conf_no_memory(r);
	for (unsigned i = 0; i < c->routes.n; i++)
		v[i] = (struct keyed){&c->routes.v[i], i};
	qsort(v, c->routes.n, sizeof *v, keyed_order);
	int rc = 0;
	for (unsigned i = 1; !rc && i < c->routes.n; i++) {
		char key[32], text[PREFIX_STRLEN];
		snprintf(key, sizeof key, "routes[%u].prefix", v[i].i);
		if (!same_destination(v[i - 1].route, v[i].route))
			rc = conf_fail(r, key, -1, "is %s, which routes[%u] is already",
				       prefix_str(&v[i].route->prefix, text), v[i - 1].i);
	}
	free(v);
	return rc;
}

static int
check_routes(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	int rc = 0;
	if (c->routes.n > c->tables.routes)
		return conf_fail(r, "routes", -1, "has %u, expected at most tables.routes, %u", c->routes.n,
				 c->tables.routes);
	for (unsigned i = 0; !rc && i < c->routes.n; i++)
		rc = check_route(r, i);
	if (!rc)
		rc = check_destinations(r);
	if (!rc)
		rc = check_lengths6(r, CONF_TABLE_ACCESS);
	return rc ? rc : check_lengths6(r, CONF_TABLE_CORE);
}

/* listens_on: an address of an access interface (any, of its family), or a loopback address. */
static bool
listens_on(const struct conf *c, const struct addr *a)
{
	if (is_loopback(c, a))
		return true;
	for (unsigned i = 0; i < c->interfaces.n; i++) {
		const struct conf_prefixes *p = &c->interfaces.v[i].addresses;
		for (unsigned j = 0; c->interfaces.v[i].access && j < p->n; j++)
			if (addr_is_any(a) ? addr_is_v4(&p->v[j].addr) == addr_is_v4(a) : addr_eq(&p->v[j].addr, a))
				return true;
	}
	return false;
}

static int
no_room(struct conf_reader *r, const struct claims *all, const struct claim *c)
{
	char what[24] = "GRE to", text[ADDR_STRLEN];
	if (c->port)
		snprintf(what, sizeof what, "port %u of", c->port);
	return conf_fail(r, c->key, c->item, "%s %s is one more than the %d listeners of %s that there is room for",
			 what, addr_str(&c->addr, text), LISTENERS_MAX, all->of);
}

/* claim: 0.0.0.0 beside one of its addresses says the same twice, which harms nothing; two keys mean different things, and
 * only the first would come true. */
static int
claim(struct conf_reader *r, struct claims *all, const struct claim *c)
{
	char text[ADDR_STRLEN];
	for (unsigned i = 0; i < all->n; i++) {
		const struct claim *o = &all->v[i];
		if (o->port != c->port || !addr_eq(&o->addr, &c->addr))
			continue;
		if (!strcmp(o->key, c->key))
			return 0;
		return conf_fail(r, c->key, c->item, "takes port %u of %s, which %s has already", c->port,
				 addr_str(&c->addr, text), o->key);
	}
	if (all->n == LISTENERS_MAX)
		return no_room(r, all, c);
	all->v[all->n++] = *c;
	return 0;
}

/* claim_all: 0.0.0.0 and :: are the addresses of access interfaces, of their family. */
static int
claim_all(struct conf_reader *r, struct claims *all, struct claim c)
{
	const struct conf *conf = r->conf;
	const bool any = addr_is_any(&c.addr), v4 = addr_is_v4(&c.addr);
	int rc = any ? 0 : claim(r, all, &c);
	for (unsigned i = 0; any && i < conf->interfaces.n; i++) {
		const struct conf_prefixes *p = &conf->interfaces.v[i].addresses;
		for (unsigned j = 0; !rc && conf->interfaces.v[i].access && j < p->n; j++) {
			c.addr = p->v[j].addr;
			rc = addr_is_v4(&c.addr) == v4 ? claim(r, all, &c) : 0;
		}
	}
	return rc;
}

static int
check_listen(struct conf_reader *r, struct claims *all, const char *key, const struct conf_endpoints *e)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < e->n; i++) {
		const struct addr *a = &e->v[i].addr;
		char text[ADDR_STRLEN];
		addr_str(a, text);
		if (listens_on(r->conf, a))
			rc = claim_all(r, all, (struct claim){key, (int)i, *a, e->v[i].port});
		else if (addr_is_any(a))
			rc = conf_fail(r, key, (int)i,
				       "%s means our %s addresses on interfaces with access = true, and there is none",
				       text, addr_is_v4(a) ? "IPv4" : "IPv6");
		else
			rc = conf_fail(r, key, (int)i,
				       "%s is no address of an interface with access = true, and no loopback address",
				       text);
	}
	return rc;
}

#define EPHEMERAL 49152 /* RFC 6335 6: where the dynamic ports begin */

static int
check_l2tp_listen(struct conf_reader *r, struct claims *others)
{
	const struct conf_l2tp *l = &r->conf->l2tp;
	if (!l->listen.n)
		return conf_fail(r, "l2tp.listen", -1, "is empty, expected an address");
	int rc = check_listen(r, others, "l2tp.listen", &l->listen);
	for (unsigned i = 0; !rc && l->use_ephemeral_ports && i < l->listen.n; i++)
		rc = claim_all(r, others,
			       (struct claim){"l2tp.use-ephemeral-ports", -1, l->listen.v[i].addr, EPHEMERAL});
	return rc;
}

static int
check_sstp_listen(struct conf_reader *r, struct claims *tcp)
{
	const struct conf_sstp *c = &r->conf->sstp;
	int rc = check_listen(r, tcp, "sstp.listen", &c->listen);
	if (!rc)
		rc = check_listen(r, tcp, "sstp.legacy-listen", &c->legacy_listen);
	return rc ? rc : check_listen(r, tcp, "sstp.proxy-listen", &c->proxy_listen);
}

static int
check_pptp_listen(struct conf_reader *r, struct claims *tcp, struct claims *others)
{
	const struct conf_endpoints *e = &r->conf->pptp.listen;
	char text[ADDR_STRLEN];
	for (unsigned i = 0; i < e->n; i++)
		if (!addr_is_v4(&e->v[i].addr))
			return conf_fail(r, "pptp.listen", (int)i, "%s is not an IPv4 address",
					 addr_str(&e->v[i].addr, text));
	int rc = check_listen(r, tcp, "pptp.listen", e);
	for (unsigned i = 0; !rc && i < e->n; i++) /* GRE's 0.0.0.0 is one listener */
		rc = claim(r, others, &(struct claim){"pptp.listen", (int)i, e->v[i].addr, 0});
	return rc;
}

static int
check_listeners(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	struct claims tcp = {.of = "TCP"}, others = {.of = "UDP and GRE"};
	int rc = c->l2tp.enabled ? check_l2tp_listen(r, &others) : 0;
	if (!rc && c->sstp.enabled)
		rc = check_sstp_listen(r, &tcp);
	if (!rc && c->pptp.enabled)
		rc = check_pptp_listen(r, &tcp, &others);
	return rc;
}

/* check_kernel: sockets of the control plane are the kernel's, which does not have the dataplane's addresses unless an
 * interface has a `host` side. */
static int
check_kernel(struct conf_reader *r, const char *key, const struct addr *a)
{
	const struct conf *c = r->conf;
	char text[ADDR_STRLEN];
	if (addr_is_any(a) || (conf_interface_of(c, a, true) < 0 && !is_loopback(c, a)))
		return 0;
	for (unsigned i = 0; i < c->interfaces.n; i++)
		if (c->interfaces.v[i].host)
			return 0;
	return conf_fail(
		r, key, -1,
		"is %s, which only the dataplane has: expected an address of the machine, or an interface with host",
		addr_str(a, text));
}

static int
check_sockets(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	int rc = check_kernel(r, "radius.source-address", &c->radius.source_address);
	if (!rc)
		rc = check_kernel(r, "radius.dynamic-author.server", &c->radius.dynamic_author.server);
	return rc ? rc : check_kernel(r, "metrics.listen", &c->metrics.listen.addr);
}

int
conf_check_net(struct conf_reader *r)
{
	static int (*const checks[])(struct conf_reader *) = {
		check_ports, check_interfaces, check_loopbacks, check_routes, check_listeners, check_sockets,
	};
	int rc = 0;
	for (unsigned i = 0; !rc && i < sizeof checks / sizeof *checks; i++)
		rc = checks[i](r);
	return rc;
}
