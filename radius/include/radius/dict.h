/* dict.h - the dictionary: names of attributes and vendors, and values in words.
 *
 * What: our own dictionary (radius/dictionary, embedded), and files that the operator adds.  They may be of libradcli's
 * form or of FreeRADIUS's: types and flags that libradcli does not know are taken for strings, attributes of the extended
 * space (241.1) are left out.  libradcli holds them and prints values.
 *
 * Thread: any, one at a time.  Memory: heap, at the start.  radius_dict_find, _name and _print are for
 * configuration and traces, not for each packet; attr.def has the numbers that code uses.
 */
#ifndef RADIUS_DICT_H
#define RADIUS_DICT_H

#include <radius/packet.h>

struct radius_dict;

/* radius_dict_new: our dictionary, and n files.  NULL with a sentence in err that names file and line. */
struct radius_dict *radius_dict_new(const char *const *files, unsigned n, char *err, size_t err_len) ANY_THREAD;
void radius_dict_free(struct radius_dict *d) ANY_THREAD;

/* radius_dict_find: the attribute of this name: enum radius_attr_id or another number, 0: none. */
uint32_t radius_dict_find(const struct radius_dict *d, const char *name) ANY_THREAD;

/* radius_dict_vendor: the number of this vendor, 0: none. */
uint32_t radius_dict_vendor(const struct radius_dict *d, const char *name) ANY_THREAD;

/* radius_dict_name: NULL for one that is not in it. */
const char *radius_dict_name(const struct radius_dict *d, uint32_t attr) ANY_THREAD;

/* radius_dict_print: "Session-Timeout=3600", "Class=0x0102", cut to size; secrets are not shown.  Returns out. */
char *radius_dict_print(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size) ANY_THREAD;

/* radius_dict_detail: as FreeRADIUS writes and reads its detail file: `Session-Timeout = 3600`, `User-Name = "bob"`. */
char *radius_dict_detail(const struct radius_dict *d, const struct radius_attr *a, char *out, size_t size) ANY_THREAD;

#endif
