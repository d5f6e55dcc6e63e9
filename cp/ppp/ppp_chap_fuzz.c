/* ppp_input from the Challenge on. */
#include "ppp/fuzz_link.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_link(FUZZ_AT_AUTH, data, size);
}
