/* ppp_input from the first Configure-Request on. */
#include "ppp/fuzz_link.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_link(FUZZ_AT_LCP, data, size);
}
