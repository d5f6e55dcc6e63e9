/* backend.h - who decides whether a subscriber may come in: the local users, a RADIUS server.
 *
 * authentication.mode lists them; admission.c asks one after the other.  A backend answers in the call, or later by
 * admission_verdict; YES and NO end the matter, SILENCE asks the next.  Until it has answered it may be told to cancel:
 * the session ends, or its peer has begun again.  It answers nothing after that.
 *
 *	ask() -> BACKEND_ANSWERED, *verdict filled
 *	ask() -> BACKEND_PENDING ... admission_verdict(login, &verdict, now)
 *	ask() -> BACKEND_PENDING ... cancel(login)
 *
 * A backend that comes from another room replaces the row cp->backends[CONF_MODE_...] after cp_new.
 *
 * MAIN only.  A login is admission.c's: valid from ask until the answer or cancel.
 */
#ifndef CP_BACKEND_H
#define CP_BACKEND_H

#include "ppp/ppp.h"
#include "profile.h"

struct cp;
struct session;

enum verdict_kind { VERDICT_NO, VERDICT_YES, VERDICT_SILENCE };

/* verdict: a backend's word.  It starts with verdict_init; profile passes to whom the verdict is given. */
struct verdict {
	enum verdict_kind kind;
	struct ppp_auth_result result; /* YES: auth_response, keys; NO: error, cause */
	char text[128];         /* for the peer (RFC 1994 4.2), when the backend has words of its own; "" otherwise */
	char why[96];           /* for the log: "wrong password" */
	char by[64];            /* "local", "radius 198.51.100.10" */
	struct profile profile; /* YES: what the subscriber gets */
};

/* login: one proof of one peer, on its way.  The request is a copy that stays. */
struct login {
	struct session *s;
	struct ppp_auth_request req;
	void *state;              /* the backend's own, from ask to the answer or cancel */
	const struct backend *at; /* asked last */
	unsigned next;            /* place in authentication.mode of who is asked next */
	bool pending;             /* `at` has not answered */
	unsigned most;            /* sessions that the user may have, 0: any number; once that is known */
	bool decided;             /* `verdict` is YES and waits for the user's older sessions to be gone */
	struct verdict verdict;
	struct timer leave; /* decided: when the patience with these is over */
	char name[PPP_NAME_MAX];
	uint8_t challenge[UINT8_MAX], response[UINT8_MAX];
};

enum backend_answer { BACKEND_ANSWERED, BACKEND_PENDING };

struct backend {
	const char *name;
	enum backend_answer (*ask)(struct cp *cp, struct login *login, struct verdict *verdict, struct mono now);
	void (*cancel)(struct cp *cp, struct login *login); /* NULL: it always answers at once */
};

/* verdict_init: NO, without a reason, nothing said in the profile. */
static inline void
verdict_init(struct verdict *v, const struct login *login)
{
	*v = (struct verdict){.kind = VERDICT_NO, .result = {.serial = login->req.serial}};
}

extern const struct backend local_backend; /* users.c */

#endif
