/* loopback.h - for tests: a client on a virtual clock, and servers that read and answer when the test says so.
 *
 * Real UDP on the loopback; nothing waits: a datagram is there when send has returned.
 */
#ifndef RADIUS_LOOPBACK_H
#define RADIUS_LOOPBACK_H

#include <sys/socket.h>

#include <radius/client.h>

#define SECRET "testing123"
#define ENDED_MAX 4096

struct server {
	int fd;
	uint16_t port;
	struct sockaddr_storage from;
	socklen_t from_len;
	uint8_t request[RADIUS_PACKET_MAX];
	size_t len;
};

/* What `done` was told. */
struct ended {
	uint64_t cookie, tried;
	uint8_t code;
	bool silent;
	unsigned server;
};

extern struct radius_client *client;
extern struct mono now;
extern struct server servers[4];
extern struct radius_server_conf server_conf[4];
extern struct ended ended[ENDED_MAX];
extern unsigned n_ended; /* the last is ended[(n_ended - 1) % ENDED_MAX] */

void server_open(struct server *s, const char *address);
/* server_recv: false: nothing has come. */
bool server_recv(struct server *s);
void server_send(struct server *s, const void *p, size_t n);
/* make_reply: a right answer to the last request, to be spoilt. */
size_t make_reply(struct server *s, uint8_t code, uint8_t *out, bool sign);
void reply(struct server *s, uint8_t code);
void step(int64_t ms);
struct radius_client_conf defaults(void);
/* open_servers, open_client: begin in two; server_conf and conf may be changed between. */
void open_servers(unsigned n);
void open_client(struct radius_client_conf conf, unsigned n);
/* begin: n servers on the loopback, and a client that has them. */
void begin(unsigned n);
void end(unsigned n);
enum radius_err ask_as(enum radius_role role, uint64_t cookie);
/* ask: an Access-Request, which is sent at once. */
void ask(uint64_t cookie);
/* refused: datagrams that were no answer, for this reason. */
uint64_t refused(unsigned server, enum radius_err e);

#endif
