/* CHAP and MS-CHAPv2 against a scripted peer, both roles.  RFC 1994, RFC 2759. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/mschapv2.h"
#include "ppp/script.h"

#define PEER "0909090909090909 0909090909090909"

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	return 0;
}

static int
client(void **state)
{
	(void)state;
	script_init(&s, PPP_CLIENT);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	script_fini(&s);
	return 0;
}

static char *
to_hex(char *out, const void *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", ((const uint8_t *)in)[i]);
	return out;
}

/* A Response as a real peer would compute it: peer challenge of nines, the server's challenge of twos. */
static void
respond_v2(uint8_t id, const char *name, const char *password)
{
	uint8_t ours[16], theirs[16], nt[24];
	char hex[900], nt_hex[50], name_hex[600];
	memset(ours, 2, 16);
	memset(theirs, 9, 16);
	const struct mschapv2 m = {s.conf.crypto, name, password, ours, theirs};
	assert_true(mschapv2_nt_response(&m, nt));
	snprintf(hex, sizeof hex, "c223 02 %02x %04zx 31 " PEER "0000000000000000 %s 00 %s", id, 54 + strlen(name),
		 to_hex(nt_hex, nt, 24), to_hex(name_hex, name, strlen(name)));
	script_feed(&s, hex);
}

static void
challenged_v2(void)
{
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"\"]");
	script_quiet(&s);
	s.events[0] = 0;
}

static void
v2_success(void **state)
{
	(void)state;
	challenged_v2();
	respond_v2(1, "alice", "wonderland");
	assert_string_equal(s.events, "auth(mschap-v2,alice) keys");
	uint8_t proof[20], ours[16], theirs[16];
	char want[200], hex[50];
	memset(ours, 2, 16);
	memset(theirs, 9, 16);
	const struct mschapv2 m = {s.conf.crypto, "alice", "wonderland", ours, theirs};
	uint8_t nt[24];
	assert_true(mschapv2_nt_response(&m, nt) && mschapv2_auth_response(&m, nt, proof));
	for (unsigned i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02X", proof[i]);
	snprintf(want, sizeof want, "[CHAP Success id=1 \"S=%s M=Authentication succeeded\"]", hex);
	script_expect(&s, want);
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_quiet(&s);
	struct ppp_keys keys;
	assert_true(mschapv2_keys(&m, nt, true, &keys));
	assert_memory_equal(&keys, &s.keys, sizeof keys);
	/* RFC 1994 4.2: the Success may be lost: the same Response again gets it again, any other is out of date. */
	respond_v2(1, "alice", "wonderland");
	script_expect(&s, want);
	respond_v2(2, "alice", "wonderland");
	script_quiet(&s);
	assert_int_equal(s.stats.auth_ok, 1);
	assert_int_equal(s.stats.stale, 1);
}

/* pppd never repeats its Response: when nothing comes of the network phase, the Success may have been lost. */
static void
success_repeated(void **state)
{
	(void)state;
	challenged_v2();
	respond_v2(1, "alice", "wonderland");
	assert_int_equal(s.n_sent, 2);
	s.n_read = 2;
	for (unsigned i = 0; i < 3; i++) {
		script_wait(&s, i ? 500 : 260);
		if (i < 2)
			script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	}
	script_wait(&s, 1750);
	assert_int_equal(s.n_sent, 6);
	assert_int_equal(s.sent[4].len, s.sent[0].len);
	assert_memory_equal(s.sent[4].bytes, s.sent[0].bytes, s.sent[0].len);
	s.n_read = 5;
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=1 <addr 10.78.1.5>]");
	script_wait(&s, 3010);
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_quiet(&s);
}

static void
v2_wrong_password(void **state)
{
	(void)state;
	challenged_v2();
	respond_v2(1, "alice", "looking-glass");
	script_expect(
		&s, "[CHAP Failure id=1 \"E=691 R=0 C=03030303030303030303030303030303 V=3 M=Authentication failed\"]");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	script_quiet(&s);
	respond_v2(1, "alice", "wonderland");
	script_quiet(&s);
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "auth(mschap-v2,alice) link_down end(AUTH_FAILED)");
	assert_int_equal(s.stats.auth_failed, 1);
}

static void
owner_gives_reasons(void **state)
{
	(void)state;
	s.defer = true;
	s.conf.challenge_name = "bras1";
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"bras1\"]");
	respond_v2(1, "alice", "wonderland");
	script_quiet(&s);
	/* while the owner thinks, neither our timer nor a second Response does anything */
	respond_v2(1, "alice", "wonderland");
	script_wait(&s, 60000);
	script_quiet(&s);
	struct ppp_auth_result result = {
		.serial = s.asked, .cause = CAUSE_ADDRESS_IN_USE, .error = 649, .text = "go away"};
	result.serial++;
	ppp_auth_result(&s.ppp, &result, s.now);
	script_quiet(&s);
	result.serial--;
	ppp_auth_result(&s.ppp, &result, s.now);
	script_expect(&s, "[CHAP Failure id=1 \"E=649 R=0 C=03030303030303030303030303030303 V=3 M=go away\"]");
	script_expect(&s, "[LCP TermReq id=2 \"address in use\"]");
	ppp_auth_result(&s.ppp, &result, s.now);
	script_quiet(&s);
	assert_int_equal(s.stats.auth_failed, 1);
}

/* The verdict on a request from before a renegotiation counts for nothing. */
static void
outdated_verdict(void **state)
{
	(void)state;
	s.defer = true;
	challenged_v2();
	respond_v2(1, "alice", "wonderland");
	struct ppp_auth_result result = s.result;
	result.serial = s.asked;
	result.ok = true;
	script_feed(&s, "c021 01 02 0008 0104 0400");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MS-v2> <magic 03030303>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[LCP ConfAck id=2 <mru 1024>]");
	ppp_auth_result(&s.ppp, &result, s.now);
	script_expect(&s, "[CHAP Challenge id=2 <04040404040404040404040404040404> name=\"\"]");
	script_quiet(&s);
	assert_int_equal(s.stats.auth_ok, 0);
}

static void
no_response(void **state)
{
	(void)state;
	challenged_v2();
	for (unsigned i = 0; i < 2; i++) {
		script_wait(&s, 5010);
		script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"\"]");
	}
	script_wait(&s, 5010);
	script_expect(&s, "[LCP TermReq id=2 \"authentication timed out\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(AUTH_TIMEOUT)");
	assert_int_equal(s.stats.auth_resends, 2);
}

static void
malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"c223",
		"c223 02",
		"c223 02 01 0003",
		"c223 02 01 0004",
		"c223 02 01 0005 31",
		"c223 02 01 0006 05 41",
		"c223 02 01 0009 05 41424344",
		"c223 02 01 0015 10 41414141414141414141414141414141", /* the length of another digest */
		"c223 01 01 0015 10 41414141414141414141414141414141", /* a server is not challenged */
		"c223 03 01 0004",
		"c223 07 01 0004",
	};
	challenged_v2();
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		script_feed(&s, bad[i]);
		assert_int_equal(s.stats.malformed, i + 1);
	}
	script_quiet(&s);
	script_events(&s, "");
}

/* Names that could do harm in a log are refused without asking the owner. */
static void
bad_names(void **state)
{
	(void)state;
	challenged_v2();
	respond_v2(1, "ali\nce", "wonderland");
	script_expect(
		&s, "[CHAP Failure id=1 \"E=691 R=0 C=03030303030303030303030303030303 V=3 M=Authentication failed\"]");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	script_events(&s, "link_down");
}

static void
longest_name(void **state)
{
	(void)state;
	char name[257], want[300];
	memset(name, 'a', sizeof name);
	name[255] = 0;
	challenged_v2();
	respond_v2(1, name, "wonderland");
	snprintf(want, sizeof want, "auth(mschap-v2,%s) link_down", name);
	script_events(&s, want);
	script_fini(&s);
	script_init(&s, PPP_SERVER);
	challenged_v2();
	uint8_t frame[2 + 4 + 50 + 256] = {0xc2, 0x23, 2, 1, 0x01, 0x36, 49};
	memset(frame + 56, 'a', 256);
	ppp_input(&s.ppp, frame, sizeof frame, s.now);
	script_events(&s, "link_down");
	assert_int_equal(s.stats.auth_failed, 1);
}

static void
md5(void **state)
{
	(void)state;
	s.conf.auth[0] = PPP_AUTH_CHAP_MD5;
	s.conf.n_auth = 1;
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <auth chap MD5> <magic 01010101>]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"\"]");
	uint8_t value[16];
	char hex[100], frame[200];
	const struct part in[] = {{"\1", 1}, {"wonderland", 10}, {s.ppp.auth.challenge, 16}};
	assert_true(crypto_md5(s.conf.crypto, in, 3, value));
	snprintf(frame, sizeof frame, "c223 02 01 001a 10 %s 616c696365", to_hex(hex, value, 16));
	script_feed(&s, frame);
	script_expect(&s, "[CHAP Success id=1 \"Authentication succeeded\"]");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_events(&s, "link_up(mtu=1400,mru=1400,01010101,00000000) auth(chap-md5,alice)");
}

static void
md5_wrong(void **state)
{
	(void)state;
	s.conf.auth[0] = PPP_AUTH_CHAP_MD5;
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	s.n_read = s.n_sent;
	script_feed(&s, "c223 02 01 001a 10 00000000000000000000000000000000 616c696365");
	script_expect(&s, "[CHAP Failure id=1 \"Authentication failed\"]");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
}

static void
client_waits(void)
{
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0009 0305 c223 81");
	script_expect(&s, "[LCP ConfAck id=1 <auth chap MS-v2>]");
	script_quiet(&s);
	s.events[0] = 0;
}

#define CHALLENGE "c223 01 05 0019 10 " PEER "62726173"

/* What our client answers is what RFC 2759 asks for; it believes the right proof only. */
static void
client_v2(void **state)
{
	(void)state;
	char success[200], proof_hex[100];
	client_waits();
	script_feed(&s, CHALLENGE);
	assert_int_equal(s.n_sent, 1);
	uint8_t nine[16], nt[24], proof[20];
	memset(nine, 9, 16);
	const uint8_t *r = s.sent[0].bytes + 7;
	const struct mschapv2 m = {s.conf.crypto, "alice", "wonderland", nine, r};
	assert_true(mschapv2_nt_response(&m, nt) && mschapv2_auth_response(&m, nt, proof));
	assert_memory_equal(r + 24, nt, 24);
	assert_memory_equal(s.sent[0].bytes + 56, "alice", 5);
	for (unsigned i = 0; i < 20; i++) {
		char two[3];
		snprintf(two, sizeof two, "%02X", proof[i]);
		snprintf(proof_hex + 4 * i, 5, "%02x%02x", two[0], two[1]);
	}
	snprintf(success, sizeof success, "c223 03 05 0030 533d %s 204d", proof_hex);
	/* the copy of the Challenge gets the copy of the Response */
	script_feed(&s, CHALLENGE);
	assert_int_equal(s.n_sent, 2);
	assert_memory_equal(s.sent[0].bytes, s.sent[1].bytes, s.sent[0].len);
	script_wait(&s, 3010);
	assert_int_equal(s.n_sent, 3);
	assert_int_equal(s.stats.auth_resends, 1);
	s.n_read = 3;
	script_feed(&s, success);
	script_events(&s, "keys authenticated");
	struct ppp_keys keys;
	assert_true(mschapv2_keys(&m, nt, false, &keys));
	assert_memory_equal(&keys, &s.keys, sizeof keys);
	script_expect(&s, "[IPCP ConfReq id=1 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]");
	script_feed(&s, success);
	script_events(&s, "");
	assert_int_equal(s.stats.stale, 1);
}

/* RFC 1994 2: challenged again on an open link; the network protocols stay as they are. */
static void
client_challenged_again(void **state)
{
	(void)state;
	static const char hex[] = "0123456789ABCDEF";
	client_waits();
	for (unsigned round = 0; round < 2; round++) {
		uint8_t success[2 + 4 + 42] = {0xc2, 0x23, 3, (uint8_t)(6 + round), 0, 46, 'S', '='};
		char challenge[80];
		snprintf(challenge, sizeof challenge, "c223 01 %02x 0019 10 " PEER "62726173", 6 + round);
		script_feed(&s, challenge);
		for (unsigned i = 0; i < 20; i++) {
			success[8 + 2 * i] = (uint8_t)hex[s.ppp.auth.auth_response[i] >> 4];
			success[9 + 2 * i] = (uint8_t)hex[s.ppp.auth.auth_response[i] & 15];
		}
		ppp_input(&s.ppp, success, sizeof success, s.now);
	}
	script_events(&s, "keys authenticated");
	assert_string_equal(ppp_phase_name(&s.ppp), "network");
	assert_false(timer_pending(&s.ppp.auth.timer));
	script_feed(&s, "c223 01 08 0019 10 " PEER "62726173");
	script_feed(&s, "c223 04 08 0004");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(AUTH_FAILED)");
}

static void
client_distrusts(void **state)
{
	(void)state;
	client_waits();
	script_feed(&s, CHALLENGE);
	s.n_read = s.n_sent;
	script_feed(&s, "c223 03 04 002e 533d" PEER PEER "3030303030303030");
	script_quiet(&s);
	script_feed(&s, "c223 03 05 002e 533d" PEER PEER "3030303030303030");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(AUTH_FAILED)");
}

static void
client_distrusts_short_proof(void **state)
{
	(void)state;
	client_waits();
	script_feed(&s, CHALLENGE);
	s.n_read = s.n_sent;
	script_feed(&s, "c223 03 05 0004");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
}

static void
client_refused(void **state)
{
	(void)state;
	client_waits();
	script_feed(&s, "c223 04 05 0009 453d363931");
	script_quiet(&s);
	script_feed(&s, CHALLENGE);
	s.n_read = s.n_sent;
	script_feed(&s, "c223 04 05 0009 453d363931");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	assert_string_equal(s.ppp.peer_text, "E=691");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(AUTH_FAILED)");
}

static void
client_never_challenged(void **state)
{
	(void)state;
	client_waits();
	script_feed(&s, "c223 01 05 0008 03 010203");
	assert_int_equal(s.stats.malformed, 1);
	script_wait(&s, 29000);
	script_quiet(&s);
	script_wait(&s, 1100);
	script_expect(&s, "[LCP TermReq id=2 \"authentication timed out\"]");
}

static void
no_legacy_provider(void **state)
{
	(void)state;
	const char *why = NULL;
	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	assert_null(ppp_crypto_new(&why));
	unsetenv("OPENSSL_MODULES");
	assert_non_null(why);
	assert_non_null(strstr(why, "legacy"));
}

static void
method_names(void **state)
{
	(void)state;
	assert_string_equal(ppp_auth_name(PPP_AUTH_NONE), "none");
	assert_string_equal(ppp_auth_name(PPP_AUTH_CHAP_MD5), "chap-md5");
	assert_string_equal(ppp_auth_name(PPP_AUTH_MSCHAPV2), "mschap-v2");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)
#define CLIENT(f) cmocka_unit_test_setup_teardown(f, client, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(v2_success),
		SERVER(success_repeated),
		SERVER(v2_wrong_password),
		SERVER(owner_gives_reasons),
		SERVER(outdated_verdict),
		SERVER(no_response),
		SERVER(malformed),
		SERVER(bad_names),
		SERVER(longest_name),
		SERVER(md5),
		SERVER(md5_wrong),
		CLIENT(client_v2),
		CLIENT(client_challenged_again),
		CLIENT(client_distrusts),
		CLIENT(client_distrusts_short_proof),
		CLIENT(client_refused),
		CLIENT(client_never_challenged),
		cmocka_unit_test(no_legacy_provider),
		cmocka_unit_test(method_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
