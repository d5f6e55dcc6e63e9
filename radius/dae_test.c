/* dae_test.c - CoA and Disconnect as datagrams: who is heard, what is done once, what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <radius/dae.h>

#define WALL 1700000000

static struct radius_dae *dae;
static struct mono now;
static unsigned done;
static enum radius_error_cause verdict;
static uint8_t bytes[RADIUS_PACKET_MAX], out[RADIUS_PACKET_MAX], request_authenticator[16];
static struct radius_datagram in;

static enum radius_error_cause
on_request(void *owner, const struct radius_dae_request *r, struct mono at)
{
	(void)owner;
	(void)at;
	assert_int_equal(r->disconnect, r->view.code == RADIUS_DISCONNECT_REQUEST);
	done++;
	return verdict;
}

static void
begin(bool require_timestamp, const char *secret)
{
	static struct radius_dae_client clients[2];
	struct radius_dae_conf conf = {.address = addr_from_ip4(0x7f000001),
				       .clients = clients,
				       .n_clients = 2,
				       .secret = secret,
				       .require_timestamp = require_timestamp,
				       .window_s = 300,
				       .request = on_request};
	char err[128];
	assert_true(prefix_parse("192.0.2.0/24", &clients[0].address));
	assert_true(prefix_parse("192.0.2.7", &clients[1].address));
	clients[0].secret = "network";
	clients[1].secret = "host";
	dae = radius_dae_new(&conf, err, sizeof err);
	assert_non_null(dae);
	now = (struct mono){1000000};
	done = 0;
	verdict = RADIUS_EC_NONE;
}

/* make: a request of 192.0.2.7; stamp 0: without Event-Timestamp. */
static void
make(uint8_t code, uint8_t id, uint32_t stamp, const char *secret)
{
	struct wr w = wr_init(bytes, sizeof bytes);
	wr_u8(&w, code);
	wr_u8(&w, id);
	(void)wr_room(&w, 18);
	radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, (uint8_t[16]){0}, 16);
	radius_put_text(&w, RADIUS_ACCT_SESSION_ID, "s1");
	radius_put_text(&w, RADIUS_PROXY_STATE, "one");
	if (stamp)
		radius_put_u32(&w, RADIUS_EVENT_TIMESTAMP, stamp);
	radius_put_text(&w, RADIUS_PROXY_STATE, "two");
	radius_sign_request(bytes, wr_len(&w), 22, secret);
	memcpy(request_authenticator, bytes + 4, 16);
	in = (struct radius_datagram){.port = 5000, .bytes = bytes, .len = wr_len(&w)};
	addr_parse("192.0.2.7", &in.from);
}

static size_t
take(int64_t wall)
{
	return radius_dae_take(dae, &in, out, now, wall);
}

static uint64_t
dropped(enum radius_err e)
{
	struct radius_dae_stats s;
	radius_dae_stats(dae, &s);
	return s.refused[e];
}

/* 21 */
static void
answers_are_signed_and_echo_proxy_state_in_order(void **state)
{
	struct radius_view v;
	struct radius_attr a;
	char text[8] = "";
	(void)state;
	begin(false, NULL);
	make(RADIUS_COA_REQUEST, 9, WALL, "host");
	size_t n = take(WALL);
	assert_int_equal(radius_check(out, n, &v), RADIUS_OK);
	assert_int_equal(v.code, RADIUS_COA_ACK);
	assert_int_equal(v.id, 9);
	assert_true(v.ma);
	assert_int_equal(radius_verify_reply(out, &v, "host", request_authenticator), RADIUS_OK);
	struct radius_walk walk = radius_walk_init(out, &v);
	while (radius_next(&walk, &a) == RADIUS_FOUND)
		if (a.id == RADIUS_PROXY_STATE)
			strncat(text, (const char *)a.value, a.len);
	assert_string_equal(text, "onetwo");
	make(RADIUS_DISCONNECT_REQUEST, 10, WALL, "host");
	n = take(WALL);
	assert_int_equal(out[0], RADIUS_DISCONNECT_ACK);
	assert_true(n > 0);
	radius_dae_free(dae);
}

/* 24, as far as this room goes */
static void
a_nak_says_why(void **state)
{
	struct radius_view v;
	struct radius_attr a;
	uint32_t cause = 0;
	(void)state;
	begin(false, NULL);
	verdict = RADIUS_EC_NOT_FOUND;
	make(RADIUS_DISCONNECT_REQUEST, 9, 0, "host");
	assert_int_equal(radius_check(out, take(WALL), &v), RADIUS_OK);
	assert_int_equal(v.code, RADIUS_DISCONNECT_NAK);
	struct radius_walk walk = radius_walk_init(out, &v);
	while (radius_next(&walk, &a) == RADIUS_FOUND)
		if (a.id == RADIUS_ERROR_CAUSE)
			assert_true(radius_get_u32(&a, &cause));
	assert_int_equal(cause, 503);
	radius_dae_free(dae);
}

/* 22 */
static void
strangers_are_not_answered(void **state)
{
	(void)state;
	begin(false, NULL);
	make(RADIUS_COA_REQUEST, 1, WALL, "wrong");
	assert_int_equal(take(WALL), 0);
	assert_int_equal(dropped(RADIUS_AUTHENTICATOR_WRONG), 1);
	make(RADIUS_COA_REQUEST, 1, WALL, "network"); /* the host has a secret of its own */
	assert_int_equal(take(WALL), 0);
	make(RADIUS_COA_REQUEST, 1, WALL, "host");
	addr_parse("198.51.100.1", &in.from);
	assert_int_equal(take(WALL), 0);
	assert_int_equal(dropped(RADIUS_CLIENT), 1);
	static const uint8_t codes[] = {1, 4, 41, 99};
	for (unsigned i = 0; i < sizeof codes; i++) {
		make(codes[i], 1, WALL, "host");
		assert_int_equal(take(WALL), 0);
	}
	assert_int_equal(dropped(RADIUS_NOT_A_REQUEST), 4);
	make(RADIUS_COA_REQUEST, 1, WALL, "host");
	bytes[22] ^= 1; /* Message-Authenticator, behind a right Request Authenticator */
	radius_sign_request(bytes, in.len, 0, "host");
	assert_int_equal(take(WALL), 0);
	assert_int_equal(dropped(RADIUS_SIGNATURE), 1);
	assert_int_equal(done, 0);
	radius_dae_free(dae);
}

static void
the_secret_of_all_others(void **state)
{
	(void)state;
	begin(false, "everybody");
	make(RADIUS_COA_REQUEST, 1, WALL, "everybody");
	addr_parse("2001:db8::5", &in.from);
	assert_true(take(WALL) > 0);
	make(RADIUS_COA_REQUEST, 1, WALL, "network");
	addr_parse("192.0.2.8", &in.from);
	assert_true(take(WALL) > 0);
	assert_int_equal(done, 2);
	radius_dae_free(dae);
}

/* 23 */
static void
a_replay_is_answered_and_not_done_again(void **state)
{
	uint8_t first[RADIUS_PACKET_MAX];
	(void)state;
	begin(false, NULL);
	make(RADIUS_DISCONNECT_REQUEST, 5, WALL, "host");
	size_t n = take(WALL);
	memcpy(first, out, n);
	verdict = RADIUS_EC_NOT_FOUND; /* what it would be now */
	now = mono_add_s(now, 5);
	assert_int_equal(take(WALL + 5), n);
	assert_memory_equal(out, first, n);
	assert_int_equal(done, 1);
	in.port++; /* who has overheard it may send from where he likes */
	assert_int_equal(take(WALL + 5), n);
	assert_int_equal(done, 1);
	/* while its time would pass, also long after; then its time is over */
	now = mono_add_s(now, 295);
	assert_int_equal(take(WALL + 300), n);
	assert_int_equal(done, 1);
	now = mono_add_s(now, 301);
	assert_int_equal(take(WALL + 601), 0);
	assert_int_equal(dropped(RADIUS_REPLAYED), 1);
	/* without a time it is remembered for 30 s */
	verdict = RADIUS_EC_NONE;
	make(RADIUS_DISCONNECT_REQUEST, 6, 0, "host");
	assert_true(take(WALL) > 0);
	now = mono_add_s(now, 29);
	assert_true(take(WALL) > 0);
	assert_int_equal(done, 2);
	now = mono_add_s(now, 2);
	assert_true(take(WALL) > 0);
	assert_int_equal(done, 3);
	radius_dae_free(dae);
}

static void
the_window_has_edges(void **state)
{
	static const struct {
		int off;
		bool heard;
	} rows[] = {{-300, true}, {-301, false}, {300, true}, {301, false}, {0, true}};
	(void)state;
	begin(true, NULL);
	for (unsigned i = 0; i < 5; i++) {
		make(RADIUS_COA_REQUEST, (uint8_t)i, (uint32_t)(WALL + rows[i].off), "host");
		assert_int_equal(take(WALL) > 0, rows[i].heard);
	}
	make(RADIUS_COA_REQUEST, 77, 0, "host");
	assert_int_equal(take(WALL), 0);
	assert_int_equal(dropped(RADIUS_NO_TIMESTAMP), 1);
	radius_dae_free(dae);
}

static void
old_answers_are_forgotten_in_turn(void **state)
{
	(void)state;
	begin(false, NULL);
	for (unsigned i = 0; i < 3 * DAE_REMEMBERED; i++) {
		make(RADIUS_COA_REQUEST, (uint8_t)i, WALL - 200 + i % 200, "host");
		in.port = (uint16_t)i;
		assert_true(take(WALL) > 0);
		assert_int_equal(done, i + 1);
		assert_true(take(WALL) > 0);
		assert_int_equal(done, i + 1);
	}
	radius_dae_free(dae);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_signed_and_echo_proxy_state_in_order),
		cmocka_unit_test(a_nak_says_why),
		cmocka_unit_test(strangers_are_not_answered),
		cmocka_unit_test(the_secret_of_all_others),
		cmocka_unit_test(a_replay_is_answered_and_not_done_again),
		cmocka_unit_test(the_window_has_edges),
		cmocka_unit_test(old_answers_are_forgotten_in_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
