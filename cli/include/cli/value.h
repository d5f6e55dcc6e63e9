/* value.h - one typed value of an answer: a cell of a table or an item of an object.
 *
 * The kind decides both faces of a value: JSON gets numbers, the text gets what people read.
 *
 *	kind           JSON           text
 *	CLI_NONE       null           (empty)
 *	CLI_STRING     "l2tp0"        l2tp0
 *	CLI_INTEGER    42             42
 *	CLI_REAL       12.346         12.3
 *	CLI_BOOL       true           yes
 *	CLI_BYTES      16691          16.3 KiB
 *	CLI_DURATION   946            00:15:46      seconds; 1.00:15:46 from a day on
 *
 * A string is borrowed: it must live until the reply function that it is given to returns.  It may come from a peer:
 * bytes that are not UTF-8 and control characters leave as \xNN, so a name can neither break the reply nor drive the
 * reader's terminal.  Any thread; no state.
 */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum cli_kind { CLI_NONE, CLI_STRING, CLI_INTEGER, CLI_REAL, CLI_BOOL, CLI_BYTES, CLI_DURATION };

struct cli_value {
	enum cli_kind kind;
	union {
		struct {
			const char *p;
			size_t n;
		} string;
		int64_t integer; /* also bytes, seconds, and 0 or 1 of a bool */
		double real;
	};
};

static inline struct cli_value
cli_none(void)
{
	return (struct cli_value){.kind = CLI_NONE};
}

/* cli_stringn: n bytes at p, as they came from the wire; NULL is no value. */
static inline struct cli_value
cli_stringn(const void *p, size_t n)
{
	if (!p)
		return cli_none();
	return (struct cli_value){.kind = CLI_STRING, .string = {p, n}};
}

static inline struct cli_value
cli_string(const char *s)
{
	return cli_stringn(s, s ? strlen(s) : 0);
}

static inline struct cli_value
cli_integer(int64_t v)
{
	return (struct cli_value){.kind = CLI_INTEGER, .integer = v};
}

static inline struct cli_value
cli_real(double v)
{
	return (struct cli_value){.kind = CLI_REAL, .real = v};
}

static inline struct cli_value
cli_bool(bool v)
{
	return (struct cli_value){.kind = CLI_BOOL, .integer = v};
}

static inline struct cli_value
cli_bytes(uint64_t bytes)
{
	return (struct cli_value){.kind = CLI_BYTES, .integer = (int64_t)bytes};
}

static inline struct cli_value
cli_duration(int64_t seconds)
{
	return (struct cli_value){.kind = CLI_DURATION, .integer = seconds};
}

#endif
