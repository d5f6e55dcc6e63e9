/* Every reason for which TCP gives a packet up is met, here and by itself; the parser at its edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_ip.h>

#include "sim.h"

static struct {
	struct tcp *t;
	struct mono now;
	uint64_t drops[DROP_COUNT];
	uint64_t conn;
	uint32_t iss; /* of ours, as the last answer said */
	bool seen[DROP_COUNT];
	struct tcp_burst burst;
} d;

/* What a segment of the peer says. */
struct said {
	uint8_t flags;
	uint32_t seq, ack;
	unsigned len, hdr_len, cut;
	uint16_t port, peer_port;
	bool bad_sum;
	uint32_t tsval;
};

static void
start(struct tcp_limits l)
{
	struct tcp_start s = {.limits = l, .pool = sim_pool, .drops = d.drops};
	struct addr any = addr_from_ip4(0);
	memset(d.drops, 0, sizeof d.drops);
	d.now.us = 5000000;
	d.t = tcp_init(aligned_alloc(64, tcp_bytes(&l)), &s, d.now);
	assert_int_equal(tcp_listen(d.t, &any, 443, 0), 0);
}

static void
stop(void)
{
	tcp_fini(d.t);
	free(d.t);
	assert_int_equal(rte_mempool_avail_count(sim_pool), sim_pool->size);
}

static void
take_answers(void)
{
	struct tcp_out out[64];
	struct segment g;
	for (unsigned n; (n = tcp_output(d.t, out, 64));)
		for (unsigned i = 0; i < n; i++) {
			assert_true(sim_parse(out[i].m, &g));
			if (g.h.flags & TCP_F_SYN)
				d.iss = g.h.seq;
			rte_pktmbuf_free(out[i].m);
		}
}

static void
send_quietly(const struct said *w)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
	struct tcp_tuple id = {.local = addr_from_ip4(0x0a000001), .peer = addr_from_ip4(0x0a000002)};
	memset(rte_pktmbuf_append(m, (uint16_t)w->len), 'x', w->len);
	id.local_port = w->peer_port ? w->peer_port : 1000;
	id.peer_port = w->port ? w->port : 443;
	struct tcp_emit e = {.id = &id, .seq = w->seq, .ack = w->ack, .flags = w->flags, .wnd = 1000};
	e.opt.ts = w->tsval;
	e.opt.tsval = w->tsval;
	tcp_emit(d.t, m, &e);
	uint8_t *tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, 20);
	if (w->hdr_len)
		tcp[12] = (uint8_t)(w->hdr_len << 2);
	tcp[16] ^= w->bad_sum;
	if (w->cut)
		m->data_len = m->pkt_len = (uint16_t)w->cut;
	struct tcp_in in = {m, 20, 0};
	tcp_rx(d.t, &in, 1, &d.burst);
	for (unsigned i = 0; i < d.burst.n_opened; i++)
		d.conn = d.burst.opened[i].conn;
	for (unsigned i = 0; i < d.burst.n_data; i++)
		rte_pktmbuf_free(d.burst.data[i].m);
}

static void
say(struct said w)
{
	send_quietly(&w);
	take_answers();
}

static void
dropped(enum drop why)
{
	for (unsigned i = 1; i < DROP_COUNT; i++)
		if (d.drops[i] != (i == why))
			fail_msg("%s counted %llu", drop_row(i)->name, (unsigned long long)d.drops[i]);
	d.drops[why] = 0;
	d.seen[why] = true;
}

static void
open_one(bool ts)
{
	say((struct said){.flags = TCP_F_SYN, .seq = 99, .tsval = ts ? 1000 : 0});
	say((struct said){.flags = TCP_F_ACK, .seq = 100, .ack = d.iss + 1, .tsval = ts ? 1000 : 0});
	assert_int_equal(d.burst.n_opened, 1);
}

static void
headers(void **state)
{
	(void)state;
	start(sim_limits());
	for (unsigned cut = 20; cut < 40; cut += 19) {
		say((struct said){.flags = TCP_F_SYN, .cut = cut});
		dropped(DROP_TCP_SHORT);
	}
	for (unsigned words = 1; words < 15; words += words == 4 ? 6 : 1) {
		say((struct said){.flags = TCP_F_SYN, .hdr_len = words * 4});
		dropped(DROP_TCP_OFFSET);
	}
	static const uint8_t flags[] = {0, TCP_F_FIN, TCP_F_SYN | TCP_F_FIN, TCP_F_SYN | TCP_F_RST,
					TCP_F_PSH | TCP_F_URG};
	for (unsigned i = 0; i < sizeof flags; i++) {
		say((struct said){.flags = flags[i]});
		dropped(DROP_TCP_FLAGS);
	}
	say((struct said){.flags = TCP_F_SYN, .bad_sum = true});
	dropped(DROP_TCP_CHECKSUM);
	say((struct said){.flags = TCP_F_SYN, .port = 444});
	dropped(DROP_TCP_PORT);
	stop();
}

static void
in_a_connection(void **state)
{
	(void)state;
	start(sim_limits());
	open_one(true);
	say((struct said){.flags = TCP_F_SYN, .seq = 50, .tsval = 1001});
	dropped(DROP_TCP_SYN);
	say((struct said){.flags = TCP_F_RST, .seq = 101});
	dropped(DROP_TCP_RST);
	say((struct said){.flags = TCP_F_ACK, .seq = 100, .ack = d.iss + 9, .tsval = 1001});
	dropped(DROP_TCP_ACK);
	say((struct said){.flags = TCP_F_ACK, .seq = 90, .ack = d.iss + 1, .tsval = 1001});
	dropped(DROP_TCP_SEQUENCE);
	say((struct said){.flags = TCP_F_ACK, .seq = 100, .ack = d.iss + 1, .len = 9, .tsval = 900});
	dropped(DROP_TCP_PAWS);
	say((struct said){.flags = TCP_F_ACK, .seq = 100 + 65500, .ack = d.iss + 1, .len = 900, .tsval = 1001});
	dropped(DROP_TCP_WINDOW);
	say((struct said){.flags = TCP_F_ACK, .seq = 100 + 65500, .ack = d.iss + 1, .len = 9, .tsval = 1001});
	dropped(DROP_TCP_DUPLICATE);
	/* What waited for its turn is beyond the end. */
	say((struct said){.flags = TCP_F_ACK | TCP_F_FIN, .seq = 100, .ack = d.iss + 1, .tsval = 1002});
	dropped(DROP_TCP_AFTER_FIN);
	say((struct said){.flags = TCP_F_ACK, .seq = 101, .ack = d.iss + 1, .len = 5, .tsval = 1002});
	dropped(DROP_TCP_AFTER_FIN);
	stop();
}

static void
at_the_end(void **state)
{
	(void)state;
	start(sim_limits());
	open_one(false);
	tcp_close(d.t, d.conn);
	take_answers();
	say((struct said){.flags = TCP_F_ACK | TCP_F_FIN, .seq = 100, .ack = d.iss + 2});
	say((struct said){.flags = TCP_F_RST, .seq = 101});
	dropped(DROP_TCP_TIME_WAIT);
	stop();
	start(sim_limits());
	open_one(false);
	tcp_close(d.t, d.conn);
	take_answers();
	say((struct said){.flags = TCP_F_ACK, .seq = 100, .ack = d.iss + 2, .len = 5});
	dropped(DROP_TCP_CLOSED);
	stop();
}

static void
no_room(void **state)
{
	(void)state;
	struct tcp_limits l = sim_limits();
	l.reorder_mbufs = 1;
	start(l);
	open_one(false);
	say((struct said){.flags = TCP_F_ACK, .seq = 200, .ack = d.iss + 1, .len = 5});
	say((struct said){.flags = TCP_F_ACK, .seq = 300, .ack = d.iss + 1, .len = 5});
	dropped(DROP_TCP_REORDER);
	stop();
	l.conns = 1;
	start(l);
	open_one(false);
	say((struct said){.flags = TCP_F_SYN, .seq = 99, .peer_port = 1001});
	dropped(DROP_TCP_ADMISSION);
	stop();
	start(sim_limits());
	for (unsigned i = 0; i <= TCP_ANSWERS; i++)
		send_quietly(&(struct said){.flags = TCP_F_SYN, .seq = 99, .peer_port = (uint16_t)(2000 + i)});
	dropped(DROP_TCP_ANSWERS);
	take_answers();
	/* All places near one home are taken. */
	struct tcp_tuple id = {.local = addr_from_ip4(0x0a000002),
			       .peer = addr_from_ip4(0x0a000001),
			       .local_port = 443,
			       .peer_port = 5000};
	uint32_t hash = tcp_hash(d.t, &id);
	for (unsigned i = 0; i < TCP_PROBES; i++) {
		struct tcp_slot *s = &d.t->slots[(hash + i) & d.t->slot_mask];
		if (s->ref == NONE)
			*s = (struct tcp_slot){hash ^ 0x80000000, 0};
	}
	/* An entry of half-open ones is asked for, not a cookie. */
	d.t->use.half_open = 0;
	say((struct said){.flags = TCP_F_SYN, .seq = 99, .peer_port = 5000});
	dropped(DROP_TCP_TABLE);
	tcp_fini(d.t);
	free(d.t);
}

/* The sum of chains cut anywhere, beside the library's of the same octets in one piece. */
static void
sums(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		uint8_t flat[12 + 2000];
		struct tcp_tuple id = {.local = addr_from_ip4((uint32_t)rand()),
				       .peer = addr_from_ip4((uint32_t)rand())};
		unsigned len = 20 + (unsigned)rand() % 1980, l4 = (unsigned)rand() % 40, at = 0;
		for (unsigned i = 12; i < 12 + len; i++)
			flat[i] = (uint8_t)(round % 3 ? rand() : 0xff);
		memcpy(flat, id.local.b + 12, 4);
		memcpy(flat + 4, id.peer.b + 12, 4);
		put_be32(flat + 8, 6 << 16 | len);
		struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool), *part = m;
		rte_pktmbuf_append(m, (uint16_t)l4);
		while (part) {
			unsigned n = rand() % 3 ? (unsigned)rand() % 200 : 2000;
			n = n < len - at ? n : len - at;
			n = n < rte_pktmbuf_tailroom(part) ? n : rte_pktmbuf_tailroom(part);
			memcpy(rte_pktmbuf_append(part, (uint16_t)n), flat + 12 + at, n);
			at += n;
			if (part != m)
				rte_pktmbuf_chain(m, part);
			part = at < len ? rte_pktmbuf_alloc(sim_pool) : NULL;
		}
		assert_int_equal(m->pkt_len, l4 + len);
		assert_int_equal(tcp_sum(m, l4, &id), rte_raw_cksum(flat, 12 + len));
		rte_pktmbuf_free(m);
	}
}

/* RFC 7323 5.5: a peer's clock may have turned half way round in 24 days of silence. */
static void
after_a_month(void **state)
{
	(void)state;
	for (unsigned days = 23; days < 26; days += 2) {
		start(sim_limits());
		open_one(true);
		tcp_now(d.t, mono_add_s(d.now, days * 24 * 3600));
		say((struct said){.flags = TCP_F_ACK, .seq = 100, .ack = d.iss + 1, .len = 9, .tsval = 900});
		dropped(days < 24 ? DROP_TCP_PAWS : DROP_NONE);
		assert_int_equal(d.burst.n_data, days > 24);
		stop();
	}
}

/* A device is left the sum of what is in one piece; we make that of a chain, whose pieces may be of odd lengths. */
static void
sums_of_chains(void **state)
{
	struct tcp_tuple id = {addr_from_ip4(0x0a000001), addr_from_ip4(0x0a000002), 443, 1000, 0};
	(void)state;
	start(sim_limits());
	d.t->start.checksum_by_device = true;
	for (unsigned pieces = 1; pieces <= 3; pieces++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
		memset(rte_pktmbuf_append(m, 333), 1, 333);
		for (unsigned i = 1; i < pieces; i++) {
			struct rte_mbuf *more = rte_pktmbuf_alloc(sim_pool);
			memset(rte_pktmbuf_append(more, 77), 2, 77);
			assert_int_equal(rte_pktmbuf_chain(m, more), 0);
		}
		tcp_emit(d.t, m, &(struct tcp_emit){.id = &id, .flags = TCP_F_ACK});
		uint64_t asks = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
		assert_int_equal(asks, pieces == 1 ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_L4_NO_CKSUM);
		assert_true(pieces == 1 || tcp_sum(m, 20, &id) == 0xffff);
		rte_pktmbuf_free(m);
	}
	stop();
}

static enum drop
icmp(uint16_t peer_port, uint32_t seq, bool six)
{
	struct tcp_quote q = {.local_port = 443, .peer_port = peer_port, .seq = seq, .mtu = 1279};
	q.local = addr_from_ip4(0x0a000002);
	q.peer = addr_from_ip4(0x0a000001);
	if (six) {
		memset(&q.local, 1, sizeof q.local);
		memset(&q.peer, 2, sizeof q.peer);
	}
	enum drop why = tcp_icmp(d.t, TCP_ERROR_TOO_BIG, &q);
	d.seen[why] = true;
	return why;
}

/* RFC 5927 4: what an ICMP error must say to be believed. */
static void
quotes(void **state)
{
	struct tcp_connect w = {.local_port = 443, .peer_port = 1000};
	uint64_t conn;
	(void)state;
	start(sim_limits());
	open_one(false);
	assert_int_equal(tcp_push(d.t, d.conn, "hello", 5), 5);
	take_answers();
	assert_int_equal(icmp(1001, d.iss + 1, false), DROP_TCP_QUOTE_CONN);
	assert_int_equal(icmp(1000, d.iss, false), DROP_TCP_QUOTE_SEQ);
	assert_int_equal(icmp(1000, d.iss + 6, false), DROP_TCP_QUOTE_SEQ);
	assert_int_equal(icmp(1000, d.iss + 1, false), DROP_NONE);
	memset(&w.local, 1, sizeof w.local);
	memset(&w.peer, 2, sizeof w.peer);
	assert_int_equal(tcp_connect(d.t, &w, &conn), 0);
	take_answers();
	assert_int_equal(icmp(1000, d.iss, true), DROP_TCP_QUOTE_MTU);
	stop();
}

static void
all_were_seen(void **state)
{
	(void)state;
	for (unsigned i = 1; i < DROP_COUNT; i++)
		if (!strcmp(drop_row(i)->stage, "tcp") && !d.seen[i])
			fail_msg("%s: no test", drop_row(i)->name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),        cmocka_unit_test(in_a_connection),
		cmocka_unit_test(at_the_end),     cmocka_unit_test(no_room),
		cmocka_unit_test(sums),           cmocka_unit_test(quotes),
		cmocka_unit_test(sums_of_chains), cmocka_unit_test(after_a_month),
		cmocka_unit_test(all_were_seen),
	};
	sim_start(2000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
