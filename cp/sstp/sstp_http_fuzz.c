/* Any bytes as a head, of a request and of an answer. */
#include <stdlib.h>

#include <dp/sstp.h>

#include "sstp/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
inside(const struct http_span *s, const uint8_t *bytes, size_t len)
{
	if (s->len && (s->p < (const char *)bytes || s->p + s->len > (const char *)bytes + len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct http_head h;
	char out[HTTP_ANSWER_MAX];
	uint32_t end = sstp_head_end(bytes, (uint32_t)len, 0);
	if (end > len || (end && bytes[end - 1] != '\n'))
		abort();
	if (!http_answer_parse(bytes, len, &h) && h.status > 999)
		abort();
	if (!http_request_parse(bytes, len, &h)) {
		http_judge(&h, len & 1 ? "vpn.example.com" : NULL);
		http_build_redirect(out, "https://example.com", &h.target, "");
	}
	const struct http_span *spans[] = {&h.first, &h.method, &h.target, &h.host, &h.correlation, &h.location};
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		inside(spans[i], bytes, len);
	return 0;
}
