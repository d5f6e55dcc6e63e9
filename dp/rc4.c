#include "rc4.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE void init(const struct rc4_lane *l, unsigned lanes, unsigned mask);
/* A lane at work. */
struct stream {
	uint8_t *s, *p;
	uint8_t i, j;
	uint64_t word;
};

INLINE void crypt(const struct rc4_lane *l, unsigned lanes, uint32_t at, uint32_t end);
INLINE void step(struct stream *c, unsigned lanes, uint32_t at, unsigned n);

/* The number of lanes is a constant in each case, so that the compiler keeps their state in registers. */
void
rc4_init(const struct rc4_lane *l, unsigned n, unsigned key_len)
{
	switch (n) {
	case 1:
		init(l, 1, key_len - 1);
		break;
	case 2:
		init(l, 2, key_len - 1);
		break;
	case 3:
		init(l, 3, key_len - 1);
		break;
	default:
		init(l, 4, key_len - 1);
		break;
	}
}

/* Boxes are octets, which may alias anything: what else is used lies in locals, which they cannot. */
INLINE void
init(const struct rc4_lane *l, unsigned lanes, unsigned mask)
{
	uint8_t *s[RC4_LANES], j[RC4_LANES] = {0};
	const uint8_t *key[RC4_LANES];

	for (unsigned k = 0; k < lanes; k++) {
		s[k] = l[k].box->s;
		key[k] = l[k].key;
		l[k].box->i = l[k].box->j = 0;
		for (unsigned i = 0; i < 256; i++)
			s[k][i] = (uint8_t)i;
	}
	for (unsigned i = 0; i < 256; i++) {
#pragma GCC unroll 4
		for (unsigned k = 0; k < lanes; k++) {
			uint8_t x = s[k][i];
			j[k] = (uint8_t)(j[k] + x + key[k][i & mask]);
			s[k][i] = s[k][j[k]];
			s[k][j[k]] = x;
		}
	}
}

/* All lanes go on to the end of the shortest; the others in ever smaller company. */
void
rc4_crypt(const struct rc4_lane *lanes, unsigned n)
{
	struct rc4_lane l[RC4_LANES];
	uint32_t at = 0;

	memcpy(l, lanes, n * sizeof *l);
	while (n) {
		uint32_t end = l[0].len;
		for (unsigned k = 1; k < n; k++)
			end = l[k].len < end ? l[k].len : end;
		switch (n) {
		case 1:
			crypt(l, 1, at, end);
			break;
		case 2:
			crypt(l, 2, at, end);
			break;
		case 3:
			crypt(l, 3, at, end);
			break;
		default:
			crypt(l, 4, at, end);
			break;
		}
		at = end;
		for (unsigned k = n; k--;)
			if (l[k].len == end)
				l[k] = l[--n];
	}
}

/* crypt: octets [at, end) of each lane. */
INLINE void
crypt(const struct rc4_lane *l, unsigned lanes, uint32_t at, uint32_t end)
{
	struct stream c[RC4_LANES];

#pragma GCC unroll 4
	for (unsigned k = 0; k < lanes; k++)
		c[k] = (struct stream){l[k].box->s, l[k].p, l[k].box->i, l[k].box->j, 0};
	for (; end - at >= 8; at += 8)
		step(c, lanes, at, 8);
	if (at < end)
		step(c, lanes, at, end - at);
#pragma GCC unroll 4
	for (unsigned k = 0; k < lanes; k++) {
		l[k].box->i = c[k].i;
		l[k].box->j = c[k].j;
	}
}

/* step: up to eight octets: the stream is gathered in a word and crossed with the text at once. */
INLINE void
step(struct stream *c, unsigned lanes, uint32_t at, unsigned n)
{
#pragma GCC unroll 4
	for (unsigned k = 0; k < lanes; k++)
		c[k].word = 0;
#pragma GCC unroll 8
	for (unsigned b = 0; b < n; b++) {
#pragma GCC unroll 4
		for (unsigned k = 0; k < lanes; k++) {
			uint8_t *s = c[k].s;
			uint32_t x = s[++c[k].i];
			c[k].j = (uint8_t)(c[k].j + x);
			uint32_t y = s[c[k].j];
			s[c[k].i] = (uint8_t)y;
			s[c[k].j] = (uint8_t)x;
			c[k].word |= (uint64_t)s[(uint8_t)(x + y)] << (8 * b);
		}
	}
#pragma GCC unroll 4
	for (unsigned k = 0; k < lanes; k++) {
		uint64_t text = 0;
		memcpy(&text, c[k].p + at, n);
		text ^= c[k].word;
		memcpy(c[k].p + at, &text, n);
	}
}
