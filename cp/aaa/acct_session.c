/* acct_session.c - what is said of a session: Start, Interim-Update, Stop, and what would be said if we died. */
#include <stdlib.h>

#include "aaa/acct.h"
#include "aaa/coa.h"

#define CHECK_MIN_S 40 /* a look at each session at least once a minute */
#define CHECK_SPREAD_S 15
#define AUTHENTIC_RADIUS 1
#define AUTHENTIC_LOCAL 2

static size_t build(struct session *s, enum acct_type type, enum acct_cause cause, struct mono now, struct wr *w)
	ON_MAIN;
static void put_addresses(const struct session *s, struct wr *w) ON_MAIN;
static void put_classes(const struct session *s, struct wr *w) ON_MAIN;
static void put_counters(const struct session *s, struct mono now, struct wr *w) ON_MAIN;
static void say(struct session *s, enum acct_type type, struct mono now) ON_MAIN;
static void check(struct session *s, struct mono now) ON_MAIN;
static void arm(struct session *s) ON_MAIN;
static void next_interim(struct session *s, struct mono now) ON_MAIN;
static uint32_t interval(const struct session *s) ON_MAIN;
static void on_timer(struct timer *t, struct mono now) ON_MAIN;
static uint32_t spread(const struct session *s, uint32_t n) ON_MAIN;

void
acct_start(struct session *s, struct mono now)
{
	if (!s->cp->aaa)
		return;
	coa_join(s);
	s->acct = calloc(1, sizeof *s->acct);
	if (!s->acct)
		return;
	s->acct->s = s;
	s->acct->timer.fire = on_timer;
	say(s, ACCT_TYPE_START, now);
	check(s, now);
	next_interim(s, now);
	arm(s);
}

void
acct_stop(struct session *s, struct mono now)
{
	struct acct_session *as = s->acct;

	coa_leave(s);
	if (!as)
		return;
	timer_stop(&as->timer);
	say(s, ACCT_TYPE_STOP, now);
	free(as);
	s->acct = NULL;
}

void
acct_abandon(struct session *s)
{
	coa_leave(s);
	if (!s->acct)
		return;
	timer_stop(&s->acct->timer);
	free(s->acct);
	s->acct = NULL;
}

void
acct_changed(struct session *s, struct mono now)
{
	coa_leave(s);
	coa_join(s);
	if (!s->acct)
		return;
	if (s->acct->told_ip4 != s->ip4)
		say(s, ACCT_TYPE_INTERIM, now);
	next_interim(s, now);
	arm(s);
}

/* What the user's entry or the server says, else the configuration. */
static uint32_t
interval(const struct session *s)
{
	return profile_says(&s->profile, PROFILE_INTERIM) ? s->profile.interim_s
							  : s->cp->conf->radius.acct_interim_interval;
}

static uint32_t
spread(const struct session *s, uint32_t n)
{
	uint32_t v;

	s->cp->random(s->cp->random_arg, &v, sizeof v);
	return n ? v % n : 0;
}

static void
next_interim(struct session *s, struct mono now)
{
	uint32_t every = interval(s), jitter = s->cp->conf->radius.acct_interim_jitter;

	s->acct->interim_at = MONO_NEVER;
	if (!every)
		return;
	jitter = jitter < every ? jitter : every - 1;
	s->acct->interim_at = mono_add_ms(now, ((int64_t)every - jitter) * 1000 + spread(s, 2000 * jitter + 1));
}

static void
arm(struct session *s)
{
	struct acct_session *as = s->acct;
	struct mono due = as->interim_at.us < as->check_at.us ? as->interim_at : as->check_at;

	if (due.us != MONO_NEVER.us)
		timer_set(&s->cp->timers, &as->timer, due);
}

static void
on_timer(struct timer *t, struct mono now)
{
	struct session *s = ((struct acct_session *)(void *)((char *)t - offsetof(struct acct_session, timer)))->s;

	if (mono_reached(now, s->acct->interim_at)) {
		say(s, ACCT_TYPE_INTERIM, now);
		next_interim(s, now);
	}
	if (mono_reached(now, s->acct->check_at))
		check(s, now);
	arm(s);
}

static void
say(struct session *s, enum acct_type type, struct mono now)
{
	uint8_t attributes[RADIUS_PACKET_MAX];
	struct wr w = wr_init(attributes, sizeof attributes);
	struct aaa *a = s->cp->aaa;
	struct acct_event e = {s->sid, type, (uint32_t)a->wall_s(), now};
	size_t n = build(s, type, cause_row(s->cause)->acct, now, &w);
	char what[48];

	snprintf(what, sizeof what, "send Accounting-Request");
	aaa_trace(a, s, what, radius_walk_bare(attributes, n));
	acct_put(a->acct, &e, attributes, n, type == ACCT_TYPE_STOP ? s->acct->check_seq : 0);
	s->acct->told_ip4 = s->ip4;
}

/* check: the Stop as it would be, into the journal, instead of the one before. */
static void
check(struct session *s, struct mono now)
{
	struct acct *c = s->cp->aaa->acct;
	uint8_t attributes[RADIUS_PACKET_MAX];
	struct wr w = wr_init(attributes, sizeof attributes);
	struct acct_session *as = s->acct;

	as->check_at = MONO_NEVER;
	if (!c->journal)
		return;
	as->check_at = mono_add_ms(now, CHECK_MIN_S * 1000 + spread(s, CHECK_SPREAD_S * 1000));
	struct acct_event e = {s->sid, ACCT_TYPE_STOP, (uint32_t)s->cp->aaa->wall_s(), now};
	as->check_seq =
		acct_check(c, &e, as->check_seq, attributes, build(s, ACCT_TYPE_STOP, ACCT_NAS_REBOOT, now, &w));
}

static size_t
build(struct session *s, enum acct_type type, enum acct_cause cause, struct mono now, struct wr *w)
{
	const struct aaa *a = s->cp->aaa;
	const char *name = s->profile.username ? profile_text(s->profile.username) : s->username ? s->username : "";
	char user[PPP_NAME_MAX], sid[17];

	radius_put_u32(w, RADIUS_ACCT_STATUS_TYPE, type);
	radius_put_text(w, RADIUS_ACCT_SESSION_ID, request_sid(s, sid));
	request_who(a, s, request_user(a, name, user), w);
	radius_put_u32(w, RADIUS_ACCT_AUTHENTIC, s->backend == &radius_backend ? AUTHENTIC_RADIUS : AUTHENTIC_LOCAL);
	put_addresses(s, w);
	put_classes(s, w);
	if (type != ACCT_TYPE_START)
		put_counters(s, now, w);
	if (type == ACCT_TYPE_STOP)
		radius_put_u32(w, RADIUS_ACCT_TERMINATE_CAUSE, cause);
	return wr_len(w);
}

static void
put_addresses(const struct session *s, struct wr *w)
{
	const struct profile *p = &s->profile;

	if (s->ip4)
		radius_put_u32(w, RADIUS_FRAMED_IP_ADDRESS, s->ip4);
	if (profile_says(p, PROFILE_NETMASK))
		radius_put_u32(w, RADIUS_FRAMED_IP_NETMASK, p->netmask_len ? 0xffffffffu << (32 - p->netmask_len) : 0);
}

/* RFC 2865 5.25: each as it came, in their order. */
static void
put_classes(const struct session *s, struct wr *w)
{
	const struct profile_block *b = s->profile.classes;

	for (uint32_t at = 0; b && at < b->len; at += 1u + b->bytes[at])
		radius_put(w, RADIUS_CLASS, b->bytes + at + 1, b->bytes[at]);
}

static void
put_counters(const struct session *s, struct mono now, struct wr *w)
{
	struct dp_counters n;

	/* The worker forgets a session with its last word. */
	if (s->state == SESSION_CLOSING)
		n = s->final;
	else
		session_counters(s, &n);
	radius_put_u32(w, RADIUS_ACCT_SESSION_TIME, (uint32_t)(mono_since_us(now, s->active_since) / 1000000));
	radius_put_u32(w, RADIUS_ACCT_INPUT_OCTETS, (uint32_t)n.up_bytes);
	radius_put_u32(w, RADIUS_ACCT_INPUT_GIGAWORDS, (uint32_t)(n.up_bytes >> 32));
	radius_put_u32(w, RADIUS_ACCT_INPUT_PACKETS, (uint32_t)n.up_packets);
	radius_put_u32(w, RADIUS_ACCT_OUTPUT_OCTETS, (uint32_t)n.down_bytes);
	radius_put_u32(w, RADIUS_ACCT_OUTPUT_GIGAWORDS, (uint32_t)(n.down_bytes >> 32));
	radius_put_u32(w, RADIUS_ACCT_OUTPUT_PACKETS, (uint32_t)n.down_packets);
}

/* acct_required: an operator who wants no session that is not accounted for. */
void
acct_required(struct aaa *a, uint64_t sid, struct mono now)
{
	struct session *s = coa_find_sid(a, sid);
	char name[SESSION_NAME_LEN];

	if (!s)
		return;
	log_line(a->cp->log, LOG_LEVEL_ERROR, "%s: accounting is required, and nobody answers",
		 session_name(s, name, sizeof name));
	session_end(s, CAUSE_ACCT_UNAVAILABLE, now);
}
