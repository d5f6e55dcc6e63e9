/* lcore.h - everything that one worker core owns, in one struct.
 *
 * Owner: that worker core; MAIN reads `stats` (relaxed, each word whole) and nothing else.  Created at start, sized by
 * struct dp_limits, on the core's own NUMA node.  lcore.c is the loop: messages, rx, path, timers, tx, quiescent report;
 * it alone reads the clock and the rx queues, everything below gets lc->now.
 */
#ifndef DP_LCORE_H
#define DP_LCORE_H

#include <stdalign.h>
#include <stdatomic.h>

#include <rte_ether.h>
#include <rte_ring.h>

#include <dp/dp.h>
#include <millrace/byte_ring.h>
#include <millrace/mono.h>
#include <millrace/role.h>
#include <millrace/wheel.h>

#include "policer.h"
#include "session.h"
#include "tables.h"
#include "vec.h"

struct tcp;

enum stage {
#define STAGE(name, what) STAGE_##name,
#include <dp/stage.def>
#undef STAGE
	STAGE_COUNT
};

/* Written by the owner alone, read by MAIN. */
struct lcore_stats {
	alignas(64) uint64_t drops[DROP_COUNT];
	struct {
		uint64_t calls, packets, cycles;
	} stage[STAGE_COUNT];
	uint64_t loops, busy_loops, naps;
	uint64_t messages_in, messages_out;
	uint64_t messages_refused;                                 /* for want of room in the ring */
	uint64_t messages_held_back;                               /* of connections that say too much: they wait */
	uint64_t messages_stale;                                   /* received for what is gone, or not ours */
	uint64_t iface_rx[DP_MAX_IFACES], iface_tx[DP_MAX_IFACES]; /* packets */
	uint32_t sessions;
};

/* An interface as the path needs it; immutable after start. */
struct iface {
	uint16_t port, vlan, mtu;
	bool access, core;
	struct rte_ether_addr mac;
	uint8_t eth_len;         /* path_init: of the whole Ethernet header, 14 or 18 */
	uint32_t ip4;            /* its first IPv4 address, source of ICMP errors; 0: none */
	uint8_t eth_tail[2][12]; /* path_init: an Ethernet header after the destination: source, tag, IPv4 or IPv6 */
	struct addr ip6;         /* its first IPv6 address, "::": none; then it has no link-local one either */
	struct addr link_local;
};

/* L2TP tunnel ids of ours that live on this core; index = tid.  Data needs no more than this: the peer's address is the
 * session's to check. */
struct tunnel {
	uint16_t region;
	bool used;
};

struct tx_queue {
	unsigned n;
	struct rte_mbuf *m[VEC_MAX * 2];
};

#define LISTENERS_MAX 64
#define HOLD_SLOTS 64
#define PUNT_CLASSES 5 /* enum punt_class */
#define PUNT_SOURCES_LOG2 8
#define PUNT_SOURCES (1 << PUNT_SOURCES_LOG2)
#define WHEEL_SLOTS 16384
#define WHEEL_TICK_US 16384

/* A packet kept while its neighbour is resolved: one per neighbour, in one of a few slots by hash of the address. */
struct hold {
	struct rte_mbuf *m; /* starts at the IP header; NULL: sent, or given up */
	struct addr addr;   /* of the neighbour; ::: the place is free */
	uint16_t iface;
	struct mono until, asked;
};

struct mppe;
struct gre_core;
struct conns;

struct lcore {
	/* read-only after start */
	unsigned index; /* worker number */
	unsigned n_ports, n_ifaces, n_workers;
	unsigned n_places; /* cores among which tunnel peers are placed (dp/placement.h); with 1 what arrives stays */
	struct dp *dp;
	struct tables *tables; /* shared, written by MAIN */
	struct iface ifaces[DP_MAX_IFACES];
	uint16_t iface_of[DP_MAX_PORTS][4096]; /* [port][vlan] -> interface or IFACE_NONE */
	struct rte_mempool *pool;
	struct tcp *tcp; /* NULL: none wanted */
	void *tcp_memory;
	uint32_t n_conns;
	struct byte_ring *to_main, *from_main;
	struct rte_ring *handover_in[DP_MAX_WORKERS], *handover_out[DP_MAX_WORKERS];
	/* What a device can do is used: then a received mbuf's ol_flags tell of checksums and of a VLAN tag stripped. */
	bool port_tx_ip4_checksum[DP_MAX_PORTS], port_tx_udp_checksum[DP_MAX_PORTS];
	bool port_tx_tcp_checksum[DP_MAX_PORTS];
	uint16_t port_id[DP_MAX_PORTS]; /* of ethdev */
	bool port_rx[DP_MAX_PORTS]; /* this core polls a queue of the port: number `index`, or 0 when there is one */
	uint16_t port_rx_queue[DP_MAX_PORTS];
	uint16_t tx_queue;   /* ours, on every port */
	uint32_t n_sessions; /* slots */
	bool nap;            /* sleeps when idle */

	/* owner */
	alignas(64) struct mono now;
	bool stage_cycles_on; /* copy of the switch, taken once a loop */
	uint16_t ip_id;
	struct dp_session *sessions;
	struct tunnel *tunnels;    /* 65,536 */
	struct addr *tunnel_peers; /* likewise: who may send control for it */
	struct gre_core *gre;      /* NULL: no PPTP */
	struct conns *conns;       /* TCP; NULL: nobody speaks it */
	struct mppe *mppe;         /* by slot; NULL: nobody encrypts */
	struct dp_listen listeners[LISTENERS_MAX];
	unsigned n_listeners;
	uint64_t placed_by_peer[65536 / 64]; /* TCP ports of ours, by bit (place.h) */
	struct wheel wheel;
	struct wheel_node **wheel_slots;
	struct policer punt_policer[PUNT_CLASSES], arp_policer[DP_MAX_IFACES], nd_policer[DP_MAX_IFACES];
	struct policer source_floor[PUNT_CLASSES][PUNT_SOURCES],
		source_policer[PUNT_CLASSES][PUNT_SOURCES];           /* by hash of the sender (punt.c) */
	struct policer icmp_policer[2], icmp_recipient[PUNT_SOURCES]; /* errors: about core's and sessions' packets */
	uint64_t punt_key; /* odd, random: who shares a bucket is nobody's to choose */
	struct hold hold[HOLD_SLOTS];
	struct tx_queue tx[DP_MAX_PORTS];
	struct vec made; /* packets that we made ourselves (ICMP); they take the inner lookup once */
	uint32_t pending_first, pending_last; /* sessions whose LIFECYCLE message waits for room, linked by slot */
	uint32_t empty_rounds;
	struct mono tick_due; /* path_tick */
	struct tsc_map tsc;
	uint32_t tsc_seen; /* which version of tables->clock that is */
	struct lcore_stats stats;
};

/* lcore_drop: counts and frees. */
static inline void lcore_drop(struct lcore *lc, struct rte_mbuf *m, enum drop why) ON_LCORE;

static inline void
lcore_drop(struct lcore *lc, struct rte_mbuf *m, enum drop why)
{
	lc->stats.drops[why]++;
	rte_pktmbuf_free(m);
}

/* lcore_main: the worker's thread, until tables->stop.  arg: struct lcore. */
int lcore_main(void *arg);

/* lcore_turn: one round of its loop at lc->now; true when there was something to do. */
bool lcore_turn(struct lcore *lc) ON_LCORE;

#endif
