"""Whether a clocked unit is what hardware needs: a pipeline that takes new operands in every clock cycle.

A unit described with a latency may be a machine that computes one result at a time. Exploration can wait for it; in
hardware, where operations follow each other cycle by cycle, it would be wrong. So it is tried before it is used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from asnet.cache import Cache, default_cache
from asnet.errors import UnitError
from asnet.resources import render, templates_dir, verilog_dir
from asnet.tools import cxx, run_tool, verilator
from asnet.types import FloatMode
from asnet.units.compiled import CXX_FLAGS, build_key, runtime
from asnet.units.elaborate import VERILATOR_FLAGS, interface, verilator_error, write_files
from asnet.units.guard import violations
from asnet.units.instance import UnitInstance

__all__ = ["check_pipelined"]

_COUNT: Final = 4096
_TEMPLATES: Final = ("stream.v.j2", "stream.cpp.j2")


def check_pipelined(instance: UnitInstance, mode: FloatMode, stages: int, *, cache: Cache | None = None) -> None:
    """Refuse a clocked unit that is no pipeline: random operands in every cycle must give, each ``latency`` cycles
    later, what they give by themselves (with ``stages``: what the combinational form gives).

    Shipped units are taken on trust, they have tests; a unit that reaches outside its ports is not run.

    Raises:
        UnitError: names the first operands whose result is another; or the unit does not compile.
        ToolError: the C++ compiler fails.
    """
    latency = instance.latency + stages
    if latency == 0 or verilog_dir() in (instance.unit.origin.parent, instance.unit.origin.parent.parent):
        return
    if violations(instance.files):
        return

    def build(folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            found = _try(instance, mode, stages, Path(work), runtime(cache or default_cache()))
        (folder / "found").write_text(found, encoding="utf-8")

    key = build_key(
        [instance.digest, mode, str(stages), *((templates_dir() / "units" / t).read_text() for t in _TEMPLATES)]
    )
    found = ((cache or default_cache()).get("pipelines", key, build) / "found").read_text(encoding="utf-8").split()
    if not found:
        return
    place, a, b, y, want = found
    operands = f"0x{a}, 0x{b}" if "b" in instance.ports else f"0x{a}"
    raise UnitError(
        f"unit {instance.name}: it is no pipeline of latency {latency}: with new operands in every clock cycle, "
        f"number {place}, {operands}, gives 0x{y}, by itself 0x{want}; hardware needs a unit that takes operands in "
        "every cycle: pipeline it, correct its latency, or choose another unit"
    )


def _connected(roles: Mapping[str, str], nets: Mapping[str, str]) -> str:
    return ", ".join(f".{port}({nets[role]})" for role, port in roles.items())


def _assigned(values: Mapping[str, int]) -> str:
    return ", ".join(f".{name}({value})" for name, value in values.items())


def _try(instance: UnitInstance, mode: FloatMode, stages: int, folder: Path, objects: list[Path]) -> str:
    """What the compiled comparison prints: nothing, or the first difference."""
    roles = interface(instance)
    names = write_files(instance.files, folder)
    golden = instance.stages is not None and instance.latency == 0
    operands = [
        {"name": role, "width": roles.width(role), "mask": hex((1 << roles.width(role)) - 1)}
        for role in ("a", "b")
        if role in roles.roles
    ]
    nets = {"a": "a", "b": "b", "clk": "clk", "ce": "1'b1", "y": "y"}
    (folder / "asnet_stream.v").write_text(
        render(
            "units/stream.v.j2",
            name=instance.name,
            operands=operands,
            result=roles.width("y"),
            module=instance.module,
            piped=_assigned(instance.settings(mode, stages)),
            connections=_connected(roles.roles, nets),
            golden=_assigned(instance.settings(mode)) if golden else None,
            golden_connections=_connected(roles.roles, {**nets, "clk": "1'b0", "y": "want"}),
        ),
        encoding="utf-8",
    )
    (folder / "main.cpp").write_text(
        render(
            "units/stream.cpp.j2",
            name=instance.name,
            count=_COUNT,
            latency=instance.latency + stages,
            operands=operands,
            golden=golden,
            is_float=instance.type.is_float and len(operands) == 2,
        ),
        encoding="utf-8",
    )
    flags = ["--cc", "-O3", "--x-assign", "0", "--x-initial", "0", "-Mdir", ".", "--prefix", "Vstream"]
    flags += [*VERILATOR_FLAGS, "--top-module", "asnet_stream"]
    good, log = verilator.find().attempt([*flags, "asnet_stream.v", *names], folder)
    if not good:
        raise verilator_error(instance, log)
    models = sorted(path.name for path in folder.glob("Vstream*.cpp"))
    (folder / "all.cpp").write_text("".join(f'#include "{name}"\n' for name in [*models, "main.cpp"]), encoding="utf-8")
    include = verilator.find().include
    flags = [*CXX_FLAGS, f"-I{include}", f"-I{include / 'vltstd'}", "-I."]
    cxx.find().compile([*flags, "all.cpp", *objects, "-o", "stream"], folder)
    return run_tool([folder / "stream"], name=f"the simulation of {instance.name}")
