/* Our stack as the device under test. */
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "dut.h"
#include "sim.h"

static struct {
	struct dut_conf conf;
	struct tcp *t;
	void *memory;
	struct mono now;
	uint64_t drops[DROP_COUNT];
	uint64_t conn, received, sent;
	unsigned unconsumed, opened, events, writables, gone_why;
	bool gone, wrong;
	struct rte_mbuf *out[1024];
	unsigned n_out, first_out;
} d;

static const char *const gone_names[TCP_GONE_COUNT] = {
	[TCP_GONE_CLOSED] = "CLOSED",   [TCP_GONE_RESET] = "RESET",         [TCP_GONE_REFUSED] = "REFUSED",
	[TCP_GONE_TIMEOUT] = "TIMEOUT", [TCP_GONE_KEEPALIVE] = "KEEPALIVE", [TCP_GONE_UNREACHABLE] = "UNREACHABLE",
	[TCP_GONE_ABORTED] = "ABORTED",
};

static void
fini(void)
{
	if (!d.t)
		return;
	tcp_fini(d.t);
	for (; d.first_out < d.n_out; d.first_out++)
		rte_pktmbuf_free(d.out[d.first_out]);
	free(d.memory);
	d.t = NULL;
}

static struct tcp_tuple
tuple(void)
{
	return (struct tcp_tuple){dut_addr(d.conf.v6, false), dut_addr(d.conf.v6, true), DUT_PORT, d.conf.peer_port, 0};
}

/* begin_at: at the time at which the clock of RFC 6528 gives this first number. */
static void
begin_at(const struct tcp_start *s, uint32_t iss)
{
	const struct tcp_tuple id = tuple();
	uint32_t now, ts;
	tcp_secrets(d.t, &id, &now, &ts);
	d.now.us += (int64_t)(iss - now) * 4;
	tcp_fini(d.t);
	d.t = tcp_init(d.memory, s, d.now);
}

static void
reset(const struct dut_conf *conf)
{
	fini();
	memset(&d, 0, sizeof d);
	d.conf = *conf;
	d.now.us = 5000000;
	struct tcp_start s = {.limits = sim_limits(), .pool = sim_pool, .drops = d.drops, .ecn = conf->ecn};
	if (conf->rcv_bytes)
		s.limits.rcv_bytes = conf->rcv_bytes;
	if (conf->snd_bytes)
		s.limits.snd_bytes = conf->snd_bytes;
	if (conf->half_open)
		s.limits.half_open = conf->half_open;
	if (conf->reorder_mbufs)
		s.limits.reorder_mbufs = conf->reorder_mbufs;
	s.user_timeout_ms = conf->user_timeout_ms;
	s.keepalive_ms = conf->keepalive_ms;
	memset(s.key, 0x5a, sizeof s.key);
	d.memory = aligned_alloc(64, tcp_bytes(&s.limits));
	d.t = tcp_init(d.memory, &s, d.now);
	if (conf->has_iss)
		begin_at(&s, conf->iss);
}

static void
take(const struct tcp_burst *b)
{
	for (unsigned i = 0; i < b->n_opened; i++) {
		d.conn = b->opened[i].conn;
		d.opened++;
		tcp_set_delayed_ack(d.t, d.conn, d.conf.delayed_ack);
	}
	for (unsigned i = 0; i < b->n_data; i++) {
		for (const struct rte_mbuf *m = b->data[i].m; m; m = m->next)
			for (unsigned k = 0; k < m->data_len; k++)
				d.wrong |= *rte_pktmbuf_mtod_offset(m, uint8_t *, k) != dut_octet(false, d.received++);
		rte_pktmbuf_free(b->data[i].m);
		if (d.conf.paused)
			d.unconsumed += b->data[i].len;
		else
			tcp_consumed(d.t, d.conn, b->data[i].len);
	}
}

static void
turn(void)
{
	struct tcp_event ev[8];
	struct tcp_out out[64];
	tcp_now(d.t, d.now);
	tcp_timers(d.t, 512);
	for (unsigned n; (n = tcp_events(d.t, ev, 8));)
		for (unsigned i = 0; i < n; i++) {
			d.events |= ev[i].what;
			d.writables += ev[i].what & TCP_WRITABLE ? 1 : 0;
			d.gone |= ev[i].what & TCP_GONE;
			if (ev[i].what & TCP_GONE)
				d.gone_why = ev[i].gone;
		}
	for (unsigned n; (n = tcp_output(d.t, out, 64));)
		for (unsigned i = 0; i < n && d.n_out < RTE_DIM(d.out); i++)
			d.out[d.n_out++] = out[i].m;
}

static void
inject(const uint8_t *ip, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
	struct tcp_burst b;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), ip, len);
	struct tcp_in in = {m, ip[0] >> 4 == 4 ? 20 : 40, 1};
	tcp_now(d.t, d.now);
	tcp_rx(d.t, &in, 1, &b);
	take(&b);
	turn();
}

static unsigned
receive(uint8_t *ip, unsigned max, int64_t wait_us)
{
	for (int64_t end = d.now.us + wait_us;;) {
		turn();
		if (d.first_out < d.n_out) {
			struct rte_mbuf *m = d.out[d.first_out++];
			unsigned len = m->pkt_len < max ? m->pkt_len : max;
			const uint8_t *p = rte_pktmbuf_read(m, 0, len, ip);
			if (p != ip)
				memcpy(ip, p, len);
			rte_pktmbuf_free(m);
			if (d.first_out == d.n_out)
				d.first_out = d.n_out = 0;
			return len;
		}
		if (d.now.us >= end)
			return 0;
		d.now.us += wait_us > 2000000 ? 1000 : 500;
	}
}

static int64_t
now_us(void)
{
	return d.now.us;
}

static bool
do_listen(void)
{
	struct addr a = dut_addr(d.conf.v6, false);
	return tcp_listen(d.t, &a, DUT_PORT, 0) == 0;
}

static bool
do_connect(void)
{
	struct tcp_connect w = {.local = dut_addr(d.conf.v6, false), .peer = dut_addr(d.conf.v6, true)};
	w.local_port = DUT_PORT;
	w.peer_port = d.conf.peer_port;
	bool ok = tcp_connect(d.t, &w, &d.conn) == 0;
	turn();
	return ok;
}

static unsigned
fill(unsigned n)
{
	uint8_t buf[65536];
	for (unsigned i = 0; i < n; i++)
		buf[i] = dut_octet(true, d.sent + i);
	int took = tcp_push(d.t, d.conn, buf, n);
	d.sent += took > 0 ? (unsigned)took : 0;
	return took > 0 ? (unsigned)took : 0;
}

static bool
do_send(unsigned n, unsigned record)
{
	if (record) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool), *last = m;
		for (unsigned i = 0; i < n; i++) {
			if (!rte_pktmbuf_tailroom(last))
				rte_pktmbuf_chain(m, last = rte_pktmbuf_alloc(sim_pool));
			*(uint8_t *)rte_pktmbuf_append(m, 1) = dut_octet(true, d.sent + i);
		}
		if (tcp_append(d.t, d.conn, m) < 0) {
			rte_pktmbuf_free(m);
			return false;
		}
		d.sent += n;
		return true;
	}
	return fill(n) == n;
}

static void
window(unsigned n)
{
	tcp_set_rcv_bytes(d.t, d.conn, n);
	turn();
}

static void
do_read(void)
{
	tcp_consumed(d.t, d.conn, d.unconsumed);
	d.unconsumed = 0;
	d.conf.paused = false;
}

static void
do_shutdown(void)
{
	tcp_shutdown(d.t, d.conn);
}

static void
do_close(void)
{
	tcp_close(d.t, d.conn);
}

static void
do_abort(void)
{
	tcp_abort(d.t, d.conn);
}

static uint64_t
received(void)
{
	return d.wrong ? UINT64_MAX : d.received;
}

static bool
saw(const char *event)
{
	turn();
	if (!strcmp(event, "OPEN"))
		return d.opened == 1;
	for (unsigned i = 0; i < TCP_GONE_COUNT; i++)
		if (!strcmp(event, gone_names[i]))
			return d.gone && d.gone_why == i;
	unsigned bit = !strcmp(event, "FIN") ? TCP_FIN : !strcmp(event, "WRITABLE") ? TCP_WRITABLE : TCP_GONE;
	return d.events & bit;
}

static int64_t
counter(const char *name)
{
	static const char *const stats[] = {
#define TCP_STAT(n, text) #n,
#include "stat.def"
#undef TCP_STAT
	};
	for (unsigned i = 0; i < TCP_STAT_COUNT; i++)
		if (!strcmp(stats[i], name))
			return (int64_t)tcp_stats(d.t)[i];
	for (unsigned i = 1; i < DROP_COUNT; i++)
		if (!strcmp(drop_row(i)->name, name))
			return (int64_t)d.drops[i];
	struct tcp_use u;
	struct tcp_info info;
	tcp_use(d.t, &u);
	if (!strcmp(name, "cwnd"))
		return tcp_info(d.t, d.conn, &info) ? (int64_t)info.cwnd : -1;
	return !strcmp(name, "writables")    ? d.writables
	       : !strcmp(name, "conns")      ? (int64_t)u.conns
	       : !strcmp(name, "half_open")  ? (int64_t)u.half_open
	       : !strcmp(name, "time_waits") ? (int64_t)u.time_waits
					     : -1;
}

static void
icmp(uint32_t dut_seq, uint16_t mtu)
{
	struct tcp_quote q = {
		.local = dut_addr(d.conf.v6, false), .peer = dut_addr(d.conf.v6, true), .seq = dut_seq, .mtu = mtu};
	q.local_port = DUT_PORT;
	q.peer_port = d.conf.peer_port;
	tcp_icmp(d.t, mtu ? TCP_ERROR_TOO_BIG : TCP_ERROR_UNREACHABLE, &q);
	turn();
}

static const char *
check(void)
{
	for (uint32_t i = 0; i < d.t->start.limits.conns; i++)
		if (d.t->conns[i].state != TCP_CLOSED && !tcp_check(d.t, &d.t->conns[i]))
			return "an invariant of conn.h is broken";
	return d.wrong ? "octets received differ from those sent first" : NULL;
}

const struct dut dut_stack = {
	.name = "millrace",
	.reset = reset,
	.fini = fini,
	.inject = inject,
	.receive = receive,
	.now_us = now_us,
	.listen = do_listen,
	.connect = do_connect,
	.send = do_send,
	.fill = fill,
	.window = window,
	.read = do_read,
	.shutdown = do_shutdown,
	.close = do_close,
	.abort = do_abort,
	.received = received,
	.saw = saw,
	.counter = counter,
	.icmp = icmp,
	.check = check,
};
