/* show.h - the handlers of the control socket, one each; cp_handlers (commands.c) is their table.  MAIN only.
 *
 * Every handler is a step function as cli/reply.h describes: the context is the struct cp.
 */
#ifndef CP_SHOW_H
#define CP_SHOW_H

#include <cli/reply.h>

#include "cp.h"
#include "session.h"

/* The columns of `show sessions`, also what `terminate match` may name.  Those that accel-ppp has are called as there, the
 * plain numbers (RAW) among them, which scripts ask for. */
enum session_column {
	COL_IFNAME,
	COL_USERNAME,
	COL_CALLING_SID,
	COL_CALLED_SID,
	COL_IP,
	COL_IP6,
	COL_IP6_DP,
	COL_RATE_LIMIT,
	COL_TYPE,
	COL_COMP,
	COL_STATE,
	COL_UPTIME,
	COL_UPTIME_RAW,
	COL_RX_BYTES,
	COL_TX_BYTES,
	COL_RX_BYTES_RAW,
	COL_TX_BYTES_RAW,
	COL_RX_PKTS,
	COL_TX_PKTS,
	COL_RX_DROPS,
	COL_TX_DROPS,
	COL_SID,
	COL_POOL,
	COL_AUTH,
	COL_MTU,
	COL_MRU,
	COL_PEER,
	COL_ENCODING,
	N_SESSION_COLUMNS
};

extern const struct cli_column session_columns[N_SESSION_COLUMNS];

/* show_types: "l2tp", "sstp", "pptp", by enum conf_protocol. */
extern const char *const show_types[CONF_PROTOCOLS];

/* show_session_find: moves the cursor on to the session of that Acct-Session-Id or ifname; NULL: see session_last. */
struct session *show_session_find(const struct cp *cp, struct cli_call *call, const char *id) ON_MAIN;

/* show_server_of: which of l2tp-server, sstp-server and pptp-server was named. */
enum conf_protocol show_server_of(const struct cli_call *call) ON_MAIN;

/* show_rate: "20000/5000" kbit/s down and up, as accel-ppp writes it; NULL when neither is limited. */
const char *show_rate(uint32_t down_kbps, uint32_t up_kbps, char *buf, size_t n) ANY_THREAD;

/* show_session_row: rx is from the subscriber, tx to it, as accel-ppp has it. */
struct session_strings {
	char ip[ADDR_STRLEN], peer[ADDR_STRLEN + 8], sid[17], rate[24], encoding[40];
};
void show_session_row(const struct session *s, struct mono now, struct cli_value row[N_SESSION_COLUMNS],
		      struct session_strings *strings) ON_MAIN;

enum cli_step show_sessions(void *context, struct cli_call *call) ON_MAIN;
enum cli_step show_server_sessions(void *context, struct cli_call *call) ON_MAIN;
enum cli_step show_sessions_summary(void *context, struct cli_call *call) ON_MAIN;
enum cli_step show_session(void *context, struct cli_call *call) ON_MAIN;
enum cli_step show_server_statistics(void *context, struct cli_call *call) ON_MAIN;
enum cli_step show_statistics(void *context, struct cli_call *call) ON_MAIN;
enum cli_step show_config(void *context, struct cli_call *call) ON_MAIN;

#define SHOW_TABLE(name, n)                                                                                            \
	extern const struct cli_column name##_columns[n];                                                              \
	enum cli_step show_##name(void *context, struct cli_call *call) ON_MAIN

enum {
	N_DROP_COLUMNS = 5,
	N_PORT_COLUMNS = 18,
	N_STAGE_COLUMNS = 5,
	N_TUNNEL_COLUMNS = 12,
	N_POOL_COLUMNS = 6,
	N_USER_COLUMNS = 15,
	N_RADIUS_COLUMNS = 17
};
SHOW_TABLE(drops, N_DROP_COLUMNS);
SHOW_TABLE(ports, N_PORT_COLUMNS);
SHOW_TABLE(stages, N_STAGE_COLUMNS);
SHOW_TABLE(tunnels, N_TUNNEL_COLUMNS);
SHOW_TABLE(pools, N_POOL_COLUMNS);
SHOW_TABLE(users, N_USER_COLUMNS);
SHOW_TABLE(radius, N_RADIUS_COLUMNS);

enum cli_step command_terminate(void *context, struct cli_call *call) ON_MAIN;
enum cli_step command_debug(void *context, struct cli_call *call) ON_MAIN;
enum cli_step command_maintenance(void *context, struct cli_call *call) ON_MAIN;
enum cli_step command_reload(void *context, struct cli_call *call) ON_MAIN;
enum cli_step command_shutdown(void *context, struct cli_call *call) ON_MAIN;

#endif
