/* dp/tcp and the kernel's TCP as peers, over a tun device in a namespace of its own: bulk both ways, clean and over a path that
 * delays, loses and reorders; many at once; both ways to open.  Exit 77 where no namespace can be made. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dut.h"
#include "sim.h"

#define FLOWS 50
#define QUEUE 8192
#define ECHO_PORT 7
#define CLOSED_PORT 8
#define KERNEL_PORT 9

enum { TO_STACK, TO_KERNEL };

/* A path, both ways. */
struct path {
	uint32_t delay_us, loss_ppm, reorder_ppm, reorder_us;
};

/* The kernel's side of a flow: sends, and compares what comes back. */
struct flow {
	int fd;
	uint64_t size, sent, received;
	bool done, refused;
};

static struct {
	int tun;
	struct tcp *t;
	struct mono now;
	uint64_t drops[DROP_COUNT];
	struct path path;
	struct sim random;
	struct waiting {
		int64_t at_us;
		struct rte_mbuf *m;
		bool used;
	} queue[2][QUEUE];
	struct flow flows[FLOWS];
	unsigned n_flows, opened, gone[TCP_GONE_COUNT];
	/* Of the connection that we open: what it sends, and has got. */
	uint64_t conn, to_send, sent, got;
	bool ours;
} w;

static void
die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
start_tun(void)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	snprintf(r.ifr_name, sizeof r.ifr_name, "tun0");
	if (unshare(CLONE_NEWNET) < 0 || (w.tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) < 0 ||
	    ioctl(w.tun, TUNSETIFF, &r) < 0) {
		fprintf(stderr, "no namespace or tun device: %s\n", strerror(errno));
		exit(77);
	}
	if (system("ip link set lo up; ip addr add 10.9.0.1/24 dev tun0; ip -6 addr add fd09::1/64 dev tun0 nodad;"
		   "ip link set tun0 txqueuelen 5000 up mtu 1500; sysctl -qw net.ipv4.tcp_no_metrics_save=1"))
		die("ip");
}

static void
start_stack(void)
{
	struct tcp_start s = {.limits = sim_limits(), .pool = sim_pool, .drops = w.drops};
	s.limits.send_mbufs = 30000;
	s.limits.segments = 40000;
	memset(s.key, 0x33, sizeof s.key);
	w.now.us = clock_us();
	w.t = tcp_init(aligned_alloc(64, tcp_bytes(&s.limits)), &s, w.now);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct addr a = dut_addr(v6, false);
		tcp_listen(w.t, &a, ECHO_PORT, 0);
	}
	w.random.rng = 42;
}

/* --- the path */

static void
depart(unsigned dir, struct rte_mbuf *m)
{
	const struct path *p = &w.path;
	int64_t at = w.now.us + p->delay_us + (sim_chance(&w.random, p->reorder_ppm) ? p->reorder_us : 0);
	if (sim_chance(&w.random, p->loss_ppm)) {
		rte_pktmbuf_free(m);
		return;
	}
	for (unsigned i = 0; i < QUEUE; i++)
		if (!w.queue[dir][i].used) {
			w.queue[dir][i] = (struct waiting){at, m, true};
			return;
		}
	rte_pktmbuf_free(m);
}

/* arrivals: in order of their time; up to a burst. */
static unsigned
arrivals(unsigned dir, struct rte_mbuf **m, unsigned max)
{
	unsigned n = 0;
	while (n < max) {
		struct waiting *first = NULL;
		for (unsigned i = 0; i < QUEUE; i++) {
			struct waiting *q = &w.queue[dir][i];
			if (q->used && q->at_us <= w.now.us && (!first || q->at_us < first->at_us))
				first = q;
		}
		if (!first)
			break;
		first->used = false;
		m[n++] = first->m;
	}
	return n;
}

static unsigned
from_tun(void)
{
	unsigned n = 0;
	for (; n < 256; n++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(sim_pool);
		if (!m)
			break;
		ssize_t len = read(w.tun, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
		const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
		if (len <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		if (len < 40 || (ip[0] >> 4 == 4 ? ip[9] : ip[6]) != 6) {
			rte_pktmbuf_free(m);
			continue;
		}
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
		depart(TO_STACK, m);
	}
	return n;
}

static void
to_tun(struct rte_mbuf *m)
{
	uint8_t buf[2048];
	const void *p = rte_pktmbuf_read(m, 0, m->pkt_len, buf);
	if (write(w.tun, p, m->pkt_len) < 0 && errno != EAGAIN)
		die("tun");
	rte_pktmbuf_free(m);
}

/* --- our side: echo, or the active flow */

static void
push_ours(void)
{
	uint8_t buf[8192];
	while (w.ours && w.sent < w.to_send) {
		uint32_t n = w.to_send - w.sent < sizeof buf ? (uint32_t)(w.to_send - w.sent) : (uint32_t)sizeof buf;
		for (uint32_t i = 0; i < n; i++)
			buf[i] = dut_octet(true, w.sent + i);
		int took = tcp_push(w.t, w.conn, buf, n);
		if (took <= 0)
			return;
		w.sent += (unsigned)took;
		if (w.sent == w.to_send)
			tcp_shutdown(w.t, w.conn);
		if ((uint32_t)took < n)
			return;
	}
}

static void
take(const struct tcp_burst *b)
{
	for (unsigned i = 0; i < b->n_opened; i++) {
		w.opened++;
		tcp_set_delayed_ack(w.t, b->opened[i].conn, true);
		tcp_set_user(w.t, b->opened[i].conn, 0);
	}
	for (unsigned i = 0; i < b->n_data; i++) {
		const struct tcp_data *d = &b->data[i];
		if (w.ours && d->conn == w.conn) {
			for (const struct rte_mbuf *m = d->m; m; m = m->next)
				for (unsigned k = 0; k < m->data_len; k++)
					if (*rte_pktmbuf_mtod_offset(m, uint8_t *, k) != dut_octet(false, w.got++))
						die("stream of the kernel differs");
			rte_pktmbuf_free(d->m);
			tcp_consumed(w.t, d->conn, d->len);
		} else {
			if (tcp_append(w.t, d->conn, d->m) < 0)
				die("the queue is full");
			tcp_set_user(w.t, d->conn, d->user + d->len);
			tcp_want(w.t, d->conn);
		}
	}
}

static void
stack_turn(void)
{
	struct rte_mbuf *m[TCP_BURST];
	struct tcp_in in[TCP_BURST];
	struct tcp_grant g[64];
	struct tcp_event ev[64];
	struct tcp_out out[64];
	static struct tcp_burst b;
	unsigned n;
	tcp_now(w.t, w.now);
	while ((n = arrivals(TO_STACK, m, TCP_BURST))) {
		for (unsigned i = 0; i < n; i++)
			in[i] = (struct tcp_in){m[i], *rte_pktmbuf_mtod(m[i], uint8_t *) >> 4 == 4 ? 20 : 40, 0};
		tcp_rx(w.t, in, n, &b);
		take(&b);
	}
	tcp_timers(w.t, 512);
	n = tcp_events(w.t, ev, 64);
	for (unsigned i = 0; i < n; i++) {
		if (ev[i].what & TCP_GONE)
			w.gone[ev[i].gone]++;
		else if (ev[i].what & TCP_FIN && !(w.ours && ev[i].conn == w.conn))
			tcp_shutdown(w.t, ev[i].conn);
	}
	push_ours();
	n = tcp_grant(w.t, g, 64);
	for (unsigned i = 0; i < n; i++) {
		struct tcp_info info;
		tcp_info(w.t, g[i].conn, &info);
		uint64_t room = info.queued < 262144 ? 262144 - info.queued : 0,
			 c = g[i].user < room ? g[i].user : room;
		tcp_consumed(w.t, g[i].conn, (uint32_t)c);
		tcp_set_user(w.t, g[i].conn, g[i].user - c);
		if (c < g[i].user)
			tcp_want(w.t, g[i].conn);
	}
	while ((n = tcp_output(w.t, out, 64)))
		for (unsigned i = 0; i < n; i++)
			depart(TO_KERNEL, out[i].m);
	while ((n = arrivals(TO_KERNEL, m, TCP_BURST)))
		for (unsigned i = 0; i < n; i++)
			to_tun(m[i]);
}

/* --- the kernel's side */

static socklen_t
sockaddr_of(struct sockaddr_storage *s, bool v6, bool peer, uint16_t port)
{
	struct addr a = dut_addr(v6, peer);
	memset(s, 0, sizeof *s);
	if (v6) {
		struct sockaddr_in6 *l = (void *)s;
		*l = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
		memcpy(&l->sin6_addr, a.b, 16);
		return sizeof *l;
	}
	struct sockaddr_in *l = (void *)s;
	*l = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr_ip4(&a))};
	return sizeof *l;
}

static void
flow_open(bool v6, uint16_t port, uint64_t size)
{
	struct sockaddr_storage to;
	socklen_t len = sockaddr_of(&to, v6, false, port);
	struct flow *f = &w.flows[w.n_flows++];
	*f = (struct flow){.fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .size = size};
	if (connect(f->fd, (void *)&to, len) < 0 && errno != EINPROGRESS)
		die("connect");
}

static void
flow_turn(struct flow *f)
{
	static uint8_t buf[65536];
	ssize_t n;
	while (f->sent < f->size) {
		size_t want = f->size - f->sent < 16384 ? f->size - f->sent : 16384;
		for (size_t i = 0; i < want; i++)
			buf[i] = dut_octet(false, f->sent + i);
		n = send(f->fd, buf, want, MSG_NOSIGNAL);
		if (n < 0) {
			f->refused = errno == ECONNREFUSED;
			f->done |= errno != EAGAIN && errno != ENOTCONN;
			break;
		}
		f->sent += (size_t)n;
		if (f->sent == f->size)
			shutdown(f->fd, SHUT_WR);
	}
	while (!f->done && (n = recv(f->fd, buf, sizeof buf, 0)) >= 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != dut_octet(w.ours, f->received++))
				die("stream differs");
		f->done = n == 0;
	}
}

static void
run(const char *what, double limit_s)
{
	int64_t began = clock_us();
	bool all = false;
	while (!all && clock_us() - began < limit_s * 1e6) {
		w.now.us = clock_us();
		unsigned n = from_tun();
		stack_turn();
		all = true;
		for (unsigned i = 0; i < w.n_flows; i++) {
			if (!w.flows[i].done)
				flow_turn(&w.flows[i]);
			all &= w.flows[i].done;
		}
		/* The kernel is done when it has taken our bytes; its own may still be on their way to us. */
		all &= !w.ours || w.got >= w.flows[0].size;
		if (!n)
			usleep(50);
	}
	uint64_t octets = 0;
	for (unsigned i = 0; i < w.n_flows; i++) {
		const struct flow *f = &w.flows[i];
		uint64_t expected = w.ours ? w.to_send : f->size;
		octets += f->received + f->sent;
		if (!f->refused && (!f->done || f->received != expected)) {
			fprintf(stderr, "%s: flow %u: %s, sent %llu, received %llu of %llu\n", what, i,
				f->done ? "done" : "stuck", (unsigned long long)f->sent,
				(unsigned long long)f->received, (unsigned long long)expected);
			exit(1);
		}
		close(w.flows[i].fd);
	}
	double s = (double)(clock_us() - began) / 1e6;
	printf("%-40s %u flows, %.1f MB, %.2f s, %.0f Mbit/s; %llu sent again, %llu timeouts\n", what, w.n_flows,
	       (double)octets / 1e6, s, (double)octets * 8 / 1e6 / s,
	       (unsigned long long)tcp_stats(w.t)[TCP_STAT_RETRANSMITS],
	       (unsigned long long)tcp_stats(w.t)[TCP_STAT_RTOS]);
	fflush(stdout);
	w.n_flows = 0;
	w.ours = false;
}

static void
active_open(bool v6)
{
	struct sockaddr_storage at;
	socklen_t len = sockaddr_of(&at, v6, true, KERNEL_PORT);
	int one = 1, l = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(l, (void *)&at, len) < 0 || listen(l, 4) < 0)
		die("listen");
	struct tcp_connect c = {.local = dut_addr(v6, false), .peer = dut_addr(v6, true), .peer_port = KERNEL_PORT};
	w.now.us = clock_us();
	tcp_now(w.t, w.now);
	if (tcp_connect(w.t, &c, &w.conn) < 0)
		die("tcp_connect");
	w.ours = true;
	w.sent = w.got = 0;
	w.to_send = 4000000;
	int fd = -1;
	for (int64_t end = clock_us() + 5000000; fd < 0 && clock_us() < end;) {
		w.now.us = clock_us();
		from_tun();
		stack_turn();
		fd = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	}
	if (fd < 0)
		die("accept");
	w.flows[w.n_flows++] = (struct flow){.fd = fd, .size = 3000000};
	run(v6 ? "we open, IPv6" : "we open, IPv4", 30);
	close(l);
	if (w.got != 3000000)
		die("not all of the kernel's stream");
}

static void
refusals(void)
{
	flow_open(false, CLOSED_PORT, 10);
	run("to a closed port", 5);
	if (!w.flows[0].refused)
		die("not refused");
	struct tcp_connect c = {
		.local = dut_addr(false, false), .peer = dut_addr(false, true), .peer_port = CLOSED_PORT};
	if (tcp_connect(w.t, &c, &w.conn) < 0)
		die("tcp_connect");
	for (int64_t end = clock_us() + 2000000; !w.gone[TCP_GONE_REFUSED] && clock_us() < end;) {
		w.now.us = clock_us();
		from_tun();
		stack_turn();
	}
	if (!w.gone[TCP_GONE_REFUSED])
		die("the kernel's RST was not heard");
}

/* serve: for tools that look at a stack from outside (nsenter -n -t PID nmap -O 10.9.0.2). */
static int
serve(double s)
{
	for (int64_t end = clock_us() + (int64_t)(s * 1e6); clock_us() < end; usleep(50)) {
		w.now.us = clock_us();
		from_tun();
		stack_turn();
	}
	return 0;
}

int
main(int argc, char **argv)
{
	sim_start(40000);
	start_tun();
	start_stack();
	if (argc == 3 && !strcmp(argv[1], "--serve"))
		return serve(atof(argv[2]));
	flow_open(false, ECHO_PORT, 32000000);
	run("clean, IPv4", 60);
	flow_open(true, ECHO_PORT, 32000000);
	run("clean, IPv6", 60);
	for (unsigned i = 0; i < FLOWS; i++)
		flow_open(i & 1, ECHO_PORT, 300000);
	run("many at once", 60);
	active_open(false);
	active_open(true);
	refusals();
	w.path = (struct path){.delay_us = 10000, .loss_ppm = 10000, .reorder_ppm = 50000, .reorder_us = 5000};
	flow_open(false, ECHO_PORT, 4000000);
	run("20 ms, 1 % loss, 5 % reordering", 90);
	w.path = (struct path){.delay_us = 10000, .loss_ppm = 140000};
	for (unsigned i = 0; i < 10; i++)
		flow_open(i & 1, ECHO_PORT, 3000);
	run("20 ms, 14 % loss, ten short ones", 90);
	return 0;
}
