#include "talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

static int
connect_to(int fd, const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval silence = {.tv_sec = TALK_SILENCE_S};
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof at.sun_path)
		return -ENAMETOOLONG;
	memcpy(at.sun_path, path, len + 1);
	if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
		return -errno;
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence) < 0 ? -errno : 0;
}

int
talk_open(struct talk *t, const char *path)
{
	*t = (struct talk){0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int err = connect_to(fd, path);
	if (!err) {
		t->in = fdopen(fd, "r");
		err = t->in ? 0 : -errno;
	}
	if (err)
		close(fd);
	return err;
}

static int
send_whole(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		p += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static json_t *
request_of(const char *const *words, unsigned n, bool complete)
{
	json_t *list = json_array(), *request = json_object();
	for (unsigned i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(words[i])) < 0) {
			json_decref(list);
			json_decref(request);
			return NULL;
		}
	json_object_set_new(request, complete ? "complete" : "words", list);
	return request;
}

int
talk_ask(struct talk *t, const char *const *words, unsigned n, bool complete)
{
	json_t *request = request_of(words, n, complete);
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!line)
		return -EILSEQ;
	int err = send_whole(fileno(t->in), line, strlen(line));
	free(line);
	return err ? err : send_whole(fileno(t->in), "\n", 1);
}

ssize_t
talk_line(struct talk *t)
{
	errno = 0;
	ssize_t n = getline(&t->line, &t->line_size, t->in);
	if (n > 0)
		return n;
	return feof(t->in) || errno == 0 ? 0 : -errno;
}

void
talk_close(struct talk *t)
{
	if (t->in)
		fclose(t->in);
	free(t->line);
	*t = (struct talk){0};
}

static const char *
remedy(int err)
{
	switch (err) {
	case -ENOENT:
		return "There is no such socket.  Start the daemon (millraced -c /etc/millrace/millrace.conf), or name "
		       "its\n"
		       "socket with -s: it is control.socket of its configuration.";
	case -ECONNREFUSED:
		return "The daemon that made this socket has ended.  Start it again (millraced -c "
		       "/etc/millrace/millrace.conf).";
	case -EACCES:
	case -EPERM:
		return "The socket belongs to the user that runs the daemon, as a rule root: use sudo.";
	case -ENAMETOOLONG:
		return "The path of a socket has 1 to 107 bytes.";
	default:
		return "Is this the socket of millraced?  Name it with -s.";
	}
}

void
talk_explain(const char *path, int err)
{
	fprintf(stderr, "millrace: cannot connect to %s: %s\n%s\n", path, strerror(-err), remedy(err));
}
