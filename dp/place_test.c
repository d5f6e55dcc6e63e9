/* Placement: two worker cores as the daemon starts them, turned by hand in one thread.  What a peer sends arrives on either
 * and ends on the peer's: a client's TCP stack and hand-built GRE, L2TP and ICMP come in, and what the cores say to MAIN
 * and to the wire is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dp/placement.h>

#include "conn.h"
#include "frame_build.h"
#include "ip4.h"
#include "path.h"
#include "start.h"
#include "start_fixture.h"
#include "state.h"
#include "stream.h"

#define US 0xc0000201u /* 192.0.2.1 */
#define US6 "2001:db8::1"
#define PEER 0xc0000200u /* and the number of a peer */
#define PEERS 2          /* see `peer` */
#define SOCKETS 32       /* connections of one client */
#define PPTP_PORT 1723
#define HTTPS_PORT 443
#define TID 7
#define SID 3

/* Of message.h, whose handlers have the names of frame_build.h's frames. */
unsigned lcore_receive(struct lcore *lc, unsigned quota) ON_LCORE;

static const uint8_t peer_mac[6] = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
static struct dp *dp;
static uint32_t peer[PEERS], adj_nh[PEERS];
static struct tcp *client;
static uint64_t client_drops[DROP_COUNT];

static unsigned
core_of(uint32_t ip4)
{
	const struct placement p = {.peer = addr_from_ip4(ip4), .local = addr_from_ip4(US)};
	return placement_core(&p, 2);
}

/* find_peers: peer[i] is one of core i. */
static void
find_peers(void)
{
	for (unsigned i = 0; i < PEERS; i++) {
		peer[i] = PEER + 2;
		while (core_of(peer[i]) != i)
			peer[i]++;
		const struct addr a = addr_from_ip4(peer[i]);
		int adj = dp_adj_new(dp, 0, &a);
		dp_adj_resolve(dp, (uint32_t)adj, peer_mac);
		adj_nh[i] = nh_make(NH_ADJ, (uint32_t)adj);
		const struct prefix host = {a, 32};
		assert_int_equal(dp_route_set(dp, DP_TABLE_ACCESS, &host, adj_nh[i]), 0);
	}
	assert_int_equal(dp_sub4_set(dp, US, nh_make(NH_LOCAL, 0)), 0);
	for (unsigned i = 0; i < 4; i++) /* route tables are doubled */
		dp_step(dp, mono_add_s(dp->lcores[0]->now, i + 1));
}

static int
build(void **state)
{
	struct dp_start s = fixture_start("net_null0");
	struct tcp_limits l = stream_limits(64, 1023);
	char err[512];
	(void)state;
	s.n_workers = 2;
	s.ifaces[0].core = false;
	s.ifaces[0].n_addrs = 2;
	prefix_parse(US6 "/64", &s.ifaces[0].addrs[1]);
	s.limits.conns = 64;
	s.limits.pptp = true;
	if (dp_build(&s, &dp, err, sizeof err) < 0) {
		fprintf(stderr, "%s\n", err);
		return -1;
	}
	find_peers();
	client = malloc(tcp_bytes(&l));
	struct tcp_start t = {.limits = l, .lcore = 9, .pool = dp->pools[0], .drops = client_drops};
	client = tcp_init(client, &t, dp->lcores[0]->now);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	free(client);
	dp_stop(dp);
	return 0;
}

static void
forget_sent(struct lcore *lc)
{
	rte_pktmbuf_free_bulk(lc->tx[0].m, lc->tx[0].n);
	lc->tx[0].n = 0;
}

static void
tell(unsigned core, enum dp_msg type, uint64_t handle, const void *payload)
{
	assert_int_equal(dp_send(dp, type, handle, payload, NULL, 0), 0);
	assert_int_equal(lcore_receive(dp->lcores[core], 64), 1);
}

static void
listen_on(uint8_t proto, uint16_t port, uint8_t stream)
{
	const struct dp_listen l = {
		.addr = addr_from_ip4(US), .port = port, .ip_proto = proto, .on = 1, .stream = stream};
	for (unsigned core = 0; core < 2; core++)
		tell(core, DP_MSG_LISTEN_SET, handle_core(core), &l);
}

/* clean: listeners as cp sets them, nothing said, nothing counted. */
static int
clean(void **state)
{
	static bool listening;
	(void)state;
	if (!listening) {
		listen_on(IP4_PROTO_TCP, PPTP_PORT, DP_STREAM_PPTP);
		listen_on(IP4_PROTO_TCP, HTTPS_PORT, DP_STREAM_SSTP);
		listen_on(IP4_PROTO_GRE, 0, 0);
		listen_on(IP4_PROTO_UDP, 1701, 0);
		listening = true;
	}
	for (unsigned core = 0; core < 2; core++) {
		struct lcore *lc = dp->lcores[core];
		while (dp_recv(dp, core))
			dp_recv_done(dp, core);
		forget_sent(lc);
		memset(&lc->stats, 0, sizeof lc->stats);
		lc->now = mono_add_s(lc->now, 100);
	}
	return 0;
}

/* handed_over: what the other core has put into this one's ring. */
static unsigned
handed_over(unsigned core)
{
	struct rte_mbuf *m[VEC_MAX];
	struct vec v;
	v.n = rte_ring_sc_dequeue_burst(dp->lcores[core]->handover_in[1 - core], (void **)m, VEC_MAX, NULL);
	for (unsigned i = 0; i < v.n; i++)
		v.p[i] = (struct pkt){.m = m[i]};
	unsigned n = v.n;
	if (n)
		path_handed_over(dp->lcores[core], &v);
	return n;
}

/* arrives: from the IP header on, from the wire to this core; then either core does what it has to. */
static void
arrives(unsigned core, const void *ip, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pools[core]);
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(14 + len));
	memcpy(p, &dp->ifaces[0].mac, 6);
	memcpy(p + 6, peer_mac, 6);
	put_be16(p + 12, *(const uint8_t *)ip >> 4 == 6 ? 0x86dd : 0x0800);
	memcpy(p + 14, ip, len);
	struct vec v = {.n = 1, .p = {{.m = m}}};
	path_run(dp->lcores[core], &v);
	handed_over(1 - core);
}

static void
frame_arrives(unsigned core, struct frame *f, uint32_t src, uint8_t proto)
{
	frame_ip4(f, (struct frame_ip4){.src = src, .dst = US, .proto = proto, .ttl = 64, .id = 1});
	arrives(core, f->p, frame_len(f));
}

static uint64_t
drops(unsigned core)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		sum += dp->lcores[core]->stats.drops[i];
	return sum;
}

/* said: the one message of the owner, the other core says nothing; its handle. */
static uint64_t
said(unsigned owner, enum dp_msg type)
{
	const struct byte_ring_rec *rec = dp_recv(dp, owner);
	assert_null(dp_recv(dp, 1 - owner));
	assert_non_null(rec);
	assert_int_equal(rec->type, type);
	uint64_t handle = rec->handle;
	dp_recv_done(dp, owner);
	assert_null(dp_recv(dp, owner));
	return handle;
}

/* --- the hash ---------------------------------------------------------------------------------------------------- */

/* Microsoft, "Verifying the RSS Hash Calculation": addresses alone, and with ports. */
static const struct {
	const char *src, *dst;
	uint16_t src_port, dst_port;
	uint32_t alone, with_ports;
} vectors[] = {
	{"66.9.149.187", "161.142.100.80", 2794, 1766, 0x323e8fc2, 0x51ccc178},
	{"199.92.111.2", "65.69.140.83", 14230, 4739, 0xd718262a, 0xc626b0ea},
	{"24.19.198.95", "12.22.207.184", 12898, 38024, 0xd2d0a5de, 0x5c2b394a},
	{"38.27.205.30", "209.142.163.6", 48228, 2217, 0x82989176, 0xafc7327f},
	{"153.39.163.191", "202.188.127.2", 44251, 1303, 0x5d1809c5, 0x10e828a2},
	{"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x2cc18cd5, 0x40207d3d},
	{"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0x0f0c461c, 0xdde51bbf},
	{"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024, 0x4b61e985, 0x02d1feef},
};

static void
hashes_as_devices_do(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(vectors); i++) {
		struct placement p = {0};
		assert_true(addr_parse(vectors[i].src, &p.peer) && addr_parse(vectors[i].dst, &p.local));
		assert_int_equal(placement_hash(&p), vectors[i].alone);
		p.peer_port = vectors[i].src_port;
		p.local_port = vectors[i].dst_port;
		assert_int_equal(placement_hash(&p), vectors[i].with_ports);
	}
}

/* Of a network's addresses no core has much more than its share; with one core there is one answer. */
static void
spreads_peers(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 8; n++) {
		unsigned count[8] = {0};
		for (uint32_t i = 0; i < 4096; i++) {
			const struct placement p = {.peer = addr_from_ip4(0x0a4d0000 + i), .local = addr_from_ip4(US)};
			count[placement_core(&p, n)]++;
		}
		for (unsigned core = 0; core < n; core++)
			assert_in_range(count[core], 4096 / n * 7 / 8, 4096 / n * 9 / 8);
	}
}

/* --- PPTP -------------------------------------------------------------------------------------------------------- */

/* client_turn: a millisecond: what the client has to say arrives on this core, what the cores say reaches the client. */
static void
client_turn(unsigned core)
{
	struct tcp_out out[VEC_MAX];
	struct tcp_in in[VEC_MAX];
	struct tcp_burst b;
	unsigned n = tcp_output(client, out, VEC_MAX), back = 0;
	for (unsigned i = 0; i < n; i++) {
		arrives(core, rte_pktmbuf_mtod(out[i].m, void *), out[i].m->pkt_len);
		rte_pktmbuf_free(out[i].m);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct tx_queue *q = &dp->lcores[i]->tx[0];
		dp->lcores[i]->now = mono_add_ms(dp->lcores[i]->now, 1);
		path_streams(dp->lcores[i]);
		for (unsigned k = 0; k < q->n && back < VEC_MAX; k++) {
			struct rte_mbuf *m = rte_pktmbuf_copy(q->m[k], dp->pools[0], 14, UINT32_MAX);
			in[back++] = (struct tcp_in){m, 20, 0};
		}
		forget_sent(dp->lcores[i]);
	}
	tcp_now(client, dp->lcores[0]->now);
	tcp_rx(client, in, back, &b);
	tcp_timers(client, 512);
}

static uint64_t
client_connects(uint32_t from, uint16_t port)
{
	struct tcp_connect w = {.local = addr_from_ip4(from), .peer = addr_from_ip4(US), .peer_port = port};
	uint64_t conn;
	tcp_now(client, dp->lcores[0]->now);
	assert_int_equal(tcp_connect(client, &w, &conn), 0);
	return conn;
}

/* The three segments of the opening and the first words arrive on one core or the other: the connection is the owner's. */
static void
control_connection(unsigned owner, unsigned core)
{
	uint64_t conn = client_connects(peer[owner], PPTP_PORT);
	for (unsigned i = 0; i < 8 && !dp_recv(dp, owner); i++)
		client_turn(core);
	uint64_t handle = said(owner, DP_MSG_CONN_OPEN);
	assert_int_equal(handle_lcore(handle), owner);
	assert_int_equal(tcp_push(client, conn, (const uint8_t *)"start", 5), 5);
	for (unsigned i = 0; i < 8 && !dp_recv(dp, owner); i++)
		client_turn(core);
	assert_true(said(owner, DP_MSG_STREAM_IN) == handle);
	tcp_abort(client, conn);
	for (unsigned i = 0; i < 8 && !dp_recv(dp, owner); i++)
		client_turn(core);
	assert_true(said(owner, DP_MSG_CONN_GONE) == handle);
}

/* A control frame in GRE is the owner's to say; the other core has no such call. */
static void
call_of_the_peer(unsigned owner, unsigned core)
{
	static uint32_t generation = 1;
	const uint8_t terminate[] = {5, 1, 0, 4};
	const uint64_t handle = handle_make(owner, SID, generation++);
	const struct dp_session_open open = {
		.bearer = DP_BEARER_PPTP,
		.local = addr_from_ip4(US),
		.peer = addr_from_ip4(peer[owner]),
		.our_sid = SID,
		.peer_sid = 100,
		.nh = adj_nh[owner],
		.gre_window = 8,
		.gre_patience_ms = 50,
	};
	struct frame f;
	tell(owner, DP_MSG_SESSION_OPEN, handle, &open);
	frame_bytes(&f, terminate, sizeof terminate);
	frame_ppp(&f, 0xc021, false, false);
	frame_gre(&f, (struct frame_gre){.call_id = SID, .seq = 0});
	frame_arrives(core, &f, peer[owner], IP4_PROTO_GRE);
	assert_true(said(owner, DP_MSG_PUNT_PPP) == handle);
	tell(owner, DP_MSG_SESSION_CLOSE, handle, NULL);
	assert_true(said(owner, DP_MSG_SESSION_CLOSED) == handle);
}

static void
pptp_meets_on_the_peers_core(void **state)
{
	(void)state;
	for (unsigned owner = 0; owner < 2; owner++)
		for (unsigned core = 0; core < 2; core++) {
			control_connection(owner, core);
			call_of_the_peer(owner, core);
			assert_int_equal(drops(0) + drops(1), 0);
			assert_int_equal(dp->lcores[1 - owner]->stats.stage[STAGE_TCP_UP].packets, 0);
			assert_int_equal(dp->lcores[1 - owner]->stats.stage[STAGE_GRE_UP].packets, 0);
			clean(NULL);
		}
}

/* --- the other tunnels ------------------------------------------------------------------------------------------- */

static void
l2tp_meets_on_the_peers_core(void **state)
{
	struct frame f;
	(void)state;
	for (unsigned owner = 0; owner < 2; owner++)
		for (unsigned core = 0; core < 2; core++) {
			frame_payload(&f, 0);
			frame_l2tp(&f, (struct frame_l2tp){.tid = 0, .sid = 0, .length = true, .control = true});
			frame_udp(&f, 1701, 1701);
			frame_arrives(core, &f, peer[owner], IP4_PROTO_UDP);
			said(owner, DP_MSG_PUNT_UDP);
			assert_int_equal(drops(0) + drops(1), 0);
		}
}

/* One address, many connections: they are on both cores, and each on one, wherever its segments arrive. */
static void
sstp_is_spread_by_ports(void **state)
{
	uint64_t conn[SOCKETS];
	unsigned opened[2] = {0};
	(void)state;
	for (unsigned i = 0; i < SOCKETS; i++)
		conn[i] = client_connects(peer[0], HTTPS_PORT);
	for (unsigned turn = 0; turn < 16; turn++)
		client_turn(turn % 2);
	for (unsigned core = 0; core < 2; core++)
		for (const struct byte_ring_rec *rec; (rec = dp_recv(dp, core)); dp_recv_done(dp, core)) {
			assert_int_equal(rec->type, DP_MSG_CONN_OPEN);
			opened[core]++;
		}
	assert_int_equal(opened[0] + opened[1], SOCKETS);
	assert_true(opened[0] && opened[1]);
	assert_int_equal(drops(0) + drops(1), 0);
	for (unsigned i = 0; i < SOCKETS; i++)
		tcp_abort(client, conn[i]);
	for (unsigned turn = 0; turn < 16; turn++)
		client_turn(turn % 2);
}

/* --- what else there is ------------------------------------------------------------------------------------------ */

static void
ping_is_answered_where_it_arrives(void **state)
{
	struct frame f;
	(void)state;
	for (unsigned i = 0; i < PEERS; i++)
		for (unsigned core = 0; core < 2; core++) {
			frame_payload(&f, 56);
			frame_icmp(&f, 8, 0, 1);
			frame_arrives(core, &f, peer[i], IP4_PROTO_ICMP);
			assert_int_equal(dp->lcores[core]->tx[0].n, 1);
			assert_int_equal(dp->lcores[1 - core]->tx[0].n, 0);
			forget_sent(dp->lcores[core]);
		}
}

/* error_finds: the error that f is, on either core, is at the owner's LOCAL, and there alone; TCP there has no such connection. */
static void
error_finds(unsigned owner, const struct frame *f)
{
	for (unsigned core = 0; core < 2; core++) {
		uint64_t before = dp->lcores[owner]->stats.stage[STAGE_LOCAL].packets;
		uint64_t others = dp->lcores[1 - owner]->stats.stage[STAGE_LOCAL].packets;
		uint64_t heard = dp->lcores[owner]->stats.drops[DROP_TCP_QUOTE_CONN];
		arrives(core, f->p, frame_len(f));
		assert_int_equal(dp->lcores[owner]->stats.stage[STAGE_LOCAL].packets, before + 1);
		assert_int_equal(dp->lcores[1 - owner]->stats.stage[STAGE_LOCAL].packets, others);
		assert_int_equal(dp->lcores[owner]->stats.drops[DROP_TCP_QUOTE_CONN], heard + 1);
	}
}

/* An error is about what we have sent: it goes to the core of the connection that it quotes. */
static void
errors_find_the_connection(void **state)
{
	struct frame f;
	(void)state;
	for (unsigned owner = 0; owner < 2; owner++) {
		const uint8_t ports[8] = {PPTP_PORT >> 8, PPTP_PORT & 0xff, 0xc0, 0};
		frame_bytes(&f, ports, sizeof ports);
		frame_ip4(&f, (struct frame_ip4){.src = US, .dst = peer[owner], .proto = IP4_PROTO_TCP, .ttl = 9});
		frame_icmp(&f, 3, 4, 1400);
		frame_ip4(&f, (struct frame_ip4){.src = 0x08080808, .dst = US, .proto = IP4_PROTO_ICMP, .ttl = 64});
		error_finds(owner, &f);
	}
}

/* Of IPv6 likewise: Packet Too Big and Destination Unreachable, from a router that is no peer. */
static void
errors_find_the_connection_of_ip6(void **state)
{
	struct placement to = {.peer_port = 0xc000, .local_port = HTTPS_PORT};
	struct frame_ip6 ours = {.next = 6, .hop_limit = 9}, error = {.next = 58, .hop_limit = 64};
	unsigned found[2] = {0};
	struct addr router;
	struct frame f;
	(void)state;
	assert_true(addr_parse(US6, &to.local) && addr_parse("2001:db8:ffff::1", &router));
	memcpy(ours.src, to.local.b, 16);
	memcpy(error.dst, to.local.b, 16);
	memcpy(error.src, router.b, 16);
	for (uint8_t host = 2; host < 32; host++) {
		const uint8_t ports[8] = {HTTPS_PORT >> 8, HTTPS_PORT & 0xff, 0xc0, 0};
		to.peer = to.local;
		to.peer.b[15] = host;
		memcpy(ours.dst, to.peer.b, 16);
		frame_bytes(&f, ports, sizeof ports);
		frame_ip6(&f, &ours);
		frame_icmp(&f, host % 2 ? 1 : 2, 0, 1400);
		frame_checksum6(&f, &error, 58, 2);
		frame_ip6(&f, &error);
		unsigned owner = placement_core(&to, 2);
		found[owner]++;
		error_finds(owner, &f);
	}
	assert_true(found[0] && found[1]);
}

static void
a_full_ring_is_counted(void **state)
{
	struct lcore *lc = dp->lcores[0];
	struct frame f;
	unsigned room = rte_ring_free_count(lc->handover_out[1]), n = 0;
	(void)state;
	frame_payload(&f, 8);
	frame_gre(&f, (struct frame_gre){.call_id = SID, .seq = 0});
	frame_ip4(&f, (struct frame_ip4){.src = peer[1], .dst = US, .proto = IP4_PROTO_GRE, .ttl = 64});
	frame_eth(&f, (const uint8_t *)&dp->ifaces[0].mac, peer_mac, 0, 0x0800);
	for (unsigned i = 0; i < room + 3; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pools[0]);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)frame_len(&f)), f.p, frame_len(&f));
		struct vec v = {.n = 1, .p = {{.m = m}}};
		path_run(lc, &v);
	}
	assert_int_equal(lc->stats.drops[DROP_HANDOVER_FULL], 3);
	for (unsigned got; (got = handed_over(1)); n += got)
		;
	assert_int_equal(n, room);
	assert_int_equal(dp->lcores[1]->stats.drops[DROP_GRE_CALL], room);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_as_devices_do),
		cmocka_unit_test(spreads_peers),
		cmocka_unit_test_setup(pptp_meets_on_the_peers_core, clean),
		cmocka_unit_test_setup(l2tp_meets_on_the_peers_core, clean),
		cmocka_unit_test_setup(sstp_is_spread_by_ports, clean),
		cmocka_unit_test_setup(ping_is_answered_where_it_arrives, clean),
		cmocka_unit_test_setup(errors_find_the_connection, clean),
		cmocka_unit_test_setup(errors_find_the_connection_of_ip6, clean),
		cmocka_unit_test_setup(a_full_ring_is_counted, clean),
	};
	return cmocka_run_group_tests(tests, build, stop);
}
