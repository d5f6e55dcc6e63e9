#include "l2tp/build.h"

#include <assert.h>
#include <stdio.h>

#include "l2tp/hide.h"

/* StopCCN Result Codes, RFC 2661 4.4.2, of the causes that have one of their own.  The others are general errors (2)
 * with the error of cause.def where that has one, else a general request to clear (1). */
enum stopccn_result {
	STOPCCN_GENERAL_REQUEST = 1,
	STOPCCN_GENERAL_ERROR = 2,
	STOPCCN_NOT_AUTHORIZED = 4,
	STOPCCN_BAD_VERSION = 5,
	STOPCCN_SHUTTING_DOWN = 6,
	STOPCCN_FSM_ERROR = 7,
};

static const struct {
	enum cause cause;
	struct l2tp_result result;
} stopccn_results[] = {
	{CAUSE_TUNNEL_AUTH, {STOPCCN_NOT_AUTHORIZED, 0, {0}}},
	{CAUSE_PEER_UNKNOWN, {STOPCCN_NOT_AUTHORIZED, 0, {0}}},
	{CAUSE_TUNNEL_VERSION, {STOPCCN_BAD_VERSION, L2TP_PROTOCOL_VERSION, {0}}},
	{CAUSE_SHUTDOWN, {STOPCCN_SHUTTING_DOWN, 0, {0}}},
	{CAUSE_MESSAGE_ORDER, {STOPCCN_FSM_ERROR, 0, {0}}},
};

void
l2tp_build_start(struct build *b, uint16_t peer_tid, uint16_t peer_sid, enum l2tp_type type)
{
	b->w = wr_init(b->bytes, sizeof b->bytes);
	b->secret = NULL;
	wr_be16(&b->w, L2TP_CTL_FLAGS);
	wr_be16(&b->w, 0);
	wr_be16(&b->w, peer_tid);
	wr_be16(&b->w, peer_sid);
	wr_be32(&b->w, 0);
	l2tp_avp_u16(b, AVP_MESSAGE_TYPE, type);
}

static void
avp_header(struct build *b, enum l2tp_attr attr, uint16_t flags, size_t len)
{
	if (l2tp_avp_row(0, attr)->mandatory)
		flags |= AVP_F_MANDATORY;
	assert(len <= AVP_LEN_MASK - AVP_HDR);
	wr_be16(&b->w, (uint16_t)(flags | (AVP_HDR + len)));
	wr_be16(&b->w, 0);
	wr_be16(&b->w, (uint16_t)attr);
}

void
l2tp_build_hide(struct build *b, const char *secret, const uint8_t vector[BUILD_VECTOR_LEN])
{
	avp_header(b, AVP_RANDOM_VECTOR, 0, BUILD_VECTOR_LEN);
	b->vector = (struct span){b->bytes + wr_len(&b->w), BUILD_VECTOR_LEN};
	wr_bytes(&b->w, vector, BUILD_VECTOR_LEN);
	b->secret = secret;
}

void
l2tp_avp_bytes(struct build *b, enum l2tp_attr attr, const void *p, size_t len)
{
	const struct span value = {p, (uint16_t)len};
	uint8_t hidden[BUILD_MAX];
	size_t hidden_len = l2tp_hidden_len(len);
	if (!b->secret || !l2tp_avp_row(0, attr)->may_hide) {
		avp_header(b, attr, 0, len);
		wr_bytes(&b->w, p, len);
		return;
	}
	assert(hidden_len <= sizeof hidden);
	if (l2tp_hide(attr, b->secret, &b->vector, &value, hidden))
		return;
	avp_header(b, attr, AVP_F_HIDDEN, hidden_len);
	wr_bytes(&b->w, hidden, hidden_len);
}

void
l2tp_avp_u16(struct build *b, enum l2tp_attr attr, uint16_t v)
{
	uint8_t bytes[2];
	put_be16(bytes, v);
	l2tp_avp_bytes(b, attr, bytes, sizeof bytes);
}

void
l2tp_avp_u32(struct build *b, enum l2tp_attr attr, uint32_t v)
{
	uint8_t bytes[4];
	put_be32(bytes, v);
	l2tp_avp_bytes(b, attr, bytes, sizeof bytes);
}

void
l2tp_avp_u64(struct build *b, enum l2tp_attr attr, uint64_t v)
{
	uint8_t bytes[8];
	put_be64(bytes, v);
	l2tp_avp_bytes(b, attr, bytes, sizeof bytes);
}

void
l2tp_avp_text(struct build *b, enum l2tp_attr attr, const char *s)
{
	l2tp_avp_bytes(b, attr, s, strlen(s));
}

static struct l2tp_result
stopccn_result(enum cause cause)
{
	for (size_t i = 0; i < sizeof stopccn_results / sizeof stopccn_results[0]; i++)
		if (stopccn_results[i].cause == cause)
			return stopccn_results[i].result;
	uint16_t error = cause_row(cause)->l2tp_error;
	return (struct l2tp_result){error ? STOPCCN_GENERAL_ERROR : STOPCCN_GENERAL_REQUEST, error, {0}};
}

void
l2tp_avp_result(struct build *b, enum l2tp_type type, enum cause cause)
{
	l2tp_avp_result_of(b, type, cause, "");
}

void
l2tp_avp_result_of(struct build *b, enum l2tp_type type, enum cause cause, const char *more)
{
	const struct cause_row *row = cause_row(cause);
	struct l2tp_result result = {row->l2tp_result, row->l2tp_error, {0}};
	if (type == L2TP_MSG_STOPCCN)
		result = stopccn_result(cause);
	char text[160];
	snprintf(text, sizeof text, "%s%s%s", row->text, *more ? ": " : "", more);
	avp_header(b, AVP_RESULT_CODE, 0, 4 + strlen(text));
	wr_be16(&b->w, result.code);
	wr_be16(&b->w, result.error);
	wr_bytes(&b->w, text, strlen(text));
}

size_t
l2tp_build_end(struct build *b)
{
	assert(!b->w.bad);
	put_be16(b->bytes + 2, (uint16_t)wr_len(&b->w));
	return wr_len(&b->w);
}

void
l2tp_build_zlb(uint8_t *bytes, uint16_t peer_tid, uint16_t ns, uint16_t nr)
{
	struct wr w = wr_init(bytes, L2TP_CTL_HDR);
	wr_be16(&w, L2TP_CTL_FLAGS);
	wr_be16(&w, L2TP_CTL_HDR);
	wr_be16(&w, peer_tid);
	wr_be16(&w, 0);
	wr_be16(&w, ns);
	wr_be16(&w, nr);
}
