/* A server, or a client, that hears anything.  The input is a list of {u16 length, bytes}; a length of 0 lets 700 ms pass,
 * one with the top bit gives the end its keys.  sim.c checks the books. */
#include <stdlib.h>

#include "sstp/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct sim sim;
	static const struct sstp_config config = {.timeout_s = 5, .host_name = "x"};
	static const struct ppp_keys none = {.len = 0};
	struct rd r = rd_init(bytes, len);
	struct sim_end *e = rd_u8(&r) & 1 ? &sim.client : &sim.server;
	sim_init(&sim, 1, &config);
	sim.scripted = true;
	sim_dial(&sim, "x");
	while (!r.bad && rd_left(&r) >= 2) {
		uint16_t n = rd_be16(&r);
		if (n & 0x8000 && e->up && e->known)
			sim_keys(e, &none);
		n &= 0x1fff;
		const uint8_t *p = n ? rd_take(&r, n) : NULL;
		if (p)
			sstp_input(e->call, p, n, sim.now);
		if (!n)
			sim_run_ms(&sim, 700);
		sim.to_client.n = sim.to_server.n = 0;
	}
	sstp_gone(e->call, CAUSE_CONN_RESET, sim.now);
	if (e->known)
		abort();
	sim_fini(&sim);
	return 0;
}
