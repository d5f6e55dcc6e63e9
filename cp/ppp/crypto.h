/* crypto.h - the digests that CHAP and MS-CHAP need: MD4, MD5, SHA-1, DES.
 *
 * Private to cp/ppp.  MD4 and DES live in OpenSSL's legacy provider: ppp_crypto_new (ppp.h) loads it into a library
 * context of its own, so that the rest of the process does not get it, and fetches each algorithm once.  Read-only
 * after that, any thread.  Each function returns false when OpenSSL fails, which means that memory is gone.
 */
#ifndef CP_PPP_CRYPTO_H
#define CP_PPP_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/role.h>

#define MD4_LEN 16
#define MD5_LEN 16
#define SHA1_LEN 20

struct ppp_crypto;

/* A digest's input is a list of parts. */
struct part {
	const void *p;
	size_t n;
};

bool crypto_md4(const struct ppp_crypto *c, const void *in, size_t len, uint8_t out[MD4_LEN]) ANY_THREAD;
bool crypto_md5(const struct ppp_crypto *c, const struct part *in, size_t n, uint8_t out[MD5_LEN]) ANY_THREAD;
bool crypto_sha1(const struct ppp_crypto *c, const struct part *in, size_t n, uint8_t out[SHA1_LEN]) ANY_THREAD;

/* crypto_des: RFC 2759 8.6 DesEncrypt: one block under a key of 56 bits without parity. */
bool crypto_des(const struct ppp_crypto *c, const uint8_t key[7], const uint8_t clear[8], uint8_t out[8]) ANY_THREAD;

/* crypto_equal: compares in constant time. */
bool crypto_equal(const void *a, const void *b, size_t len) ANY_THREAD;

#endif
