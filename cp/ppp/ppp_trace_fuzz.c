/* The trace formatter: any frame, into lines of any size; the first byte gives the size. */
#include <stdlib.h>

#include "ppp/ppp.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	size_t room = 1 + data[0] * 4u;
	char *line = malloc(room);
	uint8_t *frame = malloc(size);
	memcpy(frame, data + 1, size - 1);
	ppp_trace_format(line, room, frame, size - 1);
	if (strlen(line) >= room)
		abort();
	free(line);
	free(frame);
	return 0;
}
