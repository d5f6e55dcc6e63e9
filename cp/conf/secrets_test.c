/* secrets_test.c - chap-secrets as pppd and accel-ppp have it: what is taken, and what is refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/reader.h"

static char dir[] = "/tmp/millrace-secrets.XXXXXX";
static char conf_path[64], secrets_path[64];
static struct conf_error err;

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* load: NULL with err filled. */
static struct conf *
load(const char *secrets)
{
	struct conf *c;
	write_file(secrets_path, secrets);
	return conf_load(conf_path, &c, &err) < 0 ? NULL : c;
}

static int
setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(conf_path, sizeof conf_path, "%s/millrace.conf", dir);
	snprintf(secrets_path, sizeof secrets_path, "%s/chap-secrets", dir);
	write_file(conf_path,
		   "ports = ( { name = \"p\"; device = \"d\"; } ); gateway-address = \"10.78.0.1\";\n"
		   "interfaces = ( { name = \"a\"; port = \"p\"; addresses = \"10.77.0.2/24\"; access = true; } );\n"
		   "client-ip-pool = ( { name = \"gold\"; range = \"10.78.1.0/24\"; } );\n"
		   "authentication = { chap-secrets = \"chap-secrets\";\n"
		   "  local-users = ( { username = \"zoe\"; password = \"z\"; static-ip = \"10.78.1.5\"; } ); };\n");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(conf_path);
	unlink(secrets_path);
	return rmdir(dir);
}

static void
what_is_taken(void **state)
{
	(void)state;
	struct conf *c = load("# Secrets for authentication using CHAP\n"
			      "alice\t*\twonderland\t*\n"
			      "\n"
			      "  bob bras1 \"two words\" 10.78.1.9 20000/5000 # his line\n"
			      "'c \"a\" r'  *  back\\ slash\\\\  gold  512\r\n"
			      "dave * \"\"");
	if (!c)
		fail_msg("%s", err.text);
	assert_int_equal(conf_users(c), 5);
	const struct conf_user *u = c->authentication.secrets.v;
	assert_string_equal(u[0].username, "alice");
	assert_string_equal(u[0].password, "wonderland");
	assert_null(u[0].pool);
	assert_true(addr_is_any(&u[0].static_ip));
	assert_int_equal(u[0].line, 2);
	assert_string_equal(u[1].password, "two words");
	assert_int_equal(addr_ip4(&u[1].static_ip), 0x0a4e0109);
	assert_int_equal(u[1].rate_limit.download, 20000);
	assert_int_equal(u[1].rate_limit.upload, 5000);
	assert_string_equal(u[2].username, "c \"a\" r");
	assert_string_equal(u[2].password, "back slash\\");
	assert_string_equal(u[2].pool, "gold");
	assert_int_equal(u[2].pool_index, 0);
	assert_int_equal(u[2].rate_limit.upload, 512);
	assert_string_equal(u[3].password, "");
	assert_string_equal(conf_user_at(c, 0)->username, "zoe");
	conf_free(c);
}

static void
what_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"alice *", "1: has 2 words, expected client, server, secret"},
		{"\na * b c d e", "2: has more than 5 words"},
		{"a * \"b", "1: has a quote that does not end"},
		{"* * b", "1: is for any client: see any-login"},
		{"a * @/etc/secret", "1: names a file for its secret: write the secret here"},
		{"a * b -", "1: has \"-\" as address, expected an IPv4 address, a pool or *"},
		{"a * b 0.0.0.0", "1: has \"0.0.0.0\" as address, expected an IPv4 address, a pool or *"},
		{"a * b 2001:db8::1", "1: has \"2001:db8::1\" as address, expected an IPv4 address, a pool or *"},
		{"a * b * fast", "1: has \"fast\" as rate, expected kbit/s such as 20000/5000"},
		{"a * b silver", "1: user \"a\": there is no client-ip-pool \"silver\""},
		{"a * b 10.78.1.5", "1: user \"a\": is 10.78.1.5, the address of user \"zoe\""},
		{"a * b 10.78.0.1", "1: user \"a\": is 10.78.0.1, our own address"},
		{"a * b\nb * b\na * c", "3: user \"a\" is in this file already"},
		{"zoe * b", "1: user \"zoe\" is one of local-users already"},
		{"\"\" * b", "1: has a client of 0 bytes, expected 1 to 253"},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		char says[256];
		snprintf(says, sizeof says, ":%s", cases[i].says);
		if (load(cases[i].text))
			fail_msg("taken: %s", cases[i].text);
		if (!strstr(err.text, "chap-secrets:") || !strstr(err.text, says))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void
a_file_that_is_not_there(void **state)
{
	struct conf *c;
	(void)state;
	unlink(secrets_path);
	assert_true(conf_load(conf_path, &c, &err) < 0);
	assert_non_null(strstr(err.text, "chap-secrets: cannot be read: No such file"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(a_file_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
