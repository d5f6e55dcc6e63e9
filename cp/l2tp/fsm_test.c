/* Every cell of the state tables against the rows of RFC 2661 7.2.1, 7.4.1 and 7.4.2, typed in the RFC's form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/fsm.h"

#define S(state) (1u << L2TP_##state)
#define TE(event) (1u << TUNNEL_EV_##event)

/* clang-format off */
static const struct {
	unsigned states, events;
	enum tunnel_action action;
	enum l2tp_tunnel_state next;
} tunnel_rows[] = {
	{S(IDLE),                             TE(OPEN),                            TUNNEL_DO_SCCRQ,      L2TP_WAIT_CTL_REPLY},
	{S(IDLE),                             TE(SCCRQ),                           TUNNEL_DO_SCCRP,      L2TP_WAIT_CTL_CONN},
	{S(WAIT_CTL_REPLY),                   TE(SCCRP),                           TUNNEL_DO_SCCCN_OPEN, L2TP_ESTABLISHED},
	{S(WAIT_CTL_REPLY),                   TE(SCCRQ) | TE(SCCCN),               TUNNEL_DO_ORDER,      L2TP_CLOSING},
	{S(WAIT_CTL_CONN),                    TE(SCCCN),                           TUNNEL_DO_OPEN,       L2TP_ESTABLISHED},
	{S(WAIT_CTL_CONN),                    TE(SCCRP) | TE(SCCRQ),               TUNNEL_DO_ORDER,      L2TP_CLOSING},
	{S(ESTABLISHED),                      TE(SCCRQ) | TE(SCCRP) | TE(SCCCN),   TUNNEL_DO_ORDER,      L2TP_CLOSING},
	{S(WAIT_CTL_REPLY) | S(WAIT_CTL_CONN) | S(ESTABLISHED), TE(STOPCCN) | TE(DEAD), TUNNEL_DO_CLEAN, L2TP_CLOSING},
	{S(WAIT_CTL_REPLY) | S(WAIT_CTL_CONN) | S(ESTABLISHED), TE(CLOSE),         TUNNEL_DO_STOPCCN,    L2TP_CLOSING},
};

#define C(state) (1u << L2TP_CALL_##state)
#define CE(event) (1u << CALL_EV_##event)

struct call_row {
	unsigned states, events;
	enum call_action action;
	enum l2tp_call_state next;
};

static const struct call_row lac_rows[] = {
	{C(IDLE),        CE(OPEN),                                 CALL_DO_NOTHING, L2TP_CALL_WAIT_TUNNEL},
	{C(WAIT_TUNNEL), CE(TUNNEL_OPEN),                          CALL_DO_ICRQ,    L2TP_CALL_WAIT_REPLY},
	{C(WAIT_TUNNEL), CE(ICRQ) | CE(ICRP) | CE(ICCN) | CE(CDN) | CE(CLOSE), CALL_DO_CLEAN, L2TP_CALL_IDLE},
	{C(WAIT_REPLY),  CE(ICRP),                                 CALL_DO_ICCN_UP, L2TP_CALL_ESTABLISHED},
	{C(WAIT_REPLY),  CE(ICRQ),                                 CALL_DO_ORDER,   L2TP_CALL_IDLE},
	{C(WAIT_REPLY),  CE(CDN) | CE(ICCN),                       CALL_DO_CLEAN,   L2TP_CALL_IDLE},
	{C(WAIT_REPLY) | C(ESTABLISHED), CE(CLOSE),                CALL_DO_CDN,     L2TP_CALL_IDLE},
	{C(ESTABLISHED), CE(CDN),                                  CALL_DO_CLEAN,   L2TP_CALL_IDLE},
	{C(ESTABLISHED), CE(ICRQ) | CE(ICRP) | CE(ICCN),           CALL_DO_ORDER,   L2TP_CALL_IDLE},
	{C(WAIT_TUNNEL) | C(WAIT_REPLY) | C(ESTABLISHED), CE(TUNNEL_DOWN), CALL_DO_CLEAN, L2TP_CALL_IDLE},
};

static const struct call_row lns_rows[] = {
	{C(IDLE),         CE(ICRQ),                                CALL_DO_ICRP,    L2TP_CALL_WAIT_CONNECT},
	{C(WAIT_CONNECT), CE(ICCN),                                CALL_DO_UP,      L2TP_CALL_ESTABLISHED},
	{C(WAIT_CONNECT), CE(ICRQ) | CE(ICRP),                     CALL_DO_ORDER,   L2TP_CALL_IDLE},
	{C(ESTABLISHED),  CE(ICRQ) | CE(ICRP) | CE(ICCN),          CALL_DO_ORDER,   L2TP_CALL_IDLE},
	{C(WAIT_CONNECT) | C(ESTABLISHED), CE(CDN) | CE(TUNNEL_DOWN), CALL_DO_CLEAN, L2TP_CALL_IDLE},
	{C(WAIT_CONNECT) | C(ESTABLISHED), CE(CLOSE),              CALL_DO_CDN,     L2TP_CALL_IDLE},
};
/* clang-format on */

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void
control_connection(void **state)
{
	(void)state;
	for (unsigned s = 0; s < L2TP_TUNNEL_STATE_COUNT; s++) {
		for (unsigned e = 0; e < TUNNEL_EV_COUNT; e++) {
			struct tunnel_cell want = {TUNNEL_DO_NOTHING, s};
			for (size_t i = 0; i < COUNT(tunnel_rows); i++)
				if (tunnel_rows[i].states >> s & 1 && tunnel_rows[i].events >> e & 1)
					want = (struct tunnel_cell){tunnel_rows[i].action, tunnel_rows[i].next};
			struct tunnel_cell is = l2tp_tunnel_cell(s, e);
			assert_int_equal(is.action, want.action);
			assert_int_equal(is.next, want.next);
		}
	}
}

/* A cell without a row does nothing, and keeps the state where the role has that state. */
static void
calls(bool lac, const struct call_row *rows, size_t n)
{
	unsigned has = C(IDLE) | C(ESTABLISHED) | (lac ? C(WAIT_TUNNEL) | C(WAIT_REPLY) : C(WAIT_CONNECT));
	for (unsigned s = 0; s < L2TP_CALL_STATE_COUNT; s++) {
		for (unsigned e = 0; e < CALL_EV_COUNT; e++) {
			struct call_cell want = {CALL_DO_NOTHING, has >> s & 1 ? s : L2TP_CALL_IDLE};
			for (size_t i = 0; i < n; i++)
				if (rows[i].states >> s & 1 && rows[i].events >> e & 1)
					want = (struct call_cell){rows[i].action, rows[i].next};
			struct call_cell is = l2tp_call_cell(lac, s, e);
			assert_int_equal(is.action, want.action);
			assert_int_equal(is.next, want.next);
		}
	}
}

static void
incoming_call_lac(void **state)
{
	(void)state;
	calls(true, lac_rows, COUNT(lac_rows));
}

static void
incoming_call_lns(void **state)
{
	(void)state;
	calls(false, lns_rows, COUNT(lns_rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_connection),
		cmocka_unit_test(incoming_call_lac),
		cmocka_unit_test(incoming_call_lns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
