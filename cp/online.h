/* online.h - whose sessions are whose: the index of sessions by user name, over all protocols.
 *
 * A session is in it from the moment its user has proved himself until it is freed, also while it waits for another one
 * of the same user to go.  MAIN only.
 */
#ifndef CP_ONLINE_H
#define CP_ONLINE_H

#include "session.h"

/* online_join: s, which is in nowhere, is one of this user's; -ENOMEM. */
int online_join(struct session *s, const char *name) ON_MAIN;

/* online_leave: harmless when s is in nowhere. */
void online_leave(struct session *s) ON_MAIN;

/* online_other: another session of the user of s, or NULL. */
struct session *online_other(const struct session *s) ON_MAIN;

/* online_others: how many of these there are, at most `most`. */
unsigned online_others(const struct session *s, unsigned most) ON_MAIN;

/* online_end_others: ends sessions of the user of s but s and the newest `keep` of those that are not ending already. */
void online_end_others(struct session *s, unsigned keep,
		       void (*end)(struct session *s, enum cause cause, struct mono now), enum cause cause,
		       struct mono now) ON_MAIN;

/* online_wait: the login of s waits for room (1), or no more (-1).  online_waiting: the first of the user of s that does,
 * or NULL. */
void online_wait(const struct session *s, int by) ON_MAIN;
struct session *online_waiting(const struct session *s) ON_MAIN;

/* online_first: any session of the user of this name, or NULL; online_next: the next one of the same. */
struct session *online_first(const struct cp *cp, const char *name) ON_MAIN;
struct session *online_next(const struct session *s) ON_MAIN;

void online_fini(struct cp *cp) ON_MAIN;

#endif
