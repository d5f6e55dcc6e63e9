/* sizes.c - what must be set aside: addresses that no pool lends, and packet buffers. */
#include <stdlib.h>

#include "conf/conf.h"

struct collect {
	uint32_t *out;
	unsigned n, max;
};

static void
collect(struct collect *c, const struct addr *a)
{
	if (!addr_is_v4(a) || addr_is_any(a))
		return;
	if (c->n < c->max)
		c->out[c->n] = addr_ip4(a);
	c->n++;
}

uint32_t
conf_pool_blocks(const struct conf *c)
{
	uint32_t blocks = 0;
	for (unsigned i = 0; i < c->client_ip_pool.n; i++)
		for (unsigned j = 0; j < c->client_ip_pool.v[i].range.n; j++) {
			const struct conf_range *r = &c->client_ip_pool.v[i].range.v[j];
			blocks += (r->last >> 8) - (r->first >> 8) + 1;
		}
	return blocks;
}

static int
order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void
collect_own(const struct conf *c, struct collect *to)
{
	for (unsigned i = 0; i < c->interfaces.n; i++)
		for (unsigned j = 0; j < c->interfaces.v[i].addresses.n; j++)
			collect(to, &c->interfaces.v[i].addresses.v[j].addr);
	for (unsigned i = 0; i < c->loopback_addresses.n; i++)
		collect(to, &c->loopback_addresses.v[i]);
	collect(to, &c->access.gateway_address);
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		collect(to, &conf_access_of(c, p)->gateway_address);
	for (unsigned i = 0; i < c->authentication.profiles.n; i++)
		collect(to, &c->authentication.profiles.v[i].gateway_address);
}

static void
collect_users(const struct conf *c, struct collect *to)
{
	for (unsigned i = 0; i < conf_users(c); i++) {
		collect(to, &conf_user_at(c, i)->static_ip);
		collect(to, &conf_user_at(c, i)->gateway_address);
	}
}

unsigned
conf_reserved(const struct conf *c, uint32_t *out, unsigned max)
{
	struct collect to = {out, 0, max};
	collect_own(c, &to);
	collect_users(c, &to);
	if (to.n > max || !to.n)
		return to.n;
	qsort(out, to.n, sizeof *out, order);
	unsigned kept = 1;
	for (unsigned i = 1; i < to.n; i++)
		if (out[i] != out[i - 1])
			out[kept++] = out[i];
	return kept;
}

#define MBUFS_LEAST 8192

/* Descriptors of all its queues are 15 % of the pool, what queues, TCP, fragments and the reserve may hold is the rest;
 * one less than a power of two wastes least of the ring behind a mempool. */
uint32_t
conf_mbufs(const struct conf *c)
{
	uint64_t descriptors = 0, n = MBUFS_LEAST;
	if (c->cores.mbufs)
		return c->cores.mbufs;
	for (unsigned i = 0; i < c->ports.n; i++)
		descriptors += c->ports.v[i].rx_descriptors + c->ports.v[i].tx_descriptors;
	while (n * 15 < descriptors * 100)
		n *= 2;
	return (uint32_t)(n - 1);
}
