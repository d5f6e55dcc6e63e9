/* replay_test.c - a scripted client: what Windows 7 said to mpd5 over L2TP, message by message, as mpd5 logged it.
 *
 * The options are those of that log: a Callback option that is rejected, our first Configure-Request lost, three
 * Identifications, CHAP with MD5 for "jim", IPV6CP that nobody has, an IPCP request with two DNS and two WINS servers of
 * which one DNS server is to be had, and in the end two Terminate-Requests.  The answers must be the same in kind, option
 * for option; where mpd5 asked for things that we do not (VJ, ACFC and PFC for itself, CCP), the client's refusals of those
 * are left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "fake_dataplane.h"
#include "session.h"

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"192.0.2.90/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"198.51.100.1/30\" ]; } );\n"
	"l2tp = { }; max-sessions = 8;\n"
	"authentication = { protocols = [ \"chap\" ]; success-text = \"Welcome\";\n"
	"  local-users = ( { username = \"jim\"; password = \"pw\"; } ); };\n"
	"ppp-options = { ipv4 = \"prefer\"; ipv6 = \"deny\"; mppe = \"deny\"; };\n"
	"default-pool = \"vpn\"; gateway-address = \"192.168.32.1\"; name-server = [ \"192.168.48.1\" ];\n"
	"client-ip-pool = ( { name = \"vpn\"; range = [ \"192.168.32.128-192.168.32.135\" ]; } );\n";

#define FRAMES 64

static struct replay {
	struct mono now;
	struct fake_dataplane fake;
	struct conf *conf;
	struct cp *cp;
	struct timers timers;
	struct l2tp *lac;
	struct l2tp_tunnel *tunnel;
	struct l2tp_call *call;
	bool call_up;
	uint16_t cdn_result, stop_result;
	char stop_text[L2TP_NAME_MAX + 1];
	struct fake_packet to_lac[FRAMES]; /* control messages on their way */
	unsigned n_to_lac;
	struct fake_packet frames[FRAMES]; /* PPP frames that the client has not looked at yet */
	unsigned n_frames, n_seen;
	char line[512];
} * r;

/* --- the world: no delay, nothing is lost ------------------------------------------------------------------------ */

static void
on_wire(void *arg, const struct fake_packet *p)
{
	(void)arg;
	assert_true(r->n_to_lac < FRAMES && r->n_frames < FRAMES);
	if (p->control)
		r->to_lac[r->n_to_lac++] = *p;
	else
		r->frames[r->n_frames++] = *p;
}

static void
lac_send(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	struct fake_packet p = {.control = true, .path = *path, .len = len};
	(void)owner;
	memcpy(p.bytes, bytes, len);
	fake_dataplane_arrive(&r->fake, &p);
}

static void
lac_tunnel_set(void *owner, struct l2tp_tunnel *t, struct mono now)
{
	(void)owner, (void)t, (void)now;
}

static void
lac_tunnel_down(void *owner, struct l2tp_tunnel *t, enum cause cause, struct mono now)
{
	(void)owner, (void)cause, (void)now;
	r->stop_result = t->peer_result;
	snprintf(r->stop_text, sizeof r->stop_text, "%s", t->peer_text);
	r->tunnel = NULL;
}

static void
lac_call_up(void *owner, struct l2tp_call *call, struct mono now)
{
	(void)owner, (void)call, (void)now;
	r->call_up = true;
}

static void
lac_call_down(void *owner, struct l2tp_call *call, enum cause cause, struct mono now)
{
	(void)owner, (void)cause, (void)now;
	r->cdn_result = call->peer_result;
	r->call = NULL;
}

static const struct l2tp_ops lac_ops = {
	.send = lac_send,
	.tunnel_set = lac_tunnel_set,
	.tunnel_down = lac_tunnel_down,
	.call_up = lac_call_up,
	.call_down = lac_call_down,
};

static void
run_ms(unsigned ms)
{
	for (unsigned at = 0; at <= ms; at += 10) {
		fake_dataplane_deliver(&r->fake, r->cp, r->now);
		cp_step(r->cp, r->now);
		for (unsigned i = 0; i < r->n_to_lac; i++) {
			const struct fake_packet *p = &r->to_lac[i];
			struct l2tp_path path = {p->path.peer, p->path.local, p->path.peer_port, p->path.local_port};
			l2tp_input(r->lac, &path, p->bytes, p->len, r->now);
		}
		r->n_to_lac = 0;
		timers_run(&r->timers, r->now, 4096);
		r->now = mono_add_ms(r->now, 10);
	}
}

/* --- the script -------------------------------------------------------------------------------------------------- */

/* One PPP frame from the client: protocol, code, identifier, then what follows the length. */
static void
say(uint16_t proto, uint8_t code, uint8_t id, const void *data, size_t len)
{
	struct fake_packet p = {.tid = r->tunnel->peer_tid, .sid = r->call->peer_sid, .len = 6 + len};
	put_be16(p.bytes, proto);
	p.bytes[2] = code;
	p.bytes[3] = id;
	put_be16(p.bytes + 4, (uint16_t)(4 + len));
	memcpy(p.bytes + 6, data, len);
	fake_dataplane_arrive(&r->fake, &p);
	run_ms(10);
}

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

static void
silence(void)
{
	if (r->n_seen < r->n_frames)
		hear("nothing more");
}

#define SAY(proto, code, id, bytes) say(proto, code, id, bytes, sizeof bytes - 1)

static void
lcp(void)
{
	hear("[LCP ConfReq id=*]"); /* lost on its way, as in the log */
	char asked[512], again[512];
	snprintf(asked, sizeof asked, "%s", strchr(r->line, '<'));
	assert_non_null(strstr(asked, "<auth chap"));
	assert_non_null(strstr(asked, "<magic "));
	assert_non_null(strstr(asked, "<mru "));
	SAY(PPP_LCP, 1, 0, "\1\4\5\x78\5\6\x16\xc0\x29\x43\7\2\x08\2\x0d\3\6");
	/* mpd5 repeats it after 2 s, we as often as the client asks without having answered */
	const struct fake_packet request = *hear("[LCP ConfReq id=*]");
	snprintf(again, sizeof again, "%s", strchr(r->line, '<'));
	assert_string_equal(again, asked);
	hear("[LCP ConfRej id=0 <callback 06>]");
	SAY(PPP_LCP, 1, 1, "\1\4\5\x78\5\6\x16\xc0\x29\x43\7\2\x08\2");
	hear("[LCP ConfReq id=*]");
	hear("[LCP ConfAck id=1 <mru 1400> <magic 16c02943> <pcomp> <accomp>]");
	say(PPP_LCP, 2, request.bytes[3], request.bytes + 6, request.len - 6);
}

/* RFC 1994 4.1: MD5 over identifier, secret and challenge. */
static void
chap(void)
{
	uint8_t response[1 + 16 + 3] = {16};
	const struct fake_packet *p = hear("[CHAP Challenge id=*]");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	assert_non_null(md);
	EVP_DigestInit_ex(md, EVP_md5(), NULL);
	EVP_DigestUpdate(md, p->bytes + 3, 1);
	EVP_DigestUpdate(md, "pw", 2);
	EVP_DigestUpdate(md, p->bytes + 7, p->bytes[6]);
	EVP_DigestFinal_ex(md, response + 1, NULL);
	EVP_MD_CTX_free(md);
	memcpy(response + 17, "jim", 3);
	SAY(PPP_LCP, 12, 2, "\x16\xc0\x29\x43MSRASV5.20");
	SAY(PPP_LCP, 12, 3, "\x16\xc0\x29\x43MSRAS-0-WIN-LIIRCM8BRIK");
	SAY(PPP_LCP, 12, 4, "\x16\xc0\x29\x43\xc8\x0a\x5d\x94\xe2\x41\x17\x4f\x9b\xb0\x22\x81\xfe\x33\x6d\x07");
	silence(); /* nobody answers an Identification (RFC 1570 2.1) */
	say(PPP_CHAP, 2, p->bytes[3], response, sizeof response);
	hear("[CHAP Success id=*]");
	assert_non_null(strstr(r->line, "Welcome"));
}

static void
ipcp(void)
{
	const struct fake_packet *request = hear("[IPCP ConfReq id=* <addr 192.168.32.1>]");
	SAY(PPP_IPV6CP, 1, 5, "\1\x0a\x11\x22\x33\x44\x55\x66\x77\x88");
	hear("[LCP ProtoRej id=*]");
	SAY(PPP_IPCP, 1, 6, "\3\6\0\0\0\0\x81\6\0\0\0\0\x82\6\0\0\0\0\x83\6\0\0\0\0\x84\6\0\0\0\0");
	hear("[IPCP ConfRej id=6 <ms-wins1 0.0.0.0> <ms-dns2 0.0.0.0> <ms-wins2 0.0.0.0>]");
	SAY(PPP_IPCP, 1, 8, "\3\6\0\0\0\0\x81\6\0\0\0\0");
	hear("[IPCP ConfNak id=8 <addr 192.168.32.128> <ms-dns1 192.168.48.1>]");
	say(PPP_IPCP, 2, request->bytes[3], request->bytes + 6, request->len - 6);
	SAY(PPP_IPCP, 1, 9, "\3\6\xc0\xa8\x20\x80\x81\6\xc0\xa8\x30\1");
	hear("[IPCP ConfAck id=9 <addr 192.168.32.128> <ms-dns1 192.168.48.1>]");
	silence();
}

static struct session *
session(void)
{
	uint64_t cursor = 0;
	struct session *s = session_next(r->cp, &cursor, UINT32_MAX);
	assert_non_null(s);
	return s;
}

static void
windows_7(void **state)
{
	(void)state;
	struct l2tp_open open = {.path = {addr_from_ip4(0xc0000234), addr_from_ip4(0xc000025a), 1701, 1701}};
	struct l2tp_call_open call = {.sid = 1};
	r->tunnel = l2tp_tunnel_open(r->lac, &open, r->now);
	assert_non_null(r->tunnel);
	r->call = l2tp_call_open(r->tunnel, &call, r->now);
	run_ms(200);
	assert_true(r->call_up);
	lcp();
	chap();
	ipcp();
	struct session *s = session();
	assert_string_equal(session_state_name(s), "active");
	assert_string_equal(s->username, "jim");
	assert_string_equal(s->ppp.ident, "MSRAS-0-WIN-LIIRCM8BRIK");
	assert_string_equal(s->calling, "192.0.2.52");
	assert_int_equal(fake_dataplane_nh(&r->fake, 0xc0a82080), nh_session(0, 1));
	run_ms(27000);
	silence();
	SAY(PPP_LCP, 5, 10, "\x16\xc0\x29\x43\0\x3c\xcd\x74\0\0\0\0");
	hear("[LCP TermAck id=10]");
	assert_int_equal(fake_dataplane_nh(&r->fake, 0xc0a82080), NH_NONE);
	run_ms(2000); /* as in the log: the call is still there, and so is an answer */
	assert_non_null(r->call);
	SAY(PPP_LCP, 5, 11, "\x16\xc0\x29\x43\0\x3c\xcd\x74\0\0\0\0");
	hear("[LCP TermAck id=11]");
	run_ms(5000);
	assert_null(r->call); /* "Call #0 terminated locally" */
	assert_int_equal(r->cdn_result, 3);
	assert_int_equal(r->cp->stats.ended[CAUSE_USER_REQUEST], 1);
	assert_int_equal(cp_sessions(r->cp), 0);
	assert_int_equal(pool4_counts(r->cp->pools, 0).lent, 0);
	run_ms(10000); /* "no more sessions exist in this tunnel" */
	assert_null(r->tunnel);
	assert_int_equal(r->stop_result, 1);
	assert_string_equal(r->stop_text, "tunnel has no sessions");
	silence();
}

static int
start(void **state)
{
	struct conf_error error;
	char err[256] = "";
	const struct l2tp_config config = {.host_name = "WIN-LIIRCM8BRIK"};
	(void)state;
	r = calloc(1, sizeof *r);
	assert_non_null(r);
	r->now = (struct mono){1000000000};
	fake_dataplane_init(&r->fake);
	r->fake.wire = on_wire;
	if (conf_load_string(conf_text, "replay.conf", &r->conf, &error) < 0)
		fail_msg("%s", error.text);
	r->cp = cp_new(r->conf, &r->fake.base, NULL, r->now, err, sizeof err);
	if (!r->cp)
		fail_msg("%s", err);
	timers_init(&r->timers, r->now);
	r->lac = l2tp_new(&config, &lac_ops, NULL, &r->timers);
	assert_non_null(r->lac);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	l2tp_free(r->lac);
	cp_free(r->cp);
	conf_free(r->conf);
	fake_dataplane_fini(&r->fake);
	free(r);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(windows_7, start, stop)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
