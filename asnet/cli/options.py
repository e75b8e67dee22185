"""Options that several commands share, and their checks."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from asnet.cli.talk import Talk
from asnet.errors import StudyError, UsageError
from asnet.flow import BEST, Choice, choose
from asnet.host import processors
from asnet.network import LoadOptions
from asnet.types import FloatMode

__all__ = ["add_choice", "add_jobs", "add_loading", "add_trust", "at_least", "chosen", "find_study", "load_options"]


def at_least(minimum: int) -> Callable[[str], int]:
    """An argument type: an integer not below ``minimum``."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} is below {minimum}")
        return value

    return parse


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """``--jobs``: how many processes, or threads."""
    parser.add_argument(
        "-j",
        "--jobs",
        type=at_least(1),
        default=processors(),
        metavar="N",
        help="processes, or threads that share the images (default: all, %(default)s)",
    )


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    """An argument type: ``axis=N``, or ``input=1x3x32x32``."""
    name, equals, written = text.rpartition("=")
    try:
        extents = tuple(int(part) for part in written.split("x"))
    except ValueError:
        extents = (-1,)
    if not equals or not name or any(extent < 0 for extent in extents):
        raise argparse.ArgumentTypeError(f"{text!r} is not written like seq=16, or like image=1x3x32x32")
    return name, extents


def add_loading(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how a network is read."""
    parser.add_argument(
        "--shape",
        dest="shapes",
        type=_shape,
        action="append",
        default=[],
        metavar="NAME=N",
        help="extent of a dynamic axis, or shape of an input (image=1x3x32x32); once for each",
    )
    parser.add_argument("--output", metavar="NAME", help="which of several outputs to keep and judge")


def load_options(args: argparse.Namespace) -> LoadOptions | None:
    """What the arguments of :func:`add_loading` say; None if they are not given.

    Raises:
        UsageError: a shape is given twice.
    """
    names = [name for name, _ in args.shapes]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--shape {name}=… is given {names.count(name)} times; give it once")
    return LoadOptions(dict(args.shapes), args.output) if args.shapes or args.output is not None else None


def add_trust(parser: argparse.ArgumentParser) -> None:
    """``--trust-verilog``: accept units that reach outside their ports."""
    parser.add_argument(
        "--trust-verilog", action="store_true", help="accept units whose Verilog calls system tasks or imports code"
    )


def find_study(named: Path | None, folder: Path, say: Callable[[str], None]) -> Path:
    """The study that a command means: the one named, else the latest ``*.study`` of ``folder``.

    Raises:
        StudyError: there is none.
    """
    if named is not None:
        return named
    found: Sequence[Path] = sorted(folder.glob("*.study"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise StudyError(f"no *.study in {str(folder)!r}; make one with `asnet explore`, or name it with --study FILE")
    if len(found) > 1:
        say(f"using the latest study, {found[-1].name} (others: {', '.join(path.name for path in found[:-1])})")
    return found[-1]


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which configuration of which network is meant."""
    parser.add_argument("network", type=Path, nargs="?", help="ONNX network (default: the study's or the file's)")
    parser.add_argument("--config", default=BEST, metavar="WHICH", help="best, exact, or a configuration file (JSON)")
    parser.add_argument("--study", type=Path, metavar="FILE", help="study of --config best (default: the latest here)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="test set (.npz with x, y)")
    add_loading(parser)
    parser.add_argument("--mode", choices=[str(mode) for mode in FloatMode], help="float mode (default: the study's)")


def chosen(args: argparse.Namespace, talk: Talk) -> Choice:
    """The configuration that the arguments of :func:`add_choice` mean.

    Raises:
        AsnetError: as :func:`asnet.flow.choose`.
    """
    return choose(
        args.config,
        study=find_study(args.study, Path(), talk.note) if args.config == BEST else None,
        network=args.network,
        data=args.data,
        mode=FloatMode(args.mode) if args.mode else None,
        trust_verilog=args.trust_verilog,
        options=load_options(args),
    )
