/* engine.h - what seals and opens: the software engine and the device engine have the same four functions.
 *
 *	prepare   finds (or makes) the expanded key or session of the op's direction: op->key.  False: none can be had now.
 *	submit    takes all n ops, in order (at most TLS_BATCH)
 *	poll      looks for finished ops; NULL: what is submitted is finished
 *	forget    the direction's key is no longer: ops in work may end with it
 *
 * An op's chain is exactly the bytes to encrypt or decrypt, in place; nonce and AAD are beside it; the tag is op->tag.  An
 * engine says op_finished of each, in their order, when op->tag is filled in (sealed) or op->ok (opened).
 */
#ifndef TLS_OFFLOAD_ENGINE_H
#define TLS_OFFLOAD_ENGINE_H

#include "core.h"

struct tls_engine {
	bool (*prepare)(struct tls_core *core, struct tls_op *op);
	void (*submit)(struct tls_core *core, struct tls_op *const *ops, unsigned n);
	void (*poll)(struct tls_core *core);
	void (*forget)(struct tls_core *core, struct tls_dir *dir);
};

extern const struct tls_engine software_engine, device_engine;

/* software_new: the expanded-key cache of `keys` entries; software_bytes: its size. */
struct software *software_new(unsigned keys, int socket) INIT_ONLY;
void software_free(struct software *s) INIT_ONLY;
size_t software_bytes(unsigned keys) ANY_THREAD;
/* software_once: one op with op->raw_key, without the cache: what a device cannot do. */
void software_once(struct tls_op *op) ANY_THREAD;

/* device_new: sessions and operations for a cryptodev's queue pair; NULL and err when it cannot be used. */
struct device *device_new(const struct tls_core_conf *conf, unsigned ops, char *err, size_t err_len) INIT_ONLY;
void device_free(struct device *d) INIT_ONLY;
/* device_can: whether the device has the cipher. */
bool device_can(const struct device *d, enum tls_aead aead) ANY_THREAD;

static inline const struct tls_engine *
engine_of(const struct tls_core *core, const struct tls_dir *dir)
{
	return core->engine[dir->device];
}

static inline unsigned
aead_key_bytes(enum tls_aead aead)
{
	return aead == TLS_AES_128_GCM ? 16 : 32;
}

#endif
