/* value.c - one value: from the file or a default's text into its field. */
#include <errno.h>
#include <stdlib.h>

#include "conf/reader.h"

size_t
conf_type_size(enum conf_type type)
{
	static const size_t size[] = {
		[CONF_BOOL] = sizeof(bool),
		[CONF_NUMBER] = sizeof(unsigned),
		[CONF_MILLI] = sizeof(unsigned),
		[CONF_WORD] = sizeof(unsigned),
		[CONF_STRING] = sizeof(const char *),
		[CONF_ADDR] = sizeof(struct addr),
		[CONF_PREFIX] = sizeof(struct prefix),
		[CONF_ENDPOINT] = sizeof(struct conf_endpoint),
		[CONF_RANGE] = sizeof(struct conf_range),
		[CONF_GROUP] = 0,
		[CONF_EMBED] = 0,
	};
	return size[type];
}

/* conf_row_size: of the whole field. */
size_t
conf_row_size(const struct conf_row *row)
{
	if (row->list)
		return sizeof(struct conf_numbers);
	return row->sub ? row->sub->size : conf_type_size(row->type);
}

void
conf_value_of_default(const struct conf_row *row, const char *text, struct conf_value *v)
{
	*v = (struct conf_value){.kind = KIND_STRING, .string = text};
	if (row->type == CONF_BOOL) {
		v->kind = KIND_BOOL;
		v->number = !strcmp(text, "true");
	} else if (row->type == CONF_NUMBER) {
		v->kind = KIND_NUMBER;
		v->number = strtoll(text, NULL, 10);
	} else if (row->type == CONF_MILLI) {
		v->kind = KIND_REAL;
		v->real = strtod(text, NULL);
	}
}

static int
store_bool(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	(void)row;
	if (v->kind != KIND_BOOL)
		return 0;
	*(bool *)dst = v->number != 0;
	return 1;
}

static int
store_number(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	if (v->kind != KIND_NUMBER || v->number < row->min || v->number > row->max)
		return 0;
	*(unsigned *)dst = (unsigned)v->number;
	return 1;
}

static int
store_milli(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	if (v->kind != KIND_NUMBER && v->kind != KIND_REAL)
		return 0;
	double m = (v->kind == KIND_NUMBER ? (double)v->number : v->real) * 1000;
	if (!(m >= (double)row->min && m <= (double)row->max))
		return 0;
	*(unsigned *)dst = (unsigned)(m + 0.5);
	return 1;
}

static int
store_word(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	if (v->kind != KIND_STRING)
		return 0;
	for (const struct conf_word *w = row->words; w->word; w++) {
		if (!strcmp(w->word, v->string)) {
			*(unsigned *)dst = w->value;
			return 1;
		}
	}
	return 0;
}

/* family_ok: whether the row wants addresses of this family. */
static bool
family_ok(const struct conf_row *row, const struct addr *a)
{
	return !(row->flags & (addr_is_v4(a) ? ROW_V6 : ROW_V4));
}

static int
store_addr(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	struct addr a;
	if (v->kind != KIND_STRING || !addr_parse(v->string, &a) || addr_is_any(&a) || !family_ok(row, &a))
		return 0;
	*(struct addr *)dst = a;
	return 1;
}

static int
store_prefix(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	struct prefix p;
	if (v->kind != KIND_STRING || !prefix_parse(v->string, &p) || !family_ok(row, &p.addr))
		return 0;
	struct prefix net = prefix_mask(p);
	if (row->flags & ROW_HOST_BITS ? !strchr(v->string, '/') : !addr_eq(&net.addr, &p.addr))
		return 0;
	*(struct prefix *)dst = p;
	return 1;
}

/* port_parse: 1 to 65535, digits only. */
static bool
port_parse(const char *s, uint16_t *port)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || !v || v > 65535)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* endpoint_split: "[::1]:443", "[::1]", "10.0.0.1:443"; a bare address has no port, and an IPv6 one its colons. */
static bool
endpoint_split(const char *s, char host[ADDR_STRLEN], const char **port)
{
	bool bracket = *s == '[';
	const char *start = s + bracket;
	size_t n = strcspn(start, bracket ? "]" : ":");
	const char *after = start + n;
	if (bracket && *after != ']')
		return false;
	after += bracket;
	if (!bracket && *after == ':' && strchr(after + 1, ':')) {
		n = strlen(s);
		after = s + n;
	}
	if (n >= ADDR_STRLEN || (*after && *after != ':'))
		return false;
	memcpy(host, start, n);
	host[n] = 0;
	*port = *after ? after + 1 : NULL;
	return true;
}

static int
store_endpoint(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	struct conf_endpoint e = {.port = 0};
	char host[ADDR_STRLEN];
	const char *port;
	if (v->kind != KIND_STRING || !endpoint_split(v->string, host, &port) || !addr_parse(host, &e.addr))
		return 0;
	if ((*v->string == '[' && addr_is_v4(&e.addr)) || (port && !port_parse(port, &e.port)))
		return 0;
	if (!family_ok(row, &e.addr))
		return 0;
	*(struct conf_endpoint *)dst = e;
	return 1;
}

static int
store_range(const struct conf_row *row, const struct conf_value *v, void *dst)
{
	(void)row;
	return v->kind == KIND_STRING && conf_range_parse(v->string, true, dst);
}

static bool
ip4_parse(const char *s, size_t n, uint32_t *ip4)
{
	char text[16];
	struct addr a;
	if (n >= sizeof text)
		return false;
	memcpy(text, s, n);
	text[n] = 0;
	if (!addr_parse(text, &a) || !addr_is_v4(&a))
		return false;
	*ip4 = addr_ip4(&a);
	return true;
}

static bool
lendable(uint32_t first, uint32_t last)
{
	uint32_t net = first >> 24;
	return first <= last && net != 0 && net != 127 && last >> 24 != 127 && last < 0xe0000000u &&
	       last - first < 1u << 24;
}

/* conf_range_parse: with `all`, the ends of a network too. */
bool
conf_range_parse(const char *text, bool all, struct conf_range *out)
{
	struct conf_range r = {.text = text};
	const char *dash = strchr(text, '-');
	struct prefix p;
	if (dash) {
		if (!ip4_parse(text, (size_t)(dash - text), &r.first) ||
		    !ip4_parse(dash + 1, strlen(dash + 1), &r.last))
			return false;
	} else {
		if (!prefix_parse(text, &p) || !addr_is_v4(&p.addr))
			return false;
		uint32_t hosts = p.len ? (uint32_t)((1ull << (32 - p.len)) - 1) : UINT32_MAX;
		r.first = addr_ip4(&p.addr);
		r.last = r.first | hosts;
		bool ends = !all && p.len < 31;
		r.first += ends && !(r.first & hosts);
		r.last -= ends;
	}
	if (!lendable(r.first, r.last))
		return false;
	*out = r;
	return true;
}

/* printable: a control character in a name or a path is a mistake, and would forge lines in a log. */
static bool
printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static bool
string_ok(const struct conf_row *row, const struct conf_value *v)
{
	if (v->kind != KIND_STRING || !printable(v->string))
		return false;
	size_t n = strlen(v->string);
	if (n < (size_t)row->min || n > (size_t)row->max)
		return false;
	return !n || !row->syntax || row->syntax->ok(v->string);
}

/* unset: "" says that a name or an address is not there, where the level above has one. */
static bool
unset(const struct conf_row *row, const struct conf_value *v)
{
	return v->kind == KIND_STRING && !*v->string && !(row->flags & ROW_REQUIRED) && !row->list &&
	       (row->type == CONF_ADDR || row->type == CONF_PREFIX || (row->type == CONF_STRING && !row->min));
}

int
conf_value_store(struct conf_arena *a, const struct conf_row *row, const struct conf_value *v, void *dst)
{
	static int (*const store[])(const struct conf_row *, const struct conf_value *, void *) = {
		[CONF_BOOL] = store_bool,   [CONF_NUMBER] = store_number,     [CONF_MILLI] = store_milli,
		[CONF_WORD] = store_word,   [CONF_ADDR] = store_addr,         [CONF_PREFIX] = store_prefix,
		[CONF_RANGE] = store_range, [CONF_ENDPOINT] = store_endpoint,
	};
	if (unset(row, v)) {
		memset(dst, 0, conf_type_size(row->type));
		return 1;
	}
	if (row->type == CONF_STRING) {
		if (!string_ok(row, v))
			return 0;
		*(const char **)dst = conf_arena_string(a, v->string);
		return *(const char **)dst ? 1 : -ENOMEM;
	}
	int rc = store[row->type](row, v, dst);
	if (rc != 1 || row->type != CONF_RANGE)
		return rc;
	struct conf_range *range = dst;
	range->text = conf_arena_string(a, v->string);
	return range->text ? 1 : -ENOMEM;
}

bool
conf_row_same(const struct conf_row *row, const void *a, const void *b)
{
	if (row->type == CONF_STRING) {
		const char *x = *(const char *const *)a, *y = *(const char *const *)b;
		return x && y ? !strcmp(x, y) : x == y;
	}
	return !memcmp(a, b, row->type == CONF_BOOL ? sizeof(bool) : conf_type_size(row->type));
}

bool
conf_value_equal(const struct conf_row *row, const void *a, const void *b)
{
	if (row->type == CONF_STRING)
		return !strcmp(*(const char *const *)a, *(const char *const *)b);
	if (row->type == CONF_RANGE)
		return false; /* overlap is checked between all pools at once */
	return !memcmp(a, b, conf_type_size(row->type));
}
