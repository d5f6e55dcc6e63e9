/* text.c - bytes of the peer as text. */
#include <stdio.h>

#include "ppp/link.h"

/* Windows puts its magic number, this constant and the number of an error into a Terminate-Request; 0 is its user's
 * own wish. */
#define WINDOWS_MARK 0x003ccd74u
#define WINDOWS_MAGIC_LEN 4
#define WINDOWS_LEN 8

static bool windows_error(const uint8_t *in, size_t len, uint32_t *error);

static bool
is_printable(uint8_t c)
{
	return c >= ' ' && c < 0x7f;
}

void
ppp_printable(char *out, size_t size, const uint8_t *in, size_t len)
{
	size_t n = len < size - 1 ? len : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = is_printable(in[i]) ? (char)in[i] : '.';
	out[n] = 0;
}

bool
ppp_is_text(const uint8_t *in, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += is_printable(in[i]);
	return n * 4 >= len * 3;
}

void
ppp_term_decode(char *out, size_t size, const uint8_t *in, size_t len)
{
	uint32_t error;
	bool with_magic =
		len > WINDOWS_MAGIC_LEN && windows_error(in + WINDOWS_MAGIC_LEN, len - WINDOWS_MAGIC_LEN, &error);
	if (!with_magic && !windows_error(in, len, &error))
		ppp_printable(out, size, in, len);
	else if (error)
		snprintf(out, size, "error %u", error);
	else
		snprintf(out, size, "hung up");
}

/* The numbers of errors are small: a large one has its bytes the other way round. */
static bool
windows_error(const uint8_t *in, size_t len, uint32_t *error)
{
	if (len < WINDOWS_LEN || be32(in) != WINDOWS_MARK)
		return false;
	*error = be32(in + 4);
	if (*error > UINT16_MAX)
		*error = __builtin_bswap32(*error);
	return true;
}
