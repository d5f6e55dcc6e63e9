/* sim.h - for tests: L2TP instances with an owner that keeps books, a virtual clock, and a link that loses, reorders and
 * duplicates.
 *
 *	sim_init(&sim, seed); a = sim_end(&sim, 0, &config); b = sim_end(&sim, 1, &config)
 *	sim_run_ms(&sim, 5000)       delivers what ends send to each other, and fires timers
 *	sim_fini(&sim)
 *
 * Ends have the addresses 10.0.0.1 and 10.0.0.2, port 1701.  With sim.scripted the link delivers nothing: what an end
 * sends stays in sim.wire, for a test that plays the other end itself (sim_input, sim_next).
 *
 * The books: every tunnel and call that an end was told of or opened is live until its down (or close); each upcall
 * asserts that it is allowed.  sim_end_quiet asserts that nothing is left.
 */
#ifndef CP_L2TP_SIM_H
#define CP_L2TP_SIM_H

#include <sys/queue.h>

#include "l2tp/build.h"
#include "l2tp/msg.h"

#define SIM_CALLS 1100 /* sids 1 .. SIM_CALLS - 1 per end */

struct sim;

struct sim_packet {
	TAILQ_ENTRY(sim_packet) link;
	struct l2tp_path path; /* as the sender sees it */
	unsigned from;
	struct mono due;
	size_t len;
	uint8_t bytes[];
};

TAILQ_HEAD(sim_wire, sim_packet);

struct sim_end {
	struct sim *sim;
	unsigned index;
	struct l2tp *l2tp;
	unsigned tunnel_new, tunnel_set, tunnel_down, call_new, call_up, call_down, call_moved, frames, sent;
	unsigned live_tunnels, live_calls;
	struct l2tp_tunnel *tunnel; /* the last one heard of */
	struct l2tp_call *calls[SIM_CALLS];
	bool is_up[SIM_CALLS];
	enum cause refuse_tunnel, refuse_call; /* answers to tunnel_new and call_new */
	uint16_t force_sid;                    /* not 0: the answer to call_new */
	bool close_when_up, tracing;
	uint16_t port_shift;                  /* a NAT in front of it: how far its port is moved */
	uint16_t peer_port, local_port;       /* of what sim_input brings; 0: 1701 */
	enum cause tunnel_cause, call_cause;  /* of the last down */
	uint16_t peer_result, peer_error;     /* what the peer said of a call, */
	uint16_t tunnel_result, tunnel_error; /* and of a tunnel */
	char peer_text[L2TP_NAME_MAX + 1];
	char line[2048]; /* the last trace line */
};

struct sim {
	struct mono now;
	struct timers timers;
	uint64_t random;
	struct sim_end end[2];
	struct sim_wire wire;
	unsigned loss, duplicates, reorder; /* per cent */
	unsigned delay_ms, step_ms;
	bool scripted;
	struct l2tp_reading reading; /* of sim_next */
};

void sim_init(struct sim *sim, uint64_t seed);
struct sim_end *sim_end(struct sim *sim, unsigned index, const struct l2tp_config *config);
void sim_fini(struct sim *sim);
uint32_t sim_random(struct sim *sim, uint32_t below);

/* sim_run_ms: returns early, true, once both ends hold no memory and nothing is on the wire, if `until_quiet`. */
void sim_run_ms(struct sim *sim, int64_t ms);
bool sim_run_quiet(struct sim *sim, int64_t ms);

struct l2tp_path sim_path(unsigned from);

/* LAC role */
struct l2tp_tunnel *sim_tunnel_open(struct sim_end *e, const char *secret);
struct l2tp_call *sim_call_open(struct sim_end *e, struct l2tp_tunnel *t, const char *calling);
void sim_call_close(struct sim_end *e, uint16_t sid, enum cause cause);

/* Scripted: a datagram for e; the oldest datagram from e, parsed, or false.  Spans of m live until the next sim_next. */
void sim_input(struct sim_end *e, const uint8_t *bytes, size_t len);
bool sim_next(struct sim *sim, struct l2tp_hdr *h, struct l2tp_msg *m);

/* sim_message: finishes b with these numbers and gives it to e. */
void sim_message(struct sim_end *e, struct build *b, uint16_t ns, uint16_t nr);

#endif
