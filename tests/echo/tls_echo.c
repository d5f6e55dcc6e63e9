/* tls_echo.c - a TLS echo on our own TCP, for tests: what real clients do through both, with nothing of PPP or SSTP.
 *
 *	kernel, client ── tun ── [ dp/tcp ── tls-offload's record layer ] ── echo
 *	                                      OFFLOAD threads
 *
 * One loop as a worker core's, on a tun device instead of a port.  A listener for each port that is named: normal, or
 * legacy (TLS 1.0, 1.1).  What comes back is what came, record for record.  The window opens by what has been sent again.
 *
 *	millrace-tls-echo TUN ADDRESS CERTIFICATE KEY WIRE PORT [LEGACY-PORT]
 *
 * WIRE: what the line does to packets, both ways (wire.h): 0,0,0 nothing.
 *
 * Says "ready" when it listens, a line for each handshake that fails, and its counters at SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include <millrace/bytes.h>
#include <tls-offload/offload.h>
#include <tls-offload/tls.h>

#include "tcp/tcp.h"
#include "wire.h"

#define CONNS 256
#define MTU 1500
#define MBUFS 32767
#define WINDOW (256 * 1024)
#define SEGMENTS 64 /* of one packet to write */

struct echo {
	uint64_t tcp;
	struct tls_conn *tls;
	struct rte_mbuf *owed[1024]; /* to send again: a ring of plaintext chains */
	uint32_t head, tail;
	uint32_t unconsumed, owed_bytes;
	bool fin, over;
};

static struct echo conns[CONNS];
static struct tcp *tcp;
static struct tls_core *core;
static struct rte_mempool *pool;
static struct wire wire_up, wire_down;
static int tun;
static uint64_t drops[DROP_COUNT];
static volatile sig_atomic_t stopped;

static void
die(const char *what)
{
	fprintf(stderr, "millrace-tls-echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct mono
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

/* --- start ------------------------------------------------------------------------------------------------------- */

static void
start_eal(void)
{
	char prefix[48];
	snprintf(prefix, sizeof prefix, "--file-prefix=echo%d", (int)getpid());
	char *argv[] = {"echo",          "--no-huge", "--no-shconf",    "--no-pci", "--no-telemetry",
			"--log-level=3", prefix,      "--lcores=0@0-1", "-m",       "256"};
	if (rte_eal_init(RTE_DIM(argv), argv) < 0)
		die("rte_eal_init");
	rmdir(rte_eal_get_runtime_dir());
	pool = rte_pktmbuf_pool_create("echo", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		die("mbufs");
}

static void
start_tun(const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &r) < 0)
		die(name);
}

static void
start_tcp(void)
{
	struct tcp_start s = {.limits = {.conns = CONNS,
					 .active = CONNS,
					 .half_open = 1024,
					 .time_waits = 1024,
					 .segments = MBUFS,
					 .send_mbufs = MBUFS / 2,
					 .reorder_mbufs = MBUFS / 8,
					 .rcv_bytes = WINDOW,
					 .snd_bytes = 2 * WINDOW,
					 .mtu = MTU},
			      .pool = pool,
			      .drops = drops};
	role_assume_init();
	if (getrandom(s.key, sizeof s.key, 0) != sizeof s.key)
		die("getrandom");
	void *memory = rte_zmalloc("tcp", tcp_bytes(&s.limits), 64);
	if (!memory)
		die("memory");
	tcp = tcp_init(memory, &s, now());
}

static struct tls_offload *
start_tls(const char *certificate, const char *key)
{
	struct tls_certificate c = {.certificate = certificate, .private_key = key};
	struct tls_contexts_conf conf = {.certificates = &c,
					 .n_certificates = 1,
					 .versions = TLS_V1_2 | TLS_V1_3,
					 .prefer_server_ciphers = true};
	struct tls_offload_conf o = {.threads = 1, .cores = 1, .connections = CONNS, .max_relayed = CONNS};
	struct tls_error wrong;
	char err[256];
	role_assume_init();
	role_assume_main();
	struct tls_contexts *contexts = tls_contexts_new(&conf, NULL, time(NULL), &wrong);
	struct tls_offload *off = tls_offload_new(&o);
	if (!contexts || !off) {
		fprintf(stderr, "millrace-tls-echo: %s\n", contexts ? "memory" : wrong.text);
		exit(1);
	}
	tls_offload_contexts_set(off, contexts);
	core = tls_core_new(
		&(struct tls_core_conf){
			.connections = CONNS, .cryptodev = -1, .socket = SOCKET_ID_ANY, .mbufs = pool, .offload = off},
		err, sizeof err);
	if (!core || tls_offload_start(off))
		die("TLS");
	return off;
}

/* --- packets ----------------------------------------------------------------------------------------------------- */

/* read_packets: at most a burst; the checks that dp's stages before TCP do are done here. */
static void
read_packets(void)
{
	for (unsigned n = 0; n < TCP_BURST; n++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		if (!m)
			break;
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
		ssize_t got = read(tun, p, MTU);
		if (got < 40 || (p[0] >> 4 != 4 && p[0] >> 4 != 6) || p[p[0] >> 4 == 4 ? 9 : 6] != IPPROTO_TCP) {
			rte_pktmbuf_free(m);
			if (got < 0)
				break;
			continue;
		}
		m->data_len = (uint16_t)got;
		m->pkt_len = (uint32_t)got;
		wire_put(&wire_up, m, now());
	}
}

static unsigned
arrived(struct tcp_in *in)
{
	struct rte_mbuf *m;
	unsigned n = 0;
	read_packets();
	while (n < TCP_BURST && (m = wire_get(&wire_up, now()))) {
		const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
		in[n++] = (struct tcp_in){.m = m, .l4 = p[0] >> 4 == 4 ? (uint16_t)((p[0] & 15) * 4) : 40};
	}
	return n;
}

static void
write_packet(struct rte_mbuf *packet)
{
	struct iovec v[SEGMENTS];
	int segments = 0;
	for (struct rte_mbuf *m = packet; m && segments < SEGMENTS; m = m->next)
		v[segments++] = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
	if (writev(tun, v, segments) < 0 && errno != EAGAIN && errno != EIO)
		die("tun");
	rte_pktmbuf_free(packet);
}

static unsigned
write_packets(void)
{
	struct tcp_out out[TCP_BURST];
	role_assume_lcore();
	unsigned n = tcp_output(tcp, out, TCP_BURST);
	for (unsigned i = 0; i < n; i++)
		wire_put(&wire_down, out[i].m, now());
	for (struct rte_mbuf *m; (m = wire_get(&wire_down, now())); n++)
		write_packet(m);
	return n;
}

/* --- connections ------------------------------------------------------------------------------------------------- */

static void
opened(const struct tcp_opened *o)
{
	enum tls_refused why;
	role_assume_lcore();
	for (unsigned i = 0; i < CONNS; i++) {
		struct echo *e = &conns[i];
		if (e->tcp)
			continue;
		struct tls_conn *tls = tls_accept(core, i, (enum tls_listener)o->user, now(), &why);
		if (!tls)
			break;
		*e = (struct echo){.tcp = o->conn, .tls = tls};
		tcp_set_user(tcp, o->conn, i);
		return;
	}
	tcp_abort(tcp, o->conn);
}

static void
forget(struct echo *e)
{
	role_assume_lcore();
	while (e->head != e->tail)
		rte_pktmbuf_free(e->owed[e->head++ % 1024]);
	tls_close(core, e->tls);
	*e = (struct echo){0};
}

/* consume: all but what TLS holds, and what is still to be sent again. */
static void
consume(struct echo *e)
{
	uint32_t waits = tls_held(e->tls) + e->owed_bytes;
	role_assume_lcore();
	if (e->tcp && e->unconsumed > waits) {
		tcp_consumed(tcp, e->tcp, e->unconsumed - waits);
		e->unconsumed = waits;
	}
}

static void
receive(const struct tcp_burst *b)
{
	role_assume_lcore();
	for (unsigned i = 0; i < b->n_opened; i++)
		opened(&b->opened[i]);
	for (unsigned i = 0; i < b->n_data; i++) {
		const struct tcp_data *d = &b->data[i];
		struct echo *e = NULL;
		for (unsigned k = 0; k < CONNS; k++)
			if (conns[k].tcp == d->conn)
				e = &conns[k];
		if (!e || e->over) {
			rte_pktmbuf_free(d->m);
			continue;
		}
		e->unconsumed += d->len;
		tls_open_begin(core, &(struct tls_chunk){e->tls, d->m}, 1);
	}
}

static void
over(struct echo *e)
{
	e->over = true;
}

static unsigned
tls_events(void)
{
	struct tls_event v[TLS_CHUNKS];
	role_assume_lcore();
	tls_step(core, now());
	unsigned n = tls_open_end(core, v, TLS_CHUNKS);
	for (unsigned i = 0; i < n; i++) {
		struct echo *e = &conns[tls_user(v[i].conn)];
		if (v[i].kind == TLS_EVENT_DATA) {
			e->owed_bytes += v[i].m->pkt_len;
			e->owed[e->tail++ % 1024] = v[i].m;
			if (e->tail - e->head == 1024)
				die("more records owed than the window has bytes for");
			tcp_want(tcp, e->tcp);
		} else if (v[i].kind != TLS_EVENT_UP) {
			over(e);
			if (v[i].kind != TLS_EVENT_CLOSED)
				fprintf(stderr, "%s: alert %s\n", tls_reason_text(v[i].reason),
					tls_alert_name(v[i].alert));
		}
	}
	return n;
}

static unsigned
tcp_news(void)
{
	struct tcp_event ev[TCP_BURST];
	role_assume_lcore();
	unsigned n = tcp_events(tcp, ev, TCP_BURST);
	for (unsigned i = 0; i < n; i++) {
		struct echo *e = ev[i].user < CONNS ? &conns[ev[i].user] : NULL;
		if (!e || e->tcp != ev[i].conn)
			continue;
		if (ev[i].what & TCP_GONE)
			forget(e);
		else if (ev[i].what & TCP_FIN)
			e->fin = true;
	}
	return n;
}

static void
granted(const struct tcp_grant *g)
{
	struct echo *e = &conns[g->user % CONNS];
	uint32_t room = g->room;
	role_assume_lcore();
	while (e->tcp == g->conn && e->head != e->tail && room) {
		struct rte_mbuf *m = e->owed[e->head % 1024];
		uint32_t len = m->pkt_len, wire = len + tls_overhead(e->tls);
		if (tls_room(e->tls) < len || !tls_seal_begin(core, &(struct tls_chunk){e->tls, m}, 1))
			break;
		e->head++;
		e->owed_bytes -= len;
		room -= wire < room ? wire : room;
	}
	if (e->tcp == g->conn && e->head != e->tail)
		tcp_want(tcp, e->tcp);
}

static void
append(struct echo *e, struct rte_mbuf *m)
{
	role_assume_lcore();
	int rc = tcp_append(tcp, e->tcp, m);
	if (rc < 0) {
		struct tcp_use use;
		tcp_use(tcp, &use);
		fprintf(stderr, "tcp_append: %s with %u bytes; %u segments, %u mbufs queued\n", strerror(-rc),
			m->pkt_len, use.segments, use.send_mbufs);
		rte_pktmbuf_free(m);
		over(e);
	}
}

static unsigned
send_sealed(void)
{
	struct tcp_grant g[TCP_BURST];
	struct tls_chunk chunks[TLS_CHUNKS];
	role_assume_lcore();
	unsigned grants = tcp_grant(tcp, g, TCP_BURST);
	for (unsigned i = 0; i < grants; i++)
		granted(&g[i]);
	unsigned n, total = grants;
	/* All of it: the next grants do not know of what is not appended yet. */
	do {
		n = tls_seal_end(core, chunks, TLS_CHUNKS);
		for (unsigned i = 0; i < n; i++)
			append(&conns[tls_user(chunks[i].conn)], chunks[i].m);
		total += n;
	} while (n == TLS_CHUNKS);
	return total;
}

/* ends: both sides are done, and all of ours is out. */
static void
ends(void)
{
	role_assume_lcore();
	for (unsigned i = 0; i < CONNS; i++) {
		struct echo *e = &conns[i];
		if (!e->tcp)
			continue;
		consume(e);
		if (e->fin && e->head == e->tail && !e->over && !tls_held(e->tls)) {
			tls_shutdown(core, e->tls);
			over(e);
		}
		if (e->over && !tls_unsent(e->tls)) {
			uint64_t conn = e->tcp;
			forget(e);
			tcp_close(tcp, conn);
		}
	}
}

static void
turn(void)
{
	static struct tcp_burst burst;
	struct tcp_in in[TCP_BURST];
	role_assume_lcore();
	unsigned n = arrived(in);
	tcp_now(tcp, now());
	tcp_rx(tcp, in, n, &burst);
	receive(&burst);
	tcp_timers(tcp, 512);
	n += tcp_news() + tls_events() + send_sealed();
	ends();
	n += write_packets();
	if (!n && !tls_pending(core))
		poll(&(struct pollfd){.fd = tun, .events = POLLIN}, 1, 1);
}

static void
on_signal(int number)
{
	(void)number;
	stopped = 1;
}

int
main(int argc, char **argv)
{
	struct addr any4 = {0};
	if (argc < 7 || !wire_parse(argv[5], &wire_up.conf)) {
		fprintf(stderr, "usage: millrace-tls-echo TUN ADDRESS CERTIFICATE KEY WIRE PORT [LEGACY-PORT]\n");
		return 2;
	}
	wire_down.conf = wire_up.conf;
	signal(SIGTERM, on_signal);
	start_tun(argv[1]);
	start_eal();
	start_tcp();
	struct tls_offload *off = start_tls(argv[3], argv[4]);
	role_assume_lcore();
	role_assume_init();
	any4 = addr_from_ip4(ntohl(inet_addr(argv[2])));
	for (int i = 6; i < argc; i++)
		if (tcp_listen(tcp, &any4, (uint16_t)atoi(argv[i]),
			       i == 6 ? TLS_LISTENER_NORMAL : TLS_LISTENER_LEGACY) < 0)
			die("listen");
	printf("ready\n");
	fflush(stdout);
	while (!stopped)
		turn();
	const struct tls_core_stats *s = tls_core_stats(core);
	printf("up %lu, resumed %lu, relayed %lu, opened %lu bytes, sealed %lu bytes\n", s->up, s->resumed, s->relayed,
	       s->opened_bytes, s->sealed_bytes);
	tls_offload_stop(off);
	return 0;
}
