#include "l2tp/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                        \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

static struct sim_packet *received; /* what sim_next gave last */

uint32_t
sim_random(struct sim *sim, uint32_t below)
{
	sim->random ^= sim->random << 13;
	sim->random ^= sim->random >> 7;
	sim->random ^= sim->random << 17;
	return (uint32_t)(sim->random >> 16) % below;
}

struct l2tp_path
sim_path(unsigned from)
{
	struct l2tp_path p = {addr_from_ip4(0x0a000001u + from), addr_from_ip4(0x0a000002u - from), L2TP_PORT,
			      L2TP_PORT};
	return p;
}

static bool
chance(struct sim *sim, unsigned per_cent)
{
	return sim_random(sim, 100) < per_cent;
}

static void
wire_put(struct sim *sim, unsigned from, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	struct sim_packet *p = malloc(sizeof *p + len), *q;
	CHECK(p);
	p->from = from;
	p->path = *path;
	p->len = len;
	memcpy(p->bytes, bytes, len);
	p->due = mono_add_ms(sim->now, sim->delay_ms + (chance(sim, sim->reorder) ? sim_random(sim, 200) : 0));
	TAILQ_FOREACH_REVERSE(q, &sim->wire, sim_wire, link)
	{
		if (q->due.us <= p->due.us)
			break;
	}
	if (q)
		TAILQ_INSERT_AFTER(&sim->wire, q, p, link);
	else
		TAILQ_INSERT_HEAD(&sim->wire, p, link);
}

static void
on_send(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	struct sim_end *e = owner;
	struct sim *sim = e->sim;
	CHECK(len >= L2TP_CTL_HDR && be16(bytes + 2) == len);
	e->sent++;
	if (chance(sim, sim->loss))
		return;
	wire_put(sim, e->index, path, bytes, len);
	if (chance(sim, sim->duplicates))
		wire_put(sim, e->index, path, bytes, len);
}

static void
on_frame(void *owner, struct l2tp_call *call, const uint8_t *frame, size_t len, struct mono now)
{
	struct sim_end *e = owner;
	(void)frame;
	(void)now;
	CHECK(len && e->calls[call->our_sid] == call && e->is_up[call->our_sid]);
	e->frames++;
}

static enum cause
on_tunnel_new(void *owner, struct l2tp_tunnel *tunnel, uint32_t *region)
{
	struct sim_end *e = owner;
	e->tunnel_new++;
	CHECK(tunnel->our_tid && tunnel->peer_tid && tunnel->peer_name[0]);
	if (e->refuse_tunnel)
		return e->refuse_tunnel;
	*region = 7;
	e->live_tunnels++;
	e->tunnel = tunnel;
	return CAUSE_NONE;
}

static void
on_tunnel_set(void *owner, struct l2tp_tunnel *tunnel, struct mono now)
{
	struct sim_end *e = owner;
	(void)now;
	CHECK(tunnel->state == L2TP_ESTABLISHED && tunnel->peer_tid && tunnel->region == 7);
	e->tunnel_set++;
}

static void
on_tunnel_down(void *owner, struct l2tp_tunnel *tunnel, enum cause cause, struct mono now)
{
	struct sim_end *e = owner;
	(void)now;
	CHECK(e->live_tunnels && cause != CAUSE_NONE && tunnel->calls == 0);
	e->tunnel_down++;
	e->live_tunnels--;
	e->tunnel_cause = cause;
	e->tunnel_result = tunnel->peer_result;
	e->tunnel_error = tunnel->peer_error;
	snprintf(e->peer_text, sizeof e->peer_text, "%s", tunnel->peer_text);
	e->tunnel = NULL;
}

static uint16_t
sid_alloc(struct sim_end *e)
{
	for (uint16_t sid = 1; sid < SIM_CALLS; sid++)
		if (!e->calls[sid])
			return sid;
	return 0;
}

static enum cause
on_call_new(void *owner, struct l2tp_call *call, uint16_t *sid)
{
	struct sim_end *e = owner;
	e->call_new++;
	CHECK(!call->lac && call->peer_sid && call->calling[0] && call->called[0]);
	*sid = e->force_sid ? e->force_sid : sid_alloc(e);
	if (e->refuse_call)
		return e->refuse_call;
	e->live_calls++;
	if (!e->force_sid)
		e->calls[*sid] = call;
	return *sid || e->force_sid ? CAUSE_NONE : CAUSE_NO_RESOURCES;
}

static void
call_gone(struct sim_end *e, struct l2tp_call *call)
{
	CHECK(e->live_calls);
	e->live_calls--;
	if (e->calls[call->our_sid] != call)
		return;
	e->calls[call->our_sid] = NULL;
	e->is_up[call->our_sid] = false;
}

static void
on_call_up(void *owner, struct l2tp_call *call, struct mono now)
{
	struct sim_end *e = owner;
	static const uint8_t frame[] = {0xc0, 0x21, 1, 1, 0, 4};
	CHECK(e->calls[call->our_sid] == call && !e->is_up[call->our_sid] && call->peer_sid);
	e->call_up++;
	e->is_up[call->our_sid] = true;
	call->bearer.ops->send(&call->bearer, frame, sizeof frame, now);
	if (e->close_when_up)
		sim_call_close(e, call->our_sid, CAUSE_ADMIN_RESET);
}

static void
on_call_moved(void *owner, struct l2tp_call *call, struct mono now)
{
	struct sim_end *e = owner;
	(void)now;
	CHECK(e->calls[call->our_sid] == call && e->is_up[call->our_sid]);
	e->call_moved++;
}

static void
on_call_down(void *owner, struct l2tp_call *call, enum cause cause, struct mono now)
{
	struct sim_end *e = owner;
	(void)now;
	CHECK(cause != CAUSE_NONE);
	e->call_down++;
	e->call_cause = cause;
	e->peer_result = call->peer_result;
	e->peer_error = call->peer_error;
	call_gone(e, call);
}

static bool
on_trace_on(void *owner, const struct l2tp_tunnel *tunnel)
{
	(void)tunnel;
	return ((struct sim_end *)owner)->tracing;
}

static void
on_trace(void *owner, const struct l2tp_tunnel *tunnel, const struct l2tp_path *path, const char *line)
{
	struct sim_end *e = owner;
	(void)tunnel;
	(void)path;
	snprintf(e->line, sizeof e->line, "%s", line);
}

static void
on_random(void *owner, void *bytes, size_t n)
{
	struct sim_end *e = owner;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = (uint8_t)sim_random(e->sim, 256);
}

static const struct l2tp_ops sim_ops = {
	.send = on_send,
	.frame = on_frame,
	.tunnel_new = on_tunnel_new,
	.tunnel_set = on_tunnel_set,
	.tunnel_down = on_tunnel_down,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_moved = on_call_moved,
	.call_down = on_call_down,
	.trace_on = on_trace_on,
	.trace = on_trace,
	.random = on_random,
};

void
sim_init(struct sim *sim, uint64_t seed)
{
	memset(sim, 0, sizeof *sim);
	sim->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
	sim->now = mono_add_s((struct mono){0}, 1000);
	sim->delay_ms = 5;
	sim->reading.secret = "";
	sim->step_ms = 4;
	timers_init(&sim->timers, sim->now);
	TAILQ_INIT(&sim->wire);
}

struct sim_end *
sim_end(struct sim *sim, unsigned index, const struct l2tp_config *config)
{
	struct sim_end *e = &sim->end[index];
	e->sim = sim;
	e->index = index;
	e->l2tp = l2tp_new(config, &sim_ops, e, &sim->timers);
	CHECK(e->l2tp);
	return e;
}

static void
wire_drop(struct sim *sim)
{
	struct sim_packet *p;
	while ((p = TAILQ_FIRST(&sim->wire))) {
		TAILQ_REMOVE(&sim->wire, p, link);
		free(p);
	}
}

void
sim_fini(struct sim *sim)
{
	for (unsigned i = 0; i < 2; i++)
		if (sim->end[i].l2tp)
			l2tp_free(sim->end[i].l2tp);
	wire_drop(sim);
	free(received);
	received = NULL;
}

static void
wire_deliver(struct sim *sim)
{
	struct sim_packet *p;
	while (!sim->scripted && (p = TAILQ_FIRST(&sim->wire)) && mono_reached(sim->now, p->due)) {
		TAILQ_REMOVE(&sim->wire, p, link);
		struct l2tp_path path = {p->path.peer, p->path.local, p->path.peer_port, p->path.local_port};
		struct sim_end *from = &sim->end[p->from], *to = &sim->end[1 - p->from];
		path.peer_port = (uint16_t)(path.peer_port + from->port_shift);
		if (to->port_shift) {
			if (path.local_port != L2TP_PORT + to->port_shift) {
				free(p); /* the NAT has forgotten that port */
				continue;
			}
			path.local_port = L2TP_PORT;
		}
		if (to->l2tp)
			l2tp_input(to->l2tp, &path, p->bytes, p->len, sim->now);
		free(p);
	}
}

static bool
quiet(struct sim *sim)
{
	for (unsigned i = 0; i < 2; i++)
		if (sim->end[i].l2tp && l2tp_memory(sim->end[i].l2tp))
			return false;
	return TAILQ_EMPTY(&sim->wire);
}

static bool
run(struct sim *sim, int64_t ms, bool until_quiet)
{
	struct mono end = mono_add_ms(sim->now, ms);
	while (!(until_quiet && quiet(sim))) {
		wire_deliver(sim);
		while (timers_run(&sim->timers, sim->now, 1000))
			;
		if (mono_reached(sim->now, end))
			return false;
		sim->now = mono_add_ms(sim->now, sim->step_ms);
	}
	return true;
}

void
sim_run_ms(struct sim *sim, int64_t ms)
{
	run(sim, ms, false);
}

bool
sim_run_quiet(struct sim *sim, int64_t ms)
{
	return run(sim, ms, true);
}

struct l2tp_tunnel *
sim_tunnel_open(struct sim_end *e, const char *secret)
{
	struct l2tp_open open = {.path = sim_path(e->index), .secret = secret, .region = 7};
	struct l2tp_tunnel *t = l2tp_tunnel_open(e->l2tp, &open, e->sim->now);
	e->live_tunnels += t != NULL;
	if (t)
		e->tunnel = t;
	return t;
}

struct l2tp_call *
sim_call_open(struct sim_end *e, struct l2tp_tunnel *t, const char *calling)
{
	struct l2tp_call_open open = {.sid = sid_alloc(e), .calling = calling, .tx_bps = 1000};
	struct l2tp_call *c = l2tp_call_open(t, &open, e->sim->now);
	if (c) {
		e->live_calls++;
		e->calls[open.sid] = c;
	}
	return c;
}

void
sim_call_close(struct sim_end *e, uint16_t sid, enum cause cause)
{
	struct l2tp_call *c = e->calls[sid];
	call_gone(e, c);
	c->bearer.ops->close(&c->bearer, cause, e->sim->now);
}

void
sim_input(struct sim_end *e, const uint8_t *bytes, size_t len)
{
	struct l2tp_path path = sim_path(e->index);
	if (e->peer_port)
		path.peer_port = e->peer_port;
	if (e->local_port)
		path.local_port = e->local_port;
	/* An exact-size copy: reading past the end is an error that ASan sees. */
	uint8_t *copy = malloc(len ? len : 1);
	CHECK(copy);
	memcpy(copy, bytes, len);
	l2tp_input(e->l2tp, &path, copy, len, e->sim->now);
	free(copy);
}

bool
sim_next(struct sim *sim, struct l2tp_hdr *h, struct l2tp_msg *m)
{
	struct sim_packet *p = TAILQ_FIRST(&sim->wire);
	if (!p)
		return false;
	TAILQ_REMOVE(&sim->wire, p, link);
	free(received);
	received = p;
	CHECK(l2tp_hdr_parse(p->bytes, p->len, h) == L2TP_WHY_OK);
	memset(m, 0, sizeof *m);
	if (h->body_len)
		CHECK(l2tp_msg_parse(h->body, h->body_len, &sim->reading, m) == L2TP_WHY_OK);
	return true;
}

void
sim_message(struct sim_end *e, struct build *b, uint16_t ns, uint16_t nr)
{
	size_t len = l2tp_build_end(b);
	put_be16(b->bytes + L2TP_CTL_NS, ns);
	put_be16(b->bytes + L2TP_CTL_NR, nr);
	sim_input(e, b->bytes, len);
}
