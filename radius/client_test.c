/* client_test.c - the client against servers of the test's own: real UDP on the loopback, a virtual clock.
 *
 * A server is a socket of which the test reads requests and answers as it likes.  Nothing waits: a datagram over the
 * loopback is there when send has returned.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "loopback.h"

/* the good answer still wins after a bad one */
static void
then_the_good_one_wins(enum radius_err e)
{
	step(50);
	assert_int_equal(n_ended, 0);
	assert_int_equal(refused(0, e), 1);
	reply(&servers[0], RADIUS_ACCESS_ACCEPT);
	step(1);
	assert_int_equal(n_ended, 1);
	assert_int_equal(ended[0].code, RADIUS_ACCESS_ACCEPT);
	end(1);
}

static void
an_access_request_is_signed_first(void **state)
{
	struct radius_view v;
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	assert_int_equal(radius_check(servers[0].request, servers[0].len, &v), RADIUS_OK);
	assert_int_equal(v.code, RADIUS_ACCESS_REQUEST);
	assert_int_equal(v.ma, RADIUS_HEADER + 2);
	uint8_t copy[RADIUS_PACKET_MAX];
	memcpy(copy, servers[0].request, v.len);
	radius_sign_request(copy, v.len, v.ma, SECRET);
	assert_memory_equal(copy, servers[0].request, v.len);
	end(1);
}

/* 9 */
static void
a_wrong_response_authenticator_is_ignored(void **state)
{
	uint8_t out[RADIUS_PACKET_MAX];
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	size_t n = make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, out, true);
	out[10] ^= 1;
	server_send(&servers[0], out, n);
	then_the_good_one_wins(RADIUS_AUTHENTICATOR_WRONG);
}

/* 10 */
static void
an_answer_from_elsewhere_is_ignored(void **state)
{
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	struct server port = {0}, address = {.port = servers[0].port};
	server_open(&port, "127.0.0.1");
	server_open(&address, "127.0.0.3");
	struct server *others[] = {&port, &address};
	for (unsigned i = 0; i < 2; i++) {
		others[i]->from = servers[0].from;
		others[i]->from_len = servers[0].from_len;
		memcpy(others[i]->request, servers[0].request, servers[0].len);
		reply(others[i], RADIUS_ACCESS_ACCEPT);
		step(1);
		assert_int_equal(n_ended, 0);
		close(others[i]->fd);
	}
	reply(&servers[0], RADIUS_ACCESS_REJECT);
	step(1);
	assert_int_equal(ended[0].code, RADIUS_ACCESS_REJECT);
	end(1);
}

/* 11 */
static void
an_answer_to_another_identifier_is_ignored(void **state)
{
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	servers[0].request[1]++;
	reply(&servers[0], RADIUS_ACCESS_ACCEPT);
	servers[0].request[1]--;
	then_the_good_one_wins(RADIUS_ID);
}

static void
a_late_answer_does_not_fit_the_next_request(void **state)
{
	uint8_t late[RADIUS_PACKET_MAX];
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	size_t n = make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, late, true);
	reply(&servers[0], RADIUS_ACCESS_REJECT);
	step(1);
	uint8_t id = servers[0].request[1];
	for (unsigned i = 0; i < 255; i++) { /* until the identifier comes again */
		ask(2 + i);
		assert_true(server_recv(&servers[0]));
		reply(&servers[0], RADIUS_ACCESS_REJECT);
		step(1);
	}
	ask(1000);
	assert_true(server_recv(&servers[0]));
	assert_int_equal(servers[0].request[1], id);
	unsigned before = n_ended;
	server_send(&servers[0], late, n);
	step(1);
	assert_int_equal(n_ended, before);
	assert_int_equal(refused(0, RADIUS_AUTHENTICATOR_WRONG), 1);
	end(1);
}

/* 12 */
static void
three_answers_are_one(void **state)
{
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	for (unsigned i = 0; i < 3; i++)
		reply(&servers[0], RADIUS_ACCESS_ACCEPT);
	step(1);
	step(1);
	assert_int_equal(n_ended, 1);
	assert_int_equal(refused(0, RADIUS_ID), 2);
	end(1);
}

/* 13 */
static void
an_answer_with_a_wrong_code_is_ignored(void **state)
{
	static const uint8_t codes[] = {RADIUS_ACCOUNTING_RESPONSE, RADIUS_COA_ACK, RADIUS_ACCESS_REQUEST, 99};
	(void)state;
	for (unsigned i = 0; i < sizeof codes; i++) {
		begin(1);
		ask(1);
		assert_true(server_recv(&servers[0]));
		reply(&servers[0], codes[i]);
		then_the_good_one_wins(RADIUS_CODE);
	}
}

/* 14 */
static void
a_wrong_message_authenticator_is_ignored(void **state)
{
	uint8_t out[RADIUS_PACKET_MAX];
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	size_t n = make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, out, true);
	out[25] ^= 1;
	radius_sign_reply(out, n, 0, SECRET, servers[0].request + 4);
	server_send(&servers[0], out, n);
	then_the_good_one_wins(RADIUS_SIGNATURE);
}

/* 15 */
static void
garbage_is_ignored(void **state)
{
	uint8_t out[RADIUS_PACKET_MAX];
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	size_t n = make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, out, true);
	server_send(&servers[0], out, 0);
	server_send(&servers[0], out, 1);
	server_send(&servers[0], out, 19);
	step(1);
	assert_int_equal(refused(0, RADIUS_SHORT), 3);
	put_be16(out + 2, 4096);
	server_send(&servers[0], out, n);
	then_the_good_one_wins(RADIUS_LENGTH);
}

/* 6 */
static void
unsigned_answers(void **state)
{
	static const struct {
		enum radius_require require;
		bool signed_before, accepted;
	} rows[] = {
		{RADIUS_REQUIRE_AUTO, false, true}, {RADIUS_REQUIRE_AUTO, true, false},
		{RADIUS_REQUIRE_YES, false, false}, {RADIUS_REQUIRE_YES, true, false},
		{RADIUS_REQUIRE_NO, true, true},
	};
	uint8_t out[RADIUS_PACKET_MAX];
	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct radius_client_conf conf = defaults();
		conf.require = rows[i].require;
		open_servers(1);
		open_client(conf, 1);
		if (rows[i].signed_before) {
			ask(1);
			assert_true(server_recv(&servers[0]));
			reply(&servers[0], RADIUS_ACCESS_ACCEPT);
			step(1);
			n_ended = 0;
		}
		ask(2);
		assert_true(server_recv(&servers[0]));
		server_send(&servers[0], out, make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, out, false));
		step(1);
		assert_int_equal(n_ended, rows[i].accepted);
		assert_int_equal(refused(0, RADIUS_UNSIGNED), !rows[i].accepted);
		end(1);
	}
}

/* 20 */
static void
a_lost_packet_is_sent_again_as_it_was(void **state)
{
	uint8_t first[RADIUS_PACKET_MAX];
	size_t len = 0;
	int64_t at[8];
	unsigned n = 0;
	(void)state;
	begin(1);
	ask(1);
	struct mono start = now;
	for (unsigned i = 0; i < 20000 && !n_ended; i++) {
		if (server_recv(&servers[0])) {
			if (!n) {
				len = servers[0].len;
				memcpy(first, servers[0].request, len);
			} else if (n < 3) {
				assert_int_equal(servers[0].len, len);
				assert_memory_equal(servers[0].request, first, len);
			}
			at[n++] = mono_since_us(now, start) / 1000;
		}
		step(1);
	}
	assert_int_equal(n, 4); /* three, and once more when it is dead */
	assert_in_range(at[1], 800, 1210);
	assert_in_range(at[2] - at[1], 1600, 2410);
	assert_in_range(at[3] - at[2], 2400, 3610);
	assert_int_equal(n_ended, 1);
	assert_true(ended[0].silent);
	assert_int_equal(ended[0].tried, 1);
	end(1);
}

static void
the_whole_wait_is_bounded(void **state)
{
	(void)state;
	begin(4);
	ask(1);
	struct mono start = now;
	while (!n_ended)
		step(5);
	assert_true(ended[0].silent);
	assert_int_equal(ended[0].tried, 15); /* every server is named */
	assert_in_range(mono_since_us(now, start) / 1000, 1000, 20020);
	end(4);
}

static void
a_full_queue_sheds(void **state)
{
	struct radius_client_conf conf = defaults();
	(void)state;
	conf.max_auth = 300;
	conf.max_acct = 2;
	open_servers(1);
	open_client(conf, 1);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(ask_as(RADIUS_AUTH, i), RADIUS_OK);
	assert_int_equal(ask_as(RADIUS_AUTH, 300), RADIUS_FULL);
	assert_int_equal(ask_as(RADIUS_ACCT, 301), RADIUS_OK); /* accounting has room of its own */
	step(0);
	unsigned sent = 0;
	while (server_recv(&servers[0]))
		sent++;
	assert_int_equal(sent, RADIUS_WINDOW + 1);
	assert_int_equal(radius_client_waiting(client, RADIUS_AUTH), 100);
	while (n_ended < 301)
		step(20);
	assert_int_equal(radius_client_room(client, RADIUS_AUTH), 300);
	assert_int_equal(ask_as(RADIUS_AUTH, 1), RADIUS_OK);
	end(1);
}

static void
req_limit_holds(void **state)
{
	(void)state;
	open_servers(1);
	server_conf[0].req_limit = 5;
	open_client(defaults(), 1);
	for (unsigned i = 0; i < 12; i++)
		ask(i);
	unsigned sent = 0;
	while (server_recv(&servers[0]))
		sent++;
	assert_int_equal(sent, 5);
	reply(&servers[0], RADIUS_ACCESS_ACCEPT); /* to the last that was read: its place is taken by the next */
	step(1);
	assert_int_equal(n_ended, 1);
	assert_true(server_recv(&servers[0]));
	assert_false(server_recv(&servers[0]));
	end(1);
}

/* 20.  TRANSACTIONS in the environment is their number [100000]. */
static void
identifiers_do_not_leak(void **state)
{
	struct radius_port_stats s;
	unsigned long total = 0;
	(void)state;
	begin(1);
	unsigned long rounds = getenv("TRANSACTIONS") ? strtoul(getenv("TRANSACTIONS"), NULL, 10) / 100 : 1000;
	for (unsigned long round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(ask_as(RADIUS_AUTH, i), RADIUS_OK);
		step(0);
		for (unsigned i = 0; server_recv(&servers[0]); i++)
			if (i % 50)
				reply(&servers[0], RADIUS_ACCESS_ACCEPT);
		step(1);
		while (radius_client_room(client, RADIUS_AUTH) < 1024) {
			step(300);
			while (server_recv(&servers[0]))
				reply(&servers[0], RADIUS_ACCESS_ACCEPT);
			step(1);
		}
		total += 100;
	}
	assert_int_equal(n_ended, total);
	radius_client_stats(client, 0, RADIUS_AUTH, &s);
	assert_int_equal(s.answered, total);
	assert_int_equal(s.outstanding, 0);
	assert_true(s.average_us > 0 && s.p99_us >= s.average_us);
	end(1);
}

/* 7, on a virtual clock: nobody listens at the first server. */
static void
a_closed_port_costs_no_time(void **state)
{
	(void)state;
	begin(2);
	close(servers[0].fd);
	servers[0].fd = -1;
	ask(1);
	step(5);
	step(5);
	assert_true(server_recv(&servers[1]));
	reply(&servers[1], RADIUS_ACCESS_ACCEPT);
	step(1);
	assert_int_equal(ended[0].server, 1);
	end(2);
}

static void
a_dead_server_costs_new_requests_nothing(void **state)
{
	struct radius_port_stats s;
	(void)state;
	begin(2);
	ask(1);
	while (!server_recv(&servers[1]))
		step(5);
	reply(&servers[1], RADIUS_ACCESS_ACCEPT);
	step(1);
	radius_client_stats(client, 0, RADIUS_AUTH, &s);
	assert_false(s.alive);
	while (server_recv(&servers[0]))
		;
	for (unsigned i = 0; i < 10; i++) { /* at once at the second */
		ask(10 + i);
		assert_true(server_recv(&servers[1]));
		reply(&servers[1], RADIUS_ACCESS_ACCEPT);
		step(1);
	}
	assert_false(server_recv(&servers[0]));
	/* the probe asks the first; its answer brings it back */
	while (!server_recv(&servers[0]))
		step(5);
	assert_int_equal(servers[0].request[0], RADIUS_STATUS_SERVER);
	reply(&servers[0], RADIUS_ACCESS_ACCEPT);
	step(1);
	radius_client_stats(client, 0, RADIUS_AUTH, &s);
	assert_true(s.alive);
	assert_int_equal(s.probes_answered, 1);
	ask(99);
	assert_true(server_recv(&servers[0]));
	end(2);
}

static void
a_server_without_status_server_is_tried_again(void **state)
{
	(void)state;
	begin(2);
	ask(1);
	while (!server_recv(&servers[1]))
		step(5);
	reply(&servers[1], RADIUS_ACCESS_ACCEPT);
	step(1);
	for (int64_t ms = 0; ms < 31000; ms += 100) {
		step(100);
		while (server_recv(&servers[0]))
			assert_true(ms > 31000 || servers[0].request[0] == RADIUS_STATUS_SERVER || ms < 100);
	}
	ask(2); /* one goes there ... */
	ask(3); /* ... the next does not wait for it */
	assert_true(server_recv(&servers[0]));
	assert_int_equal(servers[0].request[0], RADIUS_ACCESS_REQUEST);
	assert_true(server_recv(&servers[1]));
	reply(&servers[0], RADIUS_ACCESS_ACCEPT);
	step(1);
	ask(4);
	assert_true(server_recv(&servers[0]));
	end(2);
}

static void
all_dead_one_more_try_of_each(void **state)
{
	unsigned at[2] = {0, 0};
	(void)state;
	begin(2);
	ask(1);
	while (!n_ended)
		step(5);
	for (unsigned i = 0; i < 2; i++)
		while (server_recv(&servers[i]))
			;
	n_ended = 0;
	ask(2);
	while (!n_ended) {
		step(5);
		for (unsigned i = 0; i < 2; i++)
			while (server_recv(&servers[i]))
				at[i] += servers[i].request[0] == RADIUS_ACCESS_REQUEST;
	}
	assert_int_equal(at[0], 1);
	assert_int_equal(at[1], 1);
	assert_true(ended[0].silent);
	assert_int_equal(ended[0].tried, 3);
	end(2);
}

static void
priority_weight_and_backup(void **state)
{
	unsigned got[4] = {0};
	(void)state;
	open_servers(4);
	server_conf[0].backup = true;
	server_conf[1].priority = 5;
	server_conf[2].weight = 3;
	server_conf[3].weight = 1;
	open_client(defaults(), 4);
	for (unsigned i = 0; i < 80; i++)
		ask(i);
	for (unsigned i = 0; i < 4; i++)
		while (server_recv(&servers[i]))
			got[i]++;
	assert_int_equal(got[0], 0);
	assert_int_equal(got[1], 0);
	assert_int_equal(got[2], 60);
	assert_int_equal(got[3], 20);
	while (n_ended < 80) /* nobody answers: the lower priority, then the backup */
		step(10);
	for (unsigned i = 0; i < 2; i++) {
		while (server_recv(&servers[i]))
			got[i] += servers[i].request[0] == RADIUS_ACCESS_REQUEST;
		assert_true(got[i] > 0);
	}
	end(4);
}

/* 8 */
static void
ipv6_and_a_source_address(void **state)
{
	struct radius_client_conf conf = defaults();
	struct radius_view v;
	uint8_t attributes[1];
	bool nas = false;
	(void)state;
	open_servers(1);
	close(servers[0].fd);
	servers[0] = (struct server){0};
	server_open(&servers[0], "::1");
	addr_parse("::1", &server_conf[0].address);
	server_conf[0].port[0] = servers[0].port;
	addr_parse("::1", &conf.source[1]);
	open_client(conf, 1);
	assert_int_equal(radius_client_submit(client,
					      &(struct radius_request){.attributes = attributes,
								       .add_nas_address = true,
								       .give_up = MONO_NEVER},
					      now),
			 RADIUS_OK);
	step(0);
	assert_true(server_recv(&servers[0]));
	assert_int_equal(radius_check(servers[0].request, servers[0].len, &v), RADIUS_OK);
	struct radius_walk walk = radius_walk_init(servers[0].request, &v);
	for (struct radius_attr a; radius_next(&walk, &a) == RADIUS_FOUND;)
		nas |= a.id == RADIUS_NAS_IPV6_ADDRESS && a.len == 16 && a.value[15] == 1;
	assert_true(nas);
	end(1);
	open_servers(1);
	conf = defaults();
	conf.source[0] = addr_from_ip4(0x7f000002);
	open_client(conf, 1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	assert_int_equal(((struct sockaddr_in *)&servers[0].from)->sin_addr.s_addr, htonl(0x7f000002));
	end(1);
}

static void
delay_time_counts_from_the_event(void **state)
{
	struct radius_view v;
	uint32_t delay = 0;
	uint8_t none[1];
	(void)state;
	begin(2);
	assert_int_equal(radius_client_submit(client,
					      &(struct radius_request){.role = RADIUS_ACCT,
								       .attributes = none,
								       .add_delay = true,
								       .event = mono_add_s(now, -100),
								       .give_up = mono_add_s(now, 60)},
					      now),
			 RADIUS_OK);
	step(0);
	uint32_t want = 100;
	for (unsigned i = 0; i < 2; i++) {
		while (!server_recv(&servers[i]))
			step(10);
		if (i) /* the next server is told later, with a new identifier */
			want = 100 + (uint32_t)(mono_since_us(now, (struct mono){1000000000}) / 1000000);
		assert_int_equal(radius_check(servers[i].request, servers[i].len, &v), RADIUS_OK);
		assert_int_equal(radius_verify_request(servers[i].request, &v, SECRET), RADIUS_OK);
		struct radius_walk walk = radius_walk_init(servers[i].request, &v);
		for (struct radius_attr a; radius_next(&walk, &a) == RADIUS_FOUND;)
			if (a.id == RADIUS_ACCT_DELAY_TIME)
				assert_true(radius_get_u32(&a, &delay));
		assert_int_equal(delay, want);
	}
	assert_true(want > 103);
	end(2);
}

/* 2, 18 */
static void
what_cannot_be_sent_is_refused(void **state)
{
	static uint8_t big[RADIUS_PACKET_MAX];
	struct radius_request r = {.attributes = big, .len = 10, .password = big, .password_len = 129};
	(void)state;
	begin(1);
	assert_int_equal(radius_client_submit(client, &r, now), RADIUS_PASSWORD);
	r.password = NULL;
	r.len = 4060;
	assert_int_equal(radius_client_submit(client, &r, now), RADIUS_TOO_LONG);
	server_conf[0].port[0] = 0;
	end(1);
	open_servers(1);
	server_conf[0].port[RADIUS_ACCT] = 0;
	open_client(defaults(), 1);
	assert_int_equal(ask_as(RADIUS_ACCT, 1), RADIUS_NO_SERVER);
	end(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_request_is_signed_first),
		cmocka_unit_test(a_wrong_response_authenticator_is_ignored),
		cmocka_unit_test(an_answer_from_elsewhere_is_ignored),
		cmocka_unit_test(an_answer_to_another_identifier_is_ignored),
		cmocka_unit_test(a_late_answer_does_not_fit_the_next_request),
		cmocka_unit_test(three_answers_are_one),
		cmocka_unit_test(an_answer_with_a_wrong_code_is_ignored),
		cmocka_unit_test(a_wrong_message_authenticator_is_ignored),
		cmocka_unit_test(garbage_is_ignored),
		cmocka_unit_test(unsigned_answers),
		cmocka_unit_test(a_lost_packet_is_sent_again_as_it_was),
		cmocka_unit_test(the_whole_wait_is_bounded),
		cmocka_unit_test(a_full_queue_sheds),
		cmocka_unit_test(req_limit_holds),
		cmocka_unit_test(identifiers_do_not_leak),
		cmocka_unit_test(a_closed_port_costs_no_time),
		cmocka_unit_test(a_dead_server_costs_new_requests_nothing),
		cmocka_unit_test(a_server_without_status_server_is_tried_again),
		cmocka_unit_test(all_dead_one_more_try_of_each),
		cmocka_unit_test(priority_weight_and_backup),
		cmocka_unit_test(ipv6_and_a_source_address),
		cmocka_unit_test(delay_time_counts_from_the_event),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
