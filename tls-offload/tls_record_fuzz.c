/* Records after take-over: what an authenticated but hostile peer may send, cut anywhere, and garbage in between.
 *
 * Input: a byte for version and cipher, then steps {what, n, n bytes}: records of any type that our own client seals with
 * the right keys, raw bytes, key changes of the client's, closing, and how what was sent is cut.  The records of honest
 * types must not be lost, whatever comes, nothing may be read or written where it should not be (the sanitizers see that),
 * and every mbuf comes back.
 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#include <millrace/bytes.h>

#include "chain.h"
#include "core.h"

static struct rig_end *server;

static void
open_once(void)
{
	static bool opened;
	if (opened)
		return;
	opened = true;
	rig_start(NULL);
	rig_certificates();
	rig_open(NULL, NULL);
	rig_certificates_remove();
	rig_settle();
}

static void
send_sealed(uint8_t type, const uint8_t *p, size_t n)
{
	struct rte_mbuf *m = chain_of(p, (uint32_t)n, rig.pool);
	struct tls_op *op = seal_build(rig.core, server->other->conn, type, m);
	if (op)
		core_submit(rig.core, &op, 1);
	else
		rte_pktmbuf_free(m);
}

static void
step(struct rd *in)
{
	uint8_t what = rd_u8(in);
	size_t n = rd_u8(in);
	n = n < rd_left(in) ? n : rd_left(in);
	const uint8_t *p = rd_take(in, n);
	struct rig_end *client = server->other;
	if (client->conn->state != CONN_RECORDS)
		return;
	switch (what % 16) {
	case 10:
		rig_add(&server->wire, p, n);
		break;
	case 11:
		if (client->conn->flags & CONN_V13)
			conn_next_key(rig.core, client->conn, TLS_TX);
		break;
	case 12:
		rig.cut = (enum rig_cut)(n % 3);
		break;
	case 13:
		tls_shutdown(rig.core, n % 2 ? server->conn : client->conn);
		break;
	case 14:
		for (size_t i = 0; i < n; i++)
			rig_turn();
		break;
	case 15: {
		static uint8_t much[20000];
		send_sealed(RECORD_DATA, much, n * 72);
		break;
	}
	default:
		send_sealed((uint8_t)(what % 16 + 17), p, n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_init(data, size);
	open_once();
	role_assume_lcore();
	rig.seed = 1;
	rig.cut = RIG_WHOLE;
	uint8_t which = rd_u8(&in);
	server = rig_keyed(which % 2, (enum tls_aead)(1 + which / 2 % 3));
	for (unsigned i = 0; i < 64 && rd_left(&in); i++)
		step(&in);
	rig_settle();
	rig_forget(server->other);
	rig_forget(&rig.end[0]);
	rig_settle();
	if (rte_mempool_avail_count(rig.pool) != 16383 || rig.core->n_free_op != rig.core->conf.records)
		abort();
	return 0;
}
