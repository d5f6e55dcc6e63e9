/* IPv6 outside of tunnels: who is heard, what is answered and which way, what goes to MAIN. */
#include <errno.h>

#include "path_frames.h"
#include "punt.h"
#include "template.h"
#include "udp.h"

static void
answers_ping(void **state)
{
	(void)state;
	struct frame f, want;
	static const char *const from[] = {BED_LAC6, "2001:db8:2::77"}; /* on the link, and behind the router there */
	for (unsigned i = 0; i < RTE_DIM(from); i++) {
		for (unsigned len = 0; len < 4; len++) {
			ping6(&f, from[i], BED_LNS6, 128, 7, 55 + len);
			access6_rx(&f);
			bed_rx(0, &f);
			ping6(&want, BED_LNS6, from[i], 129, 64, 55 + len);
			frame_eth(&want, bed_neighbour_mac(BED_ADJ_LAC6), bed_mac(BED_ACCESS), 0, 0x86dd);
			expect_tx(0, i * 4 + len, &want);
		}
	}
	assert_int_equal(bed_drops(), 0);
	assert_int_equal(bed.lc->stats.stage[STAGE_IP6].packets, 8);
	assert_int_equal(bed.lc->stats.stage[STAGE_LOOKUP6].packets, 8);
}

/* In several buffers, with padding, with extension headers, which the answer leaves out. */
static void
answers_ping_in_pieces(void **state)
{
	(void)state;
	struct frame f, want;
	struct frame_ip6 h = between6(BED_LAC6, BED_LNS6, 58, 64);
	uint8_t padded[600];
	frame_payload(&f, 200);
	frame_icmp(&f, 128, 0, 0x00070009);
	frame_checksum6(&f, &h, 58, 2);
	frame_option6(&f, 58, 16)[2] = 0x01;
	f.p[3] = 12;
	h.next = 60;
	frame_ip6(&f, &h);
	access6_rx(&f);
	unsigned len = frame_len(&f);
	memcpy(padded, f.p, len);
	memset(padded + len, 0xee, 9);
	frame_bytes(&f, padded, len + 9);
	ping6(&want, BED_LNS6, BED_LAC6, 129, 64, 200);
	frame_eth(&want, bed_neighbour_mac(BED_ADJ_LAC6), bed_mac(BED_ACCESS), 0, 0x86dd);
	for (unsigned segment = 90; segment < 300; segment += 50) {
		struct vec v = {.n = 1, .p[0] = {.m = bed_mbuf(&f, segment)}};
		path_run(bed.lc, &v);
	}
	assert_int_equal(bed_drops(), 0);
	assert_int_equal(bed.lc->tx[0].n, 5);
	for (unsigned i = 0; i < 5; i++)
		expect_tx(0, i, &want);
}

/* Link-local addresses mean something on one link: the answer stays there, and MAIN is asked for the neighbour. */
static void
answers_link_local_on_the_same_link(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_resolve ask;
	char ours[ADDR_STRLEN];
	const struct addr peer = bed_addr("fe80::77");
	addr_str(&bed.lc->ifaces[BED_CORE].link_local, ours);
	ping6(&f, "fe80::77", ours, 128, 64, 20);
	frame_eth(&f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x86dd);
	bed_rx(1, &f);
	assert_int_equal(bed_held(), 1);
	assert_int_equal(bed.said[0].type, DP_MSG_RESOLVE);
	memcpy(&ask, bed.said[0].payload, sizeof ask);
	assert_true(addr_eq(&ask.addr, &peer));
	assert_int_equal(ask.iface, BED_CORE);
	/* Another interface's link-local address is not ours here, however near it is. */
	ping6(&f, "fe80::77", ours, 128, 64, 20);
	access6_rx(&f);
	bed_rx(0, &f);
	expect_drop(DROP_IP6_TRANSIT);
	/* MAIN has found the neighbour: an adjacency of its own. */
	struct adj *adj = &bed.tables.adj[BED_ADJ_DARK], before = *adj;
	uint64_t word = ADJ_RESOLVED | ADJ_IP6 | (uint64_t)BED_CORE << 48;
	memcpy(&word, bed_neighbour_mac(BED_ADJ_DARK), 6);
	adj->addr = peer;
	adj->word = word;
	const struct dp_adj_up up = {.addr = peer, .adj = BED_ADJ_DARK, .iface = BED_CORE};
	path_adj_up(bed.lc, &up);
	ping6(&want, ours, "fe80::77", 129, 64, 20);
	frame_eth(&want, bed_neighbour_mac(BED_ADJ_DARK), bed_mac(BED_CORE), 100, 0x86dd);
	expect_tx(1, 0, &want);
	*adj = before;
}

/* Nobody knows the way back: not by the core's routes what came from the access side. */
static void
answers_by_the_routes_of_the_side_it_came_from(void **state)
{
	(void)state;
	struct frame f;
	ping6(&f, "2001:db8:1::99", BED_LNS6, 128, 64, 20); /* a core link's */
	access6_rx(&f);
	bed_rx(0, &f);
	expect_drop(DROP_NO_ROUTE);
	expect_queued(0, 0, 0);
	ping6(&f, "2001:db8:1::99", "2001:db8:1::1", 128, 64, 20);
	frame_eth(&f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x86dd);
	bed_rx(1, &f);
	assert_int_equal(bed_held(), 1);
	assert_int_equal(bed.n_said, 1);
	bed.lc->now.us += 3000000;
	path_tick(bed.lc);
}

static void
hands_neighbour_discovery_to_main(void **state)
{
	(void)state;
	struct frame f;
	struct dp_eth_path path;
	char own[ADDR_STRLEN];
	struct addr group = addr_solicited_node(&bed.lc->ifaces[BED_ACCESS].link_local);
	char group_text[ADDR_STRLEN];
	addr_str(&bed.lc->ifaces[BED_ACCESS].link_local, own);
	addr_str(&group, group_text);
	const char *const asked[][2] = {{"ff02::1:ff00:2", BED_LNS6}, {BED_LNS6, BED_LNS6}, {group_text, own}};
	for (unsigned i = 0; i < RTE_DIM(asked); i++) {
		solicit6(&f, BED_LAC6, asked[i][0], asked[i][1], 255);
		struct frame whole;
		frame_copy(&whole, &f);
		access6_rx(&f);
		bed_rx(0, &f);
		assert_int_equal(bed.n_said, i + 1);
		assert_int_equal(bed.said[i].type, DP_MSG_PUNT_ETH);
		memcpy(&path, bed.said[i].payload, sizeof path);
		assert_int_equal(path.iface, BED_ACCESS);
		assert_int_equal(path.ether_type, 0x86dd);
		assert_memory_equal(path.src, bed_neighbour_mac(BED_ADJ_LAC6), 6);
		assert_memory_equal(path.dst, f.p, 6);
		assert_int_equal(bed.said[i].len, frame_len(&whole));
		assert_memory_equal(bed.said[i].bytes, whole.p, frame_len(&whole));
	}
	/* From nobody yet: his question whether an address is free (RFC 4862 5.4). */
	solicit6(&f, "::", "ff02::1:ff00:2", BED_LNS6, 255);
	access6_rx(&f);
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, 4);
	assert_int_equal(bed_drops(), 0);
	expect_queued(0, 0, 0);
}

/* A flood is policed by sender and by interface, and takes nothing of what ARP may. */
static void
polices_neighbour_discovery(void **state)
{
	(void)state;
	struct frame f, arp;
	for (unsigned i = 0; i < 10000; i++) {
		solicit6(&f, BED_LAC6, "ff02::1:ff00:2", BED_LNS6, 255);
		access6_rx(&f);
		f.p[10] = (uint8_t)(i >> 8);
		f.p[11] = (uint8_t)i;
		bed_rx(0, &f);
	}
	assert_int_equal(bed.n_said, PUNT_ND_PER_IFACE_PER_S);
	assert_int_equal(bed.lc->stats.drops[DROP_PUNT_POLICED], 10000 - PUNT_ND_PER_IFACE_PER_S);
	frame_payload(&arp, 28);
	frame_eth(&arp, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0806);
	bed_rx(0, &arp);
	assert_int_equal(bed.n_said, PUNT_ND_PER_IFACE_PER_S + 1);
	/* One sender alone. */
	bed.lc->now.us += 2000000;
	bed.n_said = 0;
	for (unsigned i = 0; i < 1000; i++) {
		solicit6(&f, BED_LAC6, "ff02::1:ff00:2", BED_LNS6, 255);
		access6_rx(&f);
		bed_rx(0, &f);
	}
	assert_int_equal(bed.n_said, PUNT_ND_PER_SOURCE_PER_S);
}

/* MAIN's frame goes out as it is. */
static void
sends_what_main_says(void **state)
{
	(void)state;
	struct frame f, want;
	solicit6(&f, BED_LNS6, "ff02::1:ff00:1", BED_LAC6, 255);
	frame_copy(&want, &f);
	path_send_eth(bed.lc, BED_ACCESS, (const uint8_t[]){0x33, 0x33, 0xff, 0, 0, 1}, 0x86dd, bed_mbuf(&f, 0));
	frame_eth(&want, (const uint8_t[]){0x33, 0x33, 0xff, 0, 0, 1}, bed_mac(BED_ACCESS), 0, 0x86dd);
	expect_tx(0, 0, &want);
}

/* carrier6: UDP with its checksum (0: without), IPv6 and Ethernet in front of an L2TP message, up from the LAC. */
static void
carrier6_up(struct frame *f, bool checksum)
{
	struct frame_ip6 h = between6(BED_LAC6, BED_LNS6, 17, 60);
	frame_udp(f, 1701, 1701);
	if (checksum)
		frame_checksum6(f, &h, 17, 6);
	frame_ip6(f, &h);
	access6_rx(f);
}

static void
tunnel6_up(struct frame *f, uint16_t sid)
{
	frame_ppp(f, 0x0021, false, false);
	frame_l2tp(f, (struct frame_l2tp){.tid = BED_TID, .sid = sid});
	carrier6_up(f, true);
}

/* tunnel6_down: what the LAC gets; the flow label is whatever the session's is. */
static void
tunnel6_down(struct frame *f, const struct dp_session *s, struct frame_l2tp l2tp, bool checksum)
{
	struct frame_ip6 h = between6(BED_LNS6, BED_LAC6, 17, 64);
	frame_l2tp(f, l2tp);
	frame_udp(f, 1701, s->peer_port);
	if (checksum)
		frame_checksum6(f, &h, 17, 6);
	frame_ip6(f, &h);
	memcpy(f->p, s->template + SESSION_TEMPLATE_MAX - s->template_len, 4);
	frame_eth(f, bed_neighbour_mac(BED_ADJ_LAC6), bed_mac(BED_ACCESS), 0, 0x86dd);
}

static void
carries_l2tp_up(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session6(1);
	for (unsigned len = 0; len < 5; len++) {
		inner(&f, s->ip4, BED_HOST, 64, 100 + len);
		tunnel6_up(&f, 1);
		bed_rx(0, &f);
		inner(&want, s->ip4, BED_HOST, 63, 100 + len);
		core_tx(&want);
		expect_tx(1, len, &want);
	}
	assert_int_equal(s->up_packets, 5);
	assert_int_equal(bed_drops(), 0);
}

static void
carries_l2tp_down(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session6(3);
	for (unsigned i = 0; i < 60; i++) { /* odd and even, and sums of all kinds */
		inner(&f, BED_HOST, s->ip4, 64, 40 + i);
		core_rx(&f);
		bed_rx(1, &f);
		inner(&want, BED_HOST, s->ip4, 63, 40 + i);
		frame_ppp(&want, 0x0021, false, false);
		tunnel6_down(&want, s, (struct frame_l2tp){.tid = BED_PEER_TID, .sid = 3 + BED_SID_BASE}, true);
		expect_tx(0, i, &want);
	}
	assert_int_not_equal(be32(s->template + SESSION_TEMPLATE_MAX - s->template_len) & 0xfffff, 0);
	assert_int_equal(s->down_packets, 60);
	assert_int_equal(bed_drops(), 0);
}

/* With every field that there can be the headers fill the template to the last octet; another port, compressed PPP. */
static void
fills_the_template(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session6(3);
	struct dp_session_open o = {.local = bed_addr(BED_LNS6),
				    .peer = bed_addr(BED_LAC6),
				    .local_port = 1701,
				    .peer_port = 1701,
				    .our_tid = BED_TID,
				    .our_sid = 3,
				    .peer_tid = BED_PEER_TID,
				    .peer_sid = 77,
				    .nh = nh_make(NH_ADJ, BED_ADJ_LAC6),
				    .bearer = DP_BEARER_L2TP,
				    .l2tp_length = 1,
				    .l2tp_seq = DP_L2TP_SEQ_ON};
	assert_int_equal(template_open(s, &o), 0);
	assert_int_equal(s->template_len, SESSION_TEMPLATE_MAX);
	template_port(s, 40001);
	for (uint16_t i = 0; i < 2; i++) {
		if (i)
			template_link(s, true, true);
		inner(&f, BED_HOST, s->ip4, 64, 40);
		core_rx(&f);
		bed_rx(1, &f);
		inner(&want, BED_HOST, s->ip4, 63, 40);
		frame_ppp(&want, 0x0021, i, i);
		tunnel6_down(
			&want, s,
			(struct frame_l2tp){.tid = BED_PEER_TID, .sid = 77, .length = true, .sequence = true, .ns = i},
			true);
		expect_tx(0, i, &want);
	}
	o.local = addr_from_ip4(BED_LNS);
	assert_int_equal(template_open(s, &o), -EAFNOSUPPORT);
}

/* RFC 6935: 0 is taken and sent where it is configured, and never for control. */
static void
leaves_checksums_out_when_told(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session6(1);
	inner(&f, s->ip4, BED_HOST, 64, 40);
	frame_ppp(&f, 0x0021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier6_up(&f, false);
	bed_rx(0, &f);
	expect_drop(DROP_UDP_CHECKSUM);
	bed.lc->stats.drops[DROP_UDP_CHECKSUM] = 0;
	for (unsigned i = 0; i < bed.lc->n_listeners; i++)
		bed.lc->listeners[i].udp6_zero_checksum = 1;
	bed_rx(0, &f);
	expect_queued(0, 1, 0);
	frame_payload(&f, 20);
	frame_l2tp(&f, (struct frame_l2tp){.tid = 0, .sid = 0, .control = true, .length = true, .sequence = true});
	carrier6_up(&f, false);
	bed_rx(0, &f);
	expect_drop(DROP_UDP_CHECKSUM);
	assert_int_equal(bed.n_said, 0);
	s->udp_checksum = 0;
	memset(s->template + SESSION_TEMPLATE_MAX - s->template_len + 46, 0, 2);
	inner(&f, BED_HOST, s->ip4, 64, 40);
	core_rx(&f);
	bed_rx(1, &f);
	inner(&want, BED_HOST, s->ip4, 63, 40);
	frame_ppp(&want, 0x0021, false, false);
	tunnel6_down(&want, s, (struct frame_l2tp){.tid = BED_PEER_TID, .sid = 1 + BED_SID_BASE}, false);
	expect_tx(0, 0, &want);
}

/* A device that sums gets the pseudo-header's sum, the flags and the lengths. */
static void
leaves_checksums_to_the_device(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session6(1);
	struct frame_ip6 h = between6(BED_LNS6, BED_LAC6, 17, 64);
	bed.lc->port_tx_ip4_checksum[0] = bed.lc->port_tx_udp_checksum[0] = true;
	inner(&f, BED_HOST, s->ip4, 64, 40);
	core_rx(&f);
	bed_rx(1, &f);
	bed.lc->port_tx_ip4_checksum[0] = bed.lc->port_tx_udp_checksum[0] = false;
	struct rte_mbuf *m = bed.lc->tx[0].m[0];
	assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV6);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_UDP_CKSUM);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 40);
	/* What the device does: it sums from the UDP header on, with what it finds in the field. */
	struct frame sent;
	frame_bytes(&sent, rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len);
	sent.p += 54;
	uint16_t sum = frame_checksum(sent.p, frame_len(&sent), 0);
	frame_checksum6(&sent, &h, 17, 6);
	assert_int_equal(be16(sent.p + 6), sum);
}

static void
checks_who_sends(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session6(1);
	for (unsigned i = 8; i < 24; i++) { /* each octet of the peer's address counts */
		struct frame_ip6 h = between6(BED_LAC6, BED_LNS6, 17, 60);
		h.src[i - 8] ^= 0x40;
		inner(&f, s->ip4, BED_HOST, 64, 40);
		frame_ppp(&f, 0x0021, false, false);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
		frame_udp(&f, 1701, 1701);
		frame_checksum6(&f, &h, 17, 6);
		frame_ip6(&f, &h);
		access6_rx(&f);
		bed_rx(0, &f);
		assert_int_equal(bed.lc->stats.drops[DROP_L2TP_PEER], i - 7);
	}
	/* An IPv4 packet is no IPv6 one, whatever the numbers. */
	inner(&f, s->ip4, BED_HOST, 64, 40);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	assert_int_equal(bed.lc->stats.drops[DROP_L2TP_PEER], 17);
	expect_queued(0, 0, 0);
	inner(&f, s->ip4, BED_HOST, 64, 40);
	tunnel6_up(&f, 1);
	f.buf[FRAME_MAX - 1] ^= 1;
	bed_rx(0, &f);
	assert_int_equal(bed.lc->stats.drops[DROP_UDP_CHECKSUM], 1);
	inner(&f, s->ip4, BED_HOST, 64, 40);
	frame_udp(&f, 1701, 1702);
	struct frame_ip6 h = between6(BED_LAC6, BED_LNS6, 17, 60);
	frame_checksum6(&f, &h, 17, 6);
	frame_ip6(&f, &h);
	access6_rx(&f);
	bed_rx(0, &f);
	assert_int_equal(bed.lc->stats.drops[DROP_UDP_PORT], 1);
}

/* Control to MAIN, with both addresses whole; a flood from one /64 is one sender's, however many addresses it has. */
static void
hands_control_to_main_and_polices_it_by_64(void **state)
{
	(void)state;
	struct frame f;
	struct dp_udp_path path;
	const struct addr local = bed_addr(BED_LNS6);
	char src[ADDR_STRLEN];
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(src, sizeof src, "2001:db8:2:%x::%x", i & 1 ? 7u : 0x100 + i, i + 1);
		struct frame_ip6 h = between6(src, BED_LNS6, 17, 60);
		const struct addr peer = bed_addr(src);
		frame_payload(&f, 20);
		frame_l2tp(&f, (struct frame_l2tp){.control = true, .length = true, .sequence = true});
		frame_udp(&f, 4000, 1701);
		frame_checksum6(&f, &h, 17, 6);
		frame_ip6(&f, &h);
		access6_rx(&f);
		unsigned before = bed.n_said;
		bed_rx(0, &f);
		if (bed.n_said == before)
			continue;
		memcpy(&path, bed.said[before % RTE_DIM(bed.said)].payload, sizeof path);
		assert_true(addr_eq(&path.local, &local) && addr_eq(&path.peer, &peer));
		assert_int_equal(path.peer_port, 4000);
		assert_int_equal(bed.said[before % RTE_DIM(bed.said)].len, 32);
	}
	/* The others have a /64 each: of those few share the flooder's bucket. */
	assert_in_range(bed.n_said, 1000, 1000 + PUNT_LISTEN_PER_SOURCE_PER_S);
	assert_int_equal(bed.lc->stats.drops[DROP_PUNT_POLICED], 2000 - bed.n_said);
}

/* MAIN's datagram, whole. */
static void
sends_control(void **state)
{
	(void)state;
	struct frame f, want;
	struct frame_ip6 h = between6(BED_LNS6, BED_LAC6, 17, 64);
	const struct dp_udp_path path = {
		.local = bed_addr(BED_LNS6), .peer = bed_addr(BED_LAC6), .local_port = 1701, .peer_port = 4000};
	for (unsigned len = 12; len < 15; len++) {
		frame_payload(&f, len);
		struct rte_mbuf *m = bed_mbuf(&f, 0);
		assert_true(udp_frame_build(m, &path, 9));
		path_send_ip(bed.lc, m, nh_make(NH_ADJ, BED_ADJ_LAC6));
		frame_payload(&want, len);
		frame_udp(&want, 1701, 4000);
		frame_checksum6(&want, &h, 17, 6);
		frame_ip6(&want, &h);
		frame_eth(&want, bed_neighbour_mac(BED_ADJ_LAC6), bed_mac(BED_ACCESS), 0, 0x86dd);
		expect_tx(0, len - 12, &want);
	}
}

static void
answers_lcp_echo(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session6(1);
	uint8_t echo[] = {9, 7, 0, 12, 0x22, 0x22, 0x22, 0x22, 1, 2, 3, 4};
	frame_bytes(&f, echo, sizeof echo);
	frame_ppp(&f, 0xc021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier6_up(&f, true);
	bed_rx(0, &f);
	echo[0] = 10;
	memset(echo + 4, 0x11, 4);
	frame_bytes(&want, echo, sizeof echo);
	frame_ppp(&want, 0xc021, false, false);
	tunnel6_down(&want, s, (struct frame_l2tp){.tid = BED_PEER_TID, .sid = 1 + BED_SID_BASE}, true);
	expect_tx(0, 0, &want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(answers_ping),
		PATH_TEST(answers_ping_in_pieces),
		PATH_TEST(answers_link_local_on_the_same_link),
		PATH_TEST(answers_by_the_routes_of_the_side_it_came_from),
		PATH_TEST(hands_neighbour_discovery_to_main),
		PATH_TEST(polices_neighbour_discovery),
		PATH_TEST(sends_what_main_says),
		PATH_TEST(carries_l2tp_up),
		PATH_TEST(carries_l2tp_down),
		PATH_TEST(fills_the_template),
		PATH_TEST(leaves_checksums_out_when_told),
		PATH_TEST(leaves_checksums_to_the_device),
		PATH_TEST(checks_who_sends),
		PATH_TEST(hands_control_to_main_and_polices_it_by_64),
		PATH_TEST(sends_control),
		PATH_TEST(answers_lcp_echo),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
