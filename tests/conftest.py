"""What all tests need."""

import signal

import pytest

from asnet.units import ApproximateUnit, UnitInstance

LOPSIDED = """
module lopsided (input signed [7:0] a, input signed [7:0] b, output signed [15:0] y);
  assign y = $signed({a[7:1], 1'b0}) * b;
endmodule
"""


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, even where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def lopsided(tmp_path_factory: pytest.TempPathFactory) -> UnitInstance:
    """A multiplier that is not commutative."""
    path = tmp_path_factory.mktemp("units") / "lopsided.v"
    path.write_text(LOPSIDED)
    return ApproximateUnit.from_verilog(path, op="mul", type="i8").instance()
