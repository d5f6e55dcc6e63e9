/* out.h - JSON text into a bounded buffer.
 *
 * What does not fit sets `overflow` and writes nothing more; the caller cuts the buffer back to where it last was
 * whole.  Written by hand because a row of a million must not cost an allocation per cell; what is read is read by
 * jansson.  The owner of the buffer is its only caller. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <cli/value.h>

/* Invariant: len <= limit, and limit bytes of buf are the caller's. */
struct out {
	char *buf;
	size_t len, limit;
	bool overflow;
};

void out_raw(struct out *o, const char *text);

/* out_string: a JSON string of the n bytes at p, in the safe form of text_unit. */
void out_string(struct out *o, const char *p, size_t n);

/* out_line: as out_string, with tabs left as tabs: text of our own, whose indentation is meant. */
void out_line(struct out *o, const char *p, size_t n);

void out_integer(struct out *o, int64_t v);

/* out_value: the JSON face of v (cli/value.h). */
void out_value(struct out *o, struct cli_value v);

#endif
