/* journal.h - accounting records on disk, until a server has taken them.
 *
 * A folder of segments, each a row of entries {length, kind, sequence number, checksum, bytes}.  An entry is alive until
 * an entry DONE names its number; a segment of which nothing is alive is removed.  Whoever opens the folder again is
 * handed what is alive, in order: after a crash nothing is missing that had been appended, a torn end is left out.  Of an
 * oldest segment that is mostly dead, what lives is written again at the end.
 *
 * The folder is bounded: what would make it larger, or finds the disk full, is not written, and counted in `lost`; the
 * caller still has it in memory.  Half of the bound is for RECORDs alone.  A CHECK that is renewed keeps its number, and
 * its former content until the new one is written.
 *
 * Thread: MAIN appends, by a byte ring, and never waits; a WRITER thread of the journal's own writes, so that a slow disk
 * holds neither MAIN nor the log.  Synced to the disk once a second, and at the end.
 *
 *	journal_open (hands over what is alive) -> journal_append, journal_done ... -> journal_close
 */
#ifndef CP_AAA_JOURNAL_H
#define CP_AAA_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/role.h>

#define JOURNAL_ENTRY_MAX 8192

struct journal;

/* RECORD: to be sent.  CHECK: what would have to be sent for a session that is up, if we died now. */
enum journal_kind { JOURNAL_RECORD = 1, JOURNAL_CHECK = 2, JOURNAL_DONE = 3 };

typedef void journal_alive(void *arg, enum journal_kind kind, uint64_t seq, const void *bytes, size_t n);

/* journal_open: makes the folder when its parent is there; calls `alive` in order of seq.  -errno; -EBUSY when another
 * process has it. */
int journal_open(struct journal **out, const char *folder, uint64_t bytes_max, journal_alive *alive, void *arg) ON_MAIN;
void journal_close(struct journal *j) ON_MAIN;

/* journal_epoch: greater each time the folder is opened, and not less than now_s: never the same again, whatever the
 * clock does. */
uint32_t journal_epoch(const struct journal *j) ON_MAIN;

/* journal_append: returns the entry's number; it may be lost, see above; 0: it is.  n is at most JOURNAL_ENTRY_MAX. */
uint64_t journal_append(struct journal *j, enum journal_kind kind, const void *bytes, size_t n) ON_MAIN;

/* journal_renew: the CHECK of this number says this from now on. */
void journal_renew(struct journal *j, uint64_t seq, const void *bytes, size_t n) ON_MAIN;

/* journal_done: harmless for one that was lost, and for 0. */
void journal_done(struct journal *j, uint64_t seq) ON_MAIN;

/* journal_step: now and then: hands on what WRITER had no room for. */
void journal_step(struct journal *j) ON_MAIN;

/* journal_text: a line for `file`, which journal_text_open has opened; lost and counted as well. */
int journal_text_open(struct journal *j, const char *file) ON_MAIN;
void journal_text(struct journal *j, const char *text, size_t n) ON_MAIN;

struct journal_stats {
	uint64_t bytes;       /* on disk */
	uint64_t lost;        /* records not written: the bound, or the disk */
	uint64_t lost_checks; /* the same for checks: the former one stands */
	uint64_t busy;        /* entries not written: WRITER did not keep up */
	uint64_t owed;        /* ends that it has no room for yet */
	int error;            /* errno of the last failure, 0 */
};
void journal_stats(const struct journal *j, struct journal_stats *out) ON_MAIN;

#endif
