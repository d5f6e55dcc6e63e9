/* session.h - a subscriber: one call of a tunnel, its PPP link, its address, its slot on a worker core.
 *
 * Life.  A call is accepted (CALL), is up and PPP negotiates (STARTING), IPCP is open (ACTIVE), somebody ends it and LCP
 * takes leave (FINISHING), the worker is told to let go and answers with the final counters (CLOSING), and only then the
 * slot and the address are free again.
 *
 *	CALL -> STARTING <-> ACTIVE -> FINISHING -> CLOSING -> gone
 *	   \________\___________\__________\________/
 *
 * session_end is the only way to end one, with a row of cause.def; the first cause stands.  What else ends it (the peer's
 * LCP Terminate, CDN, a dead tunnel) arrives as an upcall of PPP or of the tunnel and takes the same road.
 *
 * Order that must hold: the gate of the worker opens before the ConfAck that lets the peer send; the route of the
 * subscriber is withdrawn before SESSION_CLOSE; slot and address are returned after SESSION_CLOSED.  Routes to networks
 * behind him are gone from the workers' tables a little later than from ours: his slot rests until then, lest somebody
 * else gets his packets.
 *
 * MAIN only; one heap record a session.
 */
#ifndef CP_SESSION_H
#define CP_SESSION_H

#include <sys/queue.h>

#include "cp.h"
#include "profile.h"

#define SESSION_NAME_LEN 160
#define SESSION_HISTORY 8

struct acct_session;
struct backend;
struct coa_session;
struct era;
struct login;
struct online_user;
struct route_claim;

enum session_state { SESSION_CALL, SESSION_STARTING, SESSION_ACTIVE, SESSION_FINISHING, SESSION_CLOSING };

/* What has happened to a session, for `show session`; `what` is constant text. */
struct session_event {
	struct mono at;
	const char *what;
};

struct session {
	struct cp *cp;
	struct era *era;       /* the configuration that it began under */
	uint64_t handle;       /* dp: core, slot, generation */
	struct bearer *bearer; /* NULL once the call is gone */
	uint64_t sid;          /* Acct-Session-Id */
	uint8_t state;         /* enum session_state; session.c alone writes it */
	uint8_t protocol;      /* enum conf_protocol */
	uint8_t cause;         /* enum cause, from FINISHING on */
	uint8_t auth_method;   /* enum ppp_auth, once authenticated */
	bool authenticated;
	bool debug;            /* its negotiation is in the log at any level */
	uint32_t gates;        /* of dp, as they are set */
	uint32_t bearer_gates; /* those that the bearer opens besides */
	bool dp_known;         /* SESSION_OPEN has been sent */
	bool route_set;        /* in the inner table */
	bool was_active;       /* has been ACTIVE once: a `started` line is in the log */
	bool renewing;         /* its time is over, and its server is asked for more */
	bool had_networks;     /* such have led here */
	bool shared;           /* counts in its peer's share of those in set-up */
	int32_t ifnumber;      /* -1: none */
	char ifname[IFNAME_LEN];
	char *username;                /* NULL before authentication */
	const struct backend *backend; /* that has answered for the user; NULL before */
	char backend_name[64];         /* "radius 198.51.100.10" */
	struct profile profile;        /* what he gets, once authenticated */
	uint32_t ip4, gateway_ip4;
	int16_t pool; /* index, -1: not from a pool */
	struct mono since, active_since;
	struct mono timed_since;   /* what the session timeout counts from: active_since, or its last renewal */
	struct timer set_up;       /* bounds CALL and STARTING; the rest of a slot after SESSION_CLOSED */
	struct timer lifetime;     /* the nearer of session and idle timeout, from the first ACTIVE on */
	struct login *login;       /* of admission.c: the proof that is being looked at, or NULL */
	struct acct_session *acct; /* of aaa/: what is accounted, from the first ACTIVE on */
	struct coa_session *coa;   /* and how it is found */
	/* of online.c: */
	struct online_user *online; /* the user's sessions; NULL before authentication */
	LIST_ENTRY(session) of_user;
	LIST_HEAD(, route_claim) claims; /* of routes.c: networks that lead here */
	struct dp_counters final;
	struct session_event history[SESSION_HISTORY]; /* a ring: the newest is (n_events - 1) % SESSION_HISTORY */
	uint32_t n_events;
	struct bearer_info info; /* strings copied below: they outlive the call */
	char calling[L2TP_NAME_MAX + 1], called[L2TP_NAME_MAX + 1];
	struct ppp_link link; /* as LCP agreed on it last */
	struct ppp ppp;
};

/* A call that is offered. */
struct session_offer {
	enum conf_protocol protocol;
	unsigned lcore;
	uint32_t region;  /* of slots */
	struct addr peer; /* of the tunnel: whose share of the sessions in set-up it takes (share.h) */
};

/* session_new: takes a slot of the region.  NULL with *cause when limits or shutdown say no. */
struct session *session_new(struct cp *cp, const struct session_offer *offer, struct mono now, enum cause *cause)
	ON_MAIN;

/* session_bearer_up: the call is up: `open` goes to the worker, PPP starts. */
void session_bearer_up(struct session *s, struct bearer *b, const struct dp_session_open *open, struct mono now)
	ON_MAIN;

/* session_bearer_down: the call is gone (the bearer is no longer touched). */
void session_bearer_down(struct session *s, enum cause cause, struct mono now) ON_MAIN;

/* session_end: takes leave of the peer in order, then lets go.  Ends nothing twice. */
void session_end(struct session *s, enum cause cause, struct mono now) ON_MAIN;

/* session_end_hard: the same without waiting for the peer's answer. */
void session_end_hard(struct session *s, enum cause cause, struct mono now) ON_MAIN;

/* session_set_name: the name that the peer gave. */
void session_set_name(struct session *s, const char *name) ON_MAIN;

/* session_set_authenticated: opens the worker's first gate. */
void session_set_authenticated(struct session *s) ON_MAIN;

/* session_set_bound: SSTP: the crypto binding is right: data may pass. */
void session_set_bound(struct session *s) ON_MAIN;

/* session_changed: its profile has changed: timeouts and the accounting interval count from now on. */
void session_changed(struct session *s, struct mono now) ON_MAIN;

/* session_name: "l2tp0:alice", before authentication "l2tp0:192.0.2.7:1701"; into buf of SESSION_NAME_LEN. */
const char *session_name(const struct session *s, char *buf, size_t n) ON_MAIN;

/* session_note: one more event of its history. */
void session_note(struct session *s, const char *what, struct mono now) ON_MAIN;

/* session_idle_us: since the last data packet either way, or since it was started. */
int64_t session_idle_us(const struct session *s, struct mono now) ON_MAIN;

/* session_closed: SESSION_CLOSED has come: s is freed. */
void session_closed(struct session *s, const struct dp_counters *final, struct mono now) ON_MAIN;

/* session_abandon: frees s without a word to anybody: cp_free alone. */
void session_abandon(struct session *s) ON_MAIN;

/* session_next: iterates over all sessions: *cursor starts at 0; looks at no more than `look` slots, NULL when it found
 * none among them; session_last says whether the cursor has reached the end. */
struct session *session_next(const struct cp *cp, uint64_t *cursor, unsigned look) ON_MAIN;
bool session_last(const struct cp *cp, uint64_t cursor) ON_MAIN;

/* session_counters: what the worker has counted so far, or at the end. */
void session_counters(const struct session *s, struct dp_counters *out) ON_MAIN;

/* session_state_name: "starting", "active", "finishing". */
const char *session_state_name(const struct session *s) ON_MAIN;

#endif
