/* ppp_input from the Authenticate-Request on. */
#include <string.h>

#include "ppp/fuzz_link.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t copy[4096];
	size_t len = size < sizeof copy ? size : sizeof copy;
	memcpy(copy, data, len);
	if (len)
		copy[0] |= FUZZ_PAP;
	return fuzz_link(FUZZ_AT_AUTH, copy, len);
}
