/* Every reason of drop.def that a packet can meet is met here, alone, and counted once; and so is each edge beside it. */
#include <errno.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

#include "path_frames.h"

static bool seen[DROP_COUNT];

static void
sees(enum drop why)
{
	expect_drop(why);
	seen[why] = true;
	bed_reset();
}

static void
frame_up(struct frame *f, uint32_t src, uint32_t dst)
{
	inner(f, src, dst, 64, 20);
	tunnel_up(f, 1);
}

/* up_edited: a packet of session 1 with one octet changed, counted from the start of a header, before the headers in front
 * of it are built. */
static void
inner_edited(unsigned at, uint8_t value)
{
	struct frame f;
	bed_session(1);
	inner(&f, BED_POOL + 1, BED_HOST, 64, 20);
	f.p[at] = value;
	f.p[10] = f.p[11] = 0;
	frame_16(f.p + 10, frame_checksum(f.p, 20, 0));
	tunnel_up(&f, 1);
	bed_rx(0, &f);
}

static void
raw(unsigned port, const struct frame *f, unsigned len)
{
	struct frame cut;
	frame_bytes(&cut, f->p, len);
	bed_rx(port, &cut);
}

static void
ethernet(void **state)
{
	(void)state;
	struct frame f;
	static const uint8_t other[6] = {2, 9, 9, 9, 9, 9}, all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bed_session(1);
	frame_up(&f, BED_POOL + 1, BED_HOST);
	raw(0, &f, 13);
	sees(DROP_ETH_SHORT);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	core_rx(&f);
	raw(1, &f, 17);
	sees(DROP_ETH_SHORT);
	raw(1, &f, 18);
	sees(DROP_IP4_SHORT);
	frame_payload(&f, 40);
	frame_eth(&f, bed_mac(BED_ACCESS), other, 0, 0x8863);
	bed_rx(0, &f);
	sees(DROP_ETH_TYPE);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	frame_eth(&f, other, other, 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_ETH_NOT_OURS);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	frame_eth(&f, all, other, 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_ETH_NOT_OURS);
	frame_payload(&f, 28);
	frame_eth(&f, other, other, 0, 0x0806);
	bed_rx(0, &f);
	sees(DROP_ETH_NOT_OURS);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	frame_eth(&f, bed_mac(BED_CORE), other, 101, 0x0800);
	bed_rx(1, &f);
	sees(DROP_VLAN_UNKNOWN);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	frame_eth(&f, bed_mac(BED_CORE), other, 0, 0x0800);
	bed_rx(1, &f);
	sees(DROP_VLAN_UNKNOWN);
}

static void
inner_header(void **state)
{
	(void)state;
	struct frame f;
	inner_edited(0, 0x65);
	sees(DROP_IP4_VERSION);
	inner_edited(0, 0x44);
	sees(DROP_IP4_SHORT);
	inner_edited(3, 19);
	sees(DROP_IP4_LENGTH);
	inner_edited(3, 49);
	sees(DROP_IP4_LENGTH);
	static const uint8_t martians[] = {0, 127, 224, 239, 240, 255};
	for (unsigned i = 0; i < RTE_DIM(martians); i++) {
		inner_edited(12, martians[i]);
		sees(DROP_IP4_SOURCE);
		inner_edited(16, martians[i]);
		sees(DROP_IP4_DESTINATION);
	}
	bed_session(1);
	inner(&f, BED_POOL + 1, BED_HOST, 64, 20);
	f.p[11] ^= 1;
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	sees(DROP_IP4_CHECKSUM);
	bed_session(1);
	frame_payload(&f, 19);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	sees(DROP_IP4_SHORT);
}

static void
to_us(void **state)
{
	(void)state;
	struct frame f;
	frame_payload(&f, 64);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 9, .frag = 0x2000});
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_IP4_FRAGMENT);
	frame_payload(&f, 64);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 9, .frag = 1});
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_IP4_FRAGMENT);
	frame_payload(&f, 64);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 6, .ttl = 9});
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_IP4_PROTOCOL);
	inner_ping(&f, BED_LAC, BED_LNS, 0, 9);
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_ICMP_UNHANDLED);
	inner_ping(&f, BED_LAC, BED_LNS, 8, 9);
	f.p[40] ^= 0x10;
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_ICMP_CHECKSUM);
	/* Access alone may reach us, and nothing behind us. */
	bed_session(1);
	inner(&f, BED_LAC, BED_POOL + 1, 9, 20);
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_IP4_TRANSIT);
	/* And the core side reaches subscribers, not itself. */
	inner(&f, BED_ROUTER, BED_HOST, 9, 20);
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_IP4_TRANSIT);
}

static void
wants6(struct frame *f, enum drop why)
{
	access6_rx(f);
	bed_rx(0, f);
	sees(why);
}

static void
ip6_header(void **state)
{
	(void)state;
	struct frame f;
	static const char *const sources[] = {"ff02::1", "::1", "::ffff:10.77.0.1", "::"};
	static const char *const destinations[] = {"::1", "::", "::ffff:10.77.0.2"};
	static const struct {
		unsigned at, value;
		enum drop why;
	} rows[] = {{0, 0x40, DROP_IP6_VERSION}, {5, 65, DROP_IP6_LENGTH},   {4, 0xff, DROP_IP6_LENGTH},
		    {6, 59, DROP_IP6_PROTOCOL},  {6, 47, DROP_IP6_PROTOCOL}, {39, 3, DROP_IP6_TRANSIT}};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		ping6(&f, BED_LAC6, BED_LNS6, 128, 64, 56);
		f.p[rows[i].at] = (uint8_t)rows[i].value;
		wants6(&f, rows[i].why);
	}
	frame_payload(&f, 39);
	f.p[0] = 0x60;
	f.p[24] = 0xfd;
	wants6(&f, DROP_IP6_SHORT);
	for (unsigned i = 0; i < RTE_DIM(sources); i++) {
		if (i == 2) { /* bed_addr would make it IPv4 */
			ping6(&f, "::1:ffff:10.77.0.1", BED_LNS6, 128, 64, 56);
			f.p[17] = 0;
		} else {
			ping6(&f, sources[i], BED_LNS6, 128, 64, 56);
		}
		wants6(&f, DROP_IP6_SOURCE);
	}
	for (unsigned i = 0; i < RTE_DIM(destinations); i++) {
		ping6(&f, BED_LAC6, destinations[i], 128, 64, 56);
		wants6(&f, DROP_IP6_DESTINATION);
	}
	ping6(&f, BED_LAC6, "ff02::1", 128, 64, 56);
	wants6(&f, DROP_IP6_DESTINATION); /* nobody is answered who asks all */
	ping6(&f, BED_LAC6, BED_LNS6, 128, 64, 56);
	frame_eth(&f, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, bed_neighbour_mac(BED_ADJ_LAC6), 0, 0x86dd);
	bed_rx(0, &f);
	sees(DROP_ETH_NOT_OURS);
}

/* with_extension: a ping with `len` octets of extension header `type`; the caller writes into it. */
static uint8_t *
with_extension(struct frame *f, uint8_t type, unsigned len)
{
	struct frame_ip6 h = between6(BED_LAC6, BED_LNS6, 58, 64);
	frame_payload(f, 8);
	frame_icmp(f, 128, 0, 1);
	frame_checksum6(f, &h, 58, 2);
	frame_option6(f, 58, len);
	h.next = type;
	frame_ip6(f, &h);
	return f->p + 40;
}

static void
ip6_extension_headers(void **state)
{
	(void)state;
	struct frame f;
	static const struct {
		uint8_t type, len, at, value;
		enum drop why; /* NONE: it is answered */
	} rows[] = {
		{0, 8, 0, 58, DROP_NONE},
		{60, 8, 0, 58, DROP_NONE},
		{43, 8, 0, 58, DROP_NONE},
		{44, 8, 0, 58, DROP_NONE}, /* the whole of it: RFC 6946 */
		{44, 8, 3, 1, DROP_IP6_FRAGMENT},
		{44, 8, 2, 1, DROP_IP6_FRAGMENT},
		{44, 8, 3, 8, DROP_IP6_FRAGMENT},
		{43, 8, 3, 1, DROP_IP6_EXTENSION},
		{60, 8, 2, 0x3e, DROP_NONE},
		{60, 8, 2, 0x7e, DROP_IP6_EXTENSION},
		{60, 8, 2, 0xbe, DROP_IP6_EXTENSION},
		{60, 8, 2, 0xfe, DROP_IP6_EXTENSION},
		{0, 16, 3, 12, DROP_NONE},         /* Pad1s, then the octet is a type without data: still skipped */
		{60, 8, 7, 1, DROP_IP6_EXTENSION}, /* PadN whose length would lie behind */
		{60, 8, 1, 1, DROP_IP6_EXTENSION}, /* the ping's octets are no options */
		{60, 8, 1, 2, DROP_IP6_EXTENSION}, /* longer than the packet */
		{0, 8, 0, 0, DROP_IP6_EXTENSION},  /* a second Hop-by-Hop */
	};
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		with_extension(&f, rows[i].type, rows[i].len)[rows[i].at] = rows[i].value;
		if (rows[i].why != DROP_NONE) {
			wants6(&f, rows[i].why);
			continue;
		}
		access6_rx(&f);
		bed_rx(0, &f);
		expect_queued(1, 0, 0);
		assert_int_equal(bed_drops(), 0);
		bed_reset();
	}
	with_extension(&f, 60, 216); /* 40 + 216 > 255 */
	wants6(&f, DROP_IP6_EXTENSION);
	with_extension(&f, 60, 208);
	access6_rx(&f);
	bed_rx(0, &f);
	expect_queued(1, 0, 0);
	bed_reset();
}

static void
icmp6(void **state)
{
	(void)state;
	struct frame f;
	ping6(&f, BED_LAC6, BED_LNS6, 128, 64, 56);
	f.p[60] ^= 1;
	wants6(&f, DROP_ICMP6_CHECKSUM);
	static const uint8_t unhandled[] = {1, 2, 3, 4, 129, 130, 133, 134, 137, 255};
	for (unsigned i = 0; i < RTE_DIM(unhandled); i++) {
		ping6(&f, BED_LAC6, BED_LNS6, unhandled[i], 255, 56);
		wants6(&f, DROP_ICMP6_UNHANDLED);
	}
	/* Two fragments' worth of room is not there. */
	bed.lc->ifaces[BED_ACCESS].mtu = 1280;
	ping6(&f, BED_LAC6, BED_LNS6, 128, 64, 1300);
	wants6(&f, DROP_IP6_TOO_BIG);
}

static void
neighbour_discovery(void **state)
{
	(void)state;
	struct frame f;
	solicit6(&f, BED_LAC6, "ff02::1:ff00:2", BED_LNS6, 254);
	wants6(&f, DROP_ND_HOP_LIMIT);
	solicit6(&f, BED_LAC6, BED_LNS6, BED_LNS6, 254);
	wants6(&f, DROP_ND_HOP_LIMIT);
	solicit6(&f, BED_LAC6, "ff02::1:ff00:2", "fd77:1::2", 255); /* another's, in the same group */
	wants6(&f, DROP_IP6_TRANSIT);
	solicit6(&f, BED_LAC6, "ff02::1:ff00:2", "ff02::2", 255);
	wants6(&f, DROP_IP6_TRANSIT);
	solicit6(&f, BED_LAC6, "ff02::1:ff00:2", BED_LNS6, 255);
	f.p += 40;
	struct frame short_one;
	frame_bytes(&short_one, f.p, 23);
	struct frame_ip6 h = between6(BED_LAC6, "ff02::1:ff00:2", 58, 255);
	frame_ip6(&short_one, &h);
	wants6(&short_one, DROP_IP6_SHORT);
	/* An interface without an address of IPv6 has no ears for it. */
	solicit6(&f, "fe80::1", "ff02::1", "fe80::2", 255);
	frame_eth(&f, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, bed_neighbour_mac(BED_ADJ_PLAIN), 0, 0x86dd);
	bed_rx(2, &f);
	sees(DROP_IP6_TRANSIT);
}

static void
udp(void **state)
{
	(void)state;
	struct frame f;
	static const struct {
		unsigned ip_payload, len;
	} bad[] = {{7, 7}, {8, 7}, {20, 21}};
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		uint8_t p[32] = {0x06, 0xa5, 0x06, 0xa5, 0, (uint8_t)bad[i].len};
		frame_bytes(&f, p, bad[i].ip_payload);
		frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 9});
		frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
		bed_rx(0, &f);
		sees(DROP_UDP_SHORT);
	}
	frame_payload(&f, 20);
	frame_udp(&f, 1701, 1702);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 9});
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	sees(DROP_UDP_PORT);
	/* A listener on another address of ours is none here. */
	bed.lc->listeners[0].addr = addr_from_ip4(BED_CORE_IP);
	bed_session(1);
	frame_up(&f, BED_POOL + 1, BED_HOST);
	bed_rx(0, &f);
	sees(DROP_UDP_PORT);
	bed_session(1);
	frame_up(&f, BED_POOL + 1, BED_HOST);
	f.p[14 + 20 + 6] = 1;
	bed_rx(0, &f);
	sees(DROP_UDP_CHECKSUM);
}

/* A datagram of these octets. */
static void
l2tp_rx(const uint8_t *p, unsigned n)
{
	struct frame f;
	bed_session(1);
	frame_bytes(&f, p, n);
	carrier_up(&f);
	bed_rx(0, &f);
}

static void
l2tp(void **state)
{
	(void)state;
	static const uint8_t v3[] = {0, 3, 0, 7, 0, 1, 0xff, 3, 0, 0x21};
	static const uint8_t tunnel[] = {0, 2, 0, 8, 0, 1, 0xff, 3, 0, 0x21};
	static const uint8_t session[] = {0, 2, 0, 7, 0, 2, 0xff, 3, 0, 0x21};
	static const uint8_t none[] = {0, 2, 0, 7, 0, 0, 0xff, 3, 0, 0x21};
	static const uint8_t beyond[] = {0, 2, 0, 7, 1, 0, 0xff, 3, 0, 0x21};
	static const uint8_t sequence[] = {8, 2, 0, 7, 0, 1, 0, 0, 0};
	static const uint8_t length_over[] = {0x40, 2, 0, 13, 0, 7, 0, 1, 0xff, 3, 0, 0x21};
	static const uint8_t length_under[] = {0x40, 2, 0, 7, 0, 7, 0, 1, 0xff, 3, 0, 0x21};
	static const uint8_t offset[] = {2, 2, 0, 7, 0, 1, 0, 5, 1, 2, 3, 4};
	static const uint8_t offset_max[] = {2, 2, 0, 7, 0, 1, 0xff, 0xff, 1, 2, 3, 4};
	static const struct {
		const uint8_t *p;
		unsigned n;
		enum drop why;
	} cases[] = {
		{v3, 5, DROP_L2TP_SHORT},
		{v3, sizeof v3, DROP_L2TP_VERSION},
		{sequence, sizeof sequence, DROP_L2TP_SHORT},
		{length_over, 7, DROP_L2TP_SHORT},
		{length_over, sizeof length_over, DROP_L2TP_LENGTH},
		{length_under, sizeof length_under, DROP_L2TP_LENGTH},
		{offset, sizeof offset, DROP_L2TP_OFFSET},
		{offset_max, sizeof offset_max, DROP_L2TP_OFFSET},
		{tunnel, sizeof tunnel, DROP_L2TP_TUNNEL},
		{session, sizeof session, DROP_L2TP_SESSION},
		{none, sizeof none, DROP_L2TP_SESSION},
		{beyond, sizeof beyond, DROP_L2TP_SESSION},
		{none, 6, DROP_L2TP_SESSION},
	};
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		l2tp_rx(cases[i].p, cases[i].n);
		sees(cases[i].why);
	}
	/* The slot belongs to another tunnel. */
	struct frame f;
	bed_session(1)->our_tid = 8;
	frame_up(&f, BED_POOL + 1, BED_HOST);
	bed_rx(0, &f);
	sees(DROP_L2TP_SESSION);
	bed_session(1)->peer = addr_from_ip4(BED_LAC + 1);
	frame_up(&f, BED_POOL + 1, BED_HOST);
	bed_rx(0, &f);
	sees(DROP_L2TP_PEER);
	bed_session(1)->l2tp_seq = DP_L2TP_SEQ_ON | DP_L2TP_SEQ_REQUIRE;
	frame_up(&f, BED_POOL + 1, BED_HOST);
	bed_rx(0, &f);
	sees(DROP_L2TP_ORDER);
	struct dp_session *s = bed_session(1);
	s->state = SESSION_FREE;
	session_set_gates(s, 0);
	frame_up(&f, BED_POOL + 1, BED_HOST);
	bed_rx(0, &f);
	sees(DROP_L2TP_SESSION);
}

static void
ppp(void **state)
{
	(void)state;
	static const uint8_t header[] = {0, 2, 0, 7, 0, 1, 0xff, 3, 0};
	for (unsigned n = 6; n <= sizeof header; n++) {
		if (n == 7)
			continue; /* FF alone reads as a compressed protocol field: MAIN rejects it */
		l2tp_rx(header, n);
		assert_int_equal(bed.lc->sessions[1].up_drops, 1);
		sees(DROP_PPP_SHORT);
	}
	static const uint8_t echo[] = {0, 2, 0, 7, 0, 1, 0xff, 3, 0xc0, 0x21, 9, 1, 0, 8, 0};
	l2tp_rx(echo, sizeof echo);
	sees(DROP_ECHO_MALFORMED);
}

static void
gates(void **state)
{
	(void)state;
	struct frame f;
	static const struct {
		uint8_t gates, more;
		enum drop why;
	} cases[] = {
		{0, 0, DROP_GATE_AUTH},
		{DP_GATE_IP4, 0, DROP_GATE_AUTH},
		{DP_GATE_AUTHENTICATED, 0, DROP_GATE_IP4},
		{DP_GATE_AUTHENTICATED | DP_GATE_IP4, DP_GATE_SSTP_BOUND, DROP_GATE_BOUND},
	};
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		bed_session(1)->gates_more = cases[i].more;
		session_set_gates(&bed.lc->sessions[1], cases[i].gates);
		frame_up(&f, BED_POOL + 1, BED_HOST);
		bed_rx(0, &f);
		assert_int_equal(bed.lc->sessions[1].up_drops, 1);
		sees(cases[i].why);
		bed_session(1)->gates_more = cases[i].more;
		session_set_gates(&bed.lc->sessions[1], cases[i].gates);
		inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
		core_rx(&f);
		bed_rx(1, &f);
		assert_int_equal(bed.lc->sessions[1].down_drops, 1);
		sees(cases[i].why);
	}
	bed_session(1);
	frame_up(&f, BED_POOL + 2, BED_HOST);
	bed_rx(0, &f);
	sees(DROP_SPOOFED);
	/* The session has ended, MAIN has not withdrawn its address yet. */
	struct dp_session *s = bed_session(1);
	s->state = SESSION_FREE;
	session_set_gates(s, s->gates);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_SESSION_GONE);
}

static void
where_to(void **state)
{
	(void)state;
	struct frame f;
	bed_session(1);
	bed.lc->ifaces[BED_CORE].ip4 = 0; /* no source for an error: the drop alone */
	inner(&f, BED_HOST, BED_NOWHERE, 64, 20);
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_NO_ROUTE);
	inner(&f, BED_HOST, BED_POOL + 99, 64, 20);
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_DISCARD_ROUTE);
	bed_session(1);
	inner(&f, BED_HOST, BED_POOL + 1, 1, 20);
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_IP4_TTL);
	bed_session(1)->mtu = 47;
	frame_payload(&f, 28);
	frame_ip4(&f, (struct frame_ip4){.src = BED_HOST, .dst = BED_POOL + 1, .proto = 17, .ttl = 9, .frag = 0x4000});
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_IP4_TOO_BIG);
	/* An MTU that no link may have is not cut down to. */
	bed_session(1)->mtu = 67;
	inner(&f, BED_HOST, BED_POOL + 1, 9, 40);
	core_rx(&f);
	bed_rx(1, &f);
	sees(DROP_IP4_TOO_BIG);
	bed.lc->ifaces[BED_CORE].ip4 = BED_CORE_IP;
}

static void
inside_a_session(void **state)
{
	(void)state;
	struct frame f;
	/* Isolation: the sender's or the receiver's word is enough. */
	for (unsigned i = 1; i <= 2; i++) {
		bed_session(1)->isolate = i == 1;
		bed_session(2)->isolate = i == 2;
		frame_up(&f, BED_POOL + 1, BED_POOL + 2);
		bed_rx(0, &f);
		sees(DROP_ISOLATED);
	}
	/* To us from inside a session. */
	static const struct {
		uint32_t dst;
		uint16_t port;
		enum drop why;
	} inside[] = {{BED_LNS, 1701, DROP_TUNNEL_IN_TUNNEL},
		      {BED_GATEWAY, 1701, DROP_TUNNEL_IN_TUNNEL},
		      {BED_GATEWAY, 53, DROP_UDP_PORT}};
	for (unsigned i = 0; i < RTE_DIM(inside); i++) {
		bed_session(1);
		frame_payload(&f, 20);
		frame_udp(&f, 1701, inside[i].port);
		frame_ip4(&f, (struct frame_ip4){.src = BED_POOL + 1, .dst = inside[i].dst, .proto = 17, .ttl = 9});
		tunnel_up(&f, 1);
		bed_rx(0, &f);
		sees(inside[i].why);
	}
	bed_session(1);
	frame_payload(&f, 20);
	frame_ip4(&f, (struct frame_ip4){.src = BED_POOL + 1, .dst = BED_GATEWAY, .proto = 6, .ttl = 9});
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	sees(DROP_IP4_PROTOCOL);
	bed_session(1);
	frame_payload(&f, 24);
	frame_ip4(&f,
		  (struct frame_ip4){.src = BED_POOL + 1, .dst = BED_GATEWAY, .proto = 1, .ttl = 9, .frag = 0x2000});
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	sees(DROP_IP4_FRAGMENT);
	/* Into the access network: a subscriber finds no way there, whatever the exact table holds. */
	bed_session(1);
	frame_up(&f, BED_POOL + 1, BED_LAC);
	bed_rx(0, &f);
	expect_queued(1, 0, 0);
	sees(DROP_NO_ROUTE);
}

static void
next_hops_that_are_not(void **state)
{
	(void)state;
	struct frame f;
	static const uint32_t lost[] = {0x0fffffff, 0x1fffffff, 0x3fffffff, 0x70000000};
	for (unsigned i = 0; i < RTE_DIM(lost); i++) {
		frame_payload(&f, 20);
		frame_ip4(&f, (struct frame_ip4){.src = BED_LNS, .dst = BED_LAC, .proto = 17, .ttl = 9});
		path_send_ip(bed.lc, bed_mbuf(&f, 0), lost[i]);
		sees(DROP_NO_ROUTE);
	}
	const uint32_t gone[] = {nh_session(0, bed.lc->n_sessions), nh_session(0, 0xffffff), nh_session(2, 1),
				 nh_session(127, 1)};
	for (unsigned i = 0; i < RTE_DIM(gone); i++) {
		bed_sub4(BED_POOL + 50, gone[i]);
		inner(&f, BED_HOST, BED_POOL + 50, 64, 20);
		core_rx(&f);
		bed_rx(1, &f);
		bed_sub4(BED_POOL + 50, NH_NONE);
		sees(DROP_SESSION_GONE);
	}
}

static void
no_room(void **state)
{
	(void)state;
	struct frame f;
	frame_payload(&f, 28);
	frame_eth(&f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x0806);
	bed.send_answer = -EAGAIN;
	bed_rx(1, &f);
	sees(DROP_PUNT_RING_FULL);
	bed.send_answer = -EMSGSIZE;
	bed_rx(1, &f);
	sees(DROP_PUNT_TOO_BIG);
	policer_init(&bed.lc->arp_policer[BED_CORE], 0, bed.lc->now);
	bed_rx(1, &f);
	sees(DROP_PUNT_POLICED);
	seen[DROP_ICMP_LIMITED] = seen[DROP_HANDOVER_FULL] = seen[DROP_ADJ_UNRESOLVED] = true; /* the other tests */
	/* Fragments without buffers for them. */
	struct rte_mbuf *m[1023], *big;
	bed_session(1);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 1450);
	core_rx(&f);
	big = bed_mbuf(&f, 0);
	unsigned n = rte_mempool_avail_count(bed.lc->pool) - 1;
	assert_int_equal(rte_pktmbuf_alloc_bulk(bed.lc->pool, m, n), 0);
	struct vec v = {.n = 1, .p[0] = {.m = big, .iface = 1}};
	path_run(bed.lc, &v);
	rte_pktmbuf_free_bulk(m, n);
	sees(DROP_NO_MBUF);
	/* A device that leaves no room in front. */
	bed_session(1);
	inner(&f, BED_HOST, BED_POOL + 1, 64, 20);
	core_rx(&f);
	v.n = 1;
	v.p[0] = (struct pkt){.m = bed_mbuf(&f, 0), .iface = 1};
	uint8_t *data = rte_pktmbuf_mtod(v.p[0].m, uint8_t *);
	memmove(data - 90, data, v.p[0].m->data_len);
	v.p[0].m->data_off = (uint16_t)(v.p[0].m->data_off - 90);
	path_run(bed.lc, &v);
	sees(DROP_NO_MBUF);
}

static void
stale_frames(void **state)
{
	(void)state;
	struct frame f;
	frame_payload(&f, 28);
	path_send_ppp(bed.lc, &bed.lc->sessions[1], bed_mbuf(&f, 0));
	sees(DROP_FRAME_STALE);
	path_send_eth(bed.lc, BED_LINKS, bed_mac(0), 0x0806, bed_mbuf(&f, 0));
	sees(DROP_FRAME_STALE);
}

/* A port that takes seven and no more. */
static void
tx_full(void **state)
{
	(void)state;
	struct frame f;
	struct rte_mbuf *m = NULL;
	struct rte_ring *ring = rte_ring_create("port", 8, SOCKET_ID_ANY, 0);
	int port = rte_eth_from_rings("full", &ring, 1, &ring, 1, SOCKET_ID_ANY);
	struct rte_eth_conf conf = {0};
	assert_true(port >= 0);
	assert_int_equal(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup((uint16_t)port, 0, 8, SOCKET_ID_ANY, NULL, bed.lc->pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup((uint16_t)port, 0, 8, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
	bed.lc->port_id[1] = (uint16_t)port;
	bed_session(1);
	frame_up(&f, BED_POOL + 1, BED_HOST);
	for (unsigned i = 0; i < 8; i++)
		bed_rx(0, &f);
	path_flush(bed.lc);
	expect_queued(0, 0, 0);
	while (rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	assert_int_equal(bed.lc->stats.stage[STAGE_TX].packets, 8);
	sees(DROP_TX_FULL);
	/* A queue that is full flushes by itself. */
	bed_session(1);
	for (unsigned i = 0; i < VEC_MAX * 2 + 1; i++)
		bed_rx(0, &f);
	expect_queued(0, 1, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_TX_FULL], VEC_MAX * 2 - 7);
	while (rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

/* queue_test.c, mppe_test.c, gre_test.c, tests/sstp and the tests of dp/tcp meet their own. */
static bool
met_elsewhere(const char *stage)
{
	return !strcmp(stage, "queue") || !strcmp(stage, "mppe") || !strcmp(stage, "gre") || !strcmp(stage, "tcp") ||
	       !strcmp(stage, "conn");
}

/* Last: none was forgotten. */
static void
all_were_seen(void **state)
{
	(void)state;
	for (unsigned i = 1; i < DROP_COUNT; i++)
		if (!seen[i] && !met_elsewhere(drop_row(i)->stage))
			fail_msg("%s: no test", drop_row(i)->name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(ethernet),
		PATH_TEST(inner_header),
		PATH_TEST(to_us),
		PATH_TEST(ip6_header),
		PATH_TEST(ip6_extension_headers),
		PATH_TEST(icmp6),
		PATH_TEST(neighbour_discovery),
		PATH_TEST(udp),
		PATH_TEST(l2tp),
		PATH_TEST(ppp),
		PATH_TEST(gates),
		PATH_TEST(where_to),
		PATH_TEST(inside_a_session),
		PATH_TEST(next_hops_that_are_not),
		PATH_TEST(no_room),
		PATH_TEST(stale_frames),
		PATH_TEST(tx_full),
		PATH_TEST(all_were_seen),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
