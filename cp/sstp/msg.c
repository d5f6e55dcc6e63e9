#include "sstp/msg.h"

#include <string.h>

#define ATTR_HEADER 4
#define A(name) (1u << SSTP_ATTR_##name)

static const struct sstp_msg_row {
	const char *name;
	uint8_t must, may;
} messages[] = {
#define MSG(name, number, must, may) [number] = {"SSTP_MSG_" #name, must, may},
#include "sstp/msg.def"
#undef MSG
};

static const struct sstp_attr_row {
	const char *name;
	uint16_t shortest, longest;
} attributes[] = {
#define ATTR(name, id, shortest, longest) [id] = {#name, shortest, longest},
#include "sstp/attr.def"
#undef ATTR
};

static const char *const statuses[] = {
#define STATUS(name, number, text) [number] = text,
#include "sstp/status.def"
#undef STATUS
};

#define N_MESSAGES (sizeof messages / sizeof *messages)
#define N_ATTRIBUTES (sizeof attributes / sizeof *attributes)
#define N_STATUSES (sizeof statuses / sizeof *statuses)

static struct sstp_fault parse_attribute(struct rd *r, struct sstp_msg *out);
static struct sstp_fault read_value(unsigned id, struct rd *v, struct sstp_msg *out);
static struct sstp_fault fault(enum sstp_status status, unsigned attr);
static uint8_t *build_begin(uint8_t *p, enum sstp_msg_type type, unsigned n_attr, size_t len);
static uint8_t *build_attribute(uint8_t *p, enum sstp_attr id);

static struct sstp_fault
fault(enum sstp_status status, unsigned attr)
{
	return (struct sstp_fault){status, (uint8_t)attr};
}

struct sstp_fault
sstp_msg_parse(const uint8_t *p, size_t len, struct sstp_msg *out)
{
	uint32_t claimed = 0;
	*out = (struct sstp_msg){0};
	if (sstp_frame_parse(p, (uint32_t)len, &claimed) != SSTP_FRAME_CONTROL || claimed != len)
		return fault(SSTP_STATUS_INVALID_FRAME_RECEIVED, 0);
	struct rd r = rd_init(p + SSTP_HEADER_LEN, len - SSTP_HEADER_LEN);
	out->type = rd_be16(&r);
	unsigned n = rd_be16(&r);
	if (out->type >= N_MESSAGES || !messages[out->type].name)
		return fault(SSTP_STATUS_UNACCEPTED_FRAME_RECEIVED, 0);
	for (; n; n--) {
		struct sstp_fault f = parse_attribute(&r, out);
		if (f.status)
			return f;
	}
	if (rd_left(&r))
		return fault(SSTP_STATUS_INVALID_FRAME_RECEIVED, 0);
	unsigned missing = messages[out->type].must & ~(unsigned)out->seen;
	if (missing)
		return fault(SSTP_STATUS_REQUIRED_ATTRIBUTE_MISSING, (unsigned)__builtin_ctz(missing));
	return fault(SSTP_STATUS_NO_ERROR, 0);
}

/* [MS-SSTP] 2.2.4: reserved, id, four reserved bits and a length that counts these four bytes. */
static struct sstp_fault
parse_attribute(struct rd *r, struct sstp_msg *out)
{
	rd_u8(r);
	unsigned id = rd_u8(r), len = rd_be16(r) & SSTP_LENGTH_MASK;
	if (r->bad || len < ATTR_HEADER || rd_left(r) < len - ATTR_HEADER)
		return fault(SSTP_STATUS_INVALID_FRAME_RECEIVED, id);
	struct rd value = rd_sub(r, len - ATTR_HEADER);
	if (id >= N_ATTRIBUTES || !attributes[id].name)
		return fault(SSTP_STATUS_UNRECOGNIZED_ATTRIBUTE, id);
	if (out->seen & 1u << id)
		return fault(SSTP_STATUS_DUPLICATE_ATTRIBUTE, id);
	const struct sstp_msg_row *row = &messages[out->type];
	if (!((row->must | row->may) & 1u << id))
		return fault(id == SSTP_ATTR_STATUS_INFO ? SSTP_STATUS_STATUS_INFO_NOT_SUPPORTED_IN_MSG
							 : SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG,
			     id);
	if (len < attributes[id].shortest || len > attributes[id].longest)
		return fault(SSTP_STATUS_INVALID_ATTRIB_VALUE_LENGTH, id);
	out->seen |= (uint8_t)(1u << id);
	return read_value(id, &value, out);
}

/* The three reserved bytes in front of the larger values are not looked at ([MS-SSTP] 2.2.5 to 2.2.8). */
static struct sstp_fault
read_value(unsigned id, struct rd *v, struct sstp_msg *out)
{
	if (id == SSTP_ATTR_ENCAPSULATED_PROTOCOL_ID) {
		out->protocol = rd_be16(v);
		return fault(SSTP_STATUS_NO_ERROR, 0);
	}
	rd_take(v, 3);
	uint8_t first = rd_u8(v);
	if (id == SSTP_ATTR_STATUS_INFO) {
		out->told = (struct sstp_fault){.attr = first, .status = rd_be32(v)};
		return fault(SSTP_STATUS_NO_ERROR, 0);
	}
	out->hash = first;
	out->nonce = rd_take(v, SSTP_NONCE_LEN);
	if (id == SSTP_ATTR_CRYPTO_BINDING_REQ)
		return fault(SSTP_STATUS_NO_ERROR, 0);
	out->cert_hash = rd_take(v, SSTP_HASH_ROOM);
	out->mac = rd_take(v, SSTP_HASH_ROOM);
	if (first != SSTP_HASH_SHA1 && first != SSTP_HASH_SHA256)
		return fault(SSTP_STATUS_VALUE_NOT_SUPPORTED, id);
	return fault(SSTP_STATUS_NO_ERROR, 0);
}

/* --- building ---------------------------------------------------------------------------------------------------- */

static uint8_t *
build_begin(uint8_t *p, enum sstp_msg_type type, unsigned n_attr, size_t len)
{
	memset(p, 0, len);
	sstp_header_put(p, true, (uint16_t)len);
	put_be16(p + SSTP_HEADER_LEN, (uint16_t)type);
	put_be16(p + SSTP_HEADER_LEN + 2, (uint16_t)n_attr);
	return p + SSTP_CONTROL_MIN;
}

/* The shortest form of each attribute is the one that we send. */
static uint8_t *
build_attribute(uint8_t *p, enum sstp_attr id)
{
	p[1] = (uint8_t)id;
	put_be16(p + 2, attributes[id].shortest);
	return p + ATTR_HEADER;
}

size_t
sstp_build_plain(uint8_t *p, enum sstp_msg_type type)
{
	build_begin(p, type, 0, SSTP_CONTROL_MIN);
	return SSTP_CONTROL_MIN;
}

size_t
sstp_build_request(uint8_t *p, uint16_t protocol)
{
	size_t len = SSTP_CONTROL_MIN + attributes[SSTP_ATTR_ENCAPSULATED_PROTOCOL_ID].shortest;
	uint8_t *a = build_begin(p, SSTP_MSG_CALL_CONNECT_REQUEST, 1, len);
	put_be16(build_attribute(a, SSTP_ATTR_ENCAPSULATED_PROTOCOL_ID), protocol);
	return len;
}

size_t
sstp_build_ack(uint8_t *p, uint8_t hashes, const uint8_t nonce[SSTP_NONCE_LEN])
{
	size_t len = SSTP_CONTROL_MIN + attributes[SSTP_ATTR_CRYPTO_BINDING_REQ].shortest;
	uint8_t *a = build_begin(p, SSTP_MSG_CALL_CONNECT_ACK, 1, len);
	uint8_t *v = build_attribute(a, SSTP_ATTR_CRYPTO_BINDING_REQ);
	v[3] = hashes;
	memcpy(v + 4, nonce, SSTP_NONCE_LEN);
	return len;
}

size_t
sstp_build_status(uint8_t *p, enum sstp_msg_type type, struct sstp_fault f)
{
	if (f.status == SSTP_STATUS_NO_ERROR)
		return sstp_build_plain(p, type);
	size_t len = SSTP_CONTROL_MIN + attributes[SSTP_ATTR_STATUS_INFO].shortest;
	uint8_t *v = build_attribute(build_begin(p, type, 1, len), SSTP_ATTR_STATUS_INFO);
	v[3] = f.attr;
	put_be32(v + 4, f.status);
	return len;
}

size_t
sstp_build_connected(uint8_t *p, enum sstp_hash hash, const uint8_t nonce[SSTP_NONCE_LEN],
		     const uint8_t cert_hash[SSTP_HASH_ROOM])
{
	uint8_t *a = build_begin(p, SSTP_MSG_CALL_CONNECTED, 1, SSTP_CONNECTED_LEN);
	uint8_t *v = build_attribute(a, SSTP_ATTR_CRYPTO_BINDING);
	v[3] = (uint8_t)hash;
	memcpy(v + 4, nonce, SSTP_NONCE_LEN);
	memcpy(v + 4 + SSTP_NONCE_LEN, cert_hash, SSTP_HASH_ROOM);
	return SSTP_CONNECTED_LEN;
}

/* --- names ------------------------------------------------------------------------------------------------------- */

const char *
sstp_msg_name(unsigned type)
{
	return type < N_MESSAGES && messages[type].name ? messages[type].name : "unknown";
}

const char *
sstp_attr_name(unsigned attr)
{
	return attr < N_ATTRIBUTES && attributes[attr].name ? attributes[attr].name : "unknown";
}

const char *
sstp_status_text(uint32_t status)
{
	return status < N_STATUSES && statuses[status] ? statuses[status] : "unknown status";
}
