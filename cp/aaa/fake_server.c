#include "aaa/fake_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

void
fake_server_open(struct fake_server *f, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t n = sizeof a;

	*f = (struct fake_server){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &n), 0);
	f->port = ntohs(a.sin_port);
}

void
fake_server_close(struct fake_server *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

bool
fake_server_recv(struct fake_server *f)
{
	struct sockaddr_in from;
	uint8_t bytes[RADIUS_PACKET_MAX];
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(f->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len);

	if (n < 0)
		return false;
	memcpy(f->request, bytes, (size_t)n);
	f->from = from;
	assert_int_equal(radius_check(f->request, (size_t)n, &f->view), RADIUS_OK);
	if (f->view.code == RADIUS_ACCOUNTING_REQUEST) {
		assert_int_equal(radius_verify_request(f->request, &f->view, FAKE_SECRET), RADIUS_OK);
	} else {
		assert_int_equal(f->view.ma, RADIUS_HEADER + 2);
	}
	return true;
}

void
fake_server_reply(struct fake_server *f, uint8_t code, const struct wr *attributes)
{
	uint8_t out[RADIUS_PACKET_MAX];
	struct wr w = wr_init(out, sizeof out);

	wr_u8(&w, code);
	wr_u8(&w, f->request[1]);
	(void)wr_room(&w, 18);
	radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, (uint8_t[16]){0}, 16);
	if (attributes)
		wr_bytes(&w, attributes->start, wr_len(attributes));
	assert_false(w.bad);
	radius_sign_reply(out, wr_len(&w), 22, FAKE_SECRET, f->request + 4);
	assert_int_equal(sendto(f->fd, out, wr_len(&w), 0, (struct sockaddr *)&f->from, sizeof f->from), wr_len(&w));
}

bool
fake_server_get(const struct fake_server *f, uint32_t attr, unsigned n, struct radius_attr *out)
{
	struct radius_walk w = radius_walk_init(f->request, &f->view);

	for (enum radius_step s; (s = radius_next(&w, out)) != RADIUS_END;)
		if (s == RADIUS_FOUND && out->id == attr && !n--)
			return true;
	return false;
}

uint32_t
fake_server_u32(const struct fake_server *f, uint32_t attr)
{
	struct radius_attr a;
	uint32_t v;

	return fake_server_get(f, attr, 0, &a) && radius_get_u32(&a, &v) ? v : UINT32_MAX;
}

const char *
fake_server_text(const struct fake_server *f, uint32_t attr)
{
	static char text[4][RADIUS_VALUE_MAX + 1];
	static unsigned turn;
	struct radius_attr a;
	char *out = text[turn++ % 4];

	*out = 0;
	if (fake_server_get(f, attr, 0, &a))
		(void)radius_get_text(&a, out, RADIUS_VALUE_MAX + 1);
	return out;
}
