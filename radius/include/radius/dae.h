/* dae.h - CoA and Disconnect: the server side of RFC 5176.
 *
 * What: a UDP socket that takes requests of known clients, proves them, keeps replays out, and answers.  Not what: it knows
 * no sessions; `request` decides, in the call, and says 0 or an Error-Cause.
 *
 * In this order: the sender's address has a secret; code, structure, Request Authenticator, Message-Authenticator when
 * it is there; a request that has been answered already (same sender, identifier, authenticator, so the same bytes) gets
 * the same answer and is not done again; Event-Timestamp lies within `window_s`.  What fails is counted by its reason and
 * not answered.  Answers are signed, carry Message-Authenticator, and Proxy-State as it came.
 *
 * An answered request is remembered for 30 s, one with Event-Timestamp for as long as its time would pass: within the
 * window it cannot be replayed.  The last DAE_REMEMBERED are remembered.
 *
 * Thread: caller serialises (MAIN).  Memory: all at the start.  No clock: `now`, and the wall's seconds for
 * Event-Timestamp.  It never logs.
 */
#ifndef RADIUS_DAE_H
#define RADIUS_DAE_H

#include <millrace/mono.h>

#include <radius/packet.h>

#define DAE_REMEMBERED 4096

struct radius_dae;

/* RFC 5176 3.5 */
enum radius_error_cause {
	RADIUS_EC_NONE = 0,
	RADIUS_EC_UNSUPPORTED_ATTRIBUTE = 401,
	RADIUS_EC_MISSING_ATTRIBUTE = 402,
	RADIUS_EC_NAS_IDENTIFICATION = 403,
	RADIUS_EC_INVALID_REQUEST = 404,
	RADIUS_EC_UNSUPPORTED_SERVICE = 405,
	RADIUS_EC_INVALID_VALUE = 407,
	RADIUS_EC_PROHIBITED = 501,
	RADIUS_EC_NOT_FOUND = 503,
	RADIUS_EC_NOT_REMOVABLE = 504,
	RADIUS_EC_RESOURCES = 506,
	RADIUS_EC_SEVERAL = 508,
};

struct radius_dae_client {
	struct prefix address;
	const char *secret;
};

struct radius_dae_request {
	bool disconnect; /* else CoA */
	struct addr from;
	const uint8_t *packet;
	struct radius_view view;
};

/* All is copied. */
struct radius_dae_conf {
	struct addr address;
	uint16_t port;
	const struct radius_dae_client *clients; /* the longest prefix counts */
	unsigned n_clients;
	const char *secret; /* of all others; NULL: they are not heard */
	bool require_timestamp;
	uint32_t window_s;
	enum radius_error_cause (*request)(void *owner, const struct radius_dae_request *r, struct mono now);
	void *owner;
};

struct radius_dae_stats {
	uint64_t received, disconnect_ack, disconnect_nak, coa_ack, coa_nak, duplicates;
	uint64_t refused[RADIUS_ERR_COUNT]; /* dropped without an answer */
};

/* radius_dae_new: NULL with a sentence in err. */
struct radius_dae *radius_dae_new(const struct radius_dae_conf *conf, char *err, size_t err_len) ON_MAIN;
void radius_dae_free(struct radius_dae *d) ON_MAIN;

/* radius_dae_configure: other clients, secret and require_timestamp; the rest of conf is not looked at.  False: no memory,
 * nothing has changed. */
bool radius_dae_configure(struct radius_dae *d, const struct radius_dae_conf *conf) ON_MAIN;
int radius_dae_fd(const struct radius_dae *d) ON_MAIN;

/* radius_dae_step: takes what has come, 64 at most. */
void radius_dae_step(struct radius_dae *d, struct mono now, int64_t wall_s) ON_MAIN;

/* radius_dae_take: one datagram, whoever has received it; the length of the answer in out of RADIUS_PACKET_MAX bytes, 0:
 * there is none.  radius_dae_step calls it. */
struct radius_datagram {
	struct addr from;
	uint16_t port;
	uint8_t *bytes;
	size_t len;
};
size_t radius_dae_take(struct radius_dae *d, const struct radius_datagram *in, uint8_t *out, struct mono now,
		       int64_t wall_s) ON_MAIN;

void radius_dae_stats(const struct radius_dae *d, struct radius_dae_stats *out) ON_MAIN;

/* radius_error_cause_text: RFC 5176 3.5. */
const char *radius_error_cause_text(enum radius_error_cause e) ANY_THREAD;

#endif
