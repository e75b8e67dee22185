"""``asnet passes``: the IR passes and their options."""

from __future__ import annotations

import argparse
import inspect
from dataclasses import fields

from asnet.cli.talk import Talk, print_json, print_table
from asnet.passes import pass_options, registered_passes

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """``asnet passes`` takes no arguments of its own."""
    parser.epilog = (
        "A pass of your own: subclass asnet.passes.Pass (its docstring is the guide), run it by --pass FILE.py:CLASS."
    )


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Print name, options with defaults and help of every registered pass."""
    result: list[dict[str, object]] = []
    for name, kind in registered_passes().items():
        defaults = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
        options = {key: defaults[key] for key in pass_options(kind)}
        result.append({"name": name, "options": options, "help": (inspect.getdoc(kind) or "").split("\n\n")[0]})
    if args.json:
        print_json(result)
        return 0
    rows = [
        [str(r["name"]), ", ".join(f"{k}={v}" for k, v in dict(r["options"]).items()), str(r["help"])]  # type: ignore[call-overload]
        for r in result
    ]
    print_table("", ["pass", "options", "what it does"], rows, left=3)
    return 0
