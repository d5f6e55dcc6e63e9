/* sstp_data_test.c - the stream of an SSTP connection, however it is split: what MAIN hears, what the session gets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dp/sstp.h>

#include "bed.h"
#include "conn.h"
#include "mbuf.h"
#include "sstp_data.h"

#define SLOT 1
#define HEAD "SSTP_DUPLEX_POST / HTTP/1.1\r\nHost: x\r\n\r\n"
#define CONTROL "\x10\x01\x00\x0e\x00\x01\x00\x01\x00\x01\x00\x06\x00\x01"
#define ECHO_REQUEST "\x10\x01\x00\x08\x00\x08\x00\x00"

static struct conn *c;
static uint8_t got[1 << 16]; /* data packets: length, then octets */
static size_t n_got;
static unsigned packets;

static int
set_up(void **state)
{
	static void *memory;
	struct lcore *lc = bed.lc;
	(void)state;
	bed_reset();
	bed_session(SLOT);
	lc->n_conns = 8;
	struct tcp_limits limits = stream_limits(lc->n_conns, lc->pool->size);
	memory = memory ? memory : aligned_alloc(64, tcp_bytes(&limits));
	stream_init(lc, memory);
	lc->conns = conns_new(&(struct conns_start){.conns = 8,
						    .mbufs = lc->pool->size,
						    .pool = lc->pool,
						    .drops = lc->stats.drops,
						    .socket = SOCKET_ID_ANY});
	assert_non_null(lc->conns);
	conns_wire(lc);
	/* As conn_opened leaves it when TLS is up. */
	c = &lc->conns->conn[0];
	lc->conns->free_first = c->next;
	c->state = CONN_HEAD;
	c->tcp = handle_make(0, 1, 7);
	c->queue = QUEUE_EMPTY;
	c->slot = SLOT;
	n_got = packets = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	rte_pktmbuf_free(c->in);
	c->in = NULL;
	conns_fini(bed.lc->conns);
	conns_free(bed.lc->conns);
	bed.lc->conns = NULL;
	bed.lc->tcp = NULL;
	bed_reset();
	assert_true(bed_sound());
	return 0;
}

static void
work(void)
{
	struct vec v;
	bool more = true;
	conn_list(bed.lc->conns, c);
	while (more) {
		v.n = 0;
		more = conn_work(bed.lc, &v);
		for (unsigned i = 0; i < v.n; i++) {
			struct rte_mbuf *m = v.p[i].m;
			assert_ptr_equal(v.p[i].s, &bed.lc->sessions[SLOT]);
			put_be16(got + n_got, (uint16_t)m->pkt_len);
			const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, got + n_got + 2);
			if (p != got + n_got + 2)
				memcpy(got + n_got + 2, p, m->pkt_len);
			n_got += 2 + m->pkt_len;
			packets++;
			rte_pktmbuf_free(m);
		}
	}
}

/* feed: octets, in buffers of at most `piece`, worked on after each, or in one chain at the end.  MAIN has had time. */
static void
feed(const void *bytes, size_t len, size_t piece, bool at_once)
{
	policer_init(&c->talk, CONN_TALK_PER_S, bed.lc->now);
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;
		struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), (const uint8_t *)bytes + at, n);
		if (!c->in)
			c->in = m;
		else
			assert_int_equal(rte_pktmbuf_chain(c->in, m), 0);
		if (!at_once)
			work();
	}
	if (at_once)
		work();
}

/* a stream: head, control, two packets of data, control: 31 octets of PPP and 1 */
static size_t
stream(uint8_t *p)
{
	size_t n = 0;
	memcpy(p, HEAD, sizeof HEAD - 1);
	n += sizeof HEAD - 1;
	memcpy(p + n, CONTROL, sizeof CONTROL - 1);
	n += sizeof CONTROL - 1;
	for (unsigned len = 31; len; len = len == 31 ? 1 : 0) {
		sstp_header_put(p + n, false, (uint16_t)(4 + len));
		memset(p + n + 4, (int)len, len);
		n += 4 + len;
	}
	memcpy(p + n, CONTROL, sizeof CONTROL - 1);
	return n + sizeof CONTROL - 1;
}

static void
check_stream(void)
{
	uint8_t want[36] = {0, 31};
	memset(want + 2, 31, 31);
	want[34] = 1;
	want[35] = 1;
	assert_int_equal(bed.n_said, 3);
	assert_int_equal(bed.said[0].type, DP_MSG_STREAM_IN);
	assert_int_equal(bed.said[0].len, sizeof HEAD - 1);
	assert_memory_equal(bed.said[0].bytes, HEAD, sizeof HEAD - 1);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(bed.said[i].len, sizeof CONTROL - 1);
		assert_memory_equal(bed.said[i].bytes, CONTROL, sizeof CONTROL - 1);
	}
	assert_int_equal(packets, 2);
	assert_int_equal(n_got, sizeof want);
	assert_memory_equal(got, want, sizeof want);
	assert_null(c->in);
}

static void
split_anywhere(void **state)
{
	uint8_t p[256];
	size_t n = stream(p);
	for (size_t piece = 1; piece <= n; piece++) {
		for (unsigned at_once = 0; at_once < 2; at_once++) {
			feed(p, n, piece, at_once);
			check_stream();
			tear_down(state);
			set_up(state);
		}
	}
}

/* As a record of 16 KiB comes: many packets, some of them over the edge of a buffer. */
static void
a_large_record(void **state)
{
	static uint8_t p[16384];
	(void)state;
	c->state = CONN_PACKETS;
	for (unsigned i = 0; i < 16; i++) {
		sstp_header_put(p + 1024 * i, false, 1024);
		memset(p + 1024 * i + 4, (int)i + 1, 1020);
	}
	feed(p, sizeof p, 1500, true);
	assert_int_equal(packets, 16);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(be16(got + 1022 * i), 1020);
		assert_int_equal(got[1022 * i + 2], i + 1);
		assert_int_equal(got[1022 * i + 1021], i + 1);
	}
}

/* More packets than a vector takes. */
static void
many_small_ones(void **state)
{
	static uint8_t p[6 * 1000];
	(void)state;
	c->state = CONN_PACKETS;
	for (unsigned i = 0; i < 1000; i++) {
		sstp_header_put(p + 6 * i, false, 6);
		put_be16(p + 6 * i + 4, (uint16_t)i);
	}
	feed(p, sizeof p, 2000, true);
	assert_int_equal(packets, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(be16(got + 4 * i + 2), i);
}

static void
echo_is_answered_here(void **state)
{
	uint32_t dropped = 0;
	bool control = false;
	(void)state;
	c->state = CONN_PACKETS;
	c->asked = true;
	feed(ECHO_REQUEST, 8, 8, true);
	assert_int_equal(bed.n_said, 0);
	struct rte_mbuf *m = queue_get(bed.lc->conns->queues, &c->queue, bed.lc->now, &dropped, &control);
	assert_non_null(m);
	assert_true(control);
	assert_int_equal(m->pkt_len, 8);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), "\x10\x01\x00\x08\x00\x09\x00\x00", 8);
	rte_pktmbuf_free(m);
	assert_true(c->asked);
	feed("\x10\x01\x00\x08\x00\x09\x00\x00", 8, 8, true);
	assert_false(c->asked);
	assert_int_equal(bed.n_said, 0);
}

/* What cannot be ends the connection: lengths, versions, a head without an end. */
static void
bad(void **state)
{
	static const char *const cases[] = {"\x10\x00\x00\x00", "\x10\x00\x00\x03", "\x10\x01\x00\x07",
					    "\x20\x00\x00\x08"};
	static uint8_t endless[SSTP_HTTP_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		c->state = CONN_PACKETS;
		feed(cases[i], 4, 4, true);
		assert_int_equal(c->state, CONN_ENDING);
		assert_int_equal(c->why.reason, DP_CONN_PROTOCOL);
		tear_down(state);
		set_up(state);
	}
	memset(endless, 'x', sizeof endless);
	feed(endless, sizeof endless - 1, 1500, true);
	assert_int_equal(c->state, CONN_HEAD);
	feed("x", 1, 1, true);
	assert_int_equal(c->state, CONN_ENDING);
}

/* MAIN's ring is full: nothing is lost, and nothing overtakes. */
static void
ring_full(void **state)
{
	uint8_t p[256];
	size_t n = stream(p);
	(void)state;
	bed.send_answer = -EAGAIN;
	feed(p, n, 7, true);
	assert_int_equal(packets, 0);
	assert_int_equal(c->in->pkt_len, n);
	bed.send_answer = 0;
	work();
	check_stream();
}

/* Who sends nothing but control is heard at a rate; what is more waits, and is not lost. */
static void
talks_too_much(void **state)
{
	enum { N = CONN_TALK_PER_S + 50 };
	(void)state;
	c->state = CONN_PACKETS;
	for (unsigned i = 0; i < N; i++)
		feed(CONTROL, sizeof CONTROL - 1, sizeof CONTROL - 1, true);
	bed.n_said = 0;
	for (unsigned i = 0; i < N; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
		memcpy(rte_pktmbuf_append(m, sizeof CONTROL - 1), CONTROL, sizeof CONTROL - 1);
		if (!c->in)
			c->in = m;
		else
			assert_true(mbuf_join(c->in, m));
	}
	policer_init(&c->talk, CONN_TALK_PER_S, bed.lc->now);
	assert_int_equal(bed.lc->stats.messages_held_back, 0);
	work();
	assert_int_equal(c->in->pkt_len, (N - CONN_TALK_PER_S) * (sizeof CONTROL - 1));
	work(); /* the same one still */
	assert_int_equal(bed.lc->stats.messages_held_back, 1);
	bed.lc->now.us += 1000000;
	work();
	assert_null(c->in);
	assert_int_equal(bed.lc->stats.messages_held_back, 1);
}

/* Octet by octet: a piece does not take a buffer for itself. */
static void
small_pieces_share_buffers(void **state)
{
	enum { N = 8000 };
	(void)state;
	struct rte_mbuf *head = rte_pktmbuf_alloc(bed.lc->pool);
	for (unsigned i = 0; i < N; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
		*(uint8_t *)rte_pktmbuf_append(m, 1) = (uint8_t)i;
		assert_true(mbuf_join(head, m));
	}
	assert_int_equal(head->pkt_len, N);
	assert_in_range(head->nb_segs, 1, N / 1000);
	for (uint32_t i = 0; i < N; i++) {
		uint8_t copy;
		assert_int_equal(*(const uint8_t *)rte_pktmbuf_read(head, i, 1, &copy), (uint8_t)i);
	}
	rte_pktmbuf_free(head);
}

/* Data before there is a session, or after. */
static void
no_session(void **state)
{
	(void)state;
	c->state = CONN_PACKETS;
	c->slot = SLOT_NONE;
	feed("\x10\x00\x00\x06\x00\x21", 6, 6, true);
	assert_int_equal(packets, 0);
	assert_int_equal(bed.lc->stats.drops[DROP_SESSION_GONE], 1);
}

/* What is not TLS has set itself up when it is open: MAIN bounds what follows, and a call may last for days. */
static void
plain_stays(void **state)
{
	struct lcore *lc = bed.lc;
	const struct tcp_opened o = {.conn = handle_make(0, 2, 7), .user = DP_STREAM_PPTP | DP_TLS_NONE << 8};
	(void)state;
	const struct conn *plain = &lc->conns->conn[lc->conns->free_first];
	conn_opened(lc, &o);
	assert_int_equal(plain->state, CONN_PLAIN);
	lc->now = mono_add_s(lc->now, 3 * CONN_SET_UP_S);
	conns_turn(lc, UINT16_MAX);
	assert_int_equal(plain->state, CONN_PLAIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(split_anywhere),
		TEST(a_large_record),
		TEST(many_small_ones),
		TEST(echo_is_answered_here),
		TEST(bad),
		TEST(ring_full),
		TEST(talks_too_much),
		TEST(small_pieces_share_buffers),
		TEST(no_session),
		TEST(plain_stays),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
