/* conn.c - a connection's life on the worker core: begun, in its handshake, up, ended, its slot free again. */
#include <string.h>

#include "chain.h"
#include "core.h"
#include "engine.h"
#include "keys.h"

#define MILLION 1000000

static enum tls_refused may_begin(struct tls_core *core, struct mono now) ON_LCORE;
static struct tls_conn *begin(struct tls_core *core, uint32_t user, struct mono now, enum tls_refused *why) ON_LCORE;
static void forget_keys(struct tls_core *core, struct tls_conn *conn) ON_LCORE;

/* --- begin ------------------------------------------------------------------------------------------------------- */

struct tls_conn *
tls_accept(struct tls_core *core, uint32_t user, enum tls_listener listener, struct mono now, enum tls_refused *why)
{
	struct tls_conn *conn = begin(core, user, now, why);
	if (conn && !talk_open(core, conn, (uint8_t)listener, NULL)) {
		*why = TLS_REFUSED_HANDSHAKES;
		tls_close(core, conn);
		return NULL;
	}
	return conn;
}

struct tls_conn *
tls_connect(struct tls_core *core, uint32_t user, const char *server_name, struct mono now, enum tls_refused *why)
{
	struct tls_conn *conn = begin(core, user, now, why);
	if (!conn)
		return NULL;
	conn->flags |= CONN_CLIENT;
	if (!talk_open(core, conn, 0, server_name ? server_name : "")) {
		*why = TLS_REFUSED_HANDSHAKES;
		tls_close(core, conn);
		return NULL;
	}
	return conn;
}

static struct tls_conn *
begin(struct tls_core *core, uint32_t user, struct mono now, enum tls_refused *why)
{
	*why = may_begin(core, now);
	if (*why) {
		core->stats.refused[*why]++;
		return NULL;
	}
	struct tls_conn *conn = &core->conn[core->free_conn];
	uint16_t generation = conn->generation;
	core->free_conn = conn->next;
	memset(conn, 0, sizeof *conn);
	conn->generation = generation;
	conn->user = user;
	conn->state = CONN_HANDSHAKE;
	conn->alert = NO_ALERT;
	conn->next = NO_CONN;
	core->in_flight++;
	core->stats.in_flight = core->in_flight;
	core->stats.handshakes++;
	return conn;
}

/* may_begin: a token bucket of one second's handshakes for the rate, a count for the cap. */
static enum tls_refused
may_begin(struct tls_core *core, struct mono now)
{
	uint64_t rate = core->conf.handshake_rate;
	if (core->free_conn == NO_CONN)
		return TLS_REFUSED_SLOTS;
	if (core->in_flight >= core->conf.max_handshakes)
		return TLS_REFUSED_HANDSHAKES;
	if (!rate)
		return TLS_REFUSED_NOT;
	int64_t passed_us = mono_since_us(now, core->rate_at);
	core->rate_at = now;
	core->rate_tokens += rate * (uint64_t)(passed_us < MILLION ? passed_us > 0 ? passed_us : 0 : MILLION);
	if (core->rate_tokens > rate * MILLION)
		core->rate_tokens = rate * MILLION;
	if (core->rate_tokens < MILLION)
		return TLS_REFUSED_RATE;
	core->rate_tokens -= MILLION;
	return TLS_REFUSED_NOT;
}

/* --- up ---------------------------------------------------------------------------------------------------------- */

void
conn_handshake_over(struct tls_core *core, struct tls_conn *conn)
{
	if (conn->state != CONN_HANDSHAKE)
		return;
	core->in_flight--;
	core->stats.in_flight = core->in_flight;
}

void
conn_next_key(struct tls_core *core, struct tls_conn *conn, enum tls_way way)
{
	struct tls_dir *dir = &conn->dir[way];
	bool sha384 = conn->flags & CONN_SHA384;
	engine_of(core, dir)->forget(core, dir);
	keys_update(sha384, conn->secret[way]);
	keys_derive(dir->aead, sha384, conn->secret[way], dir->key, dir->iv);
	dir->seq = 0;
}

static void
set_keys(struct tls_core *core, struct tls_conn *conn, enum tls_way way, const struct tls_msg_up *up)
{
	const struct tls_keys *k = way == TLS_TX ? &up->tx : &up->rx;
	struct tls_dir *dir = &conn->dir[way];
	*dir = (struct tls_dir){.seq = k->seq, .aead = up->aead};
	memcpy(dir->key, k->key, sizeof dir->key);
	memcpy(dir->iv, k->iv, sizeof k->iv);
	memcpy(conn->secret[way], k->secret, sizeof conn->secret[way]);
	dir->device = core->device && device_can(core->device, up->aead);
}

void
conn_keys(struct tls_core *core, struct tls_conn *conn, const struct tls_msg_up *up)
{
	set_keys(core, conn, TLS_TX, up);
	set_keys(core, conn, TLS_RX, up);
	if (up->agreed.version == 0x0304)
		conn->flags |= CONN_V13;
	if (up->sha384)
		conn->flags |= CONN_SHA384;
	memset(conn->msg, 0, sizeof conn->msg);
	conn->state = CONN_RECORDS;
}

/* --- end --------------------------------------------------------------------------------------------------------- */

void
conn_end(struct tls_core *core, struct tls_conn *conn)
{
	conn_handshake_over(core, conn);
	if (conn->state == CONN_RELAYED) {
		rte_pktmbuf_free(conn->relay.tx_held);
		conn->relay.tx_held = NULL;
	}
	if (conn->held) {
		rte_pktmbuf_free(conn->held);
		conn->held = NULL;
	}
	conn->state = CONN_ENDED;
}

/* forget_keys: of a slot that is let go; raw keys do not wait in it for the next connection. */
static void
forget_keys(struct tls_core *core, struct tls_conn *conn)
{
	for (unsigned way = 0; way < 2; way++)
		if (conn->dir[way].aead)
			engine_of(core, &conn->dir[way])->forget(core, &conn->dir[way]);
	memset(conn->dir, 0, sizeof conn->dir);
	memset(conn->secret, 0, sizeof conn->secret);
}

void
tls_close(struct tls_core *core, struct tls_conn *conn)
{
	if (conn->state != CONN_ENDED)
		conn_end(core, conn);
	conn->flags |= CONN_GONE | CONN_SHUT;
	if (conn->flags & CONN_AT_OFFLOAD && !talk_pump(core, conn))
		core_ready(core, conn);
	conn_release(core, conn);
}

void
conn_release(struct tls_core *core, struct tls_conn *conn)
{
	if (!(conn->flags & CONN_GONE) || conn->flags & (CONN_READY | CONN_AT_OFFLOAD) || conn->unsent || conn->holds)
		return;
	forget_keys(core, conn);
	conn->state = CONN_FREE;
	conn->flags = 0;
	conn->generation = conn->generation == UINT16_MAX ? 1 : (uint16_t)(conn->generation + 1);
	conn->next = core->free_conn;
	core->free_conn = (uint32_t)(conn - core->conn);
}

void
tls_shutdown(struct tls_core *core, struct tls_conn *conn)
{
	if (conn->flags & CONN_SHUT)
		return;
	if (conn->state == CONN_RECORDS)
		conn->alert = TLS_ALERT_CLOSE_NOTIFY;
	else if (conn->state == CONN_RELAYED)
		conn->flags |= CONN_SHUTDOWN_DUE;
	conn->flags |= CONN_SHUT;
	core_ready(core, conn);
}

/* --- what the caller asks ---------------------------------------------------------------------------------------- */

uint32_t
tls_user(const struct tls_conn *conn)
{
	return conn->user;
}

bool
tls_unsent(const struct tls_conn *conn)
{
	return conn->unsent || conn->alert != NO_ALERT || conn->flags & CONN_SHUTDOWN_DUE;
}

uint32_t
tls_held(const struct tls_conn *conn)
{
	return conn->held ? conn->held->pkt_len : 0;
}

uint32_t
tls_held_mbufs(const struct tls_conn *conn)
{
	return conn->held ? conn->held->nb_segs : 0;
}

bool
tls_opening(const struct tls_conn *conn)
{
	return conn->holds || (conn->state != CONN_ENDED && conn->flags & (CONN_READY | CONN_BYTES_OUT));
}

uint32_t
tls_room(const struct tls_conn *conn)
{
	if (conn->flags & CONN_SHUT)
		return 0;
	if (conn->state == CONN_RECORDS)
		return TLS_PLAINTEXT_MAX;
	if (conn->state != CONN_RELAYED)
		return 0;
	uint32_t held = conn->relay.tx_held ? conn->relay.tx_held->pkt_len : 0;
	return held < TLS_PLAINTEXT_MAX ? TLS_PLAINTEXT_MAX - held : 0;
}

void
tls_wait(struct tls_core *core, struct tls_conn *conn, bool on)
{
	if (!on == !(conn->flags & CONN_WAITS))
		return;
	conn->flags ^= CONN_WAITS;
	if (!on)
		core_ready(core, conn);
}

bool
tls_answered(const struct tls_conn *conn)
{
	return conn->state != CONN_HANDSHAKE || conn->flags & (CONN_ANSWERED | CONN_BYTES_OUT);
}

bool
tls_relayed(const struct tls_conn *conn)
{
	return conn->state == CONN_RELAYED;
}

unsigned
tls_overhead(const struct tls_conn *conn)
{
	if (conn->state != CONN_RECORDS)
		return RELAYED_OVERHEAD;
	if (conn->flags & CONN_V13)
		return TLS_HEADER + 1 + TLS_TAG;
	return TLS_HEADER + TLS_TAG + (conn->dir[TLS_TX].aead == TLS_CHACHA20_POLY1305 ? 0 : EXPLICIT_NONCE);
}

/* --- handles ----------------------------------------------------------------------------------------------------- */

uint64_t
conn_handle(const struct tls_core *core, const struct tls_conn *conn)
{
	return tls_handle(core->conf.core, (uint32_t)(conn - core->conn), conn->generation);
}

struct tls_conn *
conn_of_handle(const struct tls_core *core, uint64_t handle)
{
	uint32_t i = tls_handle_index(handle);
	if (i >= core->conf.connections)
		return NULL;
	struct tls_conn *conn = &core->conn[i];
	return conn->state != CONN_FREE && conn->generation == tls_handle_generation(handle) ? conn : NULL;
}

struct tls_link *
conn_link(const struct tls_core *core, const struct tls_conn *conn)
{
	return &core->link[(uint32_t)(conn - core->conn) % core->n_links];
}
