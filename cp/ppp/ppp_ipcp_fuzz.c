/* ppp_input with LCP open and the peer authenticated. */
#include "ppp/fuzz_link.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_link(FUZZ_AT_IPCP, data, size);
}
