#include <cli/server.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "help.h"
#include "listener.h"

#define CLIENTS_DEFAULT 16
#define CLIENTS_MAX 256

/* Bounds of one turn: events looked at, connections accepted, steps of handlers shared by all clients. */
#define TURN_EVENTS 32
#define TURN_ACCEPTS 8
#define TURN_STEPS 128

/* Without a file descriptor to accept with, the listener would be ready for ever: look away for a while. */
#define ACCEPT_PAUSE_MS 100

#define LISTENER_TAG UINT32_MAX

struct cli_server {
	int epoll;
	bool paused; /* the listener is not watched until resume_at */
	struct mono resume_at;
	struct mono deadline;
	struct listener listener;
	struct grammar grammar;
	struct cli_handler handlers[CLI_N_COMMANDS];
	void *context;
	unsigned n_clients, max_clients;
	struct client *clients; /* max_clients slots */
};

static const struct {
	const char *pattern, *help;
} commands[CLI_N_COMMANDS] = {
#define CLI_COMMAND(id, pattern, help) [CLI_##id] = {pattern, help},
#include <cli/command.def>
#undef CLI_COMMAND
};

static int
watch(struct cli_server *s, int op, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event ev = {.events = events, .data.u32 = tag};
	return epoll_ctl(s->epoll, op, fd, &ev) < 0 ? -errno : 0;
}

static int
build_grammar(struct cli_server *s, const struct cli_handler *handlers)
{
	for (unsigned i = 0; i < CLI_N_COMMANDS; i++) {
		s->handlers[i] = handlers[i];
		if (i == CLI_HELP)
			s->handlers[i] = (struct cli_handler){.step = help_step};
		if (!s->handlers[i].step)
			continue;
		int err = grammar_add(&s->grammar, i, commands[i].pattern, commands[i].help);
		if (err)
			return err;
	}
	return 0;
}

static int
server_init(struct cli_server *s, const struct cli_server_conf *conf)
{
	s->epoll = -1;
	s->listener.fd = -1;
	s->deadline = MONO_NEVER;
	s->context = conf->context;
	s->max_clients = conf->max_clients ? conf->max_clients : CLIENTS_DEFAULT;
	if (s->max_clients > CLIENTS_MAX)
		return -EINVAL;
	s->clients = calloc(s->max_clients, sizeof *s->clients);
	if (!s->clients)
		return -ENOMEM;
	int err = build_grammar(s, conf->handlers);
	if (err)
		return err;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	err = listener_open(&s->listener, conf->path);
	return err ? err : watch(s, EPOLL_CTL_ADD, s->listener.fd, EPOLLIN, LISTENER_TAG);
}

int
cli_server_open(struct cli_server **server, const struct cli_server_conf *conf)
{
	struct cli_server *s = calloc(1, sizeof *s);
	*server = NULL;
	if (!s)
		return -ENOMEM;
	int err = server_init(s, conf);
	if (err) {
		cli_server_close(s);
		return err;
	}
	*server = s;
	return 0;
}

static void ON_MAIN
drop(struct cli_server *s, struct client *c)
{
	client_close(c);
	s->n_clients--;
}

void
cli_server_close(struct cli_server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; s->clients && i < s->max_clients; i++) {
		struct client *c = &s->clients[i];
		if (c->state == CLIENT_FREE)
			continue;
		/* No more steps: only what has been said already goes out. */
		if (c->out.len > c->sent)
			(void)!send(c->fd, c->out.buf + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		drop(s, c);
	}
	if (s->listener.fd >= 0)
		listener_close(&s->listener);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->clients);
	free(s);
}

int
cli_server_fd(const struct cli_server *s)
{
	return s->epoll;
}

struct mono
cli_server_deadline(const struct cli_server *s)
{
	return s->deadline;
}

static struct client *
free_slot(struct cli_server *s)
{
	for (unsigned i = 0; i < s->max_clients; i++)
		if (s->clients[i].state == CLIENT_FREE)
			return &s->clients[i];
	return NULL;
}

/* turn_away: an honest word instead of silence; a fresh socket's buffer always takes it. */
static void
turn_away(int fd)
{
	static const char line[] = "{\"status\":1,\"error\":\"too many clients of the control socket; try again\"}\n";
	(void)!send(fd, line, sizeof line - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void ON_MAIN
welcome(struct cli_server *s, int fd, struct mono now)
{
	struct client *c = free_slot(s);
	if (!c || client_open(c, fd, now) < 0) {
		turn_away(fd);
		return;
	}
	s->n_clients++;
	c->events = client_events(c);
	if (watch(s, EPOLL_CTL_ADD, fd, c->events, (uint32_t)(c - s->clients)) < 0)
		drop(s, c);
}

static void ON_MAIN
accept_some(struct cli_server *s, struct mono now)
{
	for (unsigned i = 0; i < TURN_ACCEPTS; i++) {
		int fd = accept4(s->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			welcome(s, fd, now);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		s->paused = true;
		s->resume_at = mono_add_ms(now, ACCEPT_PAUSE_MS);
		watch(s, EPOLL_CTL_MOD, s->listener.fd, 0, LISTENER_TAG);
		return;
	}
}

static void
resume_listener(struct cli_server *s, struct mono now)
{
	if (!s->paused || !mono_reached(now, s->resume_at))
		return;
	s->paused = false;
	watch(s, EPOLL_CTL_MOD, s->listener.fd, EPOLLIN, LISTENER_TAG);
}

static void ON_MAIN
serve(struct cli_server *s, struct client *c, uint32_t events, unsigned steps, struct mono now)
{
	struct client_host host = {&s->grammar, s->handlers, s->context};
	if (!client_turn(c, &host, events, steps, now)) {
		drop(s, c);
		return;
	}
	uint32_t wanted = client_events(c);
	if (wanted == c->events)
		return;
	c->events = wanted;
	if (watch(s, EPOLL_CTL_MOD, c->fd, wanted, (uint32_t)(c - s->clients)) < 0)
		drop(s, c);
}

static void ON_MAIN
find_deadline(struct cli_server *s, struct mono now)
{
	s->deadline = s->paused ? s->resume_at : MONO_NEVER;
	for (unsigned i = 0; i < s->max_clients; i++) {
		if (s->clients[i].state == CLIENT_FREE)
			continue;
		struct mono due = client_deadline(&s->clients[i], now);
		if (due.us < s->deadline.us)
			s->deadline = due;
	}
}

void
cli_server_step(struct cli_server *s, struct mono now)
{
	struct epoll_event ev[TURN_EVENTS];
	uint32_t events[CLIENTS_MAX] = {0};
	int n = epoll_wait(s->epoll, ev, TURN_EVENTS, 0);
	resume_listener(s, now);
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u32 == LISTENER_TAG)
			accept_some(s, now);
		else
			events[ev[i].data.u32] = ev[i].events;
	}
	unsigned steps = s->n_clients ? TURN_STEPS / s->n_clients + 1 : 0;
	for (unsigned i = 0; i < s->max_clients; i++)
		if (s->clients[i].state != CLIENT_FREE)
			serve(s, &s->clients[i], events[i], steps, now);
	find_deadline(s, now);
}
