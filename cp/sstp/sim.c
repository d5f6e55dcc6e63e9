#include "sstp/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS 5

const uint8_t sim_cert_sha1[20] = "the certificate sha1";
const uint8_t sim_cert_sha256[32] = "the SHA-256 of the certificate..";

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "sim: %s\n", what);
	abort();
}

uint32_t
sim_random(struct sim *sim, uint32_t below)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return (uint32_t)(sim->random >> 20) % below;
}

/* --- the owners -------------------------------------------------------------------------------------------------- */

static void
on_send(void *owner, struct sstp_call *call, const uint8_t *bytes, size_t len)
{
	struct sim_end *e = owner;
	struct sim_stream *s = call->server ? &e->sim->to_client : &e->sim->to_server;
	check(!e->closes, "sends after it has closed");
	check(s->n + len <= sizeof s->bytes, "too much in transit");
	memcpy(s->bytes + s->n, bytes, len);
	s->n += len;
}

static void
on_frame(void *owner, struct sstp_call *call, const uint8_t *frame, size_t len, struct mono now)
{
	struct sim_end *e = owner;
	(void)frame, (void)len, (void)now;
	check(call->up && e->known, "a PPP frame on no call");
	e->frames++;
}

static void
on_close(void *owner, struct sstp_call *call, bool abort_it, struct mono now)
{
	struct sim_end *e = owner;
	(void)call, (void)abort_it, (void)now;
	check(!e->closes, "closes twice");
	e->closes++;
	e->sim->closing = true;
}

static enum cause
on_call_new(void *owner, struct sstp_call *call, struct mono now)
{
	struct sim_end *e = owner;
	(void)now;
	check(call->server && !e->known, "call_new twice");
	e->news++;
	if (e->refuse != CAUSE_NONE)
		return e->refuse;
	e->known = true;
	call->user = e;
	return CAUSE_NONE;
}

static void
end_by_us(struct sim_end *e, struct mono now)
{
	e->known = false;
	e->call->bearer.ops->close(&e->call->bearer, CAUSE_ADMIN_RESET, now);
}

static void
on_call_up(void *owner, struct sstp_call *call, struct mono now)
{
	struct sim_end *e = owner;
	(void)call;
	check(e->known && !e->up, "call_up of no call, or twice");
	e->up++;
	if (e->close_when_up)
		end_by_us(e, now);
}

static void
on_call_bound(void *owner, struct sstp_call *call, struct mono now)
{
	struct sim_end *e = owner;
	check(e->known && e->up && !e->bound, "call_bound of no call, or twice");
	check(call->keys_known, "bound without keys");
	e->bound++;
	if (e->close_when_bound)
		end_by_us(e, now);
}

static void
on_call_down(void *owner, struct sstp_call *call, enum cause cause, struct mono now)
{
	struct sim_end *e = owner;
	(void)call, (void)now;
	check(e->known && cause != CAUSE_NONE, "call_down of no call, or without a cause");
	e->known = false;
	e->down++;
	e->cause = cause;
}

static void
on_note(void *owner, const struct sstp_call *call, const char *text)
{
	struct sim_end *e = owner;
	(void)call;
	e->notes++;
	snprintf(e->note, sizeof e->note, "%s", text);
}

static bool
on_trace_on(void *owner, const struct sstp_call *call)
{
	(void)owner;
	return call->server;
}

static void
on_trace(void *owner, const struct sstp_call *call, const char *line)
{
	struct sim *sim = ((struct sim_end *)owner)->sim;
	size_t n = strlen(sim->trace);
	(void)call;
	snprintf(sim->trace + n, sizeof sim->trace - n, "%s\n", line);
}

static void
on_date(void *owner, char *out, size_t n)
{
	(void)owner;
	snprintf(out, n, "Wed, 28 Feb 2024 17:03:04 GMT");
}

static void
on_random(void *owner, void *bytes, size_t n)
{
	struct sim *sim = ((struct sim_end *)owner)->sim;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = (uint8_t)sim_random(sim, 256);
}

static const struct sstp_ops ops = {
	.send = on_send,
	.frame = on_frame,
	.close = on_close,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_bound = on_call_bound,
	.call_down = on_call_down,
	.note = on_note,
	.trace_on = on_trace_on,
	.trace = on_trace,
	.date = on_date,
	.random = on_random,
};

/* --- the stream -------------------------------------------------------------------------------------------------- */

/* unit: how long the next whole unit of the first `seen` bytes is; 0: not whole yet. */
static uint32_t
unit(struct sim_stream *s)
{
	uint32_t len = 0;
	if (s->head) {
		len = sstp_head_end(s->bytes, (uint32_t)s->seen, s->searched);
		s->searched = (uint32_t)s->seen;
		return len;
	}
	enum sstp_frame f = sstp_frame_parse(s->bytes, (uint32_t)s->seen, &len);
	check(f != SSTP_FRAME_BAD, "our own frame is bad");
	return f == SSTP_FRAME_MORE || len > s->seen ? 0 : len;
}

static void
drop_front(struct sim_stream *s, uint32_t len)
{
	memmove(s->bytes, s->bytes + len, s->n - len);
	s->n -= len;
	s->seen -= len;
	s->searched = 0;
	s->head = false;
}

static void
deliver(struct sim *sim, struct sim_stream *s, struct sim_end *to)
{
	uint8_t copy[SSTP_HTTP_MAX];
	uint32_t len;
	size_t left = s->n - s->seen;
	if (left)
		s->seen += sim->byte_by_byte ? 1 : 1 + sim_random(sim, (uint32_t)left);
	while ((len = unit(s))) {
		check(len <= sizeof copy, "a unit is too long");
		memcpy(copy, s->bytes, len);
		drop_front(s, len);
		if (to->call)
			sstp_input(to->call, copy, len, sim->now);
	}
}

static void
gone(struct sim_end *e)
{
	struct sstp_call *c = e->call;
	e->call = NULL;
	if (c)
		sstp_gone(c, CAUSE_PEER_TUNNEL_CLOSED, e->sim->now);
}

void
sim_run_ms(struct sim *sim, int64_t ms)
{
	struct mono until = mono_add_ms(sim->now, ms);
	while (!mono_reached(sim->now, until)) {
		sim->now = mono_add_ms(sim->now, STEP_MS);
		timers_run(&sim->timers, sim->now, 1000);
		if (sim->scripted)
			continue;
		deliver(sim, &sim->to_server, &sim->server);
		deliver(sim, &sim->to_client, &sim->client);
		if (sim->closing && !sim->to_server.n && !sim->to_client.n) {
			gone(&sim->client);
			gone(&sim->server);
		}
	}
}

void
sim_say(struct sim *sim, const void *bytes, size_t len)
{
	sstp_input(sim->server.call, bytes, len, sim->now);
}

int
sim_heard(struct sim *sim, struct sstp_msg *m)
{
	static uint8_t copy[SSTP_HTTP_MAX];
	struct sim_stream *s = &sim->to_client;
	bool head = s->head;
	s->seen = s->n;
	uint32_t len = s->n ? unit(s) : 0;
	if (!len)
		return 0;
	memcpy(copy, s->bytes, len);
	drop_front(s, len);
	if (head)
		return -1;
	check(!sstp_msg_parse(copy, len, m).status, "the server's message is malformed");
	return m->type;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

void
sim_init(struct sim *sim, uint64_t seed, const struct sstp_config *server)
{
	static const struct sstp_config client;
	memset(sim, 0, sizeof *sim);
	sim->random = seed * 0x9e3779b97f4a7c15ull | 1;
	sim->now = (struct mono){1000000000};
	timers_init(&sim->timers, sim->now);
	sim->client.sim = sim->server.sim = sim;
	sim->to_client.head = sim->to_server.head = true;
	sim->client.sstp = sstp_new(&client, &ops, &sim->client, &sim->timers);
	sim->server.sstp = sstp_new(server, &ops, &sim->server, &sim->timers);
	check(sim->client.sstp && sim->server.sstp, "no memory");
}

void
sim_fini(struct sim *sim)
{
	sstp_free(sim->client.sstp);
	sstp_free(sim->server.sstp);
}

static struct sstp_info
info(bool server)
{
	struct addr a = addr_from_ip4(0x0a4d0001), b = addr_from_ip4(0x0a4d0002);
	struct sstp_info i = {.local = server ? b : a,
			      .peer = server ? a : b,
			      .local_port = server ? 443 : 50000,
			      .peer_port = server ? 50000 : 443,
			      .tls_version = 0x0304};
	memcpy(i.cert_sha1, sim_cert_sha1, sizeof i.cert_sha1);
	memcpy(i.cert_sha256, sim_cert_sha256, sizeof i.cert_sha256);
	return i;
}

void
sim_accept(struct sim *sim)
{
	struct sstp_info i = info(true);
	sim->server.call = sstp_accept(sim->server.sstp, &i, sim->now);
	check(sim->server.call, "no memory");
}

void
sim_dial(struct sim *sim, const char *host)
{
	struct sstp_info i = info(false);
	sim_accept(sim);
	sim->client.known = true;
	sim->client.call = sstp_dial(sim->client.sstp, &i, host, &sim->client, sim->now);
	check(sim->client.call, "no memory");
}

void
sim_keys(struct sim_end *e, const struct ppp_keys *keys)
{
	e->call->bearer.ops->keys(&e->call->bearer, keys, e->sim->now);
}

struct ppp_keys
sim_other_side(const struct ppp_keys *keys)
{
	struct ppp_keys other = {.len = keys->len};
	memcpy(other.send, keys->recv, sizeof other.send);
	memcpy(other.recv, keys->send, sizeof other.recv);
	return other;
}
