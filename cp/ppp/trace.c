/* trace.c - packets as operators know them from pppd and accel-ppp: the one place that formats them.
 *
 * Works from wire bytes alone, by three tables: protocols, their codes, their options.  Whatever does not parse is
 * shown as bytes, so that the line can be trusted to be what was on the wire.
 */
#include "ppp/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "ppp/link.h"

#define TRACE_LINE 1024
#define TRACE_BYTES 64 /* of a value shown as bytes */

/* A line being written.  Invariant: p <= end, *p is NUL; end holds the last NUL. */
struct text {
	char *p, *end;
};

struct body {
	uint16_t proto;
	uint8_t code;
	struct rd r;
};

typedef void show_fn(struct text *t, const uint8_t *value, size_t len);
typedef void body_fn(struct text *t, struct body *b);

static show_fn show_flag, show_u16, show_magic, show_asyncmap, show_addr, show_auth, show_ifid, show_mppe, show_hex;
static body_fn body_options, body_text, body_magic_text, body_term, body_time, body_code_rej, body_proto_rej,
	body_chap_value, body_hidden, body_none, body_hex;
static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put_quoted(struct text *t, const uint8_t *s, size_t len);
static void put_option(struct text *t, uint16_t proto, const struct fsm_opt *o);
static void put_packet(struct text *t, uint16_t proto, const uint8_t *packet, size_t len);
static const struct proto_row *find_proto(uint16_t proto);
static const struct code_row *find_code(const struct proto_row *row, uint8_t code);

struct code_row {
	const char *name;
	body_fn *body;
};

/* RFC 1661 5 and RFC 1570; network protocols use the first seven (and CCP two more). */
static const struct code_row control_codes[] = {
	[CONF_REQ] = {"ConfReq", body_options},
	[CONF_ACK] = {"ConfAck", body_options},
	[CONF_NAK] = {"ConfNak", body_options},
	[CONF_REJ] = {"ConfRej", body_options},
	[TERM_REQ] = {"TermReq", body_term},
	[TERM_ACK] = {"TermAck", body_term},
	[CODE_REJ] = {"CodeRej", body_code_rej},
	[PROTO_REJ] = {"ProtoRej", body_proto_rej},
	[ECHO_REQ] = {"EchoReq", body_magic_text},
	[ECHO_REP] = {"EchoRep", body_magic_text},
	[DISCARD_REQ] = {"DiscReq", body_magic_text},
	[IDENT] = {"Ident", body_magic_text},
	[TIME_REMAINING] = {"TimeRem", body_time},
	{"ResetReq", body_hex}, /* RFC 1962 4, codes 14 and 15 */
	{"ResetAck", body_hex},
};

static const struct code_row chap_codes[] = {{0},
					     {"Challenge", body_chap_value},
					     {"Response", body_chap_value},
					     {"Success", body_text},
					     {"Failure", body_text}};
static const struct code_row pap_codes[] = {
	{0}, {"AuthReq", body_hidden}, {"AuthAck", body_none}, {"AuthNak", body_none}};
static const struct code_row eap_codes[] = {
	{0}, {"Request", body_hex}, {"Response", body_hex}, {"Success", body_hex}, {"Failure", body_hex}};

#define CODES(table) table, sizeof table / sizeof table[0]

static const struct proto_row {
	uint16_t proto;
	const char *name;
	const struct code_row *codes;
	size_t n_codes;
} protos[] = {
	{PPP_LCP, "LCP", CODES(control_codes)},   {PPP_CHAP, "CHAP", CODES(chap_codes)},
	{PPP_IPCP, "IPCP", CODES(control_codes)}, {PPP_IPV6CP, "IPV6CP", CODES(control_codes)},
	{PPP_CCP, "CCP", CODES(control_codes)},   {PPP_PAP, "PAP", CODES(pap_codes)},
	{0xc227, "EAP", CODES(eap_codes)},        {0x8053, "ECP", CODES(control_codes)},
	{0x8281, "MPLSCP", CODES(control_codes)}, {0xc029, "CBCP", NULL, 0},
};

static const struct opt_row {
	uint16_t proto;
	uint8_t type;
	const char *name;
	show_fn *show;
} opts[] = {
	{PPP_LCP, 1, "mru", show_u16},         {PPP_LCP, 2, "asyncmap", show_asyncmap},
	{PPP_LCP, 3, "auth", show_auth},       {PPP_LCP, 4, "quality", show_hex},
	{PPP_LCP, 5, "magic", show_magic},     {PPP_LCP, 7, "pcomp", show_flag},
	{PPP_LCP, 8, "accomp", show_flag},     {PPP_LCP, 13, "callback", show_hex},
	{PPP_LCP, 17, "mrru", show_u16},       {PPP_LCP, 18, "ssnhf", show_flag},
	{PPP_LCP, 19, "endpoint", show_hex},   {PPP_IPCP, 1, "addrs", show_hex},
	{PPP_IPCP, 2, "compress", show_hex},   {PPP_IPCP, 3, "addr", show_addr},
	{PPP_IPCP, 129, "ms-dns1", show_addr}, {PPP_IPCP, 130, "ms-wins1", show_addr},
	{PPP_IPCP, 131, "ms-dns2", show_addr}, {PPP_IPCP, 132, "ms-wins2", show_addr},
	{PPP_IPV6CP, 1, "addr", show_ifid},    {PPP_CCP, 18, "mppe", show_mppe},
};

void
trace_frame(struct ppp *p, const char *direction, const uint8_t *frame, size_t len)
{
	char line[TRACE_LINE];
	if (!p->ops->trace || !p->ops->trace_on || !p->ops->trace_on(p->owner))
		return;
	int n = snprintf(line, sizeof line, "%s ", direction);
	ppp_trace_format(line + n, sizeof line - (size_t)n, frame, len);
	p->ops->trace(p->owner, line);
}

char *
ppp_trace_format(char *out, size_t size, const uint8_t *frame, size_t len)
{
	struct text t = {out, out + size - 1};
	*out = 0;
	put(&t, "[");
	if (len < 2)
		show_hex(&t, frame, len);
	else
		put_packet(&t, be16(frame), frame + 2, len - 2);
	put(&t, "]");
	return out;
}

static void
put_packet(struct text *t, uint16_t proto, const uint8_t *packet, size_t len)
{
	const struct proto_row *row = find_proto(proto);
	if (row)
		put(t, "%s", row->name);
	else
		put(t, "proto=%04x", proto);
	struct body b = {.proto = proto, .r = rd_init(packet, len)};
	const uint8_t *start = b.r.p;
	b.code = rd_u8(&b.r);
	uint8_t id = rd_u8(&b.r);
	uint16_t length = rd_be16(&b.r);
	if (!row || !row->codes || b.r.bad || length < FSM_HDR || length > len) {
		show_hex(t, start, len);
		return;
	}
	b.r = rd_init(packet + FSM_HDR, length - FSM_HDR);
	const struct code_row *code = find_code(row, b.code);
	if (code)
		put(t, " %s id=%u", code->name, id);
	else
		put(t, " code=%u id=%u", b.code, id);
	(code ? code->body : body_hex)(t, &b);
}

static const struct proto_row *
find_proto(uint16_t proto)
{
	for (size_t i = 0; i < sizeof protos / sizeof protos[0]; i++)
		if (protos[i].proto == proto)
			return &protos[i];
	return NULL;
}

static const struct code_row *
find_code(const struct proto_row *row, uint8_t code)
{
	return code < row->n_codes && row->codes[code].name ? &row->codes[code] : NULL;
}

static void
body_options(struct text *t, struct body *b)
{
	struct fsm_opt o;
	const uint8_t *rest = b->r.p;
	while (fsm_opt_next(&b->r, &o)) {
		put_option(t, b->proto, &o);
		rest = b->r.p;
	}
	if (b->r.bad)
		show_hex(t, rest, (size_t)(b->r.end - rest));
}

static void
put_option(struct text *t, uint16_t proto, const struct fsm_opt *o)
{
	for (size_t i = 0; i < sizeof opts / sizeof opts[0]; i++)
		if (opts[i].proto == proto && opts[i].type == o->type) {
			put(t, " <%s", opts[i].name);
			opts[i].show(t, o->value, o->len);
			put(t, ">");
			return;
		}
	put(t, " <%u", o->type);
	show_hex(t, o->value, o->len);
	put(t, ">");
}

static void
body_text(struct text *t, struct body *b)
{
	put(t, " ");
	put_quoted(t, b->r.p, rd_left(&b->r));
}

static void
body_term(struct text *t, struct body *b)
{
	char text[128];
	if (!rd_left(&b->r))
		return;
	ppp_term_decode(text, sizeof text, b->r.p, rd_left(&b->r));
	put(t, " \"%s\"", text);
}

static void
body_magic_text(struct text *t, struct body *b)
{
	put(t, " <magic %08x>", rd_be32(&b->r));
	if (!b->r.bad && rd_left(&b->r))
		body_text(t, b);
}

/* RFC 1570 2.2 */
static void
body_time(struct text *t, struct body *b)
{
	uint32_t magic = rd_be32(&b->r), seconds = rd_be32(&b->r);
	put(t, " <magic %08x> <seconds %u>", magic, seconds);
	if (!b->r.bad && rd_left(&b->r))
		body_text(t, b);
}

static void
body_code_rej(struct text *t, struct body *b)
{
	put(t, " <code %u>", rd_u8(&b->r));
}

static void
body_proto_rej(struct text *t, struct body *b)
{
	uint16_t proto = rd_be16(&b->r);
	const struct proto_row *row = find_proto(proto);
	put(t, row ? " <%04x %s>" : " <%04x>", proto, row ? row->name : "");
}

static void
body_chap_value(struct text *t, struct body *b)
{
	const uint8_t *start = b->r.p;
	size_t len = rd_left(&b->r);
	uint8_t n = rd_u8(&b->r);
	const uint8_t *value = rd_take(&b->r, n);
	if (!value) {
		show_hex(t, start, len);
		return;
	}
	put(t, " <");
	for (size_t i = 0; i < n && i < TRACE_BYTES; i++)
		put(t, "%02x", value[i]);
	put(t, "> name=");
	put_quoted(t, b->r.p, rd_left(&b->r));
}

/* PAP carries the password itself (RFC 1334 2.2.1). */
static void
body_hidden(struct text *t, struct body *b)
{
	uint8_t n = rd_u8(&b->r);
	const uint8_t *user = rd_take(&b->r, n);
	if (!user)
		return;
	put(t, " user=");
	put_quoted(t, user, n);
	put(t, " password=<hidden>");
}

static void
body_none(struct text *t, struct body *b)
{
	uint8_t n = rd_u8(&b->r);
	const uint8_t *text = rd_take(&b->r, n);
	if (!text)
		return;
	put(t, " ");
	put_quoted(t, text, n);
}

static void
body_hex(struct text *t, struct body *b)
{
	show_hex(t, b->r.p, rd_left(&b->r));
}

static void
show_flag(struct text *t, const uint8_t *value, size_t len)
{
	if (len)
		show_hex(t, value, len);
}

static void
show_u16(struct text *t, const uint8_t *value, size_t len)
{
	if (len == 2)
		put(t, " %u", be16(value));
	else
		show_hex(t, value, len);
}

static void
show_magic(struct text *t, const uint8_t *value, size_t len)
{
	if (len == 4)
		put(t, " %08x", be32(value));
	else
		show_hex(t, value, len);
}

static void
show_asyncmap(struct text *t, const uint8_t *value, size_t len)
{
	if (len == 4)
		put(t, " 0x%x", be32(value));
	else
		show_hex(t, value, len);
}

static void
show_addr(struct text *t, const uint8_t *value, size_t len)
{
	if (len == 4)
		put(t, " %u.%u.%u.%u", value[0], value[1], value[2], value[3]);
	else
		show_hex(t, value, len);
}

/* The link-local address that the interface identifier makes (RFC 5072 5), as pppd has it. */
static void
show_ifid(struct text *t, const uint8_t *value, size_t len)
{
	if (len == 8)
		put(t, " fe80::%x:%x:%x:%x", be16(value), be16(value + 2), be16(value + 4), be16(value + 6));
	else
		show_hex(t, value, len);
}

/* As pppd shows RFC 3078 2.1: stateless, 56, 128 and 40 bit, obsolete, MPPC. */
static void
show_mppe(struct text *t, const uint8_t *value, size_t len)
{
	static const struct {
		uint32_t bit;
		char name;
	} bits[] = {{0x01000000, 'H'}, {0x80, 'M'}, {0x40, 'S'}, {0x20, 'L'}, {0x10, 'D'}, {0x01, 'C'}};
	uint32_t known = 0, v = len == 4 ? be32(value) : 0;
	if (len != 4) {
		show_hex(t, value, len);
		return;
	}
	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
		put(t, " %c%c", v & bits[i].bit ? '+' : '-', bits[i].name);
		known |= bits[i].bit;
	}
	if (v & ~known)
		put(t, " 0x%x", v & ~known);
}

static void
show_auth(struct text *t, const uint8_t *value, size_t len)
{
	static const struct {
		uint16_t proto;
		uint8_t algorithm, len;
		const char *name;
	} names[] = {
		{PPP_PAP, 0, 2, "pap"},         {PPP_CHAP, 5, 3, "chap MD5"},
		{PPP_CHAP, 0x80, 3, "chap MS"}, {PPP_CHAP, 0x81, 3, "chap MS-v2"},
		{0xc227, 0, 2, "eap"},
	};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (len == names[i].len && be16(value) == names[i].proto &&
		    (len == 2 || value[2] == names[i].algorithm)) {
			put(t, " %s", names[i].name);
			return;
		}
	show_hex(t, value, len);
}

static void
show_hex(struct text *t, const uint8_t *value, size_t len)
{
	for (size_t i = 0; i < len && i < TRACE_BYTES; i++)
		put(t, " %02x", value[i]);
	if (len > TRACE_BYTES)
		put(t, " ...");
}

/* Like pppd: what is not printable becomes a backslash and three octal digits. */
static void
put_quoted(struct text *t, const uint8_t *s, size_t len)
{
	put(t, "\"");
	for (size_t i = 0; i < len; i++) {
		bool plain = s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\';
		put(t, plain ? "%c" : "\\%03o", s[i]);
	}
	put(t, "\"");
}

static void
put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	size_t room = (size_t)(t->end - t->p) + 1;
	va_start(ap, fmt);
	int n = vsnprintf(t->p, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->p = (size_t)n < room ? t->p + n : t->end;
}
