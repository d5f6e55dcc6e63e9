/* init-only file */
#include "fib.h"

#include <errno.h>
#include <stdio.h>

#include <rte_fib.h>
#include <rte_malloc.h>
#include <rte_rib.h>

#define NAME 32
#define TBL8_MAX 32766u /* numbers of 2 bytes, of which one bit is rte_fib's */
#define TBL24_BYTES (2u << 24)
#define ROUTE_BYTES 424 /* of rte_rib, two nodes for each: measured, without hugepages */

static uint32_t max_long(uint32_t max_routes);

size_t
fib_bytes(uint32_t max_routes)
{
	size_t copy = TBL24_BYTES + 256ul * 2 * max_long(max_routes) * 2 + (size_t)max_routes * 2 * ROUTE_BYTES;
	size_t master = (size_t)max_routes * 2 * (sizeof(struct fib_route) + 2 * sizeof(uint32_t) + ROUTE_BYTES);
	return 2 * copy + master;
}

/* A /24 that holds longer routes takes a block; the shadow may hold the old and the new ones at once. */
static uint32_t
max_long(uint32_t max_routes)
{
	return max_routes < TBL8_MAX / 2 ? max_routes : TBL8_MAX / 2;
}

int
fib_init(struct fib_writer *w, struct tables *t, enum dp_table table, struct fib_numbers *numbers, uint32_t max_routes,
	 int socket)
{
	*w = (struct fib_writer){.t = t, .table = table, .numbers = numbers, .max_routes = max_routes};
	w->max_long = max_long(max_routes);
	uint32_t n = 2 * max_routes;
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8, .default_nh = 0, .max_routes = (int)n, .rib_ext_sz = 0};
	conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
	conf.dir24_8.num_tbl8 = 2 * w->max_long;
	struct rte_rib_conf rib = {.ext_sz = 0, .max_nodes = (int)(2 * n)};
	char name[NAME];
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "fib%u.%u", (unsigned)table, i);
		w->copy[i] = rte_fib_create(name, socket, &conf);
	}
	snprintf(name, sizeof name, "rib%u", (unsigned)table);
	w->master = rte_rib_create(name, socket, &rib);
	w->routes = rte_zmalloc_socket("routes", n * sizeof *w->routes, 64, socket);
	w->free_route = rte_zmalloc_socket("routes", n * sizeof *w->free_route, 64, socket);
	w->dirty = rte_zmalloc_socket("routes", n * sizeof *w->dirty, 64, socket);
	if (!w->copy[0] || !w->copy[1] || !w->master || !w->routes || !w->free_route || !w->dirty) {
		fib_fini(w);
		return -ENOMEM;
	}
	for (uint32_t i = n; i; i--)
		w->free_route[w->n_free++] = i - 1;
	atomic_store_explicit(&t->fib[table], w->copy[0], memory_order_release);
	return 0;
}

void
fib_fini(struct fib_writer *w)
{
	rte_fib_free(w->copy[0]);
	rte_fib_free(w->copy[1]);
	rte_rib_free(w->master);
	rte_free(w->routes);
	rte_free(w->free_route);
	rte_free(w->dirty);
	*w = (struct fib_writer){0};
}
