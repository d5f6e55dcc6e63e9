/* l2tp.h - the L2TPv2 control plane (RFC 2661), both roles: LNS and LAC.
 *
 * What: control connections (SCCRQ .. StopCCN, Hello, tunnel secret), incoming calls (ICRQ .. CDN), and the reliable
 * delivery under them (5.8, appendix A).  Outgoing calls are refused with a CDN.  Data messages never come here: the
 * dataplane finds sessions by direct index, and this room tells it, through its owner, which tunnels and calls exist.
 *
 * Thread: MAIN alone.  No globals: a process may hold several instances (the tests run a LAC against an LNS).  The
 * clock is the `now` of each call; timers run in the `struct timers` given at l2tp_new.
 *
 * Ids: our tunnel id (tid) is chosen here, at random.  Our session id (sid) is the owner's: a dataplane slot whose
 * upper bits are the tunnel's `region` and whose lower 16 bits, never 0, are the sid.  The owner names the region when
 * the tunnel is made and the sid when a call is.  A sid is unique among the calls of its tunnel while the call lives.
 *
 * Memory: heap, bounded by l2tp_config.  A tunnel or call that the owner was told of (or opened) is valid until its
 * tunnel_down or call_down upcall returns.  Public fields are read-only for the owner, except `user`.
 *
 *	l2tp = l2tp_new(&config, &ops, owner, timers)           LNS: nothing more to do, peers come
 *	every control datagram (T bit set) -> l2tp_input(l2tp, &path, bytes, len, now)
 *	  ops.tunnel_new(owner, tunnel, &region)                a peer dials in: name the region, or refuse
 *	  ops.tunnel_set(owner, tunnel, now)                    established: tell the dataplane our tid, peer tid, path
 *	  ops.call_new(owner, call, &sid)                       ICRQ: take a slot, set call->user, or refuse
 *	  ops.call_up(owner, call, now)                         ICCN: open the dataplane session, start PPP on &call->bearer
 *	    PPP: call->bearer.ops->send(...) -> ops.frame(owner, call, ...)
 *	    the end by us: call->bearer.ops->close(&call->bearer, cause, now); the call is gone when it returns
 *	  ops.call_down(owner, call, cause, now)                the end by anything else; the call is gone when it returns
 *	  ops.tunnel_down(owner, tunnel, cause, now)            always, once, after its calls' call_down
 *	LAC: t = l2tp_tunnel_open(l2tp, &open, now);  c = l2tp_call_open(t, &call, now)    at once, or any time later
 *	l2tp_shutdown(l2tp, now); then run timers while l2tp_draining(l2tp), a second at most; l2tp_free(l2tp)
 *
 * Upcalls come from inside l2tp_input, timers, and the opening and closing functions.  From within tunnel_set,
 * tunnel_down, call_up and call_down the owner may close other calls (in call_up: that call too) and open tunnels and
 * calls; nothing else of this room may be called from within an upcall, and nothing at all from the other upcalls.
 *
 * A tunnel's control state stays for a full retransmission cycle after StopCCN (RFC 2661 5.7), unseen by the owner; a
 * new SCCRQ, whose tunnel id is 0, always reaches the listener whatever lingers for that address and port.
 */
#ifndef CP_L2TP_L2TP_H
#define CP_L2TP_L2TP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/addr.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#include "bearer.h"
#include "cause.h"
#include "timer.h"

#define L2TP_PORT 1701
#define L2TP_NEVER UINT32_MAX
#define L2TP_PROXY_MAX 64 /* bytes kept of what the LAC negotiated */
#define L2TP_NAME_MAX 64  /* names and numbers of the peer are cut to this; unprintable bytes become '?' */
#define L2TP_SECRET_MAX 128
#define L2TP_HEADER_MAX 8     /* data header as we send it: flags, length, tid, sid */
#define L2TP_MESSAGE_MAX 4096 /* longer control messages are dropped */

struct l2tp;

struct l2tp_path {
	struct addr local, peer;
	uint16_t local_port, peer_port;
};

/* A peer, or a network of peers, that the owner knows. */
struct l2tp_peer {
	struct prefix address; /* the longest that holds the peer's address counts */
	const char *secret;    /* NULL: that of the configuration; "": none */
};

/* Sequence numbers on data, RFC 2661 5.4. */
enum l2tp_dataseq {
	L2TP_DATASEQ_ALLOW,   /* for a call whose LAC requires them */
	L2TP_DATASEQ_DENY,    /* such calls are refused */
	L2TP_DATASEQ_PREFER,  /* we send them always, and check what comes with them */
	L2TP_DATASEQ_REQUIRE, /* and drop what comes without; as LAC we say so in ICCN */
};

/* Copied by l2tp_new and l2tp_configure.  A zero stands for the default in brackets. */
struct l2tp_config {
	const char *host_name;    /* Host Name AVP ["millrace"] */
	const char *secret;       /* shared secret of all tunnels; NULL or "": no tunnel authentication */
	uint32_t hello_s;         /* silence before a Hello [60]; L2TP_NEVER */
	uint32_t timeout_s;       /* a tunnel or call not established by then is ended [60] */
	uint32_t rtimeout_ms;     /* first retransmission [1000] */
	uint32_t rtimeout_cap_ms; /* longest wait between retransmissions [16000] */
	uint32_t retransmit;      /* retransmissions of one message before the peer counts as dead [5] */
	uint32_t recv_window;     /* Receive Window Size AVP [16] */
	uint32_t idle_tunnel_s;   /* a tunnel without calls ends after this [10]; L2TP_NEVER */
	uint32_t max_tunnels;     /* all tunnels, closing ones too [65535] */
	uint32_t max_half_open;   /* tunnels in wait-ctl-conn; the oldest makes room [1000] */
	uint32_t max_starting;    /* calls in set-up, over all tunnels [1000] */
	const struct l2tp_peer *peers;
	size_t n_peers;
	bool only_known_peers; /* refuse who is not in peers */
	bool hide_avps;        /* hide the AVPs that may be, where there is a secret (RFC 2661 4.3) */
	bool avp_permissive;   /* ignore unknown AVPs whose M bit is set */
	bool dir300_quirk;     /* control messages with tunnel id 0 belong to the tunnel of their path */
	enum l2tp_dataseq dataseq;
	/* not 0: answer SCCRQs from a port of the tunnel's own in this range (RFC 2661 8.1); the owner listens there */
	uint16_t first_port, last_port;
};

#define L2TP_TUNNEL_STATES(X)                                                                                          \
	X(IDLE, "idle")                                                                                                \
	X(WAIT_CTL_REPLY, "wait-ctl-reply")                                                                            \
	X(WAIT_CTL_CONN, "wait-ctl-conn")                                                                              \
	X(ESTABLISHED, "established")                                                                                  \
	X(CLOSING, "closing")

/* RFC 2661 7.2.1; CLOSING is its idle while the state is kept for the retransmission cycle. */
enum l2tp_tunnel_state {
#define X(name, text) L2TP_##name,
	L2TP_TUNNEL_STATES(X)
#undef X
		L2TP_TUNNEL_STATE_COUNT
};

#define L2TP_CALL_STATES(X)                                                                                            \
	X(IDLE, "idle")                                                                                                \
	X(WAIT_TUNNEL, "wait-tunnel")                                                                                  \
	X(WAIT_REPLY, "wait-reply")                                                                                    \
	X(WAIT_CONNECT, "wait-connect")                                                                                \
	X(ESTABLISHED, "established")

/* RFC 2661 7.4.1 and 7.4.2 */
enum l2tp_call_state {
#define X(name, text) L2TP_CALL_##name,
	L2TP_CALL_STATES(X)
#undef X
		L2TP_CALL_STATE_COUNT
};

struct l2tp_tunnel {
	void *user; /* the owner's */
	struct l2tp_path path;
	uint32_t region;
	uint16_t our_tid, peer_tid; /* peer_tid: 0 until the peer has told */
	bool lac;                   /* we opened it */
	enum l2tp_tunnel_state state;
	struct mono changed; /* when the state changed last */
	uint32_t calls;
	char peer_name[L2TP_NAME_MAX + 1];   /* Host Name AVP */
	char peer_vendor[L2TP_NAME_MAX + 1]; /* Vendor Name AVP */
	uint16_t peer_result, peer_error;    /* of the peer's StopCCN, in tunnel_down; 0: it sent none */
	char peer_text[L2TP_NAME_MAX + 1];   /* its error message */
};

/* Options of a Configure-Request, without code, identifier and length; cut to fit. */
struct l2tp_lcp_options {
	uint8_t len, bytes[L2TP_PROXY_MAX];
};

/* What the LAC says that it has negotiated with the caller: the proxy LCP and authentication AVPs of ICCN (RFC 2661
 * 4.4.5).  It is kept to be shown; LCP is negotiated anew, for what the LAC has agreed to may not be our policy. */
struct l2tp_proxy {
	struct l2tp_lcp_options lcp_initial, lcp_sent, lcp_received;
	uint16_t authen_type; /* 0: none; 1 text, 2 CHAP, 3 PAP, 4 no authentication, 5 MS-CHAPv1 */
	uint8_t authen_id;
	char authen_name[L2TP_NAME_MAX + 1];
};

struct l2tp_call {
	struct bearer bearer; /* first: what PPP gets */
	void *user;           /* the owner's */
	struct l2tp_tunnel *tunnel;
	uint16_t our_sid, peer_sid;
	bool lac;         /* we sent the ICRQ */
	bool seq_send;    /* sequence numbers go out with data, and those that come are checked (RFC 2661 5.4) */
	bool seq_require; /* data must have them */
	struct l2tp_proxy *proxy; /* NULL: the LAC told nothing */
	enum l2tp_call_state state;
	uint32_t serial;                  /* Call Serial Number */
	uint32_t tx_bps, rx_bps;          /* connect speeds of ICCN; rx_bps equals tx_bps when the peer gave one */
	uint16_t peer_result, peer_error; /* of the peer's CDN, in call_down */
	char calling[L2TP_NAME_MAX + 1], called[L2TP_NAME_MAX + 1]; /* numbers, or the LAC's and the LNS's address */
};

/* A tunnel or a call that the peer asked for and does not get. */
struct l2tp_refusal {
	const struct l2tp_path *path;
	const struct l2tp_tunnel *tunnel; /* of the call; NULL: it is the tunnel that is refused */
	enum cause cause;
	const char *more; /* what in the message was wrong, "AVP 9"; "" */
};

struct l2tp_ops {
	/* send: one datagram; it may be lost. */
	void (*send)(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len);
	/* frame: a PPP frame of call for the dataplane to send (see struct bearer_ops.send). */
	void (*frame)(void *owner, struct l2tp_call *call, const uint8_t *frame, size_t len, struct mono now);
	/* tunnel_new: a peer asks for a tunnel (its names and path are filled in).  CAUSE_NONE accepts, with *region set
	 * and tunnel->user if the owner likes; another cause refuses, and nothing more is heard of the tunnel. */
	enum cause (*tunnel_new)(void *owner, struct l2tp_tunnel *tunnel, uint32_t *region);
	/* tunnel_set: established, or its path has changed: the dataplane must know it before a call of it is up. */
	void (*tunnel_set)(void *owner, struct l2tp_tunnel *tunnel, struct mono now);
	/* call_moved: the path of an established call's tunnel has changed, after tunnel_set.  May be NULL. */
	void (*call_moved)(void *owner, struct l2tp_call *call, struct mono now);
	/* tunnel_down: once for every tunnel accepted or opened, established or not. */
	void (*tunnel_down)(void *owner, struct l2tp_tunnel *tunnel, enum cause cause, struct mono now);
	/* call_new: a peer asks for a call (numbers are filled in).  CAUSE_NONE accepts, with *sid set, 1..65535 and
	 * free in this tunnel; another cause refuses, and nothing more is heard of the call. */
	enum cause (*call_new)(void *owner, struct l2tp_call *call, uint16_t *sid);
	/* refused: for the log; whoever can send a datagram can bring it about.  May be NULL. */
	void (*refused)(void *owner, const struct l2tp_refusal *refusal);
	/* call_up: established: the bearer carries PPP. */
	void (*call_up)(void *owner, struct l2tp_call *call, struct mono now);
	/* call_down: once for every call accepted or opened that was not ended by its bearer's close. */
	void (*call_down)(void *owner, struct l2tp_call *call, enum cause cause, struct mono now);
	/* trace_on: whether the messages of tunnel (NULL: none yet) are to be formatted for trace.  NULL: never. */
	bool (*trace_on)(void *owner, const struct l2tp_tunnel *tunnel);
	/* trace: "recv [L2TP tid=1 sid=0 Ns=0 Nr=0 SCCRQ <Protocol-Version 1.0> ...]" */
	void (*trace)(void *owner, const struct l2tp_tunnel *tunnel, const struct l2tp_path *path, const char *line);
	/* random: n unpredictable bytes.  NULL: OpenSSL's; a test gives its own to be repeatable. */
	void (*random)(void *owner, void *bytes, size_t n);
};

/* l2tp_new: NULL when there is no memory.  ops, owner and timers must outlive it. */
struct l2tp *l2tp_new(const struct l2tp_config *config, const struct l2tp_ops *ops, void *owner, struct timers *timers)
	ON_MAIN;

/* l2tp_configure: for the tunnels and calls to come, and for the limits; live tunnels keep window and secret.  false: no
 * memory, nothing has changed. */
bool l2tp_configure(struct l2tp *l2tp, const struct l2tp_config *config) ON_MAIN;

/* l2tp_free: without a word to peers, without upcalls; l2tp_shutdown first. */
void l2tp_free(struct l2tp *l2tp) ON_MAIN;

/* l2tp_input: one UDP payload with the T bit set, from path.peer to path.local.  Anything may be in it. */
void l2tp_input(struct l2tp *l2tp, const struct l2tp_path *path, const uint8_t *bytes, size_t len, struct mono now)
	ON_MAIN;

struct l2tp_open {
	struct l2tp_path path;
	const char *secret; /* NULL: the configured one, of this peer or of all */
	bool only_one;      /* Tie Breaker: one tunnel between the two of us shall exist (RFC 2661 4.4.3) */
	uint32_t region;
	void *user;
};

/* l2tp_tunnel_open: LAC role: sends SCCRQ.  tunnel_set follows, or tunnel_down; no tunnel_new.  NULL when there is no
 * room. */
struct l2tp_tunnel *l2tp_tunnel_open(struct l2tp *l2tp, const struct l2tp_open *open, struct mono now) ON_MAIN;

struct l2tp_call_open {
	uint16_t sid; /* 1..65535, free in this tunnel */
	void *user;
	const char *calling, *called; /* NULL: not sent */
	uint32_t tx_bps;
};

/* l2tp_call_open: LAC role: an incoming call (ICRQ) in tunnel, which may still be in set-up.  call_up follows, or
 * call_down.  NULL when there is no room, the sid is taken, or the tunnel is closing. */
struct l2tp_call *l2tp_call_open(struct l2tp_tunnel *tunnel, const struct l2tp_call_open *open, struct mono now)
	ON_MAIN;

/* l2tp_tunnel_close: call_down for its calls, StopCCN, tunnel_down.  false: no such tunnel, or closing already. */
bool l2tp_tunnel_close(struct l2tp *l2tp, uint16_t our_tid, enum cause cause, struct mono now) ON_MAIN;

/* l2tp_shutdown: l2tp_tunnel_close for all, CAUSE_SHUTDOWN; from then on SCCRQs are refused. */
void l2tp_shutdown(struct l2tp *l2tp, struct mono now) ON_MAIN;

/* l2tp_draining: tunnels whose StopCCN the peer has not acknowledged yet. */
unsigned l2tp_draining(const struct l2tp *l2tp) ON_MAIN;

/* l2tp_tunnel_next: iterates over tunnels that the owner knows, in the order of our_tid: the first above after_tid
 * (start with 0), or NULL.  Tunnels may end between two calls. */
const struct l2tp_tunnel *l2tp_tunnel_next(const struct l2tp *l2tp, uint16_t after_tid) ON_MAIN;

const char *l2tp_tunnel_state_name(enum l2tp_tunnel_state state) ANY_THREAD;
const char *l2tp_call_state_name(enum l2tp_call_state state) ANY_THREAD;

enum l2tp_stat {
#define STAT(name, cli, meaning) L2TP_STAT_##name,
#include "l2tp/stat.def"
#undef STAT
	L2TP_STAT_COUNT
};

struct l2tp_stat_row {
	const char *name, *meaning;
};

/* l2tp_stats: L2TP_STAT_COUNT counters since l2tp_new. */
const uint64_t *l2tp_stats(const struct l2tp *l2tp) ON_MAIN;
const struct l2tp_stat_row *l2tp_stat_row(enum l2tp_stat stat) ANY_THREAD;

/* l2tp_memory: tunnels (lingering ones too), calls and queued messages held now: 0 when all is quiet. */
size_t l2tp_memory(const struct l2tp *l2tp) ON_MAIN;

#endif
