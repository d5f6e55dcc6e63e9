/* millrace-bench-l2tp: cycles per packet of dp/path.c, beside the bare mechanism (limit_l2tp.h), in one run.
 *
 * Packets come from memory: 4,096 buffers, filled outside of the timed region with packets of sessions chosen at random
 * among N, given to the code in bursts of 64, each burst timed by two readings of the TSC.  Every packet that comes out
 * is compared octet for octet with one built by dp/frame_build.h, which shares nothing with the path.  The two take turns,
 * round by round, so that what else the machine does hits both.
 *
 * No ports, no rx and tx: those cost what the device costs.  Buffers are warm in L2 or L3 as after a device that writes
 * to the cache; sessions are as cold as N makes them.
 */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "bed.h"
#include "limit_l2tp.h"
#include "path.h"
#include "template.h"

#define POOL_PACKETS 4096
#define MAX_SESSIONS (1u << 20)
#define FIRST_IP4 0x64400000u /* 100.64.0.0 */
#define FIRST_PEER 0x0a000001u
#define TUNNEL_BITS 10 /* sessions in a tunnel */
#define PAYLOAD 36     /* inner packets of 64 octets */
#define HOST 0x08080808u

enum direction { UP, DOWN, DIRECTIONS };
enum side { LIMIT, OURS, SIDES };

struct result {
	double min, p10, p50;
};

struct bench {
	struct limit limit;
	struct rte_mbuf *m[POOL_PACKETS];
	uint32_t slot[POOL_PACKETS];
	float *samples[SIDES];
	unsigned n_samples, rounds;
	unsigned n_sizes; /* of `sizes` */
	uint64_t checked, wrong;
	uint64_t seed;
};

static struct bench bench = {.rounds = 200, .n_sizes = 3, .seed = 88172645463325252ull};

static uint32_t
random_below(uint32_t n)
{
	bench.seed ^= bench.seed << 13;
	bench.seed ^= bench.seed >> 7;
	bench.seed ^= bench.seed << 17;
	return (uint32_t)((bench.seed >> 16) % n);
}

/* Session `slot`: its ids, and the LAC that it comes from. */
static uint16_t
tid_of(uint32_t slot)
{
	return (uint16_t)(1 + (slot >> TUNNEL_BITS));
}

static uint32_t
peer_of(uint32_t slot)
{
	return FIRST_PEER + (slot >> (TUNNEL_BITS + 2));
}

/* --- frames ------------------------------------------------------------------------------------------------------ */

static void
frame_inner(struct frame *f, uint32_t slot, enum direction d, uint8_t ttl)
{
	uint32_t subscriber = FIRST_IP4 + slot;
	frame_payload(f, PAYLOAD);
	frame_udp(f, 4000, 5000);
	frame_ip4(f, (struct frame_ip4){.src = d == UP ? subscriber : HOST,
					.dst = d == UP ? HOST : subscriber,
					.proto = 17,
					.ttl = ttl,
					.id = (uint16_t)slot});
}

static void
frame_in(struct frame *f, uint32_t slot, enum direction d)
{
	frame_inner(f, slot, d, 64);
	if (d == DOWN) {
		frame_eth(f, bed_mac(BED_PLAIN), bed_neighbour_mac(BED_ADJ_PLAIN), 0, 0x0800);
		return;
	}
	frame_ppp(f, 0x0021, false, false);
	frame_l2tp(f, (struct frame_l2tp){.tid = tid_of(slot), .sid = (uint16_t)slot});
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = peer_of(slot), .dst = BED_LNS, .proto = 17, .ttl = 60});
	frame_eth(f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
}

static void
frame_want(struct frame *f, uint32_t slot, enum direction d, uint16_t ip_id)
{
	frame_inner(f, slot, d, 63);
	if (d == UP) {
		frame_eth(f, bed_neighbour_mac(BED_ADJ_PLAIN), bed_mac(BED_PLAIN), 0, 0x0800);
		return;
	}
	frame_ppp(f, 0x0021, false, false);
	frame_l2tp(f, (struct frame_l2tp){.tid = (uint16_t)~tid_of(slot), .sid = (uint16_t)~slot});
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = BED_LNS, .dst = peer_of(slot), .proto = 17, .ttl = 64, .id = ip_id});
	frame_eth(f, bed_neighbour_mac(BED_ADJ_LAC), bed_mac(BED_ACCESS), 0, 0x0800);
}

static void
check(const struct rte_mbuf *m, uint32_t slot, enum direction d, uint16_t ip_id)
{
	struct frame f;
	frame_want(&f, slot, d, ip_id);
	bench.checked++;
	bench.wrong += m->pkt_len != frame_len(&f) || memcmp(rte_pktmbuf_mtod(m, void *), f.p, frame_len(&f));
}

/* --- sessions ---------------------------------------------------------------------------------------------------- */

static void
open_ours(uint32_t slot)
{
	struct lcore *lc = bed.lc;
	struct dp_session *s = &lc->sessions[slot];
	struct dp_session_open o = {
		.local = addr_from_ip4(BED_LNS),
		.peer = addr_from_ip4(peer_of(slot)),
		.local_port = 1701,
		.peer_port = 1701,
		.our_tid = tid_of(slot),
		.our_sid = (uint16_t)slot,
		.peer_tid = (uint16_t)~tid_of(slot),
		.peer_sid = (uint16_t)~slot,
		.nh = nh_make(NH_ADJ, BED_ADJ_LAC),
		.bearer = DP_BEARER_L2TP,
	};
	*s = (struct dp_session){.state = SESSION_OPEN, .bearer = DP_BEARER_L2TP, .generation = 1};
	if (template_open(s, &o) < 0)
		abort();
	s->ip4 = FIRST_IP4 + slot;
	s->mtu = 1460;
	s->link_open = 1;
	session_set_gates(s, DP_GATE_AUTHENTICATED | DP_GATE_IP4);
	lc->tunnels[tid_of(slot)] = (struct tunnel){.region = (uint16_t)(slot >> 16), .used = true};
	bed_sub4(s->ip4, nh_session(0, slot));
}

static void
open_limit(uint32_t slot)
{
	struct limit_session *s = &bench.limit.sessions[slot];
	struct frame f;

	*s = (struct limit_session){.ip4 = FIRST_IP4 + slot, .peer_ip4 = peer_of(slot), .open = 1, .mtu = 1460};
	limit_bucket_init(&s->up);
	limit_bucket_init(&s->down);
	/* The template is a frame without what is inside, its checksum made over length and identification 0. */
	frame_want(&f, slot, DOWN, 0);
	uint8_t *t = s->template + 64 - LIMIT_HEADERS;
	memcpy(t, f.p, LIMIT_HEADERS);
	memset(t + 16, 0, 2);
	memset(t + 24, 0, 2);
	frame_16(t + 24, frame_checksum(t + 14, 20, 0));
	bench.limit.tunnels[tid_of(slot)] = slot >> 16 << 16;
	bench.limit.subscribers[slot] = slot + 1;
}

static void
open_all(uint32_t n)
{
	struct limit *l = &bench.limit;
	l->sessions = bed_memory(n * sizeof *l->sessions);
	l->tunnels = bed_memory(65536 * sizeof *l->tunnels);
	l->subscribers = bed_memory(n * sizeof *l->subscribers);
	l->n_sessions = n;
	l->first_ip4 = FIRST_IP4;
	l->routes = bed.tables.fib[DP_TABLE_CORE];
	memcpy(l->eth_up, bed_neighbour_mac(BED_ADJ_PLAIN), 6);
	memcpy(l->eth_up + 6, bed_mac(BED_PLAIN), 6);
	frame_16(l->eth_up + 12, 0x0800);
	bed_route(DP_TABLE_CORE, HOST & 0xff000000, 8, nh_make(NH_ADJ, BED_ADJ_PLAIN));
	for (uint32_t i = 0; i < n; i++) {
		open_ours(i);
		open_limit(i);
	}
}

/* --- measuring --------------------------------------------------------------------------------------------------- */

static void
fill(uint32_t sessions, enum direction d)
{
	struct frame f;
	for (unsigned i = 0; i < POOL_PACKETS; i++) {
		struct rte_mbuf *m = bench.m[i];
		bench.slot[i] = random_below(sessions);
		frame_in(&f, bench.slot[i], d);
		rte_pktmbuf_reset(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)frame_len(&f)), f.p, frame_len(&f));
	}
}

/* burst: cycles for VEC_MAX packets from `at` on; every one must come out, in order. */
static uint64_t
burst(enum side side, enum direction d, unsigned at)
{
	struct lcore *lc = bed.lc;
	struct rte_mbuf *out[VEC_MAX];
	struct tx_queue *q = &lc->tx[d == UP ? lc->ifaces[BED_PLAIN].port : lc->ifaces[BED_ACCESS].port];
	struct vec v;
	unsigned n;
	uint16_t id = side == OURS ? lc->ip_id : bench.limit.ip_id;

	uint64_t began = rte_rdtsc();
	if (side == OURS) {
		v.n = VEC_MAX;
		for (unsigned i = 0; i < VEC_MAX; i++) {
			v.p[i].m = bench.m[at + i];
			v.p[i].iface = d == UP ? lc->ifaces[BED_ACCESS].port : lc->ifaces[BED_PLAIN].port;
		}
		path_run(lc, &v);
	} else if (d == UP) {
		n = limit_up(&bench.limit, bench.m + at, VEC_MAX, out, began);
	} else {
		n = limit_down(&bench.limit, bench.m + at, VEC_MAX, out, began);
	}
	uint64_t cycles = rte_rdtsc() - began;
	if (side == OURS) {
		n = q->n;
		memcpy(out, q->m, n * sizeof out[0]);
		q->n = 0;
	}
	if (n != VEC_MAX) {
		fprintf(stderr, "%u of %u packets came out\n", n, VEC_MAX);
		exit(1);
	}
	for (unsigned i = 0; i < n; i++)
		check(out[i], bench.slot[at + i], d, (uint16_t)(id + i));
	return cycles;
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return x < y ? -1 : x > y;
}

static struct result
percentiles(float *samples, unsigned n)
{
	qsort(samples, n, sizeof *samples, by_value);
	return (struct result){samples[0], samples[n / 10], samples[n / 2]};
}

static void
measure(uint32_t sessions, enum direction d, struct result out[SIDES])
{
	bench.n_samples = 0;
	for (unsigned r = 0; r < bench.rounds; r++) {
		for (enum side side = 0; side < SIDES; side++) {
			fill(sessions, d);
			for (unsigned i = 0; i < POOL_PACKETS / VEC_MAX; i++)
				bench.samples[side][bench.n_samples + i] = (float)burst(side, d, i * VEC_MAX) / VEC_MAX;
		}
		bench.n_samples += POOL_PACKETS / VEC_MAX;
	}
	for (enum side side = 0; side < SIDES; side++)
		out[side] = percentiles(bench.samples[side], bench.n_samples);
}

/* measure_stages: the lowest cycles per packet of each stage in any round: two readings of the TSC are in it. */
static void
measure_stages(uint32_t sessions, enum direction d, double out[STAGE_COUNT])
{
	for (unsigned s = 0; s < STAGE_COUNT; s++)
		out[s] = 0;
	bed.lc->stage_cycles_on = true;
	for (unsigned r = 0; r < bench.rounds; r++) {
		memset(bed.lc->stats.stage, 0, sizeof bed.lc->stats.stage);
		fill(sessions, d);
		for (unsigned i = 0; i < POOL_PACKETS / VEC_MAX; i++)
			burst(OURS, d, i * VEC_MAX);
		for (unsigned s = 0; s < STAGE_COUNT; s++) {
			double c = (double)bed.lc->stats.stage[s].cycles / POOL_PACKETS;
			out[s] = r && out[s] < c ? out[s] : c;
		}
	}
	bed.lc->stage_cycles_on = false;
}

/* --- printing ---------------------------------------------------------------------------------------------------- */

static const uint32_t sizes[] = {1u << 10, 1u << 16, MAX_SESSIONS};
static const char *const size_names[] = {"1 k", "64 k", "1 M"};
static const char *const direction_names[] = {"up", "down"};

static void
print_totals(unsigned n_sizes)
{
	printf("TSC cycles per packet, bursts of %u, inner packets of %u octets: minimum / 10th percentile / "
	       "median\n\n",
	       VEC_MAX, PAYLOAD + 28);
	printf("| direction | sessions | limit              | ours               | ours - limit (p10) |\n");
	printf("| --------- | -------- | ------------------ | ------------------ | ------------------ |\n");
	for (enum direction d = 0; d < DIRECTIONS; d++) {
		for (unsigned i = 0; i < n_sizes; i++) {
			struct result r[SIDES];
			measure(sizes[i], d, r);
			printf("| %-9s | %-8s |", direction_names[d], size_names[i]);
			for (enum side s = 0; s < SIDES; s++)
				printf(" %5.1f /%5.1f /%5.1f |", r[s].min, r[s].p10, r[s].p50);
			printf(" %18.1f |\n", r[OURS].p10 - r[LIMIT].p10);
			fflush(stdout);
		}
	}
}

static void
print_stages(unsigned n_sizes)
{
	static const char *const names[] = {
#define STAGE(name, what) #name,
#include <dp/stage.def>
#undef STAGE
	};
	double c[DIRECTIONS][RTE_DIM(sizes)][STAGE_COUNT];

	for (enum direction d = 0; d < DIRECTIONS; d++)
		for (unsigned i = 0; i < n_sizes; i++)
			measure_stages(sizes[i], d, c[d][i]);
	printf("\nOurs by stage, with the switch on: best mean of a round\n\n| stage    |");
	for (enum direction d = 0; d < DIRECTIONS; d++)
		for (unsigned i = 0; i < n_sizes; i++)
			printf(" %4s %-4s |", direction_names[d], size_names[i]);
	printf("\n| -------- |");
	for (unsigned i = 0; i < DIRECTIONS * n_sizes; i++)
		printf(" --------- |");
	for (unsigned s = 0; s < STAGE_COUNT; s++) {
		if (!c[UP][0][s] && !c[DOWN][0][s])
			continue;
		printf("\n| %-8s |", names[s]);
		for (enum direction d = 0; d < DIRECTIONS; d++)
			for (unsigned i = 0; i < n_sizes; i++)
				printf(" %9.1f |", c[d][i][s]);
	}
	printf("\n");
}

static void
usage(void)
{
	fprintf(stderr, "usage: millrace-bench-l2tp [--quick] [--cpu N] [--rounds N]\n"
			"  --quick   few rounds, up to 64 k sessions: the outputs are checked, the cycles mean little\n"
			"  --cpu     where to run (default: the last that we may use)\n"
			"  --rounds  of 4,096 packets for each figure (default 200)\n");
	exit(2);
}

static unsigned
last_cpu(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof set, &set);
	for (unsigned i = CPU_SETSIZE; i-- > 0;)
		if (CPU_ISSET(i, &set))
			return i;
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"quick", no_argument, NULL, 'q'},
						{"cpu", required_argument, NULL, 'c'},
						{"rounds", required_argument, NULL, 'r'},
						{0}};
	struct bed_size size = {.sessions = MAX_SESSIONS,
				.blocks = 4400,
				.mbufs = 8191,
				.fast_routes = true,
				.huge_pages = true,
				.cpu = last_cpu(),
				.memory_mib = 192};

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'q') {
			bench.rounds = 6;
			bench.n_sizes = 2;
			size.sessions = 1u << 16;
			size.blocks = 400;
		} else if (c == 'c')
			size.cpu = (unsigned)atoi(optarg);
		else if (c == 'r' && atoi(optarg) > 0)
			bench.rounds = (unsigned)atoi(optarg);
		else
			usage();
	}
	bed_start(&size);
	open_all(size.sessions);
	for (enum side s = 0; s < SIDES; s++)
		bench.samples[s] = calloc((size_t)bench.rounds * POOL_PACKETS / VEC_MAX, sizeof(float));
	if (rte_pktmbuf_alloc_bulk(bed.lc->pool, bench.m, POOL_PACKETS) < 0 || !bench.samples[LIMIT] ||
	    !bench.samples[OURS])
		return 1;
	print_totals(bench.n_sizes);
	print_stages(bench.n_sizes);
	printf("\n%lu packets compared, %lu differ; TSC %.3f GHz, buffers on %s pages, cpu %u\n", bench.checked,
	       bench.wrong, (double)rte_get_tsc_hz() / 1e9, bed.huge_pages ? "2 MiB" : "4 KiB", size.cpu);
	return bench.wrong || bed_drops() ? 1 : 0;
}
