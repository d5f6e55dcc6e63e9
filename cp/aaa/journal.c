#include "aaa/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "aaa/journal_folder.h"

#define QUEUE_BYTES (4u << 20)
#define SYNC_MS 1000

enum { RECORD_TEXT = 100, RECORD_END };

static int start(struct journal *j);
static void free_all(struct journal *j) ON_MAIN;
static bool push(struct journal *j, uint16_t type, uint64_t seq, const void *bytes, size_t n) ON_MAIN;
static void *run(void *arg);
static bool drain(struct journal *j) ON_WRITER;
static void write_text(struct journal *j, const struct byte_ring_rec *rec) ON_WRITER;

int
journal_open(struct journal **out, const char *folder, uint64_t bytes_max, journal_alive *alive, void *arg)
{
	struct journal *j = calloc(1, sizeof *j);
	if (!j)
		return -ENOMEM;
	snprintf(j->folder, sizeof j->folder, "%s", folder);
	j->bytes_max = bytes_max;
	j->next_seq = 1;
	j->folder_fd = j->lock_fd = j->fd = j->text_fd = j->wake_fd = -1;
	int rc = journal_folder_open(j, alive, arg);
	if (!rc)
		rc = start(j);
	if (rc)
		free_all(j);
	else
		*out = j;
	return rc;
}

static int
start(struct journal *j)
{
	j->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->wake_fd < 0)
		return -errno;
	int rc = -posix_memalign(&j->queue_bytes, 64, QUEUE_BYTES);
	if (rc)
		return rc;
	byte_ring_init(&j->queue, j->queue_bytes, QUEUE_BYTES);
	return -pthread_create(&j->writer, NULL, run, j);
}

void
journal_close(struct journal *j)
{
	if (!j)
		return;
	for (journal_step(j); j->n_owed || !push(j, RECORD_END, 0, "", 0); journal_step(j))
		poll(NULL, 0, 1);
	pthread_join(j->writer, NULL);
	free_all(j);
}

static void
free_all(struct journal *j)
{
	journal_folder_close(j);
	if (j->text_fd >= 0)
		close(j->text_fd);
	if (j->wake_fd >= 0)
		close(j->wake_fd);
	free(j->queue_bytes);
	free(j->owed);
	free(j);
}

/* --- MAIN's side ------------------------------------------------------------------------------------------------- */

uint32_t
journal_epoch(const struct journal *j)
{
	return j->epoch;
}

static bool
push(struct journal *j, uint16_t type, uint64_t seq, const void *bytes, size_t n)
{
	void *p = byte_ring_reserve(&j->queue, type, seq, (uint32_t)n, 0);
	if (!p)
		return false;
	if (n)
		memcpy(p, bytes, n);
	byte_ring_commit(&j->queue);
	/* Pairs with the fence in run: either WRITER sees the entry, or we see that it sleeps. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&j->asleep, false)) {
		uint64_t one = 1;
		(void)!write(j->wake_fd, &one, sizeof one);
	}
	return true;
}

uint64_t
journal_append(struct journal *j, enum journal_kind kind, const void *bytes, size_t n)
{
	if (push(j, (uint16_t)kind, j->next_seq, bytes, n))
		return j->next_seq++;
	j->busy++;
	return 0;
}

void
journal_renew(struct journal *j, uint64_t seq, const void *bytes, size_t n)
{
	if (seq)
		j->busy += !push(j, JOURNAL_CHECK, seq, bytes, n);
}

/* One that is lost would keep its segment, and all behind it, on the disk. */
void
journal_done(struct journal *j, uint64_t seq)
{
	journal_step(j);
	if (!seq || (!j->n_owed && push(j, JOURNAL_DONE, seq, "", 0)))
		return;
	if (j->n_owed == j->room_owed) {
		size_t room = j->room_owed * 2 + 256;
		uint64_t *more = realloc(j->owed, room * sizeof *more);
		if (!more) {
			j->busy++;
			return;
		}
		j->owed = more;
		j->room_owed = room;
	}
	j->owed[j->n_owed++] = seq;
}

void
journal_step(struct journal *j)
{
	while (j->n_owed && push(j, JOURNAL_DONE, j->owed[j->n_owed - 1], "", 0))
		j->n_owed--;
}

void
journal_text(struct journal *j, const char *text, size_t n)
{
	j->busy += !push(j, RECORD_TEXT, 0, text, n);
}

int
journal_text_open(struct journal *j, const char *file)
{
	j->text_fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	return j->text_fd < 0 ? -errno : 0;
}

void
journal_stats(const struct journal *j, struct journal_stats *out)
{
	*out = (struct journal_stats){.bytes = atomic_load(&j->bytes),
				      .lost = atomic_load(&j->lost),
				      .lost_checks = atomic_load(&j->lost_checks),
				      .busy = j->busy,
				      .owed = j->n_owed,
				      .error = atomic_load(&j->error)};
}

/* --- WRITER ------------------------------------------------------------------------------------------------------ */

static int64_t
now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *
run(void *arg)
{
	struct journal *j = arg;
	int64_t synced = 0;
	role_assume_writer();
	for (bool ended = false; !ended;) {
		ended = drain(j);
		if (j->dirty && (ended || now_ms() - synced >= SYNC_MS)) {
			journal_folder_sync(j);
			synced = now_ms();
		}
		atomic_store(&j->asleep, true);
		atomic_thread_fence(memory_order_seq_cst);
		if (ended || byte_ring_peek(&j->queue))
			continue;
		struct pollfd p = {.fd = j->wake_fd, .events = POLLIN};
		uint64_t count;
		if (poll(&p, 1, SYNC_MS) > 0)
			(void)!read(j->wake_fd, &count, sizeof count);
	}
	return NULL;
}

static bool
drain(struct journal *j)
{
	const struct byte_ring_rec *rec;
	bool ended = false;
	while ((rec = byte_ring_peek(&j->queue))) {
		ended |= rec->type == RECORD_END;
		if (rec->type == RECORD_TEXT)
			write_text(j, rec);
		else if (rec->type != RECORD_END)
			journal_folder_write(j, rec);
		byte_ring_pop(&j->queue);
	}
	return ended;
}

static void
write_text(struct journal *j, const struct byte_ring_rec *rec)
{
	if (j->text_fd >= 0 && write(j->text_fd, rec->payload, rec->len) != (ssize_t)rec->len)
		journal_failed(j, JOURNAL_RECORD, errno);
}
