/* reason.h - what the calls of this room return: POOL_OK (0), or why not. */
#ifndef POOLS_REASON_H
#define POOLS_REASON_H

#include <millrace/role.h>

enum pool_reason {
#define POOL_REASON(name, text) POOL_##name,
#include <pools/reason.def>
#undef POOL_REASON
	POOL_N_REASONS
};

/* pool_reason_text: one line without a full stop; static. */
const char *pool_reason_text(enum pool_reason r) ANY_THREAD;

#endif
