#include <dp/msg.h>

#include <errno.h>
#include <string.h>

#include "state.h"

static const struct dp_msg_row rows[DP_MSG_COUNT] = {
#define TO_DP DP_TO_DP
#define TO_CP DP_TO_CP
#define MSG(name, payload, direction, class, meaning)                                                                  \
	[DP_MSG_##name] = {#name, meaning, sizeof(struct payload), direction, DP_CLASS_##class},
#include <dp/msg.def>
#undef MSG
#undef TO_DP
#undef TO_CP
};

const struct dp_msg_row *
dp_msg_row(unsigned type)
{
	return &rows[type];
}

uint32_t
dp_msg_keep_free(enum dp_msg_class class, uint32_t size)
{
	switch (class) {
	case DP_CLASS_DATAGRAM:
		return size / 2;
	case DP_CLASS_STREAM:
		return size / 4;
	case DP_CLASS_LIFECYCLE:
	case DP_CLASS_COMMAND:
		break;
	}
	return 0;
}

int
dp_send(struct dp *dp, enum dp_msg type, uint64_t handle, const void *payload, const void *extra, size_t extra_len)
{
	unsigned lcore = handle_lcore(handle);
	if ((unsigned)type >= DP_MSG_COUNT || rows[type].direction != DP_TO_DP || lcore >= dp->n_workers)
		return -EINVAL;
	const struct dp_msg_row *row = &rows[type];
	if (extra_len > BYTE_RING_MAX - (size_t)row->size)
		return -EMSGSIZE;
	struct byte_ring *r = dp->lcores[lcore]->from_main;
	uint32_t len = row->size + (uint32_t)extra_len;
	uint8_t *p = byte_ring_reserve(r, (uint16_t)type, handle, len, dp_msg_keep_free(row->class, r->size));
	if (!p)
		return -EAGAIN;
	if (row->size)
		memcpy(p, payload, row->size);
	if (extra_len)
		memcpy(p + row->size, extra, extra_len);
	byte_ring_commit(r);
	return 0;
}

const struct byte_ring_rec *
dp_recv(struct dp *dp, unsigned lcore)
{
	return byte_ring_peek(dp->lcores[lcore]->to_main);
}

void
dp_recv_done(struct dp *dp, unsigned lcore)
{
	byte_ring_pop(dp->lcores[lcore]->to_main);
}
