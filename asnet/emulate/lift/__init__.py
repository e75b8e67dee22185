"""Word-level lift: a unit's Verilog as LLVM's integer arithmetic, in lanes."""

from asnet.emulate.lift.form import Lifted
from asnet.emulate.lift.lifting import check_words
from asnet.emulate.lift.words import Cell, WordDesign, read_words, unit_words, word_design

__all__ = ["Cell", "Lifted", "WordDesign", "check_words", "read_words", "unit_words", "word_design"]
