/* err.h - the reasons of this room, err.def as an enum.  Constant data, any thread. */
#ifndef RADIUS_ERR_H
#define RADIUS_ERR_H

enum radius_err {
#define RADIUS_ERR(name, text) RADIUS_##name,
#include <radius/err.def>
#undef RADIUS_ERR
	RADIUS_ERR_COUNT
};

/* radius_err_text: never NULL. */
const char *radius_err_text(enum radius_err e);

#endif
