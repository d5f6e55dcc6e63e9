"""What the code says in lists, the documents say too."""
import os
import re
import subprocess
import sys

from tree import ROOMS, files, read

README_LINES = 15


def generated_lists(tree):
    """docs/messages.md and docs/drops.md are what their generator makes of the .def files."""
    result = subprocess.run([sys.executable, "-B", os.path.join(tree, "scripts/lists.py"), "--check"], cwd=tree, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode:
        yield from result.stdout.splitlines()


def stages(tree):
    """Every stage of the packet's way has its place in docs/packet-path.md."""
    names = re.findall(r"^STAGE\((\w+)", read(tree, "dp/include/dp/stage.def"), re.MULTILINE)
    try:
        document = read(tree, "docs/packet-path.md")
    except FileNotFoundError:
        document = ""
    for name in names:
        if not re.search(rf"\b{name}\b", document):
            yield f"docs/packet-path.md: nothing about the stage {name}"


def room_readmes(tree):
    """A room says in a few lines what it owns, which thread runs it, and where to begin."""
    for room in ROOMS:
        path = f"{room}/README"
        if not os.path.isdir(os.path.join(tree, room)):
            continue
        if not os.path.exists(os.path.join(tree, path)):
            yield f"{path}: missing"
        elif read(tree, path).count("\n") > README_LINES:
            yield f"{path}: more than {README_LINES} lines"


def fuzz_corpora(tree):
    """Every fuzz target starts from a corpus."""
    for path in files(tree, "_fuzz.c"):
        corpus = os.path.join("tests/fuzz/corpus", os.path.basename(path).removesuffix("_fuzz.c"))
        if not os.path.isdir(os.path.join(tree, corpus)) or not os.listdir(os.path.join(tree, corpus)):
            yield f"{path}: no seeds in {corpus}"
