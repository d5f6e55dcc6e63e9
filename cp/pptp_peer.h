/* pptp_peer.h - for tests: a scripted PPTP client against the whole of cp on a virtual clock: control messages over a stream,
 * PPP as if GRE carried it; what the log and the control socket say is kept.
 *
 *	peer_begin(conf); peer_start(); peer_call(7); PEER_PPP(PPP_LCP, 1, 1, "..."); peer_heard("[LCP ConfAck id=1*]"); peer_end()
 */
#ifndef CP_PPTP_PEER_H
#define CP_PPTP_PEER_H

#include "fake_dataplane.h"
#include "session.h"

#define PEER_FRAMES 64
#define PEER_CONN handle_make(0, 5, 1)

struct pptp_peer {
	struct mono now;
	struct fake_dataplane fake;
	struct conf *conf;
	struct cp *cp;
	struct log *log;
	char dir[32];
	uint8_t stream[8192]; /* what the server has said on the control connection; read up to n_read */
	size_t n_stream, n_read;
	unsigned closes;
	struct fake_session *session;           /* of the last call */
	struct fake_packet frames[PEER_FRAMES]; /* PPP from the server; seen up to n_seen */
	unsigned n_frames, n_seen;
	void (*idle)(void); /* at each step of time */
	char line[512];     /* the last frame seen, as the trace has it */
};

extern struct pptp_peer peer;

/* peer_begin: a server with this configuration, and a TCP connection to it from 192.168.1.47 port 2000.  peer_end: frees. */
void peer_begin(const char *conf);
void peer_end(void);

void peer_run_ms(unsigned ms);

/* peer_say: a control message.  peer_hear: the server's next, which must be of that type.  peer_quiet: it has said no more. */
void peer_say(const struct pptp_msg *m);
struct pptp_msg peer_hear(enum pptp_type type);
void peer_quiet(void);

/* peer_start: Start-Control-Connection.  peer_call: an Outgoing-Call with this id of ours; PPP is that call's from then on. */
void peer_start(void);
struct fake_session *peer_call(uint16_t our_id);

/* peer_gone: the TCP connection is no more. */
void peer_gone(enum dp_conn_gone_reason reason);

/* peer_ppp: a frame: protocol, code, identifier, then what follows the length. */
void peer_ppp(uint16_t proto, uint8_t code, uint8_t id, const void *data, size_t len);
#define PEER_PPP(proto, code, id, bytes) peer_ppp(proto, code, id, bytes, sizeof bytes - 1)

/* peer_ack: the Configure-Ack of the server's request. */
void peer_ack(const struct fake_packet *request);

/* peer_heard: the server's next frame, which the trace must show like this, but for what is between two stars.  peer_silence:
 * there is none. */
const struct fake_packet *peer_heard(const char *want);
void peer_silence(void);

/* peer_ask: the answer of the control socket, lines of JSON; valid until the next. */
const char *peer_ask(const char *command);

/* peer_log: all that is in the log so far. */
const char *peer_log(void);

/* peer_must: text has this in it. */
void peer_must(const char *text, const char *want);

#endif
