/* acct.c - records on their way: chains, answers, the journal. */
#include "aaa/acct.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include <uthash.h>

#define HOLD_S 5
#define TELL_S 60
#define OFF_MS 1500
#define OVERHEAD 128 /* of a record in memory */

struct acct_record {
	TAILQ_ENTRY(acct_record) link;
	uint64_t seq;
	struct acct_event event;
	size_t len;
	uint8_t attributes[];
};

/* Records of one session; the first may be on its way. */
struct acct_chain {
	uint64_t sid;
	TAILQ_HEAD(, acct_record) records;
	TAILQ_ENTRY(acct_chain) link; /* in `ready`, unless flying */
	bool flying;
	UT_hash_handle hh;
};

/* An entry of the journal: this, then attributes. */
struct entry {
	uint64_t sid;
	uint32_t wall_s;
	uint32_t type;
};

#define ENTRY_MAX (sizeof(struct entry) + RADIUS_PACKET_MAX)

/* While the journal is read. */
struct reader {
	struct acct *c;
	struct mono now;
	struct acct_record **checks;
	size_t n, room;
};

static size_t entry_build(const struct acct_event *e, const void *attributes, size_t n, uint8_t *out) ON_MAIN;
static void text_put(struct acct *c, const struct acct_event *e, const void *attributes, size_t n) ON_MAIN;
static bool enqueue(struct acct *c, struct acct_record *r) ON_MAIN;
static bool has_stop(const struct acct *c, uint64_t sid) ON_MAIN;
static struct acct_record *record_new(const struct acct_event *e, const void *attributes, size_t n);
static void on_alive(void *arg, enum journal_kind kind, uint64_t seq, const void *bytes, size_t n) ON_MAIN;
static void close_what_was_up(struct reader *r) ON_MAIN;
static bool submit(struct acct *c, struct acct_chain *chain, struct mono now) ON_MAIN;
static void drop_first(struct acct *c, struct acct_chain *chain) ON_MAIN;
static void tell(struct acct *c, struct mono now) ON_MAIN;
static void put_nas(struct aaa *a, enum acct_type type, struct mono now) ON_MAIN;

int
acct_new(struct aaa *a)
{
	struct acct *c = calloc(1, sizeof *c);

	if (!c)
		return -ENOMEM;
	c->aaa = a;
	c->bytes_max = (uint64_t)a->cp->conf->radius.acct_spool_size << 20;
	TAILQ_INIT(&c->ready);
	a->acct = c;
	return 0;
}

void
acct_free(struct acct *c)
{
	struct acct_chain *chain, *next;

	if (!c)
		return;
	journal_close(c->journal);
	HASH_ITER(hh, c->chains, chain, next)
	{
		for (struct acct_record *r; (r = TAILQ_FIRST(&chain->records));) {
			TAILQ_REMOVE(&chain->records, r, link);
			free(r);
		}
		HASH_DEL(c->chains, chain);
		free(chain);
	}
	free(c);
}

/* --- records in ---------------------------------------------------------------------------------------------------- */

void
acct_put(struct acct *c, const struct acct_event *e, const void *attributes, size_t n, uint64_t check)
{
	uint8_t bytes[ENTRY_MAX];
	size_t len = entry_build(e, attributes, n, bytes);
	uint64_t seq = c->journal ? journal_append(c->journal, JOURNAL_RECORD, bytes, len) : 0;
	struct acct_record *r = NULL;

	if (!seq)
		seq = check; /* no room for it: the check stays for it, until it is answered */
	else if (check)
		journal_done(c->journal, check);
	text_put(c, e, attributes, n);
	c->stats.records++;
	if (radius_client_has(c->aaa->client, RADIUS_ACCT))
		r = record_new(e, attributes, n);
	if (r) {
		r->seq = seq;
		if (enqueue(c, r))
			return;
		free(r);
		c->stats.dropped++;
	}
	if (c->journal)
		journal_done(c->journal, seq);
}

static size_t
entry_build(const struct acct_event *e, const void *attributes, size_t n, uint8_t *out)
{
	struct entry head = {e->sid, e->wall_s, e->type};

	memcpy(out, &head, sizeof head);
	memcpy(out + sizeof head, attributes, n);
	return sizeof head + n;
}

uint64_t
acct_check(struct acct *c, const struct acct_event *e, uint64_t seq, const void *attributes, size_t n)
{
	uint8_t bytes[ENTRY_MAX];
	size_t len = entry_build(e, attributes, n, bytes);

	if (!seq)
		return journal_append(c->journal, JOURNAL_CHECK, bytes, len);
	journal_renew(c->journal, seq, bytes, len);
	return seq;
}

/* As FreeRADIUS writes its detail file: a line with the time, an attribute a line, an empty line. */
static void
text_put(struct acct *c, const struct acct_event *e, const void *attributes, size_t n)
{
	struct radius_walk w = radius_walk_bare(attributes, n);
	char text[JOURNAL_ENTRY_MAX], line[600];
	time_t at = e->wall_s;
	struct radius_attr a;

	if (!c->text)
		return;
	size_t len = strlen(ctime_r(&at, text));
	while (radius_next(&w, &a) == RADIUS_FOUND && len < sizeof text - sizeof line - 4) {
		radius_dict_detail(c->aaa->dict, &a, line, sizeof line);
		len += (size_t)snprintf(text + len, sizeof text - len, "\t%s\n", line);
	}
	text[len++] = '\n';
	journal_text(c->journal, text, len);
}

static struct acct_record *
record_new(const struct acct_event *e, const void *attributes, size_t n)
{
	struct acct_record *r = malloc(sizeof *r + n);

	if (!r)
		return NULL;
	*r = (struct acct_record){.event = *e, .len = n};
	memcpy(r->attributes, attributes, n);
	return r;
}

/* Interim records are given up first: the Stop has their counters as well. */
static bool
enqueue(struct acct *c, struct acct_record *r)
{
	struct acct_chain *chain;
	uint64_t room = r->event.type == ACCT_TYPE_INTERIM ? c->bytes_max / 2 : c->bytes_max;

	if (c->stats.bytes + r->len + OVERHEAD > room)
		return false;
	HASH_FIND(hh, c->chains, &r->event.sid, sizeof r->event.sid, chain);
	if (!chain) {
		chain = calloc(1, sizeof *chain);
		if (!chain)
			return false;
		chain->sid = r->event.sid;
		TAILQ_INIT(&chain->records);
		HASH_ADD(hh, c->chains, sid, sizeof chain->sid, chain);
		TAILQ_INSERT_TAIL(&c->ready, chain, link);
	}
	TAILQ_INSERT_TAIL(&chain->records, r, link);
	c->stats.waiting++;
	c->stats.bytes += r->len + OVERHEAD;
	return true;
}

/* --- the journal ---------------------------------------------------------------------------------------------------- */

int
acct_open(struct aaa *a, const char *folder, struct mono now, char *err, size_t err_len)
{
	const struct conf_radius *conf = &a->cp->conf->radius;
	struct acct *c = a->acct;
	struct reader reader = {.c = c, .now = now};
	bool file = conf->acct_file && *conf->acct_file;

	c->no_spool = !file && !radius_client_has(a->client, RADIUS_ACCT);
	if (c->no_spool)
		return 0;
	int rc = journal_open(&c->journal, folder, c->bytes_max, on_alive, &reader);
	if (rc) {
		snprintf(err, err_len, "radius.acct-spool: %s: %s", folder,
			 rc == -EBUSY ? "another process has it" : strerror(-rc));
		return rc;
	}
	a->cp->next_sid = (uint64_t)journal_epoch(c->journal) << 32 | 1;
	rc = file ? journal_text_open(c->journal, conf->acct_file) : 0;
	if (rc)
		snprintf(err, err_len, "radius.acct-file: %s: %s", conf->acct_file, strerror(-rc));
	c->text = file && !rc;
	acct_begin(a, now);
	close_what_was_up(&reader);
	if (c->stats.replayed)
		log_line(a->cp->log, LOG_LEVEL_INFO, "radius: %" PRIu64 " accounting records of before are sent now",
			 c->stats.replayed);
	return rc;
}

static void
on_alive(void *arg, enum journal_kind kind, uint64_t seq, const void *bytes, size_t n)
{
	struct reader *reader = arg;
	struct acct *c = reader->c;
	struct entry head;

	if (n < sizeof head)
		return;
	memcpy(&head, bytes, sizeof head);
	int64_t ago = c->aaa->wall_s() - (int64_t)head.wall_s;
	struct acct_event e = {head.sid, head.type, head.wall_s, mono_add_s(reader->now, ago > 0 ? -ago : 0)};
	struct acct_record *r = record_new(&e, (const uint8_t *)bytes + sizeof head, n - sizeof head);
	if (!r)
		return;
	r->seq = seq;
	if (kind == JOURNAL_RECORD) {
		c->stats.replayed++;
		if (!enqueue(c, r))
			free(r);
		return;
	}
	if (reader->n == reader->room) {
		struct acct_record **more = realloc(reader->checks, (reader->room * 2 + 64) * sizeof *more);
		if (!more) {
			free(r);
			return;
		}
		reader->checks = more;
		reader->room = reader->room * 2 + 64;
	}
	reader->checks[reader->n++] = r;
}

/* Sessions that were up when we died: their Stop as it was at the last look. */
static void
close_what_was_up(struct reader *reader)
{
	struct acct *c = reader->c;

	for (size_t i = 0; i < reader->n; i++) {
		struct acct_record *r = reader->checks[i];
		if (!has_stop(c, r->event.sid)) {
			c->stats.replayed++;
			acct_put(c, &r->event, r->attributes, r->len, r->seq);
		} else {
			journal_done(c->journal, r->seq);
		}
		free(r);
	}
	free(reader->checks);
}

static bool
has_stop(const struct acct *c, uint64_t sid)
{
	const struct acct_chain *chain;
	const struct acct_record *r;

	HASH_FIND(hh, c->chains, &sid, sizeof sid, chain);
	if (!chain)
		return false;
	TAILQ_FOREACH(r, &chain->records, link)
	if (r->event.type == ACCT_TYPE_STOP)
		return true;
	return false;
}

/* --- records out --------------------------------------------------------------------------------------------------- */

void
acct_step(struct acct *c, struct mono now)
{
	const struct radius_client *client = c->aaa->client;
	struct acct_chain *chain;

	tell(c, now);
	if (c->journal)
		journal_step(c->journal);
	if (!radius_client_has(client, RADIUS_ACCT)) /* since a reload: what waits is kept */
		return;
	while ((chain = TAILQ_FIRST(&c->ready)) && radius_client_room(client, RADIUS_ACCT)) {
		bool alive = radius_client_alive(client, RADIUS_ACCT);
		if (!alive && (c->stats.flying || !mono_reached(now, c->hold_until)))
			return;
		if (!submit(c, chain, now))
			return;
	}
}

static bool
submit(struct acct *c, struct acct_chain *chain, struct mono now)
{
	const struct acct_record *r = TAILQ_FIRST(&chain->records);
	struct radius_request request = {
		.role = RADIUS_ACCT,
		.cookie = AAA_ACCT_COOKIE | (uint64_t)(uintptr_t)chain,
		.attributes = r->attributes,
		.len = r->len,
		.add_nas_address = request_adds_nas_address(c->aaa),
		.add_delay = c->aaa->cp->conf->radius.acct_delay_time,
		.event = r->event.at,
		.give_up = mono_add_s(now, AAA_WAIT_S),
	};
	enum radius_err e = radius_client_submit(c->aaa->client, &request, now);
	if (e == RADIUS_FULL)
		return false;
	TAILQ_REMOVE(&c->ready, chain, link);
	chain->flying = true;
	c->stats.flying++;
	if (e) { /* it never will fit */
		c->stats.dropped++;
		drop_first(c, chain);
	}
	return true;
}

/* drop_first: the first record is done with, one way or the other; the next may go. */
static void
drop_first(struct acct *c, struct acct_chain *chain)
{
	struct acct_record *r = TAILQ_FIRST(&chain->records);

	chain->flying = false;
	c->stats.flying--;
	c->stats.waiting--;
	c->stats.bytes -= r->len + OVERHEAD;
	if (c->journal)
		journal_done(c->journal, r->seq);
	TAILQ_REMOVE(&chain->records, r, link);
	free(r);
	if (!TAILQ_EMPTY(&chain->records)) {
		TAILQ_INSERT_TAIL(&c->ready, chain, link);
		return;
	}
	HASH_DEL(c->chains, chain);
	free(chain);
}

void
acct_done(struct acct *c, uint64_t cookie, const struct radius_reply *reply, struct mono now)
{
	struct acct_chain *chain = (struct acct_chain *)(uintptr_t)(cookie & ~AAA_ACCT_COOKIE);
	struct log *log = c->aaa->cp->log;
	char servers[512];

	if (!reply->silent) {
		c->stats.answered++;
		if (c->silent)
			log_line(log, LOG_LEVEL_INFO, "radius: accounting is answered again, %u records wait",
				 c->stats.waiting);
		c->silent = false;
		drop_first(c, chain);
		return;
	}
	if (!c->silent)
		log_line(log, LOG_LEVEL_ERROR, "radius: no answer to accounting from %s: records are kept",
			 aaa_servers(c->aaa, reply->tried, RADIUS_ACCT, servers, sizeof servers));
	c->silent = true;
	c->hold_until = mono_add_s(now, HOLD_S);
	chain->flying = false;
	c->stats.flying--;
	TAILQ_INSERT_HEAD(&c->ready, chain, link);
	if (c->aaa->cp->conf->radius.acct_required)
		acct_required(c->aaa, TAILQ_FIRST(&chain->records)->event.sid, now);
}

/* tell: what is given up, or not on disk, once a minute. */
static void
tell(struct acct *c, struct mono now)
{
	struct journal_stats s = {0};
	struct log *log = c->aaa->cp->log;

	if (!mono_reached(now, c->told_at))
		return;
	c->told_at = mono_add_s(now, 1);
	if (c->journal)
		journal_stats(c->journal, &s);
	uint64_t lost = s.lost + s.busy;
	if (lost != c->told_lost) {
		log_line(log, LOG_LEVEL_ERROR, "radius: accounting spool: %s: %" PRIu64 " records are in memory alone",
			 s.error ? strerror(s.error) : "the disk is slow", lost - c->told_lost);
		c->told_at = mono_add_s(now, TELL_S);
	}
	if (s.lost_checks != c->told_lost_checks) {
		log_line(log, LOG_LEVEL_ERROR,
			 "radius: accounting spool: %s: the state of sessions on disk is older than a minute",
			 strerror(s.error));
		c->told_at = mono_add_s(now, TELL_S);
	}
	if (c->stats.dropped != c->told_dropped) {
		log_line(log, LOG_LEVEL_ERROR,
			 "radius: acct-spool-size is used up: %" PRIu64 " accounting records are lost",
			 c->stats.dropped - c->told_dropped);
		c->told_at = mono_add_s(now, TELL_S);
	}
	c->told_lost = lost;
	c->told_lost_checks = s.lost_checks;
	c->told_dropped = c->stats.dropped;
}

/* --- On and Off ------------------------------------------------------------------------------------------------------ */

static void
put_nas(struct aaa *a, enum acct_type type, struct mono now)
{
	uint8_t attributes[1024];
	struct wr w = wr_init(attributes, sizeof attributes);
	struct acct_event e = {0, type, (uint32_t)a->wall_s(), now};
	char sid[17];

	if (!a->cp->conf->radius.acct_on)
		return;
	radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, type);
	request_nas(a, &w);
	snprintf(sid, sizeof sid, "%016" PRIx64, a->cp->next_sid & ~UINT64_C(0xffffffff));
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid);
	radius_put_u32(&w, RADIUS_EVENT_TIMESTAMP, e.wall_s);
	acct_put(a->acct, &e, attributes, wr_len(&w), 0);
}

void
acct_begin(struct aaa *a, struct mono now)
{
	put_nas(a, ACCT_TYPE_ON, now);
}

bool
acct_idle(struct aaa *a, struct mono now)
{
	struct acct *c = a ? a->acct : NULL;

	if (!c)
		return true;
	if (!c->off_sent) {
		c->off_sent = true;
		c->off_by = mono_add_ms(now, OFF_MS);
		put_nas(a, ACCT_TYPE_OFF, now);
	}
	return !c->stats.waiting || c->silent || mono_reached(now, c->off_by);
}
