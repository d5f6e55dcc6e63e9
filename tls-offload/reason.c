/* reason.c - reasons and alerts in words. */
#include <tls-offload/reason.h>

#include <stddef.h>

const char *
tls_reason_text(enum tls_reason r)
{
	static const char *const text[] = {
#define TLS_REASON(name, text) [TLS_##name] = text,
#include <tls-offload/reason.def>
#undef TLS_REASON
	};
	return (unsigned)r < TLS_N_REASONS ? text[r] : "unknown reason";
}

const char *
tls_alert_name(unsigned alert)
{
	static const char *const name[256] = {
#define ALERT(number, name) [number] = name,
#include "alert.def"
#undef ALERT
	};
	return alert < 256 && name[alert] ? name[alert] : "alert";
}
