#include <radius/dict.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include <radcli/radcli.h>

#include "dictionary.h"

#define INCLUDE_DEPTH 8
#define LINE_MAX_BYTES 512

struct radius_dict {
	rc_handle *rc;
};

/* A dictionary being gathered into one text of libradcli's form. */
struct gather {
	char *text;
	size_t len, size;
	char *err;
	size_t err_len;
};

static bool gather_file(struct gather *g, const char *path, unsigned depth);
static bool gather_line(struct gather *g, const char *path, unsigned number, char *line, unsigned depth);
static bool gather_attribute(struct gather *g, char **words, unsigned n);
static bool gather_include(struct gather *g, const char *from, const char *name, unsigned depth);
static bool add(struct gather *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct gather *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *type_of(const char *name);
static DICT_ATTR *attr_of(const struct radius_dict *d, uint32_t attr);
static bool is_secret(uint32_t attr);
static const char *print_name(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size);
static bool print_value(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size);
static bool printable(const struct radius_attr *a);
static void print_hex(const struct radius_attr *a, char *out, size_t size);
static bool print_typed(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size);

struct radius_dict *
radius_dict_new(const char *const *files, unsigned n, char *err, size_t err_len)
{
	struct gather g = {.err = err, .err_len = err_len};
	struct radius_dict *d = calloc(1, sizeof *d);
	rc_handle *rc = d ? rc_new() : NULL;
	bool ok = rc && rc_config_init(rc);

	if (!ok)
		snprintf(err, err_len, "out of memory");
	ok = ok && add(&g, "%.*s", (int)sizeof radius_dictionary, (const char *)radius_dictionary);
	for (unsigned i = 0; ok && i < n; i++)
		ok = gather_file(&g, files[i], 0);
	if (ok && rc_read_dictionary_from_buffer(rc, g.text, g.len) < 0)
		ok = fail(&g, "%s: libradcli does not take it", n ? files[n - 1] : "the dictionary");
	free(g.text);
	if (ok) {
		d->rc = rc;
		return d;
	}
	if (rc)
		rc_destroy(rc);
	free(d);
	return NULL;
}

void
radius_dict_free(struct radius_dict *d)
{
	if (!d)
		return;
	rc_destroy(d->rc);
	free(d);
}

static bool
gather_file(struct gather *g, const char *path, unsigned depth)
{
	char line[LINE_MAX_BYTES];
	FILE *f = depth < INCLUDE_DEPTH ? fopen(path, "re") : NULL;
	bool ok = true;

	if (!f)
		return fail(g, "%s: %s", path, depth < INCLUDE_DEPTH ? strerror(errno) : "$INCLUDE too deep");
	for (unsigned number = 1; ok && fgets(line, sizeof line, f); number++)
		ok = gather_line(g, path, number, line, depth);
	fclose(f);
	return ok;
}

static bool
gather_line(struct gather *g, const char *path, unsigned number, char *line, unsigned depth)
{
	char *words[6], *rest = line;
	unsigned n = 0;

	line[strcspn(line, "#\r\n")] = 0;
	while (n < 6 && (words[n] = strtok_r(rest, " \t", &rest)))
		n++;
	if (!n)
		return true;
	if (!strcmp(words[0], "$INCLUDE") && n > 1)
		return gather_include(g, path, words[1], depth);
	if (!strcmp(words[0], "ATTRIBUTE") && n > 3 && type_of(words[3]))
		return gather_attribute(g, words, n);
	if (!strcmp(words[0], "VALUE") && n > 3)
		return strlen(words[2]) > NAME_LENGTH ||
		       add(g, "VALUE %s %s %lu\n", words[1], words[2], strtoul(words[3], NULL, 0));
	if (!strcmp(words[0], "VENDOR") && n > 2)
		return add(g, "VENDOR %s %lu\n", words[1], strtoul(words[2], NULL, 0));
	if ((!strcmp(words[0], "BEGIN-VENDOR") || !strcmp(words[0], "END-VENDOR")) && n > 1)
		return add(g, "%s %s\n", words[0], words[1]);
	if (!strcmp(words[0], "BEGIN-TLV") || !strcmp(words[0], "END-TLV"))
		return true;
	return fail(g, "%s:%u: \"%s\" is not understood%s%s", path, number, words[0], n > 3 ? ", type " : "",
		    n > 3 ? words[3] : "");
}

/* 241.1 is of the extended space, which nothing here reads; libradcli has room for names of 32 characters. */
static bool
gather_attribute(struct gather *g, char **words, unsigned n)
{
	bool vendor = n > 4 && !strchr(words[4], '=') && strcmp(words[4], "has_tag") && strcmp(words[4], "concat") &&
		      strcmp(words[4], "array");
	if (strchr(words[2], '.') || strlen(words[1]) > NAME_LENGTH || strtoul(words[2], NULL, 0) > 255)
		return true;
	return add(g, "ATTRIBUTE %s %lu %s %s\n", words[1], strtoul(words[2], NULL, 0), type_of(words[3]),
		   vendor ? words[4] : "");
}

static bool
gather_include(struct gather *g, const char *from, const char *name, unsigned depth)
{
	char path[1024];
	const char *slash = strrchr(from, '/');
	int folder = slash && *name != '/' ? (int)(slash - from) + 1 : 0;

	snprintf(path, sizeof path, "%.*s%s", folder, from, name);
	return gather_file(g, path, depth + 1);
}

/* libradcli's own types; what else FreeRADIUS has is bytes to us. */
static const char *
type_of(const char *name)
{
	static const char *const types[][2] = {
		{"string", "string"},     {"text", "string"},          {"integer", "integer"},
		{"uint32", "integer"},    {"ipaddr", "ipaddr"},        {"ipv4addr", "ipaddr"},
		{"octets", "string"},     {"date", "integer"},         {"time", "integer"},
		{"ipv6addr", "ipv6addr"}, {"ifid", "string"},          {"ipv6prefix", "ipv6prefix"},
		{"ether", "string"},      {"ipv4prefix", "string"},    {"byte", "string"},
		{"short", "string"},      {"signed", "string"},        {"integer64", "string"},
		{"uint8", "string"},      {"uint16", "string"},        {"uint64", "string"},
		{"tlv", "string"},        {"vsa", "string"},           {"evs", "string"},
		{"extended", "string"},   {"long-extended", "string"}, {"abinary", "string"},
		{"combo-ip", "string"},   {"struct", "string"},
	};
	size_t n = strcspn(name, "[");
	for (unsigned i = 0; i < sizeof types / sizeof *types; i++)
		if (strlen(types[i][0]) == n && !strncmp(types[i][0], name, n))
			return types[i][1];
	return NULL;
}

static bool
add(struct gather *g, const char *format, ...)
{
	for (;;) {
		va_list ap;
		va_start(ap, format);
		int n = vsnprintf(g->text ? g->text + g->len : NULL, g->size - g->len, format, ap);
		va_end(ap);
		if (n >= 0 && (size_t)n < g->size - g->len) {
			g->len += (size_t)n;
			return true;
		}
		char *more = realloc(g->text, g->size * 2 + (size_t)n + 4096);
		if (!more)
			return fail(g, "out of memory");
		g->text = more;
		g->size = g->size * 2 + (size_t)n + 4096;
	}
}

static bool
fail(struct gather *g, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(g->err, g->err_len, format, ap);
	va_end(ap);
	return false;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

/* libradcli keeps a vendor's attribute as vendor << 16 | type. */
static DICT_ATTR *
attr_of(const struct radius_dict *d, uint32_t attr)
{
	return attr >> 8 <= 0xffff ? rc_dict_getattr(d->rc, (int)((attr >> 8) << 16 | (attr & 0xff))) : NULL;
}

uint32_t
radius_dict_find(const struct radius_dict *d, const char *name)
{
	const DICT_ATTR *a = rc_dict_findattr(d->rc, name);
	uint32_t value = a ? (uint32_t)a->value : 0;

	return (value >> 16) << 8 | (value & 0xff);
}

uint32_t
radius_dict_vendor(const struct radius_dict *d, const char *name)
{
	const DICT_VENDOR *v = rc_dict_findvend(d->rc, name);

	return v ? (uint32_t)v->vendorpec : 0;
}

const char *
radius_dict_name(const struct radius_dict *d, uint32_t attr)
{
	const DICT_ATTR *a = attr_of(d, attr);

	return a ? a->name : NULL;
}

char *
radius_dict_print(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size)
{
	char value[512], name[64];

	(void)print_value(d, a, value, sizeof value);
	snprintf(out, size, "%s=%s", print_name(d, a, name, sizeof name), value);
	return out;
}

char *
radius_dict_detail(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size)
{
	char value[512], quoted[2 * sizeof value + 3], name[64], *to = quoted;

	if (print_value(d, a, value, sizeof value)) {
		*to++ = '"';
		for (const char *c = value; *c; *to++ = *c++)
			if (*c == '"' || *c == '\\')
				*to++ = '\\';
		*to++ = '"';
		*to = 0;
	}
	snprintf(out, size, "%s = %s", print_name(d, a, name, sizeof name), to == quoted ? value : quoted);
	return out;
}

static const char *
print_name(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size)
{
	const char *name = radius_dict_name(d, a->id);

	if (name)
		return name;
	if (a->id >> 8)
		snprintf(out, size, "Vendor-%u-%u", a->id >> 8, a->id & 0xff);
	else
		snprintf(out, size, "Attr-%u", a->id);
	return out;
}

/* print_value: whether it is a text. */
static bool
print_value(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size)
{
	const DICT_ATTR *attr = attr_of(d, a->id);

	if (is_secret(a->id))
		snprintf(out, size, "***");
	else if (print_typed(d, a, out, size))
		return attr->type == PW_TYPE_STRING;
	else
		print_hex(a, out, size);
	return false;
}

static bool
is_secret(uint32_t attr)
{
	static const uint32_t secrets[] = {RADIUS_USER_PASSWORD,     RADIUS_CHAP_PASSWORD,     RADIUS_MS_CHAP_RESPONSE,
					   RADIUS_MS_CHAP2_RESPONSE, RADIUS_MS_CHAP_MPPE_KEYS, RADIUS_MS_MPPE_SEND_KEY,
					   RADIUS_MS_MPPE_RECV_KEY};
	for (unsigned i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (secrets[i] == attr)
			return true;
	return false;
}

static bool
printable(const struct radius_attr *a)
{
	for (unsigned i = 0; i < a->len; i++)
		if (a->value[i] < 0x20 || a->value[i] > 0x7e)
			return false;
	return a->len > 0;
}

static void
print_hex(const struct radius_attr *a, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "0x");

	for (unsigned i = 0; i < a->len && n + 3 < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%02x", a->value[i]);
}

/* libradcli prints what has the length of its type; anything else is shown as bytes. */
static bool
print_typed(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size)
{
	const DICT_ATTR *attr = attr_of(d, a->id);
	char name[NAME_LENGTH + 1];
	struct prefix p;

	if (!attr)
		return false;
	bool fits = attr->type == PW_TYPE_STRING       ? printable(a)
		    : attr->type == PW_TYPE_IPV6ADDR   ? a->len == 16
		    : attr->type == PW_TYPE_IPV6PREFIX ? radius_get_prefix(a, &p)
						       : a->len == 4;
	uint8_t bytes[255];
	bytes[0] = (uint8_t)a->id;
	bytes[1] = (uint8_t)(a->len + 2);
	memcpy(bytes + 2, a->value, a->len);
	VALUE_PAIR *pair = fits ? rc_avpair_gen(d->rc, NULL, bytes, a->len + 2, (int)(a->id >> 8)) : NULL;
	bool ok = pair && !rc_avpair_tostr(d->rc, pair, name, sizeof name, out, (int)size);
	if (pair)
		rc_avpair_free(pair);
	return ok;
}
