/* queue_test.c - FQ-CoDel: order, bounds, marks, memory; and what a download does to somebody else's packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "flow.h"
#include "queue.h"

#define SESSIONS 64
#define PACKETS 4000

static struct rte_mempool *pool;
static uint64_t drops[DROP_COUNT];
static struct queues *q;
static struct mono now;
static uint32_t dropped;
static bool control;                        /* what came last */
static struct queue_ref refs[SESSIONS + 1]; /* of the test that runs */

static int
set_up(void **state)
{
	(void)state;
	void *memory = aligned_alloc(64, queues_bytes(SESSIONS, PACKETS));
	assert_non_null(memory);
	memset(drops, 0, sizeof drops);
	now = (struct mono){1000000};
	dropped = 0;
	q = queues_init(memory, SESSIONS, PACKETS, drops, 12345);
	for (unsigned i = 0; i < RTE_DIM(refs); i++)
		refs[i] = QUEUE_EMPTY;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	struct queues_use use;
	for (unsigned i = 0; i < RTE_DIM(refs); i++)
		queue_flush(q, &refs[i]);
	queues_use(q, &use);
	assert_int_equal(use.sessions + use.packets, 0);
	free(q);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

/* packet: IPv4 and UDP, flow as the source port, a number in the payload. */
static struct rte_mbuf *
packet(unsigned flow, unsigned len, unsigned number, unsigned ecn)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, (uint16_t)len));
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	memset(p, 0, len);
	p[0] = 0x45;
	p[1] = (uint8_t)ecn;
	put_be16(p + 2, (uint16_t)len);
	p[9] = 17;
	put_be32(p + 12, 0x0a000001);
	put_be32(p + 16, 0x0a000002);
	put_be16(p + 20, (uint16_t)flow);
	put_be32(p + 28, number);
	return m;
}

static unsigned
flow_number(const struct rte_mbuf *m)
{
	return be16(rte_pktmbuf_mtod(m, const uint8_t *) + 20);
}

static unsigned
number_of(const struct rte_mbuf *m)
{
	return be32(rte_pktmbuf_mtod(m, const uint8_t *) + 28);
}

static enum drop
put(struct queue_ref *r, struct rte_mbuf *m, bool is_control)
{
	enum drop why = queue_put(q, r, &(struct queue_put){m, is_control, now});
	if (why != DROP_NONE)
		rte_pktmbuf_free(m);
	assert_true(queues_check(q));
	return why;
}

static struct rte_mbuf *
get(struct queue_ref *r)
{
	struct rte_mbuf *m = queue_get(q, r, now, &dropped, &control);
	assert_true(queues_check(q));
	return m;
}

static void
order_within_a_flow(void **state)
{
	struct queue_ref *r = &refs[0];
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(put(r, packet(1, 100, i, 0), false), DROP_NONE);
	for (unsigned i = 0; i < 100; i++) {
		struct rte_mbuf *m = get(r);
		assert_int_equal(number_of(m), i);
		rte_pktmbuf_free(m);
	}
	assert_null(get(r));
	assert_true(queue_empty(r));
	assert_null(get(r));
}

static void
control_first(void **state)
{
	struct queue_ref *r = &refs[0];
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		put(r, packet(1, 1400, i, 0), false);
	put(r, packet(9, 40, 77, 0), true);
	now = mono_add_s(now, 10);
	struct rte_mbuf *m = queue_get(q, r, now, &dropped, &control);
	assert_true(control);
	assert_int_equal(number_of(m), 77);
	rte_pktmbuf_free(m);
	m = queue_get(q, r, now, &dropped, &control);
	assert_false(control);
	rte_pktmbuf_free(m);
	for (unsigned i = 0; i < QUEUE_CONTROL; i++)
		assert_int_equal(put(r, packet(9, 40, i, 0), true), DROP_NONE);
	assert_int_equal(put(r, packet(9, 40, 0, 0), true), DROP_QUEUE_FULL);
}

/* Two flows with a backlog share by bytes, whatever the size of their packets; a new one comes first. */
static void
fair_by_bytes(void **state)
{
	struct queue_ref *r = &refs[0];
	uint64_t bytes[4] = {0};
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		put(r, packet(1, 1400, i, 0), false);
		put(r, packet(2, 350, i, 0), false);
	}
	for (unsigned i = 0; i < 300; i++) {
		struct rte_mbuf *m = get(r);
		bytes[flow_number(m)] += m->pkt_len;
		rte_pktmbuf_free(m);
	}
	assert_in_range(bytes[1] * 100 / (bytes[1] + bytes[2]), 47, 53);
	put(r, packet(3, 100, 0, 0), false);
	struct rte_mbuf *m = get(r);
	assert_int_equal(flow_number(m), 3);
	rte_pktmbuf_free(m);
}

/* Packets that wait longer than the target for an interval are signalled: by a mark, or by being dropped. */
static void
codel_signals(void **state)
{
	(void)state;
	for (unsigned ecn = 0; ecn < 4; ecn++) {
		struct queue_ref *r = &refs[0];
		uint32_t marked = 0;
		struct queues_use before, after;
		uint64_t dropped_before = drops[DROP_QUEUE_CODEL];
		queues_use(q, &before);
		for (unsigned i = 0; i < 400; i++)
			put(r, packet(1, 1000, i, ecn), false);
		for (struct rte_mbuf *m; now = mono_add_us(now, 1000), (m = get(r));) {
			uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
			marked += (ip[1] & 3) == 3 && ecn != 3;
			rte_pktmbuf_free(m);
		}
		queues_use(q, &after);
		uint64_t given_up = drops[DROP_QUEUE_CODEL] - dropped_before;
		if (!ecn) {
			assert_int_equal(marked, 0);
			assert_in_range(given_up, 5, 60);
		} else {
			assert_int_equal(given_up, 0);
			assert_in_range(after.ecn_marks - before.ecn_marks, 5, 60);
			assert_true(ecn == 3 || marked == after.ecn_marks - before.ecn_marks);
		}
	}
	assert_int_equal(dropped, drops[DROP_QUEUE_CODEL]);
}

static uint16_t
ip_sum(const uint8_t *p)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < 20; i += 2)
		sum += be16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The mark leaves the header's checksum right, for every old ToS and many checksums. */
static void
mark_keeps_the_checksum(void **state)
{
	uint8_t p[40];
	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		for (unsigned salt = 0; salt < 300; salt++) {
			memset(p, 0, sizeof p);
			p[0] = 0x45;
			p[1] = (uint8_t)tos;
			put_be16(p + 4, (uint16_t)(salt * 219));
			put_be16(p + 10, (uint16_t)~ip_sum(p));
			assert_int_equal(ip_sum(p), 0xffff);
			assert_int_equal(flow_mark(p, 20), (tos & 3) != 0);
			assert_int_equal(p[1], tos & 3 ? tos | 3 : tos);
			assert_int_equal(ip_sum(p), 0xffff);
		}
		memset(p, 0, sizeof p);
		p[0] = 0x60 | (uint8_t)(tos >> 4);
		p[1] = (uint8_t)(tos << 4);
		assert_int_equal(flow_mark(p, 40), (tos & 3) != 0);
		assert_int_equal(p[0] << 4 & 0xf0, tos & 0xf0);
		assert_int_equal(p[1] >> 4, tos & 3 ? (tos & 15) | 3 : tos & 15);
	}
}

/* One queue: its fattest flow loses its head, not the thin one. */
static void
one_queue_is_bounded(void **state)
{
	struct queue_ref *r = &refs[0];
	(void)state;
	put(r, packet(2, 100, 5, 0), false);
	for (unsigned i = 0; i < QUEUE_PACKETS + 500; i++)
		assert_int_equal(put(r, packet(1, 1000, i, 0), false), DROP_NONE);
	assert_int_equal(drops[DROP_QUEUE_FULL], 501);
	struct rte_mbuf *m = get(r);
	assert_int_equal(flow_number(m), 2);
	rte_pktmbuf_free(m);
	assert_int_equal(dropped, 501);
	m = get(r);
	assert_int_equal(number_of(m), 501);
	rte_pktmbuf_free(m);
}

/* All queues: those who fill them pay; a session with a few packets keeps them. */
static void
share_is_bounded(void **state)
{
	struct queue_ref *thin = &refs[8];
	struct queues_use use;
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		put(thin, packet(1, 200, i, 0), false);
	for (unsigned i = 0; i < 900; i++)
		for (unsigned s = 0; s < 8; s++)
			assert_int_equal(put(&refs[s], packet(s, 1000, i, 0), false), DROP_NONE);
	queues_use(q, &use);
	assert_int_equal(use.packets, PACKETS);
	assert_int_equal(drops[DROP_QUEUE_SHARE], 8 * 900 + 3 - PACKETS);
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *m = get(thin);
		assert_int_equal(number_of(m), i);
		rte_pktmbuf_free(m);
	}
	assert_null(get(thin));
	assert_int_equal(dropped, 0);
	for (unsigned s = 0; s < 8; s++) /* none is squeezed out by another */
		assert_in_range(queue_bytes(q, &refs[s]), 250000, 1000000);
	for (unsigned s = 0; s < 8; s++)
		queue_flush(q, &refs[s]);
}

static void
more_sessions_than_queues(void **state)
{
	(void)state;
	for (unsigned s = 0; s <= SESSIONS; s++) {
		assert_int_equal(put(&refs[s], packet(1, 100, s, 0), false), DROP_NONE); /* alone */
		assert_int_equal(put(&refs[s], packet(1, 100, s, 0), false),
				 s < SESSIONS ? DROP_NONE : DROP_QUEUE_SHARE);
	}
	assert_int_equal(refs[SESSIONS].id, QUEUE_NONE);
	queue_flush(q, &refs[3]);
	assert_true(queue_empty(&refs[3]));
	assert_int_equal(put(&refs[SESSIONS], packet(1, 100, 0, 0), false), DROP_NONE);
}

/* One packet needs no queue.  With a second it has one, and is as old as it was: CoDel marks after an interval from its turn on. */
static void
alone_without_a_queue(void **state)
{
	struct queues_use use;
	(void)state;
	put(&refs[0], packet(1, 1000, 0, 1), false);
	queues_use(q, &use);
	assert_int_equal(use.sessions, 0);
	assert_int_equal(use.packets, 1);
	assert_int_equal(queue_bytes(q, &refs[0]), 1000);
	now = mono_add_us(now, QUEUE_TARGET_US);
	for (unsigned i = 1; i < 4; i++)
		put(&refs[0], packet(1, 1000, i, 1), false);
	queues_use(q, &use);
	assert_int_equal(use.sessions, 1);
	assert_int_equal(use.packets, 4);
	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *m = get(&refs[0]);
		assert_int_equal(number_of(m), i);
		rte_pktmbuf_free(m);
		now = mono_add_us(now, QUEUE_INTERVAL_US);
	}
	queues_use(q, &use);
	assert_int_equal(use.ecn_marks, 1);
}

/* Sessions that take nothing with one packet each have half of the room at most: others find what can be taken from them. */
static void
alone_is_bounded(void **state)
{
	struct queues_use use;
	(void)state;
	q = queues_init(q, SESSIONS, 40, drops, 12345);
	for (unsigned s = 0; s < 40; s++)
		put(&refs[s], packet(1, 1000, s, 0), false);
	queues_use(q, &use);
	assert_int_equal(use.packets, 40);
	assert_int_equal(use.sessions, 20);
	assert_int_equal(put(&refs[40], packet(1, 1000, 0, 0), false), DROP_NONE);
	assert_int_equal(put(&refs[0], packet(1, 1000, 0, 0), true), DROP_NONE);
	queues_use(q, &use);
	assert_int_equal(use.packets, 40);
	assert_int_equal(drops[DROP_QUEUE_SHARE], 2);
}

/* A model that knows nothing of CoDel or fairness: what goes in comes out once, each flow in its order, or was counted. */
static void
against_a_model(void **state)
{
	uint32_t last[40][16], in = 0, out = 0, lost = 0;
	(void)state;
	memset(last, 0, sizeof last);
	srand(7);
	for (unsigned step = 1; step < 300000; step++) {
		unsigned s = (unsigned)rand() % 40, flow = (unsigned)rand() % 16;
		now = mono_add_us(now, rand() % 300);
		if (rand() % 40 == 0) {
			for (unsigned n = (unsigned)rand() % 60; n; n--) {
				struct rte_mbuf *m = queue_get(q, &refs[s], now, &lost, &control);
				if (!m)
					break;
				flow = flow_number(m);
				assert_true(number_of(m) > last[s][flow]);
				last[s][flow] = number_of(m);
				rte_pktmbuf_free(m);
				out++;
			}
		} else if (rand() % 2000 == 0) {
			struct queues_use a, b;
			queues_use(q, &a);
			queue_flush(q, &refs[s]);
			queues_use(q, &b);
			out += a.packets - b.packets;
		} else {
			unsigned len = 60 + (unsigned)rand() % 1400;
			struct rte_mbuf *m = packet(flow, len, step, (unsigned)rand() % 2);
			in++;
			assert_int_equal(queue_put(q, &refs[s], &(struct queue_put){m, false, now}), DROP_NONE);
		}
		if (step % 512 == 0)
			assert_true(queues_check(q));
	}
	struct queues_use use;
	queues_use(q, &use);
	uint64_t given_up = drops[DROP_QUEUE_CODEL] + drops[DROP_QUEUE_FULL] + drops[DROP_QUEUE_SHARE];
	assert_int_equal(in, out + use.packets + given_up);
	assert_true(drops[DROP_QUEUE_SHARE] > 0 && drops[DROP_QUEUE_CODEL] > 0);
}

/* --- a download on a link of 20 Mbit/s --------------------------------------------------------------------------- */

#define LINK_BITS_US 20
#define RTT_US 30000
#define RUN_US 20000000
#define SAMPLES 4096

/* A sender that grows its window by a packet each round trip and halves it when it hears of a loss, as Reno does; greedy:
 * one that hears nothing, and sends 30 Mbit/s. */
struct sender {
	bool greedy;
	double window;
	unsigned in_flight, sent;
	struct mono cut_again, next;
};

static int
by_size(const void *a, const void *b)
{
	return *(const int64_t *)a < *(const int64_t *)b ? -1 : *(const int64_t *)a > *(const int64_t *)b;
}

static int64_t
ping_p99(bool greedy, unsigned downloads)
{
	static int64_t sojourn[SAMPLES], sent_at[SAMPLES];
	static struct {
		struct mono at;
		unsigned who;
	} acks[65536];
	struct sender d[4] = {0};
	struct queue_ref *r = &refs[0];
	uint32_t first_ack = 0, last_ack = 0, n = 0, pings = 0, lost = 0;
	struct mono link_free = now, next_ping = now, end = mono_add_us(now, RUN_US);
	uint64_t carried = 0, bulk_us = 0, bulk = 0;
	for (unsigned i = 0; i < downloads; i++)
		d[i] = (struct sender){.greedy = greedy, .window = 10, .next = now};
	for (; !mono_reached(now, end); now = mono_add_us(now, 50)) {
		for (; first_ack != last_ack && mono_reached(now, acks[first_ack & 65535].at); first_ack++) {
			struct sender *s = &d[acks[first_ack & 65535].who];
			s->in_flight -= s->in_flight != 0;
			s->window += 1 / s->window;
		}
		for (unsigned i = 0; i < downloads; i++) {
			struct sender *s = &d[i];
			while (greedy ? mono_reached(now, s->next) : s->in_flight < (unsigned)s->window) {
				s->next = mono_add_us(s->next, 1400 * 8 / 30);
				s->in_flight++;
				put(r, packet(100 + i, 1400, (uint32_t)now.us, 0), false);
			}
		}
		if (mono_reached(now, next_ping) && pings < SAMPLES) {
			next_ping = mono_add_us(next_ping, 7000);
			sent_at[pings] = now.us;
			put(r, packet(7, 84, pings++, 0), false);
		}
		while (mono_reached(now, link_free)) {
			struct rte_mbuf *m = queue_get(q, r, now, &lost, &control);
			if (lost && !greedy && mono_reached(now, d[0].cut_again)) {
				for (unsigned i = 0; i < downloads; i++) {
					d[i].window = d[i].window > 4 ? d[i].window / 2 : 2;
					d[i].in_flight -= d[i].in_flight > lost ? lost : d[i].in_flight;
					d[i].cut_again = mono_add_us(now, RTT_US);
				}
			}
			lost = 0;
			if (!m)
				break;
			link_free = mono_add_us(mono_since_us(now, link_free) > 100 ? now : link_free,
						m->pkt_len * 8 / LINK_BITS_US);
			carried += m->pkt_len;
			if (flow_number(m) == 7) {
				sojourn[n++] = now.us - sent_at[number_of(m)];
			} else {
				bulk_us += (uint32_t)now.us - number_of(m);
				bulk++;
				acks[last_ack & 65535].at = mono_add_us(now, RTT_US);
				acks[last_ack++ & 65535].who = flow_number(m) - 100;
			}
			rte_pktmbuf_free(m);
		}
	}
	qsort(sojourn, n, sizeof *sojourn, by_size);
	int64_t p99 = sojourn[n * 99 / 100];
	print_message(
		"%u download%s%s: link %3lu %% used, ping p50 %5ld us p99 %5ld us (limit 10000), bulk mean %6lu us\n",
		downloads, downloads > 1 ? "s" : "", greedy ? " without congestion control" : "",
		(unsigned long)(carried * 8 / LINK_BITS_US * 100 / RUN_US), sojourn[n / 2], p99,
		(unsigned long)(bulk_us / (bulk ? bulk : 1)));
	assert_true(carried * 8 / LINK_BITS_US > RUN_US / 100 * 75);
	assert_int_equal(n, pings - (!queue_empty(r) && n < pings ? pings - n : 0));
	queue_flush(q, r);
	return p99;
}

static void
ping_beside_a_download(void **state)
{
	(void)state;
	assert_true(ping_p99(false, 1) <= 10000);
	assert_true(ping_p99(false, 4) <= 10000);
	assert_true(ping_p99(true, 1) <= 10000);
	assert_true(ping_p99(true, 4) <= 10000);
}

int
main(int argc, char **argv)
{
	char *eal[] = {argv[0],          "--no-huge", "--no-pci", "--no-shconf",
		       "--no-telemetry", "-l0",       "-m256",    "--log-level=error"};
	(void)argc;
	if (rte_eal_init(sizeof eal / sizeof *eal, eal) < 0)
		return 1;
	pool = rte_pktmbuf_pool_create("test", 8191, 0, 0, 2048, SOCKET_ID_ANY);
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(order_within_a_flow),     TEST(control_first),
		TEST(fair_by_bytes),           TEST(codel_signals),
		TEST(mark_keeps_the_checksum), TEST(one_queue_is_bounded),
		TEST(share_is_bounded),        TEST(more_sessions_than_queues),
		TEST(alone_without_a_queue),   TEST(alone_is_bounded),
		TEST(against_a_model),         TEST(ping_beside_a_download),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
