/* Any bytes as a control packet: the parser, and what it says of the message. */
#include <stdlib.h>
#include <string.h>

#include "sstp/binding.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const uint8_t zeros[32];
	const struct sstp_binding b = {zeros, zeros, zeros, zeros, 3};
	struct sstp_msg m;
	struct sstp_fault f = sstp_msg_parse(bytes, len, &m);
	if (!*sstp_msg_name(m.type) || !*sstp_status_text(f.status))
		abort();
	if (f.status)
		return 0;
	if (m.type == SSTP_MSG_CALL_CONNECTED && (len != SSTP_CONNECTED_LEN || !m.mac || !m.cert_hash))
		abort();
	if (m.type == SSTP_MSG_CALL_CONNECTED)
		sstp_binding_check(&b, bytes);
	if (m.type == SSTP_MSG_CALL_CONNECT_ACK && !m.nonce)
		abort();
	return 0;
}
