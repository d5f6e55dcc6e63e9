/* print_test.c - what conf_print writes, conf_load reads back to the same; secrets stay out of sight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "conf/conf.h"

/* Much of what can be said, each section at least once. */
static const char whole[] =
	"description = \"a \\\"quoted\\\" \\\\ word\"; cores = { main = 0; workers = 1; hugepages = true; mbufs = "
	"4096; };"
	"ports = ( { name = \"p0\"; device = \"net_tap0,iface=acc0\"; }, { name = \"p1\"; device = \"0000:3b:00.1\"; } "
	");"
	"interfaces = ( { name = \"a\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\", \"fd77::2/64\" ]; access = "
	"true; },"
	"{ name = \"c\"; port = \"p1\"; vlan = 100; addresses = [ \"192.0.2.1/30\" ]; host = \"mr-core\"; } );"
	"loopback-addresses = [ \"198.51.100.1\" ]; routes = ( { prefix = \"0.0.0.0/0\"; via = \"192.0.2.2\"; },"
	"{ prefix = \"::/0\"; discard = true; }, { table = \"access\"; prefix = \"0.0.0.0/0\"; via = \"10.77.0.254\"; "
	"} );"
	"l2tp = { listen = [ \"0.0.0.0\", \"[::]:1702\" ]; secret = \"tunnel-hush\"; peer = ( { address = "
	"\"203.0.113.0/24\"; "
	"secret = \"peer-hush\"; } ); default-pool = \"\"; name-server = [ ]; limits = { connection-limit = \"5/min\"; "
	"}; };"
	"sstp = { certificate = \"s.pem\"; private-key = \"s.key\"; certificates = ( { host-name = \"x\"; certificate "
	"= \"c\"; "
	"private-key = \"k\"; } ); ppp-options = { ipv6-interface-id = \"random\"; }; };"
	"pptp = { listen = \"10.77.0.2\"; authentication = { protocols = [ \"mschap-v2\" ]; }; gateway-address = "
	"\"10.9.0.1\"; };"
	"authentication = { mode = [ \"radius\", \"local\" ]; protocols = [ \"chap\", \"mschap-v2\" ]; profiles = ( { "
	"name = \"g\"; "
	"rate-limit = { upload = 7; }; } ); local-users = ( { username = \"alice\"; password = \"user-hush\"; profile "
	"= \"g\"; "
	"static-ip = \"10.78.1.9\"; ipv6-prefix = \"fd00::/64\"; routes = [ \"10.1.0.0/16\" ]; service = \"l2tp\"; } "
	"); };"
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\", \"10.78.4.2-10.78.7.254\" ]; next-pool = "
	"\"spare\"; },"
	"{ name = \"spare\"; range = \"10.79.0.7/22\"; all-addresses = true; } ); default-pool = \"home\";"
	"gateway-address = \"10.78.0.1\"; name-server = [ \"192.0.2.53\", \"2001:db8::53\" ]; mtu = 1400;"
	"client-ipv6-pool = ( { name = \"v6\"; prefix = ( { address = \"fd78::/40\"; } ); delegate = ( { address = "
	"\"fd79::/40\"; "
	"} ); } ); default-ipv6-pool = \"v6\"; radius = { server = ( { address = \"198.51.100.10\"; key = "
	"\"radius-hush\"; port = "
	"65534; } ); rate-limit = { multiplier = 0.125; }; dynamic-author = { server = \"198.51.100.1\"; key = "
	"\"coa-hush\"; }; };"
	"shaper = { fwmark = 7; }; router-advertisement = { max-interval = 8; }; metrics = { listen = \"127.0.0.1\"; "
	"};";

static struct conf_error err;

static struct conf *
load(const char *text)
{
	struct conf *c;
	if (conf_load_string(text, "t.conf", &c, &err) != 0)
		fail_msg("%s", err.text);
	return c;
}

static char *
print(const struct conf *c, bool secrets)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	assert_non_null(f);
	conf_print(f, c, secrets);
	fclose(f);
	return text;
}

static void
round_trip(struct conf *c)
{
	char *first = print(c, true);
	struct conf *again = load(first);
	char *second = print(again, true);
	assert_string_equal(first, second);
	assert_int_equal(again->ports.n, c->ports.n);
	assert_int_equal(again->authentication.local_users.n, c->authentication.local_users.n);
	assert_int_equal(again->client_ip_pool.n, c->client_ip_pool.n);
	free(first);
	free(second);
	conf_free(again);
	conf_free(c);
}

static void
test_round_trip(void **state)
{
	(void)state;
	round_trip(load(""));
	round_trip(load(whole));
}

/* The example of the documentation is one that loads, and that no release will have to excuse. */
static void
test_example(void **state)
{
	(void)state;
	struct conf *c;
	if (conf_load(getenv("EXAMPLE"), &c, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(c->l2tp.enabled);
	for (unsigned i = 0; i < c->notices.n; i++)
		print_message("notice: %s\n", c->notices.v[i]);
	assert_int_equal(c->notices.n, 0);
	round_trip(c);
}

static void
test_values_kept(void **state)
{
	(void)state;
	struct conf *first = load(whole);
	char *text = print(first, true);
	struct conf *c = load(text);
	assert_string_equal(c->description, "a \"quoted\" \\ word");
	assert_int_equal(c->cores.idle, CONF_IDLE_POLL);
	assert_null(c->l2tp.access.default_pool);
	assert_int_equal(c->l2tp.access.default_pool_index, -1);
	assert_int_equal(c->l2tp.access.name_server.n, 0);
	assert_int_equal(c->sstp.access.name_server.n, 2);
	assert_int_equal(c->l2tp.access.limits.connections, 5);
	assert_int_equal(c->l2tp.access.limits.per_s, 60);
	assert_int_equal(c->l2tp.listen.v[1].port, 1702);
	assert_int_equal(c->authentication.local_users.v[0].rate_limit.upload, 7);
	assert_int_equal(c->radius.server.v[0].acct_port, 65535);
	assert_int_equal(c->radius.rate_limit.multiplier_permille, 125);
	assert_int_equal(c->metrics.listen.port, 9100);
	assert_int_equal(c->routes.v[1].prefix.len, 0);
	assert_false(addr_is_v4(&c->routes.v[1].prefix.addr));
	assert_int_equal(c->client_ip_pool.v[1].range.v[0].first, 0x0a4f0007);
	assert_int_equal(c->client_ip_pool.v[1].range.v[0].last, 0x0a4f03ff);
	free(text);
	conf_free(first);
	conf_free(c);
}

static void
test_secrets(void **state)
{
	(void)state;
	struct conf *c = load(whole);
	char *hidden = print(c, false), *shown = print(c, true);
	assert_null(strstr(hidden, "hush"));
	assert_non_null(strstr(hidden, "password = \"***\";"));
	static const char *const secrets[] = {"tunnel-hush", "peer-hush", "user-hush", "radius-hush", "coa-hush"};
	for (unsigned i = 0; i < sizeof secrets / sizeof *secrets; i++)
		assert_non_null(strstr(shown, secrets[i]));
	free(hidden);
	free(shown);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_values_kept),
		cmocka_unit_test(test_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
