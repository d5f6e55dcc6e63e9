/* arp.h - the ARP packet for Ethernet and IPv4 (RFC 826): read and written.  Any thread; no state. */
#ifndef CP_ARP_H
#define CP_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/role.h>

#define ARP_BYTES 28
#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ETHER_TYPE_ARP 0x0806

struct arp {
	uint16_t op;
	uint8_t sender_mac[6], target_mac[6];
	uint32_t sender_ip4, target_ip4;
};

/* arp_parse: from the hardware type on.  false: malformed or of another kind; then *out is not written. */
bool arp_parse(const uint8_t *p, size_t n, struct arp *out) ANY_THREAD;

void arp_build(uint8_t out[ARP_BYTES], const struct arp *a) ANY_THREAD;

#endif
