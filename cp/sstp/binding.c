#include "sstp/binding.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char cmk_label[] = "SSTP inner method derived CMK";

static bool mac_of(const struct sstp_binding *b, enum sstp_hash hash, const uint8_t *msg, uint8_t out[SSTP_HASH_ROOM]);
static void cert_hash_of(const struct sstp_binding *b, enum sstp_hash hash, uint8_t out[SSTP_HASH_ROOM]);

void
sstp_hlak(uint8_t out[SSTP_HLAK_LEN], const struct ppp_keys *keys, bool server)
{
	memset(out, 0, SSTP_HLAK_LEN);
	memcpy(out, server ? keys->recv : keys->send, keys->len);
	memcpy(out + keys->len, server ? keys->send : keys->recv, keys->len);
}

enum sstp_binding_verdict
sstp_binding_check(const struct sstp_binding *b, const uint8_t msg[SSTP_CONNECTED_LEN])
{
	struct sstp_msg m;
	uint8_t cert[SSTP_HASH_ROOM], mac[SSTP_HASH_ROOM];
	if (sstp_msg_parse(msg, SSTP_CONNECTED_LEN, &m).status || !m.mac || !(b->hashes & m.hash))
		return SSTP_BINDING_HASH;
	cert_hash_of(b, m.hash, cert);
	bool made = mac_of(b, m.hash, msg, mac);
	bool nonce_ok = !CRYPTO_memcmp(m.nonce, b->nonce, SSTP_NONCE_LEN);
	bool cert_ok = !CRYPTO_memcmp(m.cert_hash, cert, SSTP_HASH_ROOM);
	bool mac_ok = made && !CRYPTO_memcmp(m.mac, mac, SSTP_HASH_ROOM);
	if (nonce_ok && cert_ok)
		return mac_ok ? SSTP_BINDING_OK : SSTP_BINDING_MAC;
	return nonce_ok ? SSTP_BINDING_CERT : SSTP_BINDING_NONCE;
}

bool
sstp_binding_make(const struct sstp_binding *b, uint8_t out[SSTP_CONNECTED_LEN])
{
	enum sstp_hash hash = b->hashes & SSTP_HASH_SHA256 ? SSTP_HASH_SHA256 : SSTP_HASH_SHA1;
	uint8_t cert[SSTP_HASH_ROOM], mac[SSTP_HASH_ROOM];
	cert_hash_of(b, hash, cert);
	sstp_build_connected(out, hash, b->nonce, cert);
	if (!mac_of(b, hash, out, mac))
		return false;
	memcpy(out + SSTP_CONNECTED_MAC_AT, mac, sizeof mac);
	return true;
}

static void
cert_hash_of(const struct sstp_binding *b, enum sstp_hash hash, uint8_t out[SSTP_HASH_ROOM])
{
	memset(out, 0, SSTP_HASH_ROOM);
	if (hash == SSTP_HASH_SHA256)
		memcpy(out, b->cert_sha256, 32);
	else
		memcpy(out, b->cert_sha1, 20);
}

/* A SHA-1 leaves the last 12 bytes zero. */
static bool
mac_of(const struct sstp_binding *b, enum sstp_hash hash, const uint8_t *msg, uint8_t out[SSTP_HASH_ROOM])
{
	const EVP_MD *md = hash == SSTP_HASH_SHA256 ? EVP_sha256() : EVP_sha1();
	uint8_t seed[sizeof cmk_label - 1 + 3], cmk[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE], zeroed[SSTP_CONNECTED_LEN];
	unsigned n = (unsigned)EVP_MD_get_size(md), len;

	memcpy(seed, cmk_label, sizeof cmk_label - 1);
	seed[sizeof seed - 3] = (uint8_t)n;
	seed[sizeof seed - 2] = 0;
	seed[sizeof seed - 1] = 1;
	memcpy(zeroed, msg, SSTP_CONNECTED_MAC_AT);
	memset(zeroed + SSTP_CONNECTED_MAC_AT, 0, SSTP_HASH_ROOM);
	memset(out, 0, SSTP_HASH_ROOM);
	bool ok = HMAC(md, b->hlak, SSTP_HLAK_LEN, seed, sizeof seed, cmk, &len) &&
		  HMAC(md, cmk, (int)n, zeroed, sizeof zeroed, mac, &len);
	if (ok)
		memcpy(out, mac, n);
	OPENSSL_cleanse(cmk, sizeof cmk);
	return ok;
}

const char *
sstp_binding_text(enum sstp_binding_verdict v)
{
	static const char *const texts[] = {
		[SSTP_BINDING_OK] = "right",
		[SSTP_BINDING_HASH] = "its hash was not offered",
		[SSTP_BINDING_NONCE] = "its nonce is not ours",
		[SSTP_BINDING_CERT] = "its certificate is not the one shown on this connection",
		[SSTP_BINDING_MAC] = "its MAC does not match the keys",
	};
	return texts[v];
}
