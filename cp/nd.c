#include "nd.h"

#include <string.h>

#include <millrace/bytes.h>

#define IP6_BYTES 40
#define MESSAGE_BYTES 24
#define OPTION_BYTES 8
#define NEXT_ICMP6 58
#define HOP_LIMIT 255
#define OPTION_SOURCE_MAC 1
#define OPTION_TARGET_MAC 2
#define FLAG_ROUTER 0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE 0x20

static bool read_options(struct rd *r, struct nd *out);
static bool makes_sense(const struct nd *m);
static uint16_t checksum(const uint8_t *ip, size_t icmp_len);

/* No extension header is allowed in between but those that nobody uses: what has one is not Neighbor Discovery here. */
bool
nd_parse(const uint8_t *p, size_t n, struct nd *out)
{
	if (n < IP6_BYTES + MESSAGE_BYTES || p[0] >> 4 != 6 || p[6] != NEXT_ICMP6 || p[7] != HOP_LIMIT)
		return false;
	const uint8_t *icmp = p + IP6_BYTES;
	size_t len = be16(p + 4);
	if (len < MESSAGE_BYTES || len > n - IP6_BYTES || checksum(p, len))
		return false;
	if ((icmp[0] != ND_SOLICITATION && icmp[0] != ND_ADVERTISEMENT) || icmp[1])
		return false;
	*out = (struct nd){.type = icmp[0]};
	memcpy(out->src.b, p + 8, 16);
	memcpy(out->dst.b, p + 24, 16);
	memcpy(out->target.b, icmp + 8, 16);
	if (out->type == ND_ADVERTISEMENT) {
		out->router = icmp[4] & FLAG_ROUTER;
		out->solicited = icmp[4] & FLAG_SOLICITED;
		out->override = icmp[4] & FLAG_OVERRIDE;
	}
	struct rd r = rd_init(icmp + MESSAGE_BYTES, len - MESSAGE_BYTES);
	return read_options(&r, out) && makes_sense(out);
}

/* RFC 4861 4.6: lengths in units of eight octets, never 0; unknown options are skipped (RFC 4861 9). */
static bool
read_options(struct rd *r, struct nd *out)
{
	uint8_t wanted = out->type == ND_SOLICITATION ? OPTION_SOURCE_MAC : OPTION_TARGET_MAC;
	while (rd_left(r)) {
		const uint8_t *p = r->p;
		size_t len = rd_left(r) < OPTION_BYTES ? 0 : (size_t)p[1] * OPTION_BYTES;
		if (!len || len > rd_left(r))
			return false;
		if (p[0] == wanted && len == OPTION_BYTES) {
			out->has_mac = true;
			memcpy(out->mac, p + 2, 6);
		}
		r->p += len;
	}
	return true;
}

/* RFC 4861 7.1.1, 7.1.2.  A group's address as that of a neighbour is no answer that one could use. */
static bool
makes_sense(const struct nd *m)
{
	bool group = addr_is_multicast6(&m->dst);
	if (addr_is_multicast6(&m->target) || addr_is_multicast6(&m->src) || addr_is_v4(&m->src) ||
	    addr_is_v4(&m->target) || (m->has_mac && (m->mac[0] & 1)))
		return false;
	if (m->type == ND_ADVERTISEMENT)
		return !(group && m->solicited) && !addr_is_any(&m->src);
	struct addr solicited_node = addr_solicited_node(&m->target);
	return !addr_is_any(&m->src) || (addr_eq(&m->dst, &solicited_node) && !m->has_mac);
}

size_t
nd_build(uint8_t out[ND_BYTES_MAX], const struct nd *m)
{
	bool advertisement = m->type == ND_ADVERTISEMENT;
	size_t len = MESSAGE_BYTES + (m->has_mac ? OPTION_BYTES : 0);
	uint8_t *icmp = out + IP6_BYTES;

	memset(out, 0, ND_BYTES_MAX);
	out[0] = 0x60;
	put_be16(out + 4, (uint16_t)len);
	out[6] = NEXT_ICMP6;
	out[7] = HOP_LIMIT;
	memcpy(out + 8, m->src.b, 16);
	memcpy(out + 24, m->dst.b, 16);
	icmp[0] = m->type;
	if (advertisement)
		icmp[4] = (uint8_t)((m->router ? FLAG_ROUTER : 0) | (m->solicited ? FLAG_SOLICITED : 0) |
				    (m->override ? FLAG_OVERRIDE : 0));
	memcpy(icmp + 8, m->target.b, 16);
	if (m->has_mac) {
		icmp[24] = advertisement ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;
		icmp[25] = 1;
		memcpy(icmp + 26, m->mac, 6);
	}
	put_be16(icmp + 2, checksum(out, len));
	return IP6_BYTES + len;
}

/* RFC 8200 8.1; 0 over a message whose checksum is right. */
static uint16_t
checksum(const uint8_t *ip, size_t icmp_len)
{
	uint32_t sum = (uint32_t)icmp_len + NEXT_ICMP6;
	for (size_t i = 8; i < IP6_BYTES; i += 2)
		sum += be16(ip + i);
	for (size_t i = 0; i + 1 < icmp_len; i += 2)
		sum += be16(ip + IP6_BYTES + i);
	if (icmp_len & 1)
		sum += (uint32_t)ip[IP6_BYTES + icmp_len - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

void
nd_group_mac(const struct addr *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->b + 12, 4);
}
