"""Signals that act at once, also while C code keeps Python from running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

# So many rounds of a hash take minutes of C code, which never asks for signals.
HANG = """
import hashlib, signal
from ssdh_surgery.signal_actions import end_on_second
signal.signal(signal.SIGTERM, signal.default_int_handler)
for number in (signal.SIGINT, signal.SIGTERM):
    end_on_second(number)
print("ready", flush=True)
hashlib.pbkdf2_hmac("sha1", b"", b"", 10 ** 9)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_a_process_that_hangs(number: signal.Signals) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HANG],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        restore_signals=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert child.stdout is not None
    with child, child.stdout:
        assert child.stdout.readline() == b"ready\n"
        time.sleep(0.5)
        child.send_signal(number)
        time.sleep(0.5)
        assert child.poll() is None, "the first signal waits for Python"
        child.send_signal(number)
        assert child.wait(60) == -number
