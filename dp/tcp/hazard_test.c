/* What run-to-completion has to live through: no buffers, a port that takes nothing, users who abort at any moment, numbers
 * that turn, pools that are full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

static struct sim s;

static struct sim_conf
plain(uint64_t seed)
{
	return (struct sim_conf){
		.seed = seed, .link = {{.delay_us = 8000}, {.delay_us = 8000}}, .user_timeout_ms = 60000};
}

static void
run_to_the_end_but_fini(unsigned flows)
{
	assert_true(sim_run(&s, mono_add_s(s.now, 120)));
	for (unsigned i = 0; i < flows; i++)
		for (unsigned e = 0; e < 2; e++) {
			assert_int_equal(s.app[e][i].why, TCP_GONE_CLOSED);
			assert_int_equal(s.app[e][i].received, s.app[!e][i].to_send);
		}
}

static void
run_to_the_end(unsigned flows)
{
	run_to_the_end_but_fini(flows);
	sim_fini(&s);
}

/* The pool is empty for a second: ACKs and repairs cannot be made; afterwards all goes on, nothing is lost. */
static void
no_buffers(void **state)
{
	(void)state;
	static struct rte_mbuf *hoard[20000];
	struct sim_conf c = plain(11);
	sim_init(&s, &c);
	for (unsigned i = 0; i < 4; i++)
		sim_flow(&s, 200000, 200000);
	struct mono hungry = mono_add_ms(s.now, 60), fed = mono_add_ms(s.now, 1060);
	while (s.now.us < hungry.us)
		sim_step(&s);
	unsigned n = 0;
	while (n < RTE_DIM(hoard) && (hoard[n] = rte_pktmbuf_alloc(sim_pool)))
		n++;
	while (s.now.us < fed.us) {
		sim_step(&s);
		while (n < RTE_DIM(hoard) && (hoard[n] = rte_pktmbuf_alloc(sim_pool)))
			n++;
	}
	assert_true(sim_stat(&s, 0, TCP_STAT_NO_MBUF) + sim_stat(&s, 1, TCP_STAT_NO_MBUF) > 0);
	rte_pktmbuf_free_bulk(hoard, n);
	run_to_the_end(4);
}

static bool
nothing_leaves(struct sim *f, unsigned dir, uint64_t n, const struct segment *g)
{
	(void)n;
	(void)g;
	return dir == 0 && f->now.us > 2000000 && f->now.us % 1000000 < 50000;
}

/* A port takes nothing for 50 ms of each second: what TCP has handed over is gone. */
static void
port_is_full(void **state)
{
	(void)state;
	struct sim_conf c = plain(12);
	c.drop = nothing_leaves;
	sim_init(&s, &c);
	sim_flow(&s, 3000000, 10000);
	run_to_the_end(1);
}

/* A device keeps its buffers for two seconds: repairs are copies, none waits. */
static void
device_keeps_buffers(void **state)
{
	(void)state;
	struct sim_conf c = plain(13);
	c.hold_us = 2000000;
	c.link[0].loss_ppm = 30000;
	sim_init(&s, &c);
	unsigned f = sim_flow(&s, 600000, 600000);
	s.app[0][f].record = 1300;
	s.app[1][f].record = 5000;
	run_to_the_end(1);
}

/* Users abort at every moment: whatever is pending, nothing is leaked, and GONE comes once (sim.c). */
static void
aborts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sim_conf c = plain(seed);
		c.link[0].loss_ppm = c.link[1].loss_ppm = 50000;
		sim_init(&s, &c);
		for (unsigned i = 0; i < 6; i++)
			sim_flow(&s, 100000, 100000);
		struct mono until = mono_add_ms(s.now, 400);
		while (s.now.us < until.us) {
			sim_step(&s);
			unsigned e = sim_random(&s) % 2, i = (unsigned)(sim_random(&s) % 6);
			if (sim_chance(&s, 20000))
				tcp_abort(s.t[e], s.app[e][i].conn);
			if (sim_chance(&s, 10000))
				tcp_close(s.t[e], s.app[e][i].conn);
		}
		sim_fini(&s);
	}
}

/* Both sides' numbers and the clocks turn in mid stream, with losses across it. */
static void
numbers_turn(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct sim_conf c = plain(100 + i);
		c.link[0].loss_ppm = c.link[1].loss_ppm = 20000;
		sim_init(&s, &c);
		/* The initial number is F + us / 4: so that it turns 50 KB into the stream. */
		struct tcp_tuple id = {
			.local = addr_from_ip4(0x0a000001), .peer = addr_from_ip4(0x0a000002), .local_port = 10000};
		uint32_t iss, offset;
		id.peer_port = SIM_PORT;
		tcp_secrets(s.t[0], &id, &iss, &offset);
		s.now.us += (int64_t)(uint32_t)(0u - 50000 - iss) * 4;
		if (i & 1) /* and the clock of time stamps besides */
			s.now.us += ((int64_t)(uint32_t)(0x80000000u - offset - (uint32_t)(s.now.us / 1000)) * 1000) &
				    ~(int64_t)0x3ffffffff;
		tcp_now(s.t[0], s.now);
		tcp_now(s.t[1], s.now);
		sim_flow(&s, 300000, 300000);
		run_to_the_end(1);
	}
}

/* More clients than the pool has room for: refused by silence, counted, and in later. */
static void
admission(void **state)
{
	(void)state;
	struct sim_conf c = plain(14);
	c.limits = sim_limits();
	c.limits.conns = 20;
	sim_init(&s, &c);
	unsigned ok = 0;
	for (unsigned i = 0; i < 18; i++)
		sim_flow(&s, 1000, 1000);
	struct tcp_connect w = {.local = addr_from_ip4(0x0a000001), .peer = addr_from_ip4(0x0a000002), .peer_port = 9};
	uint64_t conn;
	for (unsigned i = 0; i < 5; i++)
		ok += tcp_connect(s.t[0], &w, &conn) == 0;
	assert_int_equal(ok, 0);
	run_to_the_end(18);
}

/* TIME-WAIT beyond its room: the oldest ends. */
static void
time_wait_evicts(void **state)
{
	(void)state;
	struct sim_conf c = plain(15);
	c.limits = sim_limits();
	c.limits.time_waits = 4;
	sim_init(&s, &c);
	for (unsigned i = 0; i < 12; i++)
		sim_flow(&s, 1000, 1000);
	assert_true(sim_run(&s, mono_add_s(s.now, 60)));
	assert_true(sim_stat(&s, 0, TCP_STAT_TIME_WAIT_EVICTED) + sim_stat(&s, 1, TCP_STAT_TIME_WAIT_EVICTED) > 0);
	assert_true(s.t[0]->use.time_waits <= 4 && s.t[1]->use.time_waits <= 4);
	sim_fini(&s);
}

/* flow_of: the number of the flow that was kept as this entry of end e. */
static unsigned
flow_of(unsigned e, uint32_t i)
{
	const struct tcp_tuple *id = &s.t[e]->tws[i].id;
	return (e ? id->peer_port : id->local_port) - 10000u;
}

/* TIME-WAITs end in the order in which they began, early or in time. */
static void
time_wait_oldest_first(void **state)
{
	(void)state;
	struct sim_conf c = plain(16);
	c.limits = sim_limits();
	c.limits.time_waits = 4;
	sim_init(&s, &c);
	for (unsigned i = 0; i < 7; i++) {
		sim_flow(&s, 1000, 1000);
		assert_true(sim_run(&s, mono_add_s(s.now, 10)));
		for (unsigned ms = 0; ms < 100; ms++)
			sim_step(&s);
	}
	unsigned e = s.t[1]->use.time_waits == 4, oldest = 3;
	const struct tcp *t = s.t[e];
	assert_int_equal(t->use.time_waits, 4);
	for (uint32_t i = t->tw_due.first; i != NONE; i = t->tws[i].link.next)
		assert_int_equal(flow_of(e, i), oldest++);
	assert_int_equal(oldest, 7);
	for (unsigned left = 4; left; left--) {
		assert_int_equal(flow_of(e, t->tw_due.first), 7 - left);
		struct mono late = mono_add_s(s.now, 61);
		while (t->use.time_waits == left && s.now.us < late.us)
			sim_step(&s);
		assert_int_equal(t->use.time_waits, left - 1);
	}
	sim_fini(&s);
}

/* A link of 20 Mbit/s with a long queue: HyStart++ and pacing; how deep the queue gets is printed. */
static void
queue_of_the_link(void **state)
{
	(void)state;
	struct sim_conf c = plain(16);
	c.link[0].bits_per_s = 20000000;
	c.limits = sim_limits();
	c.limits.rcv_bytes = 4 << 20;
	c.limits.snd_bytes = 4 << 20;
	c.limits.send_mbufs = 8192;
	c.link[0].queue_bytes = 250000;
	sim_init(&s, &c);
	unsigned f = sim_flow(&s, 8000000, 0);
	s.app[0][f].record = 1400;
	struct mono began = s.now;
	assert_true(sim_run(&s, mono_add_s(s.now, 60)));
	print_message("8 MB over 20 Mbit/s, 16 ms: %.2f s (%.2f at line rate), queue at most %u kB of 250, %llu sent "
		      "again, %llu timeouts\n",
		      (double)mono_since_us(s.now, began) / 1e6, 8e6 * 1448 / 1400 * 8 / 2e7, s.max_queue[0] / 1000,
		      (unsigned long long)sim_stat(&s, 0, TCP_STAT_RETRANSMITS),
		      (unsigned long long)sim_stat(&s, 0, TCP_STAT_RTOS));
	assert_int_equal(sim_stat(&s, 0, TCP_STAT_RTOS), 0);
	sim_fini(&s);
}

/* A delay of a second and a half on the way back, no loss: the timeout was spurious, and what it did is taken back: by time
 * stamps (RFC 4015), without them by RFC 5682, or by duplicates that the peer reports (RFC 3708). */
static void
spurious_timeouts(void **state)
{
	(void)state;
	for (unsigned strip = 0; strip < 4; strip++) {
		struct sim_conf c = plain(30 + strip);
		c.link[0].bits_per_s = c.link[1].bits_per_s = 1000000000;
		c.strip_ts = strip & 1;
		c.strip_sack = strip & 2;
		sim_init(&s, &c);
		sim_flow(&s, 4000000, 0);
		struct mono spike = mono_add_ms(s.now, 150);
		while (s.now.us < spike.us)
			sim_step(&s);
		struct tcp_info before, after;
		assert_true(tcp_info(s.t[0], s.app[0][0].conn, &before));
		s.busy_until_us[1] = s.now.us + 1500000;
		struct mono over = mono_add_ms(s.now, 1560);
		while (s.now.us < over.us)
			sim_step(&s);
		assert_true(tcp_info(s.t[0], s.app[0][0].conn, &after));
		unsigned undone =
			(unsigned)(sim_stat(&s, 0, TCP_STAT_UNDO_EIFEL) + sim_stat(&s, 0, TCP_STAT_UNDO_FRTO) +
				   sim_stat(&s, 0, TCP_STAT_UNDO_DSACK));
		print_message("delay spike, %s, %s: %llu timeouts, %u undone, window %u kB before, %u kB after, %llu "
			      "sent again\n",
			      strip & 1 ? "no time stamps" : "time stamps", strip & 2 ? "no SACK" : "SACK",
			      (unsigned long long)sim_stat(&s, 0, TCP_STAT_RTOS), undone, before.cwnd / 1000,
			      after.cwnd / 1000, (unsigned long long)sim_stat(&s, 0, TCP_STAT_RETRANSMITS));
		assert_true(sim_stat(&s, 0, TCP_STAT_RTOS) > 0);
		/* RFC 5682 does not go beyond the first timeout, and there have been three. */
		assert_true(strip == 3 || undone > 0);
		/* Without SACK the needless repairs come back as duplicate acknowledgements, which cannot be told from a loss. */
		assert_true(strip & 2 || after.cwnd >= before.cwnd / 2);
		run_to_the_end(1);
	}
}

/* Packets overtake each other, none is lost: no timeout, few repairs, fewer as time goes on (RFC 8985 6.2 step 4). */
static void
reordering(void **state)
{
	(void)state;
	struct sim_conf c = plain(40);
	c.link[0].reorder_ppm = 50000;
	c.link[0].reorder_us = 6000;
	c.link[0].bits_per_s = 100000000;
	sim_init(&s, &c);
	sim_flow(&s, 6000000, 0);
	while (s.app[1][0].received < 3000000)
		sim_step(&s);
	uint64_t first = sim_stat(&s, 0, TCP_STAT_RETRANSMITS);
	run_to_the_end_but_fini(1);
	uint64_t second = sim_stat(&s, 0, TCP_STAT_RETRANSMITS) - first;
	print_message(
		"5 %% of packets 6 ms late, 16 ms: %llu sent again in the first half, %llu in the second, of %llu\n",
		(unsigned long long)first, (unsigned long long)second, (unsigned long long)s.n_sent[0]);
	assert_int_equal(sim_stat(&s, 0, TCP_STAT_RTOS), 0);
	assert_true(second <= first + 2);
	sim_fini(&s);
}

/* Duplicates alone: nothing is sent again for them. */
static void
duplicates(void **state)
{
	(void)state;
	struct sim_conf c = plain(41);
	c.link[0].double_ppm = c.link[1].double_ppm = 200000;
	sim_init(&s, &c);
	sim_flow(&s, 2000000, 2000000);
	run_to_the_end_but_fini(1);
	assert_int_equal(sim_stat(&s, 0, TCP_STAT_RETRANSMITS) + sim_stat(&s, 1, TCP_STAT_RETRANSMITS), 0);
	sim_fini(&s);
}

/* More connections than there is congestion state, one after the other: who is at rest gives it to who sends. */
static void
state_from_those_at_rest(void **state)
{
	(void)state;
	struct sim_conf c = plain(50);
	c.limits = sim_limits();
	c.limits.active = 8;
	sim_init(&s, &c);
	for (unsigned i = 0; i < 20; i++) {
		unsigned f = sim_flow(&s, 1000, 1000);
		s.app[0][f].closes = s.app[1][f].closes = false;
	}
	sim_run_ms(&s, 2000);
	for (unsigned i = 0; i < 20; i++)
		for (unsigned e = 0; e < 2; e++)
			assert_int_equal(s.app[e][i].received, 1000);
	assert_true(sim_stat(&s, 0, TCP_STAT_STATE_RECLAIMED) + sim_stat(&s, 0, TCP_STAT_STATE_WAITS) > 0);
	/* What is at rest keeps nobody out. */
	unsigned f = sim_flow(&s, 1000, 1000);
	sim_run_ms(&s, 200);
	assert_int_equal(s.app[1][f].received, 1000);
	sim_fini(&s);
}

/* sealed_in_line: octets that were granted to those who wait for congestion state, and never had their turn since. */
static uint32_t
sealed_in_line(const struct sim *f)
{
	uint32_t n = 0;
	for (uint32_t i = f->t[0]->list[LIST_EXT].first; i != NONE; i = f->t[0]->conns[i].link[LIST_EXT]) {
		const struct tcp_conn *c = &f->t[0]->conns[i];
		n += c->ext == NONE ? c->snd_end - c->snd_nxt : 0;
	}
	return n;
}

/* Twice as many as there is congestion state for have more to send than ever ends, by tcp_push or by grants: each has its turn
 * again and again. */
static void
state_in_turns(void **state)
{
	enum { FLOWS = 16 };
	uint64_t before[FLOWS], least = UINT64_MAX, most = 0;
	(void)state;
	for (unsigned grants = 0; grants < 2; grants++) {
		struct sim_conf c = plain(51 + grants);
		c.limits = sim_limits();
		c.limits.active = FLOWS / 2;
		c.link[0].bits_per_s = 8000000;
		c.link[0].queue_bytes = 60000;
		sim_init(&s, &c);
		for (unsigned i = 0; i < FLOWS; i++) {
			sim_flow(&s, 1000000000, 0);
			s.app[0][i].record = grants ? 1400 : 0;
		}
		sim_run_ms(&s, 6000);
		if (grants) /* no more than the end of a turn: a record each */
			assert_in_range(sealed_in_line(&s), 0, FLOWS / 2 * 1400);
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned i = 0; i < FLOWS; i++)
				before[i] = s.app[1][i].received;
			sim_run_ms(&s, 6000);
			for (unsigned i = 0; i < FLOWS; i++) {
				uint64_t n = s.app[1][i].received - before[i];
				assert_true(n > 0);
				least = n < least ? n : least;
				most = n > most ? n : most;
			}
		}
		assert_true(sim_stat(&s, 0, TCP_STAT_STATE_WAITS) > FLOWS);
		sim_fini(&s);
	}
	print_message("16 senders, congestion state for 8: in 6 s each at least %llu kB, at most %llu\n",
		      (unsigned long long)least / 1000, (unsigned long long)most / 1000);
}

/* Who is granted something and has nothing to append keeps nobody waiting. */
static void
state_not_used(void **state)
{
	(void)state;
	struct sim_conf c = plain(55);
	c.limits = sim_limits();
	c.limits.active = 8;
	sim_init(&s, &c);
	for (unsigned i = 0; i < 9; i++) {
		unsigned f = sim_flow(&s, 0, 0);
		s.app[0][f].closes = s.app[1][f].closes = false;
		sim_run_ms(&s, 50);
	}
	s.app[0][8].to_send = 50000;
	s.app[0][8].record = 1400;
	for (unsigned ms = 0; ms < 1000; ms++) {
		for (unsigned i = 0; i < 8; i++)
			tcp_want(s.t[0], s.app[0][i].conn);
		sim_run_ms(&s, 1);
	}
	assert_int_equal(s.app[1][8].received, 50000);
	sim_fini(&s);
}

/* first_is_lost: a hole at the beginning of each stream but that of flow 0, for ever. */
static bool
first_is_lost(struct sim *f, unsigned dir, uint64_t n, const struct segment *g)
{
	static uint32_t first[SIM_FLOWS];
	unsigned flow = g->h.src_port - 10000u;
	(void)f;
	(void)n;
	if (dir != 0 || !flow || flow >= SIM_FLOWS)
		return false;
	if (g->h.flags & TCP_F_SYN)
		first[flow] = g->h.seq + 1;
	return g->len && g->h.seq == first[flow];
}

/* Holes that nobody fills hold congestion state until another needs it: of eight, a sender takes the one that was at rest longest. */
static void
state_for_holes(void **state)
{
	(void)state;
	struct sim_conf c = plain(54);
	c.limits = sim_limits();
	c.limits.active = 8;
	c.drop = first_is_lost;
	sim_init(&s, &c);
	sim_flow(&s, 0, 1000);
	s.app[0][0].closes = s.app[1][0].closes = false;
	sim_run_ms(&s, 500);
	for (unsigned i = 1; i < 8; i++)
		sim_flow(&s, 100000, 0);
	sim_run_ms(&s, 2000);
	unsigned holes = 0;
	for (uint32_t i = 0; i < c.limits.conns; i++)
		holes += tcp_ext_see(s.t[1], &s.t[1]->conns[i])->ooo != NONE;
	assert_int_equal(holes, 7);
	s.app[1][0].to_send = 300000;
	sim_run_ms(&s, 2000);
	assert_int_equal(s.app[0][0].received, 300000);
	sim_fini(&s);
}

static unsigned
mss_now(void)
{
	struct tcp_info i;
	assert_true(tcp_info(s.t[0], s.app[0][0].conn, &i));
	return i.mss;
}

/* A path of 1300 that says nothing: found from above in seconds, from below in ten minutes, by a few probes that cost no
 * timeout; and when it has grown, all of it is used again (RFC 4821 7). */
static void
path_mtu(void **state)
{
	(void)state;
	struct sim_conf c = plain(51);
	c.link[0].mtu = 1300;
	c.link[0].bits_per_s = c.link[1].bits_per_s = 100000;
	c.link[0].queue_bytes = 20000;
	sim_init(&s, &c);
	unsigned f = sim_flow(&s, UINT64_C(1) << 40, 0);
	s.app[0][f].record = 1440;
	sim_run_ms(&s, 60 * 1000);
	assert_int_equal(mss_now(), 1200);
	uint64_t timeouts = sim_stat(&s, 0, TCP_STAT_RTOS);
	sim_run_ms(&s, 900 * 1000);
	assert_in_range(mss_now(), 1300 - 52 - 8, 1300 - 52);
	assert_in_range(sim_stat(&s, 0, TCP_STAT_PMTU_PROBES), 3, 12);
	assert_int_equal(sim_stat(&s, 0, TCP_STAT_RTOS), timeouts);
	s.conf.link[0].mtu = 0;
	sim_run_ms(&s, 660 * 1000);
	assert_in_range(mss_now(), 1432, 1440);
	s.app[0][f].to_send = s.app[0][f].sent;
	run_to_the_end(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_buffers),
		cmocka_unit_test(port_is_full),
		cmocka_unit_test(device_keeps_buffers),
		cmocka_unit_test(aborts),
		cmocka_unit_test(numbers_turn),
		cmocka_unit_test(admission),
		cmocka_unit_test(time_wait_evicts),
		cmocka_unit_test(spurious_timeouts),
		cmocka_unit_test(reordering),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(queue_of_the_link),
		cmocka_unit_test(state_from_those_at_rest),
		cmocka_unit_test(state_in_turns),
		cmocka_unit_test(state_for_holes),
		cmocka_unit_test(state_not_used),
		cmocka_unit_test(time_wait_oldest_first),
		cmocka_unit_test(path_mtu),
	};
	sim_start(20000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
