/* map_test.c - every attribute that is understood, in its right form and in a wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aaa/map.h"

static struct map_conf conf;
static struct map m;
static uint8_t bytes[4000];
static struct wr w;

static int
set_up(void **state)
{
	char err[128];
	(void)state;
	conf = (struct map_conf){.dict = radius_dict_new(NULL, 0, err, sizeof err), .rate_multiplier_permille = 1000};
	return conf.dict ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	radius_dict_free((struct radius_dict *)conf.dict);
	return 0;
}

static void
begin(void)
{
	w = wr_init(bytes, sizeof bytes);
	map_init(&m, &conf);
}

static bool
take(void)
{
	return map_take(&m, radius_walk_bare(bytes, wr_len(&w)));
}

static void
put_addresses(const struct addr *ip6)
{
	static const uint8_t prefix[] = {0, 64, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1};
	static const uint8_t delegated[] = {0, 56, 0x20, 1, 0xd, 0xb8, 1, 0, 0};
	radius_put_text(&w, RADIUS_USER_NAME, "billing-name");
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x6440000a);
	radius_put_u32(&w, RADIUS_FRAMED_IP_NETMASK, 0xffffff00);
	radius_put_text(&w, RADIUS_FRAMED_POOL, "pool-a");
	radius_put_text(&w, RADIUS_FRAMED_ROUTE, "192.0.2.0/24 100.64.0.10 1");
	radius_put_text(&w, RADIUS_FRAMED_ROUTE, "198.51.100.7");
	radius_put_text(&w, RADIUS_FRAMED_IPV6_ROUTE, "2001:db8:5::/48 :: 1");
	radius_put_u32(&w, RADIUS_FRAMED_MTU, 1400);
	radius_put(&w, RADIUS_FRAMED_IPV6_PREFIX, prefix, sizeof prefix);
	radius_put_addr(&w, RADIUS_FRAMED_IPV6_ADDRESS, ip6);
	radius_put(&w, RADIUS_FRAMED_INTERFACE_ID, "\0\0\0\0\0\0\0\7", 8);
	radius_put_text(&w, RADIUS_FRAMED_IPV6_POOL, "v6");
	radius_put_text(&w, RADIUS_STATEFUL_IPV6_POOL, "na");
	radius_put(&w, RADIUS_DELEGATED_IPV6_PREFIX, delegated, sizeof delegated);
	radius_put_text(&w, RADIUS_DELEGATED_IPV6_POOL, "pd");
	radius_put_addr(&w, RADIUS_DNS_SERVER_IPV6_ADDRESS, ip6);
	radius_put_addr(&w, RADIUS_DNS_SERVER_IPV6_ADDRESS, ip6);
	radius_put_u32(&w, RADIUS_MS_PRIMARY_DNS, 0xc0000235);
	radius_put_u32(&w, RADIUS_MS_SECONDARY_DNS, 0xc0000236);
	radius_put_u32(&w, RADIUS_MS_PRIMARY_NBNS, 0xc0000237);
	radius_put_u32(&w, RADIUS_MS_SECONDARY_NBNS, 0xc0000238);
}

static void
put_limits(void)
{
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 600);
	radius_put_u32(&w, RADIUS_TERMINATION_ACTION, 1);
	radius_put_u32(&w, RADIUS_ACCT_INTERIM_INTERVAL, 300);
	radius_put(&w, RADIUS_CLASS, "cls-a", 5);
	radius_put(&w, RADIUS_CLASS, "\0b", 2);
	radius_put(&w, RADIUS_STATE, "st", 2);
	radius_put_u32(&w, RADIUS_PORT_LIMIT, 2);
	radius_put_text(&w, RADIUS_NAS_PORT_ID, "bob-home");
	radius_put_text(&w, RADIUS_REPLY_MESSAGE, "wel");
	radius_put_text(&w, RADIUS_REPLY_MESSAGE, "come");
}

static void
expect_addresses(const struct profile *p, const struct addr *ip6)
{
	unsigned n;
	const struct prefix *routes = profile_routes(p, &n);
	assert_string_equal(profile_text(p->username), "billing-name");
	assert_int_equal(p->ip4, 0x6440000a);
	assert_int_equal(p->netmask_len, 24);
	assert_string_equal(p->pool, "pool-a");
	assert_int_equal(n, 2);
	assert_int_equal(routes[0].len, 24);
	assert_int_equal(addr_ip4(&routes[1].addr), 0xc6336407);
	assert_int_equal(routes[1].len, 32);
	assert_int_equal(((const struct prefix *)(const void *)p->routes6->bytes)->len, 48);
	assert_int_equal(p->mtu, 1400);
	assert_int_equal(p->ipv6_prefix.len, 64);
	assert_true(addr_eq(&p->ip6, ip6));
	assert_int_equal(p->interface_id, 7);
	assert_string_equal(p->ipv6_pool, "v6");
	assert_string_equal(p->stateful_pool, "na");
	assert_int_equal(p->delegated_prefix.len, 56);
	assert_string_equal(p->delegated_pool, "pd");
	assert_int_equal(p->dns6->len, 32);
	assert_int_equal(p->dns1, 0xc0000235);
	assert_int_equal(p->dns2, 0xc0000236);
	assert_int_equal(p->wins1, 0xc0000237);
	assert_int_equal(p->wins2, 0xc0000238);
}

static void
expect_limits(const struct profile *p)
{
	assert_int_equal(p->session_timeout_s, 3600);
	assert_int_equal(p->idle_timeout_s, 600);
	assert_true(p->termination);
	assert_int_equal(p->interim_s, 300);
	assert_int_equal(p->classes->len, 9);
	assert_memory_equal(p->classes->bytes, "\5cls-a\2\0b", 9);
	assert_memory_equal(p->state->bytes, "st", 2);
	assert_int_equal(p->port_limit, 2);
	assert_string_equal(p->ifname, "bob-home");
}

static void
all_of_them(void **state)
{
	struct addr ip6;
	(void)state;
	begin();
	addr_parse("2001:db8::53", &ip6);
	put_addresses(&ip6);
	put_limits();
	assert_false(w.bad);
	assert_true(take());
	expect_addresses(&m.profile, &ip6);
	expect_limits(&m.profile);
	assert_string_equal(m.message, "welcome");
	assert_int_equal(m.ignored, 0);
	assert_string_equal(m.note, "");
	map_fini(&m);
}

/* 16: each is refused by its name; none becomes 0. */
static void
malformed_ones_are_refused(void **state)
{
	static const struct {
		uint32_t id;
		const char *value;
		uint8_t len;
	} rows[] = {
		{RADIUS_SESSION_TIMEOUT, "\0\0\1", 3},
		{RADIUS_FRAMED_IP_ADDRESS, "\1\2", 2},
		{RADIUS_FRAMED_IP_ADDRESS, "\0\0\0\0", 4},
		{RADIUS_FRAMED_IP_NETMASK, "\xff\0\xff\0", 4},
		{RADIUS_FRAMED_MTU, "\0\0\0\5", 4},
		{RADIUS_FRAMED_MTU, "\0\1\0\0", 4},
		{RADIUS_FRAMED_IPV6_PREFIX, "\0\xff\1", 3},
		{RADIUS_FRAMED_IPV6_ADDRESS, "\1", 1},
		{RADIUS_FRAMED_INTERFACE_ID, "\1\2\3", 3},
		{RADIUS_FRAMED_ROUTE, "nowhere", 7},
		{RADIUS_FRAMED_ROUTE, "2001:db8::/32", 13},
		{RADIUS_FRAMED_ROUTE, "0.0.0.0/0", 9},
		{RADIUS_FRAMED_ROUTE, "192.0.2.0/24 me", 15},
		{RADIUS_FRAMED_IPV6_ROUTE, "192.0.2.0/24", 12},
		{RADIUS_FRAMED_POOL, "a\nb", 3},
		{RADIUS_FRAMED_POOL, "a-name-that-is-longer-than-any-pool", 35},
		{RADIUS_MS_PRIMARY_DNS, "\1\2\3", 3},
		{RADIUS_WISPR_MAX_DOWN, "\1", 1},
		{RADIUS_ACCEL_VRF_NAME, "blue", 4},
		{RADIUS_MS_CHAP2_SUCCESS, "\1S=12", 5},
		{RADIUS_ACCT_INTERIM_INTERVAL, "\1", 1},
		{RADIUS_MS_MPPE_POLICY, "\1", 1},
		{RADIUS_TERMINATION_ACTION, "\1", 1},
		{RADIUS_PORT_LIMIT, "\1", 1},
		{RADIUS_DNS_SERVER_IPV6_ADDRESS, "\1", 1},
		{RADIUS_DELEGATED_IPV6_PREFIX, "\0", 1},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin();
		radius_put(&w, rows[i].id, rows[i].value, rows[i].len);
		assert_false(take());
		assert_int_equal(m.faulty, rows[i].id);
		const char *name = radius_dict_name(conf.dict, rows[i].id);
		assert_memory_equal(m.why, name, strlen(name));
		map_fini(&m);
	}
}

/* RFC 2869 5.16: not less than a minute; 0 is none. */
static void
interim_intervals_are_not_too_short(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 120; s += 59) {
		begin();
		radius_put_u32(&w, RADIUS_ACCT_INTERIM_INTERVAL, s);
		assert_true(take());
		assert_int_equal(m.profile.interim_s, s && s < 60 ? 60 : s);
		map_fini(&m);
	}
}

/* A VRF is no attribute to be ignored: his packets would go where they must not. */
static void
there_are_no_vrfs(void **state)
{
	(void)state;
	begin();
	radius_put_text(&w, RADIUS_ACCEL_VRF_NAME, "blue");
	assert_false(take());
	assert_string_equal(m.why, "Accel-VRF-Name: \"blue\": there are no VRFs in this release");
	map_fini(&m);
}

static void
special_addresses_ask_for_the_pool(void **state)
{
	(void)state;
	for (uint32_t ip4 = 0xfffffffe; ip4; ip4++) {
		begin();
		radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, ip4);
		assert_true(take());
		assert_false(profile_says(&m.profile, PROFILE_IP4));
		map_fini(&m);
	}
}

/* 17 */
static void
unknown_ones_are_counted(void **state)
{
	(void)state;
	begin();
	radius_put(&w, 241, "\1\2", 2);
	radius_put(&w, 9999 << 8 | 1, "x", 1);
	radius_put(&w, 70000u << 8 | 1, "x", 1);
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, "\0\0\x27\x0f\1\xff", 6); /* of an unknown vendor: any form */
	radius_put_text(&w, RADIUS_FILTER_ID, "gold");
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 5);
	assert_true(take());
	assert_int_equal(m.ignored, 4);
	assert_int_equal(m.first_unknown, 241);
	assert_int_equal(m.profile.session_timeout_s, 5);
	assert_false(profile_says(&m.profile, PROFILE_DOWN_RATE));
	assert_string_equal(m.note, "");
	map_fini(&m);
	begin(); /* of a vendor that we know it must add up */
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, "\0\0\1\x37\x1c\xff", 6);
	assert_false(take());
	map_fini(&m);
}

static void
several_in_one_vendor_attribute(void **state)
{
	static const uint8_t two[] = {0, 0, 1, 0x37, 28, 6, 192, 0, 2, 1, 29, 6, 192, 0, 2, 2};
	(void)state;
	begin();
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, two, sizeof two);
	assert_true(take());
	assert_int_equal(m.profile.dns1, 0xc0000201);
	assert_int_equal(m.profile.dns2, 0xc0000202);
	map_fini(&m);
}

static void
expect_rates(uint32_t down, uint32_t up)
{
	assert_true(take());
	assert_true(profile_says(&m.profile, PROFILE_DOWN_RATE));
	assert_true(profile_says(&m.profile, PROFILE_UP_RATE));
	assert_int_equal(m.profile.down_kbps, down);
	assert_int_equal(m.profile.up_kbps, up);
	map_fini(&m);
}

/* A burst is of its direction too. */
static void
bursts_in_their_directions(void **state)
{
	(void)state;
	begin();
	radius_put_text(&w, RADIUS_MIKROTIK_RATE_LIMIT, "5M/20M 6M/28M 4M/16M 8/4");
	assert_true(take());
	assert_int_equal(m.profile.up_burst, 1000000);
	assert_int_equal(m.profile.down_burst, 4000000);
	map_fini(&m);
	begin();
	radius_put_text(&w, RADIUS_CISCO_AVPAIR, "lcp:interface-config#1=rate-limit output 20000000 8000 16000");
	assert_true(take());
	assert_int_equal(m.profile.down_burst, 8000);
	assert_false(profile_says(&m.profile, PROFILE_UP_RATE));
	map_fini(&m);
}

static void
rates_in_their_directions(void **state)
{
	(void)state;
	conf.rate_attr = RADIUS_FILTER_ID;
	begin();
	radius_put_text(&w, RADIUS_FILTER_ID, "20000/5000");
	expect_rates(20000, 5000);
	begin();
	radius_put_text(&w, RADIUS_MIKROTIK_RATE_LIMIT, "5M/20M");
	expect_rates(20000, 5000);
	begin();
	radius_put_u32(&w, RADIUS_WISPR_MAX_UP, 5000000);
	radius_put_u32(&w, RADIUS_WISPR_MAX_DOWN, 20000000);
	expect_rates(20000, 5000);
	begin();
	radius_put_text(&w, RADIUS_CISCO_AVPAIR, "lcp:interface-config#1=rate-limit input 5000000 1 1");
	radius_put_text(&w, RADIUS_CISCO_AVPAIR, "lcp:interface-config#2=rate-limit output 20000000 1 1");
	expect_rates(20000, 5000);
	/* the configured attribute wins, whatever the order */
	begin();
	radius_put_text(&w, RADIUS_MIKROTIK_RATE_LIMIT, "1M/1M");
	radius_put_text(&w, RADIUS_FILTER_ID, "20000/5000");
	expect_rates(20000, 5000);
	/* a Filter-Id that is none is said, and harms nobody */
	begin();
	radius_put_text(&w, RADIUS_FILTER_ID, "gold");
	assert_true(take());
	assert_false(profile_says(&m.profile, PROFILE_DOWN_RATE));
	assert_string_equal(m.note, "Filter-Id \"gold\" is not a rate, ignored");
	map_fini(&m);
	/* a number as such */
	conf.rate_attr = RADIUS_WISPR_MAX_UP;
	begin();
	radius_put_u32(&w, RADIUS_WISPR_MAX_UP, 7000);
	expect_rates(7000, 7000);
	conf.rate_attr = 0;
	begin();
	radius_put_text(&w, RADIUS_FILTER_ID, "20000/5000");
	assert_true(take());
	assert_false(profile_says(&m.profile, PROFILE_DOWN_RATE));
	map_fini(&m);
}

static void
names_of_interfaces(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{"bob", true}, {"fifteen-letters", true}, {"sixteen-letters!", false}, {"a%d", false}, {"a b", false}};
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		begin();
		radius_put_text(&w, RADIUS_NAS_PORT_ID, rows[i].text);
		assert_true(take());
		assert_int_equal(profile_says(&m.profile, PROFILE_IFNAME), rows[i].ok);
		assert_int_equal(*m.note == 0, rows[i].ok);
		map_fini(&m);
	}
}

static void
cisco_names_a_pool(void **state)
{
	(void)state;
	begin();
	radius_put_text(&w, RADIUS_CISCO_AVPAIR, "ip:addr-pool=home");
	assert_true(take());
	assert_string_equal(m.profile.pool, "home");
	map_fini(&m);
}

static void
of_a_reject_only_words_are_taken(void **state)
{
	(void)state;
	begin();
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x6440000a);
	radius_put_text(&w, RADIUS_REPLY_MESSAGE, "no\ncredit");
	radius_put(&w, RADIUS_MS_CHAP_ERROR, "\5E=648 R=0 V=3", 14);
	map_take_reject(&m, radius_walk_bare(bytes, wr_len(&w)));
	assert_int_equal(m.profile.said, 0);
	assert_string_equal(m.message, "no credit");
	assert_string_equal(m.chap_error, "E=648 R=0 V=3");
	map_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them),
		cmocka_unit_test(malformed_ones_are_refused),
		cmocka_unit_test(interim_intervals_are_not_too_short),
		cmocka_unit_test(there_are_no_vrfs),
		cmocka_unit_test(special_addresses_ask_for_the_pool),
		cmocka_unit_test(unknown_ones_are_counted),
		cmocka_unit_test(several_in_one_vendor_attribute),
		cmocka_unit_test(bursts_in_their_directions),
		cmocka_unit_test(rates_in_their_directions),
		cmocka_unit_test(names_of_interfaces),
		cmocka_unit_test(cisco_names_a_pool),
		cmocka_unit_test(of_a_reject_only_words_are_taken),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
