#include "pptp/msg.h"

#include <stdio.h>
#include <string.h>

#include <millrace/bytes.h>

enum kind { U8, U16, U32, TEXT, ERRORS, SKIP };

static const struct field {
	uint8_t type, kind;
	uint16_t at; /* in struct pptp_msg; SKIP: octets */
	const char *name;
} fields[] = {
#define FIELD_AT(kind, member) FIELD_AT_##kind(member)
#define FIELD_AT_U8(member) offsetof(struct pptp_msg, member)
#define FIELD_AT_U16(member) offsetof(struct pptp_msg, member)
#define FIELD_AT_U32(member) offsetof(struct pptp_msg, member)
#define FIELD_AT_TEXT(member) offsetof(struct pptp_msg, member)
#define FIELD_AT_ERRORS(member) offsetof(struct pptp_msg, member)
#define FIELD_AT_SKIP(octets) (octets)
#define FIELD(msg, kind, member) {PPTP_##msg, kind, FIELD_AT_##kind(member), #member},
#include "pptp/msg.def"
};

#define N_FIELDS (sizeof fields / sizeof fields[0])

static const struct row {
	const char *name;
	uint16_t len;
} rows[PPTP_TYPES] = {
#define MSG(type, msg, text, length) [type] = {text, length},
#include "pptp/msg.def"
};

static void parse(struct rd *r, struct pptp_msg *m);
static void read_field(struct rd *r, const struct field *f, void *at);
static void write_field(struct wr *w, const struct field *f, const void *at);

const char *
pptp_type_name(unsigned type)
{
	return type && type < PPTP_TYPES ? rows[type].name : "unknown";
}

enum pptp_frame
pptp_next(const uint8_t *p, size_t have, size_t *len, struct pptp_msg *m)
{
	if (have < 8)
		return PPTP_MORE;
	*len = be16(p);
	if (be32(p + 4) != PPTP_MAGIC || *len < PPTP_HDR_LEN || *len > PPTP_LENGTH_MAX)
		return PPTP_BROKEN;
	if (have < *len)
		return PPTP_MORE;
	*m = (struct pptp_msg){.type = be16(p + 8)};
	if (be16(p + 2) != 1 || !m->type || m->type >= PPTP_TYPES)
		return PPTP_UNKNOWN;
	if (*len < rows[m->type].len)
		return PPTP_BROKEN;
	struct rd r = rd_init(p + PPTP_HDR_LEN, *len - PPTP_HDR_LEN);
	parse(&r, m);
	return PPTP_WHOLE;
}

static void
parse(struct rd *r, struct pptp_msg *m)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].type == m->type)
			read_field(r, &fields[i], (char *)m + (fields[i].kind == SKIP ? 0 : fields[i].at));
}

static void
read_field(struct rd *r, const struct field *f, void *at)
{
	const uint8_t *text;
	char *to = at;
	switch ((enum kind)f->kind) {
	case U8:
		*(uint8_t *)at = rd_u8(r);
		break;
	case U16:
		*(uint16_t *)at = rd_be16(r);
		break;
	case U32:
		*(uint32_t *)at = rd_be32(r);
		break;
	case ERRORS:
		for (unsigned i = 0; i < 6; i++)
			((uint32_t *)at)[i] = rd_be32(r);
		break;
	case SKIP:
		rd_take(r, f->at);
		break;
	case TEXT:
		text = rd_take(r, PPTP_TEXT);
		for (unsigned i = 0; text && i < PPTP_TEXT && text[i]; i++)
			*to++ = text[i] >= ' ' && text[i] < 0x7f ? (char)text[i] : '.';
		*to = 0;
		break;
	}
}

size_t
pptp_build(uint8_t *p, const struct pptp_msg *m)
{
	struct wr w = wr_init(p, PPTP_MSG_MAX);
	wr_be16(&w, rows[m->type].len);
	wr_be16(&w, 1);
	wr_be32(&w, PPTP_MAGIC);
	wr_be16(&w, m->type);
	wr_be16(&w, 0);
	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].type == m->type)
			write_field(&w, &fields[i], (const char *)m + (fields[i].kind == SKIP ? 0 : fields[i].at));
	return wr_len(&w);
}

static void
write_field(struct wr *w, const struct field *f, const void *at)
{
	static const uint8_t zeros[PPTP_MSG_MAX];
	size_t len;
	switch ((enum kind)f->kind) {
	case U8:
		wr_u8(w, *(const uint8_t *)at);
		break;
	case U16:
		wr_be16(w, *(const uint16_t *)at);
		break;
	case U32:
		wr_be32(w, *(const uint32_t *)at);
		break;
	case ERRORS:
		for (unsigned i = 0; i < 6; i++)
			wr_be32(w, ((const uint32_t *)at)[i]);
		break;
	case SKIP:
		wr_bytes(w, zeros, f->at);
		break;
	case TEXT:
		len = strnlen(at, PPTP_TEXT);
		wr_bytes(w, at, len);
		wr_bytes(w, zeros, PPTP_TEXT - len);
		break;
	}
}

/* put: appends " name=value". */
static size_t
put(char *out, size_t size, size_t n, const struct field *f, const struct pptp_msg *m)
{
	const char *at = (const char *)m + (f->kind == SKIP ? 0 : f->at);
	uint32_t v = f->kind == U8    ? *(const uint8_t *)at
		     : f->kind == U16 ? *(const uint16_t *)(const void *)at
		     : f->kind == U32 ? *(const uint32_t *)(const void *)at
				      : 0;
	int k = 0;
	if (f->kind == TEXT && *at)
		k = snprintf(out + n, size - n, " %s=\"%s\"", f->name, at);
	else if (v)
		k = snprintf(out + n, size - n, " %s=%u", f->name, v);
	return n + (size_t)k < size ? n + (size_t)k : size - 1;
}

char *
pptp_trace(char *out, size_t size, const struct pptp_msg *m)
{
	size_t n = (size_t)snprintf(out, size, "[PPTP %s", pptp_type_name(m->type));
	for (size_t i = 0; i < N_FIELDS && n < size - 2; i++)
		if (fields[i].type == m->type)
			n = put(out, size, n, &fields[i], m);
	snprintf(out + (n < size - 1 ? n : size - 2), 2, "]");
	return out;
}
