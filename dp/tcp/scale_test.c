/* Many and long: a million TIME-WAITs, connections that rest for a day, a stream on which sequence numbers turn more than once.
 * TCP_IDLE and TCP_BYTES set how many connections and octets (./check --long: more). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

#define OURS 0x0a000001
#define PEERS 0x0b000000 /* the address of the first */

/* One stack; its peers are this. */
static struct {
	struct tcp *t;
	struct mono now;
	uint64_t drops[DROP_COUNT];
	struct tcp_burst burst;
	uint32_t *next; /* of each peer: what we have sent ends there */
	unsigned n;
	struct tcp_in in[TCP_BURST];
} b;

static uint64_t
number(const char *name, uint64_t normally)
{
	const char *n = getenv(name);
	return n ? strtoull(n, NULL, 10) : normally;
}

static void
start(struct tcp_limits l, uint32_t keepalive_ms, uint32_t peers)
{
	struct tcp_start s = {.limits = l, .pool = sim_pool, .drops = b.drops, .keepalive_ms = keepalive_ms};
	struct addr any = addr_from_ip4(0);
	memset(b.drops, 0, sizeof b.drops);
	b.now.us = 5000000;
	b.next = calloc(peers, sizeof *b.next);
	b.t = tcp_init(aligned_alloc(64, tcp_bytes(&l)), &s, b.now);
	assert_int_equal(tcp_listen(b.t, &any, SIM_PORT, 0), 0);
}

static void
stop(void)
{
	struct tcp_event ev[64];
	tcp_fini(b.t);
	while (tcp_events(b.t, ev, RTE_DIM(ev)))
		;
	free(b.t);
	free(b.next);
	assert_int_equal(rte_mempool_avail_count(sim_pool), sim_pool->size);
}

/* arrive: what the peers have said. */
static void
arrive(void)
{
	tcp_now(b.t, b.now);
	tcp_rx(b.t, b.in, b.n, &b.burst);
	b.n = 0;
}

static void
say(uint32_t who, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct tcp_tuple id = {.local = addr_from_ip4(PEERS + who), .peer = addr_from_ip4(OURS)};
	struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
	id.local_port = 1000;
	id.peer_port = SIM_PORT;
	struct tcp_emit e = {.id = &id, .seq = seq, .ack = ack, .flags = flags, .wnd = 1000};
	tcp_emit(b.t, m, &e);
	b.in[b.n++] = (struct tcp_in){m, 20, 0};
	if (b.n == TCP_BURST)
		arrive();
}

static uint32_t
peer_of(const struct tcp_tuple *id)
{
	return be32(id->peer.b + 12) - PEERS;
}

/* hear: what we send; an old number is a question (RFC 9293 3.8.4), which is answered. */
static void
hear(void)
{
	struct tcp_out out[TCP_BURST];
	struct segment g;
	for (unsigned n; (n = tcp_output(b.t, out, TCP_BURST));)
		for (unsigned i = 0; i < n; i++) {
			assert_true(sim_parse(out[i].m, &g));
			uint32_t who = peer_of(&g.id), end = g.h.seq + g.len;
			if (!g.len && end + 1 == b.next[who])
				say(who, TCP_F_ACK, 100, end + 1);
			else
				b.next[who] = end + ((g.h.flags & (TCP_F_SYN | TCP_F_FIN)) != 0);
			rte_pktmbuf_free(out[i].m);
		}
	if (b.n)
		arrive();
}

/* open_some: connections of these peers, fewer than a burst: they are in burst.opened. */
static void
open_some(uint32_t first, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		say(first + i, TCP_F_SYN, 99, 0);
	arrive();
	hear();
	for (unsigned i = 0; i < n; i++)
		say(first + i, TCP_F_ACK, 100, b.next[first + i]);
	arrive();
	assert_int_equal(b.burst.n_opened, n);
}

/* --- TIME-WAIT */

#define SOME 32u

/* end_some: opened, closed by us, and by them. */
static void
end_some(uint32_t first)
{
	struct tcp_event ev[SOME];
	open_some(first, SOME);
	for (unsigned i = 0; i < SOME; i++)
		tcp_close(b.t, b.burst.opened[i].conn);
	hear();
	for (unsigned i = 0; i < SOME; i++)
		say(first + i, TCP_F_FIN | TCP_F_ACK, 100, b.next[first + i]);
	arrive();
	hear();
	assert_int_equal(tcp_events(b.t, ev, SOME), SOME);
	tcp_timers(b.t, 512);
}

static bool
known(uint32_t who)
{
	struct tcp_tuple id = {.local = addr_from_ip4(OURS), .peer = addr_from_ip4(PEERS + who)};
	id.local_port = SIM_PORT;
	id.peer_port = 1000;
	return tcp_table_find(b.t, &id, tcp_hash(b.t, &id)) != NONE;
}

static const struct tcp_tw *
oldest(void)
{
	return b.t->tw_due.first == NONE ? NULL : &b.t->tws[b.t->tw_due.first];
}

/* age: each ends when its time has come, those that began first first; none is early, none late. */
static void
age(uint32_t first, uint32_t left, uint32_t step_ms)
{
	b.now = mono_add_ms(b.now, oldest()->due_ms - b.t->ms - 1);
	for (; left; b.now = mono_add_ms(b.now, 1)) {
		tcp_now(b.t, b.now);
		tcp_timers(b.t, 2000);
		first += left - b.t->use.time_waits;
		left = b.t->use.time_waits;
		if (!left)
			break;
		assert_int_equal(peer_of(&oldest()->id), first);
		assert_in_range(oldest()->due_ms - b.t->ms, 1, step_ms);
	}
	assert_int_equal(b.t->listed, 0);
}

/* A million in 40 s; those that come when all places are taken have the places of the oldest; then they end as they began. */
static void
million_time_waits(void **state)
{
	enum { ALL = 1000000, MORE = 6400, STEP_MS = 32 };
	(void)state;
	struct tcp_limits l = sim_limits();
	l.time_waits = ALL;
	start(l, 0, ALL + MORE);
	for (uint32_t i = 0; i < ALL + MORE; i += SOME) {
		end_some(i);
		assert_int_equal(peer_of(&oldest()->id), i < ALL ? 0 : i + SOME - ALL);
		assert_int_equal(b.t->use.time_waits, i < ALL ? i + SOME : ALL);
		if (i % (25 * SOME) == 0)
			b.now = mono_add_ms(b.now, STEP_MS);
	}
	assert_int_equal(b.t->stats[TCP_STAT_TIME_WAIT_EVICTED], MORE);
	assert_false(known(0) || known(MORE - 1));
	assert_true(known(MORE) && known(ALL - 1) && known(ALL + MORE - 1));
	assert_int_equal(b.t->listed, ALL);
	age(MORE, ALL, STEP_MS);
	stop();
}

/* --- at rest */

/* at_rest: nobody holds more than the connection itself; its timer looks when the peer is to be asked, and once after each
 * answer, or never. */
static void
at_rest(uint32_t n, uint32_t keepalive_ms)
{
	const struct tcp_use *u = &b.t->use;
	assert_int_equal(u->conns, n);
	assert_int_equal(b.t->listed, n);
	assert_int_equal(u->active + u->half_open + u->time_waits + u->segments + u->send_mbufs + u->reorder_mbufs, 0);
	assert_int_equal(rte_mempool_avail_count(sim_pool), sim_pool->size);
	for (uint32_t i = 0; i < n; i++) {
		const struct tcp_conn *c = &b.t->conns[i];
		uint32_t wait = (uint32_t)(c->timer.due.us / 1000) - c->heard_ms;
		assert_int_equal(wheel_pending(&c->timer), keepalive_ms != 0);
		assert_true(!keepalive_ms || wait == keepalive_ms || wait - (TCP_KEEP_PROBE_MS - 1000) <= 1000);
	}
}

/* open_all: each has said something, which was acknowledged, and rests. */
static void
open_all(uint32_t n)
{
	for (uint32_t i = 0; i < n; i += SOME) {
		open_some(i, SOME);
		for (unsigned k = 0; k < SOME; k++)
			assert_int_equal(tcp_push(b.t, b.burst.opened[k].conn, "hello", 5), 5);
		hear();
		for (unsigned k = 0; k < SOME; k++)
			say(i + k, TCP_F_ACK, 100, b.next[i + k]);
		arrive();
		tcp_timers(b.t, 512);
		if (i % (SOME * 25) == 0)
			b.now = mono_add_ms(b.now, 20);
	}
}

/* A day of n connections: they cost what they did in the first minute; with keepalive one question each in two hours. */
static void
day(uint32_t n, uint32_t keepalive_ms)
{
	struct tcp_limits l = sim_limits();
	l.conns = n / 8 * 10;
	l.active = 16384;
	start(l, keepalive_ms, n);
	open_all(n);
	struct mono hour = mono_add_s(b.now, 60), end = mono_add_s(b.now, 24 * 3600 + 60);
	while (b.now.us < end.us) {
		b.now = mono_add_s(b.now, 1);
		tcp_now(b.t, b.now);
		tcp_timers(b.t, 1 << 22);
		hear();
		if (b.now.us < hour.us)
			continue;
		at_rest(n, keepalive_ms);
		hour = mono_add_s(hour, 3600);
	}
	assert_int_equal(b.t->stats[TCP_STAT_KEEPALIVES], keepalive_ms ? n * (24 * 3600000ull / keepalive_ms) : 0);
	stop();
}

static void
day_at_rest(void **state)
{
	(void)state;
	uint32_t n = (uint32_t)number("TCP_IDLE", 20000) / SOME * SOME;
	day(n, 0);
	day(n / 8 / SOME * SOME, 2 * 3600000); /* each look of the wheel costs: one in 16 s and connection */
}

/* --- sequence numbers */

/* Losses all along, and the numbers turn 50 KB after the beginning and then with each 4 GiB. */
static void
numbers_turn_again(void **state)
{
	static struct sim s;
	(void)state;
	uint64_t bytes = number("TCP_BYTES", 1000000000);
	struct sim_conf c = {.seed = 23, .device_checksum = true};
	c.link[0] = (struct sim_link){.delay_us = 500, .loss_ppm = 20};
	c.link[1] = (struct sim_link){.delay_us = 500, .loss_ppm = 20};
	c.limits = sim_limits();
	c.limits.conns = c.limits.active = 4;
	c.limits.rcv_bytes = c.limits.snd_bytes = 1 << 20;
	sim_init(&s, &c);
	struct tcp_tuple id = {.local = addr_from_ip4(OURS), .peer = addr_from_ip4(OURS + 1), .local_port = 10000};
	uint32_t iss, offset;
	id.peer_port = SIM_PORT;
	tcp_secrets(s.t[0], &id, &iss, &offset);
	s.now.us += (int64_t)(uint32_t)(0u - 50000 - iss) * 4;
	tcp_now(s.t[0], s.now);
	tcp_now(s.t[1], s.now);
	unsigned f = sim_flow(&s, bytes, 0);
	s.app[0][f].record = 1440;
	struct mono began = s.now;
	assert_true(sim_run(&s, mono_add_s(s.now, 3600)));
	assert_int_equal(s.app[1][f].received, bytes);
	assert_int_equal(s.app[0][f].why, TCP_GONE_CLOSED);
	assert_true(sim_stat(&s, 0, TCP_STAT_RETRANSMITS) > 0);
	print_message("%llu MB over %u turns of the numbers: %.1f s virtual, %llu sent again\n",
		      (unsigned long long)(bytes / 1000000), 1 + (unsigned)((bytes - 50000) >> 32),
		      (double)mono_since_us(s.now, began) / 1e6,
		      (unsigned long long)sim_stat(&s, 0, TCP_STAT_RETRANSMITS));
	sim_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(million_time_waits),
		cmocka_unit_test(day_at_rest),
		cmocka_unit_test(numbers_turn_again),
	};
	sim_start(20000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
