/* Header and AVPs on the wire, their trace lines, and the tunnel secret's digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/auth.h"
#include "l2tp/build.h"
#include "l2tp/trace.h"

static const struct l2tp_reading plain = {.secret = ""};
static struct build b;
static struct l2tp_msg m;

/* Parses what b holds, from an exact-size copy. */
static enum l2tp_why
parse(void)
{
	static uint8_t *copy;
	struct l2tp_hdr h;
	size_t len = l2tp_build_end(&b);
	free(copy);
	copy = malloc(len);
	memcpy(copy, b.bytes, len);
	assert_int_equal(l2tp_hdr_parse(copy, len, &h), L2TP_WHY_OK);
	return l2tp_msg_parse(h.body, h.body_len, &plain, &m);
}

/* An AVP by hand. */
static void
raw_avp(uint16_t flags, uint16_t vendor, uint16_t attr, const void *value, uint16_t len)
{
	wr_be16(&b.w, (uint16_t)(flags | (AVP_HDR + len)));
	wr_be16(&b.w, vendor);
	wr_be16(&b.w, attr);
	wr_bytes(&b.w, value, len);
}

static void
sccrq(void)
{
	l2tp_build_start(&b, 0, 0, L2TP_MSG_SCCRQ);
	l2tp_avp_u16(&b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&b, AVP_HOST_NAME, "cli");
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, 77);
}

static void
header(void **state)
{
	struct l2tp_hdr h;
	uint8_t p[16] = {0xc8, 0x02, 0, 12, 0, 1, 0, 2, 0, 3, 0, 4, 9, 9, 9, 9};
	(void)state;
	assert_int_equal(l2tp_hdr_parse(p, 12, &h), L2TP_WHY_OK);
	assert_int_equal(h.tid, 1);
	assert_int_equal(h.sid, 2);
	assert_int_equal(h.ns, 3);
	assert_int_equal(h.nr, 4);
	assert_int_equal(h.body_len, 0);
	for (size_t len = 0; len < 12; len++)
		assert_int_equal(l2tp_hdr_parse(p, len, &h), L2TP_WHY_SHORT);
	assert_int_equal(l2tp_hdr_parse(p, 16, &h), L2TP_WHY_OK); /* padding is not body */
	assert_int_equal(h.body_len, 0);
	p[3] = 11;
	assert_int_equal(l2tp_hdr_parse(p, 12, &h), L2TP_WHY_LENGTH);
	p[3] = 13;
	assert_int_equal(l2tp_hdr_parse(p, 12, &h), L2TP_WHY_LENGTH);
	assert_int_equal(l2tp_hdr_parse(p, 13, &h), L2TP_WHY_OK);
	assert_int_equal(h.body_len, 1);
	p[3] = 12;
	p[1] = 0x03;
	assert_int_equal(l2tp_hdr_parse(p, 12, &h), L2TP_WHY_VERSION);
	p[1] = 0xf2; /* reserved bits are ignored */
	assert_int_equal(l2tp_hdr_parse(p, 12, &h), L2TP_WHY_OK);
	p[1] = 0x02;
	static const uint8_t bad[] = {0x48, 0x88, 0xc0, 0xca, 0xc9};
	for (size_t i = 0; i < sizeof bad; i++) {
		p[0] = bad[i];
		assert_int_equal(l2tp_hdr_parse(p, 12, &h), L2TP_WHY_FLAGS);
	}
}

static void
longest(void **state)
{
	static uint8_t p[L2TP_MESSAGE_MAX + 1] = {0xc8, 0x02};
	struct l2tp_hdr h;
	(void)state;
	put_be16(p + 2, L2TP_MESSAGE_MAX);
	assert_int_equal(l2tp_hdr_parse(p, sizeof p, &h), L2TP_WHY_OK);
	put_be16(p + 2, L2TP_MESSAGE_MAX + 1);
	assert_int_equal(l2tp_hdr_parse(p, sizeof p, &h), L2TP_WHY_LENGTH);
}

static void
every_field(void **state)
{
	(void)state;
	sccrq();
	l2tp_avp_u32(&b, AVP_FRAMING_CAPS, 3);
	l2tp_avp_u16(&b, AVP_RECEIVE_WINDOW, 9);
	raw_avp(0, 0, AVP_TIE_BREAKER, "\1\2\3\4\5\6\7\10", 8);
	raw_avp(0, 0, AVP_VENDOR_NAME, "", 0);
	l2tp_avp_bytes(&b, AVP_CHALLENGE, "xyz", 3);
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.type, L2TP_MSG_SCCRQ);
	assert_true(m.type_mandatory);
	assert_int_equal(m.version, 0x0100);
	assert_int_equal(m.tid, 77);
	assert_int_equal(m.framing_caps, 3);
	assert_int_equal(m.rws, 9);
	assert_true(m.tie_breaker == UINT64_C(0x0102030405060708));
	assert_int_equal(m.host_name.len, 3);
	assert_memory_equal(m.host_name.p, "cli", 3);
	assert_int_equal(m.challenge.len, 3);
	assert_true(l2tp_msg_has(&m, AVP_VENDOR_NAME));
	assert_false(l2tp_msg_has(&m, AVP_BEARER_CAPS));
	sccrq();
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.rws, L2TP_RWS_DEFAULT);
}

static void
result_code(void **state)
{
	(void)state;
	l2tp_build_start(&b, 1, 1, L2TP_MSG_CDN);
	raw_avp(AVP_F_MANDATORY, 0, AVP_RESULT_CODE, "\0\3", 2);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 0); /* who refuses has none */
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.result.code, 3);
	assert_int_equal(m.result.error, 0);
	l2tp_build_start(&b, 1, 1, L2TP_MSG_CDN);
	l2tp_avp_result(&b, L2TP_MSG_CDN, CAUSE_NO_RESOURCES);
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.result.code, 4);
	assert_int_equal(m.result.error, 4);
	assert_memory_equal(m.result.text.p, cause_row(CAUSE_NO_RESOURCES)->text, m.result.text.len);
	static const struct {
		enum cause cause;
		uint16_t code, error;
	} stop[] = {{CAUSE_SHUTDOWN, 6, 0},      {CAUSE_TUNNEL_AUTH, 4, 0}, {CAUSE_TUNNEL_VERSION, 5, 0x0100},
		    {CAUSE_MESSAGE_ORDER, 7, 0}, {CAUSE_MALFORMED, 2, 2},   {CAUSE_UNKNOWN_AVP, 2, 8},
		    {CAUSE_ADMIN_RESET, 1, 0},   {CAUSE_TUNNEL_IDLE, 1, 0}, {CAUSE_NO_RESOURCES, 2, 4}};
	for (size_t i = 0; i < sizeof stop / sizeof *stop; i++) {
		l2tp_build_start(&b, 1, 0, L2TP_MSG_STOPCCN);
		l2tp_avp_result(&b, L2TP_MSG_STOPCCN, stop[i].cause);
		assert_int_equal(parse(), L2TP_WHY_OK);
		assert_int_equal(m.result.code, stop[i].code);
		assert_int_equal(m.result.error, stop[i].error);
	}
}

static void
unknown_avps(void **state)
{
	(void)state;
	sccrq();
	raw_avp(0, 0, 20, "?", 1);
	raw_avp(0, 0, 999, "", 0);
	raw_avp(0, 311, 1, "vendor", 6);
	raw_avp(AVP_F_HIDDEN, 0, AVP_VENDOR_NAME, "secret", 6);
	raw_avp(0x0400, 0, AVP_VENDOR_NAME, "reserved bit", 12);
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.avps_ignored, 5);
	assert_false(l2tp_msg_has(&m, AVP_VENDOR_NAME));
	static const struct {
		uint16_t flags, vendor, attr;
	} bad[] = {{AVP_F_MANDATORY, 0, 20},
		   {AVP_F_MANDATORY, 0, 60000},
		   {AVP_F_MANDATORY, 9, 1},
		   {AVP_F_MANDATORY | 0x2000, 0, AVP_CALLING_NUMBER}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
		raw_avp(bad[i].flags, bad[i].vendor, bad[i].attr, "1", 1);
		l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 5);
		assert_int_equal(parse(), L2TP_WHY_AVP_UNKNOWN);
		assert_int_equal(m.bad_vendor, bad[i].vendor);
		assert_int_equal(m.bad_attr, bad[i].attr);
		assert_int_equal(m.sid, 5); /* so that the refusal finds its call */
		const struct l2tp_reading permissive = {.secret = "", .permissive = true};
		struct l2tp_hdr h;
		assert_int_equal(l2tp_hdr_parse(b.bytes, l2tp_build_end(&b), &h), L2TP_WHY_OK);
		assert_int_equal(l2tp_msg_parse(h.body, h.body_len, &permissive, &m), L2TP_WHY_OK);
		assert_int_equal(m.avps_ignored, 1);
	}
}

static void
bad_values(void **state)
{
	(void)state;
	sccrq();
	raw_avp(AVP_F_MANDATORY, 0, AVP_RECEIVE_WINDOW, "\0\0", 2);
	assert_int_equal(parse(), L2TP_WHY_AVP_VALUE);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 0);
	assert_int_equal(parse(), L2TP_WHY_AVP_VALUE);
	assert_int_equal(m.bad_attr, AVP_ASSIGNED_SESSION_ID);
	sccrq();
	raw_avp(AVP_F_MANDATORY, 0, AVP_FRAMING_CAPS, "\0\0\0", 3);
	assert_int_equal(parse(), L2TP_WHY_AVP_LENGTH);
	sccrq();
	raw_avp(AVP_F_MANDATORY, 0, AVP_FRAMING_CAPS, "\0\0\0\0\0", 5);
	assert_int_equal(parse(), L2TP_WHY_AVP_LENGTH);
	sccrq();
	raw_avp(0, 0, AVP_FRAMING_CAPS, "\0\0\0", 3); /* without M: passed over */
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.avps_ignored, 1);
	sccrq();
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, 78); /* of two the first counts */
	assert_int_equal(parse(), L2TP_WHY_OK);
	assert_int_equal(m.tid, 77);
	l2tp_build_start(&b, 0, 0, L2TP_MSG_SCCRQ);
	l2tp_avp_text(&b, AVP_HOST_NAME, "cli");
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, 77);
	assert_int_equal(parse(), L2TP_WHY_AVP_MISSING);
	assert_int_equal(m.bad_attr, AVP_PROTOCOL_VERSION);
}

static void
message_type(void **state)
{
	(void)state;
	l2tp_build_start(&b, 1, 0, 5);
	assert_int_equal(parse(), L2TP_WHY_MSG_UNKNOWN);
	assert_int_equal(m.type, 5);
	assert_true(m.type_mandatory);
	l2tp_build_start(&b, 1, 0, 50000);
	b.bytes[L2TP_CTL_HDR] = 0;
	assert_int_equal(parse(), L2TP_WHY_MSG_UNKNOWN);
	assert_false(m.type_mandatory);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_HELLO);
	b.bytes[L2TP_CTL_HDR] |= AVP_F_HIDDEN >> 8;
	assert_int_equal(parse(), L2TP_WHY_AVP_NO_TYPE);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_HELLO);
	b.bytes[L2TP_CTL_HDR + 5] = AVP_HOST_NAME;
	assert_int_equal(parse(), L2TP_WHY_AVP_NO_TYPE);
	assert_int_equal(m.type, 0);
}

/* Each message that we build, cut at each length: never read past the end, and complete only when it is. */
static void
truncated(void **state)
{
	char line[TRACE_LINE_MAX];
	(void)state;
	for (unsigned type = 1; type < L2TP_MSG_COUNT; type++) {
		sccrq();
		put_be16(b.bytes + L2TP_CTL_HDR + AVP_HDR, (uint16_t)type);
		l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 5);
		l2tp_avp_result(&b, L2TP_MSG_CDN, CAUSE_SHUTDOWN);
		l2tp_avp_bytes(&b, AVP_CHALLENGE_RESPONSE, "0123456789abcdef", 16);
		size_t full = l2tp_build_end(&b);
		for (size_t len = 0; len <= full; len++) {
			struct l2tp_hdr h;
			uint8_t *copy = malloc(len + !len);
			memcpy(copy, b.bytes, len);
			if (len >= L2TP_CTL_HDR) {
				assert_int_equal(l2tp_hdr_parse(copy, len, &h),
						 len < full ? L2TP_WHY_LENGTH : L2TP_WHY_OK);
				put_be16(copy + 2, (uint16_t)len);
				assert_int_equal(l2tp_hdr_parse(copy, len, &h), L2TP_WHY_OK);
				enum l2tp_why why = l2tp_msg_parse(h.body, h.body_len, &plain, &m);
				assert_true(len < full ||
					    why == (l2tp_msg_name(type) ? L2TP_WHY_OK : L2TP_WHY_MSG_UNKNOWN));
			}
			l2tp_trace_format("recv", copy, len, line);
			assert_true(strlen(line) < sizeof line);
			free(copy);
		}
	}
}

static void
trace(void **state)
{
	char line[TRACE_LINE_MAX];
	(void)state;
	sccrq();
	raw_avp(0, 311, 4, "abc", 3);
	raw_avp(AVP_F_HIDDEN, 0, AVP_CALLING_NUMBER, "abc", 3);
	raw_avp(AVP_F_MANDATORY, 0, AVP_FRAMING_CAPS, "abc", 3);
	l2tp_avp_bytes(&b, AVP_CHALLENGE, "\0\1\377", 3);
	l2tp_avp_text(&b, AVP_VENDOR_NAME, "a\nb\"");
	l2tp_trace_format("recv", b.bytes, l2tp_build_end(&b), line);
	assert_string_equal(line, "recv [L2TP tid=0 sid=0 Ns=0 Nr=0 SCCRQ <Protocol-Version 1.0> <Host-Name \"cli\"> "
				  "<Assigned-Tunnel-Id 77> <311:4 3 bytes> <Calling-Number hidden 3 bytes> "
				  "<Framing-Capabilities bad length 3> <Challenge 0001ff> <Vendor-Name \"a?b\"\">]");
	l2tp_build_start(&b, 9, 8, L2TP_MSG_CDN);
	l2tp_avp_result(&b, L2TP_MSG_CDN, CAUSE_ADMIN_RESET);
	l2tp_trace_format("send", b.bytes, l2tp_build_end(&b), line);
	assert_string_equal(line, "send [L2TP tid=9 sid=8 Ns=0 Nr=0 CDN <Result-Code 3 error 0 "
				  "\"terminated by the operator\">]");
	l2tp_build_zlb(b.bytes, 9, 1, 2);
	l2tp_trace_format("send", b.bytes, 12, line);
	assert_string_equal(line, "send [L2TP tid=9 sid=0 Ns=1 Nr=2 ZLB]");
	l2tp_trace_format("recv", b.bytes, 3, line);
	assert_string_equal(line, "recv [L2TP 3 bytes: header incomplete]");
}

static void
trace_cut(void **state)
{
	char line[TRACE_LINE_MAX + 1];
	(void)state;
	line[TRACE_LINE_MAX] = 'x';
	sccrq();
	for (unsigned i = 0; i < 80; i++)
		l2tp_avp_u16(&b, AVP_FIRMWARE_REVISION, (uint16_t)i);
	l2tp_trace_format("recv", b.bytes, l2tp_build_end(&b), line);
	assert_int_equal(line[TRACE_LINE_MAX], 'x');
	assert_int_equal(strlen(line), TRACE_LINE_MAX - 1 - 1);
	assert_string_equal(line + strlen(line) - 4, "...]");
}

/* Computed with md5sum over 02 or 03, the secret, 00 .. 0f. */
static void
digest(void **state)
{
	static const uint8_t want_sccrp[] = {0xaa, 0xbf, 0xd1, 0x96, 0x2c, 0x9d, 0x88, 0xf4,
					     0x00, 0xae, 0xc7, 0x70, 0x81, 0x8c, 0xc6, 0x06};
	static const uint8_t want_scccn[] = {0x73, 0x03, 0x3f, 0x35, 0x99, 0xcf, 0x45, 0x72,
					     0xf1, 0x80, 0x07, 0x57, 0x4e, 0x42, 0x0f, 0x4b};
	uint8_t challenge[16], out[AUTH_LEN];
	(void)state;
	for (unsigned i = 0; i < 16; i++)
		challenge[i] = (uint8_t)i;
	struct span c = {challenge, 16}, answer = {out, AUTH_LEN};
	assert_int_equal(l2tp_auth_response(L2TP_MSG_SCCRP, "wholesale", &c, out), 0);
	assert_memory_equal(out, want_sccrp, AUTH_LEN);
	assert_int_equal(l2tp_auth_response(L2TP_MSG_SCCCN, "wholesale", &c, out), 0);
	assert_memory_equal(out, want_scccn, AUTH_LEN);
	assert_true(l2tp_auth_verify(L2TP_MSG_SCCCN, "wholesale", challenge, &answer));
	assert_false(l2tp_auth_verify(L2TP_MSG_SCCRP, "wholesale", challenge, &answer));
	assert_false(l2tp_auth_verify(L2TP_MSG_SCCCN, "wholesalf", challenge, &answer));
	answer.len--;
	assert_false(l2tp_auth_verify(L2TP_MSG_SCCCN, "wholesale", challenge, &answer));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),       cmocka_unit_test(longest),      cmocka_unit_test(every_field),
		cmocka_unit_test(result_code),  cmocka_unit_test(unknown_avps), cmocka_unit_test(bad_values),
		cmocka_unit_test(message_type), cmocka_unit_test(truncated),    cmocka_unit_test(trace),
		cmocka_unit_test(trace_cut),    cmocka_unit_test(digest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
