#include "latency.h"

static unsigned
bucket_of(uint32_t us)
{
	if (us < LATENCY_STEPS)
		return us;
	unsigned power = 31u - (unsigned)__builtin_clz(us);
	return (power - 2) * LATENCY_STEPS + ((us >> (power - 3)) & (LATENCY_STEPS - 1));
}

static uint32_t
upper_end(unsigned bucket)
{
	if (bucket < LATENCY_STEPS)
		return bucket;
	unsigned power = bucket / LATENCY_STEPS + 2, step = bucket % LATENCY_STEPS;
	return (uint32_t)(((uint64_t)(LATENCY_STEPS + step + 1) << (power - 3)) - 1);
}

void
latency_add(struct latency *l, int64_t us)
{
	uint32_t v = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;

	l->n++;
	l->sum_us += v;
	l->bucket[bucket_of(v)]++;
}

uint32_t
latency_average(const struct latency *l)
{
	return l->n ? (uint32_t)(l->sum_us / l->n) : 0;
}

uint32_t
latency_percentile(const struct latency *l, unsigned p)
{
	uint64_t want = (l->n * p + 99) / 100, seen = 0;

	for (unsigned i = 0; l->n && i < LATENCY_BUCKETS; i++) {
		seen += l->bucket[i];
		if (seen >= want)
			return upper_end(i);
	}
	return 0;
}
