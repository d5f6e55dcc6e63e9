/* coa.h - CoA and Disconnect (RFC 5176): which session is meant, and what is to change.
 *
 * Sessions that have been up are in an index by Acct-Session-Id, Framed-IP-Address, NAS-Port-Id, Framed-IPv6-Prefix,
 * User-Name and Calling-Station-Id: the first of these that a request names is looked up, the others must agree.  A
 * request changes one session: with none it is 503, with several 508.  All attributes of a CoA-Request apply, or none.
 *
 * MAIN only.
 */
#ifndef CP_AAA_COA_H
#define CP_AAA_COA_H

#include "aaa/aaa.h"

/* coa_new: the listener, when the configuration has one; -errno with a sentence in err. */
int coa_new(struct aaa *a, char *err, size_t err_len) ON_MAIN;
void coa_free(struct aaa *a) ON_MAIN;
/* coa_configure: who may send requests; harmless without a listener.  Its address and port are those of the start. */
int coa_configure(struct aaa *a, const struct conf_radius *c, char *err, size_t err_len) ON_MAIN;

/* coa_join: s is up: it can be found from now on; coa_leave: harmless when it cannot. */
void coa_join(struct session *s) ON_MAIN;
void coa_leave(struct session *s) ON_MAIN;

/* coa_find_sid: NULL when there is none. */
struct session *coa_find_sid(const struct aaa *a, uint64_t sid) ON_MAIN;

/* coa_request: radius_dae's upcall; owner is the struct aaa. */
enum radius_error_cause coa_request(void *owner, const struct radius_dae_request *r, struct mono now) ON_MAIN;

#endif
