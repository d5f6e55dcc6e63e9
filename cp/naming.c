#include "naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A name of somebody's own, in use. */
struct own_name {
	struct session *s;
	UT_hash_handle hh;
	char name[IFNAME_LEN];
};

static struct own_name *find(const struct cp *cp, const char *name) ON_MAIN;
static bool take(struct session *s, const char *name) ON_MAIN;

void
naming_begin(struct session *s)
{
	if (*s->ifname)
		return;
	s->ifnumber = ifnames_take(&s->cp->ifnames[s->protocol]);
	ifnames_format(s->ifname, conf_access_of(s->cp->conf, s->protocol)->ifname, s->ifnumber);
}

void
naming_profile(struct session *s)
{
	const char *wanted = profile_says(&s->profile, PROFILE_IFNAME) ? s->profile.ifname : NULL;
	char before[IFNAME_LEN], name[SESSION_NAME_LEN];
	if (wanted ? !strcmp(wanted, s->ifname) : s->ifnumber >= 0)
		return;
	if (wanted && (conf_ifname_numbered(s->cp->conf, wanted) || find(s->cp, wanted))) {
		log_line(s->cp->log, LOG_LEVEL_WARN, "%s: the name %s is in use", session_name(s, name, sizeof name),
			 wanted);
		return;
	}
	memcpy(before, s->ifname, sizeof before);
	naming_end(s);
	if (!wanted || !take(s, wanted))
		naming_begin(s);
	log_line(s->cp->log, LOG_LEVEL_INFO, "%s: renamed from %s", session_name(s, name, sizeof name), before);
}

static bool
take(struct session *s, const char *name)
{
	struct own_name *o = calloc(1, sizeof *o);
	if (!o)
		return false;
	o->s = s;
	snprintf(o->name, sizeof o->name, "%s", name);
	HASH_ADD_STR(s->cp->own_names, name, o);
	if (!o->hh.tbl) {
		free(o);
		return false;
	}
	memcpy(s->ifname, o->name, sizeof s->ifname);
	return true;
}

static struct own_name *
find(const struct cp *cp, const char *name)
{
	struct own_name *o;
	HASH_FIND_STR(cp->own_names, name, o);
	return o;
}

void
naming_end(struct session *s)
{
	struct own_name *o = *s->ifname && s->ifnumber < 0 ? find(s->cp, s->ifname) : NULL;
	ifnames_release(&s->cp->ifnames[s->protocol], s->ifnumber);
	s->ifnumber = -1;
	*s->ifname = 0;
	if (!o || o->s != s)
		return;
	HASH_DEL(s->cp->own_names, o);
	free(o);
}
