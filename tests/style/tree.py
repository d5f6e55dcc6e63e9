"""What the gates look at: the files of a tree, and the functions in them.

A gate is a function from a tree to complaints, one line each; no complaint means passed.  test_gates.py holds this
tree to them, test_gates_fail.py shows that each can fail.
"""
import os
import re
import subprocess
from collections import namedtuple

ROOMS = ("bench", "cli", "cp", "dp", "include", "pools", "radius", "tls-offload", "tests")
Function = namedtuple("Function", "name path line end parameters")


def files(tree, *suffixes):
    """Paths below the tree, relative to it; what is built or hidden is not of the tree."""
    for directory, names, found in os.walk(tree):
        names[:] = sorted(n for n in names if not n.startswith((".", "build", "__pycache__")) and n != "run")
        for name in sorted(found):
            if name.endswith(suffixes):
                yield os.path.relpath(os.path.join(directory, name), tree)


def read(tree, path):
    with open(os.path.join(tree, path), encoding="utf-8") as file:
        return file.read()


def room_of(path):
    """The room that a file belongs to."""
    return path.split(os.sep)[0]


def is_test(path):
    """Unit tests and fuzz targets stand beside their unit; they may look behind walls."""
    return room_of(path) in ("tests", "bench") or path.endswith(("_test.c", "_fuzz.c", "_test.h", "_fuzz.h"))


def without_comments_and_strings(text):
    """C text of the same length in lines, of which only code is left."""
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        return "\n" * match.group().count("\n") if match.group().startswith("/") else '""'

    return token.sub(blank, text)


def functions(tree):
    """Every C function that is defined in the tree."""
    sources = list(files(tree, ".c", ".h"))
    if not sources:
        return []
    # -P: no pattern, so that a record is one line of tab-separated fields.
    output = subprocess.run(["ctags", "-f", "-", "--languages=C", "--langmap=C:.c.h", "--fields=neS", "--c-kinds=f",
                             "--excmd=number", "-L", "-"], cwd=tree, input="\n".join(sources), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    found = []
    for record in output.splitlines():
        name, path, _, *fields = record.split("\t")
        value = dict(field.split(":", 1) for field in fields if ":" in field)
        if "end" in value:
            found.append(Function(name, path, int(value["line"]), int(value["end"]), parameters(value.get("signature", ""))))
    return found


def parameters(signature):
    """How many parameters `(int a, void (*f)(int, int))` has."""
    inside = signature.strip()[1:-1].strip()
    if inside in ("", "void"):
        return 0
    depth = commas = 0
    for letter in inside:
        depth += (letter == "(") - (letter == ")")
        commas += letter == "," and depth == 0
    return commas + 1
