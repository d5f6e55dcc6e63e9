/* The key schedule against RFC 8448's trace, and against OpenSSL's HKDF for both hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <cmocka.h>

#include "keys.h"

/* RFC 8448 3: the server's application traffic secret, key and IV of the simple 1-RTT handshake. */
static void
rfc_8448(void **state)
{
	static const char secret[] = "\xa1\x1a\xf9\xf0\x55\x31\xf8\x56\xad\x47\x11\x6b\x45\xa9\x50\x32"
				     "\x82\x04\xb4\xf4\x4b\xfb\x6b\x3a\x4b\x4f\x1f\x3f\xcb\x63\x16\x43";
	static const char key[] = "\x9f\x02\x28\x3b\x6c\x9c\x07\xef\xc2\x6b\xb9\xf2\xac\x92\xe3\x56";
	static const char iv[] = "\xcf\x78\x2b\x88\xdd\x83\x54\x9a\xad\xf1\xe9\x84";
	uint8_t k[TLS_KEY], i[TLS_IV];
	(void)state;
	keys_derive(TLS_AES_128_GCM, false, (const uint8_t *)secret, k, i);
	assert_memory_equal(k, key, 16);
	assert_memory_equal(i, iv, 12);
}

static void
openssl_expand(const char *digest, const uint8_t *secret, size_t secret_n, const char *label, uint8_t *out, size_t n)
{
	uint8_t info[64];
	size_t len = strlen(label), i = 0;
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	info[i++] = 0;
	info[i++] = (uint8_t)n;
	info[i++] = (uint8_t)(len + 6);
	memcpy(info + i, "tls13 ", 6);
	memcpy(info + i + 6, label, len);
	i += 6 + len;
	info[i++] = 0;
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM p[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
			  OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0),
			  OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, secret_n),
			  OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, i), OSSL_PARAM_construct_end()};
	assert_int_equal(EVP_KDF_derive(ctx, out, n, p), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void
as_openssl_does(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		bool sha384 = round % 2;
		const char *digest = sha384 ? "SHA384" : "SHA256";
		size_t n = sha384 ? 48 : 32;
		uint8_t secret[TLS_SECRET], ours[TLS_SECRET], theirs[TLS_SECRET], key[TLS_KEY], iv[TLS_IV];
		RAND_bytes(secret, sizeof secret);
		keys_derive(TLS_AES_256_GCM, sha384, secret, key, iv);
		openssl_expand(digest, secret, n, "key", theirs, 32);
		assert_memory_equal(key, theirs, 32);
		openssl_expand(digest, secret, n, "iv", theirs, 12);
		assert_memory_equal(iv, theirs, 12);
		memcpy(ours, secret, sizeof ours);
		keys_update(sha384, ours);
		openssl_expand(digest, secret, n, "traffic upd", theirs, n);
		assert_memory_equal(ours, theirs, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rfc_8448), cmocka_unit_test(as_openssl_does)};
	return keys_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
