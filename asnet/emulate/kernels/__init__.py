"""What kernels of all forms are written with: levels of instructions, loops, vectors, the parts of a panel."""

from asnet.emulate.kernels.code import KernelCode, KernelText
from asnet.emulate.kernels.target import LEVELS, Target, host_target, host_targets
from asnet.emulate.kernels.written import sources, written

__all__ = ["LEVELS", "KernelCode", "KernelText", "Target", "host_target", "host_targets", "sources", "written"]
