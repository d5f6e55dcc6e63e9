/* TCP through the whole path: a stack of ours as the client at the LAC's place, the echo listener in the worker core. */
#include "eth.h"
#include "path_frames.h"
#include "stream.h"

#include <rte_ip.h>

static struct tcp *client;
static unsigned by_device;
static uint64_t client_drops[DROP_COUNT];
static struct {
	uint64_t conn;
	unsigned opened, sent, received, fin, gone, why;
} c;

/* Where the client is: beside the LAC, or on the interface with a tag. */
static const struct {
	const char *client, *worker;
	enum bed_iface iface;
	enum bed_adj adj;
	uint16_t vlan;
} places[2][2] = {
	{{"10.77.0.1", "10.77.0.2", BED_ACCESS, BED_ADJ_LAC, 0},
	 {"10.77.7.1", "10.77.7.2", BED_TAGGED, BED_ADJ_TAGGED, 7}},
	{{BED_LAC6, BED_LNS6, BED_ACCESS, BED_ADJ_LAC6, 0}, {"fd77:7::1", "fd77:7::2", BED_TAGGED, BED_ADJ_TAGGED6, 7}},
};
static bool tagged;

static uint8_t
octet(unsigned at)
{
	return (uint8_t)(at * 31 + at / 253);
}

/* settle: both stacks as after the start, on addresses of one family. */
static void
settle(bool six)
{
	static void *memory[2];
	struct lcore *lc = bed.lc;
	struct tcp_limits l = stream_limits(64, lc->pool->size);
	struct tcp_start s = {.limits = l, .lcore = 9, .pool = lc->pool, .drops = client_drops};
	lc->n_conns = 64;
	for (unsigned i = 0; i < 2; i++)
		if (!memory[i])
			memory[i] = bed_memory(tcp_bytes(&l));
	stream_init(lc, memory[0]);
	client = tcp_init(memory[1], &s, lc->now);
	memset(&c, 0, sizeof c);
	struct dp_listen listen = {.ip_proto = 6, .port = 7, .on = 1, .stream = DP_STREAM_ECHO};
	listen.addr = six ? bed_addr("::") : addr_from_ip4(0);
	assert_true(stream_listen(lc, &listen));
	struct tcp_connect w = {.local = bed_addr(places[six][tagged].client),
				.peer = bed_addr(places[six][tagged].worker),
				.peer_port = 7};
	assert_int_equal(tcp_connect(client, &w, &c.conn), 0);
}

static void
client_sends(void)
{
	struct tcp_out out[VEC_MAX];
	struct vec v;
	v.n = tcp_output(client, out, VEC_MAX);
	for (unsigned i = 0; i < v.n; i++) {
		bool six = *rte_pktmbuf_mtod(out[i].m, uint8_t *) >> 4 == 6;
		uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(out[i].m, tagged ? 18 : 14);
		memcpy(eth, bed_mac(places[six][tagged].iface), 6);
		memcpy(eth + 6, bed_neighbour_mac(places[six][tagged].adj), 6);
		if (tagged)
			put_be32(eth + 12, 0x81000000u | places[six][tagged].vlan);
		put_be16(eth + (tagged ? 16 : 12), six ? 0x86dd : 0x0800);
		/* As it comes off a wire: in a buffer of its own. */
		v.p[i] = (struct pkt){.m = rte_pktmbuf_copy(out[i].m, bed.lc->pool, 0, UINT32_MAX)};
		rte_pktmbuf_free(out[i].m);
	}
	if (v.n)
		path_run(bed.lc, &v);
}

/* device: what a port does that was asked to: sums from the TCP header on, with what it finds in the field. */
static void
device(const struct rte_mbuf *asked, struct rte_mbuf *m)
{
	if ((asked->ol_flags & RTE_MBUF_F_TX_L4_MASK) != RTE_MBUF_F_TX_TCP_CKSUM)
		return;
	bool six = asked->ol_flags & RTE_MBUF_F_TX_IPV6;
	assert_int_equal(asked->l2_len, tagged ? 18 : 14);
	assert_int_equal(asked->l3_len, six ? 40 : 20);
	assert_true(six || asked->ol_flags & RTE_MBUF_F_TX_IPV4);
	uint8_t *tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, asked->l2_len + asked->l3_len);
	uint16_t sum = (uint16_t)~rte_raw_cksum(tcp, m->pkt_len - asked->l2_len - asked->l3_len);
	memcpy(tcp + 16, &sum, 2);
	by_device++;
}

static void
client_hears(void)
{
	struct tcp_in in[VEC_MAX * 2];
	struct tcp_burst b;
	struct tcp_event ev[4];
	struct tx_queue *q = &bed.lc->tx[0];
	unsigned n = 0;
	for (unsigned i = 0; i < q->n && n < TCP_BURST; i++) {
		struct rte_mbuf *m = rte_pktmbuf_copy(q->m[i], bed.lc->pool, 0, UINT32_MAX);
		const uint8_t *eth = rte_pktmbuf_mtod(m, uint8_t *);
		device(q->m[i], m);
		bool six = be16(eth + (tagged ? 16 : 12)) == 0x86dd;
		assert_memory_equal(eth, bed_neighbour_mac(places[six][tagged].adj), 6);
		if (tagged)
			assert_int_equal(be32(eth + 12), 0x81000000u | places[six][tagged].vlan);
		rte_pktmbuf_adj(m, tagged ? 18 : 14);
		in[n++] = (struct tcp_in){m, six ? 40 : 20, 0};
	}
	rte_pktmbuf_free_bulk(q->m, q->n);
	q->n = 0;
	tcp_rx(client, in, n, &b);
	c.opened += b.n_opened;
	for (unsigned i = 0; i < b.n_data; i++) {
		for (const struct rte_mbuf *m = b.data[i].m; m; m = m->next)
			for (unsigned k = 0; k < m->data_len; k++)
				assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, k), octet(c.received++));
		tcp_consumed(client, b.data[i].conn, b.data[i].len);
		rte_pktmbuf_free(b.data[i].m);
	}
	n = tcp_events(client, ev, 4);
	for (unsigned i = 0; i < n; i++) {
		c.fin += ev[i].what & TCP_FIN ? 1 : 0;
		c.gone += ev[i].what & TCP_GONE ? 1 : 0;
		c.why = ev[i].gone;
	}
}

/* turn: a millisecond. */
static void
turn(unsigned all)
{
	bed.lc->now = mono_add_ms(bed.lc->now, 1);
	tcp_now(client, bed.lc->now);
	tcp_timers(client, 512);
	while (c.opened && c.sent < all) {
		uint8_t some[512];
		unsigned n = all - c.sent < sizeof some ? all - c.sent : sizeof some;
		for (unsigned i = 0; i < n; i++)
			some[i] = octet(c.sent + i);
		int took = tcp_push(client, c.conn, some, n);
		if (took <= 0)
			break;
		c.sent += (unsigned)took;
	}
	client_sends();
	path_streams(bed.lc);
	client_hears();
}

static void
echo(bool six, unsigned all)
{
	settle(six);
	for (unsigned ms = 0; ms < 5000 && c.received < all; ms++)
		turn(all);
	assert_int_equal(c.opened, 1);
	assert_int_equal(c.received, all);
	tcp_shutdown(client, c.conn);
	for (unsigned ms = 0; ms < 100 && !c.gone; ms++)
		turn(all);
	turn(all); /* the last ACK */
	assert_int_equal(c.fin, 1);
	assert_int_equal(c.why, TCP_GONE_CLOSED);
	struct tcp_use u;
	tcp_use(bed.lc->tcp, &u);
	assert_int_equal(u.conns, 0);
	assert_int_equal(bed_drops(), 0);
	assert_true(bed.lc->stats.stage[STAGE_TCP_UP].packets > all / 1460);
	assert_true(bed.lc->stats.stage[STAGE_TCP_OUT].packets > all / 1460);
	tcp_fini(client);
	tcp_fini(bed.lc->tcp);
	bed.lc->tcp = NULL;
}

static void
echo_ip4(void **state)
{
	(void)state;
	echo(false, 300000);
}

static void
echo_ip6(void **state)
{
	(void)state;
	echo(true, 300000);
}

/* On an interface with a tag: in and out with it, for both families. */
static void
echo_tagged(void **state)
{
	(void)state;
	tagged = true;
	echo(false, 100000);
	echo(true, 100000);
	tagged = false;
}

/* The port sums, of both families; not if one of the ports cannot. */
static void
checksum_by_device(void **state)
{
	bool *can = bed.lc->port_tx_tcp_checksum;
	(void)state;
	by_device = 0;
	can[0] = can[2] = true;
	echo(false, 30000);
	assert_int_equal(by_device, 0);
	can[1] = true;
	echo(false, 300000);
	assert_in_range(by_device, 200, 1000);
	echo(true, 300000);
	assert_in_range(by_device, 400, 2000);
	tagged = true;
	echo(false, 30000);
	tagged = false;
	can[0] = can[1] = can[2] = false;
}

/* What asks for the sum of UDP has both bits of the field, TCP's among them, and brings its own lengths. */
static void
sum_of_udp(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
	(void)state;
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = 77;
	assert_true(eth_prepend_ip(m, &bed.lc->ifaces[BED_ACCESS], 0));
	assert_int_equal(m->l2_len, 77);
	rte_pktmbuf_free(m);
}

/* Nobody listens: RST; from the core side: nothing at all. */
static void
refused(void **state)
{
	(void)state;
	settle(false);
	struct dp_listen listen = {.ip_proto = 6, .port = 7, .stream = DP_STREAM_ECHO, .addr = addr_from_ip4(0)};
	assert_true(stream_listen(bed.lc, &listen));
	for (unsigned ms = 0; ms < 20 && !c.gone; ms++)
		turn(0);
	assert_int_equal(c.why, TCP_GONE_REFUSED);
	expect_drop(DROP_TCP_PORT);
	tcp_fini(client);
	tcp_fini(bed.lc->tcp);
	bed.lc->tcp = NULL;
}

/* in_flight: the connection is open, and the worker has a segment in flight that the client does not acknowledge: it is the
 * last in tx[0].  Its octets from the IP header on. */
static const uint8_t *
in_flight(bool six)
{
	uint8_t some[1400];
	settle(six);
	for (unsigned ms = 0; ms < 50 && !c.opened; ms++)
		turn(0);
	while (c.received < 3000)
		turn(3000);
	for (unsigned i = 0; i < sizeof some; i++)
		some[i] = octet(c.sent + i);
	tcp_push(client, c.conn, some, sizeof some);
	client_sends();
	path_streams(bed.lc);
	const struct tx_queue *q = &bed.lc->tx[0];
	assert_true(q->n > 0);
	return rte_pktmbuf_mtod_offset(q->m[q->n - 1], const uint8_t *, 14);
}

static void
over(void)
{
	struct tx_queue *q = &bed.lc->tx[0];
	rte_pktmbuf_free_bulk(q->m, q->n);
	q->n = 0;
	tcp_fini(client);
	tcp_fini(bed.lc->tcp);
	bed.lc->tcp = NULL;
}

static uint64_t
lowered(void)
{
	return tcp_stats(bed.lc->tcp)[TCP_STAT_PMTU_LOWERED];
}

/* error4, error6: a router's, that quotes n octets. */
static void
error4_on(unsigned port, const uint8_t *quoted, unsigned n, uint8_t type, uint8_t code, uint32_t rest)
{
	struct frame f;
	frame_bytes(&f, quoted, n);
	frame_icmp(&f, type, code, rest);
	frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 1, .ttl = 64});
	frame_eth(&f, bed_mac(port ? BED_CORE : BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), port ? 100 : 0, 0x0800);
	bed_rx(port, &f);
}

static void
error4(const uint8_t *quoted, unsigned n, uint8_t type, uint8_t code, uint32_t rest)
{
	error4_on(0, quoted, n, type, code, rest);
}

static void
error6(const uint8_t *quoted, unsigned n, uint8_t type, uint8_t code, uint32_t rest)
{
	struct frame_ip6 h = between6("2001:db8:2::1", BED_LNS6, 58, 64);
	struct frame f;
	frame_bytes(&f, quoted, n);
	frame_icmp(&f, type, code, rest);
	frame_checksum6(&f, &h, 58, 2);
	frame_ip6(&f, &h);
	access6_rx(&f);
	bed_rx(0, &f);
}

/* RFC 1191 through the path: an ICMP error that quotes a segment in flight. */
static void
too_big(void **state)
{
	const uint8_t *ip = in_flight(false);
	(void)state;
	error4_on(1, ip, 28, 3, 4, 1200); /* no router on the way to a tunnel peer is there */
	expect_drop(DROP_ICMP_UNHANDLED);
	assert_int_equal(lowered(), 0);
	error4(ip, 28, 3, 4, 1200);
	assert_int_equal(lowered(), 1);
	error4(ip, 28, 3, 1, 0); /* soft */
	assert_int_equal(bed_drops(), 1);
	over();
}

/* RFC 8201 through the path.  The MTU has 32 bits: more of it than any link has says nothing, less than 1280 is refused. */
static void
too_big_ip6(void **state)
{
	const uint8_t *ip = in_flight(true);
	(void)state;
	error6(ip, 48, 2, 0, 0x00010000 + 1300);
	error6(ip, 48, 2, 0, 1279);
	error6(ip, 48, 2, 0, 0);
	assert_int_equal(lowered(), 0);
	assert_int_equal(bed.lc->stats.drops[DROP_TCP_QUOTE_MTU], 2);
	error6(ip, 48, 2, 0, 1300);
	assert_int_equal(lowered(), 1);
	assert_int_equal(bed_drops(), 2);
	over();
}

/* RFC 5927 4.1: what is not in flight is nobody's; neither is what no TCP of ours has sent, or what is cut or damaged. */
static void
too_big_forged(void **state)
{
	uint8_t quoted[64];
	memcpy(quoted, in_flight(true), sizeof quoted);
	(void)state;
	quoted[44] ^= 0x40;
	error6(quoted, 48, 2, 0, 1300);
	quoted[44] ^= 0x40;
	assert_int_equal(bed.lc->stats.drops[DROP_TCP_QUOTE_SEQ], 1);
	quoted[42] ^= 1;
	error6(quoted, 48, 2, 0, 1300);
	quoted[42] ^= 1;
	assert_int_equal(bed.lc->stats.drops[DROP_TCP_QUOTE_CONN], 1);
	error6(quoted, 47, 2, 0, 1300);
	error6(quoted, 48, 3, 0, 1300); /* time exceeded */
	quoted[6] = 17;
	error6(quoted, 48, 2, 0, 1300);
	quoted[6] = 6;
	quoted[0] = 0x45;
	error6(quoted, 48, 2, 0, 1300);
	quoted[0] = 0x60;
	assert_int_equal(bed.lc->stats.drops[DROP_ICMP6_UNHANDLED], 4);
	assert_int_equal(bed_drops(), 6);
	assert_int_equal(lowered(), 0);
	error6(quoted, 48, 2, 0, 1300);
	assert_int_equal(lowered(), 1);
	over();
}

/* A quoted IPv4-mapped address is not a connection of IPv4. */
static void
too_big_mapped(void **state)
{
	uint8_t quoted[48] = {0x60};
	const uint8_t *ip = in_flight(false);
	(void)state;
	quoted[6] = 6;
	memset(quoted + 18, 0xff, 2);
	memcpy(quoted + 20, ip + 12, 4);
	memset(quoted + 34, 0xff, 2);
	memcpy(quoted + 36, ip + 16, 4);
	memcpy(quoted + 40, ip + 20, 8);
	error6(quoted, 48, 2, 0, 1300);
	assert_int_equal(lowered(), 0);
	expect_drop(DROP_ICMP6_UNHANDLED);
	over();
}

static void
damaged(bool six)
{
	struct frame_ip6 h = between6("2001:db8:2::1", BED_LNS6, 58, 64);
	struct frame f;
	const uint8_t *ip = in_flight(six);
	frame_bytes(&f, ip, six ? 48 : 28);
	frame_icmp(&f, six ? 2 : 3, six ? 0 : 4, 1300);
	f.p[2] ^= 1;
	if (six) {
		frame_ip6(&f, &h);
		access6_rx(&f);
	} else {
		frame_ip4(&f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 1, .ttl = 64});
		frame_eth(&f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	}
	bed_rx(0, &f);
	assert_int_equal(lowered(), 0);
	expect_drop(six ? DROP_ICMP6_UNHANDLED : DROP_ICMP_UNHANDLED);
	over();
}

static void
damaged_ip4(void **state)
{
	(void)state;
	damaged(false);
}

static void
damaged_ip6(void **state)
{
	(void)state;
	damaged(true);
}

/* RFC 9293 3.9.2.2, RFC 5461: an open connection lives; a SYN of ours is answered by it. */
static void
unreachable_ip6(void **state)
{
	const uint8_t *ip = in_flight(true);
	struct tcp_info i;
	struct tcp_event ev[2];
	struct tcp_connect w = {.local = bed_addr(BED_LNS6), .peer = bed_addr(BED_LAC6), .peer_port = 99};
	uint64_t conn;
	struct tx_queue *q = &bed.lc->tx[0];
	(void)state;
	error6(ip, 48, 1, 0, 0);
	error6(ip, 48, 1, 4, 0);
	for (unsigned ms = 0; ms < 20; ms++)
		turn(3000);
	assert_true(tcp_info(client, c.conn, &i));
	assert_string_equal(i.state, "ESTABLISHED");
	assert_int_equal(tcp_connect(bed.lc->tcp, &w, &conn), 0);
	path_streams(bed.lc);
	error6(rte_pktmbuf_mtod_offset(q->m[q->n - 1], const uint8_t *, 14), 48, 1, 0, 0);
	assert_int_equal(tcp_events(bed.lc->tcp, ev, 2), 1);
	assert_int_equal(ev[0].gone, TCP_GONE_UNREACHABLE);
	over();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(echo_ip4),           PATH_TEST(echo_ip6),       PATH_TEST(echo_tagged),
		PATH_TEST(checksum_by_device), PATH_TEST(refused),        PATH_TEST(too_big),
		PATH_TEST(too_big_ip6),        PATH_TEST(too_big_forged), PATH_TEST(too_big_mapped),
		PATH_TEST(damaged_ip4),        PATH_TEST(damaged_ip6),    PATH_TEST(unreachable_ip6),
		PATH_TEST(sum_of_udp),
	};
	bed_start_small();
	bed_route(DP_TABLE_ACCESS, 0x0a4d0700, 24, nh_make(NH_ADJ, BED_ADJ_TAGGED));
	bed_route6(DP_TABLE_ACCESS, "fd77:7::/64", nh_make(NH_ADJ, BED_ADJ_TAGGED6));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
