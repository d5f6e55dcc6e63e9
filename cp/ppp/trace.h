/* trace.h - packets as operators read them; ppp_trace_format is in ppp.h.  Private to cp/ppp. */
#ifndef CP_PPP_TRACE_H
#define CP_PPP_TRACE_H

#include "ppp/ppp.h"

/* trace_frame: gives the owner "recv [LCP ConfReq id=1 ...]", unless its trace is off: then nothing is formatted. */
void trace_frame(struct ppp *p, const char *direction, const uint8_t *frame, size_t len) ON_MAIN;

#endif
