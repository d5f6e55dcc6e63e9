/* drop.h - drop.def as an enum and as rows.  Constant data, any thread. */
#ifndef DP_DROP_H
#define DP_DROP_H

enum drop {
	DROP_NONE,
#define DROP(name, ...) DROP_##name,
#include "drop.def"
#undef DROP
	DROP_COUNT
};

enum drop_blame { DROP_BLAME_PEER, DROP_BLAME_LOAD, DROP_BLAME_POLICY, DROP_BLAME_US };

struct drop_row {
	const char *name, *stage, *text, *reference;
	enum drop_blame blame;
};

/* drop_row: never NULL for 1 <= drop < DROP_COUNT. */
const struct drop_row *drop_row(enum drop drop);

/* drop_blame_name: "peer", "load", "policy", "us". */
const char *drop_blame_name(enum drop_blame blame);

#endif
