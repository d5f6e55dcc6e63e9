/* Nobody uses up what others need of MAIN: floods of one kind, and what still gets through. */
#include "path_frames.h"
#include "punt.h"

#define FLOOD 60000

/* known_buckets: by a key that spreads neighbours.  Of all that a start may draw, one in some hundred puts nine into one. */
static void
known_buckets(void)
{
	bed.lc->punt_key = 0x9e3779b97f4a7c15;
}

static unsigned
punted(void)
{
	unsigned n = bed.n_said;
	bed.n_said = 0;
	return n;
}

/* control: an L2TP control message with this tunnel id, from an address. */
static void
control(struct frame *f, uint16_t tid, uint32_t src)
{
	frame_payload(f, 30);
	frame_l2tp(f, (struct frame_l2tp){.tid = tid, .control = true, .length = true, .sequence = true});
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = src, .dst = BED_LNS, .proto = 17, .ttl = 60});
	frame_eth(f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
}

static void
control_rx(uint16_t tid, uint32_t src)
{
	struct frame f;
	control(&f, tid, src);
	bed_rx(0, &f);
}

static void
arp_rx(enum bed_iface iface, uint32_t sender)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t mac[6] = {2, 7};
	struct frame f;
	put_be32(mac + 2, sender);
	frame_payload(&f, 46);
	frame_eth(&f, all, mac, bed.lc->ifaces[iface].vlan, 0x0806);
	bed_rx(bed.lc->ifaces[iface].port, &f);
}

/* Whoever can send from any address cannot drown the tunnels that are up. */
static void
a_flood_of_strangers_leaves_tunnels_alone(void **state)
{
	(void)state;
	bed_session(1);
	for (uint32_t i = 0; i < FLOOD; i++)
		control_rx(i & 1 ? 0 : 4711, 0x0a600000 + i);
	assert_int_equal(punted(), PUNT_LISTEN_PER_S);
	control_rx(BED_TID, BED_LAC);
	assert_int_equal(punted(), 1);
	/* The tunnel's id from elsewhere is a stranger's, and so is another id from the tunnel's address. */
	policer_init(&bed.lc->punt_policer[PUNT_CLASS_LISTEN], 0, bed.lc->now);
	control_rx(BED_TID, BED_LAC + 8);
	control_rx(BED_TID + 1, BED_LAC);
	control_rx(0, BED_LAC);
	assert_int_equal(punted(), 0);
	control_rx(BED_TID, BED_LAC);
	assert_int_equal(punted(), 1);
}

/* Without a length the tunnel id stands elsewhere; a datagram of six octets has one nevertheless. */
static void
finds_the_tunnel_id_of_any_header(void **state)
{
	(void)state;
	static const uint8_t without[] = {0x88, 2, 0, BED_TID, 0, 0}, with[] = {0xc8, 2, 0, 6, 0, BED_TID};
	const uint8_t *const messages[] = {without, with};
	struct frame f;
	bed_session(1);
	policer_init(&bed.lc->punt_policer[PUNT_CLASS_LISTEN], 0, bed.lc->now);
	for (unsigned i = 0; i < 2; i++) {
		frame_bytes(&f, messages[i], sizeof without);
		carrier_up(&f);
		bed_rx(0, &f);
		assert_int_equal(punted(), 1);
	}
}

static void
one_stranger_leaves_room_for_another(void **state)
{
	(void)state;
	known_buckets();
	for (uint32_t i = 0; i < FLOOD; i++)
		control_rx(0, BED_LAC);
	assert_int_equal(punted(), PUNT_LISTEN_PER_SOURCE_PER_S);
	/* A few addresses: they cannot all share the bucket. */
	for (uint32_t i = 1; i <= 8; i++)
		control_rx(0, BED_LAC + i);
	assert_in_range(punted(), 1, 8);
}

static void
one_tunnel_leaves_room_for_another(void **state)
{
	(void)state;
	known_buckets();
	bed_session(1);
	for (uint16_t i = 1; i <= 8; i++)
		bed.lc->tunnel_peers[100 + i] = addr_from_ip4(BED_LAC + i);
	for (uint32_t i = 0; i < FLOOD; i++)
		control_rx(BED_TID, BED_LAC);
	assert_int_equal(punted(), PUNT_TUNNEL_PER_SOURCE_PER_S + PUNT_TUNNEL_FLOOR_PER_S);
	for (uint16_t i = 1; i <= 8; i++)
		control_rx((uint16_t)(100 + i), BED_LAC + i);
	assert_in_range(punted(), 1, 8);
}

/* Sessions of one peer, each within its own rate, have a bound together; another peer's go on. */
static void
one_peers_sessions_leave_room_for_anothers(void **state)
{
	(void)state;
	known_buckets();
	struct frame f;
	for (uint16_t sid = 1; sid <= 2; sid++)
		bed_session(sid);
	for (unsigned i = 0; i < PUNT_SOURCES; i++) {
		policer_init(&bed.lc->source_policer[PUNT_CLASS_PPP][i], 0, bed.lc->now);
		policer_init(&bed.lc->source_floor[PUNT_CLASS_PPP][i], 0, bed.lc->now);
	}
	frame_payload(&f, 10);
	frame_ppp(&f, 0xc021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier_up(&f);
	bed_rx(0, &f);
	expect_drop(DROP_PUNT_POLICED);
	assert_int_equal(punted(), 0);
	punt_init(bed.lc, bed.lc->now);
	bed_rx(0, &f);
	assert_int_equal(punted(), 1);
}

/* Many peers with tunnels of their own may use up the class: the next one is heard nevertheless, a little. */
static void
a_class_used_up_leaves_each_a_little(void **state)
{
	(void)state;
	struct frame f;
	bed_session(1);
	policer_init(&bed.lc->punt_policer[PUNT_CLASS_TUNNEL], 0, bed.lc->now);
	policer_init(&bed.lc->punt_policer[PUNT_CLASS_PPP], 0, bed.lc->now);
	for (unsigned i = 0; i < 100; i++)
		control_rx(BED_TID, BED_LAC);
	assert_int_equal(punted(), PUNT_TUNNEL_FLOOR_PER_S);
	frame_payload(&f, 10);
	frame_ppp(&f, 0xc021, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = 1});
	carrier_up(&f);
	for (unsigned i = 0; i < 30; i++)
		bed_rx(0, &f);
	assert_int_equal(punted(), 30);
	bed.lc->now.us += 1000000;
	control_rx(BED_TID, BED_LAC);
	assert_int_equal(punted(), 1);
	control_rx(0, BED_LAC + 1); /* strangers have nothing of their own: they could be anybody */
	policer_init(&bed.lc->punt_policer[PUNT_CLASS_LISTEN], 0, bed.lc->now);
	control_rx(0, BED_LAC + 2);
	assert_int_equal(punted(), 1);
}

/* The access side cannot make us deaf for the core side's routers. */
static void
a_flood_of_arp_leaves_other_links_alone(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FLOOD; i++)
		arp_rx(BED_ACCESS, i);
	assert_int_equal(punted(), PUNT_ARP_PER_IFACE_PER_S);
	for (uint32_t i = 0; i < 100; i++)
		arp_rx(BED_CORE, i);
	assert_int_equal(punted(), 100);
}

static void
one_arp_sender_leaves_room_for_another(void **state)
{
	(void)state;
	known_buckets();
	for (uint32_t i = 0; i < FLOOD; i++)
		arp_rx(BED_ACCESS, 1);
	assert_int_equal(punted(), PUNT_ARP_PER_SOURCE_PER_S);
	for (uint32_t i = 2; i < 10; i++)
		arp_rx(BED_ACCESS, i);
	assert_in_range(punted(), 1, 8);
}

/* Neighbouring addresses are spread over the buckets, and otherwise after the next start. */
static void
buckets_are_nobodys_to_choose(void **state)
{
	(void)state;
	unsigned used = 0, same = 0;
	for (unsigned round = 0; round < 64; round++) {
		punt_init(bed.lc, bed.lc->now);
		control_rx(0, BED_LAC);
		control_rx(0, BED_LAC + 1);
		const struct policer *p = bed.lc->source_policer[PUNT_CLASS_LISTEN];
		unsigned touched = 0;
		for (unsigned i = 0; i < PUNT_SOURCES; i++)
			touched += p[i].tokens != (int64_t)PUNT_LISTEN_PER_SOURCE_PER_S * POLICER_TOKEN;
		used += touched;
		same += touched == 1;
	}
	assert_int_equal(used + same, 128);
	assert_in_range(same, 0, 8); /* 2 of 256 at most is the promise: half a time in 64 rounds */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(a_flood_of_strangers_leaves_tunnels_alone),
		PATH_TEST(finds_the_tunnel_id_of_any_header),
		PATH_TEST(one_stranger_leaves_room_for_another),
		PATH_TEST(one_tunnel_leaves_room_for_another),
		PATH_TEST(one_peers_sessions_leave_room_for_anothers),
		PATH_TEST(a_class_used_up_leaves_each_a_little),
		PATH_TEST(a_flood_of_arp_leaves_other_links_alone),
		PATH_TEST(one_arp_sender_leaves_room_for_another),
		PATH_TEST(buckets_are_nobodys_to_choose),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
