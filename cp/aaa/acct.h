/* acct.h - accounting: what is said of a session to the servers, and kept until one has heard it.
 *
 * A record (Start, Interim-Update, Stop, On, Off) is made once, at its event, with its Event-Timestamp.  It is appended to
 * the journal (journal.h), to the local file when there is one, and waits in memory, in a chain for its session: the next
 * record of a session goes out when the one before is answered, so servers see them in order.  A record that no server
 * answers stays the first of its chain; while all servers are dead one record at a time tries them.  An answer takes it
 * out of the journal.
 *
 * For each session that is up the journal has its Stop as it would be now (CHECK), renewed at least each minute: whoever
 * starts after a crash sends these with the cause NAS-Reboot.
 *
 * Silent servers end no session, unless acct-required says so.  Memory is bounded by acct-spool-size: beyond it interim
 * records are given up first; all that is given up is counted and said.
 *
 * MAIN only.  Octets and packets are those of IP packets inside PPP: Input (up) before any policing, Output (down) after.
 */
#ifndef CP_AAA_ACCT_H
#define CP_AAA_ACCT_H

#include <sys/queue.h>

#include "aaa/aaa.h"
#include "aaa/journal.h"

enum acct_type { ACCT_TYPE_START = 1, ACCT_TYPE_STOP = 2, ACCT_TYPE_INTERIM = 3, ACCT_TYPE_ON = 7, ACCT_TYPE_OFF = 8 };

struct acct_record;
struct acct_chain;

/* A session's share. */
struct acct_session {
	struct session *s;
	struct timer timer;
	struct mono interim_at, check_at;
	uint64_t check_seq; /* in the journal; 0: none */
	uint32_t told_ip4;  /* the servers' last word of its address */
};

struct acct_stats {
	uint64_t records, answered, replayed, dropped;
	uint32_t waiting, flying;
	uint64_t bytes; /* of those that wait */
};

struct acct {
	struct aaa *aaa;
	struct journal *journal; /* NULL: none */
	bool text;               /* the local file is open */
	bool no_spool;           /* nothing was to be accounted for at the start: no journal was opened */
	struct acct_chain *chains;
	TAILQ_HEAD(, acct_chain) ready;
	struct acct_stats stats;
	uint64_t bytes_max;
	struct mono hold_until, told_at;
	uint64_t told_lost, told_lost_checks, told_dropped;
	bool silent, off_sent;
	struct mono off_by;
};

int acct_new(struct aaa *a) ON_MAIN;
void acct_free(struct acct *c) ON_MAIN;

/* acct_open: the journal's folder and the local file: replays, closes what was up, says Accounting-On.  -errno with a
 * sentence in err.  A test may do without. */
int acct_open(struct aaa *a, const char *folder, struct mono now, char *err, size_t err_len) ON_MAIN;

/* acct_begin: Accounting-On, when the configuration says so. */
void acct_begin(struct aaa *a, struct mono now) ON_MAIN;

void acct_step(struct acct *c, struct mono now) ON_MAIN;
void acct_done(struct acct *c, uint64_t cookie, const struct radius_reply *r, struct mono now) ON_MAIN;

/* acct_start, acct_stop: s is up for the first time; s is gone and has its final counters.  Harmless without RADIUS. */
void acct_start(struct session *s, struct mono now) ON_MAIN;
void acct_stop(struct session *s, struct mono now) ON_MAIN;
/* acct_abandon: without a word: cp_free. */
void acct_abandon(struct session *s) ON_MAIN;
/* acct_changed: what is said of s may have changed: its interval, how it is found; another address is told at once. */
void acct_changed(struct session *s, struct mono now) ON_MAIN;

/* acct_idle: after the last session: Accounting-Off; true when all is answered, or nobody answers, or time is over. */
bool acct_idle(struct aaa *a, struct mono now) ON_MAIN;

/* acct_check: what would be sent if we died now, into the journal, instead of what has this number there, which it keeps;
 * 0: for the first time. */
struct acct_event;
uint64_t acct_check(struct acct *c, const struct acct_event *e, uint64_t seq, const void *attributes, size_t n) ON_MAIN;

/* acct_required: the session sid, which nobody accounts for, ends. */
void acct_required(struct aaa *a, uint64_t sid, struct mono now) ON_MAIN;

/* acct_put: a record of sid, whose attributes these are; check: the CHECK that this Stop is instead of, or 0. */
struct acct_event {
	uint64_t sid;
	enum acct_type type;
	uint32_t wall_s;
	struct mono at;
};
void acct_put(struct acct *c, const struct acct_event *e, const void *attributes, size_t n, uint64_t check) ON_MAIN;

#endif
