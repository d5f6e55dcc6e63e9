#include "l2tp/hide.h"

#include <errno.h>
#include <millrace/bytes.h>
#include <openssl/evp.h>
#include <string.h>

struct keystream {
	enum l2tp_attr attr;
	const char *secret;
	const struct span *vector;
	bool hide; /* what comes out is what goes on the wire; else it was what came in */
};

/* One block.  RFC 2661 4.3: b1 = MD5(AV + S + RV), b2 = MD5(S + c1), and so on; c is NULL for the first. */
static bool
block(const struct keystream *k, EVP_MD_CTX *md, const uint8_t *c, uint8_t key[HIDE_BLOCK])
{
	uint8_t av[2];
	put_be16(av, (uint16_t)k->attr);
	/* Looking MD5 up costs more than a block: once for all. */
	return EVP_DigestInit_ex(md, c ? NULL : EVP_md5(), NULL) && (c || EVP_DigestUpdate(md, av, sizeof av)) &&
	       EVP_DigestUpdate(md, k->secret, strlen(k->secret)) &&
	       EVP_DigestUpdate(md, c ? c : k->vector->p, c ? HIDE_BLOCK : k->vector->len) &&
	       EVP_DigestFinal_ex(md, key, NULL);
}

/* Both directions: in and out may be the same; the chain runs over what is on the wire. */
static int
mask(const struct keystream *k, const uint8_t *in, uint8_t *out, size_t len)
{
	uint8_t key[HIDE_BLOCK], wire[HIDE_BLOCK];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md;
	for (size_t at = 0; ok && at < len; at += HIDE_BLOCK) {
		size_t n = len - at < HIDE_BLOCK ? len - at : HIDE_BLOCK;
		ok = block(k, md, at ? wire : NULL, key);
		for (size_t i = 0; ok && i < n; i++) {
			uint8_t byte = in[at + i];
			out[at + i] = byte ^ key[i];
			wire[i] = k->hide ? out[at + i] : byte;
		}
	}
	EVP_MD_CTX_free(md);
	return ok ? 0 : -EIO;
}

int
l2tp_hide(enum l2tp_attr attr, const char *secret, const struct span *vector, const struct span *value, uint8_t *out)
{
	const struct keystream k = {attr, secret, vector, true};
	size_t len = l2tp_hidden_len(value->len);
	memset(out, 0, len);
	put_be16(out, value->len);
	if (value->len)
		memcpy(out + HIDE_LEN, value->p, value->len);
	return mask(&k, out, out, len);
}

int
l2tp_unhide(enum l2tp_attr attr, const char *secret, const struct span *vector, const struct span *hidden, uint8_t *out,
	    struct span *value)
{
	const struct keystream k = {attr, secret, vector, false};
	if (hidden->len < HIDE_LEN || mask(&k, hidden->p, out, hidden->len))
		return -EBADMSG;
	*value = (struct span){out + HIDE_LEN, be16(out)};
	return value->len <= hidden->len - HIDE_LEN ? 0 : -EBADMSG;
}
