/* ppp.h - one PPP link: LCP, authentication, CCP with MPPE, IPCP.
 *
 * What: the negotiation of one point-to-point link in either role.  A PPP_SERVER asks its peer to authenticate and
 * hands out addresses; a PPP_CLIENT answers challenges and asks for an address.  PPP sees its tunnel as a struct bearer
 * and its session as an owner with upcalls; it knows neither.  It carries no data packet: the dataplane does, and
 * answers LCP echo requests while it can; what it needs to know is told by `link_up`, `ncp_opening` and `ncp_down`.
 *
 * Thread: MAIN.  Memory: struct ppp is the caller's, embedded in its session record; nothing is allocated.  No globals,
 * no clock: `now` is passed in, timers live in the caller's struct timers.  struct ppp_conf is shared by links, never
 * written while one uses it, and outlives them, as do the strings it points to.
 *
 * Life: init -> bearer_up -> input* -> (terminate | bearer_down | the peer ends it) -> down upcall -> fini.
 *	`down` is the last upcall, comes exactly once for every link that was brought up or ended, and is the last thing
 *	PPP does with the link in that call: the owner may call ppp_fini and free the record inside it.  Ending from
 *	inside another upcall is allowed: it happens when that upcall has returned.  PPP never calls bearer->ops->close;
 *	the owner does, once `down` has told it the cause.
 *
 * A server, in ten lines (a client only differs in role and gives `credentials`):
 *	static const struct ppp_ops ops = {.auth_request = on_auth, .ncp_opening = open_gate, .ncp_up = started,
 *		.ncp_down = close_gate, .link_up = set_mru, .down = on_down};
 *	ppp_conf_init(&conf, ppp_crypto_new(&why));               // once; see struct ppp_conf for what to set
 *	ppp_init(&s->ppp, &(struct ppp_args){.role = PPP_SERVER, .conf = &conf, .ops = &ops, .owner = s,
 *		.bearer = b, .timers = timers, .stats = &stats});
 *	ppp_bearer_up(&s->ppp, now);                              // the call is up: first Configure-Request goes out
 *	ppp_input(&s->ppp, frame, len, now);                      // each control frame that dp punts
 *	on_auth(s, req): r = ppp_auth_check(crypto, req, password, &result) ... result.ip4 = {...};
 *		ppp_auth_result(&s->ppp, &result, now);           // at once or later; on failure too
 *	ppp_terminate(&s->ppp, CAUSE_ADMIN_RESET, now);           // Terminate-Request, then on_down(s, cause)
 *	on_down(s, cause): b->ops->close(b, cause, now); ppp_fini(&s->ppp);
 *
 * RFC 1661 (PPP), 1570 (LCP extensions), 1334 (PAP), 1994 (CHAP), 2433 (MS-CHAP), 2759 (MS-CHAPv2), 3079 (keys), 1962
 * (CCP), 3078 (MPPE), 1332 (IPCP), 1877 (DNS and WINS).
 */
#ifndef CP_PPP_PPP_H
#define CP_PPP_PPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/mono.h>
#include <millrace/role.h>

#include "bearer.h"
#include "cause.h"
#include "ppp/fsm.h"
#include "timer.h"

/* PPP protocol numbers (https://www.iana.org/assignments/ppp-numbers) */
#define PPP_IP 0x0021
#define PPP_IPV6 0x0057
#define PPP_COMP 0x00fd
#define PPP_IPCP 0x8021
#define PPP_IPV6CP 0x8057
#define PPP_CCP 0x80fd
#define PPP_LCP 0xc021
#define PPP_PAP 0xc023
#define PPP_CHAP 0xc223

#define PPP_NAME_MAX 256
#define PPP_FRAME_MAX (2 + FSM_PACKET_MAX) /* the longest frame PPP sends, protocol field included */

#define PPP_HELD_MAX 128 /* a request of IPCP with all its options has 36 octets */

struct ppp_crypto;

enum ppp_role { PPP_SERVER, PPP_CLIENT };

enum ppp_auth {
	PPP_AUTH_NONE,
	PPP_AUTH_PAP,
	PPP_AUTH_CHAP_MD5,
	PPP_AUTH_MSCHAP,
	PPP_AUTH_MSCHAPV2,
	PPP_AUTH_COUNT,
};

/* What the operator thinks of a protocol or an option: refuse it; take it when the peer asks; ask and live without;
 * ask, or end. */
enum ppp_policy { PPP_DENY, PPP_ALLOW, PPP_PREFER, PPP_REQUIRE };

/* Strengths of MPPE (RFC 3078 2.1), to be or'ed. */
enum ppp_mppe_strength { PPP_MPPE_40 = 1, PPP_MPPE_56 = 2, PPP_MPPE_128 = 4 };

/* RFC 1661 3.2: phases of a link. */
enum ppp_phase { PPP_DEAD, PPP_ESTABLISH, PPP_AUTHENTICATE, PPP_NETWORK, PPP_TERMINATE };

/* Configuration, shared and immutable.  ppp_conf_init fills in the defaults given in brackets. */
struct ppp_conf {
	uint16_t mru;                    /* what we ask to receive [1400] */
	uint16_t mtu;                    /* the most we ever send, whatever the peer's MRU [1400] */
	uint16_t min_mtu;                /* an MRU of the peer below this is naked, then ends the link [100] */
	uint8_t auth[PPP_AUTH_COUNT];    /* enum ppp_auth: server: offered in this order; client: willing to answer */
	uint8_t n_auth;                  /* [MS-CHAPv2, CHAP-MD5] */
	bool noauth;                     /* server: n_auth may be 0, anyone is let in as PPP_AUTH_NONE [false] */
	uint8_t acfc, pfc;               /* enum ppp_policy of header compression [PPP_DENY] */
	uint8_t ipv4;                    /* server: enum ppp_policy of IPCP; a client asks [PPP_PREFER] */
	bool ask_dns;                    /* client: ask for name servers [true] */
	uint8_t mppe;                    /* enum ppp_policy of MPPE; DENY rejects CCP [PPP_DENY] */
	uint8_t mppe_strengths;          /* enum ppp_mppe_strength: those that are good enough [PPP_MPPE_128] */
	bool mppe_stateful;              /* ask for stateful mode; else for stateless, and take either [false] */
	uint8_t ccp_max_configure;       /* max_configure of CCP [3] */
	uint8_t max_configure;           /* RFC 1661 4.6 [10] */
	uint8_t max_terminate;           /* [2] */
	uint8_t max_failure;             /* [5] */
	uint32_t restart_ms;             /* [3000] */
	uint32_t early_ms[2];            /* early copies of the first Configure-Request [250, 750]; 0: none */
	uint32_t auth_timeout_ms;        /* server: a Challenge without a Response is sent again [5000] */
	uint8_t auth_max_failure;        /* server: so many in vain end the link; PAP waits as long [3] */
	uint32_t auth_interval_s;        /* server, CHAP: challenged again so often; 0: never (RFC 1994 2) [0] */
	uint32_t auth_wait_ms;           /* client: from LCP up to Success [30000] */
	const char *challenge_name;      /* server: Name in Challenges [""] */
	const char *success_text;        /* server: text of Success ["Authentication succeeded"] */
	const char *failure_text;        /* server: text of Failure ["Authentication failed"] */
	const struct ppp_crypto *crypto; /* digests; never NULL */
};

/* What the peer has sent to prove who it is.  Everything in it is valid during the upcall only. */
struct ppp_auth_request {
	uint16_t serial;      /* to be repeated in the result */
	enum ppp_auth method; /* PPP_AUTH_NONE: noauth, name is "" */
	bool again;           /* the peer is in already and proves itself once more: nothing else is to be decided */
	uint8_t id;           /* CHAP Identifier (RFC 1994 4.1, part of the digest) */
	const char *name;     /* NUL-terminated, free of control characters; DOMAIN\user as sent */
	const uint8_t *challenge, *response; /* PAP: the response is the password, of any bytes; no challenge */
	uint8_t challenge_len, response_len;
};

/* IPv4 of a link, host order, 0: none. */
struct ppp_ip4 {
	uint32_t our, peer;
	uint32_t dns[2], wins[2];
};

/* What a user's entry says of MPPE, instead of the configuration (RFC 2548 2.4.4, 2.4.5). */
struct ppp_mppe_policy {
	bool set;
	uint8_t policy;    /* enum ppp_policy */
	uint8_t strengths; /* enum ppp_mppe_strength */
};

struct ppp_auth_result {
	uint16_t serial; /* of the request; an outdated one is ignored */
	bool ok;
	bool ip4_ok;               /* IPCP may come up with ip4, whose peer is not 0; else the link ends, NCP_FAILED */
	enum cause cause;          /* !ok: why the link ends; CAUSE_NONE stands for CAUSE_AUTH_FAILED */
	bool unproven;             /* !ok: nobody has judged the proof: the peer hears the end alone, no Failure */
	uint16_t error;            /* !ok: E= of MS-CHAP (RFC 2759 6); 0: 691 */
	const char *text;          /* instead of the configured text; NULL: that one; cut at 127 bytes */
	uint8_t auth_response[20]; /* ok, MS-CHAPv2: authenticator response */
	struct ppp_keys keys;      /* ok, MS-CHAP: in the direction of a server */
	struct ppp_ip4 ip4;        /* our: the gateway address; peer: the subscriber's */
	struct ppp_mppe_policy mppe;
};

/* One direction of MPPE, as CCP has agreed on it. */
struct ppp_mppe {
	uint8_t bits; /* 40, 56 or 128; 0: not encrypted */
	bool stateless;
	uint8_t start_key[16]; /* RFC 3079; with 40 and 56 bits, its first 8 octets */
};

/* What LCP agreed on. */
struct ppp_link {
	uint16_t mtu;                   /* the most we may send: the peer's MRU, at most conf->mtu */
	uint16_t mru;                   /* the most the peer may send */
	uint32_t our_magic, peer_magic; /* 0: none */
	bool acfc, pfc;                 /* the peer allows us to compress these fields */
};

struct ppp_credentials {
	const char *name, *password;
};

/* Upcalls.  All run on MAIN; those marked (opt) may be NULL. */
struct ppp_ops {
	/* trace_on, trace (opt): negotiation for the log; nothing is formatted while trace_on says false. */
	bool (*trace_on)(void *owner);
	void (*trace)(void *owner, const char *line);
	/* random (opt): NULL takes the kernel's.  Tests and replay give their own. */
	void (*random)(void *owner, void *buf, size_t len);
	/* link_up (opt): LCP is Opened: tell dp MTU, magic and the header compression.  Comes again after a
	 * renegotiation, each time before auth_request. */
	void (*link_up)(void *owner, const struct ppp_link *link, struct mono now);
	/* link_down (opt): LCP has left Opened, to negotiate again or to end: the link counts as unauthenticated. */
	void (*link_down)(void *owner, struct mono now);
	/* auth_request: server: decide, and answer with ppp_auth_result, in the call or later.  A second request may
	 * come while the first is unanswered (LCP was renegotiated): only the answer to the latest counts. */
	void (*auth_request)(void *owner, const struct ppp_auth_request *req, struct mono now);
	/* credentials: client: name and password; must stay valid until the next upcall. */
	void (*credentials)(void *owner, struct ppp_credentials *out);
	/* authenticated (opt): client: the server has let us in (and, MS-CHAPv2, proved that it knows the password). */
	void (*authenticated)(void *owner, struct mono now);
	/* mppe (opt): encryption of what we send (recv: of what we receive) begins with these keys, or ends (bits 0).  For
	 * what we receive it comes before the Configure-Ack after which the peer may encrypt. */
	void (*mppe)(void *owner, bool recv, const struct ppp_mppe *m, struct mono now);
	/* ncp_opening: open dp's gate for `proto` now: the Configure-Ack that lets the peer send data follows.  Server:
	 * the addresses are final (ppp->ip4). */
	void (*ncp_opening)(void *owner, uint16_t proto, struct mono now);
	/* ncp_up: the network protocol is Opened; addresses are in ppp->ip4. */
	void (*ncp_up)(void *owner, uint16_t proto, struct mono now);
	/* ncp_down: close the gate.  Follows every ncp_opening in the end, also when ncp_up never came. */
	void (*ncp_down)(void *owner, uint16_t proto, struct mono now);
	/* down: the link is finished.  The last upcall; the owner may free the record. */
	void (*down)(void *owner, enum cause cause, struct mono now);
};

struct ppp_stats {
#define PPP_STAT(name, text) uint64_t name;
#include "ppp/stats.def"
#undef PPP_STAT
};

/* Our side's and the peer's LCP options. */
struct ppp_lcp {
	uint32_t our_magic, peer_magic;
	uint16_t our_mru, peer_mru;
	uint8_t auth;       /* enum ppp_auth agreed or being offered */
	uint8_t auth_tried; /* bit per enum ppp_auth that the peer refused */
	uint8_t loops;      /* requests with our magic in a row */
	bool ask_mru, ask_magic, ask_acfc, ask_pfc;
	bool acfc, pfc; /* the peer's */
};

/* The MPPE option (RFC 3078 2.1) of either side, and what follows from it. */
struct ppp_ccp {
	uint32_t ask;         /* our request's option; 0: none */
	uint8_t told_bits[2]; /* what the owner knows: of what we send, of what we receive */
	bool told_stateless[2];
	uint8_t peer_bits; /* agreed for what we send; 0: none */
	bool peer_stateless;
	uint8_t policy, strengths; /* of this user */
	bool wanted;               /* CCP may run: else it is rejected */
	bool must;                 /* unencrypted data does not pass: required, or encrypted before */
	bool holds;                /* network protocols wait for its end */
	bool heard;                /* the peer has sent a packet of CCP */
	bool no_keys;              /* required, and authentication yielded none */
	uint8_t held_len;
	uint8_t held[PPP_HELD_MAX]; /* Configure-Requests that came meanwhile: length, frame, ... */
};

/* State of the authentication in progress, or of the last one. */
struct ppp_auth_state {
	struct timer timer;
	struct mono since;
	uint32_t seen; /* client: checksum of the Challenge that was answered last */
	uint16_t serial, error;
	uint8_t phase; /* enum auth_phase, auth.h */
	bool let_in;   /* it has succeeded since LCP came up */
	uint8_t id, sends;
	uint8_t response_len;
	uint8_t challenge[16];
	uint8_t response[49];      /* client: ours, kept to be sent again */
	uint8_t auth_response[20]; /* server: to send; client: to expect */
	char text[128];            /* server: of our Success or Failure, kept to be sent again */
};

/* One link.  Everything in it is read-only for the owner. */
struct ppp {
	const struct ppp_conf *conf;
	const struct ppp_ops *ops;
	void *owner;
	struct bearer *bearer;
	struct timers *timers;
	struct ppp_stats *stats;
	struct fsm lcp, ccp, ipcp;
	struct ppp_lcp opt;
	struct ppp_auth_state auth;
	struct ppp_ccp mppe;
	struct ppp_keys keys;       /* of MS-CHAP, or none */
	struct timer network_timer; /* server, PPP_ALLOW: the peer is to begin */
	struct ppp_ip4 ip4;         /* agreed, or what the server will agree to */
	uint8_t role, phase;        /* enum ppp_role, enum ppp_phase */
	uint8_t ip4_ask;            /* client: bit per IPCP option that we still ask for */
	uint8_t gates;              /* bit 0: ncp_opening(IPCP) has been called */
	uint8_t network_waits;      /* how often network_timer has fired */
	uint8_t depth;              /* entry points that are running: `down` waits for the outermost */
	bool network_heard;         /* a network protocol's packet has come since LCP was Opened */
	bool ip4_ok;                /* IPCP may run */
	bool failing;               /* the link is to end with `cause` */
	bool closing;               /* its end is on the way */
	bool dead;                  /* the bearer is gone: nothing can be sent */
	bool finished, ended;       /* LCP is finished; `down` has been called */
	enum cause cause;
	char ident[48];     /* the peer's Identification (RFC 1570), "" before */
	char peer_text[48]; /* the peer's Terminate-Request in words, "" before */
};

/* What ppp_init is told. */
struct ppp_args {
	enum ppp_role role;
	const struct ppp_conf *conf;
	const struct ppp_ops *ops;
	void *owner;
	struct bearer *bearer; /* only ->ops->send and ->keys are called */
	struct timers *timers;
	struct ppp_stats *stats;
};

/* ppp_crypto_new: loads the digests, with MD4 and DES from OpenSSL's legacy provider.  NULL when that provider is
 * missing, with the reason in `why` (a constant string); why may be NULL. */
struct ppp_crypto *ppp_crypto_new(const char **why) ON_MAIN;
void ppp_crypto_free(struct ppp_crypto *c) ON_MAIN;

/* ppp_conf_init: the defaults. */
void ppp_conf_init(struct ppp_conf *conf, const struct ppp_crypto *crypto) ANY_THREAD;

/* ppp_init: makes *p a link in the Dead phase; sends nothing.  conf must be sound: server with n_auth > 0 or noauth. */
void ppp_init(struct ppp *p, const struct ppp_args *args) ON_MAIN;

/* ppp_bearer_up: the tunnel carries frames both ways: LCP starts (RFC 1661 Up and Open). */
void ppp_bearer_up(struct ppp *p, struct mono now) ON_MAIN;

/* ppp_input: one frame from the peer, from the protocol field on (two bytes, uncompressed).  Any bytes are allowed. */
void ppp_input(struct ppp *p, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;

/* ppp_auth_result: the owner's answer to auth_request.  Outdated ones are ignored. */
void ppp_auth_result(struct ppp *p, const struct ppp_auth_result *result, struct mono now) ON_MAIN;

/* ppp_challenge: server: the peer of an open link is to prove itself once more (RFC 1994 2): an auth_request follows, or the
 * link's end.  false: the method does not know it, or the link is not open. */
bool ppp_challenge(struct ppp *p, struct mono now) ON_MAIN;

/* ppp_terminate: ends the link: LCP Terminate-Request with the cause's ppp_text, `down` when it is acknowledged or
 * after max-terminate tries.  `down` comes at once when the cause has no text or LCP has not started.  Again: nothing. */
void ppp_terminate(struct ppp *p, enum cause cause, struct mono now) ON_MAIN;

/* ppp_bearer_down: the tunnel is gone: ends the link at once, sends nothing.  An earlier cause stands. */
void ppp_bearer_down(struct ppp *p, enum cause cause, struct mono now) ON_MAIN;

/* ppp_fini: stops timers.  Idempotent; makes no upcall. */
void ppp_fini(struct ppp *p) ON_MAIN;

/* ppp_auth_check: verifies a request against the clear-text password and fills ok, auth_response, keys and serial of
 * *result; the rest is left alone.  Returns ok.  For MS-CHAPv2 a name DOMAIN\user counts without its domain (RFC 2759 8.2). */
bool ppp_auth_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		    struct ppp_auth_result *result) ANY_THREAD;

/* ppp_mschap_keys: MS-CHAPv1's keys of 128 bits, of the hash of the password's hash (RFC 2548 2.4.1, RFC 3079
 * 2.3).  challenge: 8 bytes. */
bool ppp_mschap_keys(const struct ppp_crypto *c, const uint8_t *challenge, const uint8_t *hash_hash,
		     struct ppp_keys *keys) ANY_THREAD;

/* ppp_auth_name: "pap", "chap-md5", "mschap", "mschap-v2", "none". */
const char *ppp_auth_name(enum ppp_auth method) ANY_THREAD;

/* ppp_mtu: the most that we may send: the peer's MRU, at most conf->mtu. */
uint16_t ppp_mtu(const struct ppp *p) ANY_THREAD;

/* ppp_phase_name: "dead", "establish", ... for the CLI. */
const char *ppp_phase_name(const struct ppp *p) ANY_THREAD;

/* ppp_trace_format: a frame (from the protocol field on) as operators read it, "[LCP ConfReq id=1 <mru 1400>]", cut to
 * size and NUL-terminated.  Passwords are not shown.  Any bytes are allowed.  Returns out. */
char *ppp_trace_format(char *out, size_t size, const uint8_t *frame, size_t len) ANY_THREAD;

#endif
