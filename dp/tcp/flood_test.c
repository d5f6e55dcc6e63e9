/* A flood of SYNs from forged addresses beside twenty honest clients, in process: all of them get in, memory is as it was.
 * Besides: what an idle connection takes, counted and not computed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "sim.h"

#define HONEST 20
#define FLOOD_PER_MS 1000 /* a million a second of virtual time */
#define FLOOD_MS 1500

#include <rte_cycles.h>

static struct sim s;

static struct rte_mbuf *
forged_syn(struct sim *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
	struct tcp_tuple id = {.peer = addr_from_ip4(0x0a000002), .peer_port = SIM_PORT};
	if (!m)
		sim_fail(f, "no buffer for the flood", 0, 0);
	uint64_t r = sim_random(f);
	id.local = addr_from_ip4(0x0b000000 | (r & 0xffffff));
	id.local_port = (uint16_t)(r >> 24);
	struct tcp_emit e = {.id = &id, .seq = (uint32_t)(r >> 32), .flags = TCP_F_SYN, .wnd = 65535};
	e.opt = (struct tcp_options_out){.mss = true, .mss_value = 1460, .sack_ok = true, .ws = true, .ws_value = 7};
	tcp_emit(f->t[1], m, &e);
	return m;
}

/* cycles: of a forged SYN in the quickest burst, for the machine has other work. */
static void
flood_ms(struct sim *f, uint64_t *cycles)
{
	struct tcp_in in[TCP_BURST];
	struct tcp_out out[TCP_BURST];
	for (unsigned done = 0; done < FLOOD_PER_MS;) {
		unsigned n = 0;
		while (n < TCP_BURST && done < FLOOD_PER_MS) {
			in[n++] = (struct tcp_in){forged_syn(f), 20, 0};
			done++;
		}
		uint64_t began = rte_rdtsc();
		tcp_now(f->t[1], f->now);
		tcp_rx(f->t[1], in, n, &f->burst);
		n = tcp_output(f->t[1], out, TCP_BURST);
		uint64_t each = (rte_rdtsc() - began) / TCP_BURST;
		*cycles = each && each < *cycles ? each : *cycles;
		for (unsigned i = 0; i < n; i++) {
			struct segment g;
			/* Answers to honest clients may be among them. */
			if (sim_parse(out[i].m, &g) && addr_ip4(&g.id.peer) == 0x0a000001)
				sim_deliver(f, 1, out[i].m);
			else
				rte_pktmbuf_free(out[i].m);
		}
	}
}

static void
syn_flood(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 4, .link = {{.delay_us = 5000}, {.delay_us = 5000}}};
	c.user_timeout_ms = 30000;
	sim_init(&s, &c);
	uint64_t cycles = UINT64_MAX, ms = 0;
	unsigned before = rte_mempool_avail_count(sim_pool), most = 0;
	struct tcp_use u;
	for (; ms < FLOOD_MS; ms++) {
		if (ms >= 200 && ms % 50 == 0 && s.n_flows < HONEST)
			sim_flow(&s, 20000, 20000);
		flood_ms(&s, &cycles);
		sim_step(&s);
		tcp_use(s.t[1], &u);
		unsigned held = before - rte_mempool_avail_count(sim_pool);
		most = held > most ? held : most;
		assert_true(u.half_open <= s.conf.limits.half_open / 2); /* cookies from there on */
	}
	assert_true(sim_run(&s, mono_add_s(s.now, 60)));
	for (unsigned i = 0; i < HONEST; i++) {
		assert_int_equal(s.app[0][i].why, TCP_GONE_CLOSED);
		assert_int_equal(s.app[1][i].why, TCP_GONE_CLOSED);
		assert_int_equal(s.app[1][i].received, 20000);
	}
	print_message(
		"SYN flood at 1 Mpps for %llu ms of virtual time: %u of %u clients in, %llu cookies sent, %llu taken, "
		"half-open %u of %u, at most %u buffers held; %llu cycles for a forged SYN (%llu kpps a core)\n",
		(unsigned long long)ms, HONEST, HONEST, (unsigned long long)sim_stat(&s, 1, TCP_STAT_COOKIES_OUT),
		(unsigned long long)sim_stat(&s, 1, TCP_STAT_COOKIES_IN), u.half_open, s.conf.limits.half_open, most,
		(unsigned long long)cycles, (unsigned long long)(rte_get_tsc_hz() / cycles / 1000));
	assert_true(sim_stat(&s, 1, TCP_STAT_COOKIES_IN) > 0);
	assert_true(most < 2000);
	sim_fini(&s);
}

/* idle: connections with nothing in flight hold no congestion state, no segment, no buffer; what is left is counted. */
static void
idle(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 5, .link = {{.delay_us = 1000}, {.delay_us = 1000}}};
	sim_init(&s, &c);
	for (unsigned i = 0; i < 32; i++) {
		unsigned f = sim_flow(&s, 5000, 5000);
		s.app[0][f].closes = s.app[1][f].closes = false;
	}
	unsigned before = rte_mempool_avail_count(sim_pool);
	struct mono until = mono_add_s(s.now, 25);
	while (s.now.us < until.us)
		sim_step(&s);
	struct tcp_use u;
	tcp_use(s.t[1], &u);
	assert_int_equal(u.conns, 32);
	assert_int_equal(u.active, 0);
	assert_int_equal(u.segments, 0);
	assert_int_equal(rte_mempool_avail_count(sim_pool), before);
	struct tcp_limits l = sim_limits(), l2 = l;
	l.conns = 1u << 20;
	l2.conns = 2u << 20;
	l.half_open = l.time_waits = l2.half_open = l2.time_waits = 0;
	size_t each = (tcp_bytes(&l2) - tcp_bytes(&l)) >> 20;
	print_message("an idle connection: %zu B of connection and hash table\n", each);
	assert_int_equal(each, TCP_CONN_BYTES + TCP_PLACE_BYTES);
	sim_fini(&s);
}

/* A day of silence: with keepalive off nothing happens at all, with two hours as little as it says. */
static void
a_day(void **state)
{
	(void)state;
	struct sim_conf c = {.seed = 6, .link = {{.delay_us = 1000}, {.delay_us = 1000}}, .keepalive_ms = 7200000};
	sim_init(&s, &c);
	unsigned f = sim_flow(&s, 5000, 5000);
	s.app[0][f].closes = s.app[1][f].closes = false;
	s.idle_step_us = 1000;
	struct mono until = mono_add_s(s.now, 15);
	while (s.now.us < until.us)
		sim_step(&s);
	uint64_t sent = s.n_sent[0] + s.n_sent[1];
	unsigned before = rte_mempool_avail_count(sim_pool);
	s.idle_step_us = 100000;
	for (until = mono_add_s(s.now, 86400); s.now.us < until.us;)
		sim_step(&s);
	assert_int_equal(rte_mempool_avail_count(sim_pool), before);
	assert_false(s.app[0][f].gone);
	print_message("a day of silence with keepalive of two hours: %llu packets\n",
		      (unsigned long long)(s.n_sent[0] + s.n_sent[1] - sent));
	assert_true(s.n_sent[0] + s.n_sent[1] - sent <= 2 * 2 * 12);
	sim_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_flood),
		cmocka_unit_test(idle),
		cmocka_unit_test(a_day),
	};
	sim_start(8000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
