/* show_session.c - all about one session. */
#include <inttypes.h>
#include <stdio.h>

#include <millrace/bytes.h>

#include "lns.h"
#include "show.h"

#define LOOK 64 /* slots that one step looks at */

static bool is_session(const struct session *s, const char *id) ON_MAIN;
static void user_items(struct cli_call *call, const struct session *s) ON_MAIN;
static void link_items(struct cli_call *call, const struct session *s) ON_MAIN;
static void address_item(struct cli_call *call, const char *name, uint32_t ip4) ON_MAIN;
static void routes_item(struct cli_call *call, const struct session *s) ON_MAIN;
static void history_item(struct cli_call *call, const struct session *s) ON_MAIN;
static void proxy_items(struct cli_call *call, const struct session *s) ON_MAIN;
static void proxy_lcp(struct cli_call *call, const char *name, const struct l2tp_lcp_options *o) ON_MAIN;

static bool
is_session(const struct session *s, const char *id)
{
	char sid[17];
	snprintf(sid, sizeof sid, "%016" PRIx64, s->sid);
	return !strcmp(id, s->ifname) || !strcasecmp(id, sid);
}

struct session *
show_session_find(const struct cp *cp, struct cli_call *call, const char *id)
{
	struct session *s = session_next(cp, &call->cursor, LOOK);
	return s && is_session(s, id) ? s : NULL;
}

enum cli_step
show_session(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	const char *id = cli_after(call, "session");
	struct session *s = show_session_find(cp, call, id);
	if (!s)
		return session_last(cp, call->cursor) ? cli_fail(call, "no session %s", id) : CLI_MORE;
	struct cli_value row[N_SESSION_COLUMNS];
	struct session_strings strings;
	show_session_row(s, call->now, row, &strings);
	for (unsigned i = 0; i < N_SESSION_COLUMNS; i++)
		if (i != COL_UPTIME_RAW && i != COL_RX_BYTES_RAW && i != COL_TX_BYTES_RAW)
			cli_item(call, session_columns[i].name, row[i]);
	user_items(call, s);
	link_items(call, s);
	proxy_items(call, s);
	history_item(call, s);
	return CLI_DONE;
}

/* What he gets, whoever said so. */
static void
user_items(struct cli_call *call, const struct session *s)
{
	const struct profile *p = &s->profile;
	cli_item(call, "backend", *s->backend_name ? cli_string(s->backend_name) : cli_none());
	address_item(call, "gateway", s->gateway_ip4);
	address_item(call, "dns1", p->dns1);
	address_item(call, "dns2", p->dns2);
	address_item(call, "wins1", p->wins1);
	address_item(call, "wins2", p->wins2);
	routes_item(call, s);
	cli_item(call, "session-timeout", p->session_timeout_s ? cli_duration(p->session_timeout_s) : cli_none());
	cli_item(call, "idle-timeout", p->idle_timeout_s ? cli_duration(p->idle_timeout_s) : cli_none());
}

static void
address_item(struct cli_call *call, const char *name, uint32_t ip4)
{
	struct addr a = addr_from_ip4(ip4);
	char text[ADDR_STRLEN];
	cli_item(call, name, ip4 ? cli_string(addr_str(&a, text)) : cli_none());
}

static void
routes_item(struct cli_call *call, const struct session *s)
{
	unsigned n;
	const struct prefix *nets = profile_routes(&s->profile, &n);
	char text[PREFIX_STRLEN];
	cli_list(call, "routes");
	for (unsigned i = 0; i < n; i++)
		cli_item(call, NULL, cli_string(prefix_str(&nets[i], text)));
	cli_end(call);
}

static void
link_items(struct cli_call *call, const struct session *s)
{
	cli_item(call, "phase", cli_string(s->dp_known ? ppp_phase_name(&s->ppp) : "dead"));
	cli_item(call, "idle-time", s->was_active ? cli_duration(session_idle_us(s, call->now) / 1000000) : cli_none());
	cli_item(call, "peer-ident", s->dp_known && *s->ppp.ident ? cli_string(s->ppp.ident) : cli_none());
	cli_item(call, "cause", s->cause != CAUSE_NONE ? cli_string(cause_row(s->cause)->text) : cli_none());
}

/* The last events, the oldest first, with seconds since the call came. */
static void
history_item(struct cli_call *call, const struct session *s)
{
	uint32_t first = s->n_events > SESSION_HISTORY ? s->n_events - SESSION_HISTORY : 0;
	cli_list(call, "history");
	for (uint32_t i = first; i < s->n_events; i++) {
		const struct session_event *e = &s->history[i % SESSION_HISTORY];
		cli_section(call, NULL);
		cli_item(call, "at", cli_duration(mono_since_us(e->at, s->since) / 1000000));
		cli_item(call, "event", cli_string(e->what));
		cli_end(call);
	}
	cli_end(call);
}

/* What an L2TP LAC says that it has negotiated before us (RFC 2661 4.4.5); nothing here where it said nothing. */
static void
proxy_items(struct cli_call *call, const struct session *s)
{
	static const char *const types[] = {"none", "text", "chap", "pap", "no-authentication", "mschap"};
	const struct l2tp_proxy *p = lns_proxy(s);
	if (!p)
		return;
	cli_item(call, "proxy-auth", cli_string(p->authen_type < 6 ? types[p->authen_type] : "unknown"));
	cli_item(call, "proxy-auth-name", *p->authen_name ? cli_string(p->authen_name) : cli_none());
	proxy_lcp(call, "proxy-lcp-initial", &p->lcp_initial);
	proxy_lcp(call, "proxy-lcp-sent", &p->lcp_sent);
	proxy_lcp(call, "proxy-lcp-received", &p->lcp_received);
}

/* "<mru 1500> <magic 12345678>": the options as the trace shows those of a Configure-Request. */
static void
proxy_lcp(struct cli_call *call, const char *name, const struct l2tp_lcp_options *o)
{
	uint8_t frame[6 + L2TP_PROXY_MAX] = {0xc0, 0x21, 1};
	char line[512];
	put_be16(frame + 4, (uint16_t)(4 + o->len));
	memcpy(frame + 6, o->bytes, o->len);
	ppp_trace_format(line, sizeof line, frame, 6u + o->len);
	char *first = strchr(line, '<'), *last = strrchr(line, ']');
	if (last)
		*last = 0;
	cli_item(call, name, first ? cli_string(first) : cli_none());
}
