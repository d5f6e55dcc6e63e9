#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <millrace/byte_ring.h>

#define QUEUE_BYTES (1u << 20)
#define LIMITED_MAX 1024

enum record { RECORD_LINE, RECORD_END };

struct log {
	struct byte_ring queue; /* MAIN -> WRITER */
	void *queue_bytes;
	enum log_level level;
	uint64_t lost, lost_told;
	atomic_bool asleep; /* WRITER waits for the eventfd */
	int wake_fd, fd;
	pthread_t writer;
};

static void *writer_run(void *arg);
static void drain(struct log *log, bool *ended) ON_WRITER;
static void write_whole(int fd, const uint8_t *p, size_t n) ON_WRITER;
static void put(struct log *log, enum log_level level, const char *format, va_list ap) ON_MAIN
	__attribute__((format(printf, 3, 0)));
static bool queue_line(struct log *log, enum record type, const char *text, size_t n) ON_MAIN;
static bool is_control(const unsigned char *line, size_t from, size_t i);
static size_t compose(char *line, enum log_level level, const char *format, va_list ap) ON_MAIN
	__attribute__((format(printf, 3, 0)));

int
log_open(struct log **out, const char *file, enum log_level level)
{
	struct log *log = calloc(1, sizeof *log);
	if (!log)
		return -ENOMEM;
	log->level = level;
	log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	log->fd = strcmp(file, "stderr") ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : STDERR_FILENO;
	int err = log->fd < 0 || log->wake_fd < 0 ? -errno : 0;
	if (!err)
		err = -posix_memalign(&log->queue_bytes, 64, QUEUE_BYTES);
	if (!err) {
		byte_ring_init(&log->queue, log->queue_bytes, QUEUE_BYTES);
		err = -pthread_create(&log->writer, NULL, writer_run, log);
	}
	if (err) {
		if (log->fd > STDERR_FILENO)
			close(log->fd);
		if (log->wake_fd >= 0)
			close(log->wake_fd);
		free(log->queue_bytes);
		free(log);
		return err;
	}
	*out = log;
	return 0;
}

void
log_close(struct log *log)
{
	if (!log)
		return;
	role_assume_main(); /* MAIN's loop has ended: its side of the queue is ours */
	while (!queue_line(log, RECORD_END, "", 0))
		poll(NULL, 0, 1);
	pthread_join(log->writer, NULL);
	if (log->fd != STDERR_FILENO)
		close(log->fd);
	close(log->wake_fd);
	free(log->queue_bytes);
	free(log);
}

void
log_level_set(struct log *log, enum log_level level)
{
	if (log)
		log->level = level;
}

bool
log_on(const struct log *log, enum log_level level)
{
	return log && level <= log->level;
}

uint64_t
log_lost(const struct log *log)
{
	return log ? log->lost : 0;
}

bool
log_limit_take(struct log_limit *l, struct mono now, uint32_t *left_out)
{
	if (!l->taken || mono_since_us(now, l->second) >= 1000000) {
		l->second = now;
		l->taken = 0;
	}
	if (l->taken == LOG_LIMIT) {
		l->left_out++;
		return false;
	}
	l->taken++;
	*left_out = l->left_out;
	l->left_out = 0;
	return true;
}

void
log_limited(struct log *log, struct log_limit *l, struct mono now, enum log_level level, const char *format, ...)
{
	char text[LIMITED_MAX], others[32] = "";
	uint32_t left_out;
	va_list ap;
	if (!log_limit_take(l, now, &left_out))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (left_out)
		snprintf(others, sizeof others, " (after %u more)", left_out);
	log_line(log, level, "%s%s", text, others);
}

const char *
log_level_name(enum log_level level)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	return names[level];
}

void
log_line(struct log *log, enum log_level level, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	log_vline(log, level, format, ap);
	va_end(ap);
}

void
log_vline(struct log *log, enum log_level level, const char *format, va_list ap)
{
	if (log_on(log, level))
		put(log, level, format, ap);
}

void
log_set_level(struct log *log, enum log_level level)
{
	if (log)
		log->level = level;
}

void
log_always(struct log *log, enum log_level level, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	if (log)
		put(log, level, format, ap);
	va_end(ap);
}

static void
put(struct log *log, enum log_level level, const char *format, va_list ap)
{
	char line[LOG_LINE_MAX];
	if (log->lost != log->lost_told) {
		int n = snprintf(line, sizeof line, "log: %lu lines lost, the disk is slow\n",
				 (unsigned long)(log->lost - log->lost_told));
		if (queue_line(log, RECORD_LINE, line, (size_t)n))
			log->lost_told = log->lost;
	}
	if (!queue_line(log, RECORD_LINE, line, compose(line, level, format, ap)))
		log->lost++;
}

/* is_control: C0, DEL, and C1, which drives terminals as well: in UTF-8 as C2 80..9F, alone where it continues nothing. */
static bool
is_control(const unsigned char *line, size_t from, size_t i)
{
	if (line[i] < 0x20 || line[i] == 0x7f)
		return true;
	return line[i] >= 0x80 && line[i] < 0xa0 && (i == from || line[i - 1] < 0x80 || line[i - 1] == 0xc2);
}

/* A peer's bytes may be in the line: nothing in it may look like another line or drive a terminal. */
static size_t
compose(char *line, enum log_level level, const char *format, va_list ap)
{
	struct timespec t;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &t); /* for the reader's eyes only */
	localtime_r(&t.tv_sec, &tm);
	size_t n = strftime(line, LOG_LINE_MAX, "[%Y-%m-%d %H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, LOG_LINE_MAX - n, ".%03ld] %-5s ", t.tv_nsec / 1000000, log_level_name(level));
	size_t text = n;
	int more = vsnprintf(line + n, LOG_LINE_MAX - n - 1, format, ap);
	n += more < 0 ? 0 : (size_t)more;
	if (n > LOG_LINE_MAX - 2)
		n = LOG_LINE_MAX - 2;
	for (size_t i = text; i < n; i++)
		if (is_control((const unsigned char *)line, text, i))
			line[i] = ' ';
	line[n++] = '\n';
	return n;
}

static bool
queue_line(struct log *log, enum record type, const char *text, size_t n)
{
	void *p = byte_ring_reserve(&log->queue, (uint16_t)type, 0, (uint32_t)n, 0);
	if (!p)
		return false;
	memcpy(p, text, n);
	byte_ring_commit(&log->queue);
	/* Pairs with the fence in writer_run: either WRITER sees the record, or we see that it sleeps. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&log->asleep, false)) {
		uint64_t one = 1;
		ssize_t written = write(log->wake_fd, &one, sizeof one);
		(void)written; /* a counter that is full has woken it already */
	}
	return true;
}

static void *
writer_run(void *arg)
{
	struct log *log = arg;
	bool ended = false;
	role_assume_writer();
	while (!ended) {
		drain(log, &ended);
		atomic_store(&log->asleep, true);
		atomic_thread_fence(memory_order_seq_cst);
		if (ended || byte_ring_peek(&log->queue))
			continue;
		struct pollfd p = {.fd = log->wake_fd, .events = POLLIN};
		uint64_t count;
		if (poll(&p, 1, 1000) > 0 && read(log->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
			break;
	}
	return NULL;
}

static void
drain(struct log *log, bool *ended)
{
	const struct byte_ring_rec *rec;
	while ((rec = byte_ring_peek(&log->queue))) {
		*ended |= rec->type == RECORD_END;
		write_whole(log->fd, rec->payload, rec->len);
		byte_ring_pop(&log->queue);
	}
}

static void
write_whole(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno != EINTR)
			return;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
}
