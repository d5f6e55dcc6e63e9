/* http.h - the HTTP exchange in front of SSTP ([MS-SSTP] 3.1.4.1; RFC 9112): the request's head, and answers to it.
 *
 * Real clients are taken as they are: names of headers in any case, SSTPCORRELATIONID of any form (sstp-client's is no
 * GUID), a path behind the host name.  Nothing is allocated; spans point into the caller's bytes.  Private to cp/sstp and
 * its tests.  No state, any thread.
 */
#ifndef CP_SSTP_HTTP_H
#define CP_SSTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/role.h>

#define HTTP_LINES_MAX 64
#define HTTP_ANSWER_MAX 1536 /* bytes of the longest head that we send */
#define HTTP_METHOD "SSTP_DUPLEX_POST"
#define HTTP_TARGET "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
#define HTTP_LENGTH "18446744073709551615" /* 2^64 - 1: without an end */

struct http_span {
	const char *p;
	unsigned len;
};

struct http_head {
	struct http_span first;          /* the request or status line, whole */
	struct http_span method, target; /* of a request */
	unsigned status;                 /* of an answer */
	struct http_span host, correlation, location;
};

/* http_request_parse, http_answer_parse: a head, blank line included.  0, or the status to answer with: 400, 431 (too many
 * lines), 505 (no HTTP/1). */
unsigned http_request_parse(const uint8_t *p, size_t len, struct http_head *out) ANY_THREAD;
unsigned http_answer_parse(const uint8_t *p, size_t len, struct http_head *out) ANY_THREAD;

/* http_judge: 0: this is SSTP for us.  404 for another target or host, 501 for a method that is not of HTTP either.
 * host_name: NULL or "": any. */
unsigned http_judge(const struct http_head *h, const char *host_name) ANY_THREAD;

/* http_next_line: cuts the next line, without its end, off the head; false after the last.  For the trace. */
bool http_next_line(struct http_span *rest, struct http_span *line) ANY_THREAD;

/* http_build_ok, http_build_error, http_build_request: a head; how many bytes.  date: IMF-fixdate (RFC 9110 5.6.7), or "".
 * location: NULL, or where the client is sent, with the request's target behind it when it has no path of its own. */
size_t http_build_ok(char out[HTTP_ANSWER_MAX], const char *date) ANY_THREAD;
size_t http_build_error(char out[HTTP_ANSWER_MAX], unsigned status, const char *date) ANY_THREAD;
size_t http_build_redirect(char out[HTTP_ANSWER_MAX], const char *location, const struct http_span *target,
			   const char *date) ANY_THREAD;
size_t http_build_request(char out[HTTP_ANSWER_MAX], const char *host, const char *correlation) ANY_THREAD;

#endif
