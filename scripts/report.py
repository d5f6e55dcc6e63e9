"""The end of `check`: what failed and where its log is, what was skipped and why, the ten slowest, the sums.

    report.py DIRECTORY     reads <lane>-<kind>.xml (JUnit, from meson and pytest) and commands.tsv; status 1: some failed
"""
import glob
import os
import sys
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

Result = namedtuple("Result", "status seconds name why measured", defaults=("",))


def from_junit(path):
    """pytest's and meson's files; what failed in the former has been on the screen, the latter has a log."""
    lane, kind = os.path.basename(path).removesuffix(".xml").split("-")
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{lane}-unit: {case.get('name').split(' / ')[-1]}"
        if kind == "pytest":
            name = f"{lane}: {case.get('file') or case.get('classname')}::{case.get('name')}"
        status, why = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                status, why = "failed", "see above" if kind == "pytest" else path.removesuffix(".xml") + ".txt"
            elif child.tag == "skipped":
                status, why = "skipped", child.get("message") or "no reason given"
        measured = "; ".join(p.get("value") for p in case.iter("property") if p.get("name") == "measured")
        yield Result(status, float(case.get("time") or 0), name, why, measured)


def from_commands(path):
    with open(path) as file:
        for line in file:
            status, seconds, name, log = line.rstrip("\n").split("\t")
            yield Result(status, float(seconds), name, log)


def read(directory):
    results = []
    for path in sorted(glob.glob(os.path.join(directory, "*.xml"))):
        results.extend(from_junit(path))
    commands = os.path.join(directory, "commands.tsv")
    if os.path.exists(commands):
        results.extend(from_commands(commands))
    return results


def main(directory):
    results = read(directory)
    if results:
        print("\nten slowest:")
    for result in sorted(results, key=lambda r: -r.seconds)[:10]:
        print(f"  {result.seconds:7.1f} s  {result.name}")
    if any(result.measured for result in results):
        print("\nmeasured:")
    for result in results:
        if result.measured:
            print(f"  {result.name}: {result.measured}")
    count = {status: [r for r in results if r.status == status] for status in ("passed", "failed", "skipped")}
    for status in ("skipped", "failed"):
        if count[status]:
            print(f"\n{status}:")
        for result in count[status]:
            print(f"  {result.name}" + (f": {result.why}" if result.why else ""))
    if count["failed"]:
        print(f"\nlogs: {directory}")
    if not results:
        print("\nno test has such a name")
    print(", ".join(f"{len(count[status])} {status}" for status in ("passed", "failed", "skipped")))
    return 1 if count["failed"] or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
