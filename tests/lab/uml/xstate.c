/* xstate.c - lets User-Mode Linux 6.1 run on processors whose register state is larger than it knows (AMX).
 *
 * It keeps 2,696 bytes of its processes' extended state: up to AVX-512 and PKRU.  The host's kernel takes the state whole or not
 * at all, so where it has more (11,008 bytes with AMX) setting it fails, and the guest's first process dies with
 * "fatal_sigsegv".  Preloaded into linux.uml, this puts the part that it has over what the process has now.
 * What a guest's process cannot ask for, AMX's tiles, stays as it was: in its initial state.
 *
 * linux.uml calls ptrace from one thread, outside signal handlers: one static buffer will do.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define XSTATE_MAX 32768

typedef long ptrace_fn(int request, pid_t pid, void *addr, void *data);

static ptrace_fn *libc_ptrace;

__attribute__((constructor)) static void
find_libc_ptrace(void)
{
	libc_ptrace = (ptrace_fn *)dlsym(RTLD_NEXT, "ptrace");
}

/* The whole state of the process with `part` over its beginning; part itself where that is all of it. */
static struct iovec
completed(pid_t pid, struct iovec part)
{
	static char buf[XSTATE_MAX] __attribute__((aligned(64)));
	struct iovec whole = {.iov_base = buf, .iov_len = sizeof(buf)};

	if (libc_ptrace(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &whole) < 0 || whole.iov_len <= part.iov_len)
		return part;
	memcpy(buf, part.iov_base, part.iov_len);
	return whole;
}

__attribute__((visibility("default"))) long
ptrace(enum __ptrace_request request, ...)
{
	va_list args;

	va_start(args, request);
	pid_t pid = va_arg(args, pid_t);
	void *addr = va_arg(args, void *);
	void *data = va_arg(args, void *);
	va_end(args);
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE) {
		struct iovec whole = completed(pid, *(struct iovec *)data);

		return libc_ptrace(request, pid, addr, &whole);
	}
	return libc_ptrace(request, pid, addr, data);
}
