/* MS-CHAP version 1: RFC 2433 appendix B, RFC 3079 2.5.3, and against a scripted peer in both roles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/mschapv1.h"
#include "ppp/script.h"

static const uint8_t challenge[8] = {0x10, 0x2d, 0xb5, 0xdf, 0x08, 0x5d, 0x30, 0x41};
static const uint8_t twos[8] = {2, 2, 2, 2, 2, 2, 2, 2};

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	s.conf.auth[0] = PPP_AUTH_MSCHAP;
	s.conf.n_auth = 1;
	return 0;
}

static int
client(void **state)
{
	(void)state;
	script_init(&s, PPP_CLIENT);
	s.conf.auth[0] = PPP_AUTH_MSCHAP;
	s.conf.n_auth = 1;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	script_fini(&s);
	return 0;
}

static void
expect_hex(const uint8_t *is, const char *want)
{
	char buf[128];
	for (size_t i = 0; i < strlen(want) / 2; i++)
		snprintf(buf + 2 * i, 3, "%02X", is[i]);
	assert_string_equal(buf, want);
}

static void
vectors(void **state)
{
	(void)state;
	uint8_t nt[24];
	struct ppp_keys keys;
	assert_true(mschapv1_nt_response(s.conf.crypto, challenge, "MyPw", nt));
	expect_hex(nt, "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61");
	assert_true(mschapv1_keys(s.conf.crypto, challenge, "clientPass", &keys));
	assert_int_equal(keys.len, 16);
	expect_hex(keys.send, "A8947850CFC0ACC1D1789FB62DDCDDB0");
	assert_memory_equal(keys.send, keys.recv, 16);
}

/* Each byte of the NT response counts, the LAN Manager response never does, and the flag must ask for the former. */
static void
check(void **state)
{
	(void)state;
	uint8_t response[49] = {0};
	struct ppp_auth_result result = {.ok = true};
	struct ppp_auth_request req = {.method = PPP_AUTH_MSCHAP,
				       .name = "User",
				       .challenge = challenge,
				       .challenge_len = 8,
				       .response = response,
				       .response_len = 49};
	assert_true(mschapv1_nt_response(s.conf.crypto, challenge, "MyPw", response + 24));
	response[48] = 1;
	assert_true(ppp_auth_check(s.conf.crypto, &req, "MyPw", &result));
	assert_int_equal(result.keys.len, 16);
	assert_false(ppp_auth_check(s.conf.crypto, &req, "mypw", &result));
	assert_int_equal(result.keys.len, 0);
	memset(response, 0xaa, 24);
	assert_true(ppp_auth_check(s.conf.crypto, &req, "MyPw", &result));
	for (unsigned i = 24; i < 49; i++) {
		response[i] ^= 1;
		assert_false(ppp_auth_check(s.conf.crypto, &req, "MyPw", &result));
		response[i] ^= 1;
	}
	req.response_len = 48;
	assert_false(ppp_auth_check(s.conf.crypto, &req, "MyPw", &result));
	req.response_len = 49;
	req.challenge_len = 16;
	assert_false(ppp_auth_check(s.conf.crypto, &req, "MyPw", &result));
}

static void
challenged(void)
{
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <auth chap MS> <magic 01010101>]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_expect(&s, "[CHAP Challenge id=1 <0202020202020202> name=\"\"]");
	script_quiet(&s);
	s.events[0] = 0;
}

/* A Response as a real peer would compute it, to the challenge of twos. */
static void
respond(const char *name, const char *password, bool flag)
{
	uint8_t frame[2 + 4 + 1 + 49 + 100] = {0xc2, 0x23, 2, 1, 0, 0, 49};
	size_t len = 4 + 1 + 49 + strlen(name);
	put_be16(frame + 4, (uint16_t)len);
	assert_true(mschapv1_nt_response(s.conf.crypto, twos, password, frame + 7 + 24));
	frame[7 + 48] = flag;
	memcpy(frame + 7 + 49, name, strlen(name));
	ppp_input(&s.ppp, frame, 2 + len, s.now);
}

static void
lets_in(void **state)
{
	(void)state;
	challenged();
	respond("alice", "wonderland", true);
	script_events(&s, "auth(mschap,alice) keys");
	script_expect(&s, "[CHAP Success id=1 \"Authentication succeeded\"]");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	struct ppp_keys keys;
	assert_true(mschapv1_keys(s.conf.crypto, twos, "wonderland", &keys));
	assert_memory_equal(&keys, &s.keys, sizeof keys);
}

static void
refuses(void **state)
{
	(void)state;
	challenged();
	respond("alice", "looking-glass", true);
	script_expect(&s, "[CHAP Failure id=1 \"E=691 R=0 C=0303030303030303 V=2\"]");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "auth(mschap,alice) link_down end(AUTH_FAILED)");
}

static void
refuses_lan_manager(void **state)
{
	(void)state;
	challenged();
	respond("alice", "wonderland", false);
	script_expect(&s, "[CHAP Failure id=1 \"E=691 R=0 C=0303030303030303 V=2\"]");
}

static void
client_responds(void **state)
{
	(void)state;
	uint8_t want[49] = {0};
	struct ppp_keys keys;
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0009 0305 c223 80");
	script_expect(&s, "[LCP ConfAck id=1 <auth chap MS>]");
	script_feed(&s, "c223 01 05 000c 07 102db5df085d30"); /* a byte short */
	assert_int_equal(s.stats.malformed, 1);
	script_quiet(&s);
	s.events[0] = 0;
	script_feed(&s, "c223 01 05 0011 08 102db5df085d3041 62726173");
	assert_int_equal(s.n_sent, 1);
	assert_true(mschapv1_nt_response(s.conf.crypto, challenge, "wonderland", want + 24));
	want[48] = 1;
	assert_memory_equal(s.sent[0].bytes + 7, want, 49);
	assert_memory_equal(s.sent[0].bytes + 56, "alice", 5);
	s.n_read = 1;
	script_feed(&s, "c223 03 05 0004");
	script_events(&s, "keys authenticated");
	assert_true(mschapv1_keys(s.conf.crypto, challenge, "wonderland", &keys));
	assert_memory_equal(&keys, &s.keys, sizeof keys);
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)
#define CLIENT(f) cmocka_unit_test_setup_teardown(f, client, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(vectors),         SERVER(check), SERVER(lets_in), SERVER(refuses), SERVER(refuses_lan_manager),
		CLIENT(client_responds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
