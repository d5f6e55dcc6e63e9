/* The byte ring: shares, gaps and limits alone, then two threads that check every byte of each other. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/byte_ring.h>

static struct byte_ring
ring_new(uint32_t size)
{
	struct byte_ring r;
	void *buf = aligned_alloc(64, size);
	assert_non_null(buf);
	memset(buf, 0xff, size); /* stale bytes look like fillers */
	byte_ring_init(&r, buf, size);
	return r;
}

static bool
put(struct byte_ring *r, uint16_t type, uint32_t len, uint32_t keep_free)
{
	uint8_t *p = byte_ring_reserve(r, type, type * UINT64_C(0x100000001), len, keep_free);
	if (!p)
		return false;
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_true(p >= r->buf && p + len <= r->buf + r->size);
	memset(p, type & 0xff, len);
	byte_ring_commit(r);
	return true;
}

static void
get(struct byte_ring *r, uint16_t type, uint32_t len)
{
	const struct byte_ring_rec *rec = byte_ring_peek(r);
	assert_non_null(rec);
	assert_ptr_equal(byte_ring_peek(r), rec);
	assert_int_equal(rec->type, type);
	assert_int_equal(rec->len, len);
	assert_true(rec->handle == type * UINT64_C(0x100000001));
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(rec->payload[i], type & 0xff);
	byte_ring_pop(r);
}

static void
one_record(void **state)
{
	struct byte_ring r = ring_new(1024);
	(void)state;
	assert_null(byte_ring_peek(&r));
	assert_int_equal(byte_ring_free(&r), 1024);
	assert_non_null(byte_ring_reserve(&r, 1, 1, 100, 0));
	assert_null(byte_ring_peek(&r)); /* not before it is committed */
	assert_int_equal(byte_ring_free(&r), 1024);
	assert_true(put(&r, 7, 33, 0)); /* nor one that was never committed */
	assert_int_equal(byte_ring_free(&r), 1024 - 64);
	get(&r, 7, 33);
	assert_null(byte_ring_peek(&r));
	assert_int_equal(byte_ring_free(&r), 1024);
	byte_ring_commit(&r); /* nothing reserved: nothing shown */
	assert_null(byte_ring_peek(&r));
	free(r.buf);
}

static void
spans(void **state)
{
	(void)state;
	assert_int_equal(byte_ring_span(0), 16);
	assert_int_equal(byte_ring_span(1), 32);
	assert_int_equal(byte_ring_span(16), 32);
	assert_int_equal(byte_ring_span(17), 48);
	assert_int_equal(byte_ring_span(BYTE_RING_MAX), BYTE_RING_MAX + 16);
}

static void
full_to_the_last_byte(void **state)
{
	struct byte_ring r = ring_new(256);
	(void)state;
	for (uint16_t i = 0; i < 16; i++)
		assert_true(put(&r, i, 0, 0));
	assert_int_equal(byte_ring_free(&r), 0);
	assert_false(put(&r, 99, 0, 0));
	get(&r, 0, 0);
	assert_false(put(&r, 99, 1, 0));
	assert_true(put(&r, 16, 0, 0));
	assert_false(put(&r, 99, 0, 0));
	for (uint16_t i = 1; i <= 16; i++)
		get(&r, i, 0);
	assert_null(byte_ring_peek(&r));
	free(r.buf);
}

/* Records never wrap: at every place near the end, a filler takes what is left there, and it needs room too. */
static void
fillers_close_the_gap(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < 512; at += 16) {
		for (uint32_t len = 0; len <= 240; len += 16) {
			struct byte_ring r = ring_new(512);
			for (uint32_t k = 0; k < at / 16; k++) {
				assert_true(put(&r, 1, 0, 0));
				get(&r, 1, 0);
			}
			uint32_t span = byte_ring_span(len), gap = 512 - at < span ? 512 - at : 0;
			assert_true(put(&r, 5, len, 0));
			assert_int_equal(byte_ring_free(&r), 512 - span - gap);
			get(&r, 5, len);
			assert_null(byte_ring_peek(&r));
			assert_int_equal(byte_ring_free(&r), 512);
			free(r.buf);
		}
	}
}

/* The essay's rule for the size, at its edge, for every place of an empty ring. */
static void
the_size_for_the_largest_record(void **state)
{
	(void)state;
	uint32_t refused = 0;
	for (uint32_t at = 0; at < 65536; at += 16) {
		struct byte_ring r = ring_new(65536);
		r.head = r.tail = r.seen_head = r.seen_tail = at;
		uint32_t keep_free = 65536 - 2 * (BYTE_RING_MAX + 32);
		assert_true(put(&r, 3, BYTE_RING_MAX, keep_free));
		get(&r, 3, BYTE_RING_MAX);
		byte_ring_init(&r, r.buf, 32768);
		r.head = r.tail = r.seen_head = r.seen_tail = at;
		refused += !byte_ring_reserve(&r, 3, 0, BYTE_RING_MAX, 0);
		free(r.buf);
	}
	assert_true(refused > 0); /* half of that size is too small, though it is empty and larger than the record */
}

static void
the_largest_record(void **state)
{
	struct byte_ring r = ring_new(65536);
	static const uint32_t too_long[] = {BYTE_RING_MAX + 1, 65535,           65536,          1u << 31,
					    UINT32_MAX - 31,   UINT32_MAX - 15, UINT32_MAX - 1, UINT32_MAX};
	(void)state;
	for (unsigned i = 0; i < sizeof too_long / sizeof *too_long; i++)
		assert_null(byte_ring_reserve(&r, 1, 0, too_long[i], 0));
	assert_null(byte_ring_peek(&r));
	assert_int_equal(byte_ring_free(&r), 65536);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(put(&r, 1, BYTE_RING_MAX, 0));
		assert_true(put(&r, 2, BYTE_RING_MAX - 1, 0));
		get(&r, 1, BYTE_RING_MAX);
		get(&r, 2, BYTE_RING_MAX - 1);
	}
	free(r.buf);
}

/* A flood of the class with the largest share to leave stops there; the others still pass, the last one to the end. */
static void
shares(void **state)
{
	struct byte_ring r = ring_new(1024);
	unsigned n = 0;
	(void)state;
	while (put(&r, 1, 16, 512))
		n++;
	assert_int_equal(n, 16);
	while (put(&r, 2, 16, 256))
		n++;
	assert_int_equal(n, 24);
	assert_false(put(&r, 1, 0, 512));
	assert_true(put(&r, 3, 240, 0));
	assert_int_equal(byte_ring_free(&r), 0);
	/* one more byte than is free is refused, one that is free is not */
	for (unsigned i = 0; i < 16; i++)
		get(&r, 1, 16);
	assert_int_equal(byte_ring_free(&r), 512);
	assert_false(put(&r, 2, 16, 512 - 32 + 1));
	assert_true(put(&r, 2, 16, 512 - 32));
	assert_false(put(&r, 2, 0, UINT32_MAX));
	free(r.buf);
}

/* The filler counts: it must not take what must stay free. */
static void
fillers_leave_the_share(void **state)
{
	struct byte_ring r = ring_new(256);
	(void)state;
	assert_true(put(&r, 1, 176, 0));
	get(&r, 1, 176); /* 64 to the end; a span of 80 costs 144 */
	assert_false(put(&r, 2, 64, 256 - 144 + 1));
	assert_true(put(&r, 2, 64, 256 - 144));
	assert_int_equal(byte_ring_free(&r), 256 - 144);
	get(&r, 2, 64);
	free(r.buf);
}

/* Positions count on: past 2^32, and past the end of their own 64 bits. */
static void
positions_wrap(void **state)
{
	static const uint64_t starts[] = {(UINT64_C(1) << 32) - 64, UINT64_MAX - 63};
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct byte_ring r = ring_new(256);
		r.head = r.tail = r.seen_head = r.seen_tail = starts[k];
		for (uint16_t i = 0; i < 100; i++) {
			assert_true(put(&r, i, i % 7 * 10, 64));
			assert_true(put(&r, i + 1, 3, 0));
			get(&r, i, i % 7 * 10);
			get(&r, i + 1, 3);
		}
		assert_int_equal(byte_ring_free(&r), 256);
		free(r.buf);
	}
}

/* ---- two threads ---- */

#ifndef RECORDS_SHARE
#define RECORDS_SHARE 1 /* one in so many: under ThreadSanitizer, which sees a race without hitting it */
#endif

struct pair {
	struct byte_ring ring;
	uint32_t n_records, max_len;
	uint64_t full, wrong;
};

static uint64_t
next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

/* The record of this number: both sides know what is in it. */
static uint32_t
record_len(uint64_t *seed, uint32_t max_len)
{
	uint64_t x = next(seed);
	return (uint32_t)(x % 8 ? x / 8 % 100 : x / 8 % (max_len + 1));
}

static void
fill(uint8_t *p, uint32_t len, uint64_t x)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(x + i * 7);
}

static void *
produce(void *arg)
{
	struct pair *t = arg;
	uint64_t seed = 42;
	for (uint32_t k = 0; k < t->n_records; k++) {
		uint32_t len = record_len(&seed, t->max_len);
		uint32_t keep_free = k % 3 * (t->ring.size / 8);
		uint8_t *p;
		while (!(p = byte_ring_reserve(&t->ring, (uint16_t)(k % 0xffff), k, len, keep_free))) {
			t->full++;
			sched_yield();
		}
		fill(p, len, k);
		byte_ring_commit(&t->ring);
	}
	return NULL;
}

static bool
is_right(const struct byte_ring_rec *rec, uint32_t k, uint32_t len)
{
	if (rec->handle != k || rec->len != len || rec->type != k % 0xffff)
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (rec->payload[i] != (uint8_t)(k + i * 7))
			return false;
	return true;
}

static void
consume(struct pair *t)
{
	uint64_t seed = 42, pause = 7;
	for (uint32_t k = 0; k < t->n_records; k++) {
		const struct byte_ring_rec *rec;
		while (!(rec = byte_ring_peek(&t->ring)))
			sched_yield();
		t->wrong += !is_right(rec, k, record_len(&seed, t->max_len));
		if (next(&pause) % 1000 == 0)
			sched_yield();
		byte_ring_pop(&t->ring);
	}
}

static void
two_threads(void **state)
{
	static const struct {
		uint32_t size, max_len, n;
	} runs[] = {{512, 100, 200000}, {4096, 900, 200000}, {65536, BYTE_RING_MAX, 100000}, {1 << 20, 2000, 200000}};
	(void)state;
	for (unsigned i = 0; i < sizeof runs / sizeof *runs; i++) {
		struct pair t = {.ring = ring_new(runs[i].size),
				 .n_records = runs[i].n / RECORDS_SHARE,
				 .max_len = runs[i].max_len};
		pthread_t producer;
		assert_int_equal(pthread_create(&producer, NULL, produce, &t), 0);
		consume(&t);
		assert_int_equal(pthread_join(producer, NULL), 0);
		assert_int_equal(t.wrong, 0);
		assert_null(byte_ring_peek(&t.ring));
		assert_int_equal(byte_ring_free(&t.ring), runs[i].size);
		print_message("ring of %u: %u records to %u bytes, full %lu times\n", runs[i].size, t.n_records,
			      runs[i].max_len, (unsigned long)t.full);
		free(t.ring.buf);
	}
}

int
main(void)
{
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(one_record),
		cmocka_unit_test(spans),
		cmocka_unit_test(full_to_the_last_byte),
		cmocka_unit_test(fillers_close_the_gap),
		cmocka_unit_test(the_size_for_the_largest_record),
		cmocka_unit_test(the_largest_record),
		cmocka_unit_test(shares),
		cmocka_unit_test(fillers_leave_the_share),
		cmocka_unit_test(positions_wrap),
	};
	const struct CMUnitTest together[] = {cmocka_unit_test(two_threads)};
	int failed = RECORDS_SHARE > 1 ? 0 : cmocka_run_group_tests(alone, NULL, NULL);
	return failed + cmocka_run_group_tests(together, NULL, NULL);
}
