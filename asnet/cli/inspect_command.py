"""``asnet inspect``: the layers of a network, what may be approximated in each, and all that is not supported."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asnet.cli.options import add_loading, load_options
from asnet.cli.talk import Talk, print_json, print_table
from asnet.errors import UnsupportedError
from asnet.ir import Module, Site
from asnet.lower import LOWERINGS, lower_supported
from asnet.network import Layer, LoadOptions, Network, load
from asnet.network.reading import read
from asnet.network.summary import multiply_accumulates, parameters
from asnet.types import APPROXIMABLE_OPS

__all__ = ["configure", "run"]

_UNSUPPORTED = 2  # exit status


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``asnet inspect``."""
    parser.add_argument("network", type=Path, help="ONNX network")
    add_loading(parser)
    parser.epilog = "exit status 2 if something in the network is not supported; all of it is listed"


@dataclass(frozen=True)
class _Row:
    """A layer, the sites in its code (none: it costs nothing, or is not supported), and why it is not supported."""

    layer: Layer
    outputs: tuple[str, ...]
    parameters: int
    macs: int
    sites: Sequence[Site]
    problem: str | None
    is_alias: bool

    @property
    def lowered(self) -> str:
        """How the layer is computed."""
        if self.problem is not None:
            return "NOT SUPPORTED"
        return "no code" if self.is_alias else "native"

    def approximable(self) -> list[dict[str, str | int]]:
        """The sites that a unit may stand for, by operation and operand type, with executions per run."""
        count: Counter[tuple[str, str]] = Counter()
        static: Counter[tuple[str, str]] = Counter()
        for site in self.sites:
            if site.op in APPROXIMABLE_OPS:
                static[site.op, site.type] += 1
                count[site.op, site.type] += site.count
        return [
            {"op": op, "type": kind, "sites": static[op, kind], "operations": count[op, kind]} for op, kind in static
        ]


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Print the layers and what is not supported; 2 if there is any such."""
    options = load_options(args) or LoadOptions()
    source = read(args.network)
    resolved = Counter(node.op_type for node in source.model.graph.node if node.op_type not in LOWERINGS)
    try:
        network = load(args.network, shapes=options.shapes, output=options.output)
        module, found = lower_supported(network)
    except UnsupportedError as error:
        return _refused(args, error.problems)
    rows = _rows(network, module, {name: f"{args.network}: {text}" for name, text in found.items()})
    problems = [row.problem for row in rows if row.problem is not None]
    if args.json:
        print_json(_as_json(network, rows, resolved, problems))
    else:
        _print(network, rows)
        if resolved:
            talk.note(f"resolved while loading: {', '.join(f'{n} x {op}' for op, n in sorted(resolved.items()))}")
    return _tell(problems, quiet=args.json)


def _refused(args: argparse.Namespace, problems: Sequence[str]) -> int:
    if args.json:
        print_json({"network": args.network.stem, "supported": False, "problems": list(problems)})
    return _tell(problems, quiet=args.json)


def _tell(problems: Sequence[str], *, quiet: bool) -> int:
    if not problems:
        return 0
    if not quiet:
        print(f"not supported: {len(problems)}")
        for problem in problems:
            print(f"  {problem}")
    return _UNSUPPORTED


def _rows(network: Network, module: Module, problems: dict[str, str]) -> list[_Row]:
    sites: dict[str, list[Site]] = {}
    for site in module.sites():
        sites.setdefault(site.layer, []).append(site)
    coded = {call.layer for call in module.calls}
    return [
        _Row(
            layer,
            tuple(str(network.tensors[name]).removeprefix(f"{name} ") for name in layer.outputs if name),
            parameters(layer, network),
            multiply_accumulates(layer, network),
            sites.get(layer.name, []) if layer.name not in problems else [],
            problems.get(layer.name),
            layer.name not in coded,
        )
        for layer in network.layers
    ]


def _print(network: Network, rows: Sequence[_Row]) -> None:
    table: list[list[str]] = []
    for row in rows:
        units = ", ".join(
            f"{kind['sites']} {kind['op']} {kind['type']} x {kind['operations']:,}"
            for kind in row.approximable()
            if kind["op"] in {"fmul", "fdiv", "mul"}
        )
        figures = [f"{number:,}" if number else "" for number in (row.parameters, row.macs)]
        table.append([row.layer.name, row.layer.op_type, ", ".join(row.outputs), row.lowered, units, *figures])
    total = [f"{sum(row.parameters for row in rows):,}", f"{sum(row.macs for row in rows):,}"]
    table.append(["total", f"{len(rows)} layers", "", "", "", *total])
    header = ["layer", "operator", "output", "lowered", "sites of units x operations", "parameters", "MACs"]
    print_table(str(network), header, table, left=5)


def _as_json(
    network: Network, rows: Sequence[_Row], resolved: Counter[str], problems: Sequence[str]
) -> dict[str, object]:
    return {
        "network": network.name,
        "opset": network.opset,
        "inputs": [{"name": t.name, "type": t.dtype, "shape": list(t.shape)} for t in network.inputs],
        "outputs": [{"name": t.name, "type": t.dtype, "shape": list(t.shape)} for t in network.outputs],
        "supported": not problems,
        "problems": list(problems),
        "resolved": dict(sorted(resolved.items())),
        "layers": [
            {
                "name": row.layer.name,
                "op_type": row.layer.op_type,
                "outputs": [
                    {"name": name, "type": network.tensors[name].dtype, "shape": list(network.tensors[name].shape)}
                    for name in row.layer.outputs
                    if name
                ],
                "parameters": row.parameters,
                "macs": row.macs,
                "lowered": row.lowered,
                "problem": row.problem,
                "sites": row.approximable(),
            }
            for row in rows
        ],
    }
