"""Word-level lift: a unit's Verilog as LLVM's integer arithmetic, in lanes."""

from asnet.emulate.lift.form import Lifted
from asnet.emulate.lift.kernel import LiftedUnit
from asnet.emulate.lift.lifting import computable
from asnet.emulate.lift.single import LiftedCall, WordCalls
from asnet.emulate.lift.words import Cell, WordDesign, read_words, unit_words

__all__ = [
    "Cell",
    "Lifted",
    "LiftedCall",
    "LiftedUnit",
    "WordCalls",
    "WordDesign",
    "computable",
    "read_words",
    "unit_words",
]
