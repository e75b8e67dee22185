"""Units: descriptions, instances, rendering, the Verilator function library and error metrics.

Area and delay: :mod:`asnet.units.characterise`, also a command.
"""

from asnet.units.description import Parameter, StageParameter
from asnet.units.elaborate import Interface, Port, interface
from asnet.units.family import family_members
from asnet.units.instance import UnitInstance
from asnet.units.library import FunctionLibrary, function_name
from asnet.units.metrics import ErrorMetrics, error_metrics
from asnet.units.rendered import instance_name, parse_instance_name
from asnet.units.rendering import VerilogFile
from asnet.units.unit import ApproximateUnit, exact_unit, shipped_units

__all__ = [
    "ApproximateUnit",
    "ErrorMetrics",
    "FunctionLibrary",
    "Interface",
    "Parameter",
    "Port",
    "StageParameter",
    "UnitInstance",
    "VerilogFile",
    "error_metrics",
    "exact_unit",
    "family_members",
    "function_name",
    "instance_name",
    "interface",
    "parse_instance_name",
    "shipped_units",
]
