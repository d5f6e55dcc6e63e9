#include "convert.h"

struct cli_value
value_of(enum cli_kind kind, const json_t *v)
{
	if (kind == CLI_STRING && json_is_string(v))
		return cli_stringn(json_string_value(v), json_string_length(v));
	if (kind == CLI_BOOL && json_is_boolean(v))
		return cli_bool(json_is_true(v));
	if (kind == CLI_REAL && json_is_number(v))
		return cli_real(json_number_value(v));
	if (kind > CLI_STRING && kind != CLI_BOOL && kind != CLI_REAL && json_is_integer(v))
		return (struct cli_value){.kind = kind, .integer = json_integer_value(v)};
	return cli_none();
}
