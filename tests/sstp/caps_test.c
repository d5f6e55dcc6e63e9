/* caps_test.c - each consumer of a worker core's buffers driven to its share by sessions that behave badly: a neighbour's echo
 * is answered all the while, its data goes through, and what was held comes back. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dial.h"
#include "gre.h"
#include "keyed.h"
#include "path.h"

#define MBUFS 4095
#define RECORD_HANDSHAKE 22
#define OTHERS 160
#define ASKERS 45 /* as many as the clients' buffers are enough for, and more than the worker's were */
#define NEIGHBOUR 1
#define FIRST 2      /* the sessions of the others */
#define CALLS_AT 180 /* PPTP, beside them */

static struct dial_client *neighbour, *others[OTHERS];
static struct lcore *lc;

static int
open_all(bool tls12)
{
	bed_reset();
	lc = bed.lc;
	dial_open(&(struct dial_conf){.conns = 256, .tls12 = tls12});
	neighbour = dial(NEIGHBOUR, 0);
	assert_non_null(neighbour);
	for (unsigned i = 0; i < OTHERS; i++) {
		others[i] = dial(FIRST + i, 0);
		assert_non_null(others[i]);
	}
	dial_turns(50, 1000);
	return 0;
}

static int
open_(void **state)
{
	(void)state;
	return open_all(false);
}

static int
open12(void **state)
{
	(void)state;
	return open_all(true);
}

static int
close_(void **state)
{
	(void)state;
	dial_close();
	bed_reset();
	assert_true(bed_sound());
	return 0;
}

static uint64_t
dropped(enum drop why)
{
	return lc->stats.drops[why];
}

static struct tcp_use
in_use(void)
{
	struct tcp_use u;
	tcp_use(lc->tcp, &u);
	return u;
}

/* neighbour_lives: an echo is answered and a packet arrives, in time that would not bring a repair. */
static void
neighbour_lives(void)
{
	uint64_t echoes = neighbour->control[9], data = neighbour->data;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(dial_echo(neighbour));
		dial_down(NEIGHBOUR, 1000);
		dial_turns(6, 1000);
		assert_int_equal(neighbour->control[9], echoes + i + 1);
		assert_int_equal(neighbour->data, data + i + 1);
	}
	assert_int_equal(dial_conn(neighbour)->state, CONN_PACKETS);
}

/* neighbour_takes_a_burst: more at once than who has little under way is granted: some of it waits its turn, some finds no
 * place in the queues, and the connection goes on. */
static void
neighbour_takes_a_burst(void)
{
	uint64_t data = neighbour->data;
	for (unsigned i = 0; i < 24; i++)
		dial_down(NEIGHBOUR, 1000);
	dial_turns(60, 1000);
	assert_int_equal(dial_conn(neighbour)->state, CONN_PACKETS);
	assert_in_range(neighbour->data, data + 5, data + 24);
}

/* all_back: the others are gone, and nothing but the neighbour's is held. */
static void
all_back(void)
{
	for (unsigned i = 0; i < OTHERS; i++)
		dial_hang_up(others[i], true);
	for (unsigned i = 0; i < OTHERS; i++)
		others[i]->mute = false;
	dial_turns(40, 500000);
	path_tick(lc);
	assert_int_equal(bed_held(), 0);
	neighbour_lives();
}

/* --- the consumers ----------------------------------------------------------------------------------------------- */

/* Clients that acknowledge nothing: what is sent stays, then what is to be sent waits. */
static void
fill_send_queues(void)
{
	for (unsigned i = 0; i < OTHERS; i++)
		dial_deafen(others[i], true);
	for (unsigned round = 0; round < 24; round++) {
		for (unsigned i = 0; i < OTHERS; i++)
			dial_down(FIRST + i, 1000);
		dial_turn(20);
	}
}

/* A piece is lost, those behind it come. */
static void
fill_reassembly(void)
{
	static uint8_t much[1000];
	for (unsigned i = 0; i < OTHERS; i++) {
		others[i]->mute = true;
		dial_send(others[i], much, sizeof much);
		dial_turn(1);
		others[i]->mute = false;
		for (unsigned k = 0; k < 5; k++)
			dial_send(others[i], much, sizeof much);
		dial_turn(1);
		others[i]->mute = true;
	}
}

/* The beginning of a record, and never its end. */
static void
fill_partial_records(void)
{
	static uint8_t much[12000] = {23, 3, 3, 0x40, 0};
	for (unsigned i = 0; i < OTHERS; i++) {
		dial_raw(others[i], much, sizeof much);
		dial_turns(3, 100);
	}
}

/* Packets for neighbours that nobody knows. */
static void
fill_holds(void)
{
	for (unsigned i = 10; i < 250; i++) {
		struct frame f;
		frame_payload(&f, 100);
		frame_udp(&f, 4000, 5000);
		frame_ip4(&f, (struct frame_ip4){
				      .src = BED_POOL + NEIGHBOUR, .dst = 0xc0000200 + i, .proto = 17, .ttl = 9});
		frame_ppp(&f, 0x0021, false, false);
		frame_16(frame_push(&f, 2), 4 + frame_len(&f) + 0u);
		frame_16(f.p, frame_len(&f) + 2);
		frame_16(frame_push(&f, 2), 0x1000);
		dial_send(neighbour, f.p, frame_len(&f));
		dial_turn(1000);
	}
}

/* Calls whose first packet is late. */
static void
fill_gre(void)
{
	for (uint16_t sid = CALLS_AT; sid < CALLS_AT + 40; sid++) {
		bed_call(sid);
		for (uint32_t seq = 1; seq < 9; seq++) {
			struct frame f;
			if (seq == 2)
				continue;
			frame_payload(&f, 100);
			frame_udp(&f, 4000, 5000);
			frame_ip4(&f,
				  (struct frame_ip4){.src = BED_POOL + sid, .dst = BED_HOST, .proto = 17, .ttl = 9});
			frame_ppp(&f, 0x0021, false, false);
			frame_gre(&f, (struct frame_gre){.call_id = sid, .seq = seq});
			frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 47, .ttl = 9});
			frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
			bed_rx(0, &f);
		}
		dial_turn(100);
	}
}

/* asks: a client that asks for what TLS has to answer, with data between, so that it does not look idle. */
static void
asks(struct dial_client *c, unsigned rounds, const void *question, size_t n, bool next_key)
{
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 10; i++) {
			dial_record(c, RECORD_HANDSHAKE, question, n);
			if (next_key)
				dial_next_key(c);
		}
		dial_send(c, "\x10\x01\x00\x08\x00\x09\x00\x00", 8); /* Echo Response */
		dial_turn(50);
	}
}

static void
fill_answers(const void *question, size_t n, bool next_key)
{
	for (unsigned i = 0; i < ASKERS; i++) {
		dial_deafen(others[i], true);
		asks(others[i], 3, question, n, next_key);
	}
}

static unsigned
holds(void)
{
	unsigned n = 0;
	for (unsigned i = 0; i < HOLD_SLOTS; i++)
		n += lc->hold[i].m != NULL;
	return n;
}

static unsigned
gre_held(void)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < lc->gre->n_calls; i++)
		n += lc->gre->calls[i].n_held;
	return n;
}

/* --- tests ------------------------------------------------------------------------------------------------------- */

static void
send_queues_and_session_queues(void **state)
{
	struct queues_use q;
	(void)state;
	fill_send_queues();
	queues_use(lc->conns->queues, &q);
	print_message("%u buffers sent, %u packets queued\n", in_use().send_mbufs, q.packets);
	assert_in_range(in_use().send_mbufs, MBUFS / 4, MBUFS / 4 + MBUFS / 16);
	assert_in_range(q.packets, MBUFS / 5 * 2 - 8, MBUFS / 5 * 2);
	assert_true(dropped(DROP_QUEUE_SHARE) > 0);
	neighbour_lives();
	neighbour_takes_a_burst();
	all_back();
}

static void
reassembly(void **state)
{
	(void)state;
	fill_reassembly();
	assert_in_range(in_use().reorder_mbufs, MBUFS / 20 - 8, MBUFS / 20);
	assert_true(dropped(DROP_TCP_REORDER) > 0);
	neighbour_lives();
	all_back();
}

static void
partial_records(void **state)
{
	unsigned ended = 0;
	(void)state;
	fill_partial_records();
	print_message("%u buffers wait\n", lc->conns->waiting);
	assert_in_range(lc->conns->waiting, MBUFS / 20, MBUFS / 10 + 16);
	assert_true(bed_held() < MBUFS / 10 + 64);
	assert_true(dropped(DROP_CONN_WAITS) > 0);
	for (unsigned i = 0; i < bed.n_said && i < RTE_DIM(bed.said); i++)
		ended += bed.said[i].type == DP_MSG_CONN_GONE;
	assert_true(ended > 0);
	neighbour_lives();
	all_back();
	assert_int_equal(lc->conns->waiting, 0);
	assert_int_equal(lc->conns->waiters, 0);
}

/* Many hold one buffer each: who has as little is ended only when that comes to three times the share. */
static void
small_pieces(void **state)
{
	static uint8_t piece[100] = {23, 3, 3, 0x40, 0};
	(void)state;
	lc->conns->waiting_max = OTHERS / 4;
	for (unsigned i = 0; i < OTHERS; i++) {
		dial_raw(others[i], piece, sizeof piece);
		dial_turns(3, 100);
		assert_true(i >= OTHERS / 4 * 3 || !dropped(DROP_CONN_WAITS));
	}
	assert_true(dropped(DROP_CONN_WAITS) > 0);
	assert_in_range(lc->conns->waiting, OTHERS / 2, OTHERS / 4 * 3 + 1);
	neighbour_lives();
	all_back();
}

static void
unknown_neighbours(void **state)
{
	(void)state;
	fill_holds();
	assert_in_range(holds(), HOLD_SLOTS / 4, HOLD_SLOTS);
	assert_true(dropped(DROP_ADJ_UNRESOLVED) > 0);
	neighbour_lives();
	all_back();
}

static void
gre_order(void **state)
{
	(void)state;
	fill_gre();
	assert_in_range(gre_held(), MBUFS / 20 - 1, MBUFS / 20);
	assert_true(dropped(DROP_GRE_FULL) > 0);
	neighbour_lives();
}

/* RFC 8446 4.6.3: one KeyUpdate of ours answers many requests, until data follows it. */
static void
key_updates(void **state)
{
	static const uint8_t requested[5] = {24, 0, 0, 1, 1};
	const struct tls_core_stats *tls = tls_core_stats(lc->conns->tls);
	(void)state;
	fill_answers(requested, sizeof requested, true);
	assert_int_equal(tls->key_updates_received, ASKERS * 30);
	assert_int_equal(tls->key_updates_sent, ASKERS);
	assert_in_range(in_use().send_mbufs, ASKERS, 2 * ASKERS);
	neighbour_lives();
	asks(others[ASKERS], 4, requested, sizeof requested, true);
	dial_turns(4, 1000);
	assert_int_equal(tls->reason[TLS_KEY_UPDATES], 1);
	all_back();
}

/* RFC 5246 7.2.2: who was told no once is not told again. */
static void
renegotiations(void **state)
{
	static const uint8_t client_hello[4] = {1, 0, 0, 0};
	(void)state;
	fill_answers(client_hello, sizeof client_hello, false);
	assert_in_range(in_use().send_mbufs, 0, 3 * ASKERS); /* who goes on talking gets a RST */
	assert_int_equal(tls_core_stats(lc->conns->tls)->reason[TLS_RENEGOTIATION], ASKERS);
	neighbour_lives();
	all_back();
}

/* relayed: a connection whose records are OFFLOAD's; what the client says, byte by byte, is answered with so much. */
static unsigned
relayed_answers(bool deaf, unsigned questions)
{
	struct dial_client *c = dial_tcp();
	unsigned answers = 0;
	assert_non_null(c);
	dial_deafen(c, deaf);
	for (unsigned i = 0; i < questions; i++) {
		assert_true(dial_raw(c, "?", 1));
		dial_turn(100);
		answers += keyed_relay(dial_side.offload, 0, 100);
		dial_turn(100);
	}
	for (unsigned i = 0; i < 20; i++) {
		dial_turn(1000);
		answers += keyed_relay(dial_side.offload, 0, 100);
	}
	return answers;
}

/* What OFFLOAD answers for a suite without an AEAD stops when the peer takes none of it. */
static void
relayed(void **state)
{
	(void)state;
	assert_in_range(relayed_answers(false, 500), 500, 500);
	for (unsigned i = 0; i < 3; i++) /* ten segments are the first congestion window */
		assert_in_range(relayed_answers(true, 300), CONN_RELAYED_UNSENT / 100,
				(10 * 1460 + CONN_RELAYED_UNSENT) / 100 + 4);
	neighbour_lives();
}

/* All of them, one on top of the other: so much of the pool is left that packets come in. */
static void
all_at_once(void **state)
{
	(void)state;
	fill_holds();
	fill_gre();
	fill_partial_records();
	fill_reassembly();
	for (unsigned i = 0; i < OTHERS; i++)
		others[i]->mute = false;
	fill_send_queues();
	print_message("%u of %u buffers are held\n", bed_held(), MBUFS);
	assert_true(bed_held() < MBUFS * 9 / 10);
	neighbour_lives();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_, close_)
		TEST(send_queues_and_session_queues),
		TEST(reassembly),
		TEST(partial_records),
		TEST(small_pieces),
		TEST(unknown_neighbours),
		TEST(gre_order),
		TEST(key_updates),
		cmocka_unit_test_setup_teardown(renegotiations, open12, close_),
		TEST(relayed),
		TEST(all_at_once),
	};
	bed_start(&(struct bed_size){
		.sessions = BED_SESSIONS, .blocks = 64, .mbufs = MBUFS, .cpu = sched_getcpu(), .memory_mib = 64});
	return cmocka_run_group_tests(tests, NULL, NULL);
}
