/* memory.h - how much of everything the limits ask for; the sum is dp_memory_bytes.  Any thread; no state. */
#ifndef DP_MEMORY_H
#define DP_MEMORY_H

#include <dp/dp.h>

/* memory_mbufs: per worker: those of the limits, or enough for n_ports with the limits' descriptors. */
uint32_t memory_mbufs(const struct dp_limits *l, unsigned n_ports);

/* memory_room: data room of an mbuf; one buffer holds a whole frame of the interface with the largest MTU. */
uint16_t memory_room(const struct dp_start *s);

/* memory_routes6: IPv6 routes of all tables: the configured ones, and one for each neighbour and address of ours. */
uint32_t memory_routes6(const struct dp_limits *l);

/* memory_check: 0, or -ENOMEM with a sentence when memory_mib of DPDK memory are not enough for the need. */
int memory_check(uint64_t need, const struct dp_memory *m, unsigned memory_mib, char *err, size_t err_len);

#endif
