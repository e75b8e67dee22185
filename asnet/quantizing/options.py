"""What a user may choose when quantising; each field is an option of the command line too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from asnet.errors import QuantizationError, did_you_mean
from asnet.quantizing.calibrating import CALIBRATIONS
from asnet.quantizing.numbers import BITS, IntegerFormat

__all__ = ["FORMATS", "SCHEMES", "Quantization"]

FORMATS = ("qdq", "qoperator")
SCHEMES = ("symmetric", "affine")


@dataclass(frozen=True)
class Quantization:
    """How to quantise a network.

    ``weights``, ``activations``: bits of the two operands of every product. What no product reads (the operands of an
    addition, the outputs) has at least 8.
    ``scheme``, ``weight_scheme``: ``symmetric`` (signed, zero point 0) or ``affine`` (a zero point; unsigned
    activations; weights are unsigned if the activations are).
    ``per_channel``: a scale for each output channel of the weights.
    ``calibrate``: how ranges are chosen, a name of :data:`asnet.quantizing.calibrating.CALIBRATIONS`.
    ``percentile``: of the absolute values, for ``calibrate="percentile"``.
    ``equalize``: even out the ranges of the channels between layers first. ``bias_correction``: take the mean error of
    each channel out of the bias.
    ``include``, ``exclude``: globs on layer names. ``bits``: glob → (weights, activations), the last that matches wins.
    ``format``: ``qdq`` or ``qoperator``.
    """

    weights: int = 8
    activations: int = 8
    scheme: str = "symmetric"
    weight_scheme: str = "symmetric"
    per_channel: bool = True
    calibrate: str = "max"
    percentile: float = 99.9
    equalize: bool = False
    bias_correction: bool = False
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    bits: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    format: str = "qdq"

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise QuantizationError(f"{name} {value!r} is not known{did_you_mean(str(value), known)}")
        if not 50 < self.percentile <= 100:
            raise QuantizationError(f"percentile {self.percentile!r} must be above 50 and at most 100, such as 99.9")
        widths = {"weights": (self.weights,), "activations": (self.activations,)}
        widths |= {f"bits of {glob!r}": tuple(pair) for glob, pair in self.bits.items()}
        for what, values in widths.items():
            for bits in values:
                if bits not in BITS:
                    raise QuantizationError(f"{what}: {bits!r} bits are not supported; use one of {_text(BITS)}")
                if bits > 8 and self.format == "qoperator":
                    raise QuantizationError(
                        f"{what}: {bits} bits need the format 'qdq'; QLinearConv and QLinearMatMul take 8 at most"
                    )

    def chooses(self, layer: str) -> bool:
        """Whether ``layer`` is to be quantised."""
        return any(fnmatchcase(layer, glob) for glob in self.include) and not any(
            fnmatchcase(layer, glob) for glob in self.exclude
        )

    def bits_of(self, layer: str) -> tuple[int, int]:
        """Bits of the weights and of the activations that ``layer`` reads."""
        found = self.weights, self.activations
        for glob, pair in self.bits.items():
            if fnmatchcase(layer, glob):
                found = pair[0], pair[1]
        return found

    def activation_format(self, bits: int) -> IntegerFormat:
        """The format of an activation of ``bits`` bits."""
        return IntegerFormat(bits, signed=self.scheme == "symmetric")

    def weight_format(self, bits: int) -> IntegerFormat:
        """The format of weights of ``bits`` bits."""
        return IntegerFormat(bits, signed=self.weight_scheme == "symmetric" or self.scheme == "symmetric")


def _text(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


_CHOICES = {
    "scheme": SCHEMES,
    "weight_scheme": SCHEMES,
    "calibrate": tuple(CALIBRATIONS),
    "format": FORMATS,
}
