/* twin.h - for tests: our client against our server, the whole of cp on a virtual clock.
 *
 * The server is a struct cp with a dataplane of a few lines (fake_dataplane.h).  The client is a LAC and PPP clients, one
 * for each call.  Between them is a link that delays, and, when told so, loses, reorders and duplicates; all of it is
 * repeatable from the seed.
 *
 *	twin_init(t, &args); twin_dial(t); while (!twin_all_settled(t)) twin_step(t); ... twin_fini(t);
 */
#ifndef CP_TWIN_H
#define CP_TWIN_H

#include "fake_dataplane.h"
#include "session.h"

#define TWIN_TUNNELS 2
#define TWIN_CALLS 32 /* at most */

enum twin_call_state { TWIN_CALLING, TWIN_RUNNING, TWIN_UP, TWIN_ENDED };

struct twin;
struct twin_in_flight;

struct twin_call {
	struct twin *t;
	enum twin_call_state state;
	enum cause cause;
	uint16_t result, error; /* of the server's CDN */
	struct l2tp_call *call; /* NULL once it is gone */
	bool has_ppp;
	bool mute; /* hears nothing any more */
	struct ppp ppp;
	const char *name, *password;
	char own_name[8];
};

/* The server's worker cores. */
struct twin_worker {
	struct dataplane *dp;
	/* arrive: a packet of the client comes off the wire. */
	void (*arrive)(struct dataplane *dp, const struct fake_packet *p);
	/* turn: hands to cp what the workers have to say; what they send goes to twin_wire. */
	void (*turn)(struct dataplane *dp, struct cp *cp, struct mono now);
};

struct twin {
	bool ip6; /* dials fd77::2, from fd77::1; else 10.77.0.2 from 10.77.0.1 */
	uint64_t rng;
	unsigned loss_percent;
	struct mono now;
	struct twin_in_flight *flight;
	struct fake_dataplane fake;
	struct twin_worker worker;
	/* tap: sees each packet that is sent, before the link may lose it. */
	void (*tap)(struct twin *t, bool to_server, const struct fake_packet *p);
	struct cp *cp;
	struct conf *conf;
	/* the client */
	struct timers timers;
	struct l2tp *l2tp;
	struct ppp_crypto *crypto;
	struct ppp_conf ppp_conf;
	struct ppp_stats ppp_stats;
	struct l2tp_tunnel *tunnels[TWIN_TUNNELS];
	uint16_t tunnel_result, tunnel_error; /* of the server's last StopCCN */
	struct twin_call calls[TWIN_CALLS];
};

struct twin_args {
	const char *conf;
	uint64_t seed;
	unsigned loss_percent;
	const struct twin_worker *worker; /* NULL: t->fake */
	struct log *log;                  /* of the server; NULL: none */
	unsigned n_workers;               /* of t->fake; 0: one */
};

/* twin_init: fails the test when conf does not load.  Names are u0, u1, ..., passwords "p". */
void twin_init(struct twin *t, const struct twin_args *args);
void twin_fini(struct twin *t);

/* twin_dial: a tunnel, and this many calls in it, from the first call on that has not been dialled. */
void twin_dial(struct twin *t, unsigned tunnel, unsigned first_call, unsigned n_calls);

/* twin_step: to the next event of the link, or 20 ms on. */
void twin_step(struct twin *t);
void twin_run_ms(struct twin *t, unsigned ms);

/* twin_session: the server's ACTIVE session of this user, or NULL. */
struct session *twin_session(struct twin *t, const char *name);

/* twin_settled: both ends agree that the call is up, or it has ended. */
bool twin_settled(struct twin *t, struct twin_call *c);

/* twin_settle: runs until all of the first n calls are settled; false when that takes more than max_s. */
bool twin_settle(struct twin *t, unsigned n, unsigned max_s);

/* twin_wire: the server sends a packet; arg is the twin. */
void twin_wire(void *arg, const struct fake_packet *p);

uint64_t twin_random(struct twin *t);

#endif
