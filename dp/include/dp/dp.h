/* dp.h - the dataplane, as the control thread sees it.
 *
 * What.  Worker cores poll ports, terminate tunnels and forward what is in the sessions, run to completion (dp/path.c).
 * They decide nothing: the control thread tells them by messages (msg.h) and shared tables, and hears from them by
 * messages alone.
 *
 * Threads.  dp_start and dp_stop: main() while no worker runs.  Everything ON_MAIN: the control thread, the only writer
 * of the shared tables (subscribers, routes, adjacencies).  A worker core reads them without a lock; what it may still
 * be reading is freed after a grace period (rte_rcu_qsbr).
 *
 * Memory.  All sized by struct dp_limits at start; afterwards nothing is allocated.  DPDK is initialised here and
 * nowhere else; MAIN never touches a mempool.
 *
 * Life cycle.   dp_start -> { dp_send, dp_recv, tables, dp_step } ... -> dp_stop
 *
 *	if (dp_start(&start, &dp, err, sizeof err) < 0)
 *		fatal("%s", err);
 *	dp_send(dp, DP_MSG_LISTEN_SET, handle_core(0), &listen, NULL, 0);
 *	for (;;) {
 *		while ((rec = dp_recv(dp, 0))) { handle[rec->type](rec); dp_recv_done(dp, 0); }
 *		dp_step(dp, now);
 *	}
 *
 * Worker cores are numbered 0 .. n-1 here, in the order of `workers`; "lcore" in this interface means that number.
 */
#ifndef DP_DP_H
#define DP_DP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dp/drop.h>
#include <dp/handle.h>
#include <dp/msg.h>
#include <dp/nexthop.h>
#include <millrace/addr.h>
#include <millrace/byte_ring.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#define DP_MAX_WORKERS 64
#define DP_MAX_PORTS 16
#define DP_MAX_IFACES 64
#define DP_MAX_IFACE_ADDRS 8
#define DP_NAME 32

struct dp;
struct tls_offload;

struct dp_limits {
	uint32_t sessions;                       /* per worker core; regions of 65,535 */
	uint32_t conns;                          /* TCP connections per worker core; 0: no TCP */
	uint32_t max_handshakes, handshake_rate; /* of TLS, per worker core; rate 0: no limit */
	uint32_t adjacencies;                    /* neighbours, all interfaces */
	uint32_t routes;                         /* per table */
	uint32_t sub4_blocks;                    /* /24 blocks of subscriber addresses in use at once */
	uint32_t mbufs;                          /* per worker core; 0: as many as ports and descriptors need */
	bool pptp;                               /* calls, as many as sessions */
	bool mppe;                               /* keys for every session */
	uint32_t ring_bytes;                     /* of each message ring; a power of two */
	uint16_t rx_descs, tx_descs;
};

struct dp_port_start {
	char name[DP_NAME];
	char device[256];            /* PCI address, or vdev string ("net_tap0,iface=acc0") */
	uint16_t rx_descs, tx_descs; /* 0: those of the limits */
	bool promiscuous;
	bool no_offload; /* checksums and VLAN tags by software, whatever the device can do */
};

struct dp_iface_start {
	char name[DP_NAME];
	uint16_t port; /* index into ports */
	uint16_t vlan; /* 0: untagged */
	uint16_t mtu;
	bool access; /* tunnel peers are here */
	bool core;   /* inner packets may leave and enter here */
	struct prefix addrs[DP_MAX_IFACE_ADDRS];
	unsigned n_addrs;
};

struct dp_start {
	unsigned main_cpu;
	unsigned workers[DP_MAX_WORKERS]; /* cpu of each */
	unsigned n_workers;
	bool hugepages;
	unsigned memory_mib;
	bool nap; /* idle = nap: an idle worker sleeps at most 50 us */
	bool stage_cycles;
	struct dp_port_start ports[DP_MAX_PORTS];
	unsigned n_ports;
	struct dp_iface_start ifaces[DP_MAX_IFACES];
	unsigned n_ifaces;
	struct dp_limits limits;
	struct tls_offload *tls;          /* with limits.conns: who makes the handshakes; NULL: no TLS */
	const char *cryptodev;            /* seals and opens TLS records; NULL: software */
	const char *const *eal_arguments; /* added to ours, for devices that need them; may be NULL */
	unsigned n_eal_arguments;
};

/* dp_memory_bytes: what dp_start will ask memory_mib for, by part in bytes; returns the sum.  For `millraced -t`. */
struct dp_memory {
	uint64_t sessions, conns, mbufs, fibs, subscribers, rings, adjacencies;
	uint64_t dpdk; /* what EAL and drivers take for themselves */
};
uint64_t dp_memory_bytes(const struct dp_start *s, struct dp_memory *out) ANY_THREAD;

/* dp_start: initialises EAL, ports and tables and launches the worker cores.  0, or -errno with a sentence in err that
 * names the port, key or limit at fault; then nothing is left running.  Once in a process: DPDK's EAL cannot be
 * initialised twice.  The shared tables are empty afterwards: our own addresses (NH_LOCAL) and the links (NH_GLEAN) are
 * the caller's to enter.  Binds the calling thread to main_cpu and blocks the real-time signals in it: net_tap sends one
 * for each packet, to whichever thread takes it, and that shall be a worker. */
int dp_start(const struct dp_start *s, struct dp **out, char *err, size_t err_len) INIT_ONLY;

/* dp_stop: stops the workers and ports and gives everything back. */
void dp_stop(struct dp *dp) INIT_ONLY;

/* --- messages ---------------------------------------------------------------------------------------------------- */

/* dp_send: one message to the worker core of the handle: the row's struct, then `extra_len` bytes of `extra` (frames).
 * 0; -EAGAIN when the class's share of the ring is used up (the caller keeps COMMANDs, and counts DATAGRAMs); -EMSGSIZE;
 * -EINVAL for no such core or message. */
int dp_send(struct dp *dp, enum dp_msg type, uint64_t handle, const void *payload, const void *extra, size_t extra_len)
	ON_MAIN;

/* dp_recv: the oldest message of a worker core, or NULL; valid until dp_recv_done. */
const struct byte_ring_rec *dp_recv(struct dp *dp, unsigned lcore) ON_MAIN;
void dp_recv_done(struct dp *dp, unsigned lcore) ON_MAIN;

/* --- shared tables ----------------------------------------------------------------------------------------------- */

/* dp_sub4_set: exact IPv4 addresses: sessions, our own addresses, resolved neighbours on links.  nh 0 removes.  Seen by
 * the workers at once.  -ENOSPC when limits.sub4_blocks are used up. */
int dp_sub4_set(struct dp *dp, uint32_t ip4, uint32_t nh) ON_MAIN;
uint32_t dp_sub4_get(struct dp *dp, uint32_t ip4) ON_MAIN;

enum dp_table { DP_TABLE_CORE, DP_TABLE_ACCESS, DP_TABLE_COUNT };

/* dp_route_set: adds or replaces a route, nh 0 removes it.  Workers see one of IPv4 after the next swap in dp_step (at
 * most 20 swaps a second), one of IPv6 at once.  dp_route_get sees both at once.  -ENOSPC beyond limits.routes, and of
 * IPv6 beyond DP_ROUTE6_LENGTHS lengths in one table.  Our own IPv6 addresses are routes of 128 bits to NH_LOCAL. */
#define DP_ROUTE6_LENGTHS 8
int dp_route_set(struct dp *dp, enum dp_table table, const struct prefix *p, uint32_t nh) ON_MAIN;
uint32_t dp_route_get(struct dp *dp, enum dp_table table, const struct addr *a) ON_MAIN;

/* dp_link_local_set: the neighbour of a link-local address, which means something on one link alone (RFC 4007); nh 0
 * removes it.  -ENOSPC. */
int dp_link_local_set(struct dp *dp, unsigned iface, const struct addr *a, uint32_t nh) ON_MAIN;

/* dp_adj_new: an unresolved adjacency for a neighbour on an interface; its index, or -ENOSPC. */
int dp_adj_new(struct dp *dp, unsigned iface, const struct addr *a) ON_MAIN;
/* dp_adj_resolve: its MAC address is known, or has changed.  Follow with ADJ_UP to every core. */
void dp_adj_resolve(struct dp *dp, uint32_t adj, const uint8_t mac[6]) ON_MAIN;
/* dp_adj_unresolve: the neighbour no longer answers. */
void dp_adj_unresolve(struct dp *dp, uint32_t adj) ON_MAIN;
/* dp_adj_free: nothing refers to it any more; the index is used again after a grace period. */
void dp_adj_free(struct dp *dp, uint32_t adj) ON_MAIN;

/* dp_step: swaps route tables, frees what the grace period has passed, reads link states.  Call in each turn of MAIN's
 * loop. */
void dp_step(struct dp *dp, struct mono now) ON_MAIN;

/* --- reading ----------------------------------------------------------------------------------------------------- */

unsigned dp_workers(const struct dp *dp) ANY_THREAD;
/* dp_iface_mac: the address that the interface answers with. */
void dp_iface_mac(const struct dp *dp, unsigned iface, uint8_t mac[6]) ANY_THREAD;

/* dp_session_counters: a live session's; the owner core writes them, so two of them may be of different moments. */
void dp_session_counters(const struct dp *dp, uint64_t handle, struct dp_counters *out) ON_MAIN;
/* dp_session_last_packet: when the owner core last took a data packet, either way. */
struct mono dp_session_last_packet(const struct dp *dp, uint64_t handle) ON_MAIN;

/* dp_drops: sums over all cores, indexed by enum drop. */
void dp_drops(const struct dp *dp, uint64_t out[DROP_COUNT]) ON_MAIN;

struct dp_port_info {
	char name[DP_NAME], device[256], driver[DP_NAME];
	uint8_t mac[6];
	bool link_up;
	uint32_t speed_mbps;
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, rx_no_mbuf;
	uint64_t tx_packets, tx_bytes, tx_errors;
	bool tx_ip4_checksum, tx_udp_checksum, rx_ip4_checksum; /* offloads in use */
};

unsigned dp_ports(const struct dp *dp) ANY_THREAD;
void dp_port_info(const struct dp *dp, unsigned port, struct dp_port_info *out) ON_MAIN;
/* dp_port_link_up: as dp_step last read it. */
bool dp_port_link_up(const struct dp *dp, unsigned port) ON_MAIN;

struct dp_stage_info {
	const char *name, *what;
	uint64_t calls, packets, cycles; /* TSC cycles; 0 unless switched on */
};

unsigned dp_stages(void) ANY_THREAD;
void dp_stage_info(const struct dp *dp, unsigned stage, struct dp_stage_info *out) ON_MAIN; /* summed over cores */
void dp_stage_cycles(struct dp *dp, bool on) ON_MAIN;

struct dp_tcp_counter {
	const char *name, *what; /* as in dp/tcp/stat.def */
	uint64_t count;
};

unsigned dp_tcp_counters(void) ANY_THREAD;
void dp_tcp_counter(const struct dp *dp, unsigned i, struct dp_tcp_counter *out) ON_MAIN; /* summed over cores */

struct dp_core_info {
	unsigned cpu;
	uint64_t loops, busy_loops, naps;
	uint64_t messages_in, messages_out;
	uint64_t messages_refused;   /* to MAIN, for want of room: datagrams lost, the others kept */
	uint64_t messages_held_back; /* of connections that say more than their share: they wait */
	uint64_t messages_stale;     /* from MAIN, for an object that is gone, or that is not as cp believes */
	uint32_t sessions, mbufs_total, mbufs_in_use;
	uint64_t tsc_hz;
};
void dp_core_info(const struct dp *dp, unsigned lcore, struct dp_core_info *out) ON_MAIN;

#endif
