/* SYN cookies (RFC 4987 3.6): the half-open connection is kept in the sequence number that the peer must repeat.
 *
 *	31..27 minute of our clock (64 s)   26..24 MSS, of eight   23..0 MAC of addresses, ports, the peer's number, these
 *
 * A peer that sends time stamps also carries our answer to its other options: the low six bits of the first TSval are
 * window scale (15: none), SACK and ECN.  Without time stamps neither is agreed. */
#include "conn.h"

#include "hash.h"

#define COOKIE_S 64
#define COOKIE_TS_BITS 6
#define COOKIE_TS_MASK ((1u << COOKIE_TS_BITS) - 1)
#define COOKIE_NO_WS 15

static const uint16_t cookie_mss[8] = {64, 536, 1220, 1300, 1360, 1400, 1440, 1460};

static uint32_t
mac(const struct tcp *t, const struct tcp_tuple *id, uint32_t irs, uint32_t minute_and_mss)
{
	uint64_t word[6];
	tcp_tuple_words(id, word);
	word[5] = (uint64_t)irs << 32 | minute_and_mss;
	return (uint32_t)sip_hash(t->key_seq, word, 6, 2, 4) & 0xffffff;
}

static uint32_t
minute(const struct tcp *t)
{
	return (uint32_t)(t->now.us / (COOKIE_S * 1000000LL)) & 0xfffffff;
}

static uint32_t stamp(const struct tcp *t, const struct tcp_syn *y) ON_LCORE;

static uint32_t
stamp(const struct tcp *t, const struct tcp_syn *y)
{
	uint32_t iss, ts_offset, bits = y->flags & SYN_WS ? y->ws : COOKIE_NO_WS;
	tcp_secrets(t, &y->id, &iss, &ts_offset);
	bits |= (y->flags & SYN_SACK ? 16 : 0) | (y->flags & SYN_ECN ? 32 : 0);
	uint32_t now = tcp_tsval(t, ts_offset), ts = (now & ~COOKIE_TS_MASK) | bits;
	return seq_gt(ts, now) ? ts - COOKIE_TS_MASK - 1 : ts; /* later stamps must not be smaller */
}

void
tcp_cookie_answer(struct tcp *t, struct tcp_syn *y)
{
	uint32_t i = 7, m = minute(t);
	while (i && cookie_mss[i] > y->mss)
		i--;
	y->iss = (m & 31) << 27 | i << 24 | mac(t, &y->id, y->irs, m << 3 | i);
	if (y->flags & SYN_TS)
		y->cookie_ts = stamp(t, y);
	else
		y->flags &= (uint8_t) ~(SYN_WS | SYN_SACK | SYN_ECN);
	y->flags |= SYN_COOKIE;
	t->cookies_sent = true;
	t->cookie_ms = t->ms;
	tcp_count(t, TCP_STAT_COOKIES_OUT);
	tcp_syn_answer(t, y);
}

/* tcp_cookie_check: true, and what the SYN had said is in *y. */
bool
tcp_cookie_check(struct tcp *t, const struct segment *s, struct tcp_syn *y)
{
	uint32_t cookie = s->h.ack - 1, irs = s->h.seq - 1, m = minute(t), i = cookie >> 24 & 7;
	if (!t->cookies_sent || t->ms - t->cookie_ms > 2 * COOKIE_S * 1000)
		return false;
	if ((m & 31) != cookie >> 27)
		m--;
	if ((m & 31) != cookie >> 27 || mac(t, &s->id, irs, m << 3 | i) != (cookie & 0xffffff))
		return false;
	*y = (struct tcp_syn){.id = s->id, .hash = s->hash, .nh = s->nh, .irs = irs, .iss = cookie};
	y->flags = SYN_USED | SYN_COOKIE;
	y->mss = cookie_mss[i];
	if (s->h.opt.has_ts) {
		uint32_t bits = s->h.opt.tsecr & COOKIE_TS_MASK;
		y->ts_recent = s->h.opt.tsval;
		y->ws = bits & 15;
		y->flags |= SYN_TS | ((bits & 15) != COOKIE_NO_WS ? SYN_WS : 0) | (bits & 16 ? SYN_SACK : 0) |
			    (bits & 32 && t->start.ecn ? SYN_ECN : 0);
		if (y->ws > TCP_MAX_WS)
			y->ws = 0;
	}
	tcp_count(t, TCP_STAT_COOKIES_IN);
	return true;
}
