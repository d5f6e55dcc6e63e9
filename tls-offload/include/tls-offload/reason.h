/* reason.h - what the calls of this room return: TLS_OK (0), or why not; and the names of alerts. */
#ifndef TLS_OFFLOAD_REASON_H
#define TLS_OFFLOAD_REASON_H

#include <millrace/role.h>

enum tls_reason {
#define TLS_REASON(name, text) TLS_##name,
#include <tls-offload/reason.def>
#undef TLS_REASON
	TLS_N_REASONS
};

/* RFC 8446 6, RFC 5246 7.2: those that we send ourselves. */
enum tls_alert {
	TLS_ALERT_CLOSE_NOTIFY = 0,
	TLS_ALERT_UNEXPECTED_MESSAGE = 10,
	TLS_ALERT_BAD_RECORD_MAC = 20,
	TLS_ALERT_RECORD_OVERFLOW = 22,
	TLS_ALERT_DECODE_ERROR = 50,
	TLS_ALERT_INTERNAL_ERROR = 80,
	TLS_ALERT_USER_CANCELED = 90,
	TLS_ALERT_NO_RENEGOTIATION = 100,
	TLS_ALERT_UNRECOGNIZED_NAME = 112,
};

/* tls_reason_text: one line without a full stop; static. */
const char *tls_reason_text(enum tls_reason r) ANY_THREAD;

/* tls_alert_name: the RFCs' name of an alert ("unknown_ca"), or "alert" for a number that none of them has; static. */
const char *tls_alert_name(unsigned alert) ANY_THREAD;

#endif
