/* cause.h - why sessions end: cause.def as an enum and as rows.
 *
 * One list serves the log, `show session`, Accounting-Stop, L2TP CDN, PPTP Call-Disconnect-Notify, SSTP Call Abort and
 * the text of LCP Terminate-Request.  Constant data, any thread.
 */
#ifndef CP_CAUSE_H
#define CP_CAUSE_H

#include <stdint.h>

enum cause {
#define CAUSE(name, ...) CAUSE_##name,
#include "cause.def"
#undef CAUSE
	CAUSE_COUNT
};

/* Acct-Terminate-Cause, RFC 2866 5.10 */
enum acct_cause {
	ACCT_USER_REQUEST = 1,
	ACCT_LOST_CARRIER = 2,
	ACCT_IDLE_TIMEOUT = 4,
	ACCT_SESSION_TIMEOUT = 5,
	ACCT_ADMIN_RESET = 6,
	ACCT_NAS_ERROR = 9,
	ACCT_NAS_REQUEST = 10,
	ACCT_NAS_REBOOT = 11,
	ACCT_PORT_PREEMPTED = 13,
	ACCT_SERVICE_UNAVAILABLE = 15,
	ACCT_USER_ERROR = 17,
};

enum cause_who { CAUSE_WHO_PEER, CAUSE_WHO_US, CAUSE_WHO_NETWORK, CAUSE_WHO_ADMIN };

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct cause_row {
	const char *name, *text, *ppp_text;
	enum cause_who who;
	enum acct_cause acct;
	uint16_t l2tp_result, l2tp_error;
	uint16_t pptp_result;
	uint32_t sstp_status;
	enum log_level level;
};

/* cause_row: never NULL for a value of the enum. */
const struct cause_row *cause_row(enum cause cause);

#endif
