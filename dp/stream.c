#include "stream.h"

#include <sys/random.h>

#include <rte_ip.h>

#include <millrace/bytes.h>

#include "conn.h"
#include "ip.h"
#include "ip6.h"
#include "place.h"
#include "quote.h"

#define TIMER_QUOTA 512
#define GRANTS 64
#define MTU 1500 /* towards the Internet nobody has more */
#define WINDOW_BYTES (256 * 1024)
#define WINDOW_MAX_BYTES (4096 * 1024) /* 300 Mbit/s over 100 ms */
#define QUEUE_BYTES (512 * 1024)

static void opened(struct lcore *lc, const struct tcp_opened *o, struct tcp_burst *burst) ON_LCORE;
static void data(struct lcore *lc, const struct tcp_data *d) ON_LCORE;
static void events(struct lcore *lc) ON_LCORE;
static void grants(struct lcore *lc) ON_LCORE;
static void echo_data(struct lcore *lc, const struct tcp_data *d) ON_LCORE;
static void echo_granted(struct lcore *lc, const struct tcp_grant *g) ON_LCORE;

struct tcp_limits
stream_limits(uint32_t conns, uint32_t mbufs)
{
	uint32_t some = conns / 4 < 1024 ? 1024 : conns / 4, short_lived = some < 16384 ? some : 16384;
	return (struct tcp_limits){
		.conns = conns + conns / 8 + 16, /* TCP admits up to 90 % */
		.active = some < conns ? some : conns + 16,
		.half_open = short_lived,
		.time_waits = short_lived,
		.segments = mbufs,
		.send_mbufs = mbufs / 4,
		.reorder_mbufs = mbufs / 20,
		.rcv_bytes = WINDOW_BYTES,
		.rcv_max = WINDOW_MAX_BYTES,
		.snd_bytes = QUEUE_BYTES,
		.mtu = MTU,
	};
}

/* sums_by_device: which way a segment takes is not known when it is made: all ports can, and none cuts it. */
static bool
sums_by_device(const struct lcore *lc)
{
	bool all = lc->n_ports > 0;
	for (unsigned p = 0; p < lc->n_ports; p++)
		all &= lc->port_tx_tcp_checksum[p];
	for (unsigned i = 0; i < lc->n_ifaces; i++)
		all &= lc->ifaces[i].mtu >= MTU;
	return all;
}

void
stream_init(struct lcore *lc, void *memory)
{
	struct tcp_start s = {.lcore = lc->index, .pool = lc->pool, .drops = lc->stats.drops};
	s.limits = stream_limits(lc->n_conns, lc->pool->size);
	s.checksum_by_device = sums_by_device(lc);
	/* Nobody may compute a sequence number: from the kernel, which waits for it if it must. */
	for (size_t n = 0; n < sizeof s.key;) {
		ssize_t got = getrandom(s.key + n, sizeof s.key - n, 0);
		n += got > 0 ? (size_t)got : 0;
	}
	lc->tcp = tcp_init(memory, &s, lc->now);
}

bool
stream_listen(struct lcore *lc, const struct dp_listen *l)
{
	if (!lc->tcp)
		return false;
	if (l->stream == DP_STREAM_PPTP)
		place_by_peer(lc, l->port);
	uint64_t user = stream_user(l->stream, (uint64_t)l->tls | (uint64_t)l->proxy << 8);
	return (l->on ? tcp_listen(lc->tcp, &l->addr, l->port, user) : tcp_unlisten(lc->tcp, &l->addr, l->port)) == 0;
}

void
stream_up(struct lcore *lc, struct lane *v)
{
	struct tcp_in in[VEC_MAX];
	struct tcp_burst burst;
	for (unsigned i = 0; i < v->n; i++)
		in[i] = (struct tcp_in){.m = v->p[i]->m, .l4 = v->p[i]->l4, .nh = v->p[i]->iface};
	tcp_now(lc->tcp, lc->now);
	tcp_rx(lc->tcp, in, v->n, &burst);
	v->n = 0;
	for (unsigned i = 0; i < burst.n_opened; i++)
		opened(lc, &burst.opened[i], &burst);
	for (unsigned i = 0; i < burst.n_data; i++)
		data(lc, &burst.data[i]);
	events(lc);
}

void
stream_turn(struct lcore *lc)
{
	tcp_now(lc->tcp, lc->now);
	tcp_timers(lc->tcp, TIMER_QUOTA);
	if (lc->conns)
		conns_turn(lc, TIMER_QUOTA);
	events(lc);
	grants(lc);
}

void
stream_out(struct lcore *lc, struct vec *v)
{
	struct tcp_out out[VEC_MAX];
	v->n = tcp_output(lc->tcp, out, VEC_MAX);
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = &v->p[i];
		const uint8_t *ip = rte_pktmbuf_mtod(out[i].m, const uint8_t *);
		/* The next hop that TCP keeps is the link of a peer with a link-local address (RFC 4007); others are routed. */
		uint16_t iface = ip_is_6(ip) ? (uint16_t)out[i].nh : IFACE_NONE;
		*p = (struct pkt){.m = out[i].m, .iface = iface, .from = FROM_US, .table = DP_TABLE_ACCESS};
		p->dst = ip_is_6(ip) ? 0 : be32(ip + 16);
		p->nh = NH_NONE;
		p->l4 = ip_is_6(ip) ? 40 : 20;
	}
}

bool
stream_icmp(struct lcore *lc, const struct pkt *p)
{
	struct rte_mbuf *m = p->m;
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t have = m->data_len > p->l4 ? (uint32_t)m->data_len - p->l4 : 0, len = m->pkt_len - p->l4;
	enum tcp_error error;
	struct tcp_quote q;
	uint16_t sum = 0;
	if (!lc->tcp || !quote_parse(ip + p->l4, have, ip_is_6(ip), &error, &q))
		return false;
	if (ip_is_6(ip)) {
		if (!ip_checksum_ok(m, p->l4, IP6_PROTO_ICMP, len))
			return false;
	} else if (rte_raw_cksum_mbuf(m, p->l4, len, &sum) < 0 || sum != 0xffff) {
		return false;
	}
	enum drop why = tcp_icmp(lc->tcp, error, &q);
	if (why == DROP_NONE)
		rte_pktmbuf_free(m);
	else
		lcore_drop(lc, m, why);
	return true;
}

/* --- what is spoken */

static void
opened(struct lcore *lc, const struct tcp_opened *o, struct tcp_burst *burst)
{
	uint64_t user = stream_user(DP_STREAM_ECHO, 0);
	if (stream_kind(o->user) == DP_STREAM_ECHO)
		tcp_set_user(lc->tcp, o->conn, user);
	else
		user = conn_opened(lc, o);
	/* What came with the opening has the listener's number still. */
	for (unsigned i = 0; i < burst->n_data; i++)
		if (burst->data[i].conn == o->conn)
			burst->data[i].user = user;
}

static void
data(struct lcore *lc, const struct tcp_data *d)
{
	if (stream_kind(d->user) == DP_STREAM_ECHO)
		echo_data(lc, d);
	else
		conn_data(lc, d);
}

static void
events(struct lcore *lc)
{
	struct tcp_event ev[GRANTS];
	unsigned n = tcp_events(lc->tcp, ev, GRANTS);
	for (unsigned i = 0; i < n; i++)
		if (stream_kind(ev[i].user) != DP_STREAM_ECHO)
			conn_event(lc, &ev[i]);
		else if (ev[i].what & TCP_FIN && !(ev[i].what & TCP_GONE))
			tcp_shutdown(lc->tcp, ev[i].conn);
}

static void
grants(struct lcore *lc)
{
	struct tcp_grant g[GRANTS];
	unsigned n = tcp_grant(lc->tcp, g, GRANTS);
	for (unsigned i = 0; i < n; i++)
		if (stream_kind(g[i].user) != DP_STREAM_ECHO)
			conn_granted_soon(lc, &g[i]);
	for (unsigned i = 0; i < n; i++)
		if (stream_kind(g[i].user) == DP_STREAM_ECHO)
			echo_granted(lc, &g[i]);
		else
			conn_granted(lc, &g[i]);
}

/* --- echo, for tests (RFC 862): what comes goes back as it came.  The window opens by as much as can leave: `user` counts
 * what is owed to it. */

static void
echo_data(struct lcore *lc, const struct tcp_data *d)
{
	if (tcp_append(lc->tcp, d->conn, d->m) < 0) {
		rte_pktmbuf_free(d->m);
		tcp_abort(lc->tcp, d->conn);
		return;
	}
	tcp_set_user(lc->tcp, d->conn, stream_user(DP_STREAM_ECHO, (d->user >> 8) + d->len));
	tcp_want(lc->tcp, d->conn);
}

static void
echo_granted(struct lcore *lc, const struct tcp_grant *g)
{
	struct tcp_info info;
	uint64_t owed = g->user >> 8;
	if (!tcp_info(lc->tcp, g->conn, &info))
		return;
	/* As much as the send queue has room for beside a whole window. */
	uint64_t room = info.queued < QUEUE_BYTES - WINDOW_BYTES ? QUEUE_BYTES - WINDOW_BYTES - info.queued : 0;
	uint64_t n = owed < room ? owed : room;
	tcp_consumed(lc->tcp, g->conn, (uint32_t)n);
	tcp_set_user(lc->tcp, g->conn, stream_user(DP_STREAM_ECHO, owed - n));
	if (n < owed)
		tcp_want(lc->tcp, g->conn);
}
