"""Sums of products of small integers near the speed of exact arithmetic: exact, transformed operands, low rank."""

from asnet.emulate.integer.forms import ExactIntegers, FactoredIntegers, plan_for
from asnet.emulate.integer.plan import Factors, exact_factors

__all__ = ["ExactIntegers", "FactoredIntegers", "Factors", "exact_factors", "plan_for"]
