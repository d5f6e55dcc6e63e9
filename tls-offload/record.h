/* record.h - nonces and additional data of records, the same for both ways.
 *
 *	TLS 1.3 (RFC 8446 5.2, 5.3)        nonce = IV xor 0^4 seq          AAD = the record header
 *	TLS 1.2 ChaCha20 (RFC 7905 2)      nonce = IV xor 0^4 seq          AAD = seq type version plaintext-length
 *	TLS 1.2 GCM (RFC 5288 3)           nonce = salt explicit           the same
 *
 * The explicit nonce that we send counts on from the one that OpenSSL used in its Finished, record 0: it is that plus the
 * sequence number, so no nonce comes twice under one key.
 */
#ifndef TLS_OFFLOAD_RECORD_H
#define TLS_OFFLOAD_RECORD_H

#include <emmintrin.h>

#include <millrace/bytes.h>

#include "core.h"

static inline bool
record_explicit(const struct tls_conn *conn, const struct tls_dir *dir)
{
	return !(conn->flags & CONN_V13) && dir->aead != TLS_CHACHA20_POLY1305;
}

/* Nonces are made in a register and stored as 16 bytes: the library loads them as such, and a load wider than the store
 * before it costs 45 cycles. */
static inline void
record_nonce_xor(struct tls_op *op, const struct tls_dir *dir)
{
	uint64_t seq_be = __builtin_bswap64(dir->seq);
	__m128i seq = _mm_set_epi64x((long long)(seq_be >> 32), (long long)(seq_be << 32));
	__m128i iv = _mm_load_si128((const __m128i *)(const void *)dir->iv);
	_mm_store_si128((__m128i *)(void *)op->nonce, _mm_xor_si128(iv, seq));
}

static inline void
record_nonce_explicit(struct tls_op *op, const struct tls_dir *dir, uint64_t explicit)
{
	uint32_t salt;
	uint64_t e = __builtin_bswap64(explicit);
	__builtin_memcpy(&salt, dir->iv, sizeof salt);
	__m128i nonce = _mm_set_epi64x((long long)(e >> 32), (long long)(e << 32 | salt));
	_mm_store_si128((__m128i *)(void *)op->nonce, nonce);
}

static inline void
record_header(uint8_t *p, uint8_t type, uint32_t len)
{
	p[0] = type;
	p[1] = 3;
	p[2] = 3;
	put_be16(p + 3, (uint16_t)len);
}

/* record_aad12: RFC 5246 6.2.3.3, of the header that stands in the record. */
static inline void
record_aad12(struct tls_op *op, const struct tls_dir *dir, const uint8_t *header, uint32_t plaintext)
{
	put_be64(op->aad, dir->seq);
	op->aad[8] = header[0];
	op->aad[9] = header[1];
	op->aad[10] = header[2];
	put_be16(op->aad + 11, (uint16_t)plaintext);
	op->aad_len = 13;
}

static inline void
record_aad13(struct tls_op *op, const uint8_t *header)
{
	__builtin_memcpy(op->aad, header, TLS_HEADER);
	op->aad_len = TLS_HEADER;
}

#endif
