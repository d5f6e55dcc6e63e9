/* imb.h - ipsec-mb's header as it must be included.
 *
 * It aligns gcm_key_data only with LINUX defined; without, the structure has another size than in the library, and
 * expanding a key crashes.  Never beside OpenSSL's headers: both have a SHA1.
 */
#ifndef TLS_OFFLOAD_IMB_H
#define TLS_OFFLOAD_IMB_H

#ifndef LINUX
#define LINUX
#endif
#include <intel-ipsec-mb.h>

_Static_assert(sizeof(struct gcm_key_data) == 1024 && _Alignof(struct gcm_key_data) == 64, "as the library has it");

/* imb: its functions for this processor, or NULL before keys_init.  Only the direct ones are used: they keep nothing in
 * the manager, so that every thread may call them. */
extern const IMB_MGR *imb;

#endif
