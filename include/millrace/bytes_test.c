/* Wire integers at every alignment, and cursors that are driven past their ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/bytes.h>

/* Exactly n bytes, so that a sanitizer sees one too many; not inlined, for gcc would warn of stores that the cursor
 * prevents. */
static __attribute__((noinline)) uint8_t *
exact(size_t n)
{
	uint8_t *b = malloc(n ? n : 1);
	assert_non_null(b);
	return b;
}

static void
integers_at_every_alignment(void **state)
{
	(void)state;
	for (size_t at = 0; at < 8; at++) {
		uint8_t *b = exact(at + 8);
		for (unsigned i = 0; i < 8; i++)
			b[at + i] = (uint8_t)(0x81 + i);
		assert_int_equal(be16(b + at), 0x8182);
		assert_int_equal(be16(b + at + 6), 0x8788);
		assert_int_equal(be32(b + at), 0x81828384);
		assert_int_equal(be32(b + at + 4), 0x85868788);
		assert_true(be64(b + at) == UINT64_C(0x8182838485868788));
		put_be16(b + at + 6, 0x0102);
		assert_memory_equal(b + at + 6, "\x01\x02", 2);
		put_be32(b + at + 4, 0x03040506);
		assert_memory_equal(b + at + 4, "\x03\x04\x05\x06", 4);
		put_be64(b + at, UINT64_C(0xfffefdfcfbfaf9f8));
		assert_memory_equal(b + at, "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", 8);
		free(b);
	}
}

static void
reads_in_order(void **state)
{
	static const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct rd r = rd_init(b, sizeof b);
	(void)state;
	assert_int_equal(rd_left(&r), 9);
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_be16(&r), 0x0203);
	assert_int_equal(rd_be32(&r), 0x04050607);
	assert_ptr_equal(rd_take(&r, 2), b + 7);
	assert_int_equal(rd_left(&r), 0);
	assert_false(r.bad);
	assert_ptr_equal(rd_take(&r, 0), b + 9);
	assert_false(r.bad);
	assert_int_equal(rd_u8(&r), 0);
	assert_true(r.bad);
}

/* One byte less than it takes: nothing is read, nothing is taken, and it stays so. */
static void
a_byte_short(void **state)
{
	(void)state;
	for (size_t n = 0; n < 4; n++) {
		uint8_t *b = exact(n);
		memset(b, 0xee, n);
		struct rd r = rd_init(b, n);
		assert_int_equal(rd_be32(&r), 0);
		assert_true(r.bad);
		assert_int_equal(rd_left(&r), n);
		assert_null(rd_take(&r, 0));
		assert_int_equal(rd_u8(&r), 0);
		assert_int_equal(rd_be16(&r), 0);
		assert_ptr_equal(r.p, b);
		r = rd_init(b, n);
		if (n < 2)
			assert_int_equal(rd_be16(&r), 0);
		else
			assert_int_equal(rd_be16(&r), 0xeeee);
		assert_int_equal(r.bad, n < 2);
		free(b);
	}
}

static void
lengths_that_wrap(void **state)
{
	uint8_t b[16] = {0};
	static const size_t huge[] = {17, 1u << 31, UINT32_MAX, SIZE_MAX / 2, SIZE_MAX - 15, SIZE_MAX};
	(void)state;
	for (unsigned i = 0; i < sizeof huge / sizeof *huge; i++) {
		struct rd r = rd_init(b, sizeof b);
		assert_null(rd_take(&r, huge[i]));
		assert_true(r.bad);
		r = rd_init(b, sizeof b);
		struct rd s = rd_sub(&r, huge[i]);
		assert_true(r.bad && s.bad);
		assert_int_equal(rd_left(&s), 0);
		struct wr w = wr_init(b, sizeof b);
		assert_null(wr_room(&w, huge[i]));
		assert_true(w.bad);
		assert_int_equal(wr_len(&w), 0);
	}
}

static void
a_cursor_in_a_cursor(void **state)
{
	static const uint8_t b[] = {1, 2, 3, 4, 5};
	struct rd r = rd_init(b, sizeof b), s = rd_sub(&r, 3);
	(void)state;
	assert_int_equal(rd_left(&s), 3);
	assert_int_equal(rd_left(&r), 2);
	assert_int_equal(rd_be32(&s), 0);
	assert_true(s.bad);
	assert_false(r.bad); /* what is wrong inside does not stop the outer one */
	assert_int_equal(rd_be16(&r), 0x0405);
	s = rd_sub(&r, 0);
	assert_false(s.bad || r.bad);
	assert_int_equal(rd_left(&s), 0);
	s = rd_sub(&r, 1);
	assert_true(s.bad && r.bad);
	s = rd_sub(&r, 0); /* of a bad one: bad */
	assert_true(s.bad);
}

/* An option without a value, a frame without a payload: no memory at all. */
static void
nothing_at_all(void **state)
{
	struct rd r = rd_init(NULL, 0), s = rd_sub(&r, 0);
	struct wr w = wr_init(NULL, 0);
	(void)state;
	assert_int_equal(rd_left(&r), 0);
	assert_null(rd_take(&r, 0));
	assert_false(r.bad || s.bad);
	assert_int_equal(rd_u8(&s), 0);
	assert_true(s.bad);
	assert_int_equal(rd_be16(&r), 0);
	assert_true(r.bad);
	wr_bytes(&w, NULL, 0);
	assert_null(wr_room(&w, 0));
	assert_false(w.bad);
	assert_int_equal(wr_len(&w), 0);
	wr_u8(&w, 1);
	assert_true(w.bad);
}

static void
writes_in_order(void **state)
{
	uint8_t b[9];
	struct wr w = wr_init(b, sizeof b);
	(void)state;
	wr_u8(&w, 0xfe);
	wr_be16(&w, 0x0102);
	wr_be32(&w, 0x03040506);
	wr_bytes(&w, "ab", 2);
	assert_int_equal(wr_len(&w), 9);
	assert_false(w.bad);
	assert_memory_equal(b,
			    "\xfe\x01\x02\x03\x04\x05\x06"
			    "ab",
			    9);
	wr_bytes(&w, b, 0);
	assert_false(w.bad);
	wr_u8(&w, 0);
	assert_true(w.bad);
	assert_int_equal(wr_len(&w), 9);
}

/* What does not fit is left out whole, and so is all after it, though it would fit. */
static void
a_writer_that_is_full(void **state)
{
	(void)state;
	for (size_t n = 0; n < 4; n++) {
		uint8_t *b = exact(n);
		memset(b, 0x77, n);
		struct wr w = wr_init(b, n);
		wr_be32(&w, 0);
		assert_true(w.bad);
		wr_u8(&w, 0);
		wr_be16(&w, 0);
		wr_bytes(&w, "", 1);
		wr_bytes(&w, NULL, 0);
		assert_null(wr_room(&w, 0));
		assert_int_equal(wr_len(&w), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(b[i], 0x77);
		free(b);
	}
}

static void
room_is_filled_later(void **state)
{
	uint8_t b[6];
	struct wr w = wr_init(b, sizeof b);
	uint8_t *len = wr_room(&w, 2);
	(void)state;
	wr_bytes(&w, "abcd", 4);
	put_be16(len, (uint16_t)wr_len(&w));
	assert_memory_equal(b, "\0\6abcd", 6);
	assert_non_null(wr_room(&w, 0));
	assert_null(wr_room(&w, 1));
}

static uint64_t seed = 1;

static size_t
rnd(size_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(seed >> 33) % below;
}

/* Random writes, then the same sequence of reads, in buffers of every size: both stop at the same place. */
static void
what_was_written_is_read(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t size = rnd(64);
		uint8_t *b = exact(size), kinds[16];
		uint32_t values[16], fits = 0;
		struct wr w = wr_init(b, size);
		for (unsigned i = 0; i < 16; i++) {
			kinds[i] = (uint8_t)rnd(3);
			values[i] = (uint32_t)rnd(UINT32_MAX) >> (kinds[i] == 0 ? 24 : kinds[i] == 1 ? 16 : 0);
			if (kinds[i] == 0)
				wr_u8(&w, (uint8_t)values[i]);
			else if (kinds[i] == 1)
				wr_be16(&w, (uint16_t)values[i]);
			else
				wr_be32(&w, values[i]);
			fits += !w.bad;
		}
		struct rd r = rd_init(b, wr_len(&w));
		for (unsigned i = 0; i < fits; i++) {
			uint32_t v = kinds[i] == 0 ? rd_u8(&r) : kinds[i] == 1 ? rd_be16(&r) : rd_be32(&r);
			assert_int_equal(v, values[i]);
		}
		assert_false(r.bad);
		assert_int_equal(rd_left(&r), 0);
		free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_at_every_alignment),
		cmocka_unit_test(reads_in_order),
		cmocka_unit_test(a_byte_short),
		cmocka_unit_test(lengths_that_wrap),
		cmocka_unit_test(a_cursor_in_a_cursor),
		cmocka_unit_test(nothing_at_all),
		cmocka_unit_test(writes_in_order),
		cmocka_unit_test(a_writer_that_is_full),
		cmocka_unit_test(room_is_filled_later),
		cmocka_unit_test(what_was_written_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
