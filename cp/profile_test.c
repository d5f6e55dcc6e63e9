/* profile_test.c - who says what first wins, silence says nothing, and blocks are let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "profile.h"

static void
nothing_is_said_at_first(void **state)
{
	struct profile p;
	(void)state;
	profile_init(&p);
	for (unsigned i = 0; i < PROFILE_FIELDS; i++)
		assert_false(profile_says(&p, i));
	profile_fini(&p);
}

static void
the_first_word_wins(void **state)
{
	struct profile source, keys;
	(void)state;
	profile_init(&source);
	profile_init(&keys);
	assert_true(profile_say_pool(&source, "gold"));
	profile_say_dns1(&source, 1);
	assert_true(profile_say_pool(&keys, "home"));
	profile_say_dns1(&keys, 2);
	profile_say_dns2(&keys, 3);
	profile_take(&source, &keys);
	assert_string_equal(source.pool, "gold");
	assert_int_equal(source.dns1, 1);
	assert_int_equal(source.dns2, 3);
	assert_false(profile_says(&source, PROFILE_WINS1));
}

/* "No idle timeout" is a word too: it is not the same as silence. */
static void
zero_is_a_word(void **state)
{
	struct profile source, keys;
	(void)state;
	profile_init(&source);
	profile_init(&keys);
	profile_say_idle_timeout_s(&source, 0);
	profile_say_idle_timeout_s(&keys, 600);
	profile_say_session_timeout_s(&keys, 60);
	profile_take(&source, &keys);
	assert_int_equal(source.idle_timeout_s, 0);
	assert_int_equal(source.session_timeout_s, 60);
}

static void
a_text_too_long_is_not_said(void **state)
{
	struct profile p;
	(void)state;
	profile_init(&p);
	assert_false(profile_say_ifname(&p, "sixteen-letters!"));
	assert_false(profile_says(&p, PROFILE_IFNAME));
	assert_true(profile_say_ifname(&p, "fifteen-letters"));
	assert_string_equal(p.ifname, "fifteen-letters");
}

/* The sanitizer sees a block that nobody lets go, and one that is used afterwards. */
static void
blocks_are_shared(void **state)
{
	struct prefix nets[2] = {{addr_from_ip4(0x0a010000), 24}, {addr_from_ip4(0x0a020000), 16}};
	struct profile a, b;
	unsigned n;
	(void)state;
	profile_init(&a);
	profile_init(&b);
	assert_int_equal(profile_say_routes(&a, nets, sizeof nets), 0);
	assert_int_equal(profile_say_username(&a, "alice", 5), 0);
	profile_take(&b, &a);
	assert_ptr_equal(b.routes, a.routes);
	assert_int_equal(b.routes->refs, 2);
	assert_int_equal(profile_say_routes(&a, nets, sizeof nets[0]), 0);
	profile_fini(&a);
	assert_int_equal(b.routes->refs, 1);
	assert_int_equal(profile_routes(&b, &n)[1].len, 16);
	assert_int_equal(n, 2);
	assert_string_equal(profile_text(b.username), "alice");
	profile_fini(&b);
	profile_fini(&b);
}

/* What the protocol does not say, the top level does; conf_access_of has merged these two. */
static void
keys_of_a_protocol(void **state)
{
	struct conf *conf;
	struct conf_error err;
	struct profile p;
	(void)state;
	if (conf_load_string("ports = ( { name = \"p0\"; device = \"net_null0\"; } );\n"
			     "interfaces = ( { name = \"access\"; port = \"p0\"; addresses = \"10.77.0.2/24\"; access "
			     "= true; } );\n"
			     "client-ip-pool = ( { name = \"home\"; range = \"10.78.1.0/24\"; },\n"
			     "  { name = \"lns\"; range = \"10.78.2.0/24\"; } );\n"
			     "default-pool = \"home\"; gateway-address = \"10.78.0.1\"; idle-timeout = 5;\n"
			     "name-server = [ \"2001:db8::53\", \"192.0.2.53\" ];\n"
			     "l2tp = { default-pool = \"lns\"; };\n",
			     "profile.conf", &conf, &err) < 0)
		fail_msg("%s", err.text);
	profile_of_access(&p, conf_access_of(conf, CONF_L2TP));
	assert_string_equal(p.pool, "lns");
	assert_int_equal(p.gateway_ip4, 0x0a4e0001);
	assert_int_equal(p.dns1, 0xc0000235);
	assert_false(profile_says(&p, PROFILE_DNS2));
	assert_int_equal(p.idle_timeout_s, 5);
	assert_int_equal(p.mtu, conf->l2tp.access.mtu);
	profile_fini(&p);
	profile_of_access(&p, conf_access_of(conf, CONF_PPTP));
	assert_string_equal(p.pool, "home");
	profile_fini(&p);
	conf_free(conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_at_first), cmocka_unit_test(the_first_word_wins),
		cmocka_unit_test(zero_is_a_word),           cmocka_unit_test(a_text_too_long_is_not_said),
		cmocka_unit_test(blocks_are_shared),        cmocka_unit_test(keys_of_a_protocol),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
