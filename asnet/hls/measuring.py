"""Measuring the delays of :mod:`asnet.hls.delays`: circuits of each kind and size between registers, placed and routed.

``python -m asnet.hls.measuring --update`` writes ``asnet/hls/delays.json``.
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
from pathlib import Path
from typing import Any, Final

from asnet.cache import write_atomically
from asnet.errors import AsnetError
from asnet.hls.delays import REGISTER_NS, SHIPPED
from asnet.resources import render
from asnet.tools import nextpnr, yosys
from asnet.units.characterise import ECP5_SYNTHESIS
from asnet.units.timing import SMALL_DEVICE

__all__ = ["Circuit", "circuits", "update"]

_SEEDS: Final = 3
_NEXTPNR: Final = (
    *SMALL_DEVICE,
    *("--freq", "150", "--quiet", "--json", "netlist.json", "--report", "report.json", "--detailed-timing-report"),
)
_ENDPOINT: Final = re.compile(r"(\w+)\.y_TRELLIS_FF_Q")
_WIDEST_PRODUCT: Final = 32


@dataclass(frozen=True)
class Circuit:
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


def circuits() -> Iterator[Circuit]:
    """Everything that is measured, from small to large within a kind."""
    for n in (4, 8, 16, 32, 64):
        yield Circuit("logic", n, f"(a & b) ^ {{a[0], b[{n - 1}:1]}}", n, n, operations=2)
        yield Circuit("select", n, f"c[0] ? a : c[1] ? b : {{a[0], b[{n - 1}:1]}}", n, n, 2, operations=2)
        yield Circuit("sum", n, "a + b", n, n)
        difference = f"wire [{n}:0] less = {{a[{n - 1}], a}} - {{b[{n - 1}], b}};"
        yield Circuit("order", n, f"less[{n}]", n, 1, lines=(difference,))
        yield Circuit("extreme", n, f"less[{n}] ? a : b", n, n, lines=(difference,))
        yield Circuit("shift", n, f"a << b[{(n - 1).bit_length() - 1}:0]", n, n)
        if n <= _WIDEST_PRODUCT:
            yield Circuit("product", n, "a * b", n, n)
    for sources in (1, 2, 4, 8, 16):
        words = [f"({{32{{c[{n}]}}}} & ({'ab'[n % 2]} ^ 32'd{37 * n}))" for n in range(sources)]
        yield Circuit("choice", sources, " | ".join(words) if sources > 1 else "a", 32, 32, sources)
    memory = "(* no_rw_check *) reg [17:0] words [0:1023];", "reg [17:0] word;"
    access = "always @(posedge clk) begin words[a] <= {b, a[7:0]}; word <= words[b]; end"
    yield Circuit("read", 1, "word", 10, 18, lines=(*memory, access))


def update(seeds: int = _SEEDS) -> Path:
    """Measure everything and write ``asnet/hls/delays.json``; its path. Medians of the placements.

    Raises:
        ToolMissingError: there is no yosys or no nextpnr.
        ToolError: one of them fails.
        OutputError: the file cannot be written.
    """
    measured = {circuit.name: circuit for circuit in circuits()}
    synthesiser, placer = yosys.find(), nextpnr.find()
    found: dict[str, list[float]] = {name: [] for name in measured}
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        (place / "delays.v").write_text(render("hls/delays.v.j2", circuits=[*measured.values()]), encoding="utf-8")
        mapping = [line.replace("{top}", "delays").replace(" -nodsp", "") for line in ECP5_SYNTHESIS]
        script = ["read_verilog -sv delays.v", "hierarchy -top delays", *mapping, "write_json netlist.json"]
        synthesiser.run_script("\n".join(script) + "\n", place)
        for seed in range(1, seeds + 1):
            placer.run([*_NEXTPNR, "--seed", str(seed)], place)
            report = json.loads((place / "report.json").read_text(encoding="utf-8"))
            for name, arrival in _arrivals(report).items():
                found[name].append(arrival)
    table: dict[str, dict[int, float]] = {}
    for circuit in reversed(measured.values()):
        sizes = table.setdefault(circuit.kind, {})
        ns = round((statistics.median(found[circuit.name]) - REGISTER_NS) / circuit.operations, 2)
        sizes[circuit.size] = min([ns, *sizes.values()])  # wires differ by chance: nothing narrower is slower
    lines = [f"  {json.dumps(kind)}: {json.dumps(dict(sorted(table[kind].items())))}" for kind in sorted(table)]
    write_atomically(SHIPPED, "{\n" + ",\n".join(lines) + "\n}\n")
    return SHIPPED


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
    """The command ``python -m asnet.hls.measuring``."""
    parser = argparse.ArgumentParser(prog="python -m asnet.hls.measuring", description=__doc__)
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
