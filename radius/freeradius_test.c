/* freeradius_test.c - the client against a real server: methods, signatures, accounting, a load with nothing lost.
 *
 * LOAD in the environment is the number of authentications and accounting records [2000].
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <nettle/md5.h>
#include <sys/random.h>
#include <unistd.h>

#include <radius/client.h>

#include "freeradius.h"

#define SECRET "testing123"

static struct freeradius server;
static struct radius_client *client;
static struct {
	unsigned n, accepted, acct, silent, wrong;
	uint8_t code;
	uint8_t packet[RADIUS_PACKET_MAX];
	struct radius_view view;
	uint8_t authenticator[16];
} got;

static struct mono
now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

static void
on_done(void *owner, uint64_t cookie, const struct radius_reply *r)
{
	(void)owner;
	got.n++;
	got.silent += r->silent;
	if (r->silent)
		return;
	got.code = r->code;
	got.accepted += r->code == RADIUS_ACCESS_ACCEPT;
	got.acct += r->code == RADIUS_ACCOUNTING_RESPONSE;
	memcpy(got.packet, r->packet, r->view.len);
	got.view = r->view;
	memcpy(got.authenticator, r->authenticator, 16);
	/* The load is all pap1, whose address is known. */
	struct radius_walk w = radius_walk_init(r->packet, &r->view);
	uint32_t ip4;
	for (struct radius_attr a; cookie && radius_next(&w, &a) == RADIUS_FOUND;)
		if (a.id == RADIUS_FRAMED_IP_ADDRESS)
			got.wrong += !radius_get_ip4(&a, &ip4) || ip4 != 0x6440000a;
}

static void
rnd(void *arg, void *bytes, size_t n)
{
	(void)arg;
	assert_int_equal(getrandom(bytes, n, 0), n);
}

static void
open_client(enum radius_require require, const char *source)
{
	static struct radius_server_conf conf;
	char err[128];
	conf = (struct radius_server_conf){.address = addr_from_ip4(0x7f000001),
					   .secret = SECRET,
					   .port = {server.auth_port, server.acct_port},
					   .fail_time_s = 30,
					   .max_fail = 10};
	struct radius_client_conf c = {.servers = &conf,
				       .n_servers = 1,
				       .timeout_ms = {3000, 3000},
				       .max_try = 3,
				       .require = require,
				       .max_auth = 2048,
				       .max_acct = 2048,
				       .random = rnd,
				       .done = on_done};
	addr_parse(source, &c.source[0]);
	client = radius_client_new(&c, now(), err, sizeof err);
	assert_non_null(client);
	memset(&got, 0, sizeof got);
}

static int
set_up(void **state)
{
	(void)state;
	return freeradius_start(&server) ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	freeradius_stop(&server);
	return 0;
}

static void
wait_for(unsigned n)
{
	while (got.n < n) {
		radius_client_step(client, now());
		usleep(200);
	}
}

static uint8_t
login(const char *user, const char *password, const struct wr *more)
{
	uint8_t bytes[2000];
	struct wr w = wr_init(bytes, sizeof bytes);
	radius_put_text(&w, RADIUS_USER_NAME, user);
	radius_put_text(&w, RADIUS_NAS_IDENTIFIER, "test");
	if (more)
		wr_bytes(&w, more->start, wr_len(more));
	struct radius_request r = {.attributes = bytes,
				   .len = wr_len(&w),
				   .password = password,
				   .password_len = password ? strlen(password) : 0,
				   .give_up = mono_add_s(now(), 10)};
	memset(&got, 0, sizeof got);
	assert_int_equal(radius_client_submit(client, &r, now()), RADIUS_OK);
	wait_for(1);
	return got.silent ? 0 : got.code;
}

/* 1, 2 */
static void
pap(void **state)
{
	struct radius_attr a;
	unsigned prefixes = 0, found = 0;
	(void)state;
	open_client(RADIUS_REQUIRE_YES, "0.0.0.0");
	assert_int_equal(login("pap1", "pappw", NULL), RADIUS_ACCESS_ACCEPT);
	struct radius_walk w = radius_walk_init(got.packet, &got.view);
	while (radius_next(&w, &a) == RADIUS_FOUND) {
		struct prefix p;
		prefixes += (a.id == RADIUS_FRAMED_IPV6_PREFIX || a.id == RADIUS_DELEGATED_IPV6_PREFIX) &&
			    radius_get_prefix(&a, &p);
		found += a.id == RADIUS_MIKROTIK_RATE_LIMIT || a.id == RADIUS_WISPR_MAX_UP || a.id == RADIUS_CLASS ||
			 a.id == RADIUS_DNS_SERVER_IPV6_ADDRESS || a.id == RADIUS_MS_PRIMARY_DNS;
	}
	assert_int_equal(prefixes, 2);
	assert_int_equal(found, 5);
	assert_int_equal(login("pap1", "wrong", NULL), RADIUS_ACCESS_REJECT);
	assert_int_equal(login("pap1", "a password that is longer than a block", NULL), RADIUS_ACCESS_REJECT);
	radius_client_free(client);
}

/* 3 */
static void
chap(void **state)
{
	(void)state;
	open_client(RADIUS_REQUIRE_AUTO, "0.0.0.0");
	for (unsigned len = 8; len <= 32; len += 8) {
		uint8_t bytes[100], challenge[32] = {7, 7, 7}, value[17] = {42};
		struct wr w = wr_init(bytes, sizeof bytes);
		struct md5_ctx md5;
		md5_init(&md5);
		md5_update(&md5, 1, value);
		md5_update(&md5, 5, (const uint8_t *)"pappw");
		md5_update(&md5, len, challenge);
		md5_digest(&md5, 16, value + 1);
		radius_put(&w, RADIUS_CHAP_PASSWORD, value, sizeof value);
		radius_put(&w, RADIUS_CHAP_CHALLENGE, challenge, len);
		assert_int_equal(login("pap1", NULL, &w), RADIUS_ACCESS_ACCEPT);
		bytes[5] ^= 1;
		assert_int_equal(login("pap1", NULL, &w), RADIUS_ACCESS_REJECT);
	}
	radius_client_free(client);
}

/* 6: the strict server hears us, since we sign; a user who is answered without signature is believed when allowed. */
static void
signatures(void **state)
{
	struct radius_port_stats s;
	(void)state;
	open_client(RADIUS_REQUIRE_YES, "127.0.0.2");
	assert_int_equal(login("pap1", "pappw", NULL), RADIUS_ACCESS_ACCEPT);
	assert_int_equal(login("noma-frank", "frankpw", NULL), 0);
	radius_client_stats(client, 0, RADIUS_AUTH, &s);
	assert_true(s.refused[RADIUS_UNSIGNED] > 0);
	radius_client_free(client);
	open_client(RADIUS_REQUIRE_NO, "127.0.0.2");
	assert_int_equal(login("noma-frank", "frankpw", NULL), RADIUS_ACCESS_ACCEPT);
	radius_client_free(client);
}

/* Submits n of a role, as many at once as there is room for, and waits for all. */
static void
load(enum radius_role role, unsigned n)
{
	memset(&got, 0, sizeof got);
	struct mono began = now();
	for (unsigned sent = 0; got.n < n;) {
		while (sent < n && sent - got.n < RADIUS_WINDOW) {
			uint8_t bytes[300];
			struct wr w = wr_init(bytes, sizeof bytes);
			char sid[20];
			snprintf(sid, sizeof sid, "load-%08u", sent);
			radius_put_text(&w, RADIUS_USER_NAME, "pap1");
			radius_put_text(&w, RADIUS_ACCT_SESSION_ID, sid);
			if (role == RADIUS_ACCT)
				radius_put_u32(&w, RADIUS_ACCT_STATUS_TYPE, 1 + sent % 2);
			struct radius_request r = {.role = role,
						   .cookie = 1,
						   .attributes = bytes,
						   .len = wr_len(&w),
						   .password = role == RADIUS_AUTH ? "pappw" : NULL,
						   .password_len = 5,
						   .event = now(),
						   .give_up = mono_add_s(now(), 60)};
			assert_int_equal(radius_client_submit(client, &r, now()), RADIUS_OK);
			sent++;
		}
		radius_client_step(client, now());
	}
	double s = (double)mono_since_us(now(), began) / 1e6;
	struct radius_port_stats st;
	radius_client_stats(client, 0, role, &st);
	printf("%u %s: %.0f a second, resent %lu, average %u us, p99 %u us\n", n,
	       role == RADIUS_AUTH ? "logins" : "records", n / s, (unsigned long)st.resent, st.average_us, st.p99_us);
}

/* 25 */
static void
nothing_is_lost_or_wrong(void **state)
{
	const char *text = getenv("LOAD");
	unsigned n = text ? (unsigned)atoi(text) : 2000;
	(void)state;
	open_client(RADIUS_REQUIRE_YES, "0.0.0.0");
	load(RADIUS_AUTH, n);
	assert_int_equal(got.accepted, n);
	assert_int_equal(got.wrong, 0);
	load(RADIUS_ACCT, n);
	assert_int_equal(got.acct, n);
	for (unsigned i = 0; i < n; i += n / 100) {
		char sid[32];
		snprintf(sid, sizeof sid, "\"load-%08u\"", i);
		assert_true(freeradius_records(&server, sid) >= 1);
	}
	assert_true(freeradius_records(&server, "load-") >= n);
	radius_client_free(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pap),
		cmocka_unit_test(chap),
		cmocka_unit_test(signatures),
		cmocka_unit_test(nothing_is_lost_or_wrong),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
