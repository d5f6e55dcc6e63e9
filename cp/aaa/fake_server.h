/* fake_server.h - for tests: a RADIUS server of a few lines on the loopback, and a parser of what it was sent.
 *
 * It answers when the test says so: fake_server_recv takes one request, fake_server_reply answers the last one.
 */
#ifndef CP_AAA_FAKE_SERVER_H
#define CP_AAA_FAKE_SERVER_H

#include <netinet/in.h>

#include <radius/packet.h>

#define FAKE_SECRET "testing123"

struct fake_server {
	int fd;
	uint16_t port;
	struct sockaddr_in from;
	uint8_t request[RADIUS_PACKET_MAX];
	struct radius_view view;
};

void fake_server_open(struct fake_server *f, uint16_t port);
void fake_server_close(struct fake_server *f);

/* fake_server_recv: false: nothing has come.  Fails the test when a request is not signed as it must be. */
bool fake_server_recv(struct fake_server *f);

/* fake_server_reply: to the last request, with these attributes. */
void fake_server_reply(struct fake_server *f, uint8_t code, const struct wr *attributes);

/* fake_server_get: the n-th attribute of this kind in the last request; false: there is none. */
bool fake_server_get(const struct fake_server *f, uint32_t attr, unsigned n, struct radius_attr *out);

/* fake_server_u32, fake_server_text: the first one; 0xffffffff and "" when there is none. */
uint32_t fake_server_u32(const struct fake_server *f, uint32_t attr);
const char *fake_server_text(const struct fake_server *f, uint32_t attr);

#endif
