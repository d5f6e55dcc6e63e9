/* streams.h - TCP connections of the worker cores, as MAIN's protocols use them: SSTP's over TLS, PPTP's control.
 *
 * A worker says CONN_OPEN, then STREAM_IN as often as there is something, then CONN_GONE, once; the protocol that the
 * listener was made for hears of each.  MAIN only.
 *
 *	streams_listen(cp, &endpoints, &how)   a protocol's listeners: 0.0.0.0 and :: are those of access interfaces
 *	cp->streams.protocol[DP_STREAM_SSTP]   its functions
 */
#ifndef CP_STREAMS_H
#define CP_STREAMS_H

#include <dp/dp.h>
#include <millrace/byte_ring.h>

#include "conf/conf.h"

struct cp;
struct stream;

struct stream_ops {
	/* open: what the protocol wants to be called with (never NULL), or NULL to refuse.  name: the TLS server name,
	 * proxy: the PROXY header; both of the record, of these lengths. */
	void *(*open)(struct cp *cp, uint64_t conn, const struct dp_conn_open *open, const uint8_t *bytes,
		      struct mono now);
	void (*input)(void *user, const uint8_t *bytes, size_t len, struct mono now);
	void (*gone)(struct cp *cp, void *user, const struct dp_conn_gone *why, struct mono now);
};

struct streams {
	const struct stream_ops *protocol[3]; /* enum dp_stream */
	struct stream *by_conn;
	uint32_t n;
};

struct stream_listen {
	uint8_t stream, tls; /* enum dp_stream, enum dp_tls */
	bool proxy;
};

/* streams_listen: tells the workers. */
void streams_listen(struct cp *cp, const struct conf_endpoints *e, const struct stream_listen *how) ON_MAIN;

void streams_opened(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN;
void streams_input(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN;
void streams_gone(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN;
void streams_failed(struct cp *cp, const struct byte_ring_rec *rec, struct mono now) ON_MAIN;

/* streams_send: bytes for the connection, in order.  streams_close: CONN_GONE follows. */
void streams_send(struct cp *cp, uint64_t conn, const uint8_t *bytes, size_t len) ON_MAIN;
void streams_close(struct cp *cp, uint64_t conn, bool abort) ON_MAIN;

/* streams_fini: forgets all, without a word. */
void streams_fini(struct cp *cp) ON_MAIN;

/* stream_tls_text: why TLS failed, the peer's alert by its name; buf. */
const char *stream_tls_text(const struct dp_conn_gone *why, char *buf, size_t n) ANY_THREAD;

/* stream_cause: why a connection's end ends what it carried. */
enum cause stream_cause(const struct dp_conn_gone *why) ANY_THREAD;

#endif
