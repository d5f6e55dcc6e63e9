/* RC4 and the session keys of MPPE: RFC 6229, RFC 3079 2.5 and 3.5, and lanes against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mppe_key.h"

static unsigned
unhex(const char *s, uint8_t *out)
{
	unsigned n = 0;
	for (unsigned byte; sscanf(s, "%2x", &byte) == 1; s += 2)
		out[n++] = (uint8_t)byte;
	return n;
}

static void
expect(const uint8_t *is, const char *want)
{
	uint8_t w[64];
	unsigned n = unhex(want, w);
	assert_memory_equal(is, w, n);
}

/* RFC 6229 2: key streams. */
static void
streams(void **state)
{
	static const char *const rows[][2] = {
		{"0102030405060708", "97ab8a1bf0afb96132f2f67258da15a8"},
		{"0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b97"},
		{"ebb46227c6cc8b37641910833222772a", "720c94b63edf44e131d950ca211a5a30"},
	};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint8_t key[16], p[16] = {0};
		struct rc4 box;
		unsigned len = unhex(rows[i][0], key);
		struct rc4_lane l = {&box, key, p, sizeof p};
		rc4_init(&l, 1, len);
		rc4_crypt(&l, 1);
		expect(p, rows[i][1]);
	}
}

/* What n streams of any lengths make together is what each makes alone, also in pieces. */
static void
lanes(void **state)
{
	(void)state;
	srand(3);
	for (unsigned round = 0; round < 2000; round++) {
		uint8_t key[RC4_LANES][16], text[RC4_LANES][600], alone[RC4_LANES][600];
		struct rc4 box[RC4_LANES], one;
		struct rc4_lane l[RC4_LANES];
		unsigned n = 1 + (unsigned)rand() % RC4_LANES, key_len = rand() % 2 ? 8 : 16;
		for (unsigned k = 0; k < n; k++) {
			for (unsigned i = 0; i < 16; i++)
				key[k][i] = (uint8_t)rand();
			memset(text[k], (int)k, sizeof text[k]);
			memset(alone[k], (int)k, sizeof alone[k]);
			l[k] = (struct rc4_lane){&box[k], key[k], text[k], (uint32_t)rand() % 300};
		}
		rc4_init(l, n, key_len);
		rc4_crypt(l, n);
		for (unsigned k = 0; k < n; k++)
			l[k].p += l[k].len;
		rc4_crypt(l, n);
		for (unsigned k = 0; k < n; k++) {
			struct rc4_lane a = {&one, key[k], alone[k], 2 * l[k].len};
			rc4_init(&a, 1, key_len);
			rc4_crypt(&a, 1);
			assert_memory_equal(text[k], alone[k], sizeof alone[k]);
		}
	}
}

/* RFC 3079 2.5 and 3.5: the first session key, "test message" under it, and the two keys that follow, which the RFC does
 * not have: they are another implementation's. */
static const struct row {
	unsigned bits;
	const char *start, *session, *message, *next, *after;
} rows[] = {
	{40, "8b7cdc149b993a1b", "d1269ec49fa62e3e", "929137917e5803d668d75898", "d1269ece4d98d181",
	 "d1269edeefbd8aff"},
	{56, "8b7cdc149b993a1b", "d15c00c49fa62e3e", "3f106833fa448da842bc57b8", "d16182a2ab481407",
	 "d178cc274f63faf1"},
	{128, "8b7cdc149b993a1ba118cb153f56dccb", "405cb2247a7956e6e211007ae27b22d4", "81848317df68846272fb5abe",
	 "726f10500e2b54135b1b74d7682f0471", "2805bc7869bec825573a7803e95a3acd"},
	{40, "76a152936096d783", "d1269e538cec4a08", "0972e76039e5107985567642", "d1269e90012b8d2a",
	 "d1269edf3d1acf78"},
	{56, "76a152936096d783", "d10801538cec4a08", "1cc6bf0bbd3d9b21cf877a6b", "d1b8dbfa4ae6f993",
	 "d1c9cb03124bab25"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static void
session_keys(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];
		struct mppe_key k, *one = &k;
		uint8_t start[16], text[12];
		unhex(r->start, start);
		mppe_key_init(&k, start, r->bits, true);
		expect(k.session, r->session);
		assert_int_equal(k.len, r->bits == 128 ? 16 : 8);
		memcpy(text, "test message", 12);
		rc4_crypt(&(struct rc4_lane){.box = &k.box, .p = text, .len = 12}, 1);
		expect(text, r->message);
		mppe_key_change(&one, 1);
		expect(k.session, r->next);
		mppe_key_change(&one, 1);
		expect(k.session, r->after);
	}
}

/* Four at once, of both lengths. */
static void
session_keys_together(void **state)
{
	struct mppe_key k[RC4_LANES], *all[RC4_LANES];
	uint8_t start[16];
	(void)state;
	for (unsigned first = 0; first <= ROWS - RC4_LANES; first++) {
		for (unsigned i = 0; i < RC4_LANES; i++) {
			unhex(rows[first + i].start, start);
			mppe_key_init(&k[i], start, rows[first + i].bits, true);
			all[i] = &k[i];
		}
		mppe_key_change(all, RC4_LANES);
		for (unsigned i = 0; i < RC4_LANES; i++)
			expect(k[i].session, rows[first + i].next);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(lanes),
		cmocka_unit_test(session_keys),
		cmocka_unit_test(session_keys_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
