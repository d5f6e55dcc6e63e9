#include "l2tp/fsm.h"

/* clang-format off */

#define T(action, next) {TUNNEL_DO_##action, L2TP_##next}

/* RFC 2661 7.2.1.  Its idle is our IDLE before and CLOSING after a tunnel's life; what comes for no tunnel at all (SCCRP
 * or SCCCN in idle) is the listener's to drop.  A SCCRQ that is not acceptable never becomes a tunnel: the listener
 * answers StopCCN.  Receiving SCCRQ with a tie breaker is a matter between two tunnels, not of this table. */
static const struct tunnel_cell tunnel_table[L2TP_TUNNEL_STATE_COUNT][TUNNEL_EV_COUNT] = {
/*                        OPEN                       SCCRQ                     SCCRP                         SCCCN                  STOPCCN            CLOSE                DEAD */
[L2TP_IDLE] =           { T(SCCRQ, WAIT_CTL_REPLY),  T(SCCRP, WAIT_CTL_CONN),  T(NOTHING, IDLE),             T(NOTHING, IDLE),      T(NOTHING, IDLE),  T(NOTHING, IDLE),    T(NOTHING, IDLE)  },
[L2TP_WAIT_CTL_REPLY] = { T(NOTHING, WAIT_CTL_REPLY), T(ORDER, CLOSING),       T(SCCCN_OPEN, ESTABLISHED),   T(ORDER, CLOSING),     T(CLEAN, CLOSING), T(STOPCCN, CLOSING), T(CLEAN, CLOSING) },
[L2TP_WAIT_CTL_CONN] =  { T(NOTHING, WAIT_CTL_CONN), T(ORDER, CLOSING),        T(ORDER, CLOSING),            T(OPEN, ESTABLISHED),  T(CLEAN, CLOSING), T(STOPCCN, CLOSING), T(CLEAN, CLOSING) },
[L2TP_ESTABLISHED] =    { T(NOTHING, ESTABLISHED),   T(ORDER, CLOSING),        T(ORDER, CLOSING),            T(ORDER, CLOSING),     T(CLEAN, CLOSING), T(STOPCCN, CLOSING), T(CLEAN, CLOSING) },
[L2TP_CLOSING] =        { T(NOTHING, CLOSING),       T(NOTHING, CLOSING),      T(NOTHING, CLOSING),          T(NOTHING, CLOSING),   T(NOTHING, CLOSING), T(NOTHING, CLOSING), T(NOTHING, CLOSING) },
};

#undef T
#define C(action, next) {CALL_DO_##action, L2TP_CALL_##next}
#define NEVER C(NOTHING, IDLE)

/* RFC 2661 7.4.1.  The LAC learns of an ICRQ, ICRP or ICCN for a call that it does not have by the listener of calls,
 * which ignores it; a call waits for its tunnel or, if that is open, gets TUNNEL_OPEN at once. */
static const struct call_cell lac_table[L2TP_CALL_STATE_COUNT][CALL_EV_COUNT] = {
/*                             OPEN                   TUNNEL_OPEN            ICRQ            ICRP                     ICCN             CDN             CLOSE           TUNNEL_DOWN */
[L2TP_CALL_IDLE] =           { C(NOTHING, WAIT_TUNNEL), NEVER,               NEVER,          NEVER,                   NEVER,           NEVER,          NEVER,          NEVER          },
[L2TP_CALL_WAIT_TUNNEL] =    { C(NOTHING, WAIT_TUNNEL), C(ICRQ, WAIT_REPLY), C(CLEAN, IDLE), C(CLEAN, IDLE),          C(CLEAN, IDLE),  C(CLEAN, IDLE), C(CLEAN, IDLE), C(CLEAN, IDLE) },
[L2TP_CALL_WAIT_REPLY] =     { C(NOTHING, WAIT_REPLY), C(NOTHING, WAIT_REPLY), C(ORDER, IDLE), C(ICCN_UP, ESTABLISHED), C(CLEAN, IDLE), C(CLEAN, IDLE), C(CDN, IDLE),   C(CLEAN, IDLE) },
[L2TP_CALL_WAIT_CONNECT] =   { NEVER,                 NEVER,                 NEVER,          NEVER,                   NEVER,           NEVER,          NEVER,          NEVER          },
[L2TP_CALL_ESTABLISHED] =    { C(NOTHING, ESTABLISHED), C(NOTHING, ESTABLISHED), C(ORDER, IDLE), C(ORDER, IDLE),      C(ORDER, IDLE),  C(CLEAN, IDLE), C(CDN, IDLE),   C(CLEAN, IDLE) },
};

/* RFC 2661 7.4.2.  An ICRQ that is not acceptable never becomes a call: a CDN answers it. */
static const struct call_cell lns_table[L2TP_CALL_STATE_COUNT][CALL_EV_COUNT] = {
/*                             OPEN                   TUNNEL_OPEN            ICRQ                  ICRP             ICCN                CDN             CLOSE           TUNNEL_DOWN */
[L2TP_CALL_IDLE] =           { NEVER,                 NEVER,                 C(ICRP, WAIT_CONNECT), NEVER,          NEVER,              NEVER,          NEVER,          NEVER          },
[L2TP_CALL_WAIT_TUNNEL] =    { NEVER,                 NEVER,                 NEVER,                NEVER,           NEVER,              NEVER,          NEVER,          NEVER          },
[L2TP_CALL_WAIT_REPLY] =     { NEVER,                 NEVER,                 NEVER,                NEVER,           NEVER,              NEVER,          NEVER,          NEVER          },
[L2TP_CALL_WAIT_CONNECT] =   { C(NOTHING, WAIT_CONNECT), C(NOTHING, WAIT_CONNECT), C(ORDER, IDLE), C(ORDER, IDLE),  C(UP, ESTABLISHED), C(CLEAN, IDLE), C(CDN, IDLE),   C(CLEAN, IDLE) },
[L2TP_CALL_ESTABLISHED] =    { C(NOTHING, ESTABLISHED), C(NOTHING, ESTABLISHED), C(ORDER, IDLE),   C(ORDER, IDLE),  C(ORDER, IDLE),     C(CLEAN, IDLE), C(CDN, IDLE),   C(CLEAN, IDLE) },
};
/* clang-format on */

struct tunnel_cell
l2tp_tunnel_cell(enum l2tp_tunnel_state state, enum tunnel_event event)
{
	return tunnel_table[state][event];
}

struct call_cell
l2tp_call_cell(bool lac, enum l2tp_call_state state, enum call_event event)
{
	return lac ? lac_table[state][event] : lns_table[state][event];
}
