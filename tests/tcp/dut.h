/* dut.h - the stack that a script speaks to: ours on a virtual clock, or the kernel's in a namespace on the real one.
 *
 * The script is the peer: it injects IP packets and reads those that come back.  Single-threaded, tests only.
 */
#ifndef TESTS_TCP_DUT_H
#define TESTS_TCP_DUT_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/addr.h>

#define DUT_PORT 443

struct dut_conf {
	bool v6;
	uint32_t rcv_bytes, snd_bytes; /* 0: as usual */
	uint32_t user_timeout_ms, keepalive_ms;
	uint32_t half_open, reorder_mbufs;
	uint16_t peer_port;
	uint32_t iss; /* the stack's first number, if has_iss: ours alone */
	bool has_iss;
	bool ecn, delayed_ack, paused; /* paused: what is received is not consumed until `read` */
};

struct dut {
	const char *name;
	bool real_time;
	void (*reset)(const struct dut_conf *conf);
	void (*fini)(void);
	void (*inject)(const uint8_t *ip, unsigned len);
	unsigned (*receive)(uint8_t *ip, unsigned max, int64_t wait_us); /* 0: none in that time */
	int64_t (*now_us)(void);
	bool (*listen)(void);
	bool (*connect)(void);
	bool (*send)(unsigned n, unsigned record); /* octets of the pattern; record: in one piece */
	unsigned (*fill)(unsigned n);              /* as much of so many octets as it takes now */
	void (*window)(unsigned n);                /* the receive window's bound is another */
	void (*read)(void);                        /* goes on consuming */
	void (*shutdown)(void);
	void (*close)(void);
	void (*abort)(void);
	uint64_t (*received)(void);           /* octets in order so far, all of the peer's pattern */
	bool (*saw)(const char *event);       /* OPEN, FIN, WRITABLE, GONE, or a reason of tcp_gone; forgets it */
	int64_t (*counter)(const char *name); /* a row of stat.def or drop.def, use, cwnd; -1: there is none */
	void (*icmp)(uint32_t dut_seq, uint16_t mtu); /* mtu 0: unreachable */
	const char *(*check)(void);                   /* NULL, or what is wrong inside */
};

extern const struct dut dut_stack, dut_kernel;

/* The octet at an offset of a side's stream. */
static inline uint8_t
dut_octet(bool ours, uint64_t offset)
{
	return (uint8_t)(offset * 7 + offset / 251 + (ours ? 13 : 101));
}

static inline struct addr
dut_addr(bool v6, bool peer)
{
	struct addr a = addr_from_ip4(peer ? 0x0a090001 : 0x0a090002);
	if (v6)
		a = (struct addr){{0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, peer ? 1 : 2}};
	return a;
}

#endif
