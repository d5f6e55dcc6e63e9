/* listener.h - the Unix socket that clients connect to.  The owner (the server) is its only caller. */
#ifndef CLI_LISTENER_H
#define CLI_LISTENER_H

#include <sys/types.h>
#include <sys/un.h>

struct listener {
	int fd;
	struct sockaddr_un at;
	dev_t dev; /* of the socket file that we made */
	ino_t ino;
};

/* listener_open: binds path with mode 0600 and listens; errors as cli_server_open's. */
int listener_open(struct listener *l, const char *path);

/* listener_close: removes the file, unless somebody has put another in its place. */
void listener_close(struct listener *l);

#endif
