#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arp.h"
#include "neigh.h"

#define IFACE 0
#define OUR_IP 0x0a4d0002
#define PEER_IP 0x0a4d0007
#define LINK_IP(i) ((OUR_IP & ~0xffu) | (i))
#define MS 1000

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1}, peer_mac[6] = {2, 0, 0, 0, 0, 7};

/* A dataplane that remembers what it was told. */
static struct {
	struct dataplane base;
	unsigned frames, ups, resolved, unresolved, freed, adjs;
	struct dp_eth_path path; /* of the last frame */
	uint8_t arp[28];
	uint32_t sub4_ip, sub4_nh, route_ip, route_nh;
} seen;

static struct timers timers;
static struct neigh ng;
static struct mono now;

static void
on_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
	size_t extra_len)
{
	(void)d, (void)handle;
	if (type == DP_MSG_ADJ_UP)
		seen.ups++;
	if (type != DP_MSG_FRAME_ETH)
		return;
	assert_int_equal(extra_len, 28);
	seen.frames++;
	memcpy(&seen.path, payload, sizeof seen.path);
	memcpy(seen.arp, extra, 28);
}

static int
on_sub4_set(struct dataplane *d, uint32_t ip4, uint32_t nh)
{
	(void)d;
	seen.sub4_ip = ip4;
	seen.sub4_nh = nh;
	return 0;
}

static int
on_route_set(struct dataplane *d, enum dp_table table, const struct prefix *p, uint32_t nh)
{
	(void)d;
	assert_int_equal(table, DP_TABLE_ACCESS);
	assert_int_equal(p->len, 32);
	seen.route_ip = addr_ip4(&p->addr);
	seen.route_nh = nh;
	return 0;
}

static uint32_t
on_sub4_get(struct dataplane *d, uint32_t ip4)
{
	(void)d;
	return ip4 == seen.sub4_ip ? seen.sub4_nh : NH_NONE;
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
	assert_memory_equal(mac, peer_mac, 5);
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
	seen.freed++;
}

static const struct dataplane_ops ops = {
	.send = on_send,
	.sub4_set = on_sub4_set,
	.sub4_get = on_sub4_get,
	.route_set = on_route_set,
	.adj_new = on_adj_new,
	.adj_resolve = on_adj_resolve,
	.adj_unresolve = on_adj_unresolve,
	.adj_free = on_adj_free,
};

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
	ng.ifaces[IFACE].core = true;
	ng.ifaces[IFACE].n_addrs = 1;
	ng.ifaces[IFACE].addrs[0] = (struct prefix){addr_from_ip4(OUR_IP), 24};
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

/* at: of IPv4; good until seven others have been asked for. */
static const struct addr *
at(uint32_t ip4)
{
	static struct addr a[8];
	static unsigned n;
	a[n % 8] = addr_from_ip4(ip4);
	return &a[n++ % 8];
}

static void
arp_in(uint16_t iface, const uint8_t *p, size_t n)
{
	const struct dp_eth_path path = {.iface = iface, .ether_type = ETHER_TYPE_ARP};
	neigh_input(&ng, &path, p, n, now);
}

static void
arp_from(uint16_t op, uint32_t sender, uint32_t target)
{
	uint8_t p[28] = {0, 1, 8, 0, 6, 4};
	put_be16(p + 6, op);
	memcpy(p + 8, peer_mac, 6);
	put_be32(p + 14, sender);
	memcpy(p + 18, our_mac, 6);
	put_be32(p + 24, target);
	arp_in(IFACE, p, sizeof p);
}

/* RFC 1027: for a live session with an address of this network, on an interface that does it. */
static void
a_request_for_a_subscriber(void **state)
{
	(void)state;
	seen.sub4_ip = LINK_IP(100);
	seen.sub4_nh = nh_session(0, 5);
	arp_from(1, PEER_IP, LINK_IP(100));
	assert_int_equal(seen.frames, 0);
	ng.ifaces[IFACE].proxy_arp = true;
	arp_from(1, PEER_IP, LINK_IP(101));
	assert_int_equal(seen.frames, 0);
	seen.sub4_nh = nh_make(NH_DISCARD, 0); /* lent, and not up */
	arp_from(1, PEER_IP, LINK_IP(100));
	assert_int_equal(seen.frames, 0);
	seen.sub4_nh = nh_session(0, 5);
	arp_from(1, PEER_IP, LINK_IP(100));
	assert_int_equal(seen.frames, 1);
	assert_int_equal(be16(seen.arp + 6), 2);
	assert_memory_equal(seen.arp + 8, our_mac, 6);
	assert_int_equal(be32(seen.arp + 14), LINK_IP(100));
	seen.sub4_ip = LINK_IP(256); /* of another network */
	arp_from(1, PEER_IP, LINK_IP(256));
	assert_int_equal(seen.frames, 1);
}

/* Whoever asks whether the address is free (RFC 5227 2.1) learns that it is not, and nothing is learned of him. */
static void
a_probe_for_a_subscriber(void **state)
{
	(void)state;
	ng.ifaces[IFACE].proxy_arp = true;
	seen.sub4_ip = LINK_IP(100);
	seen.sub4_nh = nh_session(0, 5);
	arp_from(1, 0, LINK_IP(100));
	assert_int_equal(seen.frames, 1);
	assert_int_equal(ng.n, 0);
}

static void
a_request_for_us_is_answered_and_learned_from(void **state)
{
	(void)state;
	arp_from(1, PEER_IP, OUR_IP);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(be16(seen.arp + 6), 2);
	assert_memory_equal(seen.arp + 8, our_mac, 6);
	assert_int_equal(be32(seen.arp + 14), OUR_IP);
	assert_memory_equal(seen.arp + 18, peer_mac, 6);
	assert_int_equal(be32(seen.arp + 24), PEER_IP);
	assert_memory_equal(seen.path.dst, peer_mac, 6);
	assert_int_equal(seen.path.ether_type, 0x0806);
	assert_int_equal(seen.resolved, 1);
	assert_int_equal(seen.ups, 1);
	assert_int_equal(seen.sub4_ip, PEER_IP);
	assert_true(neigh_adj(&ng, IFACE, at(PEER_IP)) >= 0);
}

static void
others_conversations_teach_nothing_new(void **state)
{
	(void)state;
	arp_from(1, PEER_IP, OUR_IP + 9);
	arp_from(2, PEER_IP, OUR_IP);
	arp_from(1, 0x08080808, OUR_IP); /* not of this link: answered, not learned */
	assert_int_equal(ng.n, 0);
	assert_int_equal(seen.frames, 1);
}

static void
our_own_address_is_not_learned(void **state)
{
	(void)state;
	arp_from(1, OUR_IP, OUR_IP);
	assert_int_equal(ng.n, 0);
}

static void
asks_three_times_then_gives_up(void **state)
{
	(void)state;
	neigh_resolve(&ng, IFACE, at(PEER_IP), now);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(be16(seen.arp + 6), 1);
	assert_int_equal(seen.path.dst[0], 0xff);
	neigh_resolve(&ng, IFACE, at(PEER_IP), now); /* asked a moment ago */
	assert_int_equal(seen.frames, 1);
	pass_ms(100);
	neigh_resolve(&ng, IFACE, at(PEER_IP), now);
	assert_int_equal(seen.frames, 2);
	pass_ms(10000);
	assert_int_equal(seen.frames, 3);
	assert_int_equal(ng.n, 0);
	assert_int_equal(seen.freed, 1);
}

static void
a_pinned_one_is_asked_for_again(void **state)
{
	(void)state;
	assert_true(neigh_pin(&ng, IFACE, at(PEER_IP), now) >= 0);
	pass_ms(20000);
	assert_int_equal(ng.n, 1);
	assert_true(seen.frames > 6);
	arp_from(2, PEER_IP, OUR_IP);
	assert_int_equal(seen.resolved, 1);
	neigh_unpin(&ng, IFACE, at(PEER_IP), now);
	pass_ms(70000); /* fresh for a minute, then three questions without an answer */
	assert_int_equal(seen.unresolved, 1);
	assert_int_equal(ng.n, 0);
	assert_int_equal(seen.sub4_nh, NH_NONE);
}

static void
an_answer_keeps_it_alive_unicast(void **state)
{
	(void)state;
	arp_from(1, PEER_IP, OUR_IP);
	unsigned before = seen.frames;
	pass_ms(60500);
	assert_int_equal(seen.frames, before + 1);
	assert_memory_equal(seen.path.dst, peer_mac, 6);
	arp_from(2, PEER_IP, OUR_IP);
	pass_ms(50000);
	assert_int_equal(ng.n, 1);
	assert_int_equal(seen.resolved, 1);
}

static void
a_subscribers_address_is_not_given_to_a_neighbour(void **state)
{
	(void)state;
	seen.sub4_ip = PEER_IP;
	seen.sub4_nh = nh_session(0, 5);
	arp_from(1, PEER_IP, OUR_IP);
	assert_int_equal(seen.sub4_nh, nh_session(0, 5));
	pass_ms(70000);
	assert_int_equal(ng.n, 0);
	assert_int_equal(seen.sub4_nh, nh_session(0, 5));
}

static void
the_number_of_neighbours_is_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 10; i < 30; i++)
		arp_from(1, LINK_IP(i), OUR_IP);
	assert_int_equal(ng.n, 4);
	assert_int_equal(ng.evicted, 16);
	assert_int_equal(seen.freed, 16);
	assert_int_equal(seen.frames, 20); /* and every one is answered */
	for (uint32_t i = 10; i < 30; i++)
		assert_true((neigh_adj(&ng, IFACE, at(LINK_IP(i))) >= 0) == (i >= 26));
}

/* What routes and tunnels need is there, whoever floods the link, and is not lost to the flood. */
static void
pinned_neighbours_outlive_a_flood(void **state)
{
	(void)state;
	assert_true(neigh_pin(&ng, IFACE, at(LINK_IP(100)), now) >= 0);
	for (uint32_t i = 10; i < 30; i++)
		arp_from(1, LINK_IP(i), OUR_IP);
	for (uint32_t i = 101; i < 104; i++)
		assert_true(neigh_pin(&ng, IFACE, at(LINK_IP(i)), now) >= 0);
	assert_true(neigh_adj(&ng, IFACE, at(LINK_IP(100))) >= 0);
	arp_from(1, LINK_IP(30), OUR_IP);
	assert_int_equal(neigh_pin(&ng, IFACE, at(LINK_IP(104)), now), -28);
	assert_int_equal(ng.n, 4);
	assert_int_equal(ng.refused, 2);
	/* Unpinned, it is like any other. */
	neigh_unpin(&ng, IFACE, at(LINK_IP(100)), now);
	arp_from(1, LINK_IP(31), OUR_IP);
	assert_int_equal(neigh_adj(&ng, IFACE, at(LINK_IP(100))), -2);
	assert_true(neigh_adj(&ng, IFACE, at(LINK_IP(31))) >= 0);
}

/* The one that is heard again stays; the interface with most of them makes room. */
static void
the_longest_silent_of_the_fullest_link_makes_room(void **state)
{
	(void)state;
	ng.n_ifaces = 2;
	ng.ifaces[1].n_addrs = 1;
	ng.ifaces[1].addrs[0] = (struct prefix){addr_from_ip4(0x0a4e0002), 24};
	neigh_resolve(&ng, 1, at(0x0a4e0001), now);
	for (uint32_t i = 10; i < 13; i++)
		arp_from(1, LINK_IP(i), OUR_IP);
	arp_from(1, LINK_IP(10), OUR_IP);
	for (uint32_t i = 13; i < 15; i++)
		arp_from(1, LINK_IP(i), OUR_IP);
	assert_true(neigh_adj(&ng, 1, at(0x0a4e0001)) >= 0);
	assert_true(neigh_adj(&ng, IFACE, at(LINK_IP(10))) >= 0);
	assert_int_equal(neigh_adj(&ng, IFACE, at(LINK_IP(11))), -2);
	assert_int_equal(neigh_adj(&ng, IFACE, at(LINK_IP(12))), -2);
	neigh_resolve(&ng, 1, at(0x0a4e0003), now);
	assert_true(neigh_adj(&ng, 1, at(0x0a4e0001)) >= 0);
	assert_int_equal(neigh_adj(&ng, IFACE, at(LINK_IP(10))), -2);
	assert_int_equal(ng.evicted, 3);
}

/* What makes room leaves the inner table. */
static void
an_evicted_neighbour_is_unpublished(void **state)
{
	(void)state;
	ng.max = 1;
	arp_from(1, PEER_IP, OUR_IP);
	assert_int_equal(seen.sub4_nh, nh_make(NH_ADJ, 0));
	ng.ifaces[IFACE].core = true;
	neigh_resolve(&ng, IFACE, at(LINK_IP(9)), now);
	assert_int_equal(seen.sub4_ip, PEER_IP);
	assert_int_equal(seen.sub4_nh, NH_NONE);
	assert_int_equal(seen.unresolved, 1);
	pass_ms(70000); /* its timer is gone with it */
	assert_int_equal(ng.n, 0);
}

static void
on_an_access_link_it_becomes_a_route(void **state)
{
	(void)state;
	ng.ifaces[IFACE].core = false;
	ng.ifaces[IFACE].access = true;
	arp_from(1, PEER_IP, OUR_IP);
	assert_int_equal(seen.sub4_ip, 0);
	assert_int_equal(seen.route_ip, PEER_IP);
	assert_int_equal(seen.route_nh, nh_make(NH_ADJ, (uint32_t)neigh_adj(&ng, IFACE, at(PEER_IP))));
	unsigned ups = seen.ups;
	neigh_resolve(&ng, IFACE, at(PEER_IP), now); /* a worker that had not seen the route yet */
	assert_int_equal(seen.ups, ups + 1);
	pass_ms(70000);
	assert_int_equal(seen.route_nh, NH_NONE);
}

static void
malformed_arp_is_counted(void **state)
{
	uint8_t p[28] = {0, 1, 8, 0, 6, 4, 0, 1};
	struct arp a;
	(void)state;
	for (size_t n = 0; n < sizeof p; n++)
		arp_in(IFACE, p, n);
	assert_int_equal(ng.malformed, sizeof p);
	assert_true(arp_parse(p, sizeof p, &a));
	p[8] = 1; /* a group address as sender */
	arp_in(IFACE, p, sizeof p);
	arp_in(9, p, sizeof p);
	assert_int_equal(ng.malformed, sizeof p + 2);
	for (unsigned i = 0; i < 6; i++) {
		p[i] ^= 0x10;
		assert_false(arp_parse(p, sizeof p, &a));
		p[i] ^= 0x10;
	}
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_for_us_is_answered_and_learned_from),
		T(a_request_for_a_subscriber),
		T(a_probe_for_a_subscriber),
		T(others_conversations_teach_nothing_new),
		T(our_own_address_is_not_learned),
		T(asks_three_times_then_gives_up),
		T(a_pinned_one_is_asked_for_again),
		T(an_answer_keeps_it_alive_unicast),
		T(a_subscribers_address_is_not_given_to_a_neighbour),
		T(the_number_of_neighbours_is_bounded),
		T(pinned_neighbours_outlive_a_flood),
		T(the_longest_silent_of_the_fullest_link_makes_room),
		T(an_evicted_neighbour_is_unpublished),
		T(on_an_access_link_it_becomes_a_route),
		T(malformed_arp_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
