/* msg.h - L2TPv2 control messages on the wire: header, AVPs, and what may be wrong with them.
 *
 * Parsing changes nothing but its result: first the header (RFC 2661 3.1), which reliable delivery needs, then, when
 * the message's turn has come, its AVPs (4.1).  The first check that fails, in wire order, is the reason.  Spans point
 * into the caller's bytes.  Values are checked for form only; what they mean is judged in tunnel.c and call.c.
 *
 * No state; any thread.
 */
#ifndef CP_L2TP_MSG_H
#define CP_L2TP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "l2tp/l2tp.h"

#define L2TP_F_TYPE 0x8000
#define L2TP_F_LENGTH 0x4000
#define L2TP_F_SEQUENCE 0x0800
#define L2TP_F_OFFSET 0x0200
#define L2TP_F_PRIORITY 0x0100
#define L2TP_VER_MASK 0x000f
#define L2TP_VER 2
#define L2TP_CTL_FLAGS (L2TP_F_TYPE | L2TP_F_LENGTH | L2TP_F_SEQUENCE | L2TP_VER)
#define L2TP_CTL_HDR 12
#define L2TP_CTL_NS 8 /* where Ns and Nr stand in a control header */
#define L2TP_CTL_NR 10

#define AVP_HDR 6
#define AVP_F_MANDATORY 0x8000
#define AVP_F_HIDDEN 0x4000
#define AVP_F_RESERVED 0x3c00
#define AVP_LEN_MASK 0x03ff

#define L2TP_PROTOCOL_VERSION 0x0100 /* version 1, revision 0 */
#define L2TP_RWS_DEFAULT 4           /* RFC 2661 4.4.3: without the AVP */
#define L2TP_FRAMING_SYNC 1
#define L2TP_FRAMING_ASYNC 2

enum l2tp_why {
#define WHY(name, ...) L2TP_WHY_##name,
#include "l2tp/err.def"
#undef WHY
	L2TP_WHY_COUNT
};

struct l2tp_why_row {
	enum l2tp_stat stat;
	enum cause cause;
	const char *text;
};

enum l2tp_attr {
#define AVP(attr, name, ...) AVP_##name = attr,
#include "l2tp/avp.def"
#undef AVP
	AVP_ATTR_COUNT
};
_Static_assert(AVP_ATTR_COUNT <= 64, "struct l2tp_msg.has");

#define HAS(name) (UINT64_C(1) << AVP_##name)

enum l2tp_type {
#define MSG(type, name, ...) L2TP_MSG_##name = type,
#include "l2tp/msg.def"
#undef MSG
	L2TP_MSG_COUNT
};

enum avp_kind {
	AVP_KIND_U16,
	AVP_KIND_U32,
	AVP_KIND_U64,
	AVP_KIND_ID,
	AVP_KIND_RWS,
	AVP_KIND_VERSION,
	AVP_KIND_RESULT,
	AVP_KIND_TEXT,
	AVP_KIND_HEX,
	AVP_KIND_HIDDEN, /* a span that is never printed */
	AVP_KIND_NOTHING,
};

struct avp_row {
	const char *name; /* NULL: no such attribute */
	enum avp_kind kind;
	uint16_t min, max;
	bool mandatory, may_hide;
	uint16_t offset; /* of the field in struct l2tp_msg */
};

struct span {
	const uint8_t *p;
	uint16_t len;
};

struct l2tp_result {
	uint16_t code, error;
	struct span text;
};

struct l2tp_hdr {
	uint16_t tid, sid, ns, nr;
	const uint8_t *body; /* the AVPs */
	size_t body_len;     /* 0: a ZLB */
};

struct l2tp_msg {
	uint16_t type;
	bool type_mandatory; /* M bit of the Message Type: whether an unknown message ends the tunnel */
	uint16_t avps_ignored;
	uint16_t bad_vendor, bad_attr; /* the AVP that an AVP_ reason is about */
	uint64_t has;                  /* HAS() of the AVPs that came */
	uint64_t opened;               /* of those that came hidden, whether or not they could be opened */
	struct l2tp_result result;
	uint16_t version, firmware, tid, rws, sid, authen_type, authen_id;
	uint32_t framing_caps, bearer_caps, framing_type, serial, tx_bps, rx_bps, number;
	uint64_t tie_breaker;
	struct span host_name, vendor_name, challenge, response, called, calling, unused;
	struct span lcp_initial, lcp_sent, lcp_received, authen_name, authen_challenge;
	struct span random_vector; /* the last that came */
	uint16_t plain_len;
	uint8_t plain[L2TP_MESSAGE_MAX]; /* values that came hidden; not cleared */
};

/* How the AVPs of a message are to be read. */
struct l2tp_reading {
	const char *secret; /* opens hidden AVPs; "": none */
	bool permissive;    /* unknown AVPs are ignored whatever their M bit */
};

/* l2tp_hdr_parse: the header of a control message; bytes after its length field are padding and are not in body. */
enum l2tp_why l2tp_hdr_parse(const uint8_t *bytes, size_t len, struct l2tp_hdr *h) ANY_THREAD;

/* l2tp_msg_parse: the AVPs of one message.  On failure m holds what else could be read, such as the id to answer to;
 * m->type is 0 when the message did not get as far as its type.  Spans of m point into body or into m itself, which must
 * not be moved. */
enum l2tp_why l2tp_msg_parse(const uint8_t *body, size_t len, const struct l2tp_reading *how, struct l2tp_msg *m)
	ANY_THREAD;

static inline bool
l2tp_msg_has(const struct l2tp_msg *m, enum l2tp_attr attr)
{
	return m->has >> attr & 1;
}

/* l2tp_avp_row, l2tp_msg_name: NULL when not known. */
const struct avp_row *l2tp_avp_row(unsigned vendor, unsigned attr) ANY_THREAD;
const char *l2tp_msg_name(unsigned type) ANY_THREAD;

/* l2tp_msg_is_of_call: what an error in it ends; unknown types are the tunnel's. */
bool l2tp_msg_is_of_call(unsigned type) ANY_THREAD;

const struct l2tp_why_row *l2tp_why_row(enum l2tp_why why) ANY_THREAD;

/* l2tp_span_copy: into out of size bytes, cut to fit, unprintable bytes as '?': fit for logs and JSON. */
void l2tp_span_copy(const struct span *s, char *out, size_t size) ANY_THREAD;

#endif
