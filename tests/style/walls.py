"""Who may include whom, and headers that stand by themselves."""
import glob
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from tree import ROOMS, files, is_test, read, room_of

# A room's public headers are below <room>/include/; nothing is transitive.
MAY_INCLUDE = {
    "cp": ("dp", "tls-offload", "pools", "radius", "cli"),
    "dp": ("tls-offload",),
    "pools": (), "radius": (), "tls-offload": (), "cli": (), "include": (),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


def public_roots(room):
    return ["include"] if room == "include" else [f"{room}/include"]


def room_that_owns(tree, path, name):
    """The room whose header this include of this file is, None for one of the system."""
    room = room_of(path)
    for root in (os.path.dirname(path), room, *(r for other in ROOMS for r in public_roots(other))):
        found = os.path.normpath(os.path.join(root, name))
        if os.path.exists(os.path.join(tree, found)):
            return room_of(found)
    first = name.split("/")[0]
    return first if first in MAY_INCLUDE and glob.glob(os.path.join(tree, first, "**", os.path.basename(name)),
                                                       recursive=True) else None


def includes(tree):
    """The include graph keeps to the walls."""
    for path in files(tree, ".c", ".h", ".def"):
        room = room_of(path)
        if is_test(path) or room not in MAY_INCLUDE:
            continue
        for match in INCLUDE.finditer(read(tree, path)):
            name = match.group(1)
            line = read(tree, path)[:match.start()].count("\n") + 1
            if ".." in name.split("/"):
                yield f"{path}:{line}: `..` in the include of {name}"
                continue
            owner = room_that_owns(tree, path, name)
            if owner not in (None, room, "include", *MAY_INCLUDE[room]):
                yield f"{path}:{line}: {room} may not include {name} of {owner}"


def include_flags(room, path):
    rooms = (room, "include", *MAY_INCLUDE.get(room, tuple(MAY_INCLUDE)))
    roots = {root for r in rooms for root in public_roots(r)}
    return [f"-I{root}" for root in sorted(roots | {room, os.path.dirname(path)})]


def dpdk_flags():
    flags = subprocess.run(["pkg-config", "--cflags", "libdpdk"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return flags.replace("-I/", "-isystem /").split()


def headers_alone(tree):
    """Each header, public or private, compiles as the first include of a file."""
    common = ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-DALLOW_EXPERIMENTAL_API", "-Wall", "-Wextra", "-Werror",
              "-Wno-unused-function", "-fsyntax-only", "-x", "c", *dpdk_flags()]

    def compile_alone(path):
        source = f'#include "{os.path.basename(path)}"\n'
        result = subprocess.run([*common, *include_flags(room_of(path), path), "-"], cwd=tree, input=source, text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if not result.returncode:
            return None
        why = next((line for line in result.stderr.splitlines() if "error:" in line), result.stderr)
        return f"{path}: does not compile alone: {why}"

    headers = [p for p in files(tree, ".h") if room_of(p) in MAY_INCLUDE]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(compile_alone, headers))
