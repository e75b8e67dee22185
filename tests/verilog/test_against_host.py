"""Exact and truncated float units against the host's FPU: all corner pairs, random bit patterns, close exponents."""

from __future__ import annotations

import pytest

RANDOM = 10_000_000
WIDTH = {"fcmp": 3}


@pytest.mark.parametrize("op", ["fmul", "fdiv", "fadd", "fsub", "fcmp"])
def test_operator_in_both_float_modes(build, instance, op):
    bench = build([instance(op, {"FTZ": 1}, ftz=True), instance(op, {"FTZ": 0}, ftz=False)], result=WIDTH.get(op, 32))
    bench("host", op, RANDOM)


@pytest.mark.parametrize("op", ["sitofp", "uitofp", "fptosi", "fptoui"])
def test_conversion(build, instance, op):
    build([instance(op, two=False)])("host", op, RANDOM)


@pytest.mark.parametrize("op", ["fmul", "fdiv"])
@pytest.mark.parametrize("ftz", [True, False], ids=["ftz", "ieee"])
def test_truncated_is_exact_on_masked_operands_for_every_p(build, instance, op, ftz):
    units = [instance(f"{op}_trunc", {"p": p, "FTZ": int(ftz)}, ftz=ftz, mask=-(1 << p) % 2**32) for p in range(23)]
    build(units, fast=False)("host", op, 20_000)


def test_a_nan_whose_payload_is_cut_off_reads_as_infinity(build, instance):
    [[y]] = build([instance("fmul_trunc", {"p": 4})]).products([(0x7F80000F, 0x40000000)])
    assert y == 0x7F800000
