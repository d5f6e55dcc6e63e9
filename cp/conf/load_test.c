/* load_test.c - whole configurations: the sentences of the cross checks, what protocols inherit, what files can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

/* The least that a BRAS needs, on the first three lines; what a test adds starts on line 4. */
static const char base[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"a\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\", \"fd77::2/64\" ]; access = "
	"true; },"
	" { name = \"c\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
	"gateway-address = \"10.78.0.1\";\n";

static struct conf_error err;

static struct conf *
load(const char *first, const char *more)
{
	char text[16384];
	struct conf *c;
	snprintf(text, sizeof text, "%s%s", first, more);
	if (conf_load_string(text, "t.conf", &c, &err) != 0)
		fail_msg("refused: %s", err.text);
	return c;
}

static void
refuse(const char *first, const char *more, const char *sentence)
{
	char text[16384];
	struct conf *c;
	snprintf(text, sizeof text, "%s%s", first, more);
	if (conf_load_string(text, "t.conf", &c, &err) != -EINVAL)
		fail_msg("not refused: %s", more);
	assert_null(c);
	assert_string_equal(err.text, sentence);
	assert_string_equal(err.file, "t.conf");
}

#define SSTP "sstp = { certificate = \"c\"; private-key = \"k\"; "
#define CERT(name) "{ host-name = \"" name "\"; certificate = \"c\"; private-key = \"k\"; }"
#define HEX40 "0123456789abcdef0123456789ABCDEF01234567"
#define POOL(name, range) "{ name = \"" name "\"; range = [ " range " ]; }"

static const struct {
	const char *more, *sentence;
} refusals[] = {
	/* keys and types */
	{"\nmax-session = 5;", "t.conf:5: max-session: unknown key, expected \"max-sessions\"?"},
	{"xyzzy = 5;", "t.conf:4: xyzzy: unknown key"},
	{"l2tp = {\n helo-interval = 5; };", "t.conf:5: l2tp.helo-interval: unknown key, expected \"hello-interval\"?"},
	{"max-sessions = \"many\";", "t.conf:4: max-sessions: is \"many\", expected a number from 1 to 16777215"},
	{"max-sessions = 0;", "t.conf:4: max-sessions: is 0, expected a number from 1 to 16777215"},
	{"log = ( );", "t.conf:4: log: expected a group, { ... }"},
	{"log = { level = \"loud\"; };",
	 "t.conf:4: log.level: is \"loud\", expected \"error\", \"warn\", \"info\" or \"debug\""},
	{"max-sessions = 1;\nmax-sessions = 2;", "t.conf:5: duplicate setting name"},
	{"max-sessions = ;", "t.conf:4: syntax error"},
	{"max-sessions = 4294967297;", "t.conf:4: 4294967297 is too large a number"},
	{"max-sessions = 0x100000001;", "t.conf:4: 0x100000001 is too large a number"},
	{"max-sessions = 99999999999999999999L;", "t.conf:4: 99999999999999999999L is too large a number"},
	{"# 4294967297\n/* 4294967297\n*/ description = \"4294967297\"; a4294967297 = 5;",
	 "t.conf:6: a4294967297: unknown key"},
	{"@include \"x\"\n", "t.conf:4: @include: is for files only"},
	{"name-server = [ \"192.0.2.53\",\n \"192.0.2.53\" ];", "t.conf:5: name-server: says the same twice"},
	/* cores */
	{"cores = { workers = [ ]; };", "t.conf:4: cores.workers: is empty, expected at least one core"},
	{"cores = { main = 0; idle = \"poll\"; workers = [ 1,\n0 ]; };",
	 "t.conf:5: cores.workers: names core 0, which is cores.main: a worker that polls needs its own"},
	/* ports and interfaces */
	{"l2tp = { listen = [ \"192.0.2.1\" ]; };",
	 "t.conf:4: l2tp.listen: 192.0.2.1 is no address of an interface with access = true, and no loopback address"},
	{"l2tp = { listen = [ \"0.0.0.0\",\n\"10.77.0.9\" ]; };",
	 "t.conf:5: l2tp.listen: 10.77.0.9 is no address of an interface with access = true, and no loopback address"},
	{"l2tp = { listen = [ ]; };", "t.conf:4: l2tp.listen: is empty, expected an address"},
	{"routes = ( { table = \"access\"; prefix = \"2000::/20\"; via = \"fd77::1\"; },\n"
	 "{ table = \"access\"; prefix = \"2000::/21\"; via = \"fd77::1\"; },\n"
	 "{ table = \"access\"; prefix = \"2000::/22\"; via = \"fd77::1\"; },\n"
	 "{ table = \"access\"; prefix = \"2000::/23\"; via = \"fd77::1\"; },\n"
	 "{ table = \"access\"; prefix = \"2000::/24\"; via = \"fd77::1\"; },\n"
	 "{ table = \"access\"; prefix = \"2000::/25\"; via = \"fd77::1\"; },\n"
	 "{ table = \"access\"; prefix = \"::/0\"; via = \"fd77::1\"; } );",
	 "t.conf:10: routes[6].prefix: is ::/0, the 9th length of IPv6 prefixes in this table, expected at most 8"},
	{"pptp = { listen = [ \"::\" ]; };", "t.conf:4: pptp.listen: :: is not an IPv4 address"},
	{SSTP "\nlegacy-listen = [ \"0.0.0.0\" ]; };",
	 "t.conf:5: sstp.legacy-listen: takes port 443 of 10.77.0.2, which sstp.listen has already"},
	{SSTP "\nproxy-listen = [ \"[fd77::2]:8443\",\n\"10.77.0.2\" ]; proxy-from = [ \"192.0.2.1/32\" ]; };",
	 "t.conf:6: sstp.proxy-listen: takes port 443 of 10.77.0.2, which sstp.listen has already"},
	{SSTP "legacy-listen = [ \"::\" ];\nproxy-listen = [ \"fd77::2\" ]; proxy-from = [ \"192.0.2.1/32\" ]; };",
	 "t.conf:5: sstp.proxy-listen: takes port 443 of fd77::2, which sstp.legacy-listen has already"},
	{SSTP "port = 1723; };\npptp = { listen = [ \"10.77.0.2\" ]; };",
	 "t.conf:5: pptp.listen: takes port 1723 of 10.77.0.2, which sstp.listen has already"},
	{"l2tp = { port = 49152;\nuse-ephemeral-ports = true; };",
	 "t.conf:5: l2tp.use-ephemeral-ports: takes port 49152 of 10.77.0.2, which l2tp.listen has already"},
	{"loopback-addresses = [ \"10.77.0.2\" ];",
	 "t.conf:4: loopback-addresses: 10.77.0.2 is an address of interface \"a\" already"},
	{"loopback-addresses = [ \"127.0.0.1\" ];",
	 "t.conf:4: loopback-addresses: 127.0.0.1 is not an address that a host can have"},
	/* routes */
	{"routes = ( { prefix = \"0.0.0.0/0\"; via = \"10.77.0.254\"; } );",
	 "t.conf:4: routes[0].via: is 10.77.0.254, which is on no network of an interface with core = true"},
	{"routes = ( { table = \"access\"; prefix = \"0.0.0.0/0\"; via = \"192.0.2.2\"; } );",
	 "t.conf:4: routes[0].via: is 192.0.2.2, which is on no network of an interface with access = true"},
	{"routes = ( { prefix = \"0.0.0.0/0\"; via = \"192.0.2.1\"; } );",
	 "t.conf:4: routes[0].via: is 192.0.2.1, our own address"},
	{"routes = ( { prefix = \"::/0\"; via = \"192.0.2.2\"; } );",
	 "t.conf:4: routes[0].via: is 192.0.2.2, which is not of the family of prefix"},
	{"routes = (\n{ prefix = \"10.0.0.0/8\"; } );",
	 "t.conf:5: routes[0].via: is missing, expected the next router, or discard = true"},
	{"routes = ( { prefix = \"10.0.0.0/8\"; via = \"192.0.2.2\"; discard = true; } );",
	 "t.conf:4: routes[0].discard: is true, and there is a via: expected one of the two"},
	{"routes = ( { prefix = \"10.0.0.0/8\"; discard = true; },\n{ prefix = \"10.0.0.0/8\"; via = \"192.0.2.2\"; } "
	 ");",
	 "t.conf:5: routes[1].prefix: is 10.0.0.0/8, which routes[0] is already"},
	{"routes = ( { prefix = \"10.0.0.1/8\"; discard = true; } );",
	 "t.conf:4: routes[0].prefix: is \"10.0.0.1/8\", expected an IP address/length without host bits"},
	/* pools */
	{"client-ip-pool = ( " POOL("home", "\"10.78.0.0/16\"") ",\n" POOL("b",
									   "\"10.79.0.0/24\",\n\"10.78.1.0/24\"") " );",
	 "t.conf:6: client-ip-pool[1].range: 10.78.1.0/24 overlaps pool \"home\" (10.78.0.0/16)"},
	{"client-ip-pool = ( " POOL("b", "\"10.78.1.0/24\"") ",\n" POOL("home", "\"10.78.0.0/16\"") " );",
	 "t.conf:5: client-ip-pool[1].range: 10.78.0.0/16 overlaps pool \"b\" (10.78.1.0/24)"},
	{"client-ip-pool = ( " POOL("b", "\"10.78.1.1-10.78.1.9\", \"10.78.1.9-10.78.1.12\"") " );",
	 "t.conf:4: client-ip-pool[0].range: 10.78.1.9-10.78.1.12 overlaps pool \"b\" (10.78.1.1-10.78.1.9)"},
	{"client-ip-pool = ( " POOL("a", "\"10.1.0.0/16\"") ", " POOL("b", "\"10.1.2.0/24\", \"10.2.0.0/24\"") " );",
	 "t.conf:4: client-ip-pool[1].range: 10.1.2.0/24 overlaps pool \"a\" (10.1.0.0/16)"},
	{"client-ip-pool = ( " POOL("b", "\"10.1.0.0/16\"") ",\n" POOL("b", "\"10.2.0.0/16\"") " );",
	 "t.conf:5: client-ip-pool[1].name: is \"b\", which client-ip-pool[0] is already"},
	{"client-ip-pool = ( { name = \"b\"; } );", "t.conf:4: client-ip-pool[0].range: is missing"},
	{"client-ip-pool = ( { name = \"b\"; range = \"10.0.0.0/8\";\nnext-pool = \"c\"; } );",
	 "t.conf:5: client-ip-pool[0].next-pool: is \"c\", expected the name of a client-ip-pool"},
	{"client-ip-pool = ( { name = \"a\"; range = \"10.1.0.0/16\"; next-pool = \"b\"; },"
	 "{ name = \"b\"; range = \"10.2.0.0/16\"; next-pool = \"a\"; } );",
	 "t.conf:4: client-ip-pool[0].next-pool: leads into a loop"},
	{"client-ip-pool = ( { name = \"a\"; range = \"10.1.0.0/16\"; next-pool = \"a\"; } );",
	 "t.conf:4: client-ip-pool[0].next-pool: leads into a loop"},
	{"default-pool = \"home\";", "t.conf:4: default-pool: is \"home\", expected the name of a client-ip-pool"},
	{"pptp = { default-pool = \"home\"; };",
	 "t.conf:4: pptp.default-pool: is \"home\", expected the name of a client-ip-pool"},
	{"client-ipv6-pool = ( { name = \"v\"; prefix = ( { address = \"fd00::/48\"; } );\n"
	 "delegate = ( { address = \"fd00:0:0:100::/56\"; } ); } );",
	 "t.conf:4: client-ipv6-pool[0]: fd00:0:0:100::/56 overlaps pool \"v\""},
	{"client-ipv6-pool = ( { name = \"v\"; prefix = ( { address = \"fd00::/32\"; } ); } );",
	 "t.conf:4: client-ipv6-pool[0]: fd00::/32 cannot be cut into /64, expected a length from 32 to 56"},
	/* users */
	{"authentication = { local-users = ( { username = \"u\"; } ); };",
	 "t.conf:4: authentication.local-users[0].password: is missing"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; },\n{ username = \"u\"; password = "
	 "\"y\"; "
	 "} ); };",
	 "t.conf:5: authentication.local-users[1].username: is \"u\", which authentication.local-users[0] is already"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; static-ip = \"10.1.1.1\"; },\n"
	 "{ username = \"v\"; password = \"y\"; static-ip = \"10.1.1.1\"; } ); };",
	 "t.conf:5: authentication.local-users[1].static-ip: is 10.1.1.1, the address of user \"u\""},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; routes = [ \"10.9.0.0/16\", "
	 "\"192.0.2.0/30\" ]; } ); };",
	 "t.conf:4: authentication.local-users[0].routes: 192.0.2.0/30 is the network of an interface"},
	{"authentication = { profiles = ( { name = \"p\"; routes = \"10.9.0.0/16\"; } ); };\n"
	 "routes = ( { prefix = \"10.9.0.0/16\"; discard = true; } );",
	 "t.conf:4: authentication.profiles[0].routes: 10.9.0.0/16 is one of routes"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; ifname = \"l2tp7\"; } ); };",
	 "t.conf:4: authentication.local-users[0].ifname: is \"l2tp7\", as the sessions of a protocol are called"},
	{"authentication = { any-login = true; protocols = \"mschap-v2\"; };",
	 "t.conf:4: authentication.protocols: is \"mschap-v2\" alone, which any-login cannot answer"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; static-ip = \"10.78.0.1\"; } ); };",
	 "t.conf:4: authentication.local-users[0].static-ip: is 10.78.0.1, our own address"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; static-ip = \"192.0.2.1\"; } ); };",
	 "t.conf:4: authentication.local-users[0].static-ip: is 192.0.2.1, our own address"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; static-ip = \"198.51.100.1\"; } ); "
	 "}; loopback-addresses = [ \"198.51.100.1\" ];",
	 "t.conf:4: authentication.local-users[0].static-ip: is 198.51.100.1, our own address"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; static-ip = \"10.78.0.9\"; } ); }; "
	 "l2tp = { gateway-address = \"10.78.0.9\"; };",
	 "t.conf:4: authentication.local-users[0].static-ip: is 10.78.0.9, our own address"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"x\"; profile = \"p\"; } ); };",
	 "t.conf:4: authentication.local-users[0].profile: is \"p\", expected the name of a profile"},
	{"authentication = { local-users = ( { username = \"u\"; password = 5; } ); };",
	 "t.conf:4: authentication.local-users[0].password: is 5, expected a string of up to 255 characters"},
	{"authentication = { local-users = ( { username = \"u\"; password = \"hush\\x01\"; } ); };",
	 "t.conf:4: authentication.local-users[0].password: is a string of 5 characters, expected a string of up to "
	 "255 "
	 "characters"},
	{"authentication = { mode = [ \"local\", \"radius\" ]; };",
	 "t.conf:4: authentication.mode: says \"radius\", and there is no radius.server"},
	{"authentication = { mode = [ ]; };",
	 "t.conf:4: authentication.mode: is empty, expected \"local\" or \"radius\""},
	/* protocols */
	{"l2tp = { authentication = { protocols = [ ]; }; };",
	 "t.conf:4: l2tp.authentication.protocols: is empty, expected at least one"},
	{"l2tp = { gateway-address = \"\"; };",
	 "t.conf:4: l2tp.gateway-address: is missing, here and at the top level: "
	 "subscribers need to know our address"},
	{"ppp-options = { lcp-echo-timeout = 30; };",
	 "t.conf:4: ppp-options.lcp-echo-timeout: is 30, expected more than lcp-echo-interval, 30"},
	{"l2tp = { ppp-options = { lcp-echo-interval = 0;\nlcp-echo-timeout = 30; }; };",
	 "t.conf:5: l2tp.ppp-options.lcp-echo-timeout: is 30, and lcp-echo-interval is 0: a silent peer would not be "
	 "asked"},
	{"l2tp = { rtimeout = 20; };", "t.conf:4: l2tp.rtimeout: is 20, expected at most rtimeout-cap, 16"},
	{"l2tp = { mtu = 1400;\nppp-options = { min-mtu = 1401; }; };",
	 "t.conf:5: l2tp.ppp-options.min-mtu: is 1401, expected at most the mtu, 1400"},
	{"l2tp = { peer = ( { address = \"10.0.0.0/8\"; }, { address = \"10.0.0.0/8\"; } ); };",
	 "t.conf:4: l2tp.peer[1].address: is 10.0.0.0/8, which l2tp.peer[0] is already"},
	{"l2tp = { ppp-options = { mppe = \"require\"; }; authentication = { protocols = [ \"chap\", \"pap\" ]; }; };",
	 "t.conf:4: l2tp.ppp-options.mppe: is \"require\", and no MS-CHAP is in authentication.protocols to make keys "
	 "of"},
	{"sstp = { certificate = \"c\"; private-key = \"k\"; ppp-options = { mppe = \"require\"; }; };",
	 "t.conf:4: sstp.ppp-options.mppe: is \"require\", expected \"deny\": TLS encrypts SSTP"},
	{"sstp = { certificate = \"c\"; };", "t.conf:4: sstp.private-key: is missing"},
	{"sstp = { certificate = \"c\"; private-key = \"k\"; proxy-listen = [ \"0.0.0.0:8443\" ]; };",
	 "t.conf:4: sstp.proxy-from: is missing, expected the addresses of the load balancers of proxy-listen"},
	{"sstp = { certificate = \"c\"; private-key = \"k\"; record-engine = \"cryptodev\"; };",
	 "t.conf:4: sstp.cryptodev: is missing, expected the device of record-engine = \"cryptodev\""},
	{SSTP "\ncert-hash-sha1 = \"" HEX40 "0\"; };",
	 "t.conf:5: sstp.cert-hash-sha1: is \"" HEX40 "0\", expected 40 hexadecimal digits"},
	{SSTP "\ncert-hash-sha256 = \"" HEX40 "\"; };",
	 "t.conf:5: sstp.cert-hash-sha256: is \"" HEX40 "\", expected 64 hexadecimal digits"},
	{SSTP "\nhost-name = \"*.example.net\"; };",
	 "t.conf:5: sstp.host-name: is \"*.example.net\", expected one name without *"},
	{SSTP
	 "certificates = (\n" CERT("*.example.net") ", " CERT("a.example.net") ",\n" CERT("*.Example.net") " ); };",
	 "t.conf:6: sstp.certificates[2].host-name: is \"*.Example.net\", which sstp.certificates[0] is already"},
	{"name-server = [ \"192.0.2.1\", \"192.0.2.2\", \"192.0.2.3\" ];",
	 "t.conf:4: name-server: has 3 of IPv4 and 0 of IPv6, expected at most 2 and 3"},
	/* sockets of the control plane */
	{"radius = { source-address = \"10.77.0.2\"; };", "t.conf:4: radius.source-address: is 10.77.0.2, which only "
							  "the dataplane has: expected an address of the machine, or "
							  "an interface with host"},
	{"radius = { rate-limit = { attribute = \"Speed\"; }; };",
	 "t.conf:4: radius.rate-limit.attribute: is \"Speed\", which no dictionary has (radius.dictionary adds files)"},
	{"radius = { rate-limit = { attribute = \"Filter-Id\"; vendor = \"Nobody\"; }; };",
	 "t.conf:4: radius.rate-limit.vendor: is \"Nobody\", which no dictionary has (radius.dictionary adds files)"},
	{"radius = { rate-limit = { attribute = \"Filter-Id\"; vendor = \"Cisco\"; }; };",
	 "t.conf:4: radius.rate-limit.attribute: is \"Filter-Id\", which is not of Cisco"},
	{"radius = { dictionary = [ \"/nowhere/dictionary\" ]; };",
	 "t.conf:4: radius.dictionary: /nowhere/dictionary: No such file or directory"},
	{"radius = { source-address = \"198.51.100.77\"; };",
	 "t.conf:4: radius.source-address: is 198.51.100.77, which is no address of this machine"},
	{"radius = { dynamic-author = { server = \"192.0.2.9\"; }; };",
	 "t.conf:4: radius.dynamic-author.key: is missing, and so is client: whom to believe?"},
};

static void
test_refusals(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++)
		refuse(base, refusals[i].more, refusals[i].sentence);
}

#define PORTS "ports = ( { name = \"p\"; device = \"d\"; }, { name = \"q\"; device = \"e\"; } );\n"
#define IFACE(name, port, more) "{ name = \"" name "\"; port = \"" port "\"; " more " }"

static void
test_interfaces_refused(void **state)
{
	(void)state;
	refuse("ports = ( { name = \"p\"; device = \"d\"; },\n{ name = \"p\"; device = \"e\"; } );", "",
	       "t.conf:2: ports[1].name: is \"p\", which ports[0] is already");
	refuse("ports = ( { name = \"p\"; device = \"d\"; },\n{ name = \"q\"; device = \"d\"; } );", "",
	       "t.conf:2: ports[1].device: is \"d\", which ports[0] is already");
	refuse("ports = (\n{ name = \"p\"; device = \"net_af_packet0,iface=nowhere0,qpairs=1\"; } );", "",
	       "t.conf:2: ports[0].device: is \"net_af_packet0,iface=nowhere0,qpairs=1\", and this machine has no "
	       "interface "
	       "nowhere0");
	conf_free(load("ports = ( { name = \"p\"; device = \"net_af_packet0,iface=lo\"; } );", ""));
	refuse(PORTS,
	       "interfaces = ( " IFACE("a", "p",
				       "addresses = [ \"10.0.0.1/24\", \"10.0.1.1/24\", \"10.0.2.1/24\", "
				       "\"10.0.3.1/24\", \"10.0.4.1/24\", \"10.0.5.1/24\", \"10.0.6.1/24\", "
				       "\"10.0.7.1/24\", \"10.0.8.1/24\" ];") " );",
	       "t.conf:2: interfaces[0].addresses: has 9, expected at most 8");
	refuse(PORTS, "interfaces = ( " IFACE("a", "x", "") " );",
	       "t.conf:2: interfaces[0].port: is \"x\", expected the name of a port");
	refuse(PORTS, "interfaces = ( " IFACE("a", "p", "") ",\n" IFACE("a", "q", "") " );",
	       "t.conf:3: interfaces[1].name: is \"a\", which interfaces[0] is already");
	refuse(PORTS, "interfaces = ( " IFACE("a", "p", "") ",\n" IFACE("b", "p", "") " );",
	       "t.conf:3: interfaces[1].vlan: is 0, which interface \"a\" has on port \"p\" already");
	refuse(PORTS, "interfaces = ( " IFACE("a", "p", "addresses = [ \"10.0.0.255/24\" ];") " );",
	       "t.conf:2: interfaces[0].addresses: 10.0.0.255/24 is not an address that a host can have");
	refuse(PORTS, "interfaces = ( " IFACE("a", "p", "mtu = 1279; addresses = [ \"fd00::1/64\" ];") " );",
	       "t.conf:2: interfaces[0].mtu: is 1279, expected at least 1280 with IPv6 addresses");
	refuse(PORTS,
	       "interfaces = ( " IFACE("a", "p", "addresses = [ \"10.0.0.1/24\" ]; access = true;") ",\n" IFACE(
		       "b", "q", "addresses = [ \"10.0.0.1/32\" ];") " );",
	       "t.conf:3: interfaces[1].addresses: 10.0.0.1/32 is an address of interface \"a\" already");
	refuse(PORTS,
	       "interfaces = ( " IFACE("a", "p", "addresses = [ \"10.0.0.1/24\" ];") ",\n" IFACE(
		       "b", "q", "addresses = [ \"10.0.0.130/25\" ];") " );",
	       "t.conf:3: interfaces[1].addresses: 10.0.0.130/25 overlaps a network of interface \"a\"");
	refuse(PORTS,
	       "interfaces = ( " IFACE("c", "p",
				       "addresses = [ \"10.0.0.1/24\" ];") " ); gateway-address = \"10.9.9.9\";\n"
									   "l2tp = { };",
	       "t.conf:3: l2tp.listen: 0.0.0.0 means our IPv4 addresses on interfaces with access = true, and there is "
	       "none");
}

/* ports_from: n endpoints of one address. */
static const char *
ports_from(unsigned first, unsigned n)
{
	static char text[4096];
	size_t at = 0;
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s\n\"10.77.0.2:%u\"", i ? "," : "", first + i);
	return text;
}

/* A worker has room for 64 listeners of TCP, and for 64 others. */
static void
test_room_for_listeners(void **state)
{
	char more[8192];
	(void)state;
	snprintf(more, sizeof more, SSTP "listen = [ \"0.0.0.0\", \"10.77.0.2:443\" ]; legacy-listen = [ %s ]; };",
		 ports_from(1000, 63));
	conf_free(load(base, more));
	snprintf(more, sizeof more, SSTP "legacy-listen = [ %s ]; };", ports_from(1000, 64));
	refuse(base, more,
	       "t.conf:68: sstp.legacy-listen: port 1063 of 10.77.0.2 is one more than the 64 listeners of TCP that "
	       "there is room for");
	snprintf(more, sizeof more, SSTP "legacy-listen = [ %s ]; };\npptp = { };", ports_from(1000, 63));
	refuse(base, more,
	       "t.conf:68: pptp.listen: port 1723 of 10.77.0.2 is one more than the 64 listeners of TCP that there is "
	       "room for");
	snprintf(more, sizeof more, "l2tp = { listen = [ %s ]; };", ports_from(1000, 64));
	conf_free(load(base, more));
	snprintf(more, sizeof more, "l2tp = { listen = [ %s ]; };", ports_from(1000, 65));
	refuse(base, more,
	       "t.conf:69: l2tp.listen: port 1064 of 10.77.0.2 is one more than the 64 listeners of UDP and GRE that "
	       "there is room for");
	snprintf(more, sizeof more, "l2tp = { listen = [ %s ]; };\npptp = { };", ports_from(1000, 64));
	refuse(base, more,
	       "t.conf:69: pptp.listen: GRE to 0.0.0.0 is one more than the 64 listeners of UDP and GRE that there is "
	       "room for");
}

/* What names a certificate of sstp, in the forms that are taken. */
static void
test_certificates_named(void **state)
{
	(void)state;
	struct conf *c =
		load(base, SSTP "cert-hash-sha1 = \"" HEX40 "\"; cert-hash-sha256 = \"" HEX40
				"0123456789abcdef01234567\"; host-name = \"vpn.example.net\"; certificates = ( " CERT(
					"*.example.net") ", " CERT("vpn.example.net") " ); };");
	assert_int_equal(c->sstp.certificates.n, 2);
	conf_free(c);
	c = load(base, SSTP "cert-hash-sha1 = \"\"; cert-hash-sha256 = \"\"; host-name = \"\"; };");
	assert_null(c->sstp.cert_hash_sha256);
	conf_free(c);
}

/* One network in both route tables is two networks. */
static void
test_networks_of_two_tables(void **state)
{
	(void)state;
	struct conf *c = load(
		PORTS, "interfaces = ( " IFACE("a", "p", "addresses = [ \"10.0.0.1/24\" ]; access = true;") ", " IFACE(
			       "b", "q", "addresses = [ \"10.0.0.2/24\" ];") " );");
	assert_true(c->interfaces.v[0].access && !c->interfaces.v[0].core);
	assert_true(!c->interfaces.v[1].access && c->interfaces.v[1].core);
	conf_free(c);
	c = load(PORTS, "interfaces = ( " IFACE("a", "p", "access = true; core = true; vlan = 7;") ", " IFACE(
				"b", "p", "core = false;") " );");
	assert_true(c->interfaces.v[0].access && c->interfaces.v[0].core);
	assert_true(!c->interfaces.v[1].access && !c->interfaces.v[1].core);
	assert_int_equal(c->interfaces.v[1].port_index, 0);
	conf_free(c);
}

/* The values that operators of the field expect without saying anything. */
static void
test_defaults(void **state)
{
	(void)state;
	struct conf *c = load(base, "l2tp = { }; pptp = { }; sstp = { certificate = \"c\"; private-key = \"k\"; };");
	const struct conf_access *l = conf_access_of(c, CONF_L2TP), *s = conf_access_of(c, CONF_SSTP),
				 *p = conf_access_of(c, CONF_PPTP);
	assert_int_equal(l->ppp_options.ipv4, CONF_ALLOW);
	assert_int_equal(l->ppp_options.ipv6, CONF_DENY);
	assert_int_equal(l->ppp_options.mppe, CONF_PREFER);
	assert_int_equal(s->ppp_options.mppe, CONF_DENY);
	assert_int_equal(l->ppp_options.lcp_echo_interval, 30);
	assert_int_equal(l->ppp_options.lcp_echo_failure, 3);
	assert_int_equal(l->ppp_options.lcp_echo_timeout, 0);
	assert_int_equal(l->ppp_options.min_mtu, 100);
	assert_int_equal(l->ppp_options.timeout, 3);
	assert_int_equal(l->ppp_options.max_configure, 10);
	assert_int_equal(l->ppp_options.max_terminate, 2);
	assert_int_equal(c->l2tp.rtimeout, 1);
	assert_int_equal(c->l2tp.rtimeout_cap, 16);
	assert_int_equal(c->l2tp.retransmit, 5);
	assert_int_equal(c->l2tp.hello_interval, 60);
	assert_int_equal(c->l2tp.recv_window, 16);
	assert_int_equal(c->l2tp.listen.v[0].port, 1701);
	assert_int_equal(c->sstp.listen.v[0].port, 443);
	assert_int_equal(c->pptp.listen.v[0].port, 1723);
	assert_int_equal(c->radius.acct_timeout, 3);
	assert_int_equal(c->radius.timeout, 3);
	assert_int_equal(c->radius.max_try, 3);
	assert_int_equal(c->cores.idle, CONF_IDLE_NAP);
	assert_int_equal(c->cores.workers.v[0], 1);
	assert_false(c->cores.stage_cycles);
	assert_string_equal(l->ifname, "l2tp%d");
	assert_string_equal(p->ifname, "pptp%d");
	assert_int_equal(l->authentication.protocols.n, 4);
	assert_int_equal(l->authentication.protocols.v[0], CONF_AUTH_MSCHAP_V2);
	assert_int_equal(p->authentication.protocols.n, 2);
	assert_int_equal(p->authentication.protocols.v[1], CONF_AUTH_MSCHAP);
	assert_int_equal(l->mtu, l->ppp_options.mru);
	assert_int_equal(l->mtu, 1460);
	assert_int_equal(l->default_pool_index, -1);
	assert_false(c->radius.enabled);
	conf_free(c);
}

static void
test_inheritance(void **state)
{
	(void)state;
	struct conf *c =
		load(base,
		     "client-ip-pool = ( " POOL("x", "\"10.1.0.0/16\"") ", " POOL(
			     "y", "\"10.2.0.0/16\"") " );"
						     "default-pool = \"x\"; name-server = [ \"192.0.2.53\" ]; mtu = "
						     "1400; ppp-options = { mppe = \"require\"; "
						     "timeout = 5; max-configure = 20; }; authentication = { protocols "
						     "= [ \"mschap-v2\" ]; timeout = 9; };"
						     "l2tp = { default-pool = \"y\"; gateway-address = \"10.9.0.1\"; "
						     "name-server = [ ]; ppp-options = { timeout = 7; }; "
						     "authentication = { protocols = [ \"chap\", \"mschap-v2\" ]; }; };"
						     "sstp = { certificate = \"c\"; private-key = \"k\"; mtu = 1300; "
						     "}; pptp = { default-pool = \"\"; };");
	const struct conf_access *l = conf_access_of(c, CONF_L2TP), *s = conf_access_of(c, CONF_SSTP),
				 *p = conf_access_of(c, CONF_PPTP);
	assert_int_equal(l->default_pool_index, 1);
	assert_int_equal(s->default_pool_index, 0);
	assert_int_equal(p->default_pool_index, -1);
	assert_null(p->default_pool);
	assert_int_equal(addr_ip4(&l->gateway_address), 0x0a090001);
	assert_int_equal(addr_ip4(&s->gateway_address), 0x0a4e0001);
	assert_int_equal(l->name_server.n, 0);
	assert_int_equal(s->name_server.n, 1);
	assert_int_equal(l->ppp_options.timeout, 7);
	assert_int_equal(l->ppp_options.max_configure, 20);
	assert_int_equal(s->ppp_options.timeout, 5);
	assert_int_equal(l->ppp_options.mppe, CONF_REQUIRE);
	assert_int_equal(s->ppp_options.mppe, CONF_DENY);
	assert_int_equal(l->authentication.protocols.n, 2);
	assert_int_equal(l->authentication.timeout, 9);
	assert_int_equal(p->authentication.protocols.n, 1);
	assert_int_equal(l->mtu, 1400);
	assert_int_equal(s->mtu, 1300);
	assert_int_equal(s->ppp_options.mru, 1300);
	conf_free(c);
}

static void
test_pool_ranges(void **state)
{
	(void)state;
	struct conf *c = load(
		"",
		"client-ip-pool = ( { name = \"a\"; range = [ \"10.1.0.0/24\", \"10.2.0.77/24\", "
		"\"10.3.0.0/31\", \"10.4.0.5/32\", \"10.5.0.0-10.5.1.255\", \"10.6.0.255/24\" ]; all-addresses = true; "
		"},"
		"{ name = \"b\"; range = [ \"10.11.0.0/24\", \"10.12.0.77/24\", \"10.13.0.0/31\", \"10.14.0.5/32\", "
		"\"10.15.0.0-10.15.1.255\", \"10.16.0.0/30\" ]; } );");
	static const struct {
		uint32_t first, last;
	} all[] = {{0x0a010000, 0x0a0100ff}, {0x0a02004d, 0x0a0200ff}, {0x0a030000, 0x0a030001},
		   {0x0a040005, 0x0a040005}, {0x0a050000, 0x0a0501ff}, {0x0a0600ff, 0x0a0600ff}},
	  inner[] = {{0x0a0b0001, 0x0a0b00fe}, {0x0a0c004d, 0x0a0c00fe}, {0x0a0d0000, 0x0a0d0001},
		     {0x0a0e0005, 0x0a0e0005}, {0x0a0f0000, 0x0a0f01ff}, {0x0a100001, 0x0a100002}};
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(c->client_ip_pool.v[0].range.v[i].first, all[i].first);
		assert_int_equal(c->client_ip_pool.v[0].range.v[i].last, all[i].last);
		assert_int_equal(c->client_ip_pool.v[1].range.v[i].first, inner[i].first);
		assert_int_equal(c->client_ip_pool.v[1].range.v[i].last, inner[i].last);
	}
	conf_free(c);
	refuse("", "client-ip-pool = ( " POOL("a", "\"10.6.0.255/24\"") " );",
	       "t.conf:1: client-ip-pool[0].range: 10.6.0.255/24 has no address to lend without all-addresses");
}

static void
test_profiles(void **state)
{
	(void)state;
	struct conf *c =
		load(base, "client-ip-pool = ( " POOL(
				   "x", "\"10.1.0.0/16\"") " ); authentication = { profiles = ( { name = \"gold\"; "
							   "pool = \"x\"; disable = true; rate-limit = { download = 9; "
							   "}; } ); local-users = ( { username = \"u\"; password = "
							   "\"p\"; profile = \"gold\"; disable = false; }, { username "
							   "= \"v\"; password = \"p\"; } ); };");
	const struct conf_user *u = c->authentication.local_users.v;
	assert_int_equal(u[0].profile_index, 0);
	assert_int_equal(u[0].pool_index, 0);
	assert_false(u[0].disable);
	assert_int_equal(u[0].rate_limit.download, 9);
	assert_int_equal(u[1].profile_index, -1);
	assert_int_equal(u[1].pool_index, -1);
	assert_int_equal(u[1].rate_limit.download, 0);
	conf_free(c);
}

static bool
noticed(const struct conf *c, const char *text)
{
	for (unsigned i = 0; i < c->notices.n; i++)
		if (!strcmp(c->notices.v[i], text))
			return true;
	return false;
}

static void
test_notices(void **state)
{
	(void)state;
	struct conf *c =
		load("ports = ( { name = \"p\"; device = \"d\"; } ); interfaces = ( { name = \"a\"; port = \"p\"; "
		     "addresses = [ \"10.77.0.2/24\" ]; access = true; } ); gateway-address = \"10.78.0.1\";",
		     "pptp = { session-timeout = 9; echo-interval = 5; }; shaper = { fwmark = 5; };"
		     "ppp-options = { interface-cache = 9; ipv6 = \"deny\"; }; l2tp = { };");
	assert_int_equal(c->notices.n, 2);
	assert_true(noticed(c, "shaper: not in this release, ignored"));
	assert_true(noticed(c, "ppp-options.interface-cache: ignored: sessions here need no kernel interface"));
	conf_free(c);
}

static void
test_reserved(void **state)
{
	(void)state;
	struct conf *c = load(
		base,
		"loopback-addresses = [ \"10.1.0.9\" ]; l2tp = { gateway-address = \"10.2.0.1\"; };"
		"authentication = { local-users = ( { username = \"u\"; password = \"\"; static-ip = \"10.1.0.7\"; "
		"gateway-address = \"10.1.0.9\"; } ); };");
	uint32_t out[16];
	unsigned n = conf_reserved(c, NULL, 0);
	assert_in_range(n, 6, 16);
	n = conf_reserved(c, out, n);
	static const uint32_t expected[] = {0x0a010007, 0x0a010009, 0x0a020001, 0x0a4d0002, 0x0a4e0001, 0xc0000201};
	assert_int_equal(n, 6);
	assert_memory_equal(out, expected, sizeof expected);
	conf_free(c);
}

static void
test_mbufs(void **state)
{
	(void)state;
	struct conf *c = load(base, "");
	/* two ports of 1024 + 1024 descriptors are at most 15 % of the pool */
	assert_int_equal(conf_mbufs(c), 32767);
	conf_free(c);
	c = load(base, "cores = { mbufs = 5000; };");
	assert_int_equal(conf_mbufs(c), 5000);
	conf_free(c);
}

static char dir[] = "/tmp/millrace-conf-XXXXXX";

static const char *
write_to(const char *name, const char *text, size_t n)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	return path;
}

static void
refuse_file(const char *path, int rc, const char *piece)
{
	struct conf *c;
	assert_int_equal(conf_load(path, &c, &err), rc);
	assert_null(c);
	if (!strstr(err.text, piece))
		fail_msg("%s is not in: %s", piece, err.text);
}

#define WRITE(name, text) write_to(name, text, sizeof(text) - 1)

static void
test_files(void **state)
{
	(void)state;
	char path[256];
	struct conf *c;
	refuse_file("/nonexistent/millrace.conf", -ENOENT, "/nonexistent/millrace.conf: cannot be read: No such file");
	refuse_file(dir, -EINVAL, "is not a regular file");
	refuse_file("/dev/null", -EINVAL, "is not a regular file");
	refuse_file(WRITE("nul", "max-sessions = 5;\0x"), -EINVAL, "NUL byte");
	WRITE("inner", "\nmax-sessions = 77;\n");
	assert_int_equal(conf_load(WRITE("outer", "log = { };\n@include \"inner\"\n"), &c, &err), 0);
	assert_int_equal(c->max_sessions, 77);
	conf_free(c);
	WRITE("wrong", "\nmax-sessions = 0;\n");
	refuse_file(WRITE("outer", "@include \"wrong\"\n"), -EINVAL,
		    "/wrong:2: max-sessions: is 0, expected a number from 1 to 16777215");
	WRITE("big", "max-sessions = 4294967297;\n");
	refuse_file(WRITE("outer", "@include \"big\"\n"), -EINVAL, "/big:1: 4294967297 is too large");
	refuse_file(WRITE("outer", "\n@include \".\"\n"), -EINVAL, "/outer:2: @include \".\"");
	refuse_file(WRITE("outer", "@include \"outer\"\n"), -EINVAL, "more than 10 levels");
	refuse_file(WRITE("outer", "@include \"/etc/passwd\"\n"), -EINVAL, "expected a path relative to");
	static const char *const names[] = {"nul", "inner", "outer", "wrong", "big"};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_interfaces_refused),
		cmocka_unit_test(test_room_for_listeners),
		cmocka_unit_test(test_certificates_named),
		cmocka_unit_test(test_networks_of_two_tables),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_pool_ranges),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_notices),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_mbufs),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
