/* init-only file */
#include "sim.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ip.h>

#define ETH_ROOM 18

struct rte_mempool *sim_pool;

void
sim_start(unsigned buffers)
{
	char prefix[48], memory[16], lcores[16];
	unsigned cpu = 0;
	cpu_set_t set;
	sched_getaffinity(0, sizeof set, &set);
	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set))
		cpu++;
	snprintf(prefix, sizeof prefix, "--file-prefix=tcp%d", (int)getpid());
	snprintf(lcores, sizeof lcores, "--lcores=0@%u", cpu);
	snprintf(memory, sizeof memory, "%u", 64 + buffers / 200);
	char *argv[] = {"tcp",  "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "--log-level=3", lcores,
			prefix, "-m",        memory,        NULL};
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		abort();
	rmdir(rte_eal_get_runtime_dir());
	sim_pool = rte_pktmbuf_pool_create("tcp", buffers, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!sim_pool) {
		fprintf(stderr, "sim: pool: %s\n", rte_strerror(rte_errno));
		abort();
	}
}

void
sim_fail(struct sim *s, const char *what, long long a, long long b)
{
	fprintf(stderr, "seed %llu at %.6f s: %s (%lld, %lld)\n", (unsigned long long)s->conf.seed,
		(double)s->now.us / 1e6, what, a, b);
	abort();
}

uint64_t
sim_random(struct sim *s)
{
	/* splitmix64 */
	uint64_t z = s->rng += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

bool
sim_chance(struct sim *s, uint32_t ppm)
{
	return ppm && sim_random(s) % 1000000 < ppm;
}

void
sim_octets(const struct sim *s, const struct sim_part *part, uint8_t *p, unsigned n)
{
	for (unsigned i = 0, some; i < n; i += some) {
		uint64_t at = part->offset + i;
		uint64_t x = (at >> 3) * 0x9e3779b97f4a7c15 + s->conf.seed + part->end * 77 + part->flow * 1009;
		x = rte_cpu_to_le_64(x ^ x >> 29);
		some = 8 - (unsigned)(at & 7);
		if (some > n - i)
			some = n - i;
		memcpy(p + i, (const uint8_t *)&x + (at & 7), some);
	}
}

struct tcp_limits
sim_limits(void)
{
	return (struct tcp_limits){
		.conns = 256,
		.active = 256,
		.half_open = 64,
		.time_waits = 128,
		.segments = 8192,
		.send_mbufs = 4096,
		.reorder_mbufs = 2048,
		.rcv_bytes = 262144,
		.snd_bytes = 524288,
		.mtu = 1500,
	};
}

static struct addr
sim_addr(const struct sim *s, unsigned end)
{
	struct addr a;
	if (!s->conf.v6)
		return addr_from_ip4(0x0a000001 + end);
	memset(&a, 0, sizeof a);
	a.b[0] = 0xfd;
	a.b[15] = (uint8_t)(1 + end);
	return a;
}

void
sim_init(struct sim *s, const struct sim_conf *conf)
{
	memset(s, 0, sizeof *s);
	s->conf = *conf;
	if (!s->conf.limits.conns)
		s->conf.limits = sim_limits();
	s->rng = conf->seed;
	s->now.us = 1000000 + (int64_t)(sim_random(s) & 0xffffffff) * 1000; /* clocks of 32 bits turn in some runs */
	s->idle_step_us = 1000;
	s->heap = malloc(SIM_PACKETS * sizeof *s->heap);
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_start start = {.limits = s->conf.limits, .lcore = i, .pool = sim_pool, .drops = s->drops[i]};
		start.ecn = conf->ecn;
		start.checksum_by_device = conf->device_checksum;
		start.user_timeout_ms = conf->user_timeout_ms;
		start.keepalive_ms = conf->keepalive_ms;
		for (unsigned k = 0; k < sizeof start.key; k++)
			start.key[k] = (uint8_t)sim_random(s);
		s->memory[i] = aligned_alloc(64, tcp_bytes(&s->conf.limits));
		s->t[i] = tcp_init(s->memory[i], &start, s->now);
	}
	struct addr any = sim_addr(s, 1);
	if (tcp_listen(s->t[1], &any, SIM_PORT, SIM_FLOWS) < 0)
		sim_fail(s, "listen", 0, 0);
}

unsigned
sim_flow(struct sim *s, uint64_t up, uint64_t down)
{
	unsigned i = s->n_flows++;
	struct tcp_connect w = {.local = sim_addr(s, 0), .peer = sim_addr(s, 1), .peer_port = SIM_PORT, .user = i};
	w.local_port = (uint16_t)(10000 + i);
	s->app[0][i] = (struct sim_app){.to_send = up, .closes = true};
	s->app[1][i] = (struct sim_app){.to_send = down, .closes = true};
	if (tcp_connect(s->t[0], &w, &s->app[0][i].conn) < 0)
		sim_fail(s, "connect", 0, 0);
	return i;
}

/* --- the link */

static bool
before(const struct sim_packet *a, const struct sim_packet *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void
heap_add(struct sim *s, struct sim_packet p)
{
	unsigned i = s->n_packets++;
	if (i >= SIM_PACKETS)
		sim_fail(s, "too many packets under way", i, 0);
	for (; i && before(&p, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = p;
}

static struct sim_packet
heap_pop(struct sim *s)
{
	struct sim_packet top = s->heap[0], last = s->heap[--s->n_packets];
	unsigned i = 0;
	for (unsigned k; (k = 2 * i + 1) < s->n_packets; i = k) {
		if (k + 1 < s->n_packets && before(&s->heap[k + 1], &s->heap[k]))
			k++;
		if (!before(&s->heap[k], &last))
			break;
		s->heap[i] = s->heap[k];
	}
	s->heap[i] = last;
	return top;
}

bool
sim_parse(struct rte_mbuf *m, struct segment *g)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	bool v4 = ip[0] >> 4 == 4;
	unsigned l3 = v4 ? 20 : 40;
	if (m->data_len < l3 + 20 || (v4 ? be16(ip + 2) : be16(ip + 4) + 40u) != m->pkt_len)
		return false;
	if (v4 && rte_raw_cksum(ip, 20) != 0xffff)
		return false;
	*g = (struct segment){.m = m, .l4 = (uint16_t)l3};
	if (tcp_parse(ip + l3, m->data_len - l3, m->pkt_len - l3, &g->h) != DROP_NONE)
		return false;
	g->len = m->pkt_len - l3 - g->h.hdr_len;
	g->id.local_port = g->h.src_port;
	g->id.peer_port = g->h.dst_port;
	g->ip_ecn = v4 ? ip[1] & 3 : ip[1] >> 4 & 3;
	if (v4) {
		g->id.local = addr_from_ip4(be32(ip + 12));
		g->id.peer = addr_from_ip4(be32(ip + 16));
	} else {
		memcpy(&g->id.local, ip + 8, 16);
		memcpy(&g->id.peer, ip + 24, 16);
	}
	bool by_device = (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_TCP_CKSUM;
	return by_device || tcp_sum(m, l3, &g->id) == 0xffff;
}

/* watch: what no packet may do. */
static void
watch(struct sim *s, unsigned dir, const struct segment *g)
{
	unsigned flow = (dir == 0 ? g->h.src_port : g->h.dst_port) - 10000u;
	if (flow >= SIM_FLOWS)
		return;
	if (g->m->pkt_len > s->conf.limits.mtu)
		sim_fail(s, "packet larger than the MTU", g->m->pkt_len, s->conf.limits.mtu);
	if (g->h.flags & TCP_F_SYN)
		s->ws[dir][flow] = g->h.opt.has_ws ? g->h.opt.ws : 0;
	if (!(g->h.flags & TCP_F_ACK) || g->h.flags & (TCP_F_RST | TCP_F_SYN))
		return;
	bool scaled = s->ws[0][flow] && s->ws[1][flow] && !s->conf.strip_ws;
	uint32_t edge = g->h.ack + ((uint32_t)g->h.wnd << (scaled ? s->ws[dir][flow] : 0));
	if (s->view[dir][flow].seen && seq_lt(edge, s->view[dir][flow].edge) && s->n_flows <= 1)
		sim_fail(s, "right edge of the window went back", edge, s->view[dir][flow].edge);
	if (s->view[dir][flow].seen && seq_lt(g->h.ack, s->view[dir][flow].ack))
		sim_fail(s, "acknowledgement went back", g->h.ack, s->view[dir][flow].ack);
	s->view[dir][flow].seen = true;
	s->view[dir][flow].edge = edge;
	s->view[dir][flow].ack = g->h.ack;
}

/* wire_copy: as it arrives: one buffer of its own, which may say that the device has checked it. */
static struct rte_mbuf *
wire_copy(struct sim *s, struct rte_mbuf *m)
{
	struct rte_mbuf *n = rte_pktmbuf_alloc(sim_pool);
	if (!n)
		return NULL;
	for (const struct rte_mbuf *b = m; b; b = b->next)
		memcpy(rte_pktmbuf_append(n, b->data_len), rte_pktmbuf_mtod(b, void *), b->data_len);
	if (s->conf.device_checksum)
		n->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return n;
}

static void
strip(struct sim *s, struct rte_mbuf *m)
{
	struct segment g;
	if (!sim_parse(m, &g) || !(g.h.flags & TCP_F_SYN))
		return;
	uint8_t *tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, g.l4), *o = tcp + 20, *end = tcp + g.h.hdr_len;
	while (o < end) {
		unsigned n = *o <= 1 ? 1 : o[1];
		bool gone = (*o == TCP_OPT_SACK_OK && s->conf.strip_sack) || (*o == TCP_OPT_TS && s->conf.strip_ts) ||
			    (*o == TCP_OPT_WS && s->conf.strip_ws);
		if (gone)
			memset(o, TCP_OPT_NOP, n);
		o += n;
	}
	struct tcp_tuple id = g.id;
	tcp[16] = tcp[17] = 0;
	uint16_t sum = (uint16_t)~tcp_sum(m, g.l4, &id);
	memcpy(tcp + 16, &sum, 2);
}

static void
mangle(struct sim *s, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned l3 = p[0] >> 4 == 4 ? 20 : 40;
	p[l3 + sim_random(s) % (m->pkt_len - l3)] ^= (uint8_t)(1 + sim_random(s) % 255);
}

static void
mark(struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	if (ip[0] >> 4 == 6) {
		if (ip[1] >> 4 & 3)
			ip[1] |= 0x30;
		return;
	}
	if (!(ip[1] & 3))
		return;
	ip[1] |= 3;
	ip[10] = ip[11] = 0;
	uint16_t sum = (uint16_t)~rte_raw_cksum(ip, 20);
	memcpy(ip + 10, &sum, 2);
}

static void
travel(struct sim *s, unsigned dir, struct rte_mbuf *m)
{
	const struct sim_link *l = &s->conf.link[dir];
	int64_t at = s->now.us + l->delay_us + (l->jitter_us ? (int64_t)(sim_random(s) % l->jitter_us) : 0);
	if (l->bits_per_s) {
		int64_t from = s->busy_until_us[dir] > s->now.us ? s->busy_until_us[dir] : s->now.us;
		uint64_t waiting = (uint64_t)(from - s->now.us) * l->bits_per_s / 8000000;
		if (l->queue_bytes && waiting > l->queue_bytes) {
			s->n_dropped[dir]++;
			rte_pktmbuf_free(m);
			return;
		}
		if (waiting > s->max_queue[dir])
			s->max_queue[dir] = (unsigned)waiting;
		s->busy_until_us[dir] = from + (int64_t)((uint64_t)m->pkt_len * 8000000 / l->bits_per_s);
		at += s->busy_until_us[dir] - s->now.us;
	}
	if (sim_chance(s, l->reorder_ppm))
		at += l->reorder_us;
	if (sim_chance(s, l->mangle_ppm))
		mangle(s, m);
	if (sim_chance(s, l->mark_ppm))
		mark(m);
	heap_add(s, (struct sim_packet){at, s->order++, m, (uint8_t)dir});
}

/* trace: with TCP_TRACE in the environment, each packet as a line. */
static void
trace(const struct sim *s, unsigned dir, const struct segment *g, bool drop)
{
	static int on = -1;
	if (on < 0)
		on = getenv("TCP_TRACE") != NULL;
	if (!on)
		return;
	static const char letters[] = "FSRP.UEW";
	char flags[9] = "";
	for (unsigned i = 0, n = 0; i < 8; i++)
		if (g->h.flags & 1 << i)
			flags[n++] = letters[i], flags[n] = 0;
	fprintf(stderr, "%.6f %c%u %-4s seq %u len %u ack %u win %u", (double)s->now.us / 1e6, dir ? '<' : '>',
		(dir ? g->h.dst_port : g->h.src_port) - 10000u, flags, g->h.seq, g->len, g->h.ack, g->h.wnd);
	for (unsigned i = 0; i < g->h.opt.n_sacks; i++)
		fprintf(stderr, " sack %u-%u", g->h.opt.sack[i].start, g->h.opt.sack[i].end);
	fprintf(stderr, "%s\n", drop ? " DROPPED" : "");
}

static void
transmit(struct sim *s, unsigned dir, struct rte_mbuf *m)
{
	const struct sim_link *l = &s->conf.link[dir];
	struct segment g;
	if (!sim_parse(m, &g))
		sim_fail(s, "a packet that is not sound", dir, m->pkt_len);
	watch(s, dir, &g);
	s->n_sent[dir]++;
	s->bytes[dir] += m->pkt_len;
	bool drop = (s->conf.drop && s->conf.drop(s, dir, s->n_sent[dir], &g)) || sim_chance(s, l->loss_ppm) ||
		    (l->mtu && m->pkt_len > l->mtu);
	trace(s, dir, &g, drop);
	if (drop)
		s->n_dropped[dir]++;
	for (unsigned copies = drop ? 0 : 1 + sim_chance(s, l->double_ppm); copies; copies--) {
		struct rte_mbuf *n = wire_copy(s, m);
		if (!n)
			break;
		if (s->conf.strip_sack || s->conf.strip_ts || s->conf.strip_ws)
			strip(s, n);
		travel(s, dir, n);
	}
	/* The Ethernet header goes in front of it, and a device keeps it for a while. */
	if (!rte_pktmbuf_prepend(m, ETH_ROOM))
		sim_fail(s, "no room for an Ethernet header", rte_pktmbuf_headroom(m), 0);
	memset(rte_pktmbuf_mtod(m, void *), 0xee, ETH_ROOM);
	if (s->conf.hold_us && s->n_held < RTE_DIM(s->held)) {
		s->held[s->n_held].at_us = s->now.us + s->conf.hold_us;
		s->held[s->n_held++].m = m;
	} else {
		rte_pktmbuf_free(m);
	}
}

void
sim_deliver(struct sim *s, unsigned from, struct rte_mbuf *m)
{
	transmit(s, from, m);
}

static void
release_held(struct sim *s, bool all)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->n_held; i++) {
		if (all || s->held[i].at_us <= s->now.us)
			rte_pktmbuf_free(s->held[i].m);
		else
			s->held[n++] = s->held[i];
	}
	s->n_held = n;
}

/* --- applications */

static struct sim_app *
app_of(struct sim *s, unsigned end, uint64_t user)
{
	return user < SIM_FLOWS ? &s->app[end][user] : NULL;
}

static void
app_opened(struct sim *s, unsigned end, const struct tcp_opened *o)
{
	unsigned flow = (end == 0 ? o->local_port : o->peer_port) - 10000u;
	if (flow >= s->n_flows)
		sim_fail(s, "an unknown flow was opened", flow, end);
	struct sim_app *a = &s->app[end][flow];
	if (a->open)
		sim_fail(s, "opened twice", flow, end);
	a->open = true;
	a->conn = o->conn;
	tcp_set_user(s->t[end], o->conn, flow);
}

static void
app_data(struct sim *s, unsigned end, const struct tcp_data *d)
{
	unsigned flow = (unsigned)d->user;
	if (flow >= SIM_FLOWS) {
		flow = SIM_FLOWS;
		for (unsigned i = 0; i < s->n_flows; i++)
			if (s->app[end][i].conn == d->conn)
				flow = i;
		if (flow == SIM_FLOWS)
			sim_fail(s, "data of an unknown connection", end, 0);
	}
	struct sim_app *a = &s->app[end][flow];
	if (d->m->pkt_len != d->len || a->fin_in)
		sim_fail(s, a->fin_in ? "data after FIN" : "length of data", d->m->pkt_len, d->len);
	for (const struct rte_mbuf *b = d->m; b; b = b->next) {
		uint8_t want[RTE_MBUF_DEFAULT_BUF_SIZE];
		sim_octets(s, &(struct sim_part){!end, flow, a->received}, want, b->data_len);
		if (memcmp(rte_pktmbuf_mtod(b, void *), want, b->data_len) != 0)
			sim_fail(s, "stream differs behind", (long long)a->received, flow);
		a->received += b->data_len;
	}
	rte_pktmbuf_free(d->m);
	if (a->read_bytes_per_ms)
		a->held += d->len;
	else
		tcp_consumed(s->t[end], d->conn, d->len);
}

static void
app_send(struct sim *s, unsigned end, unsigned flow)
{
	struct sim_app *a = &s->app[end][flow];
	uint8_t buf[4096];
	if (a->record) {
		if (a->sent < a->to_send)
			tcp_want(s->t[end], a->conn);
		return;
	}
	while (a->sent < a->to_send) {
		uint32_t n =
			a->to_send - a->sent < sizeof buf ? (uint32_t)(a->to_send - a->sent) : (uint32_t)sizeof buf;
		sim_octets(s, &(struct sim_part){end, flow, a->sent}, buf, n);
		int took = tcp_push(s->t[end], a->conn, buf, n);
		if (took < 0)
			return;
		a->sent += (unsigned)took;
		if ((uint32_t)took < n)
			return;
	}
}

/* make_record: so many octets of the stream, in a chain if they must be; NULL without buffers. */
static struct rte_mbuf *
make_record(struct sim *s, const struct sim_part *part, uint32_t n)
{
	struct rte_mbuf *m = NULL;
	struct sim_part at = *part;
	for (uint32_t left = n; left;) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(sim_pool);
		uint32_t some = more && rte_pktmbuf_tailroom(more) < left ? rte_pktmbuf_tailroom(more) : left;
		if (!more) {
			rte_pktmbuf_free(m);
			return NULL;
		}
		sim_octets(s, &at, (uint8_t *)rte_pktmbuf_append(more, (uint16_t)some), some);
		at.offset += some;
		left -= some;
		if (!m)
			m = more;
		else
			rte_pktmbuf_chain(m, more);
	}
	return m;
}

static void
app_granted(struct sim *s, unsigned end, const struct tcp_grant *g)
{
	unsigned flow = (unsigned)g->user;
	struct sim_app *a = &s->app[end][flow];
	uint32_t room = g->room;
	while (room && a->sent < a->to_send) {
		uint32_t n = a->record;
		if (n > a->to_send - a->sent)
			n = (uint32_t)(a->to_send - a->sent);
		struct rte_mbuf *m = make_record(s, &(struct sim_part){end, flow, a->sent}, n);
		if (!m)
			break;
		if (tcp_append(s->t[end], g->conn, m) < 0) {
			rte_pktmbuf_free(m);
			break;
		}
		a->sent += n;
		room -= n < room ? n : room;
	}
}

static void
app_events(struct sim *s, unsigned end)
{
	struct tcp_event ev[16];
	unsigned n;
	while ((n = tcp_events(s->t[end], ev, RTE_DIM(ev)))) {
		for (unsigned i = 0; i < n; i++) {
			struct sim_app *a = app_of(s, end, ev[i].user);
			if (!a)
				continue;
			if (ev[i].what & TCP_FIN) {
				if (a->received != s->app[!end][ev[i].user].to_send && s->app[!end][ev[i].user].half)
					sim_fail(s, "FIN before the end of the data", (long long)a->received,
						 (long long)ev[i].user);
				a->fin_in = true;
			}
			if (ev[i].what & TCP_WRITABLE)
				a->writables++;
			if (ev[i].what & TCP_GONE) {
				if (a->gone)
					sim_fail(s, "gone twice", (long long)ev[i].user, end);
				a->gone = true;
				a->why = ev[i].gone;
			}
		}
	}
}

static void
app_turn(struct sim *s, unsigned end)
{
	for (unsigned i = 0; i < s->n_flows; i++) {
		struct sim_app *a = &s->app[end][i];
		if (!a->open || a->gone)
			continue;
		if (a->held) {
			uint32_t n = a->held < a->read_bytes_per_ms ? (uint32_t)a->held : a->read_bytes_per_ms;
			a->held -= n;
			tcp_consumed(s->t[end], a->conn, n);
		}
		app_send(s, end, i);
		bool all_in = a->received == s->app[!end][i].to_send;
		if (a->sent == a->to_send && !a->fin_sent && (a->half || (a->closes && all_in && !a->held))) {
			a->fin_sent = true;
			tcp_shutdown(s->t[end], a->conn);
		}
	}
}

/* --- the clock */

static void
turn(struct sim *s, unsigned end)
{
	struct tcp_grant g[16];
	struct tcp_out out[64];
	unsigned n;
	tcp_now(s->t[end], s->now);
	app_events(s, end);
	app_turn(s, end);
	tcp_timers(s->t[end], 512);
	app_events(s, end);
	n = tcp_grant(s->t[end], g, RTE_DIM(g));
	for (unsigned i = 0; i < n; i++)
		app_granted(s, end, &g[i]);
	n = tcp_output(s->t[end], out, RTE_DIM(out));
	for (unsigned i = 0; i < n; i++)
		transmit(s, end, out[i].m);
	for (uint32_t i = 0; i < s->conf.limits.conns; i++)
		if (s->t[end]->conns[i].state != TCP_CLOSED && !tcp_check(s->t[end], &s->t[end]->conns[i]))
			sim_fail(s, "an invariant of conn.h", end, i);
}

static void
arrive(struct sim *s, unsigned end)
{
	struct tcp_in in[TCP_BURST];
	unsigned n = 0;
	while (n < TCP_BURST && s->n_packets && s->heap[0].at_us <= s->now.us && s->heap[0].dir == !end) {
		struct rte_mbuf *m = heap_pop(s).m;
		in[n++] = (struct tcp_in){m, s->conf.v6 ? 40 : 20, 7};
	}
	if (!n)
		return;
	tcp_now(s->t[end], s->now);
	tcp_rx(s->t[end], in, n, &s->burst);
	for (unsigned i = 0; i < s->burst.n_opened; i++)
		app_opened(s, end, &s->burst.opened[i]);
	for (unsigned i = 0; i < s->burst.n_data; i++)
		app_data(s, end, &s->burst.data[i]);
	turn(s, end);
}

void
sim_step(struct sim *s)
{
	int64_t next = s->now.us + s->idle_step_us;
	if (s->n_packets && s->heap[0].at_us < next)
		next = s->heap[0].at_us > s->now.us ? s->heap[0].at_us : s->now.us;
	s->now.us = next;
	release_held(s, false);
	while (s->n_packets && s->heap[0].at_us <= s->now.us)
		arrive(s, !s->heap[0].dir);
	turn(s, 0);
	turn(s, 1);
}

void
sim_run_ms(struct sim *s, int64_t ms)
{
	struct mono until = mono_add_ms(s->now, ms);
	while (s->now.us < until.us)
		sim_step(s);
}

bool
sim_run(struct sim *s, struct mono until)
{
	for (;;) {
		bool all = true;
		for (unsigned e = 0; e < 2; e++)
			for (unsigned i = 0; i < s->n_flows; i++)
				all &= s->app[e][i].gone || (e == 1 && !s->app[e][i].open && s->app[0][i].gone);
		if (all)
			return true;
		if (s->now.us >= until.us)
			return false;
		sim_step(s);
	}
}

void
sim_fini(struct sim *s)
{
	for (unsigned e = 0; e < 2; e++)
		for (unsigned i = 0; i < s->n_flows; i++)
			tcp_abort(s->t[e], s->app[e][i].conn);
	struct mono end = mono_add_s(s->now, 125);
	s->conf.drop = NULL;
	s->idle_step_us = 10000;
	while (s->now.us < end.us)
		sim_step(s);
	release_held(s, true);
	for (unsigned e = 0; e < 2; e++) {
		struct tcp_use u;
		tcp_use(s->t[e], &u);
		if (u.conns || u.active || u.half_open || u.time_waits || u.segments || u.send_mbufs || u.reorder_mbufs)
			sim_fail(s, "a pool is not full again", u.conns, u.segments);
		if (s->t[e]->listed)
			sim_fail(s, "entries in the table", s->t[e]->listed, e);
		tcp_fini(s->t[e]);
		free(s->memory[e]);
	}
	free(s->heap);
	if (rte_mempool_avail_count(sim_pool) != sim_pool->size)
		sim_fail(s, "buffers are missing", rte_mempool_avail_count(sim_pool), sim_pool->size);
}

uint64_t
sim_stat(const struct sim *s, unsigned end, enum tcp_stat what)
{
	return tcp_stats(s->t[end])[what];
}
