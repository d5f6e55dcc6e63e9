/* What RFCs ask for and no other test would miss: the congestion window's growth, names that cannot be guessed, headers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

static struct sim s;

static void
begin(struct sim_conf *c, uint64_t up)
{
	c->limits = sim_limits();
	c->limits.conns = c->limits.active = 8;
	c->limits.segments = 16384;
	c->limits.send_mbufs = c->limits.reorder_mbufs = 8192;
	c->limits.rcv_bytes = c->limits.snd_bytes = 8 << 20;
	c->device_checksum = true;
	sim_init(&s, c);
	sim_flow(&s, up, 0);
	s.app[0][0].closes = s.app[1][0].closes = false;
	s.app[0][0].record = 1440;
}

static struct tcp_info
info(void)
{
	struct tcp_info i;
	assert_true(tcp_info(s.t[0], s.app[0][0].conn, &i));
	return i;
}

/* RFC 9406: the round trip rises, and slow start is over before anything is lost. */
static void
hystart(void **state)
{
	struct sim_conf c = {.seed = 9406, .link = {{.delay_us = 20000, .bits_per_s = 50000000}, {.delay_us = 20000}}};
	(void)state;
	begin(&c, UINT64_C(1) << 40);
	sim_run_ms(&s, 2000);
	assert_int_equal(sim_stat(&s, 0, TCP_STAT_RETRANSMITS), 0);
	assert_true(info().ssthresh != UINT32_MAX);
	assert_in_range(info().ssthresh, 250000, 4000000); /* the path holds 250 KB */
	sim_fini(&s);
}

static uint32_t lose_at, lost_cwnd; /* the window at which a segment is lost, once */

static bool
one_is_lost(struct sim *f, unsigned dir, uint64_t n, const struct segment *g)
{
	(void)n;
	(void)f;
	if (dir || !lose_at || !g->len || info().cwnd < lose_at)
		return false;
	lose_at = 0;
	lost_cwnd = info().cwnd;
	return true;
}

/* RFC 9438 4.2, 4.6: seven tenths after a loss, and where it was K seconds later; Reno would take half a minute. */
static void
cubic(void **state)
{
	struct sim_conf c = {.seed = 9438, .link = {{.delay_us = 50000}, {.delay_us = 50000}}, .drop = one_is_lost};
	(void)state;
	lose_at = 300 * 1448;
	begin(&c, UINT64_C(1) << 40);
	sim_run_ms(&s, 12000); /* slow start has ended, and the window is larger than it was then */
	lose_at = 1;
	while (lose_at)
		sim_step(&s);
	for (uint32_t before = info().ssthresh; info().ssthresh == before;)
		sim_step(&s);
	/* RFC 9937 6.2: what is in flight comes down over the round trip, not at its beginning or end. */
	sim_run_ms(&s, 50);
	assert_in_range(info().pipe, lost_cwnd / 100 * 78, lost_cwnd / 100 * 92);
	sim_run_ms(&s, 45);
	assert_in_range(info().pipe, lost_cwnd / 100 * 66, lost_cwnd / 100 * 78);
	sim_run_ms(&s, 400);
	assert_in_range(info().ssthresh, lost_cwnd / 100 * 66, lost_cwnd / 100 * 74);
	int64_t k_ms = (int64_t)(1000 * cbrt((double)lost_cwnd / 1448 * 0.3 / 0.4));
	sim_run_ms(&s, k_ms / 2);
	uint32_t half = info().cwnd;
	assert_in_range(half, lost_cwnd / 100 * 85, lost_cwnd / 100 * 105); /* it is steep at first */
	sim_run_ms(&s, k_ms / 2);
	assert_in_range(info().cwnd, lost_cwnd / 100 * 92, lost_cwnd / 100 * 110);
	sim_fini(&s);
}

/* say: so much every 30 ms, each before the timeout that would make it idle. */
static void
say(unsigned octets, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * 33; i++) {
		s.app[0][0].to_send += octets;
		sim_run_ms(&s, 30);
	}
}

/* RFC 6928 2: how it begins.  RFC 7661: who does not use the window gets no larger one, and after five minutes half of it. */
static void
validation(void **state)
{
	struct sim_conf c = {.seed = 7661, .link = {{.delay_us = 8000}, {.delay_us = 8000}}};
	(void)state;
	begin(&c, 0);
	sim_run_ms(&s, 100);
	assert_int_equal(info().cwnd, 10 * 1448);
	say(1440, 5);
	assert_int_equal(info().cwnd, 10 * 1448);
	s.app[0][0].to_send += 3000000;
	while (s.app[0][0].sent < s.app[0][0].to_send)
		sim_step(&s);
	sim_run_ms(&s, 100);
	uint32_t before = info().cwnd;
	assert_true(before > 400000);
	say(1440, 290);
	assert_int_equal(info().cwnd, before);
	say(1440, 20);
	assert_in_range(info().cwnd, before / 2 - 1, before / 2 + 1);
	sim_fini(&s);
}

/* RFC 5681 4.1, RFC 2861: after a rest the window is half of what it was with each timeout, and the initial one at last. */
static void
restart(void **state)
{
	struct sim_conf c = {.seed = 5681, .link = {{.delay_us = 8000}, {.delay_us = 8000}}};
	(void)state;
	begin(&c, 3000000);
	sim_run_ms(&s, 2000);
	uint32_t before = info().cwnd, rto = info().rto_ms;
	assert_true(before > 400000);
	assert_int_equal(s.app[1][0].received, 3000000);
	s.app[0][0].to_send += 1440; /* it rests for more than a second: five timeouts or more */
	sim_run_ms(&s, 30);
	assert_in_range(info().cwnd, 10 * 1448, before >> (rto < 300 ? 3 : 1));
	sim_run_ms(&s, 20 * rto);
	s.app[0][0].to_send += 1440;
	sim_run_ms(&s, 30);
	assert_int_equal(info().cwnd, 10 * 1448);
	sim_fini(&s);
}

/* RFC 6528 3: a clock of 4 us, and a secret for each pair of sockets; RFC 7323 5.4: a clock of its own likewise. */
static void
initial_numbers(void **state)
{
	struct sim_conf c = {.seed = 6528};
	struct tcp_tuple id = {
		.local = addr_from_ip4(1), .peer = addr_from_ip4(2), .local_port = 443, .peer_port = 1000};
	uint32_t iss[3], offset[3];
	(void)state;
	begin(&c, 0);
	tcp_secrets(s.t[0], &id, &iss[0], &offset[0]);
	tcp_now(s.t[0], mono_add_ms(s.now, 4));
	tcp_secrets(s.t[0], &id, &iss[1], &offset[1]);
	assert_int_equal(iss[1] - iss[0], 1000);
	assert_int_equal(offset[1], offset[0]);
	id.peer_port++;
	tcp_secrets(s.t[0], &id, &iss[2], &offset[2]);
	assert_true(iss[2] - iss[1] > 65536 && iss[1] - iss[2] > 65536 && offset[2] != offset[1]);
	tcp_now(s.t[1], mono_add_ms(s.now, 4)); /* another key */
	tcp_secrets(s.t[1], &id, &iss[0], &offset[0]);
	assert_true(iss[0] != iss[2] && offset[0] != offset[2]);
	sim_fini(&s);
}

static uint16_t
port_towards(uint32_t peer)
{
	struct tcp_connect w = {.local = addr_from_ip4(0x0a000001), .peer = addr_from_ip4(peer), .peer_port = 80};
	uint64_t conn;
	struct tcp_info i;
	struct tcp_event ev;
	w.port_first = 20000;
	w.port_last = 59999;
	assert_int_equal(tcp_connect(s.t[0], &w, &conn), 0);
	assert_true(tcp_info(s.t[0], conn, &i));
	tcp_abort(s.t[0], conn);
	assert_int_equal(tcp_events(s.t[0], &ev, 1), 1);
	assert_in_range(i.local_port, w.port_first, w.port_last);
	return i.local_port;
}

/* RFC 6056 3.3.3: one peer's ports say nothing of another's, and are not the same twice. */
static void
ports(void **state)
{
	struct sim_conf c = {.seed = 6056};
	unsigned near = 0;
	(void)state;
	begin(&c, 0);
	uint16_t last = port_towards(0x0a000063);
	assert_true(port_towards(0x0a000063) != last);
	for (unsigned i = 0; i < 20; i++) {
		uint16_t port = port_towards(0x0a000064 + i);
		near += abs(port - last) < 100;
		last = port;
	}
	assert_true(near < 3);
	sim_fini(&s);
}

static uint32_t labels[2];

static bool
see_headers(struct sim *f, unsigned dir, uint64_t n, const struct segment *g)
{
	const uint8_t *ip = rte_pktmbuf_mtod(g->m, const uint8_t *);
	(void)n;
	assert_false(g->h.flags & TCP_F_URG); /* RFC 6093 4: never */
	if (!f->conf.v6) {
		assert_int_equal(be16(ip + 6), 0x4000); /* RFC 6864 4.1: atomic */
		return false;
	}
	if (dir || g->h.flags & TCP_F_SYN) /* a SYN-ACK too: its label is the connection's */
		return false;
	uint32_t *label = &labels[g->h.src_port - 10000u];
	assert_true(!*label || *label == (be32(ip) & 0xfffff));
	*label = be32(ip) & 0xfffff;
	return false;
}

/* RFC 6437 3: a label for each connection, always the same; not the next one's. */
static void
headers(void **state)
{
	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct sim_conf c = {.seed = 6437, .v6 = v6, .drop = see_headers};
		begin(&c, 30000);
		sim_flow(&s, 30000, 0);
		s.app[0][1].closes = s.app[1][1].closes = false;
		sim_run_ms(&s, 500);
		assert_int_equal(s.app[1][0].received + s.app[1][1].received, 60000);
		sim_fini(&s);
	}
	assert_true(labels[0] && labels[1] && labels[0] != labels[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hystart), cmocka_unit_test(cubic),           cmocka_unit_test(validation),
		cmocka_unit_test(restart), cmocka_unit_test(initial_numbers), cmocka_unit_test(ports),
		cmocka_unit_test(headers),
	};
	sim_start(40000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
