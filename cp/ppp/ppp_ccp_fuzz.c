/* ppp_input with the peer authenticated and CCP begun: the byte behind the switches is the MPPE configuration. */
#include "ppp/fuzz_link.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_link(FUZZ_AT_CCP, data, size);
}
