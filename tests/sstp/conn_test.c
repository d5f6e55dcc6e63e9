/* conn_test.c - SSTP connections of a worker core from the client's side: echo both ways, and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dp/sstp.h>

#include "dial.h"
#include "keyed.h"
#include "stream.h"

static int
open_(void **state)
{
	(void)state;
	bed_reset();
	dial_open(&(struct dial_conf){.conns = 16});
	return 0;
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

static void
echo_is_answered(void **state)
{
	struct dial_client *c = dial(1, 0);
	(void)state;
	assert_non_null(c);
	assert_true(dial_echo(c));
	dial_turns(10, 1000);
	assert_int_equal(c->control[9], 1);
	dial_down(1, 1400);
	dial_turns(10, 1000);
	assert_int_equal(c->data, 1);
	assert_int_equal(c->data_bytes, 1404);
	assert_int_equal(c->bad, 0);
}

#define UNTIL(what, turns, us)                                                                                         \
	for (unsigned i_ = 0; i_ < (turns) && !(what); i_++)                                                           \
		dial_turn(us);                                                                                         \
	assert_true(what)

/* proxied: whether a connection to a listener with the PROXY protocol that begins like this lives. */
static bool
proxied(const char *begins, size_t n)
{
	struct dp_listen listen = {.ip_proto = 6, .port = DIAL_PORT, .stream = DP_STREAM_SSTP, .tls = DP_TLS_NORMAL};
	listen.addr = addr_from_ip4(0);
	assert_true(stream_listen(bed.lc, &listen));
	listen.on = listen.proxy = 1;
	assert_true(stream_listen(bed.lc, &listen));
	struct dial_client *c = dial_tcp();
	assert_non_null(c);
	assert_true(dial_raw(c, begins, n));
	dial_turns(20, 10000);
	return !c->tcp_gone && bed.lc->conns->in_use;
}

/* What does not begin with a PROXY header of version 2 is ended and counted; what may still become one waits. */
static void
bad_proxy_header(void **state)
{
	static const char *const bad[] = {"GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n",
					  "\r\n\r\n\0\r\nQUIT\n\x11\x11\0\0", "\r\n\r\n\0\r\nQUIT\n\x21\x11\x7f\xff"};
	(void)state;
	assert_true(proxied("\r\n\r\n\0\r\nQUI", 10));
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		uint32_t before = bed.lc->conns->in_use;
		assert_false(proxied(bad[i], i < 2 ? strlen(bad[i]) : 16) && bed.lc->conns->in_use > before);
		assert_int_equal(bed.lc->conns->in_use, before);
		assert_int_equal(bed.lc->stats.drops[DROP_CONN_PROXY], i + 1);
	}
}

/* [MS-SSTP] 3.1.6: silence for an interval: an Echo Request; an answer, and it goes on; none, and the call ends. */
static void
our_echo_and_its_timeout(void **state)
{
	struct dial_client *c = dial(1, 10);
	int64_t began = bed.lc->now.us;
	(void)state;
	assert_non_null(c);
	UNTIL(c->control[8] == 1, 25, 1000000);
	assert_true(bed.lc->now.us - began >= 9000000);
	assert_true(dial_send(c, "\x10\x01\x00\x08\x00\x09\x00\x00", 8));
	UNTIL(c->control[8] == 2, 25, 1000000);
	assert_null(dial_gone(c));
	assert_int_equal(dial_conn(c)->state, CONN_PACKETS);
	began = bed.lc->now.us;
	UNTIL(dial_gone(c), 25, 1000000);
	assert_in_range(bed.lc->now.us - began, 8000000, 12000000);
	assert_int_equal(dial_gone(c)->reason, DP_CONN_SILENT);
	UNTIL(!dial_conn(c), 100, 1000000);
	assert_int_equal(bed_held(), 0);
}

/* Any data is a sign of life: nobody is asked. */
static void
no_echo_while_it_talks(void **state)
{
	struct dial_client *c = dial(1, 10);
	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		assert_true(dial_echo(c));
		dial_turns(5, 1000000);
	}
	assert_int_equal(c->control[9], 12);
	assert_int_equal(c->control[8], 0);
	assert_null(dial_gone(c));
}

/* TLS alerts when the call is up, of either side: MAIN hears which, the client hears ours. */
static void
alerts_end_it(void **state)
{
	static const struct {
		uint8_t alert[2], reason, gone_alert;
		const char *raw;
		size_t len;
	} cases[] = {
		{{2, 40}, DP_CONN_TLS, 40, NULL, 0},
		{{2, 48}, DP_CONN_TLS, 48, NULL, 0},
		{{1, 0}, DP_CONN_CLOSED, 0, NULL, 0},
		{{0, 0}, DP_CONN_TLS, 20, "\x17\x03\x03\x00\x20no record of this key, surely not", 37},
		{{0, 0}, DP_CONN_TLS, 22, "\x17\x03\x03\xff\xff", 5},
		{{0, 0}, DP_CONN_TLS, 10, "\x16\x03\x03\x00\x20", 5},
	};
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		struct dial_client *c = dial(1 + i, 0);
		assert_non_null(c);
		if (cases[i].raw)
			assert_true(dial_raw(c, cases[i].raw, cases[i].len));
		else
			assert_true(dial_record(c, 21, cases[i].alert, 2));
		UNTIL(dial_gone(c), 50, 1000);
		assert_int_equal(dial_gone(c)->reason, cases[i].reason);
		assert_int_equal(dial_gone(c)->alert, cases[i].gone_alert);
		UNTIL(c->tls_ended || !cases[i].raw, 50, 1000);
		UNTIL(!dial_conn(c), 100, 1000000);
	}
	assert_int_equal(bed_held(), 0);
}

/* take_all: every buffer of the worker's but `left`. */
static unsigned
take_all(struct rte_mbuf **all, unsigned left)
{
	unsigned n = rte_mempool_avail_count(bed.lc->pool) - left;
	assert_int_equal(rte_pktmbuf_alloc_bulk(bed.lc->pool, all, n), 0);
	return n;
}

/* say_full: a control packet of MAIN's whose buffer has no room for a tag. */
static void
say_full(struct dial_client *c, struct rte_mbuf *m)
{
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = (uint16_t)(m->buf_len - m->data_off);
	m->pkt_len = m->data_len;
	memset(rte_pktmbuf_mtod(m, void *), 0, m->data_len);
	sstp_header_put(rte_pktmbuf_mtod(m, uint8_t *), true, m->data_len);
	put_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 4), 6);
	conn_put_control(bed.lc, dial_conn(c), m);
}

/* What could not be sealed for want of a buffer does not outlive its connection, and is not lost by an orderly end. */
static void
what_waits_to_be_sealed(void **state)
{
	static struct rte_mbuf *all[1024];
	struct conns *cs = bed.lc->conns;
	struct vec v = {.n = 0};
	(void)state;
	for (unsigned orderly = 0; orderly < 2; orderly++) {
		struct dial_client *c = dial(1 + orderly, 0);
		assert_non_null(c);
		struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
		unsigned n = take_all(all, 0);
		say_full(c, m);
		stream_turn(bed.lc);
		assert_int_equal(cs->n_held, 1);
		if (orderly)
			conn_finish(bed.lc, dial_conn(c), DP_CONN_CLOSED, false);
		else
			tcp_abort(bed.lc->tcp, dial_conn(c)->tcp);
		stream_turn(bed.lc);
		assert_false(conn_work(bed.lc, &v));
		assert_int_equal(cs->n_held, orderly);
		rte_pktmbuf_free_bulk(all, n);
		if (!orderly)
			continue;
		UNTIL(c->control[6] == 1, 50, 1000);
		UNTIL(c->tls_ended, 50, 1000);
		UNTIL(!dial_conn(c), 100, 1000000);
	}
	assert_int_equal(bed_held(), 0);
}

/* A session ends while its connection does: what that still has to send is not the next session's in the same slot. */
static void
an_ending_connection_lets_go_of_its_session(void **state)
{
	struct dial_client *c = dial(1, 0), *next;
	struct dp_session *s = &bed.lc->sessions[1];
	(void)state;
	assert_non_null(c);
	dial_deafen(c, true);
	for (unsigned i = 0; i < 40; i++) {
		dial_down(1, 1400);
		dial_turn(100);
	}
	struct conn *ending = dial_conn(c);
	assert_false(queue_empty(&ending->queue));
	conn_finish(bed.lc, ending, DP_CONN_CLOSED, false);
	dial_turn(100);
	assert_int_equal(ending->state, CONN_ENDING);
	conn_unbind(bed.lc, s);
	assert_int_equal(ending->slot, SLOT_NONE);
	next = dial(1, 0);
	assert_non_null(next);
	dial_deafen(c, false);
	UNTIL(dial_gone(c) && !dial_conn(c), 3000, 10000);
	assert_int_equal(s->down_packets, 0);
	assert_int_equal(next->data, 0);
	assert_true(bed.lc->stats.drops[DROP_SESSION_GONE] > 0);
}

/* The handshake is done just when we gave up: nobody hears of it, and the end goes on. */
static void
up_while_ending(void **state)
{
	struct dial_client *c = dial_tcp();
	struct conn *w = &bed.lc->conns->conn[0];
	(void)state;
	assert_non_null(c);
	assert_int_equal(w->state, CONN_HANDSHAKE);
	conn_finish(bed.lc, w, DP_CONN_TIMEOUT, true);
	assert_null(dial_keys(c));
	assert_int_equal(bed.n_said, 0);
	assert_true(w->state == CONN_ENDING || w->state == CONN_FREE);
	UNTIL(w->state == CONN_FREE, 100, 1000000);
	assert_int_equal(bed_held(), 0);
}

/* relisten: the same port, with another stream. */
static void
relisten(enum dp_stream stream, enum dp_tls tls)
{
	struct dp_listen listen = {.ip_proto = 6, .port = DIAL_PORT, .stream = DP_STREAM_SSTP, .tls = DP_TLS_NORMAL};
	listen.addr = addr_from_ip4(0);
	assert_true(stream_listen(bed.lc, &listen));
	listen.stream = (uint8_t)stream;
	listen.tls = (uint8_t)tls;
	listen.on = 1;
	assert_true(stream_listen(bed.lc, &listen));
}

/* The ACK that opens it and an RST in one burst, with TLS and without: neither a connection nor a handshake stays. */
static void
opened_and_reset_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		if (i == 3)
			relisten(DP_STREAM_PPTP, DP_TLS_NONE);
		struct dial_client *c = dial_opening();
		assert_non_null(c);
		dial_side.hold = true;
		dial_turn(100);
		dial_hang_up(c, true);
		dial_side.hold = false;
		dial_turns(5, 100);
		assert_int_equal(bed.lc->conns->in_use, 0);
		assert_int_equal(tls_core_stats(bed.lc->conns->tls)->in_flight, 0);
	}
	/* MAIN heard of those without TLS, once and for all. */
	assert_int_equal(bed.n_said, 6);
	assert_int_equal(bed.said[4].type, DP_MSG_CONN_OPEN);
	assert_int_equal(bed.said[5].type, DP_MSG_CONN_GONE);
	assert_int_equal(bed.said[5].handle, bed.said[4].handle);
	assert_int_equal(bed_held(), 0);
}

static unsigned
said(uint8_t type)
{
	unsigned n = 0;
	for (unsigned i = 0; i < bed.n_said && i < RTE_DIM(bed.said); i++)
		n += bed.said[i].type == type;
	return n;
}

/* last_words: a Call Disconnect and the end in one burst: MAIN hears both, in this order, and why it ended. */
static void
last_words(void **state)
{
	static const uint8_t reasons[] = {DP_CONN_CLOSED, DP_CONN_CLOSED, DP_CONN_RESET, DP_CONN_TLS};
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(reasons); i++) {
		struct dial_client *c = dial(1 + i, 0);
		assert_non_null(c);
		bed.n_said = 0;
		dial_side.hold = true;
		for (unsigned k = 0; k < 3; k++)
			assert_true(dial_send(c, "\x10\x01\x00\x08\x00\x06\x00\x00", 8));
		if (i == 0 || i == 3)
			assert_true(dial_record(c, 21, i ? "\2\50" : "\1\0", 2));
		dial_turn(100);
		if (i == 1 || i == 2)
			dial_hang_up(c, i == 2);
		dial_turn(100);
		dial_side.hold = false;
		UNTIL(dial_gone(c), 20, 1000);
		assert_int_equal(dial_gone(c)->reason, reasons[i]);
		assert_int_equal(said(DP_MSG_STREAM_IN), 3);
		assert_int_equal(bed.said[bed.n_said - 1].type, DP_MSG_CONN_GONE);
		UNTIL(!dial_conn(c), 20, 1000);
	}
	assert_int_equal(bed_held(), 0);
}

/* The same without TLS: PPTP's Stop-Control-Connection-Request. */
static void
last_words_in_the_clear(void **state)
{
	(void)state;
	relisten(DP_STREAM_PPTP, DP_TLS_NONE);
	for (unsigned reset = 0; reset < 2; reset++) {
		struct dial_client *c = dial_tcp();
		assert_non_null(c);
		bed.n_said = 0;
		dial_side.hold = true;
		assert_true(dial_raw(c, "goodbye", 7));
		dial_turn(100);
		dial_hang_up(c, reset);
		dial_turn(100);
		dial_side.hold = false;
		dial_turns(5, 1000);
		assert_int_equal(bed.n_said, 2);
		assert_int_equal(bed.said[0].type, DP_MSG_STREAM_IN);
		assert_int_equal(bed.said[1].type, DP_MSG_CONN_GONE);
		assert_int_equal(((const struct dp_conn_gone *)(const void *)bed.said[1].payload)->reason,
				 reset ? DP_CONN_RESET : DP_CONN_CLOSED);
		UNTIL(!bed.lc->conns->in_use, 20, 1000);
	}
	assert_int_equal(bed_held(), 0);
}

/* What MAIN has no room for is waited for, but not for ever. */
static void
last_words_that_wait(void **state)
{
	struct dial_client *c = dial(1, 0);
	struct conn *w;
	(void)state;
	assert_non_null(c);
	w = dial_conn(c);
	w->talk = (struct policer){0}; /* MAIN takes none of it */
	policer_init(&w->talk, 0, bed.lc->now);
	assert_true(dial_send(c, "\x10\x01\x00\x08\x00\x06\x00\x00", 8));
	assert_true(dial_record(c, 21, "\1\0", 2));
	int64_t began = bed.lc->now.us;
	dial_turns(50, 100000);
	assert_null(dial_gone(c));
	UNTIL(dial_gone(c), 200, 100000);
	assert_in_range(bed.lc->now.us - began, (CONN_ENDING_S - 1) * 1000000, (CONN_ENDING_S + 1) * 1000000);
	assert_int_equal(dial_gone(c)->reason, DP_CONN_CLOSED);
	UNTIL(!dial_conn(c), 20, 1000);
	assert_int_equal(bed_held(), 0);
}

/* An alert in the handshake, and the end at once, before OFFLOAD has read it: MAIN hears of the alert.  Nobody answers: it
 * ends in time all the same. */
static void
alert_and_end_in_the_handshake(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct dial_client *c = dial_tcp();
		assert_non_null(c);
		bed.n_said = 0;
		dial_side.hold = true;
		assert_true(dial_raw(c, "\x15\3\3\0\2\2\x30", 7));
		dial_turn(100);
		if (i)
			dial_hang_up(c, i == 2);
		dial_turn(100);
		dial_side.hold = false;
		dial_turns(10, 1000);
		assert_int_equal(keyed_fail(dial_side.offload, 0, 48), 1);
		dial_turns(3, 1000);
		assert_int_equal(bed.n_said, 1);
		assert_int_equal(bed.said[0].type, DP_MSG_CONN_FAILED);
		assert_int_equal(((const struct dp_conn_failed *)(const void *)bed.said[0].payload)->why.alert, 48);
		UNTIL(!bed.lc->conns->in_use, 20, 1000);
	}
	for (unsigned reset = 0; reset < 2; reset++) {
		struct dial_client *c = dial_tcp();
		assert_true(dial_raw(c, "\x15\3\3\0\2\2\x30", 7));
		dial_turn(100);
		dial_hang_up(c, reset);
		dial_turns(10, 1000);
		assert_int_equal(bed.lc->conns->in_use, 1);
		UNTIL(!bed.lc->conns->in_use, CONN_ENDING_S + 2, 1000000);
	}
	assert_int_equal(tls_core_stats(bed.lc->conns->tls)->in_flight, 0);
	assert_int_equal(bed_held(), 0);
}

/* Behind a balancer CONN_FAILED has whom the PROXY header names beside the server name. */
static void
alert_behind_a_balancer(void **state)
{
	static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb"
				     "\x15\3\3\0\2\2\x30";
	const struct dp_conn_failed *failed = (const void *)bed.said[0].payload;
	(void)state;
	assert_true(proxied(header, sizeof header - 1));
	assert_int_equal(keyed_fail(dial_side.offload, 0, 48), 1);
	dial_turns(3, 1000);
	assert_int_equal(bed.said[0].type, DP_MSG_CONN_FAILED);
	assert_int_equal(failed->name_len, 11);
	assert_int_equal(failed->proxy_len, 28);
	assert_int_equal(failed->why.alert, 48);
}

/* crowd: others fill the queues with control until there is no room for anybody. */
static unsigned
crowd(struct queue_ref *id, unsigned n)
{
	struct queue_put put = {.control = true, .now = bed.lc->now};
	unsigned i = 0;
	for (enum drop why; i < n; i += why == DROP_QUEUE_FULL) {
		put.m = rte_pktmbuf_alloc(bed.lc->pool);
		why = queue_put(bed.lc->conns->queues, &id[i], &put);
		if (why == DROP_NONE)
			continue;
		rte_pktmbuf_free(put.m);
		if (why == DROP_QUEUE_SHARE)
			break;
	}
	return i;
}

/* Others have used up what all queues may hold: a session loses a packet and lives, with an Echo Request of ours that could not be
 * sent too; a connection without a session ends, and not for a timeout. */
static void
no_room_is_nobodys_fault(void **state)
{
	struct queue_ref id[14];
	(void)state;
	struct dial_client *c = dial(1, 10), *early = dial_up();
	assert_true(c && early);
	for (unsigned i = 0; i < RTE_DIM(id); i++)
		id[i] = QUEUE_EMPTY;
	assert_true(crowd(id, RTE_DIM(id)) < RTE_DIM(id));
	assert_true(dial_echo(c));
	dial_turns(10, 1000);
	assert_int_equal(c->control[9], 0);
	assert_int_equal(bed.lc->stats.drops[DROP_QUEUE_SHARE], 1);
	dial_turns(40, 1000000);
	assert_null(dial_gone(c));
	conn_put_control(bed.lc, dial_conn(early), rte_pktmbuf_alloc(bed.lc->pool));
	UNTIL(dial_gone(early), 10, 1000);
	assert_int_equal(dial_gone(early)->reason, DP_CONN_LOAD);
	for (unsigned i = 0; i < RTE_DIM(id); i++)
		queue_flush(bed.lc->conns->queues, &id[i]);
	UNTIL(c->control[8] == 1, 25, 1000000);
	assert_true(dial_echo(c));
	UNTIL(c->control[9] == 1, 20, 1000);
	assert_null(dial_gone(c));
}

static uint64_t
handshakes(void)
{
	return tls_core_stats(bed.lc->conns->tls)->in_flight;
}

/* Who says nothing takes no handshake's place, and not for long one of ours. */
static void
silence(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_non_null(dial_tcp());
	assert_int_equal(handshakes(), 0);
	assert_int_equal(bed.lc->conns->in_use, 4);
	dial_turns(8, 1000000);
	assert_int_equal(bed.lc->conns->in_use, 4);
	dial_turns(4, 1000000);
	assert_int_equal(bed.lc->conns->in_use, 0);
}

/* Nor does who says half a ClientHello and a byte now and then; who has been answered may take his time. */
static void
half_a_hello(void **state)
{
	struct dial_client *slow = dial_tcp(), *answered = dial_tcp();
	(void)state;
	assert_true(dial_raw(slow, "\x16\x03", 2) && dial_raw(answered, "\x16\x03", 2));
	dial_turns(2, 1000);
	assert_int_equal(handshakes(), 2);
	keyed_taken(dial_side.offload, 0, true);
	for (unsigned i = 0; i < 12; i++) {
		dial_raw(slow, "\x01", 1);
		dial_turn(1000000);
		keyed_taken(dial_side.offload, 0, false);
		assert_true(i > 8 || handshakes() == 2);
	}
	assert_int_equal(handshakes(), 1);
	assert_int_equal(bed.lc->conns->conn[1].state, CONN_HANDSHAKE);
	dial_turns(50, 1000000);
	assert_int_equal(handshakes(), 0);
	assert_int_equal(bed.lc->conns->in_use, 0);
}

/* Half of it has ten seconds from the beginning, and not one of them less. */
static void
half_a_hello_has_ten_seconds(void **state)
{
	struct dial_client *c = dial_tcp();
	int64_t began = bed.lc->now.us;
	(void)state;
	assert_true(dial_raw(c, "\x16\x03", 2));
	dial_turns(2, 1000);
	keyed_taken(dial_side.offload, 0, false);
	while (bed.lc->now.us - began < 9900000) {
		dial_turn(50000);
		assert_int_equal(handshakes(), 1);
		assert_false(c->tcp_gone);
	}
	UNTIL(!handshakes(), 6, 50000);
	assert_in_range(bed.lc->now.us - began, 10000000, 10150000);
	UNTIL(c->tcp_gone && !bed.lc->conns->in_use, 3, 1000);
}

/* unsent: what the connection's TCP cannot send yet. */
static uint32_t
unsent(const struct conn *w)
{
	struct tcp_info info;
	assert_true(tcp_info(bed.lc->tcp, w->tcp, &info));
	return info.unsent;
}

/* asks: a byte more of a client whose records are OFFLOAD's, which answers with n.  Whether it has heard it. */
static bool
asks(struct dial_client *c, size_t n)
{
	assert_true(dial_raw(c, "?", 1));
	dial_turns(2, 1);
	bool heard = keyed_relay(dial_side.offload, 0, n);
	dial_turns(2, 1);
	return heard;
}

/* Of a peer that takes no answers as many wait as are 8 KiB; with one octet more it is not listened to until they have gone. */
static void
answers_that_lie(void **state)
{
	struct dial_client *c = dial_tcp();
	const struct conn *w = &bed.lc->conns->conn[0];
	(void)state;
	assert_true(asks(c, 1));
	dial_deafen(c, true);
	assert_true(asks(c, 1000));
	dial_turns(20, 100000); /* a timeout: nothing new leaves any more */
	assert_int_equal(unsent(w), 0);
	for (uint32_t n; (n = unsent(w)) < 8192;)
		assert_true(asks(c, RTE_MIN(8192 - n, 1000u)));
	assert_int_equal(unsent(w), 8192);
	assert_true(asks(c, 1));
	assert_int_equal(unsent(w), 8193);
	for (unsigned i = 0; i < 5; i++)
		assert_false(asks(c, 1));
	dial_deafen(c, false);
	UNTIL(!unsent(w), 1000, 10000);
	assert_int_equal(keyed_relay(dial_side.offload, 0, 1), 1); /* what has waited */
	dial_turns(2, 1);
	assert_true(asks(c, 1));
}

/* What has ended in its handshake keeps nobody out while its TCP takes leave. */
static void
left_in_the_handshake(void **state)
{
	struct dial_client *c = dial_tcp();
	(void)state;
	assert_true(dial_raw(c, "\x16\x03", 2));
	dial_turns(2, 1000);
	assert_int_equal(handshakes(), 1);
	conn_finish(bed.lc, &bed.lc->conns->conn[0], DP_CONN_TIMEOUT, true);
	assert_int_equal(handshakes(), 0);
}

static bool
nobody_counted(void)
{
	const uint32_t *n = &bed.lc->conns->sources.n[0][0];
	for (unsigned i = 0; i < SOURCE_SHARES << SOURCES_LOG2; i++)
		if (n[i])
			return false;
	return !bed.lc->conns->strangers;
}

/* One address does not have all places, of connections and of handshakes; and has them again when its own are done. */
static void
one_address(void **state)
{
	uint64_t *dropped = &bed.lc->stats.drops[DROP_CONN_SOURCE];
	struct dial_client *c[16];
	(void)state;
	for (unsigned i = 0; i < 9; i++)
		c[i] = dial_tcp();
	assert_int_equal(bed.lc->conns->in_use, 8);
	assert_int_equal(*dropped, 1);
	bed.lc->conns->handshakes_max = 4;
	for (unsigned i = 0; i < 3; i++) {
		assert_true(dial_raw(c[i], "\x16\x03", 2));
		dial_turns(2, 1000);
	}
	assert_int_equal(handshakes(), 2);
	assert_int_equal(*dropped, 2);
	keyed_taken(dial_side.offload, 0, false);
	for (unsigned i = 0; i < 8; i++)
		dial_hang_up(c[i], true);
	dial_turns(4, 1000);
	assert_int_equal(bed.lc->conns->in_use, 0);
	assert_non_null(dial(1, 0));
	assert_true(nobody_counted());
}

/* Nor when it gets as far as TLS and says no more. */
static void
one_address_after_tls(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++)
		assert_non_null(dial_up());
	assert_int_equal(bed.lc->conns->in_use, 8);
	dial_tcp();
	assert_int_equal(bed.lc->conns->in_use, 8);
	assert_int_equal(bed.lc->stats.drops[DROP_CONN_SOURCE], 1);
}

/* says: MAIN sends so many octets; whether they may wait. */
static bool
says(const struct dial_client *c, uint16_t octets)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
	assert_non_null(m);
	assert_non_null(rte_pktmbuf_append(m, octets));
	return conn_put_control(bed.lc, dial_conn(c), m);
}

/* Strangers who take nothing have a quarter of the queues, and one address a quarter of that when half of it is in use: who has
 * a session always finds one. */
static void
strangers_leave_queues(void **state)
{
	struct conns *cs = bed.lc->conns;
	struct dial_client *c = dial(1, 60), *idle[4];
	(void)state;
	assert_int_equal(cs->strangers_max, 4); /* of 16 */
	for (unsigned i = 0; i < 4; i++) {
		idle[i] = dial_up();
		assert_non_null(idle[i]);
		dial_deafen(idle[i], true);
		for (unsigned k = 0; k < 12 && says(idle[i], 1400);
		     k++) /* more than TCP's first window, which nothing opens */
			;
		dial_turns(2, 1000);
	}
	assert_int_equal(cs->strangers, 2);
	assert_int_equal(bed.lc->stats.drops[DROP_CONN_SOURCE], 2);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(dial_gone(idle[i]) ? dial_gone(idle[i])->reason : 0, i < 2 ? 0 : DP_CONN_LOAD);
	for (unsigned i = 0; i < 8; i++)
		dial_down(1, 1400);
	UNTIL(c->data == 8, 10, 1000);
	assert_true(dial_echo(c));
	UNTIL(c->control[9] == 1, 10, 1000);
	for (unsigned i = 0; i < 2; i++)
		dial_deafen(idle[i], false);
	UNTIL(!cs->strangers, 100, 100000);
}

/* All strangers together have no more than their share, whoever they are. */
static void
strangers_have_a_share(void **state)
{
	struct conns *cs = bed.lc->conns;
	struct dial_client *c[2];
	(void)state;
	cs->strangers_max = 1;
	for (unsigned i = 0; i < 2; i++) {
		c[i] = dial_up();
		assert_non_null(c[i]);
	}
	assert_true(says(c[0], 1400));
	assert_false(says(c[1], 1400)); /* before the first has left */
	assert_int_equal(cs->strangers, 1);
	assert_int_equal(bed.lc->stats.drops[DROP_CONN_SOURCE], 0);
	assert_int_equal(bed.lc->stats.drops[DROP_QUEUE_SHARE], 1);
}

/* Behind a load balancer the client's address counts; a connection of its own is counted by its own. */
static void
one_address_behind_a_proxy(void **state)
{
	static const char proxied_4[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\xc0\0\2\1\0\1\1\xbb";
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
	const struct sources *s = &bed.lc->conns->sources;
	const struct addr client = bed_addr("192.0.2.7"), balancer = addr_from_ip4(BED_LAC);
	(void)state;
	assert_true(proxied(proxied_4, sizeof proxied_4 - 1));
	assert_int_equal(s->n[SOURCE_PLACE][source_place(s, &client)], 1);
	assert_int_equal(s->n[SOURCE_PLACE][source_place(s, &balancer)], 0);
	assert_true(proxied(local, sizeof local - 1));
	assert_int_equal(s->n[SOURCE_PLACE][source_place(s, &balancer)], 1);
}

static bool
acknowledged(const struct dial_client *c)
{
	struct tcp_info i;
	assert_true(tcp_info(dial_side.tcp, c->tcp, &i));
	return i.snd_una == i.snd_nxt;
}

/* A word that has no answer is acknowledged at once while the call is set up; then the acknowledgement may wait for data. */
static void
acknowledges_at_once_until_up(void **state)
{
	struct dial_client *c = dial(1, 60);
	(void)state;
	assert_non_null(c);
	UNTIL(acknowledged(c), 100, 10000);
	for (unsigned is_up = 0; is_up < 2; is_up++) {
		assert_true(dial_send(c, "\x10\x01\x00\x08\x00\x09\x00\x00", 8)); /* Echo Response */
		dial_turns(2, 100);
		assert_int_equal(acknowledged(c), !is_up);
		UNTIL(acknowledged(c), 50, 10000);
		conn_settled(bed.lc, &bed.lc->sessions[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_, close_)
		TEST(echo_is_answered),
		TEST(our_echo_and_its_timeout),
		TEST(no_echo_while_it_talks),
		TEST(acknowledges_at_once_until_up),
		TEST(alerts_end_it),
		TEST(what_waits_to_be_sealed),
		TEST(an_ending_connection_lets_go_of_its_session),
		TEST(up_while_ending),
		TEST(silence),
		TEST(half_a_hello),
		TEST(half_a_hello_has_ten_seconds),
		TEST(answers_that_lie),
		TEST(left_in_the_handshake),
		TEST(one_address),
		TEST(one_address_after_tls),
		TEST(strangers_leave_queues),
		TEST(strangers_have_a_share),
		TEST(one_address_behind_a_proxy),
		TEST(bad_proxy_header),
		TEST(opened_and_reset_at_once),
		TEST(last_words),
		TEST(last_words_in_the_clear),
		TEST(last_words_that_wait),
		TEST(alert_and_end_in_the_handshake),
		TEST(alert_behind_a_balancer),
		TEST(no_room_is_nobodys_fault),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
