/* auth.h - the Authentication phase of a link (RFC 1661 3.5), whatever the method.
 *
 * Private to cp/ppp, MAIN.  auth.c asks the owner and carries its verdict; one struct auth_method per row of enum
 * ppp_auth speaks the protocol: chap.c for all of the CHAP family, whose members differ in a struct chap_digest.
 *
 *	server:  IDLE -> CHALLENGED -> (Response) -> DECIDING -> (ppp_auth_result) -> DONE -> (interval) -> CHALLENGED
 *	client:  IDLE -> WAITING -> (Challenge) -> RESPONDED -> (Success) -> DONE
 *
 * With PAP (pap.c) the client speaks first: a server in CHALLENGED has said nothing and waits for the
 * Authenticate-Request, and a client is in RESPONDED from the start.
 */
#ifndef CP_PPP_AUTH_H
#define CP_PPP_AUTH_H

#include "ppp/crypto.h"
#include "ppp/ppp.h"

enum auth_phase { AUTH_IDLE, AUTH_CHALLENGED, AUTH_DECIDING, AUTH_WAITING, AUTH_RESPONDED, AUTH_DONE };

/* One member of the CHAP family. */
struct chap_digest {
	uint8_t challenge_len; /* of a server's challenge */
	uint8_t challenge_min; /* the shortest that a client answers */
	uint8_t response_len;
	/* respond: client: fills p->auth.response and what is needed to judge the Success.  req holds the Challenge. */
	bool (*respond)(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req);
	/* message: server: the text of Success or Failure (ok). */
	void (*message)(struct ppp *p, bool ok, char *out, size_t size);
	/* proved (opt): client: does the text of the Success prove that the server knows the password? */
	bool (*proved)(struct ppp *p, const uint8_t *text, size_t len);
	/* keys (opt): client: keys of the session. */
	bool (*keys)(struct ppp *p, const struct ppp_credentials *cred, struct ppp_keys *keys);
};

struct auth_method {
	const char *name;
	uint16_t proto;    /* value of LCP's Authentication-Protocol option ... */
	uint8_t algorithm; /* ... and, for CHAP, its algorithm (RFC 1994 3, RFC 2759 3); 0: none */
	void (*start)(struct ppp *p, struct mono now);                                    /* LCP is up */
	void (*input)(struct ppp *p, const uint8_t *packet, size_t len, struct mono now); /* from the code on */
	void (*timeout)(struct ppp *p, struct mono now);                                  /* auth.timer */
	void (*verdict)(struct ppp *p, bool ok, struct mono now);                         /* server: say it */
	/* check: ppp_auth_check of this method. */
	bool (*check)(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		      struct ppp_auth_result *result);
	const struct chap_digest *digest; /* NULL: not of the CHAP family */
};

extern const struct chap_digest chap_md5, chap_mschap, chap_mschapv2;

void auth_init(struct ppp *p) ON_MAIN;
void auth_start(struct ppp *p, struct mono now) ON_MAIN;
void auth_stop(struct ppp *p) ON_MAIN;

/* auth_expects: is proto that of the method in use, and LCP up? */
bool auth_expects(const struct ppp *p, uint16_t proto) ANY_THREAD;
void auth_input(struct ppp *p, const uint8_t *packet, size_t len, struct mono now) ON_MAIN;

/* auth_method: NULL for PPP_AUTH_NONE. */
const struct auth_method *auth_method(enum ppp_auth method) ANY_THREAD;

/* auth_ask: server: hands a request to the owner; refuses at once names that no user can have. */
void auth_ask(struct ppp *p, struct ppp_auth_request *req, const struct part *name, struct mono now) ON_MAIN;

/* auth_accepted: client: the server has let us in. */
void auth_accepted(struct ppp *p, const struct ppp_keys *keys, struct mono now) ON_MAIN;

/* auth_repeat: server: says the Success once more. */
void auth_repeat(struct ppp *p, struct mono now) ON_MAIN;

/* auth_wait: arms auth.timer. */
void auth_wait(struct ppp *p, uint32_t ms, struct mono now) ON_MAIN;

/* auth_refused_us: client: the server has said no, in these words. */
void auth_refused_us(struct ppp *p, const struct part *text) ON_MAIN;

/* auth_option_put, auth_option_get: LCP's Authentication-Protocol option (RFC 1661 6.2); get gives PPP_AUTH_NONE for
 * what we do not know. */
void auth_option_put(struct wr *w, uint8_t type, enum ppp_auth method) ANY_THREAD;
enum ppp_auth auth_option_get(const uint8_t *value, size_t len) ANY_THREAD;

/* chap.c */
void chap_start(struct ppp *p, struct mono now) ON_MAIN;
void chap_input(struct ppp *p, const uint8_t *packet, size_t len, struct mono now) ON_MAIN;
void chap_timeout(struct ppp *p, struct mono now) ON_MAIN;
void chap_verdict(struct ppp *p, bool ok, struct mono now) ON_MAIN;

/* chap_digest.c */
bool chap_md5_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		    struct ppp_auth_result *result) ANY_THREAD;
bool chap_mschap_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		       struct ppp_auth_result *result) ANY_THREAD;
bool chap_mschapv2_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
			 struct ppp_auth_result *result) ANY_THREAD;

/* pap.c */
void pap_start(struct ppp *p, struct mono now) ON_MAIN;
void pap_input(struct ppp *p, const uint8_t *packet, size_t len, struct mono now) ON_MAIN;
void pap_timeout(struct ppp *p, struct mono now) ON_MAIN;
void pap_verdict(struct ppp *p, bool ok, struct mono now) ON_MAIN;
bool pap_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
	       struct ppp_auth_result *result) ANY_THREAD;

#endif
