"""Calls that have no place, or not there."""
import re

from tree import files, is_test, read, room_of, without_comments_and_strings

# Everywhere: they write without knowing how much room there is.
UNBOUNDED = ("strcpy", "strcat", "sprintf", "vsprintf", "gets", "stpcpy")
# Kernel sockets are the control thread's.
SOCKETS = ("socket", "accept", "accept4")
SOCKET_ROOMS = ("cp", "radius", "cli", "tests", "bench")
# A worker core never allocates, never logs, and is given the time.  A file of dp that runs only before the workers
# do says so in one of its first lines.
WORKER = ("malloc", "calloc", "realloc", "free", "strdup", "rte_malloc", "rte_zmalloc", "rte_calloc", "rte_realloc",
          "rte_malloc_socket", "rte_zmalloc_socket", "printf", "fprintf", "vprintf", "vfprintf", "puts", "fputs",
          "perror", "syslog", "rte_log", "RTE_LOG", "clock_gettime", "gettimeofday", "time", "usleep", "sleep")
INIT_ONLY = "/* init-only file */"
INIT_ONLY_WITHIN = 40
# What is left for later is an issue, not a comment.
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def calls(tree, path, names):
    code = without_comments_and_strings(read(tree, path))
    for match in re.finditer(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(", code):
        yield code[:match.start()].count("\n") + 1, match.group(1)


def is_init_only(tree, path):
    return INIT_ONLY in read(tree, path).splitlines()[:INIT_ONLY_WITHIN]


def unbounded_writes(tree):
    for path in files(tree, ".c", ".h"):
        for line, name in calls(tree, path, UNBOUNDED):
            yield f"{path}:{line}: {name}"


def sockets(tree):
    for path in files(tree, ".c", ".h"):
        if room_of(path) in SOCKET_ROOMS or is_test(path):
            continue
        for line, name in calls(tree, path, SOCKETS):
            yield f"{path}:{line}: {name} outside cp, radius and cli"


def worker_calls(tree):
    for path in files(tree, ".c", ".h"):
        if room_of(path) != "dp" or is_test(path) or is_init_only(tree, path):
            continue
        for line, name in calls(tree, path, WORKER):
            yield f"{path}:{line}: {name} on a worker core (a file that runs only at start says {INIT_ONLY})"


def left_over(tree):
    for path in files(tree, ".c", ".h", ".def", "meson.build"):
        for number, line in enumerate(read(tree, path).splitlines(), 1):
            if LEFT_OVER.search(line):
                yield f"{path}:{number}: {line.strip()}"
