#include "arp.h"

#include <string.h>

#include <millrace/bytes.h>

bool
arp_parse(const uint8_t *p, size_t n, struct arp *out)
{
	/* Ethernet, IPv4, lengths 6 and 4. */
	if (n < ARP_BYTES || be16(p) != 1 || be16(p + 2) != 0x0800 || p[4] != 6 || p[5] != 4)
		return false;
	out->op = be16(p + 6);
	memcpy(out->sender_mac, p + 8, 6);
	out->sender_ip4 = be32(p + 14);
	memcpy(out->target_mac, p + 18, 6);
	out->target_ip4 = be32(p + 24);
	return true;
}

void
arp_build(uint8_t out[ARP_BYTES], const struct arp *a)
{
	struct wr w = wr_init(out, ARP_BYTES);
	wr_be16(&w, 1);
	wr_be16(&w, 0x0800);
	wr_u8(&w, 6);
	wr_u8(&w, 4);
	wr_be16(&w, a->op);
	wr_bytes(&w, a->sender_mac, 6);
	wr_be32(&w, a->sender_ip4);
	wr_bytes(&w, a->target_mac, 6);
	wr_be32(&w, a->target_ip4);
}
