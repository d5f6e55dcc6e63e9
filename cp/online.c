#include "online.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "backend.h"

#define KEY_MAX 256 /* RFC 2865 5.1: a name has at most 253 bytes */

/* A user with sessions, also those that only wait; lives as long as there is one. */
struct online_user {
	LIST_HEAD(, session) sessions;
	unsigned waiting; /* of these */
	UT_hash_handle hh;
	char key[];
};

static size_t make_key(const struct cp *cp, const char *name, char key[KEY_MAX]) ON_MAIN;

static size_t
make_key(const struct cp *cp, const char *name, char key[KEY_MAX])
{
	size_t n = strnlen(name, KEY_MAX - 1);
	for (size_t i = 0; i < n; i++)
		key[i] = cp->conf->single_session_ignore_case ? (char)tolower((unsigned char)name[i]) : name[i];
	key[n] = 0;
	return n;
}

int
online_join(struct session *s, const char *name)
{
	char key[KEY_MAX];
	size_t n = make_key(s->cp, name, key);
	struct online_user *u;

	HASH_FIND(hh, s->cp->online, key, n, u);
	if (!u) {
		u = calloc(1, sizeof *u + n + 1);
		if (!u)
			return -ENOMEM;
		memcpy(u->key, key, n);
		HASH_ADD_KEYPTR(hh, s->cp->online, u->key, n, u);
		if (!u->hh.tbl) {
			free(u);
			return -ENOMEM;
		}
	}
	s->online = u;
	LIST_INSERT_HEAD(&u->sessions, s, of_user);
	return 0;
}

void
online_leave(struct session *s)
{
	struct online_user *u = s->online;

	if (!u)
		return;
	LIST_REMOVE(s, of_user);
	s->online = NULL;
	if (!LIST_EMPTY(&u->sessions))
		return;
	HASH_DEL(s->cp->online, u);
	free(u);
}

struct session *
online_other(const struct session *s)
{
	struct session *first = s->online ? LIST_FIRST(&s->online->sessions) : NULL;
	return first == s ? LIST_NEXT(s, of_user) : first;
}

unsigned
online_others(const struct session *s, unsigned most)
{
	const struct session *other = s->online ? LIST_FIRST(&s->online->sessions) : NULL;
	unsigned n = 0;

	for (; other && n < most; other = LIST_NEXT(other, of_user))
		n += other != s;
	return n;
}

/* The newest are the first. */
void
online_end_others(struct session *s, unsigned keep, void (*end)(struct session *s, enum cause cause, struct mono now),
		  enum cause cause, struct mono now)
{
	struct session *other, *next;

	for (other = LIST_FIRST(&s->online->sessions); other; other = next) {
		next = LIST_NEXT(other, of_user);
		if (other == s)
			continue;
		if (keep && other->state < SESSION_FINISHING)
			keep--;
		else
			end(other, cause, now);
	}
}

void
online_wait(const struct session *s, int by)
{
	s->online->waiting += (unsigned)by;
}

struct session *
online_waiting(const struct session *s)
{
	struct session *first = NULL, *other;

	if (!s->online || !s->online->waiting)
		return NULL;
	LIST_FOREACH(other, &s->online->sessions, of_user)
	if (other->login && other->login->decided)
		first = other;
	return first;
}

struct session *
online_first(const struct cp *cp, const char *name)
{
	char key[KEY_MAX];
	size_t n = make_key(cp, name, key);
	struct online_user *u;

	HASH_FIND(hh, cp->online, key, n, u);
	return u ? LIST_FIRST(&u->sessions) : NULL;
}

struct session *
online_next(const struct session *s)
{
	return LIST_NEXT(s, of_user);
}

void
online_fini(struct cp *cp)
{
	struct online_user *u, *next;

	HASH_ITER(hh, cp->online, u, next)
	{
		HASH_DEL(cp->online, u);
		free(u);
	}
}
