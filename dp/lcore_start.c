/* init-only file */
#include "lcore_start.h"

#include <stdio.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "conn.h"
#include "gre.h"
#include "mppe.h"
#include "path.h"
#include "port.h"
#include "state.h"
#include "stream.h"

#define MBUF_CACHE 256
#define TUNNELS 65536

static struct gre_core *gre_new(uint32_t sessions, uint32_t mbufs, int socket);
static bool rings(struct lcore *lc, uint32_t bytes, int socket);
static struct byte_ring *ring(uint32_t bytes, int socket);
static void name_interfaces(struct lcore *lc);

struct rte_mempool *
lcore_pool_new(unsigned index, uint32_t mbufs, uint16_t room, int socket)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	snprintf(name, sizeof name, "mbufs%u", index);
	return rte_pktmbuf_pool_create(name, mbufs, MBUF_CACHE, 0, room, socket);
}

struct lcore *
lcore_new(struct dp *dp, unsigned index, const struct dp_limits *l, int socket)
{
	struct lcore *lc = rte_zmalloc_socket("lcore", sizeof *lc, 64, socket);
	if (!lc)
		return NULL;
	lc->index = index;
	lc->dp = dp;
	lc->tables = &dp->tables;
	lc->n_workers = lc->n_places = dp->n_workers;
	lc->pool = dp->pools[index];
	lc->tx_queue = (uint16_t)index;
	lc->n_sessions = l->sessions;
	lc->pending_first = lc->pending_last = SLOT_NONE;
	lc->sessions = rte_zmalloc_socket("sessions", l->sessions * sizeof *lc->sessions, 64, socket);
	lc->tunnels = rte_zmalloc_socket("tunnels", TUNNELS * sizeof *lc->tunnels, 64, socket);
	lc->gre = l->pptp ? gre_new(l->sessions, lc->pool->size, socket) : NULL;
	lc->mppe = l->mppe ? rte_zmalloc_socket("mppe", l->sessions * sizeof *lc->mppe, 64, socket) : NULL;
	lc->n_conns = l->conns;
	struct tcp_limits tcp = stream_limits(l->conns, lc->pool->size);
	lc->tcp_memory = l->conns ? rte_malloc_socket("tcp", tcp_bytes(&tcp), 64, socket) : NULL;
	lc->tunnel_peers = rte_zmalloc_socket("tunnels", TUNNELS * sizeof *lc->tunnel_peers, 64, socket);
	lc->wheel_slots = rte_zmalloc_socket("wheel", WHEEL_SLOTS * sizeof(struct wheel_node *), 64, socket);
	if (!rings(lc, l->ring_bytes, socket) || !lc->sessions || !lc->tunnels || !lc->tunnel_peers ||
	    !lc->wheel_slots || (l->mppe && !lc->mppe) || (l->pptp && !lc->gre) || (l->conns && !lc->tcp_memory)) {
		lcore_free(lc);
		return NULL;
	}
	const struct conns_start above = {
		.conns = l->conns,
		.mbufs = lc->pool->size,
		.lcore = index,
		.max_handshakes = l->max_handshakes,
		.handshake_rate = l->handshake_rate,
		.pool = lc->pool,
		.offload = dp->tls,
		.by_device = dp->by_device,
		.cryptodev = dp->cryptodev,
		.drops = lc->stats.drops,
		.socket = socket,
	};
	lc->conns = l->conns ? conns_new(&above) : NULL;
	if (l->conns && !lc->conns) {
		lcore_free(lc);
		return NULL;
	}
	for (uint32_t i = 0; i < lc->n_sessions; i++)
		lc->sessions[i].generation = 1;
	return lc;
}

static struct gre_core *
gre_new(uint32_t sessions, uint32_t mbufs, int socket)
{
	struct gre_core *g = rte_zmalloc_socket("gre", sizeof *g, 64, socket);
	uint32_t n = gre_calls(sessions);
	struct gre_call *calls = g ? rte_zmalloc_socket("calls", n * sizeof *calls, 64, socket) : NULL;
	if (!calls) {
		rte_free(g);
		return NULL;
	}
	gre_init(g, calls, n, mbufs);
	return g;
}

static bool
rings(struct lcore *lc, uint32_t bytes, int socket)
{
	lc->to_main = ring(bytes, socket);
	lc->from_main = ring(bytes, socket);
	return lc->to_main && lc->from_main;
}

static struct byte_ring *
ring(uint32_t bytes, int socket)
{
	size_t head = (sizeof(struct byte_ring) + 63) & ~(size_t)63;
	struct byte_ring *r = rte_zmalloc_socket("ring", head + bytes, 64, socket);
	if (r)
		byte_ring_init(r, (uint8_t *)r + head, bytes);
	return r;
}

void
lcore_wire(struct lcore *lc, const struct port *ports, struct mono now)
{
	struct dp *dp = lc->dp;
	lc->n_ports = dp->n_ports;
	lc->n_ifaces = dp->n_ifaces;
	for (unsigned p = 0; p < dp->n_ports; p++) {
		lc->port_id[p] = ports[p].id;
		lc->port_rx[p] = lc->index < ports[p].n_rx_queues;
		lc->port_rx_queue[p] = (uint16_t)lc->index;
		lc->port_tx_ip4_checksum[p] = ports[p].tx_ip4_checksum;
		lc->port_tx_udp_checksum[p] = ports[p].tx_udp_checksum;
		lc->port_tx_tcp_checksum[p] = ports[p].tx_tcp_checksum;
	}
	for (unsigned w = 0; w < dp->n_workers; w++) {
		lc->handover_in[w] = dp->handover[w][lc->index];
		lc->handover_out[w] = dp->handover[lc->index][w];
	}
	name_interfaces(lc);
	lc->now = now;
	tsc_clock_read(&dp->tables.clock, &lc->tsc, &lc->tsc_seen);
	wheel_init(&lc->wheel, lc->wheel_slots, WHEEL_SLOTS, WHEEL_TICK_US, now);
	path_init(lc, now);
	if (lc->tcp_memory)
		stream_init(lc, lc->tcp_memory);
	if (lc->conns)
		conns_wire(lc);
}

static void
name_interfaces(struct lcore *lc)
{
	for (unsigned p = 0; p < DP_MAX_PORTS; p++)
		for (unsigned v = 0; v < 4096; v++)
			lc->iface_of[p][v] = IFACE_NONE;
	for (unsigned i = 0; i < lc->n_ifaces; i++) {
		lc->ifaces[i] = lc->dp->ifaces[i];
		lc->iface_of[lc->ifaces[i].port][lc->ifaces[i].vlan] = (uint16_t)i;
	}
}

void
lcore_free(struct lcore *lc)
{
	if (!lc)
		return;
	conns_free(lc->conns);
	rte_free(lc->sessions);
	if (lc->gre)
		rte_free(lc->gre->calls);
	rte_free(lc->gre);
	rte_free(lc->mppe);
	rte_free(lc->tcp_memory);
	rte_free(lc->tunnels);
	rte_free(lc->tunnel_peers);
	rte_free(lc->wheel_slots);
	rte_free(lc->to_main);
	rte_free(lc->from_main);
	rte_free(lc);
}
