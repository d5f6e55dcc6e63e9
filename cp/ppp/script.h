/* script.h - a scripted peer for the tests of cp/ppp: feed it bytes, read what the link sends as trace lines.
 *
 * Random numbers are predictable: each draw repeats one byte, 01, then 02, and so on, so that the first magic number
 * is 01010101.  Upcalls are written to `events` as words.
 */
#ifndef CP_PPP_SCRIPT_H
#define CP_PPP_SCRIPT_H

#include "ppp/link.h"

#define SCRIPT_FRAMES 64

struct script_frame {
	size_t len;
	uint8_t bytes[PPP_FRAME_MAX];
};

struct script {
	struct ppp ppp;
	struct ppp_conf conf;
	struct ppp_stats stats;
	struct bearer bearer;
	struct timers timers;
	struct mono now;
	struct ppp_auth_result result;    /* what a right password earns */
	struct ppp_keys keys;             /* what the bearer was given */
	unsigned keys_told;               /* how often it was told, of none as well */
	struct ppp_mppe encrypt, decrypt; /* what the owner was told */
	const char *name, *password;      /* server: the only user; client: its credentials */
	uint16_t asked;                   /* serial of the last auth_request */
	bool defer;                       /* auth_request is not answered in the call */
	bool trace;
	const char *end_at; /* the event, by its first letters, in which the owner ends the link */
	bool bearer_gone;
	bool end_hard; /* ... by ppp_bearer_down */
	bool over;     /* `down` has come */
	uint8_t draw;
	struct script_frame sent[SCRIPT_FRAMES];
	unsigned n_sent, n_read;
	char events[1024], line[1024];
};

/* script_init: a link with default configuration, to be tuned before script_up. */
void script_init(struct script *s, enum ppp_role role);
void script_up(struct script *s);
void script_fini(struct script *s);

/* script_feed: a frame in hexadecimal, spaces allowed. */
void script_feed(struct script *s, const char *hex);

/* script_expect: the next frame sent must read so. */
void script_expect(struct script *s, const char *line);

/* script_quiet: nothing more has been sent. */
void script_quiet(struct script *s);

/* script_echo: sends the last frame read back with another code: 02 acknowledges a request. */
void script_echo(struct script *s, uint8_t code);

/* script_events: what the owner was told since the last call must read so. */
void script_events(struct script *s, const char *words);

void script_wait(struct script *s, int64_t ms);

/* script_lcp: brings LCP up as a plain peer would, whatever is negotiated, and skips what was sent. */
void script_lcp(struct script *s);

#endif
