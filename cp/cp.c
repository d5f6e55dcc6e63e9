#include "cp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "aaa/acct.h"
#include "addresses.h"
#include "admission.h"
#include "backend.h"
#include "era.h"
#include "lns.h"
#include "network.h"
#include "online.h"
#include "pptp_server.h"
#include "routes.h"
#include "session.h"
#include "sstp_server.h"
#include "stock.h"

static int build(struct cp *cp, struct mono now, char *err, size_t err_len) ON_MAIN;
static int build_slots(struct cp *cp, char *err, size_t err_len) ON_MAIN;
static void end_all(struct cp *cp, void (*end)(struct session *s, enum cause cause, struct mono now), struct mono now)
	ON_MAIN;
static void kernel_random(void *arg, void *bytes, size_t n) ON_MAIN;

/* --- messages of the workers ------------------------------------------------------------------------------------- */

typedef void message_handler(struct cp *cp, const struct byte_ring_rec *rec, struct mono now);

static struct session *
session_of(struct cp *cp, uint64_t handle) ON_MAIN
{
	unsigned lcore = handle_lcore(handle);
	struct session *s = lcore < cp->dp->n_workers ? slots_find(&cp->slots[lcore], handle) : NULL;
	if (!s)
		cp->stats.punts_stale++;
	return s;
}

static void
on_punt_ppp(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN
{
	struct session *s = session_of(cp, rec->handle);
	if (s && (s->state == SESSION_STARTING || s->state == SESSION_ACTIVE || s->state == SESSION_FINISHING))
		ppp_input(&s->ppp, rec->payload, rec->len, now);
}

static void
on_punt_udp(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN
{
	struct dp_udp_path path;
	memcpy(&path, rec->payload, sizeof path);
	lns_input(cp, &path, rec->payload + sizeof path, rec->len - sizeof path, now);
}

static void
on_punt_eth(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN
{
	struct dp_eth_path path;
	memcpy(&path, rec->payload, sizeof path);
	neigh_input(&cp->neigh, &path, rec->payload + sizeof path, rec->len - sizeof path, now);
}

static void
on_resolve(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN
{
	struct dp_resolve r;
	memcpy(&r, rec->payload, sizeof r);
	neigh_resolve(&cp->neigh, r.iface, &r.addr, now);
}

static void
on_session_dead(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN
{
	struct session *s = session_of(cp, rec->handle);
	if (s)
		session_end(s, CAUSE_ECHO_FAILURE, now);
}

static void
on_session_closed(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN
{
	struct dp_counters final;
	struct session *s = session_of(cp, rec->handle);
	memcpy(&final, rec->payload, sizeof final);
	if (s && s->state == SESSION_CLOSING)
		session_closed(s, &final, now);
}

static message_handler *const handlers[DP_MSG_COUNT] = {
	[DP_MSG_CONN_OPEN] = streams_opened,     [DP_MSG_STREAM_IN] = streams_input,
	[DP_MSG_CONN_GONE] = streams_gone,       [DP_MSG_CONN_FAILED] = streams_failed,
	[DP_MSG_PUNT_PPP] = on_punt_ppp,         [DP_MSG_PUNT_UDP] = on_punt_udp,
	[DP_MSG_PUNT_ETH] = on_punt_eth,         [DP_MSG_RESOLVE] = on_resolve,
	[DP_MSG_SESSION_DEAD] = on_session_dead, [DP_MSG_SESSION_CLOSED] = on_session_closed,
};

void
cp_message(struct cp *cp, const struct byte_ring_rec *rec, struct mono now)
{
	cp->now = now;
	cp->stats.messages++;
	if (rec->type >= DP_MSG_COUNT || !handlers[rec->type] || rec->len < dp_msg_row(rec->type)->size) {
		cp->stats.messages_unknown++;
		return;
	}
	handlers[rec->type](cp, rec, now);
}

void
cp_step(struct cp *cp, struct mono now)
{
	cp->now = now;
	timers_run(&cp->timers, now, CP_TIMERS_PER_STEP);
	aaa_step(cp->aaa, now);
}

/* --- beginning and end ------------------------------------------------------------------------------------------- */

struct cp *
cp_new(const struct conf *conf, struct dataplane *dp, struct log *log, struct mono now, char *err, size_t err_len)
{
	struct cp *cp = calloc(1, sizeof *cp);
	if (!cp) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	cp->conf = conf;
	cp->dp = dp;
	cp->log = log;
	cp->started = cp->now = now;
	cp->random = kernel_random;
	cp->backends[CONF_MODE_LOCAL] = &local_backend;
	/* Never the same after a restart: the upper half is the second of the start. */
	cp->next_sid = (uint64_t)time(NULL) << 32 | 1;
	timers_init(&cp->timers, now);
	neigh_init(&cp->neigh, dp, &cp->timers, conf->tables.adjacencies);
	if (build(cp, now, err, err_len) < 0) {
		cp_free(cp);
		return NULL;
	}
	return cp;
}

static int
build(struct cp *cp, struct mono now, char *err, size_t err_len)
{
	const char *why;
	cp->crypto = ppp_crypto_new(&why);
	if (!cp->crypto) {
		snprintf(err, err_len, "authentication: %s", why);
		return -ENOSYS;
	}
	int rc = build_slots(cp, err, err_len);
	cp->era = era_new(cp->conf, cp->crypto);
	if (!rc && !cp->era) {
		snprintf(err, err_len, "out of memory");
		rc = -ENOMEM;
	}
	if (!rc && users_init(&cp->users, cp->conf) < 0) {
		snprintf(err, err_len, "authentication.local-users: out of memory");
		rc = -ENOMEM;
	}
	if (!rc)
		rc = network_init(cp, now, err, err_len);
	if (!rc)
		rc = stock_init(cp, err, err_len);
	if (!rc)
		rc = aaa_new(&cp->aaa, cp, now, err, err_len);
	if (!rc)
		rc = lns_init(cp, err, err_len);
	if (!rc)
		rc = sstp_server_init(cp, err, err_len);
	return rc ? rc : pptp_server_init(cp, err, err_len);
}

static int
build_slots(struct cp *cp, char *err, size_t err_len)
{
	uint32_t per_core = cp_slots_per_core(cp->conf, cp->dp->n_workers);
	int rc = 0;
	for (unsigned i = 0; !rc && i < cp->dp->n_workers; i++)
		rc = slots_init(&cp->slots[i], i, per_core);
	for (unsigned p = 0; !rc && p < CONF_PROTOCOLS; p++)
		rc = ifnames_init(&cp->ifnames[p], cp->conf->max_sessions);
	if (rc)
		snprintf(err, err_len, "max-sessions: out of memory for %u sessions", cp->conf->max_sessions);
	return rc;
}

uint32_t
cp_slots_per_core(const struct conf *conf, unsigned n_workers)
{
	uint32_t n = conf->max_sessions / n_workers + 1;
	return n + n / (SLOTS_REGION - 1) + 1; /* the slots whose lower 16 bits are 0 stay empty */
}

static void
kernel_random(void *arg, void *bytes, size_t n)
{
	uint8_t *p = bytes;
	(void)arg;
	while (n) {
		ssize_t k = getrandom(p, n, 0);
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
}

void
cp_free(struct cp *cp)
{
	uint64_t cursor = 0;
	while (!session_last(cp, cursor)) {
		struct session *s = session_next(cp, &cursor, 4096);
		if (s)
			session_abandon(s);
	}
	online_fini(cp);
	share_fini(&cp->starting_of);
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		connlimit_fini(&cp->connlimit[p]);
	lns_fini(cp);
	sstp_server_fini(cp);
	pptp_server_fini(cp);
	streams_fini(cp);
	aaa_free(cp->aaa);
	stock_fini(cp);
	addresses_fini(cp);
	routes_fini(cp);
	users_fini(&cp->users);
	neigh_fini(&cp->neigh);
	for (unsigned i = 0; i < cp->dp->n_workers; i++)
		slots_fini(&cp->slots[i]);
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		ifnames_fini(&cp->ifnames[p]);
	if (cp->era)
		era_put(cp->era);
	if (cp->crypto)
		ppp_crypto_free(cp->crypto);
	free(cp->config_text);
	free(cp);
}

void
cp_refuse(struct cp *cp, bool on)
{
	cp->refusing = on;
}

/* Anybody can bring these about, as fast as the worker lets him: they must not fill the log. */
void
cp_refused(struct cp *cp, const struct cp_refusal *r)
{
	const struct cause_row *row = cause_row(r->cause);
	char peer[ADDR_STRLEN];
	cp->stats.refused[r->cause]++;
	log_limited(cp->log, &cp->refusals, cp->now, row->level, "%s refused: %s%s%s peer=%s:%u", r->what, row->text,
		    *r->more ? ": " : "", r->more, addr_str(&r->peer, peer), r->peer_port);
}

static void
end_all(struct cp *cp, void (*end)(struct session *s, enum cause cause, struct mono now), struct mono now)
{
	uint64_t cursor = 0;
	cp->now = now;
	while (!session_last(cp, cursor)) {
		struct session *s = session_next(cp, &cursor, 4096);
		if (s)
			end(s, CAUSE_SHUTDOWN, now);
	}
}

void
cp_shutdown(struct cp *cp, struct mono now)
{
	cp->shutting_down = true;
	end_all(cp, session_end, now);
	pptp_server_shutdown(cp, now);
}

void
cp_shutdown_hard(struct cp *cp, struct mono now)
{
	end_all(cp, session_end_hard, now);
}

uint32_t
cp_sessions(const struct cp *cp)
{
	return cp->starting + cp->active + cp->finishing;
}

bool
cp_idle(struct cp *cp, struct mono now)
{
	if (cp_sessions(cp))
		return false;
	if (!acct_idle(cp->aaa, now))
		return false;
	/* The tunnels last: their CDNs have gone out before. */
	cp->now = now;
	if (!cp->tunnels_closed) {
		l2tp_shutdown(cp->l2tp, now);
		cp->linger_until = mono_add_ms(now, CP_LINGER_MS);
	}
	cp->tunnels_closed = true;
	return !l2tp_draining(cp->l2tp) || mono_reached(now, cp->linger_until);
}
