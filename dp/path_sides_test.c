/* The access side, the sessions and the core side, kept apart: what one of them cannot do to the others. */
#include "hold.h"
#include "path_frames.h"

/* access_ping: an echo request to our access address, from whoever the sender says he is. */
static void
access_ping(uint32_t src)
{
	struct frame f;
	inner_ping(&f, src, BED_LNS, 8, 64);
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
}

/* A forged source sends no answer of ours to a subscriber, nor to the core side. */
static void
answers_to_the_access_side_stay_there(void **state)
{
	(void)state;
	struct dp_session *s = bed_session(1);
	bed_sub4(BED_ROUTER, nh_make(NH_ADJ, BED_ADJ_ROUTER));
	access_ping(s->ip4);
	expect_queued(1, 0, 0);
	assert_int_equal(bed.lc->tx[0].m[0]->pkt_len, 14 + 20 + 8 + 56); /* to the LAC, outside of its tunnel */
	assert_int_equal(s->down_packets, 0);
	access_ping(BED_ROUTER);
	access_ping(BED_HOST);
	access_ping(BED_POOL + 77);
	bed_sub4(BED_ROUTER, NH_NONE);
	expect_queued(2, 0, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_NO_ROUTE], 2);
	/* One of our own addresses as the source is no way in either. */
	access_ping(BED_CORE_IP);
	assert_int_equal(bed.lc->stats.drops[DROP_ICMP_UNHANDLED], 1);
	expect_queued(2, 0, 0);
}

/* l2tp_of_session: a packet of session 1, or its tunnel's control, without the Ethernet header. */
static void
l2tp_of_session(struct frame *f, bool control)
{
	inner(f, BED_POOL + 1, BED_HOST, 64, 20);
	frame_ppp(f, 0x0021, false, false);
	frame_l2tp(f, (struct frame_l2tp){
			      .tid = BED_TID, .sid = 1, .control = control, .length = control, .sequence = control});
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 60});
}

/* Tunnel peers are on the access side: what the core side sends to a listener is no tunnel's. */
static void
the_core_side_reaches_no_listener(void **state)
{
	(void)state;
	struct frame f;
	bed_session(1);
	for (unsigned control = 0; control < 2; control++) {
		l2tp_of_session(&f, control);
		core_rx(&f);
		bed_rx(1, &f);
		expect_drop(DROP_UDP_PORT);
		assert_int_equal(bed.n_said, 0);
		bed.lc->stats.drops[DROP_UDP_PORT] = 0;
		/* The same from the access side. */
		l2tp_of_session(&f, control);
		frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
		bed_rx(0, &f);
		assert_int_equal(bed_drops(), 0);
	}
	assert_int_equal(bed.n_said, 1);
	expect_queued(0, 1, 0);
}

static void
error_up(uint16_t sid)
{
	struct frame f;
	inner(&f, BED_POOL + sid, BED_NOWHERE, 64, 6);
	tunnel_up(&f, sid);
	bed_rx(0, &f);
}

static void
error_down(uint32_t src)
{
	struct frame f;
	inner(&f, src, BED_POOL + 200, 64, 6);
	core_rx(&f);
	bed_rx(1, &f);
}

/* sent: frames in the queues of all ports, which are emptied. */
static unsigned
sent(void)
{
	unsigned n = 0;
	for (unsigned i = 0; i < bed.lc->n_ports; i++) {
		n += bed.lc->tx[i].n;
		rte_pktmbuf_free_bulk(bed.lc->tx[i].m, bed.lc->tx[i].n);
		bed.lc->tx[i].n = 0;
	}
	return n;
}

/* Errors tell of path MTUs: whoever causes many does not use up those of others. */
static void
errors_are_shared_out(void **state)
{
	(void)state;
	unsigned first = 0, others = 0;
	for (uint16_t sid = 1; sid <= 9; sid++)
		bed_session(sid);
	for (unsigned i = 0; i < 3000; i++) {
		error_up(1);
		first += sent();
	}
	assert_int_equal(first, 50);
	for (uint16_t sid = 2; sid <= 9; sid++)
		error_up(sid);
	others = sent();
	assert_in_range(others, 5, 8); /* one or the other may share the bucket of the first */
	/* All of the internet may scan the pool. */
	unsigned about_core = 0;
	for (uint32_t i = 0; i < 4000; i++) {
		error_down(0xcb007100 + i % 250);
		about_core += sent();
	}
	assert_int_equal(about_core, 1000);
	bed.lc->now.us += 20000;
	for (uint16_t sid = 2; sid <= 9; sid++)
		error_up(sid);
	assert_int_equal(sent(), 8);
}

/* Both ids of a data message are the peer's to choose: the largest of them lead to no session, and out of no table. */
static void
ids_stay_within_the_sessions(void **state)
{
	(void)state;
	static const uint16_t regions[] = {0, 1, 0xff, 0xffff};
	struct frame f;
	bed_session(1);
	for (unsigned i = 0; i < RTE_DIM(regions); i++) {
		bed.lc->tunnels[BED_TID].region = regions[i];
		inner(&f, BED_POOL + 1, BED_HOST, 64, 20);
		tunnel_up(&f, 0xffff);
		bed_rx(0, &f);
		expect_drop(DROP_L2TP_SESSION);
		bed.lc->stats.drops[DROP_L2TP_SESSION] = 0;
	}
}

/* Answers to forged neighbours on the access link wait for nobody; they take no place that the core side needs. */
static void
the_access_side_takes_no_place_of_the_core_side(void **state)
{
	(void)state;
	const uint32_t link = 0xac100000; /* 172.16.0.0/16 */
	struct frame f;
	bed_route(DP_TABLE_ACCESS, link, 16, nh_make(NH_GLEAN, BED_ACCESS));
	bed_session(1);
	for (uint32_t i = 1; i < 1000; i++)
		access_ping(link + i);
	unsigned asked = bed.n_said;
	assert_in_range(asked, HOLD_SLOTS / 4, HOLD_SLOTS / 2);
	for (uint32_t i = 20; i < 28; i++) {
		inner(&f, BED_POOL + 1, 0xc0000200 + i, 64, 6);
		tunnel_up(&f, 1);
		bed_rx(0, &f);
		assert_int_equal(bed.n_said, ++asked);
		assert_int_equal(bed.said[(asked - 1) % RTE_DIM(bed.said)].type, DP_MSG_RESOLVE);
	}
	hold_expire(bed.lc, MONO_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(answers_to_the_access_side_stay_there),
		PATH_TEST(the_core_side_reaches_no_listener),
		PATH_TEST(errors_are_shared_out),
		PATH_TEST(ids_stay_within_the_sessions),
		PATH_TEST(the_access_side_takes_no_place_of_the_core_side),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
