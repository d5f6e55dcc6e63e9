/* start.h - from the configuration to what the dataplane is started with, and the memory that it takes. */
#ifndef CP_START_H
#define CP_START_H

#include <stdbool.h>
#include <stdio.h>

#include <dp/dp.h>

#include "conf/conf.h"

/* start_dataplane: heap, the caller frees it; NULL without memory. */
struct dp_start *start_dataplane(const struct conf *conf) ANY_THREAD;

/* start_print_sizes: for `millraced -t`; whether cores.memory is enough. */
bool start_print_sizes(const struct conf *conf, FILE *f) ANY_THREAD;

#endif
