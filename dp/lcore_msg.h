/* lcore_msg.h - what a worker core says to MAIN: one record of msg.def in its ring.
 *
 * Owner: the worker core.  A record is the row's struct (dp_msg_row(type)->size bytes of `payload`, NULL for dp_none)
 * and then bytes: a frame, copied, so the mbuf stays the caller's.  The class of the row decides how much of the ring
 * must stay free (dp_msg_keep_free).  Implemented in msg.c.
 */
#ifndef DP_LCORE_MSG_H
#define DP_LCORE_MSG_H

#include <stddef.h>

#include "lcore.h"

/* lcore_send: the struct alone, or with `len` bytes after it.  0; -EAGAIN when the class's share of the ring is used up
 * (counted in stats.messages_refused); -EMSGSIZE when struct and bytes exceed BYTE_RING_MAX.  Counts messages_out. */
int lcore_send(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, const void *bytes, size_t len)
	ON_LCORE;

/* lcore_send_mbuf: the struct, then m's bytes from `offset` to its end; m may be a chain.  Returns like lcore_send;
 * -EMSGSIZE also when offset lies beyond m. */
int lcore_send_mbuf(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, const struct rte_mbuf *m,
		    uint32_t offset) ON_LCORE;

#endif
