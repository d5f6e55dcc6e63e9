/* reload.h - the configuration file read again: users, pools, secrets, and all that takes no restart.
 *
 * The file is read whole, checked whole, and applied whole, or refused with file, line and key: then nothing has changed.
 * Reading happens on a thread of its own that lives as long as it takes: a file of a million users, or certificates on a
 * slow disk, are no moment of MAIN.
 *
 * What it does to sessions that are up: nothing.  They keep their address, also when no pool has it any more: it is not
 * lent to anybody else and goes when they go.  They keep PPP's options, time-outs and routes of their era (era.h).  A user
 * who is gone from the file, or disabled, stays online until his session ends or authentication.interval asks for him.  New logins see the new file alone.
 *
 *	reload_begin -> reload_step in each turn of the loop ... until reload_result answers
 *
 * MAIN only, but for the reading.
 */
#ifndef CP_RELOAD_H
#define CP_RELOAD_H

#include "cp.h"

struct reload;

/* reload_new: of the file that cp was started with; NULL: no memory. */
struct reload *reload_new(struct cp *cp, const char *path) ON_MAIN;

/* reload_free: waits for the reading to end. */
void reload_free(struct reload *r) ON_MAIN;

/* reload_begin: reads the file, or, while that is going on already, once more afterwards.  Returns a ticket. */
uint64_t reload_begin(struct reload *r) ON_MAIN;

/* reload_step: applies what has been read. */
void reload_step(struct reload *r) ON_MAIN;

/* reload_result: NULL while the ticket's turn has not come or is not over; else *ok and a sentence. */
const char *reload_result(const struct reload *r, uint64_t ticket, bool *ok) ON_MAIN;

/* reload_apply: conf and tls (NULL: handshakes stay as they are) are in force and cp's, or -errno with a sentence in err
 * and the caller's still. */
struct tls_contexts;
int reload_apply(struct cp *cp, struct conf *conf, struct tls_contexts *tls, char *err, size_t err_len) ON_MAIN;

#endif
