"""Fixtures of the lab: one lab with two guests for the whole run, a fresh daemon for each test."""
import os
import signal

import pytest

import bras as daemon
import guest as machine
import radius
from bras import Bras
from lab import Lab
from processes import on_signals
from sstp_client import SCRIPTED, SCRIPTED6, SstpClient
from subscriber import Subscriber


def pytest_configure(config):
    # Fixtures clean up after Ctrl-C: let the other signals that end a test run be like it.
    on_signals((signal.SIGTERM, signal.SIGHUP), signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.session.stash[FAILED] = True
        lab = item.funcargs.get("lab")
        if lab:
            report.sections.append(("lab", f"logs of this run: {lab.run_dir}"))


FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def lab(request):
    why = machine.missing()
    if why:
        pytest.skip(why)
    made = Lab()
    try:
        for name, number in (("alice", 11), ("bob", 12)):
            made.boot_guest(name, number)
        for guest in made.guests.values():
            guest.booted()
        yield made
    finally:
        made.close(keep=request.session.stash.get(FAILED, False))


@pytest.fixture
def start_bras(lab):
    """A function that starts a daemon with the given settings; ended properly after the test."""
    why = daemon.missing()
    if why:
        pytest.skip(why)
    started = []

    def start(ports=True, **settings):
        one = Bras(lab, **settings)
        started.append(one)
        return one.start(ports)

    yield start
    try:
        for one in started:
            if one.running:
                one.stop()
    finally:
        for one in started:
            one.kill()


@pytest.fixture
def bras(start_bras):
    """The daemon with the lab's default configuration."""
    return start_bras()


@pytest.fixture
def subscribe(lab):
    """A function that makes a subscriber in a guest (by name); stopped after the test."""
    made = []

    def make(guest="alice", **options):
        one = Subscriber(lab.guests[guest], **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def dial_scripted(lab):
    """A function that connects a scripted client; closed after the test."""
    made = []

    def dial(*server, **options):
        one = SstpClient(lab, *server, **options)
        made.append(one)
        return one
    lab.access.run(f"ip addr replace {SCRIPTED}/24 dev br-acc")
    lab.access.run("sysctl -q net.ipv6.conf.br-acc.disable_ipv6=0")
    lab.access.run(f"ip addr replace {SCRIPTED6}/64 dev br-acc nodad")
    yield dial
    for one in made:
        one.close()
    lab.access.run("sysctl -q net.ipv6.conf.br-acc.disable_ipv6=1")
    lab.access.run(f"ip addr del {SCRIPTED}/24 dev br-acc")


@pytest.fixture
def measured(record_property):
    """A function that notes a figure for `check` to print; no test asserts one."""
    def note(text):
        print(text)
        record_property("measured", text)
    return note


@pytest.fixture
def core_wire(lab):
    """What passes between the BRAS and the core host."""
    capture = lab.capture_core()
    yield capture
    capture.stop()


@pytest.fixture
def access_wire(lab):
    """What passes between the guests and the BRAS."""
    capture = lab.capture_access()
    yield capture
    capture.stop()


@pytest.fixture
def server(lab):
    why = radius.missing()
    if why:
        pytest.skip(why)
    one = radius.FreeRadius(lab).start()
    yield one
    one.stop()


@pytest.fixture
def spool(lab):
    """A folder for one test's records."""
    path = os.path.join(lab.run_dir, f"acct-{len(os.listdir(lab.run_dir))}")
    os.mkdir(path)
    return os.path.join(path, "spool")


@pytest.fixture
def radius_bras(server, spool, start_bras):
    def start(**options):
        return start_bras(**radius.settings(spool, **options))
    return start
