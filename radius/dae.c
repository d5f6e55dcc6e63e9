#include <radius/dae.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PER_STEP 64
#define REMEMBER_S 30
#define BUCKETS 4096
#define NOWHERE (-1)

/* A request that has been answered; entries are used in turn. */
struct remembered {
	struct addr from;
	uint16_t cause;
	uint8_t id, authenticator[RADIUS_AUTHENTICATOR];
	struct mono until;
	int32_t next; /* of its bucket */
};

struct radius_dae {
	struct radius_dae_conf conf;
	struct radius_dae_client *clients; /* with secrets of ours */
	unsigned n_clients;
	char *secret;
	struct radius_dae_stats stats;
	int fd;
	uint32_t next;
	int32_t buckets[BUCKETS];
	struct remembered entries[DAE_REMEMBERED];
};

static void free_clients(struct radius_dae_client *list, unsigned n);
static int open_socket(struct radius_dae *d) ON_MAIN;
static const char *secret_of(const struct radius_dae *d, const struct addr *from) ON_MAIN;
static enum radius_err judge(const struct radius_dae *d, const struct radius_datagram *in, struct radius_view *v,
			     const char *secret) ON_MAIN;
static bool timestamp_of(const uint8_t *packet, const struct radius_view *v, uint32_t *out) ON_MAIN;
static enum radius_err judge_time(const struct radius_dae *d, const struct radius_datagram *in,
				  const struct radius_view *v, int64_t wall_s) ON_MAIN;
static struct remembered *recall(struct radius_dae *d, const struct radius_datagram *in, struct mono now) ON_MAIN;
static void remember(struct radius_dae *d, const struct radius_datagram *in, uint16_t cause, struct mono until) ON_MAIN;
static void forget(struct radius_dae *d, int32_t index) ON_MAIN;
static void count(struct radius_dae *d, uint8_t code, bool ack) ON_MAIN;
static size_t answer(const struct radius_datagram *in, const struct radius_view *v, uint16_t cause, const char *secret,
		     uint8_t *out) ON_MAIN;
static void send_answer(struct radius_dae *d, const struct sockaddr_storage *to, const uint8_t *p, size_t n) ON_MAIN;

struct radius_dae *
radius_dae_new(const struct radius_dae_conf *conf, char *err, size_t err_len)
{
	struct radius_dae *d = calloc(1, sizeof *d);
	char text[ADDR_STRLEN];

	if (!d) {
		snprintf(err, err_len, "out of memory");
		return NULL;
	}
	d->conf = *conf;
	d->fd = -1;
	memset(d->buckets, 0xff, sizeof d->buckets);
	int rc = radius_dae_configure(d, conf) ? open_socket(d) : -ENOMEM;
	if (!rc)
		return d;
	snprintf(err, err_len, "%s port %u: %s", addr_str(&conf->address, text), conf->port, strerror(-rc));
	radius_dae_free(d);
	return NULL;
}

bool
radius_dae_configure(struct radius_dae *d, const struct radius_dae_conf *conf)
{
	struct radius_dae_client *list = calloc(conf->n_clients + 1, sizeof *list);
	char *secret = conf->secret ? strdup(conf->secret) : NULL;
	bool ok = list && (secret || !conf->secret);

	for (unsigned i = 0; ok && i < conf->n_clients; i++) {
		list[i] = (struct radius_dae_client){conf->clients[i].address, strdup(conf->clients[i].secret)};
		ok = list[i].secret != NULL;
	}
	if (!ok) {
		free_clients(list, conf->n_clients);
		free(secret);
		return false;
	}
	free_clients(d->clients, d->n_clients);
	free(d->secret);
	d->clients = list;
	d->n_clients = conf->n_clients;
	d->secret = secret;
	d->conf.require_timestamp = conf->require_timestamp;
	return true;
}

static void
free_clients(struct radius_dae_client *list, unsigned n)
{
	for (unsigned i = 0; list && i < n; i++)
		free((char *)list[i].secret);
	free(list);
}

static int
open_socket(struct radius_dae *d)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(d->conf.port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(d->conf.port)};
	bool v4 = addr_is_v4(&d->conf.address);
	int one = 1;

	memcpy(&in.sin_addr, d->conf.address.b + 12, 4);
	memcpy(&in6.sin6_addr, d->conf.address.b, 16);
	d->fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -errno;
	if (!v4)
		(void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	const struct sockaddr *a = v4 ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;
	return bind(d->fd, a, v4 ? sizeof in : sizeof in6) < 0 ? -errno : 0;
}

void
radius_dae_free(struct radius_dae *d)
{
	if (!d)
		return;
	if (d->fd >= 0)
		close(d->fd);
	free_clients(d->clients, d->n_clients);
	free(d->secret);
	free(d);
}

int
radius_dae_fd(const struct radius_dae *d)
{
	return d->fd;
}

void
radius_dae_stats(const struct radius_dae *d, struct radius_dae_stats *out)
{
	*out = d->stats;
}

void
radius_dae_step(struct radius_dae *d, struct mono now, int64_t wall_s)
{
	uint8_t packet[RADIUS_PACKET_MAX], out[RADIUS_PACKET_MAX];

	for (unsigned i = 0; i < PER_STEP; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof from;
		ssize_t n = recvfrom(d->fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
		if (n < 0)
			return;
		struct radius_datagram in = {.bytes = packet, .len = (size_t)n};
		const struct sockaddr_in *a = (const struct sockaddr_in *)&from;
		const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)&from;
		bool v4 = from.ss_family == AF_INET;
		in.port = ntohs(v4 ? a->sin_port : a6->sin6_port);
		in.from = addr_from_ip4(v4 ? ntohl(a->sin_addr.s_addr) : 0);
		if (!v4)
			memcpy(in.from.b, &a6->sin6_addr, 16);
		size_t len = radius_dae_take(d, &in, out, now, wall_s);
		if (len)
			send_answer(d, &from, out, len);
	}
}

static void
send_answer(struct radius_dae *d, const struct sockaddr_storage *to, const uint8_t *p, size_t n)
{
	socklen_t len = to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	(void)!sendto(d->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)to, len);
}

size_t
radius_dae_take(struct radius_dae *d, const struct radius_datagram *in, uint8_t *out, struct mono now, int64_t wall_s)
{
	const char *secret = secret_of(d, &in->from);
	struct radius_view v;
	uint32_t stamp;

	d->stats.received++;
	enum radius_err e = judge(d, in, &v, secret);
	struct remembered *before = e ? NULL : recall(d, in, now);
	if (before) {
		d->stats.duplicates++;
		return answer(in, &v, before->cause, secret, out);
	}
	if (!e)
		e = judge_time(d, in, &v, wall_s);
	if (e) {
		d->stats.refused[e]++;
		return 0;
	}
	struct radius_dae_request r = {v.code == RADIUS_DISCONNECT_REQUEST, in->from, in->bytes, v};
	enum radius_error_cause cause = d->conf.request(d->conf.owner, &r, now);
	bool stamped = timestamp_of(in->bytes, &v, &stamp);
	int64_t keep = stamped ? 2 * (int64_t)d->conf.window_s : REMEMBER_S;
	remember(d, in, (uint16_t)cause, mono_add_s(now, keep > REMEMBER_S ? keep : REMEMBER_S));
	count(d, v.code, !cause);
	return answer(in, &v, (uint16_t)cause, secret, out);
}

static const char *
secret_of(const struct radius_dae *d, const struct addr *from)
{
	const struct radius_dae_client *best = NULL;

	for (unsigned i = 0; i < d->n_clients; i++) {
		const struct radius_dae_client *c = &d->clients[i];
		if (prefix_contains(&c->address, from) && (!best || c->address.len > best->address.len))
			best = c;
	}
	return best ? best->secret : d->secret;
}

static enum radius_err
judge(const struct radius_dae *d, const struct radius_datagram *in, struct radius_view *v, const char *secret)
{
	(void)d;
	if (!secret)
		return RADIUS_CLIENT;
	enum radius_err e = radius_check(in->bytes, in->len, v);
	if (e)
		return e;
	if (v->code != RADIUS_COA_REQUEST && v->code != RADIUS_DISCONNECT_REQUEST)
		return RADIUS_NOT_A_REQUEST;
	return radius_verify_request(in->bytes, v, secret);
}

static bool
timestamp_of(const uint8_t *packet, const struct radius_view *v, uint32_t *out)
{
	struct radius_walk w = radius_walk_init(packet, v);
	struct radius_attr a;

	for (enum radius_step s; (s = radius_next(&w, &a)) != RADIUS_END;)
		if (s == RADIUS_FOUND && a.id == RADIUS_EVENT_TIMESTAMP)
			return radius_get_u32(&a, out);
	return false;
}

static enum radius_err
judge_time(const struct radius_dae *d, const struct radius_datagram *in, const struct radius_view *v, int64_t wall_s)
{
	uint32_t stamp;

	if (!timestamp_of(in->bytes, v, &stamp))
		return d->conf.require_timestamp ? RADIUS_NO_TIMESTAMP : RADIUS_OK;
	int64_t off = wall_s - (int64_t)stamp;
	return off > (int64_t)d->conf.window_s || -off > (int64_t)d->conf.window_s ? RADIUS_REPLAYED : RADIUS_OK;
}

/* --- what has been answered -------------------------------------------------------------------------------------- */

static uint32_t
bucket_of(const uint8_t *authenticator)
{
	return be32(authenticator) % BUCKETS; /* it is a hash already */
}

static struct remembered *
recall(struct radius_dae *d, const struct radius_datagram *in, struct mono now)
{
	const uint8_t *authenticator = in->bytes + 4;

	for (int32_t i = d->buckets[bucket_of(authenticator)]; i != NOWHERE; i = d->entries[i].next) {
		struct remembered *r = &d->entries[i];
		if (!mono_reached(now, r->until) && r->id == in->bytes[1] && addr_eq(&r->from, &in->from) &&
		    !memcmp(r->authenticator, authenticator, sizeof r->authenticator))
			return r;
	}
	return NULL;
}

static void
remember(struct radius_dae *d, const struct radius_datagram *in, uint16_t cause, struct mono until)
{
	int32_t index = (int32_t)(d->next++ % DAE_REMEMBERED);
	struct remembered *r = &d->entries[index];
	int32_t *head = &d->buckets[bucket_of(in->bytes + 4)];

	forget(d, index);
	*r = (struct remembered){.from = in->from, .cause = cause, .id = in->bytes[1], .until = until};
	memcpy(r->authenticator, in->bytes + 4, sizeof r->authenticator);
	r->next = *head;
	*head = index;
}

static void
forget(struct radius_dae *d, int32_t index)
{
	struct remembered *r = &d->entries[index];
	int32_t *at = &d->buckets[bucket_of(r->authenticator)];

	while (*at != NOWHERE && *at != index)
		at = &d->entries[*at].next;
	if (*at == index)
		*at = r->next;
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void
count(struct radius_dae *d, uint8_t code, bool ack)
{
	struct radius_dae_stats *s = &d->stats;
	uint64_t *counter[2][2] = {{&s->coa_nak, &s->coa_ack}, {&s->disconnect_nak, &s->disconnect_ack}};

	++*counter[code == RADIUS_DISCONNECT_REQUEST][ack];
}

static size_t
answer(const struct radius_datagram *in, const struct radius_view *v, uint16_t cause, const char *secret, uint8_t *out)
{
	struct wr w = wr_init(out, RADIUS_PACKET_MAX);
	struct radius_walk walk = radius_walk_init(in->bytes, v);
	struct radius_attr a;

	wr_u8(&w, (uint8_t)(v->code + (cause ? 2 : 1)));
	wr_u8(&w, v->id);
	(void)wr_room(&w, RADIUS_HEADER - 2);
	radius_put(&w, RADIUS_MESSAGE_AUTHENTICATOR, (uint8_t[RADIUS_AUTHENTICATOR]){0}, RADIUS_AUTHENTICATOR);
	if (cause)
		radius_put_u32(&w, RADIUS_ERROR_CAUSE, cause);
	/* RFC 5176 3.1: every one, in its order.  A request full of them leaves no room for the rest: no answer then. */
	for (enum radius_step s; (s = radius_next(&walk, &a)) != RADIUS_END;)
		if (s == RADIUS_FOUND && a.id == RADIUS_PROXY_STATE)
			radius_put(&w, RADIUS_PROXY_STATE, a.value, a.len);
	if (w.bad)
		return 0;
	radius_sign_reply(out, wr_len(&w), RADIUS_HEADER + 2, secret, in->bytes + 4);
	return wr_len(&w);
}

const char *
radius_error_cause_text(enum radius_error_cause e)
{
	switch (e) {
	case RADIUS_EC_NONE:
		return "done";
	case RADIUS_EC_UNSUPPORTED_ATTRIBUTE:
		return "Unsupported Attribute";
	case RADIUS_EC_MISSING_ATTRIBUTE:
		return "Missing Attribute";
	case RADIUS_EC_NAS_IDENTIFICATION:
		return "NAS Identification Mismatch";
	case RADIUS_EC_INVALID_REQUEST:
		return "Invalid Request";
	case RADIUS_EC_UNSUPPORTED_SERVICE:
		return "Unsupported Service";
	case RADIUS_EC_INVALID_VALUE:
		return "Invalid Attribute Value";
	case RADIUS_EC_PROHIBITED:
		return "Administratively Prohibited";
	case RADIUS_EC_NOT_FOUND:
		return "Session Context Not Found";
	case RADIUS_EC_NOT_REMOVABLE:
		return "Session Context Not Removable";
	case RADIUS_EC_RESOURCES:
		return "Resources Unavailable";
	case RADIUS_EC_SEVERAL:
		return "Multiple Session Selection Unsupported";
	}
	return "unknown Error-Cause";
}
