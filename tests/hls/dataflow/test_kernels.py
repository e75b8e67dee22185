"""Kernels of all shapes as layers of a dataflow design; what streams cannot carry is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asnet import hls
from asnet.errors import SynthesisError
from asnet.hls.options import HlsOptions, Style
from asnet.ir import MemoryKind, Module
from asnet.types import FloatMode
from tests.hls import programs
from tests.hls.kernels import Argument, Program, compare, module_of

DATAFLOW = HlsOptions(style=Style.DATAFLOW)
WRITTEN_TWICE = Program(
    "twice",
    (Argument("x", MemoryKind.INPUT, "i32", 2), Argument("z", MemoryKind.OUTPUT, "i32", 2)),
    """  %a = load i32, ptr %x
  store i32 %a, ptr %z
  %p1 = getelementptr i32, ptr %x, i64 1
  %b = load i32, ptr %p1
  store i32 %b, ptr %z
  %z1 = getelementptr i32, ptr %z, i64 1
  store i32 %a, ptr %z1
  ret void""",
)
BACKWARDS = Program(
    "backwards",
    (Argument("x", MemoryKind.INPUT, "i32", 4), Argument("z", MemoryKind.OUTPUT, "i32", 4)),
    """  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %n, %loop ]
  %px = getelementptr i32, ptr %x, i64 %i
  %a = load i32, ptr %px
  %o = sub nsw i64 3, %i
  %pz = getelementptr i32, ptr %z, i64 %o
  store i32 %a, ptr %pz
  %n = add nuw nsw i64 %i, 1
  %c = icmp ult i64 %n, 4
  br i1 %c, label %loop, label %done
done:
  ret void""",
)
CONSTANT_ONLY = Program("nothing", (Argument("z", MemoryKind.OUTPUT, "i32", 1),), "  store i32 7, ptr %z\n  ret void")


def outlets(design: hls.RtlDesign) -> dict[str, bool]:
    assert design.flow is not None
    return {outlet.memory.name: outlet.forwarded for node in design.flow.plan.nodes for outlet in node.outlets}


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("stalls", [False, True])
def test_kernels_of_all_shapes(stalls: bool) -> None:
    chosen = (
        *(programs.DOT, programs.TRANSPOSED_PRODUCT, programs.SWAP_PHIS, programs.PREFIX_SUM, programs.SORT),
        *(WRITTEN_TWICE, BACKWARDS, CONSTANT_ONLY),
    )
    compare(chosen, images=10, stalls=stalls, options=DATAFLOW).raise_if_different()


def test_what_is_written_once_is_sent_as_it_is_made() -> None:
    chosen = (programs.TRANSPOSED_PRODUCT, programs.PREFIX_SUM, WRITTEN_TWICE, BACKWARDS, programs.SORT)
    design = hls.synthesise(module_of(chosen, FloatMode.FTZ), options=DATAFLOW)
    assert outlets(design) == {
        "matrix.z": False,
        "prefix.z": False,
        "twice.z": True,
        "backwards.z": False,
        "sort.z": True,
    }


def _renamed(module: Module, call: int, argument: str, memory: str) -> Module:
    calls = list(module.calls)
    arguments = tuple(memory if name == argument else name for name in calls[call].arguments)
    calls[call] = replace(calls[call], arguments=arguments)
    return replace(module, calls=tuple(calls))


def test_two_writers_are_refused() -> None:
    module = module_of((BACKWARDS, WRITTEN_TWICE), FloatMode.FTZ)
    with pytest.raises(
        SynthesisError,
        match=r"layer 'twice' writes memory 'backwards\.z', which 'backwards' writes too: .* choose --style sequential",
    ):
        hls.synthesise(_renamed(module, 1, "twice.z", "backwards.z"), options=DATAFLOW)


def test_reading_what_is_written_later_is_refused() -> None:
    module = module_of((BACKWARDS, WRITTEN_TWICE), FloatMode.FTZ)
    with pytest.raises(SynthesisError, match=r"layer 'backwards' reads 'twice\.z', which no earlier layer writes"):
        hls.synthesise(_renamed(module, 0, "backwards.x", "twice.z"), options=DATAFLOW)


def test_a_network_without_an_input_is_refused() -> None:
    with pytest.raises(SynthesisError, match="the network has no input: nothing tells its layers when to run"):
        hls.synthesise(module_of((CONSTANT_ONLY,), FloatMode.FTZ), options=DATAFLOW)


def test_an_output_that_nobody_writes_is_refused() -> None:
    module = module_of((BACKWARDS,), FloatMode.FTZ)
    other = replace(module.memories["backwards.z"], name="other")
    with pytest.raises(SynthesisError, match="no layer writes the network's output 'other'"):
        hls.synthesise(replace(module, memories={**module.memories, "other": other}), options=DATAFLOW)


def test_images_that_could_overtake_each_other_are_refused() -> None:
    module = module_of((programs.SORT,), FloatMode.FTZ)
    with pytest.raises(SynthesisError, match="layer 'sort' cannot work on 2 images at once: how long it takes depends"):
        hls.synthesise(module, options=replace(DATAFLOW, interleave={"sort": 2}, pipelined=False))
