/* Any bytes as a PROXY header. */
#include <stdlib.h>

#include <dp/proxy.h>

#include "sstp/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct proxy p;
	int n = proxy_length(bytes, len);
	if (n > PROXY_MAX || (n > 0 && n < PROXY_FIXED_LEN))
		abort();
	if (n > 0 && (size_t)n <= len)
		proxy_parse(bytes, (size_t)n, &p);
	if (proxy_parse(bytes, len, &p) && (n < 0 || (size_t)n != len))
		abort();
	return 0;
}
