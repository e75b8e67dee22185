"""The float environment in a process whose threads enter it at the same time, before any has."""

from __future__ import annotations

import subprocess
import sys

_THREADS = """
import threading
from concurrent.futures import ThreadPoolExecutor
from asnet.host import float_environment
from asnet.types import FloatMode
barrier = threading.Barrier(8)
def enter(number):
    barrier.wait()
    with float_environment(FloatMode.FTZ):
        return number
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(enter, range(8))))
"""


def test_threads_enter_at_the_same_time() -> None:
    done = subprocess.run([sys.executable, "-c", _THREADS], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "28"), done.stderr
