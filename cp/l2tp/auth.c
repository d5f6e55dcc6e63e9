#include "l2tp/auth.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* RFC 2661 4.4.3: as CHAP (RFC 1994 4.1), with the message type in place of the CHAP identifier. */
int
l2tp_auth_response(enum l2tp_type carrier, const char *secret, const struct span *challenge, uint8_t *out)
{
	uint8_t id = (uint8_t)carrier;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ok = md && EVP_DigestInit_ex(md, EVP_md5(), NULL) && EVP_DigestUpdate(md, &id, 1) &&
		 EVP_DigestUpdate(md, secret, strlen(secret)) && EVP_DigestUpdate(md, challenge->p, challenge->len) &&
		 EVP_DigestFinal_ex(md, out, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : -EIO;
}

bool
l2tp_auth_verify(enum l2tp_type carrier, const char *secret, const uint8_t *challenge, const struct span *response)
{
	uint8_t want[AUTH_LEN];
	const struct span ours = {challenge, AUTH_LEN};
	if (response->len != AUTH_LEN || l2tp_auth_response(carrier, secret, &ours, want))
		return false;
	return CRYPTO_memcmp(want, response->p, AUTH_LEN) == 0;
}
