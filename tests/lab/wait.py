"""Waiting for an event with a deadline: the lab never sleeps and hopes."""
import time

STEP_S = 0.02


class LabError(Exception):
    """Something of the lab itself did not come about; the text says what."""


def wait_until(what, happened, timeout_s=10.0):
    """Returns the first true value of happened(), or raises LabError naming what was waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = happened()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout_s:g} s")
        time.sleep(STEP_S)
