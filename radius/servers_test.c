/* servers_test.c - another list of servers while requests are out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "loopback.h"

static void
configure(struct radius_client_conf conf, unsigned n)
{
	conf.n_servers = n;
	assert_true(radius_client_configure(client, &conf, now));
	step(0);
}

/* The one that stays keeps what is out and its figures; what is out at the one that goes is asked of the others at once. */
static void
servers_come_and_go(void **state)
{
	struct radius_port_stats s;
	(void)state;
	begin(2);
	server_conf[0].weight = server_conf[1].weight = 1;
	configure(defaults(), 2);
	ask(1);
	ask(2);
	assert_true(server_recv(&servers[0]) && server_recv(&servers[1]));
	/* the first goes; the second is the first now, and has another in front of it that nobody has asked */
	servers[2] = (struct server){0};
	server_open(&servers[2], "127.0.0.1");
	server_conf[0] = server_conf[1];
	server_conf[1].port[RADIUS_AUTH] = server_conf[1].port[RADIUS_ACCT] = servers[2].port;
	configure(defaults(), 2);
	reply(&servers[0], RADIUS_ACCESS_ACCEPT); /* too late: it is none of ours */
	step(1);
	assert_int_equal(n_ended, 0);
	radius_client_stats(client, 0, RADIUS_AUTH, &s);
	assert_int_equal(s.sent, 1);
	assert_int_equal(s.outstanding, 1);
	reply(&servers[1], RADIUS_ACCESS_ACCEPT);
	step(1);
	assert_int_equal(n_ended, 1);
	assert_int_equal(ended[0].cookie, 2);
	assert_int_equal(ended[0].server, 0);
	assert_true(server_recv(&servers[2]));
	reply(&servers[2], RADIUS_ACCESS_ACCEPT);
	step(1);
	assert_int_equal(n_ended, 2);
	assert_int_equal(ended[1].cookie, 1);
	assert_false(ended[1].silent);
	assert_false(server_recv(&servers[1]));
	end(3);
}

/* Where a request has been is known by the new numbers: it goes on to the one that it has not seen. */
static void
who_was_asked_is_remembered(void **state)
{
	(void)state;
	begin(2);
	close(servers[0].fd); /* refuses at once */
	servers[0].fd = -1;
	ask(1);
	step(5);
	step(5);
	assert_true(server_recv(&servers[1]));
	servers[2] = (struct server){0};
	server_open(&servers[2], "127.0.0.1");
	server_conf[0] = server_conf[1];
	server_conf[1].port[RADIUS_AUTH] = server_conf[1].port[RADIUS_ACCT] = servers[2].port;
	configure(defaults(), 2);
	unsigned more = 0;
	for (unsigned i = 0; i < 80 && !server_recv(&servers[2]); i++) {
		step(100);
		more += server_recv(&servers[1]);
	}
	assert_int_equal(more, 2); /* three in all, and none of a second round */
	reply(&servers[2], RADIUS_ACCESS_ACCEPT);
	step(1);
	assert_int_equal(n_ended, 1);
	assert_int_equal(ended[0].server, 1);
	assert_int_equal(ended[0].tried, 3);
	end(3);
}

/* A Status-Server that is out when its server goes is of nobody's concern any more. */
static void
a_probe_goes_with_its_server(void **state)
{
	struct radius_port_stats s;
	(void)state;
	begin(2);
	server_conf[0].max_fail = 1;
	configure(defaults(), 2);
	ask(1);
	step(1300); /* lost: dead, and asked of the second */
	for (unsigned i = 0; i < 40; i++)
		step(100);
	radius_client_stats(client, 0, RADIUS_AUTH, &s);
	assert_true(s.probes > 0);
	server_conf[0] = server_conf[1];
	configure(defaults(), 1);
	assert_int_equal(radius_client_waiting(client, RADIUS_AUTH), 0);
	while (server_recv(&servers[1])) {
		assert_int_equal(servers[1].request[0], RADIUS_ACCESS_REQUEST);
		reply(&servers[1], RADIUS_ACCESS_ACCEPT);
	}
	step(1);
	assert_int_equal(n_ended, 1);
	assert_int_equal(radius_client_room(client, RADIUS_AUTH), 1024);
	end(2);
}

/* Sent anew, signed with the secret of now; an answer under the former one counts no more. */
static void
a_secret_changes(void **state)
{
	uint8_t out[RADIUS_PACKET_MAX], first[RADIUS_PACKET_MAX];
	struct radius_view v;
	(void)state;
	begin(1);
	ask(1);
	assert_true(server_recv(&servers[0]));
	size_t n = make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, out, true), first_len = servers[0].len;
	memcpy(first, servers[0].request, first_len);
	server_conf[0].secret = "another";
	configure(defaults(), 1);
	server_send(&servers[0], out, n);
	step(1);
	assert_int_equal(n_ended, 0);
	assert_true(server_recv(&servers[0]));
	assert_int_equal(servers[0].len, first_len);
	assert_memory_not_equal(servers[0].request + 4, first + 4, 16);
	n = make_reply(&servers[0], RADIUS_ACCESS_ACCEPT, out, true);
	radius_sign_reply(out, n, 22, "another", servers[0].request + 4);
	assert_int_equal(radius_check(out, n, &v), RADIUS_OK);
	server_send(&servers[0], out, n);
	step(1);
	assert_int_equal(n_ended, 1);
	assert_false(ended[0].silent);
	end(1);
}

/* The last one goes: who waits hears it in the next step; one comes: it is asked. */
static void
no_server_and_one_again(void **state)
{
	(void)state;
	begin(1);
	ask(1);
	configure(defaults(), 0);
	assert_int_equal(n_ended, 1);
	assert_true(ended[0].silent);
	assert_int_equal(ask_as(RADIUS_AUTH, 2), RADIUS_NO_SERVER);
	configure(defaults(), 1);
	while (server_recv(&servers[0]))
		;
	ask(3);
	assert_true(server_recv(&servers[0]));
	reply(&servers[0], RADIUS_ACCESS_ACCEPT);
	step(1);
	assert_int_equal(n_ended, 2);
	assert_int_equal(ended[1].cookie, 3);
	end(1);
}

/* Over and over under load, in the midst of losses and probes: each request ends once. */
static void
exchanges_under_load(void **state)
{
	unsigned total = 0;
	(void)state;
	begin(3);
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 40; i++)
			assert_int_equal(ask_as(i % 2 ? RADIUS_AUTH : RADIUS_ACCT, total++), RADIUS_OK);
		step(round % 3 ? 1 : 1200);
		struct radius_server_conf first = server_conf[0];
		server_conf[0] = server_conf[1];
		server_conf[1] = server_conf[2];
		server_conf[2] = first;
		configure(defaults(), 1 + round % 3);
		for (unsigned i = 0; i < 3; i++)
			while (server_recv(&servers[i]))
				if (random() % 4) {
					uint8_t code = servers[i].request[0];
					reply(&servers[i], code == RADIUS_ACCOUNTING_REQUEST
								   ? RADIUS_ACCOUNTING_RESPONSE
								   : RADIUS_ACCESS_ACCEPT);
				}
		step(1);
	}
	for (unsigned i = 0; i < 300 && n_ended < total; i++)
		step(100);
	assert_int_equal(n_ended, total);
	assert_int_equal(radius_client_room(client, RADIUS_AUTH) + radius_client_room(client, RADIUS_ACCT), 2048);
	end(3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_come_and_go),          cmocka_unit_test(who_was_asked_is_remembered),
		cmocka_unit_test(a_probe_goes_with_its_server), cmocka_unit_test(a_secret_changes),
		cmocka_unit_test(no_server_and_one_again),      cmocka_unit_test(exchanges_under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
