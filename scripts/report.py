"""The end of `check`: what failed and where its log is, what was skipped and why, the ten slowest, the sums.

    report.py DIRECTORY                 reads <lane>-<kind>.xml (JUnit, from meson and pytest) and commands.tsv;
                                        status 1: some failed
    report.py --again LANE DIRECTORY    the lab's failures in a lane, as pytest takes them; none when they are too many to be
                                        the machine's fault
"""
import glob
import os
import sys
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

Result = namedtuple("Result", "status seconds name why measured", defaults=("",))
STATUSES = ("passed", "failed", "skipped", "unsteady")
TITLES = {"unsteady": "failed beside others, passed alone"}
AGAIN_MAX = 10


def from_junit(path):
    """pytest's and meson's files; what failed in the former has been on the screen, the latter has a log."""
    lane, kind = os.path.basename(path).removesuffix(".xml").split("-")
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{lane}-unit: {case.get('name').split(' / ')[-1]}"
        if kind != "unit":
            name = f"{lane}: {case.get('file') or case.get('classname')}::{case.get('name')}"
        status, why = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                status, why = "failed", "see above" if kind != "unit" else path.removesuffix(".xml") + ".txt"
            elif child.tag == "skipped":
                status, why = "skipped", child.get("message") or "no reason given"
        measured = "; ".join(p.get("value") for p in case.iter("property") if p.get("name") == "measured")
        yield Result(status, float(case.get("time") or 0), name, why, measured)


def from_commands(path):
    with open(path) as file:
        for line in file:
            status, seconds, name, log = line.rstrip("\n").split("\t")
            yield Result(status, float(seconds), name, log)


def failed_in_the_lab(lane, directory):
    path = os.path.join(directory, f"{lane}-lab.xml")
    names = [r.name.removeprefix(f"{lane}: ") for r in from_junit(path) if r.status == "failed"] if os.path.exists(path) else []
    # Where the tests could not even be collected, there is no name to run again.
    return [f"tests/{name}" for name in names] if len(names) <= AGAIN_MAX and all(".py::" in name for name in names) else []


def joined(first, again):
    """Who failed beside others and passed alone is unsteady."""
    second = {result.name: result.status for result in again}
    for result in first:
        unsteady = result.status == "failed" and second.get(result.name) == "passed"
        yield result._replace(status="unsteady") if unsteady else result


def read(directory):
    results, again = [], []
    for path in sorted(glob.glob(os.path.join(directory, "*.xml"))):
        (again if path.endswith("-again.xml") else results).extend(from_junit(path))
    commands = os.path.join(directory, "commands.tsv")
    if os.path.exists(commands):
        results.extend(from_commands(commands))
    return list(joined(results, again))


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
    count = {status: [r for r in results if r.status == status] for status in STATUSES}
    for status in ("skipped", "unsteady", "failed"):
        if count[status]:
            print(f"\n{TITLES.get(status, status)}:")
        for result in count[status]:
            print(f"  {result.name}" + (f": {result.why}" if result.why else ""))
    if count["failed"]:
        print(f"\nlogs: {directory}")
    if not results:
        print("\nno test has such a name")
    count["passed"] += count["unsteady"]
    print(", ".join(f"{len(count[status])} {status}" for status in ("passed", "failed", "skipped")))
    return 1 if count["failed"] or not results else 0


if __name__ == "__main__":
    if sys.argv[1] == "--again":
        for name in failed_in_the_lab(*sys.argv[2:]):
            print(name)
    else:
        sys.exit(main(sys.argv[1]))
