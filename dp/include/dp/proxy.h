/* proxy.h - how long the PROXY header in front of a connection is (PROXY protocol version 2, 2.2), for both rooms: dp
 * frames it, cp reads it (cp/sstp/proxy.h).  Version 1, a line of text, is not taken.  Without state; any thread.
 */
#ifndef DP_PROXY_H
#define DP_PROXY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <millrace/addr.h>
#include <millrace/bytes.h>

#define PROXY_FIXED_LEN 16
#define PROXY_MAX 552 /* addresses of 216 octets at most, and TLVs, of which nothing is used here */

/* proxy_length: of the header that begins at p, of which n bytes are there; 0: not to be seen yet; -1: this is none. */
static inline int
proxy_length(const uint8_t *p, size_t n)
{
	static const uint8_t signature[13] = "\r\n\r\n\0\r\nQUIT\n\x20";
	size_t seen = n < 12 ? n : 12;
	if (memcmp(p, signature, seen) || (n > 12 && (p[12] & 0xf0) != 0x20))
		return -1;
	if (n < PROXY_FIXED_LEN)
		return 0;
	int len = PROXY_FIXED_LEN + be16(p + 14);
	return len > PROXY_MAX ? -1 : len;
}

/* proxy_source: the client's address in a whole header; false: there is none (2.2: LOCAL, and other families). */
static inline bool
proxy_source(const uint8_t *p, size_t n, struct addr *a)
{
	bool proxied = (p[12] & 0x0f) == 1;
	if (proxied && p[13] >> 4 == 1 && n >= PROXY_FIXED_LEN + 12) {
		*a = addr_from_ip4(be32(p + PROXY_FIXED_LEN));
		return true;
	}
	if (proxied && p[13] >> 4 == 2 && n >= PROXY_FIXED_LEN + 36) {
		memcpy(a->b, p + PROXY_FIXED_LEN, sizeof a->b);
		return true;
	}
	return false;
}

#endif
