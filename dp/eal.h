/* eal.h - DPDK's environment: its arguments from struct dp_start, its complaints as text.
 *
 * INIT_ONLY.  Workers are EAL lcores 1..n, MAIN is lcore 0.  Without hugepages the memory is ordinary pages, which is
 * what the lab and containers use.
 */
#ifndef DP_EAL_H
#define DP_EAL_H

#include <stdio.h>

#include <dp/dp.h>

/* What DPDK logs while it starts: errors go into the sentence that dp_start returns, not to the terminal. */
struct eal_log {
	FILE *stream;
	char *text;
	size_t len;
	long mark;
	char sentence[1024]; /* why the start failed */
};

int eal_log_open(struct eal_log *l) INIT_ONLY;
/* eal_log_mark: from here on. */
void eal_log_mark(struct eal_log *l) INIT_ONLY;
/* eal_log_first: the first line since then, which is the nearest to the cause; "" when nothing was said. */
void eal_log_first(struct eal_log *l, char *out, size_t len) INIT_ONLY;
/* eal_log_close: DPDK's later complaints go to stderr. */
void eal_log_close(struct eal_log *l) INIT_ONLY;

/* eal_start: 0, or -errno with the sentence. */
int eal_start(const struct dp_start *s, struct eal_log *l) INIT_ONLY;
void eal_stop(void) INIT_ONLY;

static inline unsigned
eal_lcore_of(unsigned worker)
{
	return worker + 1;
}

#endif
