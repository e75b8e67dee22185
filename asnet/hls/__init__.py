"""Stage 3: LLVM IR → kernels → schedule → binding → Verilog; co-simulation; estimates of area and clock."""

from asnet.hls.chip import DEVICES
from asnet.hls.cosim import CosimReport, Mismatch, cosimulate
from asnet.hls.design import RtlDesign
from asnet.hls.estimate import Estimate, estimate
from asnet.hls.handover import Samples, hand_over
from asnet.hls.options import Control, HlsOptions, Style, Weights
from asnet.hls.output import check_folder
from asnet.hls.reporting import DesignReport, Figures
from asnet.hls.simulate import lint
from asnet.hls.storage import BUS_WIDTHS
from asnet.hls.synthesis import synthesise
from asnet.hls.unit_options import SPECIALISED

__all__ = [
    "BUS_WIDTHS",
    "DEVICES",
    "SPECIALISED",
    "Control",
    "CosimReport",
    "DesignReport",
    "Estimate",
    "Figures",
    "HlsOptions",
    "Mismatch",
    "RtlDesign",
    "Samples",
    "Style",
    "Weights",
    "check_folder",
    "cosimulate",
    "estimate",
    "hand_over",
    "lint",
    "synthesise",
]
