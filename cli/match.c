#include "match.h"

#include <errno.h>
#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Steps of backtracking in one comparison: honest expressions need tens, and ten thousand take a fraction of a
 * millisecond. */
#define MATCH_STEPS 10000
#define MATCH_HEAP_KIB 256

static pcre2_code *
compile(const char *pattern, int *reason, PCRE2_SIZE *at)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	if (!context) {
		*reason = PCRE2_ERROR_NOMEMORY;
		return NULL;
	}
	pcre2_set_max_pattern_length(context, MATCH_PATTERN_MAX);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
					 PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, reason, at, context);
	pcre2_compile_context_free(context);
	return code;
}

int
match_init(struct match *m, const char *pattern, char *error, size_t error_size)
{
	*m = (struct match){0};
	int reason = PCRE2_ERROR_NOMEMORY;
	PCRE2_SIZE at = 0;
	m->code = compile(pattern, &reason, &at);
	m->data = m->code ? pcre2_match_data_create(1, NULL) : NULL;
	m->limits = m->code ? pcre2_match_context_create(NULL) : NULL;
	if (!m->data || !m->limits) {
		PCRE2_UCHAR text[128] = "";
		pcre2_get_error_message(reason, text, sizeof text);
		snprintf(error, error_size, "%s at character %zu of '%s'", (const char *)text, (size_t)at, pattern);
		match_fini(m);
		return -EINVAL;
	}
	pcre2_set_match_limit(m->limits, MATCH_STEPS);
	pcre2_set_depth_limit(m->limits, MATCH_STEPS);
	pcre2_set_heap_limit(m->limits, MATCH_HEAP_KIB);
	return 0;
}

void
match_fini(struct match *m)
{
	pcre2_code_free(m->code);
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->limits);
	*m = (struct match){0};
}

int
match_text(struct match *m, const char *text, size_t n)
{
	int found = pcre2_match(m->code, (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, m->data, m->limits);
	if (found >= 0)
		return 1;
	return found == PCRE2_ERROR_NOMATCH ? 0 : -E2BIG;
}
