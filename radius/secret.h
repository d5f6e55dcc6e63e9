/* secret.h - the hashes of RADIUS: MD5 over a few pieces, HMAC-MD5, and the cipher that both its hidden attributes use.
 *
 * Private to radius.  Any thread; no state.
 */
#ifndef RADIUS_SECRET_H
#define RADIUS_SECRET_H

#include <radius/packet.h>

/* secret_md5: MD5(a, b, c) into out of 16 bytes; a piece of no bytes may be NULL. */
struct secret_piece {
	const void *p;
	size_t n;
};
void secret_md5(const struct secret_piece *pieces, unsigned n, uint8_t *out) ANY_THREAD;
void secret_hmac(const char *secret, const uint8_t *p, size_t n, uint8_t *out) ANY_THREAD;

/* secret_same: in a time that does not depend on where they differ. */
bool secret_same(const uint8_t *a, const uint8_t *b, size_t n) ANY_THREAD;

/* secret_hide, secret_show: RFC 2865 5.2 over n bytes, a multiple of 16, in place; the first block's key is
 * MD5(secret, authenticator, salt of salt_len bytes). */
struct secret_cipher {
	const char *secret;
	const uint8_t *authenticator;
	const uint8_t *salt;
	size_t salt_len;
};
void secret_hide(const struct secret_cipher *c, uint8_t *p, size_t n) ANY_THREAD;
void secret_show(const struct secret_cipher *c, uint8_t *p, size_t n) ANY_THREAD;

#endif
