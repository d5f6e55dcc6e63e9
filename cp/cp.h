/* cp.h - the control plane as one object: everything that MAIN owns.
 *
 * Thread: MAIN alone.  No globals: a test may hold several, each on its own virtual clock with a dataplane of its own
 * making (dataplane.h); the daemon holds one (main.c, loop.c).
 *
 *	cp_new -> { cp_message for each record of the workers, timers_run(&cp->timers) } ... -> cp_shutdown -> cp_idle ->
 *	cp_free
 *
 * Rooms in it: session.c (the life of a subscriber), lns.c, pptp_server.c and sstp_server.c (calls become sessions), streams.c
 * (TCP connections), users.c and addresses.c (who
 * may come in, with which address), network.c and neigh.c (our addresses, routes, neighbours), show_*.c and commands.c
 * (the control socket).
 */
#ifndef CP_CP_H
#define CP_CP_H

#include <stdbool.h>
#include <stdint.h>

#include <dp/dp.h>
#include <pools/pool4.h>

#include "cause.h"
#include "conf/conf.h"
#include "connlimit.h"
#include "dataplane.h"
#include "ifnames.h"
#include "l2tp/l2tp.h"
#include "log.h"
#include "neigh.h"
#include "ppp/ppp.h"
#include "pptp/pptp.h"
#include "share.h"
#include "slots.h"
#include "sstp/sstp.h"
#include "streams.h"
#include "timer.h"
#include "users.h"

struct aaa;
struct backend;
struct cli_handler;
struct dp_link;
struct tls_offload;
struct era;
struct reload;

#define CP_TIMERS_PER_STEP 4096
#define CP_LINGER_MS 1500 /* for the acknowledgement of StopCCN: one retransmission */

/* What happened so far; figures of `show statistics`. */
struct cp_stats {
	uint64_t calls_refused, sessions_started, sessions_ended;
	uint64_t auth_ok, auth_failed;
	uint64_t ended[CAUSE_COUNT];         /* sessions */
	uint64_t refused[CAUSE_COUNT];       /* tunnels and calls that never were */
	uint64_t tunnels_ended[CAUSE_COUNT]; /* also those that ended in set-up */
	uint64_t messages, messages_unknown, punts_stale;
};

/* Sessions by state. */
struct cp_counts {
	uint32_t starting, active, finishing;
};

struct cp {
	const struct conf *conf; /* in force; the caller's until the first reload */
	struct dataplane *dp;    /* the caller's */
	struct dp *real_dp;      /* for ports, drops and stages of the CLI; NULL in tests */
	struct tls_offload *tls; /* likewise: where a reload brings certificates */
	struct dp_link *link;    /* likewise, for its figures */
	struct log *log;         /* the caller's; may be NULL */
	struct timers timers;
	struct mono started;
	struct mono now; /* of the message or timer being handled */
	struct slots slots[DP_MAX_WORKERS];
	struct users users;
	const struct backend *backends[CONF_MODES]; /* by enum conf_auth_mode; NULL: there is none */
	struct aaa *aaa;                            /* RADIUS; NULL without a section radius */
	struct online_user *online;                 /* of online.c: sessions by user name */
	struct pool4_set *pools;
	uint32_t pool_blocks;       /* of the pools at the start: what the workers' table has room for, and some */
	struct route_entry *routes; /* of routes.c: the core route table */
	struct own_name *own_names; /* of naming.c */
	struct outside *outside;    /* of addresses.c: lent static addresses in no pool */
	struct neigh neigh;
	struct l2tp *l2tp;
	struct pptp *pptp; /* NULL without the section */
	struct sstp *sstp; /* NULL without the section */
	struct streams streams;
	struct ppp_crypto *crypto;
	struct era *era; /* of conf */
	struct ppp_stats ppp_stats;
	struct ifnames ifnames[CONF_PROTOCOLS];
	struct cp_stats stats;
	struct log_limit refusals;
	uint32_t starting, active, finishing; /* sessions by state; their sum is what slots count as in use */
	struct cp_counts counts[CONF_PROTOCOLS];
	struct share starting_of; /* the first of these by tunnel peer */
	struct connlimit connlimit[CONF_PROTOCOLS];
	uint64_t next_sid;
	bool refusing;      /* soft shutdown: no new calls */
	bool maintenance;   /* `maintenance on`: new calls are to try another server */
	bool shutting_down; /* every session is being ended */
	bool tunnels_closed;
	struct mono linger_until;
	bool end_requested;    /* `shutdown`: the loop is to end all */
	bool end_when_empty;   /* `shutdown soft`: likewise, when the last session is gone */
	struct reload *reload; /* the daemon's; NULL in tests */
	char *config_text;     /* of the last `show config` */
	size_t config_len;
	/* random: of PPP and L2TP: the kernel's, unless a test wants to be repeatable. */
	void (*random)(void *arg, void *bytes, size_t n);
	void *random_arg;
};

/* cp_new: builds everything from conf and tells the workers our addresses, routes and listeners.  NULL with a sentence
 * in err. */
struct cp *cp_new(const struct conf *conf, struct dataplane *dp, struct log *log, struct mono now, char *err,
		  size_t err_len) ON_MAIN;

/* cp_free: gives everything back without a word to peers; after cp_shutdown and cp_idle, unless time is over. */
void cp_free(struct cp *cp) ON_MAIN;

/* cp_message: one record from a worker core. */
void cp_message(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN;

/* cp_step: fires the timers that are due.  Call in each turn of the loop, with the loop's clock. */
void cp_step(struct cp *cp, struct mono now) ON_MAIN;

/* cp_shutdown: ends all sessions (LCP Terminate, CDN); cp_idle sees to the rest. */
void cp_shutdown(struct cp *cp, struct mono now) ON_MAIN;

/* cp_refuse: soft shutdown: with `on`, no new call is taken; the others live on. */
void cp_refuse(struct cp *cp, bool on) ON_MAIN;

/* cp_refused: a tunnel or a call is not taken; counted, and said in the log as often as that bears.  more: "" or what. */
struct cp_refusal {
	enum cause cause;
	const char *what, *more;
	struct addr peer;
	uint16_t peer_port;
};
void cp_refused(struct cp *cp, const struct cp_refusal *r) ON_MAIN;

/* cp_sessions: how many there are, of any state. */
uint32_t cp_sessions(const struct cp *cp) ON_MAIN;

/* cp_shutdown_hard: time is short: ends the sessions whose peers have not answered yet. */
void cp_shutdown_hard(struct cp *cp, struct mono now) ON_MAIN;

/* cp_idle: after cp_shutdown: ends the tunnels when the last session is gone (StopCCN); true when that is acknowledged,
 * or has not been for CP_LINGER_MS. */
bool cp_idle(struct cp *cp, struct mono now) ON_MAIN;

/* cp_slots_per_core: session slots that each worker core must have for conf's max-sessions. */
uint32_t cp_slots_per_core(const struct conf *conf, unsigned n_workers) ANY_THREAD;

/* cp_handlers: the daemon's half of the grammar (cli/command.def), CLI_N_COMMANDS rows. */
const struct cli_handler *cp_handlers(void) ANY_THREAD;

#endif
