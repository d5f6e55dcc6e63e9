/* client.h - the RADIUS client: requests in flight, which server gets them, which server is dead.
 *
 * What: takes the attributes of an Access-Request or Accounting-Request, signs and sends it, and says once how it ended:
 * an answer that is proved to be one, or silence.  Not what: it does not know what the attributes mean (cp does), nor
 * keep accounting records that nobody took.
 *
 * A reply counts when it comes from the server's address and port (the sockets are connected), to an identifier that
 * waits, with a code that fits, and with a right Response Authenticator and Message-Authenticator.  Everything else is
 * counted by its reason and ends nothing: the answer may still come.
 *
 * Which server: those with the lowest `priority` that are alive, in the order given, or, when they have weights, the one
 * with the least outstanding by its weight; `backup` only when no other is alive.  The waits for one server are timeout/3,
 * doubling up to `timeout`, each with jitter, `max_try` packets in all (the same bytes, RFC 5080 2.2.1); then the next
 * server.  A server is dead after `max_fail` packets in a row without an answer (an ICMP unreachable is one, and ends the
 * wait at once).  It is asked
 * with Status-Server (RFC 5997) and is alive when it answers; one that has not for `fail_time` is tried again with a
 * request.  Dead servers are not waited for.  When all are dead a request goes once to each, and is then silent.
 *
 * Thread: caller serialises (MAIN); no lock.  Memory: all at the start: `max_auth` and `max_acct` requests, some 4.6 KiB
 * each, touched when used.  No clock: `now` comes in.  It never logs.
 *
 *	radius_client_new -> { radius_client_submit ..., radius_client_step whenever the fd is readable or the deadline
 *	has come: calls `done` for what has ended; radius_client_configure } -> radius_client_free
 *
 * `done` is called from radius_client_step alone; it may submit.  RFC 2865, 2866, 2869, 3162, 3579, 5080, 5997.
 */
#ifndef RADIUS_CLIENT_H
#define RADIUS_CLIENT_H

#include <millrace/mono.h>

#include <radius/packet.h>

#define RADIUS_SERVERS_MAX 64
#define RADIUS_WINDOW 200 /* outstanding at one port of a server; more overrun its socket's buffer */

struct radius_client;
struct radius_reply;

enum radius_role { RADIUS_AUTH, RADIUS_ACCT, RADIUS_ROLES };
enum radius_require { RADIUS_REQUIRE_AUTO, RADIUS_REQUIRE_YES, RADIUS_REQUIRE_NO };

struct radius_server_conf {
	struct addr address;
	const char *secret;
	uint16_t port[RADIUS_ROLES];  /* 0: not for this role */
	uint32_t fail_time_s;         /* 0: never counted as dead */
	uint32_t max_fail, req_limit; /* req_limit 0: RADIUS_WINDOW */
	uint32_t priority, weight;
	bool backup;
};

/* The strings are copied. */
struct radius_client_conf {
	const struct radius_server_conf *servers;
	unsigned n_servers;
	struct addr source[2]; /* of IPv4 and IPv6, any address: the system's choice */
	uint32_t timeout_ms[RADIUS_ROLES];
	uint32_t max_try;
	enum radius_require require; /* Message-Authenticator in answers to Access-Requests */
	uint32_t max_auth, max_acct; /* requests at once, the waiting ones too */
	const char *nas_identifier;  /* in Status-Server; may be NULL */
	void (*random)(void *arg, void *bytes, size_t n);
	void *random_arg;
	void (*done)(void *owner, uint64_t cookie, const struct radius_reply *reply);
	void *owner;
};

struct radius_request {
	enum radius_role role;
	uint64_t cookie;        /* for `done` */
	const void *attributes; /* copied; without Message-Authenticator, User-Password, Acct-Delay-Time */
	size_t len;
	const void *password; /* PAP: NULL: no User-Password; hidden for each server */
	size_t password_len;
	bool add_nas_address; /* NAS-IP-Address or NAS-IPv6-Address: the one that the server sees */
	bool add_delay;       /* Acct-Delay-Time, since `event` */
	struct mono event;
	struct mono give_up; /* the whole wait */
};

/* How a request ended.  Valid in the call of `done`. */
struct radius_reply {
	bool silent; /* no server has answered; all else but `tried` is void */
	uint8_t code;
	unsigned server;
	uint64_t tried; /* bit per server that it was sent to */
	const uint8_t *packet;
	struct radius_view view;
	const char *secret;           /* with these two ... */
	const uint8_t *authenticator; /* ... of the request, hidden attributes are shown */
};

/* radius_client_new: NULL with a sentence in err. */
struct radius_client *radius_client_new(const struct radius_client_conf *conf, struct mono now, char *err,
					size_t err_len) ON_MAIN;
void radius_client_free(struct radius_client *c) ON_MAIN;

/* radius_client_configure: other servers and waits, of a file read again.  A server that is there before and after, with
 * the same address, ports, secret and limit, keeps its sockets, figures and outstanding requests; those of any other are
 * sent anew, to whom the new list says.  max_auth, max_acct, random and done stay.  False: no memory, nothing has changed. */
bool radius_client_configure(struct radius_client *c, const struct radius_client_conf *conf, struct mono now) ON_MAIN;

/* radius_client_submit: FULL, NO_SERVER, TOO_LONG or PASSWORD: `done` will not be called. */
enum radius_err radius_client_submit(struct radius_client *c, const struct radius_request *r, struct mono now) ON_MAIN;

/* radius_client_fd: readable when radius_client_step has something to read. */
int radius_client_fd(const struct radius_client *c) ON_MAIN;
struct mono radius_client_deadline(const struct radius_client *c) ON_MAIN;
void radius_client_step(struct radius_client *c, struct mono now) ON_MAIN;

/* radius_client_room: how many more of this role radius_client_submit would take. */
uint32_t radius_client_room(const struct radius_client *c, enum radius_role role) ON_MAIN;

/* radius_client_has: whether there is a server for the role. */
bool radius_client_has(const struct radius_client *c, enum radius_role role) ON_MAIN;

/* radius_client_server: one of the list, to be named; valid until radius_client_configure. */
const struct radius_server_conf *radius_client_server(const struct radius_client *c, unsigned server) ON_MAIN;
unsigned radius_client_servers(const struct radius_client *c) ON_MAIN;

/* radius_client_alive: whether one of them is not dead. */
bool radius_client_alive(const struct radius_client *c, enum radius_role role) ON_MAIN;

/* What happened at one port of a server. */
struct radius_port_stats {
	uint64_t sent, resent, answered, lost, probes, probes_answered, deaths;
	uint64_t refused[RADIUS_ERR_COUNT]; /* datagrams that were no answer, by reason */
	uint32_t outstanding, window;
	bool used, alive;
	uint32_t average_us,
		p99_us; /* from the first packet to the answer; p99 is the upper end of its step, 1/8 of it */
};
void radius_client_stats(const struct radius_client *c, unsigned server, enum radius_role role,
			 struct radius_port_stats *out) ON_MAIN;

/* radius_client_waiting: requests that wait for room at a server. */
uint32_t radius_client_waiting(const struct radius_client *c, enum radius_role role) ON_MAIN;

#endif
