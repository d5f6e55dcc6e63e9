#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "profile.h"

static void block_put(struct profile_block *b) ON_MAIN;

/* Where each field is; a block is a pointer whose references are counted. */
static const struct field {
	uint16_t offset, size;
	bool block;
} fields[PROFILE_FIELDS] = {
#define PROFILE_VALUE(NAME, type, member)                                                                              \
	[PROFILE_##NAME] = {offsetof(struct profile, member), sizeof(((struct profile *)0)->member), false},
#define PROFILE_TEXT(NAME, size, member) PROFILE_VALUE(NAME, char, member)
#define PROFILE_BLOCK(NAME, member)                                                                                    \
	[PROFILE_##NAME] = {offsetof(struct profile, member), sizeof(struct profile_block *), true},
#include "profile.def"
#undef PROFILE_VALUE
#undef PROFILE_TEXT
#undef PROFILE_BLOCK
};

static struct profile_block **
block_at(struct profile *p, const struct field *f)
{
	return (struct profile_block **)(void *)((char *)p + f->offset);
}

void
profile_init(struct profile *p)
{
	*p = (struct profile){0};
}

void
profile_fini(struct profile *p)
{
	for (unsigned i = 0; i < PROFILE_FIELDS; i++)
		if (fields[i].block)
			block_put(*block_at(p, &fields[i]));
	*p = (struct profile){0};
}

static void
block_put(struct profile_block *b)
{
	if (b && !--b->refs)
		free(b);
}

void
profile_take(struct profile *p, const struct profile *from)
{
	uint64_t news = from->said & ~p->said;
	for (unsigned i = 0; i < PROFILE_FIELDS; i++) {
		const struct field *f = &fields[i];
		if (!(news >> i & 1))
			continue;
		memcpy((char *)p + f->offset, (const char *)from + f->offset, f->size);
		if (f->block && *block_at(p, f))
			(*block_at(p, f))->refs++;
	}
	p->said |= news;
}

bool
profile_text_set(struct profile *p, enum profile_field f, char *at, size_t size, const char *text)
{
	size_t n = strlen(text);
	if (n >= size)
		return false;
	memset(at, 0, size);
	memcpy(at, text, n);
	p->said |= UINT64_C(1) << f;
	return true;
}

int
profile_block_set(struct profile *p, enum profile_field f, struct profile_block **at, const void *bytes, size_t len)
{
	struct profile_block *b = len > UINT32_MAX ? NULL : malloc(sizeof *b + len + 1);
	if (!b)
		return -ENOMEM;
	b->refs = 1;
	b->len = (uint32_t)len;
	if (len)
		memcpy(b->bytes, bytes, len);
	b->bytes[len] = 0;
	block_put(*at);
	*at = b;
	p->said |= UINT64_C(1) << f;
	return 0;
}

/* servers: the first two of IPv4. */
static unsigned
servers(const struct conf_addrs *list, uint32_t out[2])
{
	unsigned n = 0;
	for (unsigned i = 0; i < list->n && n < 2; i++)
		if (addr_is_v4(&list->v[i]))
			out[n++] = addr_ip4(&list->v[i]);
	return n;
}

void
profile_of_access(struct profile *p, const struct conf_access *a)
{
	uint32_t dns[2], wins[2];
	unsigned n_dns = servers(&a->name_server, dns), n_wins = servers(&a->wins_server, wins);
	profile_init(p);
	if (a->default_pool)
		(void)profile_say_pool(p, a->default_pool);
	if (a->default_ipv6_pool)
		(void)profile_say_ipv6_pool(p, a->default_ipv6_pool);
	if (addr_is_v4(&a->gateway_address) && !addr_is_any(&a->gateway_address))
		profile_say_gateway_ip4(p, addr_ip4(&a->gateway_address));
	if (n_dns > 0)
		profile_say_dns1(p, dns[0]);
	if (n_dns > 1)
		profile_say_dns2(p, dns[1]);
	if (n_wins > 0)
		profile_say_wins1(p, wins[0]);
	if (n_wins > 1)
		profile_say_wins2(p, wins[1]);
	profile_say_session_timeout_s(p, a->session_timeout);
	profile_say_idle_timeout_s(p, a->idle_timeout);
	profile_say_mtu(p, (uint16_t)a->mtu);
	profile_say_mppe(p, (uint8_t)a->ppp_options.mppe);
	uint8_t bits = 0;
	for (unsigned i = 0; i < a->ppp_options.mppe_bits.n; i++)
		bits |= (uint8_t)(1u << a->ppp_options.mppe_bits.v[i]);
	profile_say_mppe_bits(p, bits);
}
