/* start.h - dp_start in two halves, for benchmarks and tests that drive a core's functions themselves. */
#ifndef DP_START_H
#define DP_START_H

#include <dp/dp.h>

/* dp_build: everything of dp_start but the worker threads: struct dp with its lcores, ports started.  dp_stop undoes it. */
int dp_build(const struct dp_start *s, struct dp **out, char *err, size_t err_len) INIT_ONLY;

/* dp_launch: the worker threads. */
void dp_launch(struct dp *dp) INIT_ONLY;

#endif
