/* PPTP calls as sessions, the whole of cp on a virtual clock, against a scripted client: what the workers are told, what the
 * operator sees, and how calls and connections end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pptp_peer.h"

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.200.20.2/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"198.51.100.1/30\" ]; } );\n"
	"pptp = { host-name = \"bras1\"; reorder-packets = 9; reorder-timeout = 33; recv-window = 17; %s\n"
	"  ppp-options = { %s }; authentication = { protocols = [ \"chap\" ]; }; }; max-sessions = 2;\n"
	"authentication = { local-users = ( { username = \"test\"; password = \"test\"; } ); };\n"
	"default-pool = \"POOL\"; gateway-address = \"10.0.0.1\";\n"
	"client-ip-pool = ( { name = \"POOL\"; range = [ \"10.0.0.5-10.0.0.8\" ]; } );\n";

static void
begin(const char *keys, const char *ppp_options)
{
	char conf[2048];
	snprintf(conf, sizeof conf, conf_text, keys, ppp_options);
	peer_begin(conf);
}

/* Two calls of one connection; a third finds the limit.  What the worker needs for GRE is all there, and PPP has begun. */
static void
calls_become_sessions(void **state)
{
	(void)state;
	begin("", "");
	peer_start();
	for (uint16_t id = 7; id <= 8; id++) {
		const struct fake_session *s = peer_call(id);
		assert_int_equal(s->how.bearer, DP_BEARER_PPTP);
		assert_int_equal(s->how.our_sid, handle_index(s->handle) & 0xffff);
		assert_int_equal(addr_ip4(&s->how.peer), 0xc0a8012f);
		assert_int_equal(s->how.gre_window, 9);
		assert_int_equal(s->how.gre_patience_ms, 33);
	}
	assert_true(peer.n_frames >= 2);
	assert_int_equal(cp_sessions(peer.cp), 2);
	peer_say(&(struct pptp_msg){.type = PPTP_OCRQ, .call_id = 9});
	struct pptp_msg m = peer_hear(PPTP_OCRP);
	assert_int_equal(m.result, 2);
	assert_int_equal(m.error, 4);
	assert_int_equal(m.window, 17);
	peer_must(peer_log(), "warn  pptp tunnel 65536: call refused: session limit reached peer=192.168.1.47:2000");
	peer_end();
}

static void
client_clears(void **state)
{
	(void)state;
	begin("idle-tunnel-timeout = 12;", "");
	peer_start();
	const struct fake_session *s = peer_call(7);
	peer_say(&(struct pptp_msg){.type = PPTP_CCRQ, .call_id = 7});
	assert_int_equal(peer_hear(PPTP_CDN).result, 4);
	peer_run_ms(100);
	assert_false(s->open);
	assert_int_equal(cp_sessions(peer.cp), 0);
	assert_int_equal(peer.cp->stats.ended[CAUSE_PEER_CALL_CLEARED], 1);
	assert_int_equal(peer.closes, 0);
	peer_run_ms(11500);
	peer_quiet();
	peer_run_ms(500);
	peer_hear(PPTP_STOPCCRQ);
	peer_say(&(struct pptp_msg){.type = PPTP_STOPCCRP, .result = 1});
	assert_int_equal(peer.closes, 1);
	assert_int_equal(pptp_stats(peer.cp->pptp)->conns, 0);
	peer_must(peer_log(), "ended: peer cleared the call");
	peer_end();
}

/* How the TCP connection ends is why the sessions do. */
static void
connection_is_lost(void **state)
{
	static const struct {
		enum dp_conn_gone_reason reason;
		enum cause cause;
		const char *log;
	} rows[] = {
		{DP_CONN_RESET, CAUSE_CONN_RESET, "warn  pptp1:192.168.1.47:2000: ended: connection was reset"},
		{DP_CONN_TIMEOUT, CAUSE_TUNNEL_TIMEOUT,
		 "warn  pptp1:192.168.1.47:2000: ended: tunnel peer does not answer"},
		{DP_CONN_CLOSED, CAUSE_PEER_TUNNEL_CLOSED,
		 "info  pptp1:192.168.1.47:2000: ended: peer closed the tunnel"},
	};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin("", "");
		peer_start();
		peer_call(7);
		peer_call(8);
		peer_gone(rows[i].reason);
		assert_int_equal(cp_sessions(peer.cp), 0);
		assert_int_equal(peer.cp->stats.ended[rows[i].cause], 2);
		assert_int_equal(pptp_stats(peer.cp->pptp)->conns, 0);
		peer_must(peer_log(), rows[i].log);
		peer_end();
	}
}

static void
daemon_ends(void **state)
{
	(void)state;
	begin("", "");
	peer_start();
	peer_call(7);
	cp_shutdown(peer.cp, peer.now);
	peer_run_ms(10000);
	assert_int_equal(peer_hear(PPTP_CDN).result, 3);
	assert_int_equal(cp_sessions(peer.cp), 0);
	peer_end();
}

/* `show tunnels` has the connection from the first octet on, and `terminate tunnel` ends it with all its calls. */
static void
operator_sees_and_ends(void **state)
{
	(void)state;
	begin("", "");
	peer_must(peer_ask("show tunnels"),
		  "[\"pptp\",65536,\"bras1\",null,\"\",\"wait-ctl-request\",\"192.168.1.47\",2000,0,0]");
	peer_run_ms(3000);
	peer_start();
	peer_call(7);
	peer_call(8);
	peer_run_ms(2000);
	peer_must(peer_ask("show tunnels"),
		  "[\"pptp\",65536,\"bras1\",null,\"client\",\"established\",\"192.168.1.47\",2000,2,2]");
	peer_must(peer_ask("terminate tunnel 65537"), "no tunnel 65537");
	peer_must(peer_ask("terminate tunnel 6553x"), "tunnel ID is a number from 1 on, not 6553x");
	assert_int_equal(cp_sessions(peer.cp), 2);
	const char *answer = peer_ask("terminate tunnel 65536");
	peer_must(answer, "[0,\"tunnels\",\"integer\",1]");
	peer_must(answer, "[0,\"terminated\",\"integer\",2]");
	peer_run_ms(100);
	assert_int_equal(cp_sessions(peer.cp), 0);
	assert_int_equal(peer.cp->stats.ended[CAUSE_ADMIN_RESET], 2);
	assert_int_equal(peer_hear(PPTP_STOPCCRQ).reason, 1);
	peer_must(peer_ask("show tunnels"), "\"wait-stop-reply\"");
	peer_must(peer_ask("terminate tunnel 65536"), "no tunnel 65536");
	peer_say(&(struct pptp_msg){.type = PPTP_STOPCCRP, .result = 1});
	assert_int_equal(peer.closes, 1);
	peer_run_ms(100);
	assert_null(strstr(peer_ask("show tunnels"), "65536"));
	const char *log = peer_log();
	peer_must(log, "info  pptp tunnel 65536: established peer=192.168.1.47:2000 name=client");
	peer_must(log, "info  pptp1:192.168.1.47:2000: ended: terminated by the operator");
	peer_must(log, "info  pptp tunnel 65536: ended: terminated by the operator peer=192.168.1.47:2000");
	peer_end();
}

/* Both keys of the keep-alive: after so much silence we ask, and after so much more without a reply all is over. */
static void
echo_keys(void **state)
{
	(void)state;
	begin("echo-interval = 7; echo-timeout = 3;", "");
	peer_start();
	peer_call(7);
	peer_run_ms(5000);
	peer_say(&(struct pptp_msg){.type = PPTP_ECHORQ, .id = 9}); /* no silence */
	peer_hear(PPTP_ECHORP);
	peer_run_ms(6900);
	peer_quiet();
	peer_run_ms(200);
	peer_say(&(struct pptp_msg){.type = PPTP_ECHORP, .id = peer_hear(PPTP_ECHORQ).id, .result = 1});
	peer_run_ms(7000);
	const uint32_t id = peer_hear(PPTP_ECHORQ).id;
	peer_say(&(struct pptp_msg){.type = PPTP_ECHORP, .id = id - 1, .result = 1}); /* of another request */
	peer_run_ms(2800);
	assert_int_equal(cp_sessions(peer.cp), 1);
	peer_run_ms(300);
	assert_int_equal(cp_sessions(peer.cp), 0);
	assert_int_equal(peer.closes, 1);
	assert_int_equal(peer.cp->stats.ended[CAUSE_TUNNEL_TIMEOUT], 1);
	peer_must(peer_log(), "pptp 192.168.1.47:2000: no answer to Echo-Request");
	peer_end();
	begin("echo-interval = 0; idle-tunnel-timeout = 0;", "lcp-echo-interval = 0; timeout = 60;"); /* neither */
	peer_start();
	peer_run_ms(300000);
	peer_quiet();
	assert_int_equal(peer.closes, 0);
	peer_end();
}

/* A connection that begins with nothing is let go of after its time; the log, where strangers have ten lines a second, says
 * how many there was no room for. */
static void
set_up_key(void **state)
{
	uint32_t left_out;
	(void)state;
	begin("timeout = 9;", "");
	for (unsigned i = 0; i < LOG_LIMIT + 3; i++)
		(void)log_limit_take(&peer.cp->refusals, peer.now, &left_out);
	peer_run_ms(8900);
	assert_int_equal(peer.closes, 0);
	peer_run_ms(200);
	assert_int_equal(peer.closes, 1);
	peer_must(peer_log(), "ended: tunnel peer does not answer peer=192.168.1.47:2000 (after 3 more)\n");
	peer_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_become_sessions),
		cmocka_unit_test(client_clears),
		cmocka_unit_test(connection_is_lost),
		cmocka_unit_test(daemon_ends),
		cmocka_unit_test(operator_sees_and_ends),
		cmocka_unit_test(echo_keys),
		cmocka_unit_test(set_up_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
