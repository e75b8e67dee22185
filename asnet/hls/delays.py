"""Nanoseconds of logic between two registers on the ECP5: measured by opcode and width, placed and routed, and shipped.

A delay counts from the output of the register behind which the logic begins (:data:`REGISTER_NS` after the clock) to
the register that takes the result, the wires to it among it: so delays of operations one behind the other add up.

``python -m asnet.hls.delays --update`` measures them anew.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from asnet.cache import write_atomically
from asnet.errors import AsnetError
from asnet.resources import render
from asnet.tools import nextpnr, yosys
from asnet.units.characterise import ECP5_SYNTHESIS

__all__ = ["CLOCK_MARGIN", "REGISTER_NS", "budget_ns", "choice_ns", "is_logic", "logic_ns", "read_ns", "update"]

REGISTER_NS: Final = 0.52
"""From a clock edge to the output of a register, on a speed grade 6 device."""

CLOCK_MARGIN: Final = 1.15
"""How much faster than the wanted clock logic by itself must be: in a design its wires are longer."""

_SHIPPED: Final = Path(__file__).with_suffix(".json")
_SEEDS: Final = 3
_NEXTPNR: Final = (
    *("--25k", "--speed", "6", "--package", "CABGA381", "--lpf-allow-unconstrained", "--timing-allow-fail"),
    *("--freq", "150", "--quiet", "--json", "netlist.json", "--report", "report.json", "--detailed-timing-report"),
)
_ENDPOINT: Final = re.compile(r"(\w+)\.y_TRELLIS_FF_Q")
_WIDEST_PRODUCT: Final = 32

_WIRES: Final = ("zext", "sext", "trunc")
_KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("and", "or", "xor"), "logic"),
    **dict.fromkeys(("add", "sub"), "sum"),
    **dict.fromkeys(("umin", "umax", "smin", "smax"), "extreme"),
    **dict.fromkeys(("shl", "lshr", "ashr"), "shift"),
    "select": "select",
    "icmp": "order",
    "mul": "product",
}
"""Combinational opcode → what is measured for it."""


def is_logic(op: str) -> bool:
    """Whether an LLVM operation is combinational logic rather than a unit."""
    return op in _KINDS or op in _WIRES


def logic_ns(op: str, bits: int, *, by_constant: bool) -> float:
    """The delay of a combinational operation on ``bits`` bits. A shift by a constant is wires."""
    if op in _WIRES or (by_constant and _KINDS[op] == "shift"):
        return 0.0
    return _between(_KINDS[op], bits)


def choice_ns(sources: int) -> float:
    """The delay of choosing one of ``sources`` words; of one, of the wires to where it is used."""
    return _between("choice", sources)


def read_ns() -> float:
    """From the output of a register, had there been one, to the register that takes a block RAM's word."""
    return _between("read", 1)


def budget_ns(clock: float) -> float:
    """What logic between two registers may take at ``clock`` MHz."""
    return 1000.0 / clock / CLOCK_MARGIN - REGISTER_NS


@cache
def _shipped() -> Mapping[str, tuple[tuple[int, float], ...]]:
    """What was measured → (size, nanoseconds), by size."""
    content: dict[str, dict[str, float]] = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return {kind: tuple((int(size), ns) for size, ns in found.items()) for kind, found in content.items()}


def _between(kind: str, size: int) -> float:
    """The delay at ``size``: straight lines between the sizes that were measured, on beyond the last."""
    points = _shipped()[kind]
    if size <= points[0][0]:
        return points[0][1]
    upper = next((number for number, (at, _) in enumerate(points) if at >= size), len(points) - 1)
    (low, before), (high, after) = points[upper - 1], points[upper]
    return round(before + (after - before) * (size - low) / (high - low), 3)


@dataclass(frozen=True)
class _Circuit:
    """Logic to measure: ``value`` of ``result`` bits from registers ``a`` and ``b`` of ``bits`` and ``c`` of ``flags``.

    ``operations`` in a row share the delay, as LUTs hold more than one of them.
    """

    kind: str
    size: int
    value: str
    bits: int
    result: int
    flags: int = 1
    lines: tuple[str, ...] = ()
    operations: int = 1

    @property
    def name(self) -> str:
        """Of its block."""
        return f"{self.kind}_{self.size}"


def _circuits() -> Iterator[_Circuit]:
    for n in (4, 8, 16, 32, 64):
        yield _Circuit("logic", n, f"(a & b) ^ {{a[0], b[{n - 1}:1]}}", n, n, operations=2)
        yield _Circuit("select", n, f"c[0] ? a : c[1] ? b : {{a[0], b[{n - 1}:1]}}", n, n, 2, operations=2)
        yield _Circuit("sum", n, "a + b", n, n)
        difference = f"wire [{n}:0] less = {{a[{n - 1}], a}} - {{b[{n - 1}], b}};"
        yield _Circuit("order", n, f"less[{n}]", n, 1, lines=(difference,))
        yield _Circuit("extreme", n, f"less[{n}] ? a : b", n, n, lines=(difference,))
        yield _Circuit("shift", n, f"a << b[{(n - 1).bit_length() - 1}:0]", n, n)
        if n <= _WIDEST_PRODUCT:
            yield _Circuit("product", n, "a * b", n, n)
    for sources in (1, 2, 4, 8, 16):
        words = [f"({{32{{c[{n}]}}}} & ({'ab'[n % 2]} ^ 32'd{37 * n}))" for n in range(sources)]
        yield _Circuit("choice", sources, " | ".join(words) if sources > 1 else "a", 32, 32, sources)
    memory = "(* no_rw_check *) reg [17:0] words [0:1023];", "reg [17:0] word;"
    access = "always @(posedge clk) begin words[a] <= {b, a[7:0]}; word <= words[b]; end"
    yield _Circuit("read", 1, "word", 10, 18, lines=(*memory, access))


def update(seeds: int = _SEEDS) -> Path:
    """Measure everything and write ``asnet/hls/delays.json``; its path. Medians of the placements.

    Raises:
        ToolMissingError: there is no yosys or no nextpnr.
        ToolError: one of them fails.
        OutputError: the file cannot be written.
    """
    circuits = {circuit.name: circuit for circuit in _circuits()}
    synthesiser, placer = yosys.find(), nextpnr.find()
    found: dict[str, list[float]] = {name: [] for name in circuits}
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        (place / "delays.v").write_text(render("hls/delays.v.j2", circuits=[*circuits.values()]), encoding="utf-8")
        mapping = [line.replace("{top}", "delays").replace(" -nodsp", "") for line in ECP5_SYNTHESIS]
        script = ["read_verilog -sv delays.v", "hierarchy -top delays", *mapping, "write_json netlist.json"]
        synthesiser.run_script("\n".join(script) + "\n", place)
        for seed in range(1, seeds + 1):
            placer.run([*_NEXTPNR, "--seed", str(seed)], place)
            report = json.loads((place / "report.json").read_text(encoding="utf-8"))
            for name, arrival in _arrivals(report).items():
                found[name].append(arrival)
    table: dict[str, dict[int, float]] = {}
    for circuit in reversed(circuits.values()):
        sizes = table.setdefault(circuit.kind, {})
        ns = round((statistics.median(found[circuit.name]) - REGISTER_NS) / circuit.operations, 2)
        sizes[circuit.size] = min([ns, *sizes.values()])  # wires differ by chance: nothing narrower is slower
    lines = [f"  {json.dumps(kind)}: {json.dumps(dict(sorted(table[kind].items())))}" for kind in sorted(table)]
    write_atomically(_SHIPPED, "{\n" + ",\n".join(lines) + "\n}\n")
    _shipped.cache_clear()
    return _SHIPPED


def _arrivals(report: Mapping[str, Any]) -> Mapping[str, float]:
    """Circuit → nanoseconds from the clock edge to the last bit of its result."""
    latest: dict[str, float] = {}
    for net in report["detailed_net_timings"]:
        for endpoint in net["endpoints"]:
            match = _ENDPOINT.match(endpoint["cell"])
            if match is not None and net["event"].startswith("posedge") and endpoint["event"].startswith("posedge"):
                latest[match[1]] = max(endpoint["delay"][1], latest.get(match[1], 0.0))
    return latest


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m asnet.hls.delays``."""
    parser = argparse.ArgumentParser(prog="python -m asnet.hls.delays", description=__doc__)
    parser.add_argument("--update", action="store_true", required=True, help="measure, and write what is shipped")
    parser.add_argument("--seeds", type=int, default=_SEEDS, help="placements; delays are their medians")
    options = parser.parse_args(arguments)
    try:
        print(update(options.seeds))
    except AsnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
