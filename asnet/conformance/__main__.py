"""``python -m asnet.conformance``: run ONNX's test cases, print what did not pass and the totals."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from asnet.conformance.cases import collect, excluded
from asnet.conformance.report import markdown, table
from asnet.conformance.running import Outcome, Verdict, run_all
from asnet.host import processors

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="python -m asnet.conformance", description=__doc__)
    parser.add_argument("-k", metavar="PATTERN", default="", help="only cases whose name or operator matches")
    parser.add_argument("--sample", metavar="N", type=int, default=1, help="only every N-th case")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the outcome of every case")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the table as Markdown")
    parser.add_argument("--jobs", metavar="N", type=int, default=processors(), help="cases at a time")
    parser.add_argument("--seconds", metavar="S", type=float, default=120.0, help="limit for one case")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case that did not pass")
    options = parser.parse_args(arguments)
    pattern = re.compile(options.k)
    chosen = [case for case in collect() if pattern.search(case.name) or pattern.fullmatch(case.operator)]
    reasons = {case.name: excluded(case) for case in chosen}
    left_out = Counter(reason for reason in reasons.values() if reason)
    cases = [case for case in chosen if reasons[case.name] is None][:: options.sample]

    def progress(outcome: Outcome) -> None:
        if outcome.verdict is Verdict.FAIL or (options.verbose and outcome.verdict is not Verdict.PASS):
            print(f"{outcome.verdict}: {outcome.name}: {outcome.why}", flush=True)

    outcomes = run_all(cases, jobs=options.jobs, seconds=options.seconds, progress=progress)
    print(table(outcomes))
    print("left out: " + (", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) or "none"))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", "utf-8")
    if options.write is not None:
        options.write.write_text(markdown(outcomes, left_out), "utf-8")
    return int(any(outcome.verdict is Verdict.FAIL for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
