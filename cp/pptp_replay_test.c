/* pptp_replay_test.c - scripted clients: what Windows 2000 and a Cisco router said to each other over PPTP, message by message,
 * as the router's debug log shows it: a session with 40-bit MPPE, and the four ways in which it failed.  A RADIUS server
 * answers as the one there did.
 *
 * The server's answers must be the router's in kind, option for option, and the end the same.  What we do in another way:
 * we ask for an MRU as well; our network protocols wait until CCP is through; an idle connection is left ten seconds, not at
 * once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aaa/fake_server.h"
#include "ppp/mschapv1.h"
#include "pptp_peer.h"

#define CALL 32768
#define ASKED "\3\6\0\0\0\0\x81\6\0\0\0\0\x82\6\0\0\0\0\x83\6\0\0\0\0\x84\6\0\0\0\0"
#define MAGIC "\x35\xbe\x1c\xb0"

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.200.20.2/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"198.51.100.1/30\" ]; } );\n"
	"pptp = { host-name = \"angela\"; ppp-options = { timeout = 2; %s }; };\n"
	"authentication = { mode = [ %s ]; protocols = [ \"mschap\" ]; challenge-name = \"angela\";\n"
	"  local-users = ( { username = \"tac\"; password = \"admin\"; } ); };\n"
	"default-pool = \"default\"; gateway-address = \"172.16.10.100\";\n"
	"client-ip-pool = ( { name = \"default\"; range = [ \"172.16.10.1-172.16.10.10\" ]; } );\n"
	"radius = { server = ( { address = \"127.0.0.1\"; key = \"testing123\"; port = %u; } ); timeout = 10; };\n";

static struct fake_server radius;
static unsigned requests;
static uint32_t policy, types; /* MS-MPPE-Encryption-Policy and -Types of the server; 0: it says nothing */

static void
count_requests(void)
{
	requests += fake_server_recv(&radius);
}

static void
begin(const char *mode, const char *options)
{
	char conf[2048];
	requests = policy = types = 0;
	fake_server_open(&radius, 0);
	snprintf(conf, sizeof conf, conf_text, options, mode, radius.port);
	peer_begin(conf);
	peer.idle = count_requests;
	peer_start();
	peer_call(CALL);
}

static void
end(void)
{
	peer_end();
	fake_server_close(&radius);
}

/* The client's first request comes two seconds late, with a callback, a bundle and an endpoint, which are rejected; the
 * router's timer sends its own again. */
static void
lcp(void)
{
	const struct fake_packet *ours = peer_heard("[LCP ConfReq id=*]");
	char asked[512];
	snprintf(asked, sizeof asked, "%s", strchr(peer.line, '<'));
	peer_must(asked, "<auth chap MS>");
	peer_must(asked, "<magic ");
	peer_ack(ours);
	peer_run_ms(1690);
	PEER_PPP(PPP_LCP, 1, 1,
		 "\5\6" MAGIC "\7\2\x08\2\x0d\3\6\x11\4\6\x4e\x13\x17\1\x6a\xc6\x16\xb0\6\xcc\x42\x81\xa1\xca\x94\x1e"
		 "\x39\xb9\x18\x26\0\0\0\x08");
	peer_heard("[LCP ConfRej id=1 <callback 06> <mrru 1614> <endpoint 01 6a c6 16 b0 06 cc 42 81 a1 ca 94 1e 39 b9 "
		   "18 26 00 00 00 08>]");
	peer_run_ms(300);
	ours = peer_heard("[LCP ConfReq id=*]"); /* "TIMEout: State ACKrcvd" */
	assert_string_equal(strchr(peer.line, '<'), asked);
	PEER_PPP(PPP_LCP, 1, 2, "\5\6" MAGIC "\7\2\x08\2");
	ours = peer_heard("[LCP ConfReq id=*]"); /* a copy, because the client asks and has not answered */
	peer_heard("[LCP ConfAck id=2 <magic 35be1cb0> <pcomp> <accomp>]");
	peer_ack(ours);
}

/* MS-CHAPv1 (RFC 2433): 24 octets of LAN Manager's, 24 of NT's, and which one counts. */
static void
respond(const char *password)
{
	uint8_t value[50 + 3] = {49};
	const struct fake_packet *p = peer_heard("[CHAP Challenge id=*name=\"angela\"]");
	assert_int_equal(p->bytes[6], 8);
	assert_true(mschapv1_nt_response(peer.cp->crypto, p->bytes + 7, password, value + 1 + MSCHAPV1_NT_OFFSET));
	value[1 + MSCHAPV1_FLAG_OFFSET] = 1;
	memcpy(value + 50, "tac", 3);
	PEER_PPP(PPP_LCP, 12, 3, MAGIC "MSRASV5.00");
	PEER_PPP(PPP_LCP, 12, 4, MAGIC "MSRAS-1-RSHANMUG");
	peer_silence();
	peer_ppp(PPP_CHAP, 2, p->bytes[3], value, sizeof value);
}

/* What the router sent to the server, attribute for attribute. */
static void
asked_of_radius(void)
{
	struct radius_attr a;
	for (unsigned i = 0; i < 100 && !requests; i++)
		peer_run_ms(10);
	assert_int_equal(requests, 1);
	assert_string_equal(fake_server_text(&radius, RADIUS_USER_NAME), "tac");
	assert_int_equal(fake_server_u32(&radius, RADIUS_SERVICE_TYPE), 2);
	assert_int_equal(fake_server_u32(&radius, RADIUS_FRAMED_PROTOCOL), 1);
	assert_int_equal(fake_server_u32(&radius, RADIUS_NAS_PORT_TYPE), 5);
	assert_int_equal(fake_server_u32(&radius, RADIUS_TUNNEL_TYPE), 1); /* PPTP, RFC 2868 3.1 */
	assert_true(fake_server_get(&radius, RADIUS_MS_CHAP_CHALLENGE, 0, &a));
	assert_int_equal(a.len, 8);
	assert_true(fake_server_get(&radius, RADIUS_MS_CHAP_RESPONSE, 0, &a));
	assert_int_equal(a.len, 50);
}

/* RFC 2548 2.4.1: the LAN Manager key ("admin"), the hash of the NT hash, and zeros, hidden like a password. */
static const uint8_t keys_of_admin[32] = {0xf0, 0xd4, 0x12, 0xbd, 0x76, 0x4f, 0xfe, 0x81, 0x44, 0xeb, 0xba, 0x8d,
					  0x53, 0x12, 0xb8, 0xd6, 0x11, 0x47, 0x44, 0x11, 0xf5, 0x69, 0x89, 0xae};

static void
accept_with(bool keys)
{
	uint8_t bytes[200], hidden[RADIUS_PASSWORD_MAX];
	struct wr w = wr_init(bytes, sizeof bytes);
	asked_of_radius();
	radius_put_u32(&w, RADIUS_FRAMED_PROTOCOL, 1);
	radius_put_u32(&w, RADIUS_SERVICE_TYPE, 2);
	radius_put(&w, RADIUS_CLASS, "\x64\x08\x07\x50", 4);
	assert_int_equal(radius_hide(hidden, keys_of_admin, sizeof keys_of_admin, FAKE_SECRET, radius.request + 4),
			 sizeof keys_of_admin);
	if (keys)
		radius_put(&w, RADIUS_MS_CHAP_MPPE_KEYS, hidden, sizeof keys_of_admin);
	if (policy)
		radius_put_u32(&w, RADIUS_MS_MPPE_POLICY, policy);
	if (types)
		radius_put_u32(&w, RADIUS_MS_MPPE_TYPES, types);
	fake_server_reply(&radius, RADIUS_ACCESS_ACCEPT, &w);
	peer_run_ms(50);
	peer_heard("[CHAP Success id=*]");
}

/* CCP as far as the Ack of the client's second request: it asks for all there is and is nak'ed down to 40 bits. */
static void
ccp(void)
{
	const struct fake_packet *ours = peer_heard("[CCP ConfReq id=* <mppe +H -M -S +L -D -C>]");
	PEER_PPP(PPP_CCP, 1, 5, "\x12\6\1\0\0\xf1");
	peer_heard("[CCP ConfNak id=5 <mppe +H -M -S +L -D -C>]");
	PEER_PPP(PPP_IPCP, 1, 6, ASKED);
	peer_silence();
	peer_ack(ours);
	PEER_PPP(PPP_CCP, 1, 7, "\x12\6\1\0\0\x20");
	peer_heard("[CCP ConfAck id=7 <mppe +H -M -S +L -D -C>]");
}

/* ipcp: the client's request has come; it is told what there is not. */
static void
ipcp(void)
{
	const struct fake_packet *ours = peer_heard("[IPCP ConfReq id=* <addr 172.16.10.100>]");
	peer_heard("[IPCP ConfRej id=6 <ms-dns1 0.0.0.0> <ms-wins1 0.0.0.0> <ms-dns2 0.0.0.0> <ms-wins2 0.0.0.0>]");
	peer_ack(ours);
}

/* encrypted: 40 bits, "Generate keys using RADIUS data": of the LAN Manager hash (RFC 3079 2.1). */
static void
encrypted(bool up)
{
	const struct dp_session_keys *k = &peer.session->keys[up];
	assert_int_equal(k->bits, 40);
	assert_true(k->stateless);
	assert_memory_equal(k->start_key, keys_of_admin, 8);
}

/* cleared: the router clears the call, and nothing is left of it; the connection goes when it has been idle. */
static void
cleared(uint8_t result, uint8_t error)
{
	struct pptp_msg m = peer_hear(PPTP_CDN);
	assert_int_equal(m.call_id, peer.session->how.our_sid);
	assert_int_equal(m.result, result);
	assert_int_equal(m.error, error);
	peer_run_ms(100);
	assert_int_equal(cp_sessions(peer.cp), 0);
	assert_int_equal(pool4_counts(peer.cp->pools, 0).lent, 0);
	peer_quiet();
	peer_run_ms(10000); /* "no-sess -> state change estabd to wt-stprp" */
	assert_int_equal(peer_hear(PPTP_STOPCCRQ).reason, 1);
	peer_say(&(struct pptp_msg){.type = PPTP_STOPCCRP, .result = 1});
	assert_int_equal(peer.closes, 1); /* "Destroy tunnel" */
	peer_run_ms(100);
	assert_int_equal(pptp_stats(peer.cp->pptp)->conns, 0);
	peer_quiet();
}

/* up: the whole of the set-up. */
static void
up(void)
{
	lcp();
	respond("admin");
	accept_with(true);
	ccp();
	encrypted(false);
	encrypted(true);
	ipcp();
	PEER_PPP(PPP_IPCP, 1, 8, "\3\6\0\0\0\0");
	peer_heard("[IPCP ConfNak id=8 <addr 172.16.10.1>]");
	PEER_PPP(PPP_IPCP, 1, 9, "\3\6\xac\x10\x0a\1");
	peer_heard("[IPCP ConfAck id=9 <addr 172.16.10.1>]");
	peer_silence();
}

/* Three minutes of it: the router's "show vpdn", Echo-Requests both ways on the control connection, and the client's leave. */
static void
success(void **state)
{
	(void)state;
	begin("\"radius\", \"local\"", "mppe = \"require\"; mppe-bits = [ \"40\" ];");
	up();
	assert_int_equal(fake_dataplane_nh(&peer.fake, 0xac100a01), nh_session(0, handle_index(peer.session->handle)));
	assert_int_equal(peer.session->set.gates, DP_GATE_AUTHENTICATED | DP_GATE_IP4 | DP_GATE_MPPE_REQUIRED);
	peer_must(peer_ask("show tunnels"),
		  "[\"pptp\",65536,\"angela\",null,\"client\",\"established\",\"192.168.1.47\",2000,1,");
	const char *shown = peer_ask("show session pptp0");
	peer_must(shown, "[0,\"encoding\",\"string\",\"MPPE40 stateless\"]");
	peer_must(shown, "[0,\"peer-ident\",\"string\",\"MSRAS-1-RSHANMUG\"]");
	peer_must(shown, "[0,\"backend\",\"string\",\"radius 127.0.0.1\"]");
	peer_run_ms(61000);
	peer_say(&(struct pptp_msg){.type = PPTP_ECHORP, .id = peer_hear(PPTP_ECHORQ).id, .result = 1});
	peer_say(&(struct pptp_msg){.type = PPTP_ECHORQ, .id = 0x31});
	assert_int_equal(peer_hear(PPTP_ECHORP).id, 0x31);
	peer_run_ms(61000);
	peer_say(&(struct pptp_msg){.type = PPTP_ECHORP, .id = peer_hear(PPTP_ECHORQ).id, .result = 1});
	peer_silence();
	PEER_PPP(PPP_LCP, 5, 10, MAGIC "\0\x3c\xcd\x74\0\0\0\0");
	peer_heard("[LCP TermAck id=10]");
	peer_say(&(struct pptp_msg){.type = PPTP_CCRQ, .call_id = CALL});
	cleared(4, 0);
	peer_must(peer_log(), "pptp0:tac: ended: peer terminated the link");
	end();
}

/* "RADIUS keying material missing": CCP is opened, then closed, then LCP is; Windows shows error 734. */
static void
error_734(void **state)
{
	(void)state;
	begin("\"radius\"", "mppe = \"require\"; mppe-bits = [ \"40\" ];");
	lcp();
	respond("admin");
	accept_with(false);
	ccp();
	const uint8_t ccp_id = peer_heard("[CCP TermReq id=*]")->bytes[3];
	PEER_PPP(PPP_IPCP, 1, 8, "\3\6\0\0\0\0");
	peer_silence();
	PEER_PPP(PPP_CCP, 6, ccp_id, "");
	const uint8_t lcp_id = peer_heard("[LCP TermReq id=* \"MPPE required\"]")->bytes[3];
	PEER_PPP(PPP_IPCP, 1, 9, "\3\6\0\0\0\0"); /* "LCP not open, discarding packet" */
	peer_silence();
	PEER_PPP(PPP_LCP, 6, lcp_id, "");
	cleared(2, 6);
	assert_int_equal(peer.session->keys[0].bits + peer.session->keys[1].bits, 0);
	peer_must(peer_log(), "pptp0:tac: ended: RADIUS keying material missing");
	end();
}

/* No encryption here: CCP is protocol-rejected, and the client, which requires it, leaves with error 742. */
static void
error_742(void **state)
{
	(void)state;
	begin("\"radius\"", "mppe = \"deny\";");
	lcp();
	respond("admin");
	accept_with(true);
	PEER_PPP(PPP_CCP, 1, 5, "\x12\6\1\0\0\xb1");
	peer_heard("[LCP ProtoRej id=* <80fd CCP>]");
	const struct fake_packet *rejected = &peer.frames[peer.n_seen - 1];
	assert_int_equal(rejected->len,
			 2 + 16); /* "PROTREJ [Open] id 18 len 16 protocol CCP (0x80FD0105000A12060...)" */
	assert_memory_equal(rejected->bytes + 6, "\x80\xfd\1\5\0\x0a\x12\6\1\0\0\xb1", 12);
	peer_silence(); /* the client is to begin: mppe is off, ipv4 "allow" */
	PEER_PPP(PPP_IPCP, 1, 6, ASKED);
	ipcp();
	PEER_PPP(PPP_LCP, 5, 7, "\x79\x12\x7f\xbe\0\x3c\xcd\x74\0\0\2\xe6");
	peer_heard("[LCP TermAck id=7]");
	peer_silence();
	peer_say(&(struct pptp_msg){.type = PPTP_CCRQ,
				    .call_id = CALL}); /* "ClearReq -> state change estabd to terminal" */
	assert_int_equal(peer_hear(PPTP_CDN).result, 4);
	peer_say(&(struct pptp_msg){.type = PPTP_STOPCCRQ, .reason = 1});
	assert_int_equal(peer_hear(PPTP_STOPCCRP).result, 1);
	assert_int_equal(peer.closes, 1);
	peer_run_ms(100);
	assert_int_equal(cp_sessions(peer.cp), 0);
	peer_must(peer_log(), "pptp0:tac: ended: peer terminated the link (peer: error 742)");
	end();
}

/* The server rejects: "MS-CHAP: O FAILURE msg is E=691 R=0", then LCP is closed. */
static void
error_691(void **state)
{
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof bytes);
	(void)state;
	begin("\"radius\", \"local\"", "mppe = \"require\"; mppe-bits = [ \"40\" ];");
	lcp();
	respond("looking-glass");
	asked_of_radius();
	radius_put(&w, RADIUS_MS_CHAP_ERROR,
		   "\x15"
		   "E=691 R=0 V=3",
		   14);
	fake_server_reply(&radius, RADIUS_ACCESS_REJECT, &w);
	peer_run_ms(50);
	peer_heard("[CHAP Failure id=*]");
	peer_must(peer.line, "\"E=691 R=0");
	const uint8_t id = peer_heard("[LCP TermReq id=* \"authentication failed\"]")->bytes[3];
	peer_silence();
	PEER_PPP(PPP_LCP, 6, id, "");
	cleared(3, 0);
	assert_int_equal(requests, 1); /* a reject never falls through to the local users */
	peer_must(peer_log(), "pptp0:tac: ended: authentication failed");
	end();
}

/* The server is dead: asked again and again, it says nothing.  Nothing of CCP or IPCP is said, and the login is refused. */
static void
server_dead(void **state)
{
	(void)state;
	begin("\"radius\"", "mppe = \"require\"; mppe-bits = [ \"40\" ];");
	lcp();
	respond("admin");
	for (unsigned i = 0; i < 3000 && peer.n_seen == peer.n_frames; i++)
		peer_run_ms(10);
	assert_true(requests >= 2); /* "Retransmit id 141", "Tried all servers." */
	peer_heard("[CHAP Failure id=*]");
	const uint8_t id = peer_heard("[LCP TermReq id=* \"authentication is not available\"]")->bytes[3];
	PEER_PPP(PPP_LCP, 6, id, "");
	cleared(2, 4);
	peer_must(peer_log(), "pptp0:tac: ended: no authentication server answers");
	end();
}

/* "The user is able to connect with username tac and password admin even if the RADIUS server is unavailable." */
static void
server_dead_and_local_users(void **state)
{
	(void)state;
	begin("\"radius\", \"local\"", "mppe = \"require\"; mppe-bits = [ \"40\" ];");
	lcp();
	respond("admin");
	for (unsigned i = 0; i < 3000 && peer.n_seen == peer.n_frames; i++)
		peer_run_ms(10);
	peer_heard("[CHAP Success id=*]");
	ccp();
	encrypted(false);
	encrypted(true);
	ipcp();
	peer_must(peer_ask("show session pptp0"), "[0,\"backend\",\"string\",\"local\"]");
	end();
}

/* RFC 2548 2.4.4, 2.4.5: the server says what the user must have, and what will do; our own keys say otherwise. */
static void
policy_of_the_server(void **state)
{
	(void)state;
	begin("\"radius\"", "mppe = \"deny\";");
	policy = 2; /* required */
	types = 2;  /* 40 bits */
	up();
	assert_true(peer.session->set.gates & DP_GATE_MPPE_REQUIRED);
	end();
	begin("\"radius\"", "mppe = \"require\"; mppe-bits = [ \"40\" ];");
	policy = 1; /* allowed */
	types = 4;  /* 128 bits */
	lcp();
	respond("admin");
	accept_with(true);
	peer_heard("[CCP ConfReq id=* <mppe +H -M +S -L -D -C>]");
	PEER_PPP(PPP_CCP, 1, 5, "\x12\6\1\0\0\x20");
	while (peer.n_seen < peer.n_frames && peer.frames[peer.n_seen].bytes[2] == CONF_REQ)
		peer.n_seen++; /* a copy, because the client asks and has not answered */
	peer_heard("[CCP ConfNak id=5 <mppe +H -M +S -L -D -C>]");
	assert_false(peer.session->set.gates & DP_GATE_MPPE_REQUIRED);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success),
		cmocka_unit_test(error_734),
		cmocka_unit_test(error_742),
		cmocka_unit_test(error_691),
		cmocka_unit_test(server_dead),
		cmocka_unit_test(server_dead_and_local_users),
		cmocka_unit_test(policy_of_the_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
