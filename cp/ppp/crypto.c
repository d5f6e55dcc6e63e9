#include "ppp/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdlib.h>

#include "ppp/ppp.h"

struct ppp_crypto {
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *base, *legacy;
	EVP_MD *md4, *md5, *sha1;
	EVP_CIPHER *des;
};

static bool digest(const EVP_MD *md, const struct part *in, size_t n, uint8_t *out);
static void des_key(const uint8_t key[7], uint8_t out[8]);

struct ppp_crypto *
ppp_crypto_new(const char **why)
{
	const char *unused;
	struct ppp_crypto *c = calloc(1, sizeof *c);
	why = why ? why : &unused;
	*why = "out of memory";
	if (!c || !(c->lib = OSSL_LIB_CTX_new())) {
		free(c);
		return NULL;
	}
	c->base = OSSL_PROVIDER_load(c->lib, "default");
	c->legacy = OSSL_PROVIDER_load(c->lib, "legacy");
	*why = "OpenSSL's legacy provider, which has MD4 and DES for MS-CHAP, cannot be loaded";
	if (c->base && c->legacy) {
		c->md4 = EVP_MD_fetch(c->lib, "MD4", NULL);
		c->md5 = EVP_MD_fetch(c->lib, "MD5", NULL);
		c->sha1 = EVP_MD_fetch(c->lib, "SHA1", NULL);
		c->des = EVP_CIPHER_fetch(c->lib, "DES-ECB", NULL);
		*why = "OpenSSL has no MD4, MD5, SHA-1 or DES";
	}
	if (c->md4 && c->md5 && c->sha1 && c->des)
		return c;
	ppp_crypto_free(c);
	return NULL;
}

void
ppp_crypto_free(struct ppp_crypto *c)
{
	if (!c)
		return;
	EVP_MD_free(c->md4);
	EVP_MD_free(c->md5);
	EVP_MD_free(c->sha1);
	EVP_CIPHER_free(c->des);
	if (c->legacy)
		OSSL_PROVIDER_unload(c->legacy);
	if (c->base)
		OSSL_PROVIDER_unload(c->base);
	OSSL_LIB_CTX_free(c->lib);
	free(c);
}

bool
crypto_md4(const struct ppp_crypto *c, const void *in, size_t len, uint8_t out[MD4_LEN])
{
	return digest(c->md4, &(struct part){in, len}, 1, out);
}

bool
crypto_md5(const struct ppp_crypto *c, const struct part *in, size_t n, uint8_t out[MD5_LEN])
{
	return digest(c->md5, in, n, out);
}

bool
crypto_sha1(const struct ppp_crypto *c, const struct part *in, size_t n, uint8_t out[SHA1_LEN])
{
	return digest(c->sha1, in, n, out);
}

static bool
digest(const EVP_MD *md, const struct part *in, size_t n, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, in[i].p, in[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
crypto_des(const struct ppp_crypto *c, const uint8_t key[7], const uint8_t clear[8], uint8_t out[8])
{
	uint8_t k[8];
	int len = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	des_key(key, k);
	bool ok = ctx && EVP_EncryptInit_ex2(ctx, c->des, k, NULL, NULL) == 1 &&
		  EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_EncryptUpdate(ctx, out, &len, clear, 8) == 1 &&
		  len == 8;
	EVP_CIPHER_CTX_free(ctx);
	OPENSSL_cleanse(k, sizeof k);
	return ok;
}

/* 56 bits in seven bytes become eight bytes of seven bits each; DES ignores the parity bit below them. */
static void
des_key(const uint8_t key[7], uint8_t out[8])
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < 7; i++)
		bits = bits << 8 | key[i];
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(bits >> (49 - 7 * i) << 1);
}

bool
crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
