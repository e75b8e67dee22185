"""Random small networks from ONNX to co-simulated hardware, with random units under random choices about the hardware.

``python -m tests.e2e.fuzz --count 200`` takes two hundred: float32 and quantised ones, each slot with a unit of its own
or exact. Every word of every memory that hardware has is compared with the golden models of the test bed. Of one that
fails, the smallest beginning that fails is kept as a file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import onnx

import asnet
from asnet.types import EXACT, Array
from tests.campaign import Campaign, parser
from tests.e2e.random_networks import LAYERS, random_images, random_network
from tests.hls.fuzz import random_options, with_weights

_IMAGES = 6


def failure(seed: int, most: int = LAYERS) -> str:
    """What goes wrong with the network of ``seed``, of at most ``most`` layers; empty if every bit is the same."""
    choices = Random(f"choices {seed}")
    model = random_network(Random(seed), most)
    images = random_images(choices, model, _IMAGES)
    try:
        _synthesise(_loaded(choices, model, images), images, choices)
    except Exception as error:  # whatever it is, it is found out by this network
        return f"{type(error).__name__}: {error}"
    return ""


def _loaded(choices: Random, model: onnx.ModelProto, images: Array) -> asnet.Network:
    """The network, or a quantised one that was made of it."""
    content = model.SerializeToString()
    if choices.random() < 0.4:
        options = asnet.Quantization(
            scheme=choices.choice(("symmetric", "affine")),
            per_channel=choices.random() < 0.5,
            format=choices.choice(("qdq", "qoperator")),
        )
        content = asnet.quantize(content, images, options).data
    return asnet.load(content)


def _synthesise(network: asnet.Network, images: Array, choices: Random) -> None:
    """Hardware with a unit of its own, or exact arithmetic, in every slot.

    Raises:
        MismatchError: a bit differs.
    """
    units = (
        asnet.ApproximateUnit.shipped("fmul_trunc").instance(p=choices.randrange(23)),
        asnet.ApproximateUnit.shipped("fdiv_trunc").instance(p=choices.randrange(23)),
        asnet.ApproximateUnit.shipped("mul8s_trunc").instance(t=choices.randrange(1, 5)),
    )
    data = asnet.Dataset.from_arrays(images, np.zeros(len(images), np.int64))
    mode = choices.choice(list(asnet.FloatMode))
    problem = asnet.Problem.of(network, data, units, granularity="layer", mode=mode)
    fitting = {(unit.op, unit.type.name): unit.name for unit in units}
    configuration = {
        slot.name: fitting.get((slot.op, slot.type), EXACT) if choices.random() < 0.6 else EXACT
        for slot in problem.slots
    }
    options, stalls = random_options(choices), choices.random() < 0.5
    options = with_weights(options, choices)
    asnet.synth(problem, configuration, images=_IMAGES, stalls=stalls, options=options)


def _show(seed: int, problem: str) -> None:
    """Keep the smallest network of ``seed`` that fails as a file, and say how to repeat it."""
    found = ((most, failure(seed, most)) for most in range(LAYERS))
    most, why = next((each for each in found if each[1]), (LAYERS, problem))
    path = Path(f"random_{seed}.onnx")
    onnx.save(random_network(Random(seed), most), path)
    print(f"seed {seed}, {path}: {why}\nagain: python -m tests.e2e.fuzz --seed {seed} --count 1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the networks, print what fails; 1 if anything does."""
    chosen = parser("python -m tests.e2e.fuzz", (__doc__ or "").splitlines()[0], "networks", 20).parse_args(arguments)
    campaign = Campaign(failure, "networks")
    failed = campaign.run(range(chosen.seed, chosen.seed + chosen.count), chosen.jobs, chosen.state)
    for seed, problem in failed.items():
        _show(seed, problem)
    print(f"{chosen.count} networks: {len(failed)} fail")
    if chosen.state is not None:
        print(campaign.total(chosen.state))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
