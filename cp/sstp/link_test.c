/* link_test.c - our client against our server, over a stream that splits anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sstp/sim.h"

static const struct sstp_config any_host = {0};
static const struct ppp_keys none = {.len = 0};

static struct ppp_keys
some_keys(void)
{
	struct ppp_keys k = {.len = 16};
	memset(k.send, 0x11, 16);
	memset(k.recv, 0x22, 16);
	return k;
}

static void
dialled(struct sim *sim, uint64_t seed, const struct sstp_config *config)
{
	sim_init(sim, seed, config);
	sim_dial(sim, "vpn.example.com");
	for (unsigned i = 0; i < 400 && !(sim->client.up && sim->server.up); i++)
		sim_run_ms(sim, 100);
}

static void
run_until_gone(struct sim *sim)
{
	for (unsigned i = 0; i < 200 && (sim->client.call || sim->server.call); i++)
		sim_run_ms(sim, 100);
	assert_null(sim->client.call);
	assert_null(sim->server.call);
	assert_false(sim->client.known);
	assert_false(sim->server.known);
}

/* The keys come to either end first; nothing is bound before both have them. */
static void
up_and_down(void **state)
{
	static struct sim sim;
	struct ppp_keys server = some_keys(), client = sim_other_side(&server);
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		bool with_keys = seed & 1, client_first = seed & 2, client_ends = seed & 4, by_disconnect = seed & 8;
		dialled(&sim, seed, &any_host);
		assert_int_equal(sim.client.up, 1);
		assert_int_equal(sim.server.up, 1);
		sim_keys(client_first ? &sim.client : &sim.server, !with_keys     ? &none
								   : client_first ? &client
										  : &server);
		sim_run_ms(&sim, 2000);
		assert_int_equal(sim.server.bound, 0);
		sim_keys(client_first ? &sim.server : &sim.client, !with_keys     ? &none
								   : client_first ? &server
										  : &client);
		sim_run_ms(&sim, 2000);
		assert_int_equal(sim.server.bound, 1);
		assert_int_equal(sim.client.bound, 1);
		struct sim_end *ends = client_ends ? &sim.client : &sim.server;
		struct sim_end *other = client_ends ? &sim.server : &sim.client;
		ends->known = false;
		ends->call->bearer.ops->close(&ends->call->bearer,
					      by_disconnect ? CAUSE_ADMIN_RESET : CAUSE_LCP_TIMEOUT, sim.now);
		run_until_gone(&sim);
		assert_int_equal(other->down, 1);
		assert_int_equal(other->cause, by_disconnect ? CAUSE_PEER_CALL_CLEARED : CAUSE_PEER_ABORTED);
		assert_int_equal(ends->down, 0);
		sim_fini(&sim);
	}
}

static void
byte_by_byte(void **state)
{
	static struct sim sim;
	(void)state;
	sim_init(&sim, 1, &any_host);
	sim.byte_by_byte = true;
	sim_dial(&sim, "x");
	sim_run_ms(&sim, 10000);
	sim_keys(&sim.client, &none);
	sim_keys(&sim.server, &none);
	sim_run_ms(&sim, 5000);
	assert_int_equal(sim.server.bound, 1);
	sim_fini(&sim);
}

static void
other_keys(void **state)
{
	static struct sim sim;
	struct ppp_keys server = some_keys();
	(void)state;
	dialled(&sim, 1, &any_host);
	sim_keys(&sim.server, &server);
	sim_keys(&sim.client, &server); /* the directions are not swapped */
	run_until_gone(&sim);
	assert_int_equal(sim.server.bound, 0);
	assert_int_equal(sim.server.cause, CAUSE_BINDING_WRONG);
	assert_non_null(strstr(sim.server.note, "MAC"));
	assert_int_equal(sim.client.cause, CAUSE_PEER_ABORTED);
	assert_int_equal(sstp_stats(sim.server.sstp)[SSTP_STAT_BINDINGS_WRONG], 1);
	sim_fini(&sim);
}

/* A man in the middle shows another certificate to the client. */
static void
other_certificate(void **state)
{
	static struct sim sim;
	(void)state;
	dialled(&sim, 1, &any_host);
	sim.client.call->info.cert_sha256[0] ^= 1;
	sim_keys(&sim.server, &none);
	sim_keys(&sim.client, &none);
	run_until_gone(&sim);
	assert_int_equal(sim.server.cause, CAUSE_BINDING_WRONG);
	assert_non_null(strstr(sim.server.note, "certificate"));
	sim_fini(&sim);
}

/* Behind a load balancer the configuration says which certificate the client sees. */
static void
certificate_of_the_configuration(void **state)
{
	static struct sim sim;
	static const uint8_t sha256[32] = {9};
	static const struct sstp_config config = {.cert_sha256 = sha256};
	(void)state;
	dialled(&sim, 1, &config);
	memcpy(sim.client.call->info.cert_sha256, sha256, 32);
	sim_keys(&sim.server, &none);
	sim_keys(&sim.client, &none);
	sim_run_ms(&sim, 2000);
	assert_int_equal(sim.server.bound, 1);
	sim_fini(&sim);
}

static void
sha1_alone(void **state)
{
	static struct sim sim;
	static const struct sstp_config config = {.hashes = SSTP_HASH_SHA1};
	(void)state;
	dialled(&sim, 1, &config);
	assert_int_equal(sim.client.call->hashes, SSTP_HASH_SHA1);
	sim_keys(&sim.server, &none);
	sim_keys(&sim.client, &none);
	sim_run_ms(&sim, 2000);
	assert_int_equal(sim.server.bound, 1);
	sim_fini(&sim);
}

/* Without a Call Connected the call ends after the negotiation timer, with a reason. */
static void
no_binding(void **state)
{
	static struct sim sim;
	(void)state;
	dialled(&sim, 1, &any_host);
	sim_keys(&sim.server, &none);
	sim_run_ms(&sim, 55000);
	assert_int_equal(sim.server.down, 0);
	sim.client.call->state = SSTP_CLIENT_CONNECTED; /* it would give up itself */
	sim_run_ms(&sim, 10000);
	assert_int_equal(sim.server.bound, 0);
	assert_int_equal(sim.server.cause, CAUSE_BINDING_MISSING);
	run_until_gone(&sim);
	sim_fini(&sim);
}

/* A Call Connected that waits for a slow RADIUS is not timed out by us. */
static void
slow_keys(void **state)
{
	static struct sim sim;
	(void)state;
	dialled(&sim, 1, &any_host);
	sim_keys(&sim.client, &none);
	sim_run_ms(&sim, 100000);
	assert_int_equal(sim.server.down, 0);
	assert_int_equal(sim.server.bound, 0);
	assert_int_equal(sstp_stats(sim.server.sstp)[SSTP_STAT_BINDINGS_HELD], 1);
	sim_keys(&sim.server, &none);
	assert_int_equal(sim.server.bound, 1);
	sim_fini(&sim);
}

static void
wrong_host(void **state)
{
	static struct sim sim;
	static const struct sstp_config config = {.host_name = "other.example.com"};
	(void)state;
	dialled(&sim, 1, &config);
	run_until_gone(&sim);
	assert_int_equal(sim.client.up, 0);
	assert_int_equal(sim.client.cause, CAUSE_HTTP);
	assert_non_null(strstr(sim.server.note, "vpn.example.com"));
	sim_fini(&sim);
}

static void
refused(void **state)
{
	static struct sim sim;
	(void)state;
	sim_init(&sim, 1, &any_host);
	sim.server.refuse = CAUSE_NO_RESOURCES;
	sim_dial(&sim, "x");
	run_until_gone(&sim);
	assert_int_equal(sim.client.cause, CAUSE_PEER_CALL_CLEARED);
	assert_int_equal(sim.server.up + sim.server.down, 0);
	sim_fini(&sim);
}

/* The owner closes from inside the upcalls. */
static void
closed_at_once(void **state)
{
	static struct sim sim;
	(void)state;
	for (unsigned when = 0; when < 4; when++) {
		sim_init(&sim, when + 1, &any_host);
		struct sim_end *e = when & 1 ? &sim.client : &sim.server;
		e->close_when_up = !(when & 2);
		e->close_when_bound = when & 2;
		sim_dial(&sim, "x");
		sim_run_ms(&sim, 2000);
		if (when & 2) {
			sim_keys(&sim.server, &none);
			sim_keys(&sim.client, &none);
		}
		run_until_gone(&sim);
		sim_fini(&sim);
	}
}

/* The connection breaks at any moment: each owner hears once of a call that it knew. */
static void
connection_lost(void **state)
{
	static struct sim sim;
	(void)state;
	for (unsigned ms = 0; ms < 1000; ms += 5) {
		sim_init(&sim, ms + 1, &any_host);
		sim_dial(&sim, "x");
		sim_run_ms(&sim, ms);
		bool known = sim.server.known;
		sstp_gone(sim.server.call, CAUSE_CONN_RESET, sim.now);
		sim.server.call = NULL;
		assert_int_equal(sim.server.down, known);
		assert_false(sim.server.known);
		sim_fini(&sim);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_and_down),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(other_keys),
		cmocka_unit_test(other_certificate),
		cmocka_unit_test(certificate_of_the_configuration),
		cmocka_unit_test(sha1_alone),
		cmocka_unit_test(no_binding),
		cmocka_unit_test(slow_keys),
		cmocka_unit_test(wrong_host),
		cmocka_unit_test(refused),
		cmocka_unit_test(closed_at_once),
		cmocka_unit_test(connection_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
