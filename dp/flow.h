/* flow.h - which flow an IP packet belongs to, and its ECN field; for queue.c.  IPv4 and IPv6; fragments of one packet, and
 * what has no ports, go by addresses and protocol.  Without state. */
#ifndef DP_FLOW_H
#define DP_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/bytes.h>

/* flow_hash: `have` bytes of the packet lie at p. */
static inline uint32_t
flow_hash(const uint8_t *p, uint32_t have, uint64_t key)
{
	static const uint64_t odd = 0x9e3779b97f4a7c15ull;
	uint64_t h = key;
	uint32_t l4 = 0, protocol = 0;
	bool ports = false;
	if (have >= 20 && p[0] >> 4 == 4) {
		l4 = (p[0] & 15u) * 4;
		protocol = p[9];
		h = (h ^ be64(p + 12)) * odd;
		ports = !(be16(p + 6) & 0x3fff);
	} else if (have >= 40 && p[0] >> 4 == 6) {
		l4 = 40;
		protocol = p[6];
		for (unsigned i = 8; i < 40; i += 8)
			h = (h ^ (h >> 29) ^ be64(p + i)) * odd;
		ports = true;
	}
	h = (h ^ (h >> 31) ^ protocol) * odd;
	/* TCP, UDP, DCCP, SCTP, UDP-Lite and ESP's SPI: four octets that tell flows apart. */
	bool has_ports = protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136 ||
			 protocol == 50;
	if (ports && has_ports && have >= l4 + 4)
		h = (h ^ (h >> 31) ^ be32(p + l4)) * odd;
	return (uint32_t)(h >> 32);
}

/* flow_mark: Congestion Experienced (RFC 3168 5), if the sender can read it; false: it cannot. */
static inline bool
flow_mark(uint8_t *p, uint32_t have)
{
	if (have >= 40 && p[0] >> 4 == 6) {
		if (!(p[1] & 0x30))
			return false;
		p[1] |= 0x30;
		return true;
	}
	if (have < 20 || p[0] >> 4 != 4 || !(p[1] & 3))
		return false;
	/* RFC 1624: the sum over the word of version, length and ToS grows by what is added. */
	uint32_t sum = (uint16_t)~be16(p + 10) + (3u - (p[1] & 3u));
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(p + 10, (uint16_t)~sum);
	p[1] |= 3;
	return true;
}

#endif
