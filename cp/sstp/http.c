#include "sstp/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct http_span word(struct http_span *line);
static unsigned parse_headers(struct http_span *rest, struct http_head *out);
static bool is(const struct http_span *s, const char *text);
static struct http_span trimmed(struct http_span s);
static bool version_ok(const struct http_span *s);
static bool clean(const struct http_span *line);
static bool host_is(const struct http_span *host, const char *name);
static size_t bounded(int n);

static bool
is(const struct http_span *s, const char *text)
{
	return s->len == strlen(text) && !strncasecmp(s->p, text, s->len);
}

bool
http_next_line(struct http_span *rest, struct http_span *line)
{
	const char *end = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
	if (!end)
		return false;
	unsigned len = (unsigned)(end - rest->p);
	*line = (struct http_span){rest->p, len && end[-1] == '\r' ? len - 1 : len};
	*rest = (struct http_span){end + 1, rest->len - len - 1};
	return line->len != 0;
}

/* word: up to the next blank, which is skipped. */
static struct http_span
word(struct http_span *line)
{
	const char *blank = line->len ? memchr(line->p, ' ', line->len) : NULL;
	unsigned len = blank ? (unsigned)(blank - line->p) : line->len, skip = blank ? 1 : 0;
	struct http_span w = {line->p, len};
	*line = (struct http_span){line->p + len + skip, line->len - len - skip};
	return w;
}

static struct http_span
trimmed(struct http_span s)
{
	while (s.len && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.len--;
	}
	while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* clean: no control characters: a bare CR or a NUL in a head is an attack on somebody (RFC 9112 2.2). */
static bool
clean(const struct http_span *line)
{
	for (unsigned i = 0; i < line->len; i++)
		if (((uint8_t)line->p[i] < ' ' && line->p[i] != '\t') || line->p[i] == 0x7f)
			return false;
	return true;
}

static bool
version_ok(const struct http_span *s)
{
	return is(s, "HTTP/1.1") || is(s, "HTTP/1.0");
}

unsigned
http_request_parse(const uint8_t *p, size_t len, struct http_head *out)
{
	struct http_span rest = {(const char *)p, (unsigned)len}, line;
	*out = (struct http_head){0};
	if (!http_next_line(&rest, &line) || !clean(&line))
		return 400;
	out->first = line;
	out->method = word(&line);
	out->target = word(&line);
	if (!out->method.len || !out->target.len)
		return 400;
	if (!version_ok(&line))
		return line.len > 5 && !strncasecmp(line.p, "HTTP/", 5) ? 505 : 400;
	return parse_headers(&rest, out);
}

unsigned
http_answer_parse(const uint8_t *p, size_t len, struct http_head *out)
{
	struct http_span rest = {(const char *)p, (unsigned)len}, line;
	*out = (struct http_head){0};
	if (!http_next_line(&rest, &line) || !clean(&line))
		return 400;
	out->first = line;
	struct http_span version = word(&line), status = word(&line);
	if (!version_ok(&version) || status.len != 3)
		return 400;
	for (unsigned i = 0; i < 3; i++) {
		if (status.p[i] < '0' || status.p[i] > '9')
			return 400;
		out->status = out->status * 10 + (unsigned)(status.p[i] - '0');
	}
	return parse_headers(&rest, out);
}

static unsigned
parse_headers(struct http_span *rest, struct http_head *out)
{
	struct http_span line;
	for (unsigned n = 0; http_next_line(rest, &line); n++) {
		const char *colon = memchr(line.p, ':', line.len);
		if (n == HTTP_LINES_MAX)
			return 431;
		if (!colon || colon == line.p || !clean(&line))
			return 400;
		unsigned len = (unsigned)(colon - line.p);
		struct http_span name = {line.p, len};
		struct http_span value = trimmed((struct http_span){colon + 1, line.len - len - 1});
		if (is(&name, "Host"))
			out->host = value;
		else if (is(&name, "SSTPCORRELATIONID"))
			out->correlation = value;
		else if (is(&name, "Location"))
			out->location = value;
	}
	return 0;
}

/* host_is: without the port, and without the path that some Windows profiles have in the host's name. */
static bool
host_is(const struct http_span *host, const char *name)
{
	struct http_span h = {host->p, 0};
	bool literal = host->len && *host->p == '[';
	while (h.len < host->len && h.p[h.len] != '/' && (literal || h.p[h.len] != ':')) {
		literal = literal && h.p[h.len] != ']';
		h.len++;
	}
	if (h.len && h.p[h.len - 1] == '.') /* a name with its root */
		h.len--;
	return is(&h, name);
}

unsigned
http_judge(const struct http_head *h, const char *host_name)
{
	static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
					    "CONNECT", "OPTIONS", "TRACE", "PATCH"};
	if (is(&h->method, HTTP_METHOD)) {
		bool ours = is(&h->target, HTTP_TARGET) && (!host_name || !*host_name || host_is(&h->host, host_name));
		return ours ? 0 : 404;
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (is(&h->method, known[i]))
			return 404;
	return 501;
}

/* --- building ---------------------------------------------------------------------------------------------------- */

static size_t
bounded(int n)
{
	return n < 0 ? 0 : n < HTTP_ANSWER_MAX ? (size_t)n : HTTP_ANSWER_MAX - 1;
}

size_t
http_build_ok(char out[HTTP_ANSWER_MAX], const char *date)
{
	return bounded(snprintf(out, HTTP_ANSWER_MAX,
				"HTTP/1.1 200 OK\r\n"
				"Date: %s\r\n"
				"Content-Length: " HTTP_LENGTH "\r\n"
				"Server: Microsoft-HTTPAPI/2.0\r\n\r\n",
				date));
}

size_t
http_build_error(char out[HTTP_ANSWER_MAX], unsigned status, const char *date)
{
	const char *reason = status == 404   ? "Not Found"
			     : status == 501 ? "Not Implemented"
			     : status == 505 ? "HTTP Version Not Supported"
			     : status == 431 ? "Request Header Fields Too Large"
					     : "Bad Request";
	return bounded(snprintf(out, HTTP_ANSWER_MAX,
				"HTTP/1.1 %u %s\r\n"
				"Date: %s\r\n"
				"Content-Length: 0\r\n"
				"Connection: close\r\n\r\n",
				status, reason, date));
}

/* A URL without a path of its own gets the request's (as accel-ppp does). */
size_t
http_build_redirect(char out[HTTP_ANSWER_MAX], const char *location, const struct http_span *target, const char *date)
{
	const char *host = strstr(location, "://");
	bool has_path = host && strchr(host + 3, '/');
	return bounded(snprintf(out, HTTP_ANSWER_MAX,
				"HTTP/1.1 301 Moved Permanently\r\n"
				"Date: %s\r\n"
				"Location: %.1023s%.*s\r\n"
				"Content-Length: 0\r\n"
				"Connection: close\r\n\r\n",
				date, location, has_path || target->len > 256 ? 0 : (int)target->len, target->p));
}

size_t
http_build_request(char out[HTTP_ANSWER_MAX], const char *host, const char *correlation)
{
	return bounded(snprintf(out, HTTP_ANSWER_MAX,
				HTTP_METHOD " " HTTP_TARGET " HTTP/1.1\r\n"
					    "Host: %.255s\r\n"
					    "Content-Length: " HTTP_LENGTH "\r\n"
					    "SSTPCORRELATIONID: %.63s\r\n\r\n",
				host, correlation));
}
