/* mschapv1.h - the computations of MS-CHAP version 1: RFC 2433 appendix A, RFC 3079 section 2.
 *
 * Private to cp/ppp and its tests.  No state, any thread; passwords are UTF-8.  Each returns false when memory is gone.
 * LAN Manager's response is neither computed nor believed: its password hash gives passwords away.  RFC 3079 makes MPPE
 * keys of 40 and 56 bits of that hash all the same, and only there it is used.
 */
#ifndef CP_PPP_MSCHAPV1_H
#define CP_PPP_MSCHAPV1_H

#include "bearer.h"
#include "ppp/crypto.h"

#define MSCHAPV1_CHALLENGE_LEN 8
#define MSCHAPV1_RESPONSE_LEN 49 /* RFC 2433 6: LAN Manager response 24, NT response 24, flag 1 */
#define MSCHAPV1_NT_OFFSET 24
#define MSCHAPV1_NT_LEN 24
#define MSCHAPV1_FLAG_OFFSET 48 /* 1: the NT response counts */

bool mschapv1_nt_response(const struct ppp_crypto *c, const uint8_t challenge[MSCHAPV1_CHALLENGE_LEN],
			  const char *password, uint8_t out[MSCHAPV1_NT_LEN]) ANY_THREAD;

/* mschapv1_lm_hash: RFC 2433 A.2.  False when there is none: more than 14 characters, or others than ASCII's. */
bool mschapv1_lm_hash(const struct ppp_crypto *c, const char *password, uint8_t out[16]) ANY_THREAD;

/* mschapv1_keys: 128 bits and, when there is a LAN Manager hash, those for fewer; one key for both directions. */
bool mschapv1_keys(const struct ppp_crypto *c, const uint8_t challenge[MSCHAPV1_CHALLENGE_LEN], const char *password,
		   struct ppp_keys *keys) ANY_THREAD;

#endif
