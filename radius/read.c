/* read.c - packets from the wire: structure, signatures, attributes. */
#include <radius/packet.h>

#include "secret.h"

static bool signature_ok(uint8_t *packet, const struct radius_view *v, const char *secret);
static enum radius_step next_inner(struct radius_walk *w, struct radius_attr *out);

enum radius_err
radius_check(const uint8_t *packet, size_t n, struct radius_view *out)
{
	if (n < RADIUS_HEADER)
		return RADIUS_SHORT;
	*out = (struct radius_view){.code = packet[0], .id = packet[1], .len = be16(packet + 2)};
	if (out->len < RADIUS_HEADER || out->len > n || out->len > RADIUS_PACKET_MAX)
		return RADIUS_LENGTH;
	for (size_t at = RADIUS_HEADER; at < out->len; at += packet[at + 1]) {
		if (out->len - at < 2 || packet[at + 1] < 2 || packet[at + 1] > out->len - at || !packet[at])
			return RADIUS_ATTRIBUTE;
		if (packet[at] != RADIUS_MESSAGE_AUTHENTICATOR)
			continue;
		if (out->ma || packet[at + 1] != 2 + RADIUS_AUTHENTICATOR)
			return RADIUS_TWO_SIGNATURES;
		out->ma = at + 2;
	}
	return RADIUS_OK;
}

enum radius_err
radius_verify_reply(uint8_t *packet, const struct radius_view *v, const char *secret, const uint8_t *authenticator)
{
	uint8_t theirs[RADIUS_AUTHENTICATOR], ours[RADIUS_AUTHENTICATOR];
	struct secret_piece pieces[] = {{packet, v->len}, {secret, strlen(secret)}};

	memcpy(theirs, packet + 4, sizeof theirs);
	memcpy(packet + 4, authenticator, sizeof theirs);
	secret_md5(pieces, 2, ours);
	enum radius_err e = RADIUS_OK;
	if (!secret_same(ours, theirs, sizeof ours))
		e = RADIUS_AUTHENTICATOR_WRONG;
	else if (v->ma && !signature_ok(packet, v, secret))
		e = RADIUS_SIGNATURE;
	memcpy(packet + 4, theirs, sizeof theirs);
	return e;
}

enum radius_err
radius_verify_request(uint8_t *packet, const struct radius_view *v, const char *secret)
{
	static const uint8_t zero[RADIUS_AUTHENTICATOR];

	return radius_verify_reply(packet, v, secret, zero);
}

/* The packet carries the authenticator that the signature was made with. */
static bool
signature_ok(uint8_t *packet, const struct radius_view *v, const char *secret)
{
	uint8_t theirs[RADIUS_AUTHENTICATOR], ours[RADIUS_AUTHENTICATOR];

	memcpy(theirs, packet + v->ma, sizeof theirs);
	memset(packet + v->ma, 0, sizeof theirs);
	secret_hmac(secret, packet, v->len, ours);
	memcpy(packet + v->ma, theirs, sizeof theirs);
	return secret_same(ours, theirs, sizeof ours);
}

struct radius_walk
radius_walk_init(const uint8_t *packet, const struct radius_view *v)
{
	return radius_walk_bare(packet + RADIUS_HEADER, v->len - RADIUS_HEADER);
}

struct radius_walk
radius_walk_bare(const void *attributes, size_t n)
{
	return (struct radius_walk){.outer = rd_init(attributes, n)};
}

enum radius_step
radius_next(struct radius_walk *w, struct radius_attr *out)
{
	if (rd_left(&w->inner))
		return next_inner(w, out);
	if (!rd_left(&w->outer))
		return RADIUS_END;
	uint8_t type = rd_u8(&w->outer), len = rd_u8(&w->outer);
	const uint8_t *value = len >= 2 ? rd_take(&w->outer, len - 2u) : NULL;
	*out = (struct radius_attr){.id = type, .len = (uint8_t)(len - 2), .value = value};
	if (!value || w->outer.bad) {
		w->outer.p = w->outer.end;
		*out = (struct radius_attr){0};
		return RADIUS_BROKEN;
	}
	if (type != RADIUS_VENDOR_SPECIFIC)
		return RADIUS_FOUND;
	if (out->len < 4)
		return RADIUS_BROKEN;
	w->vendor = be32(value);
	w->inner = rd_init(value + 4, out->len - 4u);
	return next_inner(w, out);
}

/* RFC 2865 5.26: the vendor may put several sub-attributes in one. */
static enum radius_step
next_inner(struct radius_walk *w, struct radius_attr *out)
{
	uint8_t type = rd_u8(&w->inner), len = rd_u8(&w->inner);
	const uint8_t *value = len >= 2 ? rd_take(&w->inner, len - 2u) : NULL;

	*out = (struct radius_attr){.id = w->vendor << 8 | type, .len = (uint8_t)(len - 2), .value = value};
	if (value && !w->inner.bad && w->vendor < 1u << 24)
		return RADIUS_FOUND;
	w->inner.p = w->inner.end;
	*out = (struct radius_attr){.id = w->vendor << 8};
	return RADIUS_BROKEN;
}

bool
radius_get_u32(const struct radius_attr *a, uint32_t *v)
{
	if (a->len != 4)
		return false;
	*v = be32(a->value);
	return true;
}

bool
radius_get_ip4(const struct radius_attr *a, uint32_t *ip4)
{
	return radius_get_u32(a, ip4);
}

bool
radius_get_ip6(const struct radius_attr *a, struct addr *out)
{
	if (a->len != 16)
		return false;
	memcpy(out->b, a->value, 16);
	return true;
}

bool
radius_get_prefix(const struct radius_attr *a, struct prefix *out)
{
	struct prefix p = {0};

	if (a->len < 2 || a->len > 18 || a->value[1] > 128 || a->len - 2 < (a->value[1] + 7) / 8)
		return false;
	p.len = a->value[1];
	memcpy(p.addr.b, a->value + 2, a->len - 2u);
	struct prefix net = prefix_mask(p);
	if (addr_is_v4(&p.addr) || !addr_eq(&net.addr, &p.addr))
		return false;
	*out = p;
	return true;
}

bool
radius_get_text(const struct radius_attr *a, char *out, size_t size)
{
	size_t n = a->len;

	if (n && !a->value[n - 1])
		n--;
	if (!n || n >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		if (a->value[i] < 0x20 || a->value[i] == 0x7f)
			return false;
	memcpy(out, a->value, n);
	out[n] = 0;
	return true;
}

size_t
radius_get_long(struct radius_walk w, uint32_t attr, uint8_t *out, size_t size)
{
	struct radius_attr a;
	size_t n = 0;

	for (enum radius_step s; (s = radius_next(&w, &a)) != RADIUS_END;) {
		if (s != RADIUS_FOUND || a.id != attr)
			continue;
		if (a.len > size - n)
			return 0;
		memcpy(out + n, a.value, a.len);
		n += a.len;
	}
	return n;
}

size_t
radius_get_mppe(const struct radius_attr *a, const char *secret, const uint8_t *authenticator, uint8_t *key)
{
	uint8_t plain[48];
	size_t n = a->len - 2u;

	/* The salt's first bit is set; a length byte and at most 32 bytes of key make up to three blocks. */
	if (a->len < 18 || n % 16 || n > sizeof plain || !(a->value[0] & 0x80))
		return 0;
	memcpy(plain, a->value + 2, n);
	secret_show(&(struct secret_cipher){secret, authenticator, a->value, 2}, plain, n);
	if (!plain[0] || plain[0] > 32 || plain[0] > n - 1)
		return 0;
	memcpy(key, plain + 1, plain[0]);
	return plain[0];
}

bool
radius_get_mschap_keys(const struct radius_attr *a, const char *secret, const uint8_t *authenticator, uint8_t lm_key[8],
		       uint8_t nt_key[16])
{
	uint8_t plain[32];

	if (a->len != sizeof plain)
		return false;
	memcpy(plain, a->value, sizeof plain);
	secret_show(&(struct secret_cipher){secret, authenticator, NULL, 0}, plain, sizeof plain);
	memcpy(lm_key, plain, 8);
	memcpy(nt_key, plain + 8, 16);
	return true;
}

const char *
radius_code_name(uint8_t code)
{
	static const char *const names[] = {
		[RADIUS_ACCESS_REQUEST] = "Access-Request",
		[RADIUS_ACCESS_ACCEPT] = "Access-Accept",
		[RADIUS_ACCESS_REJECT] = "Access-Reject",
		[RADIUS_ACCOUNTING_REQUEST] = "Accounting-Request",
		[RADIUS_ACCOUNTING_RESPONSE] = "Accounting-Response",
		[RADIUS_ACCESS_CHALLENGE] = "Access-Challenge",
		[RADIUS_STATUS_SERVER] = "Status-Server",
		[RADIUS_DISCONNECT_REQUEST] = "Disconnect-Request",
		[RADIUS_DISCONNECT_ACK] = "Disconnect-ACK",
		[RADIUS_DISCONNECT_NAK] = "Disconnect-NAK",
		[RADIUS_COA_REQUEST] = "CoA-Request",
		[RADIUS_COA_ACK] = "CoA-ACK",
		[RADIUS_COA_NAK] = "CoA-NAK",
	};
	bool known = code < sizeof names / sizeof *names && names[code];
	return known ? names[code] : "unknown code";
}

const char *
radius_err_text(enum radius_err e)
{
	static const char *const text[] = {
#define RADIUS_ERR(name, text) [RADIUS_##name] = text,
#include <radius/err.def>
#undef RADIUS_ERR
	};
	return (unsigned)e < RADIUS_ERR_COUNT ? text[e] : "unknown reason";
}
