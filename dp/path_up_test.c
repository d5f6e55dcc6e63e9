/* Packets from subscribers to the core side. */
#include "path_frames.h"
#include "template.h"

static void
forwards_to_the_core(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(1);
	bed.lc->now.us += 5;
	inner(&f, s->ip4, BED_HOST, 64, 100);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	inner(&want, s->ip4, BED_HOST, 63, 100);
	core_tx(&want);
	expect_queued(0, 1, 0);
	expect_tx(1, 0, &want);
	assert_int_equal(bed_drops(), 0);
	assert_int_equal(s->up_packets, 1);
	assert_int_equal(s->up_bytes, 128);
	assert_int_equal(s->up_drops, 0);
	assert_int_equal(s->last_up_us, bed.lc->now.us);
	assert_int_equal(bed.lc->stats.iface_rx[BED_ACCESS], 1);
	assert_int_equal(bed.lc->stats.iface_tx[BED_CORE], 1);
}

/* Every form of the L2TP and PPP header that a peer may choose comes out the same. */
static void
takes_every_form_of_the_headers(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(1);
	inner(&want, s->ip4, BED_HOST, 63, 40);
	core_tx(&want);
	for (unsigned form = 0; form < 32; form++) {
		inner(&f, s->ip4, BED_HOST, 64, 40);
		frame_ppp(&f, 0x0021, form & 1, form & 2);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID,
						   .sid = 1,
						   .length = form & 4,
						   .sequence = form & 8,
						   .offset = form & 16,
						   .offset_pad = 6});
		carrier_up(&f);
		bed_rx(0, &f);
		expect_tx(1, form, &want);
	}
	assert_int_equal(bed_drops(), 0);
}

/* One data message from sid 1, numbered or not. */
static enum drop
numbered(int ns)
{
	struct frame f;
	uint64_t before = bed.lc->stats.drops[DROP_L2TP_ORDER];
	inner(&f, BED_POOL + 1, BED_HOST, 64, 40);
	frame_ppp(&f, 0x0021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){
			       .tid = BED_TID, .sid = 1, .sequence = ns >= 0, .ns = (uint16_t)ns, .nr = 0xbeef});
	carrier_up(&f);
	bed_rx(0, &f);
	return bed.lc->stats.drops[DROP_L2TP_ORDER] > before ? DROP_L2TP_ORDER : DROP_NONE;
}

static void
drops_late_numbers(void **state)
{
	static const struct {
		int ns;
		enum drop why;
	} rows[] = {{0, DROP_NONE},
		    {1, DROP_NONE},
		    {1, DROP_L2TP_ORDER},
		    {0, DROP_L2TP_ORDER},
		    {5, DROP_NONE},
		    {4, DROP_L2TP_ORDER},
		    {-1, DROP_NONE},
		    {6, DROP_NONE},
		    {7 + 32767, DROP_NONE},
		    {7, DROP_L2TP_ORDER},
		    {65535, DROP_NONE},
		    {0, DROP_NONE},
		    {65535, DROP_L2TP_ORDER},
		    {1 + 32768, DROP_L2TP_ORDER},
		    {1, DROP_NONE}};
	(void)state;
	struct dp_session *s = bed_session(1);
	assert_int_equal(numbered(9), DROP_NONE); /* not sequenced: whatever it says */
	assert_int_equal(numbered(8), DROP_NONE);
	s->l2tp_seq = DP_L2TP_SEQ_ON;
	for (size_t i = 0; i < RTE_DIM(rows); i++)
		assert_int_equal(numbered(rows[i].ns), rows[i].why);
	s->l2tp_seq = DP_L2TP_SEQ_ON | DP_L2TP_SEQ_REQUIRE;
	assert_int_equal(numbered(-1), DROP_L2TP_ORDER);
	assert_int_equal(numbered(2), DROP_NONE);
	assert_int_equal(s->up_drops, 7);
}

/* The peer's port, no other: RFC 2661 8.1. */
static void
takes_data_from_the_port_of_the_tunnel(void **state)
{
	(void)state;
	struct dp_session *s = bed_session(1);
	struct frame f;
	for (unsigned i = 0; i < 4; i++) {
		uint16_t port = i & 1 ? 40000 : 1701;
		if (i == 2)
			template_port(s, 40000);
		inner(&f, s->ip4, BED_HOST, 64, 40);
		frame_ppp(&f, 0x0021, false, false);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
		frame_udp(&f, port, 1701);
		frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 60});
		frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
		bed_rx(0, &f);
		assert_int_equal(bed.lc->stats.drops[DROP_L2TP_PEER], i < 3 ? i : 2);
		assert_int_equal(s->up_packets, 1 + (i == 3));
	}
}

static void
checks_the_udp_checksum(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	for (unsigned len = 40; len < 44; len++) {
		inner(&f, s->ip4, BED_HOST, 64, len);
		frame_ppp(&f, 0x0021, false, false);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
		frame_udp(&f, 1701, 1701);
		frame_udp_checksum(&f, BED_LAC, BED_LNS);
		frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 60});
		frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
		bed_rx(0, &f);
	}
	expect_queued(0, 4, 0);
	assert_int_equal(bed_drops(), 0);
	f.buf[FRAME_MAX - 1] ^= 1;
	/* The device says that it is good, that the sender was too near to compute it, that it is bad, nothing. */
	static const uint64_t said[] = {RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_NONE,
					RTE_MBUF_F_RX_L4_CKSUM_BAD, 0};
	for (unsigned i = 0; i < RTE_DIM(said); i++) {
		struct vec v = {.n = 1, .p[0] = {.m = bed_mbuf(&f, 0)}};
		v.p[0].m->ol_flags |= said[i];
		path_run(bed.lc, &v);
	}
	expect_queued(0, 6, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_UDP_CHECKSUM], 2);
}

/* What the device has found out about the checksums is taken. */
static void
believes_the_device(void **state)
{
	(void)state;
	struct frame f;
	struct vec v = {.n = 1};
	struct dp_session *s = bed_session(1);
	inner(&f, s->ip4, BED_HOST, 64, 40);
	tunnel_up(&f, 1);
	f.p[14 + 10] ^= 0x55;
	v.p[0] = (struct pkt){.m = bed_mbuf(&f, 0)};
	v.p[0].m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	path_run(bed.lc, &v);
	expect_queued(0, 1, 0);
	f.p[14 + 10] ^= 0x55;
	v.n = 1;
	v.p[0] = (struct pkt){.m = bed_mbuf(&f, 0)};
	v.p[0].m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
	path_run(bed.lc, &v);
	expect_drop(DROP_IP4_CHECKSUM);
}

static void
cuts_padding(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(1);
	uint8_t padded[512];
	inner(&f, s->ip4, BED_HOST, 64, 30);
	unsigned len = frame_len(&f);
	memcpy(padded, f.p, len);
	memset(padded + len, 0xee, 7);
	frame_bytes(&f, padded, len + 7); /* inside the tunnel */
	tunnel_up(&f, 1);
	len = frame_len(&f);
	memcpy(padded, f.p, len);
	memset(padded + len, 0xdd, 11);
	frame_bytes(&f, padded, len + 11); /* and on the link */
	bed_rx(0, &f);
	inner(&want, s->ip4, BED_HOST, 63, 30);
	core_tx(&want);
	expect_tx(1, 0, &want);
	assert_int_equal(s->up_bytes, 58);
}

/* Buffers in several segments: cut after the headers, cut within the padding. */
static void
takes_chains(void **state)
{
	(void)state;
	struct frame f, want;
	struct vec v = {.n = 1};
	struct dp_session *s = bed_session(1);
	inner(&want, s->ip4, BED_HOST, 63, 1200);
	core_tx(&want);
	inner(&f, s->ip4, BED_HOST, 64, 1200);
	tunnel_up(&f, 1);
	for (unsigned segment = 100; segment < 1300; segment += 111) {
		v.n = 1;
		v.p[0] = (struct pkt){.m = bed_mbuf(&f, segment)};
		struct rte_mbuf *last = rte_pktmbuf_lastseg(v.p[0].m), *pad = rte_pktmbuf_alloc(bed.lc->pool);
		assert_non_null(rte_pktmbuf_append(pad, 9));
		if (rte_pktmbuf_tailroom(last) >= 3) {
			last->data_len += 3;
			v.p[0].m->pkt_len += 3;
		}
		rte_pktmbuf_chain(v.p[0].m, pad);
		path_run(bed.lc, &v);
	}
	assert_int_equal(bed_drops(), 0);
	for (unsigned i = 0; i < bed.lc->tx[1].n; i++)
		expect_tx(1, i, &want);
	assert_int_equal(bed.lc->tx[1].n, 11);
}

static void
finds_vlans(void **state)
{
	(void)state;
	struct frame f;
	struct vec v = {.n = 1};
	struct dp_session *s = bed_session(1);
	/* In the frame, priority bits set. */
	inner(&f, s->ip4, BED_HOST, 64, 20);
	frame_ppp(&f, 0x0021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	frame_udp(&f, 1701, 1701);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = 0x0a4d0702, .proto = 17, .ttl = 60});
	struct frame bare;
	frame_copy(&bare, &f);
	frame_eth(&f, bed_mac(BED_TAGGED), bed_neighbour_mac(BED_ADJ_TAGGED), 0xe000 | 7, 0x0800);
	bed_rx(0, &f);
	assert_int_equal(bed.lc->stats.iface_rx[BED_TAGGED], 1);
	/* Taken out by the device. */
	frame_eth(&bare, bed_mac(BED_TAGGED), bed_neighbour_mac(BED_ADJ_TAGGED), 0, 0x0800);
	v.p[0] = (struct pkt){.m = bed_mbuf(&bare, 0)};
	v.p[0].m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	v.p[0].m->vlan_tci = 0x2007;
	path_run(bed.lc, &v);
	assert_int_equal(bed.lc->stats.iface_rx[BED_TAGGED], 2);
	expect_queued(0, 2, 0);
	/* Tag 0 is no VLAN. */
	inner(&f, s->ip4, BED_HOST, 64, 20);
	tunnel_up(&f, 1);
	uint8_t eth[12], type[4] = {0x81, 0, 0xa0, 0};
	memcpy(eth, f.p, 12);
	f.p += 12;
	memcpy(frame_push(&f, 4), type, 4);
	memcpy(frame_push(&f, 12), eth, 12);
	bed_rx(0, &f);
	expect_queued(0, 3, 0);
	assert_int_equal(bed_drops(), 0);
}

static void
sends_untagged_where_there_is_no_vlan(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(1);
	bed_sub4(0xc6336402, nh_make(NH_ADJ, BED_ADJ_PLAIN));
	inner(&f, s->ip4, 0xc6336402, 64, 20);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	inner(&want, s->ip4, 0xc6336402, 63, 20);
	frame_eth(&want, bed_neighbour_mac(BED_ADJ_PLAIN), bed_mac(BED_PLAIN), 0, 0x0800);
	expect_tx(2, 0, &want);
}

/* A network behind the subscriber (Framed-Route) is his; its neighbour's is not. */
static void
takes_routed_sources(void **state)
{
	(void)state;
	struct frame f;
	bed_session(1);
	bed_session(2);
	bed_sub4(0x0a630001, nh_session(0, 1));
	inner(&f, 0x0a630001, BED_HOST, 64, 20);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	expect_queued(0, 1, 0);
	inner(&f, 0x0a630001, BED_HOST, 64, 20);
	tunnel_up(&f, 2);
	bed_rx(0, &f);
	expect_queued(0, 1, 0);
	expect_drop(DROP_SPOOFED);
	assert_int_equal(bed.lc->sessions[2].up_drops, 1);
	bed_sub4(0x0a630001, NH_NONE);
}

/* Slots of a tunnel begin where its region does. */
static void
finds_the_region(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *near = bed_session(5), *far = &bed.lc->sessions[0x10005];
	*far = *near;
	far->our_tid = 8;
	far->ip4 = BED_POOL + 77;
	bed.lc->tunnels[8] = (struct tunnel){.region = 1, .used = true};
	inner(&f, BED_POOL + 77, BED_HOST, 64, 20);
	frame_ppp(&f, 0x0021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = 8, .sid = 5});
	carrier_up(&f);
	bed_rx(0, &f);
	expect_queued(0, 1, 0);
	assert_int_equal(far->up_packets, 1);
	assert_int_equal(near->up_packets, 0);
	/* The first slot that is not there. */
	inner(&f, BED_POOL + 77, BED_HOST, 64, 20);
	frame_ppp(&f, 0x0021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = 8, .sid = BED_SESSIONS & 0xffff});
	carrier_up(&f);
	bed_rx(0, &f);
	expect_drop(DROP_L2TP_SESSION);
	memset(far, 0, sizeof *far);
}

static void
hairpins(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *a = bed_session(1), *b = bed_session(2);
	bed.lc->ip_id = 0x1234;
	inner(&f, a->ip4, b->ip4, 64, 100);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	inner(&want, a->ip4, b->ip4, 63, 100);
	tunnel_down(&want, 2, 0x1234);
	expect_queued(1, 0, 0);
	expect_tx(0, 0, &want);
	assert_int_equal(a->up_packets, 1);
	assert_int_equal(b->down_packets, 1);
	assert_int_equal(b->down_bytes, 128);
}

/* 64 packets of as many kinds as a burst may hold: the survivors keep their order, the counts add up. */
static void
keeps_order_in_a_mixed_burst(void **state)
{
	(void)state;
	struct frame f, want;
	struct vec v = {.n = VEC_MAX};
	bed_session(1);
	bed_session(2);
	for (unsigned i = 0; i < VEC_MAX; i++) {
		if (i % 4 == 3) {
			inner(&f, BED_HOST, BED_POOL + 2, 64, i);
			core_rx(&f);
		} else {
			inner(&f, BED_POOL + (i % 4 == 2 ? 9 : 1), BED_HOST, 64, i);
			tunnel_up(&f, 1);
		}
		v.p[i] = (struct pkt){.m = bed_mbuf(&f, 0), .iface = i % 4 == 3};
	}
	path_run(bed.lc, &v);
	expect_queued(16, 32, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_SPOOFED], 16);
	assert_int_equal(bed_drops(), 16);
	for (unsigned i = 0, up = 0, down = 0; i < VEC_MAX; i++) {
		if (i % 4 == 3) {
			inner(&want, BED_HOST, BED_POOL + 2, 63, i);
			tunnel_down(&want, 2, (uint16_t)(1 + down));
			expect_tx(0, down++, &want);
		} else if (i % 4 < 2) {
			inner(&want, BED_POOL + 1, BED_HOST, 63, i);
			core_tx(&want);
			expect_tx(1, up++, &want);
		}
	}
	assert_int_equal(bed.lc->stats.stage[STAGE_ETH].packets, 64);
	assert_int_equal(bed.lc->stats.stage[STAGE_L2TP_UP].packets, 48);
	assert_int_equal(bed.lc->stats.stage[STAGE_LOOKUP].packets, 48);
	assert_int_equal(bed.lc->stats.stage[STAGE_DOWN].packets, 16);
	assert_int_equal(bed.lc->stats.stage[STAGE_ADJ].packets, 48);
	assert_int_equal(bed.lc->stats.stage[STAGE_ADJ].cycles, 0);
}

static void
counts_cycles_when_told(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	bed.lc->stage_cycles_on = true;
	inner(&f, s->ip4, BED_HOST, 64, 20);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	bed.lc->stage_cycles_on = false;
	assert_int_equal(bed.lc->stats.stage[STAGE_L2TP_UP].calls, 1);
	assert_int_not_equal(bed.lc->stats.stage[STAGE_L2TP_UP].cycles, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(forwards_to_the_core),
		PATH_TEST(takes_every_form_of_the_headers),
		PATH_TEST(drops_late_numbers),
		PATH_TEST(takes_data_from_the_port_of_the_tunnel),
		PATH_TEST(checks_the_udp_checksum),
		PATH_TEST(believes_the_device),
		PATH_TEST(cuts_padding),
		PATH_TEST(takes_chains),
		PATH_TEST(finds_vlans),
		PATH_TEST(sends_untagged_where_there_is_no_vlan),
		PATH_TEST(takes_routed_sources),
		PATH_TEST(finds_the_region),
		PATH_TEST(hairpins),
		PATH_TEST(keeps_order_in_a_mixed_burst),
		PATH_TEST(counts_cycles_when_told),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
