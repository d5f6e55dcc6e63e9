/* mschapv2.h - the computations of RFC 2759 section 8 and RFC 3079 section 3, by the RFCs' names.
 *
 * Private to cp/ppp and its tests.  No state, any thread; passwords are UTF-8.  Each returns false when memory is gone.
 */
#ifndef CP_PPP_MSCHAPV2_H
#define CP_PPP_MSCHAPV2_H

#include "bearer.h"
#include "ppp/crypto.h"

#define MSCHAPV2_RESPONSE_LEN 49 /* RFC 2759 4: peer challenge 16, reserved 8, NT-Response 24, flags 1 */
#define MSCHAPV2_NT_OFFSET 24
#define MSCHAPV2_NT_LEN 24

/* Who computes for whom. */
struct mschapv2 {
	const struct ppp_crypto *crypto;
	const char *name, *password; /* name: DOMAIN\user; the hash leaves the domain out (RFC 2759 8.2) */
	const uint8_t *auth_challenge, *peer_challenge; /* 16 bytes each */
};

bool mschapv2_nt_password_hash(const struct mschapv2 *m, uint8_t out[MD4_LEN]) ANY_THREAD;

/* mschapv2_password_hash_hash: RFC 2759 8.4. */
bool mschapv2_password_hash_hash(const struct mschapv2 *m, uint8_t out[MD4_LEN]) ANY_THREAD;
bool mschapv2_challenge_hash(const struct mschapv2 *m, uint8_t out[8]) ANY_THREAD;
bool mschapv2_nt_response(const struct mschapv2 *m, uint8_t out[MSCHAPV2_NT_LEN]) ANY_THREAD;
bool mschapv2_auth_response(const struct mschapv2 *m, const uint8_t nt_response[MSCHAPV2_NT_LEN], uint8_t out[SHA1_LEN])
	ANY_THREAD;

/* mschapv2_challenge_response: RFC 2759 8.5, version 1's too. */
bool mschapv2_challenge_response(const struct ppp_crypto *c, const uint8_t challenge[8], const uint8_t hash[MD4_LEN],
				 uint8_t out[MSCHAPV2_NT_LEN]) ANY_THREAD;

/* mschapv2_keys: RFC 3079 3.4, 128 bits; server: seen from the server's side. */
bool mschapv2_keys(const struct mschapv2 *m, const uint8_t nt_response[MSCHAPV2_NT_LEN], bool server,
		   struct ppp_keys *keys) ANY_THREAD;

#endif
