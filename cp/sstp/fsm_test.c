/* fsm_test.c - every cell of the state machines against what [MS-SSTP] says of all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sstp/fsm.h"

#define EACH_STATE(s) for (unsigned s = 0; s < SSTP_STATE_COUNT; s++)
#define EACH_EVENT(e) for (unsigned e = 0; e < SSTP_EV_COUNT; e++)

static bool
in_call(unsigned s)
{
	return !sstp_state_ending(s) && s != SSTP_SERVER_HTTP && s != SSTP_CLIENT_HTTP;
}

static bool
is_server(unsigned s)
{
	return s <= SSTP_SERVER_CONNECTED;
}

/* No way back from the end, and none from one role to the other. */
static void
no_way_back(void **state)
{
	(void)state;
	EACH_STATE(s)
	{
		EACH_EVENT(e)
		{
			struct sstp_cell c = sstp_cell(s, e);
			if (sstp_state_ending(s))
				assert_true(sstp_state_ending(c.next));
			else if (!sstp_state_ending(c.next))
				assert_true(c.next >= s && is_server(c.next) == is_server(s));
			if (s == SSTP_CLOSED)
				assert_true(c.action == SSTP_DO_NOTHING && c.next == SSTP_CLOSED);
		}
	}
}

/* 3.1.5.2 and 3.1.4: any call can be aborted and disconnected, from either side. */
static void
leaving(void **state)
{
	(void)state;
	EACH_STATE(s)
	{
		if (!in_call(s))
			continue;
		assert_int_equal(sstp_cell(s, SSTP_EV_ABORT).action, SSTP_DO_ABORTED);
		assert_int_equal(sstp_cell(s, SSTP_EV_ABORT).next, SSTP_ABORT_TIMEOUT);
		assert_int_equal(sstp_cell(s, SSTP_EV_DISCONNECT).action, SSTP_DO_DISCONNECTED);
		assert_int_equal(sstp_cell(s, SSTP_EV_DISCONNECT).next, SSTP_DISCONNECT_TIMEOUT);
		assert_int_equal(sstp_cell(s, SSTP_EV_FAIL).next, SSTP_ABORT_PENDING);
		assert_int_equal(sstp_cell(s, SSTP_EV_END).next, SSTP_DISCONNECT_PENDING);
		assert_int_equal(sstp_cell(s, SSTP_EV_ECHO).action, SSTP_DO_NOTHING);
		assert_int_equal(sstp_cell(s, SSTP_EV_ECHO).next, s);
		assert_int_equal(sstp_cell(s, SSTP_EV_DISCONNECT_ACK).action, SSTP_DO_UNEXPECTED);
	}
}

/* What the one state takes, all others refuse. */
static void
one_place_each(void **state)
{
	static const struct {
		enum sstp_event event;
		enum sstp_state where;
	} takes[] = {
		{SSTP_EV_REQUEST, SSTP_SERVER_REQUEST_PENDING},
		{SSTP_EV_CONNECTED, SSTP_SERVER_CONNECTED_PENDING},
		{SSTP_EV_ACK, SSTP_CLIENT_REQUEST_SENT},
		{SSTP_EV_NAK, SSTP_CLIENT_REQUEST_SENT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof takes / sizeof *takes; i++)
		EACH_STATE(s)
	if (in_call(s) && s != takes[i].where)
		assert_int_equal(sstp_cell(s, takes[i].event).action, SSTP_DO_UNEXPECTED);
	else if (in_call(s))
		assert_int_not_equal(sstp_cell(s, takes[i].event).action, SSTP_DO_UNEXPECTED);
}

/* No state lasts for ever but that of a call that is up, and CLOSED, which the dataplane ends. */
static void
times(void **state)
{
	(void)state;
	EACH_STATE(s)
	{
		bool lasts = s == SSTP_SERVER_CONNECTED || s == SSTP_CLIENT_CONNECTED || s == SSTP_CLOSED;
		assert_int_equal(sstp_state_seconds(s) == 0, lasts);
		if (!lasts)
			assert_int_not_equal(sstp_cell(s, SSTP_EV_TIMER).action, SSTP_DO_NOTHING);
	}
	assert_int_equal(sstp_state_seconds(SSTP_ABORT_PENDING), 3);
	assert_int_equal(sstp_state_seconds(SSTP_ABORT_TIMEOUT), 1);
	assert_int_equal(sstp_state_seconds(SSTP_DISCONNECT_PENDING), 5);
	assert_int_equal(sstp_state_seconds(SSTP_DISCONNECT_TIMEOUT), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_way_back),
		cmocka_unit_test(leaving),
		cmocka_unit_test(one_place_each),
		cmocka_unit_test(times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
