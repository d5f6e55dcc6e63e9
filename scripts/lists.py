"""Makes docs/messages.md and docs/drops.md from the lists in the code.

    scripts/lists.py            writes them
    scripts/lists.py --check    says which differ, status 1 if any does
"""
import ast
import os
import re
import sys

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MESSAGES = """\
# Messages between the control thread and the worker cores

Made by `scripts/lists.py` from `dp/include/dp/msg.def`; the text there says what the classes mean.

| message | payload | direction | class | meaning |
| --- | --- | --- | --- | --- |
"""

DROPS = """\
# Why packets are dropped

Made by `scripts/lists.py` from `dp/include/dp/drop.def`.  `millrace show drops` counts each reason.  Blame: PEER sent
something wrong, LOAD: no room was left, POLICY: the configuration says so, US: a bug of Millrace.

| reason | stage | blame | text | reference |
| --- | --- | --- | --- | --- |
"""


def rows(path, macro):
    """The arguments of each macro(...) line, quotes taken off."""
    with open(os.path.join(TREE, path)) as file:
        for line in file:
            match = re.match(rf"{macro}\((.*)\)\s*$", line)
            if match:
                yield [ast.literal_eval(word) if word.startswith('"') else word
                       for word in re.findall(r'"(?:\\.|[^"\\])*"|[^\s,]+', match.group(1))]


def table(heading, path, macro):
    return heading + "".join("| " + " | ".join(row) + " |\n" for row in rows(path, macro))


def documents():
    return {
        "docs/messages.md": table(MESSAGES, "dp/include/dp/msg.def", "MSG"),
        "docs/drops.md": table(DROPS, "dp/include/dp/drop.def", "DROP"),
    }


def current(path):
    try:
        with open(os.path.join(TREE, path)) as file:
            return file.read()
    except FileNotFoundError:
        return ""


def main(check):
    stale = [path for path, text in documents().items() if current(path) != text]
    for path in stale:
        if check:
            print(f"{path}: not what the list says: run scripts/lists.py")
        else:
            with open(os.path.join(TREE, path), "w") as file:
                file.write(documents()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
