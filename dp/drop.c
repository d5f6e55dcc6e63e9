#include <dp/drop.h>

static const struct drop_row rows[DROP_COUNT] = {
/* clang-format off */
#define DROP(name, stage, blame, text, reference) [DROP_##name] = {#name, stage, text, reference, DROP_BLAME_##blame},
#include <dp/drop.def>
#undef DROP
	/* clang-format on */
};

const struct drop_row *
drop_row(enum drop drop)
{
	return &rows[drop];
}

const char *
drop_blame_name(enum drop_blame blame)
{
	static const char *const names[] = {
		[DROP_BLAME_PEER] = "peer",
		[DROP_BLAME_LOAD] = "load",
		[DROP_BLAME_POLICY] = "policy",
		[DROP_BLAME_US] = "us",
	};
	return names[blame];
}
