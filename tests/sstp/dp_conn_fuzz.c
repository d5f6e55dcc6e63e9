/* A connection after TLS has been taken over: whatever a client that has the keys may send, cut into whatever segments, and
 * whatever MAIN and time do meanwhile.
 *
 *	input   u8 how (TLS version, cipher, IPv6, the head is sent), u8 octets of a segment, then steps {u8 what, u8 n, n octets}
 *
 * What must hold after each step: the buffers that wait for the rest of a packet are no more than their octets need; what
 * is not consumed is what TCP counts; a session's packet is not given to a connection that has ended.  At the end, when
 * the client is gone: connection, TLS and every buffer of both sides are given back, and CONN_GONE is said, once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dp/sstp.h>

#include "dial.h"
#include "path.h"

#define SLOT 1
#define STEPS 200
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

enum what {
	SEND,      /* a record: the octets as they are */
	DATA,      /* an SSTP data packet: the octets are its PPP frame */
	CONTROL,   /* an SSTP control packet: type, attributes */
	OCTETS,    /* a record for each octet */
	LARGE,     /* a record of n * 70 octets: data packets of 1024 */
	RECORD,    /* of the type that the first octet says */
	RAW,       /* octets of no record */
	KEYS,      /* KeyUpdate */
	TURN,      /* n milliseconds */
	LEAP,      /* n seconds */
	DOWN,      /* packets for the session, of n * 6 octets */
	SAY,       /* MAIN's control packet */
	END,       /* MAIN closes: n odd, at once */
	UNBIND,    /* the session ends; n odd: another begins, if it may */
	FIN,       /* the client's; n odd: RST */
	MAIN_FULL, /* n odd: MAIN does not listen */
	DEAF,      /* n & 1: the client hears nothing; n & 2: its packets are lost */
	WHATS
};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct dial_client *c;
static unsigned bound; /* the session's place is taken */
static bool lost;      /* packets, one way or the other */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	bed_start_small();
	return 0;
}

static void
send_packet(bool control, const uint8_t *p, size_t n)
{
	uint8_t packet[SSTP_CONTROL_MIN + 256];
	size_t front = control ? 2 : 0;
	sstp_header_put(packet, control, (uint16_t)(SSTP_HEADER_LEN + front + n));
	if (control)
		put_be16(packet + SSTP_HEADER_LEN, (uint16_t)(n ? p[0] & 15 : 0));
	if (n)
		memcpy(packet + SSTP_HEADER_LEN + front, p, n);
	dial_send(c, packet, SSTP_HEADER_LEN + front + n);
}

static void
send_large(size_t n)
{
	static uint8_t much[256 * 70];
	memset(much, 0, sizeof much);
	for (size_t at = 0; at + 1024 <= sizeof much; at += 1024)
		sstp_header_put(much + at, false, 1024);
	dial_send(c, much, n * 70 <= TLS_PLAINTEXT_MAX ? n * 70 : TLS_PLAINTEXT_MAX);
}

static void
unbind(void)
{
	struct dp_session *s = &bed.lc->sessions[SLOT];
	if (!bound)
		return;
	conn_unbind(bed.lc, s);
	s->state = SESSION_FREE;
	session_set_gates(s, 0);
	bed_sub4(s->ip4, NH_NONE);
	bound = 0;
}

static void
main_says(const uint8_t *p, size_t n)
{
	struct conn *to = dial_conn(c);
	struct rte_mbuf *m = to && to->state != CONN_ENDING ? rte_pktmbuf_alloc(bed.lc->pool) : NULL;
	if (!m)
		return;
	uint8_t *head = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(SSTP_CONTROL_MIN + n));
	if (n)
		memcpy(head + SSTP_CONTROL_MIN, p, n);
	memset(head, 0, SSTP_CONTROL_MIN);
	sstp_header_put(head, true, (uint16_t)(SSTP_CONTROL_MIN + n));
	conn_put_control(bed.lc, to, m);
}

static void
key_update(size_t n)
{
	uint8_t update[5] = {24, 0, 0, 1, n & 1};
	if (dial_record(c, 22, update, sizeof update))
		dial_next_key(c);
}

static void
step(enum what what, const uint8_t *p, size_t n, uint8_t number)
{
	struct conn *to = dial_conn(c);
	switch (what) {
	case SEND:
		dial_send(c, p, n);
		break;
	case DATA:
	case CONTROL:
		send_packet(what == CONTROL, p, n);
		break;
	case OCTETS:
		for (size_t i = 0; i < n; i++)
			dial_send(c, p + i, 1);
		break;
	case LARGE:
		send_large(number);
		break;
	case RECORD:
		if (n)
			dial_record(c, p[0], p + 1, n - 1);
		break;
	case RAW:
		dial_raw(c, p, n);
		break;
	case KEYS:
		key_update(number);
		break;
	case TURN:
		dial_turns(number % 32, 1000);
		break;
	case LEAP:
		dial_turn(number * 1000000ll);
		break;
	case DOWN:
		for (unsigned i = 0; i < 4; i++)
			dial_down(SLOT, 28 + number * 5u);
		break;
	case SAY:
		main_says(p, n);
		break;
	case END:
		if (to)
			conn_finish(bed.lc, to, DP_CONN_CLOSED, number & 1);
		break;
	case UNBIND:
		unbind();
		if (number & 1 && to && to->slot == SLOT_NONE && to->state == CONN_PACKETS) {
			dial_bind(c, SLOT, number);
			bound = 1;
		}
		break;
	case FIN:
		dial_hang_up(c, number & 1);
		break;
	case MAIN_FULL:
		bed.send_answer = number & 1 ? -EAGAIN : 0;
		break;
	case DEAF:
		dial_deafen(c, number & 1);
		c->mute = number & 2;
		lost |= number & 3;
		break;
	case WHATS:
		break;
	}
}

static void
check(void)
{
	struct conn *to = dial_conn(c);
	struct tcp_info info;
	CHECK(queues_check(bed.lc->conns->queues));
	if (!to)
		return;
	/* Two that stand side by side are more than MBUF_SMALL together. */
	CHECK(!to->in || to->in->nb_segs <= 2 + to->in->pkt_len / 128);
	CHECK(to->state != CONN_ENDING || !to->in);
	if (to->tcp && to->state != CONN_ENDING && tcp_info(bed.lc->tcp, to->tcp, &info))
		CHECK(info.unconsumed == to->received - to->consumed);
	CHECK(!bound || to->slot == SLOT || to->slot == SLOT_NONE);
}

static unsigned
said(enum dp_msg type)
{
	unsigned n = 0;
	for (unsigned i = 0; i < bed.n_said && i < RTE_DIM(bed.said); i++)
		n += bed.said[i].type == type;
	return n;
}

/* finish: the client is gone, and time enough for everything that waits passes.  Where its end may have been lost, MAIN's patience
 * ends as well: the worker core has none of its own for a client that is silent. */
static void
finish(void)
{
	struct lcore *lc = bed.lc;
	bool few = bed.n_said < RTE_DIM(bed.said);
	struct conn *to = dial_conn(c);
	unbind();
	bed.send_answer = 0;
	if (to && lost)
		conn_finish(lc, to, DP_CONN_CLOSED, true);
	dial_forget(c);
	for (unsigned i = 0; i < 300 && (lc->conns->in_use || i < 2); i++)
		dial_turn(1000000);
	CHECK(!lc->conns->in_use && !lc->conns->n_held);
	if (few && bed.n_said < RTE_DIM(bed.said))
		CHECK(said(DP_MSG_CONN_GONE) == 1);
	path_free(lc);
	CHECK(bed_held() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rd in = rd_init(data, n);
	uint8_t how = rd_u8(&in);
	role_assume_lcore();
	role_assume_init();
	bed_reset();
	dial_open(&(struct dial_conf){
		.conns = 2, .tls12 = how & 1, .aead = (enum tls_aead)(1 + how / 2 % 3), .six = how & 8});
	c = how & 16 ? dial_up() : dial(SLOT, 60);
	CHECK(c);
	bound = !(how & 16);
	lost = false;
	dial_side.piece = rd_u8(&in);
	for (unsigned i = 0; i < STEPS && rd_left(&in); i++) {
		uint8_t what = rd_u8(&in), number = rd_u8(&in);
		size_t len = what % WHATS <= RAW || what % WHATS == SAY ? number : 0;
		len = len < rd_left(&in) ? len : rd_left(&in);
		step((enum what)(what % WHATS), rd_take(&in, len), len, number);
		check();
	}
	finish();
	dial_close();
	CHECK(!rte_mempool_in_use_count(dial_side.pool));
	bed_reset();
	CHECK(bed_sound());
	return 0;
}
