/* port.c - one port of a server: sockets, identifiers, health. */
#include "flight.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READS_PER_SOCKET 512
#define PROBE_MS 2000
#define SOCKET_BUFFER (1 << 20)

static socklen_t sockaddr_of(const struct addr *a, uint16_t port, struct sockaddr_storage *out);
static bool open_socket(struct port_socket *s) ON_MAIN;
static void close_socket(struct port_socket *s) ON_MAIN;
static void note_local(struct port_socket *s) ON_MAIN;
static void die(struct port *p) ON_MAIN;

bool
port_init(struct port *p, struct radius_client *c, const struct radius_server_conf *s, enum radius_role role)
{
	uint32_t window = s->req_limit ? s->req_limit : RADIUS_WINDOW;

	*p = (struct port){.client = c, .server = s, .role = role};
	p->used = s->port[role] != 0;
	p->window = window < PORT_SOCKETS * FLIGHT_PER_SOCKET ? window : PORT_SOCKETS * FLIGHT_PER_SOCKET;
	p->n_sockets = (p->window + FLIGHT_PER_SOCKET - 1) / FLIGHT_PER_SOCKET;
	p->sockets = calloc(p->n_sockets, sizeof *p->sockets);
	for (unsigned i = 0; p->sockets && i < p->n_sockets; i++) {
		p->sockets[i].fd = -1;
		p->sockets[i].port = p;
		client_random(c, &p->sockets[i].next_id, 1);
	}
	return p->sockets != NULL;
}

void
port_fini(struct port *p)
{
	for (unsigned i = 0; p->sockets && i < p->n_sockets; i++)
		close_socket(&p->sockets[i]);
	free(p->sockets);
	p->sockets = NULL;
}

bool
port_has_room(const struct port *p)
{
	return p->outstanding < p->window;
}

struct port_socket *
port_take(struct port *p, struct flight *f)
{
	struct port_socket *s = &p->sockets[0];

	for (unsigned i = 1; i < p->n_sockets; i++)
		if (p->sockets[i].busy < s->busy)
			s = &p->sockets[i];
	if (s->fd < 0 && !open_socket(s)) {
		port_lost(p);
		return NULL;
	}
	if (s->busy == FLIGHT_IDS)
		return NULL;
	while (s->by_id[s->next_id])
		s->next_id++;
	f->id = s->next_id++;
	s->by_id[f->id] = f;
	s->busy++;
	p->outstanding += !f->probe;
	return s;
}

void
port_give(struct flight *f)
{
	struct port_socket *s = f->sock;

	wheel_del(&f->timer);
	s->by_id[f->id] = NULL;
	s->busy--;
	s->port->outstanding -= !f->probe;
	f->sock = NULL;
	/* The way to a dead server may have changed: the next try has a new socket, with a new address of ours. */
	if (s->port->dead && !s->busy)
		close_socket(s);
}

static socklen_t
sockaddr_of(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof *out);
	if (addr_is_v4(a)) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, a->b + 12, 4);
		return sizeof *in;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof *in6;
}

/* Connected, so that the kernel hands on the server's datagrams alone. */
static bool
open_socket(struct port_socket *s)
{
	const struct radius_client_conf *conf = &s->port->client->conf;
	const struct radius_server_conf *server = s->port->server;
	const struct addr *source = &conf->source[!addr_is_v4(&server->address)];
	struct sockaddr_storage to, from;
	socklen_t to_len = sockaddr_of(&server->address, server->port[s->port->role], &to);
	socklen_t from_len = sockaddr_of(source, 0, &from);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
	int size = SOCKET_BUFFER;

	s->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if ((!addr_is_any(source) && bind(s->fd, (struct sockaddr *)&from, from_len) < 0) ||
	    connect(s->fd, (struct sockaddr *)&to, to_len) < 0 ||
	    epoll_ctl(s->port->client->epoll_fd, EPOLL_CTL_ADD, s->fd, &event) < 0) {
		close_socket(s);
		return false;
	}
	note_local(s);
	return true;
}

static void
note_local(struct port_socket *s)
{
	struct sockaddr_storage local;
	socklen_t n = sizeof local;

	if (getsockname(s->fd, (struct sockaddr *)&local, &n) < 0)
		return;
	if (local.ss_family == AF_INET)
		s->local = addr_from_ip4(ntohl(((struct sockaddr_in *)&local)->sin_addr.s_addr));
	else
		memcpy(s->local.b, &((struct sockaddr_in6 *)&local)->sin6_addr, 16);
}

static void
close_socket(struct port_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void
port_read(struct port_socket *s)
{
	uint8_t packet[RADIUS_PACKET_MAX];

	for (unsigned i = 0; i < READS_PER_SOCKET && s->fd >= 0; i++) {
		ssize_t n = recv(s->fd, packet, sizeof packet, MSG_DONTWAIT);
		if (n >= 0)
			flight_input(s, packet, (size_t)n);
		else if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH)
			flight_unreachable(s);
		else if (errno != EINTR)
			return;
	}
}

/* --- health ------------------------------------------------------------------------------------------------------ */

bool
port_usable(const struct port *p)
{
	/* One at a time, so that a server that stays dead is waited for by one request only. */
	return !p->dead || (!p->outstanding && mono_reached(p->client->now, p->dead_until));
}

void
port_answered(struct port *p)
{
	p->lost_in_a_row = 0;
	p->dead = false;
}

void
port_lost(struct port *p)
{
	p->stats.lost++;
	p->lost_in_a_row++;
	if (p->server->fail_time_s && p->lost_in_a_row >= p->server->max_fail)
		die(p);
}

static void
die(struct port *p)
{
	struct radius_client *c = p->client;

	p->dead_until = mono_add_s(c->now, p->server->fail_time_s);
	if (p->dead)
		return;
	p->dead = true;
	p->stats.deaths++;
	p->probe_at = mono_add_ms(c->now, PROBE_MS);
}

/* port_probe: RFC 5997: Status-Server, which asks for nothing. */
void
port_probe(struct port *p)
{
	struct radius_client *c = p->client;
	struct flight *f = &c->probes[p->index * RADIUS_ROLES + p->role];

	p->probe_at = mono_add_ms(c->now, PROBE_MS);
	if (f->sock)
		return;
	struct wr w = wr_init(f->bytes + FLIGHT_HEAD, RADIUS_VALUE_MAX + 2);
	radius_put_text(&w, RADIUS_NAS_IDENTIFIER, c->conf.nas_identifier);
	f->probe = true;
	f->role = (uint8_t)p->role;
	f->body_len = (uint16_t)wr_len(&w);
	f->add_nas_address = true;
	f->give_up = MONO_NEVER;
	(void)flight_launch(f, p);
}
