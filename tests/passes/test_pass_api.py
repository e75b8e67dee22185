"""Custom passes: registration, options, rewriting, verification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
from llvmlite import ir

from asnet.errors import PassError
from asnet.ir import Module, Site
from asnet.passes import Pass, base, mark_site, parse_pass, register, registered_passes, rewrite, run_passes


@dataclass(frozen=True)
class SwapOperands(Pass):
    """Exchange the operands of an op."""

    name: ClassVar[str] = "swap-operands"
    op: str = "fmul"
    limit: int = 1000
    enabled: bool = True

    def apply(self, module: Module) -> Module:
        def rule(site: Site, builder: ir.IRBuilder) -> ir.Value | None:
            if not self.enabled or site.op != self.op:
                return None
            a, b = site.instruction.operands
            swapped = getattr(builder, site.op)(b, a, name="swapped")
            mark_site(swapped, like=site)
            return swapped

        return rewrite(module, rule)


@dataclass(frozen=True)
class Breaker(Pass):
    """Return a call that no layer may make."""

    name: ClassVar[str] = "breaker"

    def apply(self, module: Module) -> Module:
        foreign = ir.Function(module.llvm, ir.FunctionType(ir.FloatType(), (ir.FloatType(), ir.FloatType())), "powf")
        return rewrite(module, lambda site, builder: builder.call(foreign, site.instruction.operands))


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    known = dict(base._REGISTRY)
    register(SwapOperands)
    yield
    base._REGISTRY.clear()
    base._REGISTRY.update(known)


def test_a_rewritten_site_stays_a_site(module: Module) -> None:
    before = [(site.layer, site.op, site.count) for site in module.sites()]
    after = run_passes(module, [SwapOperands()])
    assert [(site.layer, site.op, site.count) for site in after.sites()] == before
    assert "swapped" in after.text


def test_options_are_the_dataclass_fields() -> None:
    assert parse_pass("swap-operands{op=fdiv, limit=3,enabled=false}") == SwapOperands("fdiv", 3, False)
    assert parse_pass(" swap-operands ") == SwapOperands()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("swap-operand", "unknown pass 'swap-operand'; did you mean 'swap-operands'?"),
        ("swap-operands{ops=fmul}", "pass 'swap-operands': unknown option 'ops'; did you mean 'op'?"),
        ("swap-operands{limit=many}", "pass 'swap-operands': limit='many' is not of type int"),
        ("swap-operands{enabled=1}", "pass 'swap-operands': enabled='1' is not true or false"),
        ("swap operands", "cannot read pass 'swap operands'; write name or name"),
    ],
)
def test_messages(text: str, message: str) -> None:
    with pytest.raises(PassError) as caught:
        parse_pass(text)
    assert str(caught.value).startswith(message)


def test_two_passes_of_one_name_are_an_error() -> None:
    @dataclass(frozen=True)
    class Other(Pass):
        """Another pass."""

        name: ClassVar[str] = "swap-operands"

        def apply(self, module: Module) -> Module:
            return module

    with pytest.raises(
        PassError, match=r"two passes are called 'swap-operands': .*SwapOperands and .*Other; rename one"
    ):
        register(Other)
    assert registered_passes()["swap-operands"] is SwapOperands


def test_a_pass_that_breaks_the_module_is_named(module: Module) -> None:
    with pytest.raises(PassError, match=r"pass 'breaker' left an invalid module: layer 'dense1': calls 'powf'"):
        run_passes(module, [Breaker()])
