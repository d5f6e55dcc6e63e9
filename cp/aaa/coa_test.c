/* coa_test.c - CoA and Disconnect against sessions: which is meant, all or nothing, the right Error-Cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aaa/coa.h"
#include "aaa/fake_server.h"
#include "twin.h"

static struct twin twin, *const t = &twin;
static uint8_t packet[RADIUS_PACKET_MAX];
static struct wr w;

static void
begin(const char *author)
{
	static char conf_text[4096];
	snprintf(conf_text, sizeof conf_text,
		 "ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
		 "interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; "
		 "},\n"
		 "  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
		 "l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"
		 "authentication = { protocols = [ \"chap\" ]; local-users = (\n"
		 "  { username = \"u0\"; password = \"p\"; }, { username = \"u1\"; password = \"p\"; } ); };\n"
		 "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); max-sessions = 100;\n"
		 "default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n"
		 "radius = { nas-identifier = \"bras1\"; nas-ip-address = \"192.0.2.1\"; rate-limit = { enable = true; "
		 "};\n"
		 "  dynamic-author = { key = \"s\"; %s }; };\n",
		 author);
	twin_init(t, &(struct twin_args){conf_text, 1, 0});
	twin_dial(t, 0, 0, 2);
	assert_true(twin_settle(t, 2, 60));
}

static void
request(uint8_t code)
{
	w = wr_init(packet, sizeof packet);
	wr_u8(&w, code);
	wr_u8(&w, 1);
	(void)wr_room(&w, RADIUS_HEADER - 2);
}

static enum radius_error_cause
decide(void)
{
	struct radius_dae_request r = {.packet = packet, .disconnect = packet[0] == RADIUS_DISCONNECT_REQUEST};
	assert_false(w.bad);
	put_be16(packet + 2, (uint16_t)wr_len(&w));
	assert_int_equal(radius_check(packet, wr_len(&w), &r.view), RADIUS_OK);
	return coa_request(t->cp->aaa, &r, t->now);
}

static char *
sid_of(const struct session *s)
{
	static char sid[17];
	return request_sid(s, sid);
}

static void
each_key_finds_the_session(void **state)
{
	(void)state;
	begin("");
	struct session *s = twin_session(t, "u1");
	for (unsigned i = 0; i < 5; i++) {
		request(RADIUS_COA_REQUEST);
		if (i == 0)
			radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid_of(s));
		else if (i == 1)
			radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, s->ip4);
		else if (i == 2)
			radius_put_text(&w, RADIUS_NAS_PORT_ID, s->ifname);
		else if (i == 3)
			radius_put_text(&w, RADIUS_USER_NAME, "u1");
		else { /* all together */
			radius_put_text(&w, RADIUS_USER_NAME, "u1");
			radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid_of(s));
			radius_put_text(&w, RADIUS_CALLING_STATION_ID, s->calling);
			radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, s->ip4);
		}
		radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 100 + i);
		assert_int_equal(decide(), RADIUS_EC_NONE);
		assert_int_equal(s->profile.idle_timeout_s, 100 + i);
	}
	/* by its prefix, which senders may pad */
	static const uint8_t padded[18] = {0, 64, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1};
	struct prefix p = {.len = 64};
	memcpy(p.addr.b, padded + 2, 16);
	coa_leave(s);
	profile_say_ipv6_prefix(&s->profile, p);
	coa_join(s);
	for (uint8_t len = 10; len <= 18; len += 8) {
		request(RADIUS_COA_REQUEST);
		radius_put(&w, RADIUS_FRAMED_IPV6_PREFIX, padded, len);
		radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 104);
		assert_int_equal(decide(), RADIUS_EC_NONE);
	}
	request(RADIUS_COA_REQUEST);
	radius_put(&w, RADIUS_FRAMED_IPV6_PREFIX, padded, 9);
	radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 1);
	assert_int_equal(decide(), RADIUS_EC_NOT_FOUND);
	/* keys that do not agree */
	request(RADIUS_COA_REQUEST);
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid_of(s));
	radius_put_text(&w, RADIUS_USER_NAME, "u0");
	radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 1);
	assert_int_equal(decide(), RADIUS_EC_NOT_FOUND);
	assert_int_equal(s->profile.idle_timeout_s, 104);
	/* both calls come from one tunnel peer */
	request(RADIUS_COA_REQUEST);
	radius_put_text(&w, RADIUS_CALLING_STATION_ID, s->calling);
	radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 1);
	bool same = !strcmp(s->calling, twin_session(t, "u0")->calling);
	assert_int_equal(decide(), same ? RADIUS_EC_SEVERAL : RADIUS_EC_NONE);
	twin_fini(t);
}

static void
a_change_applies_whole_or_not_at_all(void **state)
{
	(void)state;
	begin("");
	struct session *s = twin_session(t, "u0");
	request(RADIUS_COA_REQUEST);
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid_of(s));
	radius_put_text(&w, RADIUS_FILTER_ID, "512/1024");
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put(&w, RADIUS_CLASS, "c", 1);
	assert_int_equal(decide(), RADIUS_EC_NONE);
	assert_int_equal(s->profile.down_kbps, 512);
	assert_int_equal(s->profile.up_kbps, 1024);
	assert_int_equal(s->profile.session_timeout_s, 3600);
	static const struct {
		uint32_t id;
		const char *value;
		uint8_t len;
		enum radius_error_cause cause;
	} bad[] = {
		{RADIUS_IDLE_TIMEOUT, "\1", 1, RADIUS_EC_INVALID_VALUE},
		{RADIUS_FILTER_ID, "gold", 4, RADIUS_EC_INVALID_VALUE},
		{RADIUS_FRAMED_POOL, "home", 4, RADIUS_EC_UNSUPPORTED_ATTRIBUTE},
		{241, "x", 1, RADIUS_EC_UNSUPPORTED_ATTRIBUTE},
		{9999 << 8 | 1, "x", 1, RADIUS_EC_UNSUPPORTED_ATTRIBUTE},
		{RADIUS_CISCO_AVPAIR, "ip:nonsense", 11, RADIUS_EC_UNSUPPORTED_ATTRIBUTE},
	};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		request(RADIUS_COA_REQUEST);
		radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid_of(s));
		radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 7);
		radius_put(&w, bad[i].id, bad[i].value, bad[i].len);
		assert_int_equal(decide(), bad[i].cause);
		assert_int_equal(s->profile.session_timeout_s, 3600);
	}
	/* a timeout that is over ends the session */
	request(RADIUS_COA_REQUEST);
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid_of(s));
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 1);
	twin_run_ms(t, 2000);
	assert_int_equal(decide(), RADIUS_EC_NONE);
	twin_run_ms(t, 3000);
	assert_null(twin_session(t, "u0"));
	assert_int_equal(t->cp->stats.ended[CAUSE_SESSION_TIMEOUT], 1);
	twin_fini(t);
}

/* 24 */
static void
naks_say_why(void **state)
{
	(void)state;
	begin("");
	request(RADIUS_DISCONNECT_REQUEST);
	assert_int_equal(decide(), RADIUS_EC_MISSING_ATTRIBUTE);
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, "0000000000000000");
	assert_int_equal(decide(), RADIUS_EC_NOT_FOUND);
	radius_put_u32(&w, RADIUS_NAS_IP_ADDRESS, 0x01020304);
	assert_int_equal(decide(), RADIUS_EC_NAS_IDENTIFICATION);
	request(RADIUS_DISCONNECT_REQUEST);
	radius_put_text(&w, RADIUS_USER_NAME, "u0");
	radius_put_text(&w, RADIUS_NAS_IDENTIFIER, "bras2");
	assert_int_equal(decide(), RADIUS_EC_NAS_IDENTIFICATION);
	request(RADIUS_COA_REQUEST);
	radius_put_text(&w, RADIUS_USER_NAME, "u0");
	radius_put_u32(&w, RADIUS_SERVICE_TYPE, 17);
	assert_int_equal(decide(), RADIUS_EC_UNSUPPORTED_SERVICE);
	request(RADIUS_COA_REQUEST);
	radius_put_text(&w, RADIUS_USER_NAME, "u0");
	assert_int_equal(decide(), RADIUS_EC_MISSING_ATTRIBUTE); /* nothing to change */
	twin_fini(t);
	begin("require-nas-identification = true;");
	request(RADIUS_DISCONNECT_REQUEST);
	radius_put_text(&w, RADIUS_USER_NAME, "u0");
	assert_int_equal(decide(), RADIUS_EC_MISSING_ATTRIBUTE);
	radius_put_text(&w, RADIUS_NAS_IDENTIFIER, "bras1");
	radius_put_u32(&w, RADIUS_NAS_IP_ADDRESS, 0xc0000201);
	assert_int_equal(decide(), RADIUS_EC_NONE);
	twin_fini(t);
}

static void
a_disconnect_ends_the_session(void **state)
{
	(void)state;
	begin("");
	request(RADIUS_DISCONNECT_REQUEST);
	radius_put_text(&w, RADIUS_USER_NAME, "u0");
	assert_int_equal(decide(), RADIUS_EC_NONE);
	assert_int_equal(decide(), RADIUS_EC_NOT_FOUND); /* it is ending already */
	twin_run_ms(t, 5000);
	assert_null(twin_session(t, "u0"));
	assert_non_null(twin_session(t, "u1"));
	assert_int_equal(t->cp->stats.ended[CAUSE_ADMIN_RESET], 1);
	assert_int_equal(decide(), RADIUS_EC_NOT_FOUND);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_finds_the_session),
		cmocka_unit_test(a_change_applies_whole_or_not_at_all),
		cmocka_unit_test(naks_say_why),
		cmocka_unit_test(a_disconnect_ends_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
