#include "scan.h"

#include <string.h>

#include <millrace/bytes.h>

enum { CHANGE_CIPHER_SPEC = 20, DATA = 23 };

static void
record_begins(struct scan *s)
{
	s->left = be16(s->header + 3);
	s->data_records += s->header[0] == DATA;
	if (s->header[0] == CHANGE_CIPHER_SPEC)
		s->behind_ccs = true;
}

static void
body(struct scan *s, const uint8_t *p, size_t n)
{
	size_t missing = sizeof s->explicit - s->explicit_have, k = n < missing ? n : missing;
	if (!s->behind_ccs || s->header[0] == CHANGE_CIPHER_SPEC)
		return;
	memcpy(s->explicit + s->explicit_have, p, k);
	s->explicit_have = (uint8_t)(s->explicit_have + k);
}

void
scan_output(struct scan *s, const uint8_t *p, size_t n)
{
	while (n) {
		size_t k = s->have < sizeof s->header ? 1 : n < s->left ? n : s->left;
		if (s->have < sizeof s->header) {
			s->header[s->have++] = *p;
			if (s->have == sizeof s->header)
				record_begins(s);
		} else {
			body(s, p, k);
			s->left = (uint16_t)(s->left - k);
		}
		if (s->have == sizeof s->header && !s->left)
			s->have = 0;
		p += k;
		n -= k;
	}
}
