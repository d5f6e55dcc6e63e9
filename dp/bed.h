/* bed.h - a worker core for tests, fuzzing and benchmarks: struct lcore with tables and packets, without ports, MAIN or
 * loop.
 *
 * The path runs in it as it does in the daemon; what it sends stays in lc->tx, what it says to MAIN is kept in
 * bed.said (lcore_send is replaced).  Everything in here is filled by hand, not by the code that does it in the daemon.
 *
 *	interface 0 "access"  port 0, untagged, 10.77.0.2, fd77::2      neighbours 10.77.0.1 and fd77::1 (the LAC)
 *	interface 1 "core"    port 1, VLAN 100, 192.0.2.1, 2001:db8:1::1  neighbours 192.0.2.2 (router), 192.0.2.9 (not resolved)
 *	interface 2 "tagged"  port 0, VLAN 7,   10.77.7.2, fd77:7::2, access
 *	interface 3 "plain"   port 2, untagged, 198.51.100.1, core
 *	gateway 10.78.0.1; pool 10.78.0.0/16 (discard); routes 203.0.113.0/24 by 192.0.2.2, 192.0.2.0/24 on the core link,
 *	198.18.0.0/24 by 192.0.2.9; access routes 10.0.0.0/8 and 2001:db8:2::/48 by the LAC, fd77::/64 on the access link
 */
#ifndef DP_BED_H
#define DP_BED_H

#include "frame_build.h"
#include "lcore.h"
#include "route6.h"

#define BED_LAC 0x0a4d0001u
#define BED_LNS 0x0a4d0002u
#define BED_ROUTER 0xc0000202u
#define BED_CORE_IP 0xc0000201u
#define BED_DARK 0xc0000209u /* a neighbour that is not resolved */
#define BED_HOST 0xcb007105u /* 203.0.113.5, behind the router */
#define BED_FAR 0xc6120005u  /* 198.18.0.5, behind the dark neighbour */
#define BED_GATEWAY 0x0a4e0001u
#define BED_POOL 0x0a4e0100u /* 10.78.1.0: the first session has .1 */
#define BED_LNS6 "fd77::2"
#define BED_LAC6 "fd77::1"
#define BED_NOWHERE 0xcb007201u

#define BED_TID 7
#define BED_PEER_TID 70
#define BED_SID_BASE 100 /* peer's id of a session = ours + this */
#define BED_LINKS 4
#define BED_NEAR 256                      /* slots that bed_reset clears */
#define BED_SESSIONS (0x10000 + BED_NEAR) /* of bed_start_small: a second region has begun */

enum bed_iface { BED_ACCESS, BED_CORE, BED_TAGGED, BED_PLAIN };
enum bed_adj {
	BED_ADJ_LAC,
	BED_ADJ_ROUTER,
	BED_ADJ_DARK,
	BED_ADJ_TAGGED,
	BED_ADJ_PLAIN,
	BED_ADJ_LAC6,
	BED_ADJ_TAGGED6,
	BED_ADJS
};

struct bed_said {
	enum dp_msg type;
	uint64_t handle;
	uint8_t payload[256]; /* the row's struct */
	uint8_t bytes[2048];
	unsigned len; /* of bytes */
};

struct bed_size {
	uint32_t sessions, blocks, mbufs;
	bool fast_routes; /* dir24_8 instead of small tables: 64 MiB */
	bool huge_pages;  /* for buffers, if enough are free */
	unsigned cpu;
	unsigned memory_mib;
};

struct bed {
	struct lcore *lc;
	struct tables tables;
	uint32_t l2_used, l3_used, blocks;
	uint32_t n_nh;
	struct route6_writer route6;
	bool huge_pages;           /* buffers are on them */
	struct rte_mbuf **all;     /* bed_sound */
	struct rte_mbuf *spare[8]; /* so that the pool has room for buffers that are freed twice, and they show */
	struct bed_said said[256];
	unsigned n_said;
	int send_answer; /* what lcore_send answers; 0 as a rule */
};

extern struct bed bed;

/* bed_start: DPDK, memory, interfaces; once in a process.  bed_start_small: for tests. */
void bed_start(const struct bed_size *size);
void bed_start_small(void);

/* bed_memory: zero, on pages as large as the kernel gives; never freed. */
void *bed_memory(size_t n);

/* bed_reset: as after the start: no sessions in the first BED_NEAR slots, no packets, counters zero, two
 * workers, and all tunnel peers on this one. */
void bed_reset(void);

void bed_sub4(uint32_t ip4, uint32_t nh);
void bed_route(enum dp_table table, uint32_t ip4, uint8_t len, uint32_t nh);
void bed_route6(enum dp_table table, const char *prefix, uint32_t nh);
struct addr bed_addr(const char *text);
uint8_t *bed_mac(enum bed_iface iface);
uint8_t *bed_neighbour_mac(enum bed_adj adj);
void bed_adj(enum bed_adj adj, bool resolved);

/* bed_session: opens session `sid` of tunnel BED_TID with address BED_POOL + sid, all gates open, MTU 1400. */
struct dp_session *bed_session(uint16_t sid);
/* bed_session6: the same over IPv6, from BED_LAC6. */
struct dp_session *bed_session6(uint16_t sid);

/* bed_call: the same over PPTP: call id `sid` of ours, sid + BED_SID_BASE of the peer's; 8 packets wait, 50 ms. */
struct dp_session *bed_call(uint16_t sid);

/* bed_rx: one frame from a port through path_run. */
void bed_rx(unsigned port, const struct frame *f);
/* bed_mbuf: the frame in a buffer, in segments of at most `segment` octets (0: one). */
struct rte_mbuf *bed_mbuf(const struct frame *f, unsigned segment);
/* bed_held: buffers that are neither free nor in lc->tx. */
unsigned bed_held(void);
/* bed_sound: after bed_reset: every buffer is free, and none twice. */
bool bed_sound(void);
uint64_t bed_drops(void); /* sum over all reasons */

#endif
