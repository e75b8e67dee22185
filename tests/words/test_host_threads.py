"""The float environment in a process whose threads enter it at the same time, before any has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_threads_enter_at_the_same_time(tmp_path: Path) -> None:
    """With an empty cache, so that the first one is busy while the others come."""
    environment = {**os.environ, "ASNET_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", _THREADS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "28"), done.stderr
