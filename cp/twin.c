#include "twin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEP_US 20000

struct twin_in_flight {
	struct twin_in_flight *next;
	struct mono at;
	bool to_server;
	struct fake_packet p;
};

uint64_t
twin_random(struct twin *t)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return t->rng;
}

static void
twin_bytes(void *arg, void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(twin_random(arg) >> 16);
}

/* --- the link ---------------------------------------------------------------------------------------------------- */

static void
fly_once(struct twin *t, bool to_server, const struct fake_packet *p)
{
	struct twin_in_flight *f = malloc(sizeof *f), **at = &t->flight;
	assert_non_null(f);
	/* 5 ms, and one in eight up to 40 ms more: it is overtaken. */
	int64_t delay = 5000 + (t->loss_percent && twin_random(t) % 8 == 0 ? (int64_t)(twin_random(t) % 40000) : 0);
	*f = (struct twin_in_flight){.at = mono_add_us(t->now, delay), .to_server = to_server, .p = *p};
	while (*at && (*at)->at.us <= f->at.us)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static void
fly(struct twin *t, bool to_server, const struct fake_packet *p)
{
	if (t->tap)
		t->tap(t, to_server, p);
	if (twin_random(t) % 100 < t->loss_percent)
		return;
	fly_once(t, to_server, p);
	if (t->loss_percent && twin_random(t) % 50 == 0)
		fly_once(t, to_server, p);
}

void
twin_wire(void *arg, const struct fake_packet *p)
{
	fly(arg, false, p);
}

/* The workers of a few lines. */

static void
fake_arrive(struct dataplane *dp, const struct fake_packet *p)
{
	fake_dataplane_arrive((struct fake_dataplane *)dp, p);
}

static void
fake_turn(struct dataplane *dp, struct cp *cp, struct mono now)
{
	fake_dataplane_deliver((struct fake_dataplane *)dp, cp, now);
}

/* --- the client: LAC and PPP client in one ----------------------------------------------------------------------- */

static void
client_send(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	struct fake_packet p = {.control = true, .path = *path, .len = len};
	memcpy(p.bytes, bytes, len);
	fly(owner, true, &p);
}

static void
client_frame(void *owner, struct l2tp_call *call, const uint8_t *frame, size_t len, struct mono now)
{
	struct fake_packet p = {.path = call->tunnel->path, .len = len};
	(void)now;
	p.tid = call->tunnel->peer_tid;
	p.sid = call->peer_sid;
	memcpy(p.bytes, frame, len);
	fly(owner, true, &p);
}

static void
client_tunnel_set(void *owner, struct l2tp_tunnel *t, struct mono now)
{
	(void)owner, (void)t, (void)now;
}

static void
client_tunnel_down(void *owner, struct l2tp_tunnel *gone, enum cause cause, struct mono now)
{
	struct twin *t = owner;
	(void)cause, (void)now;
	t->tunnel_result = gone->peer_result;
	t->tunnel_error = gone->peer_error;
	for (unsigned i = 0; i < TWIN_TUNNELS; i++)
		if (t->tunnels[i] == gone)
			t->tunnels[i] = NULL;
}

static void
client_credentials(void *owner, struct ppp_credentials *out)
{
	struct twin_call *c = owner;
	*out = (struct ppp_credentials){c->name, c->password};
}

static void
client_ncp_up(void *owner, uint16_t proto, struct mono now)
{
	struct twin_call *c = owner;
	(void)now;
	if (proto == PPP_IPCP)
		c->state = TWIN_UP;
}

/* A late duplicate may open the negotiation again: the call is up when it is up again. */
static void
client_ncp_down(void *owner, uint16_t proto, struct mono now)
{
	struct twin_call *c = owner;
	(void)now;
	if (proto == PPP_IPCP && c->state == TWIN_UP)
		c->state = TWIN_RUNNING;
}

static void
client_ncp(void *owner, uint16_t proto, struct mono now)
{
	(void)owner, (void)proto, (void)now;
}

static void
client_ppp_down(void *owner, enum cause cause, struct mono now)
{
	struct twin_call *c = owner;
	struct l2tp_call *call = c->call;
	c->state = TWIN_ENDED;
	c->cause = cause;
	c->call = NULL;
	if (call)
		call->bearer.ops->close(&call->bearer, cause, now);
}

static void
client_ppp_random(void *owner, void *buf, size_t n)
{
	twin_bytes(((struct twin_call *)owner)->t, buf, n);
}

static const struct ppp_ops client_ppp_ops = {
	.credentials = client_credentials,
	.random = client_ppp_random,
	.ncp_opening = client_ncp,
	.ncp_up = client_ncp_up,
	.ncp_down = client_ncp_down,
	.down = client_ppp_down,
};

static void
client_call_up(void *owner, struct l2tp_call *call, struct mono now)
{
	struct twin *t = owner;
	struct twin_call *c = call->user;
	c->state = TWIN_RUNNING;
	c->has_ppp = true;
	ppp_init(&c->ppp, &(struct ppp_args){.role = PPP_CLIENT,
					     .conf = &t->ppp_conf,
					     .ops = &client_ppp_ops,
					     .owner = c,
					     .bearer = &call->bearer,
					     .timers = &t->timers,
					     .stats = &t->ppp_stats});
	ppp_bearer_up(&c->ppp, now);
}

static void
client_call_down(void *owner, struct l2tp_call *call, enum cause cause, struct mono now)
{
	struct twin_call *c = call->user;
	(void)owner;
	c->call = NULL;
	c->result = call->peer_result;
	c->error = call->peer_error;
	if (c->has_ppp && c->state != TWIN_ENDED)
		ppp_bearer_down(&c->ppp, cause, now);
	c->state = TWIN_ENDED;
	if (c->cause == CAUSE_NONE)
		c->cause = cause;
}

static const struct l2tp_ops client_l2tp_ops = {
	.send = client_send,
	.frame = client_frame,
	.tunnel_set = client_tunnel_set,
	.tunnel_down = client_tunnel_down,
	.call_up = client_call_up,
	.call_down = client_call_down,
	.random = twin_bytes,
};

void
twin_dial(struct twin *t, unsigned tunnel, unsigned first_call, unsigned n_calls)
{
	struct l2tp_open open = {.secret = "tunnel"};
	open.path.peer = t->ip6 ? (struct addr){{0xfd, 0x77, [15] = 2}} : addr_from_ip4(0x0a4d0002);
	open.path.peer_port = 1701;
	open.path.local = t->ip6 ? (struct addr){{0xfd, 0x77, [15] = 1}} : addr_from_ip4(0x0a4d0001);
	open.path.local_port = (uint16_t)(20000 + tunnel);
	if (!t->tunnels[tunnel])
		t->tunnels[tunnel] = l2tp_tunnel_open(t->l2tp, &open, t->now);
	assert_non_null(t->tunnels[tunnel]);
	for (unsigned i = first_call; i < first_call + n_calls; i++) {
		struct twin_call *c = &t->calls[i];
		struct l2tp_call_open call = {.sid = (uint16_t)(i + 1), .user = c, .calling = "100"};
		c->call = l2tp_call_open(t->tunnels[tunnel], &call, t->now);
		assert_non_null(c->call);
	}
}

static void
client_arrive(struct twin *t, const struct fake_packet *p)
{
	if (p->control) {
		struct l2tp_path path = {p->path.peer, p->path.local, p->path.peer_port, p->path.local_port};
		l2tp_input(t->l2tp, &path, p->bytes, p->len, t->now);
		return;
	}
	for (unsigned i = 0; i < TWIN_CALLS; i++) {
		struct twin_call *c = &t->calls[i];
		if (c->call && c->has_ppp && !c->mute && c->call->our_sid == p->sid &&
		    c->call->tunnel->our_tid == p->tid) {
			ppp_input(&c->ppp, p->bytes, p->len, t->now);
			return;
		}
	}
}

/* --- the world --------------------------------------------------------------------------------------------------- */

void
twin_step(struct twin *t)
{
	struct mono next = mono_add_us(t->now, STEP_US);
	if (t->flight && t->flight->at.us < next.us)
		next = t->flight->at;
	t->now = next;
	while (t->flight && mono_reached(t->now, t->flight->at)) {
		struct twin_in_flight *f = t->flight;
		t->flight = f->next;
		if (f->to_server)
			t->worker.arrive(t->worker.dp, &f->p);
		else
			client_arrive(t, &f->p);
		free(f);
	}
	t->worker.turn(t->worker.dp, t->cp, t->now);
	cp_step(t->cp, t->now);
	timers_run(&t->timers, t->now, 4096);
}

void
twin_init(struct twin *t, const struct twin_args *args)
{
	char err[256] = "";
	struct conf_error conf_err;
	struct l2tp_config config = {.host_name = "client", .secret = "tunnel"};
	memset(t, 0, sizeof *t);
	t->rng = args->seed * 0x9e3779b97f4a7c15ull | 1;
	t->loss_percent = args->loss_percent;
	t->now = (struct mono){1000000000};
	fake_dataplane_init(&t->fake);
	t->fake.base.n_workers = args->n_workers ? args->n_workers : 1;
	t->fake.wire = twin_wire;
	t->fake.arg = t;
	t->worker = args->worker ? *args->worker : (struct twin_worker){&t->fake.base, fake_arrive, fake_turn};
	if (conf_load_string(args->conf, "twins.conf", &t->conf, &conf_err) < 0)
		fail_msg("%s", conf_err.text);
	t->cp = cp_new(t->conf, t->worker.dp, args->log, t->now, err, sizeof err);
	if (!t->cp)
		fail_msg("%s", err);
	t->cp->random = twin_bytes;
	t->cp->random_arg = t;
	timers_init(&t->timers, t->now);
	t->l2tp = l2tp_new(&config, &client_l2tp_ops, t, &t->timers);
	t->crypto = ppp_crypto_new(NULL);
	assert_non_null(t->l2tp);
	assert_non_null(t->crypto);
	ppp_conf_init(&t->ppp_conf, t->crypto);
	for (unsigned i = 0; i < TWIN_CALLS; i++) {
		t->calls[i].t = t;
		snprintf(t->calls[i].own_name, sizeof t->calls[i].own_name, "u%u", i);
		t->calls[i].name = t->calls[i].own_name;
		t->calls[i].password = "p";
	}
}

void
twin_fini(struct twin *t)
{
	for (unsigned i = 0; i < TWIN_CALLS; i++)
		if (t->calls[i].has_ppp)
			ppp_fini(&t->calls[i].ppp);
	l2tp_free(t->l2tp);
	cp_free(t->cp);
	conf_free(t->conf);
	ppp_crypto_free(t->crypto);
	for (struct twin_in_flight *f; (f = t->flight);) {
		t->flight = f->next;
		free(f);
	}
	fake_dataplane_fini(&t->fake);
}

void
twin_run_ms(struct twin *t, unsigned ms)
{
	struct mono until = mono_add_ms(t->now, ms);
	while (!mono_reached(t->now, until))
		twin_step(t);
}

struct session *
twin_session(struct twin *t, const char *name)
{
	uint64_t cursor = 0;
	while (!session_last(t->cp, cursor)) {
		struct session *s = session_next(t->cp, &cursor, 64);
		if (s && s->username && !strcmp(s->username, name) && s->state == SESSION_ACTIVE)
			return s;
	}
	return NULL;
}

bool
twin_settled(struct twin *t, struct twin_call *c)
{
	return c->state == TWIN_ENDED || (c->state == TWIN_UP && twin_session(t, c->name));
}

bool
twin_settle(struct twin *t, unsigned n, unsigned max_s)
{
	struct mono until = mono_add_s(t->now, max_s);
	for (;;) {
		unsigned settled = 0;
		for (unsigned i = 0; i < n; i++)
			settled += twin_settled(t, &t->calls[i]);
		if (settled == n || mono_reached(t->now, until))
			return settled == n;
		twin_step(t);
	}
}
