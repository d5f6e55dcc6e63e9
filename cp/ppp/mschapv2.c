#include "ppp/mschapv2.h"

#include <openssl/crypto.h>
#include <string.h>

#include <millrace/bytes.h>

#define PASSWORD_UNITS 256 /* RFC 2759 8.1: 0 to 256 Unicode characters */

static size_t utf16le(const char *utf8, uint8_t *out, size_t units);
static uint32_t utf8_next(const uint8_t **s);
static bool start_key(const struct ppp_crypto *c, const uint8_t master[16], const char *magic, uint8_t out[16]);
static const char *bare_name(const char *name);

/* RFC 2759 8.3 */
bool
mschapv2_nt_password_hash(const struct mschapv2 *m, uint8_t out[MD4_LEN])
{
	uint8_t unicode[2 * PASSWORD_UNITS];
	size_t len = utf16le(m->password, unicode, PASSWORD_UNITS);
	bool ok = crypto_md4(m->crypto, unicode, len, out);
	OPENSSL_cleanse(unicode, sizeof unicode);
	return ok;
}

/* RFC 2759 8.2 */
bool
mschapv2_challenge_hash(const struct mschapv2 *m, uint8_t out[8])
{
	uint8_t sha[SHA1_LEN];
	const char *name = bare_name(m->name);
	const struct part in[] = {{m->peer_challenge, 16}, {m->auth_challenge, 16}, {name, strlen(name)}};
	bool ok = crypto_sha1(m->crypto, in, 3, sha);
	memcpy(out, sha, 8);
	return ok;
}

/* RFC 2759 8.1 */
bool
mschapv2_nt_response(const struct mschapv2 *m, uint8_t out[MSCHAPV2_NT_LEN])
{
	uint8_t challenge[8], hash[MD4_LEN];
	bool ok = mschapv2_challenge_hash(m, challenge) && mschapv2_nt_password_hash(m, hash) &&
		  mschapv2_challenge_response(m->crypto, challenge, hash, out);
	OPENSSL_cleanse(hash, sizeof hash);
	return ok;
}

/* The password hash, zero-padded to 21 bytes, is three DES keys. */
bool
mschapv2_challenge_response(const struct ppp_crypto *c, const uint8_t challenge[8], const uint8_t hash[MD4_LEN],
			    uint8_t out[MSCHAPV2_NT_LEN])
{
	uint8_t keys[21] = {0};
	bool ok = true;
	memcpy(keys, hash, MD4_LEN);
	for (unsigned i = 0; ok && i < 3; i++)
		ok = crypto_des(c, keys + 7 * i, challenge, out + 8 * i);
	OPENSSL_cleanse(keys, sizeof keys);
	return ok;
}

/* RFC 2759 8.7 */
bool
mschapv2_auth_response(const struct mschapv2 *m, const uint8_t nt_response[MSCHAPV2_NT_LEN], uint8_t out[SHA1_LEN])
{
	static const char magic1[] = "Magic server to client signing constant";
	static const char magic2[] = "Pad to make it do more than one iteration";
	uint8_t hash_hash[MD4_LEN], sha[SHA1_LEN], challenge[8];
	const struct part first[] = {
		{hash_hash, sizeof hash_hash}, {nt_response, MSCHAPV2_NT_LEN}, {magic1, sizeof magic1 - 1}};
	const struct part second[] = {{sha, sizeof sha}, {challenge, sizeof challenge}, {magic2, sizeof magic2 - 1}};
	bool ok = mschapv2_password_hash_hash(m, hash_hash) && mschapv2_challenge_hash(m, challenge) &&
		  crypto_sha1(m->crypto, first, 3, sha) && crypto_sha1(m->crypto, second, 3, out);
	OPENSSL_cleanse(hash_hash, sizeof hash_hash);
	return ok;
}

/* RFC 3079 3.4: the magic of GetAsymmetricStartKey says who sends with the key. */
bool
mschapv2_keys(const struct mschapv2 *m, const uint8_t nt_response[MSCHAPV2_NT_LEN], bool server, struct ppp_keys *keys)
{
	static const char master_magic[] = "This is the MPPE Master Key";
	static const char client_sends[] =
		"On the client side, this is the send key; on the server side, it is the receive key.";
	static const char server_sends[] =
		"On the client side, this is the receive key; on the server side, it is the send key.";
	uint8_t hash_hash[MD4_LEN], master[SHA1_LEN];
	const struct part in[] = {
		{hash_hash, sizeof hash_hash}, {nt_response, MSCHAPV2_NT_LEN}, {master_magic, sizeof master_magic - 1}};
	*keys = (struct ppp_keys){0};
	bool ok = mschapv2_password_hash_hash(m, hash_hash) && crypto_sha1(m->crypto, in, 3, master) &&
		  start_key(m->crypto, master, server ? server_sends : client_sends, keys->send) &&
		  start_key(m->crypto, master, server ? client_sends : server_sends, keys->recv);
	keys->len = ok ? sizeof keys->send : 0;
	OPENSSL_cleanse(hash_hash, sizeof hash_hash);
	OPENSSL_cleanse(master, sizeof master);
	return ok;
}

static bool
start_key(const struct ppp_crypto *c, const uint8_t master[16], const char *magic, uint8_t out[16])
{
	uint8_t pad1[40] = {0}, pad2[40], sha[SHA1_LEN];
	const struct part in[] = {{master, 16}, {pad1, sizeof pad1}, {magic, strlen(magic)}, {pad2, sizeof pad2}};
	memset(pad2, 0xf2, sizeof pad2);
	bool ok = crypto_sha1(c, in, 4, sha);
	memcpy(out, sha, 16);
	OPENSSL_cleanse(sha, sizeof sha);
	return ok;
}

bool
mschapv2_password_hash_hash(const struct mschapv2 *m, uint8_t out[MD4_LEN])
{
	uint8_t hash[MD4_LEN];
	bool ok = mschapv2_nt_password_hash(m, hash) && crypto_md4(m->crypto, hash, sizeof hash, out);
	OPENSSL_cleanse(hash, sizeof hash);
	return ok;
}

/* RFC 2759 8.2: "any domain name is removed". */
static const char *
bare_name(const char *name)
{
	const char *slash = strrchr(name, '\\');
	return slash ? slash + 1 : name;
}

/* RFC 2759 8.3 hashes UTF-16, least significant byte first.  Returns bytes written. */
static size_t
utf16le(const char *utf8, uint8_t *out, size_t units)
{
	const uint8_t *s = (const uint8_t *)utf8;
	size_t n = 0;
	while (*s) {
		uint32_t c = utf8_next(&s), pair[2] = {c, 0};
		unsigned count = c < 0x10000 ? 1 : 2;
		if (n + count > units)
			break;
		if (count == 2) {
			pair[0] = 0xd800 + ((c - 0x10000) >> 10);
			pair[1] = 0xdc00 + ((c - 0x10000) & 0x3ff);
		}
		for (unsigned i = 0; i < count; i++, n++) {
			out[2 * n] = (uint8_t)pair[i];
			out[2 * n + 1] = (uint8_t)(pair[i] >> 8);
		}
	}
	return 2 * n;
}

/* A byte that does not begin a well-formed sequence stands for itself, as in a Latin-1 file. */
static uint32_t
utf8_next(const uint8_t **s)
{
	const uint8_t *p = *s;
	unsigned more = p[0] >= 0xf0 && p[0] < 0xf5   ? 3
			: p[0] >= 0xe0 && p[0] < 0xf0 ? 2
			: p[0] >= 0xc2 && p[0] < 0xe0 ? 1
						      : 0;
	uint32_t c = more ? p[0] & (0x3fu >> more) : p[0];
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*s = p + 1;
			return p[0];
		}
		c = c << 6 | (p[i] & 0x3fu);
	}
	*s = p + 1 + more;
	return c;
}
