/* The program as its user meets it: run as a process, against a server in a thread of this one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define ARGS_MAX 12
#define PATIENCE_MS 10000

struct run {
	int status;
	char out[65536], err[4096];
};

static const char *program;
static struct fixture fixture;
static pthread_t server_thread;
static atomic_bool stop;
static struct run run;
extern char **environ;

static int64_t
clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *
serve(void *unused)
{
	(void)unused;
	while (!stop) {
		struct pollfd p = {.fd = cli_server_fd(fixture.server), .events = POLLIN};
		struct mono now = {clock_ms() * 1000};
		poll(&p, 1, mono_reached(now, cli_server_deadline(fixture.server)) ? 0 : 1);
		cli_server_step(fixture.server, now);
	}
	return NULL;
}

static void
slurp(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	buf[fread(buf, 1, size - 1, f)] = '\0';
	fclose(f);
	unlink(path);
}

/* start: argv is program, -s SOCKET and the words, up to a NULL. */
static pid_t
start(const char *const *words, const char *out, const char *err)
{
	const char *argv[ARGS_MAX + 4] = {program, "-s", fixture.path};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	for (unsigned i = 0; words[i]; i++)
		argv[i + 3] = words[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(posix_spawn(&pid, program, &actions, NULL, (char **)(uintptr_t)argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

#define RUN(...) run_program((const char *const[ARGS_MAX]){__VA_ARGS__})

static const struct run *
run_program(const char *const *words)
{
	char out[128], err[128];
	int status;
	snprintf(out, sizeof out, "%s/out", fixture.dir);
	snprintf(err, sizeof err, "%s/err", fixture.dir);
	pid_t pid = start(words, out, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	slurp(out, run.out, sizeof run.out);
	slurp(err, run.err, sizeof run.err);
	return &run;
}

static void
test_text_table(void **state)
{
	(void)state;
	RUN("show", "sess", "ifname,username,uptime,rx-bytes", "order", "rx-bytes");
	assert_int_equal(run.status, 2);
	assert_string_equal(run.err, "millrace: 'sess' is ambiguous: expected sessions or session\n");
	RUN("show", "sessions", "ifname,username,uptime,rx-bytes,rx-pkts,active");
	assert_string_equal(run.err, "");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.out, " ifname |       username        |  uptime  | rx-bytes | rx-pkts | active\n"
				     "--------+-----------------------+----------+----------+---------+--------\n"
				     " l2tp0  | user0                 | 00:00:00 |      0 B |       0 | yes\n"
				     " l2tp1  | user1                 | 00:01:00 |   1000 B |       1 | no\n"
				     " l2tp2  |                       | 00:02:00 |  2.0 KiB |       2 | yes\n"
				     " l2tp3  | e\"vi\\l\\x1b[2J\\xff\\x0a | 00:03:00 |  2.9 KiB |       3 | no\n"
				     " l2tp4  | user4                 | 00:04:00 |  3.9 KiB |       4 | yes\n");
}

static void
test_json_table(void **state)
{
	(void)state;
	RUN("--json", "show", "sessions", "ifname,uptime,rx-bytes,active", "match", "ifname", "[12]$");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.out, "[\n{\"ifname\":\"l2tp1\",\"uptime\":60,\"rx-bytes\":1000,\"active\":false},\n"
				     "{\"ifname\":\"l2tp2\",\"uptime\":120,\"rx-bytes\":2000,\"active\":true}\n]\n");
	RUN("show", "pools", "-j");
	assert_string_equal(run.out, "[]\n");
}

static void
test_order(void **state)
{
	(void)state;
	fixture.n_sessions = 12;
	RUN("show", "sessions", "ifname", "order", "username", "match", "ifname", "[01]$");
	assert_string_equal(run.out, " ifname\n--------\n l2tp11\n l2tp0\n l2tp1\n l2tp10\n");
	RUN("show", "sessions", "ip", "order", "ip", "match", "rx-pkts", "^(9|10|2)$");
	assert_string_equal(run.out, "    ip\n-----------\n 10.0.0.2\n 10.0.0.9\n 10.0.0.10\n");
}

static void
test_object(void **state)
{
	(void)state;
	RUN("show", "session", "l2tp1");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.out,
			    "ifname: l2tp1\ncounters:\n  rx-bytes: 16.3 KiB\n  load: 1.2\ndns:\n  - 192.0.2.53\n  -\n"
			    "    address: 2001:db8::53\nidle: 1.01:01:01\n");
	RUN("-j", "show", "session", "l2tp1");
	assert_string_equal(
		run.out,
		"{\n  \"ifname\": \"l2tp1\",\n  \"counters\": {\n    \"rx-bytes\": 16691,\n    \"load\": 1.25\n"
		"  },\n  \"dns\": [\n    \"192.0.2.53\",\n    {\n      \"address\": \"2001:db8::53\"\n    }\n"
		"  ],\n  \"idle\": 90061\n}\n");
}

static void
test_text(void **state)
{
	(void)state;
	RUN("show config");
	assert_string_equal(run.out, "ports = (\n\t{ name = \"p0\"; }\n);\n");
	RUN("show", "config", "--json");
	assert_string_equal(run.out, "[\n  \"ports = (\",\n  \"\\t{ name = \\\"p0\\\"; }\",\n  \");\"\n]\n");
	RUN("shutdown");
	assert_string_equal(run.out, "");
	assert_int_equal(run.status, 0);
	RUN("shutdown", "--json");
	assert_string_equal(run.out, "{}\n");
}

static void
test_statuses(void **state)
{
	(void)state;
	assert_int_equal(RUN("terminate", "if", "l2tp3")->status, 0);
	assert_string_equal(run.out, "terminated: 1\nhard: no\n");
	assert_int_equal(RUN("terminate", "if", "l2tp99")->status, 1);
	assert_string_equal(run.out, "terminated: 0\nhard: no\n");
	assert_string_equal(run.err, "millrace: no session matches\n");
	assert_int_equal(RUN("terminate", "tunnel", "--", "-1")->status, 2);
	assert_int_equal(RUN("terminate")->status, 2);
	assert_int_equal(RUN("show", "drops")->status, 1); /* fails half-way: no half table */
	assert_string_equal(run.out, "");
	assert_int_equal(RUN("terminate", "username", "\xff")->status, 2);
	assert_int_equal(RUN("'open quote")->status, 2);
	assert_int_equal(RUN("--nonsense")->status, 2);
	assert_int_equal(RUN(NULL)->status, 2); /* no words and no terminal */
	assert_non_null(strstr(run.err, "usage: millrace"));
	assert_int_equal(RUN("-V")->status, 0);
	assert_string_equal(run.out, "millrace " MILLRACE_VERSION "\n");
	assert_int_equal(RUN("-h")->status, 0);
	assert_non_null(strstr(run.out, "terminate {if IFNAME|"));
}

static void
test_no_server(void **state)
{
	(void)state;
	char path[128];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(path, sizeof path, "%s/none.sock", fixture.dir);
	RUN("-s", path, "show", "sessions");
	assert_int_equal(run.status, 3);
	assert_non_null(strstr(run.err, "cannot connect to "));
	assert_non_null(strstr(run.err, "Start the daemon (millraced -c /etc/millrace/millrace.conf)"));

	memcpy(at.sun_path, path, strlen(path) + 1);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&at, sizeof at), 0);
	close(dead);
	assert_int_equal(RUN("-s", path, "show", "sessions")->status, 3);
	assert_non_null(strstr(run.err, "has ended.  Start it again"));
	unlink(path);
}

/* serve_once: accepts one client on a socket of our own, says `reply` and closes; what a broken daemon would do. */
static void *
serve_once(void *reply)
{
	int listener = atoi(reply);
	const char *text = strchr(reply, ' ') + 1;
	char request[4096];
	int fd = accept(listener, NULL, NULL);
	(void)!recv(fd, request, sizeof request, 0);
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static int
status_against(const char *reply)
{
	char path[128], order[512];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	pthread_t thread;
	snprintf(path, sizeof path, "%s/broken.sock", fixture.dir);
	memcpy(at.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(order, sizeof order, "%d %s", fd, reply);
	assert_int_equal(pthread_create(&thread, NULL, serve_once, order), 0);
	RUN("-s", path, "show", "sessions");
	pthread_join(thread, NULL);
	close(fd);
	unlink(path);
	return run.status;
}

static void
test_broken_answers(void **state)
{
	(void)state;
	assert_int_equal(status_against(""), 3);
	assert_non_null(strstr(run.err, "before its answer was whole"));
	assert_int_equal(status_against("{\"columns\":[[\"a\",\"string\"]],\"shown\":1}\n[\"x\"]\n"), 3);
	assert_string_equal(run.out, "");
	assert_int_equal(status_against("{\"columns\":[[\"a\",\"string\"]],\"shown\":2}\n{\"status\":0}\n"), 3);
	assert_non_null(strstr(run.err, "not understood"));
	assert_int_equal(status_against("{\"columns\":[[\"a\"]],\"shown\":1}\n{\"status\":0}\n"), 3);
	assert_int_equal(status_against("{\"columns\":[[\"a\",\"string\"]],\"shown\":1}\n[]\n{\"status\":0}\n"), 3);
	assert_int_equal(status_against("[1,\"deep\",\"integer\",1]\n{\"status\":0}\n"), 3);
	assert_int_equal(status_against("[0,null,\"integer\",1]\n{\"status\":0}\n"), 3);
	assert_int_equal(status_against("[]\n{\"status\":0}\n"), 3);
	assert_int_equal(status_against("nonsense\n"), 3);
	assert_int_equal(status_against("17\n"), 3);
	assert_int_equal(status_against("{\"columns\":[[\"a\",\"string\"]],\"shown\":1}\n[17]\n{\"status\":0}\n"), 0);
}

/* The terminal of a program under test, and what it has printed that no expect() has taken yet. */
static struct {
	int fd;
	pid_t pid;
	size_t n;
	char seen[65536];
} terminal;

/* expect: waits until `text` has been printed, and takes all up to its end. */
static void
expect(const char *text)
{
	int64_t end = clock_ms() + PATIENCE_MS;
	char *at;
	while (!(at = strstr(terminal.seen, text))) {
		struct pollfd p = {.fd = terminal.fd, .events = POLLIN};
		int64_t left = end - clock_ms();
		size_t room = sizeof terminal.seen - 1 - terminal.n;
		if (left <= 0 || !room || poll(&p, 1, (int)left) < 0)
			fail_msg("'%s' did not come, but '%s'", text, terminal.seen);
		ssize_t got = p.revents ? read(terminal.fd, terminal.seen + terminal.n, room) : 0;
		if (p.revents && got <= 0)
			fail_msg("the program ended before '%s': '%s'", text, terminal.seen);
		terminal.n += (size_t)got;
		terminal.seen[terminal.n] = '\0';
	}
	at += strlen(text);
	terminal.n -= (size_t)(at - terminal.seen);
	memmove(terminal.seen, at, terminal.n + 1);
}

static void
type(const char *text)
{
	assert_int_equal(write(terminal.fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void
start_terminal(void)
{
	struct winsize size = {.ws_row = 40, .ws_col = 160};
	terminal.n = 0;
	terminal.seen[0] = '\0';
	terminal.pid = forkpty(&terminal.fd, NULL, NULL, &size);
	assert_true(terminal.pid >= 0);
	if (terminal.pid == 0) {
		setenv("HOME", fixture.dir, 1);
		setenv("TERM", "xterm", 1);
		execl(program, program, "-s", fixture.path, (char *)NULL);
		_exit(127);
	}
}

/* leave: types `text` until the program has hung up.  More than once, because a Ctrl-D that the kernel's line editing
 * sees, before the prompt has switched it off, is lost. */
static void
leave(const char *text)
{
	char rest[4096];
	int64_t end = clock_ms() + PATIENCE_MS;
	for (;;) {
		struct pollfd p = {.fd = terminal.fd, .events = POLLIN};
		(void)!write(terminal.fd, text, strlen(text));
		poll(&p, 1, 200);
		if (p.revents && read(terminal.fd, rest, sizeof rest) <= 0)
			return;
		if (clock_ms() > end)
			fail_msg("the program does not leave");
	}
}

static int
end_terminal(void)
{
	int status = 0;
	waitpid(terminal.pid, &status, 0);
	close(terminal.fd); /* not before: it would be a hang-up */
	terminal.pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_terminal(void **state)
{
	(void)state;
	start_terminal();
	expect("millrace> ");
	type("help shut\n");
	expect("shutdown [soft|cancel]");
	expect("millrace> ");
	type("term\t");
	expect("inate "); /* what libedit adds to what is on the screen */
	type("usern\t");
	expect("ame ");
	type("user4\n");
	expect("terminated: 1");
	expect("millrace> ");
	type("show sessions order rx-b\t");
	expect("ytes ");
	type("match username '^us er$\n");
	expect("a quote is left open");
	expect("millrace> ");
	type("terminate if 'no such'\n");
	expect("no session matches");
	expect("millrace> ");
	leave("exit\n");
	assert_int_equal(end_terminal(), 1); /* of the last command */

	char history[128], text[4096];
	snprintf(history, sizeof history, "%s/.millrace_history", fixture.dir);
	slurp(history, text, sizeof text);
	assert_non_null(strstr(text, "terminate"));
}

/* Ctrl-D leaves; a server that is not there is said at each command and is no reason to leave. */
static void
test_end_of_file(void **state)
{
	(void)state;
	char history[128], text[4096], path[sizeof fixture.path];
	memcpy(path, fixture.path, sizeof path);
	snprintf(fixture.path, sizeof fixture.path, "%s/none.sock", fixture.dir);
	start_terminal();
	memcpy(fixture.path, path, sizeof path);
	expect("millrace> ");
	type("show\t");
	type("\n");
	expect("There is no such socket.");
	expect("millrace> ");
	leave("\x15\x04"); /* on an empty line */
	assert_int_equal(end_terminal(), 3);
	snprintf(history, sizeof history, "%s/.millrace_history", fixture.dir);
	slurp(history, text, sizeof text);
}

static int
open_fixture(void **state)
{
	(void)state;
	fixture_open(&fixture, 0);
	stop = false;
	return pthread_create(&server_thread, NULL, serve, NULL);
}

static int
close_fixture(void **state)
{
	(void)state;
	if (terminal.pid > 0) {
		kill(terminal.pid, SIGKILL);
		end_terminal();
	}
	stop = true;
	pthread_join(server_thread, NULL);
	fixture_close(&fixture);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int
main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	program = argv[1];
	const struct CMUnitTest tests[] = {
		TEST(test_text_table), TEST(test_json_table),  TEST(test_order),     TEST(test_object),
		TEST(test_text),       TEST(test_statuses),    TEST(test_no_server), TEST(test_broken_answers),
		TEST(test_terminal),   TEST(test_end_of_file),
	};
	return cmocka_run_group_tests_name("cli/millrace", tests, NULL, NULL);
}
