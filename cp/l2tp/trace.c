#include "l2tp/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include <millrace/bytes.h>

#define HEX_SHOWN 16

struct text {
	char *p, *end; /* p == end - 1: full */
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_avps(struct text *t, struct rd r);
static void add_avp(struct text *t, unsigned vendor, unsigned attr, bool hidden, struct rd value);
static void add_value(struct text *t, const struct avp_row *row, struct rd value);

void
l2tp_trace_format(const char *direction, const uint8_t *bytes, size_t len, char *line)
{
	static const char cut[] = "...]";
	struct text t = {line, line + TRACE_LINE_MAX - sizeof cut};
	struct l2tp_hdr h;
	enum l2tp_why why = l2tp_hdr_parse(bytes, len, &h);
	add(&t, "%s [L2TP ", direction);
	if (why) {
		add(&t, "%zu bytes: %s]", len, l2tp_why_row(why)->text);
	} else {
		add(&t, "tid=%u sid=%u Ns=%u Nr=%u", h.tid, h.sid, h.ns, h.nr);
		add_avps(&t, rd_init(h.body, h.body_len));
		add(&t, "]");
	}
	if (t.p >= t.end - 1)
		memcpy(t.p, cut, sizeof cut);
}

static void
add(struct text *t, const char *format, ...)
{
	va_list args;
	size_t room = (size_t)(t->end - t->p);
	va_start(args, format);
	int n = vsnprintf(t->p, room, format, args);
	va_end(args);
	t->p += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

/* Prints what can be printed of a body that nobody has checked. */
static void
add_avps(struct text *t, struct rd r)
{
	if (!rd_left(&r))
		add(t, " ZLB");
	for (bool first = true; rd_left(&r); first = false) {
		uint16_t flags = rd_be16(&r), vendor = rd_be16(&r), attr = rd_be16(&r);
		unsigned len = flags & AVP_LEN_MASK;
		if (r.bad || len < AVP_HDR || rd_left(&r) < len - AVP_HDR) {
			add(t, " <malformed>");
			return;
		}
		struct rd value = rd_sub(&r, len - AVP_HDR);
		const char *type = rd_left(&value) == 2 ? l2tp_msg_name(be16(value.p)) : NULL;
		if (first && type && !vendor && attr == AVP_MESSAGE_TYPE)
			add(t, " %s", type);
		else
			add_avp(t, vendor, attr, flags & AVP_F_HIDDEN, value);
	}
}

static void
add_avp(struct text *t, unsigned vendor, unsigned attr, bool hidden, struct rd value)
{
	const struct avp_row *row = l2tp_avp_row(vendor, attr);
	if (row)
		add(t, " <%s", row->name);
	else
		add(t, " <%u:%u", vendor, attr);
	if (hidden || !row)
		add(t, "%s %zu bytes", hidden ? " hidden" : "", rd_left(&value));
	else if (rd_left(&value) < row->min || rd_left(&value) > row->max)
		add(t, " bad length %zu", rd_left(&value));
	else
		add_value(t, row, value);
	add(t, ">");
}

static void
add_text(struct text *t, struct rd value)
{
	char s[L2TP_NAME_MAX * 2];
	l2tp_span_copy(&(struct span){value.p, (uint16_t)rd_left(&value)}, s, sizeof s);
	add(t, " \"%s\"", s);
}

static void
add_hex(struct text *t, struct rd value)
{
	size_t n = rd_left(&value);
	for (size_t i = 0; i < n && i < HEX_SHOWN; i++)
		add(t, "%s%02x", i ? "" : " ", value.p[i]);
	if (n > HEX_SHOWN)
		add(t, "...");
}

static void
add_result(struct text *t, struct rd value)
{
	add(t, " %u", rd_be16(&value));
	if (rd_left(&value) >= 2)
		add(t, " error %u", rd_be16(&value));
	if (rd_left(&value))
		add_text(t, value);
}

static void
add_value(struct text *t, const struct avp_row *row, struct rd value)
{
	switch (row->kind) {
	case AVP_KIND_U16:
	case AVP_KIND_ID:
	case AVP_KIND_RWS:
		add(t, " %u", rd_be16(&value));
		break;
	case AVP_KIND_U32:
		add(t, " %u", rd_be32(&value));
		break;
	case AVP_KIND_U64:
		add(t, " %016llx", (unsigned long long)be64(value.p));
		break;
	case AVP_KIND_VERSION:
		add(t, " %u.%u", value.p[0], value.p[1]);
		break;
	case AVP_KIND_RESULT:
		add_result(t, value);
		break;
	case AVP_KIND_TEXT:
		add_text(t, value);
		break;
	case AVP_KIND_HEX:
		add_hex(t, value);
		break;
	case AVP_KIND_HIDDEN:
		add(t, " %zu bytes", rd_left(&value));
		break;
	case AVP_KIND_NOTHING:
		break;
	}
}
