#include "out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "text.h"

static void
out_bytes(struct out *o, const char *p, size_t n)
{
	if (o->overflow || o->limit - o->len < n) {
		o->overflow = true;
		return;
	}
	memcpy(o->buf + o->len, p, n);
	o->len += n;
}

void
out_raw(struct out *o, const char *text)
{
	out_bytes(o, text, strlen(text));
}

static void
out_safe(struct out *o, const char *p, size_t n)
{
	const char *end = p + n;
	while (p < end && !o->overflow) {
		char unit[4];
		size_t k = text_unit(&p, end, unit);
		/* A safe unit has no control character; quote and backslash are left to escape (RFC 8259 section 7). */
		if (unit[0] == '"' || unit[0] == '\\')
			out_bytes(o, "\\", 1);
		out_bytes(o, unit, k);
	}
}

void
out_string(struct out *o, const char *p, size_t n)
{
	out_bytes(o, "\"", 1);
	out_safe(o, p, n);
	out_bytes(o, "\"", 1);
}

void
out_line(struct out *o, const char *p, size_t n)
{
	const char *tab;
	out_bytes(o, "\"", 1);
	while ((tab = memchr(p, '\t', n))) {
		out_safe(o, p, (size_t)(tab - p));
		out_bytes(o, "\\t", 2);
		n -= (size_t)(tab + 1 - p);
		p = tab + 1;
	}
	out_safe(o, p, n);
	out_bytes(o, "\"", 1);
}

void
out_integer(struct out *o, int64_t v)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%" PRId64, v);
	out_raw(o, digits);
}

static void
out_real(struct out *o, double v)
{
	char digits[352]; /* DBL_MAX has 309 digits before the point */
	snprintf(digits, sizeof digits, "%.3f", v);
	/* RFC 8259 section 6 has no infinity and no NaN. */
	out_raw(o, isfinite(v) ? digits : "null");
}

void
out_value(struct out *o, struct cli_value v)
{
	switch (v.kind) {
	case CLI_NONE:
		out_raw(o, "null");
		return;
	case CLI_STRING:
		out_string(o, v.string.p, v.string.n);
		return;
	case CLI_BOOL:
		out_raw(o, v.integer ? "true" : "false");
		return;
	case CLI_REAL:
		out_real(o, v.real);
		return;
	default:
		out_integer(o, v.integer);
	}
}
