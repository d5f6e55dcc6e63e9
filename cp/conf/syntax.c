/* syntax.c - the forms of names. */
#include <string.h>

#include "conf/row.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static bool
name_ok(const char *s)
{
	return strspn(s, NAME_CHARS) == strlen(s);
}

/* pattern_ok: one %d, and no other %: it is a format. */
static bool
pattern_ok(const char *s)
{
	size_t before = strspn(s, NAME_CHARS);
	return before && !strncmp(s + before, "%d", 2) && name_ok(s + before + 2);
}

const struct conf_syntax conf_syntax_name = {name_ok, "letters, digits and . _ -"};
const struct conf_syntax conf_syntax_ifname = {name_ok, "letters, digits and . _ -, at most 15"};
const struct conf_syntax conf_syntax_ifname_pattern = {pattern_ok, "a name with one %d, such as \"l2tp%d\""};

static bool
numbered_by(const char *pattern, const char *name)
{
	size_t before = strcspn(pattern, "%"), digits;
	if (strncmp(pattern, name, before) != 0)
		return false;
	digits = strspn(name + before, "0123456789");
	return digits && !strcmp(name + before + digits, pattern + before + 2);
}

bool
conf_ifname_numbered(const struct conf *c, const char *name)
{
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		if (numbered_by(conf_access_of(c, p)->ifname, name))
			return true;
	return false;
}
