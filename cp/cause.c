#include "cause.h"

static const struct cause_row rows[] = {
#define CAUSE(n, w, t, a, lr, le, pr, ss, pt, lv)                                                                      \
	[CAUSE_##n] = {.name = #n,                                                                                     \
		       .text = t,                                                                                      \
		       .ppp_text = pt,                                                                                 \
		       .who = CAUSE_WHO_##w,                                                                           \
		       .acct = ACCT_##a,                                                                               \
		       .l2tp_result = lr,                                                                              \
		       .l2tp_error = le,                                                                               \
		       .pptp_result = pr,                                                                              \
		       .sstp_status = ss,                                                                              \
		       .level = LOG_LEVEL_##lv},
#include "cause.def"
#undef CAUSE
};

const struct cause_row *
cause_row(enum cause cause)
{
	return &rows[(unsigned)cause < CAUSE_COUNT ? cause : CAUSE_NONE];
}
