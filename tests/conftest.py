"""Which tests run: what `check` asks for on the command line."""
import re


def pytest_addoption(parser):
    parser.addoption("--only", default="", metavar="REGEX", help="tests in whose name (LANE: FILE::TEST) it is found")
    parser.addoption("--lane", default="gcc", help="the build that is tested, part of the names for --only")
    parser.addoption("--long", action="store_true", help="soak tests too")


def pytest_collection_modifyitems(config, items):
    only, lane = re.compile(config.getoption("only")), config.getoption("lane")
    wanted, rest = [], []
    for item in items:
        long = item.get_closest_marker("long") and not config.getoption("long")
        (rest if long or not only.search(f"{lane}: {item.nodeid}") else wanted).append(item)
    items[:] = wanted
    config.hook.pytest_deselected(items=rest)
