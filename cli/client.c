#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "complete.h"

int
client_open(struct client *c, int fd, struct mono now)
{
	char *buf = malloc(CLIENT_BUFFER);
	if (!buf)
		return -ENOMEM;
	*c = (struct client){.state = CLIENT_READING, .fd = fd, .out = {.buf = buf, .limit = CLIENT_BUFFER}};
	c->drop = mono_add_s(now, CLIENT_REQUEST_S);
	return 0;
}

void
client_close(struct client *c)
{
	call_close(&c->call);
	free(c->out.buf);
	close(c->fd);
	*c = (struct client){.state = CLIENT_FREE, .fd = -1};
}

static void ON_MAIN
refuse(struct client *c, const char *why)
{
	c->call.out = &c->out;
	call_refuse(&c->call, CALL_MISUSED, why);
	call_finish(&c->call);
	c->state = CLIENT_LEAVING;
}

/* ask_for_help: `?` at the end of a line is `help` in front of it, as on every router. */
static void
ask_for_help(struct request *r)
{
	if (!r->n_words || strcmp(r->words[r->n_words - 1], "?"))
		return;
	memmove(r->words + 1, r->words, (r->n_words - 1) * sizeof r->words[0]);
	r->words[0] = "help";
}

/* run: the command that the words mean, or the reason why there is none. */
static void ON_MAIN
run(struct client *c, const struct client_host *host)
{
	char why[CALL_ERROR_MAX];
	struct request *r = &c->call.request;
	ask_for_help(r);
	if (grammar_parse_words(host->grammar, r->words, r->n_words, &c->call.parse, why, sizeof why)) {
		refuse(c, why);
		return;
	}
	unsigned id = c->call.parse.command->id;
	call_open(&c->call, &host->handlers[id], id == CLI_HELP ? host->grammar : host->context, &c->out);
	c->state = CLIENT_ANSWERING;
	if (c->call.status != CALL_OK) {
		call_finish(&c->call);
		c->state = CLIENT_LEAVING;
	}
}

static void ON_MAIN
request(struct client *c, const struct client_host *host, size_t n, struct mono now)
{
	c->drop = mono_add_s(now, CLIENT_STALL_S);
	enum cli_err err = request_parse(&c->call.request, c->in, n);
	if (err) {
		refuse(c, cli_err_text(err));
		return;
	}
	if (!c->call.request.complete) {
		run(c, host);
		return;
	}
	complete(host->grammar, host->handlers, &c->call.request, &c->out);
	c->call.out = &c->out;
	call_finish(&c->call);
	c->state = CLIENT_LEAVING;
}

/* receive: up to the newline, and no further: there is one request a connection. */
static bool ON_MAIN
receive(struct client *c, const struct client_host *host, struct mono now)
{
	ssize_t got = recv(c->fd, c->in + c->n_in, sizeof c->in - c->n_in, MSG_DONTWAIT);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	const char *end = memchr(c->in + c->n_in, '\n', (size_t)got);
	c->n_in += (size_t)got;
	if (end)
		request(c, host, (size_t)(end - c->in), now);
	else if (c->n_in == sizeof c->in)
		refuse(c, "the request is longer than 4096 bytes");
	return true;
}

/* make_room: moves what is not sent yet to the front when a step would not fit behind it. */
static bool
make_room(struct client *c)
{
	if (c->out.limit - c->out.len >= CALL_ROOM)
		return true;
	memmove(c->out.buf, c->out.buf + c->sent, c->out.len - c->sent);
	c->out.len -= c->sent;
	c->sent = 0;
	return c->out.limit - c->out.len >= CALL_ROOM;
}

static void ON_MAIN
produce(struct client *c, unsigned steps, struct mono now)
{
	for (; steps && make_room(c); steps--) {
		enum cli_step step = call_step(&c->call, now);
		if (step == CLI_WAIT) {
			c->again = mono_add_ms(now, CLIENT_WAIT_MS);
			return;
		}
		if (step != CLI_MORE) {
			c->state = CLIENT_LEAVING;
			return;
		}
	}
}

/* flush: the deadline moves with what the client takes, and stands still while it owes us nothing. */
static bool
flush(struct client *c, struct mono now)
{
	c->blocked = false;
	if (c->sent == c->out.len) {
		c->drop = mono_add_s(now, CLIENT_STALL_S);
		return true;
	}
	ssize_t took = send(c->fd, c->out.buf + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (took < 0) {
		c->blocked = errno == EAGAIN;
		return errno == EAGAIN || errno == EINTR;
	}
	c->sent += (size_t)took;
	c->blocked = c->sent < c->out.len;
	if (!c->blocked)
		c->sent = c->out.len = 0;
	c->drop = mono_add_s(now, CLIENT_STALL_S);
	return true;
}

bool
client_turn(struct client *c, const struct client_host *host, uint32_t events, unsigned steps, struct mono now)
{
	bool ready = events != 0;
	/* Both directions are closed: nobody waits for an answer.  (Who only shut the sending side down does.) */
	if (events & (EPOLLHUP | EPOLLERR))
		return false;
	if (c->state == CLIENT_READING && ready && !receive(c, host, now))
		return false;
	if (c->state == CLIENT_READING)
		return !mono_reached(now, c->drop);
	if (c->blocked && !ready)
		return !mono_reached(now, c->drop);
	if (c->state == CLIENT_ANSWERING && mono_reached(now, c->again))
		produce(c, steps, now);
	if (!flush(c, now))
		return false;
	return c->state != CLIENT_LEAVING || c->sent < c->out.len;
}

struct mono
client_deadline(const struct client *c, struct mono now)
{
	if (c->state == CLIENT_READING || c->blocked)
		return c->drop;
	return c->state == CLIENT_ANSWERING && !mono_reached(now, c->again) ? c->again : now;
}

uint32_t
client_events(const struct client *c)
{
	if (c->state == CLIENT_READING)
		return EPOLLIN;
	return c->blocked ? EPOLLOUT : 0;
}
