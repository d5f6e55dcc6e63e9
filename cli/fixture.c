#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define STEPS_MAX 200000

static const struct cli_column columns[] = {
	[COL_IFNAME] = {"ifname", CLI_STRING, true},
	[COL_USERNAME] = {"username", CLI_STRING, true},
	[COL_IP] = {"ip", CLI_STRING, true},
	[COL_UPTIME] = {"uptime", CLI_DURATION, true},
	[COL_RX_BYTES] = {"rx-bytes", CLI_BYTES, true},
	[COL_RX_PKTS] = {"rx-pkts", CLI_INTEGER, false},
	[COL_ACTIVE] = {"active", CLI_BOOL, false},
};

/* Names of an operator's nightmares take turns with plain ones. */
static struct cli_value
username(unsigned i, char *buf, size_t size)
{
	static const char hostile[] = "e\"vi\\l\x1b[2J\xff\n";
	if (i % 4 == 3)
		return cli_stringn(hostile, sizeof hostile - 1);
	if (i % 4 == 2)
		return cli_none();
	snprintf(buf, size, "user%u", i);
	return cli_string(buf);
}

static void
fill(unsigned i, struct cli_value row[N_COLS], char ifname[16], char name[16], char ip[24])
{
	snprintf(ifname, 16, "l2tp%u", i);
	snprintf(ip, 24, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	row[COL_IFNAME] = cli_string(ifname);
	row[COL_USERNAME] = username(i, name, 16);
	row[COL_IP] = cli_string(ip);
	row[COL_UPTIME] = cli_duration(i * 60);
	row[COL_RX_BYTES] = cli_bytes((uint64_t)i * 1000);
	row[COL_RX_PKTS] = cli_integer(i);
	row[COL_ACTIVE] = cli_bool(i % 2 == 0);
}

static enum cli_step
show_sessions(void *context, struct cli_call *call)
{
	struct fixture *f = context;
	struct cli_value row[N_COLS];
	char ifname[16], name[16], ip[24];
	f->steps++;
	if (call->cursor == f->n_sessions)
		return CLI_DONE;
	fill((unsigned)call->cursor++, row, ifname, name, ip);
	cli_row(call, row);
	return CLI_MORE;
}

static enum cli_step
terminate(void *context, struct cli_call *call)
{
	struct fixture *f = context;
	const char *want_if = cli_after(call, "if"), *want_name = cli_after(call, "username");
	struct cli_value row[N_COLS];
	char ifname[16], name[16] = "", ip[24];
	f->steps++;
	if (cli_after(call, "tunnel"))
		return cli_misused(call, "'%s' is not a tunnel ID", cli_after(call, "tunnel"));
	if (call->cursor < f->n_sessions) {
		fill((unsigned)call->cursor++, row, ifname, name, ip);
		call->count += cli_matches(call, row) && (!want_if || !strcmp(want_if, ifname)) &&
			       (!want_name || !strcmp(want_name, name));
		return CLI_MORE;
	}
	cli_item(call, "terminated", cli_integer((int64_t)call->count));
	cli_item(call, "hard", cli_bool(cli_given(call, "hard")));
	return call->count ? CLI_DONE : cli_fail(call, "no session matches");
}

static enum cli_step
show_session(void *context, struct cli_call *call)
{
	const char *id = cli_after(call, "session");
	(void)context;
	if (strcmp(id, "l2tp1"))
		return cli_fail(call, "no session '%s'", id);
	cli_item(call, "ifname", cli_string(id));
	cli_section(call, "counters");
	cli_item(call, "rx-bytes", cli_bytes(16691));
	cli_item(call, "load", cli_real(1.25));
	cli_end(call);
	cli_list(call, "dns");
	cli_item(call, NULL, cli_string("192.0.2.53"));
	cli_section(call, NULL);
	cli_item(call, "address", cli_string("2001:db8::53"));
	cli_end(call);
	cli_end(call);
	cli_item(call, "idle", cli_duration(90061));
	return CLI_DONE;
}

static enum cli_step
show_config(void *context, struct cli_call *call)
{
	(void)context;
	static const char *const lines[] = {"ports = (", "\t{ name = \"p0\"; }", ");"};
	if (call->cursor == 3)
		return CLI_DONE;
	cli_text(call, lines[call->cursor++]);
	return CLI_MORE;
}

/* show ports never ends; show drops says more than one step may; show stages, as much as ten steps may, with counted
 * rows; show pools has no row. */
static enum cli_step
show_ports(void *context, struct cli_call *call)
{
	struct fixture *f = context;
	struct cli_value row[N_COLS];
	char ifname[16], name[16], ip[24];
	f->steps++;
	fill((unsigned)call->cursor++ & 0xffff, row, ifname, name, ip);
	cli_row(call, row);
	return CLI_MORE;
}

static enum cli_step
show_drops(void *context, struct cli_call *call)
{
	(void)context;
	static char big[CLI_STEP_MAX];
	struct cli_value row[N_COLS] = {[COL_USERNAME] = cli_stringn(big, call->cursor ? sizeof big : 3)};
	memset(big, 'x', sizeof big);
	call->cursor++;
	cli_row(call, row);
	return CLI_MORE;
}

static enum cli_step
show_stages(void *context, struct cli_call *call)
{
	struct fixture *f = context;
	static char big[CLI_STEP_MAX - 100];
	struct cli_value row[N_COLS] = {[COL_RX_PKTS] = cli_integer((int64_t)call->cursor)};
	f->steps++;
	memset(big, 'x', sizeof big);
	if (cli_wants(call, COL_USERNAME))
		row[COL_USERNAME] = cli_stringn(big, sizeof big);
	if (call->cursor++ == 10)
		return CLI_DONE;
	cli_row(call, row);
	return CLI_MORE;
}

static enum cli_step
show_pools(void *context, struct cli_call *call)
{
	(void)context;
	(void)call;
	return CLI_DONE;
}

static enum cli_step
shutdown_daemon(void *context, struct cli_call *call)
{
	struct fixture *f = context;
	f->steps++;
	if (cli_given(call, "cancel"))
		return CLI_FAIL;
	return cli_given(call, "soft") && f->waits-- ? CLI_WAIT : CLI_DONE;
}

static const struct cli_handler handlers[CLI_N_COMMANDS] = {
	[CLI_SHOW_SESSIONS] = {show_sessions, columns, N_COLS},
	[CLI_SHOW_SESSION] = {show_session, NULL, 0},
	[CLI_SHOW_CONFIG] = {show_config, NULL, 0},
	[CLI_SHOW_PORTS] = {show_ports, columns, N_COLS},
	[CLI_SHOW_DROPS] = {show_drops, columns, N_COLS},
	[CLI_SHOW_STAGES] = {show_stages, columns, N_COLS},
	[CLI_SHOW_POOLS] = {show_pools, columns, N_COLS},
	[CLI_TERMINATE] = {terminate, columns, N_COLS},
	[CLI_SHUTDOWN] = {shutdown_daemon, NULL, 0},
};

struct cli_server_conf
fixture_conf(struct fixture *f)
{
	return (struct cli_server_conf){.path = f->path, .handlers = handlers, .context = f};
}

void
fixture_open(struct fixture *f, unsigned max_clients)
{
	*f = (struct fixture){.now = {1000000}, .n_sessions = 5};
	snprintf(f->dir, sizeof f->dir, "/tmp/millrace-cli-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/control.sock", f->dir);
	struct cli_server_conf conf = fixture_conf(f);
	conf.max_clients = max_clients;
	assert_int_equal(cli_server_open(&f->server, &conf), 0);
}

void
fixture_close(struct fixture *f)
{
	cli_server_close(f->server);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
}

int
fixture_connect(const struct fixture *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	memcpy(at.sun_path, f->path, strlen(f->path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

void
fixture_say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void
fixture_step(struct fixture *f, unsigned n, int64_t us)
{
	for (unsigned i = 0; i < n; i++) {
		cli_server_step(f->server, f->now);
		f->now = mono_add_us(f->now, us);
	}
}

size_t
fixture_answer(struct fixture *f, int fd, char *buf, size_t size)
{
	size_t len = 0;
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		ssize_t got = recv(fd, buf + len, size - 1 - len, 0);
		if (got == 0 || (got < 0 && errno == ECONNRESET)) {
			buf[len] = '\0';
			return len;
		}
		if (got > 0)
			len += (size_t)got;
		assert_true(len < size - 1);
		fixture_step(f, 1, 1000);
	}
	fail_msg("no end of the answer");
	return 0;
}

size_t
fixture_ask(struct fixture *f, const char *line, char *buf, size_t size)
{
	int fd = fixture_connect(f);
	fixture_say(fd, line);
	size_t n = fixture_answer(f, fd, buf, size);
	close(fd);
	return n;
}

bool
fixture_gone(int fd)
{
	char buf[4096];
	for (;;) {
		ssize_t got = recv(fd, buf, sizeof buf, 0);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return true;
		if (got < 0)
			return false;
	}
}
