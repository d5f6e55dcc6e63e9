#include "listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 64

/* answered: whether a live process listens at the address: 1, 0, or -errno.  Never waits: a full backlog is life. */
static int
answered(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int err = connect(fd, (const struct sockaddr *)at, sizeof *at) < 0 ? errno : 0;
	close(fd);
	if (err == 0 || err == EAGAIN)
		return 1;
	return err == ECONNREFUSED || err == ENOENT ? 0 : -err;
}

/* clear_path: makes room for the socket file: removes that of a dead daemon, and nothing else. */
static int
clear_path(const struct sockaddr_un *at)
{
	struct stat st;
	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int alive = answered(at);
	if (alive)
		return alive < 0 ? alive : -EADDRINUSE;
	return unlink(at->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* publish: the mode is set before listen(): until then a connect is refused, whoever asks. */
static int
publish(struct listener *l)
{
	struct stat st;
	if (bind(l->fd, (struct sockaddr *)&l->at, sizeof l->at) < 0)
		return -errno;
	if (chmod(l->at.sun_path, 0600) < 0 || lstat(l->at.sun_path, &st) < 0 || listen(l->fd, BACKLOG) < 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

int
listener_open(struct listener *l, const char *path)
{
	size_t len = strlen(path);
	*l = (struct listener){.fd = -1, .at = {.sun_family = AF_UNIX}};
	if (len == 0)
		return -ENOENT;
	if (len >= sizeof l->at.sun_path)
		return -ENAMETOOLONG;
	memcpy(l->at.sun_path, path, len + 1);
	int err = clear_path(&l->at);
	if (err)
		return err;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	err = publish(l);
	if (err) {
		close(l->fd);
		l->fd = -1;
	}
	return err;
}

void
listener_close(struct listener *l)
{
	struct stat st;
	close(l->fd);
	l->fd = -1;
	if (lstat(l->at.sun_path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->at.sun_path);
}
