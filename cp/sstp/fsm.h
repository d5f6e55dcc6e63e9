/* fsm.h - the state machines of [MS-SSTP] 3.2.1 (client) and 3.3.1 (server) as tables.  A cell says what to do and what the
 * state is after; step (call.c) looks it up and is the only writer of a call's state.  The short states in which a message
 * is being sent (Call_Abort_In_Progress, Call_Disconnect_In_Progress) have no time of their own here: sending is queueing.
 * Constant data; any thread.
 */
#ifndef CP_SSTP_FSM_H
#define CP_SSTP_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/role.h>

/* X(state, seconds that it may take: 0 none, -1 the negotiation timer) */
#define SSTP_STATES(X)                                                                                                 \
	X(SERVER_HTTP, -1)              /* TLS is up: waits for the request */                                         \
	X(SERVER_REQUEST_PENDING, -1)   /* Server_Connect_Request_Pending */                                           \
	X(SERVER_CONNECTED_PENDING, -1) /* Server_Call_Connected_Pending: PPP runs */                                  \
	X(SERVER_CONNECTED, 0)          /* Server_Call_Connected */                                                    \
	X(CLIENT_HTTP, -1)                                                                                             \
	X(CLIENT_REQUEST_SENT, -1) /* Client_Connect_Request_Sent */                                                   \
	X(CLIENT_ACK_RECEIVED, -1) /* Client_Connect_Ack_Received: PPP runs */                                         \
	X(CLIENT_CONNECTED, 0)     /* Client_Call_Connected */                                                         \
	X(ABORT_PENDING, 3)        /* Call_Abort_Pending: ours is sent, the peer's is awaited */                       \
	X(ABORT_TIMEOUT, 1)        /* Call_Abort_Timeout_Pending: both are sent */                                     \
	X(DISCONNECT_PENDING, 5)   /* Call_Disconnect_Ack_Pending */                                                   \
	X(DISCONNECT_TIMEOUT, 1)   /* Call_Disconnect_Timeout_Pending: the peer's is acknowledged */                   \
	X(CLOSED, 0)               /* the connection is being closed */

enum sstp_state {
#define X(name, seconds) SSTP_##name,
	SSTP_STATES(X)
#undef X
		SSTP_STATE_COUNT
};

#define SSTP_EVENTS(X)                                                                                                 \
	X(HTTP)     /* a head that is right */                                                                         \
	X(HTTP_BAD) /* any other */                                                                                    \
	X(REQUEST)                                                                                                     \
	X(ACK)                                                                                                         \
	X(NAK)                                                                                                         \
	X(CONNECTED)                                                                                                   \
	X(ABORT)                                                                                                       \
	X(DISCONNECT)                                                                                                  \
	X(DISCONNECT_ACK)                                                                                              \
	X(ECHO) /* either: the dataplane answers, and counts, before us */                                             \
	X(KEYS) /* authentication is over */                                                                           \
	X(FAIL) /* the call is to end with a status */                                                                 \
	X(END)  /* and without one */                                                                                  \
	X(TIMER)

enum sstp_event {
#define X(name) SSTP_EV_##name,
	SSTP_EVENTS(X)
#undef X
		SSTP_EV_COUNT
};

#define SSTP_ACTIONS(X)                                                                                                \
	X(NOTHING)                                                                                                     \
	X(WELCOME)    /* server: 200 */                                                                                \
	X(REQUEST)    /* client: Call Connect Request */                                                               \
	X(REFUSE)     /* server: 404 or its like; either: close */                                                     \
	X(ACCEPT)     /* server: Call Connect Ack, or Nak */                                                           \
	X(BEGIN)      /* client: take the nonce */                                                                     \
	X(REFUSED)    /* client: Nak */                                                                                \
	X(CHECK)      /* server: Call Connected: now, or when the keys are there */                                    \
	X(CHECK_HELD) /* server: the keys are there */                                                                 \
	X(BIND)       /* client: Call Connected */                                                                     \
	X(ABORT)      /* send Call Abort */                                                                            \
	X(ABORTED)    /* the peer's Call Abort: send ours */                                                           \
	X(DISCONNECT)                                                                                                  \
	X(DISCONNECTED) /* the peer's Call Disconnect: acknowledge */                                                  \
	X(UNEXPECTED)   /* the message does not belong here */                                                         \
	X(TIMEOUT)                                                                                                     \
	X(CLOSE)

enum sstp_action {
#define X(name) SSTP_DO_##name,
	SSTP_ACTIONS(X)
#undef X
		SSTP_ACTION_COUNT
};

struct sstp_cell {
	uint8_t action; /* enum sstp_action */
	uint8_t next;   /* enum sstp_state, if the action succeeds */
};

struct sstp_cell sstp_cell(enum sstp_state state, enum sstp_event event) ANY_THREAD;

/* sstp_state_seconds: how long the state may last: 0: for ever; -1: as long as a negotiation. */
int sstp_state_seconds(enum sstp_state state) ANY_THREAD;

/* sstp_state_ending: the owner's call is over in this state. */
static inline bool
sstp_state_ending(enum sstp_state state)
{
	return state >= SSTP_ABORT_PENDING;
}

const char *sstp_state_name(enum sstp_state state) ANY_THREAD;
const char *sstp_event_name(enum sstp_event event) ANY_THREAD;

#endif
