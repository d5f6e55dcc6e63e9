/* users.h - the local users of the configuration: found by name, checked by password.
 *
 * The backend "local" (backend.h): it always answers at once, and what a user's entry says becomes his profile.  The
 * peer is told the same whatever the reason of a refusal; the log says which.
 *
 * MAIN only; rebuilt from a configuration, no copy of it is kept.
 */
#ifndef CP_USERS_H
#define CP_USERS_H

#include "conf/conf.h"

struct users_entry;

struct users {
	struct users_entry *by_name;
};

/* users_init: indexes conf's local users.  -ENOMEM. */
int users_init(struct users *u, const struct conf *conf) ON_MAIN;
void users_fini(struct users *u) ON_MAIN;

/* users_find: by the name as sent, else, of DOMAIN\user, by the bare one; NULL. */
const struct conf_user *users_find(const struct users *u, const char *name) ON_MAIN;

#endif
