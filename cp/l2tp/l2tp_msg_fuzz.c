/* Any datagram through the header parser, the AVP parser and the trace. */
#include <stdlib.h>

#include "l2tp/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static volatile uint8_t sink;

/* Reads every byte that a span claims. */
static void
touch(const struct span *s)
{
	for (unsigned i = 0; i < s->len; i++)
		sink ^= s->p[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char line[TRACE_LINE_MAX], name[L2TP_NAME_MAX + 1];
	const struct l2tp_reading how = {len & 1 ? "secret" : "", len & 2};
	struct l2tp_hdr h;
	struct l2tp_msg m;
	l2tp_trace_format("recv", bytes, len, line);
	if (l2tp_hdr_parse(bytes, len, &h) || !h.body_len)
		return 0;
	enum l2tp_why why = l2tp_msg_parse(h.body, h.body_len, &how, &m);
	const struct span *spans[] = {&m.host_name,        &m.vendor_name,  &m.challenge,    &m.response,
				      &m.called,           &m.calling,      &m.unused,       &m.result.text,
				      &m.lcp_initial,      &m.lcp_sent,     &m.lcp_received, &m.authen_name,
				      &m.authen_challenge, &m.random_vector};
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
		touch(spans[i]);
		l2tp_span_copy(spans[i], name, sizeof name);
	}
	if (!why && (m.type == L2TP_MSG_SCCRQ || m.type == L2TP_MSG_SCCRP) && (!m.tid || !m.host_name.len))
		abort();
	return 0;
}
