/* Segments and options under libFuzzer: a stack with a listener, half-open entries, connections in both roles and a
 * TIME-WAIT, which gets whatever the input makes.
 *
 *	input   { u8 what, u8 how, u8 seq, u8 ack, u8 length, u8 options length, options } ...
 *	what    flags; how: which connection, how far off the numbers are, what the user does meanwhile, time that passes
 *
 * What must hold: the invariants of conn.h after each segment, packets that are sound, and at the end every buffer is back.
 */
#include <stdlib.h>

#include "sim.h"

#define PEERS 4
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static struct {
	struct tcp *t;
	void *memory;
	struct mono now;
	uint64_t drops[DROP_COUNT], conn[PEERS];
	/* What each peer knows of the stack's numbers, and its own. */
	uint32_t una[PEERS], nxt[PEERS];
} f;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	sim_start(2000);
	struct tcp_limits l = sim_limits();
	f.memory = aligned_alloc(64, tcp_bytes(&l));
	return 0;
}

/* grants: who wants to send has a record, or nothing after all. */
static void
grants(void)
{
	struct tcp_grant g[PEERS];
	unsigned n = tcp_grant(f.t, g, PEERS);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = g[i].room % 3 ? rte_pktmbuf_alloc(sim_pool) : NULL;
		if (!m)
			continue;
		memset(rte_pktmbuf_append(m, 900), 0, 900);
		if (tcp_append(f.t, g[i].conn, m) < 0)
			rte_pktmbuf_free(m);
	}
}

static void
flush(void)
{
	struct tcp_out out[64];
	struct tcp_event ev[16];
	tcp_now(f.t, f.now);
	tcp_timers(f.t, 512);
	while (tcp_events(f.t, ev, 16))
		;
	grants();
	for (unsigned n; (n = tcp_output(f.t, out, 64));)
		for (unsigned i = 0; i < n; i++) {
			struct segment g;
			CHECK(sim_parse(out[i].m, &g));
			CHECK(out[i].m->pkt_len <= 1500);
			unsigned peer = g.id.peer_port - 1000u;
			if (peer < PEERS)
				f.una[peer] = g.h.seq + g.len + ((g.h.flags & (TCP_F_SYN | TCP_F_FIN)) != 0);
			rte_pktmbuf_free(out[i].m);
		}
}

/* What a header says. */
struct said {
	uint8_t flags;
	uint32_t from, ack;
	unsigned len, opt_len;
	const uint8_t *opt;
};

static void
segment(unsigned peer, const struct said *s)
{
	static struct tcp_burst b;
	struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
	CHECK(m);
	unsigned hdr = 20 + ((s->opt_len + 3) & ~3u), len = s->len;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(20 + hdr + len)), *tcp = ip + 20;
	memset(ip, 0, 20 + hdr + len);
	ip[0] = 0x45;
	put_be32(ip + 12, 0x0a000009);
	put_be32(ip + 16, 0x0a000002);
	put_be16(tcp, (uint16_t)(1000 + peer));
	put_be16(tcp + 2, SIM_PORT);
	put_be32(tcp + 4, s->from);
	put_be32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(hdr / 4 << 4);
	tcp[13] = s->flags;
	put_be16(tcp + 14, (uint16_t)(s->ack * 7));
	memcpy(tcp + 20, s->opt, s->opt_len);
	m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	struct tcp_in in = {m, 20, 0};
	tcp_now(f.t, f.now);
	tcp_rx(f.t, &in, 1, &b);
	for (unsigned i = 0; i < b.n_opened; i++)
		f.conn[b.opened[i].peer_port - 1000] = b.opened[i].conn;
	for (unsigned i = 0; i < b.n_data; i++) {
		CHECK(b.data[i].m->pkt_len == b.data[i].len);
		rte_pktmbuf_free(b.data[i].m);
		if (len & 1)
			tcp_consumed(f.t, b.data[i].conn, b.data[i].len);
	}
	flush();
}

static void
user(unsigned peer, unsigned what)
{
	static const uint8_t bytes[3000];
	uint64_t c = f.conn[peer];
	switch (what) {
	case 0:
		tcp_push(f.t, c, bytes, sizeof bytes);
		tcp_want(f.t, c);
		break;
	case 1:
		tcp_shutdown(f.t, c);
		break;
	case 2:
		tcp_close(f.t, c);
		break;
	case 3:
		tcp_abort(f.t, c);
		break;
	case 4:
		f.now = mono_add_ms(f.now, 300);
		break;
	case 5:
		f.now = mono_add_s(f.now, 61);
		break;
	case 6:
		tcp_consumed(f.t, c, 100000);
		break;
	default:
		tcp_icmp(f.t, TCP_ERROR_TOO_BIG,
			 &(struct tcp_quote){addr_from_ip4(0x0a000002), addr_from_ip4(0x0a000009), SIM_PORT,
					     (uint16_t)(1000 + peer), f.una[peer] - 100, 600});
	}
	flush();
}

static void
begin(void)
{
	struct tcp_start s = {.limits = sim_limits(), .pool = sim_pool, .drops = f.drops, .ecn = true};
	s.limits.conns = s.limits.half_open = s.limits.time_waits = 8;
	s.limits.active = 2; /* of four peers: some wait, and get it from each other */
	s.limits.segments = 256;
	s.limits.rcv_max = 1 << 20;
	struct addr any = addr_from_ip4(0);
	static const uint8_t options[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
	f.now.us = 1000000;
	f.t = tcp_init(f.memory, &s, f.now);
	tcp_listen(f.t, &any, SIM_PORT, 0);
	memset(f.conn, 0, sizeof f.conn);
	for (unsigned p = 0; p < PEERS - 1; p++) {
		f.nxt[p] = 1000;
		segment(p, &(struct said){TCP_F_SYN, f.nxt[p]++, 0, 0, p ? sizeof options : 4, options});
		if (p)
			segment(p, &(struct said){TCP_F_ACK, f.nxt[p], f.una[p], 0, 0, options});
	}
	struct tcp_connect w = {
		.local = addr_from_ip4(0x0a000002), .peer = addr_from_ip4(0x0a000009), .local_port = SIM_PORT};
	w.peer_port = 1000 + PEERS - 1;
	f.nxt[PEERS - 1] = 5000;
	CHECK(tcp_connect(f.t, &w, &f.conn[PEERS - 1]) == 0);
	flush();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	while (size >= 6) {
		unsigned peer = data[1] & 3, off = data[1] >> 2 & 7, len = data[4] * (data[1] & 0x80 ? 5u : 1u);
		unsigned opt_len = data[5] % 41 < size - 6 ? data[5] % 41 : (unsigned)size - 6;
		static const uint32_t offsets[8] = {0, 1, 1448, 60000, 0x7fffffff, 0xffffffff, 0xfffffa00, 0x80000000};
		uint32_t from = f.nxt[peer] + offsets[data[2] & 7] + (data[2] >> 3),
			 ack = f.una[peer] - offsets[data[3] & 7] - (data[3] >> 3);
		if (off == 7)
			user(peer, data[2] & 7);
		else
			segment(peer, &(struct said){data[0], from, ack, len, opt_len, data + 6});
		if (!(data[2] & 7) && off != 7)
			f.nxt[peer] = from + len + ((data[0] & (TCP_F_SYN | TCP_F_FIN)) != 0);
		for (uint32_t i = 0; i < f.t->start.limits.conns; i++)
			CHECK(f.t->conns[i].state == TCP_CLOSED || tcp_check(f.t, &f.t->conns[i]));
		data += 6 + opt_len;
		size -= 6 + opt_len;
	}
	tcp_fini(f.t);
	CHECK(rte_mempool_avail_count(sim_pool) == sim_pool->size);
	return 0;
}
