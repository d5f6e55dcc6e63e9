/* Neighbor Discovery: what is answered, what is learned, what is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nd.h"
#include "neigh.h"

#define IFACE 0

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 7},
		     thief_mac[6] = {2, 0, 0, 0, 6, 6};

/* A dataplane that remembers what it was told. */
static struct {
	struct dataplane base;
	unsigned frames, ups, resolved, unresolved, adjs;
	struct dp_eth_path path; /* of the last frame */
	struct nd nd;
	uint8_t mac[6]; /* of the last adj_resolve */
	struct addr route, link_local;
	enum dp_table table;
	uint32_t route_nh, link_local_nh;
} seen;

static struct timers timers;
static struct neigh ng;
static struct mono now;

static void
on_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
	size_t extra_len)
{
	(void)d, (void)handle;
	seen.ups += type == DP_MSG_ADJ_UP;
	if (type != DP_MSG_FRAME_ETH)
		return;
	seen.frames++;
	memcpy(&seen.path, payload, sizeof seen.path);
	assert_int_equal(seen.path.ether_type, ETHER_TYPE_IP6);
	assert_true(nd_parse(extra, extra_len, &seen.nd)); /* what we send is what we would take */
}

static int
on_route_set(struct dataplane *d, enum dp_table table, const struct prefix *p, uint32_t nh)
{
	(void)d;
	assert_int_equal(p->len, 128);
	seen.table = table;
	seen.route = p->addr;
	seen.route_nh = nh;
	return 0;
}

static uint32_t
on_route_get(struct dataplane *d, enum dp_table table, const struct addr *a)
{
	(void)d;
	return table == seen.table && addr_eq(a, &seen.route) ? seen.route_nh : NH_NONE;
}

static int
on_link_local_set(struct dataplane *d, unsigned iface, const struct addr *a, uint32_t nh)
{
	(void)d;
	assert_int_equal(iface, IFACE);
	seen.link_local = *a;
	seen.link_local_nh = nh;
	return 0;
}

static int
on_adj_new(struct dataplane *d, unsigned iface, const struct addr *a)
{
	(void)d, (void)iface, (void)a;
	return (int)seen.adjs++;
}

static void
on_adj_resolve(struct dataplane *d, uint32_t adj, const uint8_t mac[6])
{
	(void)d, (void)adj;
	memcpy(seen.mac, mac, 6);
	seen.resolved++;
}

static void
on_adj_unresolve(struct dataplane *d, uint32_t adj)
{
	(void)d, (void)adj;
	seen.unresolved++;
}

static void
on_adj_free(struct dataplane *d, uint32_t adj)
{
	(void)d, (void)adj;
}

static const struct dataplane_ops ops = {
	.send = on_send,
	.route_set = on_route_set,
	.route_get = on_route_get,
	.link_local_set = on_link_local_set,
	.adj_new = on_adj_new,
	.adj_resolve = on_adj_resolve,
	.adj_unresolve = on_adj_unresolve,
	.adj_free = on_adj_free,
};

static struct addr
at(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

static int
setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof seen);
	seen.base.ops = &ops;
	seen.base.n_workers = 1;
	now = (struct mono){1000000};
	timers_init(&timers, now);
	neigh_init(&ng, &seen.base, &timers, 4);
	ng.n_ifaces = 1;
	ng.ifaces[IFACE].access = true;
	ng.ifaces[IFACE].n_addrs = 2;
	ng.ifaces[IFACE].addrs[0] = (struct prefix){at("fd77::2"), 64};
	ng.ifaces[IFACE].addrs[1] = (struct prefix){addr_link_local(our_mac), 64};
	memcpy(ng.ifaces[IFACE].mac, our_mac, 6);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	neigh_fini(&ng);
	return 0;
}

static void
pass_ms(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 10) {
		now = mono_add_ms(now, 10);
		timers_run(&timers, now, 10000);
	}
}

static void
input(const uint8_t *p, size_t n)
{
	struct dp_eth_path path = {.iface = IFACE, .ether_type = ETHER_TYPE_IP6};
	memcpy(path.src, peer_mac, 6);
	neigh_input(&ng, &path, p, n, now);
}

static void
solicit(const char *src, const char *dst, const char *target, const uint8_t *mac)
{
	struct nd m = {.type = ND_SOLICITATION, .src = at(src), .dst = at(dst), .target = at(target), .has_mac = mac};
	uint8_t p[ND_BYTES_MAX];
	if (mac)
		memcpy(m.mac, mac, 6);
	input(p, nd_build(p, &m));
}

enum { S = 1, O = 2 };

static void
advertise(const char *target, const char *dst, int flags, const uint8_t *mac)
{
	struct nd m = {.type = ND_ADVERTISEMENT,
		       .solicited = flags & S,
		       .override = flags & O,
		       .src = at(target),
		       .dst = at(dst),
		       .target = at(target),
		       .has_mac = mac};
	uint8_t p[ND_BYTES_MAX];
	if (mac)
		memcpy(m.mac, mac, 6);
	input(p, nd_build(p, &m));
}

static bool
knows(const char *text)
{
	struct addr a = at(text);
	return neigh_adj(&ng, IFACE, &a) >= 0;
}

static void
resolve(const char *text)
{
	struct addr a = at(text);
	neigh_resolve(&ng, IFACE, &a, now);
}

static void
a_solicitation_for_us_is_answered_and_learned_from(void **state)
{
	(void)state;
	struct addr ours = at("fd77::2"), peer = at("fd77::7");
	solicit("fd77::7", "ff02::1:ff00:2", "fd77::2", peer_mac);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.nd.type, ND_ADVERTISEMENT);
	assert_true(seen.nd.solicited && seen.nd.override && !seen.nd.router);
	assert_true(addr_eq(&seen.nd.src, &ours) && addr_eq(&seen.nd.target, &ours) && addr_eq(&seen.nd.dst, &peer));
	assert_true(seen.nd.has_mac);
	assert_memory_equal(seen.nd.mac, our_mac, 6);
	assert_memory_equal(seen.path.dst, peer_mac, 6);
	assert_int_equal(seen.resolved, 1);
	assert_memory_equal(seen.mac, peer_mac, 6);
	assert_int_equal(seen.ups, 1);
	assert_true(addr_eq(&seen.route, &peer));
	assert_int_equal(seen.table, DP_TABLE_ACCESS);
	assert_int_equal(seen.route_nh, nh_make(NH_ADJ, 0));
	assert_true(knows("fd77::7"));
}

static void
link_local_neighbours_are_known_by_their_link(void **state)
{
	(void)state;
	char ours[ADDR_STRLEN], group[ADDR_STRLEN];
	struct addr own = addr_link_local(our_mac), node = addr_solicited_node(&own), peer = at("fe80::7");
	solicit("fe80::7", addr_str(&node, group), addr_str(&own, ours), peer_mac);
	assert_int_equal(seen.frames, 1);
	assert_true(addr_eq(&seen.nd.src, &own));
	assert_true(addr_eq(&seen.link_local, &peer));
	assert_int_equal(seen.link_local_nh, nh_make(NH_ADJ, 0));
	assert_true(addr_is_any(&seen.route));
	pass_ms(70000);
	assert_int_equal(seen.link_local_nh, NH_NONE);
	assert_int_equal(ng.n, 0);
}

/* RFC 4862 5.4.3: who wants our address hears that it is taken; all do, for he cannot be addressed. */
static void
a_duplicate_is_told_off(void **state)
{
	(void)state;
	struct addr all = at("ff02::1");
	solicit("::", "ff02::1:ff00:2", "fd77::2", NULL);
	assert_int_equal(seen.frames, 1);
	assert_true(addr_eq(&seen.nd.dst, &all));
	assert_false(seen.nd.solicited);
	assert_int_equal(seen.path.dst[0], 0x33);
	assert_int_equal(seen.path.dst[5], 1);
	assert_int_equal(ng.n, 0);
}

/* Without his link-layer address he is answered where the frame came from, and not learned. */
static void
a_bare_solicitation_teaches_nothing(void **state)
{
	(void)state;
	solicit("fd77::7", "fd77::2", "fd77::2", NULL);
	assert_int_equal(seen.frames, 1);
	assert_memory_equal(seen.path.dst, peer_mac, 6);
	assert_int_equal(ng.n, 0);
}

static void
others_conversations_teach_nothing(void **state)
{
	(void)state;
	solicit("fd77::7", "ff02::1:ff00:9", "fd77::9", peer_mac);
	advertise("fd77::7", "fd77::2", S | O, peer_mac);
	advertise("fd77::7", "ff02::1", O, peer_mac);
	solicit("2001:db8::7", "ff02::1:ff00:2", "fd77::2", peer_mac); /* not of this link: answered, not learned */
	assert_int_equal(ng.n, 0);
	assert_int_equal(seen.frames, 1);
	/* Nor does who calls himself us. */
	solicit("fd77::2", "ff02::1:ff00:2", "fd77::2", thief_mac);
	advertise("fd77::2", "ff02::1", O, thief_mac);
	assert_int_equal(ng.n, 0);
}

static void
asks_three_times_then_gives_up(void **state)
{
	(void)state;
	struct addr ours = at("fd77::2"), group = at("ff02::1:ff00:7"), peer = at("fd77::7");
	resolve("fd77::7");
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.nd.type, ND_SOLICITATION);
	assert_true(addr_eq(&seen.nd.src, &ours) && addr_eq(&seen.nd.dst, &group) && addr_eq(&seen.nd.target, &peer));
	assert_memory_equal(seen.nd.mac, our_mac, 6);
	assert_memory_equal(seen.path.dst, ((uint8_t[]){0x33, 0x33, 0xff, 0, 0, 7}), 6);
	pass_ms(10000);
	assert_int_equal(seen.frames, 3);
	assert_int_equal(ng.n, 0);
	resolve("2001:db8::1"); /* not on this link */
	assert_int_equal(seen.frames, 3);
}

static void
an_answer_is_kept_and_asked_for_again_unicast(void **state)
{
	(void)state;
	struct addr peer = at("fd77::7");
	resolve("fd77::7");
	advertise("fd77::7", "fd77::2", S, peer_mac); /* proxies leave the override flag out */
	assert_int_equal(seen.resolved, 1);
	unsigned before = seen.frames;
	pass_ms(60500);
	assert_int_equal(seen.frames, before + 1);
	assert_true(addr_eq(&seen.nd.dst, &peer));
	assert_memory_equal(seen.path.dst, peer_mac, 6);
	advertise("fd77::7", "fd77::2", S, NULL); /* RFC 4861 7.2.4: to a unicast question without the address */
	pass_ms(50000);
	assert_true(knows("fd77::7"));
	pass_ms(20000);
	assert_false(knows("fd77::7"));
	assert_int_equal(seen.unresolved, 1);
	assert_int_equal(seen.route_nh, NH_NONE);
}

/* RFC 4861 7.2.5. */
static void
an_advertisement_changes_only_what_it_may(void **state)
{
	(void)state;
	resolve("fd77::7");
	advertise("fd77::7", "fd77::2", S | O, NULL); /* says nothing that one could use */
	assert_int_equal(seen.resolved, 0);
	advertise("fd77::7", "fd77::2", S | O, peer_mac);
	assert_memory_equal(seen.mac, peer_mac, 6);
	advertise("fd77::7", "fd77::2", S, thief_mac);
	advertise("fd77::7", "ff02::1", 0, thief_mac);
	assert_int_equal(seen.resolved, 1);
	pass_ms(59000);
	advertise("fd77::7", "ff02::1", O, peer_mac); /* nothing new, and no proof that it hears us */
	pass_ms(10000);
	assert_false(knows("fd77::7"));
	resolve("fd77::7");
	advertise("fd77::7", "fd77::2", S, peer_mac);
	advertise("fd77::7", "ff02::1", O, thief_mac); /* moved, as RFC 4861 7.2.6 has it: a new card */
	assert_memory_equal(seen.mac, thief_mac, 6);
}

static void
our_own_and_subscribers_addresses_keep_their_traffic(void **state)
{
	(void)state;
	seen.route = at("fd77::7");
	seen.table = DP_TABLE_ACCESS;
	seen.route_nh = nh_make(NH_LOCAL, 3);
	solicit("fd77::7", "ff02::1:ff00:2", "fd77::2", peer_mac);
	assert_int_equal(seen.route_nh, nh_make(NH_LOCAL, 3));
	seen.route_nh = nh_session(0, 5);
	pass_ms(70000);
	solicit("fd77::7", "ff02::1:ff00:2", "fd77::2", peer_mac);
	assert_int_equal(seen.route_nh, nh_session(0, 5));
}

static void
a_flood_is_bounded_and_pinned_ones_outlive_it(void **state)
{
	(void)state;
	char text[ADDR_STRLEN];
	struct addr router = at("fd77::1");
	assert_true(neigh_pin(&ng, IFACE, &router, now) >= 0);
	for (unsigned i = 0x10; i < 0x1000; i++) {
		snprintf(text, sizeof text, "fd77::%x", i);
		solicit(text, "ff02::1:ff00:2", "fd77::2", peer_mac);
	}
	assert_int_equal(ng.n, 4);
	assert_true(knows("fd77::1"));
	assert_true(knows("fd77::fff"));
}

static void
announces_all_its_addresses(void **state)
{
	(void)state;
	struct addr own = addr_link_local(our_mac), all = at("ff02::1");
	neigh_announce(&ng);
	assert_int_equal(seen.frames, 2);
	assert_int_equal(seen.nd.type, ND_ADVERTISEMENT);
	assert_true(addr_eq(&seen.nd.target, &own) && addr_eq(&seen.nd.dst, &all));
	assert_true(seen.nd.override && !seen.nd.solicited);
}

/* RFC 4861 7.1.1 and 7.1.2, octet by octet. */
static void
what_is_not_valid_is_counted(void **state)
{
	(void)state;
	struct nd m = {.type = ND_SOLICITATION,
		       .src = at("fd77::7"),
		       .dst = at("ff02::1:ff00:2"),
		       .target = at("fd77::2"),
		       .has_mac = true,
		       .mac = {2, 0, 0, 0, 0, 7}},
		  out;
	uint8_t good[ND_BYTES_MAX], p[ND_BYTES_MAX];
	size_t n = nd_build(good, &m);
	for (size_t len = 0; len < n; len++)
		input(good, len);
	assert_int_equal(ng.malformed, n);
	for (size_t i = 0; i < n;
	     i++) { /* the checksum, if nothing else, notices each octet but class, label and link-layer */
		memcpy(p, good, n);
		p[i] ^= 0x10;
		assert_true(nd_parse(p, n, &out) == (i > 0 && i < 4));
	}
	struct nd bad[] = {m, m, m, m, m};
	bad[0].target = at("ff02::5");
	bad[1].src = at("::"); /* and a link-layer address */
	bad[2].src = at("::"), bad[2].has_mac = false, bad[2].dst = at("fd77::2");
	bad[3].mac[0] = 1; /* a group's */
	bad[4].type = ND_ADVERTISEMENT, bad[4].solicited = true;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		n = nd_build(p, &bad[i]);
		assert_false(nd_parse(p, n, &out));
	}
	unsigned before = seen.frames;
	n = nd_build(p, &m);
	p[7] = 254; /* hop limit: from beyond the link, where everybody is */
	input(p, n);
	assert_int_equal(seen.frames, before);
	/* An option without a length would be read for ever. */
	memcpy(p, good, sizeof p);
	p[65] = 0;
	put_be16(p + 42, (uint16_t)(be16(p + 42) + 1));
	assert_false(nd_parse(p, 72, &out));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_solicitation_for_us_is_answered_and_learned_from),
		T(link_local_neighbours_are_known_by_their_link),
		T(a_duplicate_is_told_off),
		T(a_bare_solicitation_teaches_nothing),
		T(others_conversations_teach_nothing),
		T(asks_three_times_then_gives_up),
		T(an_answer_is_kept_and_asked_for_again_unicast),
		T(an_advertisement_changes_only_what_it_may),
		T(our_own_and_subscribers_addresses_keep_their_traffic),
		T(a_flood_is_bounded_and_pinned_ones_outlive_it),
		T(announces_all_its_addresses),
		T(what_is_not_valid_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
