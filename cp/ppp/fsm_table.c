/* fsm_table.c - the State Transition Table of RFC 1661 4.1, cell by cell, and the names in it.
 *
 * The RFC's notes: [r] restart option and [p] passive option are not taken (Open in an open state does nothing, an
 * expired counter stops); [x] marks a crossed connection, an answer that cannot be right in that state.
 */
#include "ppp/fsm.h"

/* clang-format off */
#define NO {{0}, FSM_NONE}
#define TO(state) {{0}, FSM_##state}
#define A1(a, state) {{FSM_##a}, FSM_##state}
#define A2(a, b, state) {{FSM_##a, FSM_##b}, FSM_##state}
#define A3(a, b, c, state) {{FSM_##a, FSM_##b, FSM_##c}, FSM_##state}

const struct fsm_cell fsm_table[FSM_EVENT_COUNT][FSM_STATE_COUNT] = {
	/*                0 Initial         1 Starting                  2 Closed                    3 Stopped                      4 Closing */
	/*                5 Stopping        6 Req-Sent                  7 Ack-Rcvd                  8 Ack-Sent                     9 Opened */
	[FSM_EV_UP] = {
	                  TO(CLOSED),       A2(IRC, SCR, REQ_SENT),     NO,                         NO,                            NO,
	                  NO,               NO,                         NO,                         NO,                            NO},
	[FSM_EV_DOWN] = {
	                  NO,               NO,                         TO(INITIAL),                A1(TLS, STARTING),             TO(INITIAL),
	                  TO(STARTING),     TO(STARTING),               TO(STARTING),               TO(STARTING),                  A1(TLD, STARTING)},
	[FSM_EV_OPEN] = {
	                  A1(TLS, STARTING), TO(STARTING),              A2(IRC, SCR, REQ_SENT),     TO(STOPPED),                   TO(STOPPING),
	                  TO(STOPPING),     TO(REQ_SENT),               TO(ACK_RCVD),               TO(ACK_SENT),                  TO(OPENED)},
	[FSM_EV_CLOSE] = {
	                  TO(INITIAL),      A1(TLF, INITIAL),           TO(CLOSED),                 TO(CLOSED),                    TO(CLOSING),
	                  TO(CLOSING),      A2(IRC, STR, CLOSING),      A2(IRC, STR, CLOSING),      A2(IRC, STR, CLOSING),         A3(TLD, IRC, STR, CLOSING)},

	[FSM_EV_TO_GOOD] = {
	                  NO,               NO,                         NO,                         NO,                            A1(STR, CLOSING),
	                  A1(STR, STOPPING), A1(SCR, REQ_SENT),         A1(SCR, REQ_SENT),          A1(SCR, ACK_SENT),             NO},
	[FSM_EV_TO_BAD] = {
	                  NO,               NO,                         NO,                         NO,                            A1(TLF, CLOSED),
	                  A1(TLF, STOPPED), A1(TLF, STOPPED),           A1(TLF, STOPPED),           A1(TLF, STOPPED),              NO},

	[FSM_EV_RCR_GOOD] = {
	                  NO,               NO,                         A1(STA, CLOSED),            A3(IRC, SCR, SCA, ACK_SENT),   TO(CLOSING),
	                  TO(STOPPING),     A1(SCA, ACK_SENT),          A2(SCA, TLU, OPENED),       A1(SCA, ACK_SENT),             A3(TLD, SCR, SCA, ACK_SENT)},
	[FSM_EV_RCR_BAD] = {
	                  NO,               NO,                         A1(STA, CLOSED),            A3(IRC, SCR, SCN, REQ_SENT),   TO(CLOSING),
	                  TO(STOPPING),     A1(SCN, REQ_SENT),          A1(SCN, ACK_RCVD),          A1(SCN, REQ_SENT),             A3(TLD, SCR, SCN, REQ_SENT)},
	[FSM_EV_RCA] = {
	                  NO,               NO,                         A1(STA, CLOSED),            A1(STA, STOPPED),              TO(CLOSING),
	                  TO(STOPPING),     A1(IRC, ACK_RCVD),          A1(SCR, REQ_SENT),          A2(IRC, TLU, OPENED),          A2(TLD, SCR, REQ_SENT)},
	[FSM_EV_RCN] = {
	                  NO,               NO,                         A1(STA, CLOSED),            A1(STA, STOPPED),              TO(CLOSING),
	                  TO(STOPPING),     A2(IRC, SCR, REQ_SENT),     A1(SCR, REQ_SENT),          A2(IRC, SCR, ACK_SENT),        A2(TLD, SCR, REQ_SENT)},

	[FSM_EV_RTR] = {
	                  NO,               NO,                         A1(STA, CLOSED),            A1(STA, STOPPED),              A1(STA, CLOSING),
	                  A1(STA, STOPPING), A1(STA, REQ_SENT),         A1(STA, REQ_SENT),          A1(STA, REQ_SENT),             A3(TLD, ZRC, STA, STOPPING)},
	[FSM_EV_RTA] = {
	                  NO,               NO,                         TO(CLOSED),                 TO(STOPPED),                   A1(TLF, CLOSED),
	                  A1(TLF, STOPPED), TO(REQ_SENT),               TO(REQ_SENT),               TO(ACK_SENT),                  A2(TLD, SCR, REQ_SENT)},

	[FSM_EV_RUC] = {
	                  NO,               NO,                         A1(SCJ, CLOSED),            A1(SCJ, STOPPED),              A1(SCJ, CLOSING),
	                  A1(SCJ, STOPPING), A1(SCJ, REQ_SENT),         A1(SCJ, ACK_RCVD),          A1(SCJ, ACK_SENT),             A1(SCJ, OPENED)},
	[FSM_EV_RXJ_GOOD] = {
	                  NO,               NO,                         TO(CLOSED),                 TO(STOPPED),                   TO(CLOSING),
	                  TO(STOPPING),     TO(REQ_SENT),               TO(REQ_SENT),               TO(ACK_SENT),                  TO(OPENED)},
	[FSM_EV_RXJ_BAD] = {
	                  NO,               NO,                         A1(TLF, CLOSED),            A1(TLF, STOPPED),              A1(TLF, CLOSED),
	                  A1(TLF, STOPPED), A1(TLF, STOPPED),           A1(TLF, STOPPED),           A1(TLF, STOPPED),              A3(TLD, IRC, STR, STOPPING)},

	[FSM_EV_RXR] = {
	                  NO,               NO,                         TO(CLOSED),                 TO(STOPPED),                   TO(CLOSING),
	                  TO(STOPPING),     TO(REQ_SENT),               TO(ACK_RCVD),               TO(ACK_SENT),                  A1(SER, OPENED)},
};
/* clang-format on */

const char *const fsm_state_names[FSM_STATE_COUNT] = {
#define FSM_STATE(name, text) [FSM_##name] = text,
#include "fsm.def"
#undef FSM_STATE
};

const char *const fsm_event_names[FSM_EVENT_COUNT] = {
#define FSM_EVENT(name, text) [FSM_EV_##name] = text,
#include "fsm.def"
#undef FSM_EVENT
};

const char *const fsm_action_names[FSM_ACTION_COUNT] = {
	[FSM_NO_ACTION] = "",
#define FSM_ACTION(name, text) [FSM_##name] = text,
#include "fsm.def"
#undef FSM_ACTION
};
