/* conn_parts.h - what conn.c, conn_setup.c, conn_up.c and conn_down.c have of each other.  For nobody else.
 *
 * Owner: the worker core.
 */
#ifndef DP_CONN_PARTS_H
#define DP_CONN_PARTS_H

#include "conn.h"

/* --- conn.c ------------------------------------------------------------------------------------------------------ */

/* conn_take: a free place, or NULL. */
struct conn *conn_take(struct lcore *lc) ON_LCORE;

/* conn_named: by the number that TCP has of us; NULL: gone. */
struct conn *conn_named(struct lcore *lc, uint64_t tcp, uint64_t user) ON_LCORE;

/* conn_refuse: it is not waited for.  conn_advance: an end goes on. */
void conn_refuse(struct lcore *lc, struct conn *c, enum dp_conn_gone_reason why) ON_LCORE;
void conn_advance(struct lcore *lc, struct conn *c) ON_LCORE;

/* conn_arm: its timer; 0: none. */
void conn_arm(struct lcore *lc, struct conn *c, unsigned seconds) ON_LCORE;

/* --- conn_setup.c ------------------------------------------------------------------------------------------------ */

/* conn_proxy_header: takes it from what has come, when it is there whole, and keeps it for MAIN; what follows it, the
 * client's, or NULL. */
struct rte_mbuf *conn_proxy_header(struct lcore *lc, struct conn *c) ON_LCORE;

/* conn_begin_tls: at the client's first byte.  False: refused. */
bool conn_begin_tls(struct lcore *lc, struct conn *c) ON_LCORE;

/* conn_uncount: it has this no more of what its source may have.  conn_may_queue: something may wait for it; it is counted. */
void conn_uncount(struct conns *cs, struct conn *c, enum source_share share) ON_LCORE;
bool conn_may_queue(struct lcore *lc, struct conn *c) ON_LCORE;

/* conn_say_open, conn_say_failed: to MAIN. */
void conn_say_open(struct lcore *lc, struct conn *c, const struct tls_agreed *agreed) ON_LCORE;
void conn_say_failed(struct lcore *lc, const struct conn *c, const struct tls_agreed *agreed) ON_LCORE;

/* --- conn_up.c --------------------------------------------------------------------------------------------------- */

/* conn_account: buffers that what has come waits in. */
void conn_account(struct conns *cs, struct conn *c, uint32_t waits) ON_LCORE;

#endif
