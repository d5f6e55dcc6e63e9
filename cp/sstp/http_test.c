/* http_test.c - HTTP heads: those of real clients, and those of everybody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dp/sstp.h>

#include "sstp/http.h"

static unsigned
ask(const char *text, const char *host_name)
{
	struct http_head h;
	unsigned status = http_request_parse((const uint8_t *)text, strlen(text), &h);
	return status ? status : http_judge(&h, host_name);
}

#define POST "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"

/* sstp-client 1.0.18, octet for octet; its GUID is none. */
static void
sstpc(void **state)
{
	static const char text[] = POST "Host: 10.77.0.2\r\nContent-Length: 18446744073709551615\r\n"
					"SSTPCORRELATIONID: {142D774B-6533-EE0-2A6E0073}\r\n\r\n";
	struct http_head h;
	(void)state;
	assert_int_equal(http_request_parse((const uint8_t *)text, sizeof text - 1, &h), 0);
	assert_int_equal(http_judge(&h, NULL), 0);
	assert_int_equal(h.host.len, 9);
	assert_memory_equal(h.host.p, "10.77.0.2", 9);
	assert_int_equal(h.correlation.len, strlen("{142D774B-6533-EE0-2A6E0073}"));
}

/* Windows, as the log of another server has it (order and case of the headers). */
static void
windows(void **state)
{
	(void)state;
	assert_int_equal(ask(POST "SSTPCORRELATIONID: {48B82435-099A-4158-A987-052E7570CFAA}\r\n"
				  "Content-Length: 18446744073709551615\r\nHost: vyos.io\r\n\r\n",
			     "vyos.io"),
			 0);
	assert_int_equal(ask(POST "content-length:18446744073709551615\r\nhOsT:\tVPN.example.com:443\r\n\r\n",
			     "vpn.example.com"),
			 0);
	assert_int_equal(ask(POST "Host: vpn.example.com/path\r\n\r\n", "vpn.example.com"), 0);
	assert_int_equal(ask(POST "Host: vpn.example.com.\r\n\r\n", "vpn.example.com"), 0);
	assert_int_equal(ask(POST "Host: [2001:db8::1]:443\r\n\r\n", "[2001:db8::1]"), 0);
}

static void
other_requests(void **state)
{
	(void)state;
	assert_int_equal(ask(POST "Host: other.example\r\n\r\n", "vpn.example.com"), 404);
	assert_int_equal(ask(POST "\r\n", "vpn.example.com"), 404);
	assert_int_equal(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n", NULL), 404);
	assert_int_equal(ask("GET /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n\r\n", NULL), 404);
	assert_int_equal(ask("SSTP_DUPLEX_POST / HTTP/1.1\r\n\r\n", NULL), 404);
	assert_int_equal(ask("BREW / HTTP/1.1\r\n\r\n", NULL), 501);
	assert_int_equal(ask("SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/2.0\r\n\r\n", NULL),
			 505);
	assert_int_equal(ask("hello\r\n\r\n", NULL), 400);
	assert_int_equal(ask("\r\n", NULL), 400);
	assert_int_equal(ask("", NULL), 400);
	assert_int_equal(ask(POST "no colon\r\n\r\n", NULL), 400);
	assert_int_equal(ask(POST ": no name\r\n\r\n", NULL), 400);
	assert_int_equal(ask(POST "Host: a\rb\r\n\r\n", NULL), 400);
}

static void
limits(void **state)
{
	char text[SSTP_HTTP_MAX];
	size_t n = (size_t)snprintf(text, sizeof text, "%s", POST);
	(void)state;
	for (unsigned i = 0; i < HTTP_LINES_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "X-%u: y\r\n", i);
	snprintf(text + n, sizeof text - n, "\r\n");
	assert_int_equal(ask(text, NULL), 0);
	snprintf(text + n, sizeof text - n, "X: y\r\n\r\n");
	assert_int_equal(ask(text, NULL), 431);
}

/* Where the head ends, whatever the pieces in which it comes. */
static void
head_end(void **state)
{
	static const char text[] = "A\r\nB\r\n\r\nC";
	(void)state;
	for (uint32_t from = 0; from < 8; from++) {
		for (uint32_t n = from; n < 8; n++)
			assert_int_equal(sstp_head_end((const uint8_t *)text, n, from < n ? from : 0), 0);
		assert_int_equal(sstp_head_end((const uint8_t *)text, 8, from), 8);
		assert_int_equal(sstp_head_end((const uint8_t *)text, 9, from), 8);
	}
	assert_int_equal(sstp_head_end((const uint8_t *)"A\n\nB", 4, 0), 3);
	assert_int_equal(sstp_head_end((const uint8_t *)"A\r\n\nB", 5, 0), 4);
}

static void
answers(void **state)
{
	char out[HTTP_ANSWER_MAX];
	struct http_head h;
	struct http_span target = {"/x", 2};
	(void)state;
	size_t n = http_build_ok(out, "Wed, 28 Feb 2024 17:03:04 GMT");
	assert_int_equal(http_answer_parse((uint8_t *)out, n, &h), 0);
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(out, "Content-Length: 18446744073709551615\r\n"));
	n = http_build_error(out, 404, "d");
	assert_int_equal(http_answer_parse((uint8_t *)out, n, &h), 0);
	assert_int_equal(h.status, 404);
	assert_non_null(strstr(out, "Content-Length: 0\r\nConnection: close\r\n\r\n"));
	n = http_build_redirect(out, "https://example.com", &target, "d");
	assert_int_equal(http_answer_parse((uint8_t *)out, n, &h), 0);
	assert_int_equal(h.status, 301);
	assert_memory_equal(h.location.p, "https://example.com/x", h.location.len);
	n = http_build_redirect(out, "https://example.com/y", &target, "d");
	assert_int_equal(http_answer_parse((uint8_t *)out, n, &h), 0);
	assert_memory_equal(h.location.p, "https://example.com/y", h.location.len);
	n = http_build_request(out, "vpn.example.com", "{1}");
	assert_int_equal(ask(out, "vpn.example.com"), 0);
	assert_int_equal(http_answer_parse((const uint8_t *)"HTTP/1.0 200\r\n\r\n", 16, &h), 0);
	assert_int_equal(h.status, 200);
	assert_int_equal(http_answer_parse((const uint8_t *)"HTTP/1.1 20x OK\r\n\r\n", 19, &h), 400);
	assert_int_equal(http_answer_parse((const uint8_t *)"SPDY 200 OK\r\n\r\n", 15, &h), 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sstpc),  cmocka_unit_test(windows),  cmocka_unit_test(other_requests),
		cmocka_unit_test(limits), cmocka_unit_test(head_end), cmocka_unit_test(answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
