/* trace.c - messages as operators of accel-ppp read them: "recv [SSTP SSTP_MSG_CALL_CONNECTED]", "send [HTTP <...>]". */
#include <stdarg.h>
#include <stdio.h>

#include "sstp/call.h"

#define LINE_MAX_LEN 512

static bool
wanted(struct sstp_call *c) ON_MAIN
{
	const struct sstp_ops *ops = c->sstp->ops;
	return ops->trace && ops->trace_on && ops->trace_on(c->sstp->owner, c);
}

void
sstp_trace_msg(struct sstp_call *c, const char *way, const uint8_t *bytes, size_t len)
{
	struct sstp_msg m;
	char line[LINE_MAX_LEN];
	if (!wanted(c))
		return;
	struct sstp_fault f = sstp_msg_parse(bytes, len, &m);
	if (f.status)
		snprintf(line, sizeof line, "%s [SSTP %s <malformed: %s>]", way, sstp_msg_name(m.type),
			 sstp_status_text(f.status));
	else if (m.told.status)
		snprintf(line, sizeof line, "%s [SSTP %s <%s: %s>]", way, sstp_msg_name(m.type),
			 m.told.attr ? sstp_attr_name(m.told.attr) : "status", sstp_status_text(m.told.status));
	else
		snprintf(line, sizeof line, "%s [SSTP %s]", way, sstp_msg_name(m.type));
	c->sstp->ops->trace(c->sstp->owner, c, line);
}

void
sstp_trace_http(struct sstp_call *c, const char *way, const void *head, size_t len)
{
	struct http_span rest = {head, (unsigned)len}, l;
	char line[LINE_MAX_LEN];
	if (!wanted(c))
		return;
	while (http_next_line(&rest, &l)) {
		int n = snprintf(line, sizeof line, "%s [HTTP <%.*s>]", way, l.len < 400 ? (int)l.len : 400, l.p);
		for (int i = 0; i < n && i < (int)sizeof line; i++)
			if ((uint8_t)line[i] < ' ' || line[i] == 0x7f)
				line[i] = '?';
		c->sstp->ops->trace(c->sstp->owner, c, line);
	}
}

void
sstp_note(struct sstp_call *c, const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;
	if (!c->sstp->ops->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	c->sstp->ops->note(c->sstp->owner, c, text);
}
