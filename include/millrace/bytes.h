/* bytes.h - the one place that touches wire bytes.
 *
 * Loads and stores of network-order integers at any alignment, and two cursors: `struct rd` reads a received buffer,
 * `struct wr` fills one to send.  A cursor that runs past its end sets `bad` and from then on reads zeros or writes
 * nothing: a parser may read a whole header and ask once.  Neither ever leaves its buffer.  Any thread; no state.
 */
#ifndef MILLRACE_BYTES_H
#define MILLRACE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
be16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}

static inline uint32_t
be32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}

static inline uint64_t
be64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}

static inline void
put_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof v);
}

static inline void
put_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof v);
}

static inline void
put_be64(void *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof v);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes.h swaps unconditionally");

/* Reading cursor.  Invariant: p <= end. */
struct rd {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct rd
rd_init(const void *p, size_t n)
{
	const uint8_t *b = p;
	return (struct rd){b, n ? b + n : b, false};
}

static inline size_t
rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* rd_take: the next n bytes, or NULL and `bad` when there are fewer.  No bytes are always there, and may be NULL. */
static inline const uint8_t *
rd_take(struct rd *r, size_t n)
{
	if (r->bad || rd_left(r) < n) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *p = r->p;
	r->p = n ? p + n : p;
	return p;
}

static inline uint8_t
rd_u8(struct rd *r)
{
	const uint8_t *p = rd_take(r, 1);
	return p ? *p : 0;
}

static inline uint16_t
rd_be16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);
	return p ? be16(p) : 0;
}

static inline uint32_t
rd_be32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);
	return p ? be32(p) : 0;
}

/* rd_sub: a cursor over the next n bytes, which the outer one skips; bad in both when there are fewer. */
static inline struct rd
rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);
	struct rd s = rd_init(p, p ? n : 0);
	s.bad = r->bad;
	return s;
}

/* Writing cursor.  p is where the next byte goes; `left` bytes fit there. */
struct wr {
	uint8_t *start, *p;
	size_t left;
	bool bad;
};

static inline struct wr
wr_init(void *p, size_t n)
{
	uint8_t *b = p;
	return (struct wr){b, b, n, false};
}

static inline size_t
wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

/* wr_reset: empty again, as after wr_init. */
static inline void
wr_reset(struct wr *w)
{
	*w = wr_init(w->start, wr_len(w) + w->left);
}

/* wr_room: n bytes to be filled by the caller, or NULL and `bad` when they do not fit. */
static inline uint8_t *
wr_room(struct wr *w, size_t n)
{
	if (w->bad || w->left < n) {
		w->bad = true;
		return NULL;
	}
	uint8_t *p = w->p;
	w->p = n ? p + n : p;
	w->left -= n;
	return p;
}

static inline void
wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_room(w, 1);
	if (p)
		*p = v;
}

static inline void
wr_be16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_room(w, 2);
	if (p)
		put_be16(p, v);
}

static inline void
wr_be32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_room(w, 4);
	if (p)
		put_be32(p, v);
}

static inline void
wr_bytes(struct wr *w, const void *b, size_t n)
{
	uint8_t *p = wr_room(w, n);
	if (p && n)
		memcpy(p, b, n);
}

#endif
