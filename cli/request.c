#include "request.h"

const char *
cli_err_text(enum cli_err err)
{
	static const char *const texts[] = {
#define CLI_ERR(name, text) text,
#include "err.def"
#undef CLI_ERR
	};
	return texts[err];
}

static enum cli_err
take_words(struct request *r, const json_t *list)
{
	if (json_array_size(list) > REQUEST_WORDS_MAX)
		return CLI_ERR_TOO_MANY_WORDS;
	size_t i;
	json_t *word;
	json_array_foreach(list, i, word)
	{
		if (!json_is_string(word))
			return CLI_ERR_NOT_A_WORD;
		r->words[r->n_words++] = json_string_value(word);
	}
	return CLI_ERR_NONE;
}

static enum cli_err
take_object(struct request *r, const json_t *root)
{
	if (!json_is_object(root))
		return CLI_ERR_NOT_AN_OBJECT;
	const json_t *words = json_object_get(root, "words"), *complete = json_object_get(root, "complete");
	r->complete = complete != NULL;
	if (json_object_size(root) > (size_t)(words != NULL) + (complete != NULL))
		return CLI_ERR_UNKNOWN_KEY;
	const json_t *list = complete ? complete : words;
	if (!json_is_array(list) || (words && complete))
		return CLI_ERR_NO_WORDS;
	return take_words(r, list);
}

enum cli_err
request_parse(struct request *r, const char *line, size_t n)
{
	*r = (struct request){.root = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL)};
	enum cli_err err = r->root ? take_object(r, r->root) : CLI_ERR_NOT_JSON;
	if (err != CLI_ERR_NONE)
		request_fini(r);
	return err;
}

void
request_fini(struct request *r)
{
	json_decref(r->root);
	*r = (struct request){0};
}
