"""Units for constants: the same bits as shared ones, exact and approximate, in both styles; what is refused."""

from __future__ import annotations

import re

import pytest

from asnet import hls
from asnet.errors import SynthesisError
from asnet.types import FloatMode
from tests.hls.kernels import Program, Truncating, compare, module_of, with_slots
from tests.hls.programs import DOT, element_wise, lines

LEAKY = element_wise(
    "leaky",
    "float",
    lines(
        "%m = fmul float %a, 0x3FB99999A0000000",  # 0.1 as a float
        "%l = fcmp olt float %a, 0.0",
        "%s = select i1 %l, float %m, float %a",
        "%u = fsub float %s, 1.5",
        "%d = fsub float 2.5, %u",
        "%r = fdiv float %d, %b",
    ),
)
EVERY = ("fmul", "fadd", "fcmp")


@pytest.mark.usefixtures("simulator")
@pytest.mark.parametrize("style", hls.Style)
@pytest.mark.parametrize("ignored", [None, 16], ids=["exact", "truncated"])
@pytest.mark.parametrize("pipelined", [True, False], ids=["pipelined", "general"])
def test_the_same_bits(style: hls.Style, ignored: int | None, *, pipelined: bool) -> None:
    programs = [LEAKY if ignored is None else with_slots(LEAKY), DOT]
    truncating = Truncating({slot.name: ignored or 0 for program in programs for slot in program.slots})
    options = hls.HlsOptions(style=style, specialise=EVERY, pipelined=pipelined)
    report = compare(programs, options=options, truncating=truncating)
    report.raise_if_different()


@pytest.mark.parametrize("style", hls.Style)
def test_constants_are_tied_to_units_of_their_own(style: hls.Style) -> None:
    design = hls.synthesise(module_of([LEAKY], FloatMode.FTZ), options=hls.HlsOptions(style=style, specialise=EVERY))
    tied = {operator.name.removesuffix("_alone"): operator.tied for operator in design.operators if operator.tied}
    assert tied == {
        "fmul_b_3dcccccd": ((1, 0x3DCCCCCD),),
        "fcmp_b_00000000": ((1, 0),),
        "fadd_b_bfc00000": ((1, 0xBFC00000),),  # a subtraction adds the other sign
        "fadd_a_40200000": ((0, 0x40200000),),
    }
    text = "".join(text for path, text in design.files.items() if path.startswith("rtl/"))
    assert sorted(re.findall(r"\.([ab])\((32'h\w+)\)", text)) == [
        ("a", "32'h40200000"),
        ("b", "32'h0"),
        ("b", "32'h3dcccccd"),
        ("b", "32'hbfc00000"),
    ]
    assert "fdiv" in {operator.instance.name for operator in design.operators}


@pytest.mark.parametrize(
    ("program", "options", "message"),
    [
        (LEAKY, {"specialise": ("fmull",)}, r"units of 'fmull' cannot be specialised; did you mean 'fmul'\?"),
        (LEAKY, {"specialise": ("sitofp",)}, r"units of 'sitofp' cannot be specialised; known: fadd, fcmp, fdiv, fmul"),
        (LEAKY, {"specialise": ("fdiv",)}, "no operation of 'fdiv' has a constant operand: leave out --specialise"),
        (DOT, {"specialise": ("fmul",)}, "no operation of 'fmul' has a constant operand: leave out --specialise"),
        (
            LEAKY,
            {"specialise": ("fmul",), "resources": {"fmul": 2}},
            "--resources fmul=2 counts units that operations share, but --specialise fmul gives",
        ),
    ],
    ids=["unknown", "conversion", "variable", "variables", "counted"],
)
def test_nonsense_is_refused(program: Program, options: dict[str, object], message: str) -> None:
    wanted = hls.HlsOptions(**options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SynthesisError, match=message):
        hls.synthesise(module_of([program], FloatMode.FTZ), options=wanted)
