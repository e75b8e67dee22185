"""``asnet quantize``: a float network and calibration images in, an integer network out."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from asnet.cli.options import add_loading, at_least, load_options
from asnet.cli.talk import Talk, print_json, print_table
from asnet.errors import UsageError
from asnet.network import LoadOptions
from asnet.quantizing import CALIBRATIONS, FORMATS, SCHEMES, Quantization, QuantizedLayer, QuantizedNetwork, quantize
from asnet.resources import constraints_dir

__all__ = ["configure", "run"]

_DEFAULTS = Quantization()


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``asnet quantize``."""
    parser.add_argument("network", type=Path, help="ONNX network in float32")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="calibration images (.npz with x, as the network takes them)",
    )
    add_loading(parser)
    parser.add_argument("--images", type=at_least(1), default=256, metavar="N", help="how many of them (default: 256)")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="where to write (default: NETWORK_w8a8.onnx)")
    for name, what in (("weights", "weights"), ("activations", "what they are multiplied by")):
        parser.add_argument(
            f"--{name}", type=at_least(2), default=8, metavar="BITS", help=f"bits of {what} (default: 8)"
        )
    parser.add_argument("--bits", action="append", default=[], metavar="GLOB=W,A", help="other bits for these layers")
    parser.add_argument(
        "--scheme", choices=SCHEMES, default=_DEFAULTS.scheme, help="of activations (default: %(default)s)"
    )
    parser.add_argument(
        "--weight-scheme", choices=SCHEMES, default=_DEFAULTS.weight_scheme, help="of weights (default: %(default)s)"
    )
    parser.add_argument(
        "--per-tensor", action="store_true", help="one scale for all weights of a layer, not per channel"
    )
    parser.add_argument(
        "--calibrate",
        choices=tuple(CALIBRATIONS),
        default=_DEFAULTS.calibrate,
        help="choice of ranges (default: %(default)s)",
    )
    parser.add_argument("--percentile", type=float, metavar="P", help="of --calibrate percentile (default: 99.9)")
    parser.add_argument("--equalize", action="store_true", help="even out the ranges of channels between layers first")
    parser.add_argument("--bias-correction", action="store_true", help="take the mean error out of the biases")
    parser.add_argument("--layers", action="append", default=[], metavar="GLOB", help="only these layers")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="not these layers")
    parser.add_argument(
        "--format", choices=FORMATS, default=_DEFAULTS.format, help="form of the result (default: %(default)s)"
    )


def _options(args: argparse.Namespace) -> Quantization:
    if args.percentile is not None and args.calibrate != "percentile":
        raise UsageError(f"--percentile has no meaning with --calibrate {args.calibrate}; remove one of them")
    return Quantization(
        weights=args.weights,
        activations=args.activations,
        scheme=args.scheme,
        weight_scheme=args.weight_scheme,
        per_channel=not args.per_tensor,
        calibrate=args.calibrate,
        percentile=_DEFAULTS.percentile if args.percentile is None else args.percentile,
        equalize=args.equalize,
        bias_correction=args.bias_correction,
        include=tuple(args.layers) or ("*",),
        exclude=tuple(args.exclude),
        bits=dict(_pair(text) for text in args.bits),
        format=args.format,
    )


def _pair(text: str) -> tuple[str, tuple[int, int]]:
    glob, _, numbers = text.rpartition("=")
    try:
        weights, activations = (int(number) for number in numbers.split(","))
    except ValueError:
        weights = activations = 0
    if not glob or not weights:
        raise UsageError(f"--bits {text!r} is not written like conv*=4,8: a glob, the bits of weights, of activations")
    return glob, (weights, activations)


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Quantise and write."""
    options = _options(args)
    out = args.out or Path(f"{args.network.stem}_w{options.weights}a{options.activations}.onnx")
    if out.exists() and args.network.exists() and out.samefile(args.network):
        raise UsageError(f"{str(out)!r} is the float network itself; name another file with -o FILE")
    reading = load_options(args) or LoadOptions()
    with talk.progress("calibrating layers") as progress:
        found = quantize(
            args.network,
            args.data,
            options,
            images=args.images,
            out=out,
            progress=progress,
            shapes=reading.shapes,
            output=reading.output,
        )
    for note in found.notes:
        talk.note(f"note: {note}")
    if args.json:
        print_json(_as_json(found, out))
        return 0
    rows = [
        [
            layer.name,
            layer.op_type,
            layer.activations,
            f"{layer.activation_scale:.4g}",
            layer.weights,
            _range(layer),
            layer.result,
            "exact" if math.isinf(layer.sqnr) else f"{layer.sqnr:.1f}",
        ]
        for layer in found.layers
    ]
    header = ["layer", "operator", "input", "scale", "weights", "scale", "result", "SQNR [dB]"]
    print_table(f"{args.network.stem}: {options.calibrate}, {found.images:,} images", header, rows, left=2)
    print(f"the same greatest output as in float: {found.agreement:.2%} of the calibration images")
    print(f"wrote {out}")
    ready = _ready(found)
    if ready is not None:
        print(f"next: asnet explore {out} {ready} --data TEST.npz")
    return 0


def _range(layer: QuantizedLayer) -> str:
    low, high = float(layer.weight_scales.min()), float(layer.weight_scales.max())
    return f"{low:.4g}" if low == high else f"{low:.2g} … {high:.2g}"


def _ready(found: QuantizedNetwork) -> str | None:
    """The constraints file with the shipped units for the multiplications of this network, if there is one."""
    formats = {_unit_type(layer) for layer in found.layers}
    path = constraints_dir() / "ready" / f"mul{formats.pop()}.json"
    return os.path.relpath(path) if not formats and path.exists() else None


def _unit_type(layer: QuantizedLayer) -> str:
    """Width and signedness of the layer's multiplications, as the names of units have them: ``8s``, ``8u``."""
    operands = layer.activations, layer.weights
    return f"{max(int(kind[1:]) for kind in operands)}{'u' if all(kind[0] == 'u' for kind in operands) else 's'}"


def _as_json(found: QuantizedNetwork, out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "images": found.images,
        "agreement": found.agreement,
        "equalized": found.equalized,
        "notes": list(found.notes),
        "layers": [
            {
                "name": layer.name,
                "type": layer.op_type,
                "activations": layer.activations,
                "activation_scale": layer.activation_scale,
                "activation_zero": layer.activation_zero,
                "weights": layer.weights,
                "weight_scales": [float(scale) for scale in layer.weight_scales],
                "result": layer.result,
                "sqnr": None if math.isinf(layer.sqnr) else layer.sqnr,
            }
            for layer in found.layers
        ],
    }
