"""The form of C, of shell, and of commits."""
import os
import re
import subprocess

from tree import files, read

SUBJECT = re.compile(r"[a-z0-9][a-z0-9 ,/_-]*: \S")
SUBJECT_LENGTH = 72  # what git's own tools show whole; the house aims at 60
HAND_MADE = ("Merge ", "Revert ")


def clang_format(tree):
    sources = list(files(tree, ".c", ".h"))
    if not sources:
        return
    output = subprocess.run(["clang-format", "--dry-run", "--style=file", *sources], cwd=tree, text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr
    seen = set()
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: warning: code should be clang-formatted", output, re.MULTILINE):
        if path not in seen:
            seen.add(path)
            yield f"{path}:{line}: clang-format would change it from here"


def white_space(tree):
    for path in files(tree, ".c", ".h", ".def", ".py", ".bash", ".md", "meson.build", "README"):
        text = read(tree, path)
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                yield f"{path}:{number}: white space at the end of the line"
        if text and not text.endswith("\n"):
            yield f"{path}: no line end at its end"


def shellcheck(tree):
    scripts = [p for p in files(tree, "") if read_first_line(tree, p).startswith(b"#!/bin/") or p.endswith(".bash")]
    hidden = [".ci/run"] if os.path.exists(os.path.join(tree, ".ci/run")) else []
    if scripts or hidden:
        yield from subprocess.run(["shellcheck", "-x", "-f", "gcc", *scripts, *hidden], cwd=tree, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.splitlines()


def read_first_line(tree, path):
    with open(os.path.join(tree, path), "rb") as file:
        return file.readline(80)


def commit_subjects(tree):
    log = subprocess.run(["git", "-c", "safe.directory=*", "log", "--no-merges", "--format=%h %s"], cwd=tree, text=True,
                         stdout=subprocess.PIPE, check=True).stdout
    for line in log.splitlines():
        commit, subject = line.split(" ", 1)
        if subject.startswith(HAND_MADE):
            continue
        if len(subject) > SUBJECT_LENGTH or not SUBJECT.match(subject):
            yield f"{commit}: not `room: imperative` in {SUBJECT_LENGTH} characters: {subject}"
