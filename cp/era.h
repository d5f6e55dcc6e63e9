/* era.h - a configuration in force, and what was: as long as a session lives that began under it.
 *
 * PPP links share their struct ppp_conf, whose strings are the configuration's: a reload must not pull these from under
 * them.  So each session refers to the era that it began in; an era ends when another one is in force and its last
 * session is gone.  MAIN only.
 */
#ifndef CP_ERA_H
#define CP_ERA_H

#include "conf/conf.h"
#include "ppp/ppp.h"

struct era {
	unsigned refs;      /* of sessions, and one while it is in force */
	struct conf *owned; /* freed with it; NULL: conf is the caller's */
	struct ppp_conf ppp[CONF_PROTOCOLS];
};

/* era_new: with one reference; NULL: no memory. */
struct era *era_new(const struct conf *conf, const struct ppp_crypto *crypto) ON_MAIN;

struct era *era_get(struct era *e) ON_MAIN;
void era_put(struct era *e) ON_MAIN;

#endif
