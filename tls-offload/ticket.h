/* ticket.h - the keys of session tickets, which change.  Private to the room.
 *
 * A ticket is as good as its key (RFC 5077 5.5): who gets hold of that can read all that was resumed with it.  So a key
 * seals tickets for TICKET_KEY_S, opens them for as long again, and is wiped.  OFFLOAD's threads share one struct, and so do
 * contexts whose tickets are good for one another.  A thread's turn changes the keys; a lock holds them together.
 */
#ifndef TLS_OFFLOAD_TICKET_H
#define TLS_OFFLOAD_TICKET_H

#include <stdbool.h>

#include <openssl/evp.h>

#include <millrace/mono.h>
#include <millrace/role.h>

#define TICKET_KEY_S (12 * 3600)
#define TICKET_NAME 16 /* RFC 5077 4: what OpenSSL has room for */
#define TICKET_IV 16

struct tickets;

/* tickets_new: with a first key and one reference; NULL without memory or random bytes. */
struct tickets *tickets_new(void) ANY_THREAD;
struct tickets *tickets_get(struct tickets *t) ANY_THREAD;
void tickets_put(struct tickets *t) ANY_THREAD;

/* tickets_turn: makes the next key when it is time; a thread's every turn.  The first turn begins the first key's time. */
void tickets_turn(struct tickets *t, struct mono now) ON_OFFLOAD;

/* tickets_seal: prepares cipher and mac for a new ticket; its key's name and an IV into name and iv. */
bool tickets_seal(struct tickets *t, uint8_t name[TICKET_NAME], uint8_t iv[TICKET_IV], EVP_CIPHER_CTX *cipher,
		  EVP_MAC_CTX *mac) ANY_THREAD;

/* tickets_open: prepares them for a ticket that has come. */
enum ticket { TICKET_STRANGE, TICKET_CURRENT, TICKET_FORMER, TICKET_FAILED };
enum ticket tickets_open(struct tickets *t, const uint8_t name[TICKET_NAME], const uint8_t iv[TICKET_IV],
			 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac) ANY_THREAD;

#endif
