#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "client.h"
#include "fixture.h"

#define OK "{\"status\":0}\n"

static char answer[1 << 20];

static const char *
ask(struct fixture *f, const char *line)
{
	fixture_ask(f, line, answer, sizeof answer);
	return answer;
}

static void
test_table(void **state)
{
	struct fixture *f = *state;
	f->n_sessions = 2;
	assert_string_equal(ask(f, "{\"words\":[\"show\",\"sessions\"]}\n"),
			    "{\"columns\":[[\"ifname\",\"string\"],[\"username\",\"string\"],[\"ip\",\"string\"],"
			    "[\"uptime\",\"duration\"],[\"rx-bytes\",\"bytes\"]],\"shown\":5}\n"
			    "[\"l2tp0\",\"user0\",\"10.0.0.0\",0,0]\n"
			    "[\"l2tp1\",\"user1\",\"10.0.0.1\",60,1000]\n" OK);
}

static void
test_hostile_cell(void **state)
{
	struct fixture *f = *state;
	assert_non_null(strstr(ask(f, "{\"words\":[\"sho\",\"sessions\",\"ifname,username,active\"]}\n"),
			       "[\"l2tp2\",null,true]\n[\"l2tp3\",\"e\\\"vi\\\\l\\\\x1b[2J\\\\xff\\\\x0a\",false]\n"));
}

static void
test_empty_table_has_a_head(void **state)
{
	assert_string_equal(ask(*state, "{\"words\":[\"show\",\"pools\",\"ip\"]}\n"),
			    "{\"columns\":[[\"ip\",\"string\"]],\"shown\":1}\n" OK);
}

static void
test_match_and_order(void **state)
{
	struct fixture *f = *state;
	f->n_sessions = 100;
	/* The regex sees the text of the column (00:10:00), not the number; a hidden column to order by comes last. */
	assert_string_equal(
		ask(f, "{\"words\":[\"show\",\"sessions\",\"ifname\",\"order\",\"rx-pkts\",\"match\",\"uptime\",\"^00:"
		       "1.:00\"]}\n"),
		"{\"columns\":[[\"ifname\",\"string\"],[\"rx-pkts\",\"integer\"]],\"shown\":1,\"order\":1}\n"
		"[\"l2tp10\",10]\n[\"l2tp11\",11]\n[\"l2tp12\",12]\n[\"l2tp13\",13]\n[\"l2tp14\",14]\n[\"l2tp15\",15]\n"
		"[\"l2tp16\",16]\n[\"l2tp17\",17]\n[\"l2tp18\",18]\n[\"l2tp19\",19]\n" OK);
	assert_non_null(
		strstr(ask(f, "{\"words\":[\"show\",\"sessions\",\"order\",\"ip\"]}\n"), "\"shown\":5,\"order\":2}"));
}

static void
test_arguments_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *request, *status, *says;
	} rows[] = {
		{"{\"words\":[\"show\",\"sessions\",\"ifname,nope\"]}\n", "2",
		 "no column 'nope'; columns are ifname, username,"},
		{"{\"words\":[\"show\",\"sessions\",\"ifname,\"]}\n", "2", "no column ''"},
		{"{\"words\":[\"show\",\"sessions\",\"order\",\"x\"]}\n", "2", "no column 'x'"},
		{"{\"words\":[\"show\",\"sessions\",\"match\",\"ip\",\"(\"]}\n", "2", "missing closing parenthesis"},
		{"{\"words\":[\"show\",\"sessions\",\"match\",\"ip\"]}\n", "2", "not complete: expected REGEX"},
		{"{\"words\":[\"show\",\"ses\"]}\n", "2", "'ses' is ambiguous: expected sessions or session"},
		{"{\"words\":[\"shew\"]}\n", "2", "'shew' does not fit: expected show, terminate, shutdown or help"},
		{"{\"words\":[\"show\",\"tunnels\"]}\n", "2", "'tunnels' does not fit"}, /* no handler: no command */
		{"{\"words\":[\"terminate\",\"tunnel\",\"x\"]}\n", "2", "'x' is not a tunnel ID"},
		{"{\"words\":[\"terminate\",\"if\",\"l2tp77\"]}\n", "1", "no session matches"},
		{"{\"words\":[\"show\",\"session\",\"l2tp7\\u001b\"]}\n", "1", "no session 'l2tp7\\\\x1b'"},
		{"{\"words\":[\"shutdown\",\"cancel\"]}\n", "1", "failed"},
		{"{\"words\":[]}\n", "2", "not complete"},
		{"{\"words\":7}\n", "2", "no list of words"},
		{"show sessions\n", "2", "not one line of JSON"},
		{"\n", "2", "not one line of JSON"},
		{"[]\n", "2", "not a JSON object"},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char status[16];
		ask(f, rows[i].request);
		snprintf(status, sizeof status, "\"status\":%s,", rows[i].status);
		if (!strstr(answer, status) || !strstr(answer, rows[i].says))
			fail_msg("%s was answered %s", rows[i].request, answer);
	}
}

static void
test_costly_regex(void **state)
{
	struct fixture *f = *state;
	f->n_sessions = 1 << 20;
	ask(f, "{\"words\":[\"terminate\",\"match\",\"ip\",\"^(([0-9.]+)+)+[^0-9.]$\"]}\n");
	assert_string_equal(answer,
			    "{\"status\":1,\"error\":\"the regular expression costs too much; use a simpler one\"}\n");
	assert_int_equal(f->steps, 1);
}

static void
test_object(void **state)
{
	assert_string_equal(ask(*state, "{\"words\":[\"show\",\"session\",\"l2tp1\"]}\n"),
			    "[0,\"ifname\",\"string\",\"l2tp1\"]\n[0,\"counters\",\"object\",null]\n"
			    "[1,\"rx-bytes\",\"bytes\",16691]\n[1,\"load\",\"real\",1.250]\n[0,\"dns\",\"list\",null]\n"
			    "[1,null,\"string\",\"192.0.2.53\"]\n[1,null,\"object\",null]\n"
			    "[2,\"address\",\"string\",\"2001:db8::53\"]\n[0,\"idle\",\"duration\",90061]\n" OK);
}

static void
test_terminate(void **state)
{
	struct fixture *f = *state;
	f->n_sessions = 100;
	assert_string_equal(ask(f, "{\"words\":[\"term\",\"match\",\"ifname\",\"[05]$\",\"hard\"]}\n"),
			    "[0,\"terminated\",\"integer\",20]\n[0,\"hard\",\"bool\",true]\n" OK);
	assert_string_equal(ask(f, "{\"words\":[\"term\",\"username\",\"hard\"]}\n"),
			    "[0,\"terminated\",\"integer\",0]\n[0,\"hard\",\"bool\",false]\n"
			    "{\"status\":1,\"error\":\"no session matches\"}\n");
	assert_string_equal(ask(f, "{\"words\":[\"term\",\"all\"]}\n"),
			    "[0,\"terminated\",\"integer\",100]\n[0,\"hard\",\"bool\",false]\n" OK);
}

static void
test_text_and_help(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(ask(f, "{\"words\":[\"show\",\"config\"]}\n"),
			    "\"ports = (\"\n\"\\t{ name = \\\"p0\\\"; }\"\n\");\"\n" OK);
	ask(f, "{\"words\":[\"help\"]}\n");
	assert_non_null(strstr(answer, "\"show sessions [COLUMNS] [match COLUMN REGEX|order COLUMN]...\"\n"));
	assert_non_null(strstr(answer, "\"help [WORD]...\"\n"));
	assert_null(strstr(answer, "show tunnels"));
	ask(f, "{\"words\":[\"help\",\"shut\"]}\n");
	assert_ptr_equal(strstr(answer, "\"shutdown [soft|cancel]\"\n"), answer);
	assert_null(strstr(answer, "show"));
	char *help = strdup(answer);
	assert_string_equal(ask(f, "{\"words\":[\"shut\",\"?\"]}\n"), help);
	free(help);
	assert_non_null(strstr(ask(f, "{\"words\":[\"help\",\"bake\"]}\n"), "\"status\":2"));
}

static void
test_completion(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(ask(f, "{\"complete\":[\"\"]}\n"), "\"show\"\n\"terminate\"\n\"shutdown\"\n\"help\"\n" OK);
	assert_string_equal(ask(f, "{\"complete\":[\"show\",\"ses\"]}\n"), "\"sessions\"\n\"session\"\n" OK);
	assert_string_equal(ask(f, "{\"complete\":[\"show\",\"sessions\",\"order\",\"u\"]}\n"),
			    "\"username\"\n\"uptime\"\n" OK);
	assert_string_equal(ask(f, "{\"complete\":[\"show\",\"sessions\",\"ip,u\"]}\n"),
			    "\"ip,username\"\n\"ip,uptime\"\n" OK);
	assert_string_equal(ask(f, "{\"complete\":[\"nope\",\"\"]}\n"), OK);
	assert_string_equal(ask(f, "{\"complete\":[]}\n"), OK);
}

static void
test_wait(void **state)
{
	struct fixture *f = *state;
	int fd = fixture_connect(f);
	f->waits = 2;
	fixture_say(fd, "{\"words\":[\"shutdown\",\"soft\"]}\n");
	fixture_step(f, 2, 0);
	assert_int_equal(f->steps, 1);
	assert_int_equal(cli_server_deadline(f->server).us, f->now.us + CLIENT_WAIT_MS * 1000);
	fixture_step(f, CLIENT_WAIT_MS - 1, 1000);
	assert_int_equal(f->steps, 1);
	fixture_step(f, 2, 1000);
	assert_int_equal(f->steps, 2);
	fixture_answer(f, fd, answer, sizeof answer);
	assert_string_equal(answer, OK);
	close(fd);
	assert_int_equal(cli_server_deadline(f->server).us, MONO_NEVER.us);
}

static void
test_partial_request(void **state)
{
	struct fixture *f = *state;
	static const char line[] = "{\"words\":[\"shutdown\"]}\n";
	int fd = fixture_connect(f);
	for (const char *p = line; *p; p++) {
		char one[2] = {*p, '\0'};
		fixture_say(fd, one);
		fixture_step(f, 2, 1000);
	}
	fixture_answer(f, fd, answer, sizeof answer);
	assert_string_equal(answer, OK);
	close(fd);
}

/* One byte under the limit is a request like any other; at the limit it is refused, newline or not. */
static void
test_oversized_line(void **state)
{
	struct fixture *f = *state;
	char line[REQUEST_MAX + 2];
	memset(line, ' ', sizeof line);
	memcpy(line, "{\"words\":[\"shutdown\"]}", 22);
	line[REQUEST_MAX - 1] = '\n';
	line[REQUEST_MAX] = '\0';
	assert_string_equal(ask(f, line), OK);
	line[REQUEST_MAX - 1] = ' ';
	line[REQUEST_MAX] = '\n';
	line[REQUEST_MAX + 1] = '\0';
	assert_non_null(strstr(ask(f, line), "\"status\":2,\"error\":\"the request is longer than 4096 bytes\""));
}

static void
test_silent_client_is_dropped(void **state)
{
	struct fixture *f = *state;
	int fd = fixture_connect(f);
	fixture_say(fd, "{\"words\"");
	fixture_step(f, 2, 0);
	assert_int_equal(cli_server_deadline(f->server).us, f->now.us + CLIENT_REQUEST_S * 1000000);
	f->now = mono_add_us(f->now, CLIENT_REQUEST_S * 1000000 - 1);
	fixture_step(f, 1, 0);
	assert_false(fixture_gone(fd));
	f->now = mono_add_us(f->now, 1);
	fixture_step(f, 1, 0);
	assert_true(fixture_gone(fd));
	close(fd);
	assert_int_equal(cli_server_deadline(f->server).us, MONO_NEVER.us);
}

static void
test_slow_reader_costs_itself(void **state)
{
	struct fixture *f = *state;
	int slow = fixture_connect(f);
	fixture_say(slow, "{\"words\":[\"show\",\"ports\"]}\n");
	/* The endless table fills the socket and the buffer, and then nothing more is produced. */
	fixture_step(f, 20000, 100);
	unsigned steps = f->steps;
	fixture_step(f, 1000, 100);
	assert_int_equal(f->steps, steps);
	assert_true(cli_server_deadline(f->server).us > f->now.us);

	assert_string_equal(ask(f, "{\"words\":[\"shutdown\"]}\n"), OK);

	/* Whoever takes a little is given more time. */
	char some[65536];
	for (unsigned i = 0; i < 3; i++) {
		f->now = mono_add_s(f->now, CLIENT_STALL_S - 1);
		assert_true(recv(slow, some, sizeof some, 0) > 0);
		fixture_step(f, 100, 0);
	}
	assert_true(f->steps > steps);
	f->now = cli_server_deadline(f->server);
	fixture_step(f, 1, 0);
	assert_true(fixture_gone(slow));
	close(slow);
	assert_int_equal(cli_server_deadline(f->server).us, MONO_NEVER.us);
}

/* A row of every session arrives once and in order, over an answer much longer than the buffer, and no turn runs more
 * than its bound of steps. */
static void
test_long_answer(void **state)
{
	struct fixture *f = *state;
	static char part[3000];
	unsigned next = 0;
	char want[32];
	f->n_sessions = 50000;
	int fd = fixture_connect(f);
	fixture_say(fd, "{\"words\":[\"show\",\"sessions\",\"ifname\"]}\n");
	size_t kept = 0;
	for (unsigned turn = 0; turn < 200000; turn++) {
		unsigned before = f->steps;
		fixture_step(f, 1, 100);
		assert_true(f->steps - before <= 129);
		ssize_t got = recv(fd, part + kept, sizeof part - kept - 1, 0);
		if (got == 0)
			break;
		kept += got > 0 ? (size_t)got : 0;
		part[kept] = '\0';
		char *line = part, *end;
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			snprintf(want, sizeof want, "[\"l2tp%u\"]", next);
			if (line[0] == '[') {
				assert_string_equal(line, want);
				next++;
			}
			line = end + 1;
		}
		kept = strlen(line);
		memmove(part, line, kept + 1);
	}
	assert_int_equal(next, 50000);
	close(fd);
}

static void
test_step_too_long(void **state)
{
	assert_string_equal(ask(*state, "{\"words\":[\"show\",\"drops\",\"username\"]}\n"),
			    "{\"columns\":[[\"username\",\"string\"]],\"shown\":1}\n[\"xxx\"]\n"
			    "{\"status\":1,\"error\":\"a piece of the answer is longer than may be sent at once\"}\n");
}

/* Pieces as long as may be, to a client that takes them a little at a time: all arrive, whole and in order. */
static void
test_long_pieces(void **state)
{
	struct fixture *f = *state;
	size_t n = 0;
	ssize_t got;
	int fd = fixture_connect(f);
	fixture_say(fd, "{\"words\":[\"show\",\"stages\",\"rx-pkts,username\"]}\n");
	fixture_step(f, 100, 100);
	assert_true(f->steps < 11);
	do {
		fixture_step(f, 1, 100);
		got = recv(fd, answer + n, 10007, 0);
		n += got > 0 ? (size_t)got : 0;
		assert_true(n < sizeof answer - 10007);
	} while (got);
	answer[n] = '\0';
	char *line = strchr(answer, '\n') + 1, want[16];
	for (unsigned i = 0; i < 10; i++) {
		snprintf(want, sizeof want, "[%u,\"x", i);
		assert_memory_equal(line, want, strlen(want));
		char *end = strchr(line, '\n');
		assert_int_equal(end - line, strlen(want) - 1 + CLI_STEP_MAX - 100 + 2);
		line = end + 1;
	}
	assert_string_equal(line, OK);
	close(fd);
}

/* What nobody will look at, a handler need not compute. */
static void
test_wants(void **state)
{
	struct fixture *f = *state;
	assert_true(strlen(ask(f, "{\"words\":[\"show\",\"stages\",\"rx-pkts\"]}\n")) < 200);
	assert_true(strlen(ask(f, "{\"words\":[\"show\",\"stages\",\"rx-pkts\",\"order\",\"username\"]}\n")) > 600000);
	ask(f, "{\"words\":[\"show\",\"stages\",\"rx-pkts\",\"match\",\"username\",\"x\"]}\n");
	assert_non_null(strstr(answer, "[9]\n"));
}

static void
test_too_many_columns(void **state)
{
	struct fixture *f = *state;
	char line[1024] = "{\"words\":[\"show\",\"sessions\",\"ip";
	for (unsigned i = 1; i < CLI_COLUMNS_MAX; i++)
		strncat(line, ",ip", sizeof line - strlen(line) - 1);
	size_t n = strlen(line);
	strncat(line, "\",\"order\",\"ifname\"]}\n", sizeof line - n - 1);
	assert_non_null(strstr(ask(f, line), "\"shown\":64,\"order\":64}"));
	line[n] = '\0';
	strncat(line, ",ip\"]}\n", sizeof line - n - 1);
	assert_string_equal(ask(f, line), "{\"status\":2,\"error\":\"too many columns\"}\n");
}

/* The answer to a command that ends the daemon gets out with it. */
static void
test_close_sends_what_is_said(void **state)
{
	struct fixture *f = *state;
	int fd = fixture_connect(f);
	char got[65536];
	ssize_t n, all = 0;
	fixture_say(fd, "{\"words\":[\"show\",\"ports\"]}\n");
	fixture_step(f, 20000, 100);
	while ((n = recv(fd, got, sizeof got, 0)) > 0)
		all += n;
	assert_true(all > 0);
	cli_server_close(f->server);
	f->server = NULL;
	assert_true(recv(fd, got, sizeof got, 0) > 0);
	while ((n = recv(fd, got, sizeof got, 0)) > 0)
		continue;
	assert_int_equal(n, 0);
	close(fd);
}

static void
test_client_leaves(void **state)
{
	struct fixture *f = *state;
	/* Before, within and after its request, and in the middle of an answer. */
	close(fixture_connect(f));
	int fd = fixture_connect(f);
	fixture_say(fd, "{\"wor");
	close(fd);
	fd = fixture_connect(f);
	fixture_say(fd, "{\"words\":[\"shutdown\",\"soft\"]}\n");
	close(fd);
	fd = fixture_connect(f);
	fixture_say(fd, "{\"words\":[\"show\",\"ports\"]}\n");
	fixture_step(f, 10, 1000);
	assert_true(f->steps > 0);
	close(fd);
	fixture_step(f, 10, 1000);
	unsigned steps = f->steps;
	fixture_step(f, 10, 1000);
	assert_int_equal(f->steps, steps);
	assert_int_equal(cli_server_deadline(f->server).us, MONO_NEVER.us);
}

/* A waiting handler's client goes: the server notices at once, and its fd does not stay readable. */
static void
test_client_leaves_while_waiting(void **state)
{
	struct fixture *f = *state;
	int fd = fixture_connect(f);
	f->waits = 1000000;
	fixture_say(fd, "{\"words\":[\"shutdown\",\"soft\"]}\n");
	fixture_step(f, 10, 1000);
	close(fd);
	fixture_step(f, 2, 1000);
	struct pollfd p = {.fd = cli_server_fd(f->server), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(cli_server_deadline(f->server).us, MONO_NEVER.us);
}

/* `echo ... | socat - UNIX-CONNECT:...` shuts its sending side down and still wants the answer. */
static void
test_half_close(void **state)
{
	struct fixture *f = *state;
	int fd = fixture_connect(f);
	f->n_sessions = 3000;
	fixture_say(fd, "{\"words\":[\"show\",\"sessions\"]}\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	fixture_answer(f, fd, answer, sizeof answer);
	assert_non_null(strstr(answer, "l2tp2999"));
	assert_non_null(strstr(answer, OK));
	close(fd);
}

static void
test_many_clients(void **state)
{
	struct fixture *f = *state;
	int fd[6];
	for (unsigned i = 0; i < 6; i++)
		fd[i] = fixture_connect(f);
	fixture_step(f, 3, 1000);
	/* Four have a slot, two are told why not; when one leaves, there is room again. */
	for (unsigned i = 4; i < 6; i++) {
		fixture_answer(f, fd[i], answer, sizeof answer);
		assert_non_null(strstr(answer, "\"status\":1,\"error\":\"too many clients"));
		close(fd[i]);
	}
	close(fd[0]);
	fixture_step(f, 2, 1000);
	assert_string_equal(ask(f, "{\"words\":[\"shutdown\"]}\n"), OK);
	for (unsigned i = 1; i < 4; i++) {
		fixture_say(fd[i], "{\"words\":[\"shutdown\"]}\n");
		fixture_answer(f, fd[i], answer, sizeof answer);
		assert_string_equal(answer, OK);
		close(fd[i]);
	}
}

static void
test_fd_and_deadline(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = {.fd = cli_server_fd(f->server), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	int fd = fixture_connect(f);
	assert_int_equal(poll(&p, 1, 0), 1);
	fixture_step(f, 1, 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	fixture_say(fd, "{\"words\":[\"show\",\"ports\"]}\n");
	assert_int_equal(poll(&p, 1, 0), 1);
	fixture_step(f, 1, 0);
	/* The answer has begun and could go on at once. */
	assert_true(mono_reached(f->now, cli_server_deadline(f->server)));
	close(fd);
}

/* With no descriptor left to accept with, the server neither spins nor forgets the one who waits. */
static void
test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, low;
	int fd = fixture_connect(f), used[64], n = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = (struct rlimit){64, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (n < 64 && (used[n] = dup(0)) >= 0)
		n++;
	fixture_step(f, 1, 0);
	struct pollfd p = {.fd = cli_server_fd(f->server), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_true(cli_server_deadline(f->server).us > f->now.us);
	while (n)
		close(used[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	f->now = cli_server_deadline(f->server);
	fixture_say(fd, "{\"words\":[\"shutdown\"]}\n");
	fixture_answer(f, fd, answer, sizeof answer);
	assert_string_equal(answer, OK);
	close(fd);
}

static void
test_socket_file(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* A live server is left alone. */
	struct cli_server_conf conf = fixture_conf(f);
	struct cli_server *second;
	assert_int_equal(cli_server_open(&second, &conf), -EADDRINUSE);
	assert_null(second);
	assert_string_equal(ask(f, "{\"words\":[\"shutdown\"]}\n"), OK);
}

static void
test_stale_socket(void **state)
{
	struct fixture *f = *state;
	cli_server_close(f->server);
	struct stat st;
	assert_int_equal(stat(f->path, &st), -1);

	/* As a daemon that was killed leaves it: bound, and nobody listens. */
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	memcpy(at.sun_path, f->path, strlen(f->path) + 1);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&at, sizeof at), 0);
	close(dead);
	struct cli_server_conf conf = fixture_conf(f);
	assert_int_equal(cli_server_open(&f->server, &conf), 0);
	assert_string_equal(ask(f, "{\"words\":[\"shutdown\"]}\n"), OK);
}

static void
test_path_refused(void **state)
{
	struct fixture *f = *state;
	char path[200];
	struct cli_server *other;
	struct cli_server_conf conf = fixture_conf(f);
	conf.path = path;
	snprintf(path, sizeof path, "%s/none/control.sock", f->dir);
	assert_int_equal(cli_server_open(&other, &conf), -ENOENT);
	memset(path, 'x', sizeof path);
	path[108] = '\0';
	assert_int_equal(cli_server_open(&other, &conf), -ENAMETOOLONG);
	path[0] = '\0';
	assert_int_equal(cli_server_open(&other, &conf), -ENOENT);
	snprintf(path, sizeof path, "%s/file", f->dir);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(cli_server_open(&other, &conf), -EEXIST);
	assert_int_equal(unlink(path), 0);
}

/* Whoever has taken our place keeps it when we go. */
static void
test_close_leaves_others_file(void **state)
{
	struct fixture *f = *state, second = *f;
	assert_int_equal(unlink(f->path), 0);
	struct cli_server_conf conf = fixture_conf(&second);
	assert_int_equal(cli_server_open(&second.server, &conf), 0);
	cli_server_close(f->server);
	f->server = second.server;
	assert_string_equal(ask(f, "{\"words\":[\"shutdown\"]}\n"), OK);
}

static int
open_fixture(void **state)
{
	static struct fixture f;
	fixture_open(&f, 4);
	*state = &f;
	return 0;
}

static int
close_fixture(void **state)
{
	fixture_close(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_table),
		TEST(test_hostile_cell),
		TEST(test_empty_table_has_a_head),
		TEST(test_match_and_order),
		TEST(test_arguments_refused),
		TEST(test_costly_regex),
		TEST(test_object),
		TEST(test_terminate),
		TEST(test_text_and_help),
		TEST(test_completion),
		TEST(test_wait),
		TEST(test_partial_request),
		TEST(test_oversized_line),
		TEST(test_silent_client_is_dropped),
		TEST(test_slow_reader_costs_itself),
		TEST(test_long_answer),
		TEST(test_step_too_long),
		TEST(test_long_pieces),
		TEST(test_wants),
		TEST(test_too_many_columns),
		TEST(test_close_sends_what_is_said),
		TEST(test_client_leaves),
		TEST(test_client_leaves_while_waiting),
		TEST(test_half_close),
		TEST(test_many_clients),
		TEST(test_fd_and_deadline),
		TEST(test_no_descriptors),
		TEST(test_socket_file),
		TEST(test_stale_socket),
		TEST(test_path_refused),
		TEST(test_close_leaves_others_file),
	};
	return cmocka_run_group_tests_name("cli/server", tests, NULL, NULL);
}
