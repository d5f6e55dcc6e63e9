/* radius_bench.c - logins and accounting records a second, ours beside a bare engine, against the same FreeRADIUS.
 *
 * The bare engine is what no client can undercut: packets built before, one connected socket, a window of 200, answers
 * counted and not looked at.  Ours builds, hides, signs, times, verifies and reads.  Both are one thread beside the
 * server on the same machine: the server is the limit, so CPU time of the client per request is printed as well.
 *
 *	RADDB=tests/radius/raddb build/bench/millrace-bench-radius [REQUESTS]
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <radius/client.h>

#include "freeradius.h"

#define SECRET "testing123"

struct outcome {
	double seconds, cpu_us;
	unsigned answered, lost, wrong;
};

static unsigned done, good;

static struct mono
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

static double
cpu_us(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static size_t
attributes(enum radius_role role, unsigned i, uint8_t *out, size_t size)
{
	struct wr w = wr_init(out, size);
	char sid[20];
	snprintf(sid, sizeof sid, "bench-%08u", i);
	radius_put_text(&w, RADIUS_USER_NAME, "pap1");
	radius_put_text(&w, RADIUS_NAS_IDENTIFIER, "bench");
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid);
	if (role == RADIUS_ACCT)
		radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, 1);
	return wr_len(&w);
}

/* --- bare ------------------------------------------------------------------------------------------------------------ */

static size_t
build(enum radius_role role, unsigned i, uint8_t *packet)
{
	struct wr w = wr_init(packet, 512);
	uint8_t hidden[RADIUS_PASSWORD_MAX], rest[256], authenticator[16] = {0};
	memcpy(authenticator, &i, sizeof i);
	wr_u8(&w, role == RADIUS_AUTH ? RADIUS_ACCESS_REQUEST : RADIUS_ACCOUNTING_REQUEST);
	wr_u8(&w, (uint8_t)i);
	wr_be16(&w, 0);
	wr_bytes(&w, authenticator, 16);
	if (role == RADIUS_AUTH) {
		radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, authenticator, 16);
		radius_put(&w, RADIUS_USER_PASSWORD, hidden, radius_hide(hidden, "pappw", 5, SECRET, authenticator));
	}
	wr_bytes(&w, rest, attributes(role, i, rest, sizeof rest));
	radius_sign_request(packet, wr_len(&w), role == RADIUS_AUTH ? 22 : 0, SECRET);
	return wr_len(&w);
}

static struct outcome
bare(enum radius_role role, uint16_t port, unsigned n)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint8_t(*packets)[512] = malloc((size_t)n * 512), in[RADIUS_PACKET_MAX];
	uint16_t *len = malloc(n * sizeof *len);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (!packets || !len || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		exit(1);
	for (unsigned i = 0; i < n; i++)
		len[i] = (uint16_t)build(role, i, packets[i]);
	struct outcome o = {0};
	struct mono began = now(), last = began;
	int64_t stalled_us = 0, before_last_us = 0;
	double cpu = cpu_us();
	for (unsigned sent = 0; o.answered + o.lost < n;) {
		for (; sent < n && sent - o.answered - o.lost < RADIUS_WINDOW; sent++)
			(void)!send(fd, packets[sent], len[sent], 0);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 2000) <= 0) { /* it does not send again: what is lost is lost */
			o.lost = sent - o.answered;
			stalled_us += 2000000;
			continue;
		}
		while (recv(fd, in, sizeof in, MSG_DONTWAIT) > 0)
			o.answered++;
		last = now();
		before_last_us = stalled_us;
	}
	o.seconds = (double)(mono_since_us(last, began) - before_last_us) / 1e6; /* not the wait for what is lost */
	o.cpu_us = cpu_us() - cpu;
	close(fd);
	free(packets);
	free(len);
	return o;
}

/* --- ours ------------------------------------------------------------------------------------------------------------ */

static void
on_done(void *owner, uint64_t cookie, const struct radius_reply *r)
{
	(void)owner;
	(void)cookie;
	done++;
	good += !r->silent && (r->code == RADIUS_ACCESS_ACCEPT || r->code == RADIUS_ACCOUNTING_RESPONSE);
}

static void
rnd(void *arg, void *bytes, size_t n)
{
	(void)arg;
	(void)!getrandom(bytes, n, 0);
}

static struct outcome
ours(enum radius_role role, const struct freeradius *f, unsigned n)
{
	struct radius_server_conf server = {.address = addr_from_ip4(0x7f000001),
					    .secret = SECRET,
					    .port = {f->auth_port, f->acct_port},
					    .fail_time_s = 30,
					    .max_fail = 100};
	struct radius_client_conf conf = {.servers = &server,
					  .n_servers = 1,
					  .source = {addr_from_ip4(0), {{0}}},
					  .timeout_ms = {3000, 3000},
					  .max_try = 5,
					  .max_auth = 1024,
					  .max_acct = 1024,
					  .random = rnd,
					  .done = on_done};
	char err[128];
	struct radius_client *c = radius_client_new(&conf, now(), err, sizeof err);
	if (!c)
		exit(1);
	done = good = 0;
	struct mono began = now();
	double cpu = cpu_us();
	for (unsigned sent = 0; done < n;) {
		for (; sent < n && sent - done < RADIUS_WINDOW; sent++) {
			uint8_t bytes[256];
			struct radius_request r = {.role = role,
						   .attributes = bytes,
						   .len = attributes(role, sent, bytes, sizeof bytes),
						   .password = role == RADIUS_AUTH ? "pappw" : NULL,
						   .password_len = 5,
						   .event = now(),
						   .give_up = mono_add_s(now(), 60)};
			(void)radius_client_submit(c, &r, now());
		}
		struct pollfd p = {.fd = radius_client_fd(c), .events = POLLIN};
		radius_client_step(c, now());
		poll(&p, 1, 1);
	}
	struct outcome o = {(double)mono_since_us(now(), began) / 1e6, cpu_us() - cpu, good, done - good, 0};
	radius_client_free(c);
	return o;
}

static void
print(const char *what, const char *who, unsigned n, struct outcome o)
{
	printf("%-22s %-12s %8.0f a second %6.2f us CPU each %6u lost\n", what, who, n / o.seconds, o.cpu_us / n,
	       o.lost);
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 20000;
	struct freeradius f;

	role_assume_main();
	if (!freeradius_start(&f))
		return 1;
	print("logins (PAP)", "bare", n, bare(RADIUS_AUTH, f.auth_port, n));
	print("logins (PAP)", "ours", n, ours(RADIUS_AUTH, &f, n));
	print("accounting records", "bare", n, bare(RADIUS_ACCT, f.acct_port, n));
	print("accounting records", "ours", n, ours(RADIUS_ACCT, &f, n));
	freeradius_stop(&f);
	return 0;
}
