/* cause_test.c - every row of cause.def, brought about as it happens: what the tunnel's peer is told, what the client's
 * PPP is told, what the log says, what the control socket shows.  Expectations are written out here, not read from
 * cause.def.  A row without a case fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admission.h"
#include "world.h"

static struct twin *const t = &world.t;

/* --- how it comes about ------------------------------------------------------------------------------------------ */

static void
dial(unsigned first, unsigned n)
{
	twin_dial(t, 0, first, n);
	twin_run_ms(t, 3000);
}

static struct session *
up(void)
{
	dial(0, 1);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	return twin_session(t, t->calls[0].name);
}

static void
hang_up(void)
{
	static const uint8_t windows_742[] = {0xc0, 0x21, 5, 9, 0, 16, 1, 2, 3, 4, 0, 0x3c, 0xcd, 0x74, 0, 0, 2, 0xe6};
	up();
	world_say(windows_742, sizeof windows_742);
	twin_run_ms(t, 5000);
}

static void
clear_call(void)
{
	up();
	struct l2tp_call *call = t->calls[0].call;
	call->bearer.ops->close(&call->bearer, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
}

static void
close_tunnel(void)
{
	up();
	l2tp_tunnel_close(t->l2tp, t->tunnels[0]->our_tid, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
}

static void
vanish(void)
{
	struct session *s = up();
	t->calls[0].mute = true;
	fake_dataplane_dead(&t->fake, s->handle);
	twin_run_ms(t, 10000);
}

static void
cut_the_wire(void)
{
	up();
	t->loss_percent = 100;
	twin_run_ms(t, 150000);
}

static void
never_answer(void)
{
	t->calls[0].mute = true;
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 40000);
}

static void
insist_on_a_small_mru(void)
{
	t->ppp_conf.mru = 60;
	dial(0, 1);
}

static void
echo_frame(const uint8_t *frame, size_t len)
{
	if (be16(frame) == PPP_LCP && t->calls[0].call)
		world_say(frame, len);
}

static void
loop_back(void)
{
	t->calls[0].mute = true;
	world.on_frame = echo_frame;
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 20000);
}

static void
reject_lcp(void)
{
	static const uint8_t reject[] = {0xc0, 0x21, 8, 1, 0, 6, 0xc0, 0x21};
	up();
	world_say(reject, sizeof reject);
	twin_run_ms(t, 1000);
}

static void
wrong_password(void)
{
	t->calls[0].password = "guess";
	dial(0, 1);
}

static void
only_pap(void)
{
	t->ppp_conf.auth[0] = PPP_AUTH_PAP;
	t->ppp_conf.n_auth = 1;
	dial(0, 1);
}

static uint16_t deaf_from;

static void
go_deaf(const uint8_t *frame, size_t len)
{
	(void)len;
	if (be16(frame) == deaf_from)
		t->calls[0].mute = true;
}

/* The client hears nothing from the server's first packet of a protocol on. */
static void
deaf_for(uint16_t proto)
{
	deaf_from = proto;
	world.on_frame = go_deaf;
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 50000);
}

static void
never_respond(void)
{
	deaf_for(PPP_CHAP);
}

static void
never_take_ipcp(void)
{
	deaf_for(PPP_IPCP);
}

static void
nobody_to_ask(void)
{
	t->cp->backends[CONF_MODE_LOCAL] = NULL;
	dial(0, 1);
}

static void
one(void)
{
	dial(0, 1);
}

/* A server that says yes and sends no keys, as a RADIUS server without MS-MPPE-Send-Key does. */
static enum backend_answer
yes_without_keys(struct cp *cp, struct login *login, struct verdict *verdict, struct mono now)
{
	enum backend_answer answer = local_backend.ask(cp, login, verdict, now);
	verdict->result.keys = (struct ppp_keys){0};
	return answer;
}

static void
send_no_keys(void)
{
	static const struct backend keyless = {.name = "keyless", .ask = yes_without_keys};
	t->cp->backends[CONF_MODE_LOCAL] = &keyless;
	t->ppp_conf.mppe = PPP_PREFER;
	dial(0, 1);
}

static void
two(void)
{
	up();
	dial(1, 1);
}

static void
two_of_one_address(void)
{
	t->calls[0].name = t->calls[1].name = "u2";
	two();
}

static void
two_of_one_user(void)
{
	t->calls[1].name = "u0";
	two();
}

/* A server that sends Port-Limit = 1. */
static enum backend_answer
yes_to_one(struct cp *cp, struct login *login, struct verdict *verdict, struct mono now)
{
	enum backend_answer answer = local_backend.ask(cp, login, verdict, now);
	profile_say_port_limit(&verdict->profile, 1);
	return answer;
}

static void
two_where_one_is_the_limit(void)
{
	static const struct backend limiting = {.name = "limiting", .ask = yes_to_one};
	t->cp->backends[CONF_MODE_LOCAL] = &limiting;
	two_of_one_user();
}

static void
stay_in_set_up(void)
{
	t->calls[0].mute = true;
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 15000);
}

/* A SCCRQ of a stranger, with another AVP at its end. */
static void
begin_sccrq(struct build *b, bool with_name, uint16_t version)
{
	l2tp_build_start(b, 0, 0, L2TP_MSG_SCCRQ);
	l2tp_avp_u16(b, AVP_PROTOCOL_VERSION, version);
	l2tp_avp_u32(b, AVP_FRAMING_CAPS, 3);
	l2tp_avp_u16(b, AVP_ASSIGNED_TUNNEL_ID, 77);
	if (with_name)
		l2tp_avp_text(b, AVP_HOST_NAME, "stranger");
}

static void
sccrq_without_name(void)
{
	struct build b;
	begin_sccrq(&b, false, 0x0100);
	world_tell(&b, 0, 0);
}

static void
sccrq_with(const void *avp, size_t len)
{
	struct build b;
	begin_sccrq(&b, true, 0x0100);
	wr_bytes(&b.w, avp, len);
	world_tell(&b, 0, 0);
}

static void
sccrq_with_long_avp(void)
{
	sccrq_with("\x80\x3c\0\0\0\x06\1\1", 8);
}

static void
sccrq_with_unknown_avp(void)
{
	sccrq_with("\x80\x08\0\0\0\x63\1\1", 8);
}

static void
sccrq_of_version_2(void)
{
	struct build b;
	begin_sccrq(&b, true, 0x0200);
	world_tell(&b, 0, 0);
}

static void
sccrq(void)
{
	struct build b;
	begin_sccrq(&b, true, 0x0100);
	world_tell(&b, 0, 0);
}

static void
icrq_before_scccn(void)
{
	struct build b;
	sccrq();
	l2tp_build_start(&b, world.tid, 0, L2TP_MSG_ICRQ);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 5);
	world_tell(&b, 1, 1);
}

static void
scccn_without_response(void)
{
	struct build b;
	sccrq();
	l2tp_build_start(&b, world.tid, 0, L2TP_MSG_SCCCN);
	world_tell(&b, 1, 1);
}

static void
require_sequencing(void)
{
	const struct l2tp_config config = {.host_name = "client", .secret = "tunnel", .dataseq = L2TP_DATASEQ_REQUIRE};
	assert_true(l2tp_configure(t->l2tp, &config));
	dial(0, 1);
}

static void
leave_the_tunnel_empty(void)
{
	hang_up();
	world_release();
	twin_run_ms(t, 15000);
}

static void
ask_for_an_outgoing_call(void)
{
	struct build b;
	up();
	struct tunnel *tunnel = (struct tunnel *)t->tunnels[0];
	l2tp_tunnel_begin(tunnel, &b, 0, L2TP_MSG_OCRQ);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 9);
	l2tp_tunnel_send(tunnel, &b, t->now);
	twin_run_ms(t, 1000);
}

static void
operator_ends_it(void)
{
	up();
	assert_non_null(strstr(world_ask("terminate if l2tp0"), "[0,\"terminated\",\"integer\",1]"));
	twin_run_ms(t, 1000);
}

static void
daemon_ends(void)
{
	up();
	cp_shutdown(t->cp, t->now);
	twin_run_ms(t, 1000);
}

static void
call_in_maintenance(void)
{
	up();
	t->cp->maintenance = true;
	dial(1, 1);
}

static void
stay(void)
{
	up();
	twin_run_ms(t, 30000);
}

static void
go_unaccounted(void)
{
	dial(0, 1);
	twin_run_ms(t, 30000);
}

/* --- what must be seen ------------------------------------------------------------------------------------------- */

enum scope { SESSION, TUNNEL, REFUSED };

struct expectation {
	enum cause cause;
	enum scope scope;
	void (*reach)(void);
	const char *auth, *l2tp, *top; /* of the configuration; NULL: the usual */
	uint16_t cdn, cdn_error;       /* Result and Error Code; 0: no CDN is sent */
	uint16_t stop, stop_error;     /* likewise of StopCCN */
	const char *l2tp_text;         /* message of that; NULL: as text */
	const char *ppp;               /* Terminate-Request; NULL: none is sent */
	const char *text;              /* of the log and the control socket */
	const char *log;               /* the line, from the level on */
	const char *ifname;            /* whose cause `show session` shows; NULL: none's */
	const char *not_here;          /* why there is no case */
};

#define POOL "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); "
#define MPPE "ppp-options = { mppe = \"require\"; };"
#define ONE_ADDRESS "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.5/32\" ]; } );"
/* The discard port of the machine, where nobody listens. */
#define NO_ACCOUNTING                                                                                                  \
	"radius = { acct-required = true; acct-timeout = 1; max-try = 1;"                                              \
	" server = ( { address = \"127.0.0.1\"; key = \"k\"; port = 8; acct-port = 9; } ); };"
#define NOT_HERE(name, why)                                                                                            \
	{                                                                                                              \
		.cause = CAUSE_##name, .not_here = why                                                                 \
	}

/* clang-format off */
static const struct expectation expectations[] = {
	NOT_HERE(NONE, "no end"),
	{CAUSE_USER_REQUEST, SESSION, hang_up, .cdn = 3, .text = "peer terminated the link",
		.log = "info  l2tp0:u0: ended: peer terminated the link (peer: error 742) time=", .ifname = "l2tp0"},
	{CAUSE_PEER_CALL_CLEARED, SESSION, clear_call, .text = "peer cleared the call",
		.log = "info  l2tp0:u0: ended: peer cleared the call time=", .ifname = "l2tp0"},
	{CAUSE_PEER_TUNNEL_CLOSED, SESSION, close_tunnel, .text = "peer closed the tunnel",
		.log = "info  l2tp0:u0: ended: peer closed the tunnel time=", .ifname = "l2tp0"},
	{CAUSE_PEER_TUNNEL_CLOSED, TUNNEL, close_tunnel, .text = "peer closed the tunnel",
		.log = ": ended: peer closed the tunnel peer=10.77.0.1:20000 (peer: terminated by the operator)"},
	{CAUSE_ECHO_FAILURE, SESSION, vanish, .cdn = 1, .ppp = "no answer to LCP echo", .text = "no answer to LCP echo",
		.log = "warn  l2tp0:u0: ended: no answer to LCP echo time=", .ifname = "l2tp0"},
	{CAUSE_TUNNEL_TIMEOUT, SESSION, cut_the_wire, .text = "tunnel peer does not answer",
		.log = "warn  l2tp0:u0: ended: tunnel peer does not answer time=", .ifname = "l2tp0"},
	{CAUSE_TUNNEL_TIMEOUT, TUNNEL, cut_the_wire, .text = "tunnel peer does not answer",
		.log = ": ended: tunnel peer does not answer peer=10.77.0.1:20000"},
	{CAUSE_LCP_TIMEOUT, SESSION, never_answer, .cdn = 2, .cdn_error = 6, .text = "LCP negotiation timed out",
		.log = "warn  l2tp0:10.77.0.1:20000: ended: LCP negotiation timed out", .ifname = "l2tp0"},
	{CAUSE_LCP_FAILED, SESSION, insist_on_a_small_mru, .cdn = 2, .cdn_error = 6, .ppp = "LCP options not agreed",
		.text = "LCP options not agreed", .log = "warn  l2tp0:10.77.0.1:20000: ended: LCP options not agreed",
		.ifname = "l2tp0"},
	{CAUSE_LCP_LOOPBACK, SESSION, loop_back, .cdn = 2, .cdn_error = 6, .ppp = "link is looped back",
		.text = "link is looped back", .log = "warn  l2tp0:10.77.0.1:20000: ended: link is looped back (peer: link is looped back)",
		.ifname = "l2tp0"},
	{CAUSE_LCP_PROTOCOL_ERROR, SESSION, reject_lcp, .cdn = 2, .cdn_error = 6, .ppp = "protocol error",
		.text = "peer rejected a protocol it must have",
		.log = "warn  l2tp0:u0: ended: peer rejected a protocol it must have time=", .ifname = "l2tp0"},
	{CAUSE_AUTH_FAILED, SESSION, wrong_password, .cdn = 3, .ppp = "authentication failed",
		.text = "authentication failed", .log = "warn  l2tp0:u0: ended: authentication failed (peer: authentication failed)", .ifname = "l2tp0"},
	{CAUSE_AUTH_REFUSED, SESSION, only_pap, .auth = "protocols = [ \"chap\" ];", .cdn = 3, .ppp = "authentication required",
		.text = "no authentication protocol agreed",
		.log = "warn  l2tp0:10.77.0.1:20000: ended: no authentication protocol agreed", .ifname = "l2tp0"},
	{CAUSE_AUTH_TIMEOUT, SESSION, never_respond, .cdn = 2, .cdn_error = 6, .ppp = "authentication timed out",
		.text = "authentication timed out",
		.log = "warn  l2tp0:10.77.0.1:20000: ended: authentication timed out", .ifname = "l2tp0"},
	{CAUSE_AUTH_UNAVAILABLE, SESSION, nobody_to_ask, .cdn = 4, .cdn_error = 4, .ppp = "authentication is not available",
		.text = "no authentication server answers",
		.log = "error l2tp0:u0: ended: no authentication server answers", .ifname = "l2tp0"},
	{CAUSE_ACCT_UNAVAILABLE, SESSION, go_unaccounted, .top = POOL NO_ACCOUNTING, .cdn = 4, .cdn_error = 4,
		.ppp = "accounting is not available", .text = "accounting is required, no server answers",
		.log = "error l2tp0:u0: ended: accounting is required, no server answers time=", .ifname = "l2tp0"},
	{CAUSE_NCP_TIMEOUT, SESSION, never_take_ipcp, .cdn = 2, .cdn_error = 6, .ppp = "IPCP timed out",
		.text = "network protocol negotiation timed out",
		.log = "warn  l2tp0:u0: ended: network protocol negotiation timed out", .ifname = "l2tp0"},
	{CAUSE_NCP_FAILED, SESSION, one, .top = POOL "ppp-options = { ipv4 = \"deny\"; };", .cdn = 2, .cdn_error = 6,
		.ppp = "no network protocol", .text = "no network protocol agreed",
		.log = "warn  l2tp0:u0: ended: no network protocol agreed", .ifname = "l2tp0"},
	{CAUSE_MPPE_REQUIRED, SESSION, one, .top = POOL MPPE, .cdn = 2, .cdn_error = 6, .ppp = "MPPE required",
		.text = "MPPE required, not negotiated", .log = "warn  l2tp0:u0: ended: MPPE required, not negotiated",
		.ifname = "l2tp0"},
	{CAUSE_MPPE_NO_KEYS, SESSION, send_no_keys, .top = POOL MPPE, .cdn = 2, .cdn_error = 6, .ppp = "MPPE required",
		.text = "RADIUS keying material missing", .log = "warn  l2tp0:u0: ended: RADIUS keying material missing",
		.ifname = "l2tp0"},
	{CAUSE_NO_ADDRESS, SESSION, two, .top = ONE_ADDRESS, .cdn = 4, .cdn_error = 4, .ppp = "no address available",
		.text = "no address left in the pool", .log = "error l2tp1:u1: ended: no address left in the pool",
		.ifname = "l2tp1"},
	{CAUSE_ADDRESS_IN_USE, SESSION, two_of_one_address, .top = POOL "single-session = \"off\";", .cdn = 4, .cdn_error = 4,
		.ppp = "address in use", .text = "address is held by another session",
		.log = "error l2tp1:u2: ended: address is held by another session", .ifname = "l2tp1"},
	{CAUSE_NO_RESOURCES, REFUSED, two, .top = POOL "max-sessions = 1;", .cdn = 4, .cdn_error = 4,
		.text = "session limit reached", .log = ": call refused: session limit reached peer=10.77.0.1:20000"},
	{CAUSE_SET_UP_TIMEOUT, SESSION, stay_in_set_up, .top = POOL "limits = { timeout = 10; };", .cdn = 2, .cdn_error = 6,
		.text = "call set-up timed out", .log = "warn  l2tp0:10.77.0.1:20000: ended: call set-up timed out",
		.ifname = "l2tp0"},
	{CAUSE_TRANSPORT_ERROR, REFUSED, sccrq_without_name, .stop = 2, .stop_error = 3, .text = "tunnel protocol violated",
		.l2tp_text = "tunnel protocol violated: AVP 7",
		.log = "warn  l2tp tunnel refused: tunnel protocol violated: AVP 7 peer=10.77.0.9:1701"},
	{CAUSE_MALFORMED, REFUSED, sccrq_with_long_avp, .stop = 2, .stop_error = 2, .text = "malformed tunnel message",
		.l2tp_text = "malformed tunnel message: AVP 6",
		.log = "warn  l2tp tunnel refused: malformed tunnel message: AVP 6 peer=10.77.0.9:1701"},
	{CAUSE_UNKNOWN_AVP, REFUSED, sccrq_with_unknown_avp, .stop = 2, .stop_error = 8,
		.text = "unknown mandatory AVP or message", .l2tp_text = "unknown mandatory AVP or message: AVP 99",
		.log = "warn  l2tp tunnel refused: unknown mandatory AVP or message: AVP 99 peer=10.77.0.9:1701"},
	{CAUSE_MESSAGE_ORDER, TUNNEL, icrq_before_scccn, .stop = 7, .text = "message out of order",
		.log = ": ended: message out of order peer=10.77.0.9:1701"},
	{CAUSE_TUNNEL_AUTH, TUNNEL, scccn_without_response, .stop = 4, .text = "tunnel authentication failed",
		.log = ": ended: tunnel authentication failed peer=10.77.0.9:1701"},
	{CAUSE_TUNNEL_VERSION, REFUSED, sccrq_of_version_2, .stop = 5, .stop_error = 0x0100,
		.text = "tunnel protocol version not supported",
		.log = "warn  l2tp tunnel refused: tunnel protocol version not supported peer=10.77.0.9:1701"},
	{CAUSE_PEER_UNKNOWN, REFUSED, sccrq, .l2tp = "only-known-peers = true;", .stop = 4, .text = "tunnel peer is not known",
		.log = "warn  l2tp tunnel refused: tunnel peer is not known peer=10.77.0.9:1701"},
	NOT_HERE(TIE_LOST, "the daemon opens no tunnels of its own; l2tp_policy_test: ties"),
	{CAUSE_SEQUENCING_DENIED, SESSION, require_sequencing, .l2tp = "secret = \"tunnel\"; dataseq = \"deny\";", .cdn = 5,
		.text = "data sequencing is not allowed",
		.log = "warn  call from 10.77.0.1: ended: data sequencing is not allowed"},
	{CAUSE_TUNNEL_IDLE, TUNNEL, leave_the_tunnel_empty, .l2tp = "secret = \"tunnel\";", .cdn = 3, .stop = 1, .text = "tunnel has no sessions",
		.log = ": ended: tunnel has no sessions peer=10.77.0.1:20000"},
	NOT_HERE(BINDING_WRONG, "SSTP's"),
	NOT_HERE(BINDING_MISSING, "SSTP's"),
	NOT_HERE(PEER_ABORTED, "SSTP's"),
	NOT_HERE(PEER_REFUSED, "SSTP's"),
	NOT_HERE(HTTP, "SSTP's"),
	NOT_HERE(CONN_RESET, "SSTP's and PPTP's"),
	NOT_HERE(CONN_SILENT, "SSTP's"),
	NOT_HERE(TLS_FAILED, "SSTP's"),
	{CAUSE_NOT_SUPPORTED, REFUSED, ask_for_an_outgoing_call, .cdn = 5, .text = "outgoing calls are not supported",
		.log = ": call refused: outgoing calls are not supported peer=10.77.0.1:20000"},
	{CAUSE_ADMIN_RESET, SESSION, operator_ends_it, .cdn = 3, .ppp = "terminated by the operator",
		.text = "terminated by the operator", .log = "info  l2tp0:u0: ended: terminated by the operator time=",
		.ifname = "l2tp0"},
	{CAUSE_SHUTDOWN, SESSION, daemon_ends, .cdn = 3, .ppp = "server is shutting down", .text = "server is shutting down",
		.log = "info  l2tp0:u0: ended: server is shutting down time=", .ifname = "l2tp0"},
	{CAUSE_MAINTENANCE, REFUSED, call_in_maintenance, .cdn = 2, .cdn_error = 7, .text = "server is in maintenance",
		.log = ": call refused: server is in maintenance peer=10.77.0.1:20000"},
	{CAUSE_SESSION_TIMEOUT, SESSION, stay, .top = POOL "session-timeout = 20;", .cdn = 3, .ppp = "session time is over",
		.text = "session time is over", .log = "info  l2tp0:u0: ended: session time is over time=", .ifname = "l2tp0"},
	{CAUSE_IDLE_TIMEOUT, SESSION, stay, .top = POOL "idle-timeout = 20;", .cdn = 3, .ppp = "idle for too long",
		.text = "idle for too long", .log = "info  l2tp0:u0: ended: idle for too long time=", .ifname = "l2tp0"},
	{CAUSE_ALREADY_ONLINE, SESSION, two_of_one_user, .top = POOL "single-session = \"deny\";", .cdn = 3,
		.ppp = "already online", .text = "user is online already",
		.log = "warn  l2tp1:u0: ended: user is online already", .ifname = "l2tp1"},
	{CAUSE_PORT_LIMIT, SESSION, two_where_one_is_the_limit, .cdn = 3, .ppp = "too many sessions",
		.text = "user has all sessions that he may have",
		.log = "warn  l2tp1:u0: ended: user has all sessions that he may have", .ifname = "l2tp1"},
	{CAUSE_REPLACED, SESSION, two_of_one_user, .top = POOL "single-session = \"replace\";", .cdn = 3,
		.ppp = "logged in elsewhere", .text = "replaced by a newer session of the user",
		.log = "info  l2tp0:u0: ended: replaced by a newer session of the user time=", .ifname = "l2tp0"},
	NOT_HERE(DATAPLANE, "no worker gives a session up of itself"),
};
/* clang-format on */
#define N_EXPECTATIONS (sizeof expectations / sizeof *expectations)

static const struct expectation *now_at;

static void
must_say(const char *what, const char *all, const char *want)
{
	if (!strstr(all, want))
		fail_msg("%s: %s lacks \"%s\":\n%s", cause_row(now_at->cause)->name, what, want, all);
}

static void
told(const char *message, const struct world_said *said, uint16_t result, uint16_t error)
{
	if (said->result != result || said->error != error)
		fail_msg("%s: %s with result %u, error %u; expected %u, %u", cause_row(now_at->cause)->name, message,
			 said->result, said->error, result, error);
}

static void
told_by_l2tp(const struct expectation *e)
{
	told("CDN", &world.cdn, e->cdn, e->cdn_error);
	told("StopCCN", &world.stop, e->stop, e->stop_error);
	if (e->cdn || e->stop)
		assert_string_equal((e->stop ? &world.stop : &world.cdn)->text, e->l2tp_text ? e->l2tp_text : e->text);
}

static void
told_by_ppp(const struct expectation *e)
{
	if (!e->ppp && world.term.times)
		fail_msg("%s: Terminate-Request \"%s\"", cause_row(e->cause)->name, world.term.text);
	if (e->ppp)
		assert_string_equal(world.term.text, e->ppp);
	assert_int_equal(world.auth.times, e->cause == CAUSE_AUTH_FAILED || e->cause == CAUSE_AUTH_UNAVAILABLE ||
						   e->cause == CAUSE_NO_ADDRESS || e->cause == CAUSE_ADDRESS_IN_USE ||
						   e->cause == CAUSE_ALREADY_ONLINE || e->cause == CAUSE_PORT_LIMIT);
}

static void
shown(const struct expectation *e)
{
	char command[64], want[128];
	if (!e->ifname)
		return;
	snprintf(command, sizeof command, "show session %s", e->ifname);
	snprintf(want, sizeof want, "[0,\"cause\",\"string\",\"%s\"]", e->text);
	must_say(command, world_ask(command), want);
}

/* The section of `show statistics` that counts ends of that kind has one of this cause. */
static void
counted(const struct expectation *e)
{
	static const char *const sections[] = {
		[SESSION] = "\"ended-by-cause\"",
		[TUNNEL] = "\"tunnels-ended-by-cause\"",
		[REFUSED] = "\"refused-by-cause\"",
	};
	char want[128];
	const char *all = world_ask("show statistics"), *section = strstr(all, sections[e->scope]);
	assert_non_null(section);
	snprintf(want, sizeof want, "[2,\"%s\",\"integer\",1]", cause_row(e->cause)->name);
	must_say(sections[e->scope], section, want);
}

static void
every_end_is_told(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EXPECTATIONS; i++) {
		const struct expectation *e = now_at = &expectations[i];
		if (e->not_here)
			continue;
		world_begin(e->auth, e->l2tp, e->top);
		e->reach();
		shown(e);
		world_release();
		twin_run_ms(t, 1000);
		counted(e);
		told_by_l2tp(e);
		told_by_ppp(e);
		must_say("the log", world_log(), e->log);
		assert_string_equal(cause_row(e->cause)->text, e->text);
		world_end();
	}
}

static void
no_row_is_left_out(void **state)
{
	(void)state;
	for (unsigned c = 0; c < CAUSE_COUNT; c++) {
		unsigned i = 0;
		while (i < N_EXPECTATIONS && expectations[i].cause != c)
			i++;
		if (i == N_EXPECTATIONS)
			fail_msg("nothing shows how %s ends what it ends", cause_row((enum cause)c)->name);
	}
}

/* Refusals are anybody's to bring about: the log has ten of a second, and how many more there were. */
static void
a_flood_of_refusals_leaves_the_log_readable(void **state)
{
	(void)state;
	world_begin(NULL, "only-known-peers = true;", NULL);
	for (unsigned i = 0; i < 200; i++)
		sccrq(); /* 100 ms each */
	for (unsigned i = 0; i < 1000; i++) {
		struct build b;
		begin_sccrq(&b, true, 0x0100);
		l2tp_build_end(&b);
		const struct l2tp_path path = {addr_from_ip4(0x0a4d0002), addr_from_ip4(0x0a4d0009), 1701, 1701};
		l2tp_input(t->cp->l2tp, &path, b.bytes, l2tp_build_end(&b), t->now);
	}
	twin_run_ms(t, 2000);
	sccrq();
	assert_int_equal(t->cp->stats.refused[CAUSE_PEER_UNKNOWN], 1201);
	const char *log = world_log();
	unsigned lines = 0;
	for (const char *at = log; (at = strstr(at, "tunnel refused")); at++)
		lines++;
	assert_in_range(lines, 200, 212);
	assert_non_null(strstr(log, "more)"));
	world_end();
}

/* So are calls that end before they are up: theirs are of the same ten, and say what was left out. */
static void
a_call_that_never_was_up_says_what_was_left_out(void **state)
{
	uint32_t left_out;
	(void)state;
	world_begin(NULL, "secret = \"tunnel\"; dataseq = \"deny\";", NULL);
	for (unsigned i = 0; i < LOG_LIMIT + 3; i++)
		(void)log_limit_take(&t->cp->refusals, t->now, &left_out);
	twin_run_ms(t, 1000);
	require_sequencing();
	assert_int_equal(t->cp->stats.ended[CAUSE_SEQUENCING_DENIED], 1);
	assert_non_null(strstr(world_log(),
			       "ended: data sequencing is not allowed time=0s up=0/0 down=0/0 (packets/octets) "
			       "(after 3 more)\n"));
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_is_told),
		cmocka_unit_test(no_row_is_left_out),
		cmocka_unit_test(a_flood_of_refusals_leaves_the_log_readable),
		cmocka_unit_test(a_call_that_never_was_up_says_what_was_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
