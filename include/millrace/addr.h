/* addr.h - an IPv4 or IPv6 address, and a prefix, in one type.
 *
 * The 16 bytes are in network order.  An IPv4 address is kept v4-mapped (::ffff:a.b.c.d), so that equality, hashing and
 * order need no case for the family; `v4` says which it is.  A bare uint32_t IPv4 address is always in host order.
 * Any thread; no state.
 */
#ifndef MILLRACE_ADDR_H
#define MILLRACE_ADDR_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <millrace/bytes.h>

struct addr {
	uint8_t b[16];
};

struct prefix {
	struct addr addr;
	uint8_t len; /* of the family: 0..32 or 0..128 */
};

#define ADDR_STRLEN 46
#define PREFIX_STRLEN 50

static const uint8_t addr_v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static inline struct addr
addr_from_ip4(uint32_t ip4)
{
	struct addr a;
	memcpy(a.b, addr_v4_mapped, 12);
	put_be32(a.b + 12, ip4);
	return a;
}

/* In two loads: of every packet. */
static inline bool
addr_is_v4(const struct addr *a)
{
	uint64_t zero;
	memcpy(&zero, a->b, sizeof zero);
	return !zero && be32(a->b + 8) == 0xffff;
}

/* addr_ip4: host order; call only when addr_is_v4. */
static inline uint32_t
addr_ip4(const struct addr *a)
{
	return be32(a->b + 12);
}

static inline bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return !memcmp(a->b, b->b, 16);
}

static inline int
addr_cmp(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, 16);
}

/* addr_is_any: 0.0.0.0 or :: */
static inline bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];
	return addr_is_v4(a) ? addr_ip4(a) == 0 : !memcmp(a->b, zero, 16);
}

/* RFC 4291 2.7, 2.5.6: of IPv6 addresses. */
static inline bool
addr_is_multicast6(const struct addr *a)
{
	return a->b[0] == 0xff;
}

static inline bool
addr_is_link_local(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* addr_link_local: RFC 4291 2.5.6 and appendix A: fe80::/64 and the MAC address as an interface identifier. */
static inline struct addr
addr_link_local(const uint8_t mac[6])
{
	return (struct addr){
		{0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]}};
}

/* addr_solicited_node: RFC 4291 2.7.1: the group that neighbours ask for `a`. */
static inline struct addr
addr_solicited_node(const struct addr *a)
{
	return (struct addr){{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a->b[13], a->b[14], a->b[15]}};
}

/* addr_source: whom a limit by source counts: an IPv4 address; of IPv6 the /64, which is one site's to fill as it likes. */
static inline struct addr
addr_source(const struct addr *a)
{
	struct addr out = *a;
	if (!addr_is_v4(a))
		memset(out.b + 8, 0, 8);
	return out;
}

/* addr_parse: dotted quad or RFC 4291 2.2; *a is written when it returns true.  ::ffff:a.b.c.d is the IPv4 address. */
static inline bool
addr_parse(const char *s, struct addr *a)
{
	struct in_addr v4;
	if (inet_pton(AF_INET, s, &v4) == 1) {
		memcpy(a->b, addr_v4_mapped, 12);
		memcpy(a->b + 12, &v4, 4);
		return true;
	}
	return inet_pton(AF_INET6, s, a->b) == 1;
}

/* addr_str: into buf of ADDR_STRLEN; returns buf. */
static inline char *
addr_str(const struct addr *a, char *buf)
{
	bool v4 = addr_is_v4(a);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, buf, ADDR_STRLEN);
	return buf;
}

/* prefix_parse: "address/length"; a bare address is a host prefix.  Host bits are kept: the caller decides on them.
 * *p is written when it returns true. */
static inline bool
prefix_parse(const char *s, struct prefix *p)
{
	struct prefix out;
	char host[ADDR_STRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	if (n >= sizeof host)
		return false;
	memcpy(host, s, n);
	host[n] = 0;
	if (!addr_parse(host, &out.addr))
		return false;
	unsigned long max = addr_is_v4(&out.addr) ? 32 : 128, len = max;
	char *end = host + n;
	if (slash)
		len = strtoul(slash + 1, &end, 10);
	if ((slash && (slash[1] < '0' || slash[1] > '9')) || *end || len > max)
		return false;
	out.len = (uint8_t)len;
	*p = out;
	return true;
}

/* prefix_bits: length on the 128-bit scale, where a v4 prefix starts at 96.  A length from the wire that is longer than
 * its family allows is taken for the whole address. */
static inline unsigned
prefix_bits(const struct prefix *p)
{
	unsigned bits = addr_is_v4(&p->addr) ? p->len + 96u : p->len;
	return bits < 128 ? bits : 128;
}

static inline bool
prefix_contains(const struct prefix *p, const struct addr *a)
{
	unsigned bits = prefix_bits(p), bytes = bits / 8, rest = bits % 8;
	if (addr_is_v4(&p->addr) != addr_is_v4(a) || memcmp(p->addr.b, a->b, bytes) != 0)
		return false;
	return !rest || (uint8_t)((p->addr.b[bytes] ^ a->b[bytes]) >> (8 - rest)) == 0;
}

/* prefix_mask: the same prefix with its host bits cleared. */
static inline struct prefix
prefix_mask(struct prefix p)
{
	unsigned bits = prefix_bits(&p);
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
		if (keep < 8)
			p.addr.b[i] &= (uint8_t)(0xff00u >> keep);
	}
	return p;
}

static inline char *
prefix_str(const struct prefix *p, char *buf)
{
	char a[ADDR_STRLEN];
	snprintf(buf, PREFIX_STRLEN, "%s/%u", addr_str(&p->addr, a), p->len);
	return buf;
}

#endif
