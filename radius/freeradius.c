#include "freeradius.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/freeradius"
#define READY "Ready to process requests"

static uint16_t
free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&a, n) < 0 || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		abort();
	close(fd);
	return ntohs(a.sin_port);
}

static unsigned
occurrences(const char *path, const char *text)
{
	unsigned n = 0;
	FILE *f = fopen(path, "r");
	char line[4096];
	while (f && fgets(line, sizeof line, f))
		n += strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return n;
}

static void
run(const struct freeradius *f)
{
	char raddb[96], log[96], port[2][8];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(raddb, sizeof raddb, "%s/raddb", f->folder);
	snprintf(log, sizeof log, "%s/log/radius.log", f->folder);
	snprintf(port[0], sizeof port[0], "%u", f->auth_port);
	snprintf(port[1], sizeof port[1], "%u", f->acct_port);
	setenv("RADTEST_DIR", f->folder, 1);
	setenv("RADTEST_AUTH_PORT", port[0], 1);
	setenv("RADTEST_ACCT_PORT", port[1], 1);
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	execl(PROGRAM, "freeradius", "-d", raddb, "-f", "-n", "radiusd", "-l", log, NULL);
	_exit(127);
}

bool
freeradius_start(struct freeradius *f)
{
	char command[512], log[96];
	const char *raddb = getenv("RADDB");

	*f = (struct freeradius){.folder = "/tmp/freeradius_XXXXXX"};
	if (access(PROGRAM, X_OK) < 0 || !raddb || !mkdtemp(f->folder)) {
		fprintf(stderr, "no %s, or no RADDB\n", PROGRAM);
		return false;
	}
	snprintf(command, sizeof command, "cp -r '%s' '%s/raddb' && mkdir '%s/log' && chmod 640 '%s/raddb/'*", raddb,
		 f->folder, f->folder, f->folder);
	if (system(command))
		return false;
	f->auth_port = free_port();
	f->acct_port = free_port();
	f->pid = fork();
	if (!f->pid)
		run(f);
	snprintf(log, sizeof log, "%s/log/radius.log", f->folder);
	for (unsigned i = 0; i < 1000; i++) {
		if (occurrences(log, READY))
			return true;
		if (waitpid(f->pid, NULL, WNOHANG) == f->pid)
			break;
		usleep(20000);
	}
	fprintf(stderr, "FreeRADIUS does not start: %s\n", log);
	return false;
}

void
freeradius_stop(struct freeradius *f)
{
	char command[128];
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
	if (system(command))
		fprintf(stderr, "%s is left\n", f->folder);
}

unsigned
freeradius_records(const struct freeradius *f, const char *text)
{
	char path[96];
	snprintf(path, sizeof path, "%s/log/acct.detail", f->folder);
	return occurrences(path, text);
}
