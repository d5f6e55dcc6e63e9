/* acct_test.c - accounting: our own PPP client, all of cp on a virtual clock, an accounting server on the loopback. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "aaa/acct.h"
#include "aaa/fake_server.h"
#include "aaa/journal.h"
#include "reload.h"
#include "twin.h"

static struct twin twin, *const t = &twin;
static struct fake_server server;
static char conf_text[4096], folder[64];
static int64_t wall = 1700000000;

/* A disk on which nothing goes on, and whether WRITER has noticed. */
static atomic_bool stalled, waiting;

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	while (stalled) {
		waiting = true;
		usleep(1000);
	}
	return syscall(SYS_pwrite64, fd, bytes, n, at);
}

static int64_t
wall_clock(void)
{
	return wall;
}

/* The users are local; only accounting goes to the server.  The port of authentication is one that nobody asks. */
static void
write_conf(const char *extra, unsigned port)
{
	snprintf(conf_text, sizeof conf_text,
		 "ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
		 "interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; "
		 "},\n"
		 "  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
		 "l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"
		 "authentication = { protocols = [ \"chap\" ]; local-users = (\n"
		 "  { username = \"u0\"; password = \"p\"; }, { username = \"u1\"; password = \"p\"; } ); };\n"
		 "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); max-sessions = 100;\n"
		 "default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n"
		 "radius = { nas-identifier = \"bras1\"; server = ( { address = \"127.0.0.1\"; key = \"testing123\"; "
		 "port = 9; %s acct-port = %u; } ); %s };\n",
		 port ? "" : "disable-accounting = true;", port ? port : 9, extra);
}

static void
begin(const char *extra, bool spool)
{
	char err[256];
	write_conf(extra, server.port);
	twin_init(t, &(struct twin_args){conf_text, 1, 0});
	t->cp->aaa->wall_s = wall_clock;
	if (spool)
		assert_int_equal(acct_open(t->cp->aaa, folder, t->now, err, sizeof err), 0);
}

static int
set_up(void **state)
{
	(void)state;
	fake_server_open(&server, 0);
	snprintf(folder, sizeof folder, "/tmp/acct_XXXXXX");
	wall = 1700000000;
	return mkdtemp(folder) ? 0 : -1;
}

static int
tear_down(void **state)
{
	char path[400];
	DIR *d = opendir(folder);
	(void)state;
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof path, "%s/%.200s", folder, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(folder);
	fake_server_close(&server);
	return 0;
}

/* The next record of this type; others before it are a failure. */
static void
expect(enum acct_type type)
{
	for (unsigned i = 0; i < 20000; i++) {
		if (fake_server_recv(&server)) {
			if (server.view.code == RADIUS_STATUS_SERVER) {
				fake_server_reply(&server, RADIUS_ACCOUNTING_RESPONSE, NULL);
				continue;
			}
			assert_int_equal(server.view.code, RADIUS_ACCOUNTING_REQUEST);
			assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_STATUS_TYPE), type);
			return;
		}
		twin_step(t);
	}
	fail_msg("no record of type %d", type);
}

static void
answer(void)
{
	fake_server_reply(&server, RADIUS_ACCOUNTING_RESPONSE, NULL);
	twin_step(t);
}

static struct session *
up(unsigned call)
{
	twin_dial(t, 0, call, 1);
	for (unsigned i = 0; i < 3000 && !twin_session(t, t->calls[call].name); i++)
		twin_step(t);
	return twin_session(t, t->calls[call].name);
}

/* 5 */
static void
start_interim_stop(void **state)
{
	char sid[32];
	(void)state;
	begin("acct-interim-interval = 60; acct-interim-jitter = 5;", false);
	struct session *s = up(0);
	assert_non_null(s);
	expect(ACCT_TYPE_START);
	assert_string_equal(fake_server_text(&server, RADIUS_USER_NAME), "u0");
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_AUTHENTIC), 2); /* Local */
	assert_int_equal(fake_server_u32(&server, RADIUS_FRAMED_IP_ADDRESS), s->ip4);
	assert_int_equal(fake_server_u32(&server, RADIUS_EVENT_TIMESTAMP), wall);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_DELAY_TIME), 0);
	snprintf(sid, sizeof sid, "%s", fake_server_text(&server, RADIUS_ACCT_SESSION_ID));
	assert_int_equal(strlen(sid), 16);
	answer();
	struct mono started = t->now;
	expect(ACCT_TYPE_INTERIM);
	assert_in_range(mono_since_us(t->now, started) / 1000000, 54, 66);
	assert_in_range(fake_server_u32(&server, RADIUS_ACCT_SESSION_TIME), 54, 66);
	answer();
	/* more than 4 GiB, by counters set before */
	s->final = (struct dp_counters){.up_bytes = (UINT64_C(3) << 32) + 5,
					.up_packets = 7,
					.down_bytes = UINT64_C(1) << 32,
					.down_packets = 9};
	fake_dataplane_count(&t->fake, s->handle, &s->final);
	session_end(s, CAUSE_ADMIN_RESET, t->now);
	expect(ACCT_TYPE_STOP);
	assert_string_equal(fake_server_text(&server, RADIUS_ACCT_SESSION_ID), sid);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_INPUT_GIGAWORDS), 3);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_INPUT_OCTETS), 5);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_INPUT_PACKETS), 7);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_OUTPUT_GIGAWORDS), 1);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_OUTPUT_OCTETS), 0);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_OUTPUT_PACKETS), 9);
	assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_TERMINATE_CAUSE), ACCT_ADMIN_RESET);
	answer();
	assert_int_equal(t->cp->aaa->acct->stats.waiting, 0);
	twin_fini(t);
}

/* The wall's clock is for records; nothing else looks at it. */
static void
the_wall_clock_may_jump(void **state)
{
	(void)state;
	for (int hours = -1; hours <= 1; hours += 2) {
		begin("acct-interim-interval = 60;", false);
		struct session *s = up(0);
		expect(ACCT_TYPE_START);
		answer();
		struct mono started = t->now;
		wall += hours * 3600;
		expect(ACCT_TYPE_INTERIM);
		assert_in_range(mono_since_us(t->now, started) / 1000000, 59, 61);
		assert_in_range(fake_server_u32(&server, RADIUS_ACCT_SESSION_TIME), 59, 61);
		assert_int_equal(fake_server_u32(&server, RADIUS_EVENT_TIMESTAMP), wall);
		assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_DELAY_TIME), 0);
		answer();
		assert_ptr_equal(twin_session(t, "u0"), s);
		twin_fini(t);
	}
}

static int
try_reload(const char *extra, unsigned port, char *err, size_t err_len)
{
	struct conf_error conf_err;
	struct conf *conf;
	char path[80];
	snprintf(path, sizeof path, "%s/reloaded.conf", folder);
	write_conf(extra, port);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(conf_text, file);
	fclose(file);
	if (conf_load_beside(path, t->cp->conf, &conf, &conf_err))
		fail_msg("%s", conf_err.text);
	int rc = reload_apply(t->cp, conf, NULL, err, err_len);
	if (rc)
		conf_free(conf);
	/* what was said in it is gone */
	memset(conf_text, 'x', sizeof conf_text - 1);
	return rc;
}

static void
reload(const char *extra, unsigned port)
{
	char err[256];
	if (try_reload(extra, port, err, sizeof err))
		fail_msg("%s", err);
}

/* Who had nothing to account for has no spool: a first server by reload would lose records with the next restart. */
static void
a_reload_makes_no_spool(void **state)
{
	char err[256];
	(void)state;
	begin("", false);
	reload("", 0);
	assert_int_equal(acct_open(t->cp->aaa, folder, t->now, err, sizeof err), 0);
	reload("acct-interim-interval = 60;", 0);
	assert_int_equal(try_reload("", server.port, err, sizeof err), -EINVAL);
	assert_non_null(strstr(err, "takes a restart"));
	twin_fini(t);
}

/* Records wait for whoever is a server when there is one again; a session that is up is accounted for by the new one. */
static void
a_reload_exchanges_servers(void **state)
{
	struct fake_server second;
	(void)state;
	begin("", false);
	struct session *s = up(0);
	expect(ACCT_TYPE_START); /* and is not answered */
	fake_server_open(&second, 0);
	reload("acct-interim-interval = 60;", second.port);
	fake_server_close(&server);
	server = second;
	expect(ACCT_TYPE_START);
	answer();
	assert_ptr_equal(twin_session(t, "u0"), s);
	fake_server_close(&server);
	session_end(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
	reload("", 0);
	twin_run_ms(t, 30000);
	assert_int_equal(t->cp->aaa->acct->stats.waiting, 1);
	fake_server_open(&server, 0);
	reload("", server.port);
	expect(ACCT_TYPE_STOP);
	answer();
	assert_int_equal(t->cp->aaa->acct->stats.waiting, 0);
	assert_int_equal(t->cp->aaa->acct->stats.dropped, 0);
	twin_fini(t);
}

/* An outage: records wait, in order; sessions do not. */
static void
silence_ends_no_session_and_loses_nothing(void **state)
{
	(void)state;
	begin("timeout = 1; acct-timeout = 1; max-try = 2;", false);
	fake_server_close(&server);
	struct session *s = up(0);
	assert_non_null(s);
	int64_t at = wall;
	wall += 30;
	twin_run_ms(t, 30000);
	assert_ptr_equal(twin_session(t, "u0"), s);
	session_end(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 3000);
	assert_int_equal(cp_sessions(t->cp), 0);
	assert_int_equal(t->cp->aaa->acct->stats.waiting, 2);
	fake_server_open(&server, server.port);
	expect(ACCT_TYPE_START);
	assert_int_equal(fake_server_u32(&server, RADIUS_EVENT_TIMESTAMP), at);
	assert_in_range(fake_server_u32(&server, RADIUS_ACCT_DELAY_TIME), 30, 80);
	answer();
	expect(ACCT_TYPE_STOP);
	assert_int_equal(fake_server_u32(&server, RADIUS_EVENT_TIMESTAMP), at + 30);
	answer();
	assert_int_equal(t->cp->aaa->acct->stats.waiting, 0);
	twin_fini(t);
}

/* Outage (a): sessions come and go meanwhile; each record arrives, those of a session in their order. */
static void
many_come_and_go_in_an_outage(void **state)
{
	uint64_t started[TWIN_CALLS] = {0}, stopped[TWIN_CALLS] = {0};
	unsigned n_started = 0, n_stopped = 0;
	(void)state;
	begin("acct-timeout = 1; max-try = 2;", false);
	fake_server_close(&server);
	for (unsigned i = 0; i < TWIN_CALLS; i++)
		t->calls[i].name = i % 2 ? "u1" : "u0";
	twin_dial(t, 0, 0, TWIN_CALLS);
	assert_true(twin_settle(t, TWIN_CALLS, 60));
	twin_run_ms(t, 60000);
	assert_int_equal(t->cp->active, TWIN_CALLS);
	cp_shutdown(t->cp, t->now);
	twin_run_ms(t, 3000);
	assert_int_equal(t->cp->aaa->acct->stats.waiting, 2 * TWIN_CALLS);
	fake_server_open(&server, server.port);
	for (unsigned i = 0; i < 5000 && n_stopped < TWIN_CALLS; i++) {
		twin_step(t);
		while (fake_server_recv(&server)) {
			uint64_t sid = strtoull(fake_server_text(&server, RADIUS_ACCT_SESSION_ID), NULL, 16);
			uint32_t type = fake_server_u32(&server, RADIUS_ACCT_STATUS_TYPE);
			if (type == ACCT_TYPE_START)
				started[n_started++] = sid;
			if (type == ACCT_TYPE_STOP) {
				unsigned k = 0;
				while (k < n_started && started[k] != sid)
					k++;
				assert_true(k < n_started); /* its Start was before */
				stopped[n_stopped++] = sid;
			}
			assert_true(n_started <= TWIN_CALLS && n_stopped <= TWIN_CALLS);
			fake_server_reply(&server, RADIUS_ACCOUNTING_RESPONSE, NULL);
		}
	}
	assert_int_equal(n_started, TWIN_CALLS);
	assert_int_equal(n_stopped, TWIN_CALLS);
	assert_true(stopped[0] != 0);
	twin_fini(t);
}

static void
who_wants_it_ends_what_nobody_accounts_for(void **state)
{
	(void)state;
	begin("acct-timeout = 1; max-try = 1; acct-required = true;", false);
	fake_server_close(&server);
	up(0);
	twin_run_ms(t, 20000);
	assert_int_equal(cp_sessions(t->cp), 0);
	assert_int_equal(t->cp->stats.ended[CAUSE_ACCT_UNAVAILABLE], 1);
	fake_server_open(&server, 0);
	twin_fini(t);
}

static void
fill_the_queue_of_a_stalled_disk(void)
{
	struct journal *j = t->cp->aaa->acct->journal;
	stalled = true;
	waiting = false;
	while (!waiting)
		journal_append(j, JOURNAL_RECORD, "", 0);
	while (journal_append(j, JOURNAL_RECORD, "", 0))
		;
}

/* A Stop that finds no room on the way to the disk: the session's check is what the next start knows it by. */
static void
a_stop_without_room_leaves_the_check(void **state)
{
	char sid[32];
	unsigned reboots = 0;
	(void)state;
	begin("timeout = 1; acct-timeout = 1; max-try = 1; acct-on = false;", true);
	struct session *s = up(0);
	expect(ACCT_TYPE_START);
	snprintf(sid, sizeof sid, "%s", fake_server_text(&server, RADIUS_ACCT_SESSION_ID));
	answer();
	fake_server_close(&server);
	fill_the_queue_of_a_stalled_disk();
	session_end(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 3000);
	stalled = false;
	twin_fini(t);
	fake_server_open(&server, server.port);
	begin("", true);
	for (unsigned i = 0; i < 500 && !reboots; i++) {
		twin_step(t);
		while (fake_server_recv(&server)) {
			reboots += fake_server_u32(&server, RADIUS_ACCT_STATUS_TYPE) == ACCT_TYPE_STOP &&
				   !strcmp(fake_server_text(&server, RADIUS_ACCT_SESSION_ID), sid);
			fake_server_reply(&server, RADIUS_ACCOUNTING_RESPONSE, NULL);
		}
	}
	assert_int_equal(reboots, 1);
	twin_fini(t);
}

/* A crash with records unanswered and a session up. */
static void
after_a_crash_nothing_is_missing(void **state)
{
	char first[32], second[32];
	(void)state;
	begin("timeout = 1; acct-timeout = 1; max-try = 1; acct-on = false;", true);
	uint64_t before = t->cp->next_sid;
	struct session *s = up(0);
	expect(ACCT_TYPE_START);
	snprintf(first, sizeof first, "%s", fake_server_text(&server, RADIUS_ACCT_SESSION_ID));
	answer();
	s->final.up_bytes = 4711;
	fake_dataplane_count(&t->fake, s->handle, &s->final);
	twin_run_ms(t, 61000); /* the last look is at most a minute old */
	fake_server_close(&server);
	session_end(up(1), CAUSE_ADMIN_RESET, t->now); /* its Start and Stop nobody hears */
	twin_run_ms(t, 3000);
	twin_fini(t); /* no leave, no Stop: as by SIGKILL; the journal is all that is left */
	wall += 100;
	fake_server_open(&server, server.port);
	begin("acct-on = true;", true);
	assert_true(t->cp->next_sid > before + (UINT64_C(1) << 31));
	expect(ACCT_TYPE_START);
	snprintf(second, sizeof second, "%s", fake_server_text(&server, RADIUS_ACCT_SESSION_ID));
	assert_string_not_equal(first, second);
	assert_in_range(fake_server_u32(&server, RADIUS_ACCT_DELAY_TIME), 100, 110);
	answer();
	unsigned on = 0, stops = 0, reboots = 0;
	for (unsigned i = 0; i < 500 && on + stops + reboots < 3; i++) {
		twin_step(t);
		while (fake_server_recv(&server)) {
			bool mine = !strcmp(fake_server_text(&server, RADIUS_ACCT_SESSION_ID), first);
			uint32_t type = fake_server_u32(&server, RADIUS_ACCT_STATUS_TYPE);
			on += type == ACCT_TYPE_ON;
			stops += type == ACCT_TYPE_STOP && !mine;
			if (type == ACCT_TYPE_STOP && mine) {
				reboots++;
				assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_TERMINATE_CAUSE),
						 ACCT_NAS_REBOOT);
				assert_int_equal(fake_server_u32(&server, RADIUS_ACCT_INPUT_OCTETS), 4711);
			}
			fake_server_reply(&server, RADIUS_ACCOUNTING_RESPONSE, NULL);
		}
	}
	assert_int_equal(on, 1);
	assert_int_equal(stops, 1);
	assert_int_equal(reboots, 1);
	twin_run_ms(t, 1000);
	twin_fini(t);
	/* and now nothing is left to say */
	begin("acct-on = false;", true);
	twin_run_ms(t, 1000);
	assert_false(fake_server_recv(&server));
	assert_int_equal(t->cp->aaa->acct->stats.replayed, 0);
	twin_fini(t);
}

static void
an_end_in_order_says_off(void **state)
{
	(void)state;
	begin("", true);
	expect(ACCT_TYPE_ON);
	answer();
	up(0);
	expect(ACCT_TYPE_START);
	answer();
	cp_shutdown(t->cp, t->now);
	bool stop = false, off = false;
	for (unsigned i = 0; i < 1000 && !cp_idle(t->cp, t->now); i++) {
		twin_step(t);
		while (fake_server_recv(&server)) {
			uint32_t type = fake_server_u32(&server, RADIUS_ACCT_STATUS_TYPE);
			stop |= type == ACCT_TYPE_STOP;
			if (type == ACCT_TYPE_OFF)
				assert_true(stop);
			off |= type == ACCT_TYPE_OFF;
			fake_server_reply(&server, RADIUS_ACCOUNTING_RESPONSE, NULL);
		}
	}
	assert_true(off);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(start_interim_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_wall_clock_may_jump, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reload_exchanges_servers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reload_makes_no_spool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silence_ends_no_session_and_loses_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_come_and_go_in_an_outage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_wants_it_ends_what_nobody_accounts_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stop_without_room_leaves_the_check, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_a_crash_nothing_is_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_in_order_says_off, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
