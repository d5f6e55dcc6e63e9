/* conf_fuzz.c - any text is taken or refused with a sentence; what is taken prints to what is taken again, the same. */
#include <stdlib.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the string that it was reading when the syntax is wrong; the process reads a file once. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static char *
print(const struct conf *c)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	if (!f)
		abort();
	conf_print(f, c, true);
	fclose(f);
	return text;
}

static void
again(const struct conf *c)
{
	struct conf_error err;
	struct conf *second;
	char *text = print(c);
	if (conf_load_string(text, "printed", &second, &err) != 0) {
		fprintf(stderr, "%s\n%s", err.text, text);
		abort();
	}
	char *same = print(second);
	if (strcmp(text, same) != 0)
		abort();
	free(same);
	free(text);
	conf_free(second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error err;
	struct conf *c;
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (conf_load_string(text, "fuzz", &c, &err) == 0) {
		again(c);
		conf_free(c);
	} else if (c || !*err.text) {
		abort();
	}
	free(text);
	return 0;
}
