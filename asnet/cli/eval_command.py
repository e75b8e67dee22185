"""``asnet eval``: one configuration on a test set."""

from __future__ import annotations

import argparse
from dataclasses import replace

from asnet.cli.options import add_choice, add_jobs, add_trust, at_least, chosen
from asnet.cli.talk import Talk, print_json, print_table
from asnet.testbed import BACKENDS
from asnet.types import EXACT

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``asnet eval``."""
    add_choice(parser)
    parser.add_argument("--images", type=at_least(1), metavar="N", help="only the first N images of the test set")
    parser.add_argument("--backend", choices=BACKENDS, default="auto", help="golden: every operation through Verilator")
    add_jobs(parser)
    add_trust(parser)


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Evaluate the configuration and the exact network beside it."""
    choice = chosen(args, talk)
    problem = replace(choice.problem, backend=args.backend)
    if args.images is not None:
        problem = replace(problem, data=problem.data.take(args.images))
    for note in problem.data.notes:
        talk.note(f"note: {note}")
    with talk.progress("compiling units") as progress:
        bed = problem.bed(choice.instances.values(), jobs=args.jobs, threads=args.jobs, progress=progress)
    exact = bed.evaluate(dict.fromkeys(choice.configuration, EXACT))
    found = bed.evaluate(choice.configuration)
    if args.json:
        print_json(
            {
                "network": problem.network.name,
                "configuration": dict(choice.configuration),
                "images": found.images,
                "accuracy": found.accuracy,
                "exact_accuracy": exact.accuracy,
                "outputs": found.digest,
                "seconds": found.seconds,
            }
        )
        return 0
    slots = {slot.name: slot for slot in problem.slots}
    size = problem.data.images_a_run
    rows = [[name, unit, f"{slots[name].count // size:,}"] for name, unit in choice.configuration.items()]
    print_table(f"{problem.network.name}, {choice.origin}", ["slot", "unit", "operations an image"], rows, left=2)
    print(f"accuracy {found.accuracy:.2%} of {found.images:,} images (exact: {exact.accuracy:.2%})")
    return 0
