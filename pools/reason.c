#include <pools/reason.h>

const char *
pool_reason_text(enum pool_reason r)
{
	static const char *const text[] = {
#define POOL_REASON(name, text) [POOL_##name] = text,
#include <pools/reason.def>
#undef POOL_REASON
	};
	return (unsigned)r < POOL_N_REASONS ? text[r] : "unknown reason";
}
