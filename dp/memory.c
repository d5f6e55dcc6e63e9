/* init-only file */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "adj.h"
#include "conn.h"
#include "fib.h"
#include "gre.h"
#include "lcore.h"
#include "mppe.h"
#include "route6.h"
#include "stream.h"
#include "sub4.h"

#define DESCS 1024
#define IN_FLIGHT 2048 /* caches, vectors, packets kept for neighbours, frames under way */
#define MBUF_OVERHEAD (sizeof(struct rte_mbuf) + 64)
#define SMALL_PAGE 4096u
#define DPDK_BYTES (12ull << 20) /* what EAL and drivers take for themselves */
#define TUNNEL_BYTES (65536 * (sizeof(struct tunnel) + sizeof(struct addr)))
#define WHEEL_BYTES (WHEEL_SLOTS * sizeof(struct wheel_node *))
#define LOOPBACKS 256
#define MIB(bytes) ((unsigned)(((bytes) + (1 << 20) - 1) >> 20))

uint32_t
memory_mbufs(const struct dp_limits *l, unsigned n_ports)
{
	uint32_t descs = (l->rx_descs ? l->rx_descs : DESCS) + (l->tx_descs ? l->tx_descs : DESCS);
	uint32_t need = n_ports * descs + IN_FLIGHT, n = 4096;
	if (l->mbufs)
		return l->mbufs;
	while (n - 1 < need) /* a pool is smallest at one less than a power of two */
		n *= 2;
	return n - 1;
}

uint32_t
memory_routes6(const struct dp_limits *l)
{
	return l->routes + 2 * l->adjacencies + 2 * DP_MAX_IFACES * DP_MAX_IFACE_ADDRS + 2 * LOOPBACKS;
}

uint16_t
memory_room(const struct dp_start *s)
{
	unsigned mtu = RTE_ETHER_MTU;
	for (unsigned i = 0; i < s->n_ifaces; i++)
		if (s->ifaces[i].mtu > mtu)
			mtu = s->ifaces[i].mtu;
	unsigned frame = RTE_PKTMBUF_HEADROOM + mtu + 14 + 2 * 4; /* Ethernet, two VLAN tags */
	unsigned room = (frame + 127) & ~127u;
	return (uint16_t)(room > 2176 ? room : 2176);
}

/* Without hugepages a mempool keeps each object within as few small pages as it can: mostly one page for one mbuf. */
static uint64_t
mbuf_bytes(const struct dp_start *s)
{
	unsigned bytes = MBUF_OVERHEAD + memory_room(s);
	if (s->hugepages)
		return bytes;
	return bytes > SMALL_PAGE ? (bytes + SMALL_PAGE - 1) & ~(SMALL_PAGE - 1) : SMALL_PAGE / (SMALL_PAGE / bytes);
}

uint64_t
dp_memory_bytes(const struct dp_start *s, struct dp_memory *out)
{
	const struct dp_limits *l = &s->limits;
	uint64_t workers = s->n_workers, mbufs = workers * memory_mbufs(l, s->n_ports);
	uint64_t mppe = l->mppe ? sizeof(struct mppe) : 0;
	struct tcp_limits tcp = stream_limits(l->conns, memory_mbufs(l, s->n_ports));
	uint64_t gre = l->pptp ? sizeof(struct gre_core) + gre_calls(l->sessions) * sizeof(struct gre_call) : 0;
	uint64_t lcore = gre + sizeof(struct lcore) + TUNNEL_BYTES + WHEEL_BYTES;
	const struct conns_start above = {
		.conns = l->conns,
		.mbufs = memory_mbufs(l, s->n_ports),
		.max_handshakes = l->max_handshakes,
		.offload = s->tls,
	};
	*out = (struct dp_memory){
		.sessions = workers * (lcore + (uint64_t)l->sessions * (sizeof(struct dp_session) + mppe)),
		.conns = l->conns ? workers * (tcp_bytes(&tcp) + conns_bytes(&above)) : 0,
		.mbufs = mbufs * mbuf_bytes(s),
		.fibs = DP_TABLE_COUNT * fib_bytes(l->routes) + route6_bytes(memory_routes6(l)) +
			sizeof(struct fib_numbers) + FIB_NEXTHOPS * sizeof(uint32_t),
		.subscribers = sub4_bytes(l->sub4_blocks),
		.rings = workers * 2 * l->ring_bytes + workers * workers * 8 * 1024,
		.adjacencies = adj_bytes(l->adjacencies),
		.dpdk = DPDK_BYTES,
	};
	return out->sessions + out->conns + out->mbufs + out->fibs + out->subscribers + out->rings + out->adjacencies +
	       out->dpdk;
}

int
memory_check(uint64_t need, const struct dp_memory *m, unsigned memory_mib, char *err, size_t err_len)
{
	uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	if ((uint64_t)memory_mib << 20 > machine) {
		snprintf(err, err_len, "cores.memory: %u MiB are more than this machine has (%u MiB)", memory_mib,
			 (unsigned)(machine >> 20));
		return -ENOMEM;
	}
	if (need <= (uint64_t)memory_mib << 20)
		return 0;
	snprintf(err, err_len,
		 "cores.memory: %u MiB are not enough, the sizes need %u: sessions %u, packet buffers %u, routes %u, "
		 "subscriber addresses %u, message rings %u, neighbours %u, DPDK %u",
		 memory_mib, MIB(need), MIB(m->sessions), MIB(m->mbufs), MIB(m->fibs), MIB(m->subscribers),
		 MIB(m->rings), MIB(m->adjacencies), MIB(m->dpdk));
	return -ENOMEM;
}
