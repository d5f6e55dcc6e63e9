/* msg_test.c - control messages: real ones, and every way in which one can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sstp/msg.h"

static struct sstp_fault
parse(const char *bytes, size_t n, struct sstp_msg *m)
{
	return sstp_msg_parse((const uint8_t *)bytes, n, m);
}

#define PARSE(bytes, m) parse(bytes, sizeof(bytes) - 1, m)

/* sstp-client's request, and the answer that it takes. */
static void
real_ones(void **state)
{
	static const char request[] = "\x10\x01\x00\x0e\x00\x01\x00\x01\x00\x01\x00\x06\x00\x01";
	static const uint8_t nonce[SSTP_NONCE_LEN] = {1, 2, 3};
	uint8_t out[SSTP_MESSAGE_MAX];
	struct sstp_msg m;
	(void)state;
	assert_int_equal(PARSE(request, &m).status, 0);
	assert_int_equal(m.type, SSTP_MSG_CALL_CONNECT_REQUEST);
	assert_int_equal(m.protocol, SSTP_PROTOCOL_PPP);
	assert_int_equal(sstp_build_request(out, 1), sizeof request - 1);
	assert_memory_equal(out, request, sizeof request - 1);
	size_t n = sstp_build_ack(out, 3, nonce);
	assert_int_equal(n, 0x30);
	assert_memory_equal(out, "\x10\x01\x00\x30\x00\x02\x00\x01\x00\x04\x00\x28\x00\x00\x00\x03\x01\x02\x03", 19);
	assert_int_equal(sstp_msg_parse(out, n, &m).status, 0);
	assert_int_equal(m.hash, 3);
	assert_memory_equal(m.nonce, nonce, sizeof nonce);
}

static void
all_built(void **state)
{
	static const uint8_t zero[32];
	uint8_t out[SSTP_MESSAGE_MAX];
	struct sstp_msg m;
	(void)state;
	for (unsigned type = SSTP_MSG_CALL_ABORT; type <= SSTP_MSG_CALL_DISCONNECT; type++) {
		size_t n = sstp_build_status(out, type, (struct sstp_fault){SSTP_STATUS_NEGOTIATION_TIMEOUT, 3});
		assert_int_equal(sstp_msg_parse(out, n, &m).status, 0);
		assert_int_equal(m.told.status, 8);
		assert_int_equal(m.told.attr, 3);
		n = sstp_build_status(out, type, (struct sstp_fault){0});
		assert_int_equal(n, SSTP_CONTROL_MIN);
		assert_int_equal(sstp_msg_parse(out, n, &m).status, 0);
		assert_int_equal(m.told.status, 0);
	}
	for (unsigned type = SSTP_MSG_CALL_DISCONNECT_ACK; type <= SSTP_MSG_ECHO_RESPONSE; type++)
		assert_int_equal(sstp_msg_parse(out, sstp_build_plain(out, type), &m).status, 0);
	assert_int_equal(sstp_build_connected(out, SSTP_HASH_SHA256, zero, zero), 0x70);
	assert_int_equal(sstp_msg_parse(out, 0x70, &m).status, 0);
	assert_ptr_equal(m.mac, out + SSTP_CONNECTED_MAC_AT);
}

static void
wrong(void **state)
{
	struct sstp_msg m;
	struct sstp_fault f;
	(void)state;
	/* the packet itself */
	assert_int_equal(PARSE("", &m).status, 7);
	assert_int_equal(PARSE("\x20\x01\x00\x08\x00\x08\x00\x00", &m).status, 7);
	assert_int_equal(PARSE("\x10\x00\x00\x08\x00\x08\x00\x00", &m).status, 7);
	assert_int_equal(PARSE("\x10\x01\x00\x09\x00\x08\x00\x00", &m).status, 7);
	assert_int_equal(PARSE("\x10\x01\x00\x00\x00\x08\x00\x00", &m).status, 7);
	/* an unknown message */
	assert_int_equal(PARSE("\x10\x01\x00\x08\x00\x0a\x00\x00", &m).status, 5);
	assert_int_equal(PARSE("\x10\x01\x00\x08\x00\x00\x00\x00", &m).status, 5);
	/* more bytes than attributes, more attributes than bytes */
	assert_int_equal(PARSE("\x10\x01\x00\x09\x00\x08\x00\x00x", &m).status, 7);
	assert_int_equal(PARSE("\x10\x01\x00\x08\x00\x08\x00\x01", &m).status, 7);
	assert_int_equal(PARSE("\x10\x01\x00\x0c\x00\x05\xff\xff\x00\x02\x00\x03", &m).status, 7);
	assert_int_equal(PARSE("\x10\x01\x00\x0c\x00\x05\x00\x01\x00\x02\x00\x00", &m).status, 7);
	/* the attribute */
	f = PARSE("\x10\x01\x00\x0c\x00\x05\x00\x01\x00\x09\x00\x04", &m);
	assert_int_equal(f.status, SSTP_STATUS_UNRECOGNIZED_ATTRIBUTE);
	assert_int_equal(f.attr, 9);
	f = PARSE("\x10\x01\x00\x14\x00\x01\x00\x02\x00\x01\x00\x06\x00\x01\x00\x01\x00\x06\x00\x01", &m);
	assert_int_equal(f.status, SSTP_STATUS_DUPLICATE_ATTRIBUTE);
	f = PARSE("\x10\x01\x00\x0f\x00\x01\x00\x01\x00\x01\x00\x07\x00\x01\x00", &m);
	assert_int_equal(f.status, SSTP_STATUS_INVALID_ATTRIB_VALUE_LENGTH);
	f = PARSE("\x10\x01\x00\x08\x00\x01\x00\x00", &m);
	assert_int_equal(f.status, SSTP_STATUS_REQUIRED_ATTRIBUTE_MISSING);
	assert_int_equal(f.attr, SSTP_ATTR_ENCAPSULATED_PROTOCOL_ID);
	f = PARSE("\x10\x01\x00\x0e\x00\x08\x00\x01\x00\x01\x00\x06\x00\x01", &m);
	assert_int_equal(f.status, SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG);
	f = PARSE("\x10\x01\x00\x14\x00\x07\x00\x01\x00\x02\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x00", &m);
	assert_int_equal(f.status, SSTP_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG);
}

static void
binding_hash_bits(void **state)
{
	static const uint8_t zero[32];
	uint8_t out[SSTP_MESSAGE_MAX];
	struct sstp_msg m;
	(void)state;
	for (unsigned bits = 0; bits < 8; bits++) {
		size_t n = sstp_build_connected(out, bits, zero, zero);
		bool one = bits == SSTP_HASH_SHA1 || bits == SSTP_HASH_SHA256;
		assert_int_equal(sstp_msg_parse(out, n, &m).status, one ? 0 : SSTP_STATUS_VALUE_NOT_SUPPORTED);
	}
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(sstp_msg_name(4), "SSTP_MSG_CALL_CONNECTED");
	assert_string_equal(sstp_msg_name(0), "unknown");
	assert_string_equal(sstp_msg_name(100), "unknown");
	assert_string_equal(sstp_attr_name(3), "CRYPTO_BINDING");
	assert_string_equal(sstp_status_text(8), "negotiation timed out");
	assert_string_equal(sstp_status_text(99), "unknown status");
}

/* The header that both rooms read. */
static void
frames(void **state)
{
	uint32_t len = 0;
	(void)state;
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\x00\x00", 3, &len), SSTP_FRAME_MORE);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\x00\x00\x04", 4, &len), SSTP_FRAME_DATA);
	assert_int_equal(len, 4);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\xfe\xff\xff", 4, &len), SSTP_FRAME_DATA);
	assert_int_equal(len, 4095);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\x00\x00\x00", 4, &len), SSTP_FRAME_BAD);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\x00\x00\x03", 4, &len), SSTP_FRAME_BAD);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\x01\x00\x07", 4, &len), SSTP_FRAME_BAD);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x11\x00\x00\x10", 4, &len), SSTP_FRAME_BAD);
	assert_int_equal(sstp_frame_parse((const uint8_t *)"\x10\x01\x00\x08", 4, &len), SSTP_FRAME_CONTROL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_ones), cmocka_unit_test(all_built), cmocka_unit_test(wrong),
		cmocka_unit_test(names),     cmocka_unit_test(frames),    cmocka_unit_test(binding_hash_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
