/* RFC 2759 9.2 and RFC 3079 3.5.3, with the digests under them (RFC 1320, 1321, 3174, FIPS 46). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ppp/mschapv2.h"
#include "ppp/ppp.h"

static struct ppp_crypto *crypto;

static const uint8_t auth_challenge[16] = {0x5b, 0x5d, 0x7c, 0x7d, 0x7b, 0x3f, 0x2f, 0x3e,
					   0x3c, 0x2c, 0x60, 0x21, 0x32, 0x26, 0x26, 0x28};
static const uint8_t peer_challenge[16] = {0x21, 0x40, 0x23, 0x24, 0x25, 0x5e, 0x26, 0x2a,
					   0x28, 0x29, 0x5f, 0x2b, 0x3a, 0x33, 0x7c, 0x7e};

static void
expect_hex(const uint8_t *is, const char *want)
{
	char buf[128];
	for (size_t i = 0; i < strlen(want) / 2; i++)
		snprintf(buf + 2 * i, 3, "%02X", is[i]);
	assert_string_equal(buf, want);
}

static struct mschapv2
user(const char *name)
{
	return (struct mschapv2){crypto, name, "clientPass", auth_challenge, peer_challenge};
}

static void
rfc2759(void **state)
{
	(void)state;
	const struct mschapv2 m = user("User");
	uint8_t hash[16], challenge[8], nt[24], proof[20];
	assert_true(mschapv2_nt_password_hash(&m, hash));
	expect_hex(hash, "44EBBA8D5312B8D611474411F56989AE");
	assert_true(mschapv2_challenge_hash(&m, challenge));
	expect_hex(challenge, "D02E4386BCE91226");
	assert_true(mschapv2_nt_response(&m, nt));
	expect_hex(nt, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF");
	assert_true(mschapv2_auth_response(&m, nt, proof));
	expect_hex(proof, "407A5589115FD0D6209F510FE9C04566932CDA56");
}

/* RFC 2759 8.2: the domain is no part of the hash. */
static void
domain(void **state)
{
	(void)state;
	const struct mschapv2 m = user("BIGCO\\User");
	uint8_t nt[24];
	assert_true(mschapv2_nt_response(&m, nt));
	expect_hex(nt, "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF");
}

static void
rfc3079(void **state)
{
	(void)state;
	const struct mschapv2 m = user("User");
	struct ppp_keys server, client;
	uint8_t nt[24];
	assert_true(mschapv2_nt_response(&m, nt));
	assert_true(mschapv2_keys(&m, nt, true, &server));
	assert_true(mschapv2_keys(&m, nt, false, &client));
	assert_int_equal(server.len, 16);
	expect_hex(server.send, "8B7CDC149B993A1BA118CB153F56DCCB");
	assert_memory_equal(server.send, client.recv, 16);
	assert_memory_equal(server.recv, client.send, 16);
	assert_memory_not_equal(server.send, server.recv, 16);
}

/* NT hashes of passwords outside ASCII: the same password as UTF-8 and as the Latin-1 byte that some files hold. */
static void
unicode(void **state)
{
	(void)state;
	uint8_t utf8[16], latin1[16], clef[16], cut[16], full[16];
	char longest[600];
	struct mschapv2 m = {crypto, "u", "caf\xc3\xa9", auth_challenge, peer_challenge};
	assert_true(mschapv2_nt_password_hash(&m, utf8));
	m.password = "caf\xe9";
	assert_true(mschapv2_nt_password_hash(&m, latin1));
	assert_memory_equal(utf8, latin1, 16);
	m.password = "\xf0\x9d\x84\x9e"; /* U+1D11E, a surrogate pair */
	assert_true(mschapv2_nt_password_hash(&m, clef));
	uint8_t want[16];
	assert_true(crypto_md4(crypto, "\x34\xd8\x1e\xdd", 4, want));
	assert_memory_equal(clef, want, 16);
	memset(longest, 'a', sizeof longest - 1);
	longest[599] = 0;
	m.password = longest;
	assert_true(mschapv2_nt_password_hash(&m, cut));
	longest[256] = 0;
	assert_true(mschapv2_nt_password_hash(&m, full));
	assert_memory_equal(cut, full, 16);
	m.password = "";
	assert_true(mschapv2_nt_password_hash(&m, full));
	expect_hex(full, "31D6CFE0D16AE931B73C59D7E0C089C0");
}

static void
digests(void **state)
{
	(void)state;
	uint8_t out[20];
	const struct part abc[] = {{"a", 1}, {"", 0}, {"bc", 2}};
	assert_true(crypto_md4(crypto, "abc", 3, out));
	expect_hex(out, "A448017AAF21D8525FC10AE87AA6729D");
	assert_true(crypto_md5(crypto, abc, 3, out));
	expect_hex(out, "900150983CD24FB0D6963F7D28E17F72");
	assert_true(crypto_sha1(crypto, abc, 3, out));
	expect_hex(out, "A9993E364706816ABA3E25717850C26C9CD0D89D");
	/* FIPS 81: "Now is t" under the key 0123456789abcdef, here without its parity bits */
	uint64_t key = 0;
	uint8_t key7[7];
	for (unsigned i = 0; i < 8; i++)
		key = key << 7 | (0x0123456789abcdefull >> (56 - 8 * i) & 0xff) >> 1;
	for (unsigned i = 0; i < 7; i++)
		key7[i] = (uint8_t)(key >> (48 - 8 * i));
	assert_true(crypto_des(crypto, key7, (const uint8_t *)"Now is t", out));
	expect_hex(out, "3FA40E8A984D4815");
	assert_true(crypto_equal("ab", "ab", 2));
	assert_false(crypto_equal("ab", "aB", 2));
}

/* ppp_auth_check takes the right answer and only that, each byte of it counting. */
static void
check(void **state)
{
	(void)state;
	uint8_t response[49] = {0};
	struct ppp_auth_result result = {.ok = true};
	struct ppp_auth_request req = {.serial = 7,
				       .method = PPP_AUTH_MSCHAPV2,
				       .name = "D\\User",
				       .challenge = auth_challenge,
				       .challenge_len = 16,
				       .response = response,
				       .response_len = 49};
	const struct mschapv2 m = user("User");
	memcpy(response, peer_challenge, 16);
	assert_true(mschapv2_nt_response(&m, response + 24));
	assert_true(ppp_auth_check(crypto, &req, "clientPass", &result));
	assert_int_equal(result.serial, 7);
	assert_int_equal(result.keys.len, 16);
	expect_hex(result.auth_response, "407A5589115FD0D6209F510FE9C04566932CDA56");
	assert_false(ppp_auth_check(crypto, &req, "clientpass", &result));
	assert_int_equal(result.keys.len, 0);
	for (unsigned i = 24; i < 48; i++) {
		response[i] ^= 1;
		assert_false(ppp_auth_check(crypto, &req, "clientPass", &result));
		response[i] ^= 1;
	}
	req.response_len = 48;
	assert_false(ppp_auth_check(crypto, &req, "clientPass", &result));
}

/* RFC 1994 4.1 by hand: MD5 of 01, "abc" and the challenge "xyz". */
static void
check_md5(void **state)
{
	(void)state;
	uint8_t want[16];
	struct ppp_auth_result result = {.ok = false};
	assert_true(crypto_md5(crypto,
			       &(struct part){"\x01"
					      "abcxyz",
					      7},
			       1, want));
	struct ppp_auth_request req = {.method = PPP_AUTH_CHAP_MD5,
				       .id = 1,
				       .name = "u",
				       .challenge = (const uint8_t *)"xyz",
				       .challenge_len = 3,
				       .response = want,
				       .response_len = 16};
	assert_true(ppp_auth_check(crypto, &req, "abc", &result));
	assert_false(ppp_auth_check(crypto, &req, "abd", &result));
	req.id = 2;
	assert_false(ppp_auth_check(crypto, &req, "abc", &result));
	req.id = 1;
	req.response_len = 15;
	assert_false(ppp_auth_check(crypto, &req, "abc", &result));
}

static int
load(void **state)
{
	(void)state;
	const char *why;
	crypto = ppp_crypto_new(&why);
	return crypto ? 0 : -1;
}

static int
unload(void **state)
{
	(void)state;
	ppp_crypto_free(crypto);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests),   cmocka_unit_test(rfc2759), cmocka_unit_test(domain),
		cmocka_unit_test(rfc3079),   cmocka_unit_test(unicode), cmocka_unit_test(check),
		cmocka_unit_test(check_md5),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
