/* sim.h - two stacks, one virtual clock, a link that delays, loses, reorders, doubles and changes packets.  For tests.
 *
 * End 0 opens connections to end 1.  Each side of a flow sends a stream whose octets follow from seed, side and offset, and
 * compares what it receives with the other's.  Everything random comes from the seed: a run can be repeated.
 *
 *	sim_start(pool buffers);  once
 *	sim_init(&s, &conf);  sim_flow(&s, ...);  sim_run(&s, until);  sim_fini(&s);
 *
 * After every event the invariants of conn.h are checked, and each packet: checksums, sizes, the window's right edge.  At
 * the end everything must be back in its pool.  A breach calls sim_fail, which prints the seed and ends the process.
 */
#ifndef DP_TCP_SIM_H
#define DP_TCP_SIM_H

#include "conn.h"

#define SIM_FLOWS 64
#define SIM_PACKETS 65536
#define SIM_PORT 443

struct sim_link {
	uint32_t delay_us, jitter_us;
	uint32_t loss_ppm, double_ppm, reorder_ppm, mangle_ppm, mark_ppm; /* mark: CE on ECT packets */
	uint32_t reorder_us;                                              /* so much later */
	uint64_t bits_per_s;                                              /* 0: no limit */
	uint32_t queue_bytes;                                             /* before the rate; 0: no limit */
	uint16_t mtu;                                                     /* larger ones vanish; 0: no limit */
};

struct sim;

/* Told of each packet before the link decides: true drops it.  n counts from 1 in each direction. */
typedef bool sim_drop(struct sim *s, unsigned dir, uint64_t n, const struct segment *g);

struct sim_conf {
	uint64_t seed;
	struct sim_link link[2]; /* [0]: from end 0 to end 1 */
	struct tcp_limits limits;
	bool v6, ecn, device_checksum;
	bool strip_sack, strip_ts, strip_ws; /* options that a middlebox takes out of SYNs */
	uint32_t user_timeout_ms, keepalive_ms;
	sim_drop *drop;
	uint32_t hold_us; /* how long a device keeps what it has sent */
};

/* One side of a flow. */
struct sim_app {
	uint64_t conn;
	uint64_t to_send, sent, received;
	uint32_t record;            /* by tcp_append in records of this size; 0: by tcp_push */
	uint32_t read_bytes_per_ms; /* 0: at once */
	uint64_t held;
	bool open, fin_in, fin_sent, gone, closes; /* closes: FIN when all is sent and all has come */
	bool half;                                 /* FIN as soon as all is sent */
	uint8_t why;
	unsigned writables;
};

struct sim_packet {
	int64_t at_us;
	uint64_t order;
	struct rte_mbuf *m;
	uint8_t dir;
};

struct sim {
	struct sim_conf conf;
	struct mono now;
	uint64_t rng;
	struct tcp *t[2];
	void *memory[2];
	uint64_t drops[2][DROP_COUNT];
	struct sim_app app[2][SIM_FLOWS];
	unsigned n_flows;
	struct sim_packet *heap;
	unsigned n_packets;
	uint64_t order, n_sent[2], n_dropped[2], bytes[2];
	int64_t busy_until_us[2];
	struct {
		bool seen;
		uint32_t edge, ack;
	} view[2][SIM_FLOWS];
	uint8_t ws[2][SIM_FLOWS];
	struct {
		int64_t at_us;
		struct rte_mbuf *m;
	} held[4096];
	unsigned n_held;
	uint32_t idle_step_us;
	unsigned max_queue[2];
	struct tcp_burst burst;
};

extern struct rte_mempool *sim_pool;

void sim_start(unsigned buffers);
void sim_init(struct sim *s, const struct sim_conf *conf);
/* sim_flow: end 0 connects; both sides send so much; returns its index. */
unsigned sim_flow(struct sim *s, uint64_t up, uint64_t down);
/* sim_run_ms: so long, whatever happens. */
void sim_run_ms(struct sim *s, int64_t ms);
/* sim_run: until all flows are gone, or that time has come; true: all gone. */
bool sim_run(struct sim *s, struct mono until);
void sim_step(struct sim *s);
/* sim_deliver: a packet that end `from` has made goes on the link, as all do in sim_step. */
void sim_deliver(struct sim *s, unsigned from, struct rte_mbuf *m);
/* sim_fini: closes what is left, waits for TIME-WAIT, and checks that every pool is full again. */
void sim_fini(struct sim *s);
uint64_t sim_random(struct sim *s);
bool sim_chance(struct sim *s, uint32_t ppm);
/* sim_octets: n of what this side of a flow sends, from an offset on. */
struct sim_part {
	unsigned end, flow;
	uint64_t offset;
};
void sim_octets(const struct sim *s, const struct sim_part *part, uint8_t *p, unsigned n);
void sim_fail(struct sim *s, const char *what, long long a, long long b) __attribute__((noreturn));
struct tcp_limits sim_limits(void);
uint64_t sim_stat(const struct sim *s, unsigned end, enum tcp_stat what);

/* sim_parse: what a packet that TCP made says; fails the test if it is not sound. */
bool sim_parse(struct rte_mbuf *m, struct segment *g);

#endif
