#include "ifnames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
ifnames_init(struct ifnames *f, uint32_t n)
{
	*f = (struct ifnames){.words = (n + 63) / 64};
	f->taken = calloc(f->words ? f->words : 1, sizeof *f->taken);
	if (!f->taken)
		return -ENOMEM;
	if (n % 64)
		f->taken[f->words - 1] = ~0ull << n % 64;
	return 0;
}

void
ifnames_fini(struct ifnames *f)
{
	free(f->taken);
	*f = (struct ifnames){0};
}

int32_t
ifnames_take(struct ifnames *f)
{
	while (f->full_below < f->words && f->taken[f->full_below] == ~0ull)
		f->full_below++;
	if (f->full_below == f->words)
		return -1;
	unsigned bit = (unsigned)__builtin_ctzll(~f->taken[f->full_below]);
	f->taken[f->full_below] |= 1ull << bit;
	return (int32_t)(f->full_below * 64 + bit);
}

void
ifnames_release(struct ifnames *f, int32_t number)
{
	if (number < 0)
		return;
	uint32_t word = (uint32_t)number / 64;
	f->taken[word] &= ~(1ull << number % 64);
	if (word < f->full_below)
		f->full_below = word;
}

void
ifnames_format(char *out, const char *pattern, int32_t number)
{
	const char *at = strstr(pattern, "%d");
	size_t before = at ? (size_t)(at - pattern) : strlen(pattern);
	snprintf(out, IFNAME_LEN, "%.*s%d%s", (int)before, pattern, (int)number, at ? at + 2 : "");
}
