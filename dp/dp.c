#include <dp/dp.h>

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "state.h"

#define LINKS_US 1000000

static void read_links(struct dp *dp, struct mono now) ON_MAIN;

_Static_assert(sizeof(struct dp_session) <= 256, "a million idle sessions are a quarter of a GiB");

int
dp_sub4_set(struct dp *dp, uint32_t ip4, uint32_t nh)
{
	return sub4_set(&dp->sub4, ip4, nh);
}

uint32_t
dp_sub4_get(struct dp *dp, uint32_t ip4)
{
	return sub4_get(&dp->sub4, ip4);
}

int
dp_route_set(struct dp *dp, enum dp_table table, const struct prefix *p, uint32_t nh)
{
	if (addr_is_v4(&p->addr))
		return fib_set(&dp->fib[table], p, nh);
	return route6_set(&dp->route6, table, p, nh);
}

uint32_t
dp_route_get(struct dp *dp, enum dp_table table, const struct addr *a)
{
	return addr_is_v4(a) ? fib_get(&dp->fib[table], addr_ip4(a)) : route6_get(&dp->route6, table, a);
}

int
dp_link_local_set(struct dp *dp, unsigned iface, const struct addr *a, uint32_t nh)
{
	return route6_link_set(&dp->route6, iface, a, nh);
}

int
dp_adj_new(struct dp *dp, unsigned iface, const struct addr *a)
{
	return adj_new(&dp->adj, iface, a);
}

void
dp_adj_resolve(struct dp *dp, uint32_t adj, const uint8_t mac[6])
{
	adj_resolve(&dp->adj, adj, mac);
}

void
dp_adj_unresolve(struct dp *dp, uint32_t adj)
{
	adj_unresolve(&dp->adj, adj);
}

void
dp_adj_free(struct dp *dp, uint32_t adj)
{
	adj_free(&dp->adj, adj);
}

void
dp_step(struct dp *dp, struct mono now)
{
	clock_steer(&dp->clock, &dp->tables.clock, rte_rdtsc(), now);
	for (unsigned i = 0; i < DP_TABLE_COUNT; i++)
		fib_step(&dp->fib[i], now);
	sub4_step(&dp->sub4);
	adj_step(&dp->adj);
	if (mono_since_us(now, dp->links_read) >= LINKS_US)
		read_links(dp, now);
}

static void
read_links(struct dp *dp, struct mono now)
{
	dp->links_read = now;
	for (unsigned i = 0; i < dp->n_ports; i++) {
		struct rte_eth_link link = {0};
		if (rte_eth_link_get_nowait(dp->ports[i].id, &link) < 0)
			continue;
		dp->ports[i].link_up = link.link_status == RTE_ETH_LINK_UP;
		bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
		dp->ports[i].speed_mbps = known ? link.link_speed : 0;
	}
}

bool
dp_port_link_up(const struct dp *dp, unsigned port)
{
	return dp->ports[port].link_up;
}

unsigned
dp_workers(const struct dp *dp)
{
	return dp->n_workers;
}

unsigned
dp_ports(const struct dp *dp)
{
	return dp->n_ports;
}

void
dp_iface_mac(const struct dp *dp, unsigned iface, uint8_t mac[6])
{
	memcpy(mac, dp->ifaces[iface].mac.addr_bytes, 6);
}

void
dp_stage_cycles(struct dp *dp, bool on)
{
	atomic_store_explicit(&dp->tables.stage_cycles, on, memory_order_relaxed);
}
