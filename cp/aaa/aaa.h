/* aaa.h - RADIUS in the control plane: authentication, accounting, CoA and Disconnect.
 *
 *	auth.c      the backend "radius" of backend.h: a login becomes an Access-Request, the answer a verdict
 *	map.c       what attributes mean, rate.c what rates do
 *	acct.c      accounting records, acct_session.c what they say, journal.c where they are kept, journal_folder.c on disk
 *	coa.c       CoA and Disconnect
 *	request.c   the attributes that say who and where, in every request
 *
 * The object is made by cp_new when the configuration has a section radius, and lives as long as cp; cp->aaa is NULL
 * otherwise, and all functions below that take a cp or a session do nothing then.  The room radius/ does the protocol.
 *
 * MAIN only.  Memory: at the start; a session's share is in its record.
 */
#ifndef CP_AAA_AAA_H
#define CP_AAA_AAA_H

#include <radius/client.h>
#include <radius/dae.h>

#include "aaa/map.h"
#include "backend.h"
#include "session.h"

#define AAA_LOGINS 2048 /* at once; more are told that nobody answers */
#define AAA_RECORDS 1024
#define AAA_WAIT_S 20  /* for an answer: pppd and Windows wait 30 s and more */
#define AAA_OWN_MAX 64 /* addresses of the machine */
#define AAA_ACCT_COOKIE (UINT64_C(1) << 63)

/* A login that waits for its answer.  Its cookie names slot and turn, so that what has been cancelled is not found. */
struct aaa_login {
	struct login *login;
	uint32_t turn;
	uint16_t next; /* free: the next free one */
};

struct acct;
struct coa_entry;

struct aaa {
	struct cp *cp;
	struct radius_dict *dict;
	struct radius_client *client;
	struct map_conf map;
	struct aaa_login logins[AAA_LOGINS];
	uint16_t free_login;
	struct acct *acct;
	struct radius_dae *dae;  /* NULL: no listener */
	struct coa_entry *index; /* of coa.c */
	struct addr own[AAA_OWN_MAX];
	unsigned n_own;
	uint64_t ignored, malformed; /* attributes, answers */
	int64_t (*wall_s)(void);     /* the wall's seconds: only what is written into records */
};

/* aaa_new: -errno with a sentence in err; *out is NULL when the configuration has no use for it. */
int aaa_new(struct aaa **out, struct cp *cp, struct mono now, char *err, size_t err_len) ON_MAIN;
void aaa_free(struct aaa *a) ON_MAIN;

/* aaa_configure: servers, their secrets, who may send CoA, dictionaries and rates as conf has them.  Sessions notice nothing,
 * requests that are out are answered.  -errno with a sentence in err, then nothing has changed. */
int aaa_configure(struct aaa *a, const struct conf *conf, struct mono now, char *err, size_t err_len) ON_MAIN;

/* aaa_step: in each turn of the loop. */
void aaa_step(struct aaa *a, struct mono now) ON_MAIN;

/* auth.c */
extern const struct backend radius_backend;
void auth_done(struct aaa *a, uint64_t cookie, const struct radius_reply *r, struct mono now) ON_MAIN;

/* request.c: the attributes of every request about s. */
void request_who(const struct aaa *a, const struct session *s, const char *name, struct wr *w) ON_MAIN;
void request_nas(const struct aaa *a, struct wr *w) ON_MAIN;
bool request_adds_nas_address(const struct aaa *a) ON_MAIN;
/* request_sid: Acct-Session-Id as text, into buf of 17 bytes. */
char *request_sid(const struct session *s, char *buf) ON_MAIN;
/* request_user: the name as servers are told it: realm stripped, or added.  Into buf of PPP_NAME_MAX. */
char *request_user(const struct aaa *a, const char *name, char *buf) ON_MAIN;

/* aaa_trace: the attributes of a request or an answer, into the log at debug. */
void aaa_trace(const struct aaa *a, const struct session *s, const char *what, struct radius_walk w) ON_MAIN;

/* aaa_server: "198.51.100.10" into buf of ADDR_STRLEN; aaa_servers: those of the mask, with ports, for the log. */
char *aaa_server(const struct aaa *a, unsigned server, char *buf) ON_MAIN;
char *aaa_servers(const struct aaa *a, uint64_t mask, enum radius_role role, char *buf, size_t n) ON_MAIN;

#endif
