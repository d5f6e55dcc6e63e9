#include "clock.h"

#define WINDOW_US 1000000
/* A comparison is off by as long as MAIN took from reading its clock to dp_step; beyond this the machine was suspended. */
#define STEP_US 500000
#define SLEW_MAX_US 10000 /* in one window: one percent */

static void publish(struct tsc_clock *c, const struct tsc_map *m);
static uint64_t mult_of(uint64_t cycles, int64_t us);
static void correct(struct clock_steer *s, uint64_t tsc, struct mono now) ON_MAIN;
static void open_window(struct clock_steer *s, struct mono now);

void
clock_steer_init(struct clock_steer *s, struct tsc_clock *c, uint64_t tsc0, struct mono now0, uint64_t tsc1,
		 struct mono now1)
{
	*s = (struct clock_steer){
		.map = {.tsc = tsc1, .mult = mult_of(tsc1 - tsc0, now1.us - now0.us), .us = now1.us},
		.first_tsc = tsc0,
		.first_us = now0.us,
	};
	open_window(s, now1);
	publish(c, &s->map);
}

void
clock_steer(struct clock_steer *s, struct tsc_clock *c, uint64_t tsc, struct mono now)
{
	/* MAIN's reading is never younger than the TSC's, so of many errors the smallest is nearest to the truth. */
	int64_t error = tsc_to_mono(&s->map, tsc).us - now.us;
	if (error < s->best_error_us) {
		s->best_error_us = error;
		s->best_tsc = tsc;
		s->best_us = now.us;
	}
	if (mono_since_us(now, s->window) < WINDOW_US)
		return;
	correct(s, tsc, now);
	open_window(s, now);
	publish(c, &s->map);
}

/* correct: the frequency from all the time so far, a little faster or slower so that the error is gone after a window. */
static void
correct(struct clock_steer *s, uint64_t tsc, struct mono now)
{
	int64_t error = s->best_error_us;
	if (error > STEP_US || error < -STEP_US) {
		s->first_tsc = tsc;
		s->first_us = now.us;
		s->map.tsc = tsc;
		s->map.us = now.us;
		return;
	}
	if (s->best_tsc > s->first_tsc && s->best_us - s->first_us >= WINDOW_US / 2) {
		s->map.us = tsc_to_mono(&s->map, tsc).us;
		s->map.tsc = tsc;
		s->map.mult = mult_of(s->best_tsc - s->first_tsc, s->best_us - s->first_us);
	}
	int64_t slew = error > SLEW_MAX_US ? SLEW_MAX_US : error < -SLEW_MAX_US ? -SLEW_MAX_US : error;
	s->map.mult -= (uint64_t)((int64_t)s->map.mult / WINDOW_US * slew);
}

static void
open_window(struct clock_steer *s, struct mono now)
{
	s->window = now;
	s->best_error_us = INT64_MAX;
}

static uint64_t
mult_of(uint64_t cycles, int64_t us)
{
	return (uint64_t)(((unsigned __int128)us << TSC_SHIFT) / cycles);
}

static void
publish(struct tsc_clock *c, const struct tsc_map *m)
{
	uint32_t v = atomic_load_explicit(&c->version, memory_order_relaxed);
	atomic_store_explicit(&c->version, v + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&c->tsc, m->tsc, memory_order_relaxed);
	atomic_store_explicit(&c->mult, m->mult, memory_order_relaxed);
	atomic_store_explicit(&c->us, m->us, memory_order_relaxed);
	atomic_store_explicit(&c->version, v + 2, memory_order_release);
}
