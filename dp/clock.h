/* clock.h - CLOCK_MONOTONIC for threads that make no system call: the TSC, scaled and steered.
 *
 * The frequency that DPDK measures at start is rounded to 10 MHz, seconds an hour; so MAIN, which reads the real clock in
 * its own loop, compares the two in dp_step and publishes a corrected scale about once a second.  Workers convert with
 * one multiplication and no division, and their time never goes back; it is within a few hundred microseconds of MAIN's.
 *
 * tsc_clock: written by MAIN, copied by the workers when its version has changed (a sequence lock whose reader never
 * waits: it keeps the scale that it has).
 */
#ifndef DP_CLOCK_H
#define DP_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

#include <millrace/mono.h>
#include <millrace/role.h>

#define TSC_SHIFT 48

/* At `tsc` it was `us`; each cycle more is mult / 2^TSC_SHIFT microseconds. */
struct tsc_map {
	uint64_t tsc, mult;
	int64_t us;
};

static inline struct mono
tsc_to_mono(const struct tsc_map *m, uint64_t tsc)
{
	/* Another core's TSC may lie a little behind m->tsc: signed. */
	__int128 passed = (int64_t)(tsc - m->tsc);
	return (struct mono){m->us + (int64_t)(passed * (__int128)m->mult >> TSC_SHIFT)};
}

/* What the workers read. */
struct tsc_clock {
	_Atomic uint32_t version; /* odd: being written */
	_Atomic uint64_t tsc, mult;
	_Atomic int64_t us;
};

/* tsc_clock_read: into m when there is a newer version than *seen. */
static inline void
tsc_clock_read(const struct tsc_clock *c, struct tsc_map *m, uint32_t *seen)
{
	uint32_t v = atomic_load_explicit(&c->version, memory_order_acquire);
	if (v == *seen || (v & 1))
		return;
	struct tsc_map new;
	new.tsc = atomic_load_explicit(&c->tsc, memory_order_relaxed);
	new.mult = atomic_load_explicit(&c->mult, memory_order_relaxed);
	new.us = atomic_load_explicit(&c->us, memory_order_relaxed);
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&c->version, memory_order_relaxed) != v)
		return;
	*m = new;
	*seen = v;
}

/* MAIN's side. */
struct clock_steer {
	struct tsc_map map;
	uint64_t first_tsc; /* the frequency is measured over all the time since then */
	int64_t first_us;
	struct mono window; /* when the running comparison began */
	int64_t best_error_us;
	uint64_t best_tsc;
	int64_t best_us;
};

/* clock_steer_init: from two readings of both clocks, some milliseconds apart at least; publishes. */
void clock_steer_init(struct clock_steer *s, struct tsc_clock *c, uint64_t tsc0, struct mono now0, uint64_t tsc1,
		      struct mono now1) INIT_ONLY;

/* clock_steer: `now` was read from the real clock shortly before `tsc` was. */
void clock_steer(struct clock_steer *s, struct tsc_clock *c, uint64_t tsc, struct mono now) ON_MAIN;

#endif
