/* A peer whose port changes, a tunnel of a thousand calls, and a minute without acknowledgements. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/peer.h"

#define CALLS 1000

static const struct l2tp_config plain = {.host_name = "bras1", .max_starting = CALLS};
static struct peer p;

static int
start(void **state)
{
	(void)state;
	peer_start(&p, 1, &plain);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	peer_stop(&p);
	return 0;
}

static uint64_t
stat(enum l2tp_stat s)
{
	return l2tp_stats(p.e->l2tp)[s];
}

static void
quiet(void)
{
	sim_run_ms(&p.sim, 100);
	while (peer_hear_any(&p))
		;
	peer_zlb(&p);
}

/* The NAT has given the peer another port: its next message in order moves the tunnel and its calls. */
static void
follows(void **state)
{
	(void)state;
	peer_open(&p);
	uint16_t sid = peer_call(&p, PEER_SID);
	peer_call(&p, PEER_SID + 1);
	peer_icrq(&p, PEER_SID + 2); /* in set-up: the owner has nothing to move yet */
	quiet();
	p.e->peer_port = 40000;
	peer_say(&p, L2TP_MSG_HELLO, 0);
	assert_int_equal(stat(L2TP_STAT_RX_MOVED), 1);
	assert_int_equal(stat(L2TP_STAT_RX_WRONG_PATH), 0);
	assert_int_equal(p.e->tunnel->path.peer_port, 40000);
	assert_int_equal(p.e->tunnel_set, 2);
	assert_int_equal(p.e->call_moved, 2);
	sim_run_ms(&p.sim, 100);
	struct sim_packet *ack = TAILQ_FIRST(&p.sim.wire);
	assert_non_null(ack);
	assert_int_equal(ack->path.peer_port, 40000);
	struct bearer_info info;
	p.e->calls[sid]->bearer.ops->describe(&p.e->calls[sid]->bearer, &info);
	assert_int_equal(info.peer_port, 40000);
	quiet();
	/* what the old port says now is from elsewhere, unless it is the next in order: then the NAT has changed again */
	p.e->peer_port = 1701;
	peer_zlb(&p);
	assert_int_equal(stat(L2TP_STAT_RX_WRONG_PATH), 1);
	peer_say(&p, L2TP_MSG_HELLO, 0);
	assert_int_equal(p.e->tunnel->path.peer_port, 1701);
	peer_call(&p, PEER_SID + 3);
}

/* One message from another port with these numbers; whether the tunnel believed it. */
static bool
believed(int ns_more, int nr_more)
{
	struct build b;
	uint64_t wrong = stat(L2TP_STAT_RX_WRONG_PATH);
	p.e->peer_port = 40000;
	l2tp_build_start(&b, p.tid, 0, L2TP_MSG_HELLO);
	sim_message(p.e, &b, (uint16_t)(p.ns + ns_more), (uint16_t)(p.nr + nr_more));
	bool moved = p.e->tunnel->path.peer_port == 40000;
	assert_int_equal(stat(L2TP_STAT_RX_WRONG_PATH), wrong + !moved);
	return moved;
}

static void
is_not_fooled(void **state)
{
	static const struct {
		int ns, nr;
		bool moved;
	} rows[] = {{0, 1, false},      {0, -1, false},    {16, 0, false}, {-17, 0, false}, {32767, 0, false},
		    {-32768, 0, false}, {0, 32767, false}, {0, 0, true},   {15, 0, true},   {-16, 0, true}};
	(void)state;
	peer_stop(&p);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		peer_start(&p, 1, &plain);
		peer_open(&p);
		peer_call(&p, PEER_SID);
		quiet();
		assert_int_equal(believed(rows[i].ns, rows[i].nr), rows[i].moved);
		assert_int_equal(p.e->call_moved, rows[i].moved);
		if (i + 1 < sizeof rows / sizeof *rows)
			peer_stop(&p);
	}
}

/* Another address, another address of ours, a tunnel in set-up or on its way out: nobody is followed there. */
static void
stays(void **state)
{
	struct l2tp_path path = sim_path(1);
	struct build b;
	(void)state;
	peer_half_open(&p);
	p.e->peer_port = 40000;
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p.e->tunnel_set, 0);
	p.ns--;
	p.e->peer_port = 0;
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p.e->tunnel_set, 1);
	l2tp_build_start(&b, p.tid, 0, L2TP_MSG_HELLO);
	size_t len = l2tp_build_end(&b);
	put_be16(b.bytes + L2TP_CTL_NS, p.ns);
	put_be16(b.bytes + L2TP_CTL_NR, p.nr);
	path.peer = addr_from_ip4(0x0a000063);
	l2tp_input(p.e->l2tp, &path, b.bytes, len, p.sim.now);
	path = sim_path(1);
	path.local = addr_from_ip4(0x0a000063);
	path.peer_port = 40000;
	l2tp_input(p.e->l2tp, &path, b.bytes, len, p.sim.now);
	path = sim_path(1);
	path.local_port = 1702;
	l2tp_input(p.e->l2tp, &path, b.bytes, len, p.sim.now);
	assert_int_equal(stat(L2TP_STAT_RX_MOVED), 0);
	assert_int_equal(stat(L2TP_STAT_RX_WRONG_PATH), 4);
	l2tp_tunnel_close(p.e->l2tp, p.tid, CAUSE_ADMIN_RESET, p.sim.now);
	p.e->peer_port = 40000;
	peer_say(&p, L2TP_MSG_HELLO, 0);
	assert_int_equal(stat(L2TP_STAT_RX_MOVED), 0);
}

/* Two clients behind one address with the same port of their own, which the NAT tells apart: each has its tunnel. */
static void
two_behind_one_address(void **state)
{
	(void)state;
	peer_open(&p);
	peer_call(&p, PEER_SID);
	uint16_t first_tid = p.tid, first_ns = p.ns, first_nr = p.nr;
	const struct l2tp_tunnel *first = p.e->tunnel;
	peer_forget(&p);
	p.e->peer_port = 1024;
	peer_open(&p); /* even the same tunnel id of theirs */
	peer_call(&p, PEER_SID);
	assert_int_equal(p.e->live_tunnels, 2);
	assert_int_equal(p.e->live_calls, 2);
	assert_int_equal(first->path.peer_port, 1701);
	assert_int_equal(p.e->tunnel->path.peer_port, 1024);
	peer_begin(&p, L2TP_MSG_STOPCCN, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	peer_end(&p);
	assert_int_equal(p.e->live_calls, 1);
	p.tid = first_tid;
	p.ns = first_ns;
	p.nr = first_nr;
	p.e->peer_port = 0;
	peer_call(&p, PEER_SID + 1);
	assert_int_equal(p.e->live_calls, 2);
	assert_int_equal(stat(L2TP_STAT_RX_MOVED), 0);
}

/* A thousand calls in one tunnel, over a link that loses; all move, all end. */
static void
a_thousand_calls(void **state)
{
	struct sim sim;
	(void)state;
	sim_init(&sim, 11);
	struct sim_end *lac = sim_end(&sim, 0, &plain), *lns = sim_end(&sim, 1, &plain);
	struct l2tp_tunnel *t = sim_tunnel_open(lac, NULL);
	sim.loss = 2;
	for (unsigned i = 0; i < CALLS; i++)
		assert_non_null(sim_call_open(lac, t, NULL));
	sim_run_ms(&sim, 50000);
	assert_int_equal(lac->call_up, CALLS);
	assert_int_equal(lns->call_up, CALLS);
	assert_int_equal(lns->tunnel->calls, CALLS);
	lac->port_shift = 5;
	sim_run_ms(&sim, 130000); /* the Hello comes from there */
	assert_int_equal(lns->tunnel->path.peer_port, L2TP_PORT + 5);
	assert_int_equal(lns->call_moved, CALLS);
	assert_int_equal(lns->live_calls, CALLS);
	for (uint16_t sid = 1; sid <= CALLS; sid++)
		sim_call_close(lac, sid, CAUSE_USER_REQUEST);
	sim_run_ms(&sim, 60000);
	assert_int_equal(lns->call_down, CALLS);
	assert_int_equal(lns->live_calls + lac->live_calls, 0);
	for (unsigned i = 0; i < 2; i++)
		l2tp_shutdown(sim.end[i].l2tp, sim.now);
	assert_true(sim_run_quiet(&sim, 120000));
	sim_fini(&sim);
}

/* For a minute none of our ZLBs arrives: the peer sends its ICCN again and again; there is one call, each repetition is
 * acknowledged, and whatever else we say would have acknowledged it too. */
static void
our_acks_are_lost(void **state)
{
	unsigned wait_ms = 1000, acks = 0, repeated = 0;
	(void)state;
	peer_open(&p);
	uint16_t sid = peer_icrq(&p, PEER_SID);
	for (unsigned at = 0; at < 60000; at += wait_ms, wait_ms = wait_ms < 8000 ? wait_ms * 2 : 8000) {
		if (at) {
			p.ns--;
			repeated++;
		}
		peer_say(&p, L2TP_MSG_ICCN, sid);
		sim_run_ms(&p.sim, wait_ms);
		for (struct l2tp_msg m; sim_next(&p.sim, &p.h, &m);)
			acks += !p.h.body_len && p.h.nr == p.ns;
	}
	assert_int_equal(p.e->call_up, 1);
	assert_int_equal(stat(L2TP_STAT_RX_DUPLICATE), repeated);
	assert_int_equal(acks, repeated + 1);
	assert_int_equal(p.e->live_calls, 1);
	peer_zlb(&p);
	peer_icrq(&p, PEER_SID + 1); /* and its ICRP says it once more */
	assert_int_equal(p.h.nr, p.ns);
	assert_int_equal(p.e->live_tunnels, 1);
}

/* For a minute none of the peer's ZLBs arrives: our Hello goes out again and again, until a message of the peer's own
 * acknowledges it in passing. */
static void
their_acks_are_lost(void **state)
{
	(void)state;
	peer_open(&p);
	peer_call(&p, PEER_SID);
	quiet();
	sim_run_ms(&p.sim, 60200); /* silence: a Hello */
	unsigned type = peer_hear_any(&p);
	assert_int_equal(type, L2TP_MSG_HELLO);
	sim_run_ms(&p.sim, 40000); /* of 47 s until we give up */
	assert_int_equal(stat(L2TP_STAT_TX_RETRANSMIT), 5);
	assert_int_equal(p.e->live_calls, 1);
	peer_say(&p, L2TP_MSG_HELLO, 0);
	sim_run_ms(&p.sim, 20000);
	assert_int_equal(p.e->live_calls, 1);
	assert_int_equal(stat(L2TP_STAT_TX_RETRANSMIT), 5);
	sim_run_ms(&p.sim, 120000); /* nothing more is heard: the end */
	assert_int_equal(p.e->call_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(p.e->live_tunnels, 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(follows),
		TEST(is_not_fooled),
		TEST(stays),
		TEST(two_behind_one_address),
		cmocka_unit_test(a_thousand_calls),
		TEST(our_acks_are_lost),
		TEST(their_acks_are_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
