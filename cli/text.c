#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char *const kind_names[] = {
	[CLI_NONE] = "none", [CLI_STRING] = "string", [CLI_INTEGER] = "integer",   [CLI_REAL] = "real",
	[CLI_BOOL] = "bool", [CLI_BYTES] = "bytes",   [CLI_DURATION] = "duration",
};

const char *
text_kind_name(enum cli_kind kind)
{
	return kind_names[kind];
}

enum cli_kind
text_kind(const char *name)
{
	for (unsigned k = 0; k < sizeof kind_names / sizeof kind_names[0]; k++)
		if (!strcmp(name, kind_names[k]))
			return (enum cli_kind)k;
	return CLI_NONE;
}

/* utf8_len: the length of the well-formed sequence at p (RFC 3629 section 4), or 0. */
static size_t
utf8_len(const unsigned char *p, size_t left)
{
	unsigned char lead = p[0], low = 0x80, high = 0xbf;
	size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
	if (len == 0 || len > left)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	if (lead == 0xed)
		high = 0x9f;
	if (lead == 0xf0)
		low = 0x90;
	if (lead == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < len; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

size_t
text_unit(const char **p, const char *end, char unit[4])
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)*p;
	size_t len = utf8_len(s, (size_t)(end - *p));
	bool control = s[0] < 0x20 || s[0] == 0x7f || (len == 2 && s[0] == 0xc2 && s[1] < 0xa0);
	if (len && !control) {
		memcpy(unit, s, len);
		*p += len;
		return len;
	}
	unit[0] = '\\';
	unit[1] = 'x';
	unit[2] = hex[s[0] >> 4];
	unit[3] = hex[s[0] & 15];
	*p += 1;
	return 4;
}

static size_t
text_string(char *buf, size_t size, const char *p, size_t n)
{
	const char *end = p + n;
	size_t len = 0;
	while (p < end) {
		char unit[4];
		size_t k = text_unit(&p, end, unit);
		if (len + k >= size)
			break;
		memcpy(buf + len, unit, k);
		len += k;
	}
	buf[len] = '\0';
	return len;
}

static int
text_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	if (bytes < 1024)
		return snprintf(buf, size, "%" PRIu64 " B", bytes);
	double v = (double)bytes / 1024;
	unsigned u = 0;
	/* 1023.95 would print as 1024.0 of the smaller unit. */
	while (v >= 1023.95 && u < 5) {
		v /= 1024;
		u++;
	}
	return snprintf(buf, size, "%.1f %s", v, units[u]);
}

static int
text_duration(char *buf, size_t size, int64_t s)
{
	const char *sign = s < 0 ? "-" : "";
	uint64_t t = s < 0 ? 0 - (uint64_t)s : (uint64_t)s;
	unsigned hh = (unsigned)(t / 3600 % 24), mm = (unsigned)(t / 60 % 60), ss = (unsigned)(t % 60);
	if (t < 86400)
		return snprintf(buf, size, "%s%02u:%02u:%02u", sign, hh, mm, ss);
	return snprintf(buf, size, "%s%" PRIu64 ".%02u:%02u:%02u", sign, t / 86400, hh, mm, ss);
}

static int
text_real(char *buf, size_t size, double v)
{
	return isfinite(v) ? snprintf(buf, size, "%.1f", v) : snprintf(buf, size, "-");
}

static int
text_number(char *buf, size_t size, struct cli_value v)
{
	switch (v.kind) {
	case CLI_INTEGER:
		return snprintf(buf, size, "%" PRId64, v.integer);
	case CLI_REAL:
		return text_real(buf, size, v.real);
	case CLI_BOOL:
		return snprintf(buf, size, "%s", v.integer ? "yes" : "no");
	case CLI_BYTES:
		return text_bytes(buf, size, (uint64_t)v.integer);
	case CLI_DURATION:
		return text_duration(buf, size, v.integer);
	default:
		return snprintf(buf, size, "%s", "");
	}
}

size_t
text_value(char *buf, size_t size, struct cli_value v)
{
	if (v.kind == CLI_STRING)
		return text_string(buf, size, v.string.p, v.string.n);
	int n = text_number(buf, size, v);
	return (size_t)n < size ? (size_t)n : size - 1;
}

size_t
text_width(const char *s, size_t n)
{
	size_t width = 0;
	for (size_t i = 0; i < n; i++)
		width += ((unsigned char)s[i] & 0xc0) != 0x80;
	return width;
}
