#include "keys.h"

#include <string.h>

#include <pthread.h>

#include "imb.h"

#define BLOCK_MAX 128
#define HASH_MAX 48
#define INFO_MAX 32

static void hmac(bool sha384, const uint8_t *key, const uint8_t *text, size_t n, uint8_t *out);
static void hash(bool sha384, const uint8_t *text, size_t n, uint8_t *out);

const IMB_MGR *imb;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
choose(void)
{
	IMB_MGR *m = alloc_mb_mgr(0);
	if (!m)
		return;
	init_mb_mgr_auto(m, NULL);
	imb = m;
}

bool
keys_init(void)
{
	pthread_once(&once, choose);
	return imb;
}

void
keys_expand_label(bool sha384, const uint8_t *secret, const char *label, uint8_t *out, size_t n)
{
	/* RFC 8446 7.1: struct HkdfLabel, and RFC 5869 2.3: T(1) = HMAC(PRK, info | 0x01). */
	uint8_t info[INFO_MAX], t[HASH_MAX];
	size_t label_len = strlen(label), i = 0;
	info[i++] = 0;
	info[i++] = (uint8_t)n;
	info[i++] = (uint8_t)(6 + label_len);
	memcpy(info + i, "tls13 ", 6);
	memcpy(info + i + 6, label, label_len);
	i += 6 + label_len;
	info[i++] = 0;
	info[i++] = 1;
	hmac(sha384, secret, info, i, t);
	memcpy(out, t, n);
	explicit_bzero(t, sizeof t);
}

void
keys_derive(enum tls_aead aead, bool sha384, const uint8_t *secret, uint8_t key[TLS_KEY], uint8_t iv[TLS_IV])
{
	keys_expand_label(sha384, secret, "key", key, aead == TLS_AES_128_GCM ? 16 : 32);
	keys_expand_label(sha384, secret, "iv", iv, TLS_IV);
}

void
keys_update(bool sha384, uint8_t secret[TLS_SECRET])
{
	keys_expand_label(sha384, secret, "traffic upd", secret, sha384 ? 48 : 32);
}

/* hmac: RFC 2104, with a key of the hash's length and a text of at most INFO_MAX bytes. */
static void
hmac(bool sha384, const uint8_t *key, const uint8_t *text, size_t n, uint8_t *out)
{
	size_t block = sha384 ? 128 : 64, len = sha384 ? 48 : 32;
	uint8_t inner[BLOCK_MAX + INFO_MAX], outer[BLOCK_MAX + HASH_MAX];
	memset(inner, 0x36, block);
	memset(outer, 0x5c, block);
	for (size_t i = 0; i < len; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	memcpy(inner + block, text, n);
	hash(sha384, inner, block + n, outer + block);
	hash(sha384, outer, block + len, out);
	explicit_bzero(inner, sizeof inner);
	explicit_bzero(outer, sizeof outer);
}

static void
hash(bool sha384, const uint8_t *text, size_t n, uint8_t *out)
{
	if (sha384)
		imb->sha384(text, n, out);
	else
		imb->sha256(text, n, out);
}
