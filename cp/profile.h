/* profile.h - what a subscriber gets, whoever says it.
 *
 * A local user, a RADIUS server, the keys of a protocol: each says some fields of one struct and is silent on the rest.
 * `said` tells the two apart, so that "no idle timeout" (0, said) can be said against "as the protocol has it".  Who
 * comes first wins:
 *
 *	what the source says  >  the protocol's own key  >  the top level's key  >  nothing
 *
 *	profile_init(&p); profile_say_pool(&p, "home"); ...	the source's word (users.c; RADIUS)
 *	profile_of_access(&keys, access);			the protocol's, in which the top level's are merged already
 *	profile_take(&p, &keys);				p is silent on nothing that anybody has said
 *	...
 *	profile_fini(&p);
 *
 * A change in the middle of a session is the same thing: the news take what they do not say from what holds.  Whether
 * somebody may come in at all (password, service, caller-id) is not in here: that is decided once, by the backend.
 *
 * Fields are the rows of profile.def.  For each there is a bit PROFILE_NAME and a setter profile_say_member.  Blocks are
 * immutable and counted by reference: a profile may be copied by profile_take for the price of its plain fields.
 *
 * Thread: MAIN.  Memory: the caller's, except for blocks.
 */
#ifndef CP_PROFILE_H
#define CP_PROFILE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/addr.h>
#include <millrace/role.h>

struct conf_access;

struct profile_block {
	unsigned refs;
	uint32_t len; /* bytes; a NUL follows them */
	alignas(struct prefix) uint8_t bytes[];
};

enum profile_field {
#define PROFILE_VALUE(NAME, type, member) PROFILE_##NAME,
#define PROFILE_TEXT(NAME, size, member) PROFILE_##NAME,
#define PROFILE_BLOCK(NAME, member) PROFILE_##NAME,
#include "profile.def"
#undef PROFILE_VALUE
#undef PROFILE_TEXT
#undef PROFILE_BLOCK
	PROFILE_FIELDS
};

struct profile {
	uint64_t said; /* a bit for each field */
#define PROFILE_VALUE(NAME, type, member) type member;
#define PROFILE_TEXT(NAME, size, member) char member[size];
#define PROFILE_BLOCK(NAME, member) struct profile_block *member;
#include "profile.def"
#undef PROFILE_VALUE
#undef PROFILE_TEXT
#undef PROFILE_BLOCK
};

/* profile_init: nothing is said. */
void profile_init(struct profile *p) ON_MAIN;

/* profile_fini: lets the blocks go; nothing is said afterwards.  Idempotent. */
void profile_fini(struct profile *p) ON_MAIN;

/* profile_take: from `from`, what p does not say. */
void profile_take(struct profile *p, const struct profile *from) ON_MAIN;

/* profile_of_access: the keys that hold for a protocol.  *p is new. */
void profile_of_access(struct profile *p, const struct conf_access *access) ON_MAIN;

static inline bool
profile_says(const struct profile *p, enum profile_field f)
{
	return p->said >> f & 1;
}

/* profile_text_set, profile_block_set: the setters below.  What does not fit or finds no memory (-ENOMEM) leaves the field
 * as it was. */
bool profile_text_set(struct profile *p, enum profile_field f, char *at, size_t size, const char *text) ON_MAIN;
int profile_block_set(struct profile *p, enum profile_field f, struct profile_block **at, const void *bytes, size_t len)
	ON_MAIN;

/* profile_say_...: p says this field from now on.  A text's setter is false, and says nothing, when it is too long. */
#define PROFILE_VALUE(NAME, type, member)                                                                              \
	static inline void profile_say_##member(struct profile *p, type value)                                         \
	{                                                                                                              \
		p->member = value;                                                                                     \
		p->said |= UINT64_C(1) << PROFILE_##NAME;                                                              \
	}
#define PROFILE_TEXT(NAME, size, member)                                                                               \
	static inline bool profile_say_##member(struct profile *p, const char *text) ON_MAIN                           \
	{                                                                                                              \
		return profile_text_set(p, PROFILE_##NAME, p->member, size, text);                                     \
	}
#define PROFILE_BLOCK(NAME, member)                                                                                    \
	static inline int profile_say_##member(struct profile *p, const void *bytes, size_t len) ON_MAIN               \
	{                                                                                                              \
		return profile_block_set(p, PROFILE_##NAME, &p->member, bytes, len);                                   \
	}
#include "profile.def"
#undef PROFILE_VALUE
#undef PROFILE_TEXT
#undef PROFILE_BLOCK

/* profile_text: a block that is text, or NULL when it is not said. */
static inline const char *
profile_text(const struct profile_block *b)
{
	return b ? (const char *)b->bytes : NULL;
}

/* profile_routes: the networks behind the subscriber. */
static inline const struct prefix *
profile_routes(const struct profile *p, unsigned *n)
{
	*n = p->routes ? p->routes->len / (unsigned)sizeof(struct prefix) : 0;
	return p->routes ? (const struct prefix *)(const void *)p->routes->bytes : NULL;
}

#endif
