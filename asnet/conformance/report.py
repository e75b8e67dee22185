"""Outcomes as a table per operator, for a terminal or for docs/conformance.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import onnx

from asnet.conformance.running import Outcome, Verdict

__all__ = ["markdown", "percentage", "table"]


def percentage(outcomes: Sequence[Outcome]) -> float:
    """Passed cases in percent of all."""
    passed = sum(outcome.verdict is Verdict.PASS for outcome in outcomes)
    return 100.0 * passed / len(outcomes) if outcomes else 0.0


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, int, int, int, int]]:
    counts = Counter((outcome.operator, outcome.verdict) for outcome in outcomes)
    folded = Counter(outcome.operator for outcome in outcomes if outcome.folded)
    operators = sorted({outcome.operator for outcome in outcomes})
    return [
        (o, counts[o, Verdict.PASS], counts[o, Verdict.UNSUPPORTED], counts[o, Verdict.FAIL], folded[o])
        for o in operators
    ]


def table(outcomes: Sequence[Outcome]) -> str:
    """Operators with cases that did not pass, then the totals."""
    lines = [f"{'operator':28}{'pass':>6}{'unsupported':>13}{'fail':>6}"]
    for operator, passed, unsupported, failed, _ in _rows(outcomes):
        if unsupported or failed:
            lines.append(f"{operator:28}{passed:6}{unsupported:13}{failed:6}")
    totals = Counter(outcome.verdict for outcome in outcomes)
    lines.append(f"{'total':28}{totals[Verdict.PASS]:6}{totals[Verdict.UNSUPPORTED]:13}{totals[Verdict.FAIL]:6}")
    lines.append(f"{percentage(outcomes):.1f} % of {len(outcomes)} cases pass")
    return "\n".join(lines)


def markdown(outcomes: Sequence[Outcome], left_out: Mapping[str, int]) -> str:
    """The text of docs/conformance.md."""
    totals = Counter(outcome.verdict for outcome in outcomes)
    lines = [
        "# Conformance",
        "",
        f"The test cases of onnx {onnx.__version__} (opset {onnx.defs.onnx_opset_version()}), run through the compiled",
        "path by `python -m asnet.conformance --write docs/conformance.md`. A case passes if types and shapes are",
        "right, the values agree with ONNX's within the case's tolerance and bit for bit with ASNet's oracle.",
        "For DFT and STFT the absolute tolerance is in units of the greatest result, because ONNX expects the rounding",
        "errors of numpy's single-precision FFT where the exact sum is 0 (`test_dft_inverse`).",
        "Unsupported means refused with an error that names the node. Folded cases pass, but their outputs were known",
        "when the network was compiled, so that nothing was left to run.",
        "",
        f"{totals[Verdict.PASS]} of {len(outcomes)} cases pass ({percentage(outcomes):.1f} %),",
        f"{totals[Verdict.UNSUPPORTED]} are unsupported, {totals[Verdict.FAIL]} fail.",
        "",
        f"Left out, {sum(left_out.values())} cases: "
        + ", ".join(f"{reason} ({count})" for reason, count in sorted(left_out.items()))
        + ".",
        "",
        "| Operator | Pass | Unsupported | Fail | of the passes: folded |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [f"| {' | '.join(map(str, row))} |" for row in _rows(outcomes)]
    reasons = [outcome for outcome in outcomes if outcome.verdict is not Verdict.PASS]
    if reasons:
        lines += ["", "## What did not pass", ""]
        lines += [f"- `{outcome.name}`: {outcome.verdict}: {_short(outcome.why)}" for outcome in reasons]
    return "\n".join(lines) + "\n"


def _short(text: str, limit: int = 160) -> str:
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
