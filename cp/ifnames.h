/* ifnames.h - the numbers in interface names: lowest free, as operators expect of l2tp%d.
 *
 * A bitmap with a hint below which all are taken; taking one looks at 64 a step.  MAIN only; sized at start.
 */
#ifndef CP_IFNAMES_H
#define CP_IFNAMES_H

#include <stdint.h>

#include <millrace/role.h>

#define IFNAME_LEN 32

struct ifnames {
	uint64_t *taken;
	uint32_t words;
	uint32_t full_below; /* words before this one have no free bit */
};

/* ifnames_init: numbers 0 .. n-1.  -ENOMEM. */
int ifnames_init(struct ifnames *f, uint32_t n) ON_MAIN;
void ifnames_fini(struct ifnames *f) ON_MAIN;

/* ifnames_take: the lowest free number, or -1. */
int32_t ifnames_take(struct ifnames *f) ON_MAIN;
void ifnames_release(struct ifnames *f, int32_t number) ON_MAIN;

/* ifnames_format: pattern with its one %d replaced, into out of IFNAME_LEN. */
void ifnames_format(char *out, const char *pattern, int32_t number) ANY_THREAD;

#endif
