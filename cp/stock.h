/* stock.h - what there is to lend: the pools of a configuration, and our own addresses beside them.
 *
 * A set of pools is built whole from a configuration; the discard routes of all pools and the gateway addresses are told
 * to the workers.  Another configuration's set is made ready beside the one in force and takes its place in one step:
 * what is lent stays lent, in the pool that has the address now, or in none.
 *
 *	stock_ready(cp, new, &next, err) -> stock_exchange(cp, next, old, new)
 *	                                 -> stock_drop(cp, next, new)
 *
 * MAIN only.
 */
#ifndef CP_STOCK_H
#define CP_STOCK_H

#include "cp.h"

/* stock_init: of cp->conf.  -errno with a sentence in err. */
int stock_init(struct cp *cp, char *err, size_t err_len) ON_MAIN;
void stock_fini(struct cp *cp) ON_MAIN;

/* stock_ready: pools and discard routes of conf; nothing else has changed.  -errno with a sentence in err: also when a
 * gateway address of conf is lent to somebody. */
int stock_ready(struct cp *cp, const struct conf *conf, struct pool4_set **next, char *err, size_t err_len) ON_MAIN;

/* stock_drop: stock_ready never was. */
void stock_drop(struct cp *cp, struct pool4_set *next, const struct conf *conf) ON_MAIN;

/* stock_exchange: the pools of `now` are in force, those of `old` are gone. */
void stock_exchange(struct cp *cp, struct pool4_set *next, const struct conf *old, const struct conf *now) ON_MAIN;

#endif
