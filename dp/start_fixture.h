/* start_fixture.h - what the tests of dp start dp with: a machine of null ports, in ordinary memory. */
#ifndef DP_START_FIXTURE_H
#define DP_START_FIXTURE_H

#include <string.h>

#include <dp/dp.h>

/* fixture_start: one worker on cpu 0, port p0 with one interface if0 (192.0.2.1/24, access and core). */
static inline struct dp_start
fixture_start(const char *device)
{
	struct dp_start s = {
		.n_workers = 1,
		.memory_mib = 256,
		.nap = true,
		.n_ports = 1,
		.n_ifaces = 1,
		.limits = {.sessions = 4096,
			   .adjacencies = 64,
			   .routes = 256,
			   .sub4_blocks = 64,
			   .ring_bytes = 1 << 17,
			   .rx_descs = 256,
			   .tx_descs = 256},
	};
	memcpy(s.ports[0].name, "p0", 3);
	snprintf(s.ports[0].device, sizeof s.ports[0].device, "%s", device);
	memcpy(s.ifaces[0].name, "if0", 4);
	s.ifaces[0].mtu = 1500;
	s.ifaces[0].access = s.ifaces[0].core = true;
	s.ifaces[0].n_addrs = 1;
	prefix_parse("192.0.2.1/24", &s.ifaces[0].addrs[0]);
	return s;
}

#endif
