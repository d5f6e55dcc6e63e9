/* reload_test.c - another configuration under live sessions: they keep what they have, new ones see the new alone. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "addresses.h"
#include "reload.h"
#include "session.h"
#include "tls.h"
#include "twin.h"

#define CONF(pools, users, extra)                                                                                      \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"                                                 \
	"max-sessions = 100; default-pool = \"home\";\n"                                                               \
	"client-ip-pool = ( " pools " );\n"                                                                            \
	"authentication = { protocols = [ \"mschap-v2\", \"chap\" ]; interval = 5; local-users = ( " users             \
	" ); };\n" extra
#define GATEWAY "gateway-address = \"10.78.0.1\";\n"
#define HOME "{ name = \"home\"; range = [ \"10.78.1.0/24\" ]; }"
#define U(n) "{ username = \"u" n "\"; password = \"p\"; }"
#define SSTP(certificate) "sstp = { certificate = \"" certificate "\"; private-key = \"k\"; };\n"
#define FIRST CONF(HOME, U("0") "," U("1"), GATEWAY)

static struct twin twin, *const t = &twin;

static void
begin(const char *conf, unsigned calls)
{
	twin_init(t, &(struct twin_args){conf, 1, 0});
	twin_dial(t, 0, 0, calls);
	assert_true(twin_settle(t, calls, 60));
}

/* reload: NULL, or why not. */
static const char *
reload(const char *text)
{
	static char err[512];
	struct conf *conf;
	struct conf_error conf_err;
	if (conf_load_string(text, "second.conf", &conf, &conf_err) < 0)
		fail_msg("%s", conf_err.text);
	if (!reload_apply(t->cp, conf, NULL, err, sizeof err))
		return NULL;
	conf_free(conf);
	return err;
}

static void
dial(unsigned call)
{
	twin_dial(t, 0, call, 1);
	for (unsigned i = 0; i < 3000 && !twin_settled(t, &t->calls[call]); i++)
		twin_step(t);
	assert_true(twin_settled(t, &t->calls[call]));
}

static void
users_come_and_go(void **state)
{
	(void)state;
	begin(FIRST, 1);
	assert_null(reload(CONF(HOME, U("1") "," U("2"), GATEWAY)));
	assert_non_null(twin_session(t, "u0")); /* he is gone from the file, and stays online */
	dial(2);
	assert_int_equal(t->calls[2].state, TWIN_UP);
	t->calls[3].name = "u0";
	dial(3);
	assert_int_equal(t->calls[3].state, TWIN_ENDED);
	twin_fini(t);
}

/* The link's options and texts are of the file that it began under, which lives as long as it does. */
static void
an_era_lives_with_its_sessions(void **state)
{
	(void)state;
	begin(FIRST, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_null(reload(CONF(HOME, U("0") "," U("1") "," U("2") "," U("3"),
					GATEWAY "ppp-options = { max-terminate = 1; };\n")));
		dial(i + 1);
		twin_run_ms(t, 12000); /* it is challenged again twice */
		assert_non_null(twin_session(t, "u0"));
	}
	session_end(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 2000);
	assert_null(twin_session(t, "u0"));
	twin_fini(t);
}

static void
a_pool_that_shrinks(void **state)
{
	(void)state;
	begin(FIRST, 2);
	struct session *s = twin_session(t, "u1");
	uint32_t ip4 = s->ip4;
	assert_null(reload(CONF("{ name = \"home\"; range = \"10.79.0.0/30\"; }", U("0") "," U("1"), GATEWAY)));
	assert_int_equal(s->ip4, ip4);
	assert_int_equal(s->pool, -1);
	assert_ptr_equal(addresses_holder(t->cp, ip4), s);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 0);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.78.1.0/24"), NH_NONE);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.79.0.0/30"), nh_make(NH_DISCARD, 0));
	assert_true(nh_is_session(fake_dataplane_nh(&t->fake, ip4)));
	session_end_hard(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	assert_int_equal(fake_dataplane_nh(&t->fake, ip4), NH_NONE);
	assert_null(addresses_holder(t->cp, ip4));
	t->calls[2].name = "u1";
	dial(2);
	assert_in_range(twin_session(t, "u1")->ip4, 0x0a4f0001, 0x0a4f0002);
	twin_fini(t);
}

/* What a session holds is nobody else's when its address is of another pool, or of one again. */
static void
a_pool_that_moves(void **state)
{
	(void)state;
	begin(FIRST, 1);
	struct session *s = twin_session(t, "u0");
	uint32_t ip4 = s->ip4;
	assert_null(reload(CONF("{ name = \"home\"; range = \"10.79.0.0/24\"; }", U("0"), GATEWAY)));
	assert_int_equal(s->pool, -1);
	assert_null(reload(CONF("{ name = \"home\"; range = \"10.79.0.0/24\"; },"
				"{ name = \"old\"; range = \"10.78.0.0/16\"; }",
				U("0"), GATEWAY)));
	assert_int_equal(s->pool, 1);
	assert_ptr_equal(addresses_holder(t->cp, ip4), s);
	assert_int_equal(pool4_counts(t->cp->pools, 1).lent, 1);
	session_end_hard(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	assert_int_equal(pool4_counts(t->cp->pools, 1).lent, 0);
	assert_true(pool4_set_check(t->cp->pools));
	twin_fini(t);
}

/* A user gets a static address that another one was lent: he waits until it is free. */
static void
a_static_address_that_is_lent(void **state)
{
	(void)state;
	begin(FIRST, 1);
	struct session *s = twin_session(t, "u0");
	struct in_addr ip = {htonl(s->ip4)};
	char text[2048];
	snprintf(text, sizeof text,
		 CONF(HOME, U("0") ", { username = \"u1\"; password = \"p\"; static-ip = \"%s\"; }", GATEWAY),
		 inet_ntoa(ip));
	assert_null(reload(text));
	dial(1);
	assert_int_equal(t->cp->stats.ended[CAUSE_ADDRESS_IN_USE], 1);
	session_end_hard(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	t->calls[2].name = "u1";
	dial(2);
	assert_int_equal(twin_session(t, "u1")->ip4, ntohl(ip.s_addr));
	twin_fini(t);
}

static void
a_gateway_that_is_lent_is_refused(void **state)
{
	(void)state;
	begin(FIRST, 1);
	const struct conf *before = t->cp->conf;
	const struct pool4_set *pools = t->cp->pools;
	struct session *s = twin_session(t, "u0");
	struct in_addr ip = {htonl(s->ip4)};
	char text[2048], expected[128];
	snprintf(text, sizeof text,
		 CONF("{ name = \"home\"; range = \"10.79.0.0/24\"; }", U("1"), "gateway-address = \"%s\";\n"),
		 inet_ntoa(ip));
	snprintf(expected, sizeof expected, "gateway-address: %s is lent to l2tp0:u0", inet_ntoa(ip));
	assert_string_equal(reload(text), expected);
	assert_ptr_equal(t->cp->conf, before);
	assert_ptr_equal(t->cp->pools, pools);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.79.0.0/24"), NH_NONE);
	twin_fini(t);
}

/* The workers' table was sized at the start. */
static void
pools_that_grow_out_of_the_table(void **state)
{
	(void)state;
	begin(FIRST, 1);
	assert_null(reload(CONF("{ name = \"home\"; range = \"10.128.0.0/15\"; }", U("0"), GATEWAY)));
	assert_string_equal(reload(CONF("{ name = \"home\"; range = \"10.128.0.0/13\"; }", U("0"), GATEWAY)),
			    "client-ip-pool: 2048 networks of /24, and room for 513 since the start: "
			    "that takes a restart");
	assert_int_equal(pool4_counts(t->cp->pools, 0).total, 131070);
	twin_fini(t);
}

static void
a_new_gateway_answers(void **state)
{
	(void)state;
	begin(FIRST, 1);
	assert_null(reload(CONF(HOME, U("0"), "gateway-address = \"10.78.0.9\";\n")));
	assert_int_equal(fake_dataplane_nh(&t->fake, 0x0a4e0009), nh_make(NH_LOCAL, NH_LOCAL_GATEWAY));
	assert_int_equal(fake_dataplane_nh(&t->fake, 0x0a4e0001), NH_NONE);
	twin_fini(t);
}

static void
secrets_of_tunnels(void **state)
{
	(void)state;
	begin(FIRST, 1);
	assert_null(
		reload("ports = ( { name = \"p0\"; device = \"net_null0\"; } );\n"
		       "interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; "
		       "access = true; } );\n"
		       "l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"another\"; }; gateway-address = \"10.78.0.1\";\n"
		       "authentication = { local-users = (" U("0") "," U("1") "); };\n"));
	assert_non_null(twin_session(t, "u0"));
	twin_dial(t, 1, 1, 1);
	twin_run_ms(t, 5000);
	assert_null(twin_session(t, "u1")); /* its tunnel does not know the new secret */
	assert_non_null(twin_session(t, "u0"));
	twin_fini(t);
}

/* --- from a file ------------------------------------------------------------------------------------------------- */

static char path[] = "/tmp/millrace-reload.XXXXXX";

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *
reload_file(struct reload *r, bool *ok)
{
	uint64_t ticket = reload_begin(r);
	const char *result;
	while (!(result = reload_result(r, ticket, ok))) {
		reload_step(r);
		usleep(1000); /* for the other thread; it has a regular file to read */
	}
	return result;
}

static void
a_file_is_taken_or_refused_whole(void **state)
{
	bool ok;
	(void)state;
	begin(FIRST, 1);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct reload *r = reload_new(t->cp, path);
	write_file(CONF(HOME, U("1"), GATEWAY));
	assert_string_equal(reload_file(r, &ok), "1 users, 1 pools");
	assert_true(ok);
	const struct conf *now = t->cp->conf;
	static const struct {
		const char *text, *says;
	} cases[] = {
		{CONF(HOME, U("2"), GATEWAY "max-session = 5;\n"), "9: max-session: unknown key"},
		{CONF(HOME, U("2"), GATEWAY "loopback-addresses = [ \"198.51.100.1\" ];\n"),
		 "9: loopback-addresses: is not what runs: that takes a restart"},
		{CONF(HOME ",,", U("2"), GATEWAY), "6: syntax error"},
		{CONF(HOME, U("2"), GATEWAY "cores = { memory = 1024; };\n"),
		 "9: cores.memory: is not what runs: that takes a restart"},
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		write_file(cases[i].text);
		const char *why = reload_file(r, &ok);
		if (ok || !strstr(why, cases[i].says))
			fail_msg("%s", why);
		assert_ptr_equal(t->cp->conf, now);
	}
	unlink(path);
	assert_non_null(strstr(reload_file(r, &ok), "cannot be read"));
	assert_false(ok);
	reload_free(r);
	twin_fini(t);
}

/* A certificate that takes its time, here a pipe that nobody writes: MAIN goes on, and hears of it in the end. */
static void
certificates_are_read_elsewhere(void **state)
{
	char pipe_path[sizeof path + 8], text[4096];
	bool ok;
	int fd;
	(void)state;
	begin(FIRST SSTP("c"), 1);
	t->cp->tls = tls_offload_of(t->cp->conf, 1);
	assert_non_null(t->cp->tls);
	memset(path + sizeof path - 7, 'X', 6);
	close(mkstemp(path));
	snprintf(pipe_path, sizeof pipe_path, "%s.pem", path);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	snprintf(text, sizeof text, "%s" SSTP("%s"), CONF(HOME, U("1"), GATEWAY), pipe_path);
	write_file(text);
	alarm(60); /* whoever opens the pipe here waits for ever */
	struct reload *r = reload_new(t->cp, path);
	uint64_t ticket = reload_begin(r);
	while ((fd = open(pipe_path, O_WRONLY | O_NONBLOCK)) < 0) {
		reload_step(r);
		assert_null(reload_result(r, ticket, &ok));
		usleep(1000);
	}
	reload_step(r);
	assert_null(reload_result(r, ticket, &ok));
	close(fd);
	const char *result;
	while (!(result = reload_result(r, ticket, &ok))) {
		reload_step(r);
		usleep(1000);
	}
	assert_false(ok);
	assert_non_null(strstr(result, pipe_path));
	assert_non_null(twin_session(t, "u0"));
	alarm(0);
	reload_free(r);
	tls_offload_free(t->cp->tls);
	t->cp->tls = NULL;
	unlink(pipe_path);
	unlink(path);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_come_and_go),
		cmocka_unit_test(an_era_lives_with_its_sessions),
		cmocka_unit_test(a_pool_that_shrinks),
		cmocka_unit_test(a_pool_that_moves),
		cmocka_unit_test(a_static_address_that_is_lent),
		cmocka_unit_test(a_gateway_that_is_lent_is_refused),
		cmocka_unit_test(pools_that_grow_out_of_the_table),
		cmocka_unit_test(a_new_gateway_answers),
		cmocka_unit_test(secrets_of_tunnels),
		cmocka_unit_test(a_file_is_taken_or_refused_whole),
		cmocka_unit_test(certificates_are_read_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
