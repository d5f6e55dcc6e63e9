"""RADIUS servers that are gone: nothing is lost, nobody waits, and what may be read of it afterwards."""
import re
import time

import pytest

import radius
from bras import GATEWAY, config
from core_host import CoreHost
from many import Many
from wait import wait_until

ANYBODY = 'single-session = "off";'
FAR = "127.0.0.3"
GOAL_S = 2  # for the first login after the first server was killed


@pytest.fixture
def servers(lab):
    """A function that makes a FreeRADIUS; gone after the test."""
    why = radius.missing()
    if why:
        pytest.skip(why)
    made = []

    def make(*args, **options):
        made.append(radius.FreeRadius(lab, *args, **options).start())
        return made[-1]
    yield make
    for one in made:
        one.stop()


@pytest.fixture
def many(lab, sessions):
    """So many subscribers, half of them in each guest."""
    made = [Many(lab.guests[name], sessions // 2) for name in ("alice", "bob")]
    yield made
    for one in made:
        one.hang_up()


def types(keys):
    return [what for _, what, _ in keys]


# Fifty take a busy machine minutes; on the virtual clock acct_test.c has them in each run.
@pytest.mark.parametrize("sessions, seconds", [(10, 0), pytest.param(50, 60, marks=pytest.mark.long)])
def test_accounting_alone_is_gone(servers, spool, start_bras, many, measured, sessions, seconds):
    """Outage (a): so many sessions come and go, again and again for so many seconds, while nobody takes a record: each has its Start
    and its Stop afterwards, in that order, and nothing but what was said."""
    servers(roles=("auth",))
    accounting = servers(roles=("acct",))
    bras = start_bras(**radius.settings(spool, extra=ANYBODY))
    accounting.wait_record(Acct_Status_Type="Accounting-On")
    accounting.stop()
    began = time.monotonic()
    rounds = 0
    while not rounds or time.monotonic() - began < seconds:
        for one in many:
            one.dial()
        bras.wait_active(sessions, timeout_s=180)
        for one in many:
            one.hang_up()
        bras.wait_everything_returned(60)
        rounds += 1
    outage = time.monotonic() - began
    bras.wait_log("no answer to accounting from 127.0.0.1 port 18130: records are kept")
    assert types(map(radius.key, accounting.records())) == ["Accounting-On"]
    accounting.start()
    told = radius.said(bras.log)
    there = radius.wait_all(told, accounting, timeout_s=120)
    came = [one for one in there.values() if types(one) != ["Accounting-On"]]
    assert len(came) >= sessions * rounds and all(types(one) == ["Start", "Stop"] for one in came), there
    assert {one for keys in came for one in keys} == set(told)
    twice = len(accounting.records()) - 1 - len(told)
    measured(f"{len(came)} sessions in an outage of {outage:.0f} s: {len(told)} records, {twice} of them twice")


def test_both_are_gone_and_then_we_are(servers, spool, start_bras, subscribe):
    """Outage (b): local users come in, some go; then the daemon is killed, and started while nobody answers yet."""
    server = servers()
    settings = radius.settings(spool, mode='"radius", "local"', extra=ANYBODY)
    bras = start_bras(**settings)
    before = subscribe().connect()
    by_radius = bras.session_of("alice")["sid"]
    server.wait_record(Acct_Status_Type="Start", Acct_Session_Id=by_radius)
    server.stop()
    gone = subscribe("bob", user="bob", password="builder").connect()
    stays = subscribe().connect()
    assert "5 received" in stays.ping(CoreHost.address)
    gone.hang_up()
    bras.wait_sessions(2)
    told = radius.said(bras.log)
    assert sorted(types(told)) == ["Start", "Start", "Start", "Stop"]
    # What was appended a second ago is on the disk; the rest of it may be lost with a machine, not with a process.
    bras.kill()
    for one in (before, stays):
        one.crash()
    again = start_bras(**settings)
    again.wait_log("accounting records of before are sent now")
    server.start()
    first, second = by_radius, next(sid for sid, what, _ in reversed(told) if what == "Start" and sid != by_radius)
    for sid in (first, second):
        stop = server.wait_record(30, Acct_Status_Type="Stop", Acct_Session_Id=sid)
        assert stop["Acct-Terminate-Cause"] == ["NAS-Reboot"]
    sessions = radius.wait_all(told, server)
    assert sorted(types(one) for one in sessions.values() if "Start" in types(one)) == [["Start", "Stop"]] * 3
    authentic = {r["Acct-Session-Id"][0]: r["Acct-Authentic"] for r in server.records() if "Acct-Authentic" in r}
    assert sorted(authentic.values()) == [["Local"], ["Local"], ["RADIUS"]] and authentic[by_radius] == ["RADIUS"]
    assert "Accounting-On" in sum(map(types, sessions.values()), [])


def login(bras, subscriber):
    """Seconds from its Access-Request to the answer, and who answered."""
    before = len(bras.log.splitlines())
    subscriber.connect(60)
    lines = bras.log.splitlines()[before:]
    asked = next(line for line in lines if "[RADIUS send Access-Request" in line)
    answered = next(line for line in lines if "authentication succeeded" in line)

    def at(line):
        clock = re.match(r"\[\S+ (\d+):(\d+):(\d+\.\d+)\]", line)
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3])
    return (at(answered) - at(asked)) % 86400, re.search(r"\(radius (\S+)\)", answered)[1]


def row(bras, server, role):
    """What `show radius` says of this server."""
    return next(r for r in bras.show("radius server,role,state,sent,resent,answered,lost,outstanding,average-us,p99-us,"
                                     "deaths,probes-answered") if (r["server"], r["role"]) == (server, role))


@pytest.mark.parametrize("how, keys", [("killed", ""), ("silent", radius.QUICK)], ids=["killed", "silent"])
def test_two_servers(servers, spool, start_bras, subscribe, measured, how, keys):
    """The first is gone: the second takes its place, at no cost for who comes later, until it is back.  `show radius` says
    so, and what both were asked."""
    first, second = servers(), servers(address=FAR)
    # Only an answer to Status-Server brings it back: on a slow machine its fail-time would pass between two logins.
    entries = [radius.server_entry(fail_time=3600, keys="max-fail = 2;" if keys else ""), radius.server_entry(FAR)]
    bras = start_bras(**radius.settings(spool, keys=keys, servers=entries, extra=ANYBODY))
    took, by = login(bras, subscribe())
    assert by == first.address
    auth = row(bras, first.address, "auth")
    assert (auth["state"], auth["sent"], auth["answered"], auth["lost"], auth["outstanding"]) == ("alive", 1, 1, 0, 0)
    assert 0 < auth["average-us"] <= auth["p99-us"]
    assert row(bras, FAR, "auth")["sent"] == 0
    first.wait_record(Acct_Status_Type="Start")

    if how == "killed":
        first.stop()
    else:
        first.freeze()
    took, by = login(bras, subscribe("bob"))
    assert by == FAR
    measured(f"first server {how} ({keys or 'default waits'}): first login {took:.3f} s (goal: under {GOAL_S} s)")
    lost = row(bras, first.address, "auth")
    assert lost["lost"] >= 1 and lost["answered"] == 1
    took, by = login(bras, subscribe())
    assert by == FAR
    measured(f"the next {took:.3f} s")
    second.wait_record(30, Acct_Status_Type="Start")
    if how == "silent":
        assert lost["state"] == "dead"
        assert row(bras, first.address, "auth")["sent"] == lost["sent"], "a dead server is not asked"

    if how == "silent":
        first.stop()
    first.start()
    wait_until("the first to be found alive", lambda: row(bras, first.address, "auth")["state"] == "alive", 30)
    took, by = login(bras, subscribe("bob"))
    assert by == first.address
    told = radius.said(bras.log)
    assert types(told) == ["Start"] * 4
    radius.wait_all(told, first, second)


@pytest.mark.asan
def test_all_dead(servers, spool, start_bras, subscribe):
    """`show radius` of servers that nobody has answered at; one line of the log names them all."""
    server = servers()
    bras = start_bras(**radius.settings(spool, servers=[radius.server_entry(), radius.server_entry(FAR)]))
    server.stop()
    for _ in range(2):
        alice = subscribe().dial()
        alice.wait_ended(60)
    bras.wait_log("no answer from RADIUS: 127.0.0.1 port 18120, 127.0.0.3 port 18120")
    for address in (server.address, FAR):
        auth = row(bras, address, "auth")
        assert auth["lost"] >= 2 and (auth["answered"], auth["outstanding"], auth["average-us"], auth["p99-us"]) == (0, 0, 0, 0)
    assert not bras.sessions()


def rewrite(bras, **settings):
    bras.write_config(config(bras.socket, **settings))
    bras.cli("reload")


def test_other_servers_by_reload(lab, servers, spool, start_bras, subscribe):
    """One comes, one goes, a secret changes: who is online notices nothing, and who is just asking gets his answer."""
    first, second = servers(), servers(address=FAR)
    settings = {"spool": spool, "keys": "", "extra": ANYBODY}
    bras = start_bras(**radius.settings(**settings))
    alice = subscribe().connect()
    sid = bras.session_of("alice")["sid"]
    first.wait_record(Acct_Status_Type="Start", Acct_Session_Id=sid)
    first.freeze()
    bob = subscribe("bob", user="bob", password="builder").dial()
    bras.wait_log(r"\[RADIUS send Access-Request <User-Name=bob>")
    rewrite(bras, **radius.settings(servers=[radius.server_entry(FAR)], **settings))
    bob.up()
    bras.wait_log(r"authentication succeeded \(radius 127.0.0.3\)")
    assert [r["server"] for r in bras.show("radius") if r["role"] == "auth"] == [FAR]
    assert "5 received" in alice.ping(CoreHost.address)

    second.stop()
    second.change("radiusd.conf", "secret = testing123", "secret = changed")
    second.start()
    rewrite(bras, **radius.settings(servers=[radius.server_entry(FAR, secret="changed")], secret="for coa", **settings))
    took, by = login(bras, subscribe())
    assert by == FAR
    for one in (alice, bob):
        assert "5 received" in one.ping(GATEWAY)
    acked, said = radius.radclient(lab, "disconnect", [("Acct-Session-Id", sid)])
    assert not acked and "No reply" in said
    acked, said = radius.radclient(lab, "disconnect", [("Acct-Session-Id", sid)], secret="for coa")
    assert acked, said
    alice.wait_ended()
    second.wait_record(Acct_Status_Type="Stop", Acct_Session_Id=sid)
    radius.wait_all(radius.said(bras.log), first, second)


def test_what_a_reload_cannot_change(servers, spool, start_bras):
    """The spool and the listener are those of the start, and the section is there or is not."""
    servers()
    bras = start_bras(ports=False, **radius.settings(spool))
    for settings, why in (
            (radius.settings(spool + "2"), "radius.acct-spool: is not what runs: that takes a restart"),
            (radius.settings(spool, listen="127.0.0.5"), "radius.dynamic-author.server: is not what runs"),
            ({}, "radius: is not what runs: that takes a restart")):
        bras.write_config(config(bras.socket, **settings))
        answer = bras.cli("reload", check=False)
        assert answer.returncode == 1 and why in answer.stdout
    bras.write_config(config(bras.socket, **radius.settings(spool)))
    assert "2 users" in bras.cli("reload").stdout
