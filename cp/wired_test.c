/* wired_test.c - each key of ppp-options, authentication, l2tp and pptp arrives where it takes effect.  What it does there is
 * the matter of the tests in ppp/ and l2tp/, and of session_ppp_test.c and lns_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/row.h"
#include "era.h"
#include "fake_dataplane.h"
#include "l2tp/instance.h"
#include "pptp/room.h"

enum section { PPP_OPTIONS, AUTHENTICATION, L2TP, PPTP };
enum kind { NUMBER, TEXT, SHOWN };

/* A key, a value that is not its default, and what stands in struct ppp_conf or struct l2tp_config then. */
struct wire {
	enum section section;
	const char *key, *value;
	enum kind kind;
	size_t offset, size;
	uint64_t number;
	const char *text; /* of TEXT; of SHOWN the test that shows the key's effect in another way */
};

#define FIELD(type, f) offsetof(type, f), sizeof(((type *)0)->f)
#define PPP(section, key, value, f, n)                                                                                 \
	{                                                                                                              \
		section, key, value, NUMBER, FIELD(struct ppp_conf, f), n, NULL                                        \
	}
#define PPP_TEXT(key, f)                                                                                               \
	{                                                                                                              \
		AUTHENTICATION, key, "\"other\"", TEXT, FIELD(struct ppp_conf, f), 0, "other"                          \
	}
#define TUNNEL(key, value, f, n)                                                                                       \
	{                                                                                                              \
		L2TP, key, value, NUMBER, FIELD(struct l2tp_config, f), n, NULL                                        \
	}
#define CONTROL(key, value, f, n)                                                                                      \
	{                                                                                                              \
		PPTP, key, value, NUMBER, FIELD(struct pptp_config, f), n, NULL                                        \
	}
#define ELSEWHERE(section, key, test)                                                                                  \
	{                                                                                                              \
		section, key, NULL, SHOWN, 0, 0, 0, test                                                               \
	}

/* clang-format off */
static const struct wire wires[] = {
	PPP(PPP_OPTIONS, "ipv4", "\"require\"", ipv4, PPP_REQUIRE),
	PPP(PPP_OPTIONS, "mru", "1300", mru, 1300),
	PPP(PPP_OPTIONS, "min-mtu", "300", min_mtu, 300),
	PPP(PPP_OPTIONS, "timeout", "7", restart_ms, 7000),
	PPP(PPP_OPTIONS, "max-configure", "77", max_configure, 77),
	PPP(PPP_OPTIONS, "max-terminate", "17", max_terminate, 17),
	PPP(PPP_OPTIONS, "max-failure", "27", max_failure, 27),
	PPP(PPP_OPTIONS, "pcomp", "\"require\"", pfc, PPP_REQUIRE),
	PPP(PPP_OPTIONS, "accomp", "\"require\"", acfc, PPP_REQUIRE),
	PPP(PPP_OPTIONS, "mppe", "\"require\"", mppe, PPP_REQUIRE),
	PPP(PPP_OPTIONS, "mppe-bits", "[ \"40\", \"56\" ]", mppe_strengths, PPP_MPPE_40 | PPP_MPPE_56),
	PPP(PPP_OPTIONS, "mppe-stateful", "true", mppe_stateful, true),
	PPP(PPP_OPTIONS, "disable-ccp", "true", mppe, PPP_DENY),
	PPP(PPP_OPTIONS, "ccp-max-configure", "33", ccp_max_configure, 33),
	ELSEWHERE(PPP_OPTIONS, "ipv6", "conf_load: later"),
	ELSEWHERE(PPP_OPTIONS, "lcp-echo-interval", "session_ppp: three_ways_to_a_dead_peer"),
	ELSEWHERE(PPP_OPTIONS, "lcp-echo-failure", "session_ppp: three_ways_to_a_dead_peer"),
	ELSEWHERE(PPP_OPTIONS, "lcp-echo-timeout", "session_ppp: three_ways_to_a_dead_peer"),
	ELSEWHERE(PPP_OPTIONS, "keepalive-timeout", "session_ppp: three_ways_to_a_dead_peer"),

	PPP(AUTHENTICATION, "timeout", "9", auth_timeout_ms, 9000),
	PPP(AUTHENTICATION, "max-failure", "8", auth_max_failure, 8),
	PPP(AUTHENTICATION, "interval", "600", auth_interval_s, 600),
	PPP_TEXT("challenge-name", challenge_name),
	PPP_TEXT("success-text", success_text),
	PPP_TEXT("failure-text", failure_text),
	ELSEWHERE(AUTHENTICATION, "protocols", "session_ppp: every_method_lets_in_and_refuses"),

	{L2TP, "host-name", "\"other\"", TEXT, FIELD(struct l2tp_config, host_name), 0, "other"},
	{L2TP, "secret", "\"other\"", TEXT, FIELD(struct l2tp_config, secret), 0, "other"},
	TUNNEL("only-known-peers", "true", only_known_peers, true),
	TUNNEL("hello-interval", "17", hello_s, 17),
	TUNNEL("hello-interval", "0", hello_s, L2TP_NEVER),
	TUNNEL("timeout", "18", timeout_s, 18),
	TUNNEL("rtimeout", "2", rtimeout_ms, 2000),
	TUNNEL("rtimeout-cap", "12", rtimeout_cap_ms, 12000),
	TUNNEL("retransmit", "13", retransmit, 13),
	TUNNEL("recv-window", "14", recv_window, 14),
	TUNNEL("recv-window", "32768", recv_window, 1024), /* as the manual says */
	TUNNEL("dataseq", "\"require\"", dataseq, L2TP_DATASEQ_REQUIRE),
	TUNNEL("dataseq", "\"deny\"", dataseq, L2TP_DATASEQ_DENY),
	TUNNEL("hide-avps", "true", hide_avps, true),
	TUNNEL("avp-permissive", "true", avp_permissive, true),
	TUNNEL("dir300-quirk", "true", dir300_quirk, true),
	TUNNEL("use-ephemeral-ports", "true", first_port, 49152),
	TUNNEL("idle-tunnel-timeout", "15", idle_tunnel_s, 15),
	TUNNEL("idle-tunnel-timeout", "0", idle_tunnel_s, L2TP_NEVER),
	TUNNEL("max-tunnels", "16", max_tunnels, 16),
	ELSEWHERE(L2TP, "peer", "lns: peers_have_their_secrets"),
	ELSEWHERE(L2TP, "udp6-csum-tx", "lns: tunnels_over_ip6"),
	ELSEWHERE(L2TP, "udp6-csum-rx", "listeners"),
	ELSEWHERE(L2TP, "listen", "listeners"),
	ELSEWHERE(L2TP, "port", "listeners"),

	{PPTP, "host-name", "\"other\"", TEXT, FIELD(struct pptp_config, host_name), 0, "other"},
	CONTROL("timeout", "18", timeout_s, 18),
	CONTROL("echo-interval", "17", echo_interval_s, 17),
	CONTROL("echo-interval", "0", echo_interval_s, 0),
	CONTROL("echo-timeout", "19", echo_timeout_s, 19),
	CONTROL("recv-window", "14", recv_window, 14),
	CONTROL("idle-tunnel-timeout", "15", idle_s, 15),
	CONTROL("idle-tunnel-timeout", "0", idle_s, 0),
	CONTROL("max-tunnels", "16", max_conns, 16),
	ELSEWHERE(PPTP, "reorder-packets", "pptp_server: calls_become_sessions"),
	ELSEWHERE(PPTP, "reorder-timeout", "pptp_server: calls_become_sessions"),
	ELSEWHERE(PPTP, "listen", "pptp_listeners"),
	ELSEWHERE(PPTP, "port", "pptp_listeners"),
};
/* clang-format on */
#define N_WIRES (sizeof wires / sizeof *wires)

static const char frame[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; access = true;\n"
	"    addresses = [ \"10.77.0.2/24\", \"10.77.1.2/24\", \"fd77::2/64\" ]; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n"
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n"
	"ppp-options = { %s };\n"
	"authentication = { %s local-users = ( { username = \"u\"; password = \"p\"; } ); };\n"
	"l2tp = { %s };\n%s\n%s\n";

/* A whole cp; what it tells the worker of listeners is kept. */
static struct whole {
	struct fake_dataplane fake;
	struct dataplane_ops ops;
	const struct dataplane_ops *real;
	struct conf *conf;
	struct cp *cp;
	struct dp_listen listen[8];
	unsigned n_listen;
	char pptp[160]; /* its section, or "" */
} whole;

static void
keep_listeners(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
	       size_t len)
{
	if (type == DP_MSG_LISTEN_SET && whole.n_listen < 8)
		memcpy(&whole.listen[whole.n_listen++], payload, sizeof(struct dp_listen));
	whole.real->send(d, type, handle, payload, extra, len);
}

/* begin: with these words in the three sections, and at the top level. */
static void
begin(const char *ppp_options, const char *authentication, const char *l2tp, const char *top)
{
	char text[2048], err[256] = "";
	struct conf_error conf_err;
	whole.n_listen = 0;
	snprintf(text, sizeof text, frame, ppp_options, authentication, l2tp, top, whole.pptp);
	fake_dataplane_init(&whole.fake);
	whole.real = whole.fake.base.ops;
	whole.ops = *whole.real;
	whole.ops.send = keep_listeners;
	whole.fake.base.ops = &whole.ops;
	if (conf_load_string(text, "wired.conf", &whole.conf, &conf_err) < 0)
		fail_msg("%s", conf_err.text);
	whole.cp = cp_new(whole.conf, &whole.fake.base, NULL, (struct mono){1000000}, err, sizeof err);
	if (!whole.cp)
		fail_msg("%s", err);
}

static void
end(void)
{
	cp_free(whole.cp);
	conf_free(whole.conf);
	fake_dataplane_fini(&whole.fake);
	whole.pptp[0] = 0;
}

static void
begin_with(const struct wire *w, bool set)
{
	char key[128] = "";
	if (set)
		snprintf(key, sizeof key, "%s = %s;", w->key, w->value);
	if (w->section == PPTP)
		snprintf(whole.pptp, sizeof whole.pptp, "pptp = { %s };", key);
	begin(w->section == PPP_OPTIONS ? key : "", w->section == AUTHENTICATION ? key : "",
	      w->section == L2TP ? key : "", "");
}

static uint64_t
number_at(const void *p, size_t size)
{
	uint64_t n = 0;
	memcpy(&n, p, size);
	return n;
}

static bool
is_there(const struct wire *w)
{
	const char *base = w->section == L2TP   ? (const char *)&whole.cp->l2tp->config
			   : w->section == PPTP ? (const char *)&whole.cp->pptp->config
						: (const char *)&whole.cp->era->ppp[CONF_L2TP];
	if (w->kind == NUMBER)
		return number_at(base + w->offset, w->size) == w->number;
	return !strcmp(*(const char *const *)(const void *)(base + w->offset), w->text);
}

static void
each_key_arrives(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_WIRES; i++) {
		const struct wire *w = &wires[i];
		for (int set = 0; set < 2 && w->kind != SHOWN; set++) {
			begin_with(w, set);
			if (is_there(w) != (bool)set)
				fail_msg("%s = %s: %s", w->key, w->value,
					 set ? "is not seen" : "is what it was before");
			end();
		}
	}
}

static void
has_a_wire(enum section section, const struct conf_table *table)
{
	for (unsigned i = 0; i < table->n; i++) {
		const struct conf_row *row = &table->rows[i];
		unsigned k = 0;
		if (row->type == CONF_EMBED || row->flags & (ROW_LATER | ROW_VOID))
			continue;
		while (k < N_WIRES && (wires[k].section != section || strcmp(wires[k].key, row->name) != 0))
			k++;
		if (k == N_WIRES)
			fail_msg("nothing shows that %s arrives", row->name);
	}
}

static void
no_key_is_left_out(void **state)
{
	const struct conf_table *ppp_options = NULL;
	(void)state;
	for (unsigned i = 0; i < conf_access_common_table.n; i++)
		if (!strcmp(conf_access_common_table.rows[i].name, "ppp-options"))
			ppp_options = conf_access_common_table.rows[i].sub;
	assert_non_null(ppp_options);
	has_a_wire(PPP_OPTIONS, ppp_options);
	has_a_wire(AUTHENTICATION, &conf_access_authentication_table);
	has_a_wire(L2TP, &conf_l2tp_table);
	has_a_wire(PPTP, &conf_pptp_table);
}

/* What a protocol says for itself goes before what the top level says. */
static void
the_protocol_goes_first(void **state)
{
	(void)state;
	begin("max-configure = 20; timeout = 4;", "timeout = 9;",
	      "ppp-options = { max-configure = 30; }; authentication = { max-failure = 6; }; mtu = 1234;",
	      "mtu = 1300;");
	const struct ppp_conf *c = &whole.cp->era->ppp[CONF_L2TP];
	assert_int_equal(c->max_configure, 30);
	assert_int_equal(c->restart_ms, 4000);
	assert_int_equal(c->auth_timeout_ms, 9000);
	assert_int_equal(c->auth_max_failure, 6);
	assert_int_equal(c->mtu, 1234);
	assert_int_equal(c->mru, 1234); /* as the mtu, unless mru says otherwise */
	end();
}

static void
listens_on(unsigned i, const char *address, uint16_t port, uint16_t last_port)
{
	char text[ADDR_STRLEN];
	assert_true(i < whole.n_listen);
	assert_string_equal(addr_str(&whole.listen[i].addr, text), address);
	assert_int_equal(whole.listen[i].port, port);
	assert_int_equal(whole.listen[i].last_port, last_port);
	assert_int_equal(whole.listen[i].ip_proto, 17);
	assert_true(whole.listen[i].on);
}

/* 0.0.0.0 is each address of the access links, not of the core's; ports of the tunnels' own are listened to as well. */
static void
listeners(void **state)
{
	(void)state;
	begin("", "", "", "");
	assert_int_equal(whole.n_listen, 2);
	listens_on(0, "10.77.0.2", 1701, 0);
	listens_on(1, "10.77.1.2", 1701, 0);
	end();
	begin("", "", "port = 1799; listen = [ \"10.77.1.2\", \"10.77.0.2:1705\" ]; use-ephemeral-ports = true;", "");
	assert_int_equal(whole.n_listen, 4);
	listens_on(0, "10.77.1.2", 1799, 0);
	listens_on(1, "10.77.1.2", 49152, 65535);
	listens_on(2, "10.77.0.2", 1705, 0);
	listens_on(3, "10.77.0.2", 49152, 65535);
	end();
	begin("", "", "listen = [ \"::\" ];", "");
	assert_int_equal(whole.n_listen, 1);
	listens_on(0, "fd77::2", 1701, 0);
	assert_int_equal(whole.listen[0].udp6_zero_checksum, 0);
	end();
	begin("", "", "listen = [ \"fd77::2\", \"0.0.0.0\" ]; udp6-csum-rx = false;", "");
	assert_int_equal(whole.n_listen, 3);
	listens_on(0, "fd77::2", 1701, 0);
	assert_int_equal(whole.listen[0].udp6_zero_checksum, 1);
	listens_on(1, "10.77.0.2", 1701, 0);
	end();
}

/* PPTP's: TCP on its port, and GRE. */
static void
pptp_listeners(void **state)
{
	char text[ADDR_STRLEN];
	(void)state;
	snprintf(whole.pptp, sizeof whole.pptp, "pptp = { listen = [ \"10.77.1.2\" ]; port = 1799; };");
	begin("", "", "listen = [ \"10.77.0.2\" ];", "");
	assert_int_equal(whole.n_listen, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct dp_listen *l = &whole.listen[i];
		assert_true(l->ip_proto == 17 || !strcmp(addr_str(&l->addr, text), "10.77.1.2"));
		assert_int_equal(l->port, l->ip_proto == 6 ? 1799 : l->ip_proto == 17 ? 1701 : 0);
	}
	assert_int_equal(whole.listen[0].ip_proto + whole.listen[1].ip_proto + whole.listen[2].ip_proto, 17 + 6 + 47);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_arrives),        cmocka_unit_test(no_key_is_left_out),
		cmocka_unit_test(the_protocol_goes_first), cmocka_unit_test(listeners),
		cmocka_unit_test(pptp_listeners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
