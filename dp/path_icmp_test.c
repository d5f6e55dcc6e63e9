/* What the path answers by itself: ICMP echo and errors, LCP echo; and what it hands to MAIN. */
#include "path_frames.h"
#include "punt.h"

static void
gateway_answers_ping(void **state)
{
	(void)state;
	struct frame f, want;
	static const uint32_t ours[] = {BED_GATEWAY, BED_CORE_IP, BED_LNS};
	struct dp_session *s = bed_session(1);
	s->isolate = 1; /* which keeps subscribers apart, not from us */
	for (unsigned i = 0; i < RTE_DIM(ours); i++) {
		bed.lc->ip_id = 1;
		inner_ping(&f, s->ip4, ours[i], 8, 1);
		tunnel_up(&f, 1);
		bed_rx(0, &f);
		inner_ping(&want, ours[i], s->ip4, 0, 64);
		tunnel_down(&want, 1, 1);
		expect_tx(0, i, &want);
	}
	assert_int_equal(bed_drops(), 0);
	assert_int_equal(s->down_packets, 3);
}

static void
answers_ping_outside_of_tunnels(void **state)
{
	(void)state;
	struct frame f, want;
	/* From the access side: back by the access table. */
	inner_ping(&f, BED_LAC, BED_LNS, 8, 3);
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	inner_ping(&want, BED_LNS, BED_LAC, 0, 64);
	frame_eth(&want, bed_neighbour_mac(BED_ADJ_LAC), bed_mac(BED_ACCESS), 0, 0x0800);
	expect_tx(0, 0, &want);
	inner_ping(&f, 0x0a090909, BED_LNS, 8, 3);
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	expect_queued(2, 0, 0);
	/* From the core side: to the gateway, back by the core table. */
	inner_ping(&f, BED_HOST, BED_GATEWAY, 8, 3);
	core_rx(&f);
	bed_rx(1, &f);
	inner_ping(&want, BED_GATEWAY, BED_HOST, 0, 64);
	core_tx(&want);
	expect_tx(1, 0, &want);
	assert_int_equal(bed_drops(), 0);
}

static void
error_up(struct frame *want, uint32_t gateway, const struct frame *about, uint8_t type, uint8_t code, uint16_t id)
{
	frame_bytes(want, about->p, RTE_MIN(frame_len(about), 548u));
	frame_icmp(want, type, code, 0);
	frame_ip4(want, (struct frame_ip4){
				.src = gateway, .dst = BED_POOL + 1, .proto = 1, .ttl = 64, .tos = 0xc0, .id = id});
	tunnel_down(want, 1, (uint16_t)(id + 1));
}

/* An address that is not lent: host unreachable; no route: net unreachable; time to live over: time exceeded. */
static void
tells_the_sender(void **state)
{
	(void)state;
	struct frame f, about, want;
	static const struct {
		uint32_t dst;
		uint8_t ttl, type, code;
		enum drop why;
	} cases[] = {
		{BED_POOL + 200, 64, 3, 1, DROP_DISCARD_ROUTE},
		{BED_NOWHERE, 64, 3, 0, DROP_NO_ROUTE},
		{BED_HOST, 1, 11, 0, DROP_IP4_TTL},
		{BED_HOST, 0, 11, 0, DROP_IP4_TTL},
	};
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		bed_reset();
		struct dp_session *s = bed_session(1);
		inner(&f, s->ip4, cases[i].dst, cases[i].ttl, 600);
		frame_copy(&about, &f);
		tunnel_up(&f, 1);
		bed_rx(0, &f);
		error_up(&want, BED_GATEWAY, &about, cases[i].type, cases[i].code, 1);
		expect_queued(1, 0, 0);
		expect_tx(0, 0, &want);
		expect_drop(cases[i].why);
		assert_int_equal(s->up_drops, 1);
	}
}

/* Without a gateway address the interface's is the source; a packet from the core side is answered there. */
static void
picks_its_source(void **state)
{
	(void)state;
	struct frame f, about, want;
	struct dp_session *s = bed_session(1);
	s->gateway_ip4 = 0;
	inner(&f, s->ip4, BED_NOWHERE, 64, 6);
	frame_copy(&about, &f);
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	error_up(&want, BED_CORE_IP, &about, 3, 0, 1);
	expect_tx(0, 0, &want);
	inner(&f, BED_HOST, BED_POOL + 77, 64, 6);
	frame_copy(&about, &f);
	core_rx(&f);
	bed.lc->ip_id = 1;
	bed_rx(1, &f);
	frame_bytes(&want, about.p, frame_len(&about));
	frame_icmp(&want, 3, 1, 0);
	frame_ip4(&want,
		  (struct frame_ip4){.src = BED_CORE_IP, .dst = BED_HOST, .proto = 1, .ttl = 64, .tos = 0xc0, .id = 1});
	core_tx(&want);
	expect_tx(1, 0, &want);
}

/* RFC 1812 4.3.2.7: no errors about errors, nor about fragments other than the first. */
static void
keeps_quiet_about_errors_and_fragments(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	static const uint8_t quiet[] = {3, 4, 5, 11, 12, 19, 40}, asked[] = {0, 8, 13, 18};
	for (unsigned i = 0; i < RTE_DIM(quiet); i++) {
		inner_ping(&f, s->ip4, BED_NOWHERE, quiet[i], 64);
		tunnel_up(&f, 1);
		bed_rx(0, &f);
	}
	frame_payload(&f, 64);
	frame_ip4(&f, (struct frame_ip4){.src = s->ip4, .dst = BED_NOWHERE, .proto = 17, .ttl = 9, .frag = 0x2003});
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	expect_queued(0, 0, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_NO_ROUTE], 8);
	/* A header alone has no type to look at. */
	frame_payload(&f, 0);
	frame_ip4(&f, (struct frame_ip4){.src = s->ip4, .dst = BED_NOWHERE, .proto = 1, .ttl = 9});
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	expect_queued(0, 0, 0);
	/* About a first fragment and about queries there are. */
	frame_payload(&f, 64);
	frame_ip4(&f, (struct frame_ip4){.src = s->ip4, .dst = BED_NOWHERE, .proto = 17, .ttl = 9, .frag = 0x2000});
	tunnel_up(&f, 1);
	bed_rx(0, &f);
	for (unsigned i = 0; i < RTE_DIM(asked); i++) {
		inner_ping(&f, s->ip4, BED_NOWHERE, asked[i], 64);
		tunnel_up(&f, 1);
		bed_rx(0, &f);
	}
	expect_queued(1 + RTE_DIM(asked), 0, 0);
}

static void
limits_errors(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	policer_init(&bed.lc->icmp_policer[FROM_SESSION], 10, bed.lc->now);
	inner(&f, s->ip4, BED_NOWHERE, 64, 6);
	tunnel_up(&f, 1);
	for (unsigned i = 0; i < 25; i++)
		bed_rx(0, &f);
	expect_queued(10, 0, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_NO_ROUTE], 25);
	assert_int_equal(bed.lc->stats.drops[DROP_ICMP_LIMITED], 15);
	bed.lc->now.us += 100000;
	bed_rx(0, &f);
	expect_queued(11, 0, 0);
}

/* The error goes where the sender claims to be: to an address of ours it does not go round and round. */
static void
error_to_ourselves_ends(void **state)
{
	(void)state;
	struct frame f;
	inner(&f, BED_GATEWAY, BED_POOL + 77, 64, 6);
	core_rx(&f);
	bed_rx(1, &f);
	expect_queued(0, 0, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_DISCARD_ROUTE], 1);
	assert_int_equal(bed.lc->stats.drops[DROP_ICMP_UNHANDLED], 1);
	assert_int_equal(bed_drops(), 2);
}

static void
lcp_echo(struct frame *f, uint8_t code, uint8_t id, unsigned len, uint32_t magic, unsigned data)
{
	uint8_t p[64] = {code, id};
	put_be16(p + 2, (uint16_t)len);
	put_be32(p + 4, magic);
	memset(p + 8, 0xab, sizeof p - 8);
	frame_bytes(f, p, 8 + data);
}

static void
lcp_up(struct frame *f)
{
	frame_ppp(f, 0xc021, false, false);
	frame_l2tp(f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier_up(f);
}

static void
answers_lcp_echo(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(1);
	static const uint32_t magics[] = {0x22222222, 0, 0x33333333};
	for (unsigned i = 0; i < RTE_DIM(magics); i++) {
		lcp_echo(&f, 9, 0x42, 12, magics[i], 4 + 3 * i); /* padding is cut */
		lcp_up(&f);
		bed.lc->ip_id = 1;
		bed_rx(0, &f);
		lcp_echo(&want, 10, 0x42, 12, 0x11111111, 4);
		frame_ppp(&want, 0xc021, false, false);
		carrier_down(&want, 1, false, 1);
		expect_tx(0, i, &want);
	}
	assert_int_equal(bed.n_said, 0);
	assert_int_equal(s->up_packets, 0);
	/* Closed gates do not matter to LCP. */
	session_set_gates(s, 0);
	bed_rx(0, &f);
	expect_queued(4, 0, 0);
	assert_int_equal(bed_drops(), 0);
}

static void
refuses_bad_echo(void **state)
{
	(void)state;
	static const struct {
		uint8_t code;
		unsigned len, data;
		uint32_t magic;
	} bad[] = {{9, 7, 0, 5}, {9, 9, 0, 5}, {10, 4, 0, 5}};
	struct frame f;
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		bed_reset();
		bed_session(1)->echo_unanswered = 2;
		lcp_echo(&f, bad[i].code, 1, bad[i].len, bad[i].magic, bad[i].data);
		lcp_up(&f);
		bed_rx(0, &f);
		expect_drop(DROP_ECHO_MALFORMED);
		assert_int_equal(bed.lc->sessions[1].echo_unanswered, 2);
	}
	/* Shorter than an echo can be. */
	bed_reset();
	bed_session(1);
	lcp_echo(&f, 9, 1, 8, 5, 0);
	uint8_t cut[7];
	memcpy(cut, f.p, 7);
	frame_bytes(&f, cut, 7);
	lcp_up(&f);
	bed_rx(0, &f);
	expect_drop(DROP_ECHO_MALFORMED);
}

/* Our own magic number has come back: MAIN is told, and the peer counts as silent as before. */
static void
tells_of_a_loop(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	s->echo_unanswered = 2;
	s->echo_heard_ms = 77;
	for (uint8_t code = 9; code <= 10; code++) {
		lcp_echo(&f, code, 1, 8, 0x11111111, 0);
		lcp_up(&f);
		bed_rx(0, &f);
	}
	assert_int_equal(bed.n_said, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(bed.said[i].type, DP_MSG_PUNT_PPP);
		assert_int_equal(bed.said[i].len, 10);
		assert_int_equal(bed.said[i].bytes[2], 9 + i);
	}
	expect_queued(0, 0, 0);
	assert_int_equal(s->echo_unanswered, 2);
	assert_int_equal(s->echo_heard_ms, 77);
}

static void
echo_reply_is_taken(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	s->echo_unanswered = 2;
	lcp_echo(&f, 10, 1, 8, 0x22222222, 0);
	lcp_up(&f);
	bed_rx(0, &f);
	assert_int_equal(s->echo_unanswered, 0);
	expect_queued(0, 0, 0);
	assert_int_equal(bed_drops(), 0);
	assert_int_equal(bed.n_said, 0);
}

/* Before LCP is open MAIN gets the echo, as it gets every other control frame: from the protocol field on, which always
 * has two octets. */
static void
punts_ppp(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(1);
	static const uint16_t protocols[] = {0xc021, 0xc023, 0xc223, 0x8021, 0x8057, 0x80fd, 0x0057, 0x4011};
	s->generation = 0xabcdef01;
	s->link_open = 0;
	lcp_echo(&f, 9, 1, 8, 5, 0);
	lcp_up(&f);
	bed_rx(0, &f);
	for (unsigned i = 1; i < RTE_DIM(protocols); i++) {
		frame_payload(&f, 10 + i);
		frame_ppp(&f, protocols[i], i & 1, false);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
		carrier_up(&f);
		bed_rx(0, &f);
	}
	frame_payload(&f, 10);
	frame_ppp(&f, 0x57, true, true);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier_up(&f);
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, RTE_DIM(protocols) + 1);
	for (unsigned i = 0; i < bed.n_said; i++) {
		const struct bed_said *said = &bed.said[i];
		assert_int_equal(said->type, DP_MSG_PUNT_PPP);
		assert_int_equal(said->handle, handle_make(0, 1, 0xabcdef01));
		assert_int_equal(be16(said->bytes), i < RTE_DIM(protocols) ? protocols[i] : 0x57);
		assert_int_equal(said->len, i == 0 ? 10 : i < RTE_DIM(protocols) ? 12 + i : 12);
		if (i)
			assert_int_equal(said->bytes[2], 1);
	}
	expect_queued(0, 0, 0);
	assert_int_equal(bed_drops(), 0);
}

static void
polices_one_session(void **state)
{
	(void)state;
	struct frame f;
	bed_session(1);
	bed_session(2);
	frame_payload(&f, 10);
	frame_ppp(&f, 0xc021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier_up(&f);
	for (unsigned i = 0; i < PUNT_SESSION_BURST + 5; i++)
		bed_rx(0, &f);
	assert_int_equal(bed.n_said, PUNT_SESSION_BURST);
	assert_int_equal(bed.lc->stats.drops[DROP_PUNT_POLICED], 5);
	bed.lc->now.us += 1000000 / PUNT_SESSION_PER_S;
	bed_rx(0, &f);
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, PUNT_SESSION_BURST + 1);
	/* The neighbour has a bucket of his own. */
	frame_payload(&f, 10);
	frame_ppp(&f, 0xc021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 2});
	carrier_up(&f);
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, PUNT_SESSION_BURST + 2);
}

static void
punts_tunnel_control(void **state)
{
	(void)state;
	struct frame f;
	frame_payload(&f, 30);
	frame_l2tp(&f, (struct frame_l2tp){.tid = 0, .sid = 0, .control = true, .length = true, .sequence = true});
	const struct frame message = f;
	frame_udp(&f, 40001, 1701);
	frame_udp_checksum(&f, BED_LAC, BED_LNS);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 60, .options = 4});
	frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, 1);
	assert_int_equal(bed.said[0].type, DP_MSG_PUNT_UDP);
	assert_int_equal(bed.said[0].len, 42);
	assert_memory_equal(bed.said[0].bytes, message.buf + FRAME_MAX - 42, 42);
	struct dp_udp_path path;
	memcpy(&path, bed.said[0].payload, sizeof path);
	assert_int_equal(addr_ip4(&path.peer), BED_LAC);
	assert_int_equal(addr_ip4(&path.local), BED_LNS);
	assert_int_equal(path.peer_port, 40001);
	assert_int_equal(path.local_port, 1701);
	assert_int_equal(path.iface, BED_ACCESS);
	/* One source has its share; then it is the class's. */
	for (unsigned i = 1; i < PUNT_LISTEN_PER_SOURCE_PER_S + 3; i++)
		bed_rx(0, &f);
	assert_int_equal(bed.n_said, PUNT_LISTEN_PER_SOURCE_PER_S);
	expect_queued(0, 0, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_PUNT_POLICED], 3);
}

static void
punts_arp(void **state)
{
	(void)state;
	struct frame f;
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	for (unsigned i = 0; i < 2; i++) {
		frame_payload(&f, 46);
		frame_eth(&f, i ? bed_mac(BED_CORE) : all, bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x0806);
		bed_rx(1, &f);
		assert_int_equal(bed.n_said, i + 1);
		const struct bed_said *said = &bed.said[i];
		assert_int_equal(said->type, DP_MSG_PUNT_ETH);
		assert_int_equal(said->len, 46);
		assert_int_equal(said->bytes[1], 8);
		struct dp_eth_path path;
		memcpy(&path, said->payload, sizeof path);
		assert_int_equal(path.iface, BED_CORE);
		assert_int_equal(path.ether_type, 0x0806);
		assert_memory_equal(path.src, bed_neighbour_mac(BED_ADJ_ROUTER), 6);
		assert_memory_equal(path.dst, i ? bed_mac(BED_CORE) : all, 6);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(gateway_answers_ping),
		PATH_TEST(answers_ping_outside_of_tunnels),
		PATH_TEST(tells_the_sender),
		PATH_TEST(picks_its_source),
		PATH_TEST(keeps_quiet_about_errors_and_fragments),
		PATH_TEST(limits_errors),
		PATH_TEST(error_to_ourselves_ends),
		PATH_TEST(answers_lcp_echo),
		PATH_TEST(refuses_bad_echo),
		PATH_TEST(tells_of_a_loop),
		PATH_TEST(echo_reply_is_taken),
		PATH_TEST(punts_ppp),
		PATH_TEST(polices_one_session),
		PATH_TEST(punts_tunnel_control),
		PATH_TEST(punts_arp),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
