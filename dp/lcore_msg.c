#include "lcore_msg.h"

#include <errno.h>
#include <string.h>

#include "lifecycle.h"
#include "message.h"

static uint8_t *reserve(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, size_t len,
			int *error) ON_LCORE;
static bool send_pending(struct lcore *lc, const struct dp_session *s, enum session_pending kind) ON_LCORE;
static void dispatch(struct lcore *lc, const struct byte_ring_rec *rec) ON_LCORE;

/* A row of msg.def that has no handler here is one for MAIN. */
static void (*const handlers[DP_MSG_COUNT])(struct lcore *, const struct message *) = {
	[DP_MSG_LISTEN_SET] = listen_set,
	[DP_MSG_TUNNEL_SET] = tunnel_set,
	[DP_MSG_TUNNEL_CLOSE] = tunnel_close,
	[DP_MSG_SESSION_OPEN] = session_open,
	[DP_MSG_SESSION_SET] = session_set,
	[DP_MSG_SESSION_CLOSE] = session_close,
	[DP_MSG_SESSION_KEYS] = session_keys,
	[DP_MSG_FRAME_PPP] = frame_ppp,
	[DP_MSG_FRAME_UDP] = frame_udp,
	[DP_MSG_STREAM_OUT] = conn_say,
	[DP_MSG_CONN_CLOSE] = conn_close,
	[DP_MSG_FRAME_ETH] = frame_eth,
	[DP_MSG_ADJ_UP] = adj_up,
};

unsigned
lcore_receive(struct lcore *lc, unsigned quota)
{
	const struct byte_ring_rec *rec;
	unsigned n = 0;
	for (; n < quota && (rec = byte_ring_peek(lc->from_main)); n++) {
		dispatch(lc, rec);
		byte_ring_pop(lc->from_main);
	}
	lc->stats.messages_in += n;
	return n;
}

static void
dispatch(struct lcore *lc, const struct byte_ring_rec *rec)
{
	const struct dp_msg_row *row = rec->type < DP_MSG_COUNT ? dp_msg_row(rec->type) : NULL;
	if (!row || !handlers[rec->type] || rec->len < row->size) {
		lc->stats.messages_stale++;
		return;
	}
	struct message m = {rec->handle, rec->payload, rec->payload + row->size, rec->len - row->size};
	handlers[rec->type](lc, &m);
}

int
lcore_send(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, const void *bytes, size_t len)
{
	int e;
	uint8_t *p = reserve(lc, type, handle, payload, len, &e);
	if (!p) {
		lc->stats.messages_refused++;
		return e;
	}
	if (len)
		memcpy(p, bytes, len);
	byte_ring_commit(lc->to_main);
	return 0;
}

int
lcore_send_mbuf(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, const struct rte_mbuf *m,
		uint32_t offset)
{
	if (offset > m->pkt_len)
		return -EMSGSIZE;
	int e;
	uint32_t len = m->pkt_len - offset;
	uint8_t *p = reserve(lc, type, handle, payload, len, &e);
	if (!p) {
		lc->stats.messages_refused++;
		return e;
	}
	/* A chain is copied straight into the ring; what lies in one piece is only pointed to, and still to be copied. */
	const void *from = len ? rte_pktmbuf_read(m, offset, len, p) : p;
	if (from != p)
		memcpy(p, from, len);
	byte_ring_commit(lc->to_main);
	return 0;
}

/* reserve: a record with its struct filled in, counted; where its `len` bytes go, or NULL and why. */
static uint8_t *
reserve(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, size_t len, int *error)
{
	const struct dp_msg_row *row = dp_msg_row(type);
	*error = len > BYTE_RING_MAX - (size_t)row->size ? -EMSGSIZE : -EAGAIN;
	if (*error == -EMSGSIZE)
		return NULL;
	uint32_t keep_free = dp_msg_keep_free(row->class, lc->to_main->size);
	uint8_t *p = byte_ring_reserve(lc->to_main, (uint16_t)type, handle, row->size + (uint32_t)len, keep_free);
	if (!p)
		return NULL;
	if (row->size)
		memcpy(p, payload, row->size);
	lc->stats.messages_out++;
	return p + row->size;
}

void
lifecycle_send(struct lcore *lc, struct dp_session *s, enum session_pending kind)
{
	if (s->pending) {
		s->pending = (uint8_t)kind;
		return;
	}
	if (lc->pending_first == SLOT_NONE && send_pending(lc, s, kind))
		return;
	uint32_t slot = (uint32_t)(s - lc->sessions);
	lc->stats.messages_refused++;
	s->pending = (uint8_t)kind;
	s->pending_next = SLOT_NONE;
	if (lc->pending_first == SLOT_NONE)
		lc->pending_first = slot;
	else
		lc->sessions[lc->pending_last].pending_next = slot;
	lc->pending_last = slot;
}

void
lifecycle_flush(struct lcore *lc)
{
	while (lc->pending_first != SLOT_NONE) {
		struct dp_session *s = &lc->sessions[lc->pending_first];
		if (!send_pending(lc, s, (enum session_pending)s->pending))
			return;
		s->pending = PENDING_NONE;
		lc->pending_first = s->pending_next;
	}
}

static bool
send_pending(struct lcore *lc, const struct dp_session *s, enum session_pending kind)
{
	int e;
	uint32_t slot = (uint32_t)(s - lc->sessions);
	if (kind == PENDING_DEAD) {
		const struct dp_session_dead dead = {DP_DEAD_ECHO};
		uint64_t handle = handle_make(lc->index, slot, s->generation);
		if (!reserve(lc, DP_MSG_SESSION_DEAD, handle, &dead, 0, &e))
			return false;
	} else {
		const struct dp_counters counters = {
			.up_packets = s->up_packets,
			.up_bytes = s->up_bytes,
			.down_packets = s->down_packets,
			.down_bytes = s->down_bytes,
			.up_drops = s->up_drops,
			.down_drops = s->down_drops,
		};
		uint64_t handle = handle_make(lc->index, slot, handle_former_generation(s->generation));
		if (!reserve(lc, DP_MSG_SESSION_CLOSED, handle, &counters, 0, &e))
			return false;
	}
	byte_ring_commit(lc->to_main);
	return true;
}
