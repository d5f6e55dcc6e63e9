/* call.h - what the files of cp/sstp share: the instance, and one call's machine.  Private to cp/sstp. */
#ifndef CP_SSTP_CALL_H
#define CP_SSTP_CALL_H

#include "sstp/http.h"
#include "sstp/msg.h"
#include "sstp/sstp.h"

struct sstp {
	struct sstp_config config;
	char host_name[SSTP_NAME_MAX + 1], redirect[1024];
	uint8_t cert_sha1[20], cert_sha256[32]; /* of the configuration; has_* */
	bool has_sha1, has_sha256;
	const struct sstp_ops *ops;
	void *owner;
	struct timers *timers;
	LIST_HEAD(, sstp_call) calls;
	uint64_t stats[SSTP_STAT_COUNT];
};

/* What an event brings. */
struct sstp_news {
	enum sstp_event event;
	const struct sstp_msg *msg;
	const uint8_t *bytes; /* of the message */
	const struct http_head *head;
	unsigned http_status;    /* HTTP_BAD */
	enum cause cause;        /* FAIL, END */
	struct sstp_fault fault; /* FAIL: status 0 stands for the cause's */
	struct mono now;
};

/* sstp_step: the only writer of a call's state. */
void sstp_step(struct sstp_call *c, const struct sstp_news *news) ON_MAIN;

extern const struct bearer_ops sstp_bearer_ops;

/* sstp_send: one control message. */
void sstp_send(struct sstp_call *c, const uint8_t *bytes, size_t len) ON_MAIN;
/* sstp_send_http: a head. */
void sstp_send_http(struct sstp_call *c, const char *head, size_t len) ON_MAIN;
void sstp_timer(struct timer *t, struct mono now) ON_MAIN;

/* Of trace.c: nothing is formatted while nobody listens. */
void sstp_trace_msg(struct sstp_call *c, const char *way, const uint8_t *bytes, size_t len) ON_MAIN;
void sstp_trace_http(struct sstp_call *c, const char *way, const void *head, size_t len) ON_MAIN;

/* sstp_note: a line for the log, through ops.note. */
void sstp_note(struct sstp_call *c, const char *format, ...) ON_MAIN __attribute__((format(printf, 2, 3)));

#endif
