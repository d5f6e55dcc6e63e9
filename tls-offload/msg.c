/* msg.c - the rows of msg.def as data. */
#include <tls-offload/msg.h>

const struct tls_msg_row *
tls_msg_row(unsigned type)
{
	static const struct tls_msg_row rows[] = {
#define MSG(msg, payload, direction, class, text) [TLS_MSG_##msg] = {#msg, text, sizeof(struct payload)},
#include <tls-offload/msg.def>
#undef MSG
	};
	return &rows[type];
}
