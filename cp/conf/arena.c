/* arena.c - memory that is given back all at once. */
#include <stdlib.h>

#include "conf/reader.h"

#define BLOCK 16384
#define ALIGN 16

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(ALIGN) unsigned char bytes[];
};

struct conf_arena {
	struct block *head;
};

struct conf_arena *
conf_arena_new(void)
{
	return calloc(1, sizeof(struct conf_arena));
}

void *
conf_arena_alloc(struct conf_arena *a, size_t size)
{
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct block *b = a->head;
	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK ? size : BLOCK;
		b = calloc(1, sizeof *b + room);
		if (!b)
			return NULL;
		b->size = room;
		b->next = a->head;
		a->head = b;
	}
	void *p = b->bytes + b->used;
	b->used += size;
	return p;
}

char *
conf_arena_string(struct conf_arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = conf_arena_alloc(a, n);
	return copy ? memcpy(copy, s, n) : NULL;
}

void
conf_arena_free(struct conf_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->head, *next; b; b = next) {
		next = b->next;
		explicit_bzero(b->bytes, b->used); /* secrets were here */
		free(b);
	}
	free(a);
}
