/* What a peer may say on purpose: nothing of it costs others their connections, or us more than its share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

#define PEERS 16
#define THEIRS 1000 /* their first sequence number */

/* One peer for each port; what it has been told. */
static struct {
	struct tcp *t;
	void *memory;
	struct mono now;
	uint64_t drops[DROP_COUNT];
	uint64_t conn[PEERS];
	uint32_t next[PEERS];    /* after all that we have sent it */
	unsigned largest, n_out; /* payload of a segment; segments with payload */
	struct tcp_burst burst;
} h;

static uint8_t zeros[3000];

/* What a segment says after the handshake. */
struct said {
	uint8_t flags;
	uint32_t seq, ack;
	uint16_t wnd;
	unsigned len;
	struct tcp_options_out opt;
};

static void
start(const struct tcp_limits *l)
{
	struct tcp_start s = {.limits = *l, .pool = sim_pool, .drops = h.drops};
	struct addr any = addr_from_ip4(0);
	memset(&h, 0, sizeof h);
	h.now.us = 1000000000;
	h.memory = aligned_alloc(64, tcp_bytes(l));
	h.t = tcp_init(h.memory, &s, h.now);
	assert_int_equal(tcp_listen(h.t, &any, 443, 0), 0);
}

static void
stop(void)
{
	tcp_fini(h.t);
	free(h.memory);
	assert_int_equal(rte_mempool_avail_count(sim_pool), sim_pool->size);
}

static void
take_answers(void)
{
	struct tcp_out out[64];
	struct tcp_event ev[64];
	struct segment g;
	tcp_now(h.t, h.now);
	tcp_timers(h.t, 512);
	while (tcp_events(h.t, ev, 64))
		;
	for (unsigned n; (n = tcp_output(h.t, out, 64));)
		for (unsigned i = 0; i < n; i++) {
			assert_true(sim_parse(out[i].m, &g));
			unsigned peer = g.h.dst_port - 1000u;
			uint32_t end = g.h.seq + g.len + ((g.h.flags & (TCP_F_SYN | TCP_F_FIN)) != 0);
			if (seq_gt(end, h.next[peer]) || g.h.flags & TCP_F_SYN)
				h.next[peer] = end;
			h.largest = g.len > h.largest ? g.len : h.largest;
			h.n_out += g.len != 0;
			rte_pktmbuf_free(out[i].m);
		}
}

static struct rte_mbuf *
segment_of(unsigned peer, struct said w)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
	struct tcp_tuple id = {.local = addr_from_ip4(0x0a000001), .peer = addr_from_ip4(0x0a000002), .peer_port = 443};
	id.local_port = (uint16_t)(1000 + peer);
	memset(rte_pktmbuf_append(m, (uint16_t)w.len), 0, w.len);
	tcp_emit(h.t, m,
		 &(struct tcp_emit){
			 .id = &id, .seq = w.seq, .ack = w.ack, .flags = w.flags, .wnd = w.wnd, .opt = w.opt});
	return m;
}

static void
say(unsigned peer, struct said w)
{
	const struct tcp_in in = {segment_of(peer, w), 20, 0};
	tcp_now(h.t, h.now);
	tcp_rx(h.t, &in, 1, &h.burst);
	for (unsigned i = 0; i < h.burst.n_opened; i++)
		h.conn[peer] = h.burst.opened[i].conn;
	for (unsigned i = 0; i < h.burst.n_data; i++)
		rte_pktmbuf_free(h.burst.data[i].m);
	take_answers();
}

static bool
opens(unsigned peer)
{
	h.conn[peer] = 0;
	say(peer, (struct said){.flags = TCP_F_SYN, .seq = THEIRS - 1, .wnd = 60000});
	say(peer, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = h.next[peer], .wnd = 60000});
	return h.conn[peer];
}

static void
pass(unsigned ms)
{
	for (; ms; ms -= ms < 20 ? ms : 20) {
		h.now.us += 20000;
		take_answers();
	}
}

static struct tcp_limits
few_states(void)
{
	struct tcp_limits l = sim_limits();
	l.active = 8;
	return l;
}

/* Peers that have taken all we sent and begin a hole each, which they never fill. */
static void
holes_are_taken_back(void **state)
{
	(void)state;
	struct tcp_limits l = few_states();
	start(&l);
	for (unsigned i = 0; i < 9; i++)
		assert_true(opens(i));
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(tcp_push(h.t, h.conn[i], zeros, 100), 100);
		take_answers();
		say(i, (struct said){.flags = TCP_F_ACK, .seq = THEIRS + 10, .ack = h.next[i], .wnd = 60000, .len = 1});
	}
	unsigned before = h.n_out;
	assert_int_equal(tcp_push(h.t, h.conn[8], zeros, 100), 100);
	take_answers();
	assert_int_equal(h.n_out, before + 1);
	assert_int_equal(h.drops[DROP_TCP_REORDER], 1);
	assert_true(opens(9));
	pass(11000);
	assert_int_equal(h.t->use.reorder_mbufs, 0);
	assert_true(tcp_check(h.t, tcp_conn_find(h.t, h.conn[0])));
	stop();
}

/* The same with holes that grow all the time, while a sender waits. */
static void
holes_that_grow_are_taken_back(void **state)
{
	(void)state;
	struct tcp_limits l = few_states();
	start(&l);
	for (unsigned i = 0; i < 9; i++)
		assert_true(opens(i));
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 8; i++)
			say(i, (struct said){.flags = TCP_F_ACK,
					     .seq = THEIRS + 10 + 2 * round,
					     .ack = h.next[i],
					     .wnd = 60000,
					     .len = 1});
		pass(100);
	}
	unsigned before = h.n_out;
	assert_int_equal(tcp_push(h.t, h.conn[8], zeros, 100), 100);
	take_answers();
	assert_int_equal(h.n_out, before + 1);
	stop();
}

/* Peers whose window has shut over what is out, and who say so for ever. */
static void
shut_windows_end(void **state)
{
	(void)state;
	struct tcp_limits l = few_states();
	start(&l);
	uint32_t una[8];
	for (unsigned i = 0; i < 8; i++) {
		assert_true(opens(i));
		una[i] = h.next[i];
	}
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(tcp_push(h.t, h.conn[i], zeros, 100), 100);
	take_answers();
	assert_false(opens(9));
	for (unsigned second = 0; second < 60; second++) {
		for (unsigned i = 0; i < 8; i++)
			say(i, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = una[i]});
		pass(1000);
	}
	assert_true(opens(10));
	stop();
}

/* A probe of which a part is acknowledged says nothing of the path. */
static void
part_of_a_probe(void **state)
{
	(void)state;
	struct tcp_limits l = sim_limits();
	start(&l);
	assert_true(opens(0));
	struct tcp_conn *c = tcp_conn_find(h.t, h.conn[0]);
	c->mss_max = 1460;
	c->mss = 1024;
	c->mss_low = 1; /* lowered ten minutes ago */
	uint32_t una = h.next[0];
	assert_int_equal(tcp_push(h.t, h.conn[0], zeros, 1460), 1460);
	take_answers();
	assert_int_equal(h.largest, 1460);
	say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = una + 1459, .wnd = 60000});
	say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = una + 1460, .wnd = 60000});
	assert_int_equal(c->mss, 1024);
	stop();
}

/* A FIN before missing data, then data beyond it. */
static void
beyond_the_end(void **state)
{
	(void)state;
	struct tcp_limits l = sim_limits();
	start(&l);
	assert_true(opens(0));
	say(0, (struct said){.flags = TCP_F_ACK | TCP_F_FIN, .seq = THEIRS + 100, .ack = h.next[0], .wnd = 60000});
	for (unsigned from = 100; from < 103; from++)
		say(0, (struct said){
			       .flags = TCP_F_ACK, .seq = THEIRS + from, .ack = h.next[0], .wnd = 60000, .len = 100});
	assert_int_equal(h.t->use.reorder_mbufs, 0);
	say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = h.next[0], .wnd = 60000, .len = 100});
	assert_int_equal(tcp_conn_find(h.t, h.conn[0])->state, TCP_CLOSE_WAIT);
	assert_true(tcp_check(h.t, tcp_conn_find(h.t, h.conn[0])));
	stop();
}

/* Every acknowledgement has another window: what was lost is repaired all the same. */
static void
restless_window(void **state)
{
	(void)state;
	struct tcp_limits l = sim_limits();
	start(&l);
	assert_true(opens(0));
	uint32_t una = h.next[0];
	assert_int_equal(tcp_push(h.t, h.conn[0], zeros, 100), 100);
	take_answers();
	for (unsigned i = 0; i < 50; i++) {
		say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = una, .wnd = (uint16_t)(60000 - i)});
		pass(100);
	}
	assert_true(tcp_stats(h.t)[TCP_STAT_RETRANSMITS] + tcp_stats(h.t)[TCP_STAT_TLPS] >= 2);
	stop();
}

/* Who waits for congestion state has not met with congestion. */
static void
waiting_is_no_loss(void **state)
{
	(void)state;
	struct tcp_limits l = few_states();
	start(&l);
	uint32_t una[9];
	for (unsigned i = 0; i < 9; i++) {
		assert_true(opens(i));
		una[i] = h.next[i];
	}
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(tcp_push(h.t, h.conn[i], zeros, 100), 100);
	take_answers();
	for (unsigned round = 1; round <= 60; round++) {
		for (unsigned i = 0; i < 8; i++) { /* an octet at a time: progress */
			say(i, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = una[i] + round, .wnd = 60000});
		}
		pass(100);
	}
	const struct tcp_conn *c = tcp_conn_find(h.t, h.conn[8]);
	assert_int_equal(c->ext, NONE);
	assert_int_equal(c->backoff, 0);
	say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS, .ack = una[0] + 100, .wnd = 60000});
	assert_int_not_equal(c->ext, NONE);
	assert_int_equal(h.next[8], una[8] + 100);
	stop();
}

/* The last segment is reported while its probe is meant to be sent: the probe stays at home (RFC 8985 7.3). */
static void
tail_that_has_come(void **state)
{
	struct tcp_limits l = sim_limits();
	(void)state;
	start(&l);
	say(0,
	    (struct said){.flags = TCP_F_SYN, .seq = THEIRS, .opt = {.mss = true, .mss_value = 1460, .sack_ok = true}});
	take_answers();
	say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS + 1, .ack = h.next[0], .wnd = 60000});
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(tcp_push(h.t, h.conn[0], zeros, 1000), 1000);
		take_answers();
		h.now = mono_add_ms(h.now, i ? 0 : 20);
		if (!i)
			say(0, (struct said){.flags = TCP_F_ACK, .seq = THEIRS + 1, .ack = h.next[0], .wnd = 60000});
	}
	const struct tcp_conn *c = tcp_conn_find(h.t, h.conn[0]);
	h.now = mono_add_ms(h.now, 45);
	tcp_now(h.t, h.now);
	tcp_timers(h.t, 512);
	assert_true(c->flags & CONN_TLP_NOW);
	struct said sacked = {.flags = TCP_F_ACK, .seq = THEIRS + 1, .ack = h.next[0] - 2000, .wnd = 60000};
	sacked.opt.n_sacks = 1;
	sacked.opt.sack[0] = (struct tcp_block){h.next[0] - 1000, h.next[0]};
	say(0, sacked);
	take_answers();
	assert_int_equal(h.t->stats[TCP_STAT_TLPS], 0);
	assert_int_equal(h.t->segs[c->tail].times, 1);
	stop();
}

/* The ACK that opens it and an RST in one burst: GONE has the number that the user gives it after the burst, or who took it for
 * opened would wait for its end for ever.  After GONE the handle is nobody's. */
static void
opened_and_reset(void **state)
{
	struct tcp_limits l = sim_limits();
	struct tcp_event ev[2];
	(void)state;
	start(&l);
	say(0, (struct said){.flags = TCP_F_SYN, .seq = THEIRS - 1, .wnd = 60000});
	const struct said ack = {.flags = TCP_F_ACK, .seq = THEIRS, .ack = h.next[0], .wnd = 60000};
	const struct said rst = {.flags = TCP_F_RST, .seq = THEIRS};
	const struct tcp_in in[] = {{segment_of(0, ack), 20, 0}, {segment_of(0, rst), 20, 0}};
	tcp_rx(h.t, in, 2, &h.burst);
	assert_int_equal(h.burst.n_opened, 1);
	uint64_t conn = h.burst.opened[0].conn;
	tcp_set_user(h.t, conn, 77);
	assert_int_equal(tcp_events(h.t, ev, 2), 1);
	assert_true(ev[0].conn == conn && ev[0].user == 77);
	assert_int_equal(ev[0].what, TCP_GONE);
	assert_int_equal(ev[0].gone, TCP_GONE_RESET);
	tcp_set_user(h.t, conn, 78);
	assert_int_equal(tcp_events(h.t, ev, 2), 0);
	assert_true(opens(1));
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_taken_back), cmocka_unit_test(holes_that_grow_are_taken_back),
		cmocka_unit_test(shut_windows_end),     cmocka_unit_test(part_of_a_probe),
		cmocka_unit_test(beyond_the_end),       cmocka_unit_test(restless_window),
		cmocka_unit_test(waiting_is_no_loss),   cmocka_unit_test(tail_that_has_come),
		cmocka_unit_test(opened_and_reset),
	};
	sim_start(2000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
