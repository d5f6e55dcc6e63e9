/* neigh.h - the neighbours on the links: ARP (RFC 826) and Neighbor Discovery (RFC 4861), and the adjacencies that the
 * workers send with.
 *
 * The workers punt every ARP frame, solicitation and advertisement, and ask by RESOLVE when packets wait; this room answers, asks, learns, and writes the
 * adjacency.  A neighbour is asked for three times a second apart; one that has answered is asked again, unicast, after
 * a minute, and falls back to unresolved when it does not answer.  Entries made by RESOLVE or by learning end when
 * nobody answers; those of routes and tunnels (pinned) stay and are asked for again.  With proxy-arp a live session is answered for as if it were on the link itself.
 *
 * The inner table gets an entry for each resolved neighbour on a core link, so that the one inner lookup finds it.
 *
 * Our addresses are configured, so they are ours without asking (no DAD, RFC 4862 5.4); who has no address yet and asks for one of them
 * hears that it is taken.  Of RFC 4861's unreachability detection this is the part that a router with few neighbours
 * needs: an entry is asked again after a minute, used or not.
 *
 * MAIN only; no clock.  Bounded by `max` entries.  Whoever is on a link can claim all its addresses: when there is no
 * room, the neighbour that was heard longest ago makes room, of the interface that has most of them; pinned ones never
 * do.  So a flood on one link costs that link's strangers, and neither routers, nor tunnels, nor other links.
 */
#ifndef CP_NEIGH_H
#define CP_NEIGH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <dp/msg.h>
#include <millrace/addr.h>

#include "dataplane.h"
#include "timer.h"

#define NEIGH_MAX_IFACES DP_MAX_IFACES

struct neigh_entry;
TAILQ_HEAD(neigh_list, neigh_entry);

struct neigh_iface {
	bool core;      /* publish neighbours in the inner table */
	bool access;    /* publish them in the access routes */
	bool proxy_arp; /* answer for subscribers whose address is of this network (RFC 1027) */
	unsigned n_addrs;
	struct prefix addrs[DP_MAX_IFACE_ADDRS + 1]; /* with addresses of IPv6 the link-local one, last */
	uint8_t mac[6];
	struct neigh_list loose; /* those that are not pinned, the one heard longest ago first */
	uint32_t n_loose;
};

struct neigh {
	struct dataplane *dp;
	struct timers *timers;
	struct neigh_entry *by_key;
	uint32_t n, max;
	unsigned n_ifaces;
	struct neigh_iface ifaces[NEIGH_MAX_IFACES];
	uint64_t requests_sent, replies_sent, malformed, refused, evicted;
};

void neigh_init(struct neigh *ng, struct dataplane *dp, struct timers *timers, uint32_t max) ON_MAIN;
void neigh_fini(struct neigh *ng) ON_MAIN;

/* neigh_pin: the adjacency of a neighbour that a route or tunnel needs, made and asked for if it is new; -ENOSPC when
 * all are pinned.  Each pin takes one neigh_unpin. */
int neigh_pin(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now) ON_MAIN;
void neigh_unpin(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now) ON_MAIN;

/* neigh_adj: the adjacency of a neighbour that is known, or -ENOENT. */
int neigh_adj(const struct neigh *ng, unsigned iface, const struct addr *a) ON_MAIN;

/* neigh_resolve: message RESOLVE: a worker has packets for this address. */
void neigh_resolve(struct neigh *ng, unsigned iface, const struct addr *a, struct mono now) ON_MAIN;

/* neigh_input: message PUNT_ETH: an ARP packet (from the hardware type on) or a message of Neighbor Discovery (from the
 * IPv6 header on). */
void neigh_input(struct neigh *ng, const struct dp_eth_path *path, const uint8_t *p, size_t n, struct mono now) ON_MAIN;

/* neigh_announce: one gratuitous ARP (RFC 5227 3) or unsolicited advertisement (RFC 4861 7.2.6) for each of our addresses,
 * at start. */
void neigh_announce(struct neigh *ng) ON_MAIN;

#endif
