/* Enhanced GRE through the path: headers octet for octet, order, acknowledgments, what is refused. */
#include "path_frames.h"

#include "gre.h"
#include "ppp_data.h"

#define SID 3

static void
outer_up(struct frame *f)
{
	frame_ip4(f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = IP4_PROTO_GRE, .ttl = 60, .id = 9});
	frame_eth(f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
}

static void
outer_down(struct frame *f, uint16_t id)
{
	frame_ip4(f, (struct frame_ip4){.src = BED_LNS, .dst = BED_LAC, .proto = IP4_PROTO_GRE, .ttl = 64, .id = id});
	frame_eth(f, bed_neighbour_mac(BED_ADJ_LAC), bed_mac(BED_ACCESS), 0, 0x0800);
}

/* up: data with this number; its length tells packets apart. */
static void
up(uint32_t seq, unsigned len)
{
	struct frame f;
	inner(&f, BED_POOL + SID, BED_HOST, 64, len);
	frame_ppp(&f, PPP_IP4, false, false);
	frame_gre(&f, (struct frame_gre){.call_id = SID, .seq = seq});
	outer_up(&f);
	bed_rx(0, &f);
}

static void
control_up(uint32_t seq)
{
	struct frame f;
	frame_bytes(&f, (const uint8_t[]){1, 1, 0, 4}, 4);
	frame_ppp(&f, 0x80fd, false, false);
	frame_gre(&f, (struct frame_gre){.call_id = SID, .seq = seq});
	outer_up(&f);
	bed_rx(0, &f);
}

static void
passed(unsigned at, unsigned len)
{
	struct frame want;
	inner(&want, BED_POOL + SID, BED_HOST, 63, len);
	core_tx(&want);
	expect_tx(1, at, &want);
}

static void
down_one(unsigned len)
{
	struct frame f;
	inner(&f, BED_HOST, BED_POOL + SID, 64, len);
	core_rx(&f);
	bed_rx(1, &f);
}

static void
later(int64_t ms)
{
	bed.lc->now = mono_add_ms(bed.lc->now, ms);
	path_overdue(bed.lc, 64);
}

/* Octet for octet: without an acknowledgment number while there is nothing to acknowledge, with it afterwards. */
static void
headers(void **state)
{
	struct frame want;
	(void)state;
	bed_call(SID);
	for (unsigned i = 0; i < 4; i++) {
		bool acks = i >= 2;
		if (i == 2) {
			up(0xfffffffe, 10);
			passed(0, 10);
		}
		down_one(100 + i);
		inner(&want, BED_HOST, BED_POOL + SID, 63, 100 + i);
		frame_ppp(&want, PPP_IP4, false, false);
		frame_gre(&want, (struct frame_gre){
					 .call_id = SID + BED_SID_BASE, .seq = i, .has_ack = acks, .ack = 0xfffffffe});
		outer_down(&want, (uint16_t)(1 + i));
		expect_tx(0, i, &want);
	}
	assert_int_equal(bed_drops(), 0);
}

/* Control frames have the same header, and count in the same numbers. */
static void
control_down(void **state)
{
	struct frame want, f;
	struct dp_session *s = bed_call(SID);
	(void)state;
	frame_bytes(&f, (const uint8_t[]){0xc0, 0x21, 1, 1, 0, 4}, 6);
	path_send_ppp(bed.lc, s, bed_mbuf(&f, 0));
	down_one(20);
	frame_bytes(&want, (const uint8_t[]){0xff, 3, 0xc0, 0x21, 1, 1, 0, 4}, 8);
	frame_gre(&want, (struct frame_gre){.call_id = SID + BED_SID_BASE, .seq = 0});
	outer_down(&want, 1);
	expect_tx(0, 0, &want);
	inner(&want, BED_HOST, BED_POOL + SID, 63, 20);
	frame_ppp(&want, PPP_IP4, false, false);
	frame_gre(&want, (struct frame_gre){.call_id = SID + BED_SID_BASE, .seq = 1});
	outer_down(&want, 2);
	expect_tx(0, 1, &want);
}

/* Whatever the order of arrival within the window, what comes out is in order and whole. */
static void
puts_in_order(void **state)
{
	static const uint8_t orders[][8] = {{0, 1, 2, 3, 4, 5, 6, 7},
					    {0, 2, 1, 4, 3, 6, 5, 7},
					    {0, 7, 6, 5, 4, 3, 2, 1},
					    {0, 3, 2, 1, 6, 5, 4, 7},
					    {0, 5, 1, 6, 2, 7, 3, 4}};
	(void)state;
	for (unsigned o = 0; o < RTE_DIM(orders); o++) {
		fresh(NULL);
		bed_call(SID);
		for (unsigned i = 0; i < 8; i++)
			up(0xfffffffcu + orders[o][i], orders[o][i]);
		expect_queued(0, 8, 0);
		for (unsigned i = 0; i < 8; i++)
			passed(i, i);
		assert_int_equal(bed_drops(), 0);
		assert_int_equal(bed.lc->gre->calls[SID].n_held, 0);
		later(1000);
		expect_queued(1, 8, 0); /* one acknowledgment */
	}
}

/* What does not come is given up after its time; what then comes is late, unless it is a control frame. */
static void
gives_up(void **state)
{
	(void)state;
	bed_call(SID);
	up(10, 0);
	up(12, 2);
	up(13, 3);
	up(15, 5);
	expect_queued(0, 1, 0);
	later(49);
	expect_queued(0, 1, 0);
	later(1);
	expect_queued(0, 3, 0);
	passed(1, 2);
	passed(2, 3);
	up(11, 1);
	assert_int_equal(bed.lc->stats.drops[DROP_GRE_LATE], 1);
	later(50);
	passed(3, 5);
	control_up(14);
	assert_int_equal(bed.n_said, 1);
	up(15, 5);
	assert_int_equal(bed.lc->stats.drops[DROP_GRE_LATE], 2);
	up(16, 6);
	passed(4, 6);
}

/* A hole larger than the window is no disorder. */
static void
jumps(void **state)
{
	(void)state;
	bed_call(SID);
	up(1, 1);
	up(3, 3);
	up(5, 5);
	up(1000, 7);
	expect_queued(0, 4, 0);
	passed(1, 3);
	passed(2, 5);
	passed(3, 7);
	up(1001, 8);
	passed(4, 8);
	assert_int_equal(bed.lc->gre->calls[SID].n_held, 0);
	assert_int_equal(bed_drops(), 0);
}

/* Copies of what waits are dropped; more than the window does not wait. */
static void
copies_and_bounds(void **state)
{
	(void)state;
	bed_call(SID);
	up(0, 0);
	up(2, 2);
	up(2, 2);
	assert_int_equal(bed.lc->stats.drops[DROP_GRE_LATE], 1);
	for (unsigned i = 3; i <= 8; i++)
		up(i, i);
	up(9, 9);
	assert_int_equal(bed.lc->gre->calls[SID].n_held, 8);
	up(9, 9); /* a copy, with the window full: the order does not go back */
	assert_int_equal(bed.lc->stats.drops[DROP_GRE_LATE], 2);
	up(1, 1);
	expect_queued(0, 10, 0);
	for (unsigned i = 0; i <= 9; i++)
		passed(i, i);
}

/* A session that ends lets what waits go. */
static void
ends(void **state)
{
	(void)state;
	struct dp_session *s = bed_call(SID);
	up(0, 0);
	up(2, 2);
	up(4, 4);
	gre_close(bed.lc, s);
	s->state = SESSION_FREE;
	assert_int_equal(bed_held(), 0);
	up(5, 5);
	assert_int_equal(bed.lc->stats.drops[DROP_GRE_CALL], 1);
	later(1000);
	expect_queued(0, 1, 0);
}

/* Nothing goes down: an acknowledgment goes alone, after its time or after so many packets. */
static void
acknowledges(void **state)
{
	struct frame want;
	(void)state;
	bed_call(SID);
	up(7, 1);
	up(8, 1);
	later(GRE_ACK_MS - 1);
	expect_queued(0, 2, 0);
	later(1);
	expect_queued(1, 2, 0);
	frame_bytes(&want, (const uint8_t *)"", 0);
	frame_gre(&want, (struct frame_gre){.call_id = SID + BED_SID_BASE, .no_seq = true, .has_ack = true, .ack = 8});
	outer_down(&want, 1);
	expect_tx(0, 0, &want);
	later(1000);
	expect_queued(1, 2, 0);
	/* what goes down takes it along */
	up(9, 1);
	down_one(1);
	later(GRE_ACK_MS);
	expect_queued(2, 3, 0);
	for (unsigned i = 0; i < GRE_ACK_EVERY; i++)
		up(10 + i, 1);
	later(0);
	expect_queued(3, 3 + GRE_ACK_EVERY, 0);
}

/* An acknowledgment of the peer's is no packet. */
static void
hears_acks(void **state)
{
	struct frame f;
	(void)state;
	bed_call(SID);
	frame_bytes(&f, (const uint8_t *)"", 0);
	frame_gre(&f, (struct frame_gre){.call_id = SID, .no_seq = true, .has_ack = true, .ack = 5});
	outer_up(&f);
	bed_rx(0, &f);
	assert_int_equal(bed_drops(), 0);
	expect_queued(0, 0, 0);
}

/* Padding of the link behind a short packet does not count. */
static void
padding(void **state)
{
	struct frame f;
	uint8_t copy[FRAME_MAX];
	(void)state;
	bed_call(SID);
	inner(&f, BED_POOL + SID, BED_HOST, 64, 0);
	frame_ppp(&f, PPP_IP4, false, false);
	frame_gre(&f, (struct frame_gre){.call_id = SID, .seq = 1});
	outer_up(&f);
	unsigned len = frame_len(&f);
	memcpy(copy, f.p, len);
	memset(copy + len, 0xaa, 20);
	frame_bytes(&f, copy, len + 20);
	bed_rx(0, &f);
	passed(0, 0);
}

static void
refused(void **state)
{
	static const struct {
		struct frame_gre h;
		enum drop why;
	} rows[] = {
		{{.call_id = SID + 1}, DROP_GRE_CALL},
		{{.call_id = 0xffff}, DROP_GRE_CALL},
		{{.call_id = SID, .flags = 0x3000}, DROP_GRE_HEADER}, /* version 0 */
		{{.call_id = SID, .flags = 0x1001}, DROP_GRE_HEADER}, /* no key */
		{{.call_id = SID, .flags = 0xb001}, DROP_GRE_HEADER}, /* checksum */
		{{.call_id = SID, .flags = 0x3801}, DROP_GRE_HEADER}, /* source route */
		{{.call_id = SID, .flags = 0x3101}, DROP_GRE_HEADER}, /* recursion */
		{{.call_id = SID, .length = 60000}, DROP_GRE_LENGTH},
		{{.call_id = SID, .no_seq = true}, DROP_GRE_LENGTH},
	};
	struct frame f;
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows) + 3; i++) {
		fresh(NULL);
		bed_call(SID);
		inner(&f, BED_POOL + SID, BED_HOST, 64, 10);
		frame_ppp(&f, PPP_IP4, false, false);
		frame_gre(&f, i < RTE_DIM(rows) ? rows[i].h : (struct frame_gre){.call_id = SID});
		enum drop why = i < RTE_DIM(rows) ? rows[i].why : DROP_GRE_PEER;
		if (i == RTE_DIM(rows)) { /* somebody else's address */
			frame_ip4(&f, (struct frame_ip4){
					      .src = BED_LAC + 1, .dst = BED_LNS, .proto = IP4_PROTO_GRE, .ttl = 60});
			frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
		} else if (i == RTE_DIM(rows) + 1) {
			frame_bytes(&f, (const uint8_t *)"\x30\x01\x88\x0b\0\0\0", 7);
			outer_up(&f);
			why = DROP_GRE_SHORT;
		} else {
			if (i == RTE_DIM(rows) + 2) {
				bed.lc->n_listeners = 1;
				why = DROP_IP4_PROTOCOL;
			}
			outer_up(&f);
		}
		bed_rx(0, &f);
		expect_drop(why);
		expect_queued(0, 0, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(headers), PATH_TEST(control_down),      PATH_TEST(puts_in_order), PATH_TEST(gives_up),
		PATH_TEST(jumps),   PATH_TEST(copies_and_bounds), PATH_TEST(ends),          PATH_TEST(acknowledges),
		PATH_TEST(padding), PATH_TEST(hears_acks),        PATH_TEST(refused),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
