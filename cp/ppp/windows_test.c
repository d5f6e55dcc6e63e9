/* Windows clients, packet by packet as servers of others have logged them: the same options, the same end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/crypto.h"
#include "ppp/mschapv1.h"
#include "ppp/script.h"

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	s.conf.acfc = s.conf.pfc = PPP_ALLOW;
	s.conf.ipv4 = PPP_ALLOW;
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

/* CHAP in words: an MD5 Response of the script's user. */
static void
respond_md5(const char *name, const char *password)
{
	uint8_t frame[2 + 4 + 1 + 16 + 64] = {0xc2, 0x23, 2, s.ppp.auth.id, 0, 0, 16};
	size_t len = 4 + 1 + 16 + strlen(name);
	const struct part in[] = {{&s.ppp.auth.id, 1}, {password, strlen(password)}, {s.ppp.auth.challenge, 16}};
	put_be16(frame + 4, (uint16_t)len);
	assert_true(crypto_md5(s.conf.crypto, in, 3, frame + 7));
	memcpy(frame + 23, name, strlen(name));
	ppp_input(&s.ppp, frame, 2 + len, s.now);
}

static void
respond_mschap(const char *name, const char *password)
{
	uint8_t frame[2 + 4 + 1 + 49 + 64] = {0xc2, 0x23, 2, s.ppp.auth.id, 0, 0, 49};
	size_t len = 4 + 1 + 49 + strlen(name);
	put_be16(frame + 4, (uint16_t)len);
	assert_true(mschapv1_nt_response(s.conf.crypto, s.ppp.auth.challenge, password, frame + 7 + 24));
	frame[7 + 48] = 1;
	memcpy(frame + 7 + 49, name, strlen(name));
	ppp_input(&s.ppp, frame, 2 + len, s.now);
}

/* Windows 10 over L2TP with CHAP-MD5: our first request is lost, three Identifications come while it is challenged, the
 * second Terminate-Request two seconds after the first. */
static void
l2tp_with_chap(void **state)
{
	(void)state;
	s.name = "jim";
	s.conf.auth[0] = PPP_AUTH_CHAP_MD5;
	s.conf.mru = s.conf.mtu = 1460;
	s.conf.success_text = "Welcome";
	s.result.ip4 = (struct ppp_ip4){.our = 0xc0a82001, .peer = 0xc0a82080, .dns = {0xc0a83001, 0}};
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1460> <auth chap MD5> <magic 01010101>]");
	script_feed(&s, "c021 01 00 0015 0104 0578 0506 16c02943 0702 0802 0d03 06");
	script_expect(&s, "[LCP ConfRej id=0 <callback 06>]");
	script_feed(&s, "c021 01 01 0012 0104 0578 0506 16c02943 0702 0802");
	script_expect(&s, "[LCP ConfAck id=1 <mru 1400> <magic 16c02943> <pcomp> <accomp>]");
	script_wait(&s, 3010);
	s.n_read = s.n_sent - 1;
	script_expect(&s, "[LCP ConfReq id=1 <mru 1460> <auth chap MD5> <magic 01010101>]");
	script_echo(&s, CONF_ACK);
	script_events(&s, "link_up(mtu=1400,mru=1460,01010101,16c02943,acfc,pfc)");
	script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"\"]");
	script_feed(&s, "c021 0c 02 0012 16c02943 4d535241 5356352e3230");
	script_feed(&s, "c021 0c 03 001f 16c02943 4d535241532d302d57494e2d4c494952434d384252494b");
	script_feed(&s, "c021 0c 04 0018 16c02943 c8 0a 5d 94 e2 41 17 4f 9b b0 22 81 fe 33 6d 07");
	assert_string_equal(s.ppp.ident, "MSRAS-0-WIN-LIIRCM8BRIK");
	script_quiet(&s);
	respond_md5("jim", "wonderland");
	script_expect(&s, "[CHAP Success id=1 \"Welcome\"]");
	script_feed(&s, "8057 01 05 000e 010a 0000000000000001");
	script_expect(&s, "[LCP ProtoRej id=2 <8057 IPV6CP>]");
	script_feed(&s, "8021 01 06 0022 0306 00000000 8106 00000000 8206 00000000 8306 00000000 8406 00000000");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 192.168.32.1>]");
	script_expect(&s, "[IPCP ConfRej id=6 <ms-wins1 0.0.0.0> <ms-dns2 0.0.0.0> <ms-wins2 0.0.0.0>]");
	script_feed(&s, "8021 01 08 0010 0306 00000000 8106 00000000");
	script_expect(&s, "[IPCP ConfNak id=8 <addr 192.168.32.128> <ms-dns1 192.168.48.1>]");
	script_feed(&s, "8021 02 01 000a 0306 c0a82001");
	script_feed(&s, "8021 01 09 0010 0306 c0a82080 8106 c0a83001");
	script_expect(&s, "[IPCP ConfAck id=9 <addr 192.168.32.128> <ms-dns1 192.168.48.1>]");
	script_quiet(&s);
	script_events(&s, "auth(chap-md5,jim) opening(8021) up(8021)");
	script_feed(&s, "c021 05 0a 0010 16c02943 003ccd74 00000000");
	script_expect(&s, "[LCP TermAck id=10]");
	script_wait(&s, 2000);
	script_feed(&s, "c021 05 0b 0010 16c02943 003ccd74 00000000");
	script_expect(&s, "[LCP TermAck id=11]");
	script_events(&s, "down(8021) link_down");
	assert_string_equal(s.ppp.peer_text, "hung up");
	script_wait(&s, 1010);
	script_events(&s, "end(USER_REQUEST)");
}

/* Windows 2000 over PPTP with MS-CHAP: multilink and callback are rejected; CCP is not spoken. */
static void
pptp_with_mschap(void **state)
{
	(void)state;
	s.name = "tac";
	s.password = "admin";
	s.conf.auth[0] = PPP_AUTH_MSCHAP;
	s.conf.challenge_name = "angela";
	s.result.ip4 = (struct ppp_ip4){.our = 0xac100a64, .peer = 0xac100a01};
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <auth chap MS> <magic 01010101>]");
	script_feed(&s, "c021 01 01 002c 0506 35be1cb0 0702 0802 0d03 06 1104 064e 1317 016ac616b006cc4281a1ca941e39"
			"b91826000000 08");
	script_expect(&s,
		      "[LCP ConfRej id=1 <callback 06> <mrru 1614> <endpoint 01 6a c6 16 b0 06 cc 42 81 a1 ca 94 1e "
		      "39 b9 18 26 00 00 00 08>]");
	script_feed(&s, "c021 01 02 000e 0506 35be1cb0 0702 0802");
	script_expect(&s, "[LCP ConfAck id=2 <magic 35be1cb0> <pcomp> <accomp>]");
	script_feed(&s, "c021 02 01 0013 0104 0578 0305 c223 80 0506 01010101");
	script_expect(&s, "[CHAP Challenge id=1 <0202020202020202> name=\"angela\"]");
	script_feed(&s, "c021 0c 03 0012 35be1cb0 4d53524153 56352e3030");
	script_feed(&s, "c021 0c 04 0018 35be1cb0 4d535241532d312d525348414e4d5547");
	respond_mschap("tac", "admin");
	script_expect(&s, "[CHAP Success id=1 \"Authentication succeeded\"]");
	assert_string_equal(s.ppp.ident, "MSRAS-1-RSHANMUG");
	script_feed(&s, "80fd 01 05 000a 1206 010000f1");
	script_expect(&s, "[LCP ProtoRej id=2 <80fd CCP>]");
	script_feed(&s, "8021 01 06 0022 0306 00000000 8106 00000000 8206 00000000 8306 00000000 8406 00000000");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 172.16.10.100>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[IPCP ConfRej id=6 <ms-dns1 0.0.0.0> <ms-wins1 0.0.0.0> <ms-dns2 0.0.0.0> <ms-wins2 "
			  "0.0.0.0>]");
	script_feed(&s, "8021 01 08 000a 0306 00000000");
	script_expect(&s, "[IPCP ConfNak id=8 <addr 172.16.10.1>]");
	script_feed(&s, "8021 01 09 000a 0306 ac100a01");
	script_expect(&s, "[IPCP ConfAck id=9 <addr 172.16.10.1>]");
	script_quiet(&s);
	/* it wanted encryption, and goes */
	script_feed(&s, "c021 05 0a 0010 35be1cb0 003ccd74 000002e6");
	assert_string_equal(s.ppp.peer_text, "error 742");
}

/* Windows 10 over SSTP with PAP: an MRU of its own that is larger than the tunnel's. */
static void
sstp_with_pap(void **state)
{
	(void)state;
	s.name = "test";
	s.conf.auth[0] = PPP_AUTH_PAP;
	s.conf.acfc = s.conf.pfc = PPP_DENY;
	s.conf.mru = s.conf.mtu = 1452;
	s.result.ip4 = (struct ppp_ip4){.our = 0x0a000001, .peer = 0x0a000005};
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1452> <auth pap> <magic 01010101>]");
	script_feed(&s, "c021 01 00 0015 0104 0ffb 0506 345f64ca 0702 0802 0d03 06");
	script_expect(&s, "[LCP ConfRej id=0 <pcomp> <accomp> <callback 06>]");
	script_feed(&s, "c021 01 01 000e 0104 0ffb 0506 345f64ca");
	script_expect(&s, "[LCP ConfNak id=1 <mru 1452>]");
	script_feed(&s, "c021 01 02 000e 0104 05ac 0506 345f64ca");
	script_expect(&s, "[LCP ConfAck id=2 <mru 1452> <magic 345f64ca>]");
	script_feed(&s, "c021 02 01 0012 0104 05ac 0304 c023 0506 01010101");
	script_feed(&s, "c023 01 03 0014 04 74657374 0a 776f6e6465726c616e64");
	script_expect(&s, "[PAP AuthAck id=3 \"Authentication succeeded\"]");
	script_feed(&s, "8057 01 06 000e 010a 0000000000000001");
	script_expect(&s, "[LCP ProtoRej id=2 <8057 IPV6CP>]");
	script_feed(&s, "8021 01 07 0022 0306 00000000 8106 00000000 8206 00000000 8306 00000000 8406 00000000");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.0.0.1>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[IPCP ConfRej id=7 <ms-dns1 0.0.0.0> <ms-wins1 0.0.0.0> <ms-dns2 0.0.0.0> <ms-wins2 "
			  "0.0.0.0>]");
	script_feed(&s, "8021 01 08 000a 0306 00000000");
	script_expect(&s, "[IPCP ConfNak id=8 <addr 10.0.0.5>]");
	script_feed(&s, "8021 01 09 000a 0306 0a000005");
	script_expect(&s, "[IPCP ConfAck id=9 <addr 10.0.0.5>]");
	script_quiet(&s);
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(l2tp_with_chap),
		SERVER(pptp_with_mschap),
		SERVER(sstp_with_pap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
