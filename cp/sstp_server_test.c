/* sstp_server_test.c - SSTP calls as sessions, the whole of cp on a virtual clock, against a scripted client.
 *
 * The first is what a Windows 10 client said to accel-ppp over SSTP, message by message, as VyOS's documentation shows
 * accel-ppp's log of it: the HTTP head, Call Connect Request, an LCP request with a Callback option and header compression
 * that are rejected, our first Configure-Request lost, two Identifications, PAP for "test", Call Connected, IPV6CP that
 * nobody has, an IPCP request with name servers that are not to be had.  The answers must be the same in kind, option for
 * option.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <tls-offload/reason.h>

#include "backend.h"
#include "fake_dataplane.h"
#include "log.h"
#include "session.h"
#include "sstp/binding.h"

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"192.0.2.90/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"198.51.100.1/30\" ]; } );\n"
	"sstp = { certificate = \"c\"; private-key = \"k\"; mtu = 1452; proxy-from = [ \"192.168.10.96/28\" ]; };\n"
	"max-sessions = 8;\n"
	"authentication = { protocols = [ %s ];\n"
	"  local-users = ( { username = \"test\"; password = \"test\"; },\n"
	"    { username = \"other\"; password = \"secret\"; } ); };\n"
	"ppp-options = { ipv4 = \"prefer\"; ipv6 = \"deny\"; pcomp = \"deny\"; accomp = \"deny\"; };\n"
	"default-pool = \"SSTP-POOL\"; gateway-address = \"10.0.0.1\";\n"
	"client-ip-pool = ( { name = \"SSTP-POOL\"; range = [ \"10.0.0.5-10.0.0.8\" ]; } );\n";

#define FRAMES 64
#define ALL_GATES (DP_GATE_AUTHENTICATED | DP_GATE_IP4 | DP_GATE_SSTP_BOUND)

static const char head[] = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"
			   "SSTPCORRELATIONID: {48B82435-099A-4158-A987-052E7570CFAA}\r\n"
			   "Content-Length: 18446744073709551615\r\nHost: vyos.io\r\n\r\n";
static const char request[] = "\x10\x01\x00\x0e\x00\x01\x00\x01\x00\x01\x00\x06\x00\x01";

static struct replay {
	struct mono now;
	struct fake_dataplane fake;
	struct conf *conf;
	struct cp *cp;
	uint64_t conn;
	struct fake_packet frames[FRAMES]; /* PPP frames that the client has not looked at yet */
	unsigned n_frames, n_seen;
	uint8_t stream[4096]; /* likewise of the stream */
	size_t n_stream;
	unsigned closes;
	uint8_t nonce[SSTP_NONCE_LEN];
	char line[512];
} * r;

static void
on_wire(void *arg, const struct fake_packet *p)
{
	(void)arg;
	assert_true(r->n_frames < FRAMES);
	assert_true(p->control || p->conn == r->conn);
	r->frames[r->n_frames++] = *p;
}

static void
on_stream(void *arg, uint64_t conn, const uint8_t *bytes, size_t len, bool closed)
{
	(void)arg;
	assert_true(conn == r->conn);
	assert_true(r->n_stream + len <= sizeof r->stream);
	if (len)
		memcpy(r->stream + r->n_stream, bytes, len);
	r->n_stream += len;
	r->closes += closed;
}

static void
run_ms(unsigned ms)
{
	for (unsigned at = 0; at <= ms; at += 10) {
		fake_dataplane_deliver(&r->fake, r->cp, r->now);
		cp_step(r->cp, r->now);
		r->now = mono_add_ms(r->now, 10);
	}
}

static int
begin(const char *protocols)
{
	char err[256] = "", text[sizeof conf_text + 64];
	struct conf_error conf_err;
	snprintf(text, sizeof text, conf_text, protocols);
	r = calloc(1, sizeof *r);
	r->now = (struct mono){1000000000};
	fake_dataplane_init(&r->fake);
	r->fake.wire = on_wire;
	r->fake.stream = on_stream;
	if (conf_load_string(text, "sstp.conf", &r->conf, &conf_err) < 0)
		fail_msg("%s", conf_err.text);
	r->cp = cp_new(r->conf, &r->fake.base, NULL, r->now, err, sizeof err);
	if (!r->cp)
		fail_msg("%s", err);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return begin("\"pap\"");
}

static int
set_up_chap(void **state)
{
	(void)state;
	return begin("\"chap\", \"pap\"");
}

static int
set_up_mschap(void **state)
{
	(void)state;
	return begin("\"mschap\"");
}

static int
set_up_mschapv2(void **state)
{
	(void)state;
	return begin("\"mschap-v2\"");
}

static int
tear_down(void **state)
{
	(void)state;
	cp_free(r->cp);
	conf_free(r->conf);
	fake_dataplane_fini(&r->fake);
	free(r);
	return 0;
}

/* --- the script -------------------------------------------------------------------------------------------------- */

static void
connect_with(const struct dp_conn_open *more, const void *bytes, size_t len)
{
	struct dp_conn_open open = *more;
	open.local = addr_from_ip4(0xc000025a);
	open.peer = addr_from_ip4(0xc0a80a64);
	open.local_port = 443;
	open.peer_port = 49852;
	open.stream = DP_STREAM_SSTP;
	open.tls_version = 0x0303;
	r->conn = handle_make(0, 5, 1);
	fake_dataplane_say(&r->fake, DP_MSG_CONN_OPEN, r->conn, &open, bytes, len);
	run_ms(10);
}

static void
stream(const void *bytes, size_t len)
{
	fake_dataplane_say(&r->fake, DP_MSG_STREAM_IN, r->conn, NULL, bytes, len);
	run_ms(10);
}

static void
hear_stream(const char *bytes, size_t len)
{
	assert_in_range(r->n_stream, len, sizeof r->stream);
	assert_memory_equal(r->stream, bytes, len);
}

static void
call_up(void)
{
	struct dp_conn_open plain = {0};
	connect_with(&plain, NULL, 0);
	stream(head, sizeof head - 1);
	hear_stream("HTTP/1.1 200 OK\r\n", 17);
	r->n_stream = 0;
	stream(request, sizeof request - 1);
	hear_stream("\x10\x01\x00\x30\x00\x02\x00\x01\x00\x04\x00\x28\x00\x00\x00\x03", 16);
	memcpy(r->nonce, r->stream + 16, sizeof r->nonce);
	r->n_stream = 0;
}

static void
say(uint16_t proto, uint8_t code, uint8_t id, const void *data, size_t len)
{
	struct fake_packet p = {.conn = r->conn, .len = 6 + len};
	put_be16(p.bytes, proto);
	p.bytes[2] = code;
	p.bytes[3] = id;
	put_be16(p.bytes + 4, (uint16_t)(4 + len));
	if (len)
		memcpy(p.bytes + 6, data, len);
	fake_dataplane_arrive(&r->fake, &p);
	run_ms(10);
}

#define SAY(proto, code, id, bytes) say(proto, code, id, bytes, sizeof bytes - 1)

/* The server's next frame, which the trace must show like this, but for what is between two stars. */
static const struct fake_packet *
hear(const char *want)
{
	if (r->n_seen >= r->n_frames)
		fail_msg("heard nothing, expected %s", want);
	const struct fake_packet *p = &r->frames[r->n_seen++];
	ppp_trace_format(r->line, sizeof r->line, p->bytes, p->len);
	const char *star = strchr(want, '*');
	size_t n = star ? (size_t)(star - want) : strlen(want) + 1;
	if (strncmp(r->line, want, n) != 0)
		fail_msg("heard %s, expected %s", r->line, want);
	if (star) {
		size_t tail = strlen(star + 1), len = strlen(r->line);
		if (len < tail || strcmp(r->line + len - tail, star + 1) != 0)
			fail_msg("heard %s, expected %s", r->line, want);
	}
	return p;
}

/* hear_but_requests: our Configure-Request comes again as often as the client asks without having answered it. */
static void
hear_but_requests(const char *want)
{
	while (r->n_seen < r->n_frames && r->frames[r->n_seen].bytes[2] == 1)
		r->n_seen++;
	hear(want);
	while (r->n_seen < r->n_frames && r->frames[r->n_seen].bytes[2] == 1)
		r->n_seen++;
}

static void
call_connected(void)
{
	static const uint8_t zeros[32];
	struct sstp_binding b = {r->nonce, zeros, zeros, zeros, SSTP_HASH_SHA256};
	uint8_t msg[SSTP_CONNECTED_LEN];
	assert_true(sstp_binding_make(&b, msg));
	stream(msg, sizeof msg);
}

static void
lcp(void)
{
	hear("[LCP ConfReq id=*]"); /* lost on its way, as in the log */
	assert_non_null(strstr(r->line, "<auth pap>"));
	assert_non_null(strstr(r->line, "<mru 1452>"));
	assert_non_null(strstr(r->line, "<magic "));
	SAY(PPP_LCP, 1, 0, "\1\4\x0f\xfb\5\6\x34\x5f\x64\xca\7\2\x08\2\x0d\3\6");
	const struct fake_packet again = *hear("[LCP ConfReq id=*]");
	hear("[LCP ConfRej id=0 <pcomp> <accomp> <callback 06>]");
	SAY(PPP_LCP, 1, 1, "\1\4\x0f\xfb\5\6\x34\x5f\x64\xca");
	hear_but_requests("[LCP ConfNak id=1 <mru 1452>]");
	SAY(PPP_LCP, 1, 2, "\1\4\5\xac\5\6\x34\x5f\x64\xca");
	hear_but_requests("[LCP ConfAck id=2 <mru 1452> <magic 345f64ca>]");
	say(PPP_LCP, 2, again.bytes[3], again.bytes + 6, again.len - 6);
	SAY(PPP_LCP, 12, 3,
	    "\x34\x5f\x64\xca"
	    "MSRASV5.20");
	SAY(PPP_LCP, 12, 4,
	    "\x34\x5f\x64\xca"
	    "MSRAS-0-MSEDGEWIN10");
}

static void
ipcp(void)
{
	hear("[IPCP ConfReq id=* <addr 10.0.0.1>]");
	const struct fake_packet ours = r->frames[r->n_seen - 1];
	SAY(PPP_IPV6CP, 1, 6, "\1\x0a\0\0\0\0\0\0\0\1");
	hear("[LCP ProtoRej id=*]");
	assert_non_null(strstr(r->line, "8057"));
	SAY(PPP_IPCP, 1, 7, "\3\6\0\0\0\0\x81\6\0\0\0\0\x82\6\0\0\0\0\x83\6\0\0\0\0\x84\6\0\0\0\0");
	hear("[IPCP ConfRej id=7 <ms-dns1 0.0.0.0> <ms-wins1 0.0.0.0> <ms-dns2 0.0.0.0> <ms-wins2 0.0.0.0>]");
	say(PPP_IPCP, 2, ours.bytes[3], ours.bytes + 6, ours.len - 6);
	SAY(PPP_IPCP, 1, 8, "\3\6\0\0\0\0");
	hear("[IPCP ConfNak id=8 <addr 10.0.0.5>]");
	SAY(PPP_IPCP, 1, 9, "\3\6\x0a\0\0\5");
	hear("[IPCP ConfAck id=9 <addr 10.0.0.5>]");
}

static struct session *
the_session(void)
{
	uint64_t cursor = 0;
	struct session *s = NULL;
	while (!s && !session_last(r->cp, cursor))
		s = session_next(r->cp, &cursor, 64);
	return s;
}

static uint32_t
gates(void)
{
	struct session *s = the_session();
	return s ? r->fake.sessions[handle_index(s->handle)].set.gates : 0;
}

static void
check_nothing_left(void)
{
	run_ms(20000);
	assert_null(the_session());
	assert_int_equal(r->fake.opened, r->fake.closed);
	assert_int_equal(fake_dataplane_subscribers(&r->fake), 0);
	assert_int_equal(r->cp->streams.n, 0);
	assert_null(sstp_next(r->cp->sstp, NULL));
	assert_int_equal(pool4_counts(r->cp->pools, 0).lent, 0);
}

/* Terminate from the client, then the connection goes. */
static void
leave(void)
{
	const struct dp_conn_gone gone = {.reason = DP_CONN_CLOSED};
	SAY(PPP_LCP, 5, 20, "");
	hear("[LCP TermAck id=20]");
	run_ms(4000); /* a restart timer for the Terminate-Ack to arrive, RFC 1661 4.4 */
	hear_stream("\x10\x01\x00\x08\x00\x06\x00\x00", 8);
	fake_dataplane_say(&r->fake, DP_MSG_CONN_GONE, r->conn, &gone, NULL, 0);
	check_nothing_left();
}

static void
windows(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck id=3 \"Authentication succeeded\"]");
	assert_int_equal(gates(), DP_GATE_AUTHENTICATED);
	call_connected();
	assert_int_equal(gates(), DP_GATE_AUTHENTICATED | DP_GATE_SSTP_BOUND);
	ipcp();
	struct session *s = the_session();
	assert_int_equal(s->state, SESSION_ACTIVE);
	assert_string_equal(s->ifname, "sstp0");
	assert_string_equal(s->username, "test");
	assert_int_equal(gates(), ALL_GATES);
	assert_int_equal(fake_dataplane_nh(&r->fake, 0x0a000005), nh_session(0, handle_index(s->handle)));
	assert_true(r->fake.sessions[handle_index(s->handle)].how.conn == r->conn);
	assert_int_equal(r->fake.sessions[handle_index(s->handle)].set.mtu, 1452);
	leave();
}

/* sstp-client says Call Connected after IPCP when there are no keys; until then the gate is closed. */
static void
bound_last(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	ipcp();
	assert_int_equal(the_session()->state, SESSION_ACTIVE);
	assert_int_equal(gates(), DP_GATE_AUTHENTICATED | DP_GATE_IP4);
	call_connected();
	assert_int_equal(gates(), ALL_GATES);
	leave();
}

/* Before authentication: it waits, and opens nothing by itself. */
static void
bound_first(void **state)
{
	(void)state;
	call_up();
	lcp();
	call_connected();
	assert_int_equal(gates(), 0);
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	assert_int_equal(gates(), DP_GATE_AUTHENTICATED | DP_GATE_SSTP_BOUND);
	ipcp();
	leave();
}

static void
never_bound(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	ipcp();
	run_ms(61000);
	hear_stream("\x10\x01\x00\x14\x00\x05\x00\x01\x00\x02\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x08", 20);
	check_nothing_left();
	assert_int_equal(r->closes, 1);
	assert_int_equal(r->cp->stats.ended[CAUSE_BINDING_MISSING], 1);
}

static void
wrongly_bound(void **state)
{
	(void)state;
	call_up();
	r->nonce[0] ^= 1;
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	call_connected();
	assert_false(gates() & DP_GATE_SSTP_BOUND);
	hear_stream("\x10\x01\x00\x14\x00\x05\x00\x01\x00\x02\x00\x0c\x00\x00\x00\x03\x00\x00\x00\x04", 20);
	check_nothing_left();
	assert_int_equal(r->cp->stats.ended[CAUSE_BINDING_WRONG], 1);
}

static void
wrong_password(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4xxxx");
	hear("[PAP AuthNak *]");
	hear("[LCP TermReq *]");
	check_nothing_left();
	assert_int_equal(r->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
}

static void
reset_by_peer(void **state)
{
	const struct dp_conn_gone gone = {.reason = DP_CONN_RESET};
	(void)state;
	call_up();
	lcp();
	fake_dataplane_say(&r->fake, DP_MSG_CONN_GONE, r->conn, &gone, NULL, 0);
	check_nothing_left();
	assert_int_equal(r->cp->stats.ended[CAUSE_CONN_RESET], 1);
	assert_int_equal(r->n_stream, 0);
}

static void
ended_by_the_operator(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	call_connected();
	ipcp();
	session_end(the_session(), CAUSE_ADMIN_RESET, r->now);
	run_ms(10);
	hear("[LCP TermReq *]");
	SAY(PPP_LCP, 6, r->frames[r->n_seen - 1].bytes[3], "");
	hear_stream("\x10\x01\x00\x08\x00\x06\x00\x00", 8);
	stream("\x10\x01\x00\x08\x00\x07\x00\x00", 8);
	assert_int_equal(r->closes, 1);
	check_nothing_left();
}

static void
no_more_calls(void **state)
{
	struct dp_conn_open plain = {0};
	(void)state;
	cp_refuse(r->cp, true);
	connect_with(&plain, NULL, 0);
	stream(head, sizeof head - 1);
	r->n_stream = 0;
	stream(request, sizeof request - 1);
	hear_stream("\x10\x01\x00\x08\x00\x06\x00\x00", 8);
	check_nothing_left();
	assert_int_equal(r->closes, 1);
}

/* log_begin, log_has: the log says this of what is done between. */
static char log_path[] = "/tmp/millrace-sstp-test.XXXXXX";

static void
log_begin(void)
{
	memcpy(log_path + sizeof log_path - 7, "XXXXXX", 6);
	close(mkstemp(log_path));
	assert_int_equal(log_open(&r->cp->log, log_path, LOG_LEVEL_WARN), 0);
}

static void
log_has(const char *line)
{
	char all[4096];
	log_close(r->cp->log);
	r->cp->log = NULL;
	FILE *f = fopen(log_path, "r");
	all[fread(all, 1, sizeof all - 1, f)] = 0;
	fclose(f);
	unlink(log_path);
	if (!strstr(all, line))
		fail_msg("the log has no '%s': %s", line, all);
}

/* --- LCP again ---------------------------------------------------------------------------------------------------- */

/* our_request: the server's last Configure-Request. */
static struct fake_packet
our_request(void)
{
	unsigned i = r->n_frames;
	while (i > 0 && (be16(r->frames[i - 1].bytes) != PPP_LCP || r->frames[i - 1].bytes[2] != 1))
		i--;
	assert_true(i > 0);
	return r->frames[i - 1];
}

/* negotiate: LCP, from either state, down to authentication; `nak` is what our client wants of the server instead. */
static void
negotiate(const char *nak)
{
	static uint8_t id = 40; /* the same once more would be a request that is repeated */
	SAY(PPP_LCP, 1, id++, "\1\4\5\xac\5\6\x34\x5f\x64\xcb");
	if (nak)
		say(PPP_LCP, 3, our_request().bytes[3], nak, 4);
	const struct fake_packet p = our_request();
	r->n_seen = r->n_frames;
	say(PPP_LCP, 2, p.bytes[3], p.bytes + 6, p.len - 6);
}

static void
let_in_again(void)
{
	SAY(PPP_PAP, 1, 5, "\4test\4test");
	hear("[PAP AuthAck id=5 *]");
	assert_int_equal(gates(), DP_GATE_AUTHENTICATED | DP_GATE_SSTP_BOUND);
	hear("[IPCP ConfReq id=* <addr 10.0.0.1>]");
	const struct fake_packet ours = r->frames[r->n_seen - 1];
	say(PPP_IPCP, 2, ours.bytes[3], ours.bytes + 6, ours.len - 6);
	SAY(PPP_IPCP, 1, 9, "\3\6\x0a\0\0\5");
	hear("[IPCP ConfAck id=9 <addr 10.0.0.5>]");
	assert_int_equal(gates(), ALL_GATES);
}

/* Before IPCP was ever open, and after: the same user goes on, and need not bind the connection once more. */
static void
bound_and_again(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	call_connected();
	for (unsigned i = 0; i < 2; i++) {
		negotiate(NULL);
		assert_int_equal(gates(), 0);
		let_in_again();
	}
	assert_int_equal(sstp_stats(r->cp->sstp)[SSTP_STAT_BINDINGS], 1);
	leave();
}

/* Whoever has bound a connection with his own keys does not get another's session by passing on that one's proof. */
static void
bound_then_another_user(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	call_connected();
	negotiate(NULL);
	SAY(PPP_PAP, 1, 5, "\5other\6secret");
	hear("[PAP AuthNak *]");
	hear("[LCP TermReq *]");
	assert_string_equal(the_session()->username, "test");
	assert_int_equal(gates(), 0);
	check_nothing_left();
	assert_int_equal(r->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
}

/* Nor does a name that nobody has proved become that of a bound connection. */
static void
bound_then_a_guess(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	call_connected();
	negotiate(NULL);
	SAY(PPP_PAP, 1, 5, "\5other\5guess");
	hear("[PAP AuthNak *]");
	assert_string_equal(the_session()->username, "test");
	check_nothing_left();
}

/* Keys of a link that is negotiated again bind nothing: Call Connected waits for those that come. */
static void
bound_between_two_links(void **state)
{
	(void)state;
	call_up();
	lcp();
	SAY(PPP_PAP, 1, 3, "\4test\4test");
	hear("[PAP AuthAck *]");
	negotiate(NULL);
	call_connected();
	assert_int_equal(sstp_stats(r->cp->sstp)[SSTP_STAT_BINDINGS], 0);
	let_in_again();
	assert_int_equal(sstp_stats(r->cp->sstp)[SSTP_STAT_BINDINGS], 1);
	leave();
}

static enum backend_answer
say_yes(struct cp *cp, struct login *login, struct verdict *v, struct mono now)
{
	(void)cp, (void)login, (void)now;
	v->kind = VERDICT_YES;
	return BACKEND_ANSWERED;
}

/* A server that believes everybody, and sends no keys. */
static const struct backend credulous = {.name = "credulous", .ask = say_yes};

static void
respond(const uint8_t *response, uint8_t len)
{
	uint8_t data[1 + 64 + 4];
	const struct fake_packet challenge = *hear("[CHAP Challenge *]");
	data[0] = len;
	memcpy(data + 1, response, len);
	memcpy(data + 1 + len, "test", 4);
	say(PPP_CHAP, 2, challenge.bytes[3], data, 1U + len + 4);
}

/* The same name by a method that yields less than the one whose keys bound the connection. */
static void
bound_then_a_weaker_method(void **state)
{
	static const uint8_t response[16] = {1};
	(void)state;
	r->cp->backends[CONF_MODE_LOCAL] = &credulous;
	call_up();
	negotiate(NULL);
	respond(response, sizeof response);
	hear("[CHAP Success *]");
	call_connected();
	assert_int_equal(gates(), DP_GATE_AUTHENTICATED | DP_GATE_SSTP_BOUND);
	negotiate("\3\4\xc0\x23");
	SAY(PPP_PAP, 1, 5, "\4test\4test");
	hear("[PAP AuthNak *]");
	check_nothing_left();
	assert_int_equal(r->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
}

/* Keys are what MS-CHAP is bound by: an acceptance without them would be bound by zeros, which anybody has. */
static void
accepted_without_keys(void **state)
{
	static const uint8_t response[49] = {1};
	(void)state;
	r->cp->backends[CONF_MODE_LOCAL] = &credulous;
	call_up();
	negotiate(NULL);
	log_begin();
	respond(response, sizeof response);
	hear("[CHAP Failure *]");
	hear("[LCP TermReq *]");
	assert_int_equal(gates(), 0);
	log_has("sstp0:test: authentication failed: RADIUS keying material missing");
	check_nothing_left();
	assert_int_equal(r->cp->stats.ended[CAUSE_MPPE_NO_KEYS], 1);
}

/* Who dials in through a load balancer is who the PROXY header says. */
static void
behind_a_proxy(void **state)
{
	static const char proxy[] =
		"name\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb";
	struct dp_conn_open how = {.name_len = 4, .proxy_len = 28};
	(void)state;
	connect_with(&how, proxy, 32);
	assert_int_equal(addr_ip4(&sstp_next(r->cp->sstp, NULL)->info.peer), 0xcb007107);
	assert_int_equal(sstp_next(r->cp->sstp, NULL)->info.peer_port, 50000);
	assert_string_equal(sstp_next(r->cp->sstp, NULL)->calling, "203.0.113.7");
}

/* Who is no balancer of ours is not believed, whoever he says he is. */
static void
behind_a_strangers_proxy(void **state)
{
	static const char proxy[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb";
	struct dp_conn_open how = {.proxy_len = 28};
	(void)state;
	r->conf->sstp.proxy_from.v[0].addr = addr_from_ip4(0xc0a80a40);
	log_begin();
	connect_with(&how, proxy, 28);
	assert_int_equal(r->closes, 1);
	assert_int_equal(sstp_stats(r->cp->sstp)[SSTP_STAT_PROXY_BAD], 1);
	check_nothing_left();
	log_has("warn  sstp: 192.168.10.100:49852: PROXY header, and not in proxy-from\n");
	connect_with(&(struct dp_conn_open){.tls_version = 0x0303}, "", 0); /* without a header that is no matter */
	assert_non_null(sstp_next(r->cp->sstp, NULL));
}

static void
behind_a_wrong_proxy(void **state)
{
	static const char proxy[] = "\r\n\r\n\0\r\nQUIT\n\x2f\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb";
	struct dp_conn_open how = {.proxy_len = 28};
	(void)state;
	connect_with(&how, proxy, 28);
	assert_int_equal(r->closes, 1);
	assert_int_equal(sstp_stats(r->cp->sstp)[SSTP_STAT_PROXY_BAD], 1);
	check_nothing_left();
	how.proxy_len = 29; /* more than there is */
	connect_with(&how, proxy, 28);
	check_nothing_left();
}

/* A client that does not trust us is named, with the server name that it wants; behind a balancer too. */
static void
failed_handshake(void **state)
{
	static const char bytes[] =
		"vpn.example.com\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\xc6\x33\x64\x01\xc3\x50\x01\xbb";
	struct dp_conn_failed f = {.peer = addr_from_ip4(0x01020304),
				   .peer_port = 5,
				   .name_len = 15,
				   .why = {.reason = DP_CONN_TLS, .tls_reason = TLS_PEER_ALERT, .alert = 48}};
	(void)state;
	log_begin();
	fake_dataplane_say(&r->fake, DP_MSG_CONN_FAILED, HANDLE_NONE, &f, bytes, 15);
	run_ms(10);
	log_has("sstp: TLS with 1.2.3.4:5 failed: alert from the peer: unknown_ca server-name=vpn.example.com");
	log_begin();
	f.proxy_len = 28;
	fake_dataplane_say(&r->fake, DP_MSG_CONN_FAILED, HANDLE_NONE, &f, bytes, 15 + 28);
	run_ms(10);
	log_has("sstp: TLS with 203.0.113.7:50000 failed: alert from the peer: unknown_ca server-name=vpn.example.com");
	assert_int_equal(r->cp->stats.messages_unknown, 0);
}

/* Handshakes that fail are anybody's to bring about: ten a second are said, and how many there were besides. */
static void
strangers_fill_no_log(void **state)
{
	const struct dp_conn_failed f = {.why = {.reason = DP_CONN_TLS, .tls_reason = TLS_PEER_ALERT, .alert = 48}};
	(void)state;
	log_begin();
	for (unsigned i = 0; i < LOG_LIMIT + 3; i++)
		fake_dataplane_say(&r->fake, DP_MSG_CONN_FAILED, HANDLE_NONE, &f, NULL, 0);
	run_ms(1500);
	fake_dataplane_say(&r->fake, DP_MSG_CONN_FAILED, HANDLE_NONE, &f, NULL, 0);
	run_ms(10);
	log_has("server-name=(none) (after 3 more)");
}

/* TLS is up, and there is no call yet: its alert is named all the same. */
static void
alert_before_the_call(void **state)
{
	const struct dp_conn_open plain = {0};
	const struct dp_conn_gone gone = {.reason = DP_CONN_TLS, .tls_reason = TLS_PEER_ALERT, .alert = 48};
	(void)state;
	connect_with(&plain, NULL, 0);
	log_begin();
	fake_dataplane_say(&r->fake, DP_MSG_CONN_GONE, r->conn, &gone, NULL, 0);
	run_ms(10);
	log_has("sstp:192.168.10.100:49852: TLS failed: alert from the peer: unknown_ca");
	check_nothing_left();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(windows),
		TEST(bound_last),
		TEST(bound_first),
		TEST(never_bound),
		TEST(wrongly_bound),
		TEST(wrong_password),
		TEST(reset_by_peer),
		TEST(no_more_calls),
		TEST(ended_by_the_operator),
		TEST(bound_and_again),
		TEST(bound_then_another_user),
		TEST(bound_then_a_guess),
		TEST(bound_between_two_links),
		cmocka_unit_test_setup_teardown(bound_then_a_weaker_method, set_up_chap, tear_down),
		cmocka_unit_test_setup_teardown(accepted_without_keys, set_up_mschap, tear_down),
		cmocka_unit_test_setup_teardown(accepted_without_keys, set_up_mschapv2, tear_down),
		TEST(behind_a_proxy),
		TEST(failed_handshake),
		TEST(strangers_fill_no_log),
		TEST(behind_a_wrong_proxy),
		TEST(behind_a_strangers_proxy),
		TEST(alert_before_the_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
