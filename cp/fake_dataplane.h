/* fake_dataplane.h - for tests: a dataplane of a few lines, so that the whole of cp runs on a virtual clock.
 *
 * It keeps the tables that cp writes, knows the sessions that cp opens, and turns frames into what would be on the wire:
 * `wire` gets each L2TP control datagram and each PPP frame.  ARP requests and solicitations are answered for every address.  What it has
 * to say to cp waits in a queue: fake_dataplane_deliver passes it on.
 *
 * It aborts when cp closes a session to which the inner table or a route still leads: these are withdrawn first.
 */
#ifndef CP_FAKE_DATAPLANE_H
#define CP_FAKE_DATAPLANE_H

#include "cp.h"

#define FAKE_SLOTS 4096

/* What is on the wire: tid and sid are the receiver's; bytes a control datagram or a PPP frame. */
struct fake_packet {
	bool control;
	struct l2tp_path path; /* as the sender sees it; of data only what comes from the client has one */
	uint16_t tid, sid;
	uint64_t conn; /* PPP of SSTP: its connection instead */
	size_t len;
	uint8_t bytes[2048];
};

struct fake_session {
	bool open;
	uint64_t handle;
	struct dp_session_open how;
	struct dp_session_set set;      /* the last of each field */
	struct dp_session_keys keys[2]; /* the last down, the last up */
	struct dp_counters counters;    /* as fake_dataplane_count has set them */
};

struct fake_event;

struct fake_dataplane {
	struct dataplane base; /* first */
	void (*wire)(void *arg, const struct fake_packet *p);
	/* stream: STREAM_OUT, or with closed CONN_CLOSE, which is answered by CONN_GONE at once.  May be NULL. */
	void (*stream)(void *arg, uint64_t conn, const uint8_t *bytes, size_t len, bool closed);
	void *arg;
	struct fake_session sessions[FAKE_SLOTS];
	struct fake_entry *sub4;
	struct fake_route *core; /* routes of the core table */
	struct addr access_host; /* the last route to one address in the access table */
	uint32_t access_host_nh;
	unsigned discards; /* routes in the core table that say so, and the last of them */
	struct prefix discard;
	struct fake_event *first, **last;
	unsigned adjs, opened, closed, stale;
	struct mono last_packet; /* of every session */
};

void fake_dataplane_init(struct fake_dataplane *f);
void fake_dataplane_fini(struct fake_dataplane *f);

/* fake_dataplane_arrive: a packet for this side comes off the wire: it becomes a punt, or is lost when no session of that
 * tunnel and session id is open. */
void fake_dataplane_arrive(struct fake_dataplane *f, const struct fake_packet *p);

/* fake_dataplane_say: any message for cp: the row's struct and what follows it. */
void fake_dataplane_say(struct fake_dataplane *f, enum dp_msg type, uint64_t handle, const void *payload,
			const void *extra, size_t extra_len);

/* fake_dataplane_dead: SESSION_DEAD for a session. */
void fake_dataplane_dead(struct fake_dataplane *f, uint64_t handle);

/* fake_dataplane_count: what the session has carried so far. */
void fake_dataplane_count(struct fake_dataplane *f, uint64_t handle, const struct dp_counters *counters);

/* fake_dataplane_deliver: hands all waiting messages to cp; returns how many. */
unsigned fake_dataplane_deliver(struct fake_dataplane *f, struct cp *cp, struct mono now);

/* fake_dataplane_subscribers: entries of the inner table that lead to sessions. */
unsigned fake_dataplane_subscribers(const struct fake_dataplane *f);

/* fake_dataplane_nh: the inner table's entry. */
uint32_t fake_dataplane_nh(struct fake_dataplane *f, uint32_t ip4);

/* fake_dataplane_route: what the core table has for this very prefix, "10.1.202.0/24". */
uint32_t fake_dataplane_route(struct fake_dataplane *f, const char *prefix);

#endif
