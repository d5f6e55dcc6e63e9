/* log.h - lines of the log: composed on MAIN, written by WRITER.
 *
 * MAIN never waits for a disk or a terminal: a line goes into a bounded queue, and WRITER writes it.  When the queue is
 * full the line is counted and lost, and the count is said in the next line that gets through.  Levels are blame (see
 * cause.def): error, warn, info, debug; the packet trace of negotiations is debug.
 *
 * log_open starts the WRITER thread, log_close ends it when all is written.   A NULL log swallows
 * everything: tests need none.
 */
#ifndef CP_LOG_H
#define CP_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <millrace/mono.h>
#include <millrace/role.h>

#include "cause.h"

#define LOG_LINE_MAX 2048

struct log;

/* log_open: file "stderr" or a path, opened for appending.  -errno when it cannot be opened. */
int log_open(struct log **log, const char *file, enum log_level level) INIT_ONLY;

/* log_close: writes what is queued, ends the thread. */
void log_close(struct log *log) INIT_ONLY;

/* log_level_set: what is below is not composed. */
void log_level_set(struct log *log, enum log_level level) ON_MAIN;

/* log_on: whether lines of this level are wanted; ask before composing a costly one.  NULL log: never. */
bool log_on(const struct log *log, enum log_level level) ON_MAIN;

/* log_line: "<room> <object>: <event> key=value"; one line, newlines in it become spaces. */
void log_line(struct log *log, enum log_level level, const char *format, ...) ON_MAIN
	__attribute__((format(printf, 3, 4)));
void log_vline(struct log *log, enum log_level level, const char *format, va_list ap) ON_MAIN;

/* Lines that somebody outside can bring about as often as he likes: LOG_LIMIT of them a second. */
#define LOG_LIMIT 10

struct log_limit {
	struct mono second; /* when this one began */
	uint32_t taken, left_out;
};

/* log_limited: as log_line, if there is room for one more; it says how many there was none for since the last. */
void log_limited(struct log *log, struct log_limit *l, struct mono now, enum log_level level, const char *format, ...)
	ON_MAIN __attribute__((format(printf, 5, 6)));

/* log_limit_take: whether there is room; then *left_out is how many there was none for. */
bool log_limit_take(struct log_limit *l, struct mono now, uint32_t *left_out) ON_MAIN;

/* log_set_level: of the lines from now on. */
void log_set_level(struct log *log, enum log_level level) ON_MAIN;

/* log_always: at any level of the log: what somebody has asked to see. */
void log_always(struct log *log, enum log_level level, const char *format, ...) ON_MAIN
	__attribute__((format(printf, 3, 4)));

/* log_lost: lines lost since the start because the queue was full. */
uint64_t log_lost(const struct log *log) ON_MAIN;

/* log_level_name: "error", "warn", "info", "debug". */
const char *log_level_name(enum log_level level) ANY_THREAD;

#endif
