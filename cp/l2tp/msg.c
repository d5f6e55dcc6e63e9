#include "l2tp/msg.h"

#include <millrace/bytes.h>

#include "l2tp/hide.h"

struct avp {
	uint16_t flags, vendor, attr;
	struct rd value;
};

static enum l2tp_why avp_next(struct rd *r, struct avp *avp);
static enum l2tp_why type_store(struct avp *avp, struct l2tp_msg *m);
static enum l2tp_why avp_judge(struct avp *avp, const struct l2tp_reading *how, struct l2tp_msg *m);
static enum l2tp_why avp_open(struct avp *avp, const struct l2tp_reading *how, struct l2tp_msg *m);
static enum l2tp_why avp_store(const struct avp_row *row, const struct avp *avp, struct l2tp_msg *m);
static void result_store(struct rd value, struct l2tp_result *result);

enum { AVP_HIDE_NEVER, AVP_HIDE_MAY };

static const struct avp_row avp_rows[AVP_ATTR_COUNT] = {
#define AVP(a, n, text, k, lo, hi, m, h, f)                                                                            \
	[a] = {.name = text,                                                                                           \
	       .kind = AVP_KIND_##k,                                                                                   \
	       .min = lo,                                                                                              \
	       .max = hi,                                                                                              \
	       .mandatory = m,                                                                                         \
	       .may_hide = AVP_HIDE_##h,                                                                               \
	       .offset = offsetof(struct l2tp_msg, f)},
#include "l2tp/avp.def"
#undef AVP
};

enum msg_scope { SCOPE_NONE, SCOPE_TUNNEL, SCOPE_CALL };

static const struct {
	const char *name;
	enum msg_scope scope;
	uint64_t must;
} msg_rows[L2TP_MSG_COUNT] = {
#define MSG(type, n, text, s, m) [type] = {.name = text, .scope = SCOPE_##s, .must = m},
#include "l2tp/msg.def"
#undef MSG
};

static const struct l2tp_why_row why_rows[] = {
#define WHY(n, s, c, t) [L2TP_WHY_##n] = {.stat = L2TP_STAT_##s, .cause = CAUSE_##c, .text = t},
#include "l2tp/err.def"
#undef WHY
};

/* RFC 2661 3.1: control messages have T, L and S set, O and P clear; reserved bits are ignored. */
enum l2tp_why
l2tp_hdr_parse(const uint8_t *bytes, size_t len, struct l2tp_hdr *h)
{
	struct rd r = rd_init(bytes, len);
	uint16_t flags = rd_be16(&r), length = rd_be16(&r);
	h->tid = rd_be16(&r);
	h->sid = rd_be16(&r);
	h->ns = rd_be16(&r);
	h->nr = rd_be16(&r);
	if (r.bad)
		return L2TP_WHY_SHORT;
	if ((flags & L2TP_VER_MASK) != L2TP_VER)
		return L2TP_WHY_VERSION;
	if ((flags & (L2TP_CTL_FLAGS | L2TP_F_OFFSET | L2TP_F_PRIORITY)) != L2TP_CTL_FLAGS)
		return L2TP_WHY_FLAGS;
	if (length < L2TP_CTL_HDR || length > len || length > L2TP_MESSAGE_MAX)
		return L2TP_WHY_LENGTH;
	h->body = r.p;
	h->body_len = length - L2TP_CTL_HDR;
	return L2TP_WHY_OK;
}

enum l2tp_why
l2tp_msg_parse(const uint8_t *body, size_t len, const struct l2tp_reading *how, struct l2tp_msg *m)
{
	struct rd r = rd_init(body, len);
	struct avp avp;
	memset(m, 0, offsetof(struct l2tp_msg, plain));
	m->rws = L2TP_RWS_DEFAULT;
	enum l2tp_why why = avp_next(&r, &avp), first;
	if (!why)
		why = type_store(&avp, m);
	if (why)
		return why;
	for (first = L2TP_WHY_OK; rd_left(&r) && !r.bad;) {
		why = avp_next(&r, &avp);
		if (!why)
			why = avp_judge(&avp, how, m);
		if (!why || first)
			continue;
		first = why;
		m->bad_vendor = avp.vendor;
		m->bad_attr = avp.attr;
	}
	uint64_t missing = msg_rows[m->type].must & ~m->has;
	if (first || !missing)
		return first;
	m->bad_attr = (uint16_t)__builtin_ctzll(missing);
	return L2TP_WHY_AVP_MISSING;
}

/* Takes one AVP off the message, RFC 2661 4.1.  After a header or a length that leaves the message nothing more can be
 * found: r is bad then. */
static enum l2tp_why
avp_next(struct rd *r, struct avp *avp)
{
	avp->flags = rd_be16(r);
	avp->vendor = rd_be16(r);
	avp->attr = rd_be16(r);
	if (r->bad)
		return L2TP_WHY_AVP_SHORT;
	size_t len = avp->flags & AVP_LEN_MASK;
	if (len < AVP_HDR || rd_left(r) < len - AVP_HDR) {
		r->bad = true;
		return L2TP_WHY_AVP_LENGTH;
	}
	avp->value = rd_sub(r, len - AVP_HDR);
	return L2TP_WHY_OK;
}

/* RFC 2661 4.4.1: the Message Type comes first, is never hidden, and its M bit speaks of the message as a whole. */
static enum l2tp_why
type_store(struct avp *avp, struct l2tp_msg *m)
{
	if (avp->vendor || avp->attr != AVP_MESSAGE_TYPE || avp->flags & (AVP_F_HIDDEN | AVP_F_RESERVED))
		return L2TP_WHY_AVP_NO_TYPE;
	if (rd_left(&avp->value) != 2)
		return L2TP_WHY_AVP_LENGTH;
	m->type = rd_be16(&avp->value);
	m->type_mandatory = avp->flags & AVP_F_MANDATORY;
	m->has = HAS(MESSAGE_TYPE);
	return l2tp_msg_name(m->type) ? L2TP_WHY_OK : L2TP_WHY_MSG_UNKNOWN;
}

/* What cannot be understood matters only if the M bit says so, RFC 2661 4.1.  Of an AVP that comes twice the first counts,
 * but of Random Vectors the last. */
static enum l2tp_why
avp_judge(struct avp *avp, const struct l2tp_reading *how, struct l2tp_msg *m)
{
	const struct avp_row *row = l2tp_avp_row(avp->vendor, avp->attr);
	enum l2tp_why why = L2TP_WHY_OK;
	/* RFC 2661 4.1: reserved bits make an AVP unrecognized; and 4.4 says which must not be hidden. */
	if (!row || avp->flags & AVP_F_RESERVED || (avp->flags & AVP_F_HIDDEN && !row->may_hide))
		why = L2TP_WHY_AVP_UNKNOWN;
	else if (l2tp_msg_has(m, avp->attr) && avp->attr != AVP_RANDOM_VECTOR)
		return L2TP_WHY_OK;
	else if (avp->flags & AVP_F_HIDDEN)
		why = avp_open(avp, how, m);
	if (!why)
		why = avp_store(row, avp, m);
	bool matters = avp->flags & AVP_F_MANDATORY && !(how->permissive && why == L2TP_WHY_AVP_UNKNOWN);
	if (why && matters)
		return why;
	if (why)
		m->avps_ignored++;
	return L2TP_WHY_OK;
}

/* RFC 2661 4.3: the Random Vector that counts is the last one before the AVP.  Opening costs as much as the rest of a
 * message, and strangers send them: once for each attribute. */
static enum l2tp_why
avp_open(struct avp *avp, const struct l2tp_reading *how, struct l2tp_msg *m)
{
	struct span hidden = {avp->value.p, (uint16_t)rd_left(&avp->value)}, value;
	bool can = how->secret[0] && l2tp_msg_has(m, AVP_RANDOM_VECTOR);
	uint8_t *plain = m->plain + m->plain_len;
	if (m->opened >> avp->attr & 1 || hidden.len > sizeof m->plain - m->plain_len)
		return L2TP_WHY_AVP_HIDDEN;
	m->opened |= UINT64_C(1) << avp->attr;
	if (!can || l2tp_unhide(avp->attr, how->secret, &m->random_vector, &hidden, plain, &value))
		return L2TP_WHY_AVP_HIDDEN;
	m->plain_len = (uint16_t)(m->plain_len + hidden.len);
	avp->value = rd_init(value.p, value.len);
	return L2TP_WHY_OK;
}

static enum l2tp_why
avp_store(const struct avp_row *row, const struct avp *avp, struct l2tp_msg *m)
{
	struct rd value = avp->value;
	size_t len = rd_left(&value);
	void *field = (uint8_t *)m + row->offset;
	if (len < row->min || len > row->max)
		return L2TP_WHY_AVP_LENGTH;
	switch (row->kind) {
	case AVP_KIND_ID:
	case AVP_KIND_RWS:
		/* Who refuses has not assigned an id, and says 0 in its StopCCN or CDN. */
		if (be16(value.p) == 0 && m->type != L2TP_MSG_STOPCCN && m->type != L2TP_MSG_CDN)
			return L2TP_WHY_AVP_VALUE;
		/* fallthrough */
	case AVP_KIND_U16:
	case AVP_KIND_VERSION:
		*(uint16_t *)field = rd_be16(&value);
		break;
	case AVP_KIND_U32:
		*(uint32_t *)field = rd_be32(&value);
		break;
	case AVP_KIND_U64:
		*(uint64_t *)field = be64(value.p);
		break;
	case AVP_KIND_RESULT:
		result_store(value, field);
		break;
	case AVP_KIND_TEXT:
	case AVP_KIND_HEX:
	case AVP_KIND_HIDDEN:
		*(struct span *)field = (struct span){value.p, (uint16_t)len};
		break;
	case AVP_KIND_NOTHING:
		break;
	}
	m->has |= UINT64_C(1) << avp->attr;
	return L2TP_WHY_OK;
}

/* RFC 2661 4.4.2: result code, then optionally an error code, then optionally a message. */
static void
result_store(struct rd value, struct l2tp_result *result)
{
	result->code = rd_be16(&value);
	if (rd_left(&value) >= 2)
		result->error = rd_be16(&value);
	result->text = (struct span){value.p, (uint16_t)rd_left(&value)};
}

const struct avp_row *
l2tp_avp_row(unsigned vendor, unsigned attr)
{
	return vendor == 0 && attr < AVP_ATTR_COUNT && avp_rows[attr].name ? &avp_rows[attr] : NULL;
}

const char *
l2tp_msg_name(unsigned type)
{
	return type < L2TP_MSG_COUNT ? msg_rows[type].name : NULL;
}

bool
l2tp_msg_is_of_call(unsigned type)
{
	return type < L2TP_MSG_COUNT && msg_rows[type].scope == SCOPE_CALL;
}

const struct l2tp_why_row *
l2tp_why_row(enum l2tp_why why)
{
	return &why_rows[why];
}

void
l2tp_span_copy(const struct span *s, char *out, size_t size)
{
	size_t n = s->len < size - 1 ? s->len : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = s->p[i] >= 0x20 && s->p[i] < 0x7f ? (char)s->p[i] : '?';
	out[n] = 0;
}
