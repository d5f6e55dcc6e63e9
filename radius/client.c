/* client.c - requests taken, servers chosen, time. */
#include "flight.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_STEP 64
#define TIMERS_PER_STEP 4096

static bool init_flights(struct radius_client *c) ON_MAIN;
static struct port *choose(struct radius_client *c, const struct flight *f) ON_MAIN;
static bool better(const struct port *a, const struct port *b, bool alive) ON_MAIN;
static void dispatch(struct radius_client *c, enum radius_role role) ON_MAIN;
static void run_timers(struct radius_client *c) ON_MAIN;
static void fill(struct flight *f, const struct radius_request *r) ON_MAIN;

struct radius_client *
radius_client_new(const struct radius_client_conf *conf, struct mono now, char *err, size_t err_len)
{
	struct radius_client *c = calloc(1, sizeof *c);

	if (!c) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	c->conf = *conf;
	c->conf.n_servers = 0;
	c->now = now;
	wheel_init(&c->wheel, c->slots, WHEEL_SLOTS, WHEEL_TICK_US, now);
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd >= 0 && init_flights(c) && radius_client_configure(c, conf, now))
		return c;
	snprintf(err, err_len, "%s", c->epoll_fd < 0 ? strerror(errno) : "out of memory");
	radius_client_free(c);
	return NULL;
}

static bool
init_flights(struct radius_client *c)
{
	uint32_t n = c->conf.max_auth + c->conf.max_acct;

	c->flights = calloc(n, sizeof *c->flights);
	c->probes = calloc(RADIUS_SERVERS_MAX * RADIUS_ROLES, sizeof *c->probes);
	if (!c->flights || !c->probes)
		return false;
	for (unsigned role = 0; role < RADIUS_ROLES; role++) {
		TAILQ_INIT(&c->spare[role]);
		TAILQ_INIT(&c->waiting[role]);
	}
	for (uint32_t i = 0; i < n; i++) {
		unsigned role = i < c->conf.max_auth ? RADIUS_AUTH : RADIUS_ACCT;
		c->flights[i].role = (uint8_t)role;
		TAILQ_INSERT_TAIL(&c->spare[role], &c->flights[i], link);
		c->n_spare[role]++;
	}
	return true;
}

void
radius_client_free(struct radius_client *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->conf.n_servers; i++)
		for (unsigned role = 0; role < RADIUS_ROLES; role++)
			port_fini(&c->ports[i][role]);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	servers_free(c->servers, c->conf.n_servers);
	free(c->nas_identifier);
	free(c->flights);
	free(c->probes);
	free(c);
}

enum radius_err
radius_client_submit(struct radius_client *c, const struct radius_request *r, struct mono now)
{
	struct flight *f = TAILQ_FIRST(&c->spare[r->role]);
	size_t around = RADIUS_HEADER + 2 + RADIUS_AUTHENTICATOR + FLIGHT_TAIL +
			(r->password ? 2 + ((r->password_len + 15) & ~(size_t)15) : 0);

	if (!radius_client_has(c, r->role))
		return RADIUS_NO_SERVER;
	if (r->password && r->password_len > RADIUS_PASSWORD_MAX)
		return RADIUS_PASSWORD;
	if (r->len + around > RADIUS_PACKET_MAX)
		return RADIUS_TOO_LONG;
	if (!f)
		return RADIUS_FULL;
	c->now = now;
	TAILQ_REMOVE(&c->spare[r->role], f, link);
	c->n_spare[r->role]--;
	fill(f, r);
	TAILQ_INSERT_TAIL(&c->waiting[r->role], f, link);
	c->n_waiting[r->role]++;
	/* A request that nobody can take ends in radius_client_step, never in this call. */
	wheel_add(&c->wheel, &f->timer, f->give_up);
	return RADIUS_OK;
}

static void
fill(struct flight *f, const struct radius_request *r)
{
	f->cookie = r->cookie;
	f->tried = 0;
	f->event = r->event;
	f->give_up = r->give_up;
	f->tries = 0;
	f->sock = NULL;
	f->last_round = f->probe = f->refused = false;
	f->has_password = r->password != NULL;
	f->password_len = (uint8_t)(r->password ? r->password_len : 0);
	if (f->password_len)
		memcpy(f->password, r->password, f->password_len);
	f->add_nas_address = r->add_nas_address;
	f->add_delay = r->add_delay;
	f->body_len = (uint16_t)r->len;
	if (r->len)
		memcpy(f->bytes + FLIGHT_HEAD, r->attributes, r->len);
}

int
radius_client_fd(const struct radius_client *c)
{
	return c->epoll_fd;
}

struct mono
radius_client_deadline(const struct radius_client *c)
{
	bool idle = true;

	for (unsigned role = 0; role < RADIUS_ROLES; role++)
		idle = idle && c->n_spare[role] == (role == RADIUS_AUTH ? c->conf.max_auth : c->conf.max_acct);
	for (unsigned i = 0; idle && i < c->conf.n_servers * RADIUS_ROLES; i++)
		idle = !c->ports[i / RADIUS_ROLES][i % RADIUS_ROLES].dead;
	return idle ? MONO_NEVER : mono_add_us(c->now, WHEEL_TICK_US);
}

void
radius_client_step(struct radius_client *c, struct mono now)
{
	struct epoll_event events[EVENTS_PER_STEP];

	c->now = now;
	int n = epoll_wait(c->epoll_fd, events, EVENTS_PER_STEP, 0);
	for (int i = 0; i < n; i++)
		port_read(events[i].data.ptr);
	run_timers(c);
	dispatch(c, RADIUS_AUTH);
	dispatch(c, RADIUS_ACCT);
}

static void
run_timers(struct radius_client *c)
{
	struct wheel_node *node;

	for (unsigned budget = TIMERS_PER_STEP; (node = wheel_pop(&c->wheel, c->now, &budget));)
		flight_timeout(c, (struct flight *)(void *)node);
	for (unsigned i = 0; i < c->conf.n_servers * RADIUS_ROLES; i++) {
		struct port *p = &c->ports[i / RADIUS_ROLES][i % RADIUS_ROLES];
		if (p->dead && mono_reached(c->now, p->probe_at))
			port_probe(p);
	}
}

/* dispatch: first in, first out; the first that has to wait for its server holds the others. */
static void
dispatch(struct radius_client *c, enum radius_role role)
{
	struct flight *f;

	while ((f = TAILQ_FIRST(&c->waiting[role]))) {
		struct port *p = choose(c, f);
		if (p && !port_has_room(p))
			return;
		TAILQ_REMOVE(&c->waiting[role], f, link);
		c->n_waiting[role]--;
		if (!client_next_server(c, f))
			client_done(c, f, NULL);
	}
}

bool
client_next_server(struct radius_client *c, struct flight *f)
{
	for (;;) {
		struct port *p = choose(c, f);
		if (!p && !f->last_round) {
			f->last_round = true;
			f->tried = 0;
			continue;
		}
		if (!p)
			break;
		if (!port_has_room(p)) {
			TAILQ_INSERT_HEAD(&c->waiting[f->role], f, link);
			c->n_waiting[f->role]++;
			wheel_add(&c->wheel, &f->timer, f->give_up);
			return true;
		}
		f->tried |= UINT64_C(1) << p->index;
		if (flight_launch(f, p))
			return true;
	}
	for (unsigned i = 0; i < c->conf.n_servers; i++) /* said in the one line of the log */
		f->tried |= (uint64_t)c->ports[i][f->role].used << i;
	return false;
}

/* choose: the best of those that f has not been to.  In the last round the dead ones count as well. */
static struct port *
choose(struct radius_client *c, const struct flight *f)
{
	struct port *best = NULL;

	for (unsigned i = 0; i < c->conf.n_servers; i++) {
		struct port *p = &c->ports[i][f->role];
		bool tried = f->tried >> i & 1;
		if (!p->used || tried || (!f->last_round && !port_usable(p)))
			continue;
		if (!best || better(p, best, !f->last_round))
			best = p;
	}
	return best;
}

/* better: a stands behind b in the order written. */
static bool
better(const struct port *a, const struct port *b, bool alive)
{
	const struct radius_server_conf *x = a->server, *y = b->server;

	if (x->backup != y->backup)
		return y->backup;
	if (x->priority != y->priority)
		return x->priority < y->priority;
	if (!alive || !x->weight || !y->weight)
		return false;
	return (uint64_t)(a->outstanding + 1) * y->weight < (uint64_t)(b->outstanding + 1) * x->weight;
}

void
client_done(struct radius_client *c, struct flight *f, struct radius_reply *reply)
{
	struct radius_reply silence = {.silent = true};

	if (!reply)
		reply = &silence;
	reply->tried = f->tried;
	wheel_del(&f->timer);
	if (f->sock)
		port_give(f);
	if (f->probe)
		return;
	c->conf.done(c->conf.owner, f->cookie, reply);
	memset(f->password, 0, sizeof f->password);
	TAILQ_INSERT_TAIL(&c->spare[f->role], f, link);
	c->n_spare[f->role]++;
}

void
client_random(struct radius_client *c, void *bytes, size_t n)
{
	if (c->random_left < n) {
		c->conf.random(c->conf.random_arg, c->random, sizeof c->random);
		c->random_left = sizeof c->random;
	}
	c->random_left -= (unsigned)n;
	memcpy(bytes, c->random + c->random_left, n);
}

/* --- figures ----------------------------------------------------------------------------------------------------- */

uint32_t
radius_client_room(const struct radius_client *c, enum radius_role role)
{
	return c->n_spare[role];
}

uint32_t
radius_client_waiting(const struct radius_client *c, enum radius_role role)
{
	return c->n_waiting[role];
}

bool
radius_client_has(const struct radius_client *c, enum radius_role role)
{
	for (unsigned i = 0; i < c->conf.n_servers; i++)
		if (c->ports[i][role].used)
			return true;
	return false;
}

const struct radius_server_conf *
radius_client_server(const struct radius_client *c, unsigned server)
{
	return &c->servers[server];
}

unsigned
radius_client_servers(const struct radius_client *c)
{
	return c->conf.n_servers;
}

bool
radius_client_alive(const struct radius_client *c, enum radius_role role)
{
	for (unsigned i = 0; i < c->conf.n_servers; i++)
		if (c->ports[i][role].used && !c->ports[i][role].dead)
			return true;
	return false;
}

void
radius_client_stats(const struct radius_client *c, unsigned server, enum radius_role role,
		    struct radius_port_stats *out)
{
	const struct port *p = &c->ports[server][role];

	*out = p->stats;
	out->used = p->used;
	out->alive = !p->dead;
	out->outstanding = p->outstanding;
	out->window = p->window;
	out->average_us = latency_average(&p->latency);
	out->p99_us = latency_percentile(&p->latency, 99);
}
