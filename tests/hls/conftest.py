"""What the tests of the hardware compiler need."""

from __future__ import annotations

import pytest

from asnet.errors import ToolMissingError
from asnet.tools import cxx, verilator


@pytest.fixture
def simulator() -> None:
    """Skip where a design cannot be simulated."""
    try:
        verilator.find(), cxx.find()
    except ToolMissingError as error:
        pytest.skip(f"designs are simulated by Verilator and a C++ compiler: {error}")
