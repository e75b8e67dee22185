"""The cost of memories is what yosys makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asnet.errors import ToolMissingError
from asnet.hls.storage import MemoryCost, deep_cost, memory_cost, row_sizes, tallest
from asnet.resources import render
from asnet.tools import yosys

MEASURED = {
    (1, 4): (0, 0), (1, 256): (0, 16), (1, 512): (1, 0), (8, 100): (0, 14), (8, 128): (0, 16), (8, 256): (1, 0),
    (8, 5000): (3, 0), (16, 64): (0, 16), (16, 100): (1, 0), (16, 2048): (2, 0), (18, 64): (0, 20), (32, 10): (0, 8),
    (32, 32): (0, 16), (32, 64): (1, 0), (32, 512): (1, 0), (32, 600): (2, 0), (32, 5000): (10, 0), (36, 32): (0, 18),
    (64, 32): (0, 32), (64, 64): (2, 0), (64, 5000): (20, 0), (80, 32): (0, 40), (80, 64): (3, 0), (80, 5000): (23, 0),
    (128, 64): (4, 0), (128, 2048): (15, 0), (128, 5000): (38, 0), (320, 32): (0, 160), (320, 5000): (90, 0),
}  # fmt: skip
"""(bits, words) of RAMs → block RAMs and distributed RAMs by yosys 0.70."""

CONSTANTS = {
    (8, 256): 0, (8, 600): 1, (8, 5000): 3, (9, 232): 0, (32, 64): 0, (32, 66): 1, (32, 600): 2, (32, 5000): 9,
    (80, 66): 0, (80, 100): 3, (80, 600): 5, (80, 5000): 23, (128, 64): 0, (128, 66): 4, (128, 5000): 36, (320, 64): 9,
}  # fmt: skip
"""(bits, words) of ROMs of random bits → block RAMs."""

_LIBRARY = ("asnet_ram", "asnet_ram_deep", "asnet_rom", "asnet_rom_deep")


@pytest.mark.parametrize(("shape", "cells"), MEASURED.items(), ids=str)
def test_rams_cost_what_was_measured(shape: tuple[int, int], cells: tuple[int, int]) -> None:
    cost = memory_cost(*shape)
    assert (cost.blocks, cost.cells) == cells


@pytest.mark.parametrize(("shape", "blocks"), CONSTANTS.items(), ids=str)
def test_roms_cost_what_was_measured(shape: tuple[int, int], blocks: int) -> None:
    assert memory_cost(*shape, writable=False).blocks == blocks


def test_costs_add_up() -> None:
    small = memory_cost(8, 64)
    assert (small, small.all_luts) == (MemoryCost(cells=8, luts=20, ffs=8), 52)
    assert small + memory_cost(32, 512) * 2 == MemoryCost(blocks=2, cells=8, luts=20, ffs=8)
    assert memory_cost(32, 1024, reads=2).blocks == 4
    assert memory_cost(18, 1024, reads=2, writable=False).blocks == 1


def test_yosys_makes_of_memories_what_they_cost(tmp_path: Path) -> None:
    """A few shapes of each kind; also two ports of one ROM, and rows."""
    try:
        tool = yosys.find()
    except ToolMissingError as error:
        pytest.skip(f"memories are mapped by yosys: {error}")
    shapes = [("ram", bits, words, 1) for bits, words in ((8, 100), (32, 64), (80, 600), (18, 40), (32, 1500))]
    shapes += [
        ("rom", bits, words, reads) for bits, words, reads in ((32, 70, 1), (80, 66, 1), (16, 700, 2), (36, 300, 3))
    ]
    shapes += [
        ("ram_deep", 32, 5000, 1),
        ("ram_deep", 8, 20_000, 2),
        ("rom_deep", 96, 3000, 1),
        ("rom_deep", 32, 7840, 1),
    ]
    script: list[str] = []
    for name in _LIBRARY:
        (tmp_path / f"{name}.v").write_text(render(f"rtl/{name}.v.j2", version="test"))
    for number, (kind, bits, words, reads) in enumerate(shapes):
        address = (words - 1).bit_length()
        writable, deep = kind.startswith("ram"), kind.endswith("deep")
        for row, size in enumerate(row_sizes(bits, words, writable=writable) if deep else (words,)):
            lines = (pow(0x9E3779B97F4A7C15, line + 3, 1 << bits) for line in range(size))
            ending = f"_{row:02}" if deep else ""
            (tmp_path / f"{number}{ending}.hex").write_text("".join(f"{line:x}\n" for line in lines))
        values = f".WIDTH({bits}), .DEPTH({words}), .ADDRESS({address}), .READS({reads})"
        if deep:
            values += f", .TALL({tallest(bits, words, writable=writable)})"
        ports = f"input clk, input [{reads * address - 1}:0] ra, output [{reads * bits - 1}:0] rd"
        named = ""
        if not writable:
            values += f', .FILE("{number}")'
        else:
            ports += f", input re, we, input [{address - 1}:0] wa, input [{bits - 1}:0] wd"
            wires = {"re": "re"} if kind == "ram" else {}
            wires |= {"we": "we", "waddr": "wa", "wdata": "wd"}
            named = "".join(f", .{port}({wire})" for port, wire in wires.items())
        memory = f"asnet_{kind} #({values}) m (.clk(clk), .raddr(ra), .rdata(rd){named});"
        (tmp_path / f"{number}.v").write_text(f"module top({ports}); {memory} endmodule\n")
        script += [
            "design -reset",
            f"read_verilog -defer {' '.join(f'{name}.v' for name in _LIBRARY)}",
            f"read_verilog {number}.v",
            "hierarchy -top top",
            "synth_ecp5 -nodsp -top top -run begin:map_ffram",
            f"tee -o {number}.json stat -json",
        ]
    tool.run_script("\n".join(script) + "\n", tmp_path, limit=100)
    for number, (kind, bits, words, reads) in enumerate(shapes):
        text = (tmp_path / f"{number}.json").read_text()
        cells = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
        writable = kind.startswith("ram")
        if kind.endswith("deep"):
            cost = deep_cost(bits, words, reads=reads, writable=writable)
        else:
            cost = memory_cost(bits, words, reads=reads, writable=writable)
        found = cells.get("DP16KD", 0), cells.get("TRELLIS_DPR16X4", 0)
        assert found == (cost.blocks, cost.cells), (kind, bits, words, reads)
