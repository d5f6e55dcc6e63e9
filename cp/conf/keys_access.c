/* keys_access.c - what the top level says for all subscribers, and sstp, pptp and l2tp each for their own. */
#include "conf/reader.h"
#include "conf/row.h"

/* clang-format off */
const struct conf_word conf_policy_words[] = {
	{"deny", CONF_DENY}, {"allow", CONF_ALLOW}, {"prefer", CONF_PREFER}, {"require", CONF_REQUIRE}, {NULL},
};
static const struct conf_word ipv6_words[] = {
	{"deny", CONF_DENY}, {"allow", CONF_ALLOW, true}, {"prefer", CONF_PREFER, true},
	{"require", CONF_REQUIRE, true}, {NULL},
};
static const struct conf_word mppe_bits_words[] = {
	{"40", CONF_MPPE_40}, {"56", CONF_MPPE_56}, {"128", CONF_MPPE_128}, {NULL},
};
static const struct conf_word auth_words[] = {
	{"pap", CONF_AUTH_PAP}, {"chap", CONF_AUTH_CHAP}, {"mschap", CONF_AUTH_MSCHAP},
	{"mschap-v2", CONF_AUTH_MSCHAP_V2}, {NULL},
};

#define T struct conf_access_authentication
static const struct conf_row access_authentication_rows[] = {
	WORDS(T, protocols, "protocols", auth_words, "mschap-v2 mschap chap pap", "RFC 1661 6.2",
		"What the peer may authenticate with, best first: the next is asked for when the peer refuses.",
		.def_for[CONF_PPTP] = "mschap-v2 mschap"),
	NUMBER(T, timeout, "timeout", 1, 120, "5", "RFC 1994 4.1", "Seconds before a challenge is sent again."),
	NUMBER(T, max_failure, "max-failure", 1, 20, "3", "RFC 1994 4.2",
		"Challenges without an answer after which the session ends; with PAP the peer has as long to send its "
		"password."),
	NUMBER(T, interval, "interval", 0, 86400, "0", "RFC 1994 2",
		"Seconds between challenges of a session that is up; 0 is never. PAP cannot be asked again."),
	STRING(T, challenge_name, "challenge-name", 1, 63, "millrace", "RFC 1994 4.1", "The name in our challenges."),
	STRING(T, success_text, "success-text", 0, 127, "Authentication succeeded", "RFC 1994 4.2",
		"What a user is told who may come in."),
	STRING(T, failure_text, "failure-text", 0, 127, "Authentication failed", "RFC 1994 4.2",
		"What a user is told who may not."),
};
#undef T
const struct conf_table conf_access_authentication_table =
	CONF_TABLE(struct conf_access_authentication, "authentication", access_authentication_rows);

static bool
interface_id_ok(const char *s)
{
	unsigned g[4];
	char rest;
	return sscanf(s, "%4x:%4x:%4x:%4x%c", &g[0], &g[1], &g[2], &g[3], &rest) == 4 && !strpbrk(s, "-+ xX");
}

static bool
own_id_ok(const char *s)
{
	return !strcmp(s, "random") || interface_id_ok(s);
}

static bool
peer_id_ok(const char *s)
{
	return own_id_ok(s) || !strcmp(s, "ipv4-addr") || !strcmp(s, "calling-sid");
}

static const struct conf_syntax own_id = {own_id_ok, "\"random\" or four groups of hexadecimal digits, x:x:x:x"};
static const struct conf_syntax peer_id = {
	peer_id_ok, "\"random\", \"ipv4-addr\", \"calling-sid\" or four groups of hexadecimal digits, x:x:x:x"};

#define T struct conf_ppp_options
static const struct conf_row ppp_options_rows[] = {
	WORD(T, ipv4, "ipv4", conf_policy_words, "allow", "RFC 1332", "Whether IPv4 is negotiated."),
	WORD(T, ipv6, "ipv6", ipv6_words, "deny", "RFC 5072", "Whether IPv6 is negotiated."),
	WORD(T, mppe, "mppe", conf_policy_words, "prefer", "RFC 3078", "Whether MPPE encryption is negotiated: its "
		"keys come from MS-CHAP, and with require nothing else authenticates. Once encrypted, a session stays so.",
		.def_for[CONF_SSTP] = "deny"),
	NUMBER(T, mru, "mru", 128, 9216, NULL, "RFC 1661 6.1", "The MRU that we announce.", .def_text = "mtu"),
	NUMBER(T, min_mtu, "min-mtu", 68, 9216, "100", "RFC 1661 6.1",
		"The smallest MTU that a peer may ask for; less is nak'ed, and a peer that insists is ended."),
	NUMBER(T, lcp_echo_interval, "lcp-echo-interval", 0, 65535, "30", "RFC 1661 5.8",
		"Seconds between Echo-Requests; 0 sends none."),
	NUMBER(T, lcp_echo_failure, "lcp-echo-failure", 1, 1000, "3", "RFC 1661 5.8",
		"Echo-Requests without a reply after which the session ends."),
	NUMBER(T, lcp_echo_timeout, "lcp-echo-timeout", 0, 65535, "0", "RFC 1661 5.8",
		"Above 0, the adaptive mode: echoes are sent only to a silent peer, a session ends after so many "
		"seconds of silence, and lcp-echo-failure does not count."),
	NUMBER(T, keepalive_timeout, "keepalive-timeout", 0, 65535, "0", "RFC 1661 5.8",
		"Above 0: after so many seconds of silence five Echo-Requests go out, a second apart, and without a "
		"reply to any the session ends. The keys lcp-echo-* do not count then."),
	NUMBER(T, timeout, "timeout", 1, 60, "3", "RFC 1661 4.6", "Seconds of the Restart timer."),
	NUMBER(T, max_configure, "max-configure", 1, 100, "10", "RFC 1661 4.6",
		"Configure-Requests without an answer after which the peer is given up."),
	NUMBER(T, max_terminate, "max-terminate", 1, 20, "2", "RFC 1661 4.6",
		"Terminate-Requests without an answer after which the link is down all the same."),
	NUMBER(T, max_failure, "max-failure", 1, 100, "10", "RFC 1661 4.6",
		"Configure-Naks after which an option is rejected instead."),
	WORD(T, pcomp, "pcomp", conf_policy_words, "allow", "RFC 1661 6.5",
		"Protocol-Field-Compression: allow takes it when the peer asks, prefer asks as well."),
	WORD(T, accomp, "accomp", conf_policy_words, "allow", "RFC 1661 6.6",
		"Address-and-Control-Field-Compression: allow takes it when the peer asks, prefer asks as well."),
	WORDS(T, mppe_bits, "mppe-bits", mppe_bits_words, "128", "RFC 3078 2.1",
		"Key lengths that will do; the longest that both have is used. 40 and 56 bits hide nothing today."),
	BOOL(T, mppe_stateful, "mppe-stateful", "false", "RFC 3078 8.2",
		"Ask for keys that last for 256 packets, instead of one for each; a peer that asks gets them anyway."),
	BOOL(T, disable_ccp, "disable-ccp", "false", "RFC 1962", "Refuse CCP, and MPPE with it."),
	NUMBER(T, ccp_max_configure, "ccp-max-configure", 1, 100, "3", "RFC 1962 2",
		"max-configure for CCP."),
	STRING(T, ipv6_interface_id, "ipv6-interface-id", 1, 19, "0:0:0:1", "RFC 5072 4.1",
		"Our interface identifier: x:x:x:x or \"random\".", .syntax = &own_id, .flags = ROW_LATER),
	STRING(T, ipv6_peer_interface_id, "ipv6-peer-interface-id", 1, 19, "0:0:0:2", "RFC 5072 4.1",
		"The peer's: x:x:x:x, \"random\", \"ipv4-addr\" (from its IPv4 address) or \"calling-sid\".",
		.syntax = &peer_id, .flags = ROW_LATER),
	BOOL(T, ipv6_accept_peer_interface_id, "ipv6-accept-peer-interface-id", "false", "RFC 5072 4.1",
		"Take the interface identifier that the peer proposes.", .flags = ROW_LATER),
	NUMBER(T, interface_cache, "interface-cache", 0, 1000000, "0", "sessions here need no kernel interface",
		"Kernel interfaces kept for later sessions.", .flags = ROW_VOID),
};
#undef T
static const struct conf_table ppp_options_table = CONF_TABLE(struct conf_ppp_options, "ppp-options", ppp_options_rows);

static unsigned
unit_seconds(const char *unit)
{
	static const struct {
		const char *name;
		unsigned s;
	} units[] = {{"s", 1}, {"sec", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"hour", 3600}, {"day", 86400}};
	for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(unit, units[i].name))
			return units[i].s;
	return 0;
}

static bool
connection_limit_parse(const char *s, unsigned *n, unsigned *per_s)
{
	char unit[8];
	if (*s < '1' || *s > '9' || strlen(s) > 20 || sscanf(s, "%9u/%7[a-z]", n, unit) != 2)
		return false;
	*per_s = unit_seconds(unit);
	return *per_s && !strcmp(strchr(s, '/') + 1, unit);
}

static bool
connection_limit_ok(const char *s)
{
	unsigned n, per_s;
	return connection_limit_parse(s, &n, &per_s);
}

static const struct conf_syntax connection_limit = {connection_limit_ok, "a rate such as \"1/min\" or \"60/sec\""};

static int
limits_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_limits *l = obj;
	(void)r;
	(void)s;
	l->connections = l->per_s = 0;
	if (l->connection_limit)
		connection_limit_parse(l->connection_limit, &l->connections, &l->per_s);
	return 0;
}

#define T struct conf_limits
static const struct conf_row limits_rows[] = {
	STRING(T, connection_limit, "connection-limit", 0, 20, NULL, "flood control",
		"New connections accepted of one source, an IPv4 address or an IPv6 /64, such as \"1/min\" or "
		"\"60/sec\": tunnels of L2TP, TCP connections of the others.",
		.syntax = &connection_limit),
	NUMBER(T, burst, "burst", 1, 10000, "3", "flood control", "Connections in a row that are let through."),
	NUMBER(T, timeout, "timeout", 1, 3600, "60", "flood control",
		"Seconds after which a silent source is forgotten, and within which a session must be up."),
};
#undef T
static const struct conf_table limits_table =
	CONF_TABLE(struct conf_limits, "limits", limits_rows, .finish = limits_finish);

#define T struct conf_access
static const struct conf_row access_common_rows[] = {
	STRING(T, default_pool, "default-pool", 0, 31, NULL, "client-ip-pool",
		"The pool of those for whom nobody names another."),
	STRING(T, default_ipv6_pool, "default-ipv6-pool", 0, 31, NULL, "client-ipv6-pool",
		"The same for IPv6.", .flags = ROW_LATER),
	ADDR(T, gateway_address, "gateway-address", "RFC 1332 3.3",
		"Our address in every session. It answers ping; no pool lends it.", .flags = ROW_V4),
	ADDRS(T, name_server, "name-server", "RFC 1877 1.1",
		"DNS servers for subscribers: up to two of IPv4, up to three of IPv6."),
	ADDRS(T, wins_server, "wins-server", "RFC 1877 1.2", "Up to two WINS servers for subscribers.",
		.flags = ROW_V4),
	NUMBER(T, mtu, "mtu", 128, 9216, NULL, "1500 less what stands around the subscriber's packet",
		"The largest packet of a subscriber.", .def_for[CONF_L2TP] = "1460", .def_for[CONF_SSTP] = "1452",
		.def_for[CONF_PPTP] = "1436", .def_text = "l2tp 1460, sstp 1452, pptp 1436"),
	NUMBER(T, session_timeout, "session-timeout", 0, 31536000, "0", "RFC 2865 5.27",
		"Seconds after which a session ends; 0 is never."),
	NUMBER(T, idle_timeout, "idle-timeout", 0, 31536000, "0", "RFC 2865 5.28",
		"Seconds without traffic either way after which a session ends; 0 is never."),
	STRING(T, ifname, "ifname", 0, 15, NULL, "names in show sessions",
		"Names of sessions: %d is the lowest number that is free.", .syntax = &conf_syntax_ifname_pattern,
		.def_for[CONF_L2TP] = "l2tp%d", .def_for[CONF_SSTP] = "sstp%d", .def_for[CONF_PPTP] = "pptp%d",
		.def_text = "l2tp%d, sstp%d, pptp%d"),
	GROUP(T, limits, "limits", &limits_table, "flood control", "New connections of one source."),
	GROUP(T, ppp_options, "ppp-options", &ppp_options_table, "RFC 1661", "PPP inside the tunnels."),
};
const struct conf_table conf_access_common_table = CONF_TABLE(struct conf_access, "access", access_common_rows);

static const struct conf_row access_rows[] = {
	GROUP(T, authentication, "authentication", &conf_access_authentication_table, "RFC 1661 6.2",
		"How subscribers authenticate."),
	EMBED(0, &conf_access_common_table),
};
#undef T
const struct conf_table conf_access_table = CONF_TABLE(struct conf_access, "access", access_rows);
/* clang-format on */
