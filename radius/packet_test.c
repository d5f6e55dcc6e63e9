/* packet_test.c - the codec against packets made by hand: tests of structure, types, secrets, the dictionary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <radius/dict.h>

#include "secret.h"

static uint8_t packet[8192];
static struct wr w;

static void
begin(uint8_t code)
{
	memset(packet, 0, sizeof packet);
	w = wr_init(packet, RADIUS_PACKET_MAX);
	wr_u8(&w, code);
	wr_u8(&w, 7);
	(void)wr_room(&w, RADIUS_HEADER - 2);
}

static enum radius_err
check(size_t n, struct radius_view *v)
{
	uint8_t *exact = calloc(1, n ? n : 1); /* so that a sanitizer sees a read behind it */
	memcpy(exact, packet, n);
	enum radius_err e = radius_check(exact, n, v);
	free(exact);
	return e;
}

static void
raw(uint8_t type, uint8_t len, size_t bytes)
{
	wr_u8(&w, type);
	wr_u8(&w, len);
	(void)wr_room(&w, bytes);
}

static void
finish(void)
{
	put_be16(packet + 2, (uint16_t)wr_len(&w));
}

/* 15 */
static void
malformed_packets_are_refused(void **state)
{
	struct radius_view v;
	(void)state;
	begin(2);
	finish();
	assert_int_equal(check(0, &v), RADIUS_SHORT);
	assert_int_equal(check(1, &v), RADIUS_SHORT);
	assert_int_equal(check(19, &v), RADIUS_SHORT);
	assert_int_equal(check(20, &v), RADIUS_OK);
	assert_int_equal(check(27, &v), RADIUS_OK); /* padding behind it */
	assert_int_equal(v.len, 20);
	put_be16(packet + 2, 19);
	assert_int_equal(check(20, &v), RADIUS_LENGTH);
	put_be16(packet + 2, 21);
	assert_int_equal(check(20, &v), RADIUS_LENGTH);
	put_be16(packet + 2, 4097);
	assert_int_equal(check(4097, &v), RADIUS_LENGTH);
	static const struct {
		uint8_t type, len, bytes;
	} bad[] = {{18, 0, 2}, {18, 1, 2}, {18, 5, 2}, {0, 4, 2}, {18, 255, 10}};
	for (unsigned i = 0; i < 5; i++) {
		begin(2);
		raw(bad[i].type, bad[i].len, bad[i].bytes);
		finish();
		assert_int_equal(check(wr_len(&w), &v), RADIUS_ATTRIBUTE);
	}
	begin(2);
	raw(18, 3, 1);
	wr_u8(&w, 18); /* half an attribute header */
	finish();
	assert_int_equal(check(wr_len(&w), &v), RADIUS_ATTRIBUTE);
}

/* 14 */
static void
two_signatures_or_one_of_17_bytes_are_refused(void **state)
{
	struct radius_view v;
	(void)state;
	begin(2);
	raw(RADIUS_MESSAGE_AUTHENTICATOR, 18, 16);
	finish();
	assert_int_equal(check(wr_len(&w), &v), RADIUS_OK);
	assert_int_equal(v.ma, 22);
	raw(RADIUS_MESSAGE_AUTHENTICATOR, 18, 16);
	finish();
	assert_int_equal(check(wr_len(&w), &v), RADIUS_TWO_SIGNATURES);
	begin(2);
	raw(RADIUS_MESSAGE_AUTHENTICATOR, 19, 17);
	finish();
	assert_int_equal(check(wr_len(&w), &v), RADIUS_TWO_SIGNATURES);
}

/* RFC 2865 7.1: User-Password "arctangent", secret "xyzzy5461". */
static void
the_example_of_rfc_2865(void **state)
{
	static const uint8_t authenticator[] = {0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57,
						0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a};
	static const uint8_t hidden[] = {0x0d, 0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce,
					 0x31, 0x96, 0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee};
	static const uint8_t accept[] = {0x02, 0x00, 0x00, 0x26, 0x86, 0xfe, 0x22, 0x0e, 0x76, 0x24, 0xba, 0x2a, 0x10,
					 0x05, 0xf6, 0xbf, 0x9b, 0x55, 0xe0, 0xb2, 0x06, 0x06, 0x00, 0x00, 0x00, 0x01,
					 0x0f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x0e, 0x06, 0xc0, 0xa8, 0x01, 0x03};
	uint8_t out[RADIUS_PASSWORD_MAX];
	struct radius_view v;
	(void)state;
	assert_int_equal(radius_hide(out, "arctangent", 10, "xyzzy5461", authenticator), 16);
	assert_memory_equal(out, hidden, 16);
	memcpy(packet, accept, sizeof accept);
	assert_int_equal(radius_check(packet, sizeof accept, &v), RADIUS_OK);
	assert_int_equal(radius_verify_reply(packet, &v, "xyzzy5461", authenticator), RADIUS_OK);
	assert_int_equal(radius_verify_reply(packet, &v, "xyzzy5462", authenticator), RADIUS_AUTHENTICATOR_WRONG);
	packet[37] ^= 1;
	assert_int_equal(radius_verify_reply(packet, &v, "xyzzy5461", authenticator), RADIUS_AUTHENTICATOR_WRONG);
}

/* 2: every length is hidden so that it is shown again. */
static void
passwords_of_every_length(void **state)
{
	uint8_t authenticator[16] = {1, 2, 3}, out[RADIUS_PASSWORD_MAX];
	char password[RADIUS_PASSWORD_MAX + 1];
	(void)state;
	memset(password, 'x', sizeof password);
	for (size_t n = 0; n <= RADIUS_PASSWORD_MAX; n++) {
		size_t len = radius_hide(out, password, n, "secret", authenticator);
		assert_int_equal(len, n ? (n + 15) / 16 * 16 : 16);
		secret_show(&(struct secret_cipher){"secret", authenticator, NULL, 0}, out, len);
		assert_memory_equal(out, password, n);
		for (size_t i = n; i < len; i++)
			assert_int_equal(out[i], 0);
	}
}

static void
a_wrong_signature_is_seen_behind_a_right_authenticator(void **state)
{
	uint8_t authenticator[16] = {9};
	struct radius_view v;
	(void)state;
	begin(2);
	radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, authenticator, 16);
	radius_put_text(&w, RADIUS_REPLY_MESSAGE, "hello");
	radius_sign_reply(packet, wr_len(&w), 22, "secret", authenticator);
	assert_int_equal(radius_check(packet, wr_len(&w), &v), RADIUS_OK);
	assert_int_equal(radius_verify_reply(packet, &v, "secret", authenticator), RADIUS_OK);
	/* signed with another secret, hashed with the right one */
	radius_sign_reply(packet, wr_len(&w), 22, "other", authenticator);
	radius_sign_reply(packet, wr_len(&w), 0, "secret", authenticator);
	assert_int_equal(radius_verify_reply(packet, &v, "secret", authenticator), RADIUS_SIGNATURE);
}

/* 16 */
static void
values_of_a_wrong_form_are_none(void **state)
{
	static const uint8_t bytes[20] = {1, 2, 3, 4};
	struct radius_attr a = {.value = bytes};
	uint32_t v = 77;
	struct addr ip6;
	struct prefix p;
	(void)state;
	for (a.len = 0; a.len < 20; a.len++) {
		assert_int_equal(radius_get_u32(&a, &v), a.len == 4);
		assert_int_equal(radius_get_ip4(&a, &v), a.len == 4);
		assert_int_equal(radius_get_ip6(&a, &ip6), a.len == 16);
	}
	static const struct {
		uint8_t value[18];
		uint8_t len;
		bool ok;
	} prefixes[] = {
		{{0, 64, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1}, 10, true},
		{{0, 64, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1}, 18, true}, /* with the zeros behind it */
		{{0, 255, 0x20, 1}, 18, false},
		{{0, 129, 0x20, 1}, 18, false},
		{{0, 64, 0x20, 1, 0xd, 0xb8}, 6, false},              /* too few bytes */
		{{0, 60, 0x20, 1, 0xd, 0xb8, 0, 1, 0, 1}, 10, false}, /* host bits */
		{{0}, 1, false},
		{{0, 0}, 2, true},
	};
	for (unsigned i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		a = (struct radius_attr){.value = prefixes[i].value, .len = prefixes[i].len};
		assert_int_equal(radius_get_prefix(&a, &p), prefixes[i].ok);
	}
}

static void
texts_are_clean(void **state)
{
	char out[8];
	(void)state;
	static const struct {
		const char *value;
		uint8_t len;
		bool ok;
	} texts[] = {{"pool", 4, true}, {"pool\0", 5, true}, {"po\0ol", 5, false}, {"", 0, false},
		     {"\0", 1, false},  {"a\nb", 3, false},  {"1234567", 7, true}, {"12345678", 8, false}};
	for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct radius_attr a = {.value = (const uint8_t *)texts[i].value, .len = texts[i].len};
		assert_int_equal(radius_get_text(&a, out, sizeof out), texts[i].ok);
	}
}

/* 17 */
static void
vendor_attributes_are_walked_into(void **state)
{
	struct radius_attr a;
	struct radius_view v;
	static const uint8_t two[] = {0, 0, 1, 0x37, 28, 6, 192, 0, 2, 1, 29, 6, 192, 0, 2, 2};
	static const uint8_t overrun[] = {0, 0, 1, 0x37, 28, 6, 192, 0, 2, 1, 29, 7, 192, 0, 2, 2};
	static const uint8_t huge_vendor[] = {0xff, 0, 1, 0x37, 28, 6, 192, 0, 2, 1};
	(void)state;
	begin(2);
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, two, sizeof two);
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, two, 3); /* no room for a vendor */
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, overrun, sizeof overrun);
	radius_put(&w, RADIUS_VENDOR_SPECIFIC, huge_vendor, sizeof huge_vendor);
	radius_put(&w, 70000u << 8 | 5, "x", 1);
	radius_put(&w, 241, "extended", 8);
	finish();
	assert_int_equal(radius_check(packet, wr_len(&w), &v), RADIUS_OK);
	struct radius_walk walk = radius_walk_init(packet, &v);
	assert_int_equal(radius_next(&walk, &a), RADIUS_FOUND);
	assert_int_equal(a.id, RADIUS_MS_PRIMARY_DNS);
	assert_int_equal(radius_next(&walk, &a), RADIUS_FOUND);
	assert_int_equal(a.id, RADIUS_MS_SECONDARY_DNS);
	assert_int_equal(radius_next(&walk, &a), RADIUS_BROKEN);
	assert_int_equal(radius_next(&walk, &a), RADIUS_FOUND);
	assert_int_equal(radius_next(&walk, &a), RADIUS_BROKEN);
	assert_int_equal(a.id, 311 << 8);
	assert_int_equal(radius_next(&walk, &a), RADIUS_BROKEN);
	assert_int_equal(radius_next(&walk, &a), RADIUS_FOUND);
	assert_int_equal(a.id, 70000u << 8 | 5);
	assert_int_equal(radius_next(&walk, &a), RADIUS_FOUND);
	assert_int_equal(a.id, 241);
	assert_int_equal(radius_next(&walk, &a), RADIUS_END);
}

static void
two_thousand_empty_attributes(void **state)
{
	struct radius_view v;
	struct radius_attr a;
	unsigned n = 0;
	(void)state;
	begin(2);
	for (unsigned i = 0; i < 2000; i++)
		raw(18, 2, 0);
	finish();
	assert_int_equal(radius_check(packet, wr_len(&w), &v), RADIUS_OK);
	struct radius_walk walk = radius_walk_init(packet, &v);
	while (radius_next(&walk, &a) == RADIUS_FOUND)
		n++;
	assert_int_equal(n, 2000);
}

/* 18 */
static void
what_does_not_fit_is_not_put(void **state)
{
	uint8_t value[300] = {0};
	(void)state;
	begin(1);
	for (unsigned i = 0; i < 15; i++)
		radius_put(&w, RADIUS_CLASS, value, 253);
	assert_false(w.bad);
	for (unsigned i = 0; i < 2; i++)
		radius_put(&w, RADIUS_CLASS, value, 253);
	assert_true(w.bad);
	begin(1);
	radius_put(&w, RADIUS_CLASS, value, 254);
	assert_true(w.bad);
	begin(1);
	radius_put(&w, RADIUS_CISCO_AVPAIR, value, 248);
	assert_true(w.bad);
	begin(1);
	radius_put(&w, RADIUS_CISCO_AVPAIR, value, 247);
	assert_false(w.bad);
	assert_int_equal(wr_len(&w), 20 + 255);
}

/* 19 */
static void
long_values_are_split_and_joined(void **state)
{
	uint8_t eap[353], back[400];
	struct radius_view v;
	(void)state;
	for (unsigned i = 0; i < sizeof eap; i++)
		eap[i] = (uint8_t)i;
	begin(1);
	radius_put_long(&w, RADIUS_EAP_MESSAGE, eap, sizeof eap);
	finish();
	assert_int_equal(radius_check(packet, wr_len(&w), &v), RADIUS_OK);
	assert_int_equal(v.len, 20 + 255 + 102);
	assert_int_equal(radius_get_long(radius_walk_init(packet, &v), RADIUS_EAP_MESSAGE, back, sizeof back), 353);
	assert_memory_equal(back, eap, sizeof eap);
	assert_int_equal(radius_get_long(radius_walk_init(packet, &v), RADIUS_EAP_MESSAGE, back, 352), 0);
}

/* RFC 2548 2.4.2: hidden by us, shown by us; the cipher itself is held to FreeRADIUS in freeradius_test.c. */
static void
mppe_keys_of_wrong_form_are_none(void **state)
{
	uint8_t authenticator[16] = {5},
		value[52] = {0x80, 1, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	uint8_t key[32];
	struct radius_attr a = {.value = value, .len = 34};
	(void)state;
	secret_hide(&(struct secret_cipher){"secret", authenticator, value, 2}, value + 2, 32);
	assert_int_equal(radius_get_mppe(&a, "secret", authenticator, key), 16);
	assert_int_equal(key[0], 1);
	assert_int_equal(key[15], 16);
	for (a.len = 0; a.len < 52; a.len++)
		if (a.len != 34 && a.len != 18 && a.len != 50)
			assert_int_equal(radius_get_mppe(&a, "secret", authenticator, key), 0);
	a.len = 34;
	value[0] = 0;
	assert_int_equal(radius_get_mppe(&a, "secret", authenticator, key), 0);
}

static void
the_dictionary_and_the_list_agree(void **state)
{
	char err[256];
	struct radius_dict *d = radius_dict_new(NULL, 0, err, sizeof err);
	(void)state;
	assert_non_null(d);
	static const struct {
		uint32_t id;
		const char *name;
	} rows[] = {
#define RADIUS_ATTR(name, vendor, type, text) {RADIUS_##name, text},
#include <radius/attr.def>
#undef RADIUS_ATTR
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(radius_dict_find(d, rows[i].name), rows[i].id);
		assert_string_equal(radius_dict_name(d, rows[i].id), rows[i].name);
	}
	assert_int_equal(radius_dict_find(d, "No-Such-Attribute"), 0);
	assert_int_equal(radius_dict_vendor(d, "Cisco"), 9);
	assert_int_equal(radius_dict_vendor(d, "Nobody"), 0);
	radius_dict_free(d);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
dictionaries_are_added(void **state)
{
	char err[256], path[] = "/tmp/radius_dict_XXXXXX", text[300];
	const char *files[] = {path};
	(void)state;
	close(mkstemp(path));
	write_file(path, "# comment\nVENDOR Example 4711\nBEGIN-VENDOR "
			 "Example\nATTRIBUTE\tExample-Speed\t0x11\toctets[4] has_tag\n"
			 "END-VENDOR Example\nATTRIBUTE Far-Away 241.3 string\n");
	struct radius_dict *d = radius_dict_new(files, 1, err, sizeof err);
	assert_non_null(d);
	assert_int_equal(radius_dict_find(d, "Example-Speed"), 4711 << 8 | 0x11);
	assert_int_equal(radius_dict_vendor(d, "Example"), 4711);
	radius_dict_free(d);
	write_file(path, "ATTRIBUTE Good 200 string\nATTRIBUTE Bad 201 colour\n");
	assert_null(radius_dict_new(files, 1, err, sizeof err));
	snprintf(text, sizeof text, "%s:2: \"ATTRIBUTE\" is not understood, type colour", path);
	assert_string_equal(err, text);
	unlink(path);
	assert_null(radius_dict_new(files, 1, err, sizeof err));
	snprintf(text, sizeof text, "%s: No such file or directory", path);
	assert_string_equal(err, text);
}

static void
attributes_are_printed(void **state)
{
	char err[256], out[256];
	struct radius_dict *d = radius_dict_new(NULL, 0, err, sizeof err);
	(void)state;
	static const struct {
		struct radius_attr a;
		const char *text;
	} rows[] = {
		{{RADIUS_SESSION_TIMEOUT, 4, (const uint8_t *)"\0\0\x0e\x10"}, "Session-Timeout=3600"},
		{{RADIUS_SESSION_TIMEOUT, 3, (const uint8_t *)"\0\0\x0e"}, "Session-Timeout=0x00000e"},
		{{RADIUS_FRAMED_IP_ADDRESS, 4, (const uint8_t *)"\x0a\x4e\1\2"}, "Framed-IP-Address=10.78.1.2"},
		{{RADIUS_ACCT_STATUS_TYPE, 4, (const uint8_t *)"\0\0\0\1"}, "Acct-Status-Type=Start"},
		{{RADIUS_CLASS, 2, (const uint8_t *)"\1\2"}, "Class=0x0102"},
		{{RADIUS_USER_NAME, 3, (const uint8_t *)"bob"}, "User-Name=bob"},
		{{RADIUS_MS_CHAP2_RESPONSE, 3, (const uint8_t *)"bob"}, "MS-CHAP2-Response=***"},
		{{RADIUS_MS_PRIMARY_DNS, 4, (const uint8_t *)"\x0a\x4e\1\2"}, "MS-Primary-DNS-Server=10.78.1.2"},
		{{70000u << 8 | 3, 1, (const uint8_t *)"\1"}, "Vendor-70000-3=0x01"},
		{{241, 1, (const uint8_t *)"\1"}, "Attr-241=0x01"},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(radius_dict_print(d, &rows[i].a, out, sizeof out), rows[i].text);
	static const struct {
		struct radius_attr a;
		const char *text;
	} detail[] = {
		{{RADIUS_SESSION_TIMEOUT, 4, (const uint8_t *)"\0\0\x0e\x10"}, "Session-Timeout = 3600"},
		{{RADIUS_USER_NAME, 4, (const uint8_t *)"b\"\\b"}, "User-Name = \"b\\\"\\\\b\""},
		{{RADIUS_CLASS, 2, (const uint8_t *)"\1\2"}, "Class = 0x0102"},
		{{RADIUS_FRAMED_IP_ADDRESS, 4, (const uint8_t *)"\x0a\x4e\1\2"}, "Framed-IP-Address = 10.78.1.2"},
	};
	for (unsigned i = 0; i < sizeof detail / sizeof *detail; i++)
		assert_string_equal(radius_dict_detail(d, &detail[i].a, out, sizeof out), detail[i].text);
	radius_dict_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_packets_are_refused),
		cmocka_unit_test(two_signatures_or_one_of_17_bytes_are_refused),
		cmocka_unit_test(the_example_of_rfc_2865),
		cmocka_unit_test(passwords_of_every_length),
		cmocka_unit_test(a_wrong_signature_is_seen_behind_a_right_authenticator),
		cmocka_unit_test(values_of_a_wrong_form_are_none),
		cmocka_unit_test(texts_are_clean),
		cmocka_unit_test(vendor_attributes_are_walked_into),
		cmocka_unit_test(two_thousand_empty_attributes),
		cmocka_unit_test(what_does_not_fit_is_not_put),
		cmocka_unit_test(long_values_are_split_and_joined),
		cmocka_unit_test(mppe_keys_of_wrong_form_are_none),
		cmocka_unit_test(the_dictionary_and_the_list_agree),
		cmocka_unit_test(dictionaries_are_added),
		cmocka_unit_test(attributes_are_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
