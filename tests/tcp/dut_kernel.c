/* The kernel's stack as the device under test, behind a tun device in a network namespace of its own: to test the tests. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <millrace/bytes.h>

#include "dut.h"

static struct {
	struct dut_conf conf;
	int tun, listener, conn;
	uint64_t received, sent;
	bool fin, reset, wrong;
} k = {.tun = -1, .listener = -1, .conn = -1};

static void
command(const char *line)
{
	if (system(line))
		fprintf(stderr, "failed: %s\n", line);
}

static void
start(void)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	snprintf(r.ifr_name, sizeof r.ifr_name, "tun0");
	if (unshare(CLONE_NEWNET) < 0 || (k.tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK)) < 0 ||
	    ioctl(k.tun, TUNSETIFF, &r) < 0) {
		fprintf(stderr, "no namespace or tun device: %s\n", strerror(errno));
		exit(77);
	}
	command("ip link set lo up; ip addr add 10.9.0.2/24 dev tun0; ip -6 addr add fd09::2/64 dev tun0 nodad; ip "
		"link set tun0 up mtu 1500");
	command("sysctl -qw net.ipv4.tcp_syn_retries=5 net.ipv4.tcp_metrics_save=0 net.ipv4.tcp_no_metrics_save=1 "
		"2>/dev/null || "
		"sysctl -qw net.ipv4.tcp_no_metrics_save=1");
}

static void
fini(void)
{
	struct linger l = {1, 0};
	if (k.conn >= 0) {
		setsockopt(k.conn, SOL_SOCKET, SO_LINGER, &l, sizeof l);
		close(k.conn);
	}
	if (k.listener >= 0)
		close(k.listener);
	k.conn = k.listener = -1;
}

static void
reset(const struct dut_conf *conf)
{
	uint8_t buf[2048];
	int tun = k.tun;
	fini();
	memset(&k, 0, sizeof k);
	k.tun = tun;
	k.conn = k.listener = -1;
	k.conf = *conf;
	if (k.tun < 0)
		start();
	while (read(k.tun, buf, sizeof buf) > 0)
		;
}

static int64_t
now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* pump: what the application does of itself: accept and read. */
static void
pump(void)
{
	uint8_t buf[4096];
	ssize_t n;
	if (k.listener >= 0 && k.conn < 0)
		k.conn = accept4(k.listener, NULL, NULL, SOCK_NONBLOCK);
	while (k.conn >= 0 && !k.conf.paused && !k.fin && !k.reset && (n = recv(k.conn, buf, sizeof buf, 0)) != 0) {
		if (n < 0) {
			k.reset |= errno == ECONNRESET || errno == ECONNREFUSED || errno == ETIMEDOUT;
			return;
		}
		for (ssize_t i = 0; i < n; i++)
			k.wrong |= buf[i] != dut_octet(false, k.received++);
	}
	if (k.conn >= 0 && !k.conf.paused && !k.reset && !k.fin) {
		struct tcp_info i;
		socklen_t len = sizeof i;
		getsockopt(k.conn, IPPROTO_TCP, TCP_INFO, &i, &len);
		k.fin = i.tcpi_state != TCP_SYN_SENT;
	}
}

static void
inject(const uint8_t *ip, unsigned len)
{
	if (write(k.tun, ip, len) != (ssize_t)len)
		perror("tun");
	pump();
}

static unsigned
receive(uint8_t *ip, unsigned max, int64_t wait_us)
{
	for (int64_t end = now_us() + wait_us;;) {
		int64_t left = end - now_us();
		struct pollfd p = {k.tun, POLLIN, 0};
		pump();
		poll(&p, 1, left > 2000 ? 2 : left > 0 ? 1 : 0);
		ssize_t n = read(k.tun, ip, max);
		if (n >= 40 && (ip[0] >> 4 == 4 ? ip[9] == 6 : ip[6] == 6))
			return (unsigned)n;
		if (n <= 0 && left <= 0)
			return 0;
	}
}

static int
open_socket(struct sockaddr_storage *local, struct sockaddr_storage *peer, socklen_t *len)
{
	int one = 1, fd = socket(k.conf.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct addr a = dut_addr(k.conf.v6, false), b = dut_addr(k.conf.v6, true);
	struct sockaddr_in *l4 = (void *)local, *p4 = (void *)peer;
	struct sockaddr_in6 *l6 = (void *)local, *p6 = (void *)peer;
	memset(local, 0, sizeof *local);
	memset(peer, 0, sizeof *peer);
	if (k.conf.v6) {
		*l6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(DUT_PORT)};
		*p6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(k.conf.peer_port)};
		memcpy(&l6->sin6_addr, a.b, 16);
		memcpy(&p6->sin6_addr, b.b, 16);
	} else {
		*l4 = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = htons(DUT_PORT), .sin_addr.s_addr = htonl(addr_ip4(&a))};
		*p4 = (struct sockaddr_in){.sin_family = AF_INET,
					   .sin_port = htons(k.conf.peer_port),
					   .sin_addr.s_addr = htonl(addr_ip4(&b))};
	}
	*len = k.conf.v6 ? sizeof *l6 : sizeof *l4;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (k.conf.rcv_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &k.conf.rcv_bytes, sizeof k.conf.rcv_bytes);
	if (bind(fd, (void *)local, *len) < 0)
		perror("bind");
	return fd;
}

static bool
do_listen(void)
{
	struct sockaddr_storage l, p;
	socklen_t len;
	k.listener = open_socket(&l, &p, &len);
	return listen(k.listener, 16) == 0;
}

static bool
do_connect(void)
{
	struct sockaddr_storage l, p;
	socklen_t len;
	k.conn = open_socket(&l, &p, &len);
	return connect(k.conn, (void *)&p, len) == 0 || errno == EINPROGRESS;
}

static unsigned
fill(unsigned n)
{
	uint8_t buf[65536];
	pump();
	for (unsigned i = 0; i < n; i++)
		buf[i] = dut_octet(true, k.sent + i);
	ssize_t took = send(k.conn, buf, n, MSG_NOSIGNAL);
	k.sent += took > 0 ? (uint64_t)took : 0;
	return took > 0 ? (unsigned)took : 0;
}

static bool
do_send(unsigned n, unsigned record)
{
	(void)record;
	return fill(n) == n;
}

static void
window(unsigned n)
{
	setsockopt(k.conn, SOL_SOCKET, SO_RCVBUF, &n, sizeof n);
}

static void
do_read(void)
{
	k.conf.paused = false;
	pump();
}

static void
do_shutdown(void)
{
	pump();
	shutdown(k.conn, SHUT_WR);
}

static void
do_close(void)
{
	pump();
	close(k.conn);
	k.conn = -1;
	close(k.listener);
	k.listener = -1;
}

static void
do_abort(void)
{
	pump();
	fini();
}

static uint64_t
received(void)
{
	pump();
	return k.wrong ? UINT64_MAX : k.received;
}

static bool
saw(const char *event)
{
	pump();
	if (!strcmp(event, "OPEN"))
		return k.conn >= 0;
	if (!strcmp(event, "FIN"))
		return k.fin;
	if (!strcmp(event, "RESET") || !strcmp(event, "REFUSED"))
		return k.reset;
	return true;
}

static int64_t
counter(const char *name)
{
	(void)name;
	return -1;
}

static void
icmp(uint32_t dut_seq, uint16_t mtu)
{
	(void)dut_seq;
	(void)mtu;
}

static const char *
check(void)
{
	return k.wrong ? "octets received differ from those sent first" : NULL;
}

const struct dut dut_kernel = {
	.name = "linux",
	.real_time = true,
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
