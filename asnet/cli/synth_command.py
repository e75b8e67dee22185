"""``asnet synth``: a configuration as co-simulated Verilog."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from asnet.cli.hardware_options import add_hardware, hardware_options
from asnet.cli.options import add_choice, add_trust, at_least, chosen
from asnet.cli.talk import Talk, print_json
from asnet.flow import Choice, Synthesis, synth
from asnet.hls import Estimate

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``asnet synth``."""
    add_choice(parser)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the design goes (default: NETWORK_rtl)")
    parser.add_argument(
        "--images",
        type=at_least(1),
        default=10,
        metavar="N",
        help="co-simulate the first N images (default: %(default)s)",
    )
    parser.add_argument("--stalls", action="store_true", help="let both streams stall at random in co-simulation")
    parser.add_argument("--estimate", action="store_true", help="place and route for the ECP5: LUTs, DSPs, RAMs, Fmax")
    parser.add_argument(
        "--compare", choices=["exact"], help="estimate the design with exact units as well, and show both"
    )
    parser.add_argument("--seeds", type=at_least(1), default=1, metavar="N", help="placer seeds of --estimate")
    parser.add_argument("--no-dsp", action="store_true", help="build multipliers of LUTs")
    add_hardware(parser)
    add_trust(parser)


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Synthesise, prove by co-simulation, write; 1 if hardware and test bed differ."""
    choice = chosen(args, talk)
    name = choice.problem.network.name
    talk.note(f"{name}, {choice.origin}: {choice.title}")
    for note in choice.problem.data.notes:
        talk.note(f"note: {note}")
    folder = args.out or Path(f"{choice.problem.network_path.stem}_rtl")
    with talk.progress("compiling units") as compiling, talk.progress("co-simulating") as simulating:
        made = synth(
            choice.problem,
            choice.configuration,
            out=folder,
            images=args.images,
            stalls=args.stalls,
            estimates=args.estimate,
            seeds=args.seeds,
            options=hardware_options(args),
            compare=args.compare is not None,
            command=_recorded(args.words),
            instances=choice.instances,
            say=talk.note,
            compiling=compiling,
            simulating=simulating,
        )
    if args.json:
        print_json(_as_json(choice, made))
    else:
        _print(choice, made)
    return 0


def _recorded(words: Sequence[str]) -> str:
    """The command line as the design records it: without the folder, so that the same design has the same bytes."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not skip and not word.startswith("--out"):
            kept.append(word)
        skip = word == "--out"
    return shlex.join(["asnet", *kept])


def _cycles(made: Synthesis) -> tuple[int, int]:
    """The least and the most cycles of an image; where images follow one another through the layers, of one alone."""
    if made.design.flow is not None:
        return made.cosim.latency, made.cosim.latency
    return made.cosim.cycles_min, made.cosim.cycles_max


def _print(choice: Choice, made: Synthesis) -> None:
    report = made.cosim
    size = choice.problem.data.images_a_run
    run = "an image" if size == 1 else f"for {size} images"
    print(f"{choice.problem.network.name}: {choice.title}")
    some = f" (for {report.watched * size:,} images)" if report.watched < report.images else ""
    print(
        f"co-simulation: {report.images * size:,} images, {report.words:,} words of {len(report.memories)} memories"
        f"{some} compared, 0 differing bits"
    )
    low, high = _cycles(made)
    print(f"cycles {run}: {f'{low:,}' if low == high else f'{low:,} to {high:,}'}")
    if made.design.report.interval is not None:
        print(f"cycles between images: {made.design.report.interval:,}")
    if made.design.choice is not None:
        lanes = ", ".join(f"{layer.layer} {layer.lanes}" for layer in made.design.layers if layer.lanes > 1)
        print(f"lanes: {lanes or 'one in each layer'}; {made.design.choice.reason}")
    if made.estimate is not None:
        _print_estimate(made.estimate, high, run)
    if made.estimate is not None and made.exact is not None:
        _print_comparison(made.exact.estimate, made.estimate)
    print(f"design: {made.folder}/ (top {made.design.top}, {len(made.design.files)} files, see report.html)")


def _print_estimate(found: Estimate, cycles: int, run: str) -> None:
    clocks = ", ".join(f"{clock:.1f}" for clock in found.fmax_by_seed)
    seeds = f" (median of {clocks})" if len(found.fmax_by_seed) > 1 else ""
    print(f"ECP5-85k: {found.luts:,} LUT4, {found.ffs:,} FF, {found.dsps:,} DSP, {found.brams:,} block RAM")
    print(f"Fmax: {found.fmax_mhz:.1f} MHz{seeds}, {found.microseconds(cycles):,.1f} µs {run}")
    print(f"critical path: {found.critical[0]} → {found.critical[1]}; {found.tools}")


def _print_comparison(exact: Estimate, mine: Estimate) -> None:
    pairs: list[tuple[str, float, float]] = [
        ("LUT4", exact.luts, mine.luts),
        ("FF", exact.ffs, mine.ffs),
        ("DSP", exact.dsps, mine.dsps),
        ("Fmax", exact.fmax_mhz, mine.fmax_mhz),
    ]
    changes = (f"{name} {before:,} → {after:,}{_change(before, after)}" for name, before, after in pairs)
    print(f"exact → this: {', '.join(changes)}")


def _change(before: float, after: float) -> str:
    return f" ({100 * (after - before) / before:+.1f} %)" if before else ""


def _as_json(choice: Choice, made: Synthesis) -> dict[str, object]:
    report = made.cosim
    return {
        "network": choice.problem.network.name,
        "configuration": dict(choice.configuration),
        "units": {name: instance.digest for name, instance in choice.instances.items()},
        "float_mode": str(made.design.mode),
        "design": {"folder": str(made.folder), "top": made.design.top, "digest": made.design.digest},
        "lanes": {layer.layer: layer.lanes for layer in made.design.layers},
        "cosimulation": {
            "images": report.images * choice.problem.data.images_a_run,
            "watched": report.watched * choice.problem.data.images_a_run,
            "words": report.words,
            "memories": list(report.memories),
            "differing": 0,
            "cycles_min": report.cycles_min,
            "cycles_max": report.cycles_max,
            "interval": made.design.report.interval,
        },
        "estimate": None if made.estimate is None else asdict(made.estimate),
        "exact": None if made.exact is None else asdict(made.exact.estimate),
    }
