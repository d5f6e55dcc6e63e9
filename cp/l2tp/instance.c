#include "l2tp/instance.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "l2tp/call.h"
#include "l2tp/trace.h"

#define CALLS_MIN 64 /* buckets at start */

static const char *const tunnel_state_names[] = {
#define X(name, text) text,
	L2TP_TUNNEL_STATES(X)
#undef X
};

static const char *const call_state_names[] = {
#define X(name, text) text,
	L2TP_CALL_STATES(X)
#undef X
};

static const struct l2tp_stat_row stat_rows[] = {
#define STAT(name, cli, meaning) {cli, meaning},
#include "l2tp/stat.def"
#undef STAT
};

struct l2tp *
l2tp_new(const struct l2tp_config *config, const struct l2tp_ops *ops, void *owner, struct timers *timers)
{
	struct l2tp *l2tp = calloc(1, sizeof *l2tp);
	struct call **calls = calloc(CALLS_MIN, sizeof *calls);
	if (!l2tp || !calls) {
		free(l2tp);
		free(calls);
		return NULL;
	}
	l2tp->ops = ops;
	l2tp->owner = owner;
	l2tp->timers = timers;
	l2tp->calls = calls;
	l2tp->calls_mask = CALLS_MIN - 1;
	TAILQ_INIT(&l2tp->half_open);
	TAILQ_INIT(&l2tp->closing);
	TAILQ_INIT(&l2tp->asking);
	for (unsigned tid = 1; tid < TIDS; tid++)
		l2tp_tid_release(l2tp, (uint16_t)tid);
	l2tp_random(l2tp, &l2tp->hash_seed, sizeof l2tp->hash_seed);
	if (!l2tp_configure(l2tp, config)) {
		l2tp_free(l2tp);
		return NULL;
	}
	return l2tp;
}

static void
limit(uint32_t *value, uint32_t fallback, uint32_t max)
{
	if (!*value)
		*value = fallback;
	if (*value > max)
		*value = max;
}

bool
l2tp_configure(struct l2tp *l2tp, const struct l2tp_config *config)
{
	struct l2tp_config *c = &l2tp->config;
	if (!l2tp_peers_set(&l2tp->peers, config->peers, config->n_peers))
		return false;
	*c = *config;
	c->peers = NULL;
	snprintf(l2tp->host_name, sizeof l2tp->host_name, "%s",
		 config->host_name && config->host_name[0] ? config->host_name : "millrace");
	snprintf(l2tp->secret, sizeof l2tp->secret, "%s", config->secret ? config->secret : "");
	c->host_name = l2tp->host_name;
	c->secret = l2tp->secret;
	if (c->hello_s != L2TP_NEVER)
		limit(&c->hello_s, 60, 86400);
	if (c->idle_tunnel_s != L2TP_NEVER)
		limit(&c->idle_tunnel_s, 10, 86400);
	limit(&c->timeout_s, 60, 86400);
	limit(&c->rtimeout_ms, 1000, 60000);
	limit(&c->rtimeout_cap_ms, 16000, 60000);
	limit(&c->retransmit, 5, 100);
	limit(&c->recv_window, 16, 1024);
	limit(&c->max_tunnels, TIDS - 1, TIDS - 1);
	limit(&c->max_half_open, 1000, TIDS - 1);
	limit(&c->max_starting, 1000, UINT32_MAX);
	return true;
}

void
l2tp_free(struct l2tp *l2tp)
{
	for (unsigned tid = 1; tid < TIDS; tid++)
		if (l2tp->tunnels[tid])
			l2tp_tunnel_free(l2tp->tunnels[tid]);
	l2tp_peers_fini(&l2tp->peers);
	share_fini(&l2tp->share);
	free(l2tp->calls);
	free(l2tp);
}

const char *
l2tp_secret(const struct l2tp *l2tp, const struct addr *peer, bool *known)
{
	const struct l2tp_peer *p = l2tp_peers_find(&l2tp->peers, peer);
	*known = p;
	return p && p->secret ? p->secret : l2tp->secret;
}

void
l2tp_random(struct l2tp *l2tp, void *bytes, size_t n)
{
	if (l2tp->ops->random)
		l2tp->ops->random(l2tp->owner, bytes, n);
	else if (RAND_bytes(bytes, (int)n) != 1)
		abort(); /* no entropy: neither ids nor challenges could be trusted */
}

uint16_t
l2tp_tid_alloc(struct l2tp *l2tp)
{
	uint32_t r;
	if (!l2tp->n_free_tids)
		return 0;
	l2tp_random(l2tp, &r, sizeof r);
	uint16_t *chosen = &l2tp->free_tids[r % l2tp->n_free_tids];
	uint16_t tid = *chosen;
	*chosen = l2tp->free_tids[--l2tp->n_free_tids];
	return tid;
}

void
l2tp_tid_release(struct l2tp *l2tp, uint16_t tid)
{
	l2tp->free_tids[l2tp->n_free_tids++] = tid;
}

static uint32_t
mix(uint32_t h, uint32_t v)
{
	h = (h ^ v) * 0x9e3779b1u;
	return h ^ h >> 15;
}

struct tunnel_bucket *
l2tp_dialling(struct l2tp *l2tp, const struct l2tp_path *path, uint16_t peer_tid)
{
	uint32_t h = l2tp->hash_seed;
	for (unsigned i = 0; i < 16; i += 4)
		h = mix(h, be32(path->peer.b + i));
	h = mix(h, (uint32_t)path->peer_port << 16 | peer_tid);
	return &l2tp->dialling[h % DIALLING_BUCKETS];
}

struct tunnel_bucket *
l2tp_by_path(struct l2tp *l2tp, const struct l2tp_path *path)
{
	return &l2tp->by_path[l2tp_dialling(l2tp, path, 0) - l2tp->dialling];
}

/* Ids are ours, so nobody can choose them to collide. */
static struct call **
calls_bucket(const struct l2tp *l2tp, uint16_t tid, uint16_t sid)
{
	return &l2tp->calls[mix(tid, (uint32_t)sid << 16 | tid) & l2tp->calls_mask];
}

struct call *
l2tp_calls_find(struct l2tp *l2tp, uint16_t tid, uint16_t sid)
{
	struct call *c = *calls_bucket(l2tp, tid, sid);
	while (c && (c->pub.our_sid != sid || c->pub.tunnel->our_tid != tid))
		c = c->chain;
	return c;
}

static void
calls_link(struct l2tp *l2tp, struct call *c)
{
	struct call **bucket = calls_bucket(l2tp, c->pub.tunnel->our_tid, c->pub.our_sid);
	c->chain = *bucket;
	*bucket = c;
}

static bool
calls_grow(struct l2tp *l2tp)
{
	struct call **old = l2tp->calls;
	uint32_t n = l2tp->calls_mask + 1;
	struct call **calls = calloc(2 * (size_t)n, sizeof(struct call *));
	if (!calls)
		return false;
	l2tp->calls = calls;
	l2tp->calls_mask = 2 * n - 1;
	for (uint32_t i = 0; i < n; i++) {
		for (struct call *c = old[i], *next; c; c = next) {
			next = c->chain;
			calls_link(l2tp, c);
		}
	}
	free(old);
	return true;
}

bool
l2tp_calls_add(struct l2tp *l2tp, struct call *c)
{
	if (l2tp->n_calls > l2tp->calls_mask && !calls_grow(l2tp)) {
		l2tp->stats[L2TP_STAT_NO_MEMORY]++;
		return false;
	}
	calls_link(l2tp, c);
	l2tp->n_calls++;
	return true;
}

void
l2tp_calls_remove(struct l2tp *l2tp, struct call *c)
{
	struct call **p = calls_bucket(l2tp, c->pub.tunnel->our_tid, c->pub.our_sid);
	while (*p != c)
		p = &(*p)->chain;
	*p = c->chain;
	l2tp->n_calls--;
}

void
l2tp_trace(struct l2tp *l2tp, const struct tunnel *t, const struct l2tp_path *path, const char *direction,
	   const uint8_t *bytes, size_t len)
{
	const struct l2tp_tunnel *tunnel = t && t->known ? &t->pub : NULL;
	if (!l2tp->ops->trace_on || !l2tp->ops->trace_on(l2tp->owner, tunnel))
		return;
	char line[TRACE_LINE_MAX];
	l2tp_trace_format(direction, bytes, len, line);
	l2tp->ops->trace(l2tp->owner, tunnel, path, line);
}

void
l2tp_transmit(struct l2tp *l2tp, const struct tunnel *t, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	l2tp_trace(l2tp, t, path, "send", bytes, len);
	l2tp->stats[L2TP_STAT_TX]++;
	l2tp->ops->send(l2tp->owner, path, bytes, len);
}

void
l2tp_refused(struct l2tp *l2tp, const struct tunnel *t, const struct l2tp_path *path, enum cause cause,
	     const char *more)
{
	const struct l2tp_refusal refusal = {path, t ? &t->pub : NULL, cause, more};
	if (l2tp->ops->refused)
		l2tp->ops->refused(l2tp->owner, &refusal);
}

bool
l2tp_path_eq(const struct l2tp_path *a, const struct l2tp_path *b)
{
	return addr_eq(&a->peer, &b->peer) && a->peer_port == b->peer_port && addr_eq(&a->local, &b->local) &&
	       a->local_port == b->local_port;
}

struct l2tp_tunnel *
l2tp_tunnel_open(struct l2tp *l2tp, const struct l2tp_open *open, struct mono now)
{
	if (l2tp->shut_down || l2tp->n_tunnels >= l2tp->config.max_tunnels)
		return NULL;
	bool known;
	const char *secret = l2tp_secret(l2tp, &open->path.peer, &known);
	struct tunnel *t = l2tp_tunnel_new(l2tp, &open->path, open->secret ? open->secret : secret, now);
	if (!t)
		return NULL;
	t->pub.lac = true;
	t->pub.region = open->region;
	t->pub.user = open->user;
	while (open->only_one && !t->tie_breaker)
		l2tp_random(l2tp, &t->tie_breaker, sizeof t->tie_breaker);
	t->known = true;
	l2tp_tunnel_step(t, TUNNEL_EV_OPEN, CAUSE_NONE, now);
	return &t->pub;
}

bool
l2tp_tunnel_close(struct l2tp *l2tp, uint16_t our_tid, enum cause cause, struct mono now)
{
	struct tunnel *t = l2tp->tunnels[our_tid];
	if (!t || t->pub.state == L2TP_CLOSING)
		return false;
	l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, cause, now);
	return true;
}

void
l2tp_shutdown(struct l2tp *l2tp, struct mono now)
{
	l2tp->shut_down = true;
	for (unsigned tid = 1; tid < TIDS; tid++)
		l2tp_tunnel_close(l2tp, (uint16_t)tid, CAUSE_SHUTDOWN, now);
}

unsigned
l2tp_draining(const struct l2tp *l2tp)
{
	const struct tunnel *t;
	unsigned n = 0;
	TAILQ_FOREACH(t, &l2tp->closing, by_age)
	{
		n += t->window.queued && !t->window.is_dead;
	}
	return n;
}

const struct l2tp_tunnel *
l2tp_tunnel_next(const struct l2tp *l2tp, uint16_t after_tid)
{
	for (unsigned tid = after_tid + 1u; tid < TIDS; tid++) {
		const struct tunnel *t = l2tp->tunnels[tid];
		if (t && t->known)
			return &t->pub;
	}
	return NULL;
}

const char *
l2tp_tunnel_state_name(enum l2tp_tunnel_state state)
{
	return (unsigned)state < L2TP_TUNNEL_STATE_COUNT ? tunnel_state_names[state] : "?";
}

const char *
l2tp_call_state_name(enum l2tp_call_state state)
{
	return (unsigned)state < L2TP_CALL_STATE_COUNT ? call_state_names[state] : "?";
}

const uint64_t *
l2tp_stats(const struct l2tp *l2tp)
{
	return l2tp->stats;
}

const struct l2tp_stat_row *
l2tp_stat_row(enum l2tp_stat stat)
{
	return &stat_rows[(unsigned)stat < L2TP_STAT_COUNT ? stat : 0];
}

size_t
l2tp_memory(const struct l2tp *l2tp)
{
	return l2tp->n_tunnels + l2tp->n_calls + l2tp->held;
}
