/* map.h - what attributes mean: from an answer of a server, or a CoA-Request, to a profile.
 *
 * One row for each attribute that is understood (map.c); what is in no row is ignored, and counted.  A value of a wrong
 * form makes the whole refused with a sentence that names the attribute: nothing is ever taken for 0 (RFC 2865 5).
 * docs/radius.md is the table for operators.
 *
 * MAIN only.  Memory: the caller's; the profile has its blocks, map_fini lets them go unless the caller has taken it.
 */
#ifndef CP_AAA_MAP_H
#define CP_AAA_MAP_H

#include <radius/dict.h>

#include "aaa/rate.h"
#include "profile.h"

#define MAP_TEXT 128
#define MAP_ROUTES 64
#define MAP_CLASSES 1024
#define MAP_STATE 254

/* What the configuration says of how to read. */
struct map_conf {
	const struct radius_dict *dict;
	uint32_t rate_attr; /* 0: rates from an attribute are not enabled */
	unsigned rate_multiplier_permille;
};

struct map {
	const struct map_conf *conf;
	struct profile profile;
	/* the authentication's own */
	char message[MAP_TEXT];    /* Reply-Message, all of them */
	char chap_error[MAP_TEXT]; /* MS-CHAP-Error without its identifier */
	uint8_t chap_ident, chap_success[20];
	bool has_chap_success, has_send, has_recv, has_v1_keys;
	uint8_t send_key[32], recv_key[32], lm_key[8], nt_key[16];
	size_t send_len, recv_len;
	uint32_t mppe_policy, mppe_types;
	bool has_mppe_policy, has_mppe_types;
	const char *secret; /* with these two keys are shown; NULL: there are none (CoA) */
	const uint8_t *authenticator;
	/* gathered */
	struct rate rates[4]; /* by rank: the configured attribute, Cisco, Mikrotik, WISPr */
	struct prefix routes[MAP_ROUTES], routes6[MAP_ROUTES];
	unsigned n_routes, n_routes6, ignored;
	uint8_t classes[MAP_CLASSES];
	size_t classes_len;
	uint32_t first_unknown; /* attribute of no row; 0: none */
	uint32_t faulty;        /* attribute that made it fail */
	char why[160];          /* it failed: a sentence */
	char note[160];         /* it did not, and the operator should know: the last such */
};

void map_init(struct map *m, const struct map_conf *conf) ON_MAIN;
void map_fini(struct map *m) ON_MAIN;

/* map_take: all attributes of an Access-Accept or CoA-Request; false: m->why, m->faulty. */
bool map_take(struct map *m, struct radius_walk w) ON_MAIN;

/* map_take_reject: of a reject only what may be believed: Reply-Message, MS-CHAP-Error (RFC 2865 5.44). */
void map_take_reject(struct map *m, struct radius_walk w) ON_MAIN;

#endif
