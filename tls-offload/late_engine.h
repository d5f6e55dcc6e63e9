/* late_engine.h - an OpenSSL engine for tests: RSA's private-key operations are done later, by another thread, as a device would.
 *
 * Inside an asynchronous job an operation is queued and the job pauses; the engine's thread does it when late_release
 * allows, and says so through the callback.  Outside of one it is done at once.
 */
#ifndef TLS_OFFLOAD_LATE_ENGINE_H
#define TLS_OFFLOAD_LATE_ENGINE_H

#include <stdbool.h>

/* late_engine_add: makes the engine "late" known to OpenSSL. */
bool late_engine_add(void);
/* late_engine_remove: nothing uses it any more. */
void late_engine_remove(void);

/* late_hold: operations stay queued until late_release. */
void late_hold(void);
void late_release(void);

unsigned late_queued(void); /* now */
unsigned late_done(void);   /* since the start */

#endif
