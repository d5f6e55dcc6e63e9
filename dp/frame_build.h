/* frame_build.h - packets for tests and benchmarks, built from the RFCs' pictures and by nothing of the path's.
 *
 * Built from the inside outwards: each call puts a header in front of what is there, so lengths are known and checksums
 * are computed once, octet pair by octet pair.
 *
 *	struct frame f;
 *	frame_payload(&f, 64);
 *	frame_udp(&f, 1000, 2000);
 *	frame_ip4(&f, (struct frame_ip4){.src = ..., .dst = ..., .proto = 17, .ttl = 64});
 *	frame_eth(&f, dst_mac, src_mac, 0, 0x0800);
 *	use(f.p, frame_len(&f));
 */
#ifndef DP_FRAME_BUILD_H
#define DP_FRAME_BUILD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FRAME_MAX 10240

struct frame {
	uint8_t buf[FRAME_MAX];
	uint8_t *p; /* the first octet; the last is the last of buf */
};

static inline unsigned
frame_len(const struct frame *f)
{
	return (unsigned)(f->buf + FRAME_MAX - f->p);
}

static inline void
frame_copy(struct frame *to, const struct frame *from)
{
	*to = *from;
	to->p = to->buf + (from->p - from->buf);
}

static inline void
frame_16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
frame_32(uint8_t *p, uint32_t v)
{
	frame_16(p, v >> 16);
	frame_16(p + 2, v & 0xffff);
}

static inline uint8_t *
frame_push(struct frame *f, unsigned n)
{
	f->p -= n;
	assert(f->p >= f->buf);
	return memset(f->p, 0, n);
}

/* RFC 1071, by the book; the result is what goes into the field. */
static inline uint16_t
frame_checksum(const uint8_t *p, unsigned n, uint32_t sum)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* frame_payload: n octets that tell their position; begins a frame. */
static inline void
frame_payload(struct frame *f, unsigned n)
{
	f->p = f->buf + FRAME_MAX;
	uint8_t *p = frame_push(f, n);
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + 1);
}

static inline void
frame_bytes(struct frame *f, const void *b, unsigned n)
{
	f->p = f->buf + FRAME_MAX;
	memcpy(frame_push(f, n), b, n);
}

/* frame_udp: without checksum. */
static inline void
frame_udp(struct frame *f, unsigned src_port, unsigned dst_port)
{
	uint8_t *p = frame_push(f, 8);
	frame_16(p, src_port);
	frame_16(p + 2, dst_port);
	frame_16(p + 4, frame_len(f));
}

/* frame_udp_checksum: fills in the checksum of the UDP header that f starts with. */
static inline void
frame_udp_checksum(struct frame *f, uint32_t src, uint32_t dst)
{
	uint32_t pseudo = (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff) + 17 + frame_len(f);
	uint16_t sum = frame_checksum(f->p, frame_len(f), pseudo);
	frame_16(f->p + 6, sum ? sum : 0xffff);
}

/* frame_icmp: header in front of the data that is there. */
static inline void
frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest)
{
	uint8_t *p = frame_push(f, 8);
	p[0] = type;
	p[1] = code;
	frame_32(p + 4, rest);
	frame_16(p + 2, frame_checksum(f->p, frame_len(f), 0));
}

struct frame_ip4 {
	uint32_t src, dst;
	uint16_t id, frag;
	uint8_t proto, ttl, tos;
	uint8_t options; /* octets of them, no-operations; a multiple of four */
};

static inline void
frame_ip4(struct frame *f, struct frame_ip4 h)
{
	uint8_t *p = frame_push(f, 20u + h.options);
	p[0] = (uint8_t)(0x45 + h.options / 4);
	p[1] = h.tos;
	frame_16(p + 2, frame_len(f));
	frame_16(p + 4, h.id);
	frame_16(p + 6, h.frag);
	p[8] = h.ttl;
	p[9] = h.proto;
	frame_32(p + 12, h.src);
	frame_32(p + 16, h.dst);
	memset(p + 20, 1, h.options);
	frame_16(p + 10, frame_checksum(p, 20u + h.options, 0));
}

/* frame_option6: an extension header of IPv6 of `len` octets (RFC 8200 4.2 to 4.6), zeros behind its first two. */
static inline uint8_t *
frame_option6(struct frame *f, uint8_t next, unsigned len)
{
	uint8_t *p = frame_push(f, len);
	p[0] = next;
	p[1] = (uint8_t)(len / 8 - 1);
	return p;
}

struct frame_ip6 {
	uint8_t src[16], dst[16];
	uint8_t next, hop_limit;
};

/* frame_checksum6: fills in the field `at` octets into the header of the upper layer that f starts with (RFC 8200 8.1). */
static inline void
frame_checksum6(struct frame *f, const struct frame_ip6 *h, uint8_t next, unsigned at)
{
	uint32_t sum = next + frame_len(f);
	for (unsigned i = 0; i < 16; i += 2)
		sum += (uint32_t)(h->src[i] + h->dst[i]) * 256 + h->src[i + 1] + h->dst[i + 1];
	frame_16(f->p + at, 0);
	uint16_t sum16 = frame_checksum(f->p, frame_len(f), sum);
	frame_16(f->p + at, sum16 ? sum16 : 0xffff);
}

static inline void
frame_ip6(struct frame *f, const struct frame_ip6 *h)
{
	unsigned len = frame_len(f);
	uint8_t *p = frame_push(f, 40);
	p[0] = 0x60;
	frame_16(p + 4, len);
	p[6] = h->next;
	p[7] = h->hop_limit;
	memcpy(p + 8, h->src, 16);
	memcpy(p + 24, h->dst, 16);
}

/* frame_ppp: protocol field of two octets, or of one (RFC 1661 6.5), address and control in front or not (6.6). */
static inline void
frame_ppp(struct frame *f, unsigned protocol, bool acfc, bool pfc)
{
	uint8_t *p = frame_push(f, pfc ? 1 : 2);
	if (pfc)
		p[0] = (uint8_t)protocol;
	else
		frame_16(p, protocol);
	if (!acfc)
		frame_16(frame_push(f, 2), 0xff03);
}

struct frame_l2tp {
	uint16_t tid, sid;
	bool length, sequence, offset, control;
	uint8_t offset_pad;
	uint16_t ns, nr;
};

/* RFC 2661 3.1. */
static inline void
frame_l2tp(struct frame *f, struct frame_l2tp h)
{
	unsigned flags = 2;
	if (h.offset) {
		frame_push(f, h.offset_pad);
		frame_16(frame_push(f, 2), h.offset_pad);
		flags |= 0x0200;
	}
	if (h.sequence) {
		frame_32(frame_push(f, 4), (uint32_t)h.ns << 16 | h.nr);
		flags |= 0x0800;
	}
	frame_16(frame_push(f, 2), h.sid);
	frame_16(frame_push(f, 2), h.tid);
	if (h.length) {
		unsigned len = frame_len(f) + 4;
		frame_16(frame_push(f, 2), len);
		flags |= 0x4000;
	}
	frame_16(frame_push(f, 2), flags | (h.control ? 0x8000 : 0));
}

struct frame_gre {
	uint16_t call_id;
	bool no_seq, has_ack; /* no_seq: without payload, too, unless `length` says otherwise */
	uint32_t seq, ack;
	uint16_t length; /* 0: what it is */
	uint16_t flags;  /* instead of what belongs there; 0: that */
};

/* RFC 2637 4.1. */
static inline void
frame_gre(struct frame *f, struct frame_gre h)
{
	unsigned len = h.length ? h.length : frame_len(f);
	unsigned flags = 0x2001 | (h.no_seq ? 0 : 0x1000) | (h.has_ack ? 0x0080 : 0);
	if (h.has_ack)
		frame_32(frame_push(f, 4), h.ack);
	if (!h.no_seq)
		frame_32(frame_push(f, 4), h.seq);
	frame_16(frame_push(f, 2), h.call_id);
	frame_16(frame_push(f, 2), len);
	frame_16(frame_push(f, 2), 0x880b);
	frame_16(frame_push(f, 2), h.flags ? h.flags : flags);
}

static inline void
frame_eth(struct frame *f, const uint8_t dst[6], const uint8_t src[6], unsigned vlan, unsigned type)
{
	frame_16(frame_push(f, 2), type);
	if (vlan) {
		frame_16(frame_push(f, 2), vlan);
		frame_16(frame_push(f, 2), 0x8100);
	}
	memcpy(frame_push(f, 6), src, 6);
	memcpy(frame_push(f, 6), dst, 6);
}

#endif
