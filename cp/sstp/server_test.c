/* server_test.c - the server against a scripted peer: what it answers, octet for octet, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sstp/http.h"
#include "sstp/sim.h"

#define SAY(sim, bytes) sim_say(sim, bytes, sizeof(bytes) - 1)
#define REQUEST "\x10\x01\x00\x0e\x00\x01\x00\x01\x00\x01\x00\x06\x00\x01"
#define ABORT "\x10\x01\x00\x08\x00\x05\x00\x00"
#define DISCONNECT "\x10\x01\x00\x08\x00\x06\x00\x00"
#define DISCONNECT_ACK "\x10\x01\x00\x08\x00\x07\x00\x00"
#define HEAD                                                                                                           \
	"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"                                   \
	"SSTPCORRELATIONID: {48B82435-099A-4158-A987-052E7570CFAA}\r\n"                                                \
	"Content-Length: 18446744073709551615\r\n"                                                                     \
	"Host: vyos.io\r\n\r\n"

static struct sim sim;
static struct sstp_msg m;
static const struct sstp_config any_host = {0};
static const struct ppp_keys none = {.len = 0};

static void
begin(const struct sstp_config *config)
{
	sim_init(&sim, 1, config);
	sim.scripted = true;
	sim_accept(&sim);
}

static void
begin_call(void)
{
	begin(&any_host);
	SAY(&sim, HEAD);
	assert_int_equal(sim_heard(&sim, &m), -1);
	SAY(&sim, REQUEST);
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_CONNECT_ACK);
}

static void
bind_call(void)
{
	uint8_t msg[SSTP_CONNECTED_LEN];
	struct sstp_call *c = sim.server.call;
	struct sstp_binding b = {c->nonce, c->hlak, sim_cert_sha1, sim_cert_sha256, SSTP_HASH_SHA256};
	assert_true(sstp_binding_make(&b, msg));
	sim_say(&sim, msg, sizeof msg);
}

static void
end(void)
{
	if (sim.server.call)
		sstp_gone(sim.server.call, CAUSE_PEER_TUNNEL_CLOSED, sim.now);
	assert_false(sim.server.known);
	sim_fini(&sim);
}

/* What an operator reads of a Windows client's call, and knows from accel-ppp. */
static void
the_log(void **state)
{
	(void)state;
	begin_call();
	sim_keys(&sim.server, &none);
	bind_call();
	assert_int_equal(sim.server.bound, 1);
	assert_string_equal(sim.trace,
			    "recv [HTTP <SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1>]\n"
			    "recv [HTTP <SSTPCORRELATIONID: {48B82435-099A-4158-A987-052E7570CFAA}>]\n"
			    "recv [HTTP <Content-Length: 18446744073709551615>]\n"
			    "recv [HTTP <Host: vyos.io>]\n"
			    "send [HTTP <HTTP/1.1 200 OK>]\n"
			    "send [HTTP <Date: Wed, 28 Feb 2024 17:03:04 GMT>]\n"
			    "send [HTTP <Content-Length: 18446744073709551615>]\n"
			    "send [HTTP <Server: Microsoft-HTTPAPI/2.0>]\n"
			    "recv [SSTP SSTP_MSG_CALL_CONNECT_REQUEST]\n"
			    "send [SSTP SSTP_MSG_CALL_CONNECT_ACK]\n"
			    "recv [SSTP SSTP_MSG_CALL_CONNECTED]\n");
	end();
}

static void
http_refused(void **state)
{
	static const struct {
		const char *head;
		unsigned status;
	} cases[] = {
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"BREW /pot HTTP/1.1\r\n\r\n", 501},
		{"rubbish\r\n\r\n", 400},
	};
	static const struct sstp_config quiet = {.http_error = SSTP_HTTP_CLOSE};
	static const struct sstp_config away = {.http_error = SSTP_HTTP_REDIRECT, .redirect = "https://example.com"};
	struct http_head h;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(&any_host);
		sim_say(&sim, cases[i].head, strlen(cases[i].head));
		assert_int_equal(http_answer_parse(sim.to_client.bytes, sim.to_client.n, &h), 0);
		assert_int_equal(h.status, cases[i].status);
		assert_int_equal(sim.server.closes, 1);
		assert_int_equal(sim.server.notes, 1);
		end();
	}
	begin(&quiet);
	SAY(&sim, "GET / HTTP/1.1\r\n\r\n");
	assert_int_equal(sim.to_client.n, 0);
	assert_int_equal(sim.server.closes, 1);
	end();
	begin(&away);
	SAY(&sim, "GET /a HTTP/1.1\r\n\r\n");
	assert_int_equal(http_answer_parse(sim.to_client.bytes, sim.to_client.n, &h), 0);
	assert_int_equal(h.status, 301);
	end();
}

/* A wrong protocol is naked three times, then the call is aborted. */
static void
naks(void **state)
{
	(void)state;
	begin(&any_host);
	SAY(&sim, HEAD);
	assert_int_equal(sim_heard(&sim, &m), -1);
	for (unsigned i = 0; i < SSTP_NAKS_MAX; i++) {
		SAY(&sim, "\x10\x01\x00\x0e\x00\x01\x00\x01\x00\x01\x00\x06\x00\x02");
		assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_CONNECT_NAK);
		assert_int_equal(m.told.status, SSTP_STATUS_VALUE_NOT_SUPPORTED);
		assert_int_equal(m.told.attr, SSTP_ATTR_ENCAPSULATED_PROTOCOL_ID);
	}
	SAY(&sim, "\x10\x01\x00\x08\x00\x01\x00\x00");
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_ABORT);
	assert_int_equal(m.told.status, SSTP_STATUS_RETRY_COUNT_EXCEEDED);
	assert_int_equal(sim.server.news, 0);
	end();
}

static void
nak_then_right(void **state)
{
	(void)state;
	begin(&any_host);
	SAY(&sim, HEAD);
	assert_int_equal(sim_heard(&sim, &m), -1);
	SAY(&sim, "\x10\x01\x00\x08\x00\x01\x00\x00");
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_CONNECT_NAK);
	assert_int_equal(m.told.status, SSTP_STATUS_REQUIRED_ATTRIBUTE_MISSING);
	SAY(&sim, REQUEST);
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_CONNECT_ACK);
	assert_int_equal(sim.server.up, 1);
	end();
}

static void
out_of_order(void **state)
{
	static const char *const messages[] = {REQUEST, DISCONNECT_ACK, "\x10\x01\x00\x08\x00\x03\x00\x00"};
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		begin_call();
		sim_say(&sim, messages[i], be16(messages[i] + 2));
		assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_ABORT);
		assert_int_equal(m.told.status, SSTP_STATUS_UNACCEPTED_FRAME_RECEIVED);
		assert_int_equal(sim.server.cause, CAUSE_MESSAGE_ORDER);
		end();
	}
	begin(&any_host); /* before there was a request, nobody is told */
	SAY(&sim, HEAD);
	assert_int_equal(sim_heard(&sim, &m), -1);
	SAY(&sim, DISCONNECT_ACK);
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_ABORT);
	assert_int_equal(sim.server.down, 0);
	end();
}

/* A second Call Connected while the first waits, or after it. */
static void
connected_twice(void **state)
{
	(void)state;
	for (unsigned known = 0; known < 2; known++) {
		begin_call();
		if (known)
			sim_keys(&sim.server, &none);
		bind_call();
		bind_call();
		assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_ABORT);
		assert_int_equal(sim.server.cause, CAUSE_MESSAGE_ORDER);
		end();
	}
}

static void
malformed(void **state)
{
	(void)state;
	begin_call();
	SAY(&sim, "\x10\x01\x00\x08\x00\x04\x00\x00");
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_ABORT);
	assert_int_equal(m.told.status, SSTP_STATUS_REQUIRED_ATTRIBUTE_MISSING);
	assert_int_equal(m.told.attr, SSTP_ATTR_CRYPTO_BINDING);
	assert_int_equal(sim.server.cause, CAUSE_MALFORMED);
	end();
}

/* [MS-SSTP] 3.1.2: the four short timers. */
static void
farewells(void **state)
{
	static const struct {
		const char *peer; /* what it says first; NULL: we end the call with this cause */
		enum cause ours;
		const char *then;
		unsigned seconds; /* until we close, from then on */
		int heard;
	} cases[] = {
		{ABORT, 0, NULL, 1, SSTP_MSG_CALL_ABORT},
		{DISCONNECT, 0, NULL, 1, SSTP_MSG_CALL_DISCONNECT_ACK},
		{NULL, CAUSE_LCP_TIMEOUT, NULL, 3, SSTP_MSG_CALL_ABORT},
		{NULL, CAUSE_LCP_TIMEOUT, ABORT, 1, SSTP_MSG_CALL_ABORT},
		{NULL, CAUSE_ADMIN_RESET, NULL, 5, SSTP_MSG_CALL_DISCONNECT},
		{NULL, CAUSE_ADMIN_RESET, DISCONNECT_ACK, 0, SSTP_MSG_CALL_DISCONNECT},
		{NULL, CAUSE_ADMIN_RESET, DISCONNECT, 1, SSTP_MSG_CALL_DISCONNECT},
		{NULL, CAUSE_ADMIN_RESET, ABORT, 1, SSTP_MSG_CALL_DISCONNECT},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin_call();
		if (cases[i].peer) {
			sim_say(&sim, cases[i].peer, 8);
		} else {
			sim.server.known = false;
			sim.server.call->bearer.ops->close(&sim.server.call->bearer, cases[i].ours, sim.now);
		}
		assert_int_equal(sim_heard(&sim, &m), cases[i].heard);
		if (cases[i].then)
			sim_say(&sim, cases[i].then, 8);
		if (cases[i].seconds) {
			sim_run_ms(&sim, cases[i].seconds * 1000 - 100);
			assert_int_equal(sim.server.closes, 0);
			sim_run_ms(&sim, 200);
		}
		assert_int_equal(sim.server.closes, 1);
		end();
	}
}

/* The negotiation timer: without a head, without a request. */
static void
silence(void **state)
{
	static const struct sstp_config quick = {.timeout_s = 10};
	(void)state;
	begin(&quick);
	sim_run_ms(&sim, 9900);
	assert_int_equal(sim.server.closes, 0);
	sim_run_ms(&sim, 200);
	assert_int_equal(sim.server.closes, 1);
	end();
	begin(&quick);
	SAY(&sim, HEAD);
	assert_int_equal(sim_heard(&sim, &m), -1);
	sim_run_ms(&sim, 10100);
	assert_int_equal(sim_heard(&sim, &m), SSTP_MSG_CALL_ABORT);
	assert_int_equal(m.told.status, SSTP_STATUS_NEGOTIATION_TIMEOUT);
	end();
}

/* Frames of PPP pass in between; after the end none does. */
static void
frames(void **state)
{
	(void)state;
	begin_call();
	struct bearer *b = &sim.server.call->bearer;
	b->ops->send(b, (const uint8_t *)"\xc0\x21", 2, sim.now);
	assert_int_equal(sim.server.frames, 1);
	SAY(&sim, DISCONNECT);
	b->ops->send(b, (const uint8_t *)"\xc0\x21", 2, sim.now);
	assert_int_equal(sim.server.frames, 1);
	assert_int_equal(b->ops->overhead(b), 20 + 32 + 22 + 4 + 4);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log),        cmocka_unit_test(http_refused),    cmocka_unit_test(naks),
		cmocka_unit_test(out_of_order),   cmocka_unit_test(connected_twice), cmocka_unit_test(malformed),
		cmocka_unit_test(farewells),      cmocka_unit_test(silence),         cmocka_unit_test(frames),
		cmocka_unit_test(nak_then_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
