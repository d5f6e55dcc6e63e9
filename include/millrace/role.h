/* role.h - which thread may call what, checked by the compiler.
 *
 * A thread role is a clang capability: a function marked ON_LCORE cannot be called from one that is ON_MAIN, nor can a
 * field GUARDED_BY(role_lcore) be read there (clang -Wthread-safety; the CI build makes it an error).  gcc sees
 * nothing.  Costs nothing at run time: the role objects are never defined, only named in attributes.
 *
 *   MAIN     the control thread (one)       OFFLOAD  TLS handshakes (m)
 *   LCORE    a worker core (n)              WRITER   files and the log (one)
 *   INIT     main() before the others start and after they have ended
 *
 * A thread's first function calls role_assume_<role>().  Calls through a function pointer are not checked: mark the
 * function behind the pointer, so that its own body is.
 */
#ifndef MILLRACE_ROLE_H
#define MILLRACE_ROLE_H

#if defined(__clang__)
#define ROLE_ATTR(x) __attribute__((x))
#else
#define ROLE_ATTR(x)
#endif

struct ROLE_ATTR(capability("role")) role {
	char unused;
};

extern struct role role_main, role_lcore, role_offload, role_writer, role_init;

#define ON_MAIN ROLE_ATTR(requires_capability(role_main))
#define ON_LCORE ROLE_ATTR(requires_capability(role_lcore))
#define ON_OFFLOAD ROLE_ATTR(requires_capability(role_offload))
#define ON_WRITER ROLE_ATTR(requires_capability(role_writer))
#define INIT_ONLY ROLE_ATTR(requires_capability(role_init))
#define ANY_THREAD

#define GUARDED_BY(r) ROLE_ATTR(guarded_by(r))

static inline void role_assume_main(void) ROLE_ATTR(assert_capability(role_main));
static inline void role_assume_lcore(void) ROLE_ATTR(assert_capability(role_lcore));
static inline void role_assume_offload(void) ROLE_ATTR(assert_capability(role_offload));
static inline void role_assume_writer(void) ROLE_ATTR(assert_capability(role_writer));
static inline void role_assume_init(void) ROLE_ATTR(assert_capability(role_init));

static inline void
role_assume_main(void)
{
}
static inline void
role_assume_lcore(void)
{
}
static inline void
role_assume_offload(void)
{
}
static inline void
role_assume_writer(void)
{
}
static inline void
role_assume_init(void)
{
}

#endif
