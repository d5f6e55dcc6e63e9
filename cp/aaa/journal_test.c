/* journal_test.c - what survives: order, a torn end, a bound, a full folder. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "aaa/journal.h"

static char folder[64], seen[4096];

/* The disk as the journal's thread sees it: full, or stalled, and how much of each file has been synced. */
static struct {
	atomic_bool full, stalled, unsure; /* unsure: what is synced fails */
	atomic_uint waiting;
	struct {
		ino_t inode;
		off_t synced;
	} files[64];
	unsigned n_files;
} disk;

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	while (disk.stalled) {
		disk.waiting = 1;
		usleep(1000);
	}
	if (disk.full) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

int
fdatasync(int fd)
{
	struct stat st;
	unsigned i = 0;
	assert_int_equal(fstat(fd, &st), 0);
	while (i < disk.n_files && disk.files[i].inode != st.st_ino)
		i++;
	assert_true(i < sizeof disk.files / sizeof *disk.files);
	if (disk.unsure) {
		errno = EIO;
		return -1;
	}
	disk.files[i].inode = st.st_ino;
	disk.files[i].synced = st.st_size;
	disk.n_files += i == disk.n_files;
	return 0;
}

static void
note(void *arg, enum journal_kind kind, uint64_t seq, const void *bytes, size_t n)
{
	(void)arg;
	(void)seq;
	snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%.*s ", kind == JOURNAL_CHECK ? "check:" : "",
		 (int)n, (const char *)bytes);
}

static struct journal *
open_again(uint64_t max)
{
	struct journal *j = NULL;
	*seen = 0;
	assert_int_equal(journal_open(&j, folder, max, note, NULL), 0);
	return j;
}

static void
begin(void)
{
	memset(&disk, 0, sizeof disk);
	snprintf(folder, sizeof folder, "/tmp/journal_XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static unsigned
each_file(void (*f)(const char *path))
{
	char path[512];
	unsigned n = 0;
	DIR *d = opendir(folder);
	for (struct dirent *e; (e = readdir(d));) {
		snprintf(path, sizeof path, "%s/%.200s", folder, e->d_name);
		if (*e->d_name == 's') {
			n++;
			if (f)
				f(path);
		}
	}
	closedir(d);
	return n;
}

static void
gone(const char *path)
{
	unlink(path);
}

static void
end(void)
{
	char lock[512];
	each_file(gone);
	snprintf(lock, sizeof lock, "%s/lock", folder);
	unlink(lock);
	rmdir(folder);
}

static void
what_is_alive_comes_back_in_order(void **state)
{
	uint64_t seq[4];
	(void)state;
	begin();
	struct journal *j = open_again(1 << 20);
	seq[0] = journal_append(j, JOURNAL_RECORD, "one", 3);
	seq[1] = journal_append(j, JOURNAL_RECORD, "two", 3);
	seq[2] = journal_append(j, JOURNAL_CHECK, "up", 2);
	seq[3] = journal_append(j, JOURNAL_RECORD, "three", 5);
	journal_done(j, seq[1]);
	journal_close(j);
	j = open_again(1 << 20);
	assert_string_equal(seen, "one check:up three ");
	journal_done(j, seq[0]);
	journal_append(j, JOURNAL_RECORD, "four", 4);
	journal_close(j);
	j = open_again(1 << 20);
	assert_string_equal(seen, "check:up three four ");
	journal_close(j);
	end();
}

static void
two_processes_do_not_share_it(void **state)
{
	struct journal *other;
	(void)state;
	begin();
	struct journal *j = open_again(1 << 20);
	assert_true(journal_open(&other, folder, 1 << 20, note, NULL) < 0);
	journal_close(j);
	end();
}

static void
the_epoch_grows_each_time(void **state)
{
	uint32_t last = 0;
	(void)state;
	begin();
	for (unsigned i = 0; i < 5; i++) { /* faster than the clock's seconds */
		struct journal *j = open_again(1 << 20);
		assert_true(journal_epoch(j) > last);
		last = journal_epoch(j);
		journal_close(j);
	}
	end();
}

static void
tear(const char *path)
{
	FILE *f = fopen(path, "r+");
	fseek(f, 0, SEEK_END);
	assert_int_equal(ftruncate(fileno(f), ftell(f) - 3), 0);
	fclose(f);
}

static void
a_torn_end_is_left_out(void **state)
{
	(void)state;
	begin();
	struct journal *j = open_again(1 << 20);
	journal_append(j, JOURNAL_RECORD, "whole", 5);
	journal_append(j, JOURNAL_RECORD, "torn off", 8);
	journal_close(j);
	assert_int_equal(each_file(tear), 1);
	j = open_again(1 << 20);
	assert_string_equal(seen, "whole ");
	journal_append(j, JOURNAL_RECORD, "later", 5);
	journal_close(j);
	j = open_again(1 << 20);
	assert_string_equal(seen, "whole later ");
	journal_close(j);
	end();
}

static void
it_is_bounded_and_says_so(void **state)
{
	struct journal_stats s;
	static char big[4000];
	(void)state;
	begin();
	memset(big, 'x', sizeof big);
	struct journal *j = open_again(100000);
	for (unsigned i = 0; i < 50; i++)
		journal_append(j, JOURNAL_RECORD, big, sizeof big);
	for (unsigned i = 0; i < 5000; i++) {
		journal_stats(j, &s);
		if (s.lost + s.bytes / sizeof big >= 49)
			break;
		usleep(1000);
	}
	assert_true(s.bytes <= 100000);
	assert_true(s.lost >= 25 && s.error);
	journal_close(j);
	end();
}

/* append: waits while the journal's thread is behind. */
static uint64_t
append(struct journal *j, enum journal_kind kind, const void *bytes, size_t n)
{
	uint64_t seq;
	while (!(seq = journal_append(j, kind, bytes, n)))
		usleep(1000);
	return seq;
}

static void
dead_segments_are_removed(void **state)
{
	struct journal_stats s;
	static char big[4000];
	(void)state;
	begin();
	struct journal *j = open_again(64 << 20);
	uint64_t first = journal_append(j, JOURNAL_CHECK, "old", 3), seq = 0;
	for (unsigned i = 0; i < 3000; i++) { /* 12 MB go through */
		uint64_t next = append(j, JOURNAL_RECORD, big, sizeof big);
		journal_done(j, seq);
		seq = next;
		if (i == 2000) {
			append(j, JOURNAL_CHECK, "new", 3);
			journal_done(j, first);
		}
	}
	journal_close(j);
	assert_in_range(each_file(NULL), 1, 6);
	j = open_again(64 << 20);
	assert_memory_equal(seen, "check:new ", 10);
	journal_stats(j, &s);
	assert_int_equal(s.busy, 0);
	journal_close(j);
	end();
}

/* wait_for: until the journal's thread has come so far. */
static void
wait_for(struct journal *j, bool (*is)(const struct journal_stats *s))
{
	struct journal_stats s;
	for (unsigned i = 0; i < 60000; i++) {
		journal_step(j);
		journal_stats(j, &s);
		if (is(&s))
			return;
		usleep(1000);
	}
	fail_msg("bytes %lu, lost %lu, lost checks %lu", s.bytes, s.lost, s.lost_checks);
}

static bool
something_is_written(const struct journal_stats *s)
{
	return s->bytes > 0;
}

static bool
nothing_is_owed(const struct journal_stats *s)
{
	return !s->owed;
}

static bool
two_are_lost(const struct journal_stats *s)
{
	return s->lost == 2;
}

static bool
a_check_is_lost(const struct journal_stats *s)
{
	return s->lost_checks == 1;
}

/* through: more than some segments of records that are answered at once. */
static void
through(struct journal *j)
{
	static char big[4000];
	memset(big, 'x', sizeof big);
	for (unsigned i = 0; i < 1500; i++)
		journal_done(j, append(j, JOURNAL_RECORD, big, sizeof big));
}

/* The end of what the disk had no room for is not the end of what is there. */
static void
what_was_lost_has_no_end(void **state)
{
	(void)state;
	begin();
	struct journal *j = open_again(64 << 20);
	journal_append(j, JOURNAL_RECORD, "a", 1);
	wait_for(j, something_is_written);
	disk.full = true;
	uint64_t lost[] = {journal_append(j, JOURNAL_RECORD, "b", 1), journal_append(j, JOURNAL_RECORD, "c", 1)};
	wait_for(j, two_are_lost);
	disk.full = false;
	journal_append(j, JOURNAL_RECORD, "d", 1);
	journal_done(j, lost[0]);
	journal_done(j, lost[1]);
	through(j);
	journal_close(j);
	j = open_again(64 << 20);
	assert_string_equal(seen, "a d ");
	journal_close(j);
	end();
}

/* Nor does what the queue had no room for lose anything, or keep it. */
static void
a_stalled_disk_forgets_no_end(void **state)
{
	static char big[4000];
	uint64_t seq[2000];
	unsigned n = 0;
	(void)state;
	begin();
	memset(big, 'x', sizeof big);
	struct journal *j = open_again(64 << 20);
	disk.stalled = true;
	while ((seq[n] = journal_append(j, JOURNAL_RECORD, big, sizeof big)))
		assert_true(++n < 2000);
	while (journal_append(j, JOURNAL_RECORD, "", 0))
		;
	assert_true(n > 500);
	for (unsigned i = 0; i <= n; i++)
		journal_done(j, seq[i]); /* the last is 0 */
	disk.stalled = false;
	journal_close(j);
	j = open_again(64 << 20);
	assert_null(strchr(seen, 'x'));
	journal_close(j);
	end();
}

/* A session that is up is known by its last look that was written; half of the room is for records. */
static void
a_check_stands_until_there_is_a_newer_one(void **state)
{
	static char big[4000];
	(void)state;
	begin();
	memset(big, 'x', sizeof big);
	struct journal *j = open_again(100000);
	uint64_t check = journal_append(j, JOURNAL_CHECK, "first", 5);
	journal_renew(j, check, "second", 6);
	uint64_t records[14];
	for (unsigned i = 0; i < 14; i++)
		records[i] = journal_append(j, JOURNAL_RECORD, big, sizeof big);
	journal_renew(j, check, "third", 5);
	wait_for(j, a_check_is_lost);
	for (unsigned i = 0; i < 14; i++)
		journal_done(j, records[i]);
	journal_append(j, JOURNAL_RECORD, "last", 4);
	journal_close(j);
	j = open_again(100000);
	assert_string_equal(seen, "check:second last ");
	journal_renew(j, check, "fourth", 6);
	journal_close(j);
	j = open_again(100000);
	assert_string_equal(seen, "check:fourth last ");
	journal_done(j, check);
	journal_close(j);
	j = open_again(100000);
	assert_string_equal(seen, "last ");
	journal_close(j);
	end();
}

/* A record that nobody answers does not keep all that came after it. */
static void
one_that_lives_long_keeps_no_others(void **state)
{
	(void)state;
	begin();
	struct journal *j = open_again(64 << 20);
	journal_append(j, JOURNAL_RECORD, "old", 3);
	through(j);
	journal_close(j);
	assert_in_range(each_file(NULL), 1, 5);
	j = open_again(64 << 20);
	assert_string_equal(seen, "old ");
	journal_close(j);
	end();
}

/* Where the disk will not say that what was moved has arrived, the segment from which it was stays. */
static void
what_is_not_sure_keeps_its_place(void **state)
{
	(void)state;
	begin();
	struct journal *j = open_again(64 << 20);
	journal_append(j, JOURNAL_RECORD, "old", 3);
	disk.unsure = true;
	through(j);
	journal_close(j);
	assert_true(each_file(NULL) > 5);
	disk.unsure = false;
	j = open_again(64 << 20);
	assert_string_equal(seen, "old ");
	journal_close(j);
	end();
}

/* A spool of less than a segment goes on when all in it has been answered. */
static void
a_small_one_goes_on(void **state)
{
	struct journal_stats s;
	(void)state;
	begin();
	struct journal *j = open_again(100000);
	through(j);
	wait_for(j, nothing_is_owed);
	append(j, JOURNAL_RECORD, "last", 4);
	journal_stats(j, &s);
	assert_int_equal(s.lost, 0);
	journal_close(j);
	j = open_again(100000);
	assert_string_equal(seen, "last ");
	journal_close(j);
	end();
}

static void
check_synced(const char *path)
{
	struct stat st;
	unsigned i = 0;
	assert_int_equal(stat(path, &st), 0);
	while (i < disk.n_files && disk.files[i].inode != st.st_ino)
		i++;
	assert_true(i < disk.n_files);
	assert_int_equal(disk.files[i].synced, st.st_size);
}

/* Also a segment that was full before its second was over. */
static void
all_is_on_the_disk(void **state)
{
	static char big[4000];
	(void)state;
	begin();
	struct journal *j = open_again(64 << 20);
	for (unsigned i = 0; i < 900; i++)
		append(j, JOURNAL_RECORD, big, sizeof big);
	journal_close(j);
	assert_true(each_file(check_synced) >= 3);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_alive_comes_back_in_order),
		cmocka_unit_test(two_processes_do_not_share_it),
		cmocka_unit_test(the_epoch_grows_each_time),
		cmocka_unit_test(a_torn_end_is_left_out),
		cmocka_unit_test(it_is_bounded_and_says_so),
		cmocka_unit_test(dead_segments_are_removed),
		cmocka_unit_test(what_was_lost_has_no_end),
		cmocka_unit_test(a_stalled_disk_forgets_no_end),
		cmocka_unit_test(a_check_stands_until_there_is_a_newer_one),
		cmocka_unit_test(one_that_lives_long_keeps_no_others),
		cmocka_unit_test(what_is_not_sure_keeps_its_place),
		cmocka_unit_test(a_small_one_goes_on),
		cmocka_unit_test(all_is_on_the_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
