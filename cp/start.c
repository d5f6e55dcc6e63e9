#include "start.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cp.h"
#include "session.h"

#define RING_BYTES (4u << 20)
#define CONNS_SPARE 1024
#define ADJ_SPARE 256 /* freed, and resting until no worker can have them at hand */

static void fill_port(struct dp_port_start *to, const struct conf_port *from);
static void fill_iface(struct dp_iface_start *to, const struct conf_interface *from);
static void line(FILE *f, const char *what, uint64_t bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void print_parts(FILE *f, const struct conf *conf, const struct dp_start *s, const struct dp_memory *m);
static bool mppe_wanted(const struct conf *conf);
static uint32_t conns(const struct conf *conf);
static struct dp_limits limits(const struct conf *conf);

struct dp_start *
start_dataplane(const struct conf *conf)
{
	struct dp_start *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->main_cpu = conf->cores.main;
	s->n_workers = conf->cores.workers.n;
	for (unsigned i = 0; i < s->n_workers; i++)
		s->workers[i] = conf->cores.workers.v[i];
	s->hugepages = conf->cores.hugepages;
	s->memory_mib = conf->cores.memory;
	s->nap = conf->cores.idle == CONF_IDLE_NAP;
	s->stage_cycles = conf->cores.stage_cycles;
	s->eal_arguments = conf->cores.eal_arguments.v;
	s->n_eal_arguments = conf->cores.eal_arguments.n;
	s->n_ports = conf->ports.n;
	for (unsigned i = 0; i < s->n_ports; i++)
		fill_port(&s->ports[i], &conf->ports.v[i]);
	s->n_ifaces = conf->interfaces.n;
	for (unsigned i = 0; i < s->n_ifaces; i++)
		fill_iface(&s->ifaces[i], &conf->interfaces.v[i]);
	s->limits = limits(conf);
	s->cryptodev = conf->sstp.record_engine == CONF_RECORD_CRYPTODEV ? conf->sstp.cryptodev : NULL;
	return s;
}

static void
fill_port(struct dp_port_start *to, const struct conf_port *from)
{
	snprintf(to->name, sizeof to->name, "%s", from->name);
	snprintf(to->device, sizeof to->device, "%s", from->device);
	to->rx_descs = (uint16_t)from->rx_descriptors;
	to->tx_descs = (uint16_t)from->tx_descriptors;
	to->promiscuous = from->promiscuous;
	to->no_offload = !from->checksum_offload;
}

static void
fill_iface(struct dp_iface_start *to, const struct conf_interface *from)
{
	snprintf(to->name, sizeof to->name, "%s", from->name);
	to->port = (uint16_t)from->port_index;
	to->vlan = (uint16_t)from->vlan;
	to->mtu = (uint16_t)from->mtu;
	to->access = from->access;
	to->core = from->core;
	for (unsigned i = 0; i < from->addresses.n && to->n_addrs < DP_MAX_IFACE_ADDRS; i++)
		to->addrs[to->n_addrs++] = from->addresses.v[i];
}

static struct dp_limits
limits(const struct conf *conf)
{
	return (struct dp_limits){
		.sessions = cp_slots_per_core(conf, conf->cores.workers.n),
		.adjacencies = conf->tables.adjacencies + ADJ_SPARE,
		.routes = conf->tables.routes,
		.sub4_blocks = conf_pool_blocks(conf) + CONF_SPARE_BLOCKS,
		.mbufs = conf_mbufs(conf),
		.conns = conns(conf),
		.pptp = conf->pptp.enabled,
		.max_handshakes = conf->sstp.max_handshakes / conf->cores.workers.n + 1,
		.handshake_rate = conf->sstp.handshake_rate ? conf->sstp.handshake_rate / conf->cores.workers.n + 1 : 0,
		.mppe = mppe_wanted(conf),
		.ring_bytes = RING_BYTES,
	};
}

/* As many connections as sessions, and some that are being set up, refused or scanning. */
static uint32_t
conns(const struct conf *conf)
{
	if (!conf->sstp.enabled && !conf->pptp.enabled)
		return 0;
	return cp_slots_per_core(conf, conf->cores.workers.n) + CONNS_SPARE;
}

/* Is there a protocol, or a user, whose sessions may be encrypted? */
static bool
mppe_wanted(const struct conf *conf)
{
	bool wanted = false;
	for (enum conf_protocol p = 0; p < CONF_PROTOCOLS; p++) {
		const struct conf_ppp_options *o = &conf_access_of(conf, p)->ppp_options;
		wanted = wanted || (o->mppe != CONF_DENY && !o->disable_ccp);
	}
	for (unsigned i = 0; i < conf->authentication.local_users.n; i++) {
		unsigned own = conf->authentication.local_users.v[i].mppe;
		wanted = wanted || (own != CONF_AS_PROTOCOL && own != CONF_DENY);
	}
	return wanted;
}

bool
start_print_sizes(const struct conf *conf, FILE *f)
{
	struct dp_memory m;
	struct dp_start *s = start_dataplane(conf);
	if (!s)
		return false;
	uint64_t need = dp_memory_bytes(s, &m);
	bool enough = need <= (uint64_t)conf->cores.memory << 20;
	fputs("memory:\n", f);
	print_parts(f, conf, s, &m);
	line(f, "all", need, "of cores.memory = %u%s", conf->cores.memory, enough ? "" : ": NOT ENOUGH");
	line(f, "beside it", (uint64_t)conf->max_sessions * sizeof(struct session),
	     "as many sessions in the control thread");
	free(s);
	return enough;
}

static void
print_parts(FILE *f, const struct conf *conf, const struct dp_start *s, const struct dp_memory *m)
{
	line(f, "sessions", m->sessions, "max-sessions = %u", conf->max_sessions);
	if (m->conns)
		line(f, "TCP connections", m->conns, "%u on each worker core", s->limits.conns);
	line(f, "packet buffers", m->mbufs, "%u for each worker core, of which there are %u", s->limits.mbufs,
	     s->n_workers);
	line(f, "routes", m->fibs, "tables.routes = %u in each of 2 tables, doubled", conf->tables.routes);
	line(f, "subscribers", m->subscribers, "their addresses, every pool lent whole");
	line(f, "neighbours", m->adjacencies, "tables.adjacencies = %u", conf->tables.adjacencies);
	line(f, "message rings", m->rings, "between the control thread and the worker cores");
	line(f, "DPDK", m->dpdk, "for itself");
}

static void
line(FILE *f, const char *what, uint64_t bytes, const char *format, ...)
{
	va_list ap;
	fprintf(f, "  %-15s %8.1f MiB  ", what, (double)bytes / 1048576);
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	fputc('\n', f);
}
