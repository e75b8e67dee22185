"""How an output of a network answers: by its greatest value, by a threshold, or as the class itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.errors import DataError
from asnet.network import Network
from asnet.types import Array

__all__ = ["GREATEST", "Judge", "judge_of"]

_SHAPING: Final = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})


@dataclass(frozen=True)
class Judge:
    """What counts as the right answer. ``classes`` that an output can tell apart (None: any).

    Several values: the class is the index of the first greatest one. One float value: class 1 if it is above
    ``threshold``, else 0. One integer or bool (``threshold`` None): the value is the class. NaN is never right.
    """

    output: str = ""
    classes: int | None = None
    single: bool = False
    threshold: float | None = None

    def correct(self, values: Array, classes: NDArray[np.int64]) -> int:
        """How many of ``values`` (images × …) answer their class."""
        rows = values.reshape(len(classes), -1)
        if not self.single:
            answers = rows.argmax(axis=1)
        elif self.threshold is not None:
            answers = (rows[:, 0] > np.float32(self.threshold)).astype(np.int64)
        else:
            answers = rows[:, 0].astype(np.int64)
        return int(((answers == classes) & (rows == rows).all(axis=1)).sum())

    @property
    def note(self) -> str | None:
        """What is worth telling: None if the greatest value decides, as everybody expects."""
        if not self.single:
            return None
        if self.threshold is None:
            return f"output {self.output!r} is one integer: the class itself"
        return f"output {self.output!r} is one value: class 1 above {self.threshold:g}, else class 0"

    def check(self, classes: NDArray[np.int64], network: str, where: str) -> None:
        """Refuse a class that the output cannot answer.

        Raises:
            DataError: naming class and image.
        """
        if self.classes is None or classes.max(initial=0) < self.classes:
            return
        image = int(np.argmax(classes >= self.classes))
        if self.single:
            what = f"has no answer: output {self.output!r} of network {network!r} is one value, for classes 0 and 1"
        else:
            what = f"is beyond the {self.classes} outputs of network {network!r} (classes count from 0)"
        raise DataError(f"{where}: class {classes[image]} of image {image} {what}")


GREATEST: Final = Judge()
"""The class is the index of the greatest value."""


def judge_of(network: Network, images: int = 1) -> Judge:
    """How the first output of ``network``, of ``images`` images a run, answers.

    The threshold of one float value is 0.5 behind a Sigmoid (or HardSigmoid), which makes it a probability, else 0.
    """
    output = network.outputs[0]
    values = output.size // images
    if values != 1:
        return Judge(output.name, values)
    if output.dtype != "float32":
        return Judge(output.name, single=True)
    producers = {name: layer for layer in network.layers for name in layer.outputs if name}
    layer = producers.get(output.name)
    while layer is not None and layer.op_type in _SHAPING:
        layer = producers.get(layer.inputs[0])
    probability = layer is not None and layer.op_type in {"Sigmoid", "HardSigmoid"}
    return Judge(output.name, 2, single=True, threshold=0.5 if probability else 0.0)
