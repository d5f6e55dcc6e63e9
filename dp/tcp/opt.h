/* opt.h - a received segment: header and options, as numbers (RFC 9293 3.1, RFC 7323, RFC 2018).
 *
 * tcp_parse checks in wire order and changes nothing.  Options that make no sense end the reading of options, not the
 * segment (RFC 9293 3.1 MUST-7); of repeated ones the first counts.
 */
#ifndef DP_TCP_OPT_H
#define DP_TCP_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>

#include <dp/drop.h>
#include <millrace/addr.h>

#define TCP_HDR_LEN 20

/* Bits of the header's flags octet; AE is the bit before it (RFC 3168, RFC 9768). */
enum tcp_flag {
	TCP_F_FIN = 1 << 0,
	TCP_F_SYN = 1 << 1,
	TCP_F_RST = 1 << 2,
	TCP_F_PSH = 1 << 3,
	TCP_F_ACK = 1 << 4,
	TCP_F_URG = 1 << 5,
	TCP_F_ECE = 1 << 6,
	TCP_F_CWR = 1 << 7,
};

enum tcp_opt {
	TCP_OPT_EOL = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_WS = 3,
	TCP_OPT_SACK_OK = 4,
	TCP_OPT_SACK = 5,
	TCP_OPT_TS = 8,
};

#define TCP_MAX_WS 14 /* RFC 7323 2.3 */
#define TCP_SACKS 4   /* blocks that fit into 40 octets */

struct tcp_block {
	uint32_t start, end;
};

struct tcp_options {
	bool has_mss, has_ws, sack_ok, has_ts;
	uint8_t ws, n_sacks;
	uint16_t mss;
	uint32_t tsval, tsecr;
	struct tcp_block sack[TCP_SACKS];
};

struct tcp_header {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint16_t wnd; /* as it is in the header */
	uint8_t flags;
	uint8_t hdr_len;
	struct tcp_options opt;
};

/* tcp_parse: `here` octets are in one piece at p, the whole segment has `len`.  DROP_NONE, and *h is filled. */
enum drop tcp_parse(const uint8_t *p, size_t here, size_t len, struct tcp_header *h);

/* What an outgoing header says. */
struct tcp_options_out {
	bool mss, ws, sack_ok, ts;
	uint8_t ws_value, n_sacks;
	uint16_t mss_value;
	uint32_t tsval, tsecr;
	struct tcp_block sack[TCP_SACKS];
};

/* tcp_options_stamp: RFC 7323 appendix A: nearly all segments have two NOPs and a time stamp. */
static inline bool
tcp_options_stamp(const struct tcp_options_out *o)
{
	return o->ts && !(o->mss | o->ws | o->sack_ok | o->n_sacks);
}

/* tcp_options_len: a multiple of four, at most 40. */
unsigned tcp_options_len_all(const struct tcp_options_out *o);
static inline unsigned
tcp_options_len(const struct tcp_options_out *o)
{
	return likely(tcp_options_stamp(o)) ? 12 : tcp_options_len_all(o);
}
void tcp_options_build(uint8_t *p, const struct tcp_options_out *o);

#endif
