/* sim.h - for tests: an SSTP client and a server with owners that keep books, a virtual clock, and a lossless stream
 * between them that splits where it likes; the receiver puts heads and packets together again, as the dataplane does.
 *
 *	sim_init(&sim, seed, &server_config); sim_dial(&sim, "host"); sim_run_ms(&sim, 5000); sim_fini(&sim)
 *
 * With sim.scripted nothing is delivered to the server but what sim_say gives it; what it sends stays in sim.to_client.
 */
#ifndef CP_SSTP_SIM_H
#define CP_SSTP_SIM_H

#include "sstp/msg.h"
#include "sstp/sstp.h"

#define SIM_STREAM 65536
#define SIM_TRACE 8192

struct sim;

struct sim_stream {
	size_t n, seen; /* bytes in transit; of them, what the receiver has got so far */
	uint32_t searched;
	bool head; /* the HTTP head is still to come */
	uint8_t bytes[SIM_STREAM];
};

struct sim_end {
	struct sim *sim;
	struct sstp *sstp;
	struct sstp_call *call; /* NULL: none, or gone */
	unsigned news, up, bound, down, frames, closes, notes;
	bool known; /* between call_new (or dial) and call_down or close */
	enum cause cause, refuse;
	bool close_when_up, close_when_bound;
	char note[512];
};

struct sim {
	struct mono now;
	struct timers timers;
	uint64_t random;
	bool scripted, byte_by_byte;
	struct sim_end client, server;
	struct sim_stream to_client, to_server;
	bool closing;          /* one end has closed: the stream ends when it is empty */
	char trace[SIM_TRACE]; /* of the server, lines */
};

extern const uint8_t sim_cert_sha1[20], sim_cert_sha256[32];

void sim_init(struct sim *sim, uint64_t seed, const struct sstp_config *server);
void sim_fini(struct sim *sim);
uint32_t sim_random(struct sim *sim, uint32_t below);

/* sim_accept: the server's half alone; sim_dial: both. */
void sim_accept(struct sim *sim);
void sim_dial(struct sim *sim, const char *host);
void sim_run_ms(struct sim *sim, int64_t ms);

/* sim_say: one unit for the server. */
void sim_say(struct sim *sim, const void *bytes, size_t len);

/* sim_heard: takes the next unit that the server has sent: its message type, 0 for none, -1 for an HTTP head. */
int sim_heard(struct sim *sim, struct sstp_msg *m);

/* sim_keys: both ends of PPP have these keys, the client's as it sees them. */
void sim_keys(struct sim_end *e, const struct ppp_keys *keys);
struct ppp_keys sim_other_side(const struct ppp_keys *keys);

#endif
