#include "ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <cli/server.h>

#include "show.h"

#define ANSWER_MAX (1 << 17)

/* {"words":["show","session","l2tp0"]} */
static void
write_request(int fd, const char *command)
{
	char line[256], words[128], *rest = words;
	int n = snprintf(line, sizeof line, "{\"words\":[");
	snprintf(words, sizeof words, "%s", command);
	for (const char *comma = "", *word; (word = strsep(&rest, " ")); comma = ",")
		n += snprintf(line + n, sizeof line - (size_t)n, "%s\"%s\"", comma, word);
	n += snprintf(line + n, sizeof line - (size_t)n, "]}\n");
	assert_int_equal(write(fd, line, (size_t)n), n);
}

static const char *
content(FILE *f)
{
	static char text[ANSWER_MAX];
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

const char *
ask(struct cp *cp, const char *path, const char *command, struct mono now)
{
	struct cli_server *server;
	const struct cli_server_conf conf = {.path = path, .handlers = cp_handlers(), .context = cp};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(cli_server_open(&server, &conf), 0);
	snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	write_request(fd, command);
	for (unsigned i = 0; i < 200; i++)
		cli_server_step(server, now);
	cli_server_close(server);
	return content(fdopen(fd, "r"));
}
