/* convert.h - from the JSON of an answer back to typed values.  The program only. */
#ifndef CLI_CONVERT_H
#define CLI_CONVERT_H

#include <cli/value.h>
#include <jansson.h>

/* value_of: v as a value of `kind`; CLI_NONE for null and for what is not of it.  Strings are borrowed from v. */
struct cli_value value_of(enum cli_kind kind, const json_t *v);

#endif
