/* binding_test.c - the crypto binding, against what other implementations have made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sstp/binding.h"

static void
hex(uint8_t *out, const char *text)
{
	for (unsigned v; sscanf(text, "%2x", &v) == 1; text += 2)
		*out++ = (uint8_t)v;
}

struct vector {
	uint8_t nonce[32], hlak[32], sha1[20], sha256[32];
	struct sstp_binding b;
};

static void
vector_init(struct vector *v, uint8_t hashes)
{
	v->b = (struct sstp_binding){v->nonce, v->hlak, v->sha1, v->sha256, hashes};
}

/* From a session of sstp-client 1.0.18 with accel-ppp: user alice, MS-CHAPv2, SHA-256. */
static void
sstpc_sha256(void **state)
{
	struct vector v = {0};
	uint8_t msg[SSTP_CONNECTED_LEN], mac[32];
	(void)state;
	hex(v.nonce, "8a4a4da77ac80ac744a6b6dd2c0f81203566edf5e48c39617a35589aed4c7cf5");
	hex(v.hlak, "a2e23a653a11f3677f12712af1cfc016a77f99502bc60d84538deeaccb8ca6f4");
	hex(v.sha256, "cc56bbd0aa44f8d5aa16140bda50e08247ff4a6552f84cf1fc24a3a2520dfb72");
	hex(mac, "8f181c55e2f3917e72932daebe3a78fff05b387b9b4d0141effd1899aa2a0285");
	vector_init(&v, SSTP_HASH_SHA1 | SSTP_HASH_SHA256);
	assert_true(sstp_binding_make(&v.b, msg));
	assert_memory_equal(msg + SSTP_CONNECTED_MAC_AT, mac, 32);
	assert_int_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_OK);
}

/* Every octet counts, with either hash: header and attribute header too, which the MAC covers. */
static void
any_octet(void **state)
{
	struct vector v = {0};
	uint8_t msg[SSTP_CONNECTED_LEN];
	(void)state;
	for (unsigned hash = SSTP_HASH_SHA1; hash <= SSTP_HASH_SHA256; hash++) {
		memset(v.nonce, 1, 32);
		memset(v.hlak, 2, 32);
		memset(v.sha1, 3, 20);
		memset(v.sha256, 4, 32);
		vector_init(&v, (uint8_t)hash);
		assert_true(sstp_binding_make(&v.b, msg));
		assert_int_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_OK);
		for (unsigned i = 0; i < sizeof msg; i++) {
			msg[i] ^= 0x80;
			assert_int_not_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_OK);
			msg[i] ^= 0x80;
		}
	}
}

static void
verdicts(void **state)
{
	struct vector v = {0};
	uint8_t msg[SSTP_CONNECTED_LEN];
	(void)state;
	vector_init(&v, SSTP_HASH_SHA256);
	assert_true(sstp_binding_make(&v.b, msg));
	v.hlak[31] ^= 1;
	assert_int_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_MAC);
	v.sha256[0] ^= 1;
	assert_int_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_CERT);
	v.nonce[0] ^= 1;
	assert_int_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_NONCE);
	vector_init(&v, SSTP_HASH_SHA1);
	assert_int_equal(sstp_binding_check(&v.b, msg), SSTP_BINDING_HASH);
}

/* A SHA-1 leaves the last 12 octets of both fields zero; others are refused. */
static void
sha1_padding(void **state)
{
	struct vector v = {0};
	uint8_t msg[SSTP_CONNECTED_LEN];
	static const uint8_t zeros[12];
	(void)state;
	memset(v.sha1, 7, 20);
	vector_init(&v, SSTP_HASH_SHA1);
	assert_true(sstp_binding_make(&v.b, msg));
	assert_memory_equal(msg + SSTP_CONNECTED_MAC_AT - 12, zeros, 12);
	assert_memory_equal(msg + SSTP_CONNECTED_LEN - 12, zeros, 12);
}

static void
both_sides_agree(void **state)
{
	struct ppp_keys server = {.len = 16}, client = {.len = 16}, none = {.len = 0};
	uint8_t a[SSTP_HLAK_LEN], b[SSTP_HLAK_LEN];
	static const uint8_t zeros[SSTP_HLAK_LEN];
	(void)state;
	memset(server.send, 1, 16);
	memset(server.recv, 2, 16);
	memset(client.send, 2, 16);
	memset(client.recv, 1, 16);
	sstp_hlak(a, &server, true);
	sstp_hlak(b, &client, false);
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(a[0], 2); /* what the client sends with comes first */
	assert_int_equal(a[31], 1);
	sstp_hlak(a, &none, true);
	assert_memory_equal(a, zeros, sizeof a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sstpc_sha256), cmocka_unit_test(any_octet),        cmocka_unit_test(verdicts),
		cmocka_unit_test(sha1_padding), cmocka_unit_test(both_sides_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
