/* The checksum (RFC 9293 3.1, RFC 1071): sixteen octets at a time, their words in lanes of 32 bits, so that no carry is lost. */
#include "conn.h"

typedef uint32_t lanes __attribute__((vector_size(16)));
typedef uint32_t lanes_in_memory __attribute__((vector_size(16), aligned(1), may_alias));

/* words: the sum of the words as they lie in memory; n <= 65535, so a lane takes less than 65536 of them. */
static uint64_t
words(const uint8_t *p, uint32_t n)
{
	lanes even = {0}, odd = {0};
	for (; n >= 32; n -= 32, p += 32) {
		lanes a = *(const lanes_in_memory *)p, b = *(const lanes_in_memory *)(p + 16);
		even += (a & 0xffff) + (b & 0xffff);
		odd += (a >> 16) + (b >> 16);
	}
	lanes both_low = (even & 0xffff) + (odd & 0xffff), both_high = (even >> 16) + (odd >> 16);
	lanes both = both_low + both_high; /* 2^16 is 1 in this arithmetic */
	uint64_t sum = (uint64_t)both[0] + both[1] + both[2] + both[3];
	for (; n >= 4; n -= 4, p += 4) {
		uint32_t w;
		memcpy(&w, p, 4);
		sum += w;
	}
	uint32_t rest = 0;
	memcpy(&rest, p, n);
	return sum + rest;
}

static uint16_t
folded(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint64_t
two_words(const struct tcp_tuple *id, unsigned at)
{
	uint32_t local, peer;
	memcpy(&local, id->local.b + at, 4);
	memcpy(&peer, id->peer.b + at, 4);
	return (uint64_t)local + peer;
}

static uint64_t
pseudo(const struct tcp_tuple *id, uint32_t len)
{
	uint64_t sum = (uint64_t)rte_cpu_to_be_32(len) + rte_cpu_to_be_32(6) + two_words(id, 12);
	if (!addr_is_v4(&id->local))
		sum += two_words(id, 0) + two_words(id, 4) + two_words(id, 8);
	return sum;
}

uint16_t
tcp_sum_pseudo(const struct tcp_tuple *id, uint32_t len)
{
	return folded(pseudo(id, len));
}

uint16_t
tcp_sum(const struct rte_mbuf *m, unsigned l4, const struct tcp_tuple *id)
{
	uint64_t sum = pseudo(id, m->pkt_len - l4);
	bool odd = false; /* this buffer begins in the middle of a word */
	for (; m; m = m->next) {
		if (l4 >= m->data_len && m->next) {
			l4 -= m->data_len;
			continue;
		}
		uint32_t n = m->data_len - l4;
		uint16_t here = folded(words(rte_pktmbuf_mtod_offset(m, const uint8_t *, l4), n));
		sum += odd ? rte_bswap16(here) : here;
		odd ^= n & 1;
		l4 = 0;
	}
	return folded(sum);
}
