/* rc4.h - the RC4 stream cipher (as MPPE uses it, RFC 3078), one to four streams side by side.
 *
 * A byte of key stream needs the one before it, so a single stream leaves most of a core idle: four at once take about
 * three quarters of the time for each.  Own code, because no library has that.  No memory, no state but the caller's; any
 * thread.  RC4 protects nothing against who can afford to break it: it is here because clients ask for MPPE.
 */
#ifndef DP_RC4_H
#define DP_RC4_H

#include <stdint.h>

#define RC4_LANES 4

struct rc4 {
	uint8_t s[256];
	uint8_t i, j;
};

/* One stream's part in a call on several. */
struct rc4_lane {
	struct rc4 *box; /* distinct from the others' */
	const uint8_t *key;
	uint8_t *p;   /* rc4_crypt: changed in place */
	uint32_t len; /* of p */
};

/* rc4_init: makes the boxes of n streams, 1 to RC4_LANES, from keys of key_len octets, 8 or 16. */
void rc4_init(const struct rc4_lane *l, unsigned n, unsigned key_len);

/* rc4_crypt: encrypts or decrypts n streams, 1 to RC4_LANES; the boxes move on. */
void rc4_crypt(const struct rc4_lane *l, unsigned n);

#endif
