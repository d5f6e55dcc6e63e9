/* flight.c - one request: its packet, its tries, its answer. */
#include "flight.h"

#include <sys/socket.h>

static void compose(struct flight *f) ON_MAIN;
static void compose_tail(struct flight *f, struct wr *w) ON_MAIN;
static void transmit(struct flight *f) ON_MAIN;
static enum radius_err judge(struct port_socket *s, uint8_t *packet, size_t n, struct flight **of,
			     struct radius_view *v) ON_MAIN;
static bool answers(const struct flight *f, uint8_t code) ON_MAIN;
static bool must_be_signed(const struct port *p, uint8_t code) ON_MAIN;

bool
flight_launch(struct flight *f, struct port *p)
{
	struct radius_client *c = p->client;

	f->sock = port_take(p, f);
	if (!f->sock)
		return false;
	f->tries = 0;
	f->limit = (uint8_t)(f->last_round || f->probe || p->dead ? 1 : c->conf.max_try);
	f->refused = false;
	f->first_sent = c->now;
	compose(f);
	transmit(f);
	return true;
}

/* The head grows downwards from the caller's attributes, so that these stay where they are for the next server. */
static void
compose(struct flight *f)
{
	struct port *p = f->sock->port;
	const char *secret = p->server->secret;
	bool random = f->probe || f->role == RADIUS_AUTH;
	uint8_t authenticator[RADIUS_AUTHENTICATOR] = {0}, hidden[RADIUS_PASSWORD_MAX];
	size_t hidden_len = 0;

	if (random)
		client_random(p->client, authenticator, sizeof authenticator);
	if (f->has_password)
		hidden_len = radius_hide(hidden, f->password, f->password_len, secret, authenticator);
	size_t head = RADIUS_HEADER + (random ? 18 : 0) + (f->has_password ? 2 + hidden_len : 0);
	f->start = (uint16_t)(FLIGHT_HEAD - head);
	uint8_t *packet = f->bytes + f->start;
	struct wr w = wr_init(packet, head);
	wr_u8(&w, f->probe ? RADIUS_STATUS_SERVER : random ? RADIUS_ACCESS_REQUEST : RADIUS_ACCOUNTING_REQUEST);
	wr_u8(&w, f->id);
	wr_be16(&w, 0);
	wr_bytes(&w, authenticator, sizeof authenticator);
	if (random) /* first, so that no attribute of a colliding packet can stand in front of it */
		radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, (uint8_t[RADIUS_AUTHENTICATOR]){0}, RADIUS_AUTHENTICATOR);
	if (f->has_password)
		radius_put(&w, RADIUS_USER_PASSWORD, hidden, hidden_len);
	struct wr tail = wr_init(f->bytes + FLIGHT_HEAD + f->body_len, FLIGHT_TAIL);
	compose_tail(f, &tail);
	f->len = (uint16_t)(head + f->body_len + wr_len(&tail));
	radius_sign_request(packet, f->len, random ? RADIUS_HEADER + 2 : 0, secret);
}

static void
compose_tail(struct flight *f, struct wr *w)
{
	const struct addr *local = &f->sock->local;

	if (f->add_nas_address)
		radius_put_addr(w, addr_is_v4(local) ? RADIUS_NAS_IP_ADDRESS : RADIUS_NAS_IPV6_ADDRESS, local);
	if (f->add_delay) {
		int64_t s = mono_since_us(f->sock->port->client->now, f->event) / 1000000;
		radius_put_u32(w, RADIUS_ACCT_DELAY_TIME, s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s);
	}
}

/* RFC 5080 2.2.1: the time doubles, with jitter, so that many clients do not come at once. */
static void
transmit(struct flight *f)
{
	struct port *p = f->sock->port;
	struct radius_client *c = p->client;
	int64_t most = (int64_t)c->conf.timeout_ms[f->role] * 1000, wait = most / 3 << (f->tries < 8 ? f->tries : 8);
	uint16_t jitter;

	client_random(c, &jitter, sizeof jitter);
	wait = wait < most ? wait : most;
	wait += wait / 5 * ((int)jitter - 0x8000) / 0x8000;
	f->tries++;
	if (f->probe)
		p->stats.probes++;
	else if (f->tries == 1)
		p->stats.sent++;
	else
		p->stats.resent++;
	/* A full socket buffer is a lost packet; the timer sees to it. */
	(void)!send(f->sock->fd, f->bytes + f->start, f->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	struct mono due = mono_add_us(c->now, wait);
	if (!f->probe && due.us > f->give_up.us)
		due = f->give_up;
	wheel_add(&c->wheel, &f->timer, due);
}

void
flight_timeout(struct radius_client *c, struct flight *f)
{
	bool over = !f->probe && mono_reached(c->now, f->give_up);

	if (!f->sock) { /* waiting: only its whole time can be over */
		TAILQ_REMOVE(&c->waiting[f->role], f, link);
		c->n_waiting[f->role]--;
		client_done(c, f, NULL);
		return;
	}
	struct port *p = f->sock->port;
	if (f->probe) {
		port_give(f);
		return;
	}
	if (!f->refused)
		port_lost(p);
	bool elsewhere = p->dead && !f->last_round; /* others may answer sooner */
	if (!over && f->tries < f->limit && !f->refused && !elsewhere) {
		transmit(f);
		return;
	}
	port_give(f);
	if (over || !client_next_server(c, f))
		client_done(c, f, NULL);
}

void
flight_input(struct port_socket *s, uint8_t *packet, size_t n)
{
	struct port *p = s->port;
	struct flight *f = NULL;
	struct radius_view v;
	enum radius_err e = judge(s, packet, n, &f, &v);

	if (e) {
		p->stats.refused[e]++;
		return;
	}
	if (v.ma)
		p->seen_signature = true;
	port_answered(p);
	if (f->probe) {
		p->stats.probes_answered++;
	} else {
		p->stats.answered++;
		latency_add(&p->latency, mono_since_us(p->client->now, f->first_sent));
	}
	struct radius_reply reply = {.code = v.code,
				     .server = p->index,
				     .packet = packet,
				     .view = v,
				     .secret = p->server->secret,
				     .authenticator = f->bytes + f->start + 4};
	client_done(p->client, f, &reply);
}

/* judge: is this the answer to one of ours?  In the order of what is cheap, then of what is proof. */
static enum radius_err
judge(struct port_socket *s, uint8_t *packet, size_t n, struct flight **of, struct radius_view *v)
{
	enum radius_err e = radius_check(packet, n, v);

	if (e)
		return e;
	struct flight *f = *of = s->by_id[v->id];
	if (!f)
		return RADIUS_ID;
	if (!answers(f, v->code))
		return RADIUS_CODE;
	e = radius_verify_reply(packet, v, s->port->server->secret, f->bytes + f->start + 4);
	if (e)
		return e;
	return !v->ma && !f->probe && must_be_signed(s->port, v->code) ? RADIUS_UNSIGNED : RADIUS_OK;
}

static bool
answers(const struct flight *f, uint8_t code)
{
	if (f->role == RADIUS_ACCT)
		return code == RADIUS_ACCOUNTING_RESPONSE;
	return code == RADIUS_ACCESS_ACCEPT ||
	       (!f->probe && (code == RADIUS_ACCESS_REJECT || code == RADIUS_ACCESS_CHALLENGE));
}

/* RFC 3579 3.2; accounting's authenticator is a hash over all of it already. */
static bool
must_be_signed(const struct port *p, uint8_t code)
{
	if (code == RADIUS_ACCOUNTING_RESPONSE || p->client->conf.require == RADIUS_REQUIRE_NO)
		return false;
	return p->client->conf.require == RADIUS_REQUIRE_YES || p->seen_signature;
}

/* One report for each packet; it does not say which.  All that are there will have theirs. */
void
flight_unreachable(struct port_socket *s)
{
	struct radius_client *c = s->port->client;

	port_lost(s->port);
	for (unsigned id = 0; id < FLIGHT_IDS; id++) {
		struct flight *f = s->by_id[id];
		if (!f || f->probe)
			continue;
		f->refused = true;
		wheel_add(&c->wheel, &f->timer, c->now);
	}
}
