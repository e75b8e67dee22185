"""What units for constants cost: yosys' LUT4s of the softmax of digits_dense, with its units, and its cycles."""

from __future__ import annotations

import argparse
from pathlib import Path

import asnet
from asnet import hls
from asnet.lower import lower
from asnet.passes import approximate
from benchmarks.hls.area import synthesised

NETWORK = Path(__file__).resolve().parents[2] / "examples" / "networks" / "digits_dense.onnx"
LAYER = "softmax"
CHOICES = ((), ("fcmp",), ("fmul",), ("fadd",), ("fcmp", "fmul", "fadd"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-dsp", action="store_true", help="products of LUTs")
    dsps = not parser.parse_args().no_dsp
    module = approximate(lower(asnet.load(NETWORK)))
    print(f"{'--specialise':18}{'units':>6}{'LUT4':>8}{'FF':>8}{'DSP':>5}{'cycles':>8}")
    for ops in CHOICES:
        design = hls.synthesise(module, options=hls.HlsOptions(dsps=dsps, specialise=ops))
        report = next(layer for layer in design.report.layers if layer.layer == LAYER)
        area = synthesised(design, f"layer_{LAYER}", dsps=dsps)
        units = sum(report.units.values())
        print(
            f"{' '.join(ops) or 'none':18}{units:6}{area.luts:8.0f}{area.ffs:8.0f}{area.dsps:5.0f}{report.cycles:8}",
            flush=True,
        )


if __name__ == "__main__":
    main()
