/* freeradius.h - for tests: a private FreeRADIUS on the loopback, with the configuration of tests/radius/raddb.
 *
 * It is a child of the test, never a service, and ends with it.  RADDB in the environment names the configuration.
 */
#ifndef RADIUS_FREERADIUS_H
#define RADIUS_FREERADIUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct freeradius {
	char folder[64];
	uint16_t auth_port, acct_port;
	pid_t pid;
};

/* freeradius_start: false: it is not installed, or does not start; the reason is on stderr. */
bool freeradius_start(struct freeradius *f);
void freeradius_stop(struct freeradius *f);

/* freeradius_records: how often this text is in the detail file. */
unsigned freeradius_records(const struct freeradius *f, const char *text);

#endif
