"""The flags that say what hardware is wanted, and the options that they make."""

from __future__ import annotations

import argparse

from asnet.cli.options import at_least
from asnet.hls import BUS_WIDTHS, DEVICES, SPECIALISED, Control, HlsOptions, Style, Weights

__all__ = ["add_hardware", "hardware_options"]


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """Add the flags about hardware."""
    group = parser.add_argument_group("hardware")
    group.add_argument(
        "--style",
        choices=[style.value for style in Style],
        default=HlsOptions().style.value,
        help="dataflow: layers work at the same time, each with units of its own; sequential: one after the other, "
        "with the smallest area (default: %(default)s)",
    )
    _add_named(
        group,
        "--parallel",
        "LAYER=LANES",
        "work on so many outputs of a layer at once; the layer's name may hold * and ?",
    )
    _add_named(
        group,
        "--unroll",
        "LAYER=N",
        "make so many iterations of a layer's reductions (a window) one, with as many read ports",
    )
    group.add_argument(
        "--target-cycles", type=at_least(1), metavar="N", help="choose lanes so that an image takes no more cycles"
    )
    group.add_argument("--fit", choices=list(DEVICES), help="choose lanes so that the design fits the device")
    _add_named(
        group,
        "--resources",
        "OP=UNITS",
        "units of an operation (fmul, fadd, …) that a layer may have (sequential: all layers)",
    )
    group.add_argument(
        "--fuse",
        type=at_least(1),
        nargs="?",
        const=1,
        default=HlsOptions().fuse,
        metavar="N",
        help="make layers that work word by word (Relu, Add …) part of the layers that make the words, as long as no "
        "unit has more than N operations for each word (1); the memory between is saved, and not compared",
    )
    _add_named(
        group,
        "--interleave",
        "LAYER=IMAGES",
        "so many modules of a layer take images in turn (dataflow)",
    )
    group.add_argument(
        "--clock",
        type=_frequency,
        default=HlsOptions().clock,
        metavar="MHZ",
        help="the clock that pipelines are cut for (default: %(default)g)",
    )
    _add_named(
        group,
        "--stages",
        "OP=N",
        "pipeline stages of an operation's units (fmul, fdiv, …), instead of the fewest that reach the clock",
    )
    group.add_argument(
        "--specialise",
        choices=SPECIALISED,
        action="append",
        default=[],
        help="operations of this kind with a constant operand get a unit for the constant; may be repeated",
    )
    group.add_argument(
        "--weights",
        choices=[weights.value for weights in Weights],
        default=HlsOptions().weights.value,
        help="internal: in ROMs; external: those that would take block RAMs in a memory behind an AXI4 read master "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--bus",
        type=int,
        choices=BUS_WIDTHS,
        default=HlsOptions().bus,
        metavar="BITS",
        help="bits that external weights come in at once: 32 to 512 (default: %(default)s)",
    )
    group.add_argument(
        "--reuse-memories",
        action="store_true",
        help="activations that are not needed at the same time share a RAM; needs --style sequential",
    )
    group.add_argument(
        "--control",
        choices=[control.value for control in Control],
        default=Control.NONE.value,
        help="what starts images: ap-ctrl a handshake, axi-lite registers on an AXI4-Lite slave; in a module around "
        "the top (default: %(default)s)",
    )


def _add_named(group: argparse._ArgumentGroup, flag: str, metavar: str, text: str) -> None:  # pyright: ignore[reportPrivateUsage]
    """A flag that gives numbers to names, and may be repeated."""
    group.add_argument(flag, type=_named, action="append", default=[], metavar=metavar, help=f"{text}; may be repeated")


def hardware_options(args: argparse.Namespace) -> HlsOptions:
    """What the flags say."""
    return HlsOptions(
        style=Style(args.style),
        clock=args.clock,
        dsps=not args.no_dsp,
        parallel=dict(args.parallel),
        unroll=dict(args.unroll),
        resources=dict(args.resources),
        target_cycles=args.target_cycles,
        fit=args.fit,
        fuse=args.fuse,
        interleave=dict(args.interleave),
        control=Control(args.control),
        weights=Weights(args.weights),
        bus=args.bus,
        reuse=args.reuse_memories,
        stages=dict(args.stages),
        specialise=tuple(dict.fromkeys(args.specialise)),
    )


def _named(text: str) -> tuple[str, int]:
    name, sign, number = text.rpartition("=")
    if not (sign and name and number.isascii() and number.isdigit() and int(number) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=NUMBER with a number of at least 1")
    return name, int(number)


def _frequency(text: str) -> float:
    try:
        clock = float(text)
    except ValueError:
        clock = 0.0
    if not 1 <= clock <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no clock between 1 and 1000 MHz")
    return clock
