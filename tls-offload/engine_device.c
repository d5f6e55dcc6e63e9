/* engine_device.c - sealing and opening with a DPDK cryptodev: QAT, or any device that the configuration names.
 *
 * One queue pair of the device is this core's.  Each direction of a connection has a session, made at its first record;
 * a session outlives its key while records are in the device with it.  What the device does not take at once waits in a
 * backlog, because sequence numbers are given out already.  What it cannot take, software does: some devices work on
 * chained buffers but not in place (crypto_openssl says that it does, and refuses).  `order` holds all that is in work,
 * so that records come out in the order in which they went in, whoever was quicker.
 */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include <rte_cryptodev.h>
#include <rte_dev.h>
#include <rte_malloc.h>

#define SESSIONS_SPARE 256 /* for sessions that records in the device still have */
#define BURST 32
#define QUEUE_DESCRIPTORS 2048

/* What lies behind the operation in its pool's element. */
struct private
{
	uint8_t nonce[16];
	uint8_t aad[16];
	uint8_t tag[16];
	struct tls_op *op;
};
#define PRIVATE (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))

struct session {
	void *session;
	uint32_t in_work;
	uint32_t next_free;
	bool forgotten;
};

struct device {
	uint8_t id;
	uint16_t queue_pair;
	struct rte_mempool *session_pool, *op_pool;
	struct session *sessions;
	uint32_t n_sessions, free_session; /* index + 1 */
	struct rte_crypto_op **ops;        /* by number of tls_op */
	uint32_t n_ops;
	bool chains; /* it works in place on chained buffers */
	/* Rings of mask + 1: tail is where the next goes in, head the first in the backlog, first the first in work. */
	struct rte_crypto_op **backlog;
	struct tls_op **order;
	uint32_t mask, first, head, tail;
};

static bool prepare(struct tls_core *core, struct tls_op *op);
static bool session_make(struct device *d, const struct tls_conn *conn, struct tls_dir *dir, enum tls_way way);
static void session_drop(struct device *d, struct session *s);
static void submit(struct tls_core *core, struct tls_op *const *ops, unsigned n) ON_LCORE;
static struct rte_crypto_op *fill(struct device *d, struct tls_op *op);
static void push_backlog(struct device *d);
static void poll(struct tls_core *core) ON_LCORE;
static void leave_to_software(struct tls_op *op);
static void finish(struct rte_crypto_op *cop);
static void forget(struct tls_core *core, struct tls_dir *dir);

const struct tls_engine device_engine = {prepare, submit, poll, forget};

/* --- start ------------------------------------------------------------------------------------------------------- */

int
tls_cryptodev_start(const char *name, unsigned queue_pairs, char *err, size_t err_len)
{
	int id = rte_cryptodev_get_dev_id(name);
	if (id < 0 && !rte_eal_hotplug_add("vdev", name, "")) /* one of DPDK's software devices */
		id = rte_cryptodev_get_dev_id(name);
	struct rte_cryptodev_config conf = {.socket_id = SOCKET_ID_ANY, .nb_queue_pairs = (uint16_t)queue_pairs};
	struct rte_cryptodev_qp_conf qp = {.nb_descriptors = QUEUE_DESCRIPTORS};
	snprintf(err, err_len, "crypto device %s: %s", name, id < 0 ? "there is none of that name" : "does not start");
	if (id < 0 || rte_cryptodev_configure((uint8_t)id, &conf) < 0)
		return -1;
	for (unsigned i = 0; i < queue_pairs; i++)
		if (rte_cryptodev_queue_pair_setup((uint8_t)id, (uint16_t)i, &qp, SOCKET_ID_ANY) < 0)
			return -1;
	return rte_cryptodev_start((uint8_t)id) < 0 ? -1 : id;
}

static const struct rte_cryptodev_symmetric_capability *
capability(uint8_t id, enum tls_aead aead)
{
	struct rte_cryptodev_sym_capability_idx idx = {
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.algo.aead =
			aead == TLS_CHACHA20_POLY1305 ? RTE_CRYPTO_AEAD_CHACHA20_POLY1305 : RTE_CRYPTO_AEAD_AES_GCM,
	};
	return rte_cryptodev_sym_capability_get(id, &idx);
}

bool
device_can(const struct device *d, enum tls_aead aead)
{
	const struct rte_cryptodev_symmetric_capability *c = capability(d->id, aead);
	uint16_t key = (uint16_t)aead_key_bytes(aead);
	return c && !rte_cryptodev_sym_capability_check_aead(c, key, TLS_TAG, 5, TLS_IV) &&
	       !rte_cryptodev_sym_capability_check_aead(c, key, TLS_TAG, 13, TLS_IV);
}

static bool
device_pools(struct device *d, const struct tls_core_conf *conf)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	unsigned size = rte_cryptodev_sym_get_private_session_size(d->id);
	snprintf(name, sizeof name, "tls-sessions%u", conf->core);
	d->session_pool = rte_cryptodev_sym_session_pool_create(name, d->n_sessions, size, 0, 0, conf->socket);
	snprintf(name, sizeof name, "tls-ops%u", conf->core);
	d->op_pool = rte_crypto_op_pool_create(name, RTE_CRYPTO_OP_TYPE_SYMMETRIC, d->n_ops, 0, sizeof(struct private),
					       conf->socket);
	return d->session_pool && d->op_pool &&
	       rte_crypto_op_bulk_alloc(d->op_pool, RTE_CRYPTO_OP_TYPE_SYMMETRIC, d->ops, (uint16_t)d->n_ops) ==
		       d->n_ops;
}

static bool
device_tables(struct device *d, const struct tls_core_conf *conf)
{
	d->n_sessions = 2 * conf->connections + SESSIONS_SPARE;
	d->sessions = rte_zmalloc_socket("tls-device", d->n_sessions * sizeof *d->sessions, 64, conf->socket);
	d->ops = rte_zmalloc_socket("tls-device", d->n_ops * sizeof *d->ops, 64, conf->socket);
	for (d->mask = 1; d->mask < d->n_ops;)
		d->mask <<= 1;
	d->backlog = rte_zmalloc_socket("tls-device", d->mask * sizeof *d->backlog, 64, conf->socket);
	d->order = rte_zmalloc_socket("tls-device", d->mask * sizeof *d->order, 64, conf->socket);
	d->mask--;
	if (!d->sessions || !d->ops || !d->backlog || !d->order)
		return false;
	for (uint32_t i = 0; i < d->n_sessions; i++)
		d->sessions[i].next_free = i + 1 < d->n_sessions ? i + 2 : 0;
	d->free_session = 1;
	return device_pools(d, conf);
}

struct device *
device_new(const struct tls_core_conf *conf, unsigned ops, char *err, size_t err_len)
{
	struct rte_cryptodev_info info;
	struct device *d = rte_zmalloc_socket("tls-device", sizeof *d, 64, conf->socket);
	if (!d) {
		snprintf(err, err_len, "no memory for the crypto device");
		return NULL;
	}
	d->id = (uint8_t)conf->cryptodev;
	d->queue_pair = conf->queue_pair;
	d->n_ops = ops;
	rte_cryptodev_info_get(d->id, &info);
	d->chains = info.feature_flags & RTE_CRYPTODEV_FF_IN_PLACE_SGL;
	if (!device_can(d, TLS_AES_128_GCM))
		snprintf(err, err_len, "crypto device %s has no AES-GCM", rte_cryptodev_name_get(d->id));
	else if (!device_tables(d, conf))
		snprintf(err, err_len, "no memory for sessions of crypto device %s", rte_cryptodev_name_get(d->id));
	else
		return d;
	device_free(d);
	return NULL;
}

void
device_free(struct device *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; d->sessions && i < d->n_sessions; i++)
		if (d->sessions[i].session)
			rte_cryptodev_sym_session_free(d->id, d->sessions[i].session);
	for (uint32_t i = 0; d->ops && i < d->n_ops; i++)
		rte_crypto_op_free(d->ops[i]);
	rte_mempool_free(d->op_pool);
	rte_mempool_free(d->session_pool);
	rte_free(d->sessions);
	rte_free(d->ops);
	rte_free(d->backlog);
	rte_free(d->order);
	rte_free(d);
}

/* --- sessions ---------------------------------------------------------------------------------------------------- */

static bool
prepare(struct tls_core *core, struct tls_op *op)
{
	struct device *d = core->device;
	struct tls_dir *dir = &op->conn->dir[op->way];
	op->aead = dir->aead;
	if (!dir->slot && !session_make(d, op->conn, dir, op->way))
		return false;
	struct session *s = &d->sessions[dir->slot - 1];
	s->in_work++;
	op->key = s->session;
	memcpy(op->raw_key, dir->key, sizeof op->raw_key);
	op->finished = 0;
	op->key_number = dir->slot - 1;
	return true;
}

static bool
session_make(struct device *d, const struct tls_conn *conn, struct tls_dir *dir, enum tls_way way)
{
	uint32_t slot = d->free_session;
	if (!slot)
		return false;
	struct rte_crypto_sym_xform xform = {
		.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {
			.op = way == TLS_TX ? RTE_CRYPTO_AEAD_OP_ENCRYPT : RTE_CRYPTO_AEAD_OP_DECRYPT,
			.algo = dir->aead == TLS_CHACHA20_POLY1305 ? RTE_CRYPTO_AEAD_CHACHA20_POLY1305
								   : RTE_CRYPTO_AEAD_AES_GCM,
			.key = {dir->key, (uint16_t)aead_key_bytes(dir->aead)},
			.iv = {PRIVATE + offsetof(struct private, nonce), TLS_IV},
			.digest_length = TLS_TAG,
			.aad_length = conn->flags & CONN_V13 ? 5 : 13,
		}};
	struct session *s = &d->sessions[slot - 1];
	void *session = rte_cryptodev_sym_session_create(d->id, &xform, d->session_pool);
	if (!session)
		return false;
	d->free_session = s->next_free;
	*s = (struct session){.session = session};
	dir->slot = slot;
	return true;
}

static void
session_drop(struct device *d, struct session *s)
{
	if (!s->forgotten || s->in_work)
		return;
	rte_cryptodev_sym_session_free(d->id, s->session);
	s->session = NULL;
	s->next_free = d->free_session;
	d->free_session = (uint32_t)(s - d->sessions) + 1;
}

static void
forget(struct tls_core *core, struct tls_dir *dir)
{
	struct device *d = core->device;
	if (!dir->slot)
		return;
	struct session *s = &d->sessions[dir->slot - 1];
	s->forgotten = true;
	dir->slot = 0;
	session_drop(d, s);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static void
submit(struct tls_core *core, struct tls_op *const *ops, unsigned n)
{
	struct device *d = core->device;
	for (unsigned i = 0; i < n; i++) {
		d->order[d->tail & d->mask] = ops[i];
		d->backlog[d->tail++ & d->mask] = fill(d, ops[i]);
	}
	push_backlog(d);
}

static struct private *
private_of(struct rte_crypto_op *cop)
{
	return (struct private *)(void *)((uint8_t *)cop + PRIVATE);
}

static struct rte_crypto_op *
fill(struct device *d, struct tls_op *op)
{
	struct rte_crypto_op *cop = d->ops[op->number];
	struct private *p = private_of(cop);
	struct rte_crypto_sym_op *sym = cop->sym;
	cop->status = RTE_CRYPTO_OP_STATUS_NOT_PROCESSED;
	cop->sess_type = RTE_CRYPTO_OP_WITH_SESSION;
	memcpy(p->nonce, op->nonce, sizeof p->nonce);
	memcpy(p->aad, op->aad, sizeof p->aad);
	memcpy(p->tag, op->tag, sizeof p->tag);
	p->op = op;
	sym->m_src = op->m;
	sym->m_dst = NULL;
	sym->session = (void *)(uintptr_t)op->key;
	sym->aead.data.offset = 0;
	sym->aead.data.length = op->m->pkt_len;
	sym->aead.digest.data = p->tag;
	sym->aead.digest.phys_addr = rte_crypto_op_ctophys_offset(cop, PRIVATE + offsetof(struct private, tag));
	sym->aead.aad.data = p->aad;
	sym->aead.aad.phys_addr = rte_crypto_op_ctophys_offset(cop, PRIVATE + offsetof(struct private, aad));
	return cop;
}

/* push_backlog: what the device can take.  An operation that it has refused has a status already; one that found the
 * queue full has none. */
static void
push_backlog(struct device *d)
{
	while (d->head != d->tail) {
		uint32_t at = d->head & d->mask, to_end = d->mask + 1 - at, n = d->tail - d->head;
		struct rte_crypto_op **cops = &d->backlog[at];
		struct tls_op *op = d->order[at];
		if (!d->chains && op->m->nb_segs > 1) {
			leave_to_software(op);
			d->head++;
			continue;
		}
		n = n < to_end ? n : to_end;
		n = !d->chains ? 1 : n < BURST ? n : BURST;
		uint16_t taken = rte_cryptodev_enqueue_burst(d->id, d->queue_pair, cops, (uint16_t)n);
		d->head += taken;
		if (taken == n)
			continue;
		if (cops[taken]->status == RTE_CRYPTO_OP_STATUS_NOT_PROCESSED)
			return;
		leave_to_software(d->order[d->head++ & d->mask]);
	}
}

static void
leave_to_software(struct tls_op *op)
{
	software_once(op);
	op->finished = 1;
}

static void
poll(struct tls_core *core)
{
	struct device *d = core->device;
	struct rte_crypto_op *cops[BURST];
	push_backlog(d);
	for (unsigned got = BURST; got == BURST;) {
		got = rte_cryptodev_dequeue_burst(d->id, d->queue_pair, cops, BURST);
		for (unsigned i = 0; i < got; i++)
			finish(cops[i]);
	}
	while (d->first != d->head && d->order[d->first & d->mask]->finished) {
		struct tls_op *op = d->order[d->first++ & d->mask];
		struct session *s = &d->sessions[op->key_number];
		s->in_work--;
		session_drop(d, s);
		op_finished(core, op);
	}
}

static void
finish(struct rte_crypto_op *cop)
{
	struct private *p = private_of(cop);
	memcpy(p->op->tag, p->tag, sizeof p->tag);
	p->op->ok = cop->status == RTE_CRYPTO_OP_STATUS_SUCCESS;
	p->op->finished = 1;
}
