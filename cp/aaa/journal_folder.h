/* journal_folder.h - the journal's two files: journal.c, its threads, and journal_folder.c, what is on the disk.
 *
 * The folder is MAIN's until WRITER runs, and again when it has ended; in between it is WRITER's.
 */
#ifndef CP_AAA_JOURNAL_FOLDER_H
#define CP_AAA_JOURNAL_FOLDER_H

#include <pthread.h>
#include <stdatomic.h>

#include <millrace/byte_ring.h>

#include "aaa/journal.h"

struct journal {
	char folder[1024];
	int folder_fd, lock_fd;
	uint32_t epoch;
	/* MAIN's */
	uint64_t next_seq, busy;
	uint64_t *owed; /* DONE entries for which the queue had no room */
	size_t n_owed, room_owed;
	struct byte_ring queue;
	void *queue_bytes;
	int wake_fd;
	pthread_t writer;
	atomic_bool asleep;
	/* WRITER's */
	struct live *live;
	struct segment *segments;
	unsigned n_segments;
	uint32_t next_number;
	int fd, text_fd; /* of the last segment; -1: none */
	uint64_t bytes_max;
	bool dirty;
	/* WRITER writes, MAIN reads */
	atomic_uint_fast64_t bytes, lost, lost_checks;
	atomic_int error;
};

/* journal_folder_open: makes it, locks it, hands over what is alive: journal_open.  journal_folder_close: after a failure too. */
int journal_folder_open(struct journal *j, journal_alive *alive, void *arg) ON_MAIN;
void journal_folder_close(struct journal *j) ON_MAIN;

/* journal_folder_write: an entry as MAIN has put it into the queue.  journal_folder_sync: false: what was written last may not be
 * on the disk. */
void journal_folder_write(struct journal *j, const struct byte_ring_rec *rec) ON_WRITER;
bool journal_folder_sync(struct journal *j) ON_WRITER;

/* journal_failed: counts what was not written. */
void journal_failed(struct journal *j, enum journal_kind kind, int error) ON_WRITER;

#endif
