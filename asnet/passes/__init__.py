"""Stage 2's IR rewrites: the public pass API and the `approximate` pass."""

from asnet.passes.approximate import GRANULARITIES, Approximate, approximate
from asnet.passes.base import Pass, parse_pass, pass_options, register, registered_passes, run_passes
from asnet.passes.rewrite import Rule, mark_site, rewrite

__all__ = [
    "GRANULARITIES",
    "Approximate",
    "Pass",
    "Rule",
    "approximate",
    "mark_site",
    "parse_pass",
    "pass_options",
    "register",
    "registered_passes",
    "rewrite",
    "run_passes",
]
