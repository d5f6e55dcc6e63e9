/* A worker's functions, called one by one at a virtual time: messages, echo, life-cycle messages, quotas.  The path is the
 * real one; what it sends is taken out of lc->tx and compared with packets typed here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <millrace/bytes.h>

#include "echo.h"
#include "lcore_msg.h"
#include "lifecycle.h"
#include "local.h"
#include "message.h"
#include "path.h"
#include "start.h"
#include "start_fixture.h"
#include "state.h"

#define SECOND 1000000

static struct dp *dp;
static struct lcore *lc;
static uint32_t adj_nh;

static int
build(void **state)
{
	struct dp_start s = fixture_start("net_null0");
	char err[512];
	(void)state;
	if (dp_build(&s, &dp, err, sizeof err) < 0) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	lc = dp->lcores[0];
	const struct addr router = addr_from_ip4(0xc0000202);
	int adj = dp_adj_new(dp, 0, &router);
	dp_adj_resolve(dp, (uint32_t)adj, (const uint8_t[]){0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee});
	adj_nh = nh_make(NH_ADJ, (uint32_t)adj);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	dp_stop(dp);
	return 0;
}

static void
forget_sent(void)
{
	rte_pktmbuf_free_bulk(lc->tx[0].m, lc->tx[0].n);
	lc->tx[0].n = 0;
}

/* clean: each test starts with free slots, empty rings, and later than the one before. */
static int
clean(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < lc->n_sessions; i++) {
		wheel_del(&lc->sessions[i].timer);
		memset(&lc->sessions[i], 0, sizeof lc->sessions[i]);
		lc->sessions[i].generation = 1;
	}
	while (dp_recv(dp, 0))
		dp_recv_done(dp, 0);
	lc->pending_first = lc->pending_last = SLOT_NONE;
	memset(&lc->stats, 0, sizeof lc->stats);
	memset(lc->tunnels, 0, 65536 * sizeof *lc->tunnels);
	lc->n_listeners = 0;
	lc->now.us += 1000ll * SECOND;
	unsigned budget;
	do
		budget = 1000000, (void)wheel_pop(&lc->wheel, lc->now, &budget);
	while (!budget);
	forget_sent();
	return 0;
}

static void
send_message(enum dp_msg type, uint64_t handle, const void *payload, const void *bytes, size_t len)
{
	assert_int_equal(dp_send(dp, type, handle, payload, bytes, len), 0);
	assert_int_equal(lcore_receive(lc, 64), 1);
}

static struct dp_session_open
open_of(uint32_t slot)
{
	return (struct dp_session_open){
		.local = addr_from_ip4(0xc0000201),
		.peer = addr_from_ip4(0xc0000202),
		.local_port = 1701,
		.peer_port = 1801,
		.our_tid = 7,
		.our_sid = (uint16_t)slot,
		.peer_tid = 0x1234,
		.peer_sid = 0x5678,
		.nh = adj_nh,
		.bearer = DP_BEARER_L2TP,
	};
}

static uint64_t
opened(uint32_t slot, uint32_t generation)
{
	struct dp_session_open o = open_of(slot);
	uint64_t h = handle_make(0, slot, generation);
	send_message(DP_MSG_SESSION_OPEN, h, &o, NULL, 0);
	assert_non_null(session_find(lc, h));
	return h;
}

static void
set_echo_mode(uint64_t h, struct dp_session_set set)
{
	set.what = DP_SET_ECHO | DP_SET_LINK;
	set.our_magic = 0x01020304;
	set.mtu = 1400;
	send_message(DP_MSG_SESSION_SET, h, &set, NULL, 0);
}

static void
set_echo(uint64_t h, uint16_t interval_s, uint16_t failure)
{
	struct dp_session_set set = {.what = DP_SET_ECHO | DP_SET_LINK, .our_magic = 0x01020304, .mtu = 1400};
	set.echo_interval_s = interval_s;
	set.echo_failure = failure;
	send_message(DP_MSG_SESSION_SET, h, &set, NULL, 0);
}

static const struct byte_ring_rec *
expect(enum dp_msg type, uint64_t handle)
{
	const struct byte_ring_rec *rec = dp_recv(dp, 0);
	assert_non_null(rec);
	assert_int_equal(rec->type, type);
	assert_true(rec->handle == handle);
	return rec;
}

static void
every_row_has_its_handler_and_no_other(void **state)
{
	static const uint8_t zeros[512];
	(void)state;
	for (unsigned type = 0; type < DP_MSG_COUNT; type++) {
		const struct dp_msg_row *row = dp_msg_row(type);
		uint64_t stale = lc->stats.messages_stale;
		/* Too short is refused whatever the type; of the right size, for MAIN, likewise. */
		if (row->size) {
			assert_non_null(byte_ring_reserve(lc->from_main, (uint16_t)type, 0, row->size - 1u, 0));
			byte_ring_commit(lc->from_main);
			lcore_receive(lc, 1);
			assert_int_equal(lc->stats.messages_stale, ++stale);
		}
		if (row->direction == DP_TO_DP)
			continue;
		void *p = byte_ring_reserve(lc->from_main, (uint16_t)type, 0, row->size, 0);
		memcpy(p, zeros, row->size);
		byte_ring_commit(lc->from_main);
		lcore_receive(lc, 1);
		assert_int_equal(lc->stats.messages_stale, ++stale);
		assert_int_equal(dp_send(dp, (enum dp_msg)type, 0, zeros, NULL, 0), -EINVAL);
	}
	assert_int_equal(dp_send(dp, DP_MSG_SESSION_CLOSE, handle_core(1), NULL, NULL, 0), -EINVAL);
	assert_int_equal(dp_send(dp, DP_MSG_COUNT, 0, NULL, NULL, 0), -EINVAL);
}

static void
messages_have_a_quota(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(dp_send(dp, DP_MSG_SESSION_CLOSE, 1, NULL, NULL, 0), 0);
	assert_int_equal(lcore_receive(lc, 64), 64);
	assert_int_equal(lcore_receive(lc, 64), 36);
	assert_int_equal(lcore_receive(lc, 64), 0);
}

static void
the_classes_have_their_shares(void **state)
{
	static uint8_t frame[1000];
	struct dp_eth_path eth = {.iface = 9999};
	(void)state;
	unsigned n = 0, commands = 0;
	while (!dp_send(dp, DP_MSG_FRAME_ETH, 0, &eth, frame, sizeof frame))
		n++;
	assert_in_range(n * 1040, 60000, 65536 + 1040); /* half of 128 KiB */
	assert_int_equal(dp_send(dp, DP_MSG_FRAME_ETH, 0, &eth, frame, sizeof frame), -EAGAIN);
	while (!dp_send(dp, DP_MSG_SESSION_CLOSE, 1, NULL, NULL, 0))
		commands++;
	assert_true(commands > 4000);
	assert_int_equal(dp_send(dp, DP_MSG_FRAME_ETH, 0, &eth, frame, BYTE_RING_MAX), -EMSGSIZE);
	while (lcore_receive(lc, 64))
		;
	assert_int_equal(lc->stats.messages_in, n + commands);
	assert_int_equal(lc->stats.drops[DROP_FRAME_STALE], n); /* no such interface */
}

static void
a_session_is_opened_set_and_closed_in_two_steps(void **state)
{
	(void)state;
	uint64_t h = opened(5, 42);
	struct dp_session *s = &lc->sessions[5];
	struct dp_session_set set = {
		.what = DP_SET_GATES | DP_SET_LINK | DP_SET_IP4 | DP_SET_NH,
		.gates = DP_GATE_AUTHENTICATED | DP_GATE_IP4,
		.mtu = 1456,
		.our_magic = 1,
		.peer_magic = 2,
		.ip4 = 0x0a4e0105,
		.gateway_ip4 = 0x0a4e0001,
		.nh = nh_make(NH_ADJ, 9),
		.isolate = 1,
	};
	assert_int_equal(lc->stats.sessions, 1);
	assert_int_equal(s->gates, 0);
	send_message(DP_MSG_SESSION_SET, h, &set, NULL, 0);
	assert_int_equal(s->gates, DP_GATE_AUTHENTICATED | DP_GATE_IP4);
	assert_true(s->down_open && s->link_open && s->isolate);
	assert_int_equal(s->mtu, 1456);
	assert_int_equal(s->ip4, 0x0a4e0105);
	assert_int_equal(s->gateway_ip4, 0x0a4e0001);
	assert_int_equal(s->nh, nh_make(NH_ADJ, 9));
	set = (struct dp_session_set){.what = DP_SET_LINK}; /* LCP negotiates again */
	send_message(DP_MSG_SESSION_SET, h, &set, NULL, 0);
	assert_false(s->link_open);
	s->up_packets = 11, s->up_bytes = 12, s->down_packets = 13, s->down_bytes = 14, s->up_drops = 15,
	s->down_drops = 16;

	struct dp_counters live;
	dp_session_counters(dp, h, &live);
	assert_int_equal(live.down_bytes, 14);
	send_message(DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0);
	const struct dp_counters expected = {11, 12, 13, 14, 15, 16};
	const struct byte_ring_rec *rec = expect(DP_MSG_SESSION_CLOSED, h);
	assert_int_equal(rec->len, sizeof expected);
	assert_memory_equal(rec->payload, &expected, sizeof expected);
	dp_recv_done(dp, 0);
	assert_int_equal(s->state, SESSION_FREE);
	assert_int_equal(s->gates, 0);
	assert_false(s->down_open || s->link_open);
	assert_int_equal(s->generation, 43);
	assert_int_equal(lc->stats.sessions, 0);
	dp_session_counters(dp, h, &live);
	assert_int_equal(live.down_bytes, 0);
}

static void
what_comes_too_late_changes_nothing(void **state)
{
	(void)state;
	uint64_t h = opened(5, UINT32_MAX);
	struct dp_session_set set = {.what = DP_SET_GATES, .gates = 3};
	send_message(DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0);
	expect(DP_MSG_SESSION_CLOSED, h);
	dp_recv_done(dp, 0);
	assert_int_equal(lc->sessions[5].generation, 1); /* 0 is skipped */
	send_message(DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0);
	send_message(DP_MSG_SESSION_SET, h, &set, NULL, 0);
	send_message(DP_MSG_FRAME_PPP, h, NULL, "\xc0\x21", 2);
	assert_null(dp_recv(dp, 0));
	assert_int_equal(lc->stats.messages_stale, 2);
	assert_int_equal(lc->stats.drops[DROP_FRAME_STALE], 1);

	uint64_t h2 = opened(5, 1);
	send_message(DP_MSG_SESSION_SET, h, &set, NULL, 0);
	send_message(DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0);
	assert_non_null(session_find(lc, h2));
	assert_int_equal(lc->sessions[5].gates, 0);
	assert_null(dp_recv(dp, 0));
}

static void
an_open_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	struct dp_session_open o = open_of(5);
	uint64_t h = opened(5, 3);
	send_message(DP_MSG_SESSION_OPEN, handle_make(0, 5, 4), &o, NULL, 0); /* not free */
	assert_non_null(session_find(lc, h));
	send_message(DP_MSG_SESSION_OPEN, handle_make(0, 6, 4), &o, NULL, 0); /* session id of another slot */
	send_message(DP_MSG_SESSION_OPEN, handle_make(0, lc->n_sessions, 4), &o, NULL, 0);
	o = open_of(7);
	send_message(DP_MSG_SESSION_OPEN, handle_make(0, 7, 0), &o, NULL, 0); /* generation 0 */
	o.bearer = DP_BEARER_NONE;
	send_message(DP_MSG_SESSION_OPEN, handle_make(0, 7, 1), &o, NULL, 0); /* no bearer */
	assert_int_equal(lc->stats.messages_stale, 5);
	assert_int_equal(lc->stats.sessions, 1);
	assert_int_equal(lc->sessions[7].generation, 1);
	assert_int_equal(lc->sessions[7].state, SESSION_FREE);
}

static void
tunnels_and_listeners_come_and_go(void **state)
{
	const struct addr somebody = addr_from_ip4(1);
	struct dp_tunnel t = {.peer = addr_from_ip4(0xc0000202), .peer_tid = 9, .region = 0};
	struct dp_listen l = {.addr = addr_from_ip4(0), .port = 1701, .ip_proto = 17, .on = 1};
	(void)state;
	send_message(DP_MSG_TUNNEL_SET, handle_make(0, 65535, 0), &t, NULL, 0);
	assert_true(lc->tunnels[65535].used && addr_ip4(&lc->tunnel_peers[65535]) == 0xc0000202);
	send_message(DP_MSG_TUNNEL_SET, handle_make(0, 65536, 0), &t, NULL, 0);
	assert_int_equal(lc->stats.messages_stale, 1);
	send_message(DP_MSG_TUNNEL_CLOSE, handle_make(0, 65535, 0), NULL, NULL, 0);
	assert_false(lc->tunnels[65535].used);

	send_message(DP_MSG_LISTEN_SET, 0, &l, NULL, 0);
	send_message(DP_MSG_LISTEN_SET, 0, &l, NULL, 0); /* once is enough */
	assert_int_equal(lc->n_listeners, 1);
	for (l.port = 1; l.port < LISTENERS_MAX; l.port++)
		send_message(DP_MSG_LISTEN_SET, 0, &l, NULL, 0);
	assert_int_equal(lc->n_listeners, LISTENERS_MAX);
	send_message(DP_MSG_LISTEN_SET, 0, &l, NULL, 0);
	assert_int_equal(lc->n_listeners, LISTENERS_MAX);
	assert_int_equal(lc->stats.messages_stale, 2);
	l.port = 1701;
	l.on = 0;
	send_message(DP_MSG_LISTEN_SET, 0, &l, NULL, 0);
	assert_int_equal(lc->n_listeners, LISTENERS_MAX - 1);
	l = (struct dp_listen){addr_from_ip4(0), 49152, 17, 1, 65535};
	send_message(DP_MSG_LISTEN_SET, 0, &l, NULL, 0);
	assert_null(local_listens(lc, 17, &somebody, 49151));
	assert_non_null(local_listens(lc, 17, &somebody, 49152));
	assert_non_null(local_listens(lc, 17, &somebody, 65535));
	assert_null(local_listens(lc, 6, &somebody, 65535));
}

/* Typed from RFC 791, 768, 2661 3.1 and 1661 by hand: identification and IPv4 checksum are left out of the comparison
 * and checked by summing. */
static const uint8_t frame_without_length[] = {
	0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0,    0,    0,  0,  0, 0, 0x08, 0x00, /* Ethernet, source filled in */
	0x45, 0x00, 0x00, 0x2c, 0,    0,    0x00, 0x00, 64, 17, 0, 0, 192,  0,
	2,    1,    192,  0,    2,    2,                /* IPv4, 44 bytes */
	0x06, 0xa5, 0x07, 0x09, 0x00, 0x18, 0x00, 0x00, /* UDP 1701 to 1801, 24 bytes */
	0x00, 0x02, 0x12, 0x34, 0x56, 0x78,             /* L2TP: version 2, tunnel, session */
	0xff, 0x03, 0xc0, 0x21,                         /* PPP: LCP */
	0x09, 0x01, 0x00, 0x06, 0xab, 0xcd,
};

static const uint8_t
	frame_with_length[] =
		{
			0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0,    0,    0,    0,    0,    0,    0x08,
			0x00, 0x45, 0x00, 0x00, 0x2e, 0,    0,    0x00, 0x00, 64,   17,   0,    0,
			192,  0,    2,    1,    192,  0,    2,    2,    0x06, 0xa5, 0x07, 0x09, 0x00,
			0x1a, 0x00, 0x00, 0x40, 0x02, 0x00, 0x12, 0x12, 0x34, 0x56, 0x78, /* L bit, 18 bytes */
			0xff, 0x03, 0xc0, 0x21, 0x09, 0x01, 0x00, 0x06, 0xab, 0xcd,
};

static uint16_t
internet_sum(const uint8_t *p, unsigned n)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < n; i += 2)
		sum += be16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

static void
expect_sent(const uint8_t *frame, size_t len)
{
	assert_int_equal(lc->tx[0].n, 1);
	struct rte_mbuf *m = lc->tx[0].m[0];
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	assert_int_equal(m->pkt_len, len);
	assert_int_equal(m->data_len, len);
	assert_memory_equal(p + 6, dp->ports[0].mac.addr_bytes, 6);
	assert_int_equal(internet_sum(p + 14, 20), 0xffff);
	memset(p + 6, 0, 6);
	memset(p + 18, 0, 2); /* identification */
	memset(p + 24, 0, 2); /* checksum */
	assert_memory_equal(p, frame, len);
	forget_sent();
}

static void
a_ppp_frame_gets_its_headers(void **state)
{
	static const uint8_t lcp[] = {0xc0, 0x21, 0x09, 0x01, 0x00, 0x06, 0xab, 0xcd};
	struct dp_session_open o = open_of(8);
	(void)state;
	uint64_t h = opened(5, 1), h2 = handle_make(0, 8, 1);
	send_message(DP_MSG_FRAME_PPP, h, NULL, lcp, sizeof lcp);
	expect_sent(frame_without_length, sizeof frame_without_length);
	o.l2tp_length = 1;
	send_message(DP_MSG_SESSION_OPEN, h2, &o, NULL, 0);
	send_message(DP_MSG_FRAME_PPP, h2, NULL, lcp, sizeof lcp);
	expect_sent(frame_with_length, sizeof frame_with_length);
	/* LCP goes uncompressed whatever was agreed on (RFC 1661 6.5, 6.6). */
	struct dp_session_set set = {.what = DP_SET_LINK, .acfc = 1, .pfc = 1, .mtu = 1400};
	send_message(DP_MSG_SESSION_SET, h2, &set, NULL, 0);
	send_message(DP_MSG_FRAME_PPP, h2, NULL, lcp, sizeof lcp);
	expect_sent(frame_with_length, sizeof frame_with_length);
}

static void
frames_of_main_are_sent(void **state)
{
	static const uint8_t l2tp[] = {0xc8, 0x02, 0x00, 0x0c, 0x12, 0x34, 0, 0, 0, 0, 0, 0};
	struct dp_udp_path u = {
		.local = addr_from_ip4(0xc0000201),
		.peer = addr_from_ip4(0xc0000202),
		.local_port = 1701,
		.peer_port = 1801,
		.nh = adj_nh,
	};
	struct dp_eth_path e = {.iface = 0, .ether_type = 0x0806, .dst = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	static uint8_t large[4000];
	(void)state;
	send_message(DP_MSG_FRAME_UDP, 0, &u, l2tp, sizeof l2tp);
	assert_int_equal(lc->tx[0].n, 1);
	const uint8_t *p = rte_pktmbuf_mtod(lc->tx[0].m[0], const uint8_t *);
	assert_int_equal(lc->tx[0].m[0]->pkt_len, 14 + 20 + 8 + sizeof l2tp);
	assert_int_equal(internet_sum(p + 14, 20), 0xffff);
	assert_memory_equal(p + 42, l2tp, sizeof l2tp);
	forget_sent();

	send_message(DP_MSG_FRAME_ETH, 0, &e, "\0\1\10\0", 4);
	assert_int_equal(lc->tx[0].n, 1);
	p = rte_pktmbuf_mtod(lc->tx[0].m[0], const uint8_t *);
	assert_memory_equal(p, e.dst, 6);
	assert_memory_equal(p + 6, dp->ports[0].mac.addr_bytes, 6);
	assert_memory_equal(p + 12, "\x08\x06\0\1\10\0", 6);
	forget_sent();

	send_message(DP_MSG_FRAME_ETH, 0, &e, large, sizeof large); /* larger than a packet buffer */
	assert_int_equal(lc->tx[0].n, 0);
	assert_int_equal(lc->stats.drops[DROP_IP4_TOO_BIG], 1);
}

/* What the device is asked to do, and what it finds in the fields that it will fill in. */
static void
a_device_that_sums_is_left_the_sums(void **state)
{
	static const uint8_t l2tp[] = {0xc8, 0x02, 0x00, 0x0c, 0x12, 0x34, 0, 0, 0, 0, 0, 0};
	static uint8_t large[1600];
	struct dp_udp_path u = {
		.local = addr_from_ip4(0xc0000201),
		.peer = addr_from_ip4(0xc0000202),
		.local_port = 1701,
		.peer_port = 1801,
		.nh = adj_nh,
	};
	const uint64_t flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
	(void)state;
	bool had_ip4 = lc->port_tx_ip4_checksum[0], had_udp = lc->port_tx_udp_checksum[0];
	lc->port_tx_ip4_checksum[0] = lc->port_tx_udp_checksum[0] = true;
	send_message(DP_MSG_FRAME_UDP, 0, &u, l2tp, sizeof l2tp);
	const struct rte_mbuf *m = lc->tx[0].m[0];
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_int_equal(m->ol_flags & flags, flags);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(be16(p + 24), 0);
	/* 192.0.2.1, 192.0.2.2, protocol 17, length 20: c000 + 0201 + c000 + 0202 + 0011 + 0014, folded */
	assert_int_equal(be16(p + 40), 0x8429);
	forget_sent();

	send_message(DP_MSG_FRAME_UDP, 0, &u, large, sizeof large); /* it will be cut */
	assert_true(lc->tx[0].n > 1);
	for (unsigned i = 0; i < lc->tx[0].n; i++)
		assert_int_equal(lc->tx[0].m[i]->ol_flags & flags, 0);
	p = rte_pktmbuf_mtod(lc->tx[0].m[0], const uint8_t *);
	assert_int_not_equal(be16(p + 40), 0);
	forget_sent();

	lc->port_tx_udp_checksum[0] = false; /* both or none */
	send_message(DP_MSG_FRAME_UDP, 0, &u, l2tp, sizeof l2tp);
	assert_int_equal(lc->tx[0].m[0]->ol_flags & flags, 0);
	p = rte_pktmbuf_mtod(lc->tx[0].m[0], const uint8_t *);
	assert_int_equal(internet_sum(p + 14, 20), 0xffff);
	forget_sent();
	lc->port_tx_ip4_checksum[0] = had_ip4;
	lc->port_tx_udp_checksum[0] = had_udp;
}

static void
advance(int64_t us)
{
	lc->now.us += us;
	while (echo_timers(lc, 512) == 512)
		;
}

/* expect_request: one Echo-Request has been sent, with this identifier (RFC 1661 5.8). */
static void
expect_request(uint8_t id)
{
	const uint8_t lcp[] = {0xc0, 0x21, 9, id, 0, 8, 1, 2, 3, 4};
	assert_int_equal(lc->tx[0].n, 1);
	struct rte_mbuf *m = lc->tx[0].m[0];
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, m->pkt_len - sizeof lcp), lcp, sizeof lcp);
	forget_sent();
}

#define TICK (WHEEL_TICK_US * 2)

static void
a_silent_peer_is_asked_and_then_dead(void **state)
{
	(void)state;
	uint64_t h = opened(5, 1);
	set_echo(h, 30, 3);
	advance(30 * SECOND - TICK);
	assert_int_equal(lc->tx[0].n, 0);
	for (uint8_t id = 1; id <= 3; id++) {
		advance(id == 1 ? 2 * TICK : 30 * SECOND + TICK);
		expect_request(id);
		assert_null(dp_recv(dp, 0));
	}
	advance(30 * SECOND + TICK);
	assert_int_equal(lc->tx[0].n, 0);
	const struct byte_ring_rec *rec = expect(DP_MSG_SESSION_DEAD, h);
	assert_int_equal(((const struct dp_session_dead *)(const void *)rec->payload)->reason, DP_DEAD_ECHO);
	dp_recv_done(dp, 0);
	advance(1000ll * SECOND); /* once, and no more requests */
	assert_null(dp_recv(dp, 0));
	assert_int_equal(lc->tx[0].n, 0);
	send_message(DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0);
	expect(DP_MSG_SESSION_CLOSED, h);
}

static void
a_reply_and_data_keep_it_alive(void **state)
{
	(void)state;
	uint64_t h = opened(5, 1);
	set_echo(h, 10, 2);
	for (uint8_t id = 1; id <= 20; id++) {
		advance(10 * SECOND + TICK);
		expect_request(id);
		if (id % 2 == 0)
			lc->sessions[5].echo_unanswered = 0; /* as ppp_data.c does for an Echo-Reply */
	}
	assert_null(dp_recv(dp, 0));
	/* A peer that sends is not asked; a second after its last packet the interval starts anew. */
	for (unsigned i = 0; i < 100; i++) {
		lc->sessions[5].last_up_us = lc->now.us;
		advance(SECOND);
		assert_int_equal(lc->tx[0].n, 0);
	}
	advance(9 * SECOND + TICK);
	expect_request(21);
	assert_int_equal(lc->sessions[5].echo_unanswered, 1);
}

/* The adaptive mode: however many requests, it is the length of the silence that counts, and any frame breaks it. */
static void
silence_has_a_limit(void **state)
{
	(void)state;
	uint64_t h = opened(5, 1);
	set_echo_mode(h, (struct dp_session_set){.echo_interval_s = 10, .echo_failure = 1, .echo_timeout_s = 35});
	for (uint8_t id = 1; id <= 3; id++) {
		advance(10 * SECOND + TICK);
		expect_request(id);
	}
	echo_heard(&lc->sessions[5], lc->now); /* a control frame */
	advance(10 * SECOND - TICK);
	assert_int_equal(lc->tx[0].n, 0);
	for (uint8_t id = 4; id <= 6; id++) {
		advance(id == 4 ? 2 * TICK : 10 * SECOND + TICK);
		expect_request(id);
	}
	assert_null(dp_recv(dp, 0));
	advance(5 * SECOND - 4 * TICK);
	assert_null(dp_recv(dp, 0));
	advance(4 * TICK);
	expect(DP_MSG_SESSION_DEAD, h);
	dp_recv_done(dp, 0);
	assert_int_equal(lc->tx[0].n, 0);
}

/* A silence of 30 s, then five requests a second apart, then the end. */
static void
five_probes_a_second_apart(void **state)
{
	(void)state;
	uint64_t h = opened(5, 1);
	set_echo_mode(h, (struct dp_session_set){.echo_interval_s = 30, .echo_failure = 5, .echo_probe_s = 1});
	advance(29 * SECOND);
	assert_int_equal(lc->tx[0].n, 0);
	for (uint8_t id = 1; id <= 3; id++) {
		advance(SECOND + TICK);
		expect_request(id);
	}
	lc->sessions[5].last_up_us = lc->now.us; /* data: alive */
	advance(29 * SECOND);
	assert_int_equal(lc->tx[0].n, 0);
	for (uint8_t id = 4; id <= 8; id++) {
		advance(SECOND + TICK);
		expect_request(id);
		assert_null(dp_recv(dp, 0));
	}
	advance(SECOND + TICK);
	expect(DP_MSG_SESSION_DEAD, h);
	dp_recv_done(dp, 0);
}

static void
no_failure_limit_no_death_and_no_interval_no_request(void **state)
{
	(void)state;
	uint64_t h = opened(5, 1);
	set_echo(h, 1, 0);
	for (unsigned i = 0; i < 50; i++) {
		advance(SECOND + TICK);
		expect_request((uint8_t)(i + 1));
	}
	assert_null(dp_recv(dp, 0));
	set_echo(h, 0, 3);
	advance(1000ll * SECOND);
	assert_int_equal(lc->tx[0].n, 0);
	set_echo(h, 1, 3);
	send_message(DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0);
	advance(1000ll * SECOND);
	assert_int_equal(lc->tx[0].n, 0);
	expect(DP_MSG_SESSION_CLOSED, h);
	dp_recv_done(dp, 0);
	assert_null(dp_recv(dp, 0));
}

static void
a_request_that_cannot_be_sent_does_not_count(void **state)
{
	static struct rte_mbuf *all[65536];
	unsigned n = 0;
	(void)state;
	uint64_t h = opened(5, 1);
	set_echo(h, 1, 2);
	while (n < 65536 && (all[n] = rte_pktmbuf_alloc(lc->pool)))
		n++;
	for (unsigned i = 0; i < 10; i++)
		advance(SECOND + TICK);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(lc->stats.drops[DROP_NO_MBUF], 10);
	assert_null(dp_recv(dp, 0));
	advance(SECOND + TICK);
	expect_request(1);
}

static void
timers_have_a_quota(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 2000; i++)
		set_echo(opened(i, 1), 30, 3);
	lc->now.us += 30 * SECOND + TICK;
	unsigned rounds = 0, fired = 0;
	for (; fired < 2000 && rounds < 100; rounds++) {
		/* Odd and even: the last of a quota goes to a slot in one round, to a node in another. */
		unsigned before = fired, quota = 512 - rounds % 3;
		assert_true(echo_timers(lc, quota) <= quota);
		fired = 0;
		for (uint32_t i = 1; i <= 2000; i++)
			fired += lc->sessions[i].echo_unanswered;
		assert_true(fired - before <= quota);
	}
	assert_int_equal(fired, 2000);
	assert_true(rounds >= 4);
}

static unsigned
fill_ring(void)
{
	unsigned n = 0;
	while (byte_ring_reserve(lc->to_main, DP_MSG_PUNT_ETH, 0, 16, 0)) {
		byte_ring_commit(lc->to_main);
		n++;
	}
	return n;
}

static void
life_cycle_messages_survive_a_full_ring(void **state)
{
	enum { N = 1000 };
	static unsigned closed[N + 1];
	uint64_t h[N + 1];
	(void)state;
	memset(closed, 0, sizeof closed);
	for (uint32_t i = 1; i <= N; i++)
		h[i] = opened(i, i);
	unsigned filled = fill_ring();
	assert_int_equal(lcore_send(lc, DP_MSG_RESOLVE, 0, &(struct dp_resolve){0}, NULL, 0), -EAGAIN);
	for (uint32_t i = 1; i <= N; i++) {
		lc->sessions[i].up_packets = i;
		if (i % 2) /* dead first, and closed before MAIN could hear of it */
			lifecycle_send(lc, &lc->sessions[i], PENDING_DEAD);
		send_message(DP_MSG_SESSION_CLOSE, h[i], NULL, NULL, 0);
	}
	/* The slot is not free before MAIN has read its end. */
	struct dp_session_open o = open_of(1);
	send_message(DP_MSG_SESSION_OPEN, handle_make(0, 1, 2), &o, NULL, 0);
	assert_int_equal(lc->sessions[1].state, SESSION_FREE);
	unsigned got = 0, turns = 0;
	const struct byte_ring_rec *rec;
	while (got < N && turns++ < 100000) {
		lifecycle_flush(lc);
		for (unsigned k = 0; k < 3 && (rec = dp_recv(dp, 0)); k++) { /* MAIN is slow */
			if (rec->type != DP_MSG_PUNT_ETH) {
				uint32_t i = handle_index(rec->handle);
				assert_int_equal(rec->type, DP_MSG_SESSION_CLOSED);
				assert_true(rec->handle == h[i]);
				assert_int_equal(((const struct dp_counters *)(const void *)rec->payload)->up_packets,
						 i);
				assert_int_equal(closed[i]++, 0);
				got++;
			}
			dp_recv_done(dp, 0);
		}
	}
	assert_int_equal(got, N);
	assert_true(filled > 1000);
	assert_int_equal(lc->pending_first, SLOT_NONE);
	lifecycle_flush(lc);
	assert_null(dp_recv(dp, 0));
	opened(1, 2);
}

static void
dead_waits_for_room_too(void **state)
{
	(void)state;
	uint64_t a = opened(1, 1), b = opened(2, 1);
	fill_ring();
	lifecycle_send(lc, &lc->sessions[2], PENDING_DEAD);
	lifecycle_send(lc, &lc->sessions[1], PENDING_DEAD);
	while (dp_recv(dp, 0))
		dp_recv_done(dp, 0);
	lifecycle_flush(lc);
	expect(DP_MSG_SESSION_DEAD, b); /* in the order in which they died */
	dp_recv_done(dp, 0);
	expect(DP_MSG_SESSION_DEAD, a);
}

static void
a_chain_of_buffers_is_punted_whole(void **state)
{
	(void)state;
	struct rte_mbuf *a = rte_pktmbuf_alloc(lc->pool), *b = rte_pktmbuf_alloc(lc->pool);
	memcpy(rte_pktmbuf_append(a, 5),
	       "\xc0\x21"
	       "abc",
	       5);
	memcpy(rte_pktmbuf_append(b, 4), "defg", 4);
	assert_int_equal(rte_pktmbuf_chain(a, b), 0);
	assert_int_equal(lcore_send_mbuf(lc, DP_MSG_PUNT_PPP, 77, NULL, a, 1), 0);
	const struct byte_ring_rec *rec = expect(DP_MSG_PUNT_PPP, 77);
	assert_int_equal(rec->len, 8);
	assert_memory_equal(rec->payload,
			    "\x21"
			    "abcdefg",
			    8);
	dp_recv_done(dp, 0);
	assert_int_equal(lcore_send_mbuf(lc, DP_MSG_PUNT_PPP, 77, NULL, a, 9), 0); /* nothing is left of it */
	assert_int_equal(dp_recv(dp, 0)->len, 0);
	dp_recv_done(dp, 0);
	assert_int_equal(lcore_send_mbuf(lc, DP_MSG_PUNT_PPP, 77, NULL, a, 10), -EMSGSIZE);
	assert_int_equal(lcore_send(lc, DP_MSG_PUNT_PPP, 77, NULL, NULL, BYTE_RING_MAX + 1), -EMSGSIZE);
	rte_pktmbuf_free(a);
}

/* A turn does it all: what net_null delivers is dropped with a reason, the rest of the turn is counted. */
static void
a_turn_of_the_loop(void **state)
{
	(void)state;
	uint64_t h = opened(5, 1);
	unsigned before = rte_mempool_in_use_count(lc->pool);
	assert_int_equal(dp_send(dp, DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0), 0);
	assert_true(lcore_turn(lc));
	expect(DP_MSG_SESSION_CLOSED, h);
	assert_int_equal(lc->stats.loops, 1);
	assert_int_equal(lc->stats.busy_loops, 1);
	assert_int_equal(lc->stats.stage[STAGE_RX].packets, VEC_MAX);
	uint64_t dropped = 0;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		dropped += lc->stats.drops[i];
	assert_int_equal(dropped, VEC_MAX);
	assert_int_equal(rte_mempool_in_use_count(lc->pool), before);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(name, clean)
	const struct CMUnitTest tests[] = {
		T(every_row_has_its_handler_and_no_other),
		T(messages_have_a_quota),
		T(the_classes_have_their_shares),
		T(a_session_is_opened_set_and_closed_in_two_steps),
		T(what_comes_too_late_changes_nothing),
		T(an_open_that_does_not_fit_is_refused),
		T(tunnels_and_listeners_come_and_go),
		T(a_ppp_frame_gets_its_headers),
		T(frames_of_main_are_sent),
		T(a_device_that_sums_is_left_the_sums),
		T(a_silent_peer_is_asked_and_then_dead),
		T(a_reply_and_data_keep_it_alive),
		T(silence_has_a_limit),
		T(five_probes_a_second_apart),
		T(no_failure_limit_no_death_and_no_interval_no_request),
		T(a_request_that_cannot_be_sent_does_not_count),
		T(timers_have_a_quota),
		T(life_cycle_messages_survive_a_full_ring),
		T(dead_waits_for_room_too),
		T(a_chain_of_buffers_is_punted_whole),
		T(a_turn_of_the_loop),
	};
	return cmocka_run_group_tests(tests, build, stop);
}
