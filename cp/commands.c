#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reload.h"
#include "show.h"

#define LOOK 64

static bool named(const struct session *s, struct cli_call *call) ON_MAIN;
static enum cli_step terminate_tunnel(struct cp *cp, struct cli_call *call, const char *id) ON_MAIN;

static const struct cli_handler handlers[CLI_N_COMMANDS] = {
	[CLI_SHOW_SESSIONS] = {show_sessions, session_columns, N_SESSION_COLUMNS},
	[CLI_SHOW_SESSIONS_SUMMARY] = {show_sessions_summary, NULL, 0},
	[CLI_SHOW_SESSION] = {show_session, NULL, 0},
	[CLI_SHOW_SERVER_SESSIONS] = {show_server_sessions, session_columns, N_SESSION_COLUMNS},
	[CLI_SHOW_SERVER_STATISTICS] = {show_server_statistics, NULL, 0},
	[CLI_SHOW_USERS] = {show_users, users_columns, N_USER_COLUMNS},
	[CLI_SHOW_STATISTICS] = {show_statistics, NULL, 0},
	[CLI_SHOW_DROPS] = {show_drops, drops_columns, N_DROP_COLUMNS},
	[CLI_SHOW_PORTS] = {show_ports, ports_columns, N_PORT_COLUMNS},
	[CLI_SHOW_TUNNELS] = {show_tunnels, tunnels_columns, N_TUNNEL_COLUMNS},
	[CLI_SHOW_POOLS] = {show_pools, pools_columns, N_POOL_COLUMNS},
	[CLI_SHOW_RADIUS] = {show_radius, radius_columns, N_RADIUS_COLUMNS},
	[CLI_SHOW_STAGES] = {show_stages, stages_columns, N_STAGE_COLUMNS},
	[CLI_SHOW_CONFIG] = {show_config, NULL, 0},
	[CLI_TERMINATE] = {command_terminate, session_columns, N_SESSION_COLUMNS},
	[CLI_DEBUG_SESSION] = {command_debug, NULL, 0},
	[CLI_MAINTENANCE] = {command_maintenance, NULL, 0},
	[CLI_RELOAD] = {command_reload, NULL, 0},
	[CLI_SHUTDOWN] = {command_shutdown, NULL, 0},
};

const struct cli_handler *
cp_handlers(void)
{
	return handlers;
}

/* Whether s is what the keyword of `terminate` names; `all` and `match` name every session. */
static bool
named(const struct session *s, struct cli_call *call)
{
	struct cli_value row[N_SESSION_COLUMNS];
	struct session_strings strings;
	static const struct {
		const char *keyword;
		enum session_column column;
	} keys[] = {{"if", COL_IFNAME}, {"sid", COL_SID}, {"username", COL_USERNAME},
		    {"ip", COL_IP},     {"ip6", COL_IP6}, {"csid", COL_CALLING_SID}};
	show_session_row(s, call->now, row, &strings);
	for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *wanted = cli_after(call, keys[i].keyword);
		const struct cli_value *v = &row[keys[i].column];
		if (!wanted)
			continue;
		bool same = v->kind == CLI_STRING && v->string.n == strlen(wanted);
		if (keys[i].column == COL_SID)
			return same && !strncasecmp(v->string.p, wanted, v->string.n);
		return same && !memcmp(v->string.p, wanted, v->string.n);
	}
	return cli_matches(call, row);
}

enum cli_step
command_terminate(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	const char *tunnel = cli_after(call, "tunnel");
	if (tunnel)
		return terminate_tunnel(cp, call, tunnel);
	struct session *s = session_next(cp, &call->cursor, LOOK);
	if (s && s->state < SESSION_FINISHING && named(s, call)) {
		call->count++;
		if (cli_given(call, "hard"))
			session_end_hard(s, CAUSE_ADMIN_RESET, call->now);
		else
			session_end(s, CAUSE_ADMIN_RESET, call->now);
	}
	if (!session_last(cp, call->cursor))
		return CLI_MORE;
	cli_item(call, "terminated", cli_integer((int64_t)call->count));
	return call->count ? CLI_DONE : cli_fail(call, "no session matches");
}

static enum cli_step
terminate_tunnel(struct cp *cp, struct cli_call *call, const char *id)
{
	char *end;
	errno = 0;
	unsigned long long tid = strtoull(id, &end, 10);
	if (errno || *end || *id < '1' || *id > '9')
		return cli_misused(call, "tunnel ID is a number from 1 on, not %s", id);
	uint32_t before = cp->starting + cp->active;
	struct pptp_conn *pptp = cp->pptp ? pptp_find(cp->pptp, tid) : NULL;
	bool ended = tid < PPTP_FIRST_ID ? l2tp_tunnel_close(cp->l2tp, (uint16_t)tid, CAUSE_ADMIN_RESET, call->now)
					 : pptp && pptp_stop(pptp, CAUSE_ADMIN_RESET, call->now);
	if (!ended)
		return cli_fail(call, "no tunnel %llu", tid);
	cli_item(call, "tunnels", cli_integer(1));
	cli_item(call, "terminated", cli_integer(before - cp->starting - cp->active));
	return CLI_DONE;
}

enum cli_step
command_debug(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	const char *id = cli_after(call, "session");
	struct session *s = show_session_find(cp, call, id);
	if (!s)
		return session_last(cp, call->cursor) ? cli_fail(call, "no session %s", id) : CLI_MORE;
	s->debug = cli_given(call, "on");
	cli_item(call, "session", cli_string(s->ifname));
	cli_item(call, "debug", cli_bool(s->debug));
	return CLI_DONE;
}

enum cli_step
command_maintenance(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	cp->maintenance = cli_given(call, "on");
	log_line(cp->log, LOG_LEVEL_INFO, "maintenance: %s", cp->maintenance ? "on, new calls are refused" : "off");
	cli_item(call, "maintenance", cli_bool(cp->maintenance));
	cli_item(call, "sessions", cli_integer(cp_sessions(cp)));
	return CLI_DONE;
}

enum cli_step
command_reload(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	bool ok;
	if (!cp->reload)
		return cli_fail(call, "there is no file to read again");
	if (!call->cursor)
		call->cursor = reload_begin(cp->reload);
	const char *result = reload_result(cp->reload, call->cursor, &ok);
	if (!result)
		return CLI_WAIT;
	if (!ok)
		return cli_fail(call, "%s", result);
	cli_item(call, "reloaded", cli_string(result));
	return CLI_DONE;
}

enum cli_step
command_shutdown(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	bool cancel = cli_given(call, "cancel"), soft = cli_given(call, "soft");
	if (cp->end_requested || cp->shutting_down)
		return cli_fail(call, "shutting down already");
	if (cancel && !cp->refusing)
		return cli_fail(call, "no soft shutdown is under way");
	cp_refuse(cp, !cancel);
	cp->end_when_empty = soft;
	cp->end_requested = !soft && !cancel;
	if (soft)
		log_line(cp->log, LOG_LEVEL_INFO,
			 "millrace: soft shutdown: new calls are refused until the last of %u sessions",
			 cp_sessions(cp));
	if (cancel)
		log_line(cp->log, LOG_LEVEL_INFO, "millrace: soft shutdown cancelled: new calls are welcome");
	cli_item(call, "sessions", cli_integer(cp_sessions(cp)));
	return CLI_DONE;
}

/* One line a step; the text is composed at the first and lives until the last, or the next `show config`. */
enum cli_step
show_config(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	if (!call->cursor) {
		free(cp->config_text);
		cp->config_text = NULL;
		FILE *f = open_memstream(&cp->config_text, &cp->config_len);
		if (!f)
			return cli_fail(call, "out of memory");
		conf_print(f, cp->conf, false);
		if (fclose(f))
			return cli_fail(call, "out of memory");
	}
	if (!cp->config_text || call->cursor >= cp->config_len)
		return CLI_DONE;
	const char *line = cp->config_text + call->cursor, *newline = strchr(line, '\n');
	size_t n = newline ? (size_t)(newline - line) : strlen(line);
	char text[4096];
	snprintf(text, sizeof text, "%.*s", (int)n, line);
	cli_text(call, text);
	call->cursor += n + 1;
	return CLI_MORE;
}
