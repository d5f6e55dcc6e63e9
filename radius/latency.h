/* latency.h - a histogram of times in microseconds: 8 steps in each power of two.  Private; caller serialises. */
#ifndef RADIUS_LATENCY_H
#define RADIUS_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS 8
#define LATENCY_BUCKETS (32 * LATENCY_STEPS)

struct latency {
	uint64_t n, sum_us;
	uint32_t bucket[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, int64_t us);
uint32_t latency_average(const struct latency *l);

/* latency_percentile: the upper end of the step that p percent of the times do not exceed; 0 without any. */
uint32_t latency_percentile(const struct latency *l, unsigned p);

#endif
