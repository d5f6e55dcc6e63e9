/* sstp.h - the SSTP control plane ([MS-SSTP]), both roles: server and client.
 *
 * What: the HTTP exchange, the control messages, the crypto binding, the timers.  One TLS connection is one call.  TCP,
 * TLS, framing, data packets and SSTP Echo are the dataplane's: what comes here is one HTTP head or one control packet at
 * a time, whole; what goes out are bytes for the connection.
 *
 * Thread: MAIN alone.  No globals: a process may hold several instances (the tests run a client against a server).  The
 * clock is the `now` of each call; timers run in the `struct timers` given at sstp_new.
 *
 * Memory: heap, one record a connection, from sstp_accept or sstp_dial to sstp_gone, which is the only one to free it.
 * Public fields are read-only for the owner, except `user`.
 *
 *	sstp = sstp_new(&config, &ops, owner, timers)
 *	a TLS connection is up -> call = sstp_accept(sstp, &info, now)        server; NULL: close it
 *	                          call = sstp_dial(sstp, &info, host, now)    client
 *	one HTTP head or control packet -> sstp_input(call, bytes, len, now)
 *	  ops.call_new(owner, call)             server: a request for a call: set call->user, or refuse
 *	  ops.call_up(owner, call, now)         PPP may start on &call->bearer
 *	    PPP: call->bearer.ops->send(...) -> ops.frame(owner, call, ...);  ops->keys when authentication is over
 *	  ops.call_bound(owner, call, now)      the crypto binding is right (client: sent): data may pass from now on
 *	  the end by us: call->bearer.ops->close(&call->bearer, cause, now)
 *	  ops.call_down(owner, call, cause, now)  the end by anything else
 *	  ops.close(owner, call, abort, now)    the connection is to be closed: after what was sent, or at once
 *	the connection is no more -> sstp_gone(call, cause, now): call_down, if the owner has not heard of the end yet
 *
 * After its end a call still takes leave of the peer (Call Abort, Call Disconnect), unseen by the owner, and closes the
 * connection.  Upcalls come from inside sstp_input, sstp_gone, timers and the bearer's functions; from within call_up,
 * call_bound and call_down the owner may close this or another call, and call nothing else of this room.
 */
#ifndef CP_SSTP_SSTP_H
#define CP_SSTP_SSTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

#include <millrace/addr.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#include "bearer.h"
#include "cause.h"
#include "sstp/binding.h"
#include "sstp/fsm.h"
#include "timer.h"

#define SSTP_PORT 443
#define SSTP_NAKS_MAX 3 /* requests with a wrong protocol before the call is aborted */
#define SSTP_NAME_MAX 255

struct sstp;

/* What is answered to HTTP requests that are not SSTP's. */
enum sstp_http_error { SSTP_HTTP_STATUS, SSTP_HTTP_CLOSE, SSTP_HTTP_REDIRECT };

/* Copied by sstp_new and sstp_configure, strings too. */
struct sstp_config {
	const char *host_name; /* of HTTP Host; NULL or "": any */
	enum sstp_http_error http_error;
	const char *redirect; /* the URL */
	uint8_t hashes;       /* enum sstp_hash bits offered; 0: both */
	const uint8_t *cert_sha1,
		*cert_sha256; /* instead of the connection's: a load balancer shows another; or NULL */
	uint32_t timeout_s;   /* negotiation timer [60] */
};

/* A connection, as it is accepted or dialled. */
struct sstp_info {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint16_t tls_version; /* 0x0303, 0x0304 */
	uint8_t cert_sha1[20], cert_sha256[32];
	uint64_t conn; /* the owner's name for it */
};

struct sstp_call {
	struct bearer bearer; /* first: what PPP gets */
	void *user;           /* the owner's; NULL: it knows of no call */
	struct sstp *sstp;
	struct sstp_info info;
	bool server;
	bool up;         /* PPP has been told */
	bool down;       /* the owner has been told of the end, or has asked for it */
	bool keys_known; /* hlak is */
	bool held;       /* `connected` waits for the keys */
	uint8_t state;   /* enum sstp_state; step alone writes it */
	uint8_t naks;
	uint8_t hashes;         /* offered */
	struct sstp_fault told; /* of the peer's last Nak, Abort or Disconnect */
	enum cause cause;
	struct mono began;
	struct timer timer;
	uint8_t nonce[SSTP_NONCE_LEN];
	uint8_t hlak[SSTP_HLAK_LEN];
	uint8_t connected[SSTP_CONNECTED_LEN];
	char calling[ADDR_STRLEN + 8], called[ADDR_STRLEN + 8];
	LIST_ENTRY(sstp_call) of_instance;
};

struct sstp_ops {
	/* send: bytes for the connection, in order, never lost while it lives. */
	void (*send)(void *owner, struct sstp_call *call, const uint8_t *bytes, size_t len);
	/* frame: a PPP frame for the dataplane to send (see struct bearer_ops.send). */
	void (*frame)(void *owner, struct sstp_call *call, const uint8_t *frame, size_t len, struct mono now);
	/* close: sstp_gone follows in a later call. */
	void (*close)(void *owner, struct sstp_call *call, bool abort, struct mono now);
	enum cause (*call_new)(void *owner, struct sstp_call *call, struct mono now);
	void (*call_up)(void *owner, struct sstp_call *call, struct mono now);
	void (*call_bound)(void *owner, struct sstp_call *call, struct mono now);
	void (*call_down)(void *owner, struct sstp_call *call, enum cause cause, struct mono now);
	/* note: a sentence for the log about a connection whose end has no call to tell of, or the why of a refusal. */
	void (*note)(void *owner, const struct sstp_call *call, const char *text);
	/* trace_on, trace: "recv [SSTP SSTP_MSG_CALL_CONNECT_REQUEST]"; NULL: never. */
	bool (*trace_on)(void *owner, const struct sstp_call *call);
	void (*trace)(void *owner, const struct sstp_call *call, const char *line);
	/* date: the time for HTTP, "Wed, 28 Feb 2024 17:03:04 GMT". */
	void (*date)(void *owner, char *out, size_t n);
	/* random: n unpredictable bytes. */
	void (*random)(void *owner, void *bytes, size_t n);
};

/* sstp_new: NULL when there is no memory.  ops, owner and timers must outlive it. */
struct sstp *sstp_new(const struct sstp_config *config, const struct sstp_ops *ops, void *owner, struct timers *timers)
	ON_MAIN;

/* sstp_configure: for the connections to come.  false: no memory, nothing has changed. */
bool sstp_configure(struct sstp *sstp, const struct sstp_config *config) ON_MAIN;

/* sstp_free: all calls, without a word and without upcalls. */
void sstp_free(struct sstp *sstp) ON_MAIN;

/* sstp_accept: server role: waits for the HTTP request.  NULL when there is no memory. */
struct sstp_call *sstp_accept(struct sstp *sstp, const struct sstp_info *info, struct mono now) ON_MAIN;

/* sstp_dial: client role: sends the HTTP request.  user is call->user.  NULL when there is no memory. */
struct sstp_call *sstp_dial(struct sstp *sstp, const struct sstp_info *info, const char *host, void *user,
			    struct mono now) ON_MAIN;

/* sstp_input: one HTTP head or one control packet.  Anything may be in it. */
void sstp_input(struct sstp_call *call, const uint8_t *bytes, size_t len, struct mono now) ON_MAIN;

/* sstp_gone: the connection is no more.  Frees call. */
void sstp_gone(struct sstp_call *call, enum cause cause, struct mono now) ON_MAIN;

/* sstp_next: iterates over calls, newest first; NULL begins, and ends. */
struct sstp_call *sstp_next(const struct sstp *sstp, const struct sstp_call *after) ON_MAIN;

enum sstp_stat {
#define STAT(name, cli, meaning) SSTP_STAT_##name,
#include "sstp/stat.def"
#undef STAT
	SSTP_STAT_COUNT
};

struct sstp_stat_row {
	const char *name, *meaning;
};

/* sstp_stats: SSTP_STAT_COUNT counters since sstp_new. */
uint64_t *sstp_stats(struct sstp *sstp) ON_MAIN;
const struct sstp_stat_row *sstp_stat_row(enum sstp_stat stat) ANY_THREAD;

#endif
