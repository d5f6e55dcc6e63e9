/* trace.h - one control message as a line for the log, in the style of pppd and accel-ppp.  No state; any thread. */
#ifndef CP_L2TP_TRACE_H
#define CP_L2TP_TRACE_H

#include "l2tp/msg.h"

#define TRACE_LINE_MAX 1024 /* longer lines are cut, ending in "...]" */

/* l2tp_trace_format: "recv [L2TP tid=1 sid=0 Ns=0 Nr=0 SCCRQ <Host-Name \"cli\"> ...]" into line of TRACE_LINE_MAX bytes.
 * bytes are any datagram, well-formed or not. */
void l2tp_trace_format(const char *direction, const uint8_t *bytes, size_t len, char *line) ANY_THREAD;

#endif
