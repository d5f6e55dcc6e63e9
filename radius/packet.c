/* packet.c - attributes put, packets signed. */
#include <radius/packet.h>

#include "secret.h"

static uint8_t *put_room(struct wr *w, uint32_t attr, size_t n);
static void sign(uint8_t *packet, size_t n, size_t ma, const char *secret);
static void hash(uint8_t *packet, size_t n, const char *secret);

void
radius_put(struct wr *w, uint32_t attr, const void *value, size_t n)
{
	uint8_t *p = n ? put_room(w, attr, n) : NULL;

	if (p)
		memcpy(p, value, n);
}

static uint8_t *
put_room(struct wr *w, uint32_t attr, size_t n)
{
	uint32_t vendor = attr >> 8;

	if (n > (vendor ? RADIUS_VENDOR_VALUE_MAX : RADIUS_VALUE_MAX)) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = wr_room(w, (vendor ? 8 : 2) + n);
	if (!p)
		return NULL;
	if (vendor) {
		*p++ = RADIUS_VENDOR_SPECIFIC;
		*p++ = (uint8_t)(8 + n);
		put_be32(p, vendor);
		p += 4;
	}
	*p++ = (uint8_t)attr;
	*p++ = (uint8_t)(2 + n);
	return p;
}

void
radius_put_u32(struct wr *w, uint32_t attr, uint32_t v)
{
	uint8_t b[4];

	put_be32(b, v);
	radius_put(w, attr, b, sizeof b);
}

void
radius_put_text(struct wr *w, uint32_t attr, const char *s)
{
	if (s)
		radius_put(w, attr, s, strlen(s));
}

void
radius_put_addr(struct wr *w, uint32_t attr, const struct addr *a)
{
	bool v4 = addr_is_v4(a);

	radius_put(w, attr, v4 ? a->b + 12 : a->b, v4 ? 4 : 16);
}

void
radius_put_prefix(struct wr *w, uint32_t attr, const struct prefix *p)
{
	struct prefix net = prefix_mask(*p);
	uint8_t b[18] = {0, p->len};
	size_t n = (p->len + 7u) / 8;

	memcpy(b + 2, net.addr.b, n);
	radius_put(w, attr, b, 2 + n);
}

void
radius_put_long(struct wr *w, uint32_t attr, const void *value, size_t n)
{
	const uint8_t *p = value;

	for (size_t piece; n; p += piece, n -= piece) {
		piece = n < RADIUS_VALUE_MAX ? n : RADIUS_VALUE_MAX;
		radius_put(w, attr, p, piece);
	}
}

void
radius_put_tagged_text(struct wr *w, uint32_t attr, uint8_t tag, const char *s)
{
	size_t n = strlen(s);
	uint8_t *p = n ? put_room(w, attr, 1 + n) : NULL;

	if (!p)
		return;
	*p = tag;
	memcpy(p + 1, s, n);
}

void
radius_put_tagged_u24(struct wr *w, uint32_t attr, uint8_t tag, uint32_t v)
{
	radius_put_u32(w, attr, (uint32_t)tag << 24 | (v & 0xffffff));
}

size_t
radius_hide(uint8_t *out, const void *password, size_t n, const char *secret, const uint8_t *authenticator)
{
	size_t len = n ? (n + 15) & ~(size_t)15 : 16; /* an empty password is one block of zeros */

	memset(out, 0, len);
	if (n)
		memcpy(out, password, n);
	secret_hide(&(struct secret_cipher){secret, authenticator, NULL, 0}, out, len);
	return len;
}

void
radius_sign_request(uint8_t *packet, size_t n, size_t ma, const char *secret)
{
	bool random = packet[0] == RADIUS_ACCESS_REQUEST || packet[0] == RADIUS_STATUS_SERVER;

	if (!random)
		memset(packet + 4, 0, RADIUS_AUTHENTICATOR);
	sign(packet, n, ma, secret);
	if (!random)
		hash(packet, n, secret);
}

void
radius_sign_reply(uint8_t *packet, size_t n, size_t ma, const char *secret, const uint8_t *authenticator)
{
	memcpy(packet + 4, authenticator, RADIUS_AUTHENTICATOR);
	sign(packet, n, ma, secret);
	hash(packet, n, secret);
}

static void
sign(uint8_t *packet, size_t n, size_t ma, const char *secret)
{
	uint8_t digest[RADIUS_AUTHENTICATOR];

	put_be16(packet + 2, (uint16_t)n);
	if (!ma)
		return;
	memset(packet + ma, 0, RADIUS_AUTHENTICATOR);
	secret_hmac(secret, packet, n, digest);
	memcpy(packet + ma, digest, RADIUS_AUTHENTICATOR);
}

static void
hash(uint8_t *packet, size_t n, const char *secret)
{
	struct secret_piece pieces[] = {{packet, n}, {secret, strlen(secret)}};
	uint8_t digest[RADIUS_AUTHENTICATOR];

	secret_md5(pieces, 2, digest);
	memcpy(packet + 4, digest, RADIUS_AUTHENTICATOR);
}
