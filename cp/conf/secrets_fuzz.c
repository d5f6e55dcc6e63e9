/* secrets_fuzz.c - any chap-secrets is taken or refused with a sentence, and each user of it is whole. */
#include <stdlib.h>

#include "conf/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_users(const struct conf *c)
{
	for (unsigned i = 0; i < c->authentication.secrets.n; i++) {
		const struct conf_user *u = &c->authentication.secrets.v[i];
		if (!u->line || !u->username || !*u->username || strlen(u->username) > 253 || !u->password)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error err = {0};
	struct conf_arena *arena = conf_arena_new();
	struct conf *c = arena ? conf_arena_alloc(arena, sizeof *c) : NULL;
	struct conf_reader r = {.conf = c, .err = &err, .file = "fuzz", .protocol = CONF_PROTOCOLS};
	char *text = malloc(size + 1);
	if (c && text && !memchr(data, 0, size)) {
		memcpy(text, data, size);
		text[size] = 0;
		c->arena = arena;
		int rc = conf_secrets_parse(&r, "chap-secrets", text);
		if (rc && !*err.text)
			abort();
		check_users(c);
	}
	free(text);
	conf_arena_free(arena);
	return 0;
}
