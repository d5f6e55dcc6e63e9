/* pptp.h - the PPTP control plane (RFC 2637), both roles, over a byte stream that somebody else carries.
 *
 * What: control connections and the calls on them.  Who accepts a connection takes outgoing-call requests (which is what
 * clients send, and then they are the RFC's PNS) and incoming-call requests (of a PAC); who dials sends either.  TCP and GRE
 * are the dataplane's.
 *
 * Thread: MAIN alone.  No globals; the clock is the `now` of each call; timers run in the struct timers given.
 * Memory: heap, one record a connection, freed by pptp_gone alone, and one a call, freed when it is down or refused.
 *
 *	pptp = pptp_new(&config, &ops, owner, timers)
 *	a TCP connection is up   -> conn = pptp_accept(pptp, &info, now), or pptp_dial(pptp, &info, calls, incoming, now)
 *	bytes, split anywhere    -> pptp_input(conn, bytes, len, now)
 *	  ops.call_new(owner, call, now)          set call->user and our_id, or refuse
 *	  ops.call_up(owner, call, now)           PPP may start on &call->bearer
 *	  the end by us: call->bearer.ops->close(&call->bearer, cause, now)
 *	  ops.call_down(owner, call, cause, now)  the end by anything else; the call is freed right after
 *	  ops.close(owner, conn, abort, now)      the TCP connection is to be closed
 *	the connection is no more -> pptp_gone(conn, cause, now)
 *
 * From within call_up and call_down the owner may close this or another call, and call nothing else of this room.
 */
#ifndef CP_PPTP_PPTP_H
#define CP_PPTP_PPTP_H

#include <sys/queue.h>

#include <millrace/addr.h>
#include <millrace/mono.h>

#include "bearer.h"
#include "pptp/msg.h"
#include "timer.h"

struct pptp;

/* Copied by pptp_new and pptp_configure, strings too. */
struct pptp_config {
	const char *host_name;
	uint32_t timeout_s;       /* for the other's next word in set-up and leave */
	uint32_t echo_interval_s; /* of silence before an Echo-Request; 0: none */
	uint32_t echo_timeout_s;  /* for its reply */
	uint32_t idle_s;          /* without calls; 0: for ever */
	uint32_t max_conns;
	uint16_t recv_window;
};

struct pptp_info {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint64_t conn; /* the owner's name for it */
};

/* A connection has no number on the wire; ours, for the operator, is beyond all tunnel ids of L2TP, and never there again. */
#define PPTP_FIRST_ID 65536

/* X(state, text).  WAIT_CTL_REQUEST: accepted (RFC 2637 3.1.3 idle); CLOSING: TCP is to be closed, nothing is heard. */
#define PPTP_CONN_STATES(X)                                                                                            \
	X(PPTP_WAIT_CTL_REQUEST, "wait-ctl-request")                                                                   \
	X(PPTP_WAIT_CTL_REPLY, "wait-ctl-reply")                                                                       \
	X(PPTP_ESTABLISHED, "established")                                                                             \
	X(PPTP_WAIT_STOP_REPLY, "wait-stop-reply")                                                                     \
	X(PPTP_CLOSING, "closing")

enum pptp_conn_state {
#define X(name, text) name,
	PPTP_CONN_STATES(X)
#undef X
		PPTP_CONN_STATE_COUNT
};

enum pptp_call_state {
	PPTP_CALL_WAIT_REPLY,   /* we have asked */
	PPTP_CALL_WAIT_CONNECT, /* incoming: replied to, ICCN is to come */
	PPTP_CALL_ESTABLISHED,
	PPTP_CALL_WAIT_DISCONNECT, /* we have asked to clear it; the owner knows nothing of it any more */
};

struct pptp_conn;

struct pptp_call {
	struct bearer bearer; /* first: what PPP gets */
	void *user;           /* the owner's */
	struct pptp_conn *conn;
	uint16_t our_id, peer_id;
	uint16_t window; /* the peer's */
	uint8_t state;   /* enum pptp_call_state; call_set alone writes it */
	bool ours;       /* we have asked for it */
	bool incoming;
	struct timer timer;
	uint32_t errors[6]; /* the peer's last WAN-Error-Notify */
	char calling[PPTP_TEXT + 1], called[PPTP_TEXT + 1];
	LIST_ENTRY(pptp_call) of_conn;
};

struct pptp_conn {
	struct pptp *pptp;
	void *user;  /* the owner's */
	uint64_t id; /* PPTP_FIRST_ID and more */
	struct pptp_info info;
	uint8_t state; /* enum pptp_conn_state; conn_set alone writes it */
	bool dialled, incoming;
	bool echo_asked;
	unsigned to_call; /* dialled: calls to be asked for */
	uint32_t echo_id;
	uint16_t next_serial;
	enum cause cause;
	struct mono heard, changed; /* changed: the state */
	struct timer timer, echo;
	char peer_name[PPTP_TEXT + 1], peer_vendor[PPTP_TEXT + 1];
	LIST_HEAD(, pptp_call) calls;
	unsigned n_calls;
	size_t have; /* in `in` */
	uint8_t in[PPTP_LENGTH_MAX];
};

struct pptp_ops {
	void (*send)(void *owner, struct pptp_conn *conn, const uint8_t *bytes, size_t len);
	void (*close)(void *owner, struct pptp_conn *conn, bool abort, struct mono now);
	void (*frame)(void *owner, struct pptp_call *call, const uint8_t *frame, size_t len, struct mono now);
	/* up: the peer's name is known, calls may come.  May be NULL. */
	void (*up)(void *owner, const struct pptp_conn *conn);
	/* call_new: CAUSE_NONE with call->our_id (not 0, unique among the calls of the peer's core), or why not. */
	enum cause (*call_new)(void *owner, struct pptp_call *call, struct mono now);
	void (*call_up)(void *owner, struct pptp_call *call, struct mono now);
	void (*call_down)(void *owner, struct pptp_call *call, enum cause cause, struct mono now);
	/* note: a sentence for the log about a connection. */
	void (*note)(void *owner, const struct pptp_conn *conn, enum cause cause, const char *text);
	bool (*trace_on)(void *owner, const struct pptp_conn *conn);
	void (*trace)(void *owner, const struct pptp_conn *conn, const char *line);
};

struct pptp_stats {
	uint64_t conns, accepted, refused, calls, calls_up, echo_sent, echo_lost, unknown, broken, unexpected,
		wan_errors;
};

struct pptp *pptp_new(const struct pptp_config *config, const struct pptp_ops *ops, void *owner, struct timers *timers)
	ON_MAIN;
bool pptp_configure(struct pptp *p, const struct pptp_config *config) ON_MAIN;

/* pptp_free: with all connections and calls, without a word to anybody. */
void pptp_free(struct pptp *p) ON_MAIN;

/* pptp_accept: NULL: no more connections, or no memory. */
struct pptp_conn *pptp_accept(struct pptp *p, const struct pptp_info *info, struct mono now) ON_MAIN;

/* pptp_dial: asks for so many calls, outgoing or incoming, when the connection is established. */
struct pptp_conn *pptp_dial(struct pptp *p, const struct pptp_info *info, unsigned calls, bool incoming,
			    struct mono now) ON_MAIN;

void pptp_input(struct pptp_conn *c, const uint8_t *bytes, size_t len, struct mono now) ON_MAIN;

/* pptp_gone: the TCP connection is no more; its calls end with cause. */
void pptp_gone(struct pptp_conn *c, enum cause cause, struct mono now) ON_MAIN;

/* pptp_stop: takes leave of the peer: calls end with cause, Stop-Control-Connection-Request.  False: that is under way. */
bool pptp_stop(struct pptp_conn *c, enum cause cause, struct mono now) ON_MAIN;

const struct pptp_stats *pptp_stats(const struct pptp *p) ON_MAIN;

/* pptp_find: the connection of this id, or NULL.  pptp_next_conn: the one after it, whether it is still there or not;
 * after 0 the first. */
struct pptp_conn *pptp_find(const struct pptp *p, uint64_t id) ON_MAIN;
struct pptp_conn *pptp_next_conn(const struct pptp *p, uint64_t id) ON_MAIN;

const char *pptp_conn_state_name(enum pptp_conn_state state) ANY_THREAD;

#endif
