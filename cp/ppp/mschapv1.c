#include "ppp/mschapv1.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <string.h>

#include "ppp/mschapv2.h"
#include "ppp/ppp.h"

/* RFC 2433 A.1 NtChallengeResponse */
bool
mschapv1_nt_response(const struct ppp_crypto *c, const uint8_t challenge[MSCHAPV1_CHALLENGE_LEN], const char *password,
		     uint8_t out[MSCHAPV1_NT_LEN])
{
	const struct mschapv2 m = {.crypto = c, .password = password};
	uint8_t hash[MD4_LEN];
	bool ok = mschapv2_nt_password_hash(&m, hash) && mschapv2_challenge_response(c, challenge, hash, out);
	OPENSSL_cleanse(hash, sizeof hash);
	return ok;
}

/* RFC 3079 2.4 GetStartKey */
bool
mschapv1_keys(const struct ppp_crypto *c, const uint8_t challenge[MSCHAPV1_CHALLENGE_LEN], const char *password,
	      struct ppp_keys *keys)
{
	const struct mschapv2 m = {.crypto = c, .password = password};
	uint8_t hash_hash[MD4_LEN], lm[16];
	bool ok = mschapv2_password_hash_hash(&m, hash_hash) && ppp_mschap_keys(c, challenge, hash_hash, keys);
	keys->has_lm = ok && mschapv1_lm_hash(c, password, lm);
	memcpy(keys->lm, lm, keys->has_lm ? sizeof keys->lm : 0);
	OPENSSL_cleanse(lm, sizeof lm);
	OPENSSL_cleanse(hash_hash, sizeof hash_hash);
	return ok;
}

bool
ppp_mschap_keys(const struct ppp_crypto *c, const uint8_t *challenge, const uint8_t *hash_hash, struct ppp_keys *keys)
{
	uint8_t sha[SHA1_LEN];
	const struct part in[] = {{hash_hash, MD4_LEN}, {hash_hash, MD4_LEN}, {challenge, MSCHAPV1_CHALLENGE_LEN}};
	bool ok = crypto_sha1(c, in, 3, sha);
	*keys = (struct ppp_keys){0};
	if (ok) {
		memcpy(keys->send, sha, sizeof keys->send);
		memcpy(keys->recv, sha, sizeof keys->recv);
	}
	keys->len = ok ? sizeof keys->send : 0;
	OPENSSL_cleanse(sha, sizeof sha);
	return ok;
}

/* RFC 2433 A.2 LmPasswordHash: the password in capitals, two DES keys of seven octets each. */
bool
mschapv1_lm_hash(const struct ppp_crypto *c, const char *password, uint8_t out[16])
{
	static const uint8_t clear[8] = "KGS!@#$%";
	uint8_t upper[14] = {0};
	size_t len = strlen(password);
	bool ok = len <= sizeof upper;
	for (size_t i = 0; ok && i < len; i++) {
		upper[i] = (uint8_t)toupper((unsigned char)password[i]);
		ok = upper[i] < 0x80;
	}
	ok = ok && crypto_des(c, upper, clear, out) && crypto_des(c, upper + 7, clear, out + 8);
	OPENSSL_cleanse(upper, sizeof upper);
	return ok;
}
