/* mppe_key.h - the session keys of MPPE in one direction: RFC 3079 section 2 and 3, RFC 3078 section 7.
 *
 * No memory, no state but the caller's; any thread.
 */
#ifndef DP_MPPE_KEY_H
#define DP_MPPE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "rc4.h"

#define MPPE_KEY_MAX 16
#define MPPE_COUNTS 4096 /* of the coherency count, RFC 3078 3.1 */

/* One direction of one session. */
struct mppe_key {
	uint8_t start[MPPE_KEY_MAX], session[MPPE_KEY_MAX];
	uint8_t len;       /* 8 or 16; 0: not in use */
	uint8_t salt;      /* leading octets that are overwritten: 3 for 40 bits, 1 for 56 */
	bool stateless;    /* a key of its own for each packet */
	bool flushed;      /* down: the next packet starts anew, the peer has lost its place */
	bool discards;     /* up: nothing can be decrypted until a flushed packet comes */
	uint8_t reset_id;  /* up: of the Reset-Request that has no effect yet; 0: none */
	uint8_t resets;    /* up: the last of these identifiers */
	uint16_t count;    /* of the last packet; a session begins before 0 */
	uint32_t reset_ms; /* up: when that was sent, low 32 bits */
	uint32_t catch_ms; /* up: when keys were last made up for at length */
	struct rc4 box;    /* stateful: where the stream is */
};

/* mppe_key_init: from the start key of RFC 3079 (16 octets for 128 bits, else 8). bits: 40, 56, 128. */
void mppe_key_init(struct mppe_key *k, const uint8_t *start, unsigned bits, bool stateless);

/* mppe_key_change: the next session key of n directions, 1 to RC4_LANES (RFC 3079 GetNewKeyFromSHA, RFC 3078 7.3). */
void mppe_key_change(struct mppe_key *const *k, unsigned n);

/* mppe_key_start: the stream of the session key from its beginning. */
void mppe_key_start(struct mppe_key *k);

#endif
