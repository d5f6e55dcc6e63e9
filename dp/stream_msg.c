/* stream_msg.c - what MAIN says to TCP connections: STREAM_OUT, CONN_CLOSE. */
#include <string.h>

#include "conn.h"
#include "message.h"

#define PIECE 2000 /* bytes of one buffer */

void
conn_say(struct lcore *lc, const struct message *m)
{
	struct conn *c = conn_find(lc, m->handle);
	if (!c || c->state == CONN_ENDING) {
		lc->stats.messages_stale++;
		return;
	}
	for (size_t at = 0; at < m->len; at += PIECE) {
		struct rte_mbuf *piece = rte_pktmbuf_alloc(lc->pool);
		size_t n = m->len - at < PIECE ? m->len - at : PIECE;
		if (!piece) { /* a stream with a hole in it is none */
			lc->stats.drops[DROP_NO_MBUF]++;
			conn_finish(lc, c, DP_CONN_RESET, true);
			return;
		}
		memcpy(rte_pktmbuf_append(piece, (uint16_t)n), m->bytes + at, n);
		conn_put_control(lc, c, piece);
	}
}

void
conn_close(struct lcore *lc, const struct message *m)
{
	const struct dp_conn_close *p = m->payload;
	struct conn *c = conn_find(lc, m->handle);
	if (!c) {
		lc->stats.messages_stale++;
		return;
	}
	if (p->abort && c->tcp)
		tcp_abort(lc->conns->tcp, c->tcp);
	conn_finish(lc, c, DP_CONN_CLOSED, p->abort);
}
