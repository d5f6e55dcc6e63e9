/* servers.c - the list of servers: made, and exchanged for another while requests are out. */
#include "flight.h"

#include <stdlib.h>

/* What stands where the old list stood.  to[i]: the new index of the old server i, -1: it is gone. */
struct exchange {
	struct radius_server_conf *servers;
	unsigned n;
	struct port ports[RADIUS_SERVERS_MAX][RADIUS_ROLES];
	int to[RADIUS_SERVERS_MAX];
	bool kept[RADIUS_SERVERS_MAX]; /* of the new list */
};

static bool prepare(struct radius_client *c, const struct radius_client_conf *conf, struct exchange *x) ON_MAIN;
static void match(const struct radius_client *c, const struct radius_client_conf *conf, struct exchange *x) ON_MAIN;
static bool same_server(const struct radius_server_conf *a, const struct radius_server_conf *b);
static void drop(struct exchange *x) ON_MAIN;
static void stop_probes(struct radius_client *c) ON_MAIN;
static void recall(struct radius_client *c, struct port *p) ON_MAIN;
static void move_port(struct port *to, struct port *from, const struct radius_server_conf *server) ON_MAIN;
static uint64_t renumber(uint64_t tried, const struct exchange *x, unsigned n) ON_MAIN;

struct radius_server_conf *
servers_copy(const struct radius_server_conf *from, unsigned n)
{
	struct radius_server_conf *list = calloc(n + 1, sizeof *list);
	bool ok = list != NULL;

	for (unsigned i = 0; ok && i < n; i++) {
		list[i] = from[i];
		list[i].secret = strdup(from[i].secret);
		ok = list[i].secret != NULL;
	}
	if (ok)
		return list;
	servers_free(list, n);
	return NULL;
}

void
servers_free(struct radius_server_conf *list, unsigned n)
{
	for (unsigned i = 0; list && i < n; i++)
		free((char *)list[i].secret);
	free(list);
}

/* All that can fail comes first. */
bool
radius_client_configure(struct radius_client *c, const struct radius_client_conf *conf, struct mono now)
{
	struct exchange *x = conf->n_servers <= RADIUS_SERVERS_MAX ? calloc(1, sizeof *x) : NULL;
	char *name = conf->nas_identifier ? strdup(conf->nas_identifier) : NULL;

	if (!x || (conf->nas_identifier && !name) || !prepare(c, conf, x)) {
		free(name);
		free(x);
		return false;
	}
	c->now = now;
	stop_probes(c);
	for (unsigned i = 0; i < c->conf.n_servers; i++)
		for (unsigned role = 0; role < RADIUS_ROLES; role++) {
			struct port *p = &c->ports[i][role];
			if (x->to[i] < 0)
				recall(c, p);
			else
				move_port(&x->ports[x->to[i]][role], p, &x->servers[x->to[i]]);
		}
	for (uint32_t i = 0; i < c->conf.max_auth + c->conf.max_acct; i++)
		c->flights[i].tried = renumber(c->flights[i].tried, x, c->conf.n_servers);
	servers_free(c->servers, c->conf.n_servers);
	free(c->nas_identifier);
	for (unsigned i = 0; i < x->n; i++)
		for (unsigned role = 0; role < RADIUS_ROLES; role++)
			move_port(&c->ports[i][role], &x->ports[i][role], &x->servers[i]);
	for (unsigned i = 0; i < x->n; i++)
		c->ports[i][RADIUS_AUTH].index = c->ports[i][RADIUS_ACCT].index = i;
	struct radius_client_conf before = c->conf;
	c->conf = *conf;
	c->conf.max_auth = before.max_auth;
	c->conf.max_acct = before.max_acct;
	c->conf.servers = c->servers = x->servers;
	c->conf.nas_identifier = c->nas_identifier = name;
	free(x);
	return true;
}

static bool
prepare(struct radius_client *c, const struct radius_client_conf *conf, struct exchange *x)
{
	bool ok = true;

	x->n = conf->n_servers;
	x->servers = servers_copy(conf->servers, conf->n_servers);
	if (!x->servers)
		return false;
	match(c, conf, x);
	for (unsigned i = 0; ok && i < x->n; i++)
		for (unsigned role = 0; ok && !x->kept[i] && role < RADIUS_ROLES; role++)
			ok = port_init(&x->ports[i][role], c, &x->servers[i], role);
	if (!ok)
		drop(x);
	return ok;
}

/* match: which are the same as before.  Another source address makes all of them others: their sockets are bound. */
static void
match(const struct radius_client *c, const struct radius_client_conf *conf, struct exchange *x)
{
	bool moved = !addr_eq(&conf->source[0], &c->conf.source[0]) || !addr_eq(&conf->source[1], &c->conf.source[1]);

	for (unsigned i = 0; i < c->conf.n_servers; i++) {
		x->to[i] = -1;
		for (unsigned j = 0; !moved && x->to[i] < 0 && j < x->n; j++)
			if (!x->kept[j] && same_server(&c->servers[i], &x->servers[j]))
				x->to[i] = (int)j;
		if (x->to[i] >= 0)
			x->kept[x->to[i]] = true;
	}
}

static bool
same_server(const struct radius_server_conf *a, const struct radius_server_conf *b)
{
	return addr_eq(&a->address, &b->address) && a->port[RADIUS_AUTH] == b->port[RADIUS_AUTH] &&
	       a->port[RADIUS_ACCT] == b->port[RADIUS_ACCT] && a->req_limit == b->req_limit &&
	       !strcmp(a->secret, b->secret);
}

static void
drop(struct exchange *x)
{
	for (unsigned i = 0; i < x->n; i++)
		for (unsigned role = 0; role < RADIUS_ROLES; role++)
			port_fini(&x->ports[i][role]);
	servers_free(x->servers, x->n);
}

/* They are by the server's place in the list; the next ones ask again. */
static void
stop_probes(struct radius_client *c)
{
	for (unsigned i = 0; i < RADIUS_SERVERS_MAX * RADIUS_ROLES; i++)
		if (c->probes[i].sock)
			port_give(&c->probes[i]);
}

/* recall: what is out at p waits again, in front of the others; p is gone. */
static void
recall(struct radius_client *c, struct port *p)
{
	for (unsigned i = 0; i < p->n_sockets; i++)
		for (unsigned id = 0; id < FLIGHT_IDS; id++) {
			struct flight *f = p->sockets[i].by_id[id];
			if (!f)
				continue;
			port_give(f);
			f->last_round = false;
			TAILQ_INSERT_HEAD(&c->waiting[f->role], f, link);
			c->n_waiting[f->role]++;
			wheel_add(&c->wheel, &f->timer, f->give_up);
		}
	port_fini(p);
}

static void
move_port(struct port *to, struct port *from, const struct radius_server_conf *server)
{
	*to = *from;
	to->server = server;
	for (unsigned i = 0; i < to->n_sockets; i++)
		to->sockets[i].port = to;
}

static uint64_t
renumber(uint64_t tried, const struct exchange *x, unsigned n)
{
	uint64_t out = 0;

	for (unsigned i = 0; tried && i < n; i++)
		if (tried >> i & 1 && x->to[i] >= 0)
			out |= UINT64_C(1) << x->to[i];
	return out;
}
