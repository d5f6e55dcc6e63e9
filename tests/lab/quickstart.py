"""What ./quickstart shows once Millrace is built: a BRAS between two namespaces, and a real subscriber through it.

    quickstart.py [--once]     as root; waits for Enter or Ctrl-C when it is on a terminal, unless --once
"""
import signal
import subprocess
import sys
import time

import bras as daemon
import guest as machine
from bras import BUILD, CLI, Bras
from certificate import Certificate
from lab import Lab
from sstp_subscriber import SstpSubscriber, slow_wire
from subscriber import Subscriber
from wait import LabError

MORE = """
Try more, in another terminal:
  {cli} -s {socket} show sessions
  {cli} -s {socket} help
  ip netns exec {core} ping {subscriber}          the core host pings the subscriber
  ip netns exec {access} tcpdump -ni acc0         L2TP on the access wire
  less {config}                    the configuration
  tail -f {log}
"""


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def show(bras, command):
    print(f"\n$ millrace {command}\n{bras.cli(command).stdout}", flush=True)


def demonstrate(lab):
    say("starting millraced between an access and a core network namespace")
    guest = lab.boot_guest("alice", 11)
    own = Certificate(lab.run_dir)
    sstp = f'sstp = {{ certificate = "{own.certificate}"; private-key = "{own.key}"; }};'
    bras = Bras(lab, log_level="info", extra=sstp).start()
    say("booting a User-Mode Linux guest: the subscriber's machine")
    guest.booted()
    say("the guest dials in with xl2tpd and pppd, user alice")
    alice = Subscriber(guest, "alice", "wonderland").connect()
    say(f"online with address {alice.address}; pinging the core host through the tunnel")
    print(alice.ping(lab.core_host.address))
    say("the guest dials in a second time with sstp-client, user bob, to a certificate made a moment ago")
    slow_wire(guest)
    bob = SstpSubscriber(guest, "bob", "builder").connect()
    say(f"online with address {bob.address}; pinging the core host through the second tunnel")
    print(bob.ping(lab.core_host.address))
    show(bras, "show sessions")
    return bras, alice


def wait_for_user(lab, bras, alice):
    print(MORE.format(cli=CLI, socket=bras.socket, core=lab.core.name, access=lab.access.name, config=bras.config_path,
                      subscriber=alice.address, log=bras.log_path))
    print("Enter or Ctrl-C stops everything. ", end="", flush=True)
    try:
        sys.stdin.readline()
    except KeyboardInterrupt:
        print()


def stop(lab, bras):
    say("stopping: LCP Terminate-Request, CDN and StopCCN to the subscriber")
    bras.stop()
    lab.close()
    say("done; the namespaces, the guest and its files are gone")


def main(arguments):
    why = machine.missing() or daemon.missing()
    if why:
        print(f"quickstart: {why}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    lab = None
    try:
        lab = Lab()
        bras, alice = demonstrate(lab)
        if sys.stdin.isatty() and "--once" not in arguments:
            wait_for_user(lab, bras, alice)
        stop(lab, bras)
        return 0
    except (LabError, subprocess.SubprocessError) as error:
        print(f"\nquickstart: {error}", file=sys.stderr)
        print(f"logs: {lab.run_dir if lab else BUILD}", file=sys.stderr)
        if lab:
            lab.close(keep=True)
            lab = None
        return 1
    except KeyboardInterrupt:
        print()
        return 130
    finally:
        if lab:
            lab.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
