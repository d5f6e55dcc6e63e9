#include "secret.h"

#include <nettle/hmac.h>
#include <nettle/md5.h>

#define BLOCK 16

static void key_of_block(const struct secret_cipher *c, const uint8_t *before, uint8_t *key);

void
secret_md5(const struct secret_piece *pieces, unsigned n, uint8_t *out)
{
	struct md5_ctx md5;

	md5_init(&md5);
	for (unsigned i = 0; i < n; i++)
		if (pieces[i].n)
			md5_update(&md5, pieces[i].n, pieces[i].p);
	md5_digest(&md5, BLOCK, out);
}

void
secret_hmac(const char *secret, const uint8_t *p, size_t n, uint8_t *out)
{
	struct hmac_md5_ctx hmac;

	hmac_md5_set_key(&hmac, strlen(secret), (const uint8_t *)secret);
	hmac_md5_update(&hmac, n, p);
	hmac_md5_digest(&hmac, BLOCK, out);
}

bool
secret_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	unsigned differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* before: the hidden block in front, NULL for the first. */
static void
key_of_block(const struct secret_cipher *c, const uint8_t *before, uint8_t *key)
{
	struct secret_piece pieces[] = {
		{c->secret, strlen(c->secret)},
		{before ? before : c->authenticator, BLOCK},
		{c->salt, before ? 0 : c->salt_len},
	};
	secret_md5(pieces, 3, key);
}

void
secret_hide(const struct secret_cipher *c, uint8_t *p, size_t n)
{
	uint8_t key[BLOCK];

	for (size_t at = 0; at < n; at += BLOCK) {
		key_of_block(c, at ? p + at - BLOCK : NULL, key);
		for (unsigned i = 0; i < BLOCK; i++)
			p[at + i] ^= key[i];
	}
}

/* From the end on: the key of a block is made of the one in front of it, which must still be hidden. */
void
secret_show(const struct secret_cipher *c, uint8_t *p, size_t n)
{
	uint8_t key[BLOCK];

	for (size_t at = n; at; at -= BLOCK) {
		uint8_t *block = p + at - BLOCK;
		key_of_block(c, at > BLOCK ? block - BLOCK : NULL, key);
		for (unsigned i = 0; i < BLOCK; i++)
			block[i] ^= key[i];
	}
}
