/* millrace-bench-mppe: cycles per packet of the MPPE stages beside the bare RC4 that they cannot do without, in one run.
 *
 * Bursts of 64 packets of 64 different sessions, stateless, 128 bits.  "rc4": key schedule and stream, four packets side by
 * side, with the keys given.  "rc4 x2": with the second schedule that each change of key costs (RFC 3079), which no
 * implementation of stateless MPPE is without.  "down", "up": the stages, which find the keys, make the next (SHA-1 and
 * RC4) and write or read the header.  The four take turns, burst by burst; each burst is timed by two readings of the TSC.
 * What `down` makes, `up` must give back octet for octet.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "bed.h"
#include "mppe.h"

#define BURST 64
#define ROUNDS 2000
#define QUICK_ROUNDS 20

enum what { RC4, RC4_TWICE, DOWN, UP, WHATS };

static const char *const names[WHATS] = {"rc4", "rc4 x2", "down", "up"};
static const unsigned sizes[] = {64, 512, 1400};

static uint8_t keys[BURST][MPPE_KEY_MAX];
static struct rte_mbuf *m[BURST];
static double samples[WHATS][ROUNDS];

static void
open_sessions(void)
{
	for (uint16_t i = 0; i < BURST; i++) {
		struct dp_session *s = bed_session(i);
		struct mppe *x = &bed.lc->mppe[i];
		for (unsigned k = 0; k < MPPE_KEY_MAX; k++)
			keys[i][k] = (uint8_t)rand();
		mppe_key_init(&x->down, keys[i], 128, true);
		mppe_key_init(&x->up, keys[i], 128, true);
		s->mppe_down = 1;
	}
}

static void
fill(unsigned size)
{
	for (unsigned i = 0; i < BURST; i++) {
		rte_pktmbuf_reset(m[i]);
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(m[i], (uint16_t)size);
		memset(p, (int)i, size);
		p[0] = 0x45;
	}
}

static uint64_t
run_rc4(unsigned size, unsigned schedules)
{
	struct rc4 box[RC4_LANES];
	uint64_t t = rte_rdtsc();
	for (unsigned i = 0; i < BURST; i += RC4_LANES) {
		struct rc4_lane l[RC4_LANES];
		for (unsigned k = 0; k < RC4_LANES; k++)
			l[k] = (struct rc4_lane){&box[k], keys[i + k], rte_pktmbuf_mtod(m[i + k], uint8_t *), size};
		for (unsigned n = 0; n < schedules; n++)
			rc4_init(l, RC4_LANES, MPPE_KEY_MAX);
		rc4_crypt(l, RC4_LANES);
	}
	return rte_rdtsc() - t;
}

static void
make_lane(struct lane *v, struct pkt p[BURST])
{
	v->n = 0;
	for (unsigned i = 0; i < BURST; i++) {
		p[i] = (struct pkt){.m = m[i], .nh = nh_session(0, i), .s = &bed.lc->sessions[i]};
		lane_add(v, &p[i]);
	}
}

static uint64_t
run_stage(enum what what, struct lane *clear)
{
	struct pkt p[BURST];
	struct lane v, replies = {.n = 0};
	make_lane(&v, p);
	clear->n = 0;
	uint64_t t = rte_rdtsc();
	if (what == DOWN)
		mppe_down(bed.lc, &v);
	else
		mppe_up(bed.lc, &v, clear, &replies);
	return rte_rdtsc() - t;
}

static bool
intact(unsigned size)
{
	for (unsigned i = 0; i < BURST; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(m[i], const uint8_t *);
		if (m[i]->pkt_len != size || p[0] != 0x45)
			return false;
		for (unsigned k = 1; k < size; k++)
			if (p[k] != (uint8_t)i)
				return false;
	}
	return true;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static bool
measure(unsigned size, unsigned rounds)
{
	struct lane clear;
	for (unsigned r = 0; r < rounds; r++) {
		fill(size);
		samples[RC4][r] = (double)run_rc4(size, 1) / BURST;
		samples[RC4_TWICE][r] = (double)run_rc4(size, 2) / BURST;
		fill(size);
		samples[DOWN][r] = (double)run_stage(DOWN, &clear) / BURST;
		samples[UP][r] = (double)run_stage(UP, &clear) / BURST;
		if (clear.n != BURST || !intact(size))
			return false;
	}
	printf("%6u", size);
	for (enum what w = 0; w < WHATS; w++) {
		qsort(samples[w], rounds, sizeof samples[w][0], by_value);
		printf("  %8.0f %8.0f", samples[w][0], samples[w][rounds / 2]);
	}
	printf("   %5.2f %5.2f\n", samples[DOWN][0] / samples[RC4][0], samples[DOWN][0] / samples[RC4_TWICE][0]);
	return true;
}

int
main(int argc, char **argv)
{
	unsigned rounds = argc > 1 && !strcmp(argv[1], "--quick") ? QUICK_ROUNDS : ROUNDS;
	bed_start_small();
	open_sessions();
	for (unsigned i = 0; i < BURST; i++)
		m[i] = rte_pktmbuf_alloc(bed.lc->pool);
	printf("TSC cycles per packet, least and median of %u bursts; ratios of the least: down to rc4, to rc4 "
	       "x2\noctets",
	       rounds);
	for (enum what w = 0; w < WHATS; w++)
		printf("  %17s", names[w]);
	printf("   ratios\n");
	for (unsigned i = 0; i < RTE_DIM(sizes); i++)
		if (!measure(sizes[i], rounds)) {
			fprintf(stderr, "%u octets: what came back is not what was sent\n", sizes[i]);
			return 1;
		}
	return 0;
}
