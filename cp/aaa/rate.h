/* rate.h - rates as servers write them: plain pairs, Mikrotik, Cisco, WISPr.
 *
 * Each writes another direction first: a plain pair is down/up (accel-ppp, VyOS), Mikrotik's is rx/tx as the router sees
 * it, which is up/down, Cisco says `input` for up and `output` for down.  A rate is said for a direction or not; the
 * first word for a direction stands (rate_merge).  Any thread; no state.
 */
#ifndef CP_AAA_RATE_H
#define CP_AAA_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate_way {
	bool said;
	uint32_t kbps;        /* 0: no limit */
	uint32_t burst_bytes; /* 0: not said */
};

struct rate {
	struct rate_way down, up;
};

/* rate_parse_pair: "20000", "20000/5000", "20M/5M", with \ or : for the slash; kbit/s times multiplier / 1000; B, K, M, G
 * stand for bit/s up to Gbit/s; what follows a blank is ignored.  down/up; one number is both. */
bool rate_parse_pair(const char *text, unsigned multiplier_permille, struct rate *out);

/* rate_parse_mikrotik: "rx[/tx] [rx-burst[/tx-burst] [rx-threshold[/tx-threshold] [rx-time[/tx-time] ...]]]", bit/s with k,
 * M, G.  A burst of rate and time is that many bytes above the rate. */
bool rate_parse_mikrotik(const char *text, struct rate *out);

/* rate_parse_cisco: "lcp:interface-config#1=rate-limit output [access-group N] bps normal-burst ...".  False when it is
 * something else that a Cisco-AVPair may say; *broken when it is a rate-limit that does not parse. */
bool rate_parse_cisco(const char *text, struct rate *out, bool *broken);

struct rate rate_of_bps(uint32_t bps, bool down);

/* rate_merge: what `to` does not say, from `from`. */
void rate_merge(struct rate *to, const struct rate *from);

#endif
