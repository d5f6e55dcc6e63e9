/* LCP against a scripted peer: options, rejects, echo, loops.  RFC 1661, RFC 1570. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ppp/script.h"

#define FIRST "[LCP ConfReq id=1 <mru 1400> <auth chap MS-v2> <magic 01010101>]"

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

/* What pppd behind xl2tpd does: everything it offers for an asynchronous line is rejected, then it agrees. */
static void
opens(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 0018 0104 0578 0206 00000000 0506 345f64ca 0702 0802");
	script_expect(&s, "[LCP ConfRej id=1 <asyncmap 0x0> <pcomp> <accomp>]");
	script_feed(&s, "c021 02 01 0013 0104 0578 0305 c223 81 0506 01010101");
	script_feed(&s, "c021 01 02 000e 0104 0578 0506 345f64ca");
	script_expect(&s, "[LCP ConfAck id=2 <mru 1400> <magic 345f64ca>]");
	script_events(&s, "link_up(mtu=1400,mru=1400,01010101,345f64ca)");
	script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"\"]");
	script_quiet(&s);
	assert_string_equal(ppp_phase_name(&s.ppp), "authenticate");
	assert_int_equal(s.stats.retransmits + s.stats.early_resends, 0);
}

static void
accepts_compressed_header(void **state)
{
	(void)state;
	s.conf.acfc = s.conf.pfc = PPP_ALLOW;
	script_up(&s);
	script_expect(&s, FIRST);
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0008 0702 0802");
	script_expect(&s, "[LCP ConfAck id=1 <pcomp> <accomp>]");
	script_events(&s, "link_up(mtu=1400,mru=1400,01010101,00000000,acfc,pfc)");
}

/* The peer's MRU: both bounds, and what lies one beyond them. */
static void
mru_bounds(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 0008 0104 0064");
	script_expect(&s, "[LCP ConfAck id=1 <mru 100>]");
	script_feed(&s, "c021 01 02 0008 0104 0063");
	script_expect(&s, "[LCP ConfNak id=2 <mru 100>]");
	script_feed(&s, "c021 01 03 0008 0104 0579");
	script_expect(&s, "[LCP ConfNak id=3 <mru 1400>]");
	script_feed(&s, "c021 01 04 0008 0104 0578");
	script_expect(&s, "[LCP ConfAck id=4 <mru 1400>]");
	script_feed(&s, "c021 01 05 0007 0103 05");
	script_expect(&s, "[LCP ConfRej id=5 <mru 05>]");
	script_quiet(&s);
}

static void
mru_too_small_ends(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	for (unsigned i = 0; i < 5; i++) {
		script_feed(&s, "c021 01 01 0008 0104 0040");
		script_expect(&s, "[LCP ConfNak id=1 <mru 100>]");
	}
	script_feed(&s, "c021 01 01 0008 0104 0040");
	script_expect(&s, "[LCP TermReq id=2 \"LCP options not agreed\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "end(LCP_FAILED)");
}

/* RFC 1661 4.6: after max-failure Naks comes a Reject; the peer then has the default, and we send what we send. */
static void
mru_too_large_is_rejected(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	for (unsigned i = 0; i < 5; i++) {
		script_feed(&s, "c021 01 01 0008 0104 0fff");
		script_expect(&s, "[LCP ConfNak id=1 <mru 1400>]");
	}
	script_feed(&s, "c021 01 01 0008 0104 0fff");
	script_expect(&s, "[LCP ConfRej id=1 <mru 4095>]");
	script_feed(&s, "c021 01 02 0004");
	script_expect(&s, "[LCP ConfAck id=2]");
	script_feed(&s, "c021 02 01 0013 0104 0578 0305 c223 81 0506 01010101");
	script_events(&s, "link_up(mtu=1400,mru=1400,01010101,00000000)");
}

/* Rejecting the same option for ever must end too. */
static void
never_agrees(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	for (unsigned i = 0; i < 16; i++) {
		script_feed(&s, "c021 01 01 0006 0702");
		script_expect(&s, "[LCP ConfRej id=1 <pcomp>]");
	}
	script_expect(&s, "[LCP TermReq id=2 \"LCP options not agreed\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "end(LCP_FAILED)");
}

/* An Ack on the way shows that the peer learns; then the count begins anew. */
static void
agrees_now_and_then(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	for (unsigned i = 0; i < 30; i++) {
		script_feed(&s, i % 10 == 9 ? "c021 01 01 0004" : "c021 01 01 0006 0702");
		script_expect(&s, i % 10 == 9 ? "[LCP ConfAck id=1]" : "[LCP ConfRej id=1 <pcomp>]");
	}
	for (unsigned i = 0; i < 20; i++) {
		script_feed(&s, i % 5 == 4 ? "c021 01 01 0004" : "c021 01 01 0008 0104 0010");
		script_expect(&s, i % 5 == 4 ? "[LCP ConfAck id=1]" : "[LCP ConfNak id=1 <mru 100>]");
	}
	script_quiet(&s);
}

static void
naks_for_ever(void **state)
{
	(void)state;
	char line[100];
	script_up(&s);
	script_expect(&s, FIRST);
	for (unsigned i = 1; i <= 16; i++) {
		char nak[40];
		snprintf(nak, sizeof nak, "c021 03 %02x 000a 0506 0a0b0c0d", i);
		script_feed(&s, nak);
		if (i == 16)
			break;
		snprintf(line, sizeof line, "[LCP ConfReq id=%u <mru 1400> <auth chap MS-v2> <magic %02x%02x%02x%02x>]",
			 i + 1, i + 1, i + 1, i + 1, i + 1);
		script_expect(&s, line);
	}
	script_expect(&s, "[LCP TermReq id=17 \"LCP options not agreed\"]");
}

static void
auth_nak_moves_on(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 03 01 0009 0305 c223 05");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MD5> <magic 01010101>]");
	script_feed(&s, "c021 03 02 0009 0305 c223 81");
	script_expect(&s, "[LCP TermReq id=3 \"authentication required\"]");
	script_feed(&s, "c021 06 03 0004");
	script_events(&s, "end(AUTH_REFUSED)");
}

/* A wish that we do not have: the next of our own list; its length does not matter. */
static void
auth_nak_unknown(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 03 01 0008 0304 c227");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MD5> <magic 01010101>]");
	script_feed(&s, "c021 03 02 0006 0302");
	script_expect(&s, "[LCP TermReq id=3 \"authentication required\"]");
}

static void
auth_rejected(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 04 01 0009 0305 c223 81");
	script_expect(&s, "[LCP TermReq id=2 \"authentication required\"]");
	script_wait(&s, 3010);
	script_expect(&s, "[LCP TermReq id=2 \"authentication required\"]");
	script_events(&s, "");
	script_wait(&s, 3010);
	script_events(&s, "end(AUTH_REFUSED)");
	assert_int_equal(s.stats.term_resends, 1);
}

/* A server does not authenticate itself. */
static void
peer_asks_for_auth(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 000d 0305 c223 81 0104 05dc");
	script_expect(&s, "[LCP ConfRej id=1 <auth chap MS-v2>]");
}

static void
other_refusals(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 03 01 0008 0104 0480");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1152> <auth chap MS-v2> <magic 01010101>]");
	script_feed(&s, "c021 03 02 0008 0104 0040");
	script_expect(&s, "[LCP ConfReq id=3 <mru 1152> <auth chap MS-v2> <magic 01010101>]");
	script_feed(&s, "c021 03 03 0008 0104 05dc");
	script_expect(&s, "[LCP ConfReq id=4 <mru 1152> <auth chap MS-v2> <magic 01010101>]");
	script_feed(&s, "c021 04 04 0008 0104 0480");
	script_expect(&s, "[LCP ConfReq id=5 <auth chap MS-v2> <magic 01010101>]");
	script_feed(&s, "c021 04 05 000a 0506 01010101");
	script_expect(&s, "[LCP ConfReq id=6 <auth chap MS-v2>]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0008 0104 0400");
	script_expect(&s, "[LCP ConfAck id=1 <mru 1024>]");
	script_events(&s, "link_up(mtu=1024,mru=1500,00000000,00000000)");
}

static void
unknown_options(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 09 0019 0408 c025 00000000 1104 05dc 1309 03 aabbccddeeff");
	script_expect(&s, "[LCP ConfRej id=9 <quality c0 25 00 00 00 00> <mrru 1500> <endpoint 03 aa bb cc dd ee ff>]");
}

/* Reject goes before Nak (RFC 1661 5.4), whatever their order in the request. */
static void
reject_before_nak(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 000a 0104 0010 0702");
	script_expect(&s, "[LCP ConfRej id=1 <pcomp>]");
}

static void
magic_zero(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 000a 0506 00000000");
	script_expect(&s, "[LCP ConfNak id=1 <magic 02020202>]");
	script_feed(&s, "c021 01 02 0009 0505 000000");
	script_expect(&s, "[LCP ConfRej id=2 <magic 00 00 00>]");
	script_feed(&s, "c021 08 02 0008 c223 0101");
	assert_int_equal(s.stats.proto_rejected, 0);
}

/* Every frame of ours comes back: six requests of our own, the last of which ends it. */
static void
loop(void **state)
{
	(void)state;
	unsigned echoed = 0;
	script_up(&s);
	while (s.n_read < s.n_sent && s.n_sent < SCRIPT_FRAMES - 2 && !s.over) {
		struct script_frame f = s.sent[s.n_read++];
		ppp_input(&s.ppp, f.bytes, f.len, s.now);
		echoed++;
	}
	script_events(&s, "end(LCP_LOOPBACK)");
	assert_int_equal(s.stats.loops, 6);
	assert_in_range(echoed, 6, 20);
}

static void
code_reject_sent(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 63 07 0006 aabb");
	script_expect(&s, "[LCP CodeRej id=2 <code 99>]");
	assert_int_equal(s.sent[0].len, 2 + 4 + 6);
	assert_int_equal(s.stats.code_rejects, 1);
	script_feed(&s, "c021 00 07 0004");
	script_expect(&s, "[LCP CodeRej id=3 <code 0>]");
	script_events(&s, "");
}

static void
code_reject_received(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 07 01 000a 0900 0006 0000");
	script_quiet(&s);
	script_feed(&s, "c021 07 01 0004");
	script_quiet(&s);
	assert_int_equal(s.stats.malformed, 1);
	script_feed(&s, "c021 07 02 0008 0102 0004");
	script_expect(&s, "[LCP TermReq id=2 \"protocol error\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(LCP_PROTOCOL_ERROR)");
}

/* A Code-Reject carries as much of the packet as fits in one of ours. */
static void
code_reject_cut(void **state)
{
	(void)state;
	uint8_t frame[2 + 1500] = {0xc0, 0x21, 0x63, 1, 0x05, 0xdc};
	script_lcp(&s);
	ppp_input(&s.ppp, frame, sizeof frame, s.now);
	script_expect(&s, "[LCP CodeRej id=2 <code 99>]");
	assert_int_equal(s.sent[0].len, PPP_FRAME_MAX);
	uint8_t longer[2 + 1501] = {0xc0, 0x21, 0x63, 1, 0x05, 0xdd};
	ppp_input(&s.ppp, longer, sizeof longer, s.now);
	script_quiet(&s);
	assert_int_equal(s.stats.malformed, 1);
}

static void
protocol_reject_received(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 08 01 0008 80fd 0101");
	script_feed(&s, "c021 08 01 0005 80");
	script_quiet(&s);
	assert_int_equal(s.stats.malformed, 1);
	assert_int_equal(s.stats.proto_rejected, 1);
	script_feed(&s, "c021 08 01 0008 c223 0101");
	script_expect(&s, "[LCP TermReq id=2 \"protocol error\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(LCP_PROTOCOL_ERROR)");
}

static void
echo(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 09 05 000b aabbccdd 68 65 79");
	script_expect(&s, "[LCP EchoRep id=5 <magic 01010101> \"hey\"]");
	script_feed(&s, "c021 09 05 0008 aabbccdd");
	script_expect(&s, "[LCP EchoRep id=5 <magic 01010101>]");
	script_feed(&s, "c021 09 05 0007 aabbcc");
	script_feed(&s, "c021 0a 05 0008 aabbccdd");
	script_feed(&s, "c021 0b 05 0008 aabbccdd");
	script_feed(&s, "c021 0d 05 000c aabbccdd 00000e10");
	script_quiet(&s);
	assert_int_equal(s.stats.malformed, 1);
}

/* RFC 1661 5.8: "Echo-Request and Echo-Reply packets MUST only be sent in the LCP Opened state." */
/* RFC 1661 6.4: our own number comes back: once may be chance, twice is not; in between somebody else speaks. */
static void
echo_of_a_loop(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 09 01 0008 01010101");
	script_feed(&s, "c021 0a 01 0008 aabbccdd");
	script_feed(&s, "c021 09 02 0008 01010101");
	script_quiet(&s);
	assert_int_equal(s.stats.loops, 2);
	script_feed(&s, "c021 09 03 0008 01010101");
	script_expect(&s, "[LCP TermReq id=2 \"link is looped back\"]");
	assert_int_equal(s.ppp.cause, CAUSE_LCP_LOOPBACK);
}

static void
echo_before_open(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 09 05 0008 aabbccdd");
	script_quiet(&s);
}

static void
identification(void **state)
{
	(void)state;
	script_up(&s);
	script_feed(&s, "c021 0c 01 0008 aabbccdd");
	assert_string_equal(s.ppp.ident, "");
	script_feed(&s, "c021 0c 01 0013 aabbccdd 4d535241535635 2e 32 30 07");
	assert_string_equal(s.ppp.ident, "MSRASV5.20.");
	char hex[400] = "c021 0c 02 0068 aabbccdd";
	for (unsigned i = 0; i < 96; i++)
		snprintf(hex + strlen(hex), sizeof hex - strlen(hex), "41");
	script_feed(&s, hex);
	assert_int_equal(strlen(s.ppp.ident), sizeof s.ppp.ident - 1);
	script_feed(&s, "c021 0c 03 0010 aabbccdd 4d53524153 2d31 ff");
	assert_string_equal(s.ppp.ident, "MSRAS-1.");
	/* what nobody can read leaves what somebody could */
	script_feed(&s, "c021 0c 04 0018 aabbccdd c8 0a 5d 94 e2 41 17 4f 9b b0 22 81 fe 33 6d 07");
	assert_string_equal(s.ppp.ident, "MSRAS-1.");
}

/* RFC 1661 3.5: unknown protocols are rejected in the network phase, and dropped before it. */
static void
unknown_protocols(void **state)
{
	(void)state;
	s.conf.noauth = true;
	s.conf.n_auth = 0;
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <magic 01010101>]");
	script_feed(&s, "8057 01 01 000e 010a 1122334455667788");
	script_quiet(&s);
	script_up(&s);
	s.n_read = s.n_sent = 0;
	script_feed(&s, "c021 02 01 000e 0104 0578 0506 01010101");
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_feed(&s, "8057 01 01 000e 010a 1122334455667788");
	script_expect(&s, "[LCP ProtoRej id=2 <8057 IPV6CP>]");
	script_feed(&s, "80fd 01 01 000a 1206 01000060");
	script_expect(&s, "[LCP ProtoRej id=3 <80fd CCP>]");
	script_feed(&s, "c023 01 01 0006 0000");
	script_expect(&s, "[LCP ProtoRej id=4 <c023 PAP>]");
	script_feed(&s, "1234");
	script_expect(&s, "[LCP ProtoRej id=5 <1234>]");
	script_feed(&s, "0021 45 00");
	script_feed(&s, "0057 60 00");
	script_feed(&s, "00fd 90 00");
	script_feed(&s, "12");
	script_feed(&s, "");
	script_quiet(&s);
	assert_int_equal(s.stats.proto_rejects, 4);
	assert_int_equal(s.stats.malformed, 2);
	assert_int_equal(s.stats.out_of_phase, 4);
}

/* Every prefix of sound packets, with the true length and with the length field left alone: nothing breaks, a cut
 * packet is counted and not acted on. */
static void
truncations(void **state)
{
	(void)state;
	static const char *const whole[] = {
		"c02101010018010405780206000000000506345f64ca07020802",
		"c0210201001301040578 0305c22381 050601010101",
		"c021030100080104 0480",
		"c0210501000c 3132333435363738",
		"c0210801000880fd0101",
		"c0210c01000c aabbccdd 41414141",
	};
	for (unsigned i = 0; i < sizeof whole / sizeof whole[0]; i++) {
		char hex[120];
		size_t n = 0;
		for (const char *p = whole[i]; *p; p++)
			if (*p != ' ')
				hex[n++] = *p;
		for (size_t cut = 0; cut < n; cut += 2) {
			script_fini(&s);
			script_init(&s, PPP_SERVER);
			script_up(&s);
			script_expect(&s, FIRST);
			char part[120];
			snprintf(part, sizeof part, "%.*s", (int)cut, hex);
			script_feed(&s, part);
			script_quiet(&s);
			assert_int_equal(s.ppp.lcp.state, FSM_REQ_SENT);
			assert_int_equal(s.stats.malformed, 1);
		}
	}
}

static void
malformed_options(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"c021 01 01 0003",         "c021 01 01 0005 01",      "c021 01 01 0006 0101",
		"c021 01 01 0006 0100",    "c021 01 01 0007 0104 05", "c021 01 01 0008 0105 05dc",
		"c021 03 01 0007 0104 05", "c021 04 01 0006 0101",    "c021 01 01 ffff 0104 05dc",
	};
	script_up(&s);
	script_expect(&s, FIRST);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		script_feed(&s, bad[i]);
		assert_int_equal(s.stats.malformed, i + 1);
	}
	script_quiet(&s);
}

/* RFC 1661 5: octets beyond Length are padding. */
static void
padding(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 0004 deadbeef");
	script_expect(&s, "[LCP ConfAck id=1]");
	assert_int_equal(s.sent[1].len, 6);
}

static void
client_takes_offer(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <magic 01010101>]");
	script_feed(&s, "c021 01 01 0008 0304 c227");
	script_expect(&s, "[LCP ConfNak id=1 <auth chap MS-v2>]");
	script_feed(&s, "c021 01 02 0009 0305 c223 05");
	script_expect(&s, "[LCP ConfAck id=2 <auth chap MD5>]");
	script_feed(&s, "c021 01 03 0009 0305 c223 81");
	script_expect(&s, "[LCP ConfAck id=3 <auth chap MS-v2>]");
	assert_int_equal(s.ppp.opt.auth, PPP_AUTH_MSCHAPV2);
}

static void
trace_only_when_on(void **state)
{
	(void)state;
	script_up(&s);
	assert_string_equal(s.line, "");
	s.trace = true;
	script_feed(&s, "c021 09 05 0008 aabbccdd");
	assert_string_equal(s.line, "recv [LCP EchoReq id=5 <magic aabbccdd>]");
	script_feed(&s, "c021 05 05 0004");
	assert_string_equal(s.line, "send [LCP TermAck id=5]");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)
#define CLIENT(f) cmocka_unit_test_setup_teardown(f, client, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(opens),
		SERVER(accepts_compressed_header),
		SERVER(mru_bounds),
		SERVER(mru_too_small_ends),
		SERVER(mru_too_large_is_rejected),
		SERVER(never_agrees),
		SERVER(agrees_now_and_then),
		SERVER(naks_for_ever),
		SERVER(auth_nak_moves_on),
		SERVER(auth_nak_unknown),
		SERVER(auth_rejected),
		SERVER(peer_asks_for_auth),
		SERVER(other_refusals),
		SERVER(unknown_options),
		SERVER(reject_before_nak),
		SERVER(magic_zero),
		SERVER(loop),
		SERVER(code_reject_sent),
		SERVER(code_reject_received),
		SERVER(code_reject_cut),
		SERVER(protocol_reject_received),
		SERVER(echo),
		SERVER(echo_of_a_loop),
		SERVER(echo_before_open),
		SERVER(identification),
		SERVER(unknown_protocols),
		SERVER(truncations),
		SERVER(malformed_options),
		SERVER(padding),
		CLIENT(client_takes_offer),
		SERVER(trace_only_when_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
