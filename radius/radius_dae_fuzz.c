/* Requests to our CoA port.  The first byte: 1 puts the length field right, 2 the authenticators, 4 repeats the datagram:
 * then the answer must be the same, and nothing be done twice. */
#include <stdlib.h>

#include <radius/dae.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static unsigned done;

static enum radius_error_cause
on_request(void *owner, const struct radius_dae_request *r, struct mono now)
{
	struct radius_walk w = radius_walk_init(r->packet, &r->view);
	struct radius_attr a;
	unsigned n = 0;

	(void)owner;
	(void)now;
	while (radius_next(&w, &a) != RADIUS_END)
		n++;
	done++;
	return n % 3 ? RADIUS_EC_NOT_FOUND : RADIUS_EC_NONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct radius_dae *dae;
	static uint8_t first[RADIUS_PACKET_MAX], second[RADIUS_PACKET_MAX];
	static int64_t us;
	struct radius_view v;
	char err[128];
	struct radius_dae_conf conf = {
		.address = addr_from_ip4(0x7f000001), .secret = "secret", .window_s = 300, .request = on_request};

	role_assume_main();
	if (!dae)
		dae = radius_dae_new(&conf, err, sizeof err);
	if (!len || !dae || len > RADIUS_PACKET_MAX)
		return 0;
	uint8_t *p = malloc(len);
	memcpy(p, bytes + 1, len - 1);
	if (bytes[0] & 1 && len > RADIUS_HEADER)
		put_be16(p + 2, (uint16_t)(len - 1));
	if (bytes[0] & 2 && !radius_check(p, len - 1, &v))
		radius_sign_request(p, v.len, v.ma, "secret");
	us += 1000000;
	struct radius_datagram in = {addr_from_ip4(0x7f000002), 1, p, len - 1};
	size_t n = radius_dae_take(dae, &in, first, (struct mono){us}, 1700000000);
	unsigned before = done;
	if (bytes[0] & 4 && (radius_dae_take(dae, &in, second, (struct mono){us}, 1700000000) != n || before != done ||
			     memcmp(first, second, n)))
		abort();
	free(p);
	return 0;
}
