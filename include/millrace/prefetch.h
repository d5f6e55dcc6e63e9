/* prefetch.h - fetches an object of several cache lines ahead of its use.
 *
 * A loop of its own for each line costs three instructions more than the fetch: it is unrolled, in optimised builds, so `bytes` is a
 * constant.  Any thread; no state.
 */
#ifndef MILLRACE_PREFETCH_H
#define MILLRACE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define PREFETCH_LINE 64

/* prefetch_lines: at most 16 of them.  An object that may begin anywhere in a line: prefetch_object. */
static inline __attribute__((always_inline)) void
prefetch_lines(const void *p, size_t bytes)
{
#pragma GCC unroll 16
	for (size_t at = 0; at < bytes; at += PREFETCH_LINE)
		__builtin_prefetch((const uint8_t *)p + at);
}

static inline __attribute__((always_inline)) void
prefetch_object(const void *p, size_t bytes)
{
	prefetch_lines(p, bytes);
	__builtin_prefetch((const uint8_t *)p + bytes - 1);
}

#endif
