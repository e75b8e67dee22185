"""Stage 2b: test sets, and what a configuration does on one."""

from asnet.testbed.dataset import Dataset
from asnet.testbed.deciding import Deciding
from asnet.testbed.evaluation import Evaluation, Evaluator
from asnet.testbed.prepare import Source, prepare, slots_of
from asnet.testbed.sequential import SequentialTest
from asnet.testbed.testbed import BACKENDS, TestBed

__all__ = [
    "BACKENDS",
    "Dataset",
    "Deciding",
    "Evaluation",
    "Evaluator",
    "SequentialTest",
    "Source",
    "TestBed",
    "prepare",
    "slots_of",
]
