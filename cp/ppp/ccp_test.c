/* CCP and MPPE against a scripted peer: what a Cisco router and Windows clients did, packet by packet, policies, refusals,
 * and our client against our server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/mschapv1.h"
#include "ppp/mschapv2.h"
#include "ppp/script.h"

#define ALL (PPP_MPPE_40 | PPP_MPPE_56 | PPP_MPPE_128)

#define PEER_ASKS(id, option) "80fd 01 " id " 000a 12 06 " option
#define PEER_IPCP(id) "8021 01 " id " 000a 03 06 00000000"

static struct script s;

static void
setup(uint8_t policy, uint8_t strengths)
{
	script_init(&s, PPP_SERVER);
	s.conf.auth[0] = PPP_AUTH_MSCHAP;
	s.conf.n_auth = 1;
	s.conf.ipv4 = PPP_ALLOW;
	s.conf.mppe = policy;
	s.conf.mppe_strengths = strengths;
}

static void
respond(const char *name, const char *password)
{
	uint8_t frame[2 + 4 + 1 + 49 + 64] = {0xc2, 0x23, 2, s.ppp.auth.id, 0, 0, 49};
	size_t len = 4 + 1 + 49 + strlen(name);
	put_be16(frame + 4, (uint16_t)len);
	assert_true(mschapv1_nt_response(s.conf.crypto, s.ppp.auth.challenge, password, frame + 7 + 24));
	frame[7 + 48] = 1;
	memcpy(frame + 7 + 49, name, strlen(name));
	ppp_input(&s.ppp, frame, 2 + len, s.now);
}

static void
log_in(void)
{
	script_lcp(&s);
	respond("alice", "wonderland");
	s.n_read = s.n_sent; /* the Success; what CCP says is read by the caller */
	for (unsigned i = 0; i < s.n_sent; i++)
		if (be16(s.sent[i].bytes) == PPP_CCP || be16(s.sent[i].bytes) == PPP_IPCP) {
			s.n_read = i;
			break;
		}
	script_events(&s, "auth(mschap,alice) keys");
}

/* The router requires 40 bits and is asked for more, for MPPC and for 128: it naks with its own; IPCP's request, which
 * Windows sends meanwhile, waits. */
static void
cisco_40_bit(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, PPP_MPPE_40);
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M -S +L -D -C>]");
	script_feed(&s, PEER_ASKS("05", "010000f1"));
	script_expect(&s, "[CCP ConfNak id=5 <mppe +H -M -S +L -D -C>]");
	script_feed(&s, PEER_IPCP("06"));
	script_quiet(&s);
	script_feed(&s, "80fd 02 01 000a 12 06 01000020");
	script_feed(&s, PEER_ASKS("07", "01000020"));
	script_expect(&s, "[CCP ConfAck id=7 <mppe +H -M -S +L -D -C>]");
	script_events(&s, "decrypt(40,stateless) encrypt(40,stateless)");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_expect(&s, "[IPCP ConfNak id=6 <addr 10.78.1.5>]");
	script_quiet(&s);
	script_fini(&s);
}

static void
accept_without_keys(void)
{
	struct ppp_auth_result r = s.result;
	r.ok = true;
	r.serial = s.asked;
	ppp_auth_result(&s.ppp, &r, s.now);
}

/* RADIUS says yes without keys: CCP opens, takes leave, then LCP does: the user sees error 734. */
static void
cisco_734_keys_missing(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, PPP_MPPE_40);
	s.defer = true;
	script_lcp(&s);
	respond("alice", "wonderland");
	accept_without_keys();
	s.n_read = s.n_sent - 1;
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M -S +L -D -C>]");
	script_echo(&s, CONF_ACK);
	script_events(&s, "auth(mschap,alice)");
	script_feed(&s, PEER_ASKS("07", "01000020"));
	script_expect(&s, "[CCP ConfAck id=7 <mppe +H -M -S +L -D -C>]");
	script_expect(&s, "[CCP TermReq id=2]");
	script_quiet(&s);
	script_feed(&s, PEER_IPCP("08"));
	script_quiet(&s);
	script_feed(&s, "80fd 06 02 0004");
	script_expect(&s, "[LCP TermReq id=2 \"MPPE required\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(MPPE_NO_KEYS)");
	script_quiet(&s);
	script_fini(&s);
}

/* No MPPE here: CCP is rejected, IPCP goes on, and the client leaves with error 742. */
static void
cisco_742_refused(void **state)
{
	(void)state;
	setup(PPP_DENY, ALL);
	log_in();
	script_quiet(&s);
	script_feed(&s, PEER_ASKS("05", "010000b1"));
	script_expect(&s, "[LCP ProtoRej id=2 <80fd CCP>]");
	script_feed(&s, PEER_IPCP("06"));
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_expect(&s, "[IPCP ConfNak id=6 <addr 10.78.1.5>]");
	s.trace = true;
	script_feed(&s, "c021 05 07 0010 79127fbe 003ccd74 000002e6");
	script_expect(&s, "[LCP TermAck id=7]");
	assert_string_equal(s.ppp.peer_text, "error 742");
	script_fini(&s);
}

/* A wrong password is refused in the words that Windows turns into error 691. */
static void
cisco_691_wrong_password(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, PPP_MPPE_40);
	script_lcp(&s);
	respond("alice", "looking-glass");
	script_expect(&s, "[CHAP Failure id=1 \"E=691 R=0 C=0303030303030303 V=2\"]");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	script_fini(&s);
}

/* The authentication server is dead: the owner refuses in the end, and nothing of CCP was said. */
static void
cisco_server_dead(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, PPP_MPPE_40);
	s.defer = true;
	script_lcp(&s);
	respond("alice", "wonderland");
	script_wait(&s, 30000);
	ppp_auth_result(&s.ppp, &(struct ppp_auth_result){.serial = s.asked, .cause = CAUSE_AUTH_TIMEOUT}, s.now);
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "auth(mschap,alice) link_down end(AUTH_TIMEOUT)");
	script_fini(&s);
}

/* What the peer asks for, what we ask for, and the answer. */
static const struct row {
	uint8_t policy, strengths;
	bool stateful;
	const char *asked, *ours, *answer;
} rows[] = {
	{PPP_PREFER, PPP_MPPE_128, false, "01000040", "+H -M +S -L", "ConfAck +H -M +S -L"},
	{PPP_PREFER, PPP_MPPE_128, false, "01000060", "+H -M +S -L", "ConfNak +H -M +S -L"},
	{PPP_PREFER, PPP_MPPE_128, false, "01000020", "+H -M +S -L", "ConfNak +H -M +S -L"},
	{PPP_PREFER, PPP_MPPE_128, false, "00000040", "+H -M +S -L", "ConfAck -H -M +S -L"},
	{PPP_PREFER, PPP_MPPE_128, false, "00000000", "+H -M +S -L", "ConfNak +H -M +S -L"},
	{PPP_PREFER, ALL, false, "010000f1", "+H +M +S +L", "ConfNak +H -M +S -L"},
	{PPP_PREFER, ALL, false, "000000e0", "+H +M +S +L", "ConfNak -H -M +S -L"},
	{PPP_PREFER, ALL, false, "01000080", "+H +M +S +L", "ConfAck +H +M -S -L"},
	{PPP_PREFER, ALL, false, "01000020", "+H +M +S +L", "ConfAck +H -M -S +L"},
	{PPP_PREFER, ALL, false, "010000a1", "+H +M +S +L", "ConfNak +H +M -S -L"},
	{PPP_REQUIRE, PPP_MPPE_128, true, "01000040", "-H -M +S -L", "ConfNak -H -M +S -L"},
	{PPP_REQUIRE, PPP_MPPE_128, true, "00000040", "-H -M +S -L", "ConfAck -H -M +S -L"},
};

static void
strengths_and_state(void **state)
{
	char want[96], feed[64];
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		setup(r->policy, r->strengths);
		s.conf.mppe_stateful = r->stateful;
		log_in();
		snprintf(want, sizeof want, "[CCP ConfReq id=1 <mppe %s -D -C>]", r->ours);
		script_expect(&s, want);
		snprintf(feed, sizeof feed, PEER_ASKS("09", "%s"), r->asked);
		script_feed(&s, feed);
		snprintf(want, sizeof want, "[CCP %.7s id=9 <mppe %s -D -C>]", r->answer, r->answer + 8);
		script_expect(&s, want);
		script_fini(&s);
	}
}

/* A peer that naks our list of strengths with one. */
static void
nak_of_ours(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, ALL);
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H +M +S +L -D -C>]");
	script_feed(&s, "80fd 03 01 000a 12 06 00000080");
	script_expect(&s, "[CCP ConfReq id=2 <mppe -H +M -S -L -D -C>]");
	script_feed(&s, "80fd 02 02 000a 12 06 00000080");
	script_feed(&s, PEER_ASKS("01", "00000080"));
	script_events(&s, "decrypt(56,stateful) encrypt(56,stateful)");
	script_fini(&s);
}

/* A peer that can do less than we require, whichever way it says so. */
static void
too_weak(void **state)
{
	static const char *const ways[] = {"80fd 03 01 000a 12 06 01000020", "80fd 04 01 000a 12 06 01000040",
					   "c021 08 09 000a 80fd 01 01 000a 1206"};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		setup(PPP_REQUIRE, PPP_MPPE_128);
		log_in();
		script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
		script_feed(&s, ways[i]);
		if (i < 2) {
			script_expect(&s, "[CCP TermReq id=2]");
			script_quiet(&s);
			script_feed(&s, "80fd 06 02 0004");
		}
		script_expect(&s, "[LCP TermReq id=2 \"MPPE required\"]");
		script_feed(&s, "c021 06 02 0004");
		script_events(&s, "link_down end(MPPE_REQUIRED)");
		script_fini(&s);
	}
}

/* Preferred, and the peer does not know CCP, rejects the option, or says nothing: the network protocol starts. */
static void
preferred_and_refused(void **state)
{
	(void)state;
	setup(PPP_PREFER, PPP_MPPE_128);
	s.conf.ipv4 = PPP_PREFER;
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
	script_feed(&s, "c021 08 09 000a 80fd 01 01 000a 1206");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_events(&s, "");
	script_fini(&s);

	setup(PPP_PREFER, PPP_MPPE_128);
	s.conf.ipv4 = PPP_PREFER;
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
	script_feed(&s, PEER_IPCP("06"));
	script_quiet(&s);
	script_wait(&s, 3100);
	while (s.n_read < s.n_sent && be16(s.sent[s.n_read].bytes) != PPP_IPCP)
		s.n_read++;
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_expect(&s, "[IPCP ConfNak id=6 <addr 10.78.1.5>]");
	script_fini(&s);
}

/* Allowed: nothing is asked for; a peer that asks gets it. */
static void
allowed(void **state)
{
	(void)state;
	setup(PPP_ALLOW, PPP_MPPE_128);
	log_in();
	script_quiet(&s);
	script_feed(&s, PEER_ASKS("01", "01000040"));
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
	script_expect(&s, "[CCP ConfAck id=1 <mppe +H -M +S -L -D -C>]");
	script_events(&s, "decrypt(128,stateless)");
	script_feed(&s, "80fd 02 01 000a 12 06 01000040");
	script_events(&s, "encrypt(128,stateless)");
	script_fini(&s);
}

/* An encrypted link does not become a plain one, whoever asks. */
static void
no_way_back(void **state)
{
	(void)state;
	setup(PPP_PREFER, PPP_MPPE_128);
	log_in();
	script_feed(&s, "80fd 02 01 000a 12 06 01000040");
	script_feed(&s, PEER_ASKS("01", "01000040"));
	assert_true(s.ppp.mppe.must);
	s.events[0] = 0;
	s.n_read = s.n_sent;
	script_feed(&s, "80fd 05 09 0004");
	script_expect(&s, "[CCP TermAck id=9]");
	script_expect(&s, "[LCP TermReq id=2 \"MPPE required\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "decrypt(0) encrypt(0) link_down end(MPPE_REQUIRED)");
	script_fini(&s);
}

/* The peer's Ack is lost.  Our request is not repeated soon, because pppd would end an open link for it; that it has gone on
 * to its network protocol says that it has acknowledged. */
static void
ack_is_lost(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, PPP_MPPE_128);
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
	script_feed(&s, PEER_ASKS("01", "01000040"));
	script_expect(&s, "[CCP ConfAck id=1 <mppe +H -M +S -L -D -C>]");
	script_feed(&s, PEER_IPCP("02")); /* in a moment the Ack may still come */
	script_wait(&s, 3200);
	script_quiet(&s);
	script_events(&s, "decrypt(128,stateless)");
	script_feed(&s, PEER_IPCP("02"));
	script_events(&s, "encrypt(128,stateless)");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_fini(&s);

	setup(PPP_REQUIRE, PPP_MPPE_128);
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
	script_feed(&s, PEER_ASKS("01", "01000040"));
	script_expect(&s, "[CCP ConfAck id=1 <mppe +H -M +S -L -D -C>]");
	script_wait(&s, 9200);
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H -M +S -L -D -C>]");
	script_fini(&s);
}

/* RFC 1962 4: a Reset-Request that comes here is answered, so that the peer does not give up. */
static void
reset_request(void **state)
{
	(void)state;
	setup(PPP_PREFER, PPP_MPPE_128);
	log_in();
	script_feed(&s, "80fd 02 01 000a 12 06 01000040");
	script_feed(&s, PEER_ASKS("01", "01000040"));
	s.n_read = s.n_sent;
	script_feed(&s, "80fd 0e 2a 0004");
	script_expect(&s, "[CCP ResetAck id=42]");
	script_feed(&s, "80fd 0f 2a 0004");
	script_quiet(&s);
	script_fini(&s);
}

/* With MPPE required PAP and CHAP-MD5 are not offered, and not taken from a Nak. */
static void
only_methods_with_keys(void **state)
{
	(void)state;
	setup(PPP_REQUIRE, PPP_MPPE_128);
	s.conf.auth[0] = PPP_AUTH_PAP;
	s.conf.auth[1] = PPP_AUTH_CHAP_MD5;
	s.conf.auth[2] = PPP_AUTH_MSCHAPV2;
	s.conf.n_auth = 3;
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <auth chap MS-v2> <magic 01010101>]");
	script_feed(&s, "c021 03 01 0008 03 04 c023");
	script_expect(&s, "[LCP TermReq id=2 \"authentication required\"]");
	script_fini(&s);
}

/* What the user's own entry says goes before the configuration. */
static void
policy_of_the_user(void **state)
{
	(void)state;
	setup(PPP_DENY, 0);
	s.result.mppe = (struct ppp_mppe_policy){true, PPP_REQUIRE, PPP_MPPE_56};
	log_in();
	script_expect(&s, "[CCP ConfReq id=1 <mppe +H +M -S -L -D -C>]");
	script_fini(&s);
}

static void
expect_hex(const uint8_t *is, size_t n, const char *want)
{
	char buf[128] = "";
	for (size_t i = 0; i < n; i++)
		snprintf(buf + 2 * i, 3, "%02x", is[i]);
	assert_string_equal(buf, want);
}

/* RFC 3079 2.5 and 3.5: what the keys of each strength are made of. */
static void
start_keys(void **state)
{
	static const uint8_t challenge[8] = {0x10, 0x2d, 0xb5, 0xdf, 0x08, 0x5d, 0x30, 0x41};
	struct ppp_keys k = {0};
	uint8_t lm[16];
	(void)state;
	script_init(&s, PPP_SERVER);
	assert_true(mschapv1_lm_hash(s.conf.crypto, "clientPass", lm));
	expect_hex(lm, 16, "76a152936096d7830e2390227404afd2");
	assert_true(mschapv1_keys(s.conf.crypto, challenge, "clientPass", &k));
	assert_true(k.has_lm);
	expect_hex(k.lm, 8, "76a152936096d783");
	assert_true(mschapv1_keys(s.conf.crypto, challenge, "longer than LAN Manager takes", &k));
	assert_false(k.has_lm);
	assert_false(mschapv1_lm_hash(s.conf.crypto, "p\xc3\xa4ss", lm));
	script_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cisco_40_bit),          cmocka_unit_test(cisco_734_keys_missing),
		cmocka_unit_test(cisco_742_refused),     cmocka_unit_test(cisco_691_wrong_password),
		cmocka_unit_test(cisco_server_dead),     cmocka_unit_test(strengths_and_state),
		cmocka_unit_test(nak_of_ours),           cmocka_unit_test(too_weak),
		cmocka_unit_test(preferred_and_refused), cmocka_unit_test(allowed),
		cmocka_unit_test(no_way_back),           cmocka_unit_test(ack_is_lost),
		cmocka_unit_test(reset_request),         cmocka_unit_test(only_methods_with_keys),
		cmocka_unit_test(policy_of_the_user),    cmocka_unit_test(start_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
