/* state.h - struct dp: what MAIN holds of the dataplane.
 *
 * Built by start.c while no worker runs; afterwards MAIN is the only one to read or write it, but for the tables (whose
 * reader's side is in tables.h) and the rings.
 */
#ifndef DP_STATE_H
#define DP_STATE_H

#include "adj.h"
#include "clock.h"
#include "fib.h"
#include "lcore.h"
#include "port.h"
#include "route6.h"
#include "sub4.h"

struct dp {
	unsigned n_workers, n_ports, n_ifaces;
	struct lcore *lcores[DP_MAX_WORKERS];
	struct rte_mempool *pools[DP_MAX_WORKERS];
	struct rte_ring *handover[DP_MAX_WORKERS][DP_MAX_WORKERS]; /* [from][to] */
	unsigned cpu[DP_MAX_WORKERS];
	struct port ports[DP_MAX_PORTS];
	struct iface ifaces[DP_MAX_IFACES];
	bool launched;
	bool by_device; /* TLS records: by this cryptodev */
	uint8_t cryptodev;
	struct tls_offload *tls;

	struct tables tables;
	struct clock_steer clock;
	struct sub4_writer sub4;
	struct fib_numbers *fib_numbers;
	struct fib_writer fib[DP_TABLE_COUNT];
	struct route6_writer route6;
	struct adj_writer adj;
	struct mono links_read;
};

#endif
