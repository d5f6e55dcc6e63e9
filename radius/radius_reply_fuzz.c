/* An answer from the wire: structure, proof, every attribute by every getter, and as the dictionary prints it.
 *
 * The first byte says what is put right, so that the fuzzer gets behind the signatures: 1 the length field, 2 the Response
 * Authenticator, 4 the Message-Authenticator.
 */
#include <stdlib.h>

#include <radius/dict.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const uint8_t authenticator[RADIUS_AUTHENTICATOR] = {1, 2, 3};

static void
take(const struct radius_dict *d, const struct radius_attr *a)
{
	char text[64], line[700];
	uint8_t key[32];
	struct addr ip6;
	struct prefix prefix;
	uint32_t v;

	(void)radius_get_u32(a, &v);
	(void)radius_get_ip4(a, &v);
	(void)radius_get_ip6(a, &ip6);
	if (radius_get_prefix(a, &prefix) && prefix.len > 128)
		abort();
	if (radius_get_text(a, text, sizeof text) && strlen(text) > a->len)
		abort();
	if (radius_get_mppe(a, "secret", authenticator, key) > sizeof key)
		abort();
	(void)radius_get_mschap_keys(a, "secret", authenticator, key, key + 8);
	(void)radius_dict_print(d, a, line, sizeof line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct radius_dict *dict;
	char err[128];
	struct radius_view v;
	struct radius_attr a;
	uint8_t joined[512];

	role_assume_main();
	if (!dict)
		dict = radius_dict_new(NULL, 0, err, sizeof err);
	if (!len || !dict)
		return 0;
	uint8_t *p = malloc(len);
	unsigned right = bytes[0];
	memcpy(p, bytes + 1, len - 1);
	if (right & 1 && len > RADIUS_HEADER && len - 1 <= RADIUS_PACKET_MAX)
		put_be16(p + 2, (uint16_t)(len - 1));
	if (!radius_check(p, len - 1, &v)) {
		if (right & 2)
			radius_sign_reply(p, v.len, right & 4 ? v.ma : 0, "secret", authenticator);
		enum radius_err e = radius_verify_reply(p, &v, "secret", authenticator);
		if (right & 2 && (e == RADIUS_AUTHENTICATOR_WRONG || (right & 4 && e)))
			abort();
		struct radius_walk w = radius_walk_init(p, &v);
		for (enum radius_step s; (s = radius_next(&w, &a)) != RADIUS_END;)
			if (s == RADIUS_FOUND)
				take(dict, &a);
		(void)radius_get_long(radius_walk_init(p, &v), RADIUS_EAP_MESSAGE, joined, sizeof joined);
	}
	struct radius_walk w = radius_walk_bare(bytes, len);
	while (radius_next(&w, &a) != RADIUS_END)
		;
	free(p);
	return 0;
}
