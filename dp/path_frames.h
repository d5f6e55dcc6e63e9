/* path_frames.h - the frames of the tests of the path: what goes in, and what must come out. */
#ifndef DP_PATH_FRAMES_H
#define DP_PATH_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bed.h"
#include "path.h"

/* inner: a UDP packet of `len` octets of payload. */
static inline void
inner(struct frame *f, uint32_t src, uint32_t dst, uint8_t ttl, unsigned len)
{
	frame_payload(f, len);
	frame_udp(f, 4000, 5000);
	frame_ip4(f, (struct frame_ip4){.src = src, .dst = dst, .proto = 17, .ttl = ttl, .id = 0x77});
}

static inline void
inner_ping(struct frame *f, uint32_t src, uint32_t dst, uint8_t type, uint8_t ttl)
{
	frame_payload(f, 56);
	frame_icmp(f, type, 0, 0x00010002);
	frame_ip4(f, (struct frame_ip4){.src = src, .dst = dst, .proto = 1, .ttl = ttl, .id = 0x78});
}

/* carrier_up: UDP, IPv4 and Ethernet in front of an L2TP message of the LAC. */
static inline void
carrier_up(struct frame *f)
{
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 60, .id = 9});
	frame_eth(f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
}

static inline void
tunnel_up(struct frame *f, uint16_t sid)
{
	frame_ppp(f, 0x0021, false, false);
	frame_l2tp(f, (struct frame_l2tp){.tid = BED_TID, .sid = sid});
	carrier_up(f);
}

/* carrier_down, tunnel_down: what the LAC gets. */
static inline void
carrier_down(struct frame *f, uint16_t sid, bool length, uint16_t id)
{
	frame_l2tp(f,
		   (struct frame_l2tp){.tid = BED_PEER_TID, .sid = (uint16_t)(sid + BED_SID_BASE), .length = length});
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = BED_LNS, .dst = BED_LAC, .proto = 17, .ttl = 64, .id = id});
	frame_eth(f, bed_neighbour_mac(BED_ADJ_LAC), bed_mac(BED_ACCESS), 0, 0x0800);
}

static inline void
tunnel_down(struct frame *f, uint16_t sid, uint16_t id)
{
	frame_ppp(f, 0x0021, false, false);
	carrier_down(f, sid, false, id);
}

static inline void
core_rx(struct frame *f)
{
	frame_eth(f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x0800);
}

static inline void
core_tx(struct frame *f)
{
	frame_eth(f, bed_neighbour_mac(BED_ADJ_ROUTER), bed_mac(BED_CORE), 100, 0x0800);
}

static inline struct frame_ip6
between6(const char *src, const char *dst, uint8_t next, uint8_t hop_limit)
{
	struct addr a = bed_addr(src), b = bed_addr(dst);
	struct frame_ip6 h = {.next = next, .hop_limit = hop_limit};
	memcpy(h.src, a.b, 16);
	memcpy(h.dst, b.b, 16);
	return h;
}

static inline void
ping6(struct frame *f, const char *src, const char *dst, uint8_t type, uint8_t hop_limit, unsigned len)
{
	struct frame_ip6 h = between6(src, dst, 58, hop_limit);
	frame_payload(f, len);
	frame_icmp(f, type, 0, 0x00070009);
	frame_checksum6(f, &h, 58, 2);
	frame_ip6(f, &h);
}

/* solicit6: RFC 4861 4.3, with the source's link-layer address. */
static inline void
solicit6(struct frame *f, const char *src, const char *dst, const char *target, uint8_t hop_limit)
{
	static const uint8_t option[8] = {1, 1, 2, 0, 0, 0, 2, BED_ADJ_LAC6};
	struct frame_ip6 h = between6(src, dst, 58, hop_limit);
	struct addr t = bed_addr(target);
	frame_bytes(f, option, sizeof option);
	memcpy(frame_push(f, 16), t.b, 16);
	frame_icmp(f, 135, 0, 0);
	frame_checksum6(f, &h, 58, 2);
	frame_ip6(f, &h);
}

/* access6_rx: to the interface's address, or to the group that the IPv6 destination is. */
static inline void
access6_rx(struct frame *f)
{
	uint8_t mac[6];
	memcpy(mac, bed_mac(BED_ACCESS), 6);
	if (f->p[24] == 0xff) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, f->p + 36, 4);
	}
	frame_eth(f, mac, bed_neighbour_mac(BED_ADJ_LAC6), 0, 0x86dd);
}

/* expect_tx: the `at`th frame in the port's queue is f, octet for octet. */
static inline void
expect_tx(unsigned port, unsigned at, const struct frame *f)
{
	uint8_t copy[FRAME_MAX];
	assert_in_range(bed.lc->tx[port].n, at + 1, RTE_DIM(bed.lc->tx[port].m));
	const struct rte_mbuf *m = bed.lc->tx[port].m[at];
	assert_int_equal(m->pkt_len, frame_len(f));
	assert_memory_equal(rte_pktmbuf_read(m, 0, m->pkt_len, copy), f->p, frame_len(f));
	rte_mbuf_sanity_check(m, 1);
}

static inline void
expect_queued(unsigned port0, unsigned port1, unsigned port2)
{
	assert_int_equal(bed.lc->tx[0].n, port0);
	assert_int_equal(bed.lc->tx[1].n, port1);
	assert_int_equal(bed.lc->tx[2].n, port2);
}

/* expect_drop: one packet was dropped, for this reason. */
static inline void
expect_drop(enum drop why)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		if (bed.lc->stats.drops[i] != (i == why))
			fail_msg("%s: %d", drop_row(i ? i : why)->name, (int)bed.lc->stats.drops[i]);
}

static inline int
fresh(void **state)
{
	(void)state;
	bed_reset();
	return 0;
}

/* After each test: every buffer is in a queue or free, and none was freed twice. */
static inline int
conserved(void **state)
{
	(void)state;
	assert_int_equal(bed_held(), 0);
	bed_reset();
	assert_true(bed_sound());
	return 0;
}

#define PATH_TEST(f) cmocka_unit_test_setup_teardown(f, fresh, conserved)

#endif
