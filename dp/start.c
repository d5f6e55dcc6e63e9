/* init-only file */
#include "start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include <tls-offload/tls.h>

#include "eal.h"
#include "lcore_start.h"
#include "memory.h"
#include "state.h"

#define HANDOVER_SLOTS 1024
#define RING_MIN (4 * BYTE_RING_MAX) /* a STREAM record of the largest size still fits its share */

struct clock_pair {
	uint64_t tsc;
	struct mono now;
};

static int check(const struct dp_start *s, char *err, size_t err_len) INIT_ONLY;
static int check_ifaces(const struct dp_start *s, char *err, size_t err_len) INIT_ONLY;
static int plan(struct dp *dp, const struct dp_start *s, struct eal_log *log) INIT_ONLY;
static int cryptodev(struct dp *dp, const struct dp_start *s, struct eal_log *log) INIT_ONLY;
static int build(struct dp *dp, const struct dp_start *s, struct eal_log *log) INIT_ONLY;
static void finish(struct dp *dp, const struct dp_start *s, struct clock_pair first) INIT_ONLY;
static int build_tables(struct dp *dp, const struct dp_limits *l) INIT_ONLY;
static int build_workers(struct dp *dp, const struct dp_limits *l) INIT_ONLY;
static int build_handover(struct dp *dp, unsigned from, unsigned to) INIT_ONLY;
static void build_ifaces(struct dp *dp, const struct dp_start *s) INIT_ONLY;
static struct clock_pair read_clocks(void);

int
dp_start(const struct dp_start *s, struct dp **out, char *err, size_t err_len)
{
	int e = dp_build(s, out, err, err_len);
	if (e)
		return e;
	dp_launch(*out);
	return 0;
}

int
dp_build(const struct dp_start *s, struct dp **out, char *err, size_t err_len)
{
	struct eal_log log;
	struct clock_pair first = read_clocks();
	struct dp *dp = calloc(1, sizeof *dp);
	int e = eal_log_open(&log);
	if (!dp)
		e = -ENOMEM;
	if (!e)
		e = plan(dp, s, &log);
	if (!e)
		e = eal_start(s, &log);
	bool eal = !e;
	if (!e)
		e = build(dp, s, &log);
	snprintf(err, err_len, "%s", e && !log.sentence[0] ? strerror(-e) : log.sentence);
	eal_log_close(&log);
	if (!e)
		finish(dp, s, first);
	else if (eal)
		dp_stop(dp);
	else
		free(dp);
	if (!e)
		*out = dp;
	return e;
}

/* plan: what needs no DPDK: is the wish in order, and is there memory for it? */
static int
plan(struct dp *dp, const struct dp_start *s, struct eal_log *log)
{
	struct dp_memory m;
	int e = check(s, log->sentence, sizeof log->sentence);
	if (e < 0)
		return e;
	dp->n_workers = s->n_workers;
	dp->tls = s->tls;
	dp->n_ports = s->n_ports;
	dp->n_ifaces = s->n_ifaces;
	memcpy(dp->cpu, s->workers, s->n_workers * sizeof *s->workers);
	for (unsigned i = 0; i < s->n_ports; i++)
		port_plan(&dp->ports[i], s, i);
	uint64_t need = dp_memory_bytes(s, &m);
	return memory_check(need, &m, s->memory_mib, log->sentence, sizeof log->sentence);
}

static int
check(const struct dp_start *s, char *err, size_t err_len)
{
	const struct dp_limits *l = &s->limits;
	if (!s->n_workers || s->n_workers > DP_MAX_WORKERS)
		snprintf(err, err_len, "cores.workers: between 1 and %d of them", DP_MAX_WORKERS);
	else if (s->n_ports > DP_MAX_PORTS)
		snprintf(err, err_len, "ports: at most %d", DP_MAX_PORTS);
	else if (!l->sessions || l->sessions > 1u << 24)
		snprintf(err, err_len, "sessions: between 1 and %u on each worker", 1u << 24);
	else if (l->ring_bytes < RING_MIN || (l->ring_bytes & (l->ring_bytes - 1)))
		snprintf(err, err_len, "message rings: a power of two, %d bytes at least", RING_MIN);
	else if (!l->sub4_blocks || !l->routes || !l->adjacencies)
		snprintf(err, err_len, "tables of subscribers, routes and neighbours must have room for one");
	else
		return check_ifaces(s, err, err_len);
	return -EINVAL;
}

static int
check_ifaces(const struct dp_start *s, char *err, size_t err_len)
{
	if (s->n_ifaces > DP_MAX_IFACES) {
		snprintf(err, err_len, "interfaces: at most %d", DP_MAX_IFACES);
		return -EINVAL;
	}
	for (unsigned i = 0; i < s->n_ifaces; i++) {
		const struct dp_iface_start *f = &s->ifaces[i];
		if (f->port < s->n_ports && f->vlan < 4096)
			continue;
		snprintf(err, err_len, "interface %s: no such port, or VLAN beyond 4095", f->name);
		return -EINVAL;
	}
	return 0;
}

/* cryptodev: a queue pair of it for each worker. */
static int
cryptodev(struct dp *dp, const struct dp_start *s, struct eal_log *log)
{
	if (!s->tls || !s->cryptodev)
		return 0;
	int id = tls_cryptodev_start(s->cryptodev, s->n_workers, log->sentence, sizeof log->sentence);
	if (id < 0)
		return -ENODEV;
	dp->by_device = true;
	dp->cryptodev = (uint8_t)id;
	return 0;
}

static int
build(struct dp *dp, const struct dp_start *s, struct eal_log *log)
{
	uint32_t mbufs = memory_mbufs(&s->limits, s->n_ports);
	int e = cryptodev(dp, s, log);
	if (e < 0)
		return e;
	for (unsigned i = 0; i < dp->n_workers; i++) {
		int socket = (int)rte_lcore_to_socket_id(eal_lcore_of(i));
		dp->pools[i] = lcore_pool_new(i, mbufs, memory_room(s), s->hugepages ? socket : SOCKET_ID_ANY);
		if (!dp->pools[i])
			e = -ENOMEM;
	}
	if (!e)
		e = build_tables(dp, &s->limits);
	if (!e)
		e = build_workers(dp, &s->limits);
	if (e < 0) {
		snprintf(log->sentence, sizeof log->sentence, "cores.memory: %u MiB are not enough: %s", s->memory_mib,
			 strerror(-e));
		return e;
	}
	for (unsigned i = 0; i < dp->n_ports && !e; i++)
		e = port_start(&dp->ports[i], s, i, dp->pools, log);
	build_ifaces(dp, s);
	return e;
}

/* finish: the clock, measured over all that time, and what only the started ports know. */
static void
finish(struct dp *dp, const struct dp_start *s, struct clock_pair first)
{
	struct clock_pair last = read_clocks();
	clock_steer_init(&dp->clock, &dp->tables.clock, first.tsc, first.now, last.tsc, last.now);
	for (unsigned i = 0; i < dp->n_workers; i++) {
		lcore_wire(dp->lcores[i], dp->ports, last.now);
		dp->lcores[i]->nap = s->nap;
	}
	atomic_store(&dp->tables.stage_cycles, s->stage_cycles);
}

static int
build_tables(struct dp *dp, const struct dp_limits *l)
{
	struct tables *t = &dp->tables;
	int socket = SOCKET_ID_ANY, e = 0;
	size_t qsbr = rte_rcu_qsbr_get_memsize(dp->n_workers);
	void *sub4 = rte_zmalloc_socket("sub4", sub4_bytes(l->sub4_blocks), 64, socket);
	void *adj = rte_zmalloc_socket("adj", adj_bytes(l->adjacencies), 64, socket);
	t->qsbr = rte_zmalloc_socket("qsbr", qsbr, 64, socket);
	t->fib_nh = rte_zmalloc_socket("fib", FIB_NEXTHOPS * sizeof *t->fib_nh, 64, socket);
	dp->fib_numbers = rte_zmalloc_socket("fib", sizeof *dp->fib_numbers, 64, socket);
	t->sub4.l1 = sub4; /* dp_stop frees it by this name */
	t->adj = adj;
	if (!sub4 || !adj || !t->qsbr || !t->fib_nh || !dp->fib_numbers)
		return -ENOMEM;
	rte_rcu_qsbr_init(t->qsbr, dp->n_workers);
	sub4_init(&dp->sub4, &t->sub4, t->qsbr, sub4, l->sub4_blocks);
	adj_init(&dp->adj, t, adj, l->adjacencies);
	e = route6_init(&dp->route6, &t->route6, t->qsbr, memory_routes6(l), socket);
	dp->fib_numbers->nh = t->fib_nh;
	dp->fib_numbers->top = 1;
	for (unsigned i = 0; i < DP_TABLE_COUNT && !e; i++)
		e = fib_init(&dp->fib[i], t, (enum dp_table)i, dp->fib_numbers, l->routes, socket);
	return e;
}

static int
build_workers(struct dp *dp, const struct dp_limits *l)
{
	int e = 0;
	for (unsigned i = 0; i < dp->n_workers; i++) {
		dp->lcores[i] = lcore_new(dp, i, l, SOCKET_ID_ANY);
		if (!dp->lcores[i])
			return -ENOMEM;
		for (unsigned j = 0; j < dp->n_workers && !e; j++)
			if (i != j)
				e = build_handover(dp, i, j);
	}
	return e;
}

static int
build_handover(struct dp *dp, unsigned from, unsigned to)
{
	char name[RTE_RING_NAMESIZE];
	snprintf(name, sizeof name, "hand%u.%u", from, to);
	dp->handover[from][to] = rte_ring_create(name, HANDOVER_SLOTS, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return dp->handover[from][to] ? 0 : -ENOMEM;
}

static void
build_ifaces(struct dp *dp, const struct dp_start *s)
{
	for (unsigned i = 0; i < s->n_ifaces; i++) {
		const struct dp_iface_start *f = &s->ifaces[i];
		struct iface *o = &dp->ifaces[i];
		*o = (struct iface){.port = f->port, .vlan = f->vlan, .mtu = f->mtu ? f->mtu : 1500};
		o->access = f->access;
		o->core = f->core;
		o->mac = dp->ports[f->port].mac;
		for (unsigned a = f->n_addrs; a; a--) {
			const struct addr *addr = &f->addrs[a - 1].addr;
			if (addr_is_v4(addr))
				o->ip4 = addr_ip4(addr);
			else
				o->ip6 = *addr;
		}
		if (!addr_is_any(&o->ip6))
			o->link_local = addr_link_local(o->mac.addr_bytes);
	}
}

void
dp_launch(struct dp *dp)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		rte_eal_remote_launch(lcore_main, dp->lcores[i], eal_lcore_of(i));
	dp->launched = true;
}

void
dp_stop(struct dp *dp)
{
	atomic_store(&dp->tables.stop, true);
	if (dp->launched)
		rte_eal_mp_wait_lcore();
	for (unsigned i = 0; i < dp->n_ports; i++)
		port_stop(&dp->ports[i]);
	for (unsigned i = 0; i < DP_TABLE_COUNT; i++)
		fib_fini(&dp->fib[i]);
	route6_fini(&dp->route6);
	for (unsigned i = 0; i < dp->n_workers; i++) {
		lcore_free(dp->lcores[i]);
		for (unsigned j = 0; j < dp->n_workers; j++)
			rte_ring_free(dp->handover[i][j]);
	}
	for (unsigned i = 0; i < dp->n_workers; i++)
		rte_mempool_free(dp->pools[i]);
	rte_free((void *)dp->tables.sub4.l1);
	rte_free(dp->tables.adj);
	rte_free(dp->tables.qsbr);
	rte_free(dp->tables.fib_nh);
	rte_free(dp->fib_numbers);
	eal_stop();
	free(dp);
}

static struct clock_pair
read_clocks(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct clock_pair){rte_rdtsc(), {(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000}};
}
