/* source.c - the text before libconfig sees it.
 *
 * libconfig 1.5 wraps an integer that needs more than 32 bits in silence (4294967297 reads as 1), stops at a NUL byte,
 * and ends the whole process when it is asked to read a directory, by @include too.  All three are found here, with
 * their line.  The scanner knows just enough of the syntax to tell a number from a comment, a string or a name.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/reader.h"

#define SOURCE_MAX (256u << 20)
#define INCLUDE_DEPTH 10 /* libconfig's own limit */

struct scan {
	const char *p;
	const char *file, *dir;
	unsigned line, depth;
	bool line_start;
	struct conf_error *err;
};

static int scan_text(struct scan *s);

static int
read_whole(int fd, char *text, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t n = read(fd, text + got, size - got);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		got += (size_t)n;
	}
	text[got] = 0;
	return memchr(text, 0, got) ? -EILSEQ : 0;
}

static int
read_open(int fd, const char *path, char **text, struct conf_error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return conf_fail_file(err, path, 0, "is not a regular file");
	if (st.st_size > SOURCE_MAX)
		return conf_fail_file(err, path, 0, "is larger than %u MiB", SOURCE_MAX >> 20);
	*text = malloc((size_t)st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	int rc = read_whole(fd, *text, (size_t)st.st_size);
	if (rc < 0) {
		free(*text);
		*text = NULL;
	}
	return rc == -EILSEQ ? conf_fail_file(err, path, 0, "has a NUL byte: is it a text file?") : rc;
}

int
conf_source_read(const char *path, char **text, struct conf_error *err)
{
	*text = NULL;
	/* O_NONBLOCK: a FIFO must not hold us before we have seen that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = fd < 0 ? -errno : read_open(fd, path, text, err);
	if (fd >= 0)
		close(fd);
	if (rc < 0 && rc != -EINVAL)
		conf_fail_file(err, path, 0, "cannot be read: %s", strerror(-rc));
	return rc;
}

static void
skip_line(struct scan *s)
{
	s->p += strcspn(s->p, "\n");
}

static void
skip_comment(struct scan *s)
{
	for (s->p += 2; *s->p && strncmp(s->p, "*/", 2) != 0; s->p++)
		s->line += *s->p == '\n';
	if (*s->p)
		s->p += 2;
}

static void
skip_string(struct scan *s)
{
	for (s->p++; *s->p && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1])
			s->p++;
		s->line += *s->p == '\n';
	}
	if (*s->p)
		s->p++;
}

static bool
name_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '*';
}

/* scan_number: at a digit.  What libconfig reads as float is left to it. */
static int
scan_number(struct scan *s)
{
	bool hex = s->p[0] == '0' && (s->p[1] == 'x' || s->p[1] == 'X');
	const char *digits = s->p + (hex ? 2 : 0);
	size_t n = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	const char *end = digits + n;
	if (!hex && (*end == '.' || *end == 'e' || *end == 'E')) {
		s->p = end + strspn(end, "0123456789.eE+-");
		return 0;
	}
	errno = 0;
	unsigned long long v = strtoull(digits, NULL, hex ? 16 : 10);
	unsigned long long limit = *end == 'L' ? INT64_MAX : INT32_MAX;
	end += strspn(end, "L");
	if (errno || v > limit)
		return conf_fail_file(s->err, s->file, s->line, "%.*s is too large a number", (int)(end - s->p), s->p);
	s->p = end;
	return 0;
}

/* scan_included: the file that the line names, in the same way. */
static int
scan_included(struct scan *s, const char *name)
{
	char path[1024];
	if (snprintf(path, sizeof path, "%s/%s", s->dir, name) >= (int)sizeof path)
		return conf_fail_file(s->err, s->file, s->line, "@include: the path is too long");
	char *text;
	int rc = conf_source_read(path, &text, s->err);
	if (rc < 0)
		return conf_fail_file(s->err, s->file, s->line, "@include \"%s\": %s is not a file that can be read",
				      name, path);
	struct scan inner = {text, path, s->dir, 1, s->depth + 1, true, s->err};
	rc = scan_text(&inner);
	free(text);
	return rc;
}

static int
scan_include(struct scan *s)
{
	const char *quote = s->p + strlen("@include") + strspn(s->p + strlen("@include"), " \t");
	size_t n = *quote == '"' ? strcspn(quote + 1, "\"\n") : 0;
	char name[512];
	if (!n || n >= sizeof name || quote[1 + n] != '"' || memchr(quote, '\\', n + 1))
		return conf_fail_file(s->err, s->file, s->line, "@include: expected a file name in quotes");
	if (!s->dir)
		return conf_fail_file(s->err, s->file, s->line, "@include: is for files only");
	if (quote[1] == '/')
		return conf_fail_file(s->err, s->file, s->line, "@include: expected a path relative to %s", s->dir);
	if (s->depth >= INCLUDE_DEPTH)
		return conf_fail_file(s->err, s->file, s->line, "@include: more than %d levels", INCLUDE_DEPTH);
	memcpy(name, quote + 1, n);
	name[n] = 0;
	s->p = quote + n + 2;
	return scan_included(s, name);
}

static int
scan_token(struct scan *s)
{
	if (*s->p == '#' || !strncmp(s->p, "//", 2)) {
		skip_line(s);
	} else if (!strncmp(s->p, "/*", 2)) {
		skip_comment(s);
	} else if (*s->p == '"') {
		skip_string(s);
	} else if (s->line_start && !strncmp(s->p, "@include", 8)) {
		return scan_include(s);
	} else if (isdigit((unsigned char)*s->p)) {
		return scan_number(s);
	} else if (isalpha((unsigned char)*s->p) || *s->p == '*') {
		while (name_char(*s->p))
			s->p++;
	} else {
		s->p++;
	}
	return 0;
}

static int
scan_text(struct scan *s)
{
	while (*s->p) {
		if (*s->p == '\n')
			s->line++;
		if (isspace((unsigned char)*s->p)) {
			s->line_start |= *s->p == '\n';
			s->p++;
			continue;
		}
		int rc = scan_token(s);
		if (rc < 0)
			return rc;
		s->line_start = false;
	}
	return 0;
}

int
conf_source_scan(const char *text, const char *file, const char *dir, struct conf_error *err)
{
	struct scan s = {text, file, dir, 1, 0, true, err};
	return scan_text(&s);
}
