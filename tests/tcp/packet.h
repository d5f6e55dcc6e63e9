/* packet.h - a script's words about a segment, its octets, and what the peer remembers.  Tests only.
 *
 * Numbers are relative: the peer's to its first, the stack's to that of its SYN.
 */
#ifndef TESTS_TCP_PACKET_H
#define TESTS_TCP_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "opt.h"

struct peer {
	bool v6, ts, sack;
	uint16_t port;
	uint32_t window, mss;
	uint32_t isn, next;         /* next: what it would send now, relative */
	uint32_t dut_iss, dut_next; /* dut_next: what it has seen in order, relative */
	bool seen;                  /* the stack's SYN */
	uint32_t ts_echo;           /* the stack's latest TSval */
	uint32_t ts_offset;
};

/* What a line says; fields that it does not are free (expect), or as the peer would do (inject). */
struct wanted {
	uint8_t flags;
	bool has_seq, has_ack, has_len, has_win, has_ts, no_ts, has_mss, has_ws, sack_ok, flip, bad_sum, has_ecn,
		absolute_ack, no_sack;
	uint32_t seq, ack, len, win, mss, ws, tsval, tsecr, ecn;
	int32_t ts_shift;
	uint32_t ts_late; /* echoes what was sent so many ms before the latest */
	unsigned n_sacks, times, from_ms, until_ms;
	struct tcp_block sack[4];
	bool tsval_given;
	unsigned raw_len; /* octets of options as they are */
	uint8_t raw[40];
};

void peer_renew(struct peer *p, uint32_t isn);
const char *packet_parse(char *words, const struct peer *p, struct wanted *w); /* NULL, or the word it does not know */
unsigned packet_build(uint8_t *ip, struct peer *p, const struct wanted *w, uint32_t ms);
const char *packet_compare(const uint8_t *ip, unsigned n, struct peer *p,
			   const struct wanted *w); /* NULL, or what differs */
void packet_print(FILE *f, const char *head, const uint8_t *ip, unsigned n, const struct peer *p);

#endif
