/* ticket.c - see ticket.h. */
#include "ticket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#define MILLION 1000000

struct ticket_key {
	uint8_t name[TICKET_NAME], cipher[32], mac[32];
};

struct tickets {
	_Atomic unsigned references;
	_Atomic int64_t due_us; /* when the next key is made; 0: no turn has been yet */
	pthread_mutex_t lock;   /* of what follows */
	struct ticket_key current, former;
	bool has_former;
};

static bool key_make(struct ticket_key *k);
static bool key_mac(const struct ticket_key *k, EVP_MAC_CTX *mac);

/* --- life -------------------------------------------------------------------------------------------------------- */

struct tickets *
tickets_new(void)
{
	struct tickets *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->references = 1;
	if (pthread_mutex_init(&t->lock, NULL) || !key_make(&t->current)) {
		free(t);
		return NULL;
	}
	return t;
}

struct tickets *
tickets_get(struct tickets *t)
{
	atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
	return t;
}

void
tickets_put(struct tickets *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_clear_free(t, sizeof *t);
}

static bool
key_make(struct ticket_key *k)
{
	return RAND_bytes(k->name, sizeof k->name) == 1 && RAND_priv_bytes(k->cipher, sizeof k->cipher) == 1 &&
	       RAND_priv_bytes(k->mac, sizeof k->mac) == 1;
}

/* rotate: without random bytes the key stays, and the next turn tries again. */
static void
rotate(struct tickets *t)
{
	struct ticket_key next;
	if (!key_make(&next))
		return;
	t->former = t->current;
	t->has_former = true;
	t->current = next;
	t->due_us += (int64_t)TICKET_KEY_S * MILLION;
	OPENSSL_cleanse(&next, sizeof next);
}

void
tickets_turn(struct tickets *t, struct mono now)
{
	if (now.us < atomic_load_explicit(&t->due_us, memory_order_relaxed))
		return;
	pthread_mutex_lock(&t->lock);
	if (!t->due_us)
		t->due_us = now.us + (int64_t)TICKET_KEY_S * MILLION;
	else if (now.us >= t->due_us)
		rotate(t);
	pthread_mutex_unlock(&t->lock);
}

/* --- use --------------------------------------------------------------------------------------------------------- */

static bool
key_mac(const struct ticket_key *k, EVP_MAC_CTX *mac)
{
	uint8_t key[sizeof k->mac];
	char digest[] = "SHA256";
	memcpy(key, k->mac, sizeof key);
	const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key),
				     OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
				     OSSL_PARAM_construct_end()};
	bool ok = EVP_MAC_CTX_set_params(mac, params);
	OPENSSL_cleanse(key, sizeof key);
	return ok;
}

bool
tickets_seal(struct tickets *t, uint8_t name[TICKET_NAME], uint8_t iv[TICKET_IV], EVP_CIPHER_CTX *cipher,
	     EVP_MAC_CTX *mac)
{
	if (RAND_bytes(iv, TICKET_IV) != 1)
		return false;
	pthread_mutex_lock(&t->lock);
	memcpy(name, t->current.name, TICKET_NAME);
	bool ok =
		EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, t->current.cipher, iv) && key_mac(&t->current, mac);
	pthread_mutex_unlock(&t->lock);
	return ok;
}

enum ticket
tickets_open(struct tickets *t, const uint8_t name[TICKET_NAME], const uint8_t iv[TICKET_IV], EVP_CIPHER_CTX *cipher,
	     EVP_MAC_CTX *mac)
{
	enum ticket found = TICKET_STRANGE;
	pthread_mutex_lock(&t->lock);
	if (!memcmp(name, t->current.name, TICKET_NAME))
		found = TICKET_CURRENT;
	else if (t->has_former && !memcmp(name, t->former.name, TICKET_NAME))
		found = TICKET_FORMER;
	const struct ticket_key *k = found == TICKET_FORMER ? &t->former : &t->current;
	if (found && (!EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) || !key_mac(k, mac)))
		found = TICKET_FAILED;
	pthread_mutex_unlock(&t->lock);
	return found;
}
