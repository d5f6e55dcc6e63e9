#define OPENSSL_SUPPRESS_DEPRECATED /* SHA1_Transform: the only SHA-1 of OpenSSL 3 that neither looks up nor allocates */

#include "mppe_key.h"

#include <string.h>

#include <millrace/bytes.h>
#include <openssl/sha.h>

#define PAD_LEN 40

static void sha_key(const struct mppe_key *k, uint8_t out[MPPE_KEY_MAX]);
static void put_salt(struct mppe_key *k);

void
mppe_key_init(struct mppe_key *k, const uint8_t *start, unsigned bits, bool stateless)
{
	memset(k, 0, sizeof *k);
	if (!bits)
		return;
	k->len = bits == 128 ? 16 : 8;
	k->salt = bits == 128 ? 0 : bits == 56 ? 1 : 3;
	k->stateless = stateless;
	k->count = MPPE_COUNTS - 1;
	memcpy(k->start, start, k->len);
	memcpy(k->session, start, k->len);
	sha_key(k, k->session);
	put_salt(k);
	mppe_key_start(k);
}

void
mppe_key_change(struct mppe_key *const *k, unsigned n)
{
	struct rc4 box[RC4_LANES];
	uint8_t interim[RC4_LANES][MPPE_KEY_MAX];
	struct rc4_lane l[RC4_LANES] = {0};

	for (unsigned i = 0; i < n; i++) {
		sha_key(k[i], interim[i]);
		memcpy(k[i]->session, interim[i], k[i]->len);
		l[i] = (struct rc4_lane){&box[i], interim[i], k[i]->session, k[i]->len};
	}
	/* Lanes of one key length, as a rule: then together. */
	for (unsigned i = 0, m; i < n; i += m) {
		for (m = 1; i + m < n && k[i + m]->len == k[i]->len; m++)
			;
		rc4_init(l + i, m, k[i]->len);
	}
	rc4_crypt(l, n);
	for (unsigned i = 0; i < n; i++)
		put_salt(k[i]);
}

/* RFC 3079 2.6: SHA-1 over start key, SHApad1, session key, SHApad2: always two blocks. */
static void
sha_key(const struct mppe_key *k, uint8_t out[MPPE_KEY_MAX])
{
	uint8_t block[128] = {0}, word[20];
	unsigned len = 2 * (k->len + PAD_LEN);
	SHA_CTX ctx;

	memcpy(block, k->start, k->len);
	memcpy(block + k->len + PAD_LEN, k->session, k->len);
	memset(block + len - PAD_LEN, 0xf2, PAD_LEN);
	block[len] = 0x80;
	put_be16(block + 126, (uint16_t)(8 * len));
	ctx.h0 = 0x67452301;
	ctx.h1 = 0xefcdab89;
	ctx.h2 = 0x98badcfe;
	ctx.h3 = 0x10325476;
	ctx.h4 = 0xc3d2e1f0;
	SHA1_Transform(&ctx, block);
	SHA1_Transform(&ctx, block + 64);
	put_be32(word, ctx.h0);
	put_be32(word + 4, ctx.h1);
	put_be32(word + 8, ctx.h2);
	put_be32(word + 12, ctx.h3);
	memcpy(out, word, k->len);
}

/* RFC 3079 2.1, 2.2: what is left of the key has 40 or 56 bits. */
static void
put_salt(struct mppe_key *k)
{
	static const uint8_t salt[] = {0xd1, 0x26, 0x9e};

	memcpy(k->session, salt, k->salt);
}

void
mppe_key_start(struct mppe_key *k)
{
	rc4_init(&(struct rc4_lane){.box = &k->box, .key = k->session}, 1, k->len);
}
