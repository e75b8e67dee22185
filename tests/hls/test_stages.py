"""Pipeline stages that are asked for: the same bits, in every unit of the op; what is refused."""

from __future__ import annotations

import pytest

from asnet import hls
from asnet.errors import AsnetError, SynthesisError, UnitError
from asnet.hls.operators import exact_instance, operator
from asnet.types import FloatMode
from asnet.units import ApproximateUnit
from tests.hls.kernels import Program, Truncating, compare, module_of, with_slots
from tests.hls.programs import DOT, element_wise, lines

RATIO = element_wise(
    "ratio", "float", lines("%m = fmul float %a, %b", "%s = fsub float %m, 1.5", "%r = fdiv float %s, %b")
)
STAGES = {"fmul": 7, "fdiv": 20, "fadd": 2}


def stages_of(design: hls.RtlDesign) -> dict[str, int]:
    return {operator.instance.name: dict(operator.parameters)["STAGES"] for operator in design.operators}


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", hls.Style)
@pytest.mark.parametrize("mode", FloatMode)
def test_the_same_bits(style: hls.Style, mode: FloatMode) -> None:
    programs = [with_slots(RATIO), DOT]
    truncating = Truncating({slot.name: 20 for program in programs for slot in program.slots})
    options = hls.HlsOptions(style=style, stages=STAGES)
    compare(programs, mode=mode, options=options, truncating=truncating).raise_if_different()


def test_every_unit_of_the_op_has_them_whatever_the_clock() -> None:
    module = module_of([with_slots(RATIO), DOT], FloatMode.IEEE)
    cut = ApproximateUnit.shipped("fmul_trunc").instance(p=20)
    for clock in (30.0, 200.0):
        options = hls.HlsOptions(clock=clock, stages=STAGES)
        design = hls.synthesise(module, {slot.name: cut for slot in module.slots if slot.op == "fmul"}, options=options)
        assert stages_of(design) == {"fmul": 7, "fmul_trunc(p=20)": 7, "fadd": 2, "fdiv": 20}
        assert all(
            f"STAGES={unit.parameters['STAGES']}" in design.files["rtl/" + design.top + ".v"]
            for unit in design.report.units
        )


def test_others_are_chosen_for_the_clock() -> None:
    module = module_of([RATIO], FloatMode.FTZ)
    own, asked = (stages_of(hls.synthesise(module, options=hls.HlsOptions(stages=s))) for s in ({}, {"fdiv": 20}))
    assert asked == own | {"fdiv": 20} and own["fdiv"] != 20


def test_the_clock_that_they_reach_is_told() -> None:
    slow = operator(exact_instance("fmul"), FloatMode.FTZ, 200.0, dsps=False, stages=3)
    assert slow.fmax is not None
    assert slow.remark == f"unit fmul reaches {slow.fmax:.0f} MHz with 3 pipeline stages; the wanted clock is 200 MHz"
    assert operator(exact_instance("fmul"), FloatMode.FTZ, 60.0, dsps=False, stages=3).remark == ""
    unknown = operator(exact_instance("fdiv"), FloatMode.FTZ, 100.0, stages=20)  # no useful number, so not measured
    assert (unknown.fmax, unknown.remark, unknown.stages) == (None, "", 20)


@pytest.mark.parametrize(
    ("program", "stages", "error", "message"),
    [
        (RATIO, {"fmull": 3}, SynthesisError, r"--stages fmull=3: no operation needs a unit for 'fmull'; did you mean"),
        (DOT, {"fdiv": 3}, SynthesisError, "--stages fdiv=3: no operation needs a unit for 'fdiv'; known: fadd, fmul"),
        (DOT, {"fmul": 12}, UnitError, "unit fmul: no form with 12 pipeline stages; it has 1 to 11: change or leave"),
        (DOT, {"fadd": 0}, UnitError, "unit fadd: no form with 0 pipeline stages; it has 1 to 8: .* --stages fadd=0"),
    ],
    ids=["unknown", "unused", "too many", "none"],
)
def test_nonsense_is_refused(program: Program, stages: dict[str, int], error: type[AsnetError], message: str) -> None:
    with pytest.raises(error, match=message):
        hls.synthesise(module_of([program], FloatMode.FTZ), options=hls.HlsOptions(stages=stages))


def test_a_unit_without_stages_has_none_to_choose() -> None:
    with pytest.raises(
        UnitError, match="unit mul8u_exact: no form with 2 pipeline stages; it has none: change or leave"
    ):
        operator(exact_instance("mul", "u8"), FloatMode.FTZ, 100.0, stages=2)
