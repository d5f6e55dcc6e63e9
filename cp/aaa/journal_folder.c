#include "aaa/journal_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SEGMENT_BYTES (1u << 20)
#define SEGMENTS_MAX 65536
#define TIDY_SEGMENTS 4   /* with fewer there is no need to tidy up */
#define MAGIC 0x4a524d31u /* "1MRJ" */

struct header {
	uint32_t magic, kind, len, sum;
	uint64_t seq;
};

struct segment {
	uint32_t number; /* grows */
	uint64_t bytes, alive_bytes;
	uint32_t alive;
};

/* An entry that is alive, and where it was written last: a CHECK comes again under its number. */
struct live {
	uint64_t seq;
	uint32_t segment, at, len; /* number of the segment; len with its header; 0: nowhere yet */
	enum journal_kind kind;
	uint8_t *bytes; /* while the folder is read, else NULL */
	UT_hash_handle hh;
};

static int open_folder(struct journal *j);
static int read_epoch(struct journal *j);
static int load(struct journal *j, journal_alive *alive, void *arg);
static int scan(struct journal *j);
static int load_segment(struct journal *j, struct segment *s);
static uint8_t *read_segment(const struct journal *j, const struct segment *s, size_t *n);
static const uint8_t *next_entry(const uint8_t *p, size_t n, size_t *at, struct header *h);
static bool load_entry(struct journal *j, struct segment *s, const struct header *h, const uint8_t *p, uint32_t at);
static void hand_over(struct journal *j, journal_alive *alive, void *arg);
static struct live *live_find(const struct journal *j, uint64_t seq);
static struct live *live_get(struct journal *j, uint64_t seq);
static void live_move(struct journal *j, struct live *l, const struct live *to);
static void live_end(struct journal *j, struct live *l);
static void write_done(struct journal *j, uint64_t seq) ON_WRITER;
static int write_alive(struct journal *j, const struct header *h, const uint8_t *payload) ON_WRITER;
static bool has_room(const struct journal *j, const struct header *h) ON_WRITER;
static bool compact(struct journal *j) ON_WRITER;
static int put(struct journal *j, const struct header *h, const uint8_t *payload, struct live *where) ON_WRITER;
static int roll(struct journal *j) ON_WRITER;
static void remove_dead(struct journal *j) ON_WRITER;

static uint32_t
sum_of(const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u; /* FNV-1a: against a torn end, not against malice */
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static void
segment_name(const struct segment *s, char *out, size_t size)
{
	snprintf(out, size, "segment-%010" PRIu32, s->number);
}

/* --- opened ------------------------------------------------------------------------------------------------------ */

int
journal_folder_open(struct journal *j, journal_alive *alive, void *arg)
{
	j->segments = calloc(SEGMENTS_MAX, sizeof *j->segments);
	int rc = j->segments ? open_folder(j) : -ENOMEM;
	if (!rc)
		rc = read_epoch(j);
	if (!rc)
		rc = load(j, alive, arg);
	return rc;
}

static int
open_folder(struct journal *j)
{
	if (mkdir(j->folder, 0750) < 0 && errno != EEXIST)
		return -errno;
	j->folder_fd = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->folder_fd < 0)
		return -errno;
	j->lock_fd = openat(j->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (j->lock_fd < 0)
		return -errno;
	return flock(j->lock_fd, LOCK_EX | LOCK_NB) < 0 ? -EBUSY : 0;
}

/* The lock's content is the last epoch. */
static int
read_epoch(struct journal *j)
{
	char text[16] = "";
	uint32_t now = (uint32_t)time(NULL);
	if (pread(j->lock_fd, text, sizeof text - 1, 0) < 0)
		return -errno;
	uint32_t last = (uint32_t)strtoul(text, NULL, 10);
	j->epoch = now > last ? now : last + 1;
	int n = snprintf(text, sizeof text, "%" PRIu32 "\n", j->epoch);
	/* On a full disk the old content stays, of the same length: the next epoch is greater by the clock, or by one. */
	(void)!pwrite(j->lock_fd, text, (size_t)n, 0);
	return 0;
}

static int
load(struct journal *j, journal_alive *alive, void *arg)
{
	int rc = scan(j);
	for (unsigned i = 0; !rc && i < j->n_segments; i++)
		rc = load_segment(j, &j->segments[i]);
	if (!rc)
		hand_over(j, alive, arg);
	return rc;
}

static int
by_number(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

static int
scan(struct journal *j)
{
	int fd = dup(j->folder_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -errno;
	for (struct dirent *e; (e = readdir(d)) && j->n_segments < SEGMENTS_MAX / 2;) {
		uint32_t number;
		if (sscanf(e->d_name, "segment-%" SCNu32, &number) == 1)
			j->segments[j->n_segments++] = (struct segment){.number = number};
	}
	closedir(d);
	qsort(j->segments, j->n_segments, sizeof *j->segments, by_number);
	if (j->n_segments)
		j->next_number = j->segments[j->n_segments - 1].number + 1;
	return 0;
}

static int
load_segment(struct journal *j, struct segment *s)
{
	size_t n, at = 0;
	uint8_t *p = read_segment(j, s, &n);
	const uint8_t *payload;
	struct header h;
	bool ok = p;
	s->bytes = n;
	atomic_fetch_add(&j->bytes, n);
	/* Torn: what is behind it was never whole. */
	for (size_t from = 0; ok && (payload = next_entry(p, n, &at, &h)); from = at)
		ok = load_entry(j, s, &h, payload, (uint32_t)from);
	free(p);
	return ok ? 0 : -ENOMEM;
}

static uint8_t *
read_segment(const struct journal *j, const struct segment *s, size_t *n)
{
	char name[32];
	struct stat st = {0};
	segment_name(s, name, sizeof name);
	int fd = openat(j->folder_fd, name, O_RDONLY | O_CLOEXEC);
	uint8_t *p = fd < 0 || fstat(fd, &st) < 0 ? NULL : malloc((size_t)st.st_size + 1);
	ssize_t got = p ? read(fd, p, (size_t)st.st_size) : 0;
	if (fd >= 0)
		close(fd);
	*n = got > 0 ? (size_t)got : 0;
	return p;
}

/* next_entry: the entry at *at, whole and as it was written; *at is behind it then. */
static const uint8_t *
next_entry(const uint8_t *p, size_t n, size_t *at, struct header *h)
{
	if (n < sizeof *h || *at > n - sizeof *h)
		return NULL;
	memcpy(h, p + *at, sizeof *h);
	const uint8_t *payload = p + *at + sizeof *h;
	bool whole = h->magic == MAGIC && h->len <= JOURNAL_ENTRY_MAX && h->len <= n - *at - sizeof *h;
	if (!whole || sum_of(payload, h->len) != h->sum)
		return NULL;
	*at += sizeof *h + h->len;
	return payload;
}

static bool
load_entry(struct journal *j, struct segment *s, const struct header *h, const uint8_t *p, uint32_t at)
{
	struct live *l = live_find(j, h->seq);
	if (h->seq >= j->next_seq)
		j->next_seq = h->seq + 1;
	if (h->kind == JOURNAL_DONE) {
		if (l)
			live_end(j, l);
		return true;
	}
	uint8_t *bytes = malloc(h->len + 1u);
	l = bytes ? live_get(j, h->seq) : NULL;
	if (!l) {
		free(bytes);
		return false;
	}
	memcpy(bytes, p, h->len);
	free(l->bytes);
	l->bytes = bytes;
	l->kind = (enum journal_kind)h->kind;
	live_move(j, l, &(struct live){.segment = s->number, .at = at, .len = (uint32_t)sizeof *h + h->len});
	return true;
}

static int
by_seq(const struct live *a, const struct live *b)
{
	return (a->seq > b->seq) - (a->seq < b->seq);
}

static void
hand_over(struct journal *j, journal_alive *alive, void *arg)
{
	struct live *l, *next;
	HASH_SRT(hh, j->live, by_seq);
	HASH_ITER(hh, j->live, l, next)
	{
		alive(arg, l->kind, l->seq, l->bytes, l->len - sizeof(struct header));
		free(l->bytes);
		l->bytes = NULL;
	}
}

void
journal_folder_close(struct journal *j)
{
	int fds[] = {j->folder_fd, j->lock_fd, j->fd};
	for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	struct live *l, *next;
	HASH_ITER(hh, j->live, l, next)
	{
		HASH_DEL(j->live, l);
		free(l->bytes);
		free(l);
	}
	free(j->segments);
}

/* --- what is alive ----------------------------------------------------------------------------------------------- */

static struct live *
live_find(const struct journal *j, uint64_t seq)
{
	struct live *l;
	HASH_FIND(hh, j->live, &seq, sizeof seq, l);
	return l;
}

/* live_get: the entry, or a new one that is nowhere; NULL: no memory. */
static struct live *
live_get(struct journal *j, uint64_t seq)
{
	struct live *l = live_find(j, seq);
	if (l || !(l = calloc(1, sizeof *l)))
		return l;
	l->seq = seq;
	HASH_ADD(hh, j->live, seq, sizeof l->seq, l);
	if (l->hh.tbl)
		return l;
	free(l);
	return NULL;
}

static struct segment *
segment_find(struct journal *j, uint32_t number)
{
	struct segment key = {.number = number};
	return bsearch(&key, j->segments, j->n_segments, sizeof key, by_number);
}

/* live_move: the entry lies there from now on. */
static void
live_move(struct journal *j, struct live *l, const struct live *to)
{
	struct segment *from = l->len ? segment_find(j, l->segment) : NULL, *s = segment_find(j, to->segment);
	if (from) {
		from->alive--;
		from->alive_bytes -= l->len;
	}
	l->segment = to->segment;
	l->at = to->at;
	l->len = to->len;
	s = s && l->len ? s : NULL;
	if (s) {
		s->alive++;
		s->alive_bytes += l->len;
	}
}

static void
live_end(struct journal *j, struct live *l)
{
	live_move(j, l, &(struct live){.segment = l->segment});
	HASH_DEL(j->live, l);
	free(l->bytes);
	free(l);
}

/* --- written ----------------------------------------------------------------------------------------------------- */

void
journal_failed(struct journal *j, enum journal_kind kind, int error)
{
	atomic_fetch_add(kind == JOURNAL_CHECK ? &j->lost_checks : &j->lost, 1);
	atomic_store(&j->error, error);
}

void
journal_folder_write(struct journal *j, const struct byte_ring_rec *rec)
{
	struct header h = {.magic = MAGIC,
			   .kind = rec->type,
			   .len = rec->len,
			   .sum = sum_of(rec->payload, rec->len),
			   .seq = rec->handle};

	if (rec->type == JOURNAL_DONE) {
		write_done(j, rec->handle);
		return;
	}
	if (j->n_segments >= TIDY_SEGMENTS)
		(void)compact(j);
	while (!has_room(j, &h) && compact(j))
		;
	int error = has_room(j, &h) ? write_alive(j, &h, rec->payload) : EDQUOT;
	if (error && error != EDQUOT && compact(j))
		error = write_alive(j, &h, rec->payload);
	if (error)
		journal_failed(j, (enum journal_kind)h.kind, error);
}

/* Whatever never was written has no end either.  What no segment has any more needs no word of it; else the word frees
 * room sooner or later: it may exceed the bound a little. */
static void
write_done(struct journal *j, uint64_t seq)
{
	struct live *l = live_find(j, seq), where;
	const struct header h = {.magic = MAGIC, .kind = JOURNAL_DONE, .sum = sum_of(NULL, 0), .seq = seq};
	if (!l)
		return;
	uint32_t segment = l->segment;
	live_end(j, l);
	if (j->n_segments && segment != j->segments[j->n_segments - 1].number)
		remove_dead(j);
	if (!segment_find(j, segment))
		return;
	/* On a full disk it is left out: the record is sent twice after a restart, and servers know it by session and time. */
	(void)put(j, &h, NULL, &where);
}

/* Half of the room is for records alone: a session that is up says again and again how it is. */
static bool
has_room(const struct journal *j, const struct header *h)
{
	uint64_t max = h->kind == JOURNAL_CHECK ? j->bytes_max / 2 : j->bytes_max;
	return atomic_load(&j->bytes) + sizeof *h + h->len <= max;
}

/* write_alive: 0 or an errno.  The former place of a CHECK is given up when it has a new one, and not before. */
static int
write_alive(struct journal *j, const struct header *h, const uint8_t *payload)
{
	struct live *l = live_get(j, h->seq), where;
	int rc = l ? put(j, h, payload, &where) : -ENOMEM;
	if (!rc) {
		l->kind = (enum journal_kind)h->kind;
		live_move(j, l, &where);
		remove_dead(j);
	} else if (l && !l->len) {
		live_end(j, l);
	}
	return -rc;
}

/* put: an entry at the end; -errno. */
static int
put(struct journal *j, const struct header *h, const uint8_t *payload, struct live *where)
{
	uint8_t buf[sizeof *h + JOURNAL_ENTRY_MAX];
	size_t n = sizeof *h + h->len;
	struct segment *s = j->n_segments ? &j->segments[j->n_segments - 1] : NULL;

	if (!s || j->fd < 0 || s->bytes + n > SEGMENT_BYTES) {
		int rc = roll(j);
		if (rc)
			return rc;
		s = &j->segments[j->n_segments - 1];
	}
	memcpy(buf, h, sizeof *h);
	if (h->len)
		memcpy(buf + sizeof *h, payload, h->len);
	ssize_t w = pwrite(j->fd, buf, n, (off_t)s->bytes);
	if (w != (ssize_t)n) {
		int error = w < 0 ? errno : ENOSPC;
		(void)!ftruncate(j->fd, (off_t)s->bytes); /* no half entry in front of the next */
		return -error;
	}
	*where = (struct live){.segment = s->number, .at = (uint32_t)s->bytes, .len = (uint32_t)n};
	s->bytes += n;
	atomic_fetch_add(&j->bytes, n);
	j->dirty = true;
	return 0;
}

static int
roll(struct journal *j)
{
	char name[32];
	remove_dead(j);
	if (j->n_segments == SEGMENTS_MAX)
		return -EDQUOT;
	struct segment s = {.number = j->next_number};
	segment_name(&s, name, sizeof name);
	int fd = openat(j->folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	(void)journal_folder_sync(j);
	(void)fsync(j->folder_fd);
	if (j->fd >= 0)
		close(j->fd);
	j->fd = fd;
	j->next_number++;
	j->segments[j->n_segments++] = s;
	return 0;
}

bool
journal_folder_sync(struct journal *j)
{
	if (!j->dirty || j->fd < 0)
		return true;
	j->dirty = fdatasync(j->fd) < 0;
	if (j->dirty)
		journal_failed(j, JOURNAL_RECORD, errno);
	return !j->dirty;
}

/* compact: of an oldest segment that is mostly dead, what is alive is written again, at the end: one entry that nobody
 * answers does not keep all that came after it.  false: there is no such segment. */
static bool
compact(struct journal *j)
{
	const struct segment s = j->n_segments ? j->segments[0] : (struct segment){0};
	size_t n = 0, at = 0;
	if (!s.bytes || s.alive_bytes > s.bytes / 2 || (j->n_segments == 1 && j->fd >= 0 && roll(j)))
		return false;
	uint8_t *p = read_segment(j, &s, &n);
	const uint8_t *payload;
	struct header h;
	for (size_t from = 0; p && (payload = next_entry(p, n, &at, &h)); from = at) {
		struct live *l = h.kind == JOURNAL_DONE ? NULL : live_find(j, h.seq), where;
		if (!l || l->segment != s.number || l->at != from)
			continue;
		if (put(j, &h, payload, &where))
			break;
		live_move(j, l, &where);
	}
	free(p);
	remove_dead(j);
	return !segment_find(j, s.number);
}

/* remove_dead: from the oldest on, and no further than the first that lives: the DONE of an entry lies behind it, and
 * must not go before it.  What is alive elsewhere instead is on the disk first. */
static void
remove_dead(struct journal *j)
{
	unsigned n = 0;
	char name[32];

	while (n < j->n_segments && !j->segments[n].alive && (n + 1 < j->n_segments || j->fd < 0)) {
		if (!n && !journal_folder_sync(j))
			break; /* what was moved from here has its only sure place here */
		segment_name(&j->segments[n], name, sizeof name);
		unlinkat(j->folder_fd, name, 0);
		atomic_fetch_sub(&j->bytes, j->segments[n].bytes);
		n++;
	}
	j->n_segments -= n;
	memmove(j->segments, j->segments + n, j->n_segments * sizeof *j->segments);
}
