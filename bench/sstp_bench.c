/* sstp_bench.c - what an SSTP packet costs a worker core on its way down, beside ipsec-mb alone with as many keys; and the bytes
 * of an idle session.
 *
 * Down: inner packets of 1,400 bytes are put into their sessions' queues, then one turn of the path takes them out as TCP
 * grants, puts PPP and SSTP headers on, seals each as a record (TLS 1.3, AES-128-GCM), makes segments, sums them or leaves that
 * to the port, finds their
 * way and leaves whole frames in the transmit queue.  Bursts of 64, each of other sessions at random; the clients
 * (tests/sstp/dial.h) open every record and acknowledge between the bursts, which is not counted.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dial.h"
#include "down.h"
#include "limit_tls.h"
#include "path.h"
#include "stream.h"

#define BURST 64
#define PAYLOAD 1400
#define MAX_ROUNDS 4000
#define MBUFS 16383
#define ETH_VLAN 18 /* what a frame of the core side had in front */
#define CONN_MANY 100000
#define REST_EVERY 200 /* rounds: congestion state is for a quarter of the connections, for ten seconds each */

static unsigned rounds = 2000;
static const uint32_t sizes[] = {64, 1024, 65536};
static const char *const size_names[] = {"64", "1 Ki", "64 Ki"};

enum what { LIMIT, QUEUE, REST, ALL, WHATS };
static double samples[WHATS][MAX_ROUNDS];
static uint64_t seed = 1, sent;

static void
die(const char *what)
{
	fprintf(stderr, "millrace-bench-sstp: %s\n", what);
	exit(1);
}

static uint64_t
draw(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 33;
}

/* choose: BURST sessions, no two the same. */
static void
choose(uint32_t n, uint32_t *which)
{
	uint32_t at = (uint32_t)draw() % n, step = n / BURST;
	for (unsigned i = 0; i < BURST; i++)
		which[i] = (at + i * step + (step > 1 ? (uint32_t)draw() % step : 0)) % n;
}

static struct rte_mbuf *
packet(uint32_t slot)
{
	struct frame f;
	frame_payload(&f, PAYLOAD - 28);
	frame_udp(&f, 4000, 5000);
	frame_ip4(&f, (struct frame_ip4){.src = BED_HOST, .dst = BED_POOL + slot, .proto = 17, .ttl = 60});
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
	if (!m)
		die("mbufs");
	m->data_off += ETH_VLAN;
	memcpy(rte_pktmbuf_append(m, PAYLOAD), f.p, PAYLOAD);
	return m;
}

static void
down_burst(uint32_t n, unsigned round)
{
	struct lcore *lc = bed.lc;
	struct rte_mbuf *m[BURST];
	struct pkt p[BURST];
	struct lane queued_now;
	uint32_t which[BURST];
	role_assume_lcore();
	choose(n, which);
	for (unsigned i = 0; i < BURST; i++)
		m[i] = packet(which[i]);
	for (unsigned i = 0; i < BURST; i++) {
		p[i] = (struct pkt){.m = m[i], .nh = nh_session(0, which[i])};
		queued_now.p[i] = &p[i];
	}
	queued_now.n = BURST;
	uint64_t began = rte_rdtsc();
	down_queue(lc, &queued_now);
	uint64_t queued = rte_rdtsc();
	path_streams(lc);
	uint64_t done = rte_rdtsc();
	if (lc->tx[0].n != BURST)
		die("not all were sent in one turn");
	samples[QUEUE][round] = (double)(queued - began) / BURST;
	samples[REST][round] = (double)(done - queued) / BURST;
	samples[ALL][round] = (double)(done - began) / BURST;
	sent += BURST;
	dial_turns(3, 200);
}

static void
limit_burst(struct limit_tls *limit, uint8_t *const *buffer, uint32_t n, unsigned round)
{
	uint32_t which[BURST];
	choose(n, which);
	uint64_t began = rte_rdtsc();
	limit_tls_seal(limit, which, buffer, BURST, PAYLOAD + 9); /* SSTP, PPP and the type of TLS 1.3 */
	samples[LIMIT][round] = (double)(rte_rdtsc() - began) / BURST;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void
print_row(const char *size, bool device)
{
	unsigned p10 = rounds / 10, p50 = rounds / 2;
	for (unsigned w = 0; w < WHATS; w++)
		qsort(samples[w], rounds, sizeof samples[w][0], compare);
	printf("| %-5s | %-4s", size, device ? "port" : "us");
	for (unsigned w = 0; w < WHATS; w++)
		printf(" | %5.0f /%5.0f /%5.0f", samples[w][0], samples[w][p10], samples[w][p50]);
	printf(" | %8.2f |\n", samples[ALL][p10] / samples[LIMIT][p10]);
}

static uint64_t
received(void)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < dial_side.n; i++) {
		n += dial_side.client[i].data;
		if (dial_side.client[i].bad ||
		    dial_side.client[i].data_bytes != dial_side.client[i].data * (PAYLOAD + 4))
			die("a packet came out wrong");
	}
	return n;
}

/* open_one: now and then time passes, in which those that were opened come to rest. */
static void
open_one(uint32_t slot)
{
	if (slot % 256 == 255) {
		dial_turns(2, 6000000);
		dial_turns(2, 1000);
	}
	if (!dial(slot, 0))
		die("a connection did not come up");
}

static void
bench_size(uint32_t n, const char *name, bool device)
{
	uint8_t *buffer[BURST];
	struct limit_tls *limit = limit_tls_new(n);
	for (unsigned i = 0; i < BURST; i++)
		if (!(buffer[i] = aligned_alloc(64, 2048)))
			die("memory");
	if (!limit)
		die("memory");
	bed_reset();
	for (unsigned i = 0; i < bed.lc->n_ports; i++)
		bed.lc->port_tx_tcp_checksum[i] = device;
	dial_open(&(struct dial_conf){.conns = n});
	for (uint32_t i = 0; i < n; i++)
		open_one(i);
	sent = 0;
	for (unsigned i = 0; i < rounds; i++) {
		limit_burst(limit, buffer, n, i);
		down_burst(n, i);
		if (i % REST_EVERY == REST_EVERY - 1)
			dial_turns(2, 6000000);
	}
	dial_turns(100, 1000);
	if (received() != sent)
		die("not all has arrived");
	print_row(name, device);
	dial_close();
	limit_tls_free(limit);
	for (unsigned i = 0; i < BURST; i++)
		free(buffer[i]);
}

static void
bench_memory(void)
{
	struct tls_core_conf some = {.connections = CONN_MANY, .cryptodev = -1}, more = some;
	more.connections += CONN_MANY;
	double tcp = TCP_CONN_BYTES + TCP_PLACE_BYTES;
	double tls = (double)(tls_core_bytes(&more) - tls_core_bytes(&some)) / CONN_MANY;
	printf("\nBytes of an idle session on its worker core (expanded keys are in a cache of the core's)\n\n");
	printf("| what                                    | bytes |\n");
	printf("| --------------------------------------- | ----- |\n");
	printf("| TCP: connection, place in the table     | %5.0f |\n", tcp);
	printf("| TLS: keys and state of both directions  | %5.0f |\n", tls);
	printf("| TCP and TLS (goal 512)                  | %5.0f |\n", tcp + tls);
	printf("| SSTP: struct conn                       | %5zu |\n", sizeof(struct conn));
	printf("| session                                 | %5zu |\n", sizeof(struct dp_session));
}

int
main(int argc, char **argv)
{
	bool quick = argc == 2 && !strcmp(argv[1], "--quick");
	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: millrace-bench-sstp [--quick]\n");
		return 2;
	}
	if (quick)
		rounds = 20;
	bed_start(&(struct bed_size){.sessions = 65536 + BED_NEAR,
				     .blocks = 512,
				     .mbufs = MBUFS,
				     .cpu = (unsigned)sched_getcpu(),
				     .fast_routes = true, /* as the daemon has them */
				     .memory_mib = quick ? 352 : 864});
	printf("TSC cycles per packet of %d bytes: minimum / 10th percentile / median\n\n", PAYLOAD);
	printf("| keys  | sums | ipsec-mb alone      | into the queue      | queue to tx         | ours                "
	       "| "
	       "ours/p10 |\n");
	printf("| ----- | ---- | ------------------- | ------------------- | ------------------- | ------------------- "
	       "| "
	       "-------- |\n");
	for (unsigned s = 0; s < (quick ? 2 : RTE_DIM(sizes)); s++)
		for (unsigned device = 0; device < 2; device++)
			bench_size(sizes[s], size_names[s], device);
	bench_memory();
	return 0;
}
