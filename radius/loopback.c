#include "loopback.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct radius_client *client;
struct mono now;
struct server servers[4];
struct ended ended[ENDED_MAX];
unsigned n_ended;

static void
on_done(void *owner, uint64_t cookie, const struct radius_reply *r)
{
	(void)owner;
	ended[n_ended % ENDED_MAX].cookie = cookie;
	ended[n_ended % ENDED_MAX].tried = r->tried;
	ended[n_ended % ENDED_MAX].silent = r->silent;
	ended[n_ended % ENDED_MAX].code = r->code;
	ended[n_ended % ENDED_MAX].server = r->server;
	n_ended++;
}

static void
rnd(void *arg, void *bytes, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = (uint8_t)random();
}

void
server_open(struct server *s, const char *address)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(s->port)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(s->port)};
	bool v4 = inet_pton(AF_INET, address, &a.sin_addr) == 1;
	socklen_t n = v4 ? sizeof a : sizeof a6;
	struct sockaddr *p = v4 ? (struct sockaddr *)&a : (struct sockaddr *)&a6;
	if (!v4)
		assert_int_equal(inet_pton(AF_INET6, address, &a6.sin6_addr), 1);
	s->fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, p, n), 0);
	assert_int_equal(getsockname(s->fd, p, &n), 0);
	s->port = ntohs(v4 ? a.sin_port : a6.sin6_port);
}

bool
server_recv(struct server *s)
{
	socklen_t from_len = sizeof s->from;
	ssize_t n = recvfrom(s->fd, s->request, sizeof s->request, 0, (struct sockaddr *)&s->from, &from_len);
	if (n < 0)
		return false;
	s->from_len = from_len;
	s->len = (size_t)n;
	return true;
}

void
server_send(struct server *s, const void *p, size_t n)
{
	assert_int_equal(sendto(s->fd, p, n, 0, (struct sockaddr *)&s->from, s->from_len), n);
}

/* A right answer to the last request, to be spoilt. */
size_t
make_reply(struct server *s, uint8_t code, uint8_t *out, bool sign)
{
	struct wr w = wr_init(out, RADIUS_PACKET_MAX);
	wr_u8(&w, code);
	wr_u8(&w, s->request[1]);
	(void)wr_room(&w, 18);
	if (sign)
		radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, (uint8_t[16]){0}, 16);
	radius_put_text(&w, RADIUS_REPLY_MESSAGE, "welcome");
	radius_sign_reply(out, wr_len(&w), sign ? 22 : 0, SECRET, s->request + 4);
	return wr_len(&w);
}

void
reply(struct server *s, uint8_t code)
{
	uint8_t out[RADIUS_PACKET_MAX];
	size_t n = make_reply(s, code, out, true);
	server_send(s, out, n);
}

void
step(int64_t ms)
{
	now = mono_add_ms(now, ms);
	radius_client_step(client, now);
}

struct radius_server_conf server_conf[4];

/* begin: n servers on the loopback; the caller may change server_conf and conf before. */
struct radius_client_conf
defaults(void)
{
	return (struct radius_client_conf){.servers = server_conf,
					   .source = {addr_from_ip4(0), {{0}}},
					   .timeout_ms = {3000, 3000},
					   .max_try = 3,
					   .max_auth = 1024,
					   .max_acct = 1024,
					   .random = rnd,
					   .done = on_done};
}

void
open_servers(unsigned n)
{
	now = (struct mono){1000000000};
	n_ended = 0;
	for (unsigned i = 0; i < n; i++) {
		servers[i] = (struct server){0};
		server_open(&servers[i], "127.0.0.1");
		server_conf[i] = (struct radius_server_conf){.address = addr_from_ip4(0x7f000001),
							     .secret = SECRET,
							     .port = {servers[i].port, servers[i].port},
							     .fail_time_s = 30,
							     .max_fail = 3};
	}
}

void
open_client(struct radius_client_conf conf, unsigned n)
{
	char err[128];
	conf.n_servers = n;
	client = radius_client_new(&conf, now, err, sizeof err);
	assert_non_null(client);
}

void
begin(unsigned n)
{
	open_servers(n);
	open_client(defaults(), n);
}

void
end(unsigned n)
{
	radius_client_free(client);
	for (unsigned i = 0; i < n; i++)
		if (servers[i].fd >= 0)
			close(servers[i].fd);
}

enum radius_err
ask_as(enum radius_role role, uint64_t cookie)
{
	uint8_t attributes[64];
	struct wr w = wr_init(attributes, sizeof attributes);
	radius_put_text(&w, RADIUS_USER_NAME, "bob");
	return radius_client_submit(client,
				    &(struct radius_request){.role = role,
							     .cookie = cookie,
							     .attributes = attributes,
							     .len = wr_len(&w),
							     .event = now,
							     .give_up = mono_add_s(now, 20)},
				    now);
}

void
ask(uint64_t cookie)
{
	assert_int_equal(ask_as(RADIUS_AUTH, cookie), RADIUS_OK);
	step(0);
}

uint64_t
refused(unsigned server, enum radius_err e)
{
	struct radius_port_stats s;
	radius_client_stats(client, server, RADIUS_AUTH, &s);
	return s.refused[e];
}
